"""Load the demo data: the guides' own figures and a small company, ending with a real run."""

import io
import time
from collections.abc import Callable
from typing import BinaryIO

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from lots.models import Office
from reconciliation import requests, runner
from reconciliation.demo.company import make_company
from reconciliation.demo.documents import AFTER_THE_CLOSE, BEFORE_THE_CLOSE, close_the_year
from reconciliation.demo.guides import GIVE_BACK_BEFORE, GIVE_BACK_LOOP, UNALLOCATED, WALK_THROUGH
from reconciliation.demo.rows import HEADERS, Rows
from reconciliation.importing.files import Source
from reconciliation.importing.importer import import_records
from reconciliation.models import ReconciliationRun

OFFICES = {"AI": "Ann Arbor Office", "NY": "New York Office"}


class Command(BaseCommand):
    help = "Load the demo data and reconcile it. Doing it twice changes nothing."

    def handle(self, **_options: object) -> None:
        # The give-back loop begins with a lot that an earlier run used up.
        for rows in (
            Rows.joined([UNALLOCATED, GIVE_BACK_BEFORE, WALK_THROUGH, make_company()]),
            GIVE_BACK_LOOP,
        ):
            _load(rows)
            _reconcile()
        for code, name in OFFICES.items():
            Office.objects.filter(code=code, name="").update(name=name)
        _tell_the_year()
        self.stdout.write("The demo data is there: see Find Open Inventory Usage, and lot 40002 of Tech-003a.")


def _tell_the_year() -> None:
    """Add the year of documents to the imported records, and close it; what is there already is left as it is."""
    for stage in BEFORE_THE_CLOSE:
        if not stage.is_there():
            stage.make()
            _reconcile()
    if not AFTER_THE_CLOSE.is_there():
        close_the_year(now=timezone.now())
        AFTER_THE_CLOSE.make()
        _reconcile()


def _load(rows: Rows) -> None:
    sources = {kind: Source(f"demo {kind}.csv", _opener(rows.as_csv(kind))) for kind in HEADERS if getattr(rows, kind)}
    outcome = import_records(sources=sources)
    if outcome.problem_count:
        raise CommandError(f"The demo data was refused, nothing of it was written: {outcome.problems[0]}")


def _opener(content: bytes) -> Callable[[], BinaryIO]:
    return lambda: io.BytesIO(content)


def _reconcile() -> None:
    """Run until nothing waits, also where a worker has already taken it up."""
    active = ReconciliationRun.objects.filter(state__in=ReconciliationRun.ACTIVE)
    while active.exists() or requests.work_waits_for_a_run():
        run = requests.request_run(trigger=ReconciliationRun.Trigger.COMMAND, now=timezone.now())
        while not runner.work(run_id=run.pk):
            time.sleep(0.2)
