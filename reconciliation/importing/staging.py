"""Rows to temporary tables, by COPY, each cell checked on the way: what only one row needs to be right is decided here.

A row with a bad cell is staged too (its bad cells empty), so that other rows that name it are not blamed for it.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from django.db.backends.utils import CursorWrapper

from lots.services import source_kind_of
from reconciliation.importing.columns import COLUMNS, KINDS, LOTS, USAGE, Column
from reconciliation.importing.files import Rows, Source, read_rows
from reconciliation.importing.problems import Problem, Problems, UnreadableFileError, shown
from reconciliation.importing.values import BadValueError

Progress = Callable[[str, int, int | None], None]
PROGRESS_ROWS = 10_000

CREATE = """
CREATE TEMPORARY TABLE import_items (
    row int, is_bad boolean, code text, description text, est_unit_cost numeric
) ON COMMIT DROP;
CREATE TEMPORARY TABLE import_lots (
    row int, is_bad boolean, lot text, code text, office text, received_at timestamptz, quantity numeric,
    value numeric, source text, source_kind text
) ON COMMIT DROP;
CREATE TEMPORARY TABLE import_usage (
    row int, is_bad boolean, usage text, code text, office text, used_at timestamptz, quantity numeric,
    transaction_id text, "order" text, reference text, returns text, only_lots text[], source_kind text
) ON COMMIT DROP;
"""
# The column that a source kind is read from.
_SOURCES = {LOTS: "source", USAGE: "transaction_id"}


def stage(
    cursor: CursorWrapper, *, sources: dict[str, Source], problems: Problems, progress: Progress
) -> dict[str, int]:
    """Read the files into their tables. Return how many rows each has; what is wrong goes to `problems`."""
    # Two imports in one transaction: the tables of the first are still there.
    leftovers = (f"import_{kind}{suffix}" for kind in KINDS for suffix in ("", "_again", "_present", "_new"))
    cursor.execute(f"DROP TABLE IF EXISTS {', '.join(leftovers)}")
    cursor.execute(CREATE)
    counts: dict[str, int] = {}
    done = 0
    for kind in KINDS:
        counts[kind] = 0
        if kind in sources:
            reading = _Reading(kind, sources[kind], problems, progress, done)
            try:
                reading.run(cursor)
            except UnreadableFileError as error:
                problems.is_cut_short = True
                reading.note(error.row, error.column, error.value, error.message)
            counts[kind] = reading.count
            done += reading.count
        cursor.execute(f"ANALYZE import_{kind}")
    return counts


class _Reading:
    """One file on its way in."""

    def __init__(self, kind: str, source: Source, problems: Problems, progress: Progress, done: int) -> None:
        self.kind = kind
        self.source = source
        self.problems = problems
        self.progress = progress
        self.done = done
        self.count = 0

    def note(self, row: int, column: str, value: str, message: str) -> None:
        self.problems.add(Problem(self.kind, self.source.name, row, column, shown(value), message))

    def run(self, cursor: CursorWrapper) -> None:
        rows = read_rows(self.source)
        first = next(rows, None)
        if first is None:
            raise UnreadableFileError("The file is empty.")
        header = [name.strip().lower() for name in first[1]]
        while header and not header[-1]:
            header.pop()
        columns = self._columns_of(header, row=first[0])
        names = ", ".join(f'"{name}"' for name in self._staged_names(columns))
        broken: list[UnreadableFileError] = []
        with cursor.copy(f"COPY import_{self.kind} ({names}) FROM STDIN") as copy:  # (names are our own)
            # An exception inside COPY would end the transaction, so it waits until the rows so far are in.
            for record in self._records(_until_broken(rows, broken), columns):
                copy.write_row(record)
        if broken:
            raise broken[0]
        if not self.count:
            raise UnreadableFileError("The file has no rows below its header.")

    def _columns_of(self, header: Sequence[str], *, row: int) -> list[Column]:
        known = {column.name: column for column in COLUMNS[self.kind]}
        unknown = [name for name in header if name not in known]
        missing = [
            column.name for column in COLUMNS[self.kind] if not column.may_be_left_out and column.name not in header
        ]
        if len(header) == 1 and any(mark in header[0] for mark in ";\t|"):
            raise UnreadableFileError(
                "The columns are not separated by commas; save the file as comma-separated CSV.", row=row
            )
        if unknown:
            name = shown(unknown[0])
            hint = f" The columns of {self.kind} are: {', '.join(known)}."
            raise UnreadableFileError(
                (f'There is no column "{name}".' if name else "A column has no name.") + hint,
                row=row, column=name, value=name,
            )  # fmt: skip
        if missing:
            plural = "Columns are" if len(missing) > 1 else "A column is"
            raise UnreadableFileError(f"{plural} missing: {', '.join(missing)}.", row=row, column=missing[0])
        if len(set(header)) != len(header):
            twice = next(name for name in header if header.count(name) > 1)
            raise UnreadableFileError("The column stands there twice.", row=row, column=twice)
        return [known[name] for name in header]

    def _staged_names(self, columns: Sequence[Column]) -> list[str]:
        derived = ["source_kind"] if self.kind in _SOURCES else []
        if self.kind == USAGE and all(column.name != "only_lots" for column in columns):
            derived.append("only_lots")
        return ["row", "is_bad", *(column.name for column in columns), *derived]

    def _records(self, rows: Rows, columns: Sequence[Column]) -> Iterator[Sequence[Any]]:
        """Check and yield every row as it is staged. The inner loop of the import: kept plain for speed."""
        parsers = [column.parser() for column in columns]
        width = len(columns)
        places = {column.name: place for place, column in enumerate(columns)}
        source = places.get(_SOURCES.get(self.kind, ""))
        usage, returns = places.get("usage"), places.get("returns")
        no_lots: tuple[Any, ...] = ([],) if self.kind == USAGE and "only_lots" not in places else ()
        for number, given in rows:
            self.count += 1
            if self.count % PROGRESS_ROWS == 0:
                self.progress(f"Reading {self.kind}", self.done + self.count, None)
            cells = given if len(given) == width else self._fitted(given, width, number)
            if cells is None:
                continue
            try:
                values = [parse(cell) for parse, cell in zip(parsers, cells, strict=True)]
                is_bad = False
            except BadValueError:
                values, is_bad = self._what_is_good(number, columns, parsers, cells), True
            if usage is not None and returns is not None and values[returns] and values[returns] == values[usage]:
                self.note(number, "returns", cells[returns], f'"{shown(cells[returns])}" is the usage itself.')
                is_bad = True
            kind = (source_kind_of(values[source] or ""),) if source is not None else ()
            yield (number, is_bad, *values, *kind, *no_lots)

    def _what_is_good(
        self, number: int, columns: Sequence[Column], parsers: Sequence[Callable[[str], Any]], cells: Sequence[str]
    ) -> list[Any]:
        values: list[Any] = []
        for column, parse, cell in zip(columns, parsers, cells, strict=True):
            try:
                values.append(parse(cell))
            except BadValueError as error:
                message = str(error)
                quoted = f'"{shown(cell)}" {message}' if cell else f"It {message}"
                self.note(number, column.name, cell, quoted)
                values.append(None)
        return values

    def _fitted(self, given: list[str], width: int, number: int) -> list[str] | None:
        """A row of another length: blank cells at its end do not count; a workbook leaves them out altogether."""
        cells = list(given)
        while len(cells) > width and not cells[-1].strip():
            cells.pop()
        if len(cells) > width or (len(cells) < width and not self.source.name.lower().endswith(".xlsx")):
            self.note(number, "", "", f"The row has {len(cells)} cells, but the header names {width} columns.")
            return None
        return [*cells, *[""] * (width - len(cells))]


def _until_broken(rows: Rows, broken: list[UnreadableFileError]) -> Rows:
    """Pass rows on; keep the reason why there are no more."""
    try:
        yield from rows
    except UnreadableFileError as error:
        broken.append(error)
