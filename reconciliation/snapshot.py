"""Rows to engine records, read after the lock; only what is open, and of the lots only those that can matter.

Those are: lots with stock left; where there are returns, used lots as far as the returns can reach (newest first, until
the lots newer than one have given out as much as all returns together bring back); lots that an original holds; lots
that a usage is restricted to; and the newest one, so that a pool whose lots are used up does not look like one without
lots. So the cost of a run follows what is open, not what ever happened.

Units: quantities in steps of 1/10000, money in cents; whole numbers throughout. The database sorts by moment and entry
number, so the engine is given a record's place in that order instead of its moment.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, NamedTuple

from django.db import connection
from django.utils import timezone
from psycopg import Cursor
from psycopg.pq import Format
from psycopg.rows import tuple_row

from reconciliation.engine import CostBasis, Lot, Usage

_OPEN_USAGES = """
SELECT open.pool_id, open.usage_id, (open.quantity_unallocated * 10000)::bigint, open.original_id, open.is_restricted,
    (open.used_at AT TIME ZONE %(zone)s)::date - date '0001-01-01' + 1, open.accrued_booked <> 0
FROM usage_openusage AS open
WHERE open.pool_id = ANY(%(pools)s)
ORDER BY open.pool_id, open.used_at, open.usage_id
"""

_RESTRICTIONS = """
SELECT usage_id, lot_id FROM usage_usagelotrestriction WHERE usage_id = ANY(%(usages)s) ORDER BY usage_id, lot_id
"""

# What each original, and every usage linked to it, drew from or gave back to each lot of these pools: kept raw.
_HELD = """
SELECT lot.pool_id, root.id, allocation.lot_id, (sum(allocation.quantity) * 10000)::bigint
FROM unnest(%(originals)s::bigint[]) AS root(id)
CROSS JOIN LATERAL (
    SELECT root.id AS usage_id
    UNION ALL
    SELECT linked.id FROM usage_inventoryusage AS linked WHERE linked.original_id = root.id
) AS member
JOIN reconciliation_cogsallocation AS allocation ON allocation.usage_id = member.usage_id
JOIN lots_inventorylot AS lot ON lot.id = allocation.lot_id
WHERE lot.pool_id = ANY(%(pools)s)
GROUP BY lot.pool_id, root.id, allocation.lot_id
HAVING sum(allocation.quantity) <> 0
"""

_LOTS = """
SELECT pool_id, id, (quantity_received * 10000)::bigint, (quantity_used * 10000)::bigint, (value * 100)::bigint,
    (quantity_costed * 10000)::bigint, (value_costed * 100)::bigint,
    (first_received_at AT TIME ZONE %(zone)s)::date - date '0001-01-01' + 1,
    coalesce(cost_changed_on - date '0001-01-01' + 1, 1), account_id
