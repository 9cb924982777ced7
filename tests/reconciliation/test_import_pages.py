"""The Import pages: who may, what they say in each state, what they hand out, and how they look in a browser."""

import csv
import io
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import openpyxl
import pytest
from django.contrib.auth.models import User
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from lots.models import LineItemCode
from reconciliation.importing import jobs
from reconciliation.importing.columns import COLUMNS, KINDS
from reconciliation.importing.files import Source
from reconciliation.importing.importer import import_records
from reconciliation.models import ImportFile, ImportJob, ReconciliationRun
from tests.harness.people import make_person
from tests.harness.worker import Worker
from tests.reconciliation.import_files import HEADERS, ITEMS, LOTS, USAGE, csv_text, write
from usage.models import InventoryUsage

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.harness.browser import PageGuard

State = ImportJob.State
IMPORT = "reconciliation:import"


@pytest.fixture(autouse=True)
def _nobody_is_woken(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if "worker" not in request.fixturenames:
        monkeypatch.setattr(jobs, "wake_import", lambda **_: None)


def make_job(state: str, **values: Any) -> ImportJob:
    job = ImportJob.objects.create(state=state, uploaded_by=make_person("clerk"), uploaded_at=timezone.now(), **values)
    ImportFile.objects.create(
        job=job, kind="items", original_name="<b>my</b> items.csv", size=1234, rows=5, rows_new=4, rows_present=1
    )
    return job


def page_of(job: ImportJob, client: Client) -> str:
    response = client.get(job.get_absolute_url())
    assert response.status_code == 200
    return response.content.decode()


def file(name: str = "items.csv", content: bytes | None = None) -> SimpleUploadedFile:
    return SimpleUploadedFile(name, csv_text(HEADERS["items"], ITEMS).encode() if content is None else content)


# -- Who may -------------------------------------------------------------------------------------------
def addresses(job: ImportJob) -> list[tuple[str, str]]:
    return [
        ("get", reverse(IMPORT)),
        ("post", reverse(IMPORT)),
        ("get", reverse("reconciliation:import_job", args=[job.pk])),
        ("get", reverse("reconciliation:import_progress", args=[job.pk])),
        ("get", reverse("reconciliation:import_errors", args=[job.pk])),
        ("get", reverse("reconciliation:import_template", args=["items"])),
        ("post", reverse("reconciliation:import_start", args=[job.pk])),
        ("post", reverse("reconciliation:import_discard", args=[job.pk])),
    ]


def test_only_those_who_may_import_see_and_do_anything(client: Client, viewer: Client, clerk: Client) -> None:
    job = make_job(State.READY)
    for method, address in addresses(job):
        refused = getattr(client, method)(address)
        assert refused.status_code == 302
        assert reverse("login") in refused["Location"]
        assert getattr(viewer, method)(address).status_code == 403
        job.refresh_from_db()
        assert job.state == State.READY
    assert all(getattr(clerk, method)(address).status_code in (200, 302, 422) for method, address in addresses(job))


def test_buttons_do_not_work_by_address(clerk: Client) -> None:
    job = make_job(State.READY)
    for name in ("import_start", "import_discard"):
        assert clerk.get(reverse(f"reconciliation:{name}", args=[job.pk])).status_code == 405
    job.refresh_from_db()
    assert job.state == State.READY


# -- Uploading -----------------------------------------------------------------------------------------
def test_an_upload_is_kept_and_waits_to_be_checked(clerk: Client) -> None:
    response = clerk.post(reverse(IMPORT), {"items": file("Our items.csv"), "usage": file("u.csv.xz", b"anything")})
    job = ImportJob.objects.get()
    assert response["Location"] == job.get_absolute_url()
    assert job.state == State.UPLOADED
    assert job.uploaded_by.username == "clerk"
    assert list(job.files.values_list("kind", "original_name")) == [("items", "Our items.csv"), ("usage", "u.csv.xz")]
    assert all(default_storage.exists(name) for name in job.files.values_list("stored_name", flat=True))
    assert not LineItemCode.objects.exists()
    assert "Waiting for a worker" in page_of(job, clerk)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, "Choose at least one file."),
        ({"lots": ("lots.pdf", b"x")}, "This is not a CSV, .xz, .gz or XLSX file."),
        ({"lots": ("lots.csv", b"")}, "The submitted file is empty."),
        ({"lots": ("lots.csv", b"x" * 1_001), "items": ("items.csv", b"x")}, "This file is larger than"),
        ({"lots": ("lots.csv", b"x" * 1_000_000)}, "This file is larger than"),
    ],
)
def test_what_cannot_be_taken_is_refused_and_not_kept(
    clerk: Client, settings: Settings, given: dict[str, tuple[str, bytes]], expected: str
) -> None:
    settings.UPLOAD_LIMIT_BYTES = 1_000
    before = default_storage.listdir("imports")[1] if default_storage.exists("imports") else []
    response = clerk.post(reverse(IMPORT), {kind: SimpleUploadedFile(*parts) for kind, parts in given.items()})
    assert response.status_code == 422
    assert expected in response.content.decode()
    assert "Nothing was saved" in response.content.decode()
    assert not ImportJob.objects.exists()
    assert (default_storage.listdir("imports")[1] if default_storage.exists("imports") else []) == before


