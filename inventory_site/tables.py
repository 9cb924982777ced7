"""BaseTable and its columns: the look of every list, sub-summaries and List Totals.

A table only shows: which rows, which totals and in which order is decided by the view (`inventory_site.views`), which
hands everything over. Export asks the same columns for their values, so a file has the columns of the screen.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import django_tables2 as tables
from django.template.loader import render_to_string
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from inventory_site.cells import ColumnCells, row_html
from inventory_site.listing import EmptyState, Grouping, ListState
from inventory_site.templatetags import display


# -- Columns -----------------------------------------------------------------------------------------
class TextColumn(tables.Column):  # type: ignore[misc]  # django-tables2 is untyped
    """Text as it is. `cell_class` styles the cells of the column, `export_kind` tells an export what it holds."""

    cell_class = "text"
    export_kind = "text"

    def value(self, value: Any) -> Any:
        """What an export writes: the plain value, never markup."""
        return value


class QuantityColumn(TextColumn):
    """Up to four decimals, trimmed, with thousands separators; a zero is shown."""

    cell_class = "number"
    export_kind = "quantity"

    def render(self, value: Any) -> str:
        return display.quantity(value)


class MoneyColumn(TextColumn):
    """Two decimals. `estimated=True` puts the guides' `~` before the heading."""

    cell_class = "number"
    export_kind = "money"

    def __init__(self, verbose_name: str | None = None, *, estimated: bool = False, **options: Any) -> None:
        super().__init__(verbose_name, **options)
        self.is_estimated = estimated

    def render(self, value: Any) -> str:
        return display.money_figure(value)


class UnitCostColumn(TextColumn):
    """Two to six decimals."""

    cell_class = "number"
    export_kind = "unit_cost"

    def render(self, value: Any) -> str:
        return display.unit_cost(value)


class CountColumn(TextColumn):
    """A whole number of things."""

    cell_class = "number"
    export_kind = "count"

    def render(self, value: Any) -> str:
        return display.count(value)


class DateColumn(TextColumn):
    """mm/dd/yy as in the guides, the full moment in UTC as its title; `with_time=True` shows hours and minutes too."""

    cell_class = "date"
    export_kind = "moment"

    def __init__(self, verbose_name: str | None = None, *, with_time: bool = False, **options: Any) -> None:
        super().__init__(verbose_name, **options)
        self.with_time = with_time

    def render(self, value: Any) -> str:
        return display.moment(value) if self.with_time else display.day(value)


class FlagColumn(TextColumn):
    """Yes or nothing."""

    def render(self, value: Any) -> str:
        return "Yes" if value else ""

    def value(self, value: Any) -> Any:
        return "Yes" if value else ""


class StatusColumn(TextColumn):
    """Dot and words. The value is a status code; it shows as people write it, with the label that choices give."""

    cell_class = "status-cell"

    def __init__(self, verbose_name: str | None = None, *, dot: bool = True, **options: Any) -> None:
        super().__init__(verbose_name, **options)
        self.has_dot = dot

    def render(self, value: Any, record: Any, bound_column: Any) -> str:
        code = bound_column.accessor.resolve(record)
        words = display.status_words(str(value))
        return display.status_text(code, words) if self.has_dot else words

    def value(self, value: Any) -> str:
        return display.status_words(str(value))


class GoToColumn(TextColumn):
    """Text with the guides' `>`, which leads to the record.

    `kind` completes the link's name for screen readers ("Go to usage 60000"). `url` is asked of the row; without it
    the row (`to=""`) or what it names (`to="code"`) is asked for its get_absolute_url().
    """

    cell_class = "go-to-cell"

    def __init__(
        self,
        verbose_name: str | None = None,
        *,
        kind: str = "",
        to: str | None = None,
        url: Callable[[Any], str | None] | None = None,
        **options: Any,
    ) -> None:
        super().__init__(verbose_name, **options)
        self.kind = kind
        self.to = to
        self.url_of = url

    def address(self, record: Any) -> str | None:
        if self.url_of is not None:
            return self.url_of(record)
        target = record if not self.to else tables.A(self.to).resolve(record, quiet=True)
        return None if target is None else str(target.get_absolute_url())

    def render(self, value: Any, record: Any) -> str:
        url = self.address(record)
        return display.go_to(value, url, self.kind) if url else str(value)

    def value(self, value: Any) -> Any:
        return str(value)


@dataclass(frozen=True)
class RowAction:
    """An entry of a row's menu."""

    label: str
    url: str
    icon: str = "go-to"


