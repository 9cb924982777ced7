"""Filters of this app's list pages, one per column."""

from typing import Any

from django.db.models import QuerySet

from inventory_site.filtersets import (
    ChoiceFilter,
    DateRangeFilter,
    ModelChoiceFilter,
    NumberRangeFilter,
    TextFilter,
)
from lots.filtersets import FORMS, WordsFilterSet
from lots.models import Office
from usage.models import InventoryUsage


class UsageFilterSet(WordsFilterSet):
    search_lookups = (
        "number__istartswith",
        "source_number__istartswith",
        "order__istartswith",
        "reference__icontains",
    )
    search_label = "Search usage, code, transaction ID, order or reference"

    number = TextFilter(label="Usage")
    code = TextFilter("code__code", label="Code")
    source_number = TextFilter(label="Transaction ID")
    used_at = DateRangeFilter(label="Date")
    office = ModelChoiceFilter(queryset=Office.objects.all(), label="Office")
    order = TextFilter(label="Order")
    reference = TextFilter(label="Ref #(s)", lookup="icontains")
    quantity = NumberRangeFilter(label="Quantity")
    cogs = NumberRangeFilter(label="COGS", places=2)
    unallocated = NumberRangeFilter(label="Unallocated")
    accrued_cogs = NumberRangeFilter(label="Accrued COGS", places=2)
    status = ChoiceFilter(choices=(("OPEN", "Open"), ("CLOSED", "Closed")), label="Status")
    form = ChoiceFilter(choices=FORMS, label="Net unallocated of code", method="of_form")

    class Meta:
        model = InventoryUsage
        fields: tuple[str, ...] = ()

    def of_form(self, queryset: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        return queryset.of_form(value)  # type: ignore[attr-defined,no-any-return]  # a UsageQuerySet
