"""RecordListView and RecordDetailView: filter > table > page, nothing else.

How to make a list page (the worked example is Office, in lots/): write a filter set and a table, name them in a view
with a queryset, add the address. A fifth idea usually belongs to a selector, a column or a service.

    class OfficeListView(RecordListView):
        queryset = Office.objects.all()
        filterset_class = OfficeFilterSet
        table_class = OfficeTable
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.contrib.auth.mixins import PermissionRequiredMixin
from django.db.models import Model, Q, QuerySet, Sum
from django.db.models.expressions import Combinable
from django.http import FileResponse, HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.text import capfirst, slugify
from django.views.generic import DetailView, TemplateView, View

from inventory_site import exporting
from inventory_site.details import Action, Section
from inventory_site.exporting import XLSX_ROW_LIMIT
from inventory_site.filtersets import BaseFilterSet
from inventory_site.listing import (
    PER_PAGE_CHOICES,
    EmptyState,
    Grouping,
    ListState,
    QuickSearch,
    read_state,
)
from inventory_site.tables import BaseTable, RowGroup, grouped

if TYPE_CHECKING:
    AnyDetailView = DetailView[Any]
else:
    AnyDetailView = DetailView

EXPORT_CHUNK = 2000
CSV_TYPE = "text/csv; charset=utf-8"
XLSX_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class RecordPermissionMixin(PermissionRequiredMixin):
    """Signed in (by middleware) and holding `view_<model>`, unless the view names something else."""

    def record_model(self) -> type[Model]:
        raise NotImplementedError

    def get_permission_required(self) -> Sequence[str]:
        if self.permission_required is not None:
            return super().get_permission_required()
        options = self.record_model()._meta
        return (f"{options.app_label}.view_{options.model_name}",)


@dataclass(frozen=True)
class PageOfRows:
    """Where we are in the found set."""

    number: int
    per_page: int
    count: int

    @property
    def last(self) -> int:
        return max(1, -(-self.count // self.per_page))

    @property
    def start(self) -> int:
        return (self.number - 1) * self.per_page

    @property
    def stop(self) -> int:
        return min(self.start + self.per_page, self.count)

    @property
    def first_shown(self) -> int:
        return self.start + 1 if self.count else 0


class RecordListView(RecordPermissionMixin, View):
    """A list page and its exports. Declare the attributes; override a method only for another way to find figures.

    queryset            all records, with select_related and annotations as the columns need them
    filterset_class     a BaseFilterSet; table_class: a BaseTable
    template_name       defaults to generic/record_list.html
    title, noun         "Inventory Usage"; what is counted ("usages"); default from the model
    default_sort        column names, for example ("-used_at",)
    groupings           Grouping(...) for each heading that groups
    quick_searches      QuickSearch(...) for the footer
    total_expressions   column -> field or expression summed for List Totals and sub-totals
    totals_apart        True: totals of a filtered, large found set come by a second request
    empty_first_use     EmptyState(...) for a list without any record yet
    actions             get_actions() for the title row
    """

    queryset: QuerySet[Any]
    filterset_class: type[BaseFilterSet]
    table_class: type[BaseTable]
    template_name = "generic/record_list.html"
    title = ""
    noun = ""
    default_sort: Sequence[str] = ()
    groupings: Sequence[Grouping] = ()
    quick_searches: Sequence[QuickSearch] = ()
    total_expressions: Mapping[str, str | Combinable] = {}
    totals_apart = False
    totals_apart_from = 20_000
    empty_first_use = EmptyState("Nothing here yet")

    # -- Hooks: where rows and figures come from -------------------------------------------------------
    def get_queryset(self) -> QuerySet[Any]:
        return self.queryset.all()

    def get_found_set(self, filterset: BaseFilterSet, state: ListState) -> QuerySet[Any]:
        """Filters, the quick search and omitted rows applied; unordered."""
        found: QuerySet[Any] = filterset.found
        if state.quick is not None and state.quick.narrow is not None:
            found = state.quick.narrow(found)
        if state.omit:
            found = found.exclude(pk__in=state.omit)
        return found

    def count_all(self) -> int | None:
        """How many records there are without any filter, if that is cheap to say (for "1,234 of 540,000")."""
        return None

    def count_found(self, found: QuerySet[Any], *, is_narrowed: bool) -> int:
        """How many rows the found set has; `is_narrowed` is False when it is the whole list."""
        if not is_narrowed and (everything := self.count_all()) is not None:
            return everything
        return found.order_by().count()

    def get_order(self, state: ListState) -> tuple[str, ...]:
        """Fields to order by: the group, then what was asked or the default, then the primary key."""
        first: list[str] = []
        rest = list(state.sort) or list(self.default_sort)
        if state.group is not None:
            column = state.group.column
            direction = f"-{column}" if state.group_is_descending else column
            rest = [alias for alias in state.sort if alias.lstrip("-") != column] or list(self.default_sort)
            fields = list(state.group.order) or [
                path for path in self.table_class.order_for([column]) if path not in {"pk", "-pk"}
            ]
            first = [f"-{path}" if direction.startswith("-") else path for path in fields]
            # The key itself, lest two groups of one label mix.
            first.append(state.group.key)
        return self.table_class.order_for(rest, first=first)

    def get_rows(self, found: QuerySet[Any], state: ListState, start: int, stop: int) -> Sequence[Any]:
        """Rows `start` to `stop` of the found set in the order of `state`.

        A grouped page asks for one row more on each side, to know whether a group goes on there.
        """
        return list(found.order_by(*self.get_order(state))[start:stop])

    def totals(self, found: QuerySet[Any]) -> Mapping[str, Decimal | None]:
        """Column -> sum over the whole found set, by the database. Keys are those of `total_expressions`."""
        if not self.total_expressions:
            return {}
        sums = {f"total_{name}": Sum(expression) for name, expression in self.total_expressions.items()}
        row = found.order_by().aggregate(**sums)
        return {name: row[f"total_{name}"] or Decimal(0) for name in self.total_expressions}

    def group_totals(
        self, found: QuerySet[Any], grouping: Grouping, keys: Sequence[Any]
    ) -> Mapping[Any, Mapping[str, Decimal | None]]:
        """Key -> column -> sum over the whole group in the found set, for the keys shown on this page."""
        if not self.total_expressions:
            return {}
        wanted = Q(**{f"{grouping.key}__in": [key for key in keys if key is not None]})
        if None in keys:
            wanted |= Q(**{f"{grouping.key}__isnull": True})
        sums = {f"total_{name}": Sum(expression) for name, expression in self.total_expressions.items()}
        rows = found.filter(wanted).order_by().values(grouping.key).annotate(**sums)
        return {
            row[grouping.key]: {name: row[f"total_{name}"] or Decimal(0) for name in self.total_expressions}
            for row in rows
        }

    # -- Hooks: what stands around the table -----------------------------------------------------------
    def get_actions(self) -> Sequence[Action]:
        """Buttons at the right of the title row."""
        return ()

    def get_empty_state(self, state: ListState, *, is_narrowed: bool, is_valid: bool) -> EmptyState:
        """Four kinds: bad filters, first use, all done, nothing matches."""
        clear = {"action_label": "Clear filters", "action_url": state_cleared(state)}
        if not is_valid:
            return EmptyState("Nothing was searched", "Correct the marked fields and search again.", kind="invalid")
        if not is_narrowed:
            return self.empty_first_use
        if state.quick is not None and state.quick.all_done is not None and not self._has_filters:
            return state.quick.all_done
        return EmptyState(f"No {self.get_noun()} match these filters", "", **clear, kind="filtered")

    def get_title(self) -> str:
        return self.title or capfirst(str(self.record_model()._meta.verbose_name_plural)).title()

    def get_noun(self) -> str:
        return self.noun or str(self.record_model()._meta.verbose_name_plural)

    def record_model(self) -> type[Model]:
        return self.queryset.model

    def get_extra_context(self) -> dict[str, Any]:
        """More for a template of one's own."""
        return {}

    # -- The page --------------------------------------------------------------------------------------
    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        filterset = self.filterset_class(data=request.GET, queryset=self.get_queryset(), request=request)
        state = read_state(
            request.GET,
            sortable=self.table_class.sortable_columns(),
            groupings=self.groupings,
            quick_searches=self.quick_searches,
            filter_names=filterset.parameter_names(),
        )
        self._has_filters = filterset.is_active
        is_narrowed = (
            self._has_filters or bool(state.omit) or (state.quick is not None and state.quick.narrow is not None)
        )
        found = self.get_found_set(filterset, state)
        count = self.count_found(found, is_narrowed=is_narrowed) if filterset.is_valid() else 0
        if state.export:
            if state.export not in {"csv", "xlsx"}:
                state = state.with_remark("A list can be exported as csv or xlsx.")
            elif not filterset.is_valid():
                state = state.with_remark("Nothing was exported: correct the marked fields first.")
            elif state.export == "xlsx" and (lines := self.export_length(found, state, count)) > XLSX_ROW_LIMIT:
                messages.warning(
                    request,
                    f"{lines:,} lines, totals included, do not fit into one worksheet, which has room for"
                    f" {XLSX_ROW_LIMIT:,}; nothing was exported. Export as CSV or filter.",
                )
                return redirect(request.path + state.url())
            else:
                return self.export(found, filterset, state)
        page = PageOfRows(state.page, state.per_page, count)
        if page.number > page.last:
            if filterset.is_valid():
                state = state.with_remark(f"There is no page {page.number:,}; this is the last one.")
            page = PageOfRows(page.last, state.per_page, count)
        is_apart = self.totals_apart and is_narrowed and count >= self.totals_apart_from and state.part != "totals"
        table = self.get_table(found, state, page, with_totals=not is_apart)
        if state.part == "totals" and request.headers.get("HX-Request"):
            return render(request, "components/list_totals.html", {"table": table})
        table.empty = self.get_empty_state(state, is_narrowed=is_narrowed, is_valid=filterset.is_valid())
        context = {
            "view": self,
            "title": self.get_title(),
            "noun": self.get_noun(),
            "state": state,
            "filterset": filterset,
            "chips": filterset.chips(state),
            "table": table,
            "page": page,
            "per_page_links": [(size, state.url(per_page=size)) for size in PER_PAGE_CHOICES],
            "page_links": page_links(page, state),
            "count_all": self.count_all() if is_narrowed else None,
            "is_narrowed": is_narrowed,
            "clear_url": state_cleared(state),
            "quick_links": [
                (search, quick_url(search), state.quick is not None and state.quick.name == search.name)
                for search in self.quick_searches
            ],
            "exports": [("CSV", state.url(export="csv")), ("Excel", state.url(export="xlsx"))],
            "actions": [action for action in self.get_actions() if action.is_allowed(request.user)],
            **self.get_extra_context(),
        }
        return render(request, self.template_name, context)

    def get_table(self, found: QuerySet[Any], state: ListState, page: PageOfRows, *, with_totals: bool) -> BaseTable:
        """The table of this page, with its groups and totals."""
        is_fragment = state.part == "totals" and bool(self.request.headers.get("HX-Request"))
        rows: Sequence[Any] = ()
        groups = None
        if page.count and not is_fragment:
            if state.group is None:
                rows = self.get_rows(found, state, page.start, page.stop)
            else:
                start, stop = max(page.start - 1, 0), min(page.stop + 1, page.count)
                wide = self.get_rows(found, state, start, stop)
                shift = page.start - start
                rows = wide[shift : shift + page.stop - page.start]
                groups = self._groups(found, state.group, wide, rows, shift)
        totals = self.totals(found) if with_totals and page.count and self.total_expressions else None
        return self.table_class(
            rows,
            state=state,
            user=self.request.user,
            groups=groups,
            groupable=[grouping.column for grouping in self.groupings],
            totals=totals,
            totals_url="" if with_totals or not page.count else state.url(part="totals"),
        )

    def _groups(
        self, found: QuerySet[Any], grouping: Grouping, wide: Sequence[Any], rows: Sequence[Any], shift: int
    ) -> list[RowGroup]:
        if not rows:
            return []
        blocks = grouped(rows, grouping)
        before = grouping.key_of(wide[0]) if shift else None
        after = grouping.key_of(wide[-1]) if len(wide) > shift + len(rows) else None
        sums = self.group_totals(found, grouping, [key for key, _ in blocks])
        return [
            RowGroup(
                label=grouping.label(records[0]),
                description=grouping.description(records[0]),
                url=grouping.url(records[0]),
                records=records,
                totals=sums.get(key, {}),
                starts_before=bool(shift) and place == 0 and before == key,
                goes_on=len(wide) > shift + len(rows) and place == len(blocks) - 1 and after == key,
                action=grouping.action(records),
            )
            for place, (key, records) in enumerate(blocks)
        ]

    # -- Export ----------------------------------------------------------------------------------------
    def export(self, found: QuerySet[Any], filterset: BaseFilterSet, state: ListState) -> HttpResponseBase:
        """Exactly the found set, as the list shows it."""
        now = timezone.now()
        export = self.get_export(found, filterset, state, now=now)
        name = f"{slugify(self.get_title())}-{timezone.localtime(now):%Y%m%d-%H%M}"
        response: HttpResponseBase
        if state.export == "csv":
            lines = exporting.csv_lines(export, with_bom=self.request.GET.get("bom") == "1")
            response = StreamingHttpResponse(lines, content_type=CSV_TYPE)
            response["Content-Disposition"] = f'attachment; filename="{name}.csv"'
        else:
            response = FileResponse(
                exporting.xlsx_file(export), as_attachment=True, filename=f"{name}.xlsx", content_type=XLSX_TYPE
            )
        response["Cache-Control"] = "no-store"
        return response

    def export_length(self, found: QuerySet[Any], state: ListState, count: int) -> int:
        """How many lines an export of `count` rows has below its heading; `_export_lines` writes them."""
        lines = count + bool(self.total_expressions)
        if state.group is not None and count:
            groups = found.order_by().values(state.group.key).distinct().count()
            lines += groups * (2 if self.total_expressions else 1)
        return lines

    def get_export(
        self, found: QuerySet[Any], filterset: BaseFilterSet, state: ListState, *, now: datetime
    ) -> exporting.Export:
        columns = [
            exporting.ExportColumn(bound.name, _export_label(bound), getattr(bound.column, "export_kind", "text"))
            for bound in self.table_class([]).export_columns()
        ]
        filters = [f"{chip.label}: {chip.text}" for chip in filterset.chips(state)]
        if state.quick is not None:
            filters.insert(0, state.quick.label)
        if state.omit:
            filters.append(f"{len(state.omit)} rows omitted")
        about = (
            ("What", self.get_title()),
            ("Found set", "; ".join(filters) or f"All {self.get_noun()}"),
            ("Order", ", ".join(self.get_order(state))),
            ("Exported by", self.request.user.get_username()),
            ("Exported at", timezone.localtime(now).strftime("%Y-%m-%d %H:%M:%S")),
            ("Time zone", timezone.get_current_timezone_name()),
            ("Address", self.request.build_absolute_uri(self.request.path + state.url())),
        )
        return exporting.Export(self.get_title(), columns, self._export_lines(found, state, columns), about)

    def _export_lines(
        self, found: QuerySet[Any], state: ListState, columns: Sequence[exporting.ExportColumn]
    ) -> Iterator[exporting.ExportLine]:
        grouping = state.group
        width = len(columns)
        everything = exporting.Sums(columns, self.total_expressions)
        within = exporting.Sums(columns, self.total_expressions)
        key, label, has_rows = None, "", False
        for records in self.export_chunks(found, state):
            table = self.table_class(records, state=state, user=self.request.user)
            for record, values in zip(records, table.export_rows(records), strict=True):
                if grouping is not None and (not has_rows or grouping.key_of(record) != key):
                    if has_rows and self.total_expressions:
                        yield within.line("sub-total", f"Sub-total {label}")
                    within = exporting.Sums(columns, self.total_expressions)
                    key, label = grouping.key_of(record), grouping.label(record)
                    heading = f"{label} {grouping.description(record)}".strip()
                    yield exporting.ExportLine("group", [heading, *([None] * (width - 1))])
                has_rows = True
                within.add(values)
                everything.add(values)
                yield exporting.ExportLine("row", values)
        if self.total_expressions:
            if grouping is not None and has_rows:
                yield within.line("sub-total", f"Sub-total {label}")
            yield everything.line("total", "List Totals")

    def export_chunks(self, found: QuerySet[Any], state: ListState) -> Iterator[list[Any]]:
        """The found set in its order, some thousand rows at a time, read by a server-side cursor."""
        chunk: list[Any] = []
        for record in found.order_by(*self.get_order(state)).iterator(chunk_size=EXPORT_CHUNK):
            chunk.append(record)
            if len(chunk) == EXPORT_CHUNK:
                yield chunk
                chunk = []
        if chunk:
            yield chunk


