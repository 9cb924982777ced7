"""Documents on the Import page: chosen by kind, checked by a worker, imported when somebody says so, by whom it is."""

import lzma
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connections
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import expect
from pytest_django import Settings

from lots.models import PurchaseOrder, Receipt, RecordHistory
from reconciliation import tasks
from reconciliation.importing import jobs, worker
from reconciliation.importing.document_columns import DOCUMENT_COLUMNS
from reconciliation.importing.documents import ROWS_MOST
from reconciliation.models import ImportJob, ReconciliationRun
from reconciliation.verify import verify_ledger
from tests.factories import make_code
from tests.harness.databases import CommittedDatabase
from tests.harness.people import make_person
from tests.harness.worker import Worker
from tests.reconciliation.test_import_documents import FILES, counts

if TYPE_CHECKING:
    from playwright.sync_api import Page

State = ImportJob.State
IMPORT = "reconciliation:import"


@pytest.fixture(autouse=True)
def _nobody_is_woken(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if "worker" not in request.fixturenames:
        monkeypatch.setattr(jobs, "wake_import", lambda **_: None)


def goods() -> None:
    for code in ("OAK", "GLUE", "TABLE"):
        make_code(code)


def file(kind: str, content: bytes | None = None, name: str = "") -> SimpleUploadedFile:
    return SimpleUploadedFile(name or f"{kind}.csv", FILES[kind].encode() if content is None else content)


def upload(**contents: bytes | None) -> ImportJob:
    files: dict[str, Any] = {kind: file(kind, content) for kind, content in contents.items()}
    return jobs.import_upload(files=files, uploaded_by=make_person("clerk"), now=timezone.now())


def work(job: ImportJob) -> ImportJob:
    worker.work_on_import(import_id=job.pk)
    job.refresh_from_db()
    return job


def figures(job: ImportJob) -> list[tuple[str, int, int, int, int]]:
    return list(job.files.values_list("kind", "rows", "rows_new", "rows_present", "error_count"))


# -- The form ------------------------------------------------------------------------------------------
@pytest.mark.usefixtures("db")
def test_files_of_documents_are_kept_in_the_order_in_which_they_are_recorded(clerk: Client) -> None:
    sent = {"kind_1": "receipts", "file_1": file("receipts"), "kind_3": "purchase_orders", "file_3": file("orders")}
    response = clerk.post(reverse(IMPORT), {"of": "documents", **sent})
    job = ImportJob.objects.get()
    assert response["Location"] == job.get_absolute_url()
    assert list(job.files.values_list("kind", "original_name")) == [
        ("purchase_orders", "orders.csv"),
        ("receipts", "receipts.csv"),
    ]
    assert not PurchaseOrder.objects.exists()


@pytest.mark.usefixtures("db")
@pytest.mark.parametrize(
    ("sent", "errors"),
    [
        ({}, {"__all__": ["Choose at least one file."]}),
        ({"kind_1": "orders"}, {"file_1": ["Choose the file."]}),
        ({"file_2": ("a.csv", b"x")}, {"kind_2": ["Choose what is in this file."]}),
        (
            {"kind_1": "orders", "file_1": ("a.csv", b"x"), "kind_2": "orders", "file_2": ("b.csv", b"x")},
            {"kind_2": ["There is a file of this kind already: import them one after another."]},
        ),
        (
            {"kind_1": "orders", "file_1": ("a.pdf", b"x")},
            {"file_1": ["This is not a CSV, .xz, .gz or XLSX file. Save it as one of these."]},
        ),
        ({"kind_1": "orders", "file_1": ("a.csv", b"")}, {"file_1": ["The submitted file is empty."]}),
        (
            {"kind_1": "secrets", "file_1": ("a.csv", b"x")},
            {"kind_1": ["Select a valid choice. secrets is not one of the available choices."]},
        ),
        (
            {"kind_1": "items", "file_1": ("a.csv", b"x")},
            {"kind_1": ["Select a valid choice. items is not one of the available choices."]},
        ),
    ],
)
def test_what_cannot_be_taken_is_refused_in_its_row(
    clerk: Client, sent: dict[str, Any], errors: dict[str, list[str]]
) -> None:
    given = {name: SimpleUploadedFile(*value) if isinstance(value, tuple) else value for name, value in sent.items()}
    response = clerk.post(reverse(IMPORT), {"of": "documents", **given})
    assert response.status_code == 422
    assert dict(response.context["document_form"].errors) == errors
    assert not response.context["record_form"].is_bound
    assert not ImportJob.objects.exists()


@pytest.mark.usefixtures("db")
def test_a_file_of_documents_that_is_too_large_is_stopped(clerk: Client, settings: Settings) -> None:
    settings.UPLOAD_LIMIT_BYTES = 1_000
    sent = {"of": "documents", "kind_1": "orders", "file_1": file("orders", b"x" * 100_000)}
    response = clerk.post(reverse(IMPORT), sent)
    assert response.status_code == 422
    assert "This file is larger than" in response.content.decode()
    assert not ImportJob.objects.exists()


@pytest.mark.usefixtures("db")
def test_only_those_who_may_import_upload_documents(client: Client, viewer: Client) -> None:
    sent = {"of": "documents", "kind_1": "orders"}
    assert client.post(reverse(IMPORT), {**sent, "file_1": file("orders")}).status_code == 302
    assert viewer.post(reverse(IMPORT), {**sent, "file_1": file("orders")}).status_code == 403
    assert not ImportJob.objects.exists()


@pytest.mark.usefixtures("db")
def test_the_page_says_how_long_a_file_may_be_and_what_a_date_alone_means(clerk: Client) -> None:
    page = clerk.get(reverse(IMPORT)).content.decode()
    assert f"At most {ROWS_MOST:,} rows a file" in page
    assert "A date without a time is 00:00 of that day." in page
    assert "what comes in a later file needs a time of its own" in page


@pytest.mark.usefixtures("db")
@pytest.mark.parametrize("kind", DOCUMENT_COLUMNS)
def test_each_kind_has_its_template_and_its_columns_on_the_page(clerk: Client, kind: str) -> None:
    names = [column.name for column in DOCUMENT_COLUMNS[kind]]
    address = reverse("reconciliation:import_template", args=[kind])
    assert clerk.get(address).content.decode().split("\r\n")[0].split(",") == names
    assert b"".join(clerk.get(address, {"as": "xlsx"}).streaming_content).startswith(b"PK")  # type: ignore[attr-defined]
    assert f'href="{address}"' in clerk.get(reverse(IMPORT)).content.decode()


# -- The worker ----------------------------------------------------------------------------------------
def test_documents_are_checked_first_and_recorded_when_somebody_says_so(committed_db: CommittedDatabase) -> None:
    goods()
    before = counts()
    job = work(upload(purchase_orders=None, receipts=None))
    assert (job.state, job.failure) == (State.READY, "")
    assert figures(job) == [("purchase_orders", 2, 1, 0, 0), ("receipts", 2, 1, 0, 0)]
    assert counts() == before
    assert jobs.import_request(job=job, requested_by=make_person("accountant"))
    tasks.run_import_job(import_id=job.pk)
    job.refresh_from_db()
    assert (job.state, job.rows_done, job.rows_total) == (State.IMPORTED, 4, 4)
    assert Receipt.objects.get().status == "POSTED"
    # Whoever pressed Import, not whoever uploaded the files.
    assert {row.by for row in RecordHistory.objects.filter(number="SHIP-7001")} == {make_person("accountant")}
    assert ReconciliationRun.objects.exists()
    assert not job.files.exclude(stored_name="").exists()
    again = work(upload(purchase_orders=None, receipts=None))
    assert figures(again) == [("purchase_orders", 2, 0, 1, 0), ("receipts", 2, 0, 1, 0)]
    assert [result for result in verify_ledger() if not result.is_ok] == []


def test_findings_name_the_file_and_the_row(committed_db: CommittedDatabase) -> None:
    goods()
    before = counts()
    wrong = FILES["receipts"].replace("PO-7001,2026-03-09 10:00,GLUE,10", "PO-7001,2026-03-09 10:00,GLUE,11")
    job = work(upload(purchase_orders=None, receipts=wrong.encode()))
    assert (job.state, job.error_count) == (State.REJECTED, 1)
    assert figures(job)[1] == ("receipts", 2, 1, 0, 1)
    (error,) = job.errors
    assert error["file"] == "receipts.csv"
    assert "11 received of 10 ordered" in error["message"]
    assert counts() == before


def test_what_was_recorded_since_the_check_is_found(committed_db: CommittedDatabase) -> None:
    goods()
    job, other = (
        work(upload(purchase_orders=None)),
        work(upload(purchase_orders=FILES["purchase_orders"].replace("North", "South").encode())),
    )
    for one in (job, other):
        assert jobs.import_request(job=one, requested_by=make_person("clerk"))
    assert work(job).state == State.IMPORTED
    assert work(other).state == State.REJECTED
    assert "is recorded already, with another vendor" in other.errors[0]["message"]
    assert PurchaseOrder.objects.get().vendor == "North Mill"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\x00\x01\x02\xff" * 300, ""),
        (b"PK\x03\x04" + b"x" * 500, ""),
        (b"\xd0\xcf\x11\xe0" + b"x" * 500, "an old Excel workbook"),
        (b"\xfd7zXZ\x00" + b"x" * 500, ""),
        (b"\xff\xfea\x00", "UTF-16"),
        (lzma.compress(b"x" * 3_000_000), ""),
        (b'purchase_order,vendor,date,code,quantity,unit_cost\n"PO', "never closed"),
        (b"purchase_order,vendor\nPO-1,X\n", "Columns are missing"),
        (b"purchase_order;vendor;date\n", "There is no column"),
        (b"purchase_order,vendor,date,code,quantity,unit_cost\n", "no rows"),
        (b"purchase_order,vendor,date,code,quantity,unit_cost\n=1+1,X,2026-03-02,OAK,NaN,1e999\n", '"NaN"'),
        (b"purchase_order,vendor,date,code,quantity,unit_cost\nP\x00,X,2026-03-02,OAK,1,1\n", ""),
        (b"purchase_order,vendor,date,code,quantity,unit_cost\nP,X,2026-03-02,OAK,1,1,9,9\n", "8 cells"),
        (b"purchase_order,vendor,date,code,quantity,unit_cost\nP,X,9999-12-31,OAK,1,1\n", ""),
        (b"purchase_order,vendor,date,code,quantity,unit_cost\nP,X,2026-03-02,OAK,999999999999,999999999999\n", ""),
        (b"purchase_order,vendor,date,code,quantity,unit_cost\nP\xff,X,2026-03-02,OAK,1,1\n", ""),
    ],
)
def test_a_hostile_file_is_a_finding_and_never_a_breakdown(
    committed_db: CommittedDatabase, content: bytes, said: str, settings: Settings
) -> None:
    settings.UNPACKED_LIMIT_BYTES = 1_000_000
    goods()
    job = work(upload(purchase_orders=content))
    assert (job.state, job.failure, job.attempts) == (State.REJECTED, "", 1)
    assert any(said in error["message"] for error in job.errors)
    assert not PurchaseOrder.objects.exists()


