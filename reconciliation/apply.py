"""Plans to rows. Everything is written set-wise, in the caller's transaction; nothing is decided here.

Allocations go in by COPY: rows written and indexes kept are what a run costs (docs/performance.md). Whole numbers
become decimals by a power of ten in their text, so nothing is ever rounded on the way.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from datetime import date

from django.db import connection
from django.db.backends.utils import CursorWrapper

from inventory_site.arrays import int_array
from reconciliation.dating import BookDays
from reconciliation.feed_order import is_anything_fed
from reconciliation.planning import PoolPlan
from reconciliation.posting import (
    COPY_CHUNK,
    AllocationRow,
    post_allocations,
    post_cost_events,
    take_back_accruals,
)
from usage.feeding import fed_lots, recost_note_days
from usage.summaries import clear_open_sums, refresh_open_sums

_COPY_ALLOCATIONS = (
    "COPY reconciliation_cogsallocation (run_id, usage_id, lot_id, kind, quantity, amount, dated) FROM STDIN"
)

_USED = """
UPDATE lots_inventorylot AS lot SET quantity_used = change.used * 0.0001
FROM unnest(%s::bigint[], %s::bigint[]) AS change(lot, used) WHERE lot.id = change.lot
"""
_REBASE = """
UPDATE lots_inventorylot SET value_costed = value, quantity_costed = quantity_received WHERE id = ANY(%s::bigint[])
"""
_CLOSE_USAGES = "DELETE FROM usage_openusage WHERE usage_id = ANY(%s::bigint[])"
_CHANGE_USAGES = """
UPDATE usage_openusage AS open SET quantity_unallocated = change.unallocated * 0.0001
FROM unnest(%s::bigint[], %s::bigint[]) AS change(usage, unallocated) WHERE open.usage_id = change.usage
"""
_CHARGE_USAGES = """
UPDATE usage_openusage AS open SET amount_allocated = open.amount_allocated + change.amount * 0.01
FROM unnest(%s::bigint[], %s::bigint[]) AS change(usage, amount) WHERE open.usage_id = change.usage
"""
_POOLS = """
UPDATE lots_costpool AS pool SET
    quantity_used = pool.quantity_used + change.quantity * 0.0001, value_used = pool.value_used + change.amount * 0.01,
    last_run_passes = CASE WHEN pool.has_work THEN change.passes ELSE pool.last_run_passes END,
    has_work = false, is_set_aside = false
FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[]) AS change(pool, quantity, amount, passes)
WHERE pool.id = change.pool
"""


def apply_plans(*, run_id: int, plans: Sequence[PoolPlan], days: BookDays, account_cost: int | None) -> None:
    """Write these plans: allocations, lots, what is open, the sums of the pools, and the books.

    The caller holds the preferences, whose cost account is given, and the locks of the pools.
    """
    rows = [row for plan in plans for row in allocation_rows(plan, days)]
    # By usage: neighbours in the largest index go in together, which is a quarter of the whole cost of the COPY.
    rows.sort()
    with connection.cursor() as cursor:
        _copy_allocations(cursor, run_id, rows)
        _write_lots(cursor, plans)
        rests, found_on = accruals_found(plans)
        take_back_accruals(cursor, run_id=run_id, rests=rests, found_on=found_on, days=days)
        _write_open_usages(cursor, plans)
        _write_pools(cursor, plans)
        _refresh_open_sums(plans)
        post_cost_events(cursor, pools=[plan.snapshot.pool for plan in plans], run_id=run_id)
        lot_accounts = {lot: account for plan in plans for lot, account in plan.snapshot.lot_accounts.items()}
        post_allocations(cursor, run_id=run_id, rows=rows, lot_accounts=lot_accounts, account_cost=account_cost)
    _note_fed_lots(rows)


def accruals_found(plans: Sequence[PoolPlan]) -> tuple[dict[int, int], dict[int, int]]:
    """Map each usage that has COGS accrued and that these plans allocate to what is left open of it, in steps; and to
    the day (an ordinal) of its true cost.
    """
    rests: dict[int, int] = {}
    found_on: dict[int, int] = {}
    for plan in plans:
        if accrued := set(plan.snapshot.accrued):
            after = plan.plan.quantity_unallocated_after
            found = {
                usage.key: after[usage.key]
                for usage in plan.snapshot.usages
                if usage.key in accrued and after[usage.key] != usage.quantity_unallocated
            }
            rests |= found
            found_on |= plan.found_on(found)
    return rests, found_on


def _note_fed_lots(rows: Sequence[AllocationRow]) -> None:
    """Lots that the charged usages feed are to be costed anew: under their own pools' locks, so not here."""
    if not is_anything_fed():
        return
    days: defaultdict[int, set[str]] = defaultdict(set)
    for usage, *_, day in rows:
        days[usage].add(day)
    days_of_lots: defaultdict[int, set[str]] = defaultdict(set)
    for usage, lot in fed_lots(days):
        days_of_lots[lot] |= days[usage]
    recost_note_days(
        {lot: (date.fromisoformat(min(days)), date.fromisoformat(max(days))) for lot, days in days_of_lots.items()}
    )


