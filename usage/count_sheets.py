"""Count sheets: what is to be counted at an office, and reading back what was counted from a spreadsheet's CSV."""

import csv
import io
import re
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from django.core.exceptions import ValidationError

from inventory_site.exporting import Export, ExportColumn, ExportLine, as_written
from lots.models import LineItemCode, Office
from lots.querysets import INVENTORIED
from usage.adjustment_lines import ZERO, serial_numbers
from usage.adjustment_stock import balances_by_place

# As many lines as a count can have.
LINES_AT_MOST = 1000
FILE_BYTES_AT_MOST = 1_000_000
CELL_LENGTH = 300
# What people and spreadsheets call the columns, in small letters and without underscores.
COLUMNS = {
    "code": {"code", "item", "item code", "line item code", "sku", "part number"},
    "count": {"count", "counted", "quantity", "qty", "quantity counted", "qty counted"},
    "bin": {"bin", "location"},
    "manufacturer_lot": {"manufacturer lot", "mfr lot", "lot"},
    "serials": {"serials", "serial", "serial number", "serial numbers"},
    "quantity": {"adjustment", "adjustment quantity"},
}
# On a sheet to be read by people; the system knows them itself.
NOT_NEEDED = {"description", "system balance", "balance", "office", "category", "line"}
# 1,234 is a thousand and more to some, one and a quarter to others; 1,234,567 and 1,234.5 are clear.
UNCLEAR = re.compile(r"(?<![0-9,.])[0-9]{1,3},[0-9]{3}(?![0-9,.])")
FIELD_OF = {name: field for field, names in COLUMNS.items() for name in names}


INACTIVE = LineItemCode.Status.INACTIVE


class SheetLine(NamedTuple):
    """A code in a bin, and what the system says is there."""

    code: LineItemCode
    bin: str
    manufacturer_lot: str
    balance: Decimal


def sheet_lines(*, office: Office | None, bin: str = "", category: str = "", at: datetime) -> list[SheetLine]:
    """What to count: everything that the system has in stock (or owes) there, bin by bin; an active code that is at
    nothing is counted once, because there may be some. By bin, then code.
    """
    codes = LineItemCode.objects.filter(record_type__in=INVENTORIED)
    if category:
        codes = codes.filter(category=category)
    by_pk = {code.pk: code for code in codes}
    places = balances_by_place(codes=list(by_pk), office=office, at=at)
    lines: list[SheetLine] = []
    at_nothing: dict[int, SheetLine] = {}
    for (pk, place, lot), balance in places.items():
        if bin and place != bin:
            continue
        if balance:
            lines.append(SheetLine(by_pk[pk], place, lot, balance))
        elif not by_pk[pk].is_tracked_by_manufacturer_lot and by_pk[pk].status != INACTIVE:
            at_nothing[pk] = SheetLine(by_pk[pk], bin, "", ZERO)
    counted = {line.code.pk for line in lines}
    lines += [line for pk, line in at_nothing.items() if pk not in counted]
    return sorted(lines, key=lambda line: (line.bin, line.code.code, line.manufacturer_lot))


def bins_in_use(*, office: Office | None, at: datetime) -> list[str]:
    """The bins that goods were ever moved into or out of."""
    codes = list(LineItemCode.objects.values_list("pk", flat=True))
    return sorted({bin for _, bin, _ in balances_by_place(codes=codes, office=office, at=at) if bin})


def sheet_export(lines: Sequence[SheetLine], *, with_balance: bool) -> Export:
    """The sheet as a file to fill in, with the columns that are read back."""
    columns = [
        ExportColumn("code", "Code"),
        ExportColumn("description", "Description"),
        ExportColumn("bin", "Bin"),
        ExportColumn("manufacturer_lot", "Manufacturer lot"),
        ExportColumn("serials", "Serial numbers"),
        *([ExportColumn("balance", "System balance", "quantity")] if with_balance else []),
        ExportColumn("count", "Count", "quantity"),
    ]
    rows = (
        ExportLine(
            "row",
            [
                line.code.code,
                line.code.description,
                line.bin,
                line.manufacturer_lot,
                None,
                *([line.balance] if with_balance else []),
                None,
            ],
        )
        for line in lines
    )
    return Export("Count sheet", columns, rows)


