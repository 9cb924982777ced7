"""Fed lots are costed anew: what went into them has come to cost something else.

A run that charges a usage leaves a note for every lot that the usage feeds (LotRecost). Here the notes are worked off:
the lot's value follows from its feeds, is changed under its own pool's lock like any other cost, and the pool gets its
turn in the same run, after the pools of its components; or in the next one if it had its turn already. A lot that goes
into itself by way of others is worked round until its amounts settle, at most ROUNDS_MOST times; then it is reported as
an error and left alone until somebody posts something about it.
"""

import logging
from collections.abc import Collection

from celery.exceptions import SoftTimeLimitExceeded
from django.db import OperationalError, connection, transaction
from django.db.models.functions import Now
from psycopg.errors import DeadlockDetected, LockNotAvailable

from lots.accounts import default_account
from lots.locks import lock_pools, preference_in_force
from lots.models import CostPool, InventoryLot, LotCostEvent, PostingDate
from lots.services import lot_change
from reconciliation.fed_worth import FedLot, moment_on, read_fed_lots
from reconciliation.feed_order import (
    LEVELS,
    could_not_be_worked_out,
    is_anything_fed,
    lots_due,
    why_it_goes_round,
)
from reconciliation.models import RunPool
from reconciliation.run_log import log_error
from usage.models import LotRecost

logger = logging.getLogger(__name__)

# Lots costed in one transaction.
LOTS_AT_A_TIME = 200
# How long they wait for pools that somebody else holds before they are left for later.
LOCK_SECONDS = 10

# Final at last: the document expects nothing more, and everything that went in is allocated to lots of final cost.
_SETTLE = """
UPDATE lots_inventorylot AS lot SET is_cost_final = true
WHERE lot.is_fed AND NOT lot.is_cost_final AND lot.is_source_complete
    AND NOT EXISTS (SELECT FROM usage_lotrecost AS waiting WHERE waiting.lot_id = lot.id)
    AND NOT EXISTS (
        SELECT FROM usage_lotfeed AS feed
        LEFT JOIN usage_openusage AS open ON open.usage_id = feed.usage_id
        LEFT JOIN reconciliation_cogsallocation AS allocation ON allocation.usage_id = feed.usage_id
        LEFT JOIN lots_inventorylot AS source ON source.id = allocation.lot_id
        WHERE feed.lot_id = lot.id AND (open.usage_id IS NOT NULL OR NOT source.is_cost_final))
"""

# What was made, over however many levels, of lots whose cost is an estimate again. Values follow charges, not this.
_UNSETTLE = """
WITH RECURSIVE reopened AS (
    UPDATE lots_inventorylot SET is_cost_reopened = false WHERE is_cost_reopened RETURNING id, is_cost_final
), goes_into(lot) AS (
    SELECT feed.lot_id FROM reopened
    JOIN reconciliation_cogsallocation AS allocation ON allocation.lot_id = reopened.id
    JOIN usage_lotfeed AS feed ON feed.usage_id = allocation.usage_id WHERE NOT reopened.is_cost_final
    UNION
    SELECT feed.lot_id FROM goes_into
    JOIN reconciliation_cogsallocation AS allocation ON allocation.lot_id = goes_into.lot
    JOIN usage_lotfeed AS feed ON feed.usage_id = allocation.usage_id
)
UPDATE lots_inventorylot AS lot SET is_cost_final = false
WHERE lot.is_cost_final AND lot.id IN (SELECT goes_into.lot FROM goes_into) AND NOT lot.is_cost_reopened
"""

# Rows that somebody works on are passed over: they have their turn, and that worker may be waiting for pools we hold.
_LEVELS = f"""
WITH RECURSIVE {LEVELS}
UPDATE reconciliation_runpool AS work SET level = moved.level FROM (
    SELECT waiting.id, deepest.level FROM deepest
    JOIN reconciliation_runpool AS waiting ON waiting.pool_id = deepest.pool
    WHERE waiting.run_id = %(run)s AND waiting.state = 'PENDING' AND waiting.level <> deepest.level
    ORDER BY waiting.id FOR NO KEY UPDATE OF waiting SKIP LOCKED
) AS moved WHERE work.id = moved.id
"""  # noqa: S608  (our own constant text)
# The run is held, so that it does not end between our look and our row.
_JOIN_THE_RUN = """
INSERT INTO reconciliation_runpool (run_id, pool_id, state, usages, level, attempts, attempts_alone, batch_limit, error,
    allocations, passes, drawn, given_back, amount, open_usages, unallocated, trace, remarks)
SELECT run.id, pool.id, 'PENDING', pool.open_count, 0, 0, 0, 1000000, '', 0, 0, 0, 0, 0, 0, 0, '[]', '[]'
FROM lots_costpool AS pool JOIN reconciliation_reconciliationrun AS run ON run.id = %(run)s
WHERE pool.id = ANY(%(pools)s) AND run.finished_at IS NULL AND run.cancel_requested_at IS NULL
ORDER BY pool.id FOR SHARE OF run ON CONFLICT DO NOTHING
"""


def assign_levels(*, run_id: int) -> None:
    """Let the run take components before what they go into, as far as that is not a ring."""
    if is_anything_fed():
        with connection.cursor() as cursor:
            cursor.execute(_LEVELS, {"run": run_id})


