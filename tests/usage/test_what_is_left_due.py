"""What is left of a line when goods come back, when all came of less than was ordered, and when it is taken off."""

from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError

from lots.models import PurchaseOrder, RecordHistory
from lots.purchasing import purchase_order_save, purchase_order_void
from lots.receiving import receipt_void
from tests.factories import day, make_code, make_lot
from tests.lots.purchasing_stories import balances as lot_balances
from tests.lots.purchasing_stories import bill, lot_of, order_of, receive, settle_books
from tests.lots.purchasing_stories import line_of as purchase_line_of
from tests.reconciliation.records import culprits, run_now
from tests.usage.order_records import (
    Supply,
    balances,
    demand_agrees,
    line_of,
    make_order,
    returns_are_replaced,
    ship,
    take_back,
)
from usage.models import Order, OrderLine, ShipmentLine
from usage.ordering import order_save, procure
from usage.shipping import shipment_void

pytestmark = pytest.mark.django_db


def change_purchase_order(order: PurchaseOrder, *lines: tuple[int, str]) -> PurchaseOrder:
    """Save the order with these lines of (position, quantity)."""
    kept = [(purchase_line_of(order, position), quantity) for position, quantity in lines]
    return purchase_order_save(
        purchase_order=order,
        vendor=order.vendor,
        office=order.office,
        ordered_on=order.ordered_on,
        reference="",
        lines=[
            {"id": line.pk, "code": line.code, "quantity": Decimal(quantity), "unit_cost": line.unit_cost}
            for line, quantity in kept
        ],
        by=None,
        at=day(5),
    )


def change_order(order: Order, *lines: tuple[OrderLine | None, str, str]) -> Order:
    """Save the order with these lines of (line, code, quantity)."""
    return order_save(
        order=order,
        customer=order.customer,
        ordered_at=order.ordered_at,
        office=order.office,
        lines=[
            {
                "id": line.pk if line else None,
                "code": make_code(code),
                "quantity": Decimal(quantity),
                "supply": line.supply if line else Supply.STOCK,
            }
            for line, code, quantity in lines
        ],
        by=None,
        at=day(6),
    )


# -- Purchase orders ---------------------------------------------------------------------------------
def test_an_order_that_is_changed_to_what_came_and_was_billed_closes_by_itself() -> None:
    order = order_of(("WIRE", "10", "2"))
    receive(order, "6")
    bill((purchase_line_of(order), "6", "15"))
    assert order.status == "OPEN"
    change_purchase_order(order, (1, "6"))
    order.refresh_from_db()
    assert (order.status, lot_balances()) == ("CLOSED", (0, 6))
    assert (lot_of(order).is_cost_final, lot_of(order).value) == (True, 15)
    assert [row.action for row in RecordHistory.objects.filter(number=order.number).order_by("pk")][-2:] == [
        "Edited",
        "Closed",
    ]
    settle_books()


def test_an_order_that_was_reopened_stays_open_when_something_else_of_it_is_changed() -> None:
    order = order_of(("WIRE", "10", "2"))
    receive(order, "6")
    bill((purchase_line_of(order), "6", "15"))
    change_purchase_order(order, (1, "10"))
    order.refresh_from_db()
    assert order.status == "OPEN"


def test_a_line_whose_only_receipt_is_void_can_be_taken_off() -> None:
    order = order_of(("WIRE", "10", "2"), ("BOOK", "5", "30"))
    receipt = receive(order, "4")
    with pytest.raises(ValidationError, match=f"{receipt} names it"):
        change_purchase_order(order, (2, "5"))
    receipt_void(receipt=receipt, by=None, at=day(4))
    change_purchase_order(order, (2, "5"))
    line = order.lines.get(code__code="WIRE")
    assert (line.quantity, lot_balances(), receipt.lines.get().purchase_order_line) == (0, (0, 0), line)
    # It does not come back with the next change.
    change_purchase_order(order, (1, "4"))
    assert (order.lines.count(), lot_balances()) == (2, (0, 0))
    settle_books()


# -- Orders ------------------------------------------------------------------------------------------
def test_a_line_whose_only_shipment_is_void_can_be_taken_off() -> None:
    order = make_order(("WIRE", "10"), ("BOOK", "1"))
    shipment = ship((line_of(order), "3"))
    with pytest.raises(ValidationError, match=f"{shipment} names it"):
        change_order(order, (line_of(order, "BOOK"), "BOOK", "1"))
    shipment_void(shipment=shipment, by=None, at=day(5))
    change_order(order, (line_of(order, "BOOK"), "BOOK", "1"))
    assert (line_of(order).quantity, line_of(order).demand, balances().demand) == (0, 0, 0)
    ship((line_of(order, "BOOK"), "1"), on_day=7)
    order.refresh_from_db()
    assert order.status == "CLOSED"
    assert demand_agrees()


