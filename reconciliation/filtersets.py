"""Filters of this app's list pages, one per column."""

from typing import Any, Final

from django import forms
from django.db.models import QuerySet

from inventory_site.filtersets import BaseFilterSet, ChoiceFilter, DateRangeFilter, NumberRangeFilter, TextFilter
from inventory_site.listing import PRIMARY_KEY_LIMIT
from lots.models import CogsMethod
from reconciliation.models import CogsAllocation, ReconciliationRun, RunLogLine, RunPool

LEFT_OPEN: Final = (("yes", "Something"), ("no", "Nothing"))


class NumberFilter(TextFilter):
    """A record's own number, exactly; what is no number finds nothing and is said to be none."""

    field_class = forms.IntegerField

    def __init__(self, field_name: str | None = None, **options: Any) -> None:
        super().__init__(field_name, lookup="exact", **options)
        # An integer field is bounded by values, not by a length.
        self.extra.pop("max_length")
        self.extra |= {"min_value": 1, "max_value": PRIMARY_KEY_LIMIT, "widget": forms.TextInput}

    def filter(self, qs: QuerySet[Any], value: Any) -> QuerySet[Any]:
        return qs if value is None else qs.filter(**{self.field_name: value})


class RunFilterSet(BaseFilterSet):
    run = NumberFilter("pk", label="Run")
    started_at = DateRangeFilter(label="Started")
    state = ChoiceFilter(choices=ReconciliationRun.State.choices, label="State")
    by = TextFilter("requested_by__username", label="By")
    trigger = ChoiceFilter(choices=ReconciliationRun.Trigger.choices, label="Trigger")
    cogs_method = ChoiceFilter(choices=CogsMethod.choices, label="Method")

    class Meta:
        model = ReconciliationRun
        fields: tuple[str, ...] = ()


class RunPoolFilterSet(BaseFilterSet):
    search_lookups = ("pool__code__code__istartswith", "pool__code__description__icontains", "error__icontains")
    search_label = "Search code, description or error"

    code = TextFilter("pool__code__code", label="Code")
    state = ChoiceFilter(choices=RunPool.State.choices, label="State")
    left_open = ChoiceFilter(choices=LEFT_OPEN, label="Left open", method="with_open")
    passes = NumberRangeFilter(label="Passes")
    amount = NumberRangeFilter(label="Amount")

    class Meta:
        model = RunPool
        fields: tuple[str, ...] = ()

    def with_open(self, queryset: QuerySet[RunPool], name: str, value: str) -> QuerySet[RunPool]:
        return queryset.filter(open_usages__gt=0) if value == "yes" else queryset.filter(open_usages=0)


class RunLogFilterSet(BaseFilterSet):
    search_lookups = ("message__icontains", "pool__code__code__istartswith")
    search_label = "Search the log"

    level = ChoiceFilter(choices=RunLogLine.Level.choices, label="Level")
    code = TextFilter("pool__code__code", label="Code")

    class Meta:
        model = RunLogLine
        fields: tuple[str, ...] = ()


class AllocationFilterSet(BaseFilterSet):
    run = NumberFilter("run_id", label="Run")
    code = TextFilter("usage__code__code", label="Code")
    usage = TextFilter("usage__number", label="Usage")
    lot = TextFilter("lot__number", label="Lot")
    kind = ChoiceFilter(choices=CogsAllocation.Kind.choices, label="Kind")

    class Meta:
        model = CogsAllocation
        fields: tuple[str, ...] = ()
