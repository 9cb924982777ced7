"""Short ways to record what a test is about, over the real services; and to run and verify."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from lots.models import InventoryLot, LineItemCode, Office
from lots.services import lot_record
from reconciliation import requests, runner
from reconciliation.models import ReconciliationRun
from reconciliation.verify import verify_ledger
from usage.models import InventoryUsage
from usage.services import usage_record

FIRST_DAY = datetime(2025, 1, 6, 9, tzinfo=UTC)
Trigger = ReconciliationRun.Trigger


def receive(
    code: LineItemCode, quantity: str, value: str, *, day: int = 0, office: Office | None = None
) -> InventoryLot:
    """Record a lot received so many days after the first."""
    at = FIRST_DAY + timedelta(days=day)
    return lot_record(code=code, quantity=Decimal(quantity), value=Decimal(value), received_at=at, office=office)


def use(
    code: LineItemCode,
    quantity: str,
    *,
    day: int = 1,
    original: InventoryUsage | None = None,
    only_lots: tuple[InventoryLot, ...] = (),
    office: Office | None = None,
) -> InventoryUsage:
    """Record a usage so many days after the first."""
    return usage_record(
        code=code,
        quantity=Decimal(quantity),
        used_at=FIRST_DAY + timedelta(days=day),
        original=original,
        only_lots=only_lots,
        office=office,
    )


def run_now(codes: list[str] | None = None) -> ReconciliationRun:
    """Ask for a run and work on it here until it has ended."""
    run = requests.request_run(trigger=Trigger.COMMAND, now=FIRST_DAY, codes=codes)
    assert runner.work(run_id=run.pk)
    run.refresh_from_db()
    return run


def culprits() -> dict[str, tuple[tuple[str, str], ...]]:
    """Every broken invariant with its first culprits; {} when the ledger is clean."""
    return {result.name: result.culprits for result in verify_ledger() if not result.is_ok}