@pytest.mark.django_db
@pytest.mark.parametrize(("count", "status"), [(3, 403), (4, 400)])
def test_a_stranger_cannot_send_more_files_than_the_form_has(
    settings: Settings, tmp_path: Path, count: int, status: int
) -> None:
    settings.FILE_UPLOAD_TEMP_DIR = str(tmp_path)
    settings.FILE_UPLOAD_MAX_MEMORY_SIZE = 0
    before = default_storage.listdir("imports")[1] if default_storage.exists("imports") else []
    files = {f"file{number}": file(f"{number}.csv") for number in range(count)}
    stranger = Client(enforce_csrf_checks=True)
    stranger.get(reverse("login"))  # (whoever has the cookie has the files parsed: the token may be among them)
    assert stranger.post(reverse(IMPORT), files).status_code == status
    assert list(tmp_path.iterdir()) == []
    assert not ImportJob.objects.exists()
    assert (default_storage.listdir("imports")[1] if default_storage.exists("imports") else []) == before


# -- What a page says ----------------------------------------------------------------------------------
def test_what_was_checked_can_be_imported_or_discarded(clerk: Client) -> None:
    job = make_job(State.READY)
    text = page_of(job, clerk)
    assert "4 new rows can be imported; 1 is already there" in text
    assert reverse("reconciliation:import_start", args=[job.pk]) in text
    assert "&lt;b&gt;my&lt;/b&gt; items.csv" in text
    clerk.post(reverse("reconciliation:import_start", args=[job.pk]))
    job.refresh_from_db()
    assert job.state == State.REQUESTED
    assert job.requested_by == make_person("clerk")
    again = clerk.post(reverse("reconciliation:import_start", args=[job.pk]), follow=True)
    assert "Nothing was started" in again.content.decode()


def test_discarding_says_that_nothing_was_recorded(clerk: Client) -> None:
    job = make_job(State.READY)
    page = clerk.post(reverse("reconciliation:import_discard", args=[job.pk]), follow=True)
    assert f"Import {job.pk} was discarded. Nothing was recorded." in page.content.decode()
    job.refresh_from_db()
    assert job.state == State.DISCARDED
    assert reverse("reconciliation:import_start", args=[job.pk]) not in page_of(job, clerk)


def test_when_everything_is_there_already_the_button_says_so(clerk: Client) -> None:
    job = make_job(State.READY)
    job.files.update(rows_new=0)
    text = page_of(job, clerk)
    assert "Everything in these files is already there" in text
    assert reverse("reconciliation:import_start", args=[job.pk]) not in text


ERRORS = [
    {"kind": "items", "file": "a.csv", "row": n, "column": "code", "value": "=1+1", "message": '"=1+1" is wrong.'}
    for n in range(2, 152)
]


def test_the_result_leads_to_what_was_brought(clerk: Client) -> None:
    job = make_job(State.IMPORTED)
    first, last = datetime(2026, 1, 5, 8, tzinfo=UTC), datetime(2026, 2, 6, tzinfo=UTC)
    job.files.update(kind="usage", first_at=first, last_at=last)
    text = page_of(job, clerk)
    assert f"{reverse('usage:usages')}?used_at_after=2026-01-05&amp;used_at_before=2026-02-06" in text
    assert "4 new in" in text
    assert "Inventory Usage of 01/05/26 to 02/06/26" in text


