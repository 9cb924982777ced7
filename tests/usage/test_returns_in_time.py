"""Goods go back after they came: a return is of a day on which there was something to return."""

from datetime import date
from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError

from lots.models import InventoryLot, PurchaseOrder, Receipt
from lots.purchasing import purchase_order_close
from reconciliation.models import CogsAllocation
from reconciliation.valuation import valuation
from tests.factories import day, make_lot, make_usage, reconcile
from tests.lots.purchasing_stories import (
    amounts,
    balances,
    bill,
    code_with,
    footprint,
    line_of,
    lot_of,
    order_of,
    owed,
    receive,
    settle_books,
    write_receipt,
)
from tests.reconciliation.records import culprits
from tests.usage import order_records as orders
from tests.usage.jobs import consume, make_job, nothing_moves, parts
from usage.models import InventoryUsage, Shipment
from usage.vendor_returns import vendor_return_post

pytestmark = pytest.mark.django_db


def worth_on(last_day: date) -> Decimal:
    rows = valuation(as_of=last_day).rows
    assert all(row.value == row.balance for row in rows)
    return sum((row.value for row in rows), Decimal(0))


def test_nothing_goes_back_to_a_vendor_before_it_came() -> None:
    order = order_of(("WIRE", "10", "10"))
    receive(order, "4", on_day=20)
    receive(order, "6", on_day=40)
    back = write_receipt(order, "5", kind=Receipt.Kind.OUTGOING_RETURN, on_day=30)
    before = footprint()
    with pytest.raises(ValidationError, match="5 of WIRE cannot have gone back on 2026-02-03: by then PO-60000 had"):
        vendor_return_post(receipt=back, by=None, at=day(41))
    assert (footprint(), balances()) == (before, (0, 10))
    fitting = write_receipt(order, "4", kind=Receipt.Kind.OUTGOING_RETURN, on_day=20)
    vendor_return_post(receipt=fitting, by=None, at=day(41))
    reconcile()
    assert [worth_on(day(number).date()) for number in (19, 20, 40)] == [0, 0, 60]
    assert culprits() == {}


def send_back(order: PurchaseOrder, quantity: str, *, on_day: int) -> None:
    back = write_receipt(
        order, quantity, kind=Receipt.Kind.OUTGOING_RETURN, on_day=on_day, is_replacement_expected=True
    )
    vendor_return_post(receipt=back, by=None, at=day(41))


def test_what_had_gone_back_by_then_does_not_go_back_again() -> None:
    order = order_of(("WIRE", "10", "10"))
    receive(order, "10", on_day=2)
    send_back(order, "10", on_day=5)
    receive(order, "10", on_day=20)
    before = footprint()
    with pytest.raises(ValidationError, match=r"on 2026-01-10: by then PO-\d+ had brought 10, of which 10 had gone"):
        send_back(order, "10", on_day=6)
    # What went back on the fifth day had to be there.
    with pytest.raises(ValidationError, match=r"on 2026-01-08: by 2026-01-09 PO-\d+ had brought 10, of which 10 had"):
        send_back(order, "1", on_day=4)
    assert footprint() == before
    send_back(order, "10", on_day=20)
    reconcile()
    assert [worth_on(day(number).date()) for number in (4, 5, 19, 20)] == [100, 0, 0, 0]
    assert culprits() == {}


def test_a_job_puts_nothing_back_before_it_took_it() -> None:
    make_lot("LEG", received="40", value="100.00")
    job = make_job(components=parts(LEG="40"))
    consume(job, LEG="10", on_day=3)
    consume(job, LEG="30", on_day=20)
    reconcile()
    nothing_moves(
        lambda: consume(job, LEG="-40", on_day=5),
        match=f"40 LEG .* put back on 2026-01-09: {job.number} took them later",
    )
    (early,) = consume(job, LEG="-10", on_day=5)
    assert early.original is not None
    assert early.original.quantity == 10
    consume(job, LEG="-30", on_day=20)
    reconcile()
    assert [worth_on(day(number).date()) for number in (4, 5, 19, 20)] == [75, 100, 100, 100]


def test_a_bill_of_an_earlier_day_is_owed_from_then_and_worth_something_from_the_receipt_on() -> None:
    order = order_of(("WIRE", "10", "10"))
    receive(order, "10", on_day=40)
    bill((line_of(order), "10", "100"), on_day=41)
    bill((line_of(order), "0", "0"), freight="20", on_day=10)
    reconcile()
    lot = lot_of(order)
    assert [(event.kind, event.dated, event.value, event.value_payable) for event in lot.cost_events.order_by("pk")][
        -2:
    ] == [
        ("FREIGHT", date(2026, 1, 14), 0, 20),
        ("FREIGHT", date(2026, 2, 13), 20, 0),
    ]
    assert owed(lot) == amounts("120", "0", "120", "0")
    assert [worth_on(day(number).date()) for number in (39, 40, 41)] == [0, 120, 120]
    settle_books()


