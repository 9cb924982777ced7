"""Facts to journal lines, set-wise, in the transaction that reconciles: the books always follow the lots.

Three sources, each posted exactly once: cost events of lots (a note waits for each, and goes when it is posted), the
allocations that a batch has just written, and accrued COGS that is taken back because the true cost was found. Lines go
into entries of one day and kind; a line names its usage, lot and document, so that it can be followed both ways.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from itertools import accumulate, groupby, islice
from typing import Any, Final, NamedTuple

from django.db.backends.utils import CursorWrapper

from inventory_site.arrays import int_array
from inventory_site.fields import MONEY_STEP
from reconciliation.dating import BookDays
from reconciliation.models import JournalEntry
from reconciliation.snapshot import binary_cursor

Kind = JournalEntry.Kind

# Of CogsAllocation: usage, lot, kind, quantity, amount, day in the books; whole numbers as in a plan.
AllocationRow = tuple[int, int, str, int, int, str]
# Day in the books, account debited, account credited, amount in cents, kind, usage, lot.
CostLine = tuple[str, int, int, int, str, int, int]

# With a note for the sums of the journal, which are made later.
_ENTRIES = """
WITH entry AS (
    INSERT INTO reconciliation_journalentry (kind, run_id, date, text)
    SELECT %(kind)s, %(run)s, day, %(text)s FROM unnest(%(days)s::date[]) AS day ORDER BY day RETURNING id, date
), note AS (INSERT INTO reconciliation_journalentrytosum (entry_id) SELECT id FROM entry)
SELECT id, date FROM entry ORDER BY id
"""

# Asked once a day that events bear, not once an event. Some bring goods of which the cost is not known yet: where all
# of a day do, there is nothing to enter.
_WAITING = """
SELECT dated, open_day(dated), is_worth FROM (
    SELECT event.dated, bool_or(event.value <> 0 OR event.value_payable <> 0 OR event.value_other <> 0) AS is_worth
    FROM lots_lotcosttopost AS waiting
    JOIN lots_lotcostevent AS event ON event.id = waiting.event_id WHERE waiting.pool_id = ANY(%(pools)s::bigint[])
    GROUP BY event.dated
) AS event
"""
# What a lot is worth comes from one place where it can be said so: straight from payables or from the named account.
# Otherwise everything passes through the clearing account: accrued inventory, or of fed lots inventory in process.
# To follow rows `event` and `lot`.
PARTS_OF_EVENTS: Final = """
CROSS JOIN lots_preference AS preference
CROSS JOIN LATERAL (
    SELECT CASE WHEN lot.is_fed THEN preference.account_in_process_id ELSE preference.account_accrued_inventory_id END
        AS clearing,
        event.value_payable = 0 AND event.value_other = event.value AS is_from_account,
        event.value_other = 0 AND event.value_payable = event.value AS is_from_payable
) AS way
CROSS JOIN LATERAL (VALUES
    (1, lot.account_id, CASE WHEN way.is_from_account THEN event.account_id
        WHEN way.is_from_payable THEN preference.account_payable_id ELSE way.clearing END, event.value, 'RECEIPT'),
    (2, way.clearing, preference.account_payable_id,
        CASE WHEN way.is_from_payable THEN 0 ELSE event.value_payable END, 'PURCHASE'),
    (3, way.clearing, event.account_id,
        CASE WHEN way.is_from_account THEN 0 ELSE event.value_other END, 'RECEIPT')
) AS given(place, debit, credit, amount, kind)
CROSS JOIN LATERAL (
    SELECT CASE WHEN given.amount > 0 THEN given.debit ELSE given.credit END AS debit,
        CASE WHEN given.amount > 0 THEN given.credit ELSE given.debit END AS credit, abs(given.amount) AS amount
) AS part
WHERE given.amount <> 0 AND given.debit <> given.credit
"""
_POST_EVENTS = f"""
WITH posted AS (DELETE FROM lots_lotcosttopost WHERE pool_id = ANY(%(pools)s::bigint[]) RETURNING event_id)
INSERT INTO reconciliation_journalline (entry_id, debit_account_id, credit_account_id, amount, kind, code_id, office_id,
    "order", source_kind, source_number, lot_id, usage_id)
