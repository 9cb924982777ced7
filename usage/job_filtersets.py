"""Filters of the list of jobs, one per column."""

from inventory_site.filtersets import (
    ChoiceFilter,
    DateRangeFilter,
    ModelChoiceFilter,
    NumberRangeFilter,
    TextFilter,
)
from lots.filtersets import WordsFilterSet
from lots.models import DocumentStatus, Office
from usage.models import Job


class JobFilterSet(WordsFilterSet):
    search_lookups = ("number__istartswith", "order_line__order__number__istartswith", "reference__icontains")
    search_label = "Search job, product, order or reference"

    number = TextFilter(label="Job")
    code = TextFilter("code__code", label="Product")
    started_at = DateRangeFilter(label="Date")
    office = ModelChoiceFilter(queryset=Office.objects.all(), label="Office")
    order = TextFilter("order_line__order__number", label="Order")
    reference = TextFilter(label="Ref #(s)", lookup="icontains")
    quantity = NumberRangeFilter(label="Quantity")
    quantity_produced = NumberRangeFilter(label="Produced")
    quantity_due = NumberRangeFilter(label="Still Due")
    status = ChoiceFilter(choices=DocumentStatus.choices, label="Status")

    class Meta:
        model = Job
        fields: tuple[str, ...] = ()
