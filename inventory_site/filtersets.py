"""BaseFilterSet: text search and one field per column. Bad input is shown at its field and never silently dropped."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import reduce
from operator import or_
from typing import Any, cast

import django_filters
from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.utils import timezone
from django_filters.constants import EMPTY_VALUES
from django_filters.widgets import SuffixedMultiWidget

from inventory_site import money
from inventory_site.listing import ListState

SEARCH_LENGTH = 200
# Each word is one more condition over all fields; nobody types this many by hand.
SEARCH_WORDS = 8
DATE_FORMATS = ("%Y-%m-%d", "%m/%d/%y", "%m/%d/%Y")
YEARS = range(1900, 2200)


# -- Fields of filters -------------------------------------------------------------------------------
class FromToWidget(SuffixedMultiWidget):  # type: ignore[misc]  # django-filter is untyped
    """Two inputs, `name_min` and `name_max` (dates: `name_after`, `name_before`), each with a name of its own."""

    def __init__(self, label: str, *, suffixes: Sequence[str], widgets: Sequence[forms.Widget]) -> None:
        self.suffixes = list(suffixes)
        for widget, end in zip(widgets, ("from", "to"), strict=True):
            widget.attrs["aria-label"] = f"{label} {end}"
            widget.attrs.setdefault("placeholder", end)
        super().__init__(list(widgets))

    def decompress(self, value: Any) -> list[Any]:
        return [None, None] if value is None else [value.start, value.stop]


class NumberFromToField(forms.MultiValueField):
    """From and to, each optional."""

    def __init__(self, *, label: str = "", places: int = 4, **options: Any) -> None:
        numbers = [forms.DecimalField(max_digits=20, decimal_places=places, required=False) for _ in range(2)]
        inputs = [forms.TextInput(attrs={"inputmode": "decimal", "class": "number", "size": 6}) for _ in range(2)]
        widget = FromToWidget(label, suffixes=("min", "max"), widgets=inputs)
        super().__init__(fields=numbers, widget=widget, label=label, require_all_fields=False, **options)

    def compress(self, data_list: Sequence[Decimal | None]) -> slice | None:
        return _from_to(data_list)


class DateField(forms.DateField):
    """ISO or as in the guides (07/18/22), within years that a ledger can hold."""

    def clean(self, value: Any) -> date | None:
        day: date | None = super().clean(value)
        if day is not None and day.year not in YEARS:
            raise ValidationError(f"Enter a date between {YEARS.start} and {YEARS.stop - 1}.", code="year")
        return day


class DateFromToField(forms.MultiValueField):
    """From and to, both days included."""

    def __init__(self, *, label: str = "", **options: Any) -> None:
        days = [DateField(input_formats=DATE_FORMATS, required=False) for _ in range(2)]
        inputs = [forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}) for _ in range(2)]
        widget = FromToWidget(label, suffixes=("after", "before"), widgets=inputs)
        super().__init__(fields=days, widget=widget, label=label, require_all_fields=False, **options)

    def compress(self, data_list: Sequence[date | None]) -> slice | None:
        return _from_to(data_list)


def _from_to(ends: Sequence[Any]) -> slice | None:
    start, stop = ends or (None, None)
    start, stop = (None if end in EMPTY_VALUES else end for end in (start, stop))
    if start is None and stop is None:
        return None
    if start is not None and stop is not None and start > stop:
        raise ValidationError("“From” must not be after “to”.", code="order")
    return slice(start, stop)


# -- Filters -----------------------------------------------------------------------------------------
class TextFilter(django_filters.CharFilter):  # type: ignore[misc]  # django-filter is untyped
    """Starts with what was typed; `=16G-W` finds exactly that. Links use the exact form."""

    def __init__(self, field_name: str | None = None, *, lookup: str = "istartswith", **options: Any) -> None:
        super().__init__(field_name=field_name, lookup_expr=lookup, max_length=SEARCH_LENGTH, **options)

    def filter(self, qs: QuerySet[Any], value: str | None) -> QuerySet[Any]:
        if value and value.startswith("=") and len(value) > 1:
            return qs.filter(**{f"{self.field_name}__exact": value[1:]})
        return super().filter(qs, value)  # type: ignore[no-any-return]  # django-filter is untyped


class ChoiceFilter(django_filters.ChoiceFilter):  # type: ignore[misc]  # django-filter is untyped
    """One of a few."""

    def __init__(self, field_name: str | None = None, **options: Any) -> None:
        super().__init__(field_name=field_name, **{"empty_label": "Any", "null_label": None, **options})


class ModelChoiceFilter(django_filters.ModelChoiceFilter):  # type: ignore[misc]  # django-filter is untyped
    """One of a few records (offices); for long lists such as codes use TextFilter."""

    def __init__(self, field_name: str | None = None, **options: Any) -> None:
        super().__init__(field_name=field_name, **{"empty_label": "Any", **options})


class _FromToFilter(django_filters.Filter):  # type: ignore[misc]  # django-filter is untyped
    lookups = ("gte", "lte")

    def __init__(self, field_name: str | None = None, *, label: str, **options: Any) -> None:
        super().__init__(field_name=field_name, label=label, **options)

    def filter(self, qs: QuerySet[Any], value: slice | None) -> QuerySet[Any]:
        if value is None:
            return qs
        ends = zip(self.lookups, (value.start, value.stop), strict=True)
        return qs.filter(**{f"{self.field_name}__{lookup}": end for lookup, end in ends if end is not None})


class NumberRangeFilter(_FromToFilter):
    """`name_min` and `name_max` in the address."""

    field_class = NumberFromToField


class DateRangeFilter(_FromToFilter):
    """`name_after` and `name_before` in the address, both days included; `is_moment=False` for a plain date field."""

    field_class = DateFromToField

    def __init__(self, field_name: str | None = None, *, label: str, is_moment: bool = True, **options: Any) -> None:
        super().__init__(field_name=field_name, label=label, **options)
        self.is_moment = is_moment

    def filter(self, qs: QuerySet[Any], value: slice | None) -> QuerySet[Any]:
        if value is None or not self.is_moment:
            return super().filter(qs, value)
        return qs.filter(**day_bounds(self.field_name, value.start, value.stop))


def day_bounds(field_name: str, start: date | None, stop: date | None) -> dict[str, datetime]:
    """Lookups for whole days in the site's time zone, as bounds on the moment itself so that its index serves them."""
    bounds = {}
    if start is not None:
        bounds[f"{field_name}__gte"] = timezone.make_aware(datetime.combine(start, time.min))
    if stop is not None:
        bounds[f"{field_name}__lt"] = timezone.make_aware(datetime.combine(stop + timedelta(days=1), time.min))
    return bounds


