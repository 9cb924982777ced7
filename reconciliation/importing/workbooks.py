"""XLSX: the first sheet's rows as texts, read row by row. A workbook is a ZIP of XML, so it is distrusted twice.

Sizes are checked before anything is unpacked (an entry never unpacks beyond what it declares); the XML goes through
defusedxml, which openpyxl uses when it is there.
"""

import zipfile
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any, BinaryIO

import openpyxl
from defusedxml import ElementTree
from defusedxml.common import DefusedXmlException

from reconciliation.importing.problems import UnreadableFileError
from reconciliation.importing.unpacking import MEGABYTE

# Texts that cells share are the one part that must be held in memory as a whole.
SHARED_TEXTS_LIMIT = 60 * MEGABYTE
ENTRIES_LIMIT = 2_000
LAST_ROW = 1_048_576
_COLUMNS_READ = 100
_DIGITS = 15
_CONTENTS = "[Content_Types].xml"
_WORKSHEET = "application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"


def workbook_rows(stream: BinaryIO, *, limit: int) -> Iterator[tuple[int, list[str]]]:
    """Yield (row number, cells) of the first sheet. Raises UnreadableFileError."""
    _check_sizes(stream, limit=limit)
    if not openpyxl.DEFUSEDXML:
        raise UnreadableFileError("Workbooks cannot be read safely here: the package defusedxml is missing.")
    number = 0
    try:
        book = openpyxl.load_workbook(stream, read_only=True, data_only=True, keep_links=False)
        try:
            sheet = book.worksheets[0]
            # What a sheet says of its size may be wrong.
            sheet.reset_dimensions()
            for number, row in enumerate(sheet.iter_rows(values_only=True), start=1):
                if number > LAST_ROW:
                    raise UnreadableFileError(f"A worksheet has at most {LAST_ROW:,} rows.", row=number)
                yield number, [_text(value) for value in row]
        finally:
            book.close()
    except UnreadableFileError:
        raise
    except Exception as error:  # (a hostile workbook can make openpyxl fail in any way)
        raise UnreadableFileError(
            f"The workbook is damaged or is none ({error}).", row=number and number + 1
        ) from error
    if number == 0:
        raise UnreadableFileError("The first sheet of the workbook is empty.")


def _check_sizes(stream: BinaryIO, *, limit: int) -> None:
    try:
        with zipfile.ZipFile(stream) as archive:
            entries = archive.infolist()
            sheets = _sheet_parts(archive)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise UnreadableFileError(f"The workbook is damaged or is none ({error}).") from error
    stream.seek(0)
    if len(entries) > ENTRIES_LIMIT or sum(entry.file_size for entry in entries) > limit:
        raise UnreadableFileError(
            f"The workbook holds more than {limit // MEGABYTE:,} MB when unpacked; save it as CSV, or split it."
        )
    if any(entry.file_size > SHARED_TEXTS_LIMIT for entry in entries if f"/{entry.filename}" not in sheets):
        raise UnreadableFileError("The workbook holds too much text for one file; save it as CSV.")


def _sheet_parts(archive: zipfile.ZipFile) -> set[str]:
    """The parts that are worksheets and nothing else: only these are read as a stream."""
    try:
        if archive.getinfo(_CONTENTS).file_size > MEGABYTE:
            raise UnreadableFileError("The workbook is damaged or is none (its list of contents is too long).")
        contents = ElementTree.fromstring(archive.read(_CONTENTS))
    except (KeyError, ElementTree.ParseError, DefusedXmlException) as error:
        raise UnreadableFileError(f"The workbook is damaged or is none ({error}).") from error
    types: dict[str, set[str]] = {}
    for part in contents:
        types.setdefault(part.get("PartName", ""), set()).add(part.get("ContentType", ""))
    return {part for part, kinds in types.items() if kinds == {_WORKSHEET}}


def _text(value: Any) -> str:
    """A cell as the text that a CSV would hold; numbers with the 15 digits that Excel shows."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float):
        return f"{value:.{_DIGITS}g}"
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, date):
        return value.isoformat()
    return str(value)
