"""What adjustments add to a purchased lot is not the vendor's: wherever an order is looked at, it is neither
received of it nor to be billed.
"""

import re
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse

from lots.lot_costs import quantity_due, quantity_kept, quantity_unbilled
from lots.models import DocumentStatus, InventoryLot, PurchaseOrder
from lots.purchasing import purchase_order_close, purchase_order_reopen
from lots.purchasing_overview import cost_switch, overview_of, why_not_complete
from lots.purchasing_querysets import order_lines, purchase_orders
from lots.receiving import receipt_post, receipt_void, receive_everything
from reconciliation.periods import close_checklist
from tests.factories import day
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
from tests.usage.adjustments import line, posted
from usage.models import InventoryAdjustment
from usage.vendor_returns import vendor_return_post

pytestmark = pytest.mark.django_db


def grow(order: PurchaseOrder, quantity: str, unit_cost: str = "3") -> InventoryAdjustment:
    return posted("BEGINNING_BALANCE", line("WIRE", quantity, unit_cost=unit_cost, into_lot=lot_of(order)))


def bought_and_grown() -> PurchaseOrder:
    """Ten at 2.50, received and billed at 27.00, closed by itself; then six at 3.00 into its lot."""
    order = order_of(("WIRE", "10", "2.50"))
    receive(order, "10")
    bill((line_of(order), "10", "27"))
    grow(order, "6")
    order.refresh_from_db()
    assert order.status == DocumentStatus.CLOSED
    return order


def given_up_and_grown() -> PurchaseOrder:
    """Four of ten at 2.50, received, billed and closed; six at 3.00 into its lot; open again."""
    order = order_of(("WIRE", "10", "2.50"))
    receive(order, "4")
    bill((line_of(order), "4", "10"))
    purchase_order_close(purchase_order=order, by=None, at=day(4))
    grow(order, "6")
    purchase_order_reopen(purchase_order=order, by=None, at=day(6))
    return order


def figures(order: PurchaseOrder) -> Any:
    return order_lines().for_page().get(purchase_order=order)


def words(response: Any) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


def test_a_closed_order_does_not_wait_for_a_bill_of_what_an_adjustment_added(clerk: Client) -> None:
    order = bought_and_grown()
    assert not purchase_orders().waiting_for_the_invoice().filter(pk=order.pk).exists()
    assert (figures(order).unbilled, figures(order).kept) == amounts("0", "10")
    page = clerk.get(reverse("lots:purchase_create"), {"purchase_order": order.pk}).content.decode()
    assert 'name="lines-0-quantity" value=' not in page


def test_the_page_says_what_is_due_where_an_adjustment_filled_the_lot(clerk: Client) -> None:
    order = given_up_and_grown()
    assert balances()[0] == 6
    assert (figures(order).received, figures(order).due, figures(order).unbilled) == amounts("4", "6", "0")
    assert why_not_complete(order, [figures(order)]) == ["WIRE: 6 of 10 still due."]
    assert purchase_orders().waiting_for_goods().filter(pk=order.pk).exists()
    page = words(clerk.get(order.get_absolute_url()))
    assert "Nothing is due." not in page
    assert "Added by adjustments Into lots of this order, past it and its vendor 6 18.00" in page
    assert "Still due 6 15.00" in words(clerk.get(lot_of(order).get_absolute_url()))
    receive_everything(purchase_order=order, received_at=day(7), by=None, at=day(7))
    assert balances() == amounts("0", "16")


def test_received_stands_at_what_came_with_the_order_beside_what_was_added() -> None:
    overview = overview_of([figures(given_up_and_grown())])
    assert (overview.received, overview.grown) == (amounts("4", "10.00"), amounts("6", "18.00"))


