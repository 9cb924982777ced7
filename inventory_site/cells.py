"""Cells of a table, worked out column by column once and then row by row.

django-tables2 looks up accessor, field, choices and arguments again for every cell; on a page of 250 rows that costs
more than everything else, on an export of half a million rows minutes. It also swallows a misspelt accessor, which here
is an error. What a column's author writes stays the same: accessors, render(), value(), render_<name>(),
value_<name>(), linkify, default and empty_values.
"""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import django_tables2 as tables
from django.core.exceptions import FieldDoesNotExist, ObjectDoesNotExist
from django.db.models import Model
from django.utils.html import conditional_escape
from django.utils.safestring import SafeString, mark_safe

ARGUMENTS = frozenset({"value", "record", "column", "bound_column", "bound_row", "table"})


class ColumnCells:
    """One column of one table: `value(record)` for exports, `html(record)` for the screen."""

    def __init__(self, table: Any, bound: Any) -> None:
        self.table = table
        self.bound = bound
        self.column = bound.column
        self.name = bound.name
        self.accessor = bound.accessor
        self.path = str(bound.accessor).replace(".", "__").split("__")
        # A column of empty_values=() makes its cells up itself and needs no field behind it.
        self.is_made_up = not self.column.empty_values
        self.cell_class = table.cell_class(bound)
        self.default = bound.default
        self._render = _caller(bound.render)
        self._export = _caller(getattr(table, f"value_{bound.name}", self.column.value))
        self._choices: Mapping[Any, str] | None = None
        self._knows_choices = False

    def raw(self, record: Any) -> Any:
        """The field's value; None where a record on the way is missing. A choice is given by its label."""
        if callable(self.accessor):
            return self.accessor(record)
        holder = found = record
        try:
            for name in self.path:
                if found is None:
                    return None
                holder = found
                found = found[name] if isinstance(found, Mapping) else getattr(found, name)
                if callable(found) and not hasattr(found, "all"):
                    found = found()
        except ObjectDoesNotExist:
            return None
        except (AttributeError, KeyError):
            if self.is_made_up:
                return None
            raise
        return self._label(holder, found)

    def _label(self, holder: Any, value: Any) -> Any:
        if not self._knows_choices and isinstance(holder, Model):
            self._knows_choices = True
            try:
                self._choices = dict(holder._meta.get_field(self.path[-1]).flatchoices or ()) or None  # type: ignore[union-attr]  # a relation has none
            except (FieldDoesNotExist, AttributeError):
                self._choices = None
        return value if self._choices is None else self._choices.get(value, value)

    def _is_empty(self, value: Any) -> bool:
        return value is None or value == "" if not self.is_made_up else False

    def value(self, record: Any) -> Any:
        """What an export writes; None for an empty cell."""
        value = self.raw(record)
        return None if self._is_empty(value) else self._export(self, value, record)

    def content(self, record: Any) -> Any:
        """What the screen shows, not yet escaped unless it is markup."""
        value = self.raw(record)
        if self._is_empty(value):
            return self.default
        shown = self._render(self, value, record)
        if self.bound.link is not None:
            shown = self.bound.link(shown, **self.arguments(value, record))
        return shown

    def arguments(self, value: Any, record: Any) -> dict[str, Any]:
        return {
            "value": value,
            "record": record,
            "column": self.column,
            "bound_column": self.bound,
            "bound_row": tables.rows.BoundRow(record, table=self.table),
            "table": self.table,
        }


def _caller(function: Callable[..., Any]) -> Callable[[ColumnCells, Any, Any], Any]:
    """Call the function with those of django-tables2's arguments that it names, decided once."""
    parameters = inspect.signature(function).parameters.values()
    takes_all = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters)
    wanted = ARGUMENTS if takes_all else ARGUMENTS & {parameter.name for parameter in parameters}
    if wanted == {"value"}:
        return lambda cells, value, record: function(value=value)
    if wanted == {"record"}:
        return lambda cells, value, record: function(record=record)
    if wanted == {"value", "record"}:
        return lambda cells, value, record: function(value=value, record=record)

    def call(cells: ColumnCells, value: Any, record: Any) -> Any:
        arguments = cells.arguments(value, record)
        return function(**{name: arguments[name] for name in wanted})

    return call


def row_html(columns: list[ColumnCells], record: Any) -> SafeString:
    """The cells of a row, the first as its header. Built here because a template takes several times as long."""
    parts = []
    tag = 'th scope="row"'
    for column in columns:
        cell = conditional_escape(column.content(record))
        parts.append(f'<{tag} class="{column.cell_class}">{cell}</{tag[:2]}>')
        tag = "td"
    return mark_safe("".join(parts))  # noqa: S308  (every cell is escaped above; classes are ours)
