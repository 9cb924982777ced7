"""Typed builders over the services, so that a test's records are made as real ones are. Nothing is random.

A builder takes text where people would write text: make_lot("WIRE", received="10", value="100"). Codes and offices are
made when they are first named.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from inventory_site.models import NumberSequence
from lots.models import InventoryLot, LineItemCode, LotType, Office
from lots.services import lot_record
from reconciliation.models import ReconciliationRun
from reconciliation.requests import request_run
from reconciliation.runner import work
from reconciliation.verify import verify_ledger
from usage.models import InventoryUsage
from usage.services import usage_record

MORNING = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)


def day(number: int) -> datetime:
    """The morning of a day of our short history, counted from 1."""
    return MORNING + timedelta(days=number - 1)


def make_code(code: str = "WIRE", *, cost: str = "2.00", description: str = "") -> LineItemCode:
    """Make a code, or find the one of that name as it is."""
    made, _ = LineItemCode.objects.get_or_create(
        code=code, defaults={"est_unit_cost": Decimal(cost), "description": description or f"About {code}"}
    )
    return made


def make_office(code: str) -> Office | None:
    """Make or find an office; "" is no office."""
    return Office.objects.get_or_create(code=code)[0] if code else None


def make_lot(
    code: str | LineItemCode = "WIRE",
    *,
    received: str = "10",
    value: str = "100.00",
    on_day: int = 1,
    office: str = "",
    number: str | None = None,
    source: str = "",
    order: str = "",
    lot_type: str = LotType.PURCHASE,
) -> InventoryLot:
    """Record a receipt of goods: `received` units worth `value` in all."""
    return lot_record(
        code=make_code(code) if isinstance(code, str) else code,
        quantity=Decimal(received),
        value=Decimal(value),
        received_at=day(on_day),
        office=make_office(office),
        number=number,
        source_number=source,
        lot_type=lot_type,
        parent_order=order,
    )


def make_usage(
    code: str | LineItemCode = "WIRE",
    quantity: str = "1",
    *,
    on_day: int = 2,
    at: datetime | None = None,
    office: str = "",
    number: str | None = None,
    source: str = "",
    order: str = "",
    reference: str = "",
    department: str = "",
    original: InventoryUsage | None = None,
    only_lots: Sequence[InventoryLot] = (),
) -> InventoryUsage:
    """Record a consumption, or with a negative quantity a return."""
    return usage_record(
        code=make_code(code) if isinstance(code, str) else code,
        quantity=Decimal(quantity),
        used_at=at or day(on_day),
        office=make_office(office),
        number=number,
        source_number=source,
        order=order,
        reference=reference,
        department=department,
        original=original,
        only_lots=only_lots,
    )


def reconcile(*, now: datetime = MORNING, codes: Sequence[str] | None = None) -> ReconciliationRun:
    """Run COGS reconciliation to its end, here and now."""
    run = request_run(trigger=ReconciliationRun.Trigger.COMMAND, now=now, codes=codes)
    work(run_id=run.pk)
    run.refresh_from_db()
    return run


def make_guide_list() -> None:
    """The list of open usage as the guides print it (16G-W, TB-LIT102, TM-FRNCH3), reconciled.

    The half-allocated row needs a lot that paid for 10 of its 20 at the estimate: the printed ~ COGS says so.
    """
    make_code("16G-W", cost="1.99", description="16 Gauge Copper Wire")
    make_code("TB-LIT102", cost="79.99", description="The Complete Works of Shakespeare")
    make_code("TM-FRNCH3", cost="74.99", description="J'Apprends: I Learn French Teacher's Manual")
    make_lot("TB-LIT102", received="10", value="799.90", number="40000", source="PO-60001", office="AI")
    for number, code, source, date, order, quantity in (
        ("60000", "16G-W", "SHIP-60000", 18, "60007", "1000"),
        ("60002", "16G-W", "SHIP-60000", 18, "60010", "100"),
        ("60009", "TB-LIT102", "SHIP-60021", 20, "60029", "20"),
        ("60003", "TM-FRNCH3", "SHIP-60002", 18, "60011", "50"),
        ("60030", "TM-FRNCH3", "INVTRYADJ-60001", 21, "", "75"),
        ("60031", "TM-FRNCH3", "INVTRYADJ-60002", 21, "", "-125"),
    ):
        make_usage(
            code,
            quantity,
            number=number,
            source=source,
            order=order,
            at=datetime(2022, 7, date, 12, 0, tzinfo=UTC),
            office="AI" if order else "",
            reference=f"Order #{order}" if order else "",
        )
    # As the guides number them, by hand; whatever is recorded next goes on from there.
    NumberSequence.objects.update_or_create(kind="usage", defaults={"last_number": 60031})
    reconcile()


def make_give_back_loop() -> InventoryLot:
    """Tech-003a as the guides tell it: a lot of ten, used up; then +50 and -50, and a run that takes six passes."""
    lot = make_lot("Tech-003a", received="10", value="100.00", number="50000", source="PO-50000")
    make_usage("Tech-003a", "10", on_day=2, source="SHIP-50000")
    reconcile()
    make_usage("Tech-003a", "50", on_day=3, source="SHIP-50001")
    make_usage("Tech-003a", "-50", on_day=4, source="INVTRYADJ-50001")
    reconcile()
    lot.refresh_from_db()
    return lot


def assert_ledger_holds() -> None:
    """Every invariant, recomputed from the rows; the master identity is one of them."""
    broken = [(check.title, check.culprits) for check in verify_ledger() if not check.is_ok]
    assert broken == []
