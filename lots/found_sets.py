"""LargeListView: a list page over hundreds of thousands of records.

Two habits make the difference. The page's rows are found by primary key alone, which an index can often do by itself,
and only then read with everything the columns need. And a narrow search is run once: the few keys it finds stand for
it in the count, the rows and the totals, which would each read the whole table again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from django.db.models import QuerySet

from inventory_site.filtersets import BaseFilterSet
from inventory_site.listing import EmptyState, ListState
from inventory_site.views import RecordListView
from lots import addresses


class FirstUseListView(RecordListView):
    """A list whose first records come from an import: the empty page offers it to those who may."""

    def get_found_set(self, filterset: BaseFilterSet, state: ListState) -> QuerySet[Any]:
        self.is_narrowed = (
            filterset.is_active or bool(state.omit) or (state.quick is not None and state.quick.narrow is not None)
        )
        return super().get_found_set(filterset, state)

    def get_empty_state(self, state: ListState, *, is_narrowed: bool, is_valid: bool) -> EmptyState:
        empty = super().get_empty_state(state, is_narrowed=is_narrowed, is_valid=is_valid)
        if empty.kind == "first-use" and self.request.user.has_perm("reconciliation.import_records"):
            address = addresses.found_set("reconciliation:import")
            return replace(empty, action_label="Import records", action_url=address) if address else empty
        return empty


class LargeListView(FirstUseListView):
    """Rows by key first; a found set of at most `small` rows is looked up once."""

    small = 2_000
    totals_apart = True

    def get_found_set(self, filterset: BaseFilterSet, state: ListState) -> QuerySet[Any]:
        found = super().get_found_set(filterset, state)
        self.count_known: int | None = None
        if not self.is_narrowed or self.is_summarised(filterset, state):
            return found
        keys = list(found.order_by().values_list("pk", flat=True)[: self.small + 1])
        if len(keys) > self.small:
            return found
        self.count_known = len(keys)
        return self.found_by_keys(keys)

    def found_by_keys(self, keys: Sequence[int]) -> QuerySet[Any]:
        """The records of these keys, as a found set."""
        return self.get_queryset().filter(pk__in=keys)

    def is_summarised(self, filterset: BaseFilterSet, state: ListState) -> bool:
        """Whether the figures of this found set stand ready somewhere, so that it need not be looked up."""
        return False

    def count_found(self, found: QuerySet[Any], *, is_narrowed: bool) -> int:
        known = self.count_known
        self.count = self.get_count(found, is_narrowed=is_narrowed) if known is None else known
        return self.count

    def get_count(self, found: QuerySet[Any], *, is_narrowed: bool) -> int:
        """The number of rows of a found set that was not looked up."""
        return super().count_found(found, is_narrowed=is_narrowed)

    def get_rows(self, found: QuerySet[Any], state: ListState, start: int, stop: int) -> Sequence[Any]:
        keys = found.order_by(*self.get_order(state)).values_list("pk", flat=True)
        if start <= self.count // 2:
            return self.rows_of(list(keys[start:stop]))
        # Behind the middle the way from the end is shorter.
        return self.rows_of(list(keys.reverse()[self.count - stop : self.count - start])[::-1])

    def rows_of(self, keys: Sequence[int]) -> list[Any]:
        """The records of these keys, in their order, with all that the columns show."""
        records = self.get_queryset().in_bulk(keys)
        return [records[key] for key in keys]


def sums_of(row: Mapping[str, Any], names: Sequence[str]) -> dict[str, Decimal | None]:
    """Column -> figure from an aggregate's row, nothing being zero."""
    return {name: row[name] or Decimal(0) for name in names}
