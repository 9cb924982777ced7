"""The log of a run, for people. Lines are facts: written once, never changed."""

from django.db.models.functions import Now

from reconciliation.models import RunLogLine


def log_info(*, run_id: int, message: str, pool_id: int | None = None) -> None:
    _write(run_id, RunLogLine.Level.INFO, message, pool_id)


def log_warning(*, run_id: int, message: str, pool_id: int | None = None) -> None:
    _write(run_id, RunLogLine.Level.WARNING, message, pool_id)


def log_error(*, run_id: int, message: str, pool_id: int | None = None) -> None:
    _write(run_id, RunLogLine.Level.ERROR, message, pool_id)


def _write(run_id: int, level: RunLogLine.Level, message: str, pool_id: int | None) -> None:
    # PostgreSQL keeps no NUL; an error text may quote one.
    RunLogLine.objects.create(run_id=run_id, at=Now(), level=level, message=message.replace("\0", " "), pool_id=pool_id)