def test_the_run_shown_is_one_that_was_asked_for_when_the_records_were_there(clerk: Client, now: datetime) -> None:
    job = make_job(State.IMPORTED, started_at=now - timedelta(minutes=2), finished_at=now)
    trigger = ReconciliationRun.Trigger.POSTING
    finished = ReconciliationRun.State.FINISHED
    for minutes in (-1, 1, 2):
        moment = now + timedelta(minutes=minutes)
        ReconciliationRun.objects.create(
            trigger=trigger,
            state=finished,
            is_everything=True,
            prevent_inter_office=False,
            requested_at=moment,
            finished_at=moment,
        )
    _, right, _ = ReconciliationRun.objects.order_by("pk")
    response = clerk.get(job.get_absolute_url())
    assert response.context["next_run"] == right
    ReconciliationRun.objects.filter(requested_at__gt=now).delete()
    assert clerk.get(job.get_absolute_url()).context["next_run"] is None


def test_errors_stand_in_a_table_and_in_a_harmless_csv(clerk: Client) -> None:
    whole = {"kind": "items", "file": "b.csv", "row": 0, "column": "", "value": "", "message": "The file is empty."}
    job = make_job(State.REJECTED, error_count=2_000, errors=[*ERRORS, whole])
    text = page_of(job, clerk)
    assert "2,000 errors; nothing was recorded" in text
    assert "The first 100 of 2,000." in text
    assert text.count("&quot;=1+1&quot; is wrong.") == 100
    response = clerk.get(reverse("reconciliation:import_errors", args=[job.pk]))
    lines = list(csv.reader(io.StringIO(b"".join(response.streaming_content).decode())))  # type: ignore[attr-defined]
    assert lines[0] == ["file", "row", "column", "value", "error"]
    assert lines[1] == ["a.csv", "2", "code", "'=1+1", '"=1+1" is wrong.']
    assert lines[-1] == ["b.csv", "", "", "", "The file is empty."]
    assert len(lines) == 152


def test_progress_is_asked_for_until_there_is_none(clerk: Client) -> None:
    job = make_job(State.IMPORTING, rows_done=1_500, rows_total=6_000, phase="Writing usage")
    address = reverse("reconciliation:import_progress", args=[job.pk])
    assert f'hx-get="{address}"' in page_of(job, clerk)
    fragment = clerk.get(address)
    text = fragment.content.decode()
    assert "HX-Refresh" not in fragment
    assert "every 2s" in text
    assert "1,500 of 6,000 rows" in text
    assert 'value="25"' in text
    ImportJob.objects.update(state=State.FAILED)
    fragment = clerk.get(address)
    assert fragment["HX-Refresh"] == "true"
    assert "every 2s" not in fragment.content.decode()


@pytest.mark.parametrize("state", State.values)
def test_every_state_has_its_page(clerk: Client, state: str) -> None:
    job = make_job(state, failure="Given up." if state == State.FAILED else "")
    assert job.get_state_display() in page_of(job, clerk)
    assert ImportJob.State(state).label in clerk.get(reverse(IMPORT)).content.decode()


def test_earlier_imports_are_listed_newest_first_page_by_page(clerk: Client) -> None:
    made = [make_job(State.IMPORTED).pk for _ in range(30)]
    first = clerk.get(reverse(IMPORT)).content.decode()
    assert f"/{made[-1]}/" in first
    assert f"/{made[0]}/" not in first
    second = clerk.get(reverse(IMPORT), {"page": 2}).content.decode()
    assert f"/{made[0]}/" in second
    assert clerk.get(reverse(IMPORT), {"page": "x"}).status_code == 200


def test_the_list_costs_the_same_for_one_import_and_for_many(
    clerk: Client, django_assert_max_num_queries: Callable[..., Any]
) -> None:
    for _ in range(25):
        make_job(State.IMPORTED)
    with django_assert_max_num_queries(10):
        clerk.get(reverse(IMPORT))


# -- Templates -----------------------------------------------------------------------------------------
@pytest.mark.parametrize("kind", KINDS)
def test_a_template_names_the_columns(clerk: Client, kind: str) -> None:
    names = [column.name for column in COLUMNS[kind]]
    address = reverse("reconciliation:import_template", args=[kind])
    assert clerk.get(address).content.decode().split("\r\n")[0].split(",") == names
    response = clerk.get(address, {"as": "xlsx"})
    book = openpyxl.load_workbook(io.BytesIO(b"".join(response.streaming_content)))  # type: ignore[attr-defined]
    assert [cell.value for cell in book.worksheets[0][1]] == names
    assert [row[0].value for row in book["Columns"]][1:] == names


