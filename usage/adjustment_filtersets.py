"""Filters of the list of inventory adjustments."""

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
from lots.models import Account, Office, PostingStatus
from usage.models import AdjustmentLine, InventoryAdjustment


class AdjustmentFilterSet(BaseFilterSet):
    search_lookups = ("number__istartswith", "description__icontains")
    search_label = "Search adjustment, description or code"

    number = TextFilter(label="Adjustment")
    adjustment_type = ChoiceFilter(choices=InventoryAdjustment.Type.choices, label="Type")
    status = ChoiceFilter(choices=PostingStatus.choices, label="Status")
    adjusted_at = DateRangeFilter(label="Date")
    office = ModelChoiceFilter(queryset=Office.objects.all(), label="Office")
    account = ModelChoiceFilter(queryset=Account.objects.all(), label="Account")
    code = TextFilter(label="Code", method="of_code")
    description = TextFilter(label="Description", lookup="icontains")
    amount = NumberRangeFilter(label="Amount", places=2)

    class Meta:
        model = InventoryAdjustment
        fields: tuple[str, ...] = ()

    def of_code(self, queryset: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        return queryset.filter(pk__in=_with_code(value))

    def search(self, queryset: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        for word in value.split()[:SEARCH_WORDS]:
            wanted = Q(pk__in=_with_code(word))
            for lookup in self.search_lookups:
                wanted |= Q(**{lookup: word})
            queryset = queryset.filter(wanted)
        return queryset


def _with_code(text: str) -> QuerySet[Any, Any]:
    return AdjustmentLine.objects.filter(code__code__istartswith=text).values("adjustment")
