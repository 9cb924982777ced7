"""An import that somebody asked for on the page: checked by a worker, imported once, whatever is killed or doubled."""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

import pytest
from celery import current_app
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, connection, connections
from django.utils import timezone

from lots.models import LineItemCode
from reconciliation import sweeper, tasks
from reconciliation.importing import jobs, worker
from reconciliation.importing.reports import MAX_ATTEMPTS
from reconciliation.models import ImportFile, ImportJob, ReconciliationRun
from reconciliation.verify import verify_ledger
from tests.harness.databases import CommittedDatabase
from tests.harness.people import make_person
from tests.harness.worker import Worker
from tests.reconciliation.import_files import HEADERS, ROWS, Row, csv_text
from usage.models import InventoryUsage

State = ImportJob.State
Wait = Callable[..., None]


@pytest.fixture(autouse=True)
def _no_messages(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Without a worker, wake-ups are noted rather than sent."""
    woken: list[int] = []
    if "worker" not in request.fixturenames:
        monkeypatch.setattr(jobs, "wake_import", lambda *, import_id: woken.append(import_id))
    return woken


@pytest.fixture
def woken(_no_messages: list[int]) -> list[int]:
    return _no_messages


def upload(**rows: Iterable[Row] | None) -> ImportJob:
    files: dict[str, Any] = {}
    for kind, given in rows.items():
        text = csv_text(HEADERS[kind], ROWS[kind] if given is None else given)
        files[kind] = SimpleUploadedFile(f"my {kind}.csv", text.encode())
    return jobs.import_upload(files=files, uploaded_by=make_person("clerk"), now=timezone.now())


def work(job: ImportJob) -> ImportJob:
    worker.work_on_import(import_id=job.pk)
    job.refresh_from_db()
    return job


def ready() -> ImportJob:
    job = work(upload(items=None, lots=None, usage=None))
    assert job.state == State.READY
    return job


def requested() -> ImportJob:
    job = ready()
    assert jobs.import_request(job=job, requested_by=make_person("clerk"))
    return job


def assert_nothing_is_recorded() -> None:
    assert not LineItemCode.objects.exists()
    assert not InventoryUsage.objects.exists()


def stored(job: ImportJob) -> list[str]:
    return list(job.files.exclude(stored_name="").values_list("stored_name", flat=True))


# -- From upload to result -----------------------------------------------------------------------------
def test_files_are_checked_first_and_recorded_when_somebody_says_so(
    committed_db: CommittedDatabase, woken: list[int]
) -> None:
    job = upload(items=None, lots=None, usage=None)
    assert woken == [job.pk]
    names = stored(job)
    assert work(job).state == State.READY
    assert_nothing_is_recorded()
    assert [(file.rows, file.rows_new, file.rows_present) for file in job.files.all()] == [
        (2, 2, 0), (2, 2, 0), (3, 3, 0),
    ]  # fmt: skip
    assert all(default_storage.exists(name) for name in names)

    assert jobs.import_request(job=job, requested_by=make_person("clerk"))
    assert woken == [job.pk, job.pk]
    assert work(job).state == State.IMPORTED
    assert InventoryUsage.objects.count() == 3
    assert (job.rows_done, job.error_count, job.attempts) == (7, 0, 1)
    assert not stored(job)
    assert not any(default_storage.exists(name) for name in names)


def test_a_run_follows_by_itself(committed_db: CommittedDatabase) -> None:
    job = requested()
    for _ in range(2):  # (the second message has nothing to do)
        tasks.run_import_job(import_id=job.pk, something_of_a_later_version=1)
    run = ReconciliationRun.objects.get()
    assert run.trigger == ReconciliationRun.Trigger.POSTING
    job.refresh_from_db()
    assert job.finished_at is not None
    assert run.requested_at > job.finished_at


def test_files_with_errors_are_never_imported(committed_db: CommittedDatabase) -> None:
    job = work(upload(items=None, lots=[["L-1", "nobody", "", "2026-01-01", "-1", "x", "\0"]]))
    assert job.state == State.REJECTED
    assert job.error_count == 4
    assert [(error["file"], error["row"], error["column"]) for error in job.errors] == [
        ("my lots.csv", 2, "code"), ("my lots.csv", 2, "quantity"), ("my lots.csv", 2, "source"),
        ("my lots.csv", 2, "value"),
    ]  # fmt: skip
    assert not stored(job)
    assert not jobs.import_request(job=job, requested_by=make_person("clerk"))
    assert work(job).state == State.REJECTED
    assert_nothing_is_recorded()


def test_the_database_refuses_to_import_what_has_errors(committed_db: CommittedDatabase) -> None:
    job = ready()
    with pytest.raises(IntegrityError):
        ImportJob.objects.filter(pk=job.pk).update(error_count=1)


def test_what_was_recorded_since_the_check_is_checked_again(committed_db: CommittedDatabase) -> None:
    job = requested()
    LineItemCode.objects.create(code="TB-1", description="somebody was faster")
    assert work(job).state == State.REJECTED
    assert job.error_count == 1
    assert not InventoryUsage.objects.exists()


def test_a_discarded_import_is_gone(committed_db: CommittedDatabase) -> None:
    job = ready()
    names = stored(job)
    assert jobs.import_discard(job=job)
    assert not jobs.import_discard(job=job)
    assert not jobs.import_request(job=job, requested_by=make_person("clerk"))
    assert work(job).state == State.DISCARDED
    assert not any(default_storage.exists(name) for name in names)


def test_names_are_ours_and_theirs_is_only_text(committed_db: CommittedDatabase) -> None:
    hostile = SimpleUploadedFile("x.csv", b"code\n")
    hostile._name = "../../\x00etc/<b>pass\nwd" + "x" * 300 + ".csv"  # type: ignore[attr-defined]
    job = jobs.import_upload(files={"items": hostile}, uploaded_by=make_person("clerk"), now=timezone.now())
    file = job.files.get()
    assert file.stored_name.startswith("imports/")
    assert len(file.stored_name) == len("imports/") + 32
    assert "\x00" not in file.original_name
    assert "\n" not in file.original_name


def test_an_upload_that_cannot_be_noted_leaves_no_file(
    committed_db: CommittedDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = make_person("clerk")
    before = set(default_storage.listdir("imports")[1]) if default_storage.exists("imports") else set()
    monkeypatch.setattr(ImportFile.objects, "create", lambda **_: 1 / 0)
    file = SimpleUploadedFile("items.csv", b"code\n")
    with pytest.raises(ZeroDivisionError):
        jobs.import_upload(files={"items": file}, uploaded_by=person, now=timezone.now())
    assert set(default_storage.listdir("imports")[1]) == before
    assert not ImportJob.objects.exists()


# -- Doubled, dead, lost -------------------------------------------------------------------------------
def test_a_doubled_message_does_nothing(committed_db: CommittedDatabase) -> None:
    job = ready()
    for _ in range(3):
        assert work(job).attempts == 1
    jobs.import_request(job=job, requested_by=make_person("clerk"))
    work(job)
    finished_at = job.finished_at
    for _ in range(3):
        assert work(job).finished_at == finished_at
    assert InventoryUsage.objects.count() == 3


def test_asking_twice_asks_once(committed_db: CommittedDatabase, woken: list[int]) -> None:
    job = ready()
    asked = [jobs.import_request(job=job, requested_by=make_person("clerk")) for _ in range(2)]
    assert asked == [True, False]
    assert len(woken) == 2


def test_a_second_worker_finds_the_import_taken_and_goes_home(
    committed_db: CommittedDatabase, woken: list[int], now: datetime
) -> None:
    job = requested()
    other = connections.create_connection("default")
    try:
        other.set_autocommit(False)
        with other.cursor() as cursor:
            cursor.execute("SELECT id FROM reconciliation_importfile WHERE job_id = %s FOR NO KEY UPDATE", [job.pk])
        woken.clear()
        assert work(job).state == State.REQUESTED
        assert job.attempts == 0
        jobs.sweep_imports(now=now)
        assert woken == []
    finally:
        other.rollback()
        other.close()
    jobs.sweep_imports(now=now)
    assert woken == [job.pk]
    assert work(job).state == State.IMPORTED


def test_an_import_does_not_wait_for_another_one_but_comes_back(
    committed_db: CommittedDatabase, woken: list[int], now: datetime
) -> None:
    waiting, unchecked = requested(), upload(items=None)
    other = connections.create_connection("default")
    try:
        other.set_autocommit(False)
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtext('lotwise import'))")
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '5s'")  # (a worker that waits would fail here rather than hang)
        assert (work(waiting).state, waiting.attempts, waiting.failure) == (State.REQUESTED, 0, "")
        assert work(unchecked).state == State.READY
        woken.clear()
        jobs.sweep_imports(now=now)
        assert woken == [waiting.pk]
    finally:
        other.rollback()
        other.close()
        with connection.cursor() as cursor:
            cursor.execute("RESET lock_timeout")
    assert (work(waiting).state, waiting.attempts) == (State.IMPORTED, 1)


def test_workers_at_the_same_moment_import_once(
    committed_db: CommittedDatabase, concurrently: Callable[..., list[object]]
) -> None:
    job = requested()

    def one() -> None:
        worker.work_on_import(import_id=job.pk)

    concurrently(one, one, one, one)
    job.refresh_from_db()
    assert (job.state, job.attempts) == (State.IMPORTED, 1)
    assert InventoryUsage.objects.count() == 3
    assert [result for result in verify_ledger() if not result.is_ok] == []


def test_two_imports_of_the_same_records_at_the_same_moment_record_them_once(
    committed_db: CommittedDatabase, concurrently: Callable[..., list[object]]
) -> None:
    first, second = requested(), requested()
    concurrently(*(lambda job=job: worker.work_on_import(import_id=job.pk) for job in (first, second)))
    for job in (first, second):
        work(job)  # (whichever found the other at it went home, and is brought back by the sweeper)
    assert {ImportJob.objects.get(pk=job.pk).state for job in (first, second)} == {State.IMPORTED}
    assert InventoryUsage.objects.count() == 3
    assert [result for result in verify_ledger() if not result.is_ok] == []


@pytest.mark.parametrize("state", [State.CHECKING, State.IMPORTING])
def test_an_import_that_kills_its_worker_is_given_up(committed_db: CommittedDatabase, state: str) -> None:
    job = ready()
    ImportJob.objects.filter(pk=job.pk).update(state=state, attempts=MAX_ATTEMPTS, finished_at=None)
    assert work(job).state == State.FAILED
    assert "nothing was imported. The worker died each time" in job.failure
    assert_nothing_is_recorded()


def test_a_failing_attempt_is_undone_and_tried_again(
    committed_db: CommittedDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = requested()

    def fail(**_: Any) -> None:
        LineItemCode.objects.create(code="half")
        raise IntegrityError("somebody was faster\0")

    with monkeypatch.context() as patch:
        patch.setattr(worker, "import_records", fail)
        for attempt in (1, 2):
            assert work(job).state == State.IMPORTING
            assert job.attempts == attempt
            assert "tried again" in job.failure
            assert_nothing_is_recorded()
    assert work(job).state == State.IMPORTED
    assert job.failure == ""


def test_the_third_failing_attempt_is_the_last(
    committed_db: CommittedDatabase, monkeypatch: pytest.MonkeyPatch, now: datetime
) -> None:
    job = requested()
    names = stored(job)
    monkeypatch.setattr(worker, "import_records", lambda **_: 1 / 0)
    for _ in range(5):
        work(job)
    assert (job.state, job.attempts) == (State.FAILED, MAX_ATTEMPTS)
    assert "ZeroDivisionError" in job.failure
    jobs.sweep_imports(now=now)
    assert not any(default_storage.exists(name) for name in names)


def test_what_nobody_was_told_of_is_found_by_the_sweeper(
    committed_db: CommittedDatabase, woken: list[int], now: datetime
) -> None:
    waiting, stranded, checked = upload(items=None), requested(), ready()
    ImportJob.objects.filter(pk=stranded.pk).update(state=State.IMPORTING, attempts=1)
    woken.clear()
    sweeper.sweep(now=now)
    assert sorted(woken) == [waiting.pk, stranded.pk]
    assert work(stranded).attempts == 2
    assert work(waiting).state == State.READY
    assert checked.state == State.READY


def test_what_nobody_wanted_for_a_week_is_dropped(committed_db: CommittedDatabase) -> None:
    old, fresh = ready(), ready()
    ImportJob.objects.filter(pk=old.pk).update(uploaded_at=timezone.now() - timedelta(days=jobs.DAYS_KEPT, minutes=1))
    jobs.sweep_imports(now=timezone.now())
    old.refresh_from_db()
    fresh.refresh_from_db()
    assert (old.state, fresh.state) == (State.DISCARDED, State.READY)
    assert not stored(old)
    assert stored(fresh)


def test_a_broker_that_is_down_loses_nothing(committed_db: CommittedDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    monkeypatch.setattr(current_app, "send_task", lambda *_, **__: 1 / 0)
    job = upload(items=None)
    assert job.state == State.UPLOADED
    jobs.sweep_imports(now=timezone.now())
    assert work(job).state == State.READY


# -- With a real worker --------------------------------------------------------------------------------
def state_of(job: ImportJob) -> str:
    job.refresh_from_db()
    return job.state


def test_a_worker_checks_imports_and_reconciles(worker: Worker, wait_until: Wait) -> None:
    worker.start()
    job = upload(items=None, lots=None, usage=None)
    wait_until(lambda: state_of(job) == State.READY, what="the check")
    assert_nothing_is_recorded()
    jobs.import_request(job=job, requested_by=make_person("clerk"))
    wait_until(lambda: state_of(job) == State.IMPORTED, what="the import")
    wait_until(
        lambda: ReconciliationRun.objects.filter(state=ReconciliationRun.State.FINISHED).exists(), what="the run"
    )
    assert InventoryUsage.objects.count() == 3
    assert [result for result in verify_ledger() if not result.is_ok] == []


def test_an_import_whose_worker_is_killed_goes_on_by_itself(worker: Worker, wait_until: Wait) -> None:
    count = 30_000
    rows = [[f"U-{n}", "TB-1", "", "2026-01-09", "1", f"SHIP-{n}", "", "", ""] for n in range(count)]
    worker.start(beat=True)
    job = upload(items=None, lots=None, usage=rows)
    wait_until(lambda: state_of(job) == State.READY, seconds=120, what="the check")
    jobs.import_request(job=job, requested_by=make_person("clerk"))
    wait_until(lambda: "Writing usage" in (state_of(job), job.phase), seconds=120, what="the writing to begin")
    worker.kill9()
    assert InventoryUsage.objects.count() == 0
    assert state_of(job) == State.IMPORTING
    worker.start()  # (the beat has lived on, and with it the sweeper)
    wait_until(lambda: state_of(job) == State.IMPORTED, seconds=180, what="the import to be taken up again")
    assert job.attempts == 2
    assert InventoryUsage.objects.count() == count
    assert [result for result in verify_ledger() if not result.is_ok] == []
    assert connection.is_usable()