SELECT entry.id, part.debit, part.credit, part.amount, given.kind, lot.code_id, lot.office_id, lot.parent_order,
    event.source_kind, event.source_number, lot.id, NULL
FROM posted JOIN lots_lotcostevent AS event ON event.id = posted.event_id
JOIN lots_inventorylot AS lot ON lot.id = event.lot_id
JOIN unnest(%(days)s::date[], %(entries)s::bigint[]) AS entry(day, id) ON entry.day = event.dated
{PARTS_OF_EVENTS}
ORDER BY event.id, given.place
"""  # noqa: S608  (our own constant text)

# As CSV, because there a quotation mark is the only thing in a text that has to be said differently.
_USAGES = """
SELECT id, account_id, concat(code_id, ',', office_id, ',"', replace("order", '"', '""'), '","',
    replace(source_kind, '"', '""'), '","', replace(source_number, '"', '""'), '"')
FROM usage_inventoryusage WHERE id = ANY(%(usages)s::bigint[])
"""
_COPY_LINES = """
COPY reconciliation_journalline (entry_id, debit_account_id, credit_account_id, amount, kind, code_id, office_id,
    "order", source_kind, source_number, lot_id, usage_id) FROM STDIN (FORMAT csv)
"""
# Rows turned into text at a time; bounds the memory of a large batch.
COPY_CHUNK = 10_000

# An accrual stands for what is unallocated; of what this batch allocated it is taken back beside the true cost, so that
# the month in which that counts bears only the difference. What was booked later, such as for a higher estimate, is
# taken back where it was booked: no month gives back what it never bore, nor twice what it bore once.
_CHANGED_ACCRUALS = """
SELECT open.usage_id, open.accrued_booked AS booked, rest.found, open.accrued_booked - CASE
    WHEN preference.accrue_cogs THEN round(rest.quantity * 0.0001 * code.est_unit_cost, 2) ELSE 0 END AS back
FROM unnest(%(usages)s::bigint[], %(rests)s::bigint[], %(found)s::date[]) AS rest(usage, quantity, found)
JOIN usage_openusage AS open ON open.usage_id = rest.usage
JOIN lots_costpool AS pool ON pool.id = open.pool_id JOIN lots_lineitemcode AS code ON code.id = pool.code_id
CROSS JOIN lots_preference AS preference
WHERE open.accrued_booked <> 0
"""
_ACCRUALS_BACK = f"""
WITH change AS ({_CHANGED_ACCRUALS})
SELECT change.usage_id, change.booked, change.back, change.found, given.accrued, given.charged
FROM change JOIN usage_inventoryusage AS usage ON usage.id = change.usage_id
CROSS JOIN lots_preference AS preference
CROSS JOIN LATERAL (
    SELECT preference.account_accrued_cogs_id AS accrued,
        coalesce(usage.account_id, preference.account_cost_id) AS charged
) AS given
WHERE change.back <> 0 AND given.accrued <> given.charged ORDER BY 1
"""  # noqa: S608  (our own constant text)
# In the order in which it happened; what belongs to a run was taken back, the rest was booked.
_ACCRUALS_MOVED = """
SELECT line.usage_id, entry.date, entry.run_id, sum(CASE
    WHEN line.credit_account_id = preference.account_accrued_cogs_id THEN line.amount ELSE -line.amount END)
FROM reconciliation_journalline AS line JOIN reconciliation_journalentry AS entry ON entry.id = line.entry_id
CROSS JOIN lots_preference AS preference
WHERE line.usage_id = ANY(%(usages)s::bigint[]) AND line.kind = 'ACCRUED_COGS'
GROUP BY line.usage_id, entry.id ORDER BY line.usage_id, entry.id
"""
_KEEP_BOOKED = f"""
WITH change AS ({_CHANGED_ACCRUALS})
UPDATE usage_openusage AS open SET accrued_booked = change.booked - change.back
FROM change WHERE open.usage_id = change.usage_id
"""  # noqa: S608  (our own constant text)
_TAKE_BACK = """
INSERT INTO reconciliation_journalline (entry_id, debit_account_id, credit_account_id, amount, kind, code_id, office_id,
    "order", source_kind, source_number, lot_id, usage_id)
