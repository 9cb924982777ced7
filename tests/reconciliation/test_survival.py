"""Nothing is lost and nothing doubled: workers killed, messages lost or doubled, statements failing, many at once."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import redis
from django.conf import settings
from django.db import OperationalError, connection
from django.utils import timezone

from lots.models import LineItemCode
from reconciliation import requests, runner
from reconciliation.models import CogsAllocation, ReconciliationRun, RunPool
from reconciliation.run_states import start
from tests.harness.databases import CommittedDatabase
from tests.harness.worker import Worker
from tests.reconciliation.oracle import actual_run, expect_run
from tests.reconciliation.records import FIRST_DAY, Trigger, culprits, receive, run_now, use
from usage.models import OpenUsage

BASE_DIR = Path(__file__).resolve().parent.parent.parent
CODES = 150


def make_work(codes: int = CODES) -> None:
    """Give every code a lot, sales that do not all fit, and a return."""
    for n in range(codes):
        code = LineItemCode.objects.create(code=f"C{n:03d}", est_unit_cost=1)
        receive(code, "7", f"{n + 1}.01")
        sale = use(code, "4")
        use(code, str(n % 9 + 1), day=2)
        use(code, "-2", day=3, original=sale)


def request() -> ReconciliationRun:
    return requests.request_run(trigger=Trigger.BUTTON, now=timezone.now())


def done(run: ReconciliationRun) -> int:
    return RunPool.objects.filter(run=run, state=RunPool.State.DONE).count()


def has_ended(run: ReconciliationRun) -> bool:
    run.refresh_from_db()
    return not run.is_active


@pytest.mark.parametrize("kills", [2, pytest.param(10, marks=pytest.mark.full)])
def test_killing_the_worker_again_and_again_changes_nothing_in_the_outcome(
    worker: Worker, wait_until: Callable[..., None], kills: int
) -> None:
    make_work()
    expected = expect_run()
    worker.environment["BATCH_USAGES"] = "3"  # one pool a batch: many instants to be killed at
    run = request()
    for kill in range(1, kills + 1):
        worker.start(beat=kill == 1)  # messages die with a worker; the sweeper, which beat wakes, finds the run
        wait_until(lambda goal=kill: done(run) >= goal * CODES // (2 * kills), what="some pools to be done")
        worker.kill9()
    assert not has_ended(run)
    worker.start()
    wait_until(lambda: has_ended(run), seconds=180, what="the run to end by itself")
    assert run.state == ReconciliationRun.State.FINISHED
    assert actual_run(run) == expected
    assert culprits() == {}
    worker.stop()
    assert run_now().allocations == 0


def test_a_run_goes_on_after_the_broker_lost_everything(worker: Worker, wait_until: Callable[..., None]) -> None:
    make_work(20)
    run = request()
    with redis.Redis.from_url(settings.REDIS_URL) as broker:
        broker.delete(settings.CELERY_TASK_DEFAULT_QUEUE)
    worker.start(beat=True)
    wait_until(lambda: has_ended(run), what="the sweeper to find the run")
    assert (run.state, run.pools) == ("FINISHED", 20)


def test_work_that_a_posting_left_is_reconciled_without_anybody_asking(
    worker: Worker, wait_until: Callable[..., None]
) -> None:
    worker.start(beat=True)
    make_work(3)
    wait_until(lambda: CogsAllocation.objects.values("usage__code").distinct().count() == 3, what="a run on its own")
    wait_until(lambda: not ReconciliationRun.objects.filter(finished_at=None).exists(), what="the run to end")
    assert set(ReconciliationRun.objects.values_list("trigger", flat=True)) == {Trigger.POSTING}


def test_the_command_takes_over_what_a_dead_worker_left(committed_db: CommittedDatabase) -> None:
    make_work(6)
    expected = expect_run()
    run = request()
    start(run_id=run.pk)
    runner.claim(run_id=run.pk)  # and then it died
    finished = _manage(committed_db, "reconcile", "--json")
    assert finished.returncode == 0, finished.stderr
    assert has_ended(run)
    assert f'"run": {run.pk}' in finished.stdout
    assert actual_run(run) == expected


def test_a_broker_that_is_down_costs_a_delay_and_no_error(committed_db: CommittedDatabase) -> None:
    make_work(2)
    finished = _manage(committed_db, "reconcile", "--json", REDIS_URL="redis://127.0.0.1:1/0")
    assert finished.returncode == 0, finished.stderr
    assert not OpenUsage.objects.filter(quantity_unallocated__lt=0).exists()


def _manage(database: CommittedDatabase, *arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    given = {**os.environ, "DJANGO_SETTINGS_MODULE": "inventory_site.settings", "DATABASE_URL": database.url}
    given["REDIS_URL"] = settings.REDIS_URL
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=BASE_DIR, env={**given, **environment}, capture_output=True, text=True, timeout=200, check=False,
    )  # fmt: skip


def test_two_workers_share_a_run_and_never_touch_one_pool(
    committed_db: CommittedDatabase, concurrently: Callable[..., list[object]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "BATCH_USAGES", 6)
    make_work(40)
    expected = expect_run()
    run = request()
    results = concurrently(*[lambda: runner.work(run_id=run.pk)] * 4)
    assert not [result for result in results if isinstance(result, Exception)]
    assert runner.work(run_id=run.pk)
    assert actual_run(run) == expected
    assert set(RunPool.objects.values_list("attempts", flat=True)) == {1}


def test_postings_and_runs_on_the_same_codes_at_once_lose_nothing(
    committed_db: CommittedDatabase, concurrently: Callable[..., list[object]]
) -> None:
    codes = [LineItemCode.objects.create(code=f"C{n}", est_unit_cost=2) for n in range(4)]

    def post() -> None:
        for day in range(8):
            for code in codes:
                receive(code, "3", "10.00", day=day)
                use(code, "4", day=day)

    def reconcile() -> None:
        for _ in range(10):
            run_id = requests.request_run(trigger=Trigger.BUTTON, now=FIRST_DAY).pk
            runner.work(run_id=run_id)

    results = concurrently(post, reconcile, post, reconcile)
    assert results == [None] * 4
    for run_id in ReconciliationRun.objects.filter(finished_at=None).values_list("pk", flat=True):
        runner.work(run_id=run_id)
    run_now()
    assert culprits() == {}
    assert sum(OpenUsage.objects.values_list("quantity_unallocated", flat=True)) == 4 * 8 * 2 * (4 - 3)


class FailsAt:
    """Lets statement after statement pass and raises at the Nth, as a server that goes away would."""

    def __init__(self, number: int) -> None:
        self.number, self.count = number, 0

    def __call__(self, execute: Callable[..., object], sql: str, *rest: object) -> object:
        self.count += 1
        if self.count == self.number:
            raise OperationalError(f"statement {self.number} failed on purpose")
        return execute(sql, *rest)


@pytest.mark.django_db
def test_whichever_statement_fails_the_state_is_before_or_after(db: None) -> None:
    make_work(2)
    expected = expect_run()
    run = request()
    number, failures = 0, 0
    while not has_ended(run):
        number += 1
        RunPool.objects.filter(run=run, state=RunPool.State.PENDING).update(
            claimed_at=None, attempts_alone=0, batch_limit=1_000
        )
        faulty = FailsAt(number)
        try:
            with connection.execute_wrapper(faulty):
                runner.work(run_id=run.pk)
        except OperationalError:
            failures += 1
        assert CogsAllocation.objects.count() in (0, len(expected.rows))
        assert culprits() == {}
        assert number < 200
    assert failures > 5
    assert actual_run(run) == expected
