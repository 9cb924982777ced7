"""Purchase orders: what opening, changing, closing, reopening and voiding them moves."""

from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError

from inventory_site.document_forms import LineError
from lots.invoicing import purchase_post, purchase_void
from lots.models import (
    InventoryLot,
    InventoryTransaction,
    LineItemCode,
    LotCostEvent,
    PurchaseOrder,
    RecordHistory,
    RecordType,
)
from lots.purchasing import (
    OrderedLine,
    UnbilledGoods,
    close_warnings,
    purchase_order_close,
    purchase_order_open,
    purchase_order_reopen,
    purchase_order_save,
    purchase_order_void,
    why_not_close,
    why_not_edit,
    why_not_open,
    why_not_reopen,
    why_not_void,
)
from lots.receiving import receipt_post, receipt_void
from tests.factories import day, make_code, make_office, make_usage, reconcile
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
    write_bill,
    write_receipt,
)

pytestmark = pytest.mark.django_db


def edit(order: PurchaseOrder, *lines: tuple[int | None, str, str, str]) -> PurchaseOrder:
    """Save the order anew with lines of (position it has now, code, quantity, unit cost)."""
    return purchase_order_save(
        purchase_order=order,
        vendor=order.vendor,
        office=order.office,
        ordered_on=order.ordered_on,
        reference="edited",
        lines=[
            {
                "id": line_of(order, position).pk if position else None,
                "code": make_code(code),
                "quantity": Decimal(quantity),
                "unit_cost": Decimal(cost),
            }
            for position, code, quantity, cost in lines
        ],
        by=None,
        at=day(5),
    )


# -- Opened --------------------------------------------------------------------------------------------
def test_a_pending_order_moves_nothing() -> None:
    order = order_of(("WIRE", "100", "2.50"), is_open=False)
    assert (order.number, order.status) == ("PO-60000", "PENDING")
    assert not InventoryLot.objects.exists()
    assert not InventoryTransaction.objects.exists()
    assert history_of(order.number) == ["Created"]


def test_opening_makes_a_lot_a_line_and_puts_it_on_order() -> None:
    order = order_of(("WIRE", "100", "2.50"), ("BOOK", "5", "29.99"), office="AI")
    lot = lot_of(order)
    assert (lot.quantity_ordered, lot.unit_cost_ordered, lot.quantity_received) == (100, Decimal("2.50"), 0)
    assert (lot.source_number, lot.office, lot.status, lot.lot_type) == (
        order.number, make_office("AI"), "OPEN", "PURCHASE",
    )  # fmt: skip
    assert (lot.is_source_complete, lot.is_cost_final) == (False, False)
    assert int(lot_of(order, 2).number) == int(lot.number) + 1
    assert (balances("WIRE"), balances("BOOK")) == ((100, 0), (5, 0))
    assert owed(lot) == amounts("0", "0", "0", "0")
    assert history_of(order.number) == ["Created", "Opened"]
    settle_books()


def test_lots_name_the_sales_order_that_asked_for_them() -> None:
    order = order_of(("WIRE", "1", "1"), is_open=False)
    purchase_order_save(
        purchase_order=order, vendor="Acme", office=None, ordered_on=order.ordered_on, reference="",
        lines=[OrderedLine(make_code("WIRE"), Decimal(1), Decimal(1))], by=None, at=day(1), parent_order="60007",
    )  # fmt: skip
    purchase_order_open(purchase_order=order, by=None, at=day(1))
    edit(order, (1, "WIRE", "2", "1"))
    assert (order.parent_order, lot_of(order).parent_order) == ("60007", "60007")


def test_an_order_is_opened_once() -> None:
    order = order_of(("WIRE", "100", "2.50"))
    before = footprint()
    with pytest.raises(ValidationError, match="PO-60000 is already open"):
        purchase_order_open(purchase_order=PurchaseOrder.objects.get(), by=None, at=day(1))
    assert footprint() == before
    assert why_not_open(order) == "PO-60000 is already open."


@pytest.mark.parametrize(
    ("vendor", "quantity", "cost", "record_type", "message"),
    [
        (" ", "1", "1", RecordType.INVENTORIED_ITEM, "names its vendor"),
        ("Acme", "0", "1", RecordType.INVENTORIED_ITEM, "more than zero"),
        ("Acme", "1", "-1", RecordType.INVENTORIED_ITEM, "cannot be negative"),
        ("Acme", "1", "1", RecordType.TIME, "not inventoried"),
    ],
)
def test_an_impossible_order_is_refused(
    vendor: str, quantity: str, cost: str, record_type: RecordType, message: str
) -> None:
    code = code_with("WIRE", record_type=record_type)
    with pytest.raises(ValidationError, match=message):
        purchase_order_save(
            purchase_order=None, vendor=vendor, office=None, ordered_on=day(1).date(), reference="",
            lines=[OrderedLine(code, Decimal(quantity), Decimal(cost))], by=None, at=day(1),
        )  # fmt: skip
    assert not PurchaseOrder.objects.exists()


