"""A found set as a file: CSV streamed, XLSX written row by row to a temporary file. Memory stays flat either way.

The file holds what the list shows: the same columns, filters, order and groups, sub-totals and List Totals. Totals are
summed from the very rows that are written, so a file is consistent in itself even while others post.
"""

import csv
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import IO, Any

import xlsxwriter
from django.utils import timezone

from inventory_site import money

# Spreadsheets take a text for a formula by its first character, some of them after blanks, some in full-width form.
_FORMULA_START = re.compile(
    r"^[\s\x00-\x20\u00a0\u200b-\u200f\u2060\u3000\ufeff]*[=+\-@|%\uff1d\uff0b\uff0d\uff20\uff5c\uff05]"
)
_CONTROL_START = ("\t", "\r", "\n")
# One row less than a worksheet has, for the heading.
XLSX_ROW_LIMIT = 1_048_575
# What a spreadsheet's number holds exactly; longer ones are written as text rather than rounded in silence.
XLSX_DIGITS = 15
CELL_LENGTH = 32_767


def harmless(text: str) -> str:
    """The text with a leading apostrophe when a spreadsheet would run it as a formula."""
    if text.startswith(_CONTROL_START) or _FORMULA_START.match(text):
        return f"'{text}"
    return text


def as_written(text: str) -> str:
    """The text without the apostrophe that `harmless` put before it: what a file says that comes back."""
    return text[1:] if text.startswith("'") and harmless(text[1:]) == text else text


@dataclass(frozen=True)
class ExportColumn:
    """`kind` is text, quantity, money, unit_cost, count or moment (see `inventory_site.tables`)."""

    name: str
    label: str
    kind: str = "text"


@dataclass(frozen=True)
class ExportLine:
    """One line of the file; `kind` is row, group, sub-total or total."""

    kind: str
    values: Sequence[Any]


@dataclass(frozen=True)
class Export:
    """Everything a writer needs. `about` are label and text pairs of the sheet About."""

    title: str
    columns: Sequence[ExportColumn]
    lines: Iterable[ExportLine]
    about: Sequence[tuple[str, str]] = ()


class Sums:
    """Running totals of some columns, None until a figure was seen."""

    def __init__(self, columns: Sequence[ExportColumn], totalled: Iterable[str]) -> None:
        wanted = set(totalled)
        self.places = [place for place, column in enumerate(columns) if column.name in wanted]
        self.width = len(columns)
        self.amounts: dict[int, Decimal] = dict.fromkeys(self.places, Decimal(0))

    def add(self, values: Sequence[Any]) -> None:
        for place in self.places:
            if isinstance(values[place], Decimal | int):
                self.amounts[place] += values[place]

    def line(self, kind: str, label: str) -> ExportLine:
        values: list[Any] = [None] * self.width
        for place, amount in self.amounts.items():
            values[place] = amount
        if values and values[0] is None:
            values[0] = label
        return ExportLine(kind, values)


# -- CSV ---------------------------------------------------------------------------------------------
class _Echo:
    """The csv module wants a file; this one hands each line straight on."""

    def write(self, line: str) -> str:
        return line


def csv_lines(export: Export, *, with_bom: bool = False) -> Iterator[bytes]:
    """UTF-8, plain decimals, moments as they are shown but in full; a BOM only where Excel of old needs one."""
    writer = csv.writer(_Echo())
    if with_bom:
        yield "\ufeff".encode()
    yield _csv_line(writer, [harmless(column.label) for column in export.columns])
    batch: list[bytes] = []
    for line in export.lines:
        cells = [_csv_cell(value, column.kind) for value, column in zip(line.values, export.columns, strict=True)]
        batch.append(_csv_line(writer, cells))
        # A few hundred lines a piece: one by one, the server would spend its time on tiny writes.
        if len(batch) == 500:
            yield b"".join(batch)
            batch.clear()
    yield b"".join(batch)


def _csv_line(writer: Any, cells: Sequence[str]) -> bytes:
    line: str = writer.writerow(cells)
    return line.encode()


def _csv_cell(value: Any, kind: str) -> str:
    if value is None:
        return ""
    if isinstance(value, Decimal):
        return f"{plain_number(value, kind):f}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, datetime):
        return timezone.localtime(value).strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, date):
        return value.isoformat()
    return harmless(str(value).replace("\x00", ""))


