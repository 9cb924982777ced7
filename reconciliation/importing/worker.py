"""What the worker does with an import: check it, or import it. A second delivery of a message goes home.

The files' rows are locked first and for as long as the work lasts; a worker that dies drops the locks, and the sweeper
finds an import that is under way with nobody at it. All that an import writes, its own outcome included, is one
transaction, so it happened once or it did not.
"""

import logging
from collections.abc import Sequence
from functools import partial
from typing import BinaryIO, cast

from celery.exceptions import SoftTimeLimitExceeded
from django.core.files.storage import default_storage
from django.db import connection, transaction
from django.db.models.functions import Now
from django.utils import timezone

from reconciliation.importing.documents import DOCUMENT_KINDS, DocumentFigures, DocumentsOutcome, import_documents
from reconciliation.importing.files import Source
from reconciliation.importing.importer import FileFigures, ImportOutcome, import_records, try_lock
from reconciliation.importing.jobs import forget_files, lock_files
from reconciliation.importing.reports import MAX_ATTEMPTS, Reporter
from reconciliation.models import ImportFile, ImportJob

logger = logging.getLogger(__name__)

State = ImportJob.State


def work_on_import(*, import_id: int) -> bool:
    """Check or import, whichever is due, and clear away what is no longer needed. Return whether it imported."""
    with Reporter(import_id) as reporter:
        try:
            ended = _work(import_id, reporter)
        except Exception as error:
            logger.exception("import %s: an attempt failed and was undone", import_id)
            if not connection.is_usable():
                raise  # The database is gone, which is nobody's fault; the sweeper tries again.
            reason = f"{type(error).__name__}: {error}".replace("\0", " ")
            reporter.note(f"An attempt failed and was undone; it is tried again. {reason}")
            reporter.give_up(reason)
            if isinstance(error, SoftTimeLimitExceeded):
                raise
            return False
    if ended is not None and ended != State.READY:
        forget_files(import_id=import_id)
    return ended == State.IMPORTED


@transaction.atomic
def _work(import_id: int, reporter: Reporter) -> str | None:
    """Return the state that the import has come to, or None when there was nothing to do."""
    files = lock_files(import_id)
    begun = reporter.begin() if files and _is_its_turn(import_id, files) else None
    if begun is None:
        return None
    state, attempt = begun
    logger.info("import %s: %s, attempt %s of %s", import_id, state, attempt, MAX_ATTEMPTS)
    sources = {file.kind: Source(file.original_name, partial(_open, file.stored_name)) for file in files}
    is_check = state == State.CHECKING
    if _is_of_documents(files):
        job = ImportJob.objects.select_related("uploaded_by", "requested_by").get(pk=import_id)
        documents = import_documents(
            sources=sources,
            by=job.requested_by or job.uploaded_by,
            now=timezone.now(),
            is_check_only=is_check,
            progress=reporter.tell,
        )
        return _finish(import_id, files, documents, is_check=is_check)
    outcome = import_records(sources=sources, is_check_only=is_check, progress=reporter.tell)
    return _finish(import_id, files, outcome, is_check=is_check)


def _is_of_documents(files: Sequence[ImportFile]) -> bool:
    return any(file.kind in DOCUMENT_KINDS for file in files)


def _is_its_turn(import_id: int, files: Sequence[ImportFile]) -> bool:
    """Whether there is something to do that need not wait for another import. Documents are checked by recording them
    and undoing that, so their check is one, too.

    A worker that waited would keep runs and sweeps waiting, too; the sweeper brings the import back. Whoever has the
    files locked may rely on the state: only a worker leaves the active ones, and only people enter them.
    """
    state = ImportJob.objects.values_list("state", flat=True).get(pk=import_id)
    if state in (State.UPLOADED, State.CHECKING) and not _is_of_documents(files):
        return True
    return state in ImportJob.ACTIVE and try_lock()


def _open(stored_name: str) -> BinaryIO:
    return cast(BinaryIO, default_storage.open(stored_name, "rb").file)


def _finish(
    import_id: int, files: list[ImportFile], outcome: ImportOutcome | DocumentsOutcome, *, is_check: bool
) -> str:
    for file in files:
        figures: FileFigures | DocumentFigures = outcome.files[file.kind]
        ImportFile.objects.filter(pk=file.pk).update(
            rows=figures.rows,
            rows_new=figures.new,
            rows_present=figures.present,
            error_count=figures.problems,
            # Documents are dated by several columns; their lists begin with the newest.
            first_at=figures.first_at if isinstance(figures, FileFigures) else None,
            last_at=figures.last_at if isinstance(figures, FileFigures) else None,
        )
    rows = sum(figures.rows for figures in outcome.files.values())
    accepted = State.READY if is_check else State.IMPORTED
    state = State.REJECTED if outcome.problem_count else accepted
    ImportJob.objects.filter(pk=import_id).update(
        state=state,
        finished_at=Now(),
        phase="",
        rows_done=rows,
        rows_total=rows,
        error_count=outcome.problem_count,
        errors=[problem._asdict() for problem in outcome.problems],
        failure="",
    )
    return state