class RowActionsColumn(TextColumn):
    """The row controls: a status dot, the chevron with the row's menu, and the minus that omits the row.

    `status` is the accessor of the dot's status code (None: no dot). The menu is `BaseTable.row_actions(record)`.
    """

    cell_class = "controls"

    def __init__(self, *, status: str | None = None, **options: Any) -> None:
        super().__init__("Row controls", orderable=False, empty_values=(), exclude_from_export=True, **options)
        self.status = status

    def render(self, record: Any, table: "BaseTable") -> str:
        parts = []
        if self.status is not None:
            parts.append(display.status_dot(tables.A(self.status).resolve(record)))
        actions = table.row_actions(record)
        name = table.row_name(record)
        if actions:
            # Without scripts the chevron is a plain link to the record, where everything can be done as well.
            items = [
                format_html('<li><a class="dropdown-item" href="{}">{}</a></li>', action.url, action.label)
                for action in actions
            ]
            parts.append(
                format_html(
                    '<span class="dropdown"><a class="row-control" href="{}" role="button" data-bs-toggle="dropdown"'
                    ' data-bs-popper-config=\'{{"strategy":"fixed"}}\' aria-expanded="false">{}'
                    '<span class="visually-hidden">Actions for {}</span></a><ul class="dropdown-menu">{}</ul></span>',
                    actions[0].url,
                    display.icon("chevron"),
                    name,
                    mark_safe("".join(items)),  # noqa: S308  (each item went through format_html above)
                )
            )
        if table.state is not None:
            parts.append(
                format_html(
                    '<a class="row-control omit" href="{}" title="Omit from the found set">{}'
                    '<span class="visually-hidden">Omit {} from the found set</span></a>',
                    table.state.omit_url(primary_key(record)),
                    display.icon("omit"),
                    name,
                )
            )
        return mark_safe(f'<span class="controls-set">{"".join(parts)}</span>')  # noqa: S308  (escaped parts)


# -- What the view hands over ------------------------------------------------------------------------
@dataclass
class RowGroup:
    """Rows of one group on this page; `totals` are those of the whole group in the found set."""

    label: str
    description: str
    url: str
    records: list[Any] = field(default_factory=list)
    totals: Mapping[str, Decimal | None] = field(default_factory=dict)
    starts_before: bool = False
    goes_on: bool = False
    action: tuple[str, str] = ("", "")


@dataclass(frozen=True)
class Heading:
    name: str
    label: str
    cell_class: str
    url: str
    aria_sort: str
    is_grouped: bool


@dataclass(frozen=True)
class SummaryRow:
    """A sub-total or List Totals: a label over the first columns, figures in the rest."""

    label: str
    label_span: int
    cells: tuple[tuple[str, str, str], ...]
    # Columns below the label that narrow pages leave out.
    minor: int = 0

    @property
    def blank_span(self) -> int:
        return self.label_span - 1

    @property
    def minor_cells(self) -> SafeString:
        """A cell for each of those: the figures stay below their headings at every width."""
        return mark_safe('<td class="is-minor"></td>' * self.minor)  # noqa: S308  (our own constant text)


@dataclass(frozen=True)
class ShownRow:
    id: str
    url: str
    cells: SafeString


