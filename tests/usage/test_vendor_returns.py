"""Returns to a vendor: what the lot still holds goes back out of it, the rest is taken from other lots."""

from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError

from inventory_site.document_forms import LineError
from lots.invoicing import OverCredit
from lots.models import InventoryLot, InventoryTransaction, LotCostEvent, PurchaseOrder, Receipt
from lots.purchasing import (
    OrderedLine,
    close_warnings,
    purchase_order_close,
    purchase_order_save,
    purchase_order_void,
)
from lots.receiving import receipt_post, receipt_void
from tests.factories import day, make_lot, make_usage, reconcile
from tests.lots.purchasing_stories import (
    amounts,
    balances,
    bill,
    code_with,
    footprint,
    history_of,
    line_of,
    lot_of,
    order_of,
    owed,
    receive,
    settle_books,
    write_receipt,
)
from tests.usage.order_records import make_order, ship
from usage.models import InventoryUsage, OpenUsage
from usage.vendor_returns import vendor_return_post, vendor_return_void

pytestmark = pytest.mark.django_db


def write_return(order: PurchaseOrder, *quantities: str, is_replaced: bool = False, **named: object) -> Receipt:
    return write_receipt(
        order,
        *quantities,
        on_day=6,
        kind=Receipt.Kind.OUTGOING_RETURN,
        is_replacement_expected=is_replaced,
        **named,  # type: ignore[arg-type]  # the lot's and the units' names, as they are
    )


def send_back(order: PurchaseOrder, *quantities: str, is_replaced: bool = False) -> Receipt:
    receipt = write_return(order, *quantities, is_replaced=is_replaced)
    return vendor_return_post(receipt=receipt, by=None, at=day(6))


def change_order(order: PurchaseOrder, quantity: str) -> None:
    line = line_of(order)
    purchase_order_save(
        purchase_order=order, vendor=order.vendor, office=None, ordered_on=order.ordered_on, reference="",
        lines=[OrderedLine(line.code, Decimal(quantity), line.unit_cost, id=line.pk)], by=None, at=day(7),
    )  # fmt: skip


def void(receipt: Receipt) -> Receipt:
    return vendor_return_void(receipt=receipt, by=None, at=day(15), reason="kept after all")


def closed_order() -> PurchaseOrder:
    """Ten at 10.00, received and billed: closed by itself."""
    order = order_of(("WIRE", "10", "10"))
    receive(order, "10")
    bill((line_of(order), "10", "100"))
    order.refresh_from_db()
    assert order.status == "CLOSED"
    return order


# -- What the lot still holds --------------------------------------------------------------------------
def test_what_is_left_keeps_its_unit_cost_and_the_vendor_owes_the_rest() -> None:
    order = closed_order()
    receipt = send_back(order, "4")
    lot = lot_of(order)
    assert owed(lot) == amounts("60", "-40", "100", "0")
    assert (lot.quantity_received, lot.quantity_returned) == (6, 4)
    assert balances() == (0, 6)
    event = lot.cost_events.latest("pk")
    assert (event.kind, event.quantity, event.value, event.at) == (LotCostEvent.Kind.VENDOR_RETURN, -4, -40, day(6))
    assert not InventoryUsage.objects.exists()
    assert close_warnings(order) == ["WIRE: 4 were returned and are not credited yet."]
    bill((line_of(order), "-4", "-40"), on_day=8)
    assert owed(lot) == amounts("60", "0", "60", "0")
    assert history_of(receipt.number) == ["Created", "Posted"]
    settle_books()


def test_a_return_while_the_order_is_open_lowers_what_is_accrued() -> None:
    order = order_of(("WIRE", "10", "10"))
    receive(order, "10")
    send_back(order, "4")
    assert owed(lot_of(order)) == amounts("60", "60", "0", "0")
    # Nothing comes again, so nothing is due, and On Order stays.
    assert balances() == (0, 6)
    bill((line_of(order), "6", "66"), on_day=8)
    order.refresh_from_db()
    assert order.status == "CLOSED"
    assert owed(lot_of(order)) == amounts("66", "0", "66", "0")
    settle_books()


