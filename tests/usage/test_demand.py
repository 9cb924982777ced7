"""What an order demands does not depend on the way it came to be as it is."""

from decimal import Decimal

import pytest

from lots.models import InventoryTransaction
from tests.factories import assert_ledger_holds, day
from tests.usage.order_records import balances, line_of, make_order, returns_are_replaced, ship, take_back
from usage.models import Order
from usage.ordering import order_close, order_reopen, order_save
from usage.shipping import shipment_void

pytestmark = pytest.mark.usefixtures("db")


def order_now(order: Order, quantity: str) -> Decimal:
    """Change the quantity of the WIRE of an open order; what the line stands at then."""
    lines = [
        {"id": line.pk, "code": line.code, "quantity": line.quantity, "supply": line.supply}
        for line in order.lines.select_related("code").order_by("pk")
    ]
    lines[0]["quantity"] = Decimal(quantity)
    order_save(order=order, customer="School", ordered_at=day(1), office=order.office, lines=lines, by=None, at=day(5))
    assert line_of(order).demand == balances().demand
    return line_of(order).demand


def open_order(quantity: str = "10", *, office: str = "") -> Order:
    """An order that stays open, because something else is due."""
    return make_order(("WIRE", quantity), ("OTHER", "1"), office=office)


def test_voiding_more_than_was_ordered_demands_all_that_is_ordered_now() -> None:
    order = open_order()
    shipment = ship((line_of(order), "12"), accepted=True)
    assert order_now(order, "15") == -3
    shipment_void(shipment=shipment, by=None, at=day(6))
    assert line_of(order).demand == balances().demand == -15
    assert_ledger_holds()


def test_voiding_in_any_order_leaves_all_that_is_ordered_demanded() -> None:
    order = open_order()
    first = ship((line_of(order), "10"))
    assert order_now(order, "12") == -2
    last = ship((line_of(order), "5"), accepted=True)
    shipment_void(shipment=first, by=None, at=day(6))
    assert line_of(order).demand == -7
    shipment_void(shipment=last, by=None, at=day(6))
    assert line_of(order).demand == balances().demand == -12


def test_demand_of_a_void_stands_in_the_office_of_the_order() -> None:
    order = open_order(office="AI")
    first = ship((line_of(order), "10"), office="NY")
    second = ship((line_of(order), "3"), office="NY", accepted=True)
    assert order_now(order, "15") == -2
    shipment_void(shipment=first, by=None, at=day(6))
    shipment_void(shipment=second, by=None, at=day(6))
    assert line_of(order).demand == balances().demand == -15
    assert not InventoryTransaction.objects.filter(office__code="NY").exclude(demand=0).exists()
    assert_ledger_holds()


def test_ordering_less_and_then_as_much_again_demands_what_it_did() -> None:
    order = open_order()
    ship((line_of(order), "6"))
    take_back((line_of(order), "2"))  # so 8 are ordered, and 4 of them out
    assert order_now(order, "4") == 0
    assert order_now(order, "8") == -4
    order_close(order=order, by=None, at=day(6))
    order_reopen(order=order, by=None, at=day(6))
    assert line_of(order).demand == -4


@pytest.mark.parametrize(("second", "demand"), [("4", -6), ("8", -5)])
def test_a_return_that_reduced_the_order_is_not_demanded_when_another_shipment_is_void(
    second: str, demand: int
) -> None:
    """Of eight after six, four went beyond the ten that were ordered: what came back of those reduces nothing."""
    order = open_order()
    first = ship((line_of(order), "6"))
    ship((line_of(order), second), accepted=True)
    take_back((line_of(order), "3"))
    shipment_void(shipment=first, by=None, at=day(6))
    assert line_of(order).demand == balances().demand == demand


def test_a_void_return_takes_back_all_of_its_replacement_that_more_was_ordered_for() -> None:
    returns_are_replaced()
    order = open_order()
    ship((line_of(order), "12"), accepted=True)
    back = take_back((line_of(order), "4"))
    assert order_now(order, "12") == -4
    shipment_void(shipment=back, by=None, at=day(6))
    assert line_of(order).demand == balances().demand == 0
