"""Asking for a run: rows first, then a wake-up. Used by the button, the command, the schedule and the sweeper."""

import logging
from collections.abc import Collection
from datetime import date, datetime

from celery import current_app
from django.contrib.auth.models import User
from django.db import IntegrityError, connection, transaction
from django.db.models import Exists, OuterRef, Q

from lots.locks import preference_in_force
from lots.models import CostPool
from reconciliation.models import ReconciliationRun, RunPool
from reconciliation.models.runs import NO_BATCH_LIMIT
from reconciliation.recosting import assign_levels
from reconciliation.run_log import log_info, log_warning
from reconciliation.run_states import cancel_waiting, finish_if_done

logger = logging.getLogger(__name__)

State = ReconciliationRun.State
Trigger = ReconciliationRun.Trigger

# One per pool process of the usual worker; more would find nothing to claim.
WAKE_UPS = 2
# A short run may begin and end between being refused for it and looking for it; nobody is so unlucky this often.
ASK_AT_MOST = 10
WORK_TASK = "reconciliation.tasks.work_on_run"


def request_run(
    *,
    trigger: ReconciliationRun.Trigger,
    now: datetime,
    requested_by: User | None = None,
    codes: Collection[str] | None = None,
    slot: date | None = None,
) -> ReconciliationRun:
    """Ask for a run over everything with open work, or over chosen codes, and wake the workers after the commit.

    Returns the run that is already under way when one over everything is active or the slot is taken: asking twice
    starts nothing twice.
    """
    is_one_at_most = codes is None or slot is not None
    taken = Q(pk=None)
    if codes is None:
        taken |= Q(is_everything=True, state__in=ReconciliationRun.ACTIVE)
    if slot is not None:
        taken |= Q(schedule_slot=slot)
    for attempts_left in reversed(range(ASK_AT_MOST)):
        if is_one_at_most and (under_way := ReconciliationRun.objects.filter(taken).order_by("pk").last()):
            return under_way  # looked up first, because an insert that is refused would use up a run number
        try:
            return _start_run(trigger=trigger, now=now, requested_by=requested_by, codes=codes, slot=slot)
        except IntegrityError:
            # Somebody asked at the same moment: theirs is found now, unless it has ended already.
            if not attempts_left:
                raise
    raise AssertionError("The last attempt returns or raises.")


@transaction.atomic
def _start_run(
    *,
    trigger: ReconciliationRun.Trigger,
    now: datetime,
    requested_by: User | None,
    codes: Collection[str] | None,
    slot: date | None,
) -> ReconciliationRun:
    run = _insert_run(trigger=trigger, now=now, requested_by=requested_by, everything=codes is None, slot=slot)
    pools = _insert_work(run, codes)
    assign_levels(run_id=run.pk)
    # One pool keeps one worker busy; a run of none wants somebody to end it.
    transaction.on_commit(lambda: wake(run_id=run.pk, count=min(WAKE_UPS, max(1, pools))))
    return run


def _insert_run(
    *, trigger: ReconciliationRun.Trigger, now: datetime, requested_by: User | None, everything: bool, slot: date | None
) -> ReconciliationRun:
    preference = preference_in_force()
    run = ReconciliationRun.objects.create(
        trigger=trigger,
        requested_by=requested_by,
        requested_at=now,
        is_everything=everything,
        schedule_slot=slot,
        cogs_method=preference.cogs_method,
        prevent_inter_office=preference.prevent_inter_office,
    )
    by = requested_by.get_username() if requested_by else "the system"
    log_info(run_id=run.pk, message=f"Requested by {by} ({run.get_trigger_display()}), {run.cogs_method}.")
    return run


_WORK = """
INSERT INTO reconciliation_runpool (run_id, pool_id, state, usages, attempts, attempts_alone, batch_limit, error,
    allocations, passes, drawn, given_back, amount, open_usages, unallocated, trace, remarks)
SELECT %(run)s, pool.id, 'PENDING', pool.open_count, 0, 0, %(batch_limit)s, '', 0, 0, 0, 0, 0, 0, 0, '[]', '[]'
FROM lots_costpool AS pool JOIN lots_lineitemcode AS code ON code.id = pool.code_id
WHERE CASE WHEN %(codes)s::text[] IS NULL THEN pool.has_work ELSE code.code = ANY(%(codes)s::text[]) END
    AND (%(with_set_aside)s OR NOT pool.is_set_aside)
ORDER BY pool.id
"""


def _insert_work(run: ReconciliationRun, codes: Collection[str] | None) -> int:
    """Write the work list, set-wise: somebody waits for it. Return how many pools stand on it.

    Chosen codes are taken whatever their notes say.

    A run that starts on its own leaves alone what an earlier one set aside; one that is asked for tries it again.
    """
    parameters = {
        "run": run.pk,
        "batch_limit": NO_BATCH_LIMIT,
        "codes": None if codes is None else list(codes),
        "with_set_aside": run.trigger != Trigger.POSTING,
    }
    with connection.cursor() as cursor:
        cursor.execute(_WORK, parameters)
        count: int = cursor.rowcount
    return count


def cancel_run(*, run: ReconciliationRun, requested_by: User | None, now: datetime) -> None:
    """Stop a run between batches. What was reconciled stays; the rest keeps its work for a later run."""
    changed = ReconciliationRun.objects.filter(
        pk=run.pk, state__in=ReconciliationRun.ACTIVE, cancel_requested_at__isnull=True
    ).update(cancel_requested_at=now)
    if not changed:
        return
    by = requested_by.get_username() if requested_by else "the system"
    log_warning(run_id=run.pk, message=f"Cancel requested by {by}.")
    # Whatever nobody works on is taken off the list here, so that it works without a worker too.
    cancel_waiting(run_id=run.pk)
    finish_if_done(run_id=run.pk)


def retry_failed(*, run: ReconciliationRun, requested_by: User | None, now: datetime) -> ReconciliationRun:
    """Start a run over the codes that this one set aside."""
    codes = set(RunPool.objects.filter(run=run, state=RunPool.State.FAILED).values_list("pool__code__code", flat=True))
    return request_run(trigger=Trigger.RETRY, now=now, requested_by=requested_by, codes=codes)


def work_waits_for_a_run() -> bool:
    """Whether a posting left work that nobody set aside or cancelled since: a run may start for it on its own."""
    cancelled_since = RunPool.objects.filter(
        pool=OuterRef("pk"), state=RunPool.State.CANCELLED, finished_at__gte=OuterRef("work_noted_at")
    )
    return CostPool.objects.filter(~Exists(cancelled_since), has_work=True, is_set_aside=False).exists()


def wake(*, run_id: int, count: int = WAKE_UPS) -> None:
    """Tell the workers, as a best effort: the rows are there, and the sweeper finds what was not announced."""
    try:
        for _ in range(count):
            current_app.send_task(WORK_TASK, kwargs={"run_id": run_id}, retry=False)
    except Exception as error:  # (a broker may fail in any way; none may reach the user)
        logger.warning("run %s: the broker did not take the wake-up (%s); the sweeper will.", run_id, error)