def plain_number(number: Decimal, kind: str) -> Decimal:
    """As many decimals as the screen shows."""
    if kind == "money":
        return money.to_cents(number)
    return money.trimmed(number, places_least=2 if kind == "unit_cost" else 0)


# -- XLSX --------------------------------------------------------------------------------------------
_FORMATS: Mapping[str, str] = {
    "quantity": "#,##0.####;[Red]-#,##0.####",
    "money": "#,##0.00;[Red]-#,##0.00",
    "unit_cost": "#,##0.00####;[Red]-#,##0.00####",
    "count": "#,##0",
    "moment": "mm/dd/yy hh:mm",
    "text": "@",
}
# `#,##0.####` leaves a lone decimal point after whole numbers, so these get their own format.
_WHOLE_QUANTITY = "#,##0;[Red]-#,##0"


def xlsx_file(export: Export) -> IO[bytes]:
    """An anonymous temporary file, positioned at its start; closing it removes it."""
    file = tempfile.TemporaryFile()  # noqa: SIM115  (handed to the response, which closes it)
    book = xlsxwriter.Workbook(
        file,
        {
            "constant_memory": True,
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "strings_to_numbers": False,
            "default_date_format": "mm/dd/yy",
        },
    )
    _write_sheet(book, export)
    about = book.add_worksheet("About")
    about.set_column(0, 0, 18)
    about.set_column(1, 1, 90)
    for row, (label, text) in enumerate(export.about):
        about.write_string(row, 0, harmless(label), book.add_format({"bold": True}))
        about.write_string(row, 1, harmless(text)[:CELL_LENGTH])
    book.close()
    file.seek(0)
    return file


def _write_sheet(book: Any, export: Export) -> None:
    sheet = book.add_worksheet(re.sub(r"[\[\]:*?/\\']", " ", export.title)[:31] or "List")
    look: dict[str, dict[str, Any]] = {
        "row": {},
        "group": {"bold": True, "bg_color": "#E6EFEC"},
        "sub-total": {"bold": True, "top": 1},
        "total": {"bold": True, "top": 6},
    }
    formats = {
        (kind, name): book.add_format({**style, "num_format": number_format})
        for kind, style in look.items()
        for name, number_format in (*_FORMATS.items(), ("whole", _WHOLE_QUANTITY))
    }
    heading = book.add_format({"bold": True, "bottom": 1, "text_wrap": True, "valign": "top"})
    for place, column in enumerate(export.columns):
        sheet.set_column(place, place, 16 if column.kind == "text" else 15)
        sheet.write_string(0, place, harmless(column.label), heading)
    sheet.freeze_panes(1, 0)
    sheet.repeat_rows(0)
    sheet.set_landscape()
    sheet.fit_to_pages(1, 0)
    last = 0
    for last, line in enumerate(export.lines, start=1):
        for place, (value, column) in enumerate(zip(line.values, export.columns, strict=True)):
            _write_cell(sheet, last, place, value, column.kind, line.kind, formats)
    # Identifiers are text on purpose; the green corners would say that they are mistakes.
    sheet.ignore_errors({"number_stored_as_text": f"A1:XFD{last + 1}"})


def _write_cell(
    sheet: Any, row: int, place: int, value: Any, kind: str, line_kind: str, formats: Mapping[tuple[str, str], Any]
) -> None:
    if value is None or value == "":
        if line_kind != "row":
            sheet.write_blank(row, place, None, formats[line_kind, "text"])
    elif isinstance(value, Decimal | int) and not isinstance(value, bool):
        number = plain_number(Decimal(value), kind)
        if len(number.normalize().as_tuple().digits) > XLSX_DIGITS:
            sheet.write_string(row, place, f"{number:f}", formats[line_kind, "text"])
            return
        is_whole = kind in {"quantity", "count"} and number == number.to_integral_value()
        sheet.write_number(row, place, number, formats[line_kind, "whole" if is_whole else kind])
    elif isinstance(value, datetime):
        sheet.write_datetime(
            row, place, timezone.localtime(value).replace(tzinfo=None, microsecond=0), formats[line_kind, "moment"]
        )
    elif isinstance(value, date):
        sheet.write_datetime(row, place, value)
    else:
        text = _csv_cell(value, kind)
        sheet.write_string(row, place, text[:CELL_LENGTH], formats[line_kind, "text"])