def test_the_check_of_documents_does_not_wait_for_another_import(committed_db: CommittedDatabase) -> None:
    goods()
    job = upload(purchase_orders=None)
    other = connections.create_connection("default")
    try:
        other.set_autocommit(False)
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtext('lotwise import'))")
        assert (work(job).state, job.attempts) == (State.UPLOADED, 0)
    finally:
        other.rollback()
        other.close()
    assert work(job).state == State.READY


def test_a_document_of_tomorrow_is_a_finding(committed_db: CommittedDatabase) -> None:
    goods()
    late = f"{timezone.now() + timedelta(days=400):%Y-%m-%d}"
    job = work(upload(purchase_orders=FILES["purchase_orders"].replace("2026-03-02", late).encode()))
    assert (job.state, job.failure) == (State.REJECTED, "")


# -- The page of one -----------------------------------------------------------------------------------
@pytest.mark.usefixtures("db")
@pytest.mark.parametrize("kind", DOCUMENT_COLUMNS)
def test_the_result_counts_documents_and_leads_to_them(clerk: Client, kind: str) -> None:
    job = upload(orders=b"x")
    job.files.update(kind=kind, rows=5, rows_new=2, rows_present=1)
    ImportJob.objects.update(state=State.READY)
    assert "2 new documents can be imported; 1 is already there" in clerk.get(job.get_absolute_url()).content.decode()
    ImportJob.objects.update(state=State.IMPORTED)
    response = clerk.get(job.get_absolute_url())
    assert "Imported: 2 new documents, 1 already there" in response.content.decode()
    ((count, _, url),) = response.context["found_sets"]
    assert count == 2
    assert clerk.get(url).status_code == 200


