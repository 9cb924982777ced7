"""Cases of other systems that need documents: transfers between offices, and returns of what is used already.

Their figures are facts of the systems named; where ours differ on purpose, the reason stands beside the figure
(tests/golden/peers/README.md lists the cases that do not fit at all).
"""

from decimal import Decimal

import pytest
from django.db.models import Sum

from lots.models import InventoryLot, InventoryTransaction, Preference
from lots.receiving import receipt_post
from reconciliation.models import CogsAllocation
from tests.factories import day, make_lot, make_office, make_usage, reconcile
from tests.lots.purchasing_stories import order_of, receive, write_receipt
from tests.reconciliation.records import culprits
from tests.usage.adjustments import line, posted
from usage.models import InventoryUsage, OpenUsage
from usage.vendor_returns import vendor_return_post

pytestmark = pytest.mark.usefixtures("db")


def cost_of(usage: InventoryUsage) -> Decimal:
    total: Decimal = CogsAllocation.objects.filter(usage=usage).aggregate(sum=Sum("amount", default=Decimal(0)))["sum"]
    return total


def in_stock() -> tuple[Decimal, Decimal]:
    """On hand and what lots are worth."""
    hand = InventoryTransaction.objects.aggregate(sum=Sum("on_hand"))["sum"]
    lots = InventoryLot.objects.aggregate(value=Sum("value"), used=Sum("value_used"))
    return hand, lots["value"] - lots["used"]


def unallocated() -> Decimal:
    total: Decimal = OpenUsage.objects.aggregate(sum=Sum("quantity_unallocated", default=Decimal(0)))["sum"]
    return total


def move(quantity: str, *, from_office: str, to_office: str) -> None:
    posted("TRANSFER", line("WIRE", quantity), office=make_office(from_office), to_office=make_office(to_office))


@pytest.fixture
def apart() -> None:
    Preference.objects.update(prevent_inter_office=True)


def test_erpnext_a_transfer_takes_its_cost_along(apart: None) -> None:
    """erpnext-backdate-0: 5 at 10 in A, all moved to B and sold there, cost 50."""
    make_lot("WIRE", received="5", value="50", office="A")
    move("5", from_office="A", to_office="B")
    sold = make_usage("WIRE", "5", on_day=30, office="B")
    reconcile()
    assert (cost_of(sold), in_stock(), culprits()) == (50, (0, 0), {})


def test_erpnext_a_receipt_dated_before_a_transfer_changes_nothing_that_is_posted(apart: None) -> None:
    """erpnext-backdate-3: there the posted transfer is costed anew from the back-dated 2 at 20, and the sale costs 70.

    Here what is posted stands: the sale costs the 50 that the goods did, and the 2 at 20 are in stock in A.
    """
    make_lot("WIRE", received="5", value="50", office="A", on_day=5)
    move("5", from_office="A", to_office="B")
    reconcile()
    make_lot("WIRE", received="2", value="40", office="A", on_day=1)
    move("5", from_office="B", to_office="C")
    sold = make_usage("WIRE", "5", on_day=30, office="C")
    reconcile()
    assert (cost_of(sold), in_stock(), culprits()) == (50, (2, 40), {})


def send_back(order_quantity: str, cost: str, used: str, returned: str) -> InventoryUsage:
    """Buy, use, and return to the vendor more than is left."""
    order = order_of(("WIRE", order_quantity, cost))
    receive(order, order_quantity)
    sold = make_usage("WIRE", used, on_day=3)
    reconcile()
    vendor_return_post(receipt=write_receipt(order, returned, kind="OUTGOING_RETURN", on_day=4), by=None, at=day(4))
    reconcile()
    return sold


def test_ledgersmb_a_return_of_used_goods_leaves_the_sale_its_cost() -> None:
    """lsmb-feature-08: 10 at 10, 8 sold, 4 returned: there the sale falls back to 60 with 2 unallocated.

    Here the sale keeps its 80, and the two that the lot no longer held are unallocated as usage of the return; quantity
    in stock (-2) and value (0) are the same.
    """
    sold = send_back("10", "10", "8", "4")
    assert (cost_of(sold), unallocated(), in_stock(), culprits()) == (80, 2, (-2, 0), {})


def test_ledgersmb_a_return_of_everything_leaves_the_sale_its_cost() -> None:
    """lsmb-feature-10: 10 at 10, all sold, all returned: there the sale costs nothing any more and is unallocated."""
    sold = send_back("10", "10", "10", "10")
    assert (cost_of(sold), unallocated(), in_stock(), culprits()) == (100, 10, (-10, 0), {})


def test_odoo_a_receipt_made_smaller_after_its_goods_are_used() -> None:
    """odoo-fifo-perpetual-1, the last steps: 10 are short when 10 at 12 come; 2 of them go back; 4 at 15 come.

    There 2 at 15 are left and cost of goods is 320 in all with the 200 before; so it is here: the two that went back
    were used, so two of the last receipt take their place.
    """
    first = order_of(("WIRE", "22", "9.090909"))
    receive(first, "22")
    reconcile()
    sold = make_usage("WIRE", "32", on_day=3)
    reconcile()
    assert unallocated() == 10
    late = order_of(("WIRE", "10", "12"), on_day=4)
    receive(late, "10", on_day=4)
    reconcile()
    before = cost_of(sold)
    vendor_return_post(receipt=write_receipt(late, "2", kind="OUTGOING_RETURN", on_day=5), by=None, at=day(5))
    last = order_of(("WIRE", "4", "15"), on_day=6)
    receipt_post(receipt=write_receipt(last, "4", on_day=6), by=None, at=day(6))
    reconcile()
    assert before - 200 == 120
    assert (cost_of(sold), unallocated(), in_stock()) == (before, 0, (2, 30))
    assert culprits() == {}
