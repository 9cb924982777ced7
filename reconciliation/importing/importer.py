"""import_records(): three files in, everything written or nothing. Used by the command and by the import job."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction

from reconciliation.importing.checks import check, count_rows, find_present
from reconciliation.importing.columns import KINDS
from reconciliation.importing.files import Source
from reconciliation.importing.problems import Problem, Problems
from reconciliation.importing.staging import Progress, stage
from reconciliation.importing.writing import write

# Two imports at once would each take the other's records for new.
_LOCK = "SELECT pg_advisory_xact_lock(hashtext('lotwise import'))"
_TRY_LOCK = "SELECT pg_try_advisory_xact_lock(hashtext('lotwise import'))"
# From here on the planner's statistics matter for the run that follows; autovacuum comes a minute too late.
_ANALYZE_FROM = 1_000
_ANALYZE = (
    "ANALYZE lots_lineitemcode, lots_costpool, lots_inventorylot, lots_inventorytransaction, usage_inventoryusage,"
    " usage_openusage, usage_usagelotrestriction"
)


@dataclass(frozen=True, slots=True)
class FileFigures:
    """What became of one file: rows read, new ones and their dates, ones that say again what is there, findings."""

    rows: int
    new: int
    present: int
    first_at: datetime | None
    last_at: datetime | None
    problems: int


@dataclass(frozen=True, slots=True)
class ImportOutcome:
    """`is_written` says whether anything was to be and was; with problems nothing ever is."""

    files: Mapping[str, FileFigures]
    problem_count: int
    problems: tuple[Problem, ...]
    is_written: bool


def no_progress(phase: str, done: int, total: int | None) -> None:
    """Tell nobody."""


@transaction.atomic
def import_records(
    *, sources: Mapping[str, Source], is_check_only: bool = False, progress: Progress = no_progress
) -> ImportOutcome:
    """Check the files and, when nothing is wrong with any of them, write what is new in them.

    `sources` maps "items", "lots" and "usage" (any of them) to files. Returns all findings instead of raising; then
    nothing was written. Rows that are recorded already with the same content are skipped.
    """
    problems = Problems(KINDS)
    with connection.cursor() as cursor:
        # For the sorts and joins of half a million rows.
        cursor.execute("SET LOCAL work_mem = '64MB'")
        counts = stage(cursor, sources=dict(sources), problems=problems, progress=progress)
        if not is_check_only:
            lock_imports()
        progress("Checking", sum(counts.values()), None)
        find_present(cursor)
        if not problems.is_cut_short:
            # With a file half read, every reference into its other half would look broken.
            check(cursor, names={kind: source.name for kind, source in sources.items()}, problems=problems)
        files = {
            kind: FileFigures(counts[kind], *count_rows(cursor, kind), problems.counts.get(kind, 0)) for kind in sources
        }
        new = sum(figures.new for figures in files.values())
        is_written = not is_check_only and not problems.count and new > 0
        if is_written:
            write(cursor, progress=progress, total=sum(files[kind].new for kind in files if kind != KINDS[0]))
    if is_written and new >= _ANALYZE_FROM:
        transaction.on_commit(_analyze, robust=True)
    return ImportOutcome(files, problems.count, tuple(problems.first()), is_written)


def lock_imports() -> None:
    """Wait for the turn to import, and have it until the caller's transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute(_LOCK)


def try_lock() -> bool:
    """Take the turn to import, for as long as the caller's transaction lasts; False when another import has it."""
    with connection.cursor() as cursor:
        cursor.execute(_TRY_LOCK)
        return bool(cursor.fetchone()[0])


def _analyze() -> None:
    with connection.cursor() as cursor:
        cursor.execute(_ANALYZE)
