"""What a detail page is made of: sections with facts, figures and related tables, and actions with their reasons."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from inventory_site.tables import BaseTable


@dataclass(frozen=True)
class Fact:
    """A label and its value. `kind` is text, quantity, money, unit_cost, count, moment, day, flag or status.

    `url` makes it a Go-To link named "Go to <url_kind> <value>"; `hint` is a short explanation below the value.
    """

    label: str
    value: Any
    kind: str = "text"
    url: str = ""
    url_kind: str = ""
    hint: str = ""
    is_estimated: bool = False


@dataclass(frozen=True)
class FigureRow:
    label: str
    values: Sequence[Any]
    hint: str = ""
    is_total: bool = False
    is_driving: bool = False


@dataclass(frozen=True)
class Figures:
    """A small table of figures, for example Received / Used / Current by quantity and value.

    `columns` are (heading, kind) pairs, kinds as in Fact. A driving row is bold: it is where the cost comes from.
    """

    caption: str
    columns: Sequence[tuple[str, str]]
    rows: Sequence[FigureRow]

    def shown(self) -> list[tuple[FigureRow, list[tuple[str, Any]]]]:
        kinds = [kind for _, kind in self.columns]
        return [(row, list(zip(kinds, row.values, strict=True))) for row in self.rows]


@dataclass(frozen=True)
class Section:
    """A card: facts, figures and a related table, each optional. `note` is an italic remark, as in the guides."""

    title: str
    facts: Sequence[Fact] = ()
    figures: Figures | None = None
    table: BaseTable | None = None
    note: str = ""
    all_url: str = ""
    all_label: str = ""
    is_wide: bool = False
    template: str = ""
    context: Mapping[str, Any] = field(default_factory=dict)

    @property
    def slug(self) -> str:
        return "-".join("".join(c if c.isalnum() else " " for c in self.title.lower()).split())

    @property
    def takes_full_width(self) -> bool:
        return self.is_wide or self.table is not None


@dataclass(frozen=True)
class Action:
    """A button. Without the permission it is not there; with a `reason` it is greyed and says why.

    `method` "post" makes a form with the hidden `fields`; "get" a link.
    """

    label: str
    url: str = ""
    method: str = "get"
    permission: str = ""
    reason: str = ""
    is_primary: bool = False
    icon: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)
    name: str = ""

    def is_allowed(self, user: Any) -> bool:
        return not self.permission or user.has_perm(self.permission)

    @property
    def reason_id(self) -> str:
        return f"why-not-{self.name or '-'.join(self.label.lower().split())}"
