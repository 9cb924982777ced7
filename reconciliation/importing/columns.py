"""The three kinds of files and their columns: the one place that says what a column is called and may hold."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from reconciliation.importing.values import moment_parser, names_parser, number_parser, text_parser

ITEMS, LOTS, USAGE = "items", "lots", "usage"
# What later files refer to comes first; findings are listed in this order.
KINDS = (ITEMS, LOTS, USAGE)


@dataclass(frozen=True)
class Column:
    """`parser` makes a parser (each reading has its own, for it remembers). `about` is a line for people."""

    name: str
    parser: Callable[[], Callable[[str], Any]]
    about: str
    example: str
    is_required: bool = True
    # The header may leave the column out; a column that is there may still have empty cells.
    may_be_left_out: bool = False


def _text(length: int) -> Callable[[], Callable[[str], Any]]:
    return lambda: text_parser(length=length)


def _identifier(length: int, *, is_required: bool = False) -> Callable[[], Callable[[str], Any]]:
    return lambda: text_parser(length=length, is_required=is_required, is_identifier=True)


def _quantity(**refused: str) -> Callable[[], Callable[[str], Any]]:
    return lambda: number_parser(digits=16, places=4, **refused)


def _code(about: str = "line item code") -> Column:
    return Column("code", _identifier(60, is_required=True), about, "16G-W")


def _office() -> Column:
    return Column("office", _identifier(20), "office; unknown ones are made", "AI", is_required=False)


COLUMNS: Mapping[str, tuple[Column, ...]] = {
    ITEMS: (
        _code("identifies the item"),
        Column("description", _text(300), "what it is", "16 Gauge Copper Wire", is_required=False),
        Column(
            "est_unit_cost",
            lambda: number_parser(digits=18, places=6, is_negative_refused="is negative; an estimate cannot be."),
            "estimated cost of one unit, up to 6 decimals",
            "10.50",
        ),
    ),
    LOTS: (
        Column("lot", _identifier(60, is_required=True), "identifies the lot", "L-1001"),
        _code("a code of the items file, or one that is known"),
        _office(),
        Column("received_at", moment_parser, "when it was first received", "2026-01-31 09:30"),
        Column(
            "quantity",
            _quantity(
                is_zero_refused="is 0; a lot must receive something.",
                is_negative_refused="is negative; a lot cannot receive less than nothing.",
            ),
            "units received, up to 4 decimals",
            "100",
        ),
        Column(
            "value",
            lambda: number_parser(
                digits=18, places=2, is_negative_refused="is negative; the value of a lot cannot be."
            ),
            "cost of the whole lot, up to 2 decimals",
            "1050.00",
        ),
        Column("source", _text(60), "the document it came in by", "PO-60012", is_required=False),
    ),
    USAGE: (
        Column("usage", _identifier(60, is_required=True), "identifies the usage", "U-5001"),
        _code("a code of the items file, or one that is known"),
        _office(),
        Column("used_at", moment_parser, "when it was used or came back", "2026-02-15 16:00"),
        Column(
            "quantity",
            _quantity(is_zero_refused="is 0; a usage of nothing is no usage."),
            "units consumed; negative for a return",
            "8",
        ),
        Column("transaction_id", _text(60), "the document behind it", "SHIP-60345", is_required=False),
        Column("order", _text(60), "sales order", "60290", is_required=False),
        Column("reference", _text(200), "reference numbers", "PO 4711", is_required=False),
        Column("returns", _identifier(60), "the usage that this one returns", "", is_required=False),
        Column(
            "only_lots",
            lambda: names_parser(length=60),
            "the lots it may use, joined by ;",
            "",
            is_required=False,
            may_be_left_out=True,
        ),
    ),
}

# What identifies a record of each kind.
KEYS: Mapping[str, str] = {ITEMS: "code", LOTS: "lot", USAGE: "usage"}


# -- Columns of documents ------------------------------------------------------------------------------
def identifier(name: str, length: int, about: str, example: str) -> Column:
    """Name a record; never empty."""
    return Column(name, _identifier(length, is_required=True), about, example)


def text_column(name: str, length: int, about: str, example: str, *, is_required: bool = False) -> Column:
    """Give a column of plain text."""
    parser = lambda: text_parser(length=length, is_required=is_required)  # noqa: E731  (as the table above)
    return Column(name, parser, about, example, is_required=is_required)


def optional(name: str, length: int, about: str, example: str) -> Column:
    """Give a column that may be empty, and that the file may leave out altogether."""
    return Column(name, _text(length), about, example, is_required=False, may_be_left_out=True)


def moment_column(name: str, about: str, example: str) -> Column:
    """Give a column of dates, or of dates with times."""
    return Column(name, moment_parser, about, example)


def quantity_column(
    name: str,
    about: str,
    example: str,
    *,
    places: int = 4,
    zero: bool = False,
    negative: bool = False,
    empty: bool = False,
) -> Column:
    """Give a column of numbers; those that may be empty may be left out, too."""
    parser = number_parser(
        digits=16 if places == 4 else 18,
        places=places,
        is_zero_refused="" if zero else "is 0; say how much.",
        is_negative_refused="" if negative else "is negative.",
    )

    def parse(text: str) -> str:
        return parser(text) if text.strip() or not empty else ""

    return Column(name, lambda: parse, about, example, is_required=not empty, may_be_left_out=empty)
