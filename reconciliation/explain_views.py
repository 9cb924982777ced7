"""Explain this cost: the pages. The trees are nested lists that open and close without scripts."""

from typing import Any, Final

from django.shortcuts import get_object_or_404
from django.views.generic import TemplateView

from inventory_site.views import RecordPermissionMixin
from lots.models import InventoryLot
from reconciliation.explain_records import read_cost_of_lot, read_cost_of_usage, read_use_of_lot
from reconciliation.explaining import cost_of_lot, cost_of_usage, use_of_lot
from usage.models import InventoryUsage

VIEW: Final = "reconciliation.view_cogsallocation"


class ExplainView(RecordPermissionMixin, TemplateView):
    """Trees with a heading each."""

    permission_required = VIEW
    template_name = "reconciliation/explain.html"


class ExplainUsageView(ExplainView):
    """From a usage's cost down to the lots that paid, their documents, and what was made of what."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        usage = get_object_or_404(InventoryUsage.objects.select_related("code"), pk=kwargs["pk"])
        tree = cost_of_usage(read_cost_of_usage(usage.pk), usage.pk)
        sentence = "Lines add up to the one above. Where only a part of a lot was taken, the whole lot stands below it."
        return super().get_context_data(
            title=f"Explain the cost of usage {usage.number}",
            record=usage,
            back_label=f"Inventory Usage {usage.number}",
            trees=[("cost", "What its cost is made of", sentence, tree)],
            **kwargs,
        )


class ExplainLotView(ExplainView):
    """A lot in both directions: what its value is made of, and who consumed it."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        lot = get_object_or_404(InventoryLot.objects.select_related("code"), pk=kwargs["pk"])
        below = cost_of_lot(read_cost_of_lot(lot.pk), lot.pk)
        above = use_of_lot(read_use_of_lot(lot.pk), lot.pk)
        return super().get_context_data(
            title=f"Explain the cost of lot {lot.number}",
            record=lot,
            back_label=f"Inventory Lot {lot.number}",
            trees=[
                ("cost", "What its value is made of", "Receipts, invoices, freight, and what went into it.", below),
                ("use", "Where it went", "Who consumed it, and through production into which lots.", above),
            ],
            **kwargs,
        )
