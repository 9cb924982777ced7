"""import_documents(): files of documents, everything recorded or nothing, through the same verbs as on the pages.

The check is the real thing undone: every document is entered and posted, what its verb refuses becomes a finding on its
row, and with a finding, or when only a check was asked for, all of it is rolled back. Documents that are there already
with the same lines are skipped, so that the same file twice changes nothing.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from itertools import groupby
from typing import Any, Final

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import DataError, transaction
from django.db.models import Q

from inventory_site.document_forms import LineError
from inventory_site.fields import MONEY_LIMIT, QUANTITY_LIMIT
from lots.locks import lock_pools_of_codes
from lots.models import LineItemCode
from lots.periods import why_not_yet
from reconciliation.importing.columns import Column
from reconciliation.importing.document_columns import DOCUMENT_COLUMNS
from reconciliation.importing.document_verbs import READERS, Reader
from reconciliation.importing.files import Source, read_rows
from reconciliation.importing.importer import lock_imports, no_progress
from reconciliation.importing.problems import Problem, Problems, UnreadableFileError, shown
from reconciliation.importing.staging import Progress
from reconciliation.importing.values import BadValueError
from usage.models import Job, JobComponent

DOCUMENT_KINDS: Final = tuple(DOCUMENT_COLUMNS)
# Each is posted as by hand: a row takes up to 70 ms, and the task that imports them has 55 minutes.
ROWS_MOST: Final = 20_000
_TOO_LARGE: Final = (
    f'The figures of "{{}}", or what they add up to, are more than can be recorded: quantities lie below'
    f" {QUANTITY_LIMIT:,}, values below {MONEY_LIMIT:,}."
)


@dataclass(frozen=True, slots=True)
class DocumentFigures:
    """What became of one file: its rows, its documents (so many new, so many there already), and its findings."""

    documents: int
    new: int
    present: int
    rows: int = 0
    problems: int = 0


@dataclass(frozen=True, slots=True)
class DocumentsOutcome:
    """With problems nothing is ever written."""

    files: Mapping[str, DocumentFigures]
    problem_count: int
    problems: tuple[Problem, ...]
    is_written: bool


@dataclass(slots=True)
class Row:
    """One line of a file: its number there, and its values by column; None where a number was left out."""

    number: int
    values: dict[str, Any]


def import_documents(
    *,
    sources: Mapping[str, Source],
    by: User | None,
    now: datetime,
    is_check_only: bool = False,
    progress: Progress = no_progress,
) -> DocumentsOutcome:
    """Check the files of documents and, when nothing is wrong with any, record and post what is new in them.

    `sources` maps kinds of DOCUMENT_KINDS to files; they are taken in that order. Returns all findings instead of
    raising; then nothing was written.
    """
    problems = Problems(DOCUMENT_KINDS)
    files: dict[str, DocumentFigures] = {}
    rows: dict[str, list[Row]] = {}
    for kind in DOCUMENT_KINDS:
        if kind in sources:
            progress(f"Reading {kind.replace('_', ' ')}", sum(map(len, rows.values())), None)
            rows[kind] = list(_read(kind, sources[kind], problems))
    count = sum(map(len, rows.values()))
    if not problems.count:
        with transaction.atomic():
            lock_imports()
            _lock_everything(rows)
            done = 0
            for kind, found in rows.items():
                tell = partial(_tell, progress, f"Recording {kind.replace('_', ' ')}", done, count)
                files[kind] = _record(kind, sources[kind].name, found, problems, by=by, now=now, tell=tell)
                done += len(found)
            if is_check_only or problems.first():
                transaction.set_rollback(True)
    for kind, found in rows.items():
        known = files.get(kind, DocumentFigures(0, 0, 0))
        files[kind] = replace(known, rows=len(found), problems=problems.counts.get(kind, 0))
    is_written = not problems.count and not is_check_only and any(figures.new for figures in files.values())
    return DocumentsOutcome(files, problems.count, tuple(problems.first()), is_written)


def _tell(progress: Progress, phase: str, done: int, total: int, here: int) -> None:
    progress(phase, done + here, total)


def _lock_everything(rows: Mapping[str, Sequence[Row]]) -> None:
    """Take the locks of all pools at once, in their order: document by document could meet a run half-way."""
    named = {row.values[name] for found in rows.values() for row in found for name in ("code", "product", "component")
             if row.values.get(name)}  # fmt: skip
    jobs = {row.values["job"] for found in rows.values() for row in found if row.values.get("job")}
    of_jobs = Q(pk__in=Job.objects.filter(number__in=jobs).values("code")) | Q(
        pk__in=JobComponent.objects.filter(job__number__in=jobs).values("code")
    )
    codes = list(LineItemCode.objects.filter(Q(code__in=named) | of_jobs).order_by("pk"))
    if codes:
        lock_pools_of_codes(codes=codes, office=None)


# -- Reading -------------------------------------------------------------------------------------------
def _read(kind: str, source: Source, problems: Problems) -> Iterator[Row]:
    def note(row: int, column: str, value: str, message: str) -> None:
        problems.add(Problem(kind, source.name, row, shown(column), shown(value), message))

    columns = {column.name: column for column in DOCUMENT_COLUMNS[kind]}
    parsers: list[tuple[Column, Callable[[str], Any]]] = []
    count = 0
    try:
        for number, cells in read_rows(source):
            if not parsers:
                parsers = [(column, column.parser()) for column in _header(kind, columns, cells)]
                continue
            count += 1
            if count > ROWS_MOST:
                raise UnreadableFileError(f"A file of documents has at most {ROWS_MOST:,} rows.", row=number)
            if len(cells) > len(parsers):
                note(number, "", "", f"The row has {len(cells)} cells, but the header names {len(parsers)} columns.")
                continue
            row = Row(number, dict.fromkeys(columns))
            for (column, parse), cell in zip(parsers, [*cells, *[""] * (len(parsers) - len(cells))], strict=True):
                try:
                    row.values[column.name] = parse(cell)
                except BadValueError as error:
                    note(number, column.name, cell, f'"{shown(cell)}" {error}' if cell else f"It {error}")
            yield row
        if not count:
            raise UnreadableFileError("The file has no rows below its header.")
    except UnreadableFileError as error:
        note(error.row, error.column, error.value, error.message)


def _header(kind: str, columns: Mapping[str, Column], cells: Sequence[str]) -> list[Column]:
    names = [name.strip().lower() for name in cells]
    for name in names:
        if name not in columns:
            message = f'There is no column "{shown(name)}". The columns of {kind} are: {", ".join(columns)}.'
            raise UnreadableFileError(message, row=1, column=name, value=name)
        if names.count(name) > 1:
            raise UnreadableFileError("The column stands there twice.", row=1, column=name)
    if missing := [name for name, column in columns.items() if name not in names and not column.may_be_left_out]:
        raise UnreadableFileError(f"Columns are missing: {', '.join(missing)}.", row=1, column=missing[0])
    return [columns[name] for name in names]


# -- Recording -----------------------------------------------------------------------------------------
def _record(
    kind: str,
    file: str,
    rows: Sequence[Row],
    problems: Problems,
    *,
    by: User | None,
    now: datetime,
    tell: Callable[[int], None],
) -> DocumentFigures:
    key = DOCUMENT_COLUMNS[kind][0].name
    reader = READERS[kind]
    new = present = done = 0
    seen: set[str] = set()
    identity = reader.identity or (lambda values: str(values[key]))
    for number, group in groupby(rows, key=lambda row: identity(row.values)):
        lines = list(group)
        done += len(lines)
        tell(done)

        def note(row: int, message: str, lines: Sequence[Row] = lines) -> None:
            problems.add(Problem(kind, file, lines[min(row, len(lines) - 1)].number, "", "", message))

        if number in seen:
            note(0, f'The rows of "{number}" do not stand together.')
            continue
        seen.add(number)
        if differs := _what_differs(reader, lines):
            note(1, f'"{differs}" is not the same on all rows of "{number}".')
            continue
        values = [line.values for line in lines]
        if reason := why_not_yet(datetime.fromisoformat(values[0]["date"]), now=now):
            note(0, reason)
            continue
        there = reader.recorded(number, values[0])
        if there is not None:
            present += 1
            if differs := reader.what_differs(values, there):
                note(0, f'"{number}" is recorded already, {differs}.')
            continue
        new += 1
        try:
            with transaction.atomic():
                reader.record(number, values, by, now)
        except ValidationError as error:
            for place, message in _findings(error):
                note(place, message)
        except DataError:
            # A sum that a document keeps; what one row alone makes too large is refused by its verb.
            note(0, _TOO_LARGE.format(number))
    return DocumentFigures(new + present, new, present)


def _what_differs(reader: Reader, lines: Sequence[Row]) -> str:
    first = lines[0].values
    return next((name for line in lines for name in reader.header if line.values[name] != first[name]), "")


def _findings(error: ValidationError) -> Iterator[tuple[int, str]]:
    """Each message with the line it concerns, the first where none is named."""
    if hasattr(error, "error_dict"):
        for messages in error.message_dict.values():
            yield from ((0, message) for message in messages)
        return
    for part in error.error_list:
        place = part.index if isinstance(part, LineError) else 0
        yield place, " ".join(part.messages)
