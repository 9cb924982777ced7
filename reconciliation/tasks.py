"""Celery's doors: two lines each. A message is a wake-up and carries ids only; unknown arguments are let pass."""

from celery import shared_task
from django.contrib.auth.models import User
from django.utils import timezone

from reconciliation import accruals, checking, runner, sweeper
from reconciliation.importing import worker

# Shorter than the soft time limit, so that a long run comes in many messages and none outlives its visibility.
WORK_SECONDS = 45.0


@shared_task(name="reconciliation.tasks.work_on_run")
def work_on_run(*, run_id: int, **_later: object) -> None:
    """Work on a run for a while. Who is still needed after that is woken again; where others hold the rest, nobody."""
    if not runner.work(run_id=run_id, seconds=WORK_SECONDS) and runner.is_free_work_left(run_id=run_id):
        sweeper.wake_again(run_id=run_id)


@shared_task(name="reconciliation.tasks.sweep")
def sweep(**_later: object) -> None:
    """Find what was lost, and start what nobody asked for."""
    sweeper.sweep(now=timezone.now())


@shared_task(name="reconciliation.tasks.nightly_run")
def nightly_run(**_later: object) -> None:
    """Ask for the night's run, and forget what is old; two schedulers ask twice and get one."""
    sweeper.at_night(now=timezone.now())


# One transaction. Half a million rows of items, lots and usage take a minute or two; documents are posted one by one, a
# full file in up to 25 minutes. A message that the broker delivers again meanwhile finds the import locked and goes
# home.
@shared_task(name="reconciliation.tasks.run_import_job", soft_time_limit=3_300, time_limit=3_600)
def run_import_job(*, import_id: int, **_later: object) -> None:
    """Check or import uploaded files, whichever is due."""
    if worker.work_on_import(import_id=import_id):
        # The clock is read again: the import may have taken minutes.
        sweeper.start_what_waits(now=timezone.now())


# It reads every fact, and how many there are nobody knows.
@shared_task(name="reconciliation.tasks.check_ledger", soft_time_limit=1_700, time_limit=1_800)
def check_ledger(*, by_id: int | None = None, **_later: object) -> None:
    """Verify the ledger, for whoever asked or for the schedule, and keep what was found."""
    checking.ledger_check(by=User.objects.filter(pk=by_id or 0).first(), now=timezone.now())


# All open usage, in batches of a transaction each; as much as is open may take a while.
@shared_task(name="reconciliation.tasks.accrue_cogs", soft_time_limit=1_700, time_limit=1_800)
def accrue_cogs(*, by_id: int | None = None, **_later: object) -> None:
    """Book the estimated cost of what is unallocated, for whoever asked or for the schedule."""
    accruals.accrue_nightly(now=timezone.now(), by=User.objects.filter(pk=by_id or 0).first())