def _export_label(bound: Any) -> str:
    label = str(bound.header)
    return f"~ {label.removeprefix('~').strip()}" if getattr(bound.column, "is_estimated", False) else label


def quick_url(search: QuickSearch) -> str:
    """The address of a quick search: a fresh start."""
    return ListState().url(**({"quick": search.name} | dict(search.params)))


def state_cleared(state: ListState) -> str:
    """The same list without filters, quick search and omitted rows; look (order, groups, page length) is kept."""
    kept = tuple(pair for pair in state.params if pair[0] in {"sort", "group", "per_page"})
    return ListState(params=kept).url()


def page_links(page: PageOfRows, state: ListState) -> dict[str, str]:
    """Addresses of the first, previous, next and last page; "" where there is none."""
    return {
        "first": state.url(page=None) if page.number > 1 else "",
        "previous": state.url(page=page.number - 1) if page.number > 1 else "",
        "next": state.url(page=page.number + 1) if page.number < page.last else "",
        "last": state.url(page=page.last) if page.number < page.last else "",
    }


class RecordDetailView(RecordPermissionMixin, AnyDetailView):
    """A record's page: title, status, actions, and sections as cards.

    Override `get_sections()`; a template of one's own extends generic/record_detail.html and fills the block
    `more_sections`, for panels that belong to a higher app.
    """

    template_name = "generic/record_detail.html"
    context_object_name = "record"
    list_url_name = ""
    list_label = ""
    kind = ""

    def record_model(self) -> type[Model]:
        return self.get_queryset().model

    def get_title(self) -> str:
        return f"{self.kind or capfirst(str(self.object._meta.verbose_name)).title()} {self.object}"

    def get_status(self) -> tuple[str, str] | None:
        """Status code and words for the title row, or None."""
        return None

    def get_sections(self) -> Sequence[Section]:
        return ()

    def get_actions(self) -> Sequence[Action]:
        return ()

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(
            title=self.get_title(),
            status=self.get_status(),
            sections=self.get_sections(),
            actions=[action for action in self.get_actions() if action.is_allowed(self.request.user)],
            list_url_name=self.list_url_name,
            list_label=self.list_label,
            **kwargs,
        )


class MenuView(TemplateView):
    """The main menu as a plain page: where the menu's headings lead without scripts."""

    template_name = "menu.html"
