"""What inventory is worth on a day, by the lots and by the books, as known now or at any moment before.

Two clocks: the day something counts (`dated`, the entry's `date`), and the moment it was written down. All of it is
sums over facts that are never changed, so the same question has the same answer for ever. Each statement reads its
tables once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final, NamedTuple

from django.db import connection

from lots.models import Account, LineItemCode

ZERO: Final = Decimal(0)

# What a lot is worth: what its cost events brought, less what usage was charged, as far as known at that moment.
_LOTS = """
SELECT event.lot_id, sum(event.value) AS value FROM lots_lotcostevent AS event
WHERE event.dated <= %(as_of)s AND (%(known_at)s::timestamptz IS NULL OR event.recorded_at <= %(known_at)s)
GROUP BY event.lot_id
"""
_CHARGED = """
SELECT allocation.lot_id, sum(allocation.amount) AS value FROM reconciliation_cogsallocation AS allocation
WHERE allocation.dated <= %(as_of)s GROUP BY allocation.lot_id
"""
# An allocation is known from the moment that its run had finished with the code, and not before its lot was: what ran
# before there were books became part of them together with its lots.
_SINCE = "(SELECT lot_id, min(recorded_at) AS known FROM lots_lotcostevent GROUP BY lot_id) AS since"
_CHARGED_KNOWN = f"""
SELECT allocation.lot_id, sum(allocation.amount) AS value FROM reconciliation_cogsallocation AS allocation
JOIN lots_inventorylot AS lot ON lot.id = allocation.lot_id JOIN {_SINCE} ON since.lot_id = lot.id
JOIN reconciliation_runpool AS work ON work.run_id = allocation.run_id AND work.pool_id = lot.pool_id
WHERE allocation.dated <= %(as_of)s AND work.finished_at <= %(known_at)s AND since.known <= %(known_at)s
GROUP BY allocation.lot_id
"""  # noqa: S608  (our own constant text)
_VALUATION = """
WITH come AS ({lots}), charged AS ({charged}),
kept AS (SELECT DISTINCT account_id AS id FROM lots_inventorylot WHERE account_id IS NOT NULL),
line AS (
    SELECT debit_account_id, credit_account_id, code_id, sum(amount) AS amount
    FROM reconciliation_journalline AS line JOIN reconciliation_journalentry AS entry ON entry.id = line.entry_id
    WHERE entry.date <= %(as_of)s AND (%(known_at)s::timestamptz IS NULL OR entry.posted_at <= %(known_at)s)
    GROUP BY debit_account_id, credit_account_id, code_id
), moved AS (
    SELECT lot.account_id, lot.code_id, coalesce(come.value, 0) - coalesce(charged.value, 0) AS lots, 0 AS books
    FROM lots_inventorylot AS lot LEFT JOIN come ON come.lot_id = lot.id LEFT JOIN charged ON charged.lot_id = lot.id
    WHERE come.lot_id IS NOT NULL OR charged.lot_id IS NOT NULL
    UNION ALL SELECT debit_account_id, code_id, 0, amount FROM line JOIN kept ON kept.id = debit_account_id
    UNION ALL SELECT credit_account_id, code_id, 0, -amount FROM line JOIN kept ON kept.id = credit_account_id
)
SELECT account_id, code_id, sum(lots), sum(books) FROM moved GROUP BY account_id, code_id
"""

_BETWEEN = f"""
SELECT source_number, kind, sum(amount) AS amount, max(recorded) AS recorded FROM (
    SELECT event.source_number, event.kind, event.value AS amount, event.recorded_at AS recorded
    FROM lots_lotcostevent AS event
    WHERE event.dated <= %(as_of)s AND event.recorded_at > %(before)s AND event.recorded_at <= %(after)s
    UNION ALL
    SELECT usage.source_number, CASE allocation.kind WHEN 'TRUE_UP' THEN 'TRUE_UP' ELSE 'COGS' END,
        -allocation.amount, greatest(work.finished_at, since.known)
    FROM reconciliation_runpool AS work
    JOIN reconciliation_cogsallocation AS allocation ON allocation.run_id = work.run_id
    JOIN lots_inventorylot AS lot ON lot.id = allocation.lot_id AND lot.pool_id = work.pool_id
    JOIN {_SINCE} ON since.lot_id = lot.id
    JOIN usage_inventoryusage AS usage ON usage.id = allocation.usage_id
    WHERE greatest(work.finished_at, since.known) > %(before)s AND greatest(work.finished_at, since.known) <= %(after)s
        AND allocation.dated <= %(as_of)s
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
    charged = _CHARGED if known_at is None else _CHARGED_KNOWN
    found = _rows(_VALUATION.format(lots=_LOTS, charged=charged), {"as_of": as_of, "known_at": known_at})
    accounts = Account.objects.in_bulk({row[0] for row in found if row[0] is not None})
    codes = LineItemCode.objects.in_bulk({row[1] for row in found})
    rows = [ValuationRow(accounts.get(account), codes[code], lots, books) for account, code, lots, books in found]
    rows.sort(key=lambda row: (row.account.number if row.account else "", row.code.code))
    return Valuation(as_of, known_at, rows)


def explain_difference(*, as_of: date, known_at_before: datetime, known_at_after: datetime) -> list[Explained]:
    """The documents that came in between and count on that day or before: what they add up to is the difference."""
    parameters = {"as_of": as_of, "before": known_at_before, "after": known_at_after}
    return [Explained(*row) for row in _rows(_BETWEEN, parameters)]


def first_parting(account: Account, code: LineItemCode) -> Parting | None:
    """The first document, by day, that the lots and the books of this account and code disagree about; None: none."""
    rows = _rows(_FIRST_PARTING, {"account": account.pk, "code": code.pk})
    return Parting(*rows[0]) if rows else None


def _rows(statement: str, parameters: dict[str, Any]) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return list(cursor.fetchall())
