"""What the query string of a list page says, read once and made safe.

The address is the whole state of a list: search, filters, sort, grouping, page, and rows taken out of the found set.
People keep and send such addresses, so a part that makes no sense is never a server error: what only changes the look
(sort, page) is left out with a remark on the page, what changes the found set (a filter) is shown as an error.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlencode

from django.db.models import QuerySet
from django.http import QueryDict
from django_tables2.utils import Accessor

PER_PAGE_CHOICES = (25, 50, 100, 250)
PER_PAGE_DEFAULT = 50
# An address must stay short enough for every browser and proxy.
OMIT_LIMIT = 200
PRIMARY_KEY_LIMIT = 2**63 - 1

CONTROLS = ("q", "sort", "page", "per_page", "group", "omit", "quick", "export", "part", "bom")


def _no_description(row: Any) -> str:
    return ""


def _no_action(rows: Sequence[Any]) -> tuple[str, str]:
    return ("", "")


@dataclass(frozen=True)
class EmptyState:
    """What an empty list says: what it means, and the next step.

    `kind` is first-use, filtered, invalid or all-done.
    """

    title: str
    text: str = ""
    action_label: str = ""
    action_url: str = ""
    kind: str = "first-use"


@dataclass(frozen=True)
class QuickSearch:
    """A named search in the footer. It starts afresh, as in the guides: other filters are dropped.

    `narrow` cuts the found set down; `params` are set in the address as well, for example {"group": "code"}.
    `all_done` is what the page says when the search finds nothing and that is good news.
    """

    name: str
    label: str
    narrow: Callable[[QuerySet[Any]], QuerySet[Any]] | None = None
    params: Mapping[str, str] = field(default_factory=dict)
    all_done: EmptyState | None = None


@dataclass(frozen=True)
class Grouping:
    """Rows of one `key` stand together under a header, with a sub-total of the whole group.

    `column` is the table's column whose heading groups; `key` a field of the row *and* of the queryset ("code_id"),
    None being a key like any other; `order` sorts the groups (default: as the column sorts). `label`, `description`
    and `url` are asked of the group's first row on the page; `action`, (label, address) of what can be done about the
    whole group, of all of them.
    """

    column: str
    key: str
    label: Callable[[Any], str]
    description: Callable[[Any], str] = _no_description
    url: Callable[[Any], str] = _no_description
    action: Callable[[Sequence[Any]], tuple[str, str]] = _no_action
    order: Sequence[str] = ()

    def key_of(self, row: Any) -> Any:
        return Accessor(self.key).resolve(row)


@dataclass(frozen=True)
class ListState:
    """The state of one list page. `url()` gives the address of a neighbouring state."""

    params: tuple[tuple[str, str], ...] = ()
    sort: tuple[str, ...] = ()
    group: Grouping | None = None
    page: int = 1
    per_page: int = PER_PAGE_DEFAULT
    omit: tuple[int, ...] = ()
    quick: QuickSearch | None = None
    export: str = ""
    part: str = ""
    remarks: tuple[str, ...] = ()

    def url(self, **changes: str | int | None) -> str:
        """The address with some parameters changed (None takes one away). Any change but of the page itself leads to
        page 1, and an address never carries on an export or a part.
        """
        kept = {"page"} if set(changes) <= {"page", "part"} else set()
        pairs = [
            (name, value)
            for name, value in self.params
            if name not in changes and name not in {"export", "part", "bom", "page"} - kept
        ]
        pairs += [(name, str(value)) for name, value in changes.items() if value is not None]
        # Commas and slashes stay readable: people look at these addresses.
        return "?" + urlencode(pairs, safe=",/:")

    def omit_url(self, pk: int) -> str:
        """The address without one more row."""
        return self.url(omit=",".join(map(str, (*self.omit, pk))))

    @property
    def omit_off_url(self) -> str:
        return self.url(omit=None)

    @property
    def quick_off_url(self) -> str:
        return self.url(quick=None)

    @property
    def kept_params(self) -> tuple[tuple[str, str], ...]:
        """What a new search keeps: the look, and the quick search it narrows; omitted rows come back."""
        return tuple(pair for pair in self.params if pair[0] in {"sort", "group", "per_page", "quick"})

    def with_remark(self, remark: str) -> "ListState":
        return replace(self, remarks=(*self.remarks, remark))

    @property
    def group_is_descending(self) -> bool:
        return self.group is not None and f"-{self.group.column}" in self.sort

    def heading_url(self, column: str, *, is_groupable: bool) -> str:
        """Where a click on a heading leads: ascending, then descending, then off; a groupable heading groups too."""
        if is_groupable:
            if self.group is None or self.group.column != column:
                return self.url(group=column, sort=None)
            if not self.group_is_descending:
                return self.url(sort=f"-{column}")
            return self.url(group=None, sort=None)
        # Inside a grouped list another heading sorts the rows within each group.
        kept = (f"-{self.group.column}",) if self.group is not None and self.group_is_descending else ()
        asked = {column: (f"-{column}",), f"-{column}": ()}.get(self.sort_within_group, (column,))
        return self.url(sort=",".join(kept + asked) or None)

    @property
    def sort_within_group(self) -> str:
        """The first sort that is not the group's own."""
        own = self.group.column if self.group else None
        return next((alias for alias in self.sort if alias.lstrip("-") != own), "")


