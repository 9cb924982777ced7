"""Whole records as CSV for machines: one COPY per kind, so that the database writes the file and half a million rows
take seconds.

Plain decimals as they are kept (quantities 4 places, money 2), moments in UTC, entry order, no totals. One statement
reads one snapshot, so a file is consistent in itself while others post. Text stands exactly as it was imported.
"""

from collections.abc import Callable, Mapping
from typing import Final

from django.db import connection

from reconciliation.exporting_documents import DOCUMENT_STATEMENTS
from reconciliation.exporting_moments import MOMENT

_ITEMS: Final = """
SELECT code.code, nullif(code.description, '') AS description, code.est_unit_cost,
    coalesce(hand.quantity, 0)::numeric(24, 4) AS on_hand, coalesce(pool.unallocated, 0)::numeric(24, 4) AS unallocated,
    coalesce(pool.passes, 0) AS last_run_passes
FROM lots_lineitemcode AS code
LEFT JOIN (SELECT code_id, sum(on_hand) AS quantity FROM lots_inventorytransaction GROUP BY code_id) AS hand
    ON hand.code_id = code.id
LEFT JOIN (SELECT code_id, sum(open_unallocated) AS unallocated, sum(last_run_passes) AS passes
    FROM lots_costpool GROUP BY code_id) AS pool ON pool.code_id = code.id
ORDER BY code.id
"""
_LOTS: Final = f"""
SELECT lot.number AS lot, code.code, office.code AS office, lot.lot_type AS type,
    {MOMENT.format("lot.first_received_at")} AS received_at, lot.quantity_received, lot.quantity_used,
    lot.quantity_current, lot.value, lot.value_used, lot.value - lot.value_used AS value_current, lot.status
FROM lots_inventorylot AS lot
JOIN lots_lineitemcode AS code ON code.id = lot.code_id LEFT JOIN lots_office AS office ON office.id = lot.office_id
ORDER BY lot.id
"""  # noqa: S608  (our own constant text)
# ~ COGS: what the lots charged so far, and the estimate for what is still unallocated.
_USAGE: Final = f"""
SELECT usage.number AS usage, code.code, office.code AS office, {MOMENT.format("usage.used_at")} AS used_at,
    usage.quantity, nullif(usage.source_number, '') AS transaction_id, nullif(usage."order", '') AS "order",
    nullif(usage.reference, '') AS reference, original.number AS returns,
    coalesce(charged.amount, 0.00) + coalesce(accrued.amount, 0.00) AS cogs,
    coalesce(open.quantity_unallocated, 0.0000) AS unallocated, coalesce(accrued.amount, 0.00) AS accrued_cogs,
    CASE WHEN open.usage_id IS NULL THEN 'CLOSED' ELSE 'OPEN' END AS status
FROM usage_inventoryusage AS usage
JOIN lots_lineitemcode AS code ON code.id = usage.code_id
LEFT JOIN lots_office AS office ON office.id = usage.office_id
LEFT JOIN usage_inventoryusage AS original ON original.id = usage.original_id
LEFT JOIN usage_openusage AS open ON open.usage_id = usage.id
LEFT JOIN (SELECT usage_id, sum(amount) AS amount FROM reconciliation_cogsallocation GROUP BY usage_id) AS charged
    ON charged.usage_id = usage.id
CROSS JOIN LATERAL (SELECT round(open.quantity_unallocated * code.est_unit_cost, 2) AS amount) AS accrued
ORDER BY usage.id
"""  # noqa: S608  (our own constant text)
_ALLOCATIONS: Final = """
SELECT allocation.run_id AS run, usage.number AS usage, lot.number AS lot, code.code, allocation.quantity,
    allocation.amount, allocation.kind
FROM reconciliation_cogsallocation AS allocation
JOIN usage_inventoryusage AS usage ON usage.id = allocation.usage_id
JOIN lots_inventorylot AS lot ON lot.id = allocation.lot_id
JOIN lots_lineitemcode AS code ON code.id = lot.code_id
ORDER BY allocation.id
"""
_TRANSACTIONS: Final = f"""
SELECT movement.id AS number, code.code, office.code AS office, {MOMENT.format("movement.at")} AS at,
    nullif(movement.source_number, '') AS source, movement.on_order, movement.demand, movement.on_hand
FROM lots_inventorytransaction AS movement
JOIN lots_lineitemcode AS code ON code.id = movement.code_id
LEFT JOIN lots_office AS office ON office.id = movement.office_id
ORDER BY movement.id
"""  # noqa: S608  (our own constant text)
# A run's totals are written when it ends; until then its work rows have them.
_RUNS: Final = f"""
SELECT run.id AS run, {MOMENT.format("run.started_at")} AS started, {MOMENT.format("run.finished_at")} AS finished,
    run.state, person.username AS by,
    CASE WHEN run.finished_at IS NULL THEN work.pools ELSE run.pools END AS pools,
    CASE WHEN run.finished_at IS NULL THEN work.usages ELSE run.usages END AS usages,
    CASE WHEN run.finished_at IS NULL THEN work.allocations ELSE run.allocations END AS allocations,
    CASE WHEN run.finished_at IS NULL THEN work.passes ELSE run.passes END AS passes,
    CASE WHEN run.finished_at IS NULL THEN work.amount ELSE run.amount END AS amount
FROM reconciliation_reconciliationrun AS run
LEFT JOIN auth_user AS person ON person.id = run.requested_by_id
CROSS JOIN LATERAL (
    SELECT count(*) AS pools, coalesce(sum(usages), 0) AS usages, coalesce(sum(allocations), 0) AS allocations,
        coalesce(sum(passes), 0) AS passes, coalesce(sum(amount), 0.00) AS amount
    FROM reconciliation_runpool AS row
    WHERE run.finished_at IS NULL AND row.run_id = run.id AND row.state = 'DONE') AS work
ORDER BY run.id
"""  # noqa: S608  (our own constant text)

STATEMENTS: Final[Mapping[str, str]] = {
    "items": _ITEMS,
    "lots": _LOTS,
    "usage": _USAGE,
    "allocations": _ALLOCATIONS,
    "transactions": _TRANSACTIONS,
    "runs": _RUNS,
    **DOCUMENT_STATEMENTS,
}


def export_records(*, kind: str, write: Callable[[bytes], object]) -> int:
    """Write all records of a kind, as UTF-8 CSV with a header, piece by piece. Return how many rows there were."""
    with connection.cursor() as cursor:
        statement = f"COPY ({STATEMENTS[kind]}) TO STDOUT WITH (FORMAT csv, HEADER, ENCODING 'UTF8')"
        with cursor.copy(statement) as copy:
            for piece in copy:
                write(bytes(piece))
        return int(cursor.rowcount)
