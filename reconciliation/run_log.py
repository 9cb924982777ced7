"""The log of a run, for people. Lines are facts: written once, never changed."""

from django.db import connection

from reconciliation.models import RunLogLine


def log_info(*, run_id: int, message: str, pool_id: int | None = None) -> None:
    _write(run_id, RunLogLine.Level.INFO, message, pool_id)


def log_warning(*, run_id: int, message: str, pool_id: int | None = None) -> None:
    _write(run_id, RunLogLine.Level.WARNING, message, pool_id)


def log_error(*, run_id: int, message: str, pool_id: int | None = None) -> None:
    _write(run_id, RunLogLine.Level.ERROR, message, pool_id)


_LINE = """
INSERT INTO reconciliation_runlogline (run_id, at, level, pool_id, message)
VALUES (%s, statement_timestamp(), %s, %s, %s)
"""


def _write(run_id: int, level: RunLogLine.Level, message: str, pool_id: int | None) -> None:
    with connection.cursor() as cursor:
        # PostgreSQL keeps no NUL; an error text may quote one.
        cursor.execute(_LINE, [run_id, level.value, pool_id, message.replace("\0", " ")])