# -- In a browser --------------------------------------------------------------------------------------
def test_a_clerk_imports_documents(
    page: "Page",
    worker: Worker,
    sign_in: Callable[[str], User],
    axe: "Callable[[Page], None]",
    screenshot: "Callable[[Page, str], None]",
    tmp_path: Path,
) -> None:
    goods()
    worker.start()
    sign_in("clerk")
    page.goto(reverse(IMPORT))
    for row, kind in ((1, "purchase_orders"), (2, "receipts")):
        path = tmp_path / f"{kind}.csv"
        path.write_text(FILES[kind] if kind != "receipts" else FILES[kind].replace("GLUE,10", "GLUE,11"))
        page.locator(f"#id_kind_{row}").select_option(kind)
        page.locator(f"#id_file_{row}").set_input_files(path)
    axe(page)
    page.get_by_role("button", name="Check documents").click()
    expect(page.get_by_text("1 error; nothing was recorded")).to_be_visible()
    expect(page.get_by_text("GLUE: 11 received of 10 ordered.")).to_be_visible()
    screenshot(page, "import-documents-errors-1280")
    page.goto(reverse(IMPORT))
    (tmp_path / "receipts.csv").write_text(FILES["receipts"])
    for row, kind in ((1, "purchase_orders"), (2, "receipts")):
        page.locator(f"#id_kind_{row}").select_option(kind)
        page.locator(f"#id_file_{row}").set_input_files(tmp_path / f"{kind}.csv")
    page.get_by_role("button", name="Check documents").click()
    expect(page.get_by_text("2 new documents can be imported")).to_be_visible()
    axe(page)
    page.get_by_role("button", name="Import", exact=True).click()
    expect(page.get_by_text("Imported: 2 new documents")).to_be_visible()
    screenshot(page, "import-documents-done-1280")
    page.get_by_role("link", name="Incoming Shipments", exact=True).last.click()
    expect(page.get_by_role("link", name="SHIP-7001").first).to_be_visible()