def test_an_order_without_lines_or_of_an_inactive_code_is_refused() -> None:
    code = code_with("WIRE", status=LineItemCode.Status.INACTIVE)
    for lines, message in (([], "at least one line"), ([OrderedLine(code, Decimal(1), Decimal(1))], "inactive")):
        with pytest.raises(ValidationError, match=message):
            purchase_order_save(
                purchase_order=None, vendor="Acme", office=None, ordered_on=day(1).date(), reference="",
                lines=lines, by=None, at=day(1),
            )  # fmt: skip
    assert not PurchaseOrder.objects.exists()


# -- Changed -------------------------------------------------------------------------------------------
def test_anything_of_a_pending_order_can_be_changed() -> None:
    order = order_of(("WIRE", "100", "2.50"), ("BOOK", "1", "1"), is_open=False)
    edit(order, (1, "PIPE", "7", "3"), (None, "WIRE", "2", "1"))
    assert [(str(line.code), line.quantity, line.position) for line in order.lines.all()] == [
        ("PIPE", 7, 1), ("WIRE", 2, 2),
    ]  # fmt: skip
    assert not InventoryTransaction.objects.exists()


def test_changing_an_open_order_posts_the_difference() -> None:
    order = order_of(("WIRE", "100", "2.50"), ("BOOK", "5", "30"))
    book = lot_of(order, 2)
    receive(order, "10")
    lot = lot_of(order)
    edit(order, (1, "WIRE", "60", "3"), (None, "PIPE", "4", "1"))
    assert (balances("WIRE"), balances("BOOK"), balances("PIPE")) == ((50, 10), (0, 0), (4, 0))
    assert owed(lot) == amounts("30", "30", "0", "0")
    event = lot.cost_events.get(kind=LotCostEvent.Kind.PRICE)
    assert (event.quantity, event.value, event.source_number) == (0, Decimal(5), order.number)
    book.refresh_from_db()
    assert (book.is_source_complete, book.quantity_received, book.quantity_ordered) == (True, 0, 0)
    assert lot_of(order, 2).code == make_code("PIPE")
    note = order_history_note(order)
    for said in ("WIRE: 100 became 60", "unit cost 2.50 became 3.00", "PIPE: 4 added", "BOOK: 5 removed"):
        assert said in note
    settle_books()


def order_history_note(order: PurchaseOrder) -> str:
    return RecordHistory.objects.filter(number=order.number, action="Edited").latest("pk").note


def test_raising_a_line_that_was_received_too_often_orders_only_the_rest() -> None:
    order = order_of(("WIRE", "10", "1"))
    receive(order, "12", is_accepted=True)
    edit(order, (1, "WIRE", "15", "1"))
    assert balances() == (3, 12)
    settle_books()


def test_a_line_cannot_go_below_what_was_received() -> None:
    order = order_of(("WIRE", "100", "2.50"), ("BOOK", "5", "30"))
    receive(order, "10")
    before = footprint()
    with pytest.raises(LineError, match="10 are received already") as refusal:
        edit(order, (2, "BOOK", "5", "30"), (1, "WIRE", "9", "2.50"))
    assert refusal.value.index == 1
    with pytest.raises(LineError, match="has a lot of WIRE"):
        edit(order, (1, "PIPE", "10", "2.50"), (2, "BOOK", "5", "30"))
    with pytest.raises(ValidationError, match="SHIP-60000 names it"):
        edit(order, (2, "BOOK", "5", "30"))
    assert footprint() == before
    assert line_of(order).quantity == 100


def test_the_office_of_an_open_order_stays() -> None:
    order = order_of(("WIRE", "1", "1"), office="AI")
    with pytest.raises(ValidationError, match="belong to its office"):
        purchase_order_save(
            purchase_order=order, vendor="Acme", office=make_office("BO"), ordered_on=day(1).date(), reference="",
            lines=[{"id": line_of(order).pk, "code": make_code("WIRE"), "quantity": Decimal(1),
                    "unit_cost": Decimal(1)}], by=None, at=day(2),
        )  # fmt: skip
    assert PurchaseOrder.objects.get().office == make_office("AI")


