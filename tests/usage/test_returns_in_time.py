"""Goods go back after they came: a return is of a day on which there was something to return."""

from datetime import date
from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError

from lots.models import InventoryLot, Receipt
from lots.purchasing import purchase_order_close
from reconciliation.models import CogsAllocation
from reconciliation.valuation import valuation
from tests.factories import day, make_lot, make_usage, reconcile
from tests.lots.purchasing_stories import (
    amounts,
    balances,
    bill,
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