def test_a_line_whose_purchase_order_is_void_can_be_taken_off() -> None:
    order = make_order(("WIRE", "10", Supply.SPECIAL_ORDER), ("BOOK", "1"))
    made = procure(order_line=line_of(order), vendor="Acme", unit_cost=Decimal(2), by=None, at=day(1))
    with pytest.raises(ValidationError, match=f"{made} was made for it"):
        change_order(order, (line_of(order, "BOOK"), "BOOK", "1"))
    purchase_order_void(purchase_order=made, by=None, at=day(2))
    change_order(order, (line_of(order, "BOOK"), "BOOK", "1"))
    assert [line.code.code for line in order.lines.filter(quantity__gt=0)] == ["BOOK"]
    assert balances().demand == 0


# -- Returns -----------------------------------------------------------------------------------------
def test_a_return_that_reduces_the_order_lowers_what_is_ordered_and_leaves_it_closed() -> None:
    make_lot("WIRE", received="20", value="40.00")
    order = make_order(("WIRE", "10"))
    ship((line_of(order), "10"))
    back = take_back((line_of(order), "2"))
    line = line_of(order)
    assert (line.quantity, line.quantity_shipped, line.quantity_returned, line.demand) == (8, 10, 2, 0)
    assert (line.order.status, balances().on_hand) == ("CLOSED", 12)
    shipment_void(shipment=back, by=None, at=day(6))
    line = line_of(order)
    assert (line.quantity, line.quantity_returned, line.order.status) == (10, 0, "CLOSED")
    assert ShipmentLine.objects.get(shipment=back).quantity_reduced == 0
    take_back((line, "10"), on_day=7)
    assert (line_of(order).quantity, line_of(order).order.status) == (0, "CLOSED")
    run_now()
    assert culprits() == {}


def test_what_was_shipped_beyond_an_order_takes_nothing_off_it_when_it_comes_back() -> None:
    order = make_order(("WIRE", "10"))
    ship((line_of(order), "12"), accepted=True)
    take_back((line_of(order), "2"))
    line = line_of(order)
    assert (line.quantity, line.quantity_shipped - line.quantity_returned, line.demand) == (10, 10, 0)
    back = take_back((line, "3"), on_day=6)
    assert (line_of(order).quantity, line_of(order).demand) == (7, 0)
    shipment_void(shipment=back, by=None, at=day(7))
    assert (line_of(order).quantity, line_of(order).order.status) == (10, "CLOSED")
    assert demand_agrees()


def test_a_return_of_an_order_that_is_open_leaves_due_what_was_due() -> None:
    order = make_order(("WIRE", "10"))
    ship((line_of(order), "6"))
    take_back((line_of(order), "2"))
    line = line_of(order)
    assert (line.quantity, line.demand, line.order.status) == (8, -4, "OPEN")
    ship((line, "4"), on_day=6)
    assert (line_of(order).order.status, line_of(order).demand) == ("CLOSED", 0)
    assert demand_agrees()


def test_more_comes_back_than_was_ordered_and_its_void_leaves_the_order_as_it_was() -> None:
    order = make_order(("WIRE", "2"))
    ship((line_of(order), "12"), accepted=True)
    back = take_back((line_of(order), "11"))
    # Ten had been too many: their return takes nothing off the order.
    assert (line_of(order).quantity, line_of(order).demand) == (1, 0)
    shipment_void(shipment=back, by=None, at=day(6))
    assert (line_of(order).quantity, line_of(order).demand, line_of(order).order.status) == (2, 0, "CLOSED")


def test_an_order_of_which_a_void_leaves_nothing_due_is_closed_again() -> None:
    returns_are_replaced()
    order = make_order(("WIRE", "10"))
    ship((line_of(order), "10"))
    back = take_back((line_of(order), "2"))
    assert (line_of(order).order.status, line_of(order).demand) == ("OPEN", -2)
    shipment_void(shipment=back, by=None, at=day(6))
    assert (line_of(order).order.status, line_of(order).demand) == ("CLOSED", 0)
    assert demand_agrees()
