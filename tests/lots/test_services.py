"""Recording a lot: the lot, its movement and the sums of its pool in one step, or nothing."""

from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError

from lots.models import CostPool, InventoryLot, InventoryTransaction, LotCostToPost, Preference
from lots.services import lot_record, source_kind_of
from tests.factories import assert_ledger_holds, day, make_code, make_lot, make_office, make_usage

pytestmark = pytest.mark.django_db


def test_a_receipt_writes_lot_movement_and_pool() -> None:
    lot = make_lot("WIRE", received="12.5", value="31.25", office="AI", source="PO-60001", order="60007")
    lot.refresh_from_db()
    assert (lot.quantity_received, lot.quantity_used, lot.quantity_current) == (Decimal("12.5"), 0, Decimal("12.5"))
    assert (lot.value, lot.value_used, lot.status, lot.source_kind) == (Decimal("31.25"), 0, "OPEN", "PO")
    movement = InventoryTransaction.objects.get()
    assert (movement.on_hand, movement.lot, movement.source_number) == (Decimal("12.5"), lot, "PO-60001")
    pool = CostPool.objects.get()
    assert (pool.lot_count, pool.quantity_received, pool.value_received) == (1, Decimal("12.5"), Decimal("31.25"))
    assert_ledger_holds()


def test_a_receipt_leaves_work_for_the_books() -> None:
    lot = make_lot("WIRE")
    assert CostPool.objects.get().has_work
    assert LotCostToPost.objects.get().event.lot == lot


def test_a_receipt_is_work_where_usage_waits_for_it() -> None:
    make_usage("WIRE", "3")
    CostPool.objects.update(has_work=False, is_set_aside=True)
    make_lot("WIRE")
    pool = CostPool.objects.get()
    assert (pool.has_work, pool.is_set_aside) == (True, False)
    assert_ledger_holds()


@pytest.mark.parametrize(("quantity", "value"), [("0", "1"), ("-1", "1"), ("5", "-0.01")])
def test_an_impossible_receipt_writes_nothing(quantity: str, value: str) -> None:
    code = make_code("WIRE")
    with pytest.raises(ValidationError, match="Nothing was recorded"):
        lot_record(code=code, quantity=Decimal(quantity), value=Decimal(value), received_at=day(1))
    assert not InventoryLot.objects.exists()
    assert not InventoryTransaction.objects.exists()


def test_offices_share_a_pool_unless_inter_office_costing_is_prevented() -> None:
    make_lot("WIRE", office="AI")
    make_lot("WIRE", office="BO")
    assert CostPool.objects.count() == 1
    Preference.objects.update(prevent_inter_office=True)
    make_lot("BOOK", office="AI")
    make_lot("BOOK", office="BO")
    make_lot("BOOK", office="")
    pools = CostPool.objects.filter(code__code="BOOK").order_by("pk")
    assert [pool.office for pool in pools] == [make_office("AI"), make_office("BO"), None]


def test_lots_are_numbered_in_the_order_of_entry() -> None:
    first, second = make_lot("WIRE"), make_lot("WIRE")
    assert int(second.number) == int(first.number) + 1


@pytest.mark.parametrize(
    ("source_number", "kind"),
    [("SHIP-60000", "SHIP"), ("INVTRYADJ-60001", "INVTRYADJ"), ("JOB60001.1", "JOB"), ("JOBBER", ""), ("", "")],
)
def test_the_kind_of_a_document_stands_before_its_dash(source_number: str, kind: str) -> None:
    assert source_kind_of(source_number) == kind
