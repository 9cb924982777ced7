"""Filters of this app's list pages, one per column."""

from inventory_site.filtersets import BaseFilterSet, TextFilter
from lots.models import Office


class OfficeFilterSet(BaseFilterSet):
    search_lookups = ("code__istartswith", "name__icontains")
    search_label = "Search code or name"

    code = TextFilter(label="Office")
    name = TextFilter(label="Name", lookup="icontains")

    class Meta:
        model = Office
        fields: tuple[str, ...] = ()
