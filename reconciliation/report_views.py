"""What report pages have in common, and COGS by month."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

from django.core.paginator import Paginator
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.text import slugify
from django.views.generic import View

from inventory_site import exporting
from inventory_site.details import Section
from inventory_site.exporting import Export, ExportColumn, ExportLine
from inventory_site.listing import EmptyState
from inventory_site.tables import BaseTable
from inventory_site.views import CSV_TYPE, XLSX_TYPE, RecordPermissionMixin
from lots import addresses
from reconciliation.journal_filtersets import NONE
from reconciliation.report_forms import CogsForm, ReportForm
from reconciliation.report_selectors import CostRow, cogs_by_month
from reconciliation.report_tables import (
    cost_table,
)

VIEW_JOURNAL: Final = "reconciliation.view_journalline"
ROWS_PER_PAGE: Final = 100
EXPORTS: Final = (("CSV", "csv"), ("Excel", "xlsx"))


# -- What reports have in common ---------------------------------------------------------------------
class ReportView(RecordPermissionMixin, View):
    """A form that says what is asked, figures, and sections; ?export=csv or xlsx gives `export_table` as a file."""

    permission_required = VIEW_JOURNAL
    template_name = "reconciliation/report.html"
    title = ""

    def get_form(self, request: HttpRequest, *, now: datetime) -> ReportForm:
        raise NotImplementedError

    def get_report(self, form: Any, *, now: datetime) -> Mapping[str, Any]:
        """Context of the page: figures (label, value, is_trouble), sections, pages (a Page, or None), notes."""
        raise NotImplementedError

    def get_export(self, form: Any, *, now: datetime) -> tuple[BaseTable, Mapping[str, Decimal]]:
        """The table of the file, all of its rows, and its totals."""
        raise NotImplementedError

    def get(self, request: HttpRequest) -> HttpResponseBase:
        now = timezone.now()
        form = self.get_form(request, now=now)
        kind = request.GET.get("export", "")
        if form.is_valid() and kind in {"csv", "xlsx"}:
            return self._file(request, form, kind, now=now)
        query = request.GET.copy()
        query.pop("export", None)
        context = {
            "title": self.title,
            "form": form,
            "exports": [
                (label, f"?{_with(query, export=kind)}") for label, kind in (("CSV", "csv"), ("Excel", "xlsx"))
            ],
            "figures": (),
            "sections": (),
            "pages": None,
            **(self.get_report(form, now=now) if form.is_valid() else {}),
        }
        return render(request, self.template_name, context, status=200 if form.is_valid() else 422)

    def _file(self, request: HttpRequest, form: Any, kind: str, *, now: datetime) -> HttpResponseBase:
        table, totals = self.get_export(form, now=now)
        columns = [
            ExportColumn(bound.name, str(bound.header), getattr(bound.column, "export_kind", "text"))
            for bound in table.export_columns()
        ]
        asked = [(str(form.fields[name].label), str(value)) for name, value in form.cleaned_data.items() if value]
        about = (
            ("What", self.title),
            *asked,
            ("Exported by", request.user.get_username()),
            ("Exported at", timezone.localtime(now).strftime("%Y-%m-%d %H:%M:%S")),
            ("Time zone", timezone.get_current_timezone_name()),
        )
        export = Export(self.title, columns, _export_lines(table, columns, totals), about)
        name = f"{slugify(self.title)}-{timezone.localtime(now):%Y%m%d-%H%M}"
        response: HttpResponse | StreamingHttpResponse | FileResponse
        if kind == "csv":
            response = StreamingHttpResponse(exporting.csv_lines(export), content_type=CSV_TYPE)
            response["Content-Disposition"] = f'attachment; filename="{name}.csv"'
        else:
            file = exporting.xlsx_file(export)
            response = FileResponse(file, as_attachment=True, filename=f"{name}.xlsx", content_type=XLSX_TYPE)
        response["Cache-Control"] = "no-store"
        return response


def _with(query: Any, **changes: str) -> str:
    changed = query.copy()
    for name, value in changes.items():
        changed[name] = value
    text: str = changed.urlencode()
    return text


def _export_lines(
    table: BaseTable, columns: Sequence[ExportColumn], totals: Mapping[str, Decimal]
) -> Iterator[ExportLine]:
    def summary(kind: str, label: str, figures: Mapping[str, Any]) -> ExportLine:
        values = [figures.get(column.name) for column in columns]
        return ExportLine(kind, [label if values[0] is None else values[0], *values[1:]])

    if table.groups is None:
        for values in table.export_rows(table.data):
            yield ExportLine("row", values)
    else:
        for group in table.groups:
            yield ExportLine("group", [f"{group.label} {group.description}".strip(), *([None] * (len(columns) - 1))])
            for values in table.export_rows(group.records):
                yield ExportLine("row", values)
            yield summary("sub-total", f"Sub-total {group.label}", group.totals)
    yield summary("total", "Totals", totals)


@dataclass(frozen=True)
class ReportPage:
    """Links below a long table."""

    number: int
    last: int
    count: int
    first_shown: int
    last_shown: int
    previous: str
    next: str


def page_of(request: HttpRequest, rows: Sequence[Any]) -> tuple[list[Any], ReportPage | None]:
    pages = Paginator(rows, ROWS_PER_PAGE)
    page = pages.get_page(request.GET.get("page"))
    if pages.num_pages == 1:
        return list(page.object_list), None
    query = request.GET.copy()
    return list(page.object_list), ReportPage(
        page.number,
        pages.num_pages,
        pages.count,
        page.start_index(),
        page.end_index(),
        f"?{_with(query, page=str(page.number - 1))}" if page.has_previous() else "",
        f"?{_with(query, page=str(page.number + 1))}" if page.has_next() else "",
    )


# -- COGS by month -----------------------------------------------------------------------------------
_WHAT_IT_IS: Final = (
    "All that accounts of the kind Cost of sales were charged, less what they were credited. Variances are what"
    " purchases and jobs left there: credits that differ, bills without goods, the other side of what went back to a"
    " vendor from other lots."
)


class CogsByMonthView(ReportView):
    """Cost of sales by code, order or office; true-ups, accruals and variances stand apart."""

    title = "COGS by Month"

    def get_form(self, request: HttpRequest, *, now: datetime) -> ReportForm:
        return CogsForm(request.GET, today=timezone.localdate(now))

    def get_export(self, form: Any, *, now: datetime) -> tuple[BaseTable, Mapping[str, Decimal]]:
        asked = form.cleaned_data
        months = form.months_asked()
        found = cogs_by_month(months=months, by=asked["by"], kind=asked["kind"], stop=exporting.XLSX_ROW_LIMIT)
        table = _cost_rows(found.rows, asked, months, found.totals_of(asked["kind"]))
        return table, {name: amount for name, amount in (table.totals or {}).items() if amount is not None}

    def get_report(self, form: Any, *, now: datetime) -> Mapping[str, Any]:
        asked = form.cleaned_data
        months = form.months_asked()
        number = _page_number(self.request)
        start = (number - 1) * ROWS_PER_PAGE
        found = cogs_by_month(
            months=months, by=asked["by"], kind=asked["kind"], start=start, stop=start + ROWS_PER_PAGE
        )
        _, page = page_of(self.request, range(found.count))
        kinds = cost_table(
            [row for row in found.kinds if row.by_month or row.key == "COGS"],
            heading="Kind",
            months=months,
            url=lambda row, month: _journal(month, kind=str(row.key)),
            totals=found.totals,
            with_kinds=False,
            caption="COGS by kind and month",
        )
        names = {"code": "code", "order": "order", "office": "office"}
        rows = _cost_rows(found.rows, asked, months, found.totals_of(asked["kind"]))
        return {
            "sections": [
                Section("By kind", note=_WHAT_IT_IS, table=kinds),
                Section(f"By {names[asked['by']]}", note="The largest first.", table=rows),
            ],
            "pages": page,
        }


def _page_number(request: HttpRequest) -> int:
    text = request.GET.get("page", "")
    return max(1, int(text)) if text.isascii() and text.isdigit() and len(text) < 8 else 1


def _journal(month: date, *, kind: str, **filters: str) -> str:
    period = f"{month:%Y-%m}"
    return addresses.found_set(
        "reconciliation:journal", period=period, kind=kind, account_kind="COST_OF_SALES", **filters
    )


def _cost_rows(rows: Sequence[CostRow], asked: Mapping[str, Any], months: Sequence[date], totals: CostRow) -> BaseTable:
    by = asked["by"]

    def url(row: CostRow, month: date) -> str:
        if not row.key or row.key == "0":
            value = NONE
        else:
            value = str(row.key) if by == "office" else addresses.exactly(row.label)
        return _journal(month, kind=asked["kind"], **{by: value})

    return cost_table(
        rows,
        heading=by.capitalize(),
        months=months,
        url=url,
        totals=totals,
        with_kinds=not asked["kind"],
        caption=f"COGS by {by} and month",
        empty=EmptyState("No cost of sales in these months", "Cost is posted by COGS reconciliation runs."),
    )
