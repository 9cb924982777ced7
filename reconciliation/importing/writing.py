"""Checked rows to records, set-wise: INSERT ... SELECT in row order, so that the order in the file is the entry order.

Keys are drawn before the rows are written, because a usage is a fact that is never updated and may name one further
down. The pools are locked in primary key order before anything in them is written, and their sums move with the rows
exactly as the services move them one by one.
"""

from collections.abc import Callable

from django.db.backends.utils import CursorWrapper
from django.utils import timezone

from inventory_site.numbering import FIRST_NUMBER, continue_after
from lots.locks import lock_pools
from lots.models import CostPool
from lots.services import note_work
from reconciliation.importing.staging import Progress
from usage.summaries import refresh_open_sums

# One statement's worth: progress is told after each.
CHUNK_ROWS = 10_000

_IS_NEW = """
    NOT EXISTS (SELECT FROM import_{kind}_present AS present WHERE present.row = staged.row)
    AND NOT EXISTS (SELECT FROM import_{kind}_again AS again
        WHERE again."{key}" = staged."{key}" AND again.row < staged.row)
"""

_ITEMS = f"""
INSERT INTO lots_lineitemcode (code, description, record_type, status, est_unit_cost, is_serialized,
    is_tracked_by_manufacturer_lot, account_revenue, account_cost, account_inventory)
SELECT code, description, 'INVENTORIED_ITEM', 'ACTIVE', est_unit_cost, false, false, '', '', ''
FROM import_items AS staged WHERE {_IS_NEW.format(kind="items", key="code")}
ORDER BY row
"""  # noqa: S608  (our own names)
_OFFICES = """
INSERT INTO lots_office (code, name)
SELECT office, '' FROM (
    SELECT office, min(place) AS place FROM (
        SELECT office, row AS place FROM import_lots UNION ALL SELECT office, row + 2000000000::bigint FROM import_usage
    ) AS named WHERE office <> '' GROUP BY office) AS wanted
WHERE NOT EXISTS (SELECT FROM lots_office AS known WHERE known.code = wanted.office)
ORDER BY place
ON CONFLICT DO NOTHING
"""
# FOR SHARE: who may reach whom must not change while records are put into pools.
_APART = "SELECT prevent_inter_office FROM lots_preference WHERE id = 1 FOR SHARE"
_POOLS = f"""
INSERT INTO lots_costpool (code_id, office_id, has_work, is_set_aside, lot_count, quantity_received, quantity_used,
    value_received, value_used, usage_count, usage_quantity, open_count, open_quantity, open_amount_allocated,
    open_unallocated, open_unallocated_positive, open_unallocated_negative, open_accrued_cogs, last_run_passes)
SELECT DISTINCT code.id, CASE WHEN %(apart)s THEN office.id END, false, false,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0
FROM (
    SELECT code, office FROM import_lots AS staged WHERE {_IS_NEW.format(kind="lots", key="lot")}
    UNION SELECT code, office FROM import_usage AS staged WHERE {_IS_NEW.format(kind="usage", key="usage")}
) AS wanted
JOIN lots_lineitemcode AS code ON code.code = wanted.code LEFT JOIN lots_office AS office ON office.code = wanted.office
ORDER BY 1, 2
ON CONFLICT DO NOTHING
"""  # noqa: S608  (our own names)
_NEW = """
CREATE TEMPORARY TABLE import_{kind}_new ON COMMIT DROP AS
SELECT nextval(pg_get_serial_sequence('{table}', 'id')) AS id, ordered.* FROM (
    SELECT staged.*, code.id AS code_id, office.id AS office_id, pool.id AS pool_id
    FROM import_{kind} AS staged
    JOIN lots_lineitemcode AS code ON code.code = staged.code
    LEFT JOIN lots_office AS office ON office.code = staged.office
    JOIN lots_costpool AS pool ON pool.code_id = code.id
        AND pool.office_id IS NOT DISTINCT FROM CASE WHEN %(apart)s THEN office.id END
    WHERE {is_new} ORDER BY staged.row) AS ordered;
CREATE UNIQUE INDEX ON import_{kind}_new (id);
ANALYZE import_{kind}_new;
"""
_TOUCHED = "SELECT pool_id FROM import_lots_new UNION SELECT pool_id FROM import_usage_new ORDER BY pool_id"

