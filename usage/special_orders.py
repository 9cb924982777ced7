"""What became of goods that came for one order before that order shipped them.

A special order ships from its own lots alone, but nothing keeps other usage from drawing on those: a lot is chosen by
its age. What the order then ships finds no cost there, and people must be told, not left to find it as open usage.
"""

from collections.abc import Iterable
from decimal import Decimal

from django.db.models import F, Q, QuerySet, Sum
from django.db.models.functions import Coalesce

from inventory_site.fields import QuantityField
from inventory_site.money import quantity_text
from lots.ledger import ZERO
from lots.models import InventoryLot, PostingStatus
from usage.demand import is_stocked
from usage.models import InventoryUsage, OrderLine, Shipment
from usage.supplying import own_lots


def taken_by_others(shipment: Shipment) -> list[str]:
    """Say of which special orders' lots others drew so much, by the last run, that this shipment finds too little.

    Of a pending shipment what it would find, of a posted one what of it is still open. A few queries per special line.
    """
    if shipment.kind != Shipment.Kind.OUTGOING or shipment.status == PostingStatus.VOID:
        return []
    shipping: dict[OrderLine, Decimal] = {}
    for line in shipment.lines.select_related("order_line__order", "order_line__code").order_by("position", "pk"):
        if line.order_line.supply == OrderLine.Supply.SPECIAL_ORDER and is_stocked(line.order_line):
            is_pending = shipment.status == PostingStatus.PENDING
            shipping[line.order_line] = shipping.get(line.order_line, ZERO) + (line.quantity if is_pending else ZERO)
    return [text for line, quantity in shipping.items() if (text := _taken(line, quantity))]


def _taken(line: OrderLine, quantity: Decimal) -> str:
    lots = [lot.pk for lot in own_lots(line)]
    if not lots:
        return ""
    found = InventoryLot.objects.filter(pk__in=lots).order_by("pk")
    numbers, used, current = [], ZERO, ZERO
    for number, lot_used, lot_current in found.values_list("number", "quantity_used", "quantity_current"):
        numbers.append(number)
        used, current = used + lot_used, current + lot_current
    sums = _usages_of(line).aggregate(
        drawn=Sum(F("quantity") - Coalesce("open_usage__quantity_unallocated", ZERO, output_field=QuantityField())),
        waiting=Sum("open_usage__quantity_unallocated"),
    )
    by_others = used - (sums["drawn"] or ZERO)
    short = min((sums["waiting"] or ZERO) + quantity - current, by_others)
    if short <= 0:
        return ""
    return (
        f"{quantity_text(by_others)} {line.code} of {_named(numbers)}, which came for order {line.order}, were used by"
        f" others. So {quantity_text(short)} of this order find no cost there: their usage stays open until others give"
        " them back, or its restriction is released."
    )


def _usages_of(line: OrderLine) -> QuerySet[InventoryUsage]:
    """All that went out and came back on the line, with what undid either."""
    shipped = Q(shipment_usage__line__order_line=line)
    return InventoryUsage.objects.filter(shipped | Q(original__shipment_usage__line__order_line=line))


def _named(numbers: Iterable[str]) -> str:
    names = list(numbers)
    return f"lot {names[0]}" if len(names) == 1 else f"lots {', '.join(names)}"