def recost_waiting(*, run_id: int | None = None) -> int:
    """Cost every lot anew for which a note waits, so many at a time; return how many there were.

    In a run, lots wait until what feeds them had its turn; those that change give their own pools a turn, if they have
    not had it.
    """
    unsettle_costs()
    done = 0
    while lots := _next_lots(run_id):
        try:
            done += _recost(lots, run_id)
        except Exception as error:  # (whatever it is, it must not keep the others from their turn)
            if not connection.is_usable() or isinstance(error, SoftTimeLimitExceeded):
                raise
            if _is_contention(error):
                break
            logger.exception("costing %s lots anew failed; trying each alone", len(lots))
            try:
                done += sum(_recost_alone(lot, run_id) for lot in lots)
            except OperationalError as held:
                if not _is_contention(held):
                    raise
                break
    return done


def _next_lots(run_id: int | None) -> list[int]:
    waiting = LotRecost.objects.order_by("lot").values_list("lot", flat=True)
    if run_id is None:
        return list(waiting[:LOTS_AT_A_TIME])
    pending = RunPool.objects.filter(run=run_id, state=RunPool.State.PENDING).values_list("pool", flat=True)
    return lots_due(list(waiting), pending=list(pending))[:LOTS_AT_A_TIME]


def _is_contention(error: Exception) -> bool:
    """Somebody else holds what we need, or got there first: nothing is wrong, and the notes stay for later."""
    return isinstance(error.__cause__, LockNotAvailable | DeadlockDetected)


def _recost_alone(lot: int, run_id: int | None) -> int:
    try:
        return _recost([lot], run_id)
    except Exception as error:
        # A worker whose time is up says nothing about the lot.
        if not connection.is_usable() or _is_contention(error) or isinstance(error, SoftTimeLimitExceeded):
            raise
        _give_up(lot, could_not_be_worked_out(error), run_id)
        return 1


@transaction.atomic
def _give_up(lot_id: int, reason: str, run_id: int | None) -> None:
    """Set the lot's pool aside with the reason, until somebody posts something about it."""
    lot = InventoryLot.objects.get(pk=lot_id)
    lock_pools([lot.pool_id])
    LotRecost.objects.filter(lot=lot).delete()
    CostPool.objects.filter(pk=lot.pool_id).update(is_set_aside=True, has_work=True)
    message = f"Lot {lot.number} of {lot.code}: {reason}"
    logger.error(message)
    if run_id is not None:
        RunPool.objects.filter(run=run_id, pool=lot.pool_id, state=RunPool.State.PENDING).update(
            state=RunPool.State.FAILED, error=message, finished_at=Now()
        )
        log_error(run_id=run_id, message=message, pool_id=lot.pool_id)


def unsettle_costs() -> None:
    """Estimate again what was made of lots whose purchase order or job was reopened, though no value changed by it."""
    if InventoryLot.objects.filter(is_cost_reopened=True).exists():
        with connection.cursor() as cursor:
            cursor.execute(_UNSETTLE)


def settle_costs() -> None:
    """Mark fed lots whose cost is final at last, and then those that are made of them, level by level."""
    with connection.cursor() as cursor:
        cursor.execute(_SETTLE)
        while cursor.rowcount:
            cursor.execute(_SETTLE)


@transaction.atomic
def _recost(lots: Collection[int], run_id: int | None) -> int:
    with connection.cursor() as cursor:
        # Whoever holds these pools, such as a large import, may need longer than a task may take.
        cursor.execute("SET LOCAL lock_timeout = %s", [f"{LOCK_SECONDS}s"])
    # By preference all cost counts on the day of the run; then nothing is told apart by its own.
    in_between = preference_in_force().posting_date != PostingDate.RUN
    pool_ids = InventoryLot.objects.filter(pk__in=lots).values_list("pool", flat=True)
    pools = {pool.pk: pool for pool in lock_pools(set(pool_ids))}
    # Locked in order, and after the pools: whoever writes notes holds pools of components, never waits for these.
    notes = LotRecost.objects.select_for_update().filter(lot__in=lots).order_by("lot")
    waiting = {row.lot_id: row for row in notes}
    LotRecost.objects.filter(lot__in=list(waiting)).delete()
    changed = set()
    for fed in read_fed_lots(waiting):
        lot = fed.lot
        if reason := why_it_goes_round(lot, rounds=pools[lot.pool_id].recost_rounds):
            _give_up(lot.pk, reason, run_id)
        elif _change_cost(fed, waiting[lot.pk], in_between=in_between):
            changed.add(lot.pool_id)
    for pool_id in changed:
        # The note that the change left counts as a posting; but it was none.
        CostPool.objects.filter(pk=pool_id).update(recost_rounds=pools[pool_id].recost_rounds + 1)
    if run_id is not None and changed:
        with connection.cursor() as cursor:
            cursor.execute(_JOIN_THE_RUN, {"run": run_id, "pools": sorted(changed)})
        assign_levels(run_id=run_id)
    return len(waiting)


def _change_cost(fed: FedLot, waiting: LotRecost, *, in_between: bool) -> bool:
    """Bring the lot to what its feeds say, each change on its own day; return whether anything changed."""
    lot = fed.lot
    dated = []
    for day, change in fed.steps(waiting, in_between=in_between):
        event = lot_change(
            lot=lot,
            at=moment_on(day, lot),
            kind=LotCostEvent.Kind.FED,
            source_number=lot.source_number,
            value=change.value,
            value_other=change.value_other,
            account=default_account("variance") if change.value_other else None,
        )
        dated += [event.dated] if event else []
    rows = InventoryLot.objects.filter(pk=lot.pk)
    if len(dated) > 1:
        rows.update(cost_changed_on=max(dated))
    is_final = fed.is_final()
    rows.exclude(is_cost_final=is_final).update(is_cost_final=is_final)
    return bool(dated)
