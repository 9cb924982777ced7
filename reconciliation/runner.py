"""One run: claim a batch of pools, lock, read, plan, check, write, commit; again until nothing is left.

What makes it survive being killed at any instant:

* The work list is rows in PostgreSQL. A batch is claimed in a transaction of its own, which counts the attempt; then
  its work rows are locked for as long as the work lasts. A worker that dies drops the locks: the rows are free again.
* All that a batch writes is one transaction, so it happened or it did not.
* A batch that fails, or whose worker dies, is tried again in halves until the sick pool stands alone; a pool that fails
  three times alone is set aside with its error while the others finish.
* A second delivery of a message finds nothing to claim and goes home.
"""

import gc
import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import accumulate

from celery.exceptions import SoftTimeLimitExceeded
from django.conf import settings
from django.db import Error, connection, transaction
from django.db.models import F, Min, QuerySet
from django.db.models.functions import Now
from django.utils import timezone
from psycopg.errors import LockNotAvailable

from lots.locks import lock_pools, preference_in_force
from lots.models import CostPool
from reconciliation.apply import apply_plans
from reconciliation.dating import book_days
from reconciliation.engine import CostMethod
from reconciliation.models import ReconciliationRun, RunPool
from reconciliation.models.runs import MAX_ATTEMPTS
from reconciliation.planning import plan_pool
from reconciliation.recosting import recost_waiting, settle_costs
from reconciliation.results import write_results
from reconciliation.run_log import log_error, log_info, log_warning
from reconciliation.run_states import cancel_waiting, finish_if_done, start
from reconciliation.snapshot import read_snapshots

logger = logging.getLogger(__name__)

# Between the commit of a claim and the locking of its rows, others keep off for this long.
CLAIM_SECONDS = 3
# How long a batch waits for pools that somebody else holds before it is left for later.
LOCK_SECONDS = 10
# How many work rows a claim looks at. It bounds a batch too: pools of one usage each would make endless ones.
CLAIM_WINDOW = 1_000
# So many pools set aside and none done: something general is wrong.
FAILURES_WITHOUT_SUCCESS = 10
WORKER_DIED = "The worker died each time it tried this pool alone (out of memory, killed, or stuck)."


def work(*, run_id: int, seconds: float | None = None) -> bool:
    """Work on a run until nothing is left to claim, or for about so many seconds. Return whether the run has ended.

    If it has not, either the time ran out or others hold what is left (`is_free_work_left` tells).

    Any number of workers may do this at once. Raises a database error when the server goes away; nothing is lost then.
    """
    started = time.monotonic()
    if not start(run_id=run_id):
        return True
    while seconds is None or time.monotonic() - started < seconds:
        if ReconciliationRun.objects.filter(pk=run_id, cancel_requested_at__isnull=False).exists():
            cancel_waiting(run_id=run_id)
            break
        recost_waiting(run_id=run_id)
        batch = claim(run_id=run_id)
        if not batch:
            break
        work_on_batch(run_id=run_id, batch=batch)
    settle_costs()
    return finish_if_done(run_id=run_id)


@transaction.atomic
def is_free_work_left(*, run_id: int) -> bool:
    """Whether a pool waits that nobody holds: perhaps claimed by a worker that died a moment ago."""
    waiting = RunPool.objects.select_for_update(skip_locked=True, no_key=True).filter(
        run=run_id, state=RunPool.State.PENDING
    )
    return waiting.first() is not None