SELECT part.entry, part.debit, part.credit, part.amount, 'ACCRUED_COGS', usage.code_id, usage.office_id,
    usage."order", usage.source_kind, usage.source_number, NULL, usage.id
FROM unnest(%(usages)s::bigint[], %(entries)s::bigint[], %(debits)s::bigint[], %(credits)s::bigint[],
    %(amounts)s::numeric[]) AS part(usage, entry, debit, credit, amount)
JOIN usage_inventoryusage AS usage ON usage.id = part.usage
ORDER BY part.entry, usage.id
"""


def post_allocations(
    cursor: CursorWrapper,
    *,
    run_id: int,
    rows: Sequence[AllocationRow],
    lot_accounts: Mapping[int, int | None],
    account_cost: int | None,
) -> None:
    """Post these allocations: cost of usage against the accounts of its lots.

    The caller holds the preferences (whose cost account is given) and the locks of the pools.
    """
    days = sorted({row[5] for row in rows if row[4]})
    entries = _entries(cursor, Kind.COGS, run_id, days, "COGS reconciliation")
    if not entries:
        return
    said = accounts_and_texts({row[0] for row in rows}, account_cost=account_cost)
    lines = _text_of(cost_lines(rows, said, lot_accounts), entries, said)
    with cursor.copy(_COPY_LINES) as copy:
        while chunk := "".join(islice(lines, COPY_CHUNK)):
            copy.write(chunk)


def accounts_and_texts(usages: Collection[int], *, account_cost: int | None) -> dict[int, tuple[int | None, str]]:
    """Map usages to the account that they are charged to, and to what their journal lines say of them."""
    with binary_cursor() as reading:
        found = reading.execute(_USAGES, {"usages": int_array(sorted(usages))}).fetchall()
    return {usage: (account or account_cost, text) for usage, account, text in found}


def cost_lines(
    rows: Iterable[AllocationRow],
    charged: Mapping[int, tuple[int | None, str]],
    lot_accounts: Mapping[int, int | None],
) -> Iterator[CostLine]:
    """What allocations move in the books, from the account of the lot to that of the usage or back."""
    for usage, lot, kind, _, amount, day in rows:
        charged_to, kept_on = charged[usage][0], lot_accounts[lot]
        if not amount or charged_to is None or kept_on is None or charged_to == kept_on:
            continue
        line_kind = "TRUE_UP" if kind == "TRUE_UP" else "COGS"
        if amount > 0:
            yield day, charged_to, kept_on, amount, line_kind, usage, lot
        else:
            yield day, kept_on, charged_to, -amount, line_kind, usage, lot


def _text_of(
    lines: Iterable[CostLine], entries: Mapping[str, int], said: Mapping[int, tuple[int | None, str]]
) -> Iterator[str]:
    for day, debit, credit, amount, kind, usage, lot in lines:
        yield f"{entries[day]},{debit},{credit},{amount}e-2,{kind},{said[usage][1]},{lot},{usage}\n"


def post_cost_events(cursor: CursorWrapper, *, pools: Sequence[int], run_id: int | None) -> None:
    """Post what waits of these pools' lots: what came in, what it cost, who is owed it."""
    cursor.execute(_WAITING, {"pools": int_array(pools)})
    waiting = cursor.fetchall()
    day_of = {dated: day.isoformat() for dated, day, is_worth in waiting if is_worth}
    entries = _entries(cursor, Kind.INVENTORY, run_id, sorted(set(day_of.values())), "Inventory cost")
    if waiting:
        parameters: dict[str, Any] = {
            "pools": int_array(pools),
            "days": list(day_of),
            "entries": [entries[day] for day in day_of.values()],
        }
        cursor.execute(_POST_EVENTS, parameters)


class AccrualBack(NamedTuple):
    """Accrued COGS of one usage that is taken back on one day in the books."""

    usage: int
    day: str
    debit: int
    credit: int
    amount: Decimal


class AccrualMove(NamedTuple):
    """What one journal entry moved of a usage's accrued COGS: above zero where it was accrued. Of a run: taken back."""

    day: date
    run: int | None
    amount: Decimal