# -- The table ---------------------------------------------------------------------------------------
class BaseTable(tables.Table):  # type: ignore[misc]  # django-tables2 is untyped
    """Declare columns; the rest is given by the view.

    Besides django-tables2's own Meta: `caption` (read out by screen readers, printed), `row_kind` ("usage"), which
    completes names such as "Omit usage 60000". For a related table inside a detail page pass `totals` and `empty`.
    """

    caption = ""
    row_kind = ""
    # Columns that narrow pages leave out, so that number, quantities, amounts and status are seen without scrolling.
    minor: Sequence[str] = ()

    class Meta:
        template_name = "components/table.html"
        default = ""

    def __init__(
        self,
        data: Iterable[Any],
        *,
        state: ListState | None = None,
        user: Any = None,
        groups: Sequence[RowGroup] | None = None,
        groupable: Iterable[str] = (),
        totals: Mapping[str, Decimal | None] | None = None,
        totals_url: str = "",
        empty: EmptyState | None = None,
        **options: Any,
    ) -> None:
        # A list: the order is the view's, and django-tables2 must neither count nor sort.
        super().__init__(data=list(data), **{"default": "", "template_name": "components/table.html", **options})
        self.state = state
        self.user = user
        self.groups = groups
        self.groupable = frozenset(groupable)
        self.totals = totals
        self.totals_url = totals_url
        self.empty = empty

    # Hooks of a list's own table
    def row_actions(self, record: Any) -> Sequence[RowAction]:
        """Entries of the row menu; the first is also where the chevron leads without scripts."""
        url = self.row_url(record)
        return (RowAction("Open", url),) if url else ()

    def row_name(self, record: Any) -> str:
        return f"{self.row_kind} {record}".strip()

    def row_url(self, record: Any) -> str:
        """Where Enter leads on the chosen row; "" for rows without a page."""
        return record.get_absolute_url() if hasattr(record, "get_absolute_url") else ""

    # Order
    @classmethod
    def sortable_columns(cls) -> frozenset[str]:
        return frozenset(name for name, column in cls.base_columns.items() if column.orderable is not False)

    @classmethod
    def order_for(cls, sort: Sequence[str], *, first: Sequence[str] = ()) -> tuple[str, ...]:
        """Fields to order a queryset by for sort aliases ("-used_at"), always ending in the primary key so that the
        order is total: two pages never show one row twice.
        """
        fields: list[str] = list(first)
        for alias in sort:
            name = alias.removeprefix("-")
            column = cls.base_columns[name]
            for path in column.order_by or (column.accessor or name,):
                bare = str(path).replace(".", "__")
                if alias.startswith("-"):
                    bare = bare.removeprefix("-") if bare.startswith("-") else f"-{bare}"
                fields.append(bare)
        if not {"pk", "-pk"} & set(fields):
            # The key runs the way of the last field, so that an index on both serves the order in either direction.
            fields.append("-pk" if len(fields) > len(first) and fields[-1].startswith("-") else "pk")
        return tuple(dict.fromkeys(fields))

    # What the template shows
    def headings(self) -> list[Heading]:
        shown = []
        for bound in self.columns:
            url, aria_sort, is_grouped = "", "", False
            if self.state is not None and bound.column.orderable is not False:
                is_groupable = bound.name in self.groupable
                is_grouped = self.state.group is not None and self.state.group.column == bound.name
                url = self.state.heading_url(bound.name, is_groupable=is_groupable)
                if is_grouped:
                    aria_sort = "descending" if self.state.group_is_descending else "ascending"
                elif bound.name in self.state.sort:
                    aria_sort = "ascending"
                elif f"-{bound.name}" in self.state.sort:
                    aria_sort = "descending"
            label = str(bound.header)
            if getattr(bound.column, "is_estimated", False):
                label = display.estimated(label.removeprefix("~").strip())
            shown.append(Heading(bound.name, label, self.cell_class(bound), url, aria_sort, is_grouped))
        return shown

    def shown_rows(self, records: Iterable[Any]) -> list[ShownRow]:
        columns = [ColumnCells(self, bound) for bound in self.columns]
        rows = []
        for record in records:
            pk = primary_key(record)
            rows.append(
                ShownRow(
                    id=f"row-{pk}" if pk is not None else "",
                    url=self.row_url(record),
                    cells=row_html(columns, record),
                )
            )
        return rows

    def bodies(self) -> list[dict[str, Any]]:
        """The table's bodies: one per group, or a single one without a header."""
        if self.groups is None:
            return [{"group": None, "rows": self.shown_rows(self.data), "summary": None}]
        return [
            {
                "group": group,
                "rows": self.shown_rows(group.records),
                "summary": self.summary(f"Sub-total {group.label}", group.totals),
            }
            for group in self.groups
        ]

    def summary(self, label: str, totals: Mapping[str, Decimal | None]) -> SummaryRow:
        columns = list(self.columns)
        first = next((place for place, bound in enumerate(columns) if bound.name in totals), len(columns))
        cells = []
        for bound in columns[first:]:
            number = totals.get(bound.name)
            text = "" if number is None else bound.column.render(number)
            cells.append((self.cell_class(bound), bound.name, text))
        # The label spans what every width shows; a cell for each other one goes when its column does.
        left_out = sum(bound.name in self.minor for bound in columns[1:first])
        return SummaryRow(label, max(first, 1) - left_out, tuple(cells[1:] if first == 0 else cells), left_out)

    def list_totals(self) -> SummaryRow | None:
        if self.totals is None:
            return None
        return self.summary("Totals" if self.state is None else "List Totals", self.totals)

    def cell_class(self, bound: Any) -> str:
        """The classes of a column's cells and heading."""
        name = getattr(bound.column, "cell_class", "text")
        return f"{name} is-minor" if bound.name in self.minor else name

    def has_minor(self) -> bool:
        """Whether a narrow page leaves out columns of this table."""
        return any(bound.name in self.minor for bound in self.columns)

    def width(self) -> int:
        return len(list(self.columns))

    # What an export writes
    def export_columns(self) -> list[Any]:
        return [bound for bound in self.columns if not bound.column.exclude_from_export]

    def export_rows(self, records: Iterable[Any]) -> Iterable[list[Any]]:
        columns = [ColumnCells(self, bound) for bound in self.export_columns()]
        for record in records:
            yield [column.value(record) for column in columns]

    def __html__(self) -> SafeString:
        """A related table can stand in a template as {{ table }}."""
        return render_to_string("components/table.html", {"table": self})


def primary_key(record: Any) -> Any:
    """Of a model's row, a namedtuple or a mapping (fast paths hand over rows of their own making)."""
    if isinstance(record, Mapping):
        return record.get("pk", record.get("id"))
    return getattr(record, "pk", getattr(record, "id", None))


def grouped(records: Sequence[Any], grouping: Grouping) -> list[tuple[Any, list[Any]]]:
    """Neighbouring records of one key, in their order."""
    found: list[tuple[Any, list[Any]]] = []
    for record in records:
        key = grouping.key_of(record)
        if not found or found[-1][0] != key:
            found.append((key, []))
        found[-1][1].append(record)
    return found
