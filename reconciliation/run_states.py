"""The states of a run, each changed by one conditional update, so that any number of workers may try.

requested -> running -> finished | finished with errors | cancelled
"""

from typing import Any

from django.db import connection, transaction
from django.db.models.functions import Now

from reconciliation.models import ReconciliationRun, RunPool
from reconciliation.run_log import log_info, log_warning

State = ReconciliationRun.State


_START = """
WITH started AS (
    UPDATE reconciliation_reconciliationrun SET state = 'RUNNING', started_at = statement_timestamp()
    WHERE id = %s AND state = 'REQUESTED' RETURNING id
)
INSERT INTO reconciliation_runlogline (run_id, at, level, message)
SELECT id, statement_timestamp(), 'INFO', 'Run started.' FROM started
"""


def start(*, run_id: int) -> bool:
    """Mark a requested run as running, in one statement. Return whether there is anything to work on."""
    with connection.cursor() as cursor:
        cursor.execute(_START, [run_id])
        if cursor.rowcount:
            return True
    return ReconciliationRun.objects.filter(pk=run_id, state=State.RUNNING).exists()


@transaction.atomic
def cancel_waiting(*, run_id: int) -> None:
    """Take off the list what nobody is working on; batches under work are left to finish."""
    waiting = RunPool.objects.select_for_update(skip_locked=True, no_key=True).filter(
        run=run_id, state=RunPool.State.PENDING
    )
    cancelled = RunPool.objects.filter(pk__in=[row.pk for row in waiting]).update(
        state=RunPool.State.CANCELLED, finished_at=Now()
    )
    if cancelled:
        log_warning(run_id=run_id, message=f"Cancelled: {cancelled:,} pools were not reconciled and keep their work.")


_LOCK = """
SELECT state, cancel_requested_at IS NOT NULL FROM reconciliation_reconciliationrun WHERE id = %s FOR NO KEY UPDATE
"""
_FINISH = """
UPDATE reconciliation_reconciliationrun SET state = %(state)s, finished_at = statement_timestamp(), pools = %(pools)s,
    pools_failed = %(pools_failed)s, usages = %(usages)s, allocations = %(allocations)s, passes = %(passes)s,
    drawn = %(drawn)s, given_back = %(given_back)s, amount = %(amount)s
WHERE id = %(run)s
"""


@transaction.atomic
def finish_if_done(*, run_id: int) -> bool:
    """End the run when no pool waits any more, and write its totals. Return whether it has ended."""
    with connection.cursor() as cursor:
        cursor.execute(_LOCK, [run_id])
        state, is_cancel_requested = cursor.fetchone()
        if state not in ReconciliationRun.ACTIVE:
            return True
        figures = totals_of(run_id=run_id)
        if figures["pools_waiting"]:
            return False
        end_state = _end_state(figures, is_cancel_requested=is_cancel_requested)
        cursor.execute(_FINISH, {**figures, "state": end_state.value, "run": run_id})
    log_info(
        run_id=run_id,
        message=f"{end_state.label}: {figures['pools']:,} pools, {figures['usages']:,} usages,"
        f" {figures['allocations']:,} allocations, {figures['passes']:,} passes.",
    )
    return True


_TOTALS = """
SELECT count(*) AS pools_total, coalesce(sum(usages), 0) AS usages_total,
    count(*) FILTER (WHERE state = 'PENDING') AS pools_waiting, count(*) FILTER (WHERE state = 'DONE') AS pools,
    count(*) FILTER (WHERE state = 'FAILED') AS pools_failed,
    count(*) FILTER (WHERE state = 'CANCELLED') AS pools_cancelled,
    coalesce(sum(usages) FILTER (WHERE state = 'DONE'), 0) AS usages, coalesce(sum(allocations), 0) AS allocations,
    coalesce(sum(passes), 0)::bigint AS passes, coalesce(sum(drawn), 0) AS drawn,
    coalesce(sum(given_back), 0) AS given_back, coalesce(sum(amount), 0) AS amount
FROM reconciliation_runpool WHERE run_id = %s
"""


def totals_of(*, run_id: int) -> dict[str, Any]:
    """Sum the work rows: true at any moment, whoever asks, also after a crash."""
    with connection.cursor() as cursor:
        cursor.execute(_TOTALS, [run_id])
        return dict(zip([column.name for column in cursor.description], cursor.fetchone(), strict=True))


def _end_state(figures: dict[str, Any], *, is_cancel_requested: bool) -> ReconciliationRun.State:
    if is_cancel_requested and figures["pools_cancelled"]:
        return State.CANCELLED
    return State.FINISHED_WITH_ERRORS if figures["pools_failed"] else State.FINISHED