_LOTS = (
    """
INSERT INTO lots_inventorylot (id, number, lot_type, code_id, office_id, pool_id, source_kind, source_number,
    parent_order, is_source_complete, first_received_at, quantity_ordered, quantity_received, quantity_used, value,
    value_costed, quantity_costed, value_other, account_id, cost_changed_on)
SELECT new.id, lot, 'PURCHASE', code_id, office_id, pool_id, source_kind, source, '', true, received_at, quantity,
    quantity, 0, value, value, quantity, value, coalesce(own.id, preference.account_inventory_id),
    open_day((received_at AT TIME ZONE %(zone)s)::date)
FROM import_lots_new AS new JOIN lots_lineitemcode AS code ON code.id = new.code_id
LEFT JOIN lots_account AS own ON own.number = code.account_inventory CROSS JOIN lots_preference AS preference
WHERE new.id BETWEEN %(first)s AND %(last)s ORDER BY new.id
""",
    """
INSERT INTO lots_lotcostevent (lot_id, at, dated, kind, source_kind, source_number, quantity, value, value_payable,
    value_other, account_id)
SELECT lot.id, lot.first_received_at, lot.cost_changed_on, 'OPENING', lot.source_kind, lot.source_number,
    lot.quantity_received, lot.value, 0, lot.value, preference.account_opening_id
FROM lots_inventorylot AS lot CROSS JOIN lots_preference AS preference
WHERE lot.id BETWEEN %(first)s AND %(last)s AND EXISTS (SELECT FROM import_lots_new AS new WHERE new.id = lot.id)
ORDER BY lot.id
""",
    """
INSERT INTO lots_lotcosttopost (event_id, pool_id)
SELECT event.id, new.pool_id FROM import_lots_new AS new JOIN lots_lotcostevent AS event ON event.lot_id = new.id
WHERE new.id BETWEEN %(first)s AND %(last)s
""",
    """
INSERT INTO lots_inventorytransaction (code_id, office_id, at, source_kind, source_number, lot_id, on_order, demand,
    on_hand)
SELECT code_id, office_id, received_at, source_kind, source, id, 0, 0, quantity
FROM import_lots_new WHERE id BETWEEN %(first)s AND %(last)s ORDER BY id
""",
)
_USAGE = (
    """
INSERT INTO usage_inventoryusage (id, number, code_id, office_id, department, used_at, quantity, source_kind,
    source_number, "order", reference, original_id, account_id)
SELECT new.id, usage, code_id, office_id, '', used_at, quantity, source_kind, transaction_id, "order", reference,
    original_id, coalesce(own.id, preference.account_cost_id)
FROM import_usage_new AS new JOIN lots_lineitemcode AS code ON code.id = new.code_id
LEFT JOIN lots_account AS own ON own.number = code.account_cost CROSS JOIN lots_preference AS preference
WHERE new.id BETWEEN %(first)s AND %(last)s ORDER BY new.id
""",
    """
INSERT INTO usage_openusage (usage_id, pool_id, used_at, quantity, quantity_unallocated, amount_allocated, original_id,
    is_restricted)
SELECT id, pool_id, used_at, quantity, quantity, 0, original_id, only_lots <> '{}'
FROM import_usage_new WHERE id BETWEEN %(first)s AND %(last)s ORDER BY id
""",
    """
INSERT INTO lots_inventorytransaction (code_id, office_id, at, source_kind, source_number, on_order, demand, on_hand)
SELECT code_id, office_id, used_at, source_kind, transaction_id, 0, 0, -quantity
FROM import_usage_new WHERE id BETWEEN %(first)s AND %(last)s ORDER BY id
""",
)
# The usage that a return returns is in this file, further up or down, or recorded already.
_ORIGINALS = """
ALTER TABLE import_usage_new ADD COLUMN original_id bigint;
UPDATE import_usage_new AS new SET original_id = coalesce(known.id, target.id)
FROM import_usage_new AS staged
LEFT JOIN usage_inventoryusage AS known ON known.number = staged.returns
LEFT JOIN import_usage_new AS target ON target.usage = staged.returns
WHERE staged.returns <> '' AND new.id = staged.id;
"""
_RESTRICTIONS = """
INSERT INTO usage_usagelotrestriction (usage_id, lot_id)
SELECT new.id, lot.id FROM import_usage_new AS new CROSS JOIN LATERAL unnest(new.only_lots) AS wanted(number)
JOIN lots_inventorylot AS lot ON lot.number = wanted.number
WHERE new.only_lots <> '{}' ORDER BY new.id, lot.id
"""
_LOT_SUMS = """
UPDATE lots_costpool AS pool SET lot_count = pool.lot_count + sums.rows,
    quantity_received = pool.quantity_received + sums.quantity, value_received = pool.value_received + sums.value
FROM (SELECT pool_id, count(*) AS rows, sum(quantity) AS quantity, sum(value) AS value
    FROM import_lots_new GROUP BY pool_id) AS sums
WHERE pool.id = sums.pool_id
"""
_USAGE_SUMS = """
UPDATE lots_costpool AS pool SET usage_count = pool.usage_count + sums.rows,
    usage_quantity = pool.usage_quantity + sums.quantity
FROM (SELECT pool_id, count(*) AS rows, sum(quantity) AS quantity FROM import_usage_new GROUP BY pool_id) AS sums
WHERE pool.id = sums.pool_id
"""