def standing_accruals(moves: Iterable[AccrualMove]) -> dict[date, Decimal]:
    """What still stands of the accrued COGS of a usage, by the day on which it was booked; moves as they happened.

    What a run took back counts on the day of the true cost, but it was a part of what stood then: it is set off there,
    as it was taken, so that none of it is taken back from its month again.
    """
    standing: defaultdict[date, Decimal] = defaultdict(Decimal)
    for run, made in groupby(moves, key=lambda move: move.run):
        if run is None or not sum(standing.values()):
            for move in made:
                standing[move.day] += move.amount
        else:
            for day, share in _shares(-sum((move.amount for move in made), Decimal(0)), standing):
                standing[day] -= share
    return dict(standing)


def _shares(amount: Decimal, standing: Mapping[date, Decimal]) -> list[tuple[date, Decimal]]:
    """Share an amount out over the days, as much of each as stands there: to the cent, and in all the amount."""
    in_all, days = sum(standing.values()), sorted(standing)
    upto = accumulate(standing[day] for day in days)
    shared = [(amount * part / in_all).quantize(MONEY_STEP, ROUND_HALF_UP) for part in upto]
    return [(day, after - before) for day, before, after in zip(days, [Decimal(0), *shared], shared, strict=False)]


def accruals_back(
    cursor: CursorWrapper, *, rests: Mapping[int, int], found_on: Mapping[int, int], days: BookDays
) -> list[AccrualBack]:
    """What of the accrued COGS of usages is to be taken back, where less of them is unallocated: `rests` in steps.

    `found_on` is the day (an ordinal) of each usage's true cost. What is taken back counts then, or where it was booked
    if that is later. Reads only.
    """
    if not rests:
        return []
    cursor.execute(_ACCRUALS_BACK, _of_rests(rests, found_on))
    changes = cursor.fetchall()
    cursor.execute(_ACCRUALS_MOVED, {"usages": int_array(change[0] for change in changes)})
    moved: defaultdict[int, list[AccrualMove]] = defaultdict(list)
    for usage, *move in cursor.fetchall():
        moved[usage].append(AccrualMove(*move))
    parts: defaultdict[tuple[int, str, int, int], Decimal] = defaultdict(Decimal)
    for usage, booked, back, found, accrued, charged in changes:
        standing = standing_accruals(moved[usage])
        if sum(standing.values()) != booked:
            standing = {found: booked}
        for booked_on, amount in _shares(back, standing):
            parts[usage, days[max(booked_on, found).toordinal()], accrued, charged] += amount
    return [
        AccrualBack(usage, day, *((accrued, charged) if amount > 0 else (charged, accrued)), abs(amount))
        for (usage, day, accrued, charged), amount in parts.items()
        if amount
    ]


def take_back_accruals(
    cursor: CursorWrapper, *, run_id: int, rests: Mapping[int, int], found_on: Mapping[int, int], days: BookDays
) -> None:
    """Take back the accrued COGS of usages of which less is unallocated now, as `accruals_back` says.

    Called before the rows of closed usages go.
    """
    if not rests:
        return
    lines = accruals_back(cursor, rests=rests, found_on=found_on, days=days)
    cursor.execute(_KEEP_BOOKED, _of_rests(rests, found_on))
    text = "Accrued COGS taken back: the true cost was found"
    if entries := _entries(cursor, Kind.ACCRUED_COGS, run_id, sorted({line.day for line in lines}), text):
        parameters: dict[str, Any] = {
            "usages": int_array(line.usage for line in lines),
            "entries": int_array(entries[line.day] for line in lines),
            "debits": int_array(line.debit for line in lines),
            "credits": int_array(line.credit for line in lines),
            "amounts": [line.amount for line in lines],
        }
        cursor.execute(_TAKE_BACK, parameters)


def _of_rests(rests: Mapping[int, int], found_on: Mapping[int, int]) -> dict[str, Any]:
    return {
        "usages": int_array(rests),
        "rests": int_array(rests.values()),
        "found": [date.fromordinal(found_on[usage]) for usage in rests],
    }


def _entries(
    cursor: CursorWrapper, kind: JournalEntry.Kind, run_id: int | None, days: Sequence[str], text: str
) -> dict[str, int]:
    """Make one entry per day, in the order given, and map the days to their entries."""
    if not days:
        return {}
    cursor.execute(_ENTRIES, {"kind": kind.value, "run": run_id, "days": list(days), "text": text})
    return {day.isoformat(): pk for pk, day in cursor.fetchall()}
