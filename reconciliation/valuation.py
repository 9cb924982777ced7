"""What inventory is worth on a day, by the lots and by the books, as known now or at any moment before.

Two clocks: the day something counts (`dated`, the entry's `date`), and the moment it was written down. All of it is
sums over facts that are never changed, so the same question has the same answer for ever. What is known now is read
from sums where there are some: what usage was charged stands on the lots, so only what counts later is looked up; and
the books are the months of the journal, so only a month that the day cuts in two is read line by line. What was known
at a moment before is that, less what was written down since.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final, NamedTuple

from django.db import connection
from django.db.models import Min

from lots.models import Account, LineItemCode
from lots.periods import next_period, period_start
from reconciliation.models import JournalEntry, RunPool
from reconciliation.moments import one_moment

ZERO: Final = Decimal(0)
CODES_PICKED: Final = 500

# What lots are worth: what their cost events brought, less what usage was charged, except what counts later.
_LOTS = """
SELECT lot.account_id, lot.code_id, sum(event.value) AS lots, 0 AS books,
    bool_or(%(known_at)s::timestamptz IS NULL OR event.recorded_at <= %(known_at)s) AS is_known
FROM lots_lotcostevent AS event JOIN lot ON lot.id = event.lot_id
WHERE event.dated <= %(as_of)s GROUP BY lot.account_id, lot.code_id
UNION ALL
SELECT account_id, code_id, -sum(value_used), 0, false FROM lot GROUP BY account_id, code_id
UNION ALL
SELECT lot.account_id, lot.code_id, allocation.amount, 0, false
FROM (SELECT lot_id, sum(amount) AS amount FROM reconciliation_cogsallocation WHERE dated > %(as_of)s GROUP BY lot_id)
    AS allocation JOIN lots_inventorylot AS lot ON lot.id = allocation.lot_id