def test_all_of_it_can_go_back() -> None:
    order = closed_order()
    receipt = send_back(order, "10")
    assert owed(lot_of(order)) == amounts("0", "-100", "100", "0")
    bill((line_of(order), "-10", "-90"), on_day=8)
    assert owed(lot_of(order)) == amounts("0", "0", "10", "-10")
    settle_books()
    with pytest.raises(ValidationError, match="credited what went back of WIRE: void PUR-60001 first"):
        void(receipt)


def test_an_expected_replacement_is_on_order_until_it_comes() -> None:
    order = order_of(("WIRE", "10", "10"))
    receive(order, "10")
    receipt = send_back(order, "4", is_replaced=True)
    assert balances() == (4, 6)
    assert receive(order, "4", on_day=8).status == "POSTED"  # not more than was ordered
    assert balances() == (0, 10)
    assert owed(lot_of(order)) == amounts("100", "100", "0", "0")
    before = footprint()
    with pytest.raises(ValidationError, match="replacement of WIRE has come: void SHIP-60002 first"):
        void(receipt)
    assert footprint() == before
    bill((line_of(order), "10", "110"), on_day=9)
    order.refresh_from_db()
    assert order.status == "CLOSED"
    assert owed(lot_of(order)) == amounts("110", "0", "110", "0")
    settle_books()


def test_a_replacement_that_never_came_keeps_no_return_from_being_void() -> None:
    order = order_of(("WIRE", "10", "10"))
    receive(order, "12", is_accepted=True)
    receipt = send_back(order, "4", is_replaced=True)
    assert balances() == (2, 8)  # of the four that come again, two had been too many
    void(receipt)
    assert balances() == (0, 12)
    assert lot_of(order).quantity_received == 12
    settle_books()


def test_a_return_is_void_though_its_replacement_is_ordered_no_more() -> None:
    order = order_of(("WIRE", "10", "10"))
    receive(order, "10")
    receipt = send_back(order, "4", is_replaced=True)
    change_order(order, "6")
    assert balances() == (0, 6)
    void(receipt)
    assert balances() == (0, 10)
    settle_books()


def test_a_replacement_counts_as_come_when_it_is_posted_not_when_it_was_written() -> None:
    order = order_of(("WIRE", "10", "10"))
    receive(order, "10")
    written = write_receipt(order, "4", on_day=8)
    receipt = send_back(order, "4", is_replaced=True)
    receipt_post(receipt=written, by=None, at=day(8))
    before = footprint()
    with pytest.raises(ValidationError, match=f"replacement of WIRE has come: void {written} first"):
        void(receipt)
    assert footprint() == before


def test_a_replacement_that_never_comes_leaves_order_when_it_closes() -> None:
    order = order_of(("WIRE", "10", "10"))
    receive(order, "10")
    send_back(order, "4", is_replaced=True)
    purchase_order_close(purchase_order=order, by=None, at=day(9), is_unbilled_accepted=True)
    assert balances() == (0, 6)
    settle_books()


# -- What it no longer holds ---------------------------------------------------------------------------
def test_what_the_lot_no_longer_holds_is_used_from_other_lots() -> None:
    order = closed_order()
    make_usage("WIRE", "8", on_day=4)
    reconcile()
    make_lot("WIRE", received="10", value="120.00", on_day=5)
    receipt = send_back(order, "5")
    lot = lot_of(order)
    assert [(line.quantity, line.quantity_short) for line in receipt.lines.all()] == [(5, 3)]
    assert (lot.quantity_received, lot.quantity_used, lot.quantity_returned) == (8, 8, 2)
    assert owed(lot) == amounts("80", "-50", "100", "30")
    assert balances() == (0, 7)
    usage = InventoryUsage.objects.get(source_number=receipt.number)
    assert usage.account is not None
    assert (usage.quantity, usage.account.number, usage.used_at) == (3, "5200", day(6))
    settle_books()
    # Taken at 12.00, owed at 10.00: the six that differ are what stays in variance.
    assert sum(row.amount for row in usage.allocations.all()) - lot.value_other == 6
    bill((line_of(order), "-5", "-50"), on_day=8)
    assert owed(lot) == amounts("80", "0", "50", "30")
    settle_books()


