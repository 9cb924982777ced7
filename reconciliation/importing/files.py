"""A file's rows as lists of texts, streamed: CSV (plain, .gz, .xz) or the first sheet of an XLSX workbook.

What a file is, its first bytes tell; a name that promises something else is refused.
"""

import csv
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from django.conf import settings

from reconciliation.importing.problems import UnreadableFileError
from reconciliation.importing.unpacking import unpacked
from reconciliation.importing.workbooks import workbook_rows

Rows = Iterator[tuple[int, list[str]]]

_MAGIC = {b"\xfd7zXZ\x00": "xz", b"\x1f\x8b": "gz", b"PK\x03\x04": "xlsx", b"\xd0\xcf\x11\xe0": "xls"}
_SUFFIXES = {".csv": "csv", ".txt": "csv", ".xz": "xz", ".gz": "gz", ".xlsx": "xlsx", ".xls": "xls"}
_NAMES = {"csv": "a CSV file", "xz": "an .xz file", "gz": "a .gz file", "xlsx": "an Excel workbook", "xls": "an .xls"}
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
# One cell. The longest text that any column takes is far below it; an unclosed quote would eat the file.
_CELL_LENGTH = 131_072


@dataclass(frozen=True)
class Source:
    """A file to import: what people call it, and how to open it."""

    name: str
    open: Callable[[], BinaryIO]

    @classmethod
    def of_path(cls, path: str | Path) -> "Source":
        return cls(str(path), lambda: Path(path).open("rb"))


def read_rows(source: Source) -> Rows:
    """Yield (row number, cells) of every row, the header as row 1; blank rows are counted and left out.

    Raises UnreadableFileError where reading must end, with the row where it did.
    """
    try:
        file = source.open()
    except FileNotFoundError:
        raise UnreadableFileError("There is no such file.") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UnreadableFileError(f"The file cannot be read: {reason}.") from error
    with file:
        try:
            kind, stream = _recognised(file, source.name)
            rows = _workbook(stream) if kind == "xlsx" else _csv_rows(stream, packing="" if kind == "csv" else kind)
            for number, cells in rows:
                if any(cell and not cell.isspace() for cell in cells):
                    yield number, cells
        except OSError as error:
            raise UnreadableFileError(f"The file cannot be read: {error.strerror or error}.") from error


def _recognised(file: BinaryIO, name: str) -> tuple[str, BinaryIO]:
    # A pipe cannot go back to its start, so look without taking.
    stream = file if isinstance(file, io.BufferedReader) else io.BufferedReader(file)  # type: ignore[type-var]
    start = stream.peek(8)[:8]
    if not start:
        raise UnreadableFileError("The file is empty.")
    if start.startswith(_UTF_16):
        raise UnreadableFileError("The file is UTF-16 text; save it as CSV UTF-8.")
    kind = next((kind for magic, kind in _MAGIC.items() if start.startswith(magic)), "csv")
    promised = _SUFFIXES.get(Path(name).suffix.lower(), kind)
    if kind == "xls":
        raise UnreadableFileError("The file is an old Excel workbook (.xls); save it as .xlsx or CSV.")
    if promised != kind:
        actual = "something else" if kind == "csv" else _NAMES[kind]
        raise UnreadableFileError(f"The name promises {_NAMES[promised]}, but the file is {actual}.")
    return kind, stream


def _workbook(stream: BinaryIO) -> Rows:
    if not stream.seekable():
        raise UnreadableFileError("A workbook cannot be read from a pipe; name a file.")
    return workbook_rows(stream, limit=settings.UNPACKED_LIMIT_BYTES)


def _csv_rows(stream: BinaryIO, *, packing: str) -> Rows:
    raw = unpacked(stream, packing=packing, limit=settings.UNPACKED_LIMIT_BYTES)
    # What is no UTF-8 is kept apart as surrogates, so that it is found with its row and column.
    text = io.TextIOWrapper(raw, encoding="utf-8-sig", errors="surrogateescape", newline="")
    csv.field_size_limit(_CELL_LENGTH)
    number = 0
    try:
        for number, cells in enumerate(csv.reader(text, strict=True), start=1):
            yield number, cells
    except UnreadableFileError as error:
        raise UnreadableFileError(error.message, row=number + 1 if number else 0) from error
    except csv.Error as error:
        raise UnreadableFileError(f"The row is not CSV: {_csv_reason(error)}.", row=number + 1) from error
    if number == 0:
        raise UnreadableFileError("The file is empty.")


def _csv_reason(error: csv.Error) -> str:
    if "field larger" in str(error):
        return f"a cell has more than {_CELL_LENGTH:,} characters, perhaps after a quote that is never closed"
    if "unexpected end" in str(error):
        return "a quote is opened and never closed"
    return str(error)
