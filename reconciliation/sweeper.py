"""The watchman of background work: wakes what was lost, ends what is done, and starts what postings left behind.

Everything it looks at is rows, so it heals the same whether a message was lost, a worker was killed, or the broker came
back empty.
"""

import logging
from collections.abc import Callable
from datetime import datetime
from functools import partial

from django.utils import timezone

from inventory_site.sent_forms import forget_old
from reconciliation import requests
from reconciliation.importing.jobs import sweep_imports
from reconciliation.journal_sums import sum_journal
from reconciliation.models import ReconciliationRun
from reconciliation.recosting import recost_waiting
from reconciliation.run_states import finish_if_done

logger = logging.getLogger(__name__)

Trigger = ReconciliationRun.Trigger


def sweep(*, now: datetime) -> None:
    """Wake workers for every active run that still has work, and start a run for work that none covers."""
    for run_id in _active_runs():
        _heal("a run", partial(_go_on_with, run_id=run_id))
    _heal("the imports", partial(sweep_imports, now=now))
    _heal("the cost of fed lots", cost_what_no_run_will)
    _heal("what waits", partial(start_what_waits, now=now))
    _heal("the sums of the journal", sum_journal)


def _heal(what: str, action: Callable[[], object]) -> None:
    """One thing that cannot be healed must not keep the others from it."""
    try:
        action()
    except Exception:
        logger.exception("the sweep could not see to %s", what)


def _go_on_with(*, run_id: int) -> None:
    if not finish_if_done(run_id=run_id):
        requests.wake(run_id=run_id)


def _active_runs() -> list[int]:
    active = ReconciliationRun.objects.filter(state__in=ReconciliationRun.ACTIVE)
    return list(active.order_by("pk").values_list("pk", flat=True))


def cost_what_no_run_will() -> None:
    """Cost lots anew whose feeds changed, where neither a run is under way nor work waits for one.

    A run sees to them itself, once what goes into them is reconciled; beside it, their cost would be posted in steps.
    """
    if not _active_runs() and not requests.work_waits_for_a_run():
        recost_waiting()


def start_what_waits(*, now: datetime) -> None:
    """Start a run for what postings and imports left, unless one covers it."""
    if requests.work_waits_for_a_run():
        requests.request_run(trigger=Trigger.POSTING, now=now)


def wake_again(*, run_id: int) -> None:
    """Hand a run on to the next message: a task ends in good time, a run when it is done."""
    requests.wake(run_id=run_id, count=1)


def at_night(*, now: datetime) -> None:
    """What is due once a night. Done twice it changes nothing."""
    _heal("the forms that were sent", partial(forget_old, now=now))
    request_nightly_run(now=now)


def request_nightly_run(*, now: datetime) -> None:
    """Ask for the run of this night, once, however many schedulers there are."""
    requests.request_run(trigger=Trigger.SCHEDULE, now=now, slot=timezone.localdate(now))
