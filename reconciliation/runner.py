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
from datetime import timedelta
from typing import Any

from celery.exceptions import SoftTimeLimitExceeded
from django.conf import settings
from django.db import Error, connection, transaction
from django.db.models import F
from django.db.models.functions import Now
from django.utils import timezone
from psycopg.errors import LockNotAvailable

from inventory_site.arrays import int_array
from lots.locks import lock_pool_keys, preference_in_force
from lots.models import CostPool
from reconciliation.apply import apply_plans
from reconciliation.dating import book_days
from reconciliation.engine import CostMethod
from reconciliation.models import RunPool
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
        is_cancelled, lots_wait, pools_wait = _look(run_id)
        if is_cancelled:
            cancel_waiting(run_id=run_id)
            break
        if lots_wait:
            recost_waiting(run_id=run_id)
        elif not pools_wait:
            break
        batch = claim(run_id=run_id)
        if not batch:
            break
        work_on_batch(run_id=run_id, batch=batch)
    settle_costs()
    return finish_if_done(run_id=run_id)


_LOOK = """
SELECT cancel_requested_at IS NOT NULL, EXISTS (SELECT FROM usage_lotrecost),
    EXISTS (SELECT FROM reconciliation_runpool WHERE run_id = %(run)s AND state = 'PENDING')
FROM reconciliation_reconciliationrun WHERE id = %(run)s
"""


def _look(run_id: int) -> tuple[bool, bool, bool]:
    """Whether somebody wants the run cancelled, whether lots are to be costed anew, whether pools wait."""
    with connection.cursor() as cursor:
        cursor.execute(_LOOK, {"run": run_id})
        found: tuple[bool, bool, bool] = cursor.fetchone()
    return found


@transaction.atomic
def is_free_work_left(*, run_id: int) -> bool:
    """Whether a pool waits that nobody holds: perhaps claimed by a worker that died a moment ago."""
    waiting = RunPool.objects.select_for_update(skip_locked=True, no_key=True).filter(
        run=run_id, state=RunPool.State.PENDING
    )
    return waiting.first() is not None


# The moment is the database's, so that workers on several machines agree. Components first: a level begins when nobody
# works on the one below it any more. How many rows make a batch is a look without locks, so that far fewer rows are
# locked than looked at.
_FREE = "run_id = %(run)s AND state = 'PENDING' AND level = {level} AND (claimed_at IS NULL OR claimed_at < {moment})"
_WORTH_LOCKING = f"""
SELECT present.moment, lowest.level, 1 + (
    SELECT count(*) FROM (
        SELECT sum(usages) OVER (ORDER BY id) AS total FROM (
            SELECT id, usages FROM reconciliation_runpool
            WHERE {_FREE.format(level="lowest.level", moment="present.moment - %(kept)s")}
            ORDER BY id LIMIT %(window)s
        ) AS free
    ) AS running WHERE total <= %(usages)s
)
FROM (SELECT clock_timestamp() AS moment OFFSET 0) AS present, (
    SELECT min(level) AS level FROM reconciliation_runpool WHERE run_id = %(run)s AND state = 'PENDING'
) AS lowest
"""  # noqa: S608  (our own constant text)
_LOCK_FREE = f"""
SELECT id, run_id, pool_id, usages, batch_limit, attempts_alone FROM reconciliation_runpool
WHERE {_FREE.format(level="%(level)s", moment="%(moment)s - %(kept)s")}
ORDER BY id LIMIT %(count)s FOR NO KEY UPDATE SKIP LOCKED
"""  # noqa: S608  (our own constant text)
# If this batch has to be tried again, it comes in halves.
_COUNT_ATTEMPT = """
UPDATE reconciliation_runpool SET claimed_at = %(moment)s, attempts = attempts + 1,
    attempts_alone = attempts_alone + %(alone)s, batch_limit = %(limit)s
WHERE id = ANY(%(rows)s::bigint[])
"""


@transaction.atomic
def claim(*, run_id: int) -> list[RunPool]:
    """Take the next batch and count the attempt before it begins: a pool that kills its worker is found out."""
    asked: dict[str, Any] = {
        "run": run_id,
        "kept": timedelta(seconds=CLAIM_SECONDS),
        "window": CLAIM_WINDOW,
        "usages": settings.BATCH_USAGES,
    }
    with connection.cursor() as cursor:
        cursor.execute(_WORTH_LOCKING, asked)
        moment, level, count = cursor.fetchone()
        if level is None:
            return []
        waiting = list(RunPool.objects.raw(_LOCK_FREE, {**asked, "moment": moment, "level": level, "count": count}))
        for row in waiting:
            if row.attempts_alone >= MAX_ATTEMPTS:
                _set_aside(row, WORKER_DIED)
        batch = batch_of([row for row in waiting if row.attempts_alone < MAX_ATTEMPTS])
        for row in batch:
            row.claimed_at = moment
        if batch:
            changes: dict[str, Any] = {
                "moment": moment,
                "alone": int(len(batch) == 1),
                "limit": max(1, len(batch) // 2),
            }
            cursor.execute(_COUNT_ATTEMPT, {**changes, "rows": int_array(row.pk for row in batch)})
    return batch


def batch_of(waiting: Sequence[RunPool]) -> list[RunPool]:
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


# Rows that somebody else took over since are left to them. A claim that just missed ours may hold a row for a moment,
# so wait: passed over, it would lie until our claim on it ran out.
_LOCK_CLAIMED = """
SELECT work.id, work.pool_id, run.cogs_method
FROM reconciliation_runpool AS work JOIN reconciliation_reconciliationrun AS run ON run.id = work.run_id
WHERE work.id = ANY(%(rows)s::bigint[]) AND work.state = 'PENDING' AND work.claimed_at = %(moment)s
ORDER BY work.id FOR NO KEY UPDATE OF work
"""


@transaction.atomic
def _reconcile_batch(*, run_id: int, batch: Sequence[RunPool]) -> None:
    started = time.monotonic()
    with connection.cursor() as cursor:
        # Whoever holds these pools, such as a large import, may need longer than a task may take.
        cursor.execute("SET LOCAL lock_timeout = %s", [f"{LOCK_SECONDS}s"])
        cursor.execute(_LOCK_CLAIMED, {"rows": int_array(row.pk for row in batch), "moment": batch[0].claimed_at})
        rows = cursor.fetchall()
    if not rows:
        return
    # Before the pools: no period is closed while this batch is written.
    preference = preference_in_force()
    days = book_days(posting_date=preference.posting_date, today=timezone.localdate(batch[0].claimed_at))
    pools = lock_pool_keys([pool for _, pool, _ in rows])
    method = CostMethod(rows[0][2])
    with garbage_collection_off():
        plans = [plan_pool(snapshot, method) for snapshot in read_snapshots(pools)]
        apply_plans(run_id=run_id, plans=plans, days=days, account_cost=preference.account_cost_id)
        write_results(rows=[row for row, _, _ in rows], plans=plans)
    usages = sum(len(plan.snapshot.usages) for plan in plans)
    allocations = sum(plan.allocation_count for plan in plans)
    log_info(
        run_id=run_id,
        message=f"Reconciled {len(plans):,} pools: {usages:,} usages, {allocations:,} allocations"
        f" in {time.monotonic() - started:.1f} s.",
    )


@contextmanager
def garbage_collection_off() -> Iterator[None]:
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
