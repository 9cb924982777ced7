"""Pages of this app: which rows, which columns, which figures. Nothing is decided here."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from operator import methodcaller
from typing import Any

from django.db.models import Model, Q, QuerySet, Sum
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.views.generic import TemplateView, View

from inventory_site.details import Action, Fact, FigureRow, Figures, Section
from inventory_site.fields import MoneyField, QuantityField
from inventory_site.filtersets import BaseFilterSet
from inventory_site.listing import EmptyState, Grouping, ListState, QuickSearch
from inventory_site.templatetags import display
from inventory_site.views import RecordDetailView, RecordPermissionMixin
from lots import addresses
from lots.found_sets import LargeListView
from lots.querysets import lots, transactions
from lots.services import source_kind_of
from lots.tables import BY_CODE, LotsOfSourceTable, TransactionsOfSourceTable
from usage import documents, selectors
from usage.filtersets import UsageFilterSet
from usage.models import InventoryUsage
from usage.querysets import usages
from usage.selectors import Scope
from usage.tables import ReturnsTable, UsageOfSourceTable, UsageTable

NOTHING_OPEN = EmptyState(
    "Nothing is unallocated", "Every usage is allocated to the lots that paid for it.", kind="all-done"
)
COLUMNS = ("quantity", "cogs", "unallocated", "accrued_cogs")
COMPUTED = {"cogs", "unallocated", "accrued_cogs", "status"}
PLAIN: Mapping[Scope, Callable[[], QuerySet[InventoryUsage]]] = {
    Scope.EVERYTHING: usages,
    Scope.OPEN: lambda: usages().open(),
    Scope.CLOSED: lambda: usages().closed(),
}
ROWS_SHOWN = 50


def _resolve(usages: Sequence[Any]) -> tuple[str, str]:
    """The way to resolve a code, where something of it on the page is open."""
    if not any(usage.status == "OPEN" for usage in usages):
        return ("", "")
    return ("Resolve", addresses.page_of("reconciliation:resolve_code", usages[0].code_id))


class UsageListView(LargeListView):
    """Inventory Usage, as in the guides. What is not filtered has its count, totals and groups from the cost pools."""

    queryset = usages().for_list()
    filterset_class = UsageFilterSet
    table_class = UsageTable
    template_name = "usage/usage_list.html"
    title = "Inventory Usage"
    noun = "usages"
    total_expressions = {name: name for name in COLUMNS}
    groupings = (replace(BY_CODE, action=_resolve),)
    quick_searches = (
        QuickSearch(
            "open",
            "Find Open Inventory Usage",
            narrow=methodcaller("open"),
            params={"group": "code"},
            all_done=NOTHING_OPEN,
        ),
        QuickSearch("closed", "Find Closed", narrow=methodcaller("closed")),
        QuickSearch("returns", "Find Returns", narrow=methodcaller("returns")),
    )
    empty_first_use = EmptyState(
        "No inventory usage yet", "Import usage: each is goods that were used, or (negative) that came back."
    )

    # -- What the cost pools know ------------------------------------------------------------------------
    def get_found_set(self, filterset: BaseFilterSet, state: ListState) -> QuerySet[Any]:
        self.scope = _scope_of(filterset, state)
        self.totals_apart = self.scope is None
        # The newest first; within a code in the order in which a run allocates.
        self.default_sort = ("used_at",) if state.group else ("-used_at",)
        return super().get_found_set(filterset, state)

    def is_summarised(self, filterset: BaseFilterSet, state: ListState) -> bool:
        return _scope_of(filterset, state) is not None

    @property
    def figures(self) -> dict[Scope, dict[str, Any]]:
        """Of each scope, read once for a page."""
        if not hasattr(self, "_figures"):
            self._figures = selectors.list_figures()
        return self._figures

    def count_all(self) -> int:
        count: int = self.figures[Scope.EVERYTHING]["count"]
        return count

    def get_count(self, found: QuerySet[Any], *, is_narrowed: bool) -> int:
        if self.scope is None:
            return super().get_count(found, is_narrowed=is_narrowed)
        count: int = self.figures[self.scope]["count"]
        return count

    # -- Rows and sums -----------------------------------------------------------------------------------
    def get_rows(self, found: QuerySet[Any], state: ListState, start: int, stop: int) -> Sequence[Any]:
        if self.scope is None:
            return super().get_rows(found, state, start, stop)
        if state.group is None:
            is_computed = any(alias.removeprefix("-") in COMPUTED for alias in state.sort)
            # By a column of its own: nothing needs to be joined or computed to find the rows.
            return super().get_rows(found if is_computed else PLAIN[self.scope](), state, start, stop)
        covered = selectors.codes_on_page(
            scope=self.scope, start=start, stop=stop, is_descending=state.group_is_descending
        )
        if not covered:
            return []
        if not state.sort_within_group and self.scope is not Scope.CLOSED:
            return self.rows_of(selectors.usages_on_page(scope=self.scope, codes=covered))
        # No index gives this order: only the codes of the page are sorted.
        first = covered[0].before
        narrowed = found.filter(code__in=[code.code_id for code in covered]).order_by(*self.get_order(state))
        return self.rows_of(list(narrowed.values_list("pk", flat=True)[start - first : stop - first]))

    def totals(self, found: QuerySet[Any]) -> Mapping[str, Decimal | None]:
        if self.scope is not None:
            return {name: self.figures[self.scope][name] for name in COLUMNS}
        sums = found.order_by().aggregate(
            total_quantity=Sum("quantity"),
            total_unallocated=Sum("unallocated"),
            total_accrued_cogs=Sum("accrued_cogs"),
            open_amount=Sum("open_usage__amount_allocated"),
        )
        # The allocations of all closed rows at once: row by row, each would be looked up.
        closed = found.order_by().filter(open_usage__isnull=True).aggregate(amount=Sum("allocations__amount"))
        allocated = (sums["open_amount"] or Decimal(0)) + (closed["amount"] or Decimal(0))
        return {
            "quantity": sums["total_quantity"] or Decimal(0),
            "cogs": allocated + (sums["total_accrued_cogs"] or Decimal(0)),
            "unallocated": sums["total_unallocated"] or Decimal(0),
            "accrued_cogs": sums["total_accrued_cogs"] or Decimal(0),
        }

    def group_totals(
        self, found: QuerySet[Any], grouping: Grouping, keys: Sequence[Any]
    ) -> Mapping[Any, Mapping[str, Decimal | None]]:
        if self.scope is None:
            return super().group_totals(found, grouping, keys)
        return selectors.code_figures(scope=self.scope, code_ids=keys)


def _scope_of(filterset: BaseFilterSet, state: ListState) -> Scope | None:
    """Which summarised found set this is: no filter and nothing omitted, at most a search for open or closed."""
    if filterset.is_active or state.omit:
        return None
    if state.quick is None:
        return Scope.EVERYTHING
    return {"open": Scope.OPEN, "closed": Scope.CLOSED}.get(state.quick.name)


# -- A usage -----------------------------------------------------------------------------------------
class UsageDetailView(RecordDetailView):
    """A usage; its Inventory COGS is a panel of the app above, put in by the template."""

    queryset = usages().for_list().select_related("original")
    template_name = "usage/usage_detail.html"
    list_url_name = "usage:usages"
    list_label = "Inventory Usage"
    kind = "Inventory Usage"

    def get_status(self) -> tuple[str, str]:
        return self.object.status, display.status_words(self.object.status)

    def get_actions(self) -> Sequence[Action]:
        explain = addresses.explain_usage(self.object.pk)
        return (Action("Explain this cost", explain, permission="reconciliation.view_cogsallocation"),)

    def get_sections(self) -> Sequence[Section]:
        usage = self.object
        returned_by = list(usages().for_list().filter(original=usage).order_by("used_at", "pk")[:ROWS_SHOWN])
        sections = [_general(usage), _cogs_allocation(usage)]
        if returned_by:
            sections.append(
                Section(
                    "Returned By",
                    table=ReturnsTable(returned_by),
                    note=f"The first {ROWS_SHOWN} of them." if len(returned_by) == ROWS_SHOWN else "",
                )
            )
        return sections


def _general(usage: Any) -> Section:
    code, office, original = usage.code, usage.office, usage.original
    only_lots = [row.lot.number for row in usage.restrictions.select_related("lot").order_by("pk")]
    source = addresses.everything_from(usage.source_number)
    return Section(
        "General Info",
        facts=(
            Fact("Transaction type", usage.source_kind or source_kind_of(usage.source_number)),
            Fact("Transaction ID", usage.source_number, url=source, url_kind="transaction"),
            Fact("Date", usage.used_at, "moment"),
            Fact("Office", office, url=office.get_absolute_url() if office else "", url_kind="office"),
            Fact("Department", usage.department),
            Fact("Code", code, url=code.get_absolute_url(), url_kind="code", hint=code.description),
            Fact("Order", usage.order, url=addresses.order_page(usage.order), url_kind="order"),
            Fact("Ref #(s)", usage.reference),
            Fact(
                "Returns",
                original,
                url=original.get_absolute_url() if original else "",
                url_kind="usage",
                hint="Goes back first to the lots that this usage drew on" if original else "",
            ),
            Fact(
                "Only from lots",
                ", ".join(only_lots) or None,
                hint="Restricted: special order, serialized or manufacturer lot" if only_lots else "",
            ),
        ),
    )


def _cogs_allocation(usage: Any) -> Section:
    """Allocated and unallocated, gross: what was drawn, what was given back, and later corrections of the cost."""
    drawn, back = Q(allocations__quantity__gt=0), Q(allocations__quantity__lt=0)
    zero = Decimal(0)
    quantity, money = QuantityField(), MoneyField()
    sums = InventoryUsage.objects.filter(pk=usage.pk).aggregate(
        drawn=Sum("allocations__quantity", filter=drawn, default=zero, output_field=quantity),
        drawn_amount=Sum("allocations__amount", filter=drawn, default=zero, output_field=money),
        back=Sum("allocations__quantity", filter=back, default=zero, output_field=quantity),
        back_amount=Sum("allocations__amount", filter=back, default=zero, output_field=money),
        amount=Sum("allocations__amount", default=zero, output_field=money),
    )
    trued_up = sums["amount"] - sums["drawn_amount"] - sums["back_amount"]
    allocated = sums["drawn"] + sums["back"]
    est = f"Unallocated x est unit cost {display.unit_cost(usage.code.est_unit_cost)} (Accrued COGS)"
    rows = [
        FigureRow("Drawn from lots", (sums["drawn"], sums["drawn_amount"])),
        FigureRow("Given back to lots", (sums["back"], sums["back_amount"])),
        *((FigureRow("Cost corrected later", (None, trued_up), hint="True-up"),) if trued_up else ()),
        FigureRow("Allocated", (allocated, sums["amount"]), is_total=True),
        FigureRow("Unallocated", (usage.unallocated, usage.accrued_cogs), hint=est if usage.unallocated else ""),
        FigureRow("Used", (usage.quantity, usage.cogs), is_total=True, hint="Quantity and ~ COGS"),
    ]
    note = "" if usage.status == "CLOSED" else "~ COGS is estimated as long as something is unallocated."
    return Section(
        "COGS Allocation",
        note=note,
        figures=Figures("Allocated, unallocated and ~ COGS", (("Quantity", "quantity"), ("Amount", "money")), rows),
    )


# -- A transaction ID --------------------------------------------------------------------------------
class SourceView(RecordPermissionMixin, TemplateView):
    """What one transaction ID stands for: leads on to the document's page, or shows everything that names the ID (where
    the document is not kept here, or all records are asked for).
    """

    template_name = "usage/source.html"

    def record_model(self) -> type[Model]:
        return InventoryUsage

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        page = "" if request.GET.get("records") == "all" else documents.page_of(_number_in(request))
        return redirect(page) if page else super().get(request, *args, **kwargs)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        number = _number_in(self.request)
        sections = _source_sections(number) if number else []
        if not sections:
            raise Http404("No usage, lot or transaction names this transaction ID.")
        return super().get_context_data(
            title=f"Transaction {number}",
            number=number,
            status=None,
            sections=sections,
            actions=(),
            list_url_name="usage:usages",
            list_label="Inventory Usage",
            **kwargs,
        )


class OrderByNumberView(RecordPermissionMixin, View):
    """Leads from the number of an order, or of a job for stock, to its page; or else to the usage that names it."""

    def record_model(self) -> type[Model]:
        return InventoryUsage

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        number = _number_in(request)
        return redirect(documents.page_of(number) or addresses.usage_of_order(number) or "usage:usages")


def _number_in(request: HttpRequest) -> str:
    return request.GET.get("id", "").replace("\x00", "")


def _source_sections(number: str) -> list[Section]:
    exact = addresses.exactly(number)
    shown = (
        ("Inventory Usage", "usage:usages", UsageOfSourceTable, usages()),
        ("Inventory Lots", "lots:lots", LotsOfSourceTable, lots()),
        ("Inventory Transactions", "lots:transactions", TransactionsOfSourceTable, transactions()),
    )
    sections = []
    for title, url_name, table_class, queryset in shown:
        found = queryset.filter(source_number=number)
        count = found.count()
        if count:
            rows = found.for_list().order_by("pk")[:ROWS_SHOWN]
            sections.append(
                Section(
                    title,
                    table=table_class(rows),
                    note=f"The first {ROWS_SHOWN} of {count:,}." if count > ROWS_SHOWN else "",
                    all_url=addresses.found_set(url_name, source_number=exact),
                    all_label="As a list" if count <= ROWS_SHOWN else f"All {count:,}",
                )
            )
    return sections
