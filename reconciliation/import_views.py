"""Administration > Import: upload, look at what was found, import, and see how far it is. Parses nothing."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.contrib.auth.mixins import PermissionRequiredMixin
from django.contrib.auth.models import User
from django.core.paginator import Paginator
from django.db.models import QuerySet, Sum
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.generic import View

from inventory_site import exporting
from inventory_site.details import Action, Fact, Section
from inventory_site.listing import EmptyState
from inventory_site.views import CSV_TYPE, XLSX_TYPE, RecordDetailView
from lots.addresses import found_set
from reconciliation.import_forms import DocumentImportForm, ImportForm
from reconciliation.import_tables import ImportErrorTable, ImportFileTable, ImportJobTable
from reconciliation.importing import jobs
from reconciliation.importing.columns import COLUMNS, ITEMS, KINDS, LOTS, USAGE
from reconciliation.importing.document_columns import ALL_COLUMNS, DOCUMENT_COLUMNS
from reconciliation.importing.samples import sample_csv, sample_workbook
from reconciliation.models import ImportFile, ImportJob, ReconciliationRun

State = ImportJob.State

PERMISSION = "reconciliation.import_records"
JOBS_PER_PAGE = 25
LABELS = {kind.value: kind.label for kind in ImportFile.Kind}
ERRORS_SHOWN = 100
# The worker asks for the run when the import is committed; the sweeper does where that was lost.
RUN_AWAITED = timedelta(minutes=1)


def _jobs() -> QuerySet[ImportJob]:
    return ImportJob.objects.defer("errors").select_related("uploaded_by", "requested_by").prefetch_related("files")


def _user(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # noqa: S101  (sign-in is required everywhere; this tells the type checker)
    return request.user


class ImportView(PermissionRequiredMixin, View):
    """The upload form, what the files must look like, and earlier imports."""

    permission_required = PERMISSION

    def get(self, request: HttpRequest) -> HttpResponse:
        return self._page(request)

    def post(self, request: HttpRequest) -> HttpResponse:
        form_class = DocumentImportForm if request.POST.get("of") == "documents" else ImportForm
        form = form_class(request.POST, request.FILES, too_large=getattr(request, "too_large_uploads", ()))
        if not form.is_valid():
            return self._page(request, form, status=422)
        job = jobs.import_upload(files=form.files_by_kind, uploaded_by=_user(request), now=timezone.now())
        return redirect(job)

    def _page(
        self, request: HttpRequest, sent: ImportForm | DocumentImportForm | None = None, *, status: int = 200
    ) -> HttpResponse:
        """Both forms; `sent` is the one that was refused."""
        page = Paginator(
            _jobs().annotate(rows_new=Sum("files__rows_new", default=0)).order_by("-pk"), JOBS_PER_PAGE
        ).get_page(request.GET.get("page"))
        empty = EmptyState("No imports yet", "Choose your files above; nothing is recorded before you say so.")
        context = {
            "title": "Import",
            "form": sent,
            "record_form": sent if isinstance(sent, ImportForm) else ImportForm(),
            "document_form": sent if isinstance(sent, DocumentImportForm) else DocumentImportForm(),
            "columns": [(kind, LABELS[kind], COLUMNS[kind]) for kind in KINDS],
            "document_columns": [(kind, LABELS[kind], DOCUMENT_COLUMNS[kind]) for kind in DOCUMENT_COLUMNS],
            "table": ImportJobTable(page.object_list, user=request.user, empty=empty),
            "page": page,
        }
        return render(request, "reconciliation/import.html", context, status=status)


class ImportJobView(RecordDetailView):
    """One import, true at any moment: after a reload, for another user, after a crash."""

    permission_required = PERMISSION
    template_name = "reconciliation/import_job.html"
    list_url_name = "reconciliation:import"
    list_label = "Import"

    def get_queryset(self) -> QuerySet[ImportJob]:
        return _jobs()

    def get_title(self) -> str:
        return str(self.object)

    def get_status(self) -> tuple[str, str]:
        return self.object.state, self.object.get_state_display()

    def get_actions(self) -> Sequence[Action]:
        job: ImportJob = self.object
        if job.state != State.READY:
            return ()
        new = sum(file.rows_new for file in job.files.all())
        reason = "" if new else "Everything in these files is already there."
        return (
            Action("Discard", reverse("reconciliation:import_discard", args=[job.pk]), "post", PERMISSION),
            Action(
                "Import",
                reverse("reconciliation:import_start", args=[job.pk]),
                "post",
                PERMISSION,
                reason=reason,
                is_primary=True,
                icon="upload",
            ),
        )

    def get_sections(self) -> Sequence[Section]:
        job: ImportJob = self.object
        sections = [
            Section("Files", table=ImportFileTable(job.files.all(), user=self.request.user)),
            Section("General Info", facts=_facts(job), is_wide=True),
        ]
        if job.error_count:
            sections.insert(1, _error_section(job, self.request.user))
        return sections

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        job: ImportJob = self.object
        files = list(job.files.all())
        next_run = _run_after(job) if job.state == State.IMPORTED else None
        return super().get_context_data(
            found_sets=[(file.rows_new, *_found_set(file)) for file in files if file.rows_new],
            noun="document" if any(file.kind in DOCUMENT_COLUMNS for file in files) else "row",
            rows_new=sum(file.rows_new for file in files),
            rows_present=sum(file.rows_present for file in files),
            next_run=next_run,
            is_run_awaited=next_run is None and _has_just_ended(job),
            progress=_progress(job),
            **kwargs,
        )


def _facts(job: ImportJob) -> tuple[Fact, ...]:
    seconds = (job.finished_at - job.started_at).total_seconds() if job.finished_at and job.started_at else None
    return (
        Fact("Uploaded by", job.uploaded_by.get_username()),
        Fact("Uploaded", job.uploaded_at, "moment"),
        Fact("Imported by", job.requested_by.get_username() if job.requested_by else ""),
        Fact("Finished", job.finished_at, "moment"),
        Fact("Took", f"{seconds:,.1f} s" if seconds is not None else ""),
    )


def _error_section(job: ImportJob, user: Any) -> Section:
    shown = job.errors[:ERRORS_SHOWN]
    download = f"Download the first {len(job.errors):,} as CSV" if job.error_count > len(job.errors) else "Download CSV"
    return Section(
        "Errors",
        note=f"The first {len(shown)} of {job.error_count:,}." if job.error_count > len(shown) else "",
        table=ImportErrorTable(shown, user=user),
        all_url=reverse("reconciliation:import_errors", args=[job.pk]),
        all_label=download,
    )


# Where the records of a kind are listed, and the column that dates them.
_LISTS = {
    ITEMS: ("lots:codes", "Line Item Codes", ""),
    LOTS: ("lots:lots", "Inventory Lots", "first_received_at"),
    USAGE: ("usage:usages", "Inventory Usage", "used_at"),
    "purchase_orders": ("lots:purchase_orders", "Purchase Orders", ""),
    "receipts": ("lots:receipts", "Incoming Shipments", ""),
    "purchases": ("lots:purchases", "Purchases", ""),
    "orders": ("usage:orders", "Orders", ""),
    "shipments": ("usage:shipments", "Shipments", ""),
    "jobs": ("usage:jobs", "Jobs", ""),
    "job_consumption": ("usage:jobs", "Jobs (consumption)", ""),
    "job_output": ("usage:jobs", "Jobs (output)", ""),
    "job_costs": ("usage:jobs", "Jobs (costs)", ""),
    "adjustments": ("usage:adjustments", "Inventory Adjustments", ""),
}


def _found_set(file: ImportFile) -> tuple[str, str]:
    """The words for, and the address of, the list page narrowed to the days of what a file brought."""
    url_name, label, field = _LISTS[file.kind]
    if not field or file.first_at is None or file.last_at is None:
        return label, found_set(url_name)
    first, last = timezone.localdate(file.first_at), timezone.localdate(file.last_at)
    days = f"{first:%m/%d/%y}" if first == last else f"{first:%m/%d/%y} to {last:%m/%d/%y}"
    bounds = {f"{field}_after": first.isoformat(), f"{field}_before": last.isoformat()}
    return f"{label} of {days}", found_set(url_name, **bounds)


def _run_after(job: ImportJob) -> ReconciliationRun | None:
    """The first run that was asked for when the records were there: an earlier one may have missed them."""
    if job.finished_at is None:
        return None
    return ReconciliationRun.objects.filter(requested_at__gte=job.finished_at).order_by("requested_at", "pk").first()


def _has_just_ended(job: ImportJob) -> bool:
    """Whether a run may still be on its way; where nothing was open, none comes."""
    return job.finished_at is not None and timezone.now() - job.finished_at < RUN_AWAITED


def _progress(job: ImportJob) -> dict[str, Any]:
    """What components/progress.html shows."""
    percent = 100 * job.rows_done / job.rows_total if job.rows_total else None
    waiting = job.state in (State.UPLOADED, State.REQUESTED)
    figures = ""
    if not waiting:
        of = f" of {job.rows_total:,}" if job.rows_total else ""
        figures = f"{job.rows_done:,}{of} rows"
    tens = f", about {percent // 10 * 10:.0f} percent" if percent is not None else ""
    return {
        "progress_url": reverse("reconciliation:import_progress", args=[job.pk]),
        "is_done": not job.is_active,
        "percent": None if waiting else percent,
        "label": "Waiting for a worker" if waiting else job.phase or job.get_state_display(),
        "figures": figures,
        # Said again only when it has changed by a tenth: a screen reader should not be talked over.
        "spoken": f"{job.get_state_display()}{tens}",
    }


class ImportProgressView(PermissionRequiredMixin, View):
    """The piece of the page that asks again every two seconds; when the work has ended, the whole page is due."""

    permission_required = PERMISSION

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        job = get_object_or_404(ImportJob.objects.defer("errors"), pk=pk)
        response = render(request, "components/progress.html", _progress(job))
        if not job.is_active:
            response["HX-Refresh"] = "true"
        response["Cache-Control"] = "no-store"
        return response


class ImportStartView(PermissionRequiredMixin, View):
    """The button Import."""

    permission_required = PERMISSION
    http_method_names = ["post"]

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        job = get_object_or_404(ImportJob, pk=pk)
        if not jobs.import_request(job=job, requested_by=_user(request)):
            messages.info(request, "Nothing was started: this import is under way already, or cannot be imported.")
        return redirect(job)


class ImportDiscardView(PermissionRequiredMixin, View):
    """The button Discard."""

    permission_required = PERMISSION
    http_method_names = ["post"]

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        job = get_object_or_404(ImportJob, pk=pk)
        if jobs.import_discard(job=job):
            messages.success(request, f"{job} was discarded. Nothing was recorded.")
        else:
            messages.info(request, "Nothing was discarded: this import does not wait to be imported.")
        return redirect("reconciliation:import")


class ImportErrorsView(PermissionRequiredMixin, View):
    """The errors as a CSV, in the order of files and rows."""

    permission_required = PERMISSION

    def get(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        job = get_object_or_404(ImportJob, pk=pk)
        columns = [
            exporting.ExportColumn("file", "file"),
            exporting.ExportColumn("row", "row", "count"),
            exporting.ExportColumn("column", "column"),
            exporting.ExportColumn("value", "value"),
            exporting.ExportColumn("message", "error"),
        ]
        lines = (
            exporting.ExportLine("row", [error["file"], error["row"] or None, *(error[n] for n in _ERROR_TEXTS)])
            for error in job.errors
        )
        export = exporting.Export(f"Errors of {job}", columns, lines)
        response = StreamingHttpResponse(exporting.csv_lines(export), content_type=CSV_TYPE)
        response["Content-Disposition"] = f'attachment; filename="import-{job.pk}-errors.csv"'
        response["Cache-Control"] = "no-store"
        return response


_ERROR_TEXTS = ("column", "value", "message")


class ImportTemplateView(PermissionRequiredMixin, View):
    """An empty file to fill in: ?as=xlsx for a workbook, else CSV."""

    permission_required = PERMISSION

    def get(self, request: HttpRequest, kind: str) -> HttpResponseBase:
        if kind not in ALL_COLUMNS:
            raise Http404
        if request.GET.get("as") == "xlsx":
            return FileResponse(
                sample_workbook(kind), as_attachment=True, filename=f"{kind}.xlsx", content_type=XLSX_TYPE
            )
        response = HttpResponse(sample_csv(kind), content_type=CSV_TYPE)
        response["Content-Disposition"] = f'attachment; filename="{kind}.csv"'
        return response