"""
# An allocation is known from the moment that its run had finished with the code, and not before its lot was: what ran
# before there were books became part of them together with its lots.
# Runs have numbers in their order, so that the first one that ended later bounds what has to be read.
_SINCE = "(SELECT lot_id, min(recorded_at) AS known FROM lots_lotcostevent GROUP BY lot_id) AS since"
_WORKED_SINCE = """reconciliation_cogsallocation AS allocation
    JOIN lots_inventorylot AS lot ON lot.id = allocation.lot_id
    JOIN reconciliation_runpool AS work ON work.run_id = allocation.run_id AND work.pool_id = lot.pool_id"""
# Look at the allocations of each such lot: there are few, and as a rule none has any.
_BROUGHT_SINCE = """(SELECT lot_id, min(recorded_at) AS known FROM lots_lotcostevent GROUP BY lot_id
    HAVING min(recorded_at) > %(known_at)s) AS since
    JOIN lots_inventorylot AS lot ON lot.id = since.lot_id
    CROSS JOIN LATERAL (
        SELECT run_id, usage_id, kind, amount, dated FROM reconciliation_cogsallocation
        WHERE lot_id = since.lot_id OFFSET 0
    ) AS allocation
    JOIN reconciliation_runpool AS work ON work.run_id = allocation.run_id AND work.pool_id = lot.pool_id"""
_KNOWN_SINCE = f"""
UNION ALL
SELECT lot.account_id, lot.code_id, -event.value, 0, false
FROM lots_lotcostevent AS event JOIN lots_inventorylot AS lot ON lot.id = event.lot_id
WHERE event.dated <= %(as_of)s AND event.recorded_at > %(known_at)s
UNION ALL
SELECT lot.account_id, lot.code_id, allocation.amount, 0, false FROM {_WORKED_SINCE}
WHERE allocation.run_id >= %(first_run)s AND work.finished_at > %(known_at)s AND allocation.dated <= %(as_of)s
UNION ALL
SELECT lot.account_id, lot.code_id, allocation.amount, 0, false FROM {_BROUGHT_SINCE}
WHERE work.finished_at <= %(known_at)s AND allocation.dated <= %(as_of)s
"""  # noqa: S608  (our own constant text)
_BOOKS = """
SELECT debit_account_id, credit_account_id, code_id, sum(amount) AS amount FROM reconciliation_journalmonth
WHERE period < %(whole_until)s GROUP BY 1, 2, 3
UNION ALL
SELECT debit_account_id, credit_account_id, code_id, amount FROM (
    SELECT id FROM reconciliation_journalentry WHERE date >= %(whole_until)s AND date <= %(as_of)s OFFSET 0
) AS entry JOIN reconciliation_journalline AS line ON line.entry_id = entry.id
"""
_POSTED_SINCE = """
UNION ALL
SELECT debit_account_id, credit_account_id, code_id, -amount FROM (
    SELECT id FROM reconciliation_journalentry WHERE posted_at > %(known_at)s AND date <= %(as_of)s OFFSET 0
) AS entry JOIN reconciliation_journalline AS line ON line.entry_id = entry.id
"""
_VALUATION = """
WITH lot AS MATERIALIZED (SELECT id, account_id, code_id, value_used FROM lots_inventorylot),
kept AS (SELECT DISTINCT account_id AS id FROM lot WHERE account_id IS NOT NULL),
line AS ({books}), moved AS (
    {lots}
    UNION ALL SELECT debit_account_id, code_id, 0, amount, false FROM line JOIN kept ON kept.id = debit_account_id
    UNION ALL SELECT credit_account_id, code_id, 0, -amount, false FROM line JOIN kept ON kept.id = credit_account_id
)
SELECT account_id, code_id, sum(lots), sum(books) FROM moved GROUP BY account_id, code_id
HAVING bool_or(is_known) OR sum(lots) <> 0 OR sum(books) <> 0
"""

_BETWEEN = f"""
SELECT source_number, kind, sum(amount) AS amount, max(recorded) AS recorded FROM (
    SELECT event.source_number, event.kind, event.value AS amount, event.recorded_at AS recorded
    FROM lots_lotcostevent AS event
    WHERE event.dated <= %(as_of)s AND event.recorded_at > %(known_at)s AND event.recorded_at <= %(after)s
    UNION ALL
    SELECT usage.source_number, CASE allocation.kind WHEN 'TRUE_UP' THEN 'TRUE_UP' ELSE 'COGS' END,
        -allocation.amount, allocation.known
    FROM (
        SELECT allocation.usage_id, allocation.kind, allocation.amount, greatest(work.finished_at, since.known) AS known
        FROM {_WORKED_SINCE} JOIN {_SINCE} ON since.lot_id = lot.id
        WHERE allocation.run_id >= %(first_run)s AND work.finished_at > %(known_at)s AND allocation.dated <= %(as_of)s
        UNION ALL
        SELECT allocation.usage_id, allocation.kind, allocation.amount, since.known FROM {_BROUGHT_SINCE}
        WHERE work.finished_at <= %(known_at)s AND allocation.dated <= %(as_of)s
    ) AS allocation JOIN usage_inventoryusage AS usage ON usage.id = allocation.usage_id
    WHERE allocation.known <= %(after)s
) AS come GROUP BY source_number, kind HAVING sum(amount) <> 0 ORDER BY max(recorded), source_number, kind
"""  # noqa: S608  (our own constant text)

# What each document did to the lots and to the books of one account and code, day by day.
_FIRST_PARTING = """
SELECT day, source_number, sum(lots), sum(books) FROM (
    SELECT event.dated AS day, event.source_number, event.value AS lots, 0 AS books, event.recorded_at AS moment
    FROM lots_lotcostevent AS event JOIN lots_inventorylot AS lot ON lot.id = event.lot_id
    WHERE lot.code_id = %(code)s AND lot.account_id = %(account)s
    UNION ALL
    SELECT allocation.dated, usage.source_number, -allocation.amount, 0, usage.used_at
    FROM reconciliation_cogsallocation AS allocation
    JOIN lots_inventorylot AS lot ON lot.id = allocation.lot_id
    JOIN usage_inventoryusage AS usage ON usage.id = allocation.usage_id
    WHERE lot.code_id = %(code)s AND lot.account_id = %(account)s
    UNION ALL
    SELECT entry.date, line.source_number, 0,
        CASE WHEN line.debit_account_id = %(account)s THEN line.amount ELSE -line.amount END, entry.posted_at
    FROM reconciliation_journalline AS line JOIN reconciliation_journalentry AS entry ON entry.id = line.entry_id
    WHERE line.code_id = %(code)s AND %(account)s IN (line.debit_account_id, line.credit_account_id)
) AS moved GROUP BY day, source_number HAVING sum(lots) <> sum(books) ORDER BY day, min(moment), source_number LIMIT 1
"""


class ValuationRow(NamedTuple):
    """One inventory account and code: what its lots are worth, and what the ledger says."""

    account: Account | None
    code: LineItemCode
    value: Decimal
    balance: Decimal

    @property
    def difference(self) -> Decimal:
        return self.value - self.balance


class Worth(NamedTuple):
    """Sums over several rows."""

    value: Decimal
    balance: Decimal

    @property
    def difference(self) -> Decimal:
        return self.value - self.balance


@dataclass(frozen=True)
class Valuation:
    """All that was in stock on a day, by account number and code."""

    as_of: date
    known_at: datetime | None
    rows: Sequence[ValuationRow]

    @property
    def total(self) -> Worth:
        return _worth(self.rows)

    @property
    def accounts(self) -> list[tuple[Account | None, Worth]]:
        """Per account, in the order of their numbers."""
        by_account: dict[int | None, list[ValuationRow]] = {}
        for row in self.rows:
            by_account.setdefault(row.account.pk if row.account else None, []).append(row)
        return [(rows[0].account, _worth(rows)) for rows in by_account.values()]

    @property
    def differing(self) -> int:
        """How many rows have lots and books that are not the same."""
        return sum(1 for row in self.rows if row.difference)


class Explained(NamedTuple):
    """What a document changed of a value that was already asked for."""

    source_number: str
    kind: str
    amount: Decimal
    recorded: datetime


class Parting(NamedTuple):
    """The first document after which the lots and the books are not the same, and what it did to each."""

    day: date
    source_number: str
    lots: Decimal
    books: Decimal


def _worth(rows: Sequence[ValuationRow]) -> Worth:
    return Worth(sum((row.value for row in rows), ZERO), sum((row.balance for row in rows), ZERO))


def valuation(*, as_of: date, known_at: datetime | None = None) -> Valuation:
    """Lots and books of every inventory account and code at the end of a day, as known at a moment (None: now)."""
    # Or an entry of a later day of the month that is posted in between would be counted with the whole month.
    with one_moment():
        return _valuation(as_of, known_at)


def _valuation(as_of: date, known_at: datetime | None) -> Valuation:
    lots, books = (_LOTS, _BOOKS) if known_at is None else (_LOTS + _KNOWN_SINCE, _BOOKS + _POSTED_SINCE)
    # Nothing later in its month: then the whole month is the same, and need not be read line by line.
    until = next_period(as_of)
    is_cut = JournalEntry.objects.filter(date__gt=as_of, date__lt=until).exists()
    parameters = {
        "as_of": as_of,
        "known_at": known_at,
        "whole_until": period_start(as_of) if is_cut else until,
        "first_run": _first_run_after(known_at),
    }
    found = _rows(_VALUATION.format(lots=lots, books=books), parameters)
    accounts = Account.objects.in_bulk({row[0] for row in found if row[0] is not None})
    shown = LineItemCode.objects.only("code", "description")
    # Most of them at once are read sooner than picked.
    codes = shown.in_bulk({row[1] for row in found} if len(found) < CODES_PICKED else None)
    rows = [ValuationRow(accounts.get(account), codes[code], lots, books) for account, code, lots, books in found]
    rows.sort(key=lambda row: (row.account.number if row.account else "", row.code.code))
    return Valuation(as_of, known_at, rows)


def explain_difference(*, as_of: date, known_at_before: datetime, known_at_after: datetime) -> list[Explained]:
    """The documents that came in between and count on that day or before: what they add up to is the difference."""
    with one_moment():
        parameters = {
            "as_of": as_of,
            "known_at": known_at_before,
            "after": known_at_after,
            "first_run": _first_run_after(known_at_before),
        }
        return [Explained(*row) for row in _rows(_BETWEEN, parameters)]


def _first_run_after(moment: datetime | None) -> int | None:
    """The first run that finished with a code after this moment: what was allocated since is of it or of later ones."""
    if moment is None:
        return None
    found: int | None = RunPool.objects.filter(finished_at__gt=moment).aggregate(run=Min("run"))["run"]
    return found


def first_parting(account: Account, code: LineItemCode) -> Parting | None:
    """The first document, by day, that the lots and the books of this account and code disagree about; None: none."""
    rows = _rows(_FIRST_PARTING, {"account": account.pk, "code": code.pk})
    return Parting(*rows[0]) if rows else None


def _rows(statement: str, parameters: dict[str, Any]) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return list(cursor.fetchall())
