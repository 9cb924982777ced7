"""Filters of the list of codes to resolve, one per column."""

from typing import Final

from inventory_site.filtersets import BaseFilterSet, ChoiceFilter, DateRangeFilter, NumberRangeFilter, TextFilter
from lots.models import CostPool
from reconciliation.diagnosis import Cause
from usage.shapes import Form

FORMS: Final = tuple((form.name, form.value.capitalize()) for form in Form)


class ResolveFilterSet(BaseFilterSet):
    search_lookups = ("code__code__istartswith", "code__description__icontains")
    search_label = "Search code or description"

    code = TextFilter("code__code", label="Code")
    office = TextFilter("office__code", label="Office")
    form = ChoiceFilter(choices=FORMS, label="Form")
    cause = ChoiceFilter(choices=Cause.choices, label="Cause")
    stake = NumberRangeFilter(label="At stake")
    oldest = DateRangeFilter(label="Oldest")

    class Meta:
        model = CostPool
        fields: tuple[str, ...] = ()
