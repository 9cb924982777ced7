"""Facts to journal lines, set-wise, in the transaction that reconciles: the books always follow the lots.

Three sources, each posted exactly once: cost events of lots (a note waits for each, and goes when it is posted), the
allocations that a batch has just written, and accrued COGS that is taken back because the true cost was found. Lines go
into entries of one day and kind; a line names its usage, lot and document, so that it can be followed both ways.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import connection
from django.db.backends.utils import CursorWrapper

from reconciliation.models import JournalEntry

Kind = JournalEntry.Kind

_ENTRIES = """
INSERT INTO reconciliation_journalentry (kind, run_id, date, text)
SELECT %(kind)s, %(run)s, day, %(text)s FROM unnest(%(days)s::date[]) AS day ORDER BY day RETURNING id, date
"""

_WAITING = """
SELECT DISTINCT open_day(event.dated) FROM lots_lotcosttopost AS waiting
JOIN lots_lotcostevent AS event ON event.id = waiting.event_id WHERE waiting.pool_id = ANY(%(pools)s)
"""
# What a lot is worth comes from one place where it can be said so: straight from payables or from the named account.
# Otherwise everything passes through the clearing account: accrued inventory, or of fed lots inventory in process.
_POST_EVENTS = """
WITH posted AS (DELETE FROM lots_lotcosttopost WHERE pool_id = ANY(%(pools)s) RETURNING event_id)
INSERT INTO reconciliation_journalline (entry_id, debit_account_id, credit_account_id, amount, kind, code_id, office_id,
    "order", source_kind, source_number, lot_id, usage_id)
SELECT entry.id, CASE WHEN part.amount > 0 THEN part.debit ELSE part.credit END,
    CASE WHEN part.amount > 0 THEN part.credit ELSE part.debit END, abs(part.amount), part.kind, lot.code_id,
    lot.office_id, lot.parent_order, event.source_kind, event.source_number, lot.id, NULL
FROM posted JOIN lots_lotcostevent AS event ON event.id = posted.event_id
JOIN lots_inventorylot AS lot ON lot.id = event.lot_id
JOIN unnest(%(days)s::date[], %(entries)s::bigint[]) AS entry(day, id) ON entry.day = open_day(event.dated)
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
) AS part(place, debit, credit, amount, kind)
WHERE part.amount <> 0 AND part.debit <> part.credit
ORDER BY event.id, part.place
"""

_NEW_DAYS = """
SELECT DISTINCT allocation.dated FROM reconciliation_cogsallocation AS allocation
JOIN lots_inventorylot AS lot ON lot.id = allocation.lot_id
WHERE allocation.id > %(after)s AND allocation.run_id = %(run)s AND lot.pool_id = ANY(%(pools)s)
"""
_POST_ALLOCATIONS = """
INSERT INTO reconciliation_journalline (entry_id, debit_account_id, credit_account_id, amount, kind, code_id, office_id,
    "order", source_kind, source_number, lot_id, usage_id)
SELECT entry.id, CASE WHEN allocation.amount > 0 THEN charged.account ELSE lot.account_id END,
    CASE WHEN allocation.amount > 0 THEN lot.account_id ELSE charged.account END, abs(allocation.amount),
    CASE allocation.kind WHEN 'TRUE_UP' THEN 'TRUE_UP' ELSE 'COGS' END, usage.code_id, usage.office_id, usage."order",
    usage.source_kind, usage.source_number, lot.id, usage.id
FROM reconciliation_cogsallocation AS allocation
JOIN lots_inventorylot AS lot ON lot.id = allocation.lot_id
JOIN usage_inventoryusage AS usage ON usage.id = allocation.usage_id
JOIN unnest(%(days)s::date[], %(entries)s::bigint[]) AS entry(day, id) ON entry.day = allocation.dated
CROSS JOIN lots_preference AS preference
CROSS JOIN LATERAL (SELECT coalesce(usage.account_id, preference.account_cost_id) AS account) AS charged
WHERE allocation.id > %(after)s AND allocation.run_id = %(run)s AND lot.pool_id = ANY(%(pools)s)
    AND allocation.amount <> 0 AND charged.account <> lot.account_id