# -- The filter set ----------------------------------------------------------------------------------
@dataclass(frozen=True)
class Chip:
    """An active filter, and the address without it."""

    label: str
    text: str
    remove_url: str


class BaseFilterSet(django_filters.FilterSet):  # type: ignore[misc]  # django-filter is untyped
    """Declare filters, one per column, and `search_lookups` for `q`.

    Every word typed into `q` must be found by one of the lookups, for example
    `search_lookups = ("number__istartswith", "code__code__istartswith", "reference__icontains")`.
    """

    search_lookups: Sequence[str] = ()
    search_label = "Search"

    q = django_filters.CharFilter(method="search", label="Search", max_length=SEARCH_LENGTH)

    def __init__(self, data: Any = None, queryset: Any = None, **options: Any) -> None:
        super().__init__(data, queryset, **options)
        if not self.search_lookups:
            del self.filters["q"]

    def search(self, queryset: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        for word in value.split()[:SEARCH_WORDS]:
            queryset = queryset.filter(reduce(or_, (Q(**{lookup: word}) for lookup in self.search_lookups)))
        return queryset

    @property
    def found(self) -> QuerySet[Any]:
        """What the filters let through: nothing at all when a field is wrong, for the whole list would be a lie."""
        found: QuerySet[Any] = self.qs if self.is_valid() else self.queryset.none()
        return found

    def parameter_names(self) -> frozenset[str]:
        """Every name that the filters read from the address."""
        return frozenset(parameter for name in self.form.fields for parameter in self._parameters_of(name))

    def _parameters_of(self, name: str) -> list[str]:
        suffixes = getattr(self.form.fields[name].widget, "suffixes", None)
        return [f"{name}_{suffix}" for suffix in suffixes] if suffixes else [name]

    @property
    def is_active(self) -> bool:
        return any(value not in EMPTY_VALUES for value in self.form.cleaned_data.values()) if self.is_valid() else True

    @property
    def has_search(self) -> bool:
        return "q" in self.form.fields

    @property
    def search_text(self) -> str:
        """What was typed, shown again even when it was refused, but never a megabyte of it."""
        return str(self.form["q"].value() or "").replace("\x00", "")[: SEARCH_LENGTH + 1]

    def error_list(self) -> list[tuple[str, str, str]]:
        """Label, error and the id of the input to correct, for the summary above the list."""
        return [
            (
                str(self.form[name].label),
                str(error),
                f"id_{name}_0" if len(self._parameters_of(name)) > 1 else f"id_{name}",
            )
            for name, errors in self.form.errors.items()
            for error in errors
        ]

    def column_fields(self) -> Iterator[forms.BoundField]:
        """The fields of the filter bar, without the text search."""
        return (bound for bound in self.form if bound.name != "q")

    def chips(self, state: ListState) -> list[Chip]:
        shown = []
        for name, value in getattr(self.form, "cleaned_data", {}).items():
            if value in EMPTY_VALUES or (isinstance(value, QuerySet) and not value):
                continue
            field = self.form.fields[name]
            names = self._parameters_of(name)
            label = "Search" if name == "q" else str(self.form[name].label)
            shown.append(Chip(label, _chip_text(field, value), state.url(**dict.fromkeys(names))))
        return shown


def _chip_text(field: forms.Field, value: Any) -> str:
    if isinstance(value, slice):
        start, stop = (_end_text(end) for end in (value.start, value.stop))
        if start and stop:
            return f"{start} to {stop}" if start != stop else start
        return f"from {start}" if start else f"up to {stop}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(_chip_text(field, one) for one in value)
    if isinstance(field, forms.ChoiceField) and not isinstance(field, forms.ModelChoiceField):
        choices = cast("Iterable[tuple[Any, Any]]", field.choices)
        return next((str(label) for key, label in choices if str(key) == str(value)), str(value))
    return str(value)


def _end_text(end: Any) -> str:
    if end is None:
        return ""
    if isinstance(end, date):
        return end.strftime("%m/%d/%y")
    return money.quantity_text(end) if isinstance(end, Decimal) else str(end)
