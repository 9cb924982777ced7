"""Templates to fill in: a CSV with the header only, and a workbook that explains its columns."""

import csv
import io
import tempfile
from typing import IO

import xlsxwriter

from reconciliation.importing.columns import Column
from reconciliation.importing.document_columns import ALL_COLUMNS
from reconciliation.importing.document_records import NUMBERS

_DATES = ("received_at", "used_at", "date")
_NUMBERS = NUMBERS | {"est_unit_cost"}


def sample_csv(kind: str) -> str:
    """The header of a kind."""
    text = io.StringIO()
    csv.writer(text).writerow([column.name for column in ALL_COLUMNS[kind]])
    return text.getvalue()


def sample_workbook(kind: str) -> IO[bytes]:
    """A temporary file, positioned at its start: the sheet to fill in, and one that says what goes where."""
    file = tempfile.TemporaryFile()  # noqa: SIM115  (handed to the response, which closes it)
    book = xlsxwriter.Workbook(file, {"strings_to_formulas": False})
    sheet = book.add_worksheet(kind)
    heading = book.add_format({"bold": True, "bottom": 1})
    formats = {
        "text": book.add_format({"num_format": "@"}),
        "date": book.add_format({"num_format": "yyyy-mm-dd hh:mm"}),
        "number": book.add_format({"num_format": "General"}),
    }
    for place, column in enumerate(ALL_COLUMNS[kind]):
        # Identifiers as text, or a spreadsheet takes the leading zeros off them.
        sheet.set_column(place, place, max(14, len(column.name) + 2), formats[_looks_like(column)])
        sheet.write_string(0, place, column.name, heading)
    sheet.freeze_panes(1, 0)
    about = book.add_worksheet("Columns")
    about.set_column(0, 0, 18)
    about.set_column(1, 1, 60)
    about.set_column(2, 3, 24)
    for place, label in enumerate(("Column", "What it holds", "May be empty", "Example")):
        about.write_string(0, place, label, heading)
    for row, column in enumerate(ALL_COLUMNS[kind], start=1):
        cells = (column.name, column.about, "no" if column.is_required else "yes", column.example)
        for place, text in enumerate(cells):
            about.write_string(row, place, text)
    book.close()
    file.seek(0)
    return file


def _looks_like(column: Column) -> str:
    if column.name in _DATES:
        return "date"
    return "number" if column.name in _NUMBERS else "text"
