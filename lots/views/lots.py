"""Inventory lots: the cost layers, and each lot's page in the sections of the guides."""

from collections.abc import Sequence
from decimal import Decimal
from operator import methodcaller

from django.db.models import Sum

from inventory_site.details import Fact, FigureRow, Figures, Section
from inventory_site.listing import EmptyState, QuickSearch
from inventory_site.views import RecordDetailView
from lots import addresses
from lots.filtersets import LotFilterSet
from lots.found_sets import LargeListView
from lots.models import CostPool, InventoryLot, LotType
from lots.querysets import lots
from lots.tables import BY_CODE, LotTable

EVERY_COST_FINAL = EmptyState(
    "Every lot has its final cost", "No lot's cost has changed since it was booked.", kind="all-done"
)
QUANTITY_AND_VALUE = (("Quantity", "quantity"), ("Value", "money"))
TOTALLED = ("quantity_ordered", "quantity_received", "quantity_used", "quantity_current", "value_current")


class LotListView(LargeListView):
    """Newest entry first."""

    queryset = lots().for_list()
    filterset_class = LotFilterSet
    table_class = LotTable
    noun = "lots"
    default_sort = ("-number",)
    total_expressions = {name: name for name in TOTALLED}
    groupings = (BY_CODE,)
    quick_searches = (
        QuickSearch("open", "Find Open Inventory Lots", narrow=methodcaller("open")),
        QuickSearch("closed", "Find Closed", narrow=methodcaller("closed")),
        QuickSearch(
            "estimated",
            "Find Lots at Estimated Cost",
            narrow=methodcaller("at_estimated_cost"),
            all_done=EVERY_COST_FINAL,
        ),
        QuickSearch("purchase", "Find Purchase Lots", narrow=methodcaller("purchased")),
        QuickSearch("production", "Find Production Lots", narrow=methodcaller("produced")),
    )
    empty_first_use = EmptyState("No inventory lots yet", "Import lots: each is a receipt of goods and what it cost.")

    def count_all(self) -> int:
        count: int = CostPool.objects.aggregate(lots=Sum("lot_count", default=0))["lots"]
        return count


class LotDetailView(RecordDetailView):
    """A lot; its Inventory COGS is a panel of the app above, put in by the template."""

    queryset = lots().for_list()
    template_name = "lots/lot_detail.html"
    list_url_name = "lots:lots"
    list_label = "Inventory Lots"
    kind = "Inventory Lot"

    def get_status(self) -> tuple[str, str]:
        return self.object.status, self.object.status.capitalize()

    def get_sections(self) -> Sequence[Section]:
        lot: InventoryLot = self.object
        # The annotation of the queryset; zero once everything is used.
        value_current: Decimal = self.object.value_current
        if lot.lot_type == LotType.PRODUCTION:
            return (
                _general(lot),
                _estimated_produced(lot),
                _current("Produced", lot, value_current),
            )
        return (
            _general(lot),
            _ordered_purchased(lot),
            _ordered_received(lot),
            _accrued(lot),
            _current("Received", lot, value_current),
        )


def is_at_estimated_cost(lot: InventoryLot) -> bool:
    return not lot.is_source_complete or lot.value != lot.value_costed or lot.quantity_received != lot.quantity_costed


def _general(lot: InventoryLot) -> Section:
    code, office = lot.code, lot.office
    is_released = lot.lot_type == LotType.PRODUCTION and lot.quantity_current > 0
    return Section(
        "General Info",
        note="Released into general inventory." if is_released else "",
        facts=(
            Fact("Type", lot.get_lot_type_display()),
            Fact(
                "Transaction ID",
                lot.source_number,
                url=addresses.everything_from(lot.source_number),
                url_kind="transaction",
            ),
            Fact("First received", lot.first_received_at, "moment"),
            Fact("Office", office, url=office.get_absolute_url() if office else "", url_kind="office"),
            Fact("Code", code, url=code.get_absolute_url(), url_kind="code", hint=code.description),
            Fact("Parent order", lot.parent_order, url=addresses.usage_of_order(lot.parent_order), url_kind="order"),
            Fact("Serialized", code.is_serialized, "flag", hint="From the code"),
            Fact("Track by manufacturer lot", code.is_tracked_by_manufacturer_lot, "flag", hint="From the code"),
        ),
    )


def _ordered_purchased(lot: InventoryLot) -> Section:
    """What was purchased comes from the vendor's documents, which are not kept yet: a dash, never a zero."""
    return Section(
        "Ordered / Purchased",
        note="No purchase is recorded for this lot: it appears here once purchase documents are kept.",
        figures=Figures(
            "Ordered and purchased",
            QUANTITY_AND_VALUE,
            (FigureRow("Ordered", (lot.quantity_ordered, None)), FigureRow("Purchased", (None, None))),
        ),
    )


def _ordered_received(lot: InventoryLot) -> Section:
    still_due = max(lot.quantity_ordered - lot.quantity_received, Decimal(0)) if not lot.is_source_complete else None
    rows = [
        FigureRow("Ordered", (lot.quantity_ordered, None)),
        FigureRow("Received", (lot.quantity_received, lot.value), is_driving=True, hint="Where the cost comes from"),
    ]
    if still_due is not None:
        rows.append(FigureRow("Still due", (still_due, None)))
    return Section("Ordered / Received", figures=Figures("Ordered and received", QUANTITY_AND_VALUE, rows))


def _estimated_produced(lot: InventoryLot) -> Section:
    rows = (
        FigureRow("Estimated", (lot.quantity_ordered, None)),
        FigureRow("Produced", (lot.quantity_received, lot.value), is_driving=True, hint="Where the cost comes from"),
    )
    return Section("Estimated / Produced", figures=Figures("Estimated and produced", QUANTITY_AND_VALUE, rows))


def _accrued(lot: InventoryLot) -> Section:
    return Section(
        "Accrued Inventory",
        note="No vendor invoice is kept for this lot yet, so nothing is accrued: it was recorded at its full value.",
        figures=Figures(
            "Purchased, received and accrued",
            QUANTITY_AND_VALUE,
            (FigureRow("Received", (lot.quantity_received, lot.value)),),
        ),
    )


def _current(came_in: str, lot: InventoryLot, value_current: Decimal) -> Section:
    """Used is drawn from the lot, net of what was given back; a return can give back no more than that."""
    unit_cost = lot.value / lot.quantity_received if lot.quantity_received else None
    return Section(
        "Current Inventory",
        figures=Figures(
            f"{came_in}, used and current",
            QUANTITY_AND_VALUE,
            (
                FigureRow(came_in, (lot.quantity_received, lot.value)),
                FigureRow(
                    "Used",
                    (lot.quantity_used, lot.value_used),
                    hint="The give-back limit: returns can put back this much and no more",
                ),
                FigureRow("Current", (lot.quantity_current, value_current), is_total=True),
            ),
        ),
        facts=(
            Fact("Unit cost", unit_cost, "unit_cost", hint="Value / quantity, rounded for show", is_estimated=True),
        ),
    )