ORDER BY allocation.id
"""

# An accrual stands for what is unallocated; of what this batch allocated it is taken back on the day it was found.
_ACCRUED = """
SELECT open.usage_id FROM usage_openusage AS open
WHERE open.pool_id = ANY(%(pools)s) AND open.accrued_booked <> 0 AND open.usage_id = ANY(%(usages)s)
"""
_TAKE_BACK = """
WITH change AS (
    SELECT open.usage_id, open.accrued_booked, CASE WHEN preference.accrue_cogs
        THEN round(rest.quantity * 0.0001 * code.est_unit_cost, 2) ELSE 0 END AS target
    FROM unnest(%(usages)s::bigint[], %(rests)s::bigint[]) AS rest(usage, quantity)
    JOIN usage_openusage AS open ON open.usage_id = rest.usage
    JOIN lots_costpool AS pool ON pool.id = open.pool_id JOIN lots_lineitemcode AS code ON code.id = pool.code_id
    CROSS JOIN lots_preference AS preference
    WHERE open.accrued_booked <> 0
), kept AS (
    UPDATE usage_openusage AS open SET accrued_booked = change.target FROM change WHERE open.usage_id = change.usage_id
)
INSERT INTO reconciliation_journalline (entry_id, debit_account_id, credit_account_id, amount, kind, code_id, office_id,
    "order", source_kind, source_number, lot_id, usage_id)
SELECT %(entry)s, CASE WHEN change.accrued_booked > change.target THEN accrued.account ELSE charged.account END,
    CASE WHEN change.accrued_booked > change.target THEN charged.account ELSE accrued.account END,
    abs(change.accrued_booked - change.target), 'ACCRUED_COGS', usage.code_id, usage.office_id, usage."order",
    usage.source_kind, usage.source_number, NULL, usage.id
FROM change JOIN usage_inventoryusage AS usage ON usage.id = change.usage_id
CROSS JOIN lots_preference AS preference
CROSS JOIN LATERAL (SELECT preference.account_accrued_cogs_id AS account) AS accrued
CROSS JOIN LATERAL (SELECT coalesce(usage.account_id, preference.account_cost_id) AS account) AS charged
WHERE change.accrued_booked <> change.target AND accrued.account <> charged.account
ORDER BY usage.id
"""


def last_allocation(cursor: CursorWrapper) -> int:
    """Give a number below every allocation that this transaction is going to write."""
    cursor.execute("SELECT last_value FROM reconciliation_cogsallocation_id_seq")
    last: int = cursor.fetchone()[0]
    return last - 1


def post_books(*, run_id: int, pools: Sequence[int], after: int) -> None:
    """Post the cost events that wait in these pools, and this run's allocations on them above number `after`.

    The caller holds the preferences and the locks of the pools.
    """
    with connection.cursor() as cursor:
        post_cost_events(cursor, pools=pools, run_id=run_id)
        parameters: dict[str, Any] = {"run": run_id, "pools": list(pools), "after": after}
        cursor.execute(_NEW_DAYS, parameters)
        if days := _entries(cursor, Kind.COGS, run_id, [day for (day,) in cursor.fetchall()], "COGS reconciliation"):
            cursor.execute(_POST_ALLOCATIONS, {**parameters, **days})


def post_cost_events(cursor: CursorWrapper, *, pools: Sequence[int], run_id: int | None) -> None:
    """Post what waits of these pools' lots: what came in, what it cost, who is owed it."""
    cursor.execute(_WAITING, {"pools": list(pools)})
    if days := _entries(cursor, Kind.INVENTORY, run_id, [day for (day,) in cursor.fetchall()], "Inventory cost"):
        cursor.execute(_POST_EVENTS, {"pools": list(pools), **days})


def take_back_accruals(
    cursor: CursorWrapper, *, run_id: int, pools: Sequence[int], rests: Mapping[int, int], today: str
) -> None:
    """Take back the accrued COGS of usages of which less is unallocated now: `rests` in steps, 0 where it closed.

    Called before the rows of closed usages go.
    """
    cursor.execute(_ACCRUED, {"pools": list(pools), "usages": list(rests)})
    usages = [usage for (usage,) in cursor.fetchall()]
    if not usages:
        return
    days = _entries(cursor, Kind.ACCRUED_COGS, run_id, [today], "Accrued COGS taken back: the true cost was found")
    parameters: dict[str, Any] = {"usages": usages, "rests": [rests[usage] for usage in usages]}
    cursor.execute(_TAKE_BACK, {**parameters, "entry": days["entries"][0]})


def _entries(
    cursor: CursorWrapper, kind: JournalEntry.Kind, run_id: int | None, days: Sequence[Any], text: str
) -> dict[str, list[Any]]:
    """Make one entry per day; {} for no days."""
    if not days:
        return {}
    cursor.execute(_ENTRIES, {"kind": kind.value, "run": run_id, "days": list(days), "text": text})
    rows = cursor.fetchall()
    return {"days": [day for _, day in rows], "entries": [pk for pk, _ in rows]}