def quoted(text: str) -> str:
    """A piece of somebody's address, safe and short enough to show."""
    shown = "".join(character if character.isprintable() else "?" for character in text[:41])
    return f"“{shown[:40]}…”" if len(text) > 40 else f"“{shown}”"


def read_state(
    query: QueryDict,
    *,
    sortable: Collection[str],
    groupings: Sequence[Grouping] = (),
    quick_searches: Sequence[QuickSearch] = (),
    filter_names: Collection[str] = (),
) -> ListState:
    """Read the query string; what makes no sense is left out and remarked on."""
    remarks: list[str] = []
    params: list[tuple[str, str]] = []
    known = {*CONTROLS, *filter_names}
    for name, values in query.lists():
        if name not in known:
            remarks.append(f"{quoted(name)} is not a filter of this list and was left out.")
        else:
            # A control given twice counts once, its last value, as Django's forms read it.
            chosen = values[-1:] if name in CONTROLS else values
            params += [(name, value) for value in chosen if value != ""]
    given = dict(params)

    sort: list[str] = []
    for alias in given.get("sort", "").split(","):
        bare = alias.removeprefix("-")
        if bare and bare in sortable and bare not in {kept.removeprefix("-") for kept in sort}:
            sort.append(alias)
        elif alias:
            remarks.append(f"This list cannot be sorted by {quoted(alias)}.")

    group = next((grouping for grouping in groupings if grouping.column == given.get("group")), None)
    if "group" in given and group is None:
        remarks.append(f"This list cannot be grouped by {quoted(given['group'])}.")
    quick = next((search for search in quick_searches if search.name == given.get("quick")), None)
    if "quick" in given and quick is None:
        remarks.append(f"There is no quick search {quoted(given['quick'])} here; all records are shown.")

    page = _whole_number(given.get("page"), default=1)
    if page is None or page < 1:
        remarks.append(f"There is no page {quoted(given['page'])}; this is page 1.")
        page = 1
    per_page = _whole_number(given.get("per_page"), default=PER_PAGE_DEFAULT)
    if per_page not in PER_PAGE_CHOICES:
        remarks.append(f"A page cannot have {quoted(given['per_page'])} rows; it has {PER_PAGE_DEFAULT}.")
        per_page = PER_PAGE_DEFAULT

    omit = []
    for text in given.get("omit", "").split(","):
        pk = _whole_number(text, default=None)
        if pk is not None and 0 < pk <= PRIMARY_KEY_LIMIT:
            omit.append(pk)
        elif text:
            remarks.append(f"No row can be omitted as {quoted(text)}.")
    if len(omit) > OMIT_LIMIT:
        remarks.append(f"Only {OMIT_LIMIT} rows can be omitted at once; use a filter instead. The rest are shown.")

    left_out = {
        *(() if group else ("group",)),
        *(() if quick else ("quick",)),
        *(() if sort else ("sort",)),
        *(() if omit else ("omit",)),
        "page",
        "per_page",
    }
    params = [(name, value) for name, value in params if name not in left_out]
    if page > 1:
        params.append(("page", str(page)))
    if per_page != PER_PAGE_DEFAULT:
        params.append(("per_page", str(per_page)))
    return ListState(
        params=tuple(params),
        sort=tuple(sort),
        group=group,
        page=page,
        per_page=per_page,
        omit=tuple(dict.fromkeys(omit[:OMIT_LIMIT])),
        quick=quick,
        export=given.get("export", ""),
        part=given.get("part", ""),
        remarks=tuple(dict.fromkeys(remarks))[:8],
    )


def _whole_number(text: str | None, *, default: int | None) -> int | None:
    if not text:
        return default
    try:
        return int(text)
    except ValueError:
        return None