def test_a_customer_returns_nothing_before_it_was_shipped() -> None:
    make_lot("WIRE", received="20", value="200.00")
    order = orders.make_order(("WIRE", "10"))
    orders.ship((orders.line_of(order), "4"), on_day=20)
    reconcile()
    before = InventoryUsage.objects.count(), footprint()
    with pytest.raises(ValidationError, match=r"cannot have come back on 2026-01-07: order \d+ shipped them later"):
        orders.take_back((orders.line_of(order), "4"), on_day=3)
    assert (InventoryUsage.objects.count(), footprint()) == before
    assert orders.line_of(order).quantity_returned == 0
    orders.take_back((orders.line_of(order), "4"), on_day=20)
    assert orders.line_of(order).quantity_returned == 4


def test_a_unit_that_never_left_did_not_leave_later() -> None:
    code = code_with("CLOCK", is_serialized=True)
    orders.receive_units(code, "3", "30.00", serials=("A", "B", "C"))
    order = orders.make_order(("CLOCK", "3"))
    orders.ship((orders.line_of(order, "CLOCK"), "1"), on_day=3, serials="A")
    orders.ship((orders.line_of(order, "CLOCK"), "1"), on_day=20, serials="B")
    reconcile()
    for serials, quantity, reason in (
        ("ZZZ", "1", "has not that much of serial number ZZZ"),
        ("B, ZZZ", "2", "has not that much of serial number ZZZ"),
        ("B", "1", "1 CLOCK cannot have come back on 2026-01-14: .* shipped them later"),
    ):
        with pytest.raises(ValidationError, match=reason):
            orders.take_back((orders.line_of(order, "CLOCK"), quantity), on_day=10, serials=serials)
    orders.take_back((orders.line_of(order, "CLOCK"), "1"), on_day=10, serials="A")


def test_a_manufacturer_lot_that_left_later_is_told_from_one_that_did_not_leave() -> None:
    code = code_with("PAINT", is_tracked_by_manufacturer_lot=True)
    for name in ("A-1", "A-2"):
        orders.receive_units(code, "5", "10.00", manufacturer_lot=name)
    order = orders.make_order(("PAINT", "10"))
    orders.ship((orders.line_of(order, "PAINT"), "2"), on_day=3, manufacturer_lot="A-1")
    orders.ship((orders.line_of(order, "PAINT"), "2"), on_day=20, manufacturer_lot="A-2")
    for quantity, name, reason in (
        ("3", "A-1", "has not that much of manufacturer lot A-1"),
        ("2", "A-2", "2 PAINT cannot have come back on 2026-01-14: .* shipped them later"),
    ):
        with pytest.raises(ValidationError, match=reason):
            orders.take_back((orders.line_of(order, "PAINT"), quantity), on_day=10, manufacturer_lot=name)


def test_what_comes_back_is_of_what_was_shipped_by_then() -> None:
    make_lot("WIRE", received="4", value="40.00")
    make_lot("WIRE", received="4", value="80.00", on_day=2)
    order = orders.make_order(("WIRE", "8"))
    first = orders.ship((orders.line_of(order), "4"), on_day=5)
    orders.ship((orders.line_of(order), "4"), on_day=30)
    reconcile()
    orders.take_back((orders.line_of(order), "3"), on_day=20)
    back = InventoryUsage.objects.get(quantity=-3)
    assert back.original is not None
    assert back.original.source_number == first.number
    reconcile()
    assert sum(row.amount for row in CogsAllocation.objects.filter(usage=back)) == -30
    with pytest.raises(ValidationError, match="2 WIRE cannot have come back on 2026-01-24"):
        orders.take_back((orders.line_of(order), "2"), on_day=20)
    assert Shipment.objects.filter(kind=Shipment.Kind.INCOMING_RETURN, status="POSTED").count() == 1


def test_what_was_sold_keeps_its_cost_though_all_went_back_unbilled_from_other_lots() -> None:
    order = order_of(("WIRE", "10", "10"))
    receive(order, "10")
    sold = make_usage("WIRE", "10", on_day=3)
    reconcile()
    make_lot("WIRE", received="20", value="240.00", on_day=4)
    back = write_receipt(order, "10", kind=Receipt.Kind.OUTGOING_RETURN, on_day=5)
    vendor_return_post(receipt=back, by=None, at=day(6))
    reconcile()
    purchase_order_close(purchase_order=order, by=None, at=day(7))
    reconcile()
    lot = InventoryLot.objects.get(pk=lot_of(order).pk)
    # The other lot gave 120.00 for it: a difference of 20.00 is all that stays on the variance account.
    assert owed(lot) == amounts("100", "0", "0", "100")
    assert sum(row.amount for row in CogsAllocation.objects.filter(usage=sold)) == 100
    assert not CogsAllocation.objects.filter(kind="TRUE_UP").exists()
    settle_books()
