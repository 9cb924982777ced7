"""Filters of this app's list pages, one per column."""

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
from lots.models import InventoryLot, LineItemCode, LotType, Office, RecordType

FORMS = (("POSITIVE", "Net positive"), ("NEGATIVE", "Net negative"), ("ZERO", "Net zero"))


def codes_like(word: str) -> QuerySet[Any, Any]:
    """Codes that a word of a text search means: looked up first, so that the large tables need not be joined."""
    return LineItemCode.objects.filter(Q(code__istartswith=word) | Q(description__icontains=word)).values("pk")


class WordsFilterSet(BaseFilterSet):
    """Text search over a large table: every word must be found in the code or in one of `search_lookups`."""

    def search(self, queryset: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        for word in value.split()[:SEARCH_WORDS]:
            wanted = Q(code__in=codes_like(word))
            for lookup in self.search_lookups:
                wanted |= Q(**{lookup: word})
            queryset = queryset.filter(wanted)
        return queryset


class OfficeFilterSet(BaseFilterSet):
    search_lookups = ("code__istartswith", "name__icontains")
    search_label = "Search code or name"

    code = TextFilter(label="Office")
    name = TextFilter(label="Name", lookup="icontains")

    class Meta:
        model = Office
        fields: tuple[str, ...] = ()


class CodeFilterSet(BaseFilterSet):
    search_lookups = ("code__istartswith", "description__icontains")
    search_label = "Search code or description"

    code = TextFilter(label="Code")
    description = TextFilter(label="Description", lookup="icontains")
    record_type = ChoiceFilter(choices=RecordType.choices, label="Type")
    status = ChoiceFilter(choices=LineItemCode.Status.choices, label="Status")
    est_unit_cost = NumberRangeFilter(label="Est Unit Cost", places=6)
    on_hand = NumberRangeFilter(label="On Hand")
    in_lots = NumberRangeFilter(label="In Lots")
    unallocated = NumberRangeFilter(label="Unallocated")
    value = NumberRangeFilter(label="Value")
    form = ChoiceFilter(choices=FORMS, label="Net unallocated")

    class Meta:
        model = LineItemCode
        fields: tuple[str, ...] = ()


class LotFilterSet(WordsFilterSet):
    search_lookups = ("number__istartswith", "source_number__istartswith", "parent_order__istartswith")
    search_label = "Search lot, code, transaction ID or order"

    number = TextFilter(label="Lot")
    lot_type = ChoiceFilter(choices=LotType.choices, label="Type")
    code = TextFilter("code__code", label="Code")
    source_number = TextFilter(label="Transaction ID")
    first_received_at = DateRangeFilter(label="Date")
    office = ModelChoiceFilter(queryset=Office.objects.all(), label="Office")
    parent_order = TextFilter(label="Order")
    quantity_received = NumberRangeFilter(label="Received")
    quantity_used = NumberRangeFilter(label="Used")
    quantity_current = NumberRangeFilter(label="Current")
    unit_cost = NumberRangeFilter(label="Unit Cost", places=6)
    value_current = NumberRangeFilter(label="Current Value", places=2)
    status = ChoiceFilter(choices=InventoryLot.Status.choices, label="Status")

    class Meta:
        model = InventoryLot
        fields: tuple[str, ...] = ()


class TransactionFilterSet(WordsFilterSet):
    search_lookups = ("source_number__istartswith", "lot__number__istartswith")
    search_label = "Search code, transaction ID or lot"

    code = TextFilter("code__code", label="Code")
    source_number = TextFilter(label="Transaction ID")
    at = DateRangeFilter(label="Date")
    office = ModelChoiceFilter(queryset=Office.objects.all(), label="Office")
    lot = TextFilter("lot__number", label="Lot")
    on_order = NumberRangeFilter(label="On Order")
    demand = NumberRangeFilter(label="Demand")
    on_hand = NumberRangeFilter(label="On Hand")
