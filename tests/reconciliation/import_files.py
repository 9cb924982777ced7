"""Files for the import tests: three that fit together, and ways to write them."""

import csv
import gzip
import io
import lzma
from collections.abc import Iterable, Sequence
from pathlib import Path

import openpyxl

from reconciliation.importing.files import Source
from reconciliation.importing.importer import ImportOutcome, import_records

Row = Sequence[str]

HEADERS: dict[str, Row] = {
    "items": ("code", "description", "est_unit_cost"),
    "lots": ("lot", "code", "office", "received_at", "quantity", "value", "source"),
    "usage": (
        "usage", "code", "office", "used_at", "quantity", "transaction_id", "order", "reference", "returns",
    ),
}  # fmt: skip
ITEMS: list[Row] = [("16G-W", "16 GB memory, white", "10.50"), ("TB-1", "Toner, black", "3.333333")]
LOTS: list[Row] = [
    ("L-1", "16G-W", "AI", "2026-01-05 08:00", "10", "105.00", "PO-60001"),
    ("L-2", "TB-1", "", "2026-01-06", "5.5", "18.33", "PO-60002"),
]
USAGE: list[Row] = [
    ("U-1", "16G-W", "AI", "2026-01-07 10:00", "4", "SHIP-60100", "60200", "PO 4711", ""),
    ("U-2", "16G-W", "AI", "2026-01-08 10:00", "-1", "RMA-60101", "60200", "", "U-1"),
    ("U-3", "TB-1", "", "2026-01-09 10:00", "2.25", "SHIP-60102", "60201", "", ""),
]
ROWS = {"items": ITEMS, "lots": LOTS, "usage": USAGE}


def csv_text(header: Row, rows: Iterable[Row]) -> str:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue()


def write(
    folder: Path, kind: str, rows: Iterable[Row] | None = None, *, header: Row | None = None, suffix: str = ".csv"
) -> Path:
    """Write a file of a kind; without rows the ones that fit together."""
    path = folder / f"{kind}{suffix}"
    text = csv_text(header or HEADERS[kind], ROWS[kind] if rows is None else rows)
    if suffix.endswith(".xz"):
        path.write_bytes(lzma.compress(text.encode()))
    elif suffix.endswith(".gz"):
        path.write_bytes(gzip.compress(text.encode(), mtime=0))
    elif suffix == ".xlsx":
        book = openpyxl.Workbook(write_only=True)
        sheet = book.create_sheet()
        for row in csv.reader(io.StringIO(text)):
            sheet.append(row)
        book.save(path)
    else:
        path.write_text(text, encoding="utf-8", newline="")
    return path


def imported(folder: Path, *, is_check_only: bool = False, **rows: Iterable[Row] | None) -> ImportOutcome:
    """Import files of the kinds named; `items=None` writes the rows that fit together."""
    sources = {kind: Source.of_path(write(folder, kind, given)) for kind, given in rows.items()}
    return import_records(sources=sources, is_check_only=is_check_only)


def all_three(folder: Path) -> ImportOutcome:
    outcome = imported(folder, items=None, lots=None, usage=None)
    assert outcome.is_written, outcome.problems
    return outcome