FROM (
    SELECT lot.*, need.reach, sum(lot.quantity_used) OVER (
        PARTITION BY lot.pool_id ORDER BY lot.first_received_at DESC, lot.id DESC
        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS used_of_newer_lots
    FROM unnest(%(pools)s::bigint[], %(reaches)s::bigint[]) AS need(pool_id, reach)
    JOIN lots_inventorylot AS lot ON lot.pool_id = need.pool_id
    WHERE lot.quantity_received > 0
) AS candidate
WHERE quantity_used < quantity_received
    OR (quantity_used > 0 AND used_of_newer_lots * 10000 < reach)
    OR value <> value_costed OR quantity_received <> quantity_costed
    OR id = ANY(%(named)s) OR used_of_newer_lots IS NULL
ORDER BY pool_id, first_received_at, id
"""

_TOUCHED = """
SELECT allocation.lot_id, allocation.usage_id, (sum(allocation.quantity) * 10000)::bigint,
    (min(usage.used_at) AT TIME ZONE %(zone)s)::date - date '0001-01-01' + 1
FROM reconciliation_cogsallocation AS allocation JOIN usage_inventoryusage AS usage ON usage.id = allocation.usage_id
WHERE allocation.lot_id = ANY(%(lots)s)
GROUP BY allocation.lot_id, allocation.usage_id ORDER BY allocation.lot_id, allocation.usage_id
"""

_AS_THEY_ARE: Final[Mapping[int, "LotCost"]] = {}

# Usage(...) without its function written in Python: a first run makes them by the hundred thousand.
_new_usage = partial(tuple.__new__, Usage)


@dataclass(slots=True)
class RecostedLot:
    """A lot whose present basis has parted from the booked one, and who touched it, in entry order, net."""

    lot: int
    booked: CostBasis
    present: CostBasis
    changed_on: int  # the day its cost changed, as an ordinal like all days here
    quantity_by_usage: list[tuple[int, int]] = field(default_factory=list)


@dataclass(slots=True)
class Snapshot:
    """One cost pool as the engine sees it."""

    pool: int
    lots: list[Lot] = field(default_factory=list)
    usages: list[Usage] = field(default_factory=list)
    held: dict[tuple[int, int], int] = field(default_factory=dict)
    recosted: list[RecostedLot] = field(default_factory=list)
    # Days as ordinals: of each usage that is open or owes a true-up, and of each lot's first receipt.
    usage_days: dict[int, int] = field(default_factory=dict)
    lot_days: dict[int, int] = field(default_factory=dict)
    # For the books: on which account each lot is kept, and the open usages for which something is accrued.
    lot_accounts: dict[int, int | None] = field(default_factory=dict)
    accrued: list[int] = field(default_factory=list)


class LotCost(NamedTuple):
    """What a lot would be worth, and from which day (an ordinal)."""

    value: int
    changed_on: int


def read_snapshots(pool_ids: Sequence[int], *, costs: Mapping[int, LotCost] = _AS_THEY_ARE) -> list[Snapshot]:
    """Read these pools, in the order given. A run calls this under the pools' locks; a preview without.

    `costs` are lots that would be worth something else by then: they are read as though `lot_change` had said so.
    """
    snapshots = {pool: Snapshot(pool) for pool in pool_ids}
    with binary_cursor() as cursor:
        rows = _rows(cursor, _OPEN_USAGES, pools=list(pool_ids))
        restrictions = _read_restrictions(cursor, [row[1] for row in rows if row[4]])
        reaches = _fill_usages(snapshots, rows, restrictions)
        named = {lot for lots in restrictions.values() for lot in lots} | costs.keys()
        originals = sorted({row[3] for row in rows if row[3] is not None})
        if originals:
            for pool, original, lot, quantity in _rows(cursor, _HELD, originals=originals, pools=list(pool_ids)):
                snapshots[pool].held[(original, lot)] = quantity
                named.add(lot)
        _fill_lots(cursor, snapshots, reaches, sorted(named), costs)
    return [snapshots[pool] for pool in pool_ids]


def binary_cursor() -> Cursor[tuple[Any, ...]]:
    """Give a psycopg cursor whose whole numbers arrive as they are, not as text to be parsed."""
    connection.ensure_connection()
    # Django's own cursors bind on the client's side, which cannot fetch in binary.
    cursor: Cursor[tuple[Any, ...]] = Cursor(connection.connection, row_factory=tuple_row)
    cursor.format = Format.BINARY
    return cursor


def _rows(cursor: Cursor[tuple[Any, ...]], statement: str, **parameters: list[int]) -> list[tuple[Any, ...]]:
    zone = timezone.get_current_timezone_name()
    return cursor.execute(statement, {**parameters, "zone": zone}).fetchall()


def _read_restrictions(cursor: Cursor[tuple[Any, ...]], usages: list[int]) -> dict[int, frozenset[int]]:
    lots: defaultdict[int, list[int]] = defaultdict(list)
    if usages:
        for usage, lot in _rows(cursor, _RESTRICTIONS, usages=usages):
            lots[usage].append(lot)
    return {usage: frozenset(lots[usage]) for usage in usages}


def _fill_usages(
    snapshots: dict[int, Snapshot], rows: list[tuple[Any, ...]], restrictions: dict[int, frozenset[int]]
) -> dict[int, int]:
    """Put the usages into their pools; return per pool how far its returns can reach, in steps."""
    reaches = dict.fromkeys(snapshots, 0)
    for place, (pool, usage, unallocated, original, is_restricted, used_on, is_accrued) in enumerate(rows):
        snapshot = snapshots[pool]
        if unallocated < 0:
            reaches[pool] -= unallocated
        only_lots = restrictions[usage] if is_restricted else None
        snapshot.usage_days[usage] = used_on
        snapshot.usages.append(_new_usage((usage, (place, usage), unallocated, original, only_lots)))
        if is_accrued:
            snapshot.accrued.append(usage)
    return reaches


def _fill_lots(
    cursor: Cursor[tuple[Any, ...]],
    snapshots: dict[int, Snapshot],
    reaches: dict[int, int],
    named: list[int],
    costs: Mapping[int, LotCost],
) -> None:
    recosted: dict[int, RecostedLot] = {}
    rows = _rows(cursor, _LOTS, pools=list(reaches), reaches=list(reaches.values()), named=named)
    pool_of: dict[int, int] = {}
    for place, row in enumerate(rows):
        pool, key, received, used, value, received_costed, value_costed, day, changed_on, account = row
        if key in costs:
            value, changed_on = costs[key]
            if not used:
                received_costed, value_costed = received, value
        snapshots[pool].lot_days[key] = day
        snapshots[pool].lot_accounts[key] = account
        snapshots[pool].lots.append(Lot(key, (place, key), received, used, value))
        booked, present = CostBasis(value_costed, received_costed), CostBasis(value, received)
        if booked != present:
            recosted[key] = RecostedLot(key, booked, present, changed_on)
            pool_of[key] = pool
            snapshots[pool].recosted.append(recosted[key])
    if recosted:
        for lot, usage, quantity, used_on in _rows(cursor, _TOUCHED, lots=list(recosted)):
            recosted[lot].quantity_by_usage.append((usage, quantity))
            snapshots[pool_of[lot]].usage_days[usage] = used_on
