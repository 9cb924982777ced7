"""A list page and a detail page made of the kit alone, over usage, so that the kit's tests depend on no app's pages."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django.db.models import Case, F, Value, When
from django.db.models.functions import Coalesce, Round
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.views.generic import View

from inventory_site.details import Action, Fact, FigureRow, Figures, Section
from inventory_site.fields import MoneyField, QuantityField
from inventory_site.filtersets import (
    BaseFilterSet,
    ChoiceFilter,
    DateRangeFilter,
    ModelChoiceFilter,
    NumberRangeFilter,
    TextFilter,
)
from inventory_site.listing import EmptyState, Grouping, QuickSearch
from inventory_site.tables import (
    BaseTable,
    DateColumn,
    GoToColumn,
    MoneyColumn,
    QuantityColumn,
    RowActionsColumn,
    StatusColumn,
    TextColumn,
)
from inventory_site.urls import urlpatterns as site_urlpatterns
from inventory_site.views import RecordDetailView, RecordListView
from lots.models import Office
from usage.models import InventoryUsage

NOTHING = Value(Decimal(0))


def sample_url(record: Any) -> str:
    return f"/sample/{record.pk}/"


class SampleTable(BaseTable):
    caption = "Sample usage"
    row_kind = "usage"

    number = GoToColumn("Usage", kind="usage", url=sample_url, order_by="pk")
    code = GoToColumn("Code", accessor="code__code", kind="code", url=sample_url)
    used_at = DateColumn("Date")
    office = GoToColumn("Office", accessor="office__code", kind="office", to="office")
    reference = TextColumn("Ref #(s)")
    quantity = QuantityColumn("Quantity")
    cogs = MoneyColumn("~ COGS", estimated=True)
    unallocated = QuantityColumn("Unallocated")
    status = StatusColumn("Status", dot=False)
    controls = RowActionsColumn(status="status")

    def row_url(self, record: Any) -> str:
        return sample_url(record)


class SampleFilterSet(BaseFilterSet):
    search_lookups = ("number__istartswith", "code__code__istartswith", "reference__icontains")
    search_label = "Search usage"

    number = TextFilter(label="Usage")
    code = TextFilter("code__code", label="Code")
    used_at = DateRangeFilter(label="Date")
    office = ModelChoiceFilter(queryset=Office.objects.all(), label="Office")
    quantity = NumberRangeFilter(label="Quantity")
    status = ChoiceFilter(choices=[("OPEN", "Open"), ("CLOSED", "Closed")], label="Status")


class SampleListView(RecordListView):
    queryset = InventoryUsage.objects.select_related("code", "office").annotate(
        unallocated=Coalesce("open_usage__quantity_unallocated", NOTHING, output_field=QuantityField()),
        cogs=Round(F("unallocated") * F("code__est_unit_cost"), 2, output_field=MoneyField()),
        status=Case(When(open_usage__isnull=False, then=Value("OPEN")), default=Value("CLOSED")),
    )
    filterset_class = SampleFilterSet
    table_class = SampleTable
    noun = "usages"
    total_expressions = {"quantity": "quantity", "cogs": "cogs", "unallocated": "unallocated"}
    groupings = (
        Grouping("code", "code_id", label=lambda row: row.code.code, description=lambda row: row.code.description),
        Grouping("office", "office_id", label=lambda row: row.office.code if row.office else "No office"),
    )
    quick_searches = (
        QuickSearch(
            "open",
            "Find Open Inventory Usage",
            narrow=lambda found: found.filter(open_usage__isnull=False),
            params={"group": "code"},
            all_done=EmptyState("Nothing is unallocated", kind="all-done"),
        ),
    )
    empty_first_use = EmptyState("No usage yet", "Import some.", "Import", "/administration/import/")

    def get_actions(self) -> Sequence[Action]:
        return (Action("Run", "/run/", method="post", permission="reconciliation.run_reconciliation"),)


class ApartListView(SampleListView):
    totals_apart = True
    totals_apart_from = 2


class FirstView(View):
    """Where a browser test finds a record without knowing its key."""

    def get(self, request: HttpRequest) -> HttpResponse:
        return redirect(sample_url(InventoryUsage.objects.order_by("pk")[:1].get()))


class SampleDetailView(RecordDetailView):
    queryset = InventoryUsage.objects.select_related("code", "office")
    list_url_name = "sample"
    list_label = "Sample"

    def get_status(self) -> tuple[str, str]:
        return ("OPEN", "Open")

    def get_actions(self) -> Sequence[Action]:
        return (Action("Run for this code", reason="A run is at work on this code."), Action("Retry", "/", "post"))

    def get_sections(self) -> Sequence[Section]:
        usage: InventoryUsage = self.object
        used = FigureRow("Used", (usage.quantity, None), hint="Natural sign")
        rows = SampleListView.queryset.filter(code=usage.code).order_by("pk")
        return (
            Section(
                "General Info",
                facts=(
                    Fact("Code", usage.code, url="/sample/", url_kind="code", hint=usage.code.description),
                    Fact("Date", usage.used_at, "day"),
                    Fact("Quantity", usage.quantity, "quantity"),
                    Fact("COGS", Decimal("-1.5"), "money", is_estimated=True),
                    Fact("Office", None),
                ),
            ),
            Section(
                "COGS Allocation",
                note="Costs are estimated.",
                figures=Figures("COGS Allocation", (("Quantity", "quantity"), ("Value", "money")), (used,)),
            ),
            Section("Inventory COGS", table=SampleTable(rows, totals={"quantity": Decimal(3)})),
            Section("Returns", table=SampleTable([], empty=EmptyState("Never returned"))),
        )


def progress(request: HttpRequest, percent: int) -> HttpResponse:
    context = {
        "progress_url": f"/sample/progress/{min(percent + 50, 100)}/",
        "is_done": percent >= 100,
        "percent": percent,
        "label": "Reconciling",
        "figures": f"{percent} of 100 codes",
        "spoken": f"{percent} percent",
    }
    return render(request, "components/progress.html", context)


urlpatterns = [
    path("sample/", SampleListView.as_view(), name="sample"),
    path("sample/apart/", ApartListView.as_view()),
    path("sample/first/", FirstView.as_view()),
    path("sample/<int:pk>/", SampleDetailView.as_view()),
    path("sample/progress/<int:percent>/", progress),
    *site_urlpatterns,
]
