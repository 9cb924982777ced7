"""Verbs over import jobs, for the page and the sweeper. States change by conditional updates only, so that two clicks,
two messages or two people do a thing once.
"""

import logging
import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from celery import current_app
from django.contrib.auth.models import User
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.db.models import Sum
from django.db.models.functions import Now

from reconciliation.importing.document_columns import ALL_COLUMNS
from reconciliation.importing.problems import shown
from reconciliation.models import ImportFile, ImportJob

logger = logging.getLogger(__name__)

State = ImportJob.State

IMPORT_TASK = "reconciliation.tasks.run_import_job"
# Checked and then forgotten: the files hold a company's figures and should not lie about for ever.
DAYS_KEPT = 7


def import_upload(*, files: Mapping[str, "UploadedFile[Any]"], uploaded_by: User, now: datetime) -> ImportJob:
    """Keep the files under random names and ask a worker to check them. Nothing in them is looked at here."""
    stored: dict[str, str] = {}
    try:
        for kind in ALL_COLUMNS:
            if kind in files:
                stored[kind] = default_storage.save(f"imports/{uuid.uuid4().hex}", files[kind])
        with transaction.atomic():
            job = ImportJob.objects.create(uploaded_by=uploaded_by, uploaded_at=now)
            for kind, name in stored.items():
                given = files[kind]
                # The worker tells a file's kind by its content; the name only has to agree.
                ImportFile.objects.create(
                    job=job,
                    kind=kind,
                    original_name=shown(given.name or "file")[:200],
                    stored_name=name,
                    size=given.size or 0,
                )
            transaction.on_commit(lambda: wake_import(import_id=job.pk))
    except BaseException:
        for name in stored.values():
            default_storage.delete(name)
        raise
    return job


def import_request(*, job: ImportJob, requested_by: User) -> bool:
    """Ask a worker to import what was checked. False when it was asked for already, or is not ready."""
    with transaction.atomic():
        figures = ImportFile.objects.filter(job=job).aggregate(rows=Sum("rows", default=0))
        changed = ImportJob.objects.filter(pk=job.pk, state=State.READY).update(
            state=State.REQUESTED,
            requested_by=requested_by,
            attempts=0,
            phase="",
            rows_done=0,
            rows_total=figures["rows"],
            started_at=None,
            finished_at=None,
        )
        if changed:
            transaction.on_commit(lambda: wake_import(import_id=job.pk))
    return bool(changed)


def import_discard(*, job: ImportJob) -> bool:
    """Drop files that were checked and are not wanted. False when they are not waiting to be imported."""
    changed = ImportJob.objects.filter(pk=job.pk, state=State.READY).update(state=State.DISCARDED, finished_at=Now())
    if changed:
        forget_files(import_id=job.pk)
    return bool(changed)


def forget_files(*, import_id: int) -> None:
    """Delete the stored files of an import that has ended."""
    for file in ImportFile.objects.filter(job=import_id).exclude(stored_name=""):
        default_storage.delete(file.stored_name)
        ImportFile.objects.filter(pk=file.pk).update(stored_name="")


def sweep_imports(*, now: datetime) -> None:
    """Wake workers for imports that nobody works on, drop forgotten ones, and clear away files that ended."""
    for import_id in ImportJob.objects.filter(state__in=ImportJob.ACTIVE).values_list("pk", flat=True):
        if _is_free(import_id):
            wake_import(import_id=import_id)
    ImportJob.objects.filter(state=State.READY, uploaded_at__lt=now - timedelta(days=DAYS_KEPT)).update(
        state=State.DISCARDED, finished_at=Now(), failure=f"Nobody imported it within {DAYS_KEPT} days."
    )
    left = ImportFile.objects.exclude(stored_name="").exclude(job__state__in=[*ImportJob.ACTIVE, State.READY])
    for import_id in set(left.values_list("job_id", flat=True)):
        forget_files(import_id=import_id)


@transaction.atomic
def _is_free(import_id: int) -> bool:
    return bool(lock_files(import_id))


def lock_files(import_id: int) -> list[ImportFile]:
    """Take an import for as long as the caller's transaction lasts; empty when somebody else has it."""
    files = ImportFile.objects.select_for_update(skip_locked=True, no_key=True).filter(job=import_id).order_by("pk")
    return list(files)


def wake_import(*, import_id: int) -> None:
    """Tell the workers, as a best effort: the rows are there, and the sweeper finds what was not announced."""
    try:
        current_app.send_task(IMPORT_TASK, kwargs={"import_id": import_id}, retry=False)
    except Exception as error:  # (a broker may fail in any way; none may reach the user)
        logger.warning("import %s: the broker did not take the wake-up (%s); the sweeper will.", import_id, error)
