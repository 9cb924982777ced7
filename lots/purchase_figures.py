"""What the documents of a purchase order line come to in units, as expressions: said once, for the lists that ask about
thousands of lines and for the verbs that ask about one lot.

A purchased lot can hold more than its order brought: adjustments add to it, at a cost of their own. That is its growth,
and the vendor has nothing to do with it: it is neither received of the order nor to be billed.
"""

from decimal import Decimal
from typing import Any, NamedTuple

from django.db.models import F, OuterRef, QuerySet, Subquery, Sum
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce

from inventory_site.fields import MoneyField, QuantityField
from lots.models import InventoryLot, LotCostEvent, PostingStatus, Receipt, ReceiptLine
from lots.querysets import NOTHING

# The letters that the numbers of inventory adjustments begin with.
ADJUSTMENT_KIND = "INVTRYADJ"


class LineFigures(NamedTuple):
    """Of one lot, all net of what is void; in units, but for the two values of its growth."""

    grown: Decimal  # added by adjustments, past the order
    value_grown: Decimal
    value_grown_other: Decimal
    replaced: Decimal  # went back, and comes again
    short: Decimal  # went back, but out of other lots: this one no longer held it
    returned: Decimal  # all that went back
    received: Decimal  # counts against what was ordered: all that came, but for what is to be replaced
    kept: Decimal  # what came with the order and did not go back
    purchased: Decimal  # billed, net of credits
    unbilled: Decimal  # kept and not billed; below zero is billed and not here


def line_figures(*, line: str, lot: str = "") -> dict[str, Combinable]:
    """The expressions behind `LineFigures`, by name, for `annotate`; each may name those before it.

    `line` leads from the queryset's rows to the purchase order line ("pk" for lines themselves), `lot` is the prefix of
    the lot's fields ("lot__" for lines). Where there is no lot yet, everything is 0.
    """

    def grown(name: str, field: type[Any] = QuantityField) -> Coalesce:
        events = LotCostEvent.objects.filter(lot=OuterRef(f"{lot}pk"), source_kind=ADJUSTMENT_KIND)
        return or_nothing(_sum(events, "lot", name), field)

    def returned(name: str, **narrowed: Any) -> Coalesce:
        lines = ReceiptLine.objects.filter(
            purchase_order_line=OuterRef(line),
            receipt__kind=Receipt.Kind.OUTGOING_RETURN,
            receipt__status=PostingStatus.POSTED,
            **narrowed,
        )
        return or_nothing(_sum(lines, "purchase_order_line", name))

    def of_lot(name: str) -> F:
        return F(f"{lot}{name}")

    return {
        "grown": grown("quantity"),
        "value_grown": grown("value", MoneyField),
        "value_grown_other": grown("value_other", MoneyField),
        "replaced": returned("quantity", receipt__is_replacement_expected=True),
        "short": returned("quantity_short"),
        "returned": or_nothing(of_lot("quantity_returned")) + F("short"),
        "received": or_nothing(of_lot("quantity_received") + of_lot("quantity_returned")) - F("grown") - F("replaced"),
        "kept": or_nothing(of_lot("quantity_received")) - F("grown") - F("short"),
        "purchased": or_nothing(of_lot("quantity_purchased") - of_lot("quantity_credited")),
        "unbilled": F("kept") - F("purchased"),
    }


def figures_of(lot: InventoryLot) -> LineFigures:
    """The figures of one lot as its rows say now. One query; the caller holds the locks that it needs."""
    expressions = line_figures(line="purchase_order_line")
    found = InventoryLot.objects.filter(pk=lot.pk).annotate(**expressions).values(*LineFigures._fields)
    return LineFigures(**found.get())


def or_nothing(expression: Any, field: type[Any] = QuantityField) -> Coalesce:
    """Nothing, not null, where there is nothing to add up."""
    return Coalesce(expression, NOTHING, output_field=field())


def _sum(rows: QuerySet[Any], group: str, name: str) -> Subquery:
    return Subquery(rows.order_by().values(group).annotate(sum=Sum(name)).values("sum"))
