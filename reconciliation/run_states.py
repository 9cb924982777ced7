"""The states of a run, each changed by one conditional update, so that any number of workers may try.

requested -> running -> finished | finished with errors | cancelled
"""

from typing import Any

from django.db import transaction
from django.db.models import Count, Q, Sum
from django.db.models.functions import Now

from reconciliation.models import ReconciliationRun, RunPool
from reconciliation.run_log import log_info, log_warning

State = ReconciliationRun.State


@transaction.atomic
def start(*, run_id: int) -> bool:
    """Mark a requested run as running. Return whether there is anything to work on."""
    if ReconciliationRun.objects.filter(pk=run_id, state=State.REQUESTED).update(state=State.RUNNING, started_at=Now()):
        log_info(run_id=run_id, message="Run started.")
    return ReconciliationRun.objects.filter(pk=run_id, state=State.RUNNING).exists()


@transaction.atomic
def cancel_waiting(*, run_id: int) -> None:
    """Take off the list what nobody is working on; batches under work are left to finish."""
    waiting = RunPool.objects.select_for_update(skip_locked=True, no_key=True).filter(
        run=run_id, state=RunPool.State.PENDING
    )
    cancelled = RunPool.objects.filter(pk__in=[row.pk for row in waiting]).update(
        state=RunPool.State.CANCELLED, finished_at=Now()
    )
    if cancelled:
        log_warning(run_id=run_id, message=f"Cancelled: {cancelled:,} pools were not reconciled and keep their work.")


@transaction.atomic
def finish_if_done(*, run_id: int) -> bool:
    """End the run when no pool waits any more, and write its totals. Return whether it has ended."""
    run = ReconciliationRun.objects.select_for_update(no_key=True).get(pk=run_id)
    if not run.is_active:
        return True
    if RunPool.objects.filter(run=run, state=RunPool.State.PENDING).exists():
        return False
    figures = totals_of(run)
    state = _end_state(run, figures)
    ReconciliationRun.objects.filter(pk=run_id).update(
        state=state, finished_at=Now(), **{name: figures[name] for name in _KEPT}
    )
    log_info(
        run_id=run_id,
        message=f"{state.label}: {figures['pools']:,} pools, {figures['usages']:,} usages,"
        f" {figures['allocations']:,} allocations, {figures['passes']:,} passes.",
    )
    return True


_KEPT = ("pools", "pools_failed", "usages", "allocations", "passes", "drawn", "given_back", "amount")


def totals_of(run: ReconciliationRun) -> dict[str, Any]:
    """Sum the work rows: true at any moment, whoever asks, also after a crash."""
    done = Q(state=RunPool.State.DONE)
    figures = RunPool.objects.filter(run=run).aggregate(
        pools_total=Count("pk"),
        usages_total=Sum("usages", default=0),
        pools=Count("pk", filter=done),
        pools_failed=Count("pk", filter=Q(state=RunPool.State.FAILED)),
        pools_cancelled=Count("pk", filter=Q(state=RunPool.State.CANCELLED)),
        usages=Sum("usages", filter=done, default=0),
        allocations=Sum("allocations", default=0),
        passes=Sum("passes", default=0),
        drawn=Sum("drawn", default=0),
        given_back=Sum("given_back", default=0),
        amount=Sum("amount", default=0),
    )
    return dict(figures)


def _end_state(run: ReconciliationRun, figures: dict[str, Any]) -> ReconciliationRun.State:
    if run.cancel_requested_at and figures["pools_cancelled"]:
        return State.CANCELLED
    return State.FINISHED_WITH_ERRORS if figures["pools_failed"] else State.FINISHED
