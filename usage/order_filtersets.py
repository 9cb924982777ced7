"""Filters of the lists of orders and shipments, one per column."""

from typing import Any

from django.db.models import QuerySet

from inventory_site.filtersets import (
    BaseFilterSet,
    ChoiceFilter,
    DateRangeFilter,
    ModelChoiceFilter,
    NumberRangeFilter,
    TextFilter,
)
from lots.models import DocumentStatus, Office, PostingStatus
from usage.models import Order, OrderLine, Shipment, ShipmentLine


class OrderFilterSet(BaseFilterSet):
    search_lookups = ("number__istartswith", "customer__icontains", "reference__icontains")
    search_label = "Search order, customer or reference"

    number = TextFilter(label="Order")
    customer = TextFilter(label="Customer", lookup="icontains")
    code = TextFilter(label="Code", method="with_code")
    ordered_at = DateRangeFilter(label="Date")
    office = ModelChoiceFilter(queryset=Office.objects.all(), label="Office")
    department = TextFilter(label="Department")
    reference = TextFilter(label="Ref #(s)", lookup="icontains")
    demand = NumberRangeFilter(label="Demand")
    status = ChoiceFilter(choices=DocumentStatus.choices, label="Status")

    class Meta:
        model = Order
        fields: tuple[str, ...] = ()

    def with_code(self, queryset: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        return queryset.filter(pk__in=_of_code(OrderLine.objects.all(), "code__code", value).values("order"))


class ShipmentFilterSet(BaseFilterSet):
    search_lookups = ("number__istartswith", "reference__icontains")
    search_label = "Search shipment or reference"

    number = TextFilter(label="Shipment")
    kind = ChoiceFilter(choices=Shipment.Kind.choices, label="Kind")
    order = TextFilter(label="Order", method="of_order")
    code = TextFilter(label="Code", method="with_code")
    shipped_at = DateRangeFilter(label="Date")
    office = ModelChoiceFilter(queryset=Office.objects.all(), label="Office")
    reference = TextFilter(label="Ref #(s)", lookup="icontains")
    status = ChoiceFilter(choices=PostingStatus.choices, label="Status")

    class Meta:
        model = Shipment
        fields: tuple[str, ...] = ()

    def of_order(self, queryset: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        lines = _of_code(ShipmentLine.objects.all(), "order_line__order__number", value)
        return queryset.filter(pk__in=lines.values("shipment"))

    def with_code(self, queryset: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        lines = _of_code(ShipmentLine.objects.all(), "order_line__code__code", value)
        return queryset.filter(pk__in=lines.values("shipment"))


def _of_code(lines: QuerySet[Any], field: str, value: str) -> QuerySet[Any]:
    """Lines whose code (or order) is or begins with what was typed, as any text filter finds it."""
    if value.startswith("=") and len(value) > 1:
        return lines.filter(**{field: value[1:]})
    return lines.filter(**{f"{field}__istartswith": value})
