"""Filters of the purchasing lists, one per column."""

from typing import Any

from django.db.models import Q, QuerySet

from inventory_site.filtersets import (
    SEARCH_WORDS,
    BaseFilterSet,
    ChoiceFilter,
    DateRangeFilter,
    ModelChoiceFilter,
    NumberRangeFilter,
    TextFilter,
)
from lots.filtersets import codes_like
from lots.models import DocumentStatus, Office, PostingStatus, Purchase, PurchaseOrder, PurchaseOrderLine, Receipt


class PurchaseOrderFilterSet(BaseFilterSet):
    search_lookups = ("number__istartswith", "vendor__icontains", "reference__icontains", "parent_order__istartswith")
    search_label = "Search order, vendor, code or ref #"

    number = TextFilter(label="Purchase Order")
    vendor = TextFilter(label="Vendor", lookup="icontains")
    ordered_on = DateRangeFilter(label="Date", is_moment=False)
    office = ModelChoiceFilter(queryset=Office.objects.all(), label="Office")
    parent_order = TextFilter(label="Order")
    value_ordered = NumberRangeFilter(label="Ordered", places=2)
    percent_received = NumberRangeFilter(label="Received %", places=0)
    value_purchased = NumberRangeFilter(label="Purchased", places=2)
    value_accrued = NumberRangeFilter(label="Accrued", places=2)
    status = ChoiceFilter(choices=DocumentStatus.choices, label="Status")

    def search(self, queryset: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        """A word may be a code that was ordered, too; by key, since a join would show an order once per line."""
        for word in value.split()[:SEARCH_WORDS]:
            lines = PurchaseOrderLine.objects.filter(code__in=codes_like(word))
            wanted = Q(pk__in=lines.values("purchase_order"))
            for lookup in self.search_lookups:
                wanted |= Q(**{lookup: word})
            queryset = queryset.filter(wanted)
        return queryset

    class Meta:
        model = PurchaseOrder
        fields: tuple[str, ...] = ()


class ReceiptFilterSet(BaseFilterSet):
    search_lookups = (
        "number__istartswith",
        "purchase_order__number__istartswith",
        "purchase_order__vendor__icontains",
        "reference__icontains",
    )
    search_label = "Search shipment, purchase order, vendor or ref #"

    number = TextFilter(label="Shipment")
    kind = ChoiceFilter(choices=Receipt.Kind.choices, label="Kind")
    purchase_order = TextFilter("purchase_order__number", label="Purchase Order")
    vendor = TextFilter("purchase_order__vendor", label="Vendor", lookup="icontains")
    received_at = DateRangeFilter(label="Date")
    office = ModelChoiceFilter("purchase_order__office", queryset=Office.objects.all(), label="Office")
    reference = TextFilter(label="Ref #(s)", lookup="icontains")
    quantity = NumberRangeFilter(label="Quantity")
    status = ChoiceFilter(choices=PostingStatus.choices, label="Status")

    class Meta:
        model = Receipt
        fields: tuple[str, ...] = ()


class PurchaseFilterSet(BaseFilterSet):
    search_lookups = ("number__istartswith", "vendor__icontains", "invoice_number__istartswith", "orders__icontains")
    search_label = "Search purchase, vendor, invoice # or purchase order"

    number = TextFilter(label="Purchase")
    vendor = TextFilter(label="Vendor", lookup="icontains")
    invoice_number = TextFilter(label="Invoice #")
    invoiced_at = DateRangeFilter(label="Date")
    orders = TextFilter(label="Purchase Order", lookup="icontains")
    value_goods = NumberRangeFilter(label="Goods", places=2)
    freight = NumberRangeFilter(label="Freight", places=2)
    value_total = NumberRangeFilter(label="Total", places=2)
    status = ChoiceFilter(choices=PostingStatus.choices, label="Status")

    class Meta:
        model = Purchase
        fields: tuple[str, ...] = ()
