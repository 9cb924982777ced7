"""Incoming shipments: what receiving moves, what it asks, and when it can be undone."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError
from django.db.models import Sum

from inventory_site.document_forms import LineError
from lots.ledger import ZERO
from lots.models import FiscalPeriod, InventoryTransaction, LotCostEvent, Receipt, SerialMovement
from lots.purchasing import purchase_order_close, purchase_order_reopen
from lots.receiving import OverReceipt, receipt_post, receipt_save, receipt_void, receive_everything, why_not_ship
from tests.factories import day, make_usage, reconcile
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


def post(receipt: Receipt, *, is_accepted: bool = False) -> Receipt:
    return receipt_post(receipt=receipt, by=None, at=day(9), is_over_receipt_accepted=is_accepted)


def void(receipt: Receipt, *, on_day: int = 9) -> Receipt:
    return receipt_void(receipt=receipt, by=None, at=day(on_day), reason="counted wrong")


# -- Received ------------------------------------------------------------------------------------------
@pytest.mark.django_db
def test_received_and_not_billed_is_accrued() -> None:
    order = order_of(("NOTEBOOK", "100", "2.50"))
    receipt = receive(order, "10")
    lot = lot_of(order)
    assert owed(lot) == amounts("25.00", "25.00", "0", "0")
    assert balances("NOTEBOOK") == (90, 10)
    assert (receipt.number, lot.quantity_ordered, lot.quantity_received) == ("SHIP-60000", 100, 10)
    event = lot.cost_events.get()
    assert (event.kind, event.at, event.source_number) == (LotCostEvent.Kind.RECEIPT, day(2), "SHIP-60000")
    assert history_of(receipt.number) == ["Created", "Posted"]
    assert history_of(order.number) == ["Created", "Opened", "Received"]
    settle_books()


@pytest.mark.django_db
def test_the_bill_takes_it_out_of_accrued_inventory() -> None:
    order = order_of(("GADGET", "100", "8"))
    receive(order, "10")
    assert owed(lot_of(order)) == amounts("80", "80", "0", "0")
    bill((line_of(order), "10", "80"))
    assert owed(lot_of(order)) == amounts("80", "0", "80", "0")
    assert balances("GADGET") == (90, 10)
    settle_books()


@pytest.mark.django_db
def test_a_pending_receipt_moves_nothing_and_can_be_written_anew() -> None:
    order = order_of(("WIRE", "10", "1"), ("BOOK", "5", "1"))
    before = footprint()
    receipt = write_receipt(order, "10", "5")
    receipt_save(
        receipt=receipt, purchase_order=order, kind=Receipt.Kind.INCOMING, received_at=day(3), reference="truck 2",
        lines=[{"purchase_order_line": line_of(order, 2), "quantity": Decimal(3)}], by=None, at=day(3),
    )  # fmt: skip
    assert footprint() == before
    post(receipt)
    assert (balances("WIRE"), balances("BOOK")) == ((10, 0), (2, 3))
    assert lot_of(order, 2).first_received_at == day(3)
    settle_books()


@pytest.mark.django_db
def test_later_receipts_grow_the_same_lot() -> None:
    order = order_of(("WIRE", "10", "1.005"))
    receive(order, "3", on_day=2)
    receive(order, "4", on_day=5)
    lot = lot_of(order)
    assert (lot.quantity_received, lot.value, lot.first_received_at) == (7, Decimal("7.04"), day(2))
    assert balances() == (3, 7)
    settle_books()


@pytest.mark.django_db
def test_more_than_was_ordered_is_asked_about_not_silently_taken() -> None:
    order = order_of(("WIRE", "10", "1"), ("BOOK", "5", "1"))
    receive(order, "8")
    receipt = write_receipt(order, "4", "5")
    before = footprint()
    with pytest.raises(OverReceipt, match="WIRE: 12 received of 10 ordered"):
        post(receipt)
    assert footprint() == before
    assert Receipt.objects.get(pk=receipt.pk).status == "PENDING"
    post(receipt, is_accepted=True)
    assert (balances("WIRE"), balances("BOOK")) == ((0, 12), (0, 5))
    settle_books()


@pytest.mark.django_db
def test_all_that_is_due_is_received_in_one_step() -> None:
    order = order_of(("WIRE", "10", "1"), ("BOOK", "5", "1"))
    receive(order, "4")
    receipt = receive_everything(purchase_order=order, received_at=day(5), by=None, at=day(5))
    assert [line.quantity for line in receipt.lines.all()] == [6, 5]
    assert (balances("WIRE"), balances("BOOK")) == ((0, 10), (0, 5))
    with pytest.raises(ValidationError, match="Nothing is due"):
        receive_everything(purchase_order=order, received_at=day(5), by=None, at=day(5))
    settle_books()


@pytest.mark.django_db
@pytest.mark.parametrize("flag", ["is_serialized", "is_tracked_by_manufacturer_lot"])
def test_what_must_be_named_is_not_received_in_one_step(flag: str) -> None:
    code_with("WIRE", **{flag: True})
    order = order_of(("WIRE", "10", "1"))
    with pytest.raises(ValidationError, match="must be named for WIRE"):
        receive_everything(purchase_order=order, received_at=day(5), by=None, at=day(5))
    assert not Receipt.objects.exists()


@pytest.mark.django_db
def test_each_manufacturer_lot_has_a_movement_of_its_own() -> None:
    code_with("SERUM", is_tracked_by_manufacturer_lot=True)
    order = order_of(("SERUM", "10", "1"))
    receipt = receipt_save(
        receipt=None, purchase_order=order, kind=Receipt.Kind.INCOMING, received_at=day(2), reference="",
        lines=[
            {"purchase_order_line": line_of(order), "quantity": Decimal(6), "manufacturer_lot": "A-7"},
            {"purchase_order_line": line_of(order), "quantity": Decimal(3), "manufacturer_lot": "B-1"},
        ], by=None, at=day(2),
    )  # fmt: skip
    post(receipt)
    rows = InventoryTransaction.objects.filter(source_number=receipt.number).order_by("pk")
    assert [(row.manufacturer_lot, row.on_order, row.on_hand) for row in rows] == [("A-7", -6, 6), ("B-1", -3, 3)]
    assert lot_of(order).quantity_received == 9
    settle_books()


@pytest.mark.django_db
def test_a_manufacturer_lot_that_must_be_named_is_asked_for() -> None:
    code_with("SERUM", is_tracked_by_manufacturer_lot=True)
    receipt = write_receipt(order_of(("SERUM", "10", "1")), "10")
    before = footprint()
    with pytest.raises(ValidationError, match="tracked by manufacturer lot"):
        post(receipt)
    assert footprint() == before


@pytest.mark.django_db
def test_serial_numbers_come_in_one_for_each_unit() -> None:
    code_with("CLOCK", is_serialized=True)
    order = order_of(("CLOCK", "3", "10"))
    receipt = write_receipt(order, "3", serials=["S1", "S2", "S3"])
    post(receipt)
    assert sorted(SerialMovement.objects.values_list("serial", "direction")) == [("S1", 1), ("S2", 1), ("S3", 1)]
    void(receipt)
    assert SerialMovement.objects.aggregate(sum=Sum("direction"))["sum"] == 0
    settle_books()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("quantity", "serials"), [("2", ["S1"]), ("2", ["S1", "S1"]), ("1.5", ["S1", "S2"]), ("1", []), ("1", ["OLD"])]
)
def test_serial_numbers_that_do_not_fit_are_refused(quantity: str, serials: list[str]) -> None:
    code_with("CLOCK", is_serialized=True)
    order = order_of(("CLOCK", "3", "10"))
    post(write_receipt(order, "1", serials=["OLD"]))
    before = footprint()
    with pytest.raises(ValidationError, match=r"is serialized|is in stock already"):
        post(write_receipt(order, quantity, serials=serials))
    assert footprint() == before


@pytest.mark.django_db
def test_serial_numbers_of_a_code_that_has_none_are_refused() -> None:
    receipt = write_receipt(order_of(("WIRE", "3", "10")), "1", serials=["S1"])
    with pytest.raises(ValidationError, match="not serialized"):
        post(receipt)


@pytest.mark.django_db
def test_nothing_is_received_against_an_order_that_is_not_open() -> None:
    pending = order_of(("WIRE", "3", "10"), is_open=False)
    assert why_not_ship(pending) == "PO-60000 is not open yet."
    with pytest.raises(ValidationError, match="not open yet"):
        write_receipt(pending, "1")
    order = order_of(("WIRE", "3", "10"))
    receipt = write_receipt(order, "1")
    purchase_order_close(purchase_order=order, by=None, at=day(3), is_unbilled_accepted=True)
    before = footprint()
    with pytest.raises(ValidationError, match="is closed: reopen it"):
        post(receipt)
    assert footprint() == before
    purchase_order_reopen(purchase_order=order, by=None, at=day(4))
    post(receipt)
    assert balances() == (2, 1)
    settle_books()


@pytest.mark.django_db
def test_a_line_of_another_order_or_of_nothing_is_refused() -> None:
    order, other = order_of(("WIRE", "3", "10")), order_of(("WIRE", "3", "10"))
    for line, quantity, message in ((line_of(other), "1", "another order"), (line_of(order), "0", "more than zero")):
        with pytest.raises(LineError, match=message):
            receipt_save(
                receipt=None, purchase_order=order, kind=Receipt.Kind.INCOMING, received_at=day(2), reference="",
                lines=[{"purchase_order_line": line, "quantity": Decimal(quantity)}], by=None, at=day(2),
            )  # fmt: skip
    assert not Receipt.objects.exists()


@pytest.mark.django_db
def test_a_receipt_into_a_closed_period_counts_in_the_first_open_one() -> None:
    FiscalPeriod.objects.create(starts_on=day(1).date().replace(day=1), is_closed=True)
    order = order_of(("WIRE", "3", "10"))
    receive(order, "3")
    event = lot_of(order).cost_events.get()
    assert (event.at, event.dated) == (day(2), datetime(2026, 2, 1, tzinfo=UTC).date())


# -- Once ----------------------------------------------------------------------------------------------
@pytest.mark.django_db
def test_a_receipt_is_posted_and_voided_once() -> None:
    order = order_of(("WIRE", "10", "1"))
    receipt = receive(order, "4")
    before = footprint()
    with pytest.raises(ValidationError, match="SHIP-60000 is already posted"):
        post(Receipt.objects.get())
    with pytest.raises(ValidationError, match="already posted"):
        write_receipt_anew(receipt)
    assert footprint() == before
    void(receipt)
    before = footprint()
    for verb in (void, post):
        with pytest.raises(ValidationError, match="SHIP-60000 is already void"):
            verb(Receipt.objects.get())
    assert footprint() == before
    settle_books()


def write_receipt_anew(receipt: Receipt) -> Receipt:
    return receipt_save(
        receipt=receipt, purchase_order=receipt.purchase_order, kind=receipt.kind, received_at=day(3), reference="",
        lines=[{"purchase_order_line": line_of(receipt.purchase_order), "quantity": Decimal(1)}], by=None, at=day(3),
    )  # fmt: skip


def test_a_double_click_receives_once(concurrently: Callable[..., list[object]]) -> None:
    order = order_of(("WIRE", "10", "1"), ("BOOK", "10", "1"))
    receipt = write_receipt(order, "4", "4")

    def click() -> object:
        return post(Receipt.objects.get(pk=receipt.pk))

    results = concurrently(click, click)
    refused = [result for result in results if isinstance(result, Exception)]
    assert len(refused) == 1
    assert "already posted" in str(refused[0])
    assert (balances("WIRE"), balances("BOOK")) == ((6, 4), (6, 4))
    settle_books()


def test_two_receipts_of_one_order_wait_for_each_other(concurrently: Callable[..., list[object]]) -> None:
    order = order_of(("WIRE", "10", "1"), ("BOOK", "10", "1"))
    receipts = [write_receipt(order, "6", "6"), write_receipt(order, "6", "6")]
    results = concurrently(*(lambda receipt=receipt: post(Receipt.objects.get(pk=receipt.pk)) for receipt in receipts))
    # Whoever came second saw what the first one received: 12 of 10.
    assert [type(result) for result in results if isinstance(result, Exception)] == [OverReceipt]
    assert (balances("WIRE"), balances("BOOK")) == ((4, 6), (4, 6))
    settle_books()


# -- Void ----------------------------------------------------------------------------------------------
@pytest.mark.django_db
def test_a_void_receipt_is_on_order_again() -> None:
    order = order_of(("WIRE", "10", "1"))
    first, second = receive(order, "4", on_day=2), receive(order, "5", on_day=4)
    void(first)
    lot = lot_of(order)
    assert balances() == (5, 5)
    assert owed(lot) == amounts("5", "5", "0", "0")
    # The lot counts from the receipt that stands.
    assert lot.first_received_at == day(4)
    assert lot.cost_events.latest("pk").kind == LotCostEvent.Kind.VOID
    assert InventoryTransaction.objects.get(reverses__source_number=first.number).at == day(9)
    void(second)
    assert balances() == (10, 0)
    assert owed(lot) == amounts("0", "0", "0", "0")
    assert history_of(first.number) == ["Created", "Posted", "Void"]
    settle_books()


@pytest.mark.django_db
def test_void_of_an_over_receipt_puts_no_more_on_order_than_is_due() -> None:
    order = order_of(("WIRE", "10", "1"))
    first = receive(order, "8")
    receive(order, "4", is_accepted=True)
    void(first)
    assert balances() == (6, 4)
    purchase_order_close(purchase_order=order, by=None, at=day(10), is_unbilled_accepted=True)
    assert balances() == (0, 4)
    settle_books()


@pytest.mark.django_db
def test_a_pending_receipt_is_simply_void() -> None:
    receipt = write_receipt(order_of(("WIRE", "10", "1")), "4")
    void(receipt)
    assert receipt.status == "VOID"
    assert balances() == (10, 0)


@pytest.mark.django_db
def test_a_receipt_stays_while_its_units_are_used() -> None:
    order = order_of(("WIRE", "10", "1"))
    first, second = receive(order, "4"), receive(order, "6")
    make_usage("WIRE", "5", on_day=4)
    reconcile()
    before = footprint()
    with pytest.raises(ValidationError, match=r"Lot \d+ \(WIRE\) would have received 4, and 5 of it are used"):
        void(second)
    assert footprint() == before
    assert Receipt.objects.get(pk=second.pk).status == "POSTED"
    void(first)  # 6 received cover the 5 that are used
    settle_books()
    assert lot_of(order).quantity_current == 1


@pytest.mark.django_db
def test_a_receipt_of_a_closed_order_stays_while_more_is_billed_than_would_be_left() -> None:
    order = order_of(("WIRE", "10", "1"))
    receipt = receive(order, "10")
    purchase = bill((line_of(order), "10", "12"))
    before = footprint()
    with pytest.raises(ValidationError, match=f"10 of lot .* are purchased, and 0 would be received: void {purchase}"):
        void(receipt)
    assert footprint() == before
    purchase_order_reopen(purchase_order=order, by=None, at=day(5))
    void(receipt)
    assert balances() == (10, 0)
    assert owed(lot_of(order)) == amounts("0", "-12", "12", "0")
    settle_books()


@pytest.mark.django_db
def test_a_receipt_of_a_closed_order_that_nobody_billed_leaves_nothing_on_order() -> None:
    order = order_of(("WIRE", "10", "1"))
    receipt = receive(order, "4")
    purchase_order_close(purchase_order=order, by=None, at=day(5), is_unbilled_accepted=True)
    void(receipt)
    assert balances() == (ZERO, ZERO)
    assert owed(lot_of(order)) == amounts("0", "0", "0", "0")
    settle_books()
