"""Runs the ledger check and keeps its outcome, for the Ledger Check page and the home page."""

import time
from dataclasses import asdict
from datetime import datetime
from decimal import Decimal

from django.contrib.auth.models import User

from reconciliation.models import LedgerCheck
from reconciliation.verify import verify_ledger


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
