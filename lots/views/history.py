"""What people did, over all records: the history that each record's page shows of itself."""

from typing import Any

from django.db.models import QuerySet

from inventory_site.filtersets import BaseFilterSet, DateRangeFilter, TextFilter
from inventory_site.listing import EmptyState, QuickSearch
from lots import addresses
from lots.found_sets import LargeListView
from lots.history_table import HistoryListTable
from lots.models import RecordHistory


class HistoryFilterSet(BaseFilterSet):
    search_lookups = ("number__istartswith", "action__istartswith", "note__icontains", "by__username__istartswith")
    search_label = "Search record, action, note or person"

    at = DateRangeFilter(label="Date")
    by = TextFilter("by__username", label="By")
    number = TextFilter(label="Record")
    action = TextFilter(label="Action")
    note = TextFilter(label="Note", lookup="icontains")

    class Meta:
        model = RecordHistory
        fields: tuple[str, ...] = ()


def _masters(found: QuerySet[Any]) -> QuerySet[Any]:
    return found.filter(number__regex=addresses.MASTER_PATTERN)


class HistoryView(LargeListView):
    """Newest first: who did what to which record, when and why."""

    queryset = RecordHistory.objects.select_related("by")
    filterset_class = HistoryFilterSet
    table_class = HistoryListTable
    title = "History"
    noun = "entries"
    default_sort = ("-at",)
    quick_searches = (
        QuickSearch("void", "Find Voids", narrow=lambda found: found.filter(action__iendswith="void")),
        QuickSearch("master", "Find Codes, Accounts and Offices", narrow=_masters),
    )
    empty_first_use = EmptyState("Nothing was done yet", "Whatever people do to records stands here.")