def _copy_allocations(cursor: CursorWrapper, run_id: int, rows: Sequence[AllocationRow]) -> None:
    if not rows:
        return
    with cursor.copy(_COPY_ALLOCATIONS) as copy:
        for start in range(0, len(rows), COPY_CHUNK):
            copy.write(
                "".join(
                    [
                        f"{run_id}\t{usage}\t{lot}\t{kind}\t{quantity}e-4\t{amount}e-2\t{day}\n"
                        for usage, lot, kind, quantity, amount, day in rows[start : start + COPY_CHUNK]
                    ]
                )
            )


def allocation_rows(plan: PoolPlan, days: BookDays) -> Iterator[AllocationRow]:
    """The rows of one plan, true-ups first, with their days in the books."""
    usage_days, lot_days = plan.snapshot.usage_days, plan.snapshot.lot_days
    changed_on = {lot.lot: lot.changed_on for lot in plan.snapshot.recosted}
    for lot, row in plan.true_ups:
        yield row.usage, lot, "TRUE_UP", 0, row.amount, days[max(changed_on[lot], usage_days[row.usage])]
    for usage, lot, quantity, amount in plan.plan.moves:
        used_on, received_on = usage_days[usage], lot_days[lot]
        day = days[used_on if used_on > received_on else received_on]
        yield usage, lot, "DRAW" if quantity > 0 else "GIVE_BACK", quantity, amount, day


def _write_lots(cursor: CursorWrapper, plans: Sequence[PoolPlan]) -> None:
    # The basis first: what is used may grow beyond the quantity that the old basis knew.
    if recosted := [lot.lot for plan in plans for lot in plan.snapshot.recosted]:
        cursor.execute(_REBASE, [int_array(recosted)])
    used = {lot: after for plan in plans for lot, after in plan.plan.quantity_used_after.items()}
    if used:
        cursor.execute(_USED, [int_array(used), int_array(used.values())])


def _write_open_usages(cursor: CursorWrapper, plans: Sequence[PoolPlan]) -> None:
    closed: list[int] = []
    changed: dict[int, int] = {}
    charged: Counter[int] = Counter()
    for plan in plans:
        after = plan.plan.quantity_unallocated_after
        closed += [usage for usage, rest in after.items() if rest == 0]
        if any(after.values()):
            for usage in plan.snapshot.usages:
                if after[usage.key] not in {0, usage.quantity_unallocated}:
                    changed[usage.key] = after[usage.key]
            _add_charges(charged, plan)
    if closed:
        cursor.execute(_CLOSE_USAGES, [int_array(closed)])
    if changed:
        cursor.execute(_CHANGE_USAGES, [int_array(changed), int_array(changed.values())])
    if charged:
        cursor.execute(_CHARGE_USAGES, [int_array(charged), int_array(charged.values())])


def _add_charges(charged: Counter[int], plan: PoolPlan) -> None:
    """Collect what the usages that stay open were charged; a closed one keeps no row to write it on."""
    after = plan.plan.quantity_unallocated_after
    for usage, _, _, amount in plan.plan.moves:
        if after[usage]:
            charged[usage] += amount
    for _, row in plan.true_ups:
        # A usage that closed in an earlier run is not in the plan: it has no open row, and the update finds none.
        if after.get(row.usage):
            charged[row.usage] += row.amount


def _refresh_open_sums(plans: Sequence[PoolPlan]) -> None:
    """Where everything closed the sums are zero; only what stays open is added up."""
    settled: list[int] = []
    unsettled: list[int] = []
    for plan in plans:
        is_settled = not any(plan.plan.quantity_unallocated_after.values())
        (settled if is_settled else unsettled).append(plan.snapshot.pool)
    clear_open_sums(settled)
    refresh_open_sums(unsettled)


def _write_pools(cursor: CursorWrapper, plans: Sequence[PoolPlan]) -> None:
    cursor.execute(
        _POOLS,
        [
            int_array(plan.snapshot.pool for plan in plans),
            int_array(plan.quantity_drawn - plan.quantity_given_back for plan in plans),
            int_array(plan.amount for plan in plans),
            int_array(plan.plan.pass_count for plan in plans),
        ],
    )