def test_what_no_lot_holds_stays_unallocated() -> None:
    order = closed_order()
    make_usage("WIRE", "10", on_day=4)
    reconcile()
    receipt = send_back(order, "2")
    settle_books()
    assert OpenUsage.objects.get(usage__source_number=receipt.number).quantity_unallocated == 2
    assert balances() == (0, -2)
    assert lot_of(order).quantity_received == 10


def test_more_than_was_received_cannot_go_back() -> None:
    order = closed_order()
    make_usage("WIRE", "8", on_day=4)
    reconcile()
    send_back(order, "5")
    receipt = write_return(order, "6")
    before = footprint()
    with pytest.raises(ValidationError, match="6 of WIRE cannot go back: PO-60000 brought 5 that"):
        vendor_return_post(receipt=receipt, by=None, at=day(7))
    assert footprint() == before
    assert not InventoryUsage.objects.filter(source_number=receipt.number).exists()
    send_back(order, "5")
    settle_books()


def test_serial_numbers_go_out_with_their_units() -> None:
    code_with("CLOCK", is_serialized=True)
    order = order_of(("CLOCK", "3", "10"))
    receipt_post(receipt=write_receipt(order, "3", serials=["S1", "S2", "S3"]), by=None, at=day(2))
    receipt = write_return(order, "1", serials=["S9"])
    before = footprint()
    with pytest.raises(ValidationError, match="S9 of CLOCK did not come with this order"):
        vendor_return_post(receipt=receipt, by=None, at=day(6))
    assert footprint() == before
    receipt = vendor_return_post(receipt=write_return(order, "2", serials=["S1", "S3"]), by=None, at=day(6))
    assert balances("CLOCK") == (0, 1)
    void(receipt)
    assert balances("CLOCK") == (0, 3)
    settle_books()


def test_a_manufacturer_lot_goes_back_only_to_where_it_came_from() -> None:
    code_with("SERUM", is_tracked_by_manufacturer_lot=True)
    order = order_of(("SERUM", "3", "10"))
    receipt_post(receipt=write_receipt(order, "3", manufacturer_lot="A-7"), by=None, at=day(2))
    with pytest.raises(ValidationError, match="B-1 of SERUM did not come with this order"):
        vendor_return_post(receipt=write_return(order, "1", manufacturer_lot="B-1"), by=None, at=day(6))
    vendor_return_post(receipt=write_return(order, "1", manufacturer_lot="A-7"), by=None, at=day(6))
    assert balances("SERUM") == (0, 2)


def serum_of(*came: tuple[str, str]) -> PurchaseOrder:
    """An order of ten of which (quantity, manufacturer lot) came."""
    code_with("SERUM", is_tracked_by_manufacturer_lot=True)
    order = order_of(("SERUM", "10", "10"))
    for quantity, name in came:
        receipt_post(receipt=write_receipt(order, quantity, manufacturer_lot=name), by=None, at=day(2))
    return order


def test_no_more_of_a_manufacturer_lot_goes_back_than_came_of_it() -> None:
    order = serum_of(("2", "M1"), ("8", "M2"))
    before = footprint()
    with pytest.raises(ValidationError, match=r"5 of manufacturer lot M1 .* brought 2 of it that did not"):
        vendor_return_post(receipt=write_return(order, "5", manufacturer_lot="M1"), by=None, at=day(6))
    assert footprint() == before
    vendor_return_post(receipt=write_return(order, "1", manufacturer_lot="M1"), by=None, at=day(6))
    with pytest.raises(ValidationError, match=r"2 of manufacturer lot M1 .* brought 1 of it"):
        vendor_return_post(receipt=write_return(order, "2", manufacturer_lot="M1"), by=None, at=day(6))
    vendor_return_post(receipt=write_return(order, "1", manufacturer_lot="M1"), by=None, at=day(6))
    assert on_hand_of("M1") == 0