def write(cursor: CursorWrapper, *, progress: Progress, total: int) -> None:
    """Write everything that is new; `total` is how many lots and usages that will be. The caller's transaction."""
    cursor.execute(_ITEMS)
    cursor.execute(_OFFICES)
    cursor.execute(_APART)
    parameters = {"apart": cursor.fetchone()[0]}
    cursor.execute(_POOLS, parameters)
    for kind, key, table in (("lots", "lot", "lots_inventorylot"), ("usage", "usage", "usage_inventoryusage")):
        cursor.execute(_NEW.format(kind=kind, table=table, is_new=_IS_NEW.format(kind=kind, key=key)), parameters)
    cursor.execute(_ORIGINALS)
    cursor.execute(_TOUCHED)
    touched = [pool for (pool,) in cursor.fetchall()]
    progress("Waiting for runs and postings on the same codes", 0, total)
    lock_pools(touched)
    _check_references_at_once(cursor)
    done = _in_chunks(cursor, "lots", _LOTS, lambda rows: progress("Writing lots", rows, total))
    _in_chunks(cursor, "usage", _USAGE, lambda rows: progress("Writing usage", done + rows, total))
    _continue_numbering(cursor)
    progress("Adding up and checking", total, total)
    cursor.execute(_RESTRICTIONS)
    cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")
    cursor.execute(_LOT_SUMS)
    cursor.execute(_USAGE_SUMS)
    refresh_open_sums(touched)
    note_work(CostPool.objects.filter(pk__in=touched))


def _continue_numbering(cursor: CursorWrapper) -> None:
    """Let our own numbers begin after imported ones that look like them."""
    for kind, key in (("lots", "lot"), ("usage", "usage")):
        cursor.execute(f"SELECT max({key}::bigint) FROM import_{kind}_new WHERE {key} ~ '^[1-9][0-9]{{4,8}}$'")  # noqa: S608  (our own names)
        (highest,) = cursor.fetchone()
        if highest is not None and highest >= FIRST_NUMBER:
            continue_after(key, highest)


def _check_references_at_once(cursor: CursorWrapper) -> None:
    """Let each chunk pay for its foreign keys, rather than the commit for all: so progress stays true to the end.

    Only that a usage returns another has to wait: the other one may stand further down.
    """
    cursor.execute(
        "SELECT conname FROM pg_constraint WHERE contype = 'f' AND conrelid = 'usage_inventoryusage'::regclass"
        " AND confrelid = conrelid"
    )
    names = ", ".join(f'"{name}"' for (name,) in cursor.fetchall())
    cursor.execute(f"SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS {names} DEFERRED")


def _in_chunks(cursor: CursorWrapper, kind: str, statements: tuple[str, ...], tell: Callable[[int], None]) -> int:
    cursor.execute(f"SELECT min(id), max(id), count(*) FROM import_{kind}_new")  # noqa: S608  (our own names)
    first, last, count = cursor.fetchone()
    done = 0
    for start in range(first, last + 1, CHUNK_ROWS) if count else ():
        for statement in statements:
            cursor.execute(
                statement,
                {"first": start, "last": start + CHUNK_ROWS - 1, "zone": timezone.get_current_timezone_name()},
            )
        # The first statement decides how many rows there are in the chunk; gaps of a sequence make it fewer.
        done = min(done + CHUNK_ROWS, count)
        tell(done)
    return int(count)
