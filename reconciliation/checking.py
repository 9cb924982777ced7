"""Runs the ledger check and keeps its outcome, for the Ledger Check page and the home page."""

import logging
import time
from dataclasses import asdict
from datetime import datetime
from decimal import Decimal

from celery import current_app
from django.contrib.auth.models import User

from reconciliation.models import LedgerCheck
from reconciliation.verify import verify_ledger

logger = logging.getLogger(__name__)

CHECK_TASK = "reconciliation.tasks.check_ledger"


def ledger_check(*, by: User | None, now: datetime) -> LedgerCheck:
    """Verify every invariant and record when, by whom, and what was found."""
    started = time.monotonic()
    results = verify_ledger()
    return LedgerCheck.objects.create(
        at=now,
        by=by,
        is_ok=all(result.is_ok for result in results),
        seconds=Decimal(time.monotonic() - started).quantize(Decimal("0.01")),
        results=[asdict(result) for result in results],
    )


def request_check(*, by: User) -> bool:
    """Ask a worker for a check. Return whether the broker took the message: unlike runs, checks have no work list."""
    try:
        current_app.send_task(CHECK_TASK, kwargs={"by_id": by.pk}, retry=False)
    except Exception as error:  # (a broker may fail in any way; none may reach the user)
        logger.warning("the broker did not take the request for a ledger check: %s", error)
        return False
    return True