def test_units_of_a_manufacturer_lot_that_left_do_not_go_back() -> None:
    order = serum_of(("2", "M1"), ("8", "M2"))
    sold = make_order(("SERUM", "1"))
    ship((sold.lines.get(), "1"), manufacturer_lot="M1")
    before = footprint()
    with pytest.raises(ValidationError, match="2 of manufacturer lot M1 of SERUM, while 1 are on hand"):
        vendor_return_post(receipt=write_return(order, "2", manufacturer_lot="M1"), by=None, at=day(6))
    assert footprint() == before
    assert on_hand_of("M1") == 1


def on_hand_of(name: str) -> Decimal:
    moved = InventoryTransaction.objects.filter(manufacturer_lot=name)
    return sum((row.on_hand for row in moved), Decimal(0))


# -- Once, refused, void -------------------------------------------------------------------------------
def test_a_return_is_no_receipt_and_a_receipt_no_return() -> None:
    order = order_of(("WIRE", "10", "10"))
    incoming = receive(order, "10")
    back = write_return(order, "1")
    with pytest.raises(ValidationError, match="goes back to the vendor"):
        receipt_post(receipt=back, by=None, at=day(6))
    with pytest.raises(ValidationError, match="comes in"):
        vendor_return_post(receipt=write_receipt(order, "1"), by=None, at=day(6))
    with pytest.raises(ValidationError, match="as a receipt"):
        void(incoming)
    vendor_return_post(receipt=back, by=None, at=day(6))
    with pytest.raises(ValidationError, match="as a return"):
        receipt_void(receipt=back, by=None, at=day(7))
    assert balances() == (0, 9)


def test_a_return_is_posted_and_voided_once() -> None:
    order = closed_order()
    receipt = send_back(order, "4")
    before = footprint()
    with pytest.raises(ValidationError, match="SHIP-60001 is already posted"):
        vendor_return_post(receipt=receipt, by=None, at=day(6))
    assert footprint() == before
    void(receipt)
    before = footprint()
    with pytest.raises(ValidationError, match="SHIP-60001 is already void"):
        void(receipt)
    assert footprint() == before


def test_a_replacement_of_a_closed_order_is_refused() -> None:
    order = closed_order()
    with pytest.raises(ValidationError, match="reopen it to expect a replacement"):
        write_return(order, "4", is_replaced=True)
    assert Receipt.objects.filter(kind=Receipt.Kind.OUTGOING_RETURN).count() == 0


def test_a_void_return_gives_the_lot_its_units_back() -> None:
    order = order_of(("WIRE", "10", "10"))
    receive(order, "10")
    receipt = send_back(order, "10", is_replaced=True)
    assert balances() == (10, 0)
    void(receipt)
    lot = lot_of(order)
    assert balances() == (0, 10)
    assert (lot.quantity_received, lot.quantity_returned, lot.first_received_at) == (10, 0, day(2))
    assert owed(lot) == amounts("100", "100", "0", "0")
    assert history_of(receipt.number) == ["Created", "Posted", "Void"]
    settle_books()


def test_a_void_return_gives_other_lots_theirs_back_as_well() -> None:
    order = closed_order()
    make_usage("WIRE", "8", on_day=4)
    reconcile()
    other = make_lot("WIRE", received="10", value="120.00", on_day=5)
    receipt = send_back(order, "5")
    reconcile()
    assert InventoryLot.objects.get(pk=other.pk).quantity_used == 3
    void(receipt)
    settle_books()
    assert InventoryLot.objects.get(pk=other.pk).quantity_used == 0
    assert owed(lot_of(order)) == amounts("100", "0", "100", "0")
    assert balances() == (0, 12)
    assert not OpenUsage.objects.exists()