# -- A counted sheet comes back ----------------------------------------------------------------------
def read_counts(data: bytes) -> list[dict[str, str]]:
    """The rows of a CSV with the columns code and count, and others of a count where they are given, as texts.

    Raises ValidationError for a file that is none, or that has columns which nobody would read. What is wrong with a
    single row is found later, on its line.
    """
    rows, delimiter = _rows(_text(data))
    if not rows:
        raise ValidationError("The file is empty.")
    headings = [" ".join(cell.replace("_", " ").lower().split()) for cell in rows[0]]
    names = [FIELD_OF.get(heading, "") for heading in headings]
    missing = [name for name in ("code", "count") if name not in names]
    if missing:
        raise ValidationError(
            f"The first row must name the columns, and {' and '.join(missing)} {'is' if len(missing) == 1 else 'are'}"
            " missing. Name them code, count and, if you like, bin."
        )
    if doubled := next((name for name in names if name and names.count(name) > 1), ""):
        raise ValidationError(f"Two columns are named {doubled}.")
    strange = [
        cell.strip()
        for cell, heading, name in zip(rows[0], headings, names, strict=True)
        if heading and not name and heading not in NOT_NEEDED
    ]
    if strange:
        plural = "s" if len(strange) > 1 else ""
        raise ValidationError(
            f"The column{plural} {', '.join(strange)} would not be read: take {'them' if plural else 'it'} out, or name"
            f" {'them' if plural else 'it'} as on a count sheet (code, bin, manufacturer lot, serials, count,"
            " adjustment). Nothing was read."
        )
    if delimiter != ",":
        _refuse_unclear(rows, names)
    counts = []
    for row in rows[1:]:
        cells = {name: as_written(cell).strip() for name, cell in zip(names, row, strict=False) if name}
        if any(cells.values()):
            if "serials" in cells:
                cells["serials"] = "\n".join(serial_numbers(cells["serials"]))
            counts.append({"bin": "", "code": "", "count": "", **cells})
    if not counts:
        raise ValidationError("Below its first row the file is empty.")
    if len(counts) > LINES_AT_MOST:
        raise ValidationError(
            f"These are {len(counts):,} lines, and a count has at most {LINES_AT_MOST:,}. Split the file."
        )
    return counts


def _refuse_unclear(rows: Sequence[list[str]], names: Sequence[str]) -> None:
    """Raise ValidationError for figures that mean one thing here and a thousandth of it elsewhere.

    Where cells are parted by anything but commas, the comma is often the decimal point.
    """
    unclear = [
        (number, cell.strip())
        for number, row in enumerate(rows[1:], start=2)
        for name, cell in zip(names, row, strict=False)
        if name in {"count", "quantity"} and UNCLEAR.search(cell)
    ]
    if not unclear:
        return
    number, cell = unclear[0]
    more = f" (and {len(unclear) - 1:,} more like it)" if len(unclear) > 1 else ""
    found = UNCLEAR.search(cell)
    figure = found[0] if found else cell
    raise ValidationError(
        f"Row {number} says {cell}{more}: that may be {figure.replace(',', '')} or {figure.replace(',', '.')}. Write"
        " figures without thousands separators and with a point before decimals. Nothing was read."
    )


def _text(data: bytes) -> str:
    if len(data) > FILE_BYTES_AT_MOST:
        raise ValidationError(f"The file is larger than {FILE_BYTES_AT_MOST // 1_000_000} MB: that is no count sheet.")
    if data.startswith((b"PK", b"\xd0\xcf\x11\xe0")):
        raise ValidationError(
            "This is a workbook of a spreadsheet program (.xlsx). Save the sheet in it as CSV, and upload that file."
        )
    try:
        text = data.decode("utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig")
    except UnicodeDecodeError:
        raise ValidationError("The file is not text in UTF-8. Save it as CSV UTF-8.") from None
    if "\x00" in text:
        raise ValidationError("The file is no text.")
    return text


def _rows(text: str) -> tuple[Sequence[list[str]], str]:
    """The rows, and what parts their cells."""
    head = text.partition("\n")[0]
    delimiter = max(",;\t", key=head.count)
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except csv.Error as error:
        raise ValidationError(f"The file is no CSV: {error}.") from None
    for number, row in enumerate(rows, start=1):
        if any(len(cell) > CELL_LENGTH for cell in row):
            raise ValidationError(f"Row {number} has a cell of more than {CELL_LENGTH} characters.")
    return rows, delimiter
