"""Reports that are lists of lots: what is accrued for goods not billed yet, and what is still at estimated cost."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from django.db.models import Model, QuerySet
from django.utils import timezone

from inventory_site.filtersets import (
    BaseFilterSet,
    ChoiceFilter,
    DateRangeFilter,
    ModelChoiceFilter,
    NumberRangeFilter,
    TextFilter,
)
from inventory_site.listing import EmptyState, Grouping, QuickSearch
from inventory_site.views import RecordListView
from lots import addresses
from lots.models import InventoryLot, LotType, Office, Preference
from lots.purchasing_querysets import order_lines
from reconciliation.journal_lines import account_url
from reconciliation.report_selectors import (
    BUCKETS,
    accrued_lots,
    books_now,
    estimated_by_age,
    estimated_lots,
    in_bucket,
)
from reconciliation.report_tables import AccruedTable, EstimatedTable
from reconciliation.report_views import VIEW_JOURNAL

_BUCKET_CHOICES: Final = tuple((bucket.name, bucket.label) for bucket in BUCKETS)


class LotReportView(RecordListView):
    """A list of lots with their age as of now."""

    queryset = InventoryLot.objects.all()
    rows: Callable[..., QuerySet[Any]]

    def get_queryset(self) -> QuerySet[Any]:
        self.now = timezone.now()
        return type(self).rows(now=self.now)

    def record_model(self) -> type[Model]:
        return InventoryLot


# -- Accrued inventory -------------------------------------------------------------------------------
class AccruedFilterSet(BaseFilterSet):
    search_lookups = (
        "source_number__istartswith",
        "code__code__istartswith",
        "number__istartswith",
        "purchase_order_line__purchase_order__vendor__icontains",
    )
    search_label = "Search purchase order, code, lot or vendor"

    purchase_order = TextFilter("source_number", label="Purchase order")
    number = TextFilter(label="Lot")
    code = TextFilter("code__code", label="Code")
    vendor = TextFilter("purchase_order_line__purchase_order__vendor", label="Vendor", lookup="icontains")
    office = ModelChoiceFilter(queryset=Office.objects.all(), label="Office")
    first_received_at = DateRangeFilter(label="First received")
    accrued = NumberRangeFilter(label="Accrued", places=2)

    class Meta:
        model = InventoryLot
        fields: tuple[str, ...] = ()


def _still_due(found: QuerySet[Any]) -> QuerySet[Any]:
    return found.filter(purchase_order_line__in=order_lines().with_figures().filter(due__gt=0).values("pk"))


class AccruedInventoryView(LotReportView):
    """Per purchase order line: ordered, received, billed, and what is accrued; the largest first."""

    rows = staticmethod(accrued_lots)
    filterset_class = AccruedFilterSet
    table_class = AccruedTable
    template_name = "reconciliation/accrued_inventory.html"
    permission_required = VIEW_JOURNAL
    title = "Accrued Inventory"
    noun = "purchase order lines"
    default_sort = ("-accrued",)
    total_expressions = {name: name for name in ("value_ordered", "value", "value_payable", "value_other", "accrued")}
    quick_searches = (
        QuickSearch("accrued", "Find Accrued", narrow=lambda found: found.exclude(accrued=0)),
        QuickSearch("debit", "Find More Billed than Carried", narrow=lambda found: found.filter(accrued__lt=0)),
        QuickSearch("due", "Find Still Due", narrow=_still_due),
    )
    empty_first_use = EmptyState("Nothing was ordered yet", "Open a purchase order: each of its lines stands here.")

    def get_extra_context(self) -> dict[str, Any]:
        account = Preference.objects.select_related("account_accrued_inventory").get(pk=1).account_accrued_inventory
        return {
            "tie": books_now().accrued,
            "account": account,
            "account_url": account_url(account) if account else "",
        }


# -- Lots at estimated cost --------------------------------------------------------------------------
class EstimatedFilterSet(BaseFilterSet):
    search_lookups = ("number__istartswith", "code__code__istartswith", "source_number__istartswith")
    search_label = "Search lot, code or transaction ID"

    number = TextFilter(label="Lot")
    code = TextFilter("code__code", label="Code")
    office = ModelChoiceFilter(queryset=Office.objects.all(), label="Office")
    lot_type = ChoiceFilter(choices=LotType.choices, label="Type")
    source_number = TextFilter(label="Transaction ID")
    age = ChoiceFilter(choices=_BUCKET_CHOICES, label="Age", method="of_age")
    value = NumberRangeFilter(label="Value at stake", places=2)

    class Meta:
        model = InventoryLot
        fields: tuple[str, ...] = ()

    def of_age(self, queryset: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        return queryset.filter(in_bucket(value, now=timezone.now()))


class EstimatedLotsView(LotReportView):
    """Lots whose cost is not final, the oldest first, and what keeps them so."""

    rows = staticmethod(estimated_lots)
    filterset_class = EstimatedFilterSet
    table_class = EstimatedTable
    template_name = "reconciliation/estimated_lots.html"
    permission_required = "lots.view_inventorylot"
    title = "Lots at Estimated Cost"
    noun = "lots"
    default_sort = ("-age",)
    total_expressions: Mapping[str, str] = {"value": "value", "value_used": "value_used"}
    groupings = (Grouping("bucket", "bucket", label=lambda row: BUCKETS[row.bucket].label, order=("bucket",)),)
    empty_first_use = EmptyState(
        "Every lot has its final cost", "No document that a lot comes from is open.", kind="all-done"
    )

    def get_extra_context(self) -> dict[str, Any]:
        ages = estimated_by_age(now=self.now)
        return {
            "ages": [(row, addresses.found_set("reconciliation:estimated_lots", age=row.bucket.name)) for row in ages],
            "age_totals": (sum(row.lots for row in ages), sum(row.value for row in ages)),
        }
