"""The figures of the guides through the documents themselves, as far as the books: what stands on each account.

What lots, usage and movements say of the same cases is asserted where the documents are tried, and not again here:
accrued inventory of 10 of 100 (`tests/lots/test_receiving.py`), the switch 525.00 -> 533.85, the true-up, and the late
bill (`tests/lots/test_purchasing.py`), ten textbooks at 29.99 and the signs of receiving and using three
(`tests/usage/test_shipping.py`), demand and availability of 100 with 50 and 45 ordered
(`tests/usage/test_ordering.py`).
"""

from collections import defaultdict
from datetime import date
from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError

from lots.models import InventoryLot, InventoryTransaction, PurchaseOrder
from lots.purchasing import purchase_order_close, purchase_order_reopen
from lots.receiving import receipt_post
from reconciliation.models import CogsAllocation, JournalLine
from tests.factories import day, make_code, reconcile
from tests.lots.purchasing_stories import bill, code_with, line_of, lot_of, order_of, receive, write_receipt
from tests.reconciliation.records import culprits
from tests.usage import order_records as selling
from tests.usage.adjustments import line, pending, posted
from usage.models import InventoryUsage, Order

pytestmark = pytest.mark.django_db

INVENTORY, PAYABLE, ACCRUED, COST = "1200", "2000", "2100", "5000"
Kind = JournalLine.Kind


def books(**narrow: object) -> dict[str, Decimal]:
    """Debits less credits of every account that does not stand at zero."""
    sums: defaultdict[str, Decimal] = defaultdict(Decimal)
    found = JournalLine.objects.filter(**narrow)
    for debit, credit, amount in found.values_list("debit_account__number", "credit_account__number", "amount"):
        sums[debit] += amount
        sums[credit] -= amount
    return {account: amount for account, amount in sorted(sums.items()) if amount}


def stands(**accounts: str) -> dict[str, Decimal]:
    """What `books` should say, as a1200="25.00"."""
    return {name.removeprefix("a"): Decimal(amount) for name, amount in accounts.items()}


def run_on(number: int) -> None:
    """What follows a posting by itself; the ledger is whole afterwards."""
    reconcile(now=day(number))
    assert culprits() == {}


def sold(code: str, quantity: str, *, on_day: int) -> InventoryUsage:
    """Ordered and shipped on the same day."""
    order = selling.make_order((code, quantity), on_day=on_day)
    shipment = selling.ship((selling.line_of(order, code), quantity), on_day=on_day)
    return InventoryUsage.objects.get(source_number=shipment.number)


# -- Accrued inventory -------------------------------------------------------------------------------
def test_an_order_of_100_at_2_50_is_in_the_books_as_far_as_it_came_and_owed_as_far_as_it_was_billed() -> None:
    order = order_of(("NOTEBOOK", "100", "2.50"))
    run_on(1)
    assert books() == {}  # opening is an expectation: no journal
    receive(order, "10")
    run_on(2)
    assert books() == stands(a1200="25.00", a2100="-25.00")
    bill((line_of(order), "10", "25.00"))
    run_on(3)
    assert books() == stands(a1200="25.00", a2000="-25.00")
    accrued = JournalLine.objects.filter(debit_account__number=ACCRUED, credit_account__number=PAYABLE)
    assert [(row.amount, row.source_number, row.lot) for row in accrued] == [
        (Decimal("25.00"), "PUR-60000", lot_of(order))
    ]
    receive(order, "90", on_day=4)
    run_on(4)
    assert books() == stands(a1200="250.00", a2000="-25.00", a2100="-225.00")


# -- The unit cost switch ----------------------------------------------------------------------------
def test_while_the_order_is_open_the_books_stand_at_its_price_and_the_bill_leaves_a_debit_of_8_85_accrued() -> None:
    order = order_of(("OAK", "15", "35.00"), ("OTHER", "1", "1"))
    receive(order, "15")
    run_on(2)
    assert books() == stands(a1200="525.00", a2100="-525.00")
    bill((line_of(order), "15", "500.00"), freight="33.85")
    run_on(3)
    assert books() == stands(a1200="525.00", a2000="-533.85", a2100="8.85")
    purchase_order_close(purchase_order=order, by=None, at=day(4))
    run_on(4)
    assert books() == stands(a1200="533.85", a2000="-533.85")
    purchase_order_reopen(purchase_order=order, by=None, at=day(5))
    run_on(5)
    assert books() == stands(a1200="525.00", a2000="-533.85", a2100="8.85")


def test_closing_takes_what_was_sold_from_350_00_to_355_90_and_leaves_177_95() -> None:
    order = order_of(("OAK", "15", "35.00"), ("OTHER", "1", "1"))
    receive(order, "15")
    usage = sold("OAK", "10", on_day=3)
    run_on(3)
    assert books() == stands(a1200="175.00", a2100="-525.00", a5000="350.00")
    bill((line_of(order), "15", "500.00"), freight="33.85", on_day=4)
    run_on(4)
    assert books()[COST] == Decimal("350.00")
    purchase_order_close(purchase_order=order, by=None, at=day(40))
    run_on(40)
    assert books() == stands(a1200="177.95", a2000="-533.85", a5000="355.90")
    true_up = JournalLine.objects.get(kind=Kind.TRUE_UP)
    assert (true_up.amount, true_up.usage, true_up.order) == (Decimal("5.90"), usage, "60000")
    # The sale was in January; what was learned by closing counts when the order closed.
    assert true_up.entry.date == date(2026, 2, 13)
    cost_in_january = books(entry__date__lt=date(2026, 2, 1))[COST]
    assert (cost_in_january, books(kind=Kind.TRUE_UP)) == (
        Decimal("350.00"),
        stands(a1200="-5.90", a5000="5.90"),
    )