def test_what_closing_would_make_of_a_grown_lot_is_what_it_makes() -> None:
    order = bought_and_grown()
    purchase_order_reopen(purchase_order=order, by=None, at=day(6))
    switch = cost_switch(figures(order))
    assert switch is not None
    assert (switch.value, switch.value_closed) == amounts("43.00", "45.00")
    purchase_order_close(purchase_order=order, by=None, at=day(7))
    assert InventoryLot.objects.get(pk=lot_of(order).pk).value == switch.value_closed
    settle_books()


@pytest.mark.parametrize("is_replaced", [True, False])
def test_lists_and_verbs_count_a_line_alike(is_replaced: bool) -> None:
    order = order_of(("WIRE", "10", "10"))
    receive(order, "8")
    bill((line_of(order), "5", "50"))
    purchase_order_close(purchase_order=order, by=None, at=day(4), is_unbilled_accepted=True)
    grow(order, "3")
    purchase_order_reopen(purchase_order=order, by=None, at=day(6))
    back = write_receipt(order, "2", on_day=6, kind="OUTGOING_RETURN", is_replacement_expected=is_replaced)
    vendor_return_post(receipt=back, by=None, at=day(6))
    bill((line_of(order), "-1", "-10"), on_day=8)
    seen, ordered = figures(order), line_of(order)
    assert (seen.due, seen.kept, seen.unbilled) == amounts("4" if is_replaced else "2", "6", "2")
    assert (quantity_due(ordered), quantity_kept(lot_of(order)), quantity_unbilled(lot_of(order))) == (
        seen.due, seen.kept, seen.unbilled,
    )  # fmt: skip
    assert balances()[0] == seen.due


def test_a_billed_receipt_of_a_closed_order_cannot_be_made_void_because_an_adjustment_filled_its_lot() -> None:
    order = order_of(("WIRE", "10", "10"))
    came = receive(order, "10")
    bill((line_of(order), "10", "100"))
    grow(order, "10")
    before = footprint()
    with pytest.raises(ValidationError, match=r"10 of lot .* are purchased, and 0 would be received: void PUR-60000"):
        receipt_void(receipt=came, by=None, at=day(25))
    assert footprint() == before
    came.refresh_from_db()
    assert came.status == "POSTED"
    assert owed(lot_of(order)) == amounts("130.00", "0", "100.00", "30.00")


def test_a_receipt_that_leaves_what_is_billed_can_be_made_void_beside_growth() -> None:
    order = order_of(("WIRE", "10", "10"))
    receive(order, "6")
    spare = receive(order, "4")
    bill((line_of(order), "6", "60"))
    purchase_order_close(purchase_order=order, by=None, at=day(4), is_unbilled_accepted=True)
    grow(order, "5")
    receipt_void(receipt=spare, by=None, at=day(25))
    assert owed(lot_of(order)) == amounts("75.00", "0", "60.00", "15.00")
    settle_books()


def test_what_went_back_without_a_replacement_is_not_due_on_the_lots_page(clerk: Client) -> None:
    order = order_of(("WIRE", "10", "2.50"))
    receive(order, "10")
    vendor_return_post(receipt=write_receipt(order, "2", kind="OUTGOING_RETURN"), by=None, at=day(3))
    assert balances()[0] == 0
    assert "Still due 0 0.00" in words(clerk.get(lot_of(order).get_absolute_url()))


def everything_received() -> int:
    checklist = close_checklist(day(1).date().replace(day=1))
    return next(item.count for item in checklist if item.label == "Open purchase orders with everything received")


def test_the_close_checklist_names_orders_of_which_nothing_is_due_any_more() -> None:
    order = order_of(("WIRE", "10", "2.50"))
    receipt_post(receipt=write_receipt(order, "10"), by=None, at=day(2))
    vendor_return_post(receipt=write_receipt(order, "2", kind="OUTGOING_RETURN"), by=None, at=day(3))
    assert everything_received() == 1


def test_the_close_checklist_leaves_out_orders_that_only_an_adjustment_filled() -> None:
    given_up_and_grown()
    assert everything_received() == 0
    assert Decimal(6) == balances()[0]
