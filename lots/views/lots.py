"""Inventory lots: the cost layers, and each lot's page in the sections of the guides."""

from collections.abc import Sequence
from decimal import Decimal
from operator import methodcaller
from typing import Any

from django.db.models import Sum

from inventory_site.details import Action, Section
from inventory_site.listing import EmptyState, QuickSearch
from inventory_site.templatetags import display
from inventory_site.views import RecordDetailView
from lots import addresses
from lots.filtersets import LotFilterSet
from lots.found_sets import LargeListView
from lots.lot_sections import (
    accrued,
    current,
    estimated_produced,
    general,
    history_of_cost,
    ordered_purchased,
    ordered_received,
)
from lots.models import CostPool, InventoryLot, LotType
from lots.querysets import lots
from lots.tables import BY_CODE, LotTable

EVERY_COST_FINAL = EmptyState(
    "Every lot has its final cost", "No document that a lot comes from is open.", kind="all-done"
)
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

    queryset = lots().for_list().select_related("purchase_order_line__purchase_order")
    template_name = "lots/lot_detail.html"
    list_url_name = "lots:lots"
    list_label = "Inventory Lots"
    kind = "Inventory Lot"

    def get_status(self) -> tuple[str, str]:
        return self.object.status, display.status_words(self.object.status)

    def get_sections(self) -> Sequence[Section]:
        lot: InventoryLot = self.object
        # The annotation of the queryset; zero once everything is used.
        value_current: Decimal = self.object.value_current
        if lot.lot_type == LotType.PRODUCTION:
            came_in, documents = "Produced", [estimated_produced(lot)]
        else:
            came_in, documents = "Received", [ordered_purchased(lot), ordered_received(lot), accrued(lot)]
        return (general(lot), *documents, current(came_in, lot, value_current))

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """The history of its cost comes after the sections of the guides."""
        return super().get_context_data(history=history_of_cost(self.object), **kwargs)

    def get_actions(self) -> Sequence[Action]:
        explain = addresses.explain_lot(self.object.pk)
        return (Action("Explain this cost", explain, permission="reconciliation.view_cogsallocation"),)