def test_a_late_bill_puts_9_to_stock_and_21_to_what_was_shipped() -> None:
    order = order_of(("WIRE", "10", "10.00"))
    receive(order, "10")
    sold("WIRE", "7", on_day=3)
    run_on(3)
    before = books()
    assert before == stands(a1200="30.00", a2100="-100.00", a5000="70.00")
    bill((line_of(order), "10", "130.00"), on_day=20)
    run_on(20)
    assert PurchaseOrder.objects.get(pk=order.pk).status == "CLOSED"
    after = books()
    assert after == stands(a1200="39.00", a2000="-130.00", a5000="91.00")
    assert (after[INVENTORY] - before[INVENTORY], after[COST] - before[COST]) == (9, 21)


# -- The walk-through of COGS ------------------------------------------------------------------------
def test_ten_textbooks_of_an_order_of_100_cost_299_90_once_they_are_shipped_and_reconciled() -> None:
    make_code("TEXTBOOK", cost="31.00")
    order = order_of(("TEXTBOOK", "100", "29.99"))
    receive(order, "10")
    usage = sold("TEXTBOOK", "10", on_day=3)
    # Before the run the goods are gone and nothing is in the books but an estimate beside them.
    assert usage.open_usage.quantity_unallocated == 10
    assert books() == {}
    run_on(3)
    assert books() == stands(a2100="-299.90", a5000="299.90")
    (entry,) = CogsAllocation.objects.all()
    assert (entry.usage, entry.lot, entry.quantity, entry.amount) == (usage, lot_of(order), 10, Decimal("299.90"))
    lot = lot_of(order)
    # Used up, but 90 are due: it stays open.
    assert (lot.quantity_received, lot.quantity_used, lot.status) == (10, 10, "OPEN")


def test_what_is_shipped_before_it_came_is_costed_when_it_comes_in_the_month_of_the_sale() -> None:
    order = order_of(("WIRE", "15", "35.00"))
    receive(order, "6")
    usage = sold("WIRE", "10", on_day=3)
    run_on(3)
    assert usage.open_usage.quantity_unallocated == 4
    assert books() == stands(a2100="-210.00", a5000="210.00")
    receive(order, "9", on_day=8)
    run_on(8)
    assert not InventoryUsage.objects.filter(open_usage__isnull=False).exists()
    assert books() == stands(a1200="175.00", a2100="-525.00", a5000="350.00")


# -- Signs -------------------------------------------------------------------------------------------
def test_three_received_three_shipped_three_back_and_three_counted_away_have_the_signs_of_the_guides() -> None:
    order = order_of(("WIRE", "3", "2.00"))
    receive(order, "3")
    usage = sold("WIRE", "3", on_day=3)
    line_sold = selling.line_of(Order.objects.get())
    back = selling.take_back((line_sold, "3"), on_day=5)
    run_on(5)
    assert books() == stands(a1200="6.00", a2100="-6.00")
    gone = posted("COUNT", line("WIRE", "-3"), on=day(7))
    run_on(7)
    assert books() == stands(a2100="-6.00", a5100="6.00")
    moved = InventoryTransaction.objects.order_by("pk").values_list("source_number", "on_order", "demand", "on_hand")
    assert [tuple(row) for row in moved] == [
        ("PO-60000", 3, 0, 0),
        ("SHIP-60000", -3, 0, 3),
        ("60000", 0, -3, 0),
        (usage.source_number, 0, 3, -3),
        (back.number, 0, 0, 3),
        (gone.number, 0, 0, -3),
    ]
    # Usage has the opposite sign of On Hand: consumed is positive.
    used = InventoryUsage.objects.order_by("pk").values_list("source_number", "quantity")
    assert list(used) == [(usage.source_number, 3), (back.number, -3), (gone.number, 3)]


# -- Manufacturer lots -------------------------------------------------------------------------------
def test_of_a_manufacturer_lot_of_10_with_1_sold_no_2_are_found_but_1_is() -> None:
    code_with("GLUE", is_tracked_by_manufacturer_lot=True)
    order = order_of(("GLUE", "10", "4.00"))
    receipt = write_receipt(order, "10", manufacturer_lot="M-77")
    receipt_post(receipt=receipt, by=None, at=day(2), is_over_receipt_accepted=False)
    sale = selling.make_order(("GLUE", "1"), on_day=3)
    selling.ship((selling.line_of(sale, "GLUE"), "1"), manufacturer_lot="M-77")
    run_on(3)
    assert books() == stands(a1200="36.00", a2100="-40.00", a5000="4.00")
    moved = InventoryTransaction.objects.count()
    with pytest.raises(ValidationError, match="exceeds the previously used quantity 1 of manufacturer lot M-77"):
        pending("COUNT", line("GLUE", "2", count="11", manufacturer_lot="M-77"))
    assert InventoryTransaction.objects.count() == moved
    posted("COUNT", line("GLUE", "1", count="10", manufacturer_lot="M-77"), on=day(7))
    run_on(7)
    lot = InventoryLot.objects.get()
    assert (lot.quantity_used, lot.quantity_current) == (0, 10)
    assert books() == stands(a1200="40.00", a2100="-40.00", a5000="4.00", a5100="-4.00")