def test_a_receipt_whose_units_went_back_stays_until_the_return_is_void() -> None:
    order = order_of(("WIRE", "10", "10"))
    incoming = receive(order, "10")
    back = send_back(order, "4")
    before = footprint()
    with pytest.raises(ValidationError, match="units went back to the vendor: void SHIP-60001 first"):
        receipt_void(receipt=incoming, by=None, at=day(9))
    assert footprint() == before
    with pytest.raises(ValidationError, match="void them first: SHIP-60000, SHIP-60001"):
        purchase_order_void(purchase_order=order, by=None, at=day(9))
    void(back)
    receipt_void(receipt=incoming, by=None, at=day(16))
    purchase_order_void(purchase_order=order, by=None, at=day(16))
    assert balances() == (0, 0)
    settle_books()


def test_a_return_of_nothing_that_the_lot_has_is_worth_what_the_vendor_owes() -> None:
    order = order_of(("WIRE", "10", "10"))
    receive(order, "10")
    make_usage("WIRE", "10", on_day=4)
    reconcile()
    receipt = send_back(order, "1", is_replaced=True)
    lot = lot_of(order)
    assert owed(lot) == (Decimal(100), Decimal(90), Decimal(0), Decimal(10))
    assert balances() == (1, -1)
    void(receipt)
    assert owed(lot) == amounts("100", "100", "0", "0")
    assert balances() == (0, 0)
    settle_books()


def test_units_that_come_back_without_a_bill_open_their_closed_order_again() -> None:
    order = order_of(("WIRE", "10", "10"))
    receive(order, "10")
    bill((line_of(order), "8", "88"))
    back = send_back(order, "2")
    purchase_order_close(purchase_order=order, by=None, at=day(9))
    assert owed(lot_of(order)) == amounts("88", "0", "88", "0")
    void(back)
    order.refresh_from_db()
    assert order.status == "OPEN"
    # Not ten for what eight were billed at.
    assert owed(lot_of(order)) == amounts("100", "12", "88", "0")
    assert history_of(order.number)[-2:] == ["Return void", "Reopened"]
    assert balances() == (0, 10)
    settle_books()


def test_a_void_return_of_billed_units_leaves_the_order_closed() -> None:
    order = closed_order()
    void(send_back(order, "2"))
    order.refresh_from_db()
    assert order.status == "CLOSED"
    assert owed(lot_of(order)) == amounts("100", "0", "100", "0")


def test_a_credit_for_more_than_went_back_is_asked_about_in_its_line() -> None:
    order = order_of(("WIRE", "10", "10"), ("BOOK", "5", "3"))
    receive(order, "10", "5")
    bill((line_of(order), "10", "120"), (line_of(order, 2), "5", "15"))
    send_back(order, "4", "2")
    before = footprint()
    # What went back was billed at 48.00; a credit of no more than that needs no question.
    bill((line_of(order), "-3", "-48"), on_day=8)
    lines = ((line_of(order, 2), "-2", "-6"), (line_of(order), "-2", "0"))
    with pytest.raises(OverCredit) as question:
        bill(*lines, on_day=9)
    (error,) = question.value.error_list
    assert isinstance(error, LineError)
    assert error.index == 1
    assert error.message == "5 of WIRE are credited, but 4 went back to the vendor."
    with pytest.raises(OverCredit, match=r"48\.01 are credited for WIRE, but what went back cost 48\.00\. 0\.01 go to"):
        bill((line_of(order), "-1", "-0.01"), on_day=9)
    assert lot_of(order).value_credited == 48
    assert lot_of(order, 2).quantity_credited == 0
    bill(*lines, on_day=9, is_accepted=True)
    assert lot_of(order).quantity_credited == 5
    assert footprint()[0] == before[0]
    settle_books()
