"""Pages of the journal: its postings as a list, one entry, and a plain file for other ledgers."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from django.core.paginator import Paginator
from django.db.models import QuerySet, Sum
from django.http import HttpRequest, HttpResponseBadRequest, HttpResponseBase, StreamingHttpResponse
from django.utils.functional import cached_property
from django.views.generic import View

from inventory_site.details import Action, Fact, Section
from inventory_site.exporting import Export, ExportColumn, ExportLine, csv_lines
from inventory_site.filtersets import BaseFilterSet
from inventory_site.listing import EmptyState, Grouping, ListState
from inventory_site.views import CSV_TYPE, RecordDetailView, RecordPermissionMixin
from lots import addresses
from lots.found_sets import LargeListView
from lots.models import Account
from reconciliation.journal_filtersets import JournalFilterSet, period_of
from reconciliation.journal_lines import LineTable, entry_url
from reconciliation.journal_querysets import (
    EXPORT_COLUMNS,
    PostingFigures,
    journal_lines,
    journal_postings,
    journal_rows,
    posting_figures,
)
from reconciliation.journal_tables import AccountSumTable, JournalTable
from reconciliation.models import JournalEntry, JournalLine, JournalMonth, JournalPosting

LINES_PER_PAGE: Final = 100
VIEW_JOURNAL: Final = "reconciliation.view_journalline"


# -- The journal -------------------------------------------------------------------------------------
class JournalListView(LargeListView):
    """The newest entry first. The keys of postings have no index, so rows are read along their entries and lines."""

    queryset = journal_postings().for_list()
    filterset_class = JournalFilterSet
    table_class = JournalTable
    permission_required = VIEW_JOURNAL
    title = "Journal"
    noun = "postings"
    default_sort = ("-entry",)
    total_expressions = {"debit": "debit", "credit": "credit"}
    groupings = (
        Grouping(
            "entry",
            "entry_id",
            label=lambda row: f"Entry {row.entry_id}",
            description=lambda row: f"{row.date:%m/%d/%y} {row.text}",
            url=lambda row: entry_url(row.entry_id),
            order=("entry_id",),
        ),
        Grouping(
            "account",
            "account_id",
            label=lambda row: row.account.number,
            description=lambda row: row.account.name,
            order=("account__number",),
        ),
    )
    empty_first_use = EmptyState("Nothing is posted yet", "Lots and their cost are posted by COGS reconciliation runs.")

    def found_by_keys(self, keys: Sequence[int]) -> QuerySet[Any]:
        return self.get_queryset().filter(line__in={key // 2 for key in keys}, pk__in=keys)

    def rows_of(self, keys: Sequence[int]) -> list[Any]:
        records = {row.pk: row for row in self.found_by_keys(keys)}
        return [records[key] for key in keys]

    def get_order(self, state: ListState) -> tuple[str, ...]:
        """A line and its side are its key, which has no index; debit stands before credit whichever way."""
        fields = [field for field in super().get_order(state) if field not in {"pk", "-pk", "side", "-side"}]
        if not {"line_id", "-line_id"} & set(fields):
            fields.append("-line_id")
        return (*fields, "side")

    @cached_property
    def everything(self) -> PostingFigures:
        """Of the whole journal."""
        return posting_figures(JournalMonth.objects.all())

    def count_all(self) -> int:
        return self.everything.rows

    def is_summarised(self, filterset: BaseFilterSet, state: ListState) -> bool:
        """A code by name is looked up: as a rule it is a small found set."""
        return self.figures is not None and not filterset.form.cleaned_data.get("code")

    def get_count(self, found: QuerySet[Any], *, is_narrowed: bool) -> int:
        return super().get_count(found, is_narrowed=is_narrowed) if self.figures is None else self.figures.rows

    def totals(self, found: QuerySet[Any]) -> Mapping[str, Decimal | None]:
        if self.figures is None:
            return super().totals(found)
        return {"debit": self.figures.debit, "credit": self.figures.credit}

    def get_found_set(self, filterset: BaseFilterSet, state: ListState) -> QuerySet[Any]:
        self.period = filterset.form.cleaned_data.get("period", "") if filterset.is_valid() else ""
        is_asked_of_lines = bool(state.omit) or state.quick is not None or not filterset.is_valid()
        self.figures = None if is_asked_of_lines else _figures(filterset, self)
        # They stand ready, so that no second request is worth its while.
        self.totals_apart = self.figures is None
        return super().get_found_set(filterset, state)

    def export_chunks(self, found: QuerySet[Any], state: ListState) -> Iterator[list[Any]]:
        return super().export_chunks(found.for_export(), state)  # type: ignore[attr-defined]  # ours, by its queryset

    def get_actions(self) -> Sequence[Action]:
        which = f" of {self.period}" if self.period else ""
        address = addresses.found_set("reconciliation:journal_csv", period=self.period)
        return (Action(f"Journal{which} for other ledgers (CSV)", address, permission=VIEW_JOURNAL, name="ledgers"),)


def _figures(filterset: BaseFilterSet, view: JournalListView) -> PostingFigures | None:
    """Figures of the found set from the months of the journal, where they know it."""
    return filterset.figures() if filterset.is_active and isinstance(filterset, JournalFilterSet) else view.everything


class JournalFileView(RecordPermissionMixin, View):
    """The journal as plain CSV for other ledgers, of one month (?period=2026-03) or whole, as it is read."""

    permission_required = VIEW_JOURNAL

    def get(self, request: HttpRequest) -> HttpResponseBase:
        text = request.GET.get("period", "")
        try:
            period = period_of(text) if text else None
        except ValueError:
            return HttpResponseBadRequest("Name a period as in 2026-03. Nothing was exported.")
        columns = [
            ExportColumn(name, name, "money" if name in {"debit", "credit"} else "text") for name in EXPORT_COLUMNS
        ]
        export = Export("Journal", columns, _file_lines(journal_rows(period=period)))
        response = StreamingHttpResponse(csv_lines(export), content_type=CSV_TYPE)
        response["Content-Disposition"] = f'attachment; filename="journal{f"-{text}" if text else ""}.csv"'
        response["Cache-Control"] = "no-store"
        return response


def _file_lines(rows: Iterable[tuple[Any, ...]]) -> Iterator[ExportLine]:
    place = EXPORT_COLUMNS.index("period")
    for row in rows:
        yield ExportLine("row", [*row[:place], f"{row[place]:%Y-%m}", *row[place + 1 :]])


# -- An entry ----------------------------------------------------------------------------------------
@dataclass(frozen=True)
class AccountSum:
    """What an account was debited and credited with."""

    account: Account
    debit: Decimal
    credit: Decimal
    url: str
    pk: int | None = None


def account_sums(entry: JournalEntry) -> list[AccountSum]:
    """Per account of an entry, in the order of the chart."""
    sums = {
        row["account"]: row
        for row in JournalPosting.objects.filter(entry=entry)
        .order_by()
        .values("account")
        .annotate(debited=Sum("debit", default=Decimal(0)), credited=Sum("credit", default=Decimal(0)))
    }
    return [
        AccountSum(
            account,
            sums[account.pk]["debited"],
            sums[account.pk]["credited"],
            addresses.found_set(
                "reconciliation:journal", entry=str(entry.pk), account=addresses.exactly(account.number)
            ),
        )
        for account in Account.objects.filter(pk__in=sums).order_by("number")
    ]


class JournalEntryView(RecordDetailView):
    """An entry: when, by which run, what per account, and its lines (?line= shows the page that has it)."""

    queryset = JournalEntry.objects.select_related("run")
    permission_required = VIEW_JOURNAL
    list_url_name = "reconciliation:journal"
    list_label = "Journal"

    def get_sections(self) -> Sequence[Section]:
        entry: JournalEntry = self.object
        sums = account_sums(entry)
        debit, credit = sum((row.debit for row in sums), Decimal(0)), sum((row.credit for row in sums), Decimal(0))
        month = f"{entry.date:%Y-%m}"
        return (
            Section(
                "General Info",
                facts=(
                    Fact("Date", entry.date, "day"),
                    Fact(
                        "Period",
                        month,
                        url=addresses.found_set("reconciliation:journal", period=month),
                        url_kind="journal of period",
                    ),
                    Fact("Kind", entry.get_kind_display()),
                    Fact("Run", entry.run_id, url=entry.run.get_absolute_url() if entry.run else "", url_kind="run"),
                    Fact("Posted", entry.posted_at, "moment"),
                    Fact("Text", entry.text),
                ),
            ),
            Section("Accounts", table=AccountSumTable(sums, totals={"debit": debit, "credit": credit})),
            self._lines(entry),
        )

    def _lines(self, entry: JournalEntry) -> Section:
        lines = journal_lines().filter(entry=entry).order_by("pk")
        pages = Paginator(lines.for_list(), LINES_PER_PAGE)
        page = pages.get_page(_page_asked(self.request, lines))

        def link(number: int) -> str:
            return f"?lines_page={number}#lines"

        return Section(
            "Lines",
            table=LineTable(page.object_list),
            template="reconciliation/_journal_pages.html",
            context={
                "page": page,
                "first": link(1) if page.has_previous() else "",
                "previous": link(page.previous_page_number()) if page.has_previous() else "",
                "next": link(page.next_page_number()) if page.has_next() else "",
                "last": link(pages.num_pages) if page.has_next() else "",
            },
            all_url=addresses.found_set("reconciliation:journal", entry=str(entry.pk)),
            all_label="As a list",
        )


def _page_asked(request: HttpRequest, lines: QuerySet[JournalLine]) -> str | int | None:
    line = request.GET.get("line", "")
    if line.isascii() and line.isdigit() and len(line) < 19:
        return lines.filter(pk__lt=int(line)).count() // LINES_PER_PAGE + 1
    return request.GET.get("lines_page")
