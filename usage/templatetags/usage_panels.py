"""Panels for pages of the app below: what is open of a code, and what went into a lot."""

from typing import Any, Final

from django import template
from django.db.models import Sum

from inventory_site.details import FigureRow, Figures
from inventory_site.listing import EmptyState
from inventory_site.tables import BaseTable, DateColumn, GoToColumn, MoneyColumn, QuantityColumn
from inventory_site.templatetags import display
from lots import addresses
from lots.models import CostPool, InventoryLot, LineItemCode
from lots.tables import figure_link, office_column, transaction_id_column
from usage.production_panels import sections_of_lot
from usage.querysets import usages
from usage.shapes import Form, curing_quantity, form_of

register = template.Library()

ROWS_SHOWN: Final = 8
# From the guide on unallocated usage: what each form usually comes from.
MEANINGS: Final = {
    Form.NET_POSITIVE: "More was used than lots can pay for: On Hand is usually below zero, because goods were not"
    " received or are missing from the beginning balance. Enter the missing receipt, or a Beginning Balance of at"
    " least {cure}.",
    Form.NET_NEGATIVE: "More came back than lots can take: usually counts that corrected a beginning balance which was"
    " too low. A two-line Beginning Balance of +{cure} and -{cure} gives them a lot to go back to.",
    Form.NET_ZERO: "What was used and what came back cancel out, but find no lot to pass through. A two-line Beginning"
    " Balance of +{cure} and -{cure} clears them.",
}


class OpenUsageTable(BaseTable):
    """The oldest open usage of a code: that is where a run begins."""

    caption = "Open inventory usage of this code"
    row_kind = "usage"

    number = GoToColumn("Usage", kind="usage")
    source_number = transaction_id_column()
    used_at = DateColumn("Date")
    office = office_column()
    quantity = QuantityColumn("Quantity")
    cogs = MoneyColumn("~ COGS", estimated=True)
    unallocated = QuantityColumn("Unallocated")
    accrued_cogs = MoneyColumn("Accrued COGS")


@register.inclusion_tag("usage/_open_usage_of_code.html")
def open_usage_of_code(code: LineItemCode) -> dict[str, Any]:
    names = ("open_count", "open_unallocated", "open_unallocated_positive", "open_unallocated_negative")
    sums = CostPool.objects.filter(code=code).aggregate(
        **{f"sum_{name}": Sum(name, default=0) for name in (*names, "open_accrued_cogs")}
    )
    count, net, positive, negative = (sums[f"sum_{name}"] for name in names)
    if not count:
        return {"code": code, "form": None, "empty": EmptyState("Nothing is unallocated", kind="all-done")}
    form = form_of(net)
    cure = display.quantity(curing_quantity(unallocated_positive=positive, unallocated_negative=negative))
    everything = addresses.usage_of_code(code.code, quick="open")

    def linked(text: str, drill: str) -> str:
        return figure_link(text, everything, drill=drill, meaning="Open usage of this code")

    rows = usages().for_list().open().for_item(code).order_by("open_usage__used_at", "pk")[:ROWS_SHOWN]
    return {
        "code": code,
        "form": form.value,
        "meaning": MEANINGS[form].format(cure=cure),
        "figures": Figures(
            "Unallocated of this code",
            (("Unallocated", "text"), ("Accrued COGS", "text")),
            (
                FigureRow("Used, without a lot", (display.quantity(positive), "")),
                FigureRow("Returned, without a lot", (display.quantity(negative), "")),
                FigureRow(
                    form.value.capitalize(),
                    (
                        linked(display.quantity(net), "unallocated"),
                        linked(display.money_figure(sums["sum_open_accrued_cogs"]), "accrued_cogs"),
                    ),
                    is_total=True,
                ),
            ),
        ),
        "table": OpenUsageTable(rows),
        "count": count,
        "rest": count - min(count, ROWS_SHOWN),
        "everything": everything,
    }


@register.inclusion_tag("usage/_production_of_lot.html")
def production_of_lot(lot: InventoryLot) -> dict[str, Any]:
    """What went into a lot that was produced: components and capitalized expenses. Nothing for one that was bought."""
    return {"sections": sections_of_lot(lot)}