def test_a_line_removed_by_somebody_else_is_not_written_twice() -> None:
    order = order_of(("WIRE", "1", "1"), ("BOOK", "1", "1"))
    gone = line_of(order, 2).pk
    edit(order, (1, "WIRE", "1", "1"))
    with pytest.raises(LineError, match="removed meanwhile"):
        purchase_order_save(
            purchase_order=order, vendor="Acme", office=None, ordered_on=day(1).date(), reference="",
            lines=[OrderedLine(make_code("BOOK"), Decimal(1), Decimal(1), id=gone)], by=None, at=day(2),
        )  # fmt: skip
    assert (balances("WIRE"), balances("BOOK")) == ((1, 0), (0, 0))


# -- Closed and reopened -------------------------------------------------------------------------------
def test_the_unit_cost_switches_when_the_order_closes() -> None:
    order = order_of(("WIRE", "15", "35.00"), ("BOOK", "1", "1"))
    receive(order, "15")
    lot = lot_of(order)
    bill((line_of(order), "15", "500.00"), freight="33.85")
    assert owed(lot) == amounts("525.00", "-8.85", "533.85", "0")
    assert not lot.is_cost_final
    purchase_order_close(purchase_order=order, by=None, at=day(4))
    assert owed(lot) == amounts("533.85", "0", "533.85", "0")
    assert (lot.is_cost_final, lot.is_source_complete) == (True, True)
    settle_books()


def test_what_was_used_while_the_order_was_open_is_trued_up_when_it_closes() -> None:
    order = order_of(("WIRE", "15", "35.00"), ("BOOK", "1", "1"))
    receive(order, "15", on_day=2)
    usage = make_usage("WIRE", "10", on_day=3)
    reconcile()
    assert sum(row.amount for row in usage.allocations.all()) == Decimal("350.00")
    bill((line_of(order), "15", "500.00"), freight="33.85", on_day=4)
    purchase_order_close(purchase_order=order, by=None, at=day(5))
    settle_books()
    rows = list(usage.allocations.order_by("pk"))
    assert [(row.quantity, row.amount) for row in rows] == [(10, Decimal("350.00")), (0, Decimal("5.90"))]
    lot = lot_of(order)
    assert (lot.value_used, lot.value - lot.value_used) == (Decimal("355.90"), Decimal("177.95"))


def test_a_late_bill_goes_to_stock_and_to_what_was_shipped() -> None:
    order = order_of(("WIRE", "10", "10.00"))
    receive(order, "10", on_day=2)
    usage = make_usage("WIRE", "7", on_day=3)
    reconcile()
    bill((line_of(order), "10", "130.00"), on_day=20)
    assert order_status(order) == "CLOSED"
    settle_books()
    lot = lot_of(order)
    assert sum(row.amount for row in usage.allocations.filter(quantity=0)) == Decimal("21.00")
    assert lot.value - lot.value_used == Decimal("39.00")


def order_status(order: PurchaseOrder) -> str:
    return PurchaseOrder.objects.get(pk=order.pk).status


def test_closing_early_takes_the_rest_off_order() -> None:
    order = order_of(("WIRE", "100", "2.50"))
    receive(order, "10")
    bill((line_of(order), "10", "25.00"))
    assert close_warnings(order) == ["WIRE: 90 of 100 ordered were not received."]
    purchase_order_close(purchase_order=order, by=None, at=day(4))
    assert balances() == (0, 10)
    assert owed(lot_of(order)) == amounts("25", "0", "25", "0")
    assert history_of(order.number)[-1] == "Closed"
    settle_books()


def test_an_order_closes_by_itself_when_ordered_received_and_purchased_agree() -> None:
    order = order_of(("WIRE", "10", "2"), ("BOOK", "5", "3"))
    receive(order, "10", "5")
    bill((line_of(order), "10", "20"))
    assert order_status(order) == "OPEN"
    bill((line_of(order, 2), "5", "15"))
    assert order_status(order) == "CLOSED"
    assert history_of(order.number)[-2:] == ["Purchased", "Closed"]
    settle_books()


def test_a_bill_entered_weeks_later_makes_the_cost_final_on_its_own_day() -> None:
    order = order_of(("WIRE", "10", "2"))
    receive(order, "10", on_day=2)
    purchase_post(purchase=write_bill((line_of(order), "10", "23"), on_day=5), by=None, at=day(40))
    order.refresh_from_db()
    assert order.closed_at == day(5)
    assert [(event.kind, event.at, event.value) for event in lot_of(order).cost_events.all() if event.value] == [
        ("RECEIPT", day(2), Decimal(20)),
        ("CLOSE", day(5), Decimal(3)),
    ]
    settle_books()