@transaction.atomic
def claim(*, run_id: int) -> list[RunPool]:
    """Take the next batch and count the attempt before it begins: a pool that kills its worker is found out."""
    # The database's clock, so that workers on several machines agree.
    claimed_at = _database_moment()
    waiting_at_all = RunPool.objects.filter(run=run_id, state=RunPool.State.PENDING)
    # Components first: a level begins when nobody works on the one below it any more.
    level = waiting_at_all.order_by().aggregate(level=Min("level"))["level"]
    free = (
        waiting_at_all.filter(level=level or 0)
        .exclude(claimed_at__gte=claimed_at - timedelta(seconds=CLAIM_SECONDS))
        .order_by("pk")
    )
    waiting = list(free.select_for_update(skip_locked=True, no_key=True)[: _pools_worth_locking(free)])
    for row in waiting:
        if row.attempts_alone >= MAX_ATTEMPTS:
            _set_aside(row, WORKER_DIED)
    batch = _batch_of([row for row in waiting if row.attempts_alone < MAX_ATTEMPTS])
    for row in batch:
        row.claimed_at = claimed_at
    RunPool.objects.filter(pk__in=[row.pk for row in batch]).update(
        claimed_at=claimed_at,
        attempts=F("attempts") + 1,
        attempts_alone=F("attempts_alone") + int(len(batch) == 1),
        # If this batch has to be tried again, it comes in halves.
        batch_limit=max(1, len(batch) // 2),
    )
    return batch


def _pools_worth_locking(free: QuerySet[RunPool]) -> int:
    """About how many rows make a batch: a look without locks, so that far fewer rows are locked than looked at."""
    usages = accumulate(free.values_list("usages", flat=True)[:CLAIM_WINDOW])
    return 1 + sum(1 for total in usages if total <= settings.BATCH_USAGES)


def _database_moment() -> datetime:
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        moment: datetime = cursor.fetchone()[0]
    return moment


def _batch_of(waiting: Sequence[RunPool]) -> list[RunPool]:
    """Take rows from the front: as many usages as a batch may hold, as many pools as each of them may share it with."""
    batch: list[RunPool] = []
    usages, limit = 0, CLAIM_WINDOW
    for row in waiting:
        usages, limit = usages + row.usages, min(limit, row.batch_limit)
        if batch and (usages > settings.BATCH_USAGES or len(batch) >= limit):
            break
        batch.append(row)
    return batch


def work_on_batch(*, run_id: int, batch: Sequence[RunPool]) -> None:
    """Reconcile the pools of a batch in one transaction; a failure undoes all of it and is written down."""
    try:
        _reconcile_batch(run_id=run_id, batch=batch)
    except Error as error:
        if not connection.is_usable():
            raise  # The database is gone, which is nobody's fault; the claim runs out by itself.
        if isinstance(error.__cause__, LockNotAvailable):
            _leave_for_later(batch)
            return
        _give_back_to_the_list(run_id=run_id, batch=batch, error=error)
    except SoftTimeLimitExceeded as error:
        _give_back_to_the_list(run_id=run_id, batch=batch, error=error)
        raise
    except Exception as error:
        logger.exception("run %s: a batch of %s pools failed", run_id, len(batch))
        _give_back_to_the_list(run_id=run_id, batch=batch, error=error)


def _leave_for_later(batch: Sequence[RunPool]) -> None:
    """Somebody else holds the pools. That is no failure: the attempt does not count, and the batch keeps its size."""
    RunPool.objects.filter(
        pk__in=[row.pk for row in batch], state=RunPool.State.PENDING, claimed_at=batch[0].claimed_at
    ).update(
        attempts=F("attempts") - 1, attempts_alone=F("attempts_alone") - int(len(batch) == 1), batch_limit=len(batch)
    )


@transaction.atomic
def _reconcile_batch(*, run_id: int, batch: Sequence[RunPool]) -> None:
    started = time.monotonic()
    with connection.cursor() as cursor:
        # Whoever holds these pools, such as a large import, may need longer than a task may take.
        cursor.execute("SET LOCAL lock_timeout = %s", [f"{LOCK_SECONDS}s"])
    # Rows that somebody else took over since are left to them. A claim that just missed ours may hold a row for a
    # moment, so wait: passed over, it would lie until our claim on it ran out.
    rows = list(
        RunPool.objects.select_for_update(no_key=True)
        .filter(pk__in=[row.pk for row in batch], state=RunPool.State.PENDING, claimed_at=batch[0].claimed_at)
        .order_by("pk")
    )
    if not rows:
        return
    run = ReconciliationRun.objects.get(pk=run_id)
    # Before the pools: no period is closed while this batch is written.
    preference = preference_in_force()
    days = book_days(posting_date=preference.posting_date, today=timezone.localdate(batch[0].claimed_at))
    pools = lock_pools([row.pool_id for row in rows])
    method = CostMethod(run.cogs_method)
    with _garbage_collection_off():
        plans = [plan_pool(snapshot, method) for snapshot in read_snapshots([pool.pk for pool in pools])]
        apply_plans(run_id=run_id, plans=plans, days=days)
        write_results(rows=rows, plans=plans)
    usages = sum(len(plan.snapshot.usages) for plan in plans)
    allocations = sum(plan.allocation_count for plan in plans)
    log_info(
        run_id=run_id,
        message=f"Reconciled {len(plans):,} pools: {usages:,} usages, {allocations:,} allocations"
        f" in {time.monotonic() - started:.1f} s.",
    )


@contextmanager
def _garbage_collection_off() -> Iterator[None]:
    """A batch makes records by the ten thousand and no cycles; looking for some took a seventh of the planning."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


@transaction.atomic
def _give_back_to_the_list(*, run_id: int, batch: Sequence[RunPool], error: Exception) -> None:
    """Nothing of the batch was written: free it to be tried again in halves, or set a pool aside that stands alone."""
    reason = f"{type(error).__name__}: {error}".replace("\0", " ")  # which PostgreSQL cannot keep
    rows = RunPool.objects.select_for_update(no_key=True).filter(
        pk__in=[row.pk for row in batch], state=RunPool.State.PENDING, claimed_at=batch[0].claimed_at
    )
    for row in rows:
        if row.attempts_alone >= MAX_ATTEMPTS:
            _set_aside(row, reason)
            _stop_if_nothing_works(run_id=run_id, reason=reason)
    still = RunPool.objects.filter(pk__in=[row.pk for row in rows], state=RunPool.State.PENDING)
    if still.update(claimed_at=None, error=reason):
        again = "alone" if len(batch) <= 2 else "in halves"
        log_warning(
            run_id=run_id,
            message=f"A batch of {len(batch):,} pools failed and was undone; trying again {again}. {reason}",
            pool_id=batch[0].pool_id if len(batch) == 1 else None,
        )


def _stop_if_nothing_works(*, run_id: int, reason: str) -> None:
    """Where pool after pool fails and none succeeds, it is not the pools: end the run, do not try each in turn."""
    work = RunPool.objects.filter(run=run_id)
    if work.filter(state=RunPool.State.DONE).exists():
        return
    if work.filter(state=RunPool.State.FAILED).count() >= FAILURES_WITHOUT_SUCCESS:
        # Rows that somebody is working on are left to them: waiting for them here could be a deadlock.
        waiting = work.filter(state=RunPool.State.PENDING).select_for_update(skip_locked=True, no_key=True)
        rows = {row.pk: row.pool_id for row in waiting}
        RunPool.objects.filter(pk__in=rows).update(state=RunPool.State.CANCELLED, error=reason, finished_at=Now())
        # No run starts on its own for them either, or the sweeper would begin the same again at once.
        CostPool.objects.filter(pk__in=rows.values()).update(is_set_aside=True)
        log_error(
            run_id=run_id,
            message=f"Stopped: {FAILURES_WITHOUT_SUCCESS} pools failed and none succeeded, so {len(rows):,} more were"
            " not tried. They keep their work.",
        )


def _set_aside(row: RunPool, reason: str) -> None:
    RunPool.objects.filter(pk=row.pk).update(state=RunPool.State.FAILED, error=reason, finished_at=Now())
    CostPool.objects.filter(pk=row.pool_id).update(is_set_aside=True)
    log_error(
        run_id=row.run_id,
        message=f"Set aside after {MAX_ATTEMPTS} attempts; nothing of it was written. {reason}",
        pool_id=row.pool_id,
    )
