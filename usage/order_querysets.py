"""Chainable names for questions about orders and shipments; `for_list()` adds the figures that lists show."""

from decimal import Decimal
from typing import Self

from django.db.models import Count, OuterRef, QuerySet, Subquery, Sum, Value
from django.db.models.functions import Coalesce

from inventory_site.fields import QuantityField
from lots.models import DocumentStatus, PostingStatus
from usage.models import Order, OrderLine, Shipment, ShipmentLine

NOTHING = Value(Decimal(0))


def _sum(rows: QuerySet[OrderLine] | QuerySet[ShipmentLine], parent: str, field: str) -> Coalesce:
    """The sum of a field over the lines of a document."""
    sums = rows.filter(**{parent: OuterRef("pk")}).order_by().values(parent).annotate(sum=Sum(field)).values("sum")
    return Coalesce(Subquery(sums), NOTHING, output_field=QuantityField())


class OrderQuerySet(QuerySet[Order]):
    """Sales orders."""

    def pending(self) -> Self:
        return self.filter(status=DocumentStatus.PENDING)

    def open(self) -> Self:
        return self.filter(status=DocumentStatus.OPEN)

    def waiting(self) -> Self:
        """Open, and something of it is demanded."""
        return self.open().filter(pk__in=OrderLine.objects.filter(demand__lt=0).values("order"))

    def for_list(self) -> Self:
        lines = OrderLine.objects.all()
        return self.select_related("office").annotate(
            ordered=_sum(lines, "order", "quantity"),
            shipped=_sum(lines, "order", "quantity_shipped"),
            returned=_sum(lines, "order", "quantity_returned"),
            demand=_sum(lines, "order", "demand"),
        )


class ShipmentQuerySet(QuerySet[Shipment]):
    """Outgoing shipments and returns from customers."""

    def pending(self) -> Self:
        return self.filter(status=PostingStatus.PENDING)

    def outgoing(self) -> Self:
        return self.filter(kind=Shipment.Kind.OUTGOING)

    def returns(self) -> Self:
        return self.filter(kind=Shipment.Kind.INCOMING_RETURN)

    def for_list(self) -> Self:
        """`orders` names the order where there is one alone, and else how many there are."""
        lines = ShipmentLine.objects.filter(shipment=OuterRef("pk")).order_by()
        counted = lines.values("shipment").annotate(count=Count("order_line__order", distinct=True)).values("count")
        first = ShipmentLine.objects.filter(shipment=OuterRef("pk")).order_by("position", "pk")
        return self.select_related("office").annotate(
            quantity=_sum(ShipmentLine.objects.all(), "shipment", "quantity"),
            order_count=Coalesce(Subquery(counted), Value(0)),
            order=Subquery(first.values("order_line__order__number")[:1]),
            order_pk=Subquery(first.values("order_line__order")[:1]),
        )


def orders() -> OrderQuerySet:
    return OrderQuerySet(Order)


def shipments() -> ShipmentQuerySet:
    return ShipmentQuerySet(Shipment)