def test_an_order_never_closes_before_what_changed_its_cost() -> None:
    order = order_of(("WIRE", "10", "2"))
    receive(order, "4", on_day=8)
    bill((line_of(order), "10", "23"), on_day=9)
    receipt_post(receipt=write_receipt(order, "6", on_day=6), by=None, at=day(40))
    order.refresh_from_db()
    assert order.closed_at == day(9)
    settle_books()


def test_a_bill_that_came_first_lets_the_receipt_close_the_order() -> None:
    order = order_of(("WIRE", "10", "2"))
    bill((line_of(order), "10", "22"))
    assert owed(lot_of(order)) == amounts("0", "-22", "22", "0")
    receive(order, "10", on_day=4)
    assert order_status(order) == "CLOSED"
    assert owed(lot_of(order)) == amounts("22", "0", "22", "0")
    settle_books()


def test_what_was_billed_and_never_came_goes_to_variance() -> None:
    order = order_of(("WIRE", "10", "2"))
    bill((line_of(order), "10", "20"))
    assert close_warnings(order) == [
        "WIRE: nothing was received of 10 ordered.",
        "WIRE: 20.00 were billed for nothing received. They go to the variance account.",
    ]
    purchase_order_close(purchase_order=order, by=None, at=day(4))
    lot = lot_of(order)
    assert owed(lot) == amounts("0", "0", "20", "-20")
    event = lot.cost_events.get(kind=LotCostEvent.Kind.CLOSE)
    assert event.account is not None
    assert event.account.number == "5200"
    assert balances() == (0, 0)
    settle_books()


def test_what_no_purchase_names_costs_nothing_once_closed() -> None:
    order = order_of(("WIRE", "10", "2"))
    receive(order, "10")
    assert close_warnings(order) == ["WIRE: no purchase says what it cost. Its cost becomes 0.00."]
    before = footprint()
    with pytest.raises(UnbilledGoods, match="confirm that no bill will come"):
        purchase_order_close(purchase_order=order, by=None, at=day(4))
    assert (footprint(), order_status(order), owed(lot_of(order))) == (before, "OPEN", amounts("20", "20", "0", "0"))
    purchase_order_close(purchase_order=order, by=None, at=day(4), is_unbilled_accepted=True)
    assert "no purchase says what it cost" in RecordHistory.objects.latest("pk").note
    assert owed(lot_of(order)) == amounts("0", "0", "0", "0")
    settle_books()


def test_goods_that_are_billed_in_part_are_asked_about_before_the_bill_is_spread_over_all() -> None:
    order = order_of(("WIRE", "10", "2"))
    receive(order, "10")
    bill((line_of(order), "4", "8"))
    said = "WIRE: 6 of 10 received are not billed. All 10 cost what the others were billed at."
    assert close_warnings(order) == [said]
    before = footprint()
    with pytest.raises(UnbilledGoods, match="6 of 10 received are not billed"):
        purchase_order_close(purchase_order=order, by=None, at=day(4))
    assert (footprint(), order_status(order)) == (before, "OPEN")
    purchase_order_close(purchase_order=order, by=None, at=day(4), is_unbilled_accepted=True)
    assert owed(lot_of(order)) == amounts("8", "0", "8", "0")
    settle_books()


def test_goods_that_were_billed_at_nothing_are_said_to_cost_nothing_but_not_asked_about() -> None:
    order = order_of(("WIRE", "10", "2"))
    receive(order, "8")
    bill((line_of(order), "8", "0"))
    assert "WIRE: it was billed at nothing. Its cost becomes 0.00." in close_warnings(order)
    purchase_order_close(purchase_order=order, by=None, at=day(4))
    assert owed(lot_of(order)) == amounts("0", "0", "0", "0")


def test_reopening_estimates_cost_again_and_expects_the_rest() -> None:
    order = order_of(("WIRE", "100", "2.50"))
    receive(order, "10")
    bill((line_of(order), "10", "27.00"))
    purchase_order_close(purchase_order=order, by=None, at=day(4))
    purchase_order_reopen(purchase_order=order, by=None, at=day(5))
    lot = lot_of(order)
    assert (order.status, order.closed_at) == ("OPEN", None)
    assert owed(lot) == amounts("25", "-2", "27", "0")
    assert (lot.is_cost_final, lot.is_source_complete) == (False, False)
    assert balances() == (90, 10)
    purchase_order_close(purchase_order=order, by=None, at=day(6))
    assert owed(lot) == amounts("27", "0", "27", "0")
    assert balances() == (0, 10)
    settle_books()