def test_a_filled_template_can_be_imported(clerk: Client, tmp_path: Path) -> None:
    sources = {}
    for kind, rows in (("items", ITEMS), ("lots", LOTS), ("usage", USAGE)):
        response = clerk.get(reverse("reconciliation:import_template", args=[kind]), {"as": "xlsx"})
        book = openpyxl.load_workbook(io.BytesIO(b"".join(response.streaming_content)))  # type: ignore[attr-defined]
        for row in rows:
            book.worksheets[0].append([*row])
        book.save(tmp_path / f"{kind}.xlsx")
        sources[kind] = Source.of_path(tmp_path / f"{kind}.xlsx")
    assert import_records(sources=sources).is_written


def test_there_is_no_template_for_anything_else(clerk: Client) -> None:
    assert clerk.get(reverse("reconciliation:import_template", args=["secrets"])).status_code == 404


# -- In a browser --------------------------------------------------------------------------------------
def choose(page: "Page", folder: Path, **suffixes: str) -> None:
    for kind, suffix in suffixes.items():
        page.locator(f"#id_{kind}").set_input_files(write(folder, kind, suffix=suffix))


def test_a_clerk_imports_three_files(
    page: "Page",
    worker: Worker,
    sign_in: Callable[[str], User],
    axe: "Callable[[Page], None]",
    screenshot: "Callable[[Page, str], None]",
    tmp_path: Path,
) -> None:
    worker.start()
    sign_in("clerk")
    page.goto(reverse(IMPORT))
    axe(page)
    screenshot(page, "import-1280")
    choose(page, tmp_path, items=".csv", lots=".csv.xz", usage=".xlsx")
    page.get_by_role("button", name="Upload and check").click()
    page.get_by_text("Checked, no errors").wait_for()
    assert not InventoryUsage.objects.exists()
    axe(page)
    screenshot(page, "import-ready-1280")
    page.get_by_role("button", name="Import", exact=True).click()
    page.get_by_text("Imported: 7 new rows").wait_for()
    page.get_by_role("link", name=re.compile(r"^Run \d+$")).wait_for()
    assert InventoryUsage.objects.count() == 3
    axe(page)
    screenshot(page, "import-done-1280")
    page.set_viewport_size({"width": 800, "height": 1_000})
    screenshot(page, "import-done-800")
    page.goto(reverse(IMPORT))
    axe(page)
    screenshot(page, "import-800")


def test_errors_are_shown_where_they_are(
    page: "Page",
    page_guard: "PageGuard",
    worker: Worker,
    sign_in: Callable[[str], User],
    axe: "Callable[[Page], None]",
    screenshot: "Callable[[Page, str], None]",
    tmp_path: Path,
) -> None:
    page_guard.allow("422")  # (a form that is not accepted answers so, and the console notes it)
    worker.start()
    sign_in("clerk")
    page.goto(reverse(IMPORT))
    page.get_by_role("button", name="Upload and check").click()
    page.get_by_text("Choose at least one file.").first.wait_for()
    axe(page)
    screenshot(page, "import-refused-1280")
    bad = [["L-1", "nobody", "", "yesterday", "-1", "NaN", "=1+1"], ["L-2", "TB-1", "", "2026-01-01", "1", "1", ""]]
    page.locator("#id_lots").set_input_files(write(tmp_path, "lots", bad))
    page.get_by_role("button", name="Upload and check").click()
    page.get_by_text("5 errors; nothing was recorded").wait_for()
    axe(page)
    screenshot(page, "import-errors-1280")
    page.set_viewport_size({"width": 800, "height": 1_000})
    screenshot(page, "import-errors-800")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download CSV").click()
    assert "nobody" in download.value.path().read_text()


def test_progress_shows_itself(
    page: "Page",
    sign_in: Callable[[str], User],
    axe: "Callable[[Page], None]",
    screenshot: "Callable[[Page, str], None]",
) -> None:
    sign_in("clerk")
    job = make_job(State.IMPORTING, rows_done=120_000, rows_total=540_000, phase="Writing usage")
    page.goto(job.get_absolute_url())
    page.get_by_text("120,000 of 540,000 rows").wait_for()
    axe(page)
    screenshot(page, "import-progress-1280")
    ImportJob.objects.update(rows_done=270_000)
    page.get_by_text("270,000 of 540,000 rows").wait_for()
    ImportJob.objects.update(state=State.FAILED, failure="Given up after 3 attempts; nothing was imported.")
    page.get_by_text("The import failed; nothing was recorded").wait_for()
    axe(page)
    screenshot(page, "import-failed-1280")