def test_reopening_takes_what_never_came_out_of_variance_again() -> None:
    order = order_of(("WIRE", "10", "2"))
    bill((line_of(order), "10", "20"))
    purchase_order_close(purchase_order=order, by=None, at=day(4))
    purchase_order_reopen(purchase_order=order, by=None, at=day(5))
    assert owed(lot_of(order)) == amounts("0", "-20", "20", "0")
    settle_books()


def test_each_status_says_what_cannot_be_done_in_it() -> None:
    order = order_of(("WIRE", "10", "2"), is_open=False)
    assert (why_not_edit(order), why_not_open(order), why_not_void(order)) == ("", "", "")
    assert why_not_close(order) == "PO-60000 is not open yet."
    assert why_not_reopen(order) == "PO-60000 is not closed."
    purchase_order_open(purchase_order=order, by=None, at=day(1))
    assert (why_not_edit(order), why_not_close(order), why_not_void(order)) == ("", "", "")
    purchase_order_close(purchase_order=order, by=None, at=day(2))
    assert why_not_edit(order) == "PO-60000 is closed: reopen it to change it."
    assert why_not_close(order) == "PO-60000 is already closed."
    assert why_not_reopen(order) == ""
    purchase_order_void(purchase_order=order, by=None, at=day(3))
    assert why_not_edit(order) == "PO-60000 is void."
    assert why_not_void(order) == "PO-60000 is already void."
    assert why_not_reopen(order) == "PO-60000 is void, which is for ever."
    for verb in (purchase_order_open, purchase_order_close, purchase_order_reopen, purchase_order_void):
        before = footprint()
        with pytest.raises(ValidationError, match="Nothing was changed"):
            verb(purchase_order=order, by=None, at=day(4))
        assert footprint() == before
    with pytest.raises(ValidationError, match="is void"):
        edit(order, (1, "WIRE", "1", "1"))


# -- Void ----------------------------------------------------------------------------------------------
def test_a_void_order_is_mirrored_and_leaves_its_lots_empty() -> None:
    order = order_of(("WIRE", "10", "2"), ("BOOK", "1", "1"))
    edit(order, (1, "WIRE", "12", "2"), (2, "BOOK", "1", "1"))
    purchase_order_void(purchase_order=order, by=None, at=day(6), reason="ordered twice")
    assert (balances("WIRE"), balances("BOOK")) == ((0, 0), (0, 0))
    mirrors = InventoryTransaction.objects.filter(reverses__isnull=False)
    assert sorted(-row.on_order for row in mirrors) == [1, 2, 10]
    assert all(row.at == day(6) for row in mirrors)
    assert lot_of(order).is_source_complete
    assert history_of(order.number)[-1] == "Void"
    settle_books()


def test_an_order_is_not_void_while_something_is_posted_against_it() -> None:
    order = order_of(("WIRE", "10", "2"))
    receipt = receive(order, "4")
    purchase = bill((line_of(order), "4", "8"))
    before = footprint()
    with pytest.raises(ValidationError, match=f"void them first: {receipt}, {purchase}"):
        purchase_order_void(purchase_order=order, by=None, at=day(4))
    assert footprint() == before
    purchase_void(purchase=purchase, by=None, at=day(4))
    receipt_void(receipt=receipt, by=None, at=day(4))
    assert balances() == (10, 0)
    purchase_order_void(purchase_order=order, by=None, at=day(4))
    assert balances() == (0, 0)
    assert owed(lot_of(order)) == amounts("0", "0", "0", "0")
    settle_books()


def test_a_pending_order_is_simply_void() -> None:
    order = order_of(("WIRE", "10", "2"), is_open=False)
    purchase_order_void(purchase_order=order, by=None, at=day(1))
    assert order_status(order) == "VOID"
    assert not InventoryTransaction.objects.exists()


def test_a_closed_order_with_a_pending_receipt_can_be_void_and_the_receipt_is_refused_then() -> None:
    order = order_of(("WIRE", "10", "2"))
    receipt = write_receipt(order, "4")
    purchase_order_close(purchase_order=order, by=None, at=day(3))
    purchase_order_void(purchase_order=order, by=None, at=day(4))
    with pytest.raises(ValidationError, match="PO-60000 is void"):
        receipt_post(receipt=receipt, by=None, at=day(5))
    assert balances() == (0, 0)
    settle_books()
