"""Purchases: vendor invoices, freight and credits, and what they do to lots that are open or closed."""

from collections.abc import Callable
from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inventory_site.document_forms import LineError
from lots.invoicing import OverCredit, orders_reopened_by_void, purchase_post, purchase_save, purchase_void
from lots.models import LotCostEvent, Purchase, RecordHistory
from lots.purchasing import purchase_order_close, purchase_order_reopen, purchase_order_void
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
    write_bill,
)

FreightBy = Purchase.FreightBy


def freight_of(purchase: Purchase) -> list[Decimal]:
    return list(purchase.lines.order_by("position").values_list("freight", flat=True))


def void(purchase: Purchase) -> Purchase:
    return purchase_void(purchase=purchase, by=None, at=day(12), reason="not ours")


# -- Written -------------------------------------------------------------------------------------------
@pytest.mark.django_db
def test_a_pending_purchase_moves_nothing_and_can_be_written_anew() -> None:
    order = order_of(("WIRE", "10", "1"), ("BOOK", "5", "2"))
    before = footprint()
    purchase = write_bill((line_of(order), "10", "10"), (line_of(order, 2), "5", "20"), freight="3")
    assert (purchase.number, freight_of(purchase)) == ("PUR-60000", [Decimal("1.00"), Decimal("2.00")])
    purchase_save(
        purchase=purchase, vendor="Acme", invoice_number="A-2", invoiced_at=day(4), freight=Decimal(0),
        freight_by=FreightBy.VALUE,
        lines=[{"purchase_order_line": line_of(order), "quantity": Decimal(4), "value": Decimal(5)}],
        by=None, at=day(4),
    )  # fmt: skip
    assert footprint() == before
    assert [(line.quantity, line.value, line.freight) for line in purchase.lines.all()] == [(4, 5, 0)]
    assert history_of(purchase.number) == ["Created", "Edited"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("freight_by", "parts"),
    [
        (FreightBy.VALUE, ["2.50", "7.50"]),
        (FreightBy.QUANTITY, ["6.67", "3.33"]),
        (FreightBy.WEIGHT, ["1.67", "8.33"]),
    ],
)
def test_freight_is_spread_by_value_quantity_or_weight(freight_by: str, parts: list[str]) -> None:
    code_with("WIRE", unit_weight=Decimal("0.1"))
    code_with("BOOK", unit_weight=Decimal(1))
    order = order_of(("WIRE", "10", "1"), ("BOOK", "5", "2"))
    purchase = write_bill(
        (line_of(order), "10", "10"), (line_of(order, 2), "5", "30"), freight="10", freight_by=freight_by
    )
    assert freight_of(purchase) == list(amounts(*parts))


@pytest.mark.django_db
def test_a_freight_bill_of_a_courier_goes_by_what_was_received() -> None:
    order = order_of(("WIRE", "10", "1"), ("BOOK", "5", "2"))
    receive(order, "10", "5")
    lines = ((line_of(order), "0", "0"), (line_of(order, 2), "0", "0"))
    assert freight_of(write_bill(*lines, freight="6", freight_by=FreightBy.QUANTITY)) == [4, 2]
    assert freight_of(write_bill(*lines, freight="6", freight_by=FreightBy.VALUE)) == [3, 3]


@pytest.mark.django_db
def test_before_anything_came_freight_goes_by_what_was_ordered() -> None:
    order = order_of(("WIRE", "10", "1"), ("BOOK", "5", "4"))
    lines = ((line_of(order), "0", "0"), (line_of(order, 2), "0", "0"))
    assert freight_of(write_bill(*lines, freight="6")) == [2, 4]


@pytest.mark.django_db
def test_freight_by_weight_needs_a_weight() -> None:
    order = order_of(("WIRE", "10", "1"))
    with pytest.raises(ValidationError, match="None of these codes has a weight"):
        write_bill((line_of(order), "10", "10"), freight="10", freight_by=FreightBy.WEIGHT)
    assert not Purchase.objects.exists()


@pytest.mark.django_db
def test_credits_bear_no_freight() -> None:
    order = order_of(("WIRE", "10", "1"), ("BOOK", "5", "2"))
    purchase = write_bill((line_of(order), "-1", "-1"), (line_of(order, 2), "5", "0"), freight="3")
    assert freight_of(purchase) == [0, 3]
    with pytest.raises(ValidationError, match="bears no freight"):
        write_bill((line_of(order), "-1", "-1"), freight="3")


@pytest.mark.django_db
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    freight=st.decimals(min_value="0.01", max_value=1000, places=2),
    values=st.lists(st.decimals(min_value=0, max_value=500, places=2), min_size=3, max_size=3),
    freight_by=st.sampled_from([FreightBy.VALUE, FreightBy.QUANTITY]),
)
def test_whatever_is_billed_its_freight_adds_up(freight: Decimal, values: list[Decimal], freight_by: str) -> None:
    order = order_of(("WIRE", "10", "1"), ("BOOK", "5", "2"), ("PIPE", "1", "3"))
    purchase = write_bill(
        *((line_of(order, position), str(position), str(value)) for position, value in enumerate(values, start=1)),
        freight=str(freight),
        freight_by=freight_by,
    )
    assert sum(freight_of(purchase)) == freight


@pytest.mark.django_db
def test_impossible_purchases_are_refused() -> None:
    order, pending = order_of(("WIRE", "10", "1")), order_of(("WIRE", "10", "1"), is_open=False)
    for line, quantity, value, kind, message in (
        (line_of(order), "-1", "5", LineError, "one sign"),
        (line_of(order), "1", "-5", LineError, "one sign"),
        (line_of(pending), "1", "5", LineError, "PO-60001 is pending"),
        (line_of(order), "0", "0", ValidationError, "Nothing is billed"),
    ):
        with pytest.raises(kind, match=message):
            write_bill((line, quantity, value))
    with pytest.raises(ValidationError, match="names its vendor"):
        write_bill((line_of(order), "1", "5"), vendor=" ")
    with pytest.raises(ValidationError, match="cannot be negative"):
        write_bill((line_of(order), "1", "5"), freight="-1")
    with pytest.raises(ValidationError, match="Nothing is billed"):
        write_bill(freight="5")
    assert not Purchase.objects.exists()


# -- Posted --------------------------------------------------------------------------------------------
@pytest.mark.django_db
def test_while_the_order_is_open_a_bill_changes_how_value_is_owed_not_the_value() -> None:
    order = order_of(("WIRE", "15", "35.00"))
    receive(order, "10")
    lot = lot_of(order)
    purchase = bill((line_of(order), "10", "340.00"), freight="16.00")
    assert owed(lot) == amounts("350", "-6", "356", "0")
    assert (lot.quantity_purchased, lot.value_purchased, lot.value_freight) == (10, 340, 16)
    event = lot.cost_events.latest("pk")
    assert (event.kind, event.value, event.value_payable, event.at) == (LotCostEvent.Kind.PURCHASE, 0, 356, day(3))
    assert history_of(purchase.number) == ["Created", "Posted"]
    settle_books()


@pytest.mark.django_db
def test_late_freight_costs_a_closed_lot_anew_and_those_who_used_it() -> None:
    order = order_of(("WIRE", "10", "10"))
    receive(order, "10")
    bill((line_of(order), "10", "100"))
    usage = make_usage("WIRE", "4", on_day=4)
    reconcile()
    purchase = bill((line_of(order), "0", "0"), freight="5.00", on_day=8)
    lot = lot_of(order)
    assert owed(lot) == amounts("105", "0", "105", "0")
    assert lot.cost_events.latest("pk").kind == LotCostEvent.Kind.FREIGHT
    settle_books()
    assert [row.amount for row in usage.allocations.order_by("pk")] == [40, 2]
    void(purchase)
    settle_books()
    assert [row.amount for row in usage.allocations.order_by("pk")] == [40, 2, -2]
    assert owed(lot) == amounts("100", "0", "100", "0")


@pytest.mark.django_db
def test_one_invoice_may_bill_several_orders() -> None:
    first, second = order_of(("WIRE", "10", "1")), order_of(("WIRE", "5", "2"), ("BOOK", "1", "1"))
    receive(first, "10")
    receive(second, "5", "1")
    bill((line_of(second, 2), "1", "1"), (line_of(second), "5", "10"), (line_of(first), "10", "10"), freight="2.10")
    assert [lot_of(first).value, lot_of(second).value, lot_of(second, 2).value] == list(amounts("11", "11", "1.10"))
    for order in (first, second):
        order.refresh_from_db()
        assert order.status == "CLOSED"
    settle_books()


@pytest.mark.django_db
def test_a_credit_that_differs_goes_to_variance() -> None:
    order = order_of(("WIRE", "10", "10"))
    receive(order, "10")
    bill((line_of(order), "10", "100"))
    before = footprint()
    with pytest.raises(OverCredit) as question:
        bill((line_of(order), "0", "-7"), on_day=6)
    assert question.value.messages == [
        "7.00 are credited for WIRE, but what went back cost 0.00. 7.00 go to the variance account."
    ]
    assert (footprint(), owed(lot_of(order))) == (before, amounts("100", "0", "100", "0"))
    purchase = bill((line_of(order), "0", "-7"), on_day=6, is_accepted=True)
    assert RecordHistory.objects.get(number=purchase.number, action="Posted").note == question.value.messages[0]
    lot = lot_of(order)
    assert owed(lot) == amounts("100", "0", "93", "7")
    event = lot.cost_events.latest("pk")
    assert event.account is not None
    assert (event.account.number, event.value, event.value_payable, event.value_other) == ("5200", 0, -7, 7)
    settle_books()


@pytest.mark.django_db
def test_nothing_is_posted_against_an_order_that_became_void() -> None:
    order = order_of(("WIRE", "10", "10"))
    purchase = write_bill((line_of(order), "10", "100"))
    purchase_order_void(purchase_order=order, by=None, at=day(4))
    before = footprint()
    with pytest.raises(ValidationError, match="PO-60000 is void: it cannot be billed"):
        purchase_post(purchase=purchase, by=None, at=day(5))
    assert footprint() == before


# -- Once, and void ------------------------------------------------------------------------------------
@pytest.mark.django_db
def test_a_purchase_is_posted_and_voided_once() -> None:
    order = order_of(("WIRE", "10", "10"))
    receive(order, "4")
    purchase = bill((line_of(order), "4", "44"), freight="1")
    before = footprint()
    with pytest.raises(ValidationError, match="PUR-60000 is already posted"):
        purchase_post(purchase=Purchase.objects.get(), by=None, at=day(5))
    assert footprint() == before
    void(purchase)
    lot = lot_of(order)
    assert owed(lot) == amounts("40", "40", "0", "0")
    assert (lot.quantity_purchased, lot.value_purchased, lot.value_freight) == (0, 0, 0)
    assert lot.cost_events.latest("pk").at == day(12)
    before = footprint()
    with pytest.raises(ValidationError, match="PUR-60000 is already void"):
        void(Purchase.objects.get())
    assert footprint() == before
    settle_books()


@pytest.mark.django_db
def test_a_void_credit_is_owed_again() -> None:
    order = order_of(("WIRE", "10", "10"))
    receive(order, "10")
    bill((line_of(order), "10", "100"))
    void(bill((line_of(order), "-2", "-30"), on_day=6, is_accepted=True))
    assert owed(lot_of(order)) == amounts("100", "0", "100", "0")
    assert lot_of(order).quantity_credited == 0
    settle_books()


@pytest.mark.django_db
def test_a_void_bill_opens_its_closed_order_again_so_that_its_goods_are_not_worth_nothing() -> None:
    order = order_of(("WIRE", "10", "10"), ("BOOK", "2", "5"))
    receive(order, "4", "2")
    other = bill((line_of(order, 2), "2", "11"))
    purchase = bill((line_of(order), "4", "44"))
    purchase_order_close(purchase_order=order, by=None, at=day(5))
    assert orders_reopened_by_void(purchase) == [order]
    void(purchase)
    order.refresh_from_db()
    assert (order.status, order.closed_at) == ("OPEN", None)
    # At the order's unit cost again, both of them: what is billed of the other lot is not final either.
    assert owed(lot_of(order)) == amounts("40", "40", "0", "0")
    assert owed(lot_of(order, 2)) == amounts("10", "-1", "11", "0")
    assert not lot_of(order).is_cost_final
    assert balances() == (6, 4)
    assert history_of(order.number)[-2:] == ["Purchase void", "Reopened"]
    notes = RecordHistory.objects.order_by("-pk").values_list("number", "note")[:2]
    assert list(notes) == [
        (purchase.number, f"not ours. Open again: {order}"),
        (order.number, f"{purchase} is void: its goods are not billed any more"),
    ]
    settle_books()
    bill((line_of(order), "4", "48"), on_day=14)
    purchase_order_close(purchase_order=order, by=None, at=day(15))
    assert owed(lot_of(order)) == amounts("48", "0", "48", "0")
    assert balances() == (0, 4)
    assert orders_reopened_by_void(other) == [order]
    settle_books()


@pytest.mark.django_db
def test_what_was_sold_of_a_void_bill_stands_at_the_order_s_cost_until_the_next_bill() -> None:
    order = order_of(("WIRE", "10", "10"))
    receive(order, "10")
    purchase = bill((line_of(order), "10", "120"))
    usage = make_usage("WIRE", "4", on_day=4)
    reconcile()
    void(purchase)
    settle_books()
    bill((line_of(order), "10", "130"), on_day=14)
    order.refresh_from_db()
    assert order.status == "CLOSED"
    settle_books()
    assert [row.amount for row in usage.allocations.order_by("pk")] == [48, -8, 12]


@pytest.mark.django_db
def test_a_bill_is_not_made_void_while_its_credit_stands() -> None:
    order = order_of(("WIRE", "10", "10"))
    receive(order, "10")
    first = bill((line_of(order), "10", "100"))
    credit = bill((line_of(order), "-2", "-20"), on_day=6, is_accepted=True)
    before = owed(lot_of(order)), footprint()
    with pytest.raises(ValidationError, match=f"credited what this bills of WIRE: void {credit} first"):
        void(first)
    assert (owed(lot_of(order)), footprint()) == before
    order.refresh_from_db()
    assert order.status == "CLOSED"
    # What the other bill is for stays covered; a credit of a price alone is one of a bill as well.
    second = bill((line_of(order), "4", "40"), on_day=7)
    void(second)
    void(credit)
    price = bill((line_of(order), "0", "-5"), on_day=8, is_accepted=True)
    with pytest.raises(ValidationError, match=f"void {price} first"):
        void(first)
    void(price)
    void(first)
    settle_books()


@pytest.mark.django_db
def test_a_bill_that_credits_in_its_other_line_is_made_void_with_it() -> None:
    order = order_of(("WIRE", "10", "10"))
    receive(order, "10")
    both = bill((line_of(order), "10", "100"), (line_of(order), "-2", "-20"), is_accepted=True)
    void(both)
    assert owed(lot_of(order)) == amounts("100", "100", "0", "0")
    settle_books()


@pytest.mark.django_db
def test_a_price_credit_says_when_it_goes_to_variance() -> None:
    order = order_of(("WIRE", "10", "10"))
    receive(order, "10")
    bill((line_of(order), "10", "100"))
    with pytest.raises(OverCredit) as at_once:
        bill((line_of(order), "0", "-5"), on_day=6)
    assert at_once.value.messages[0].endswith("5.00 go to the variance account.")
    purchase_order_reopen(purchase_order=order, by=None, at=day(7))
    with pytest.raises(OverCredit) as later:
        bill((line_of(order), "0", "-5"), on_day=8)
    assert later.value.messages[0].endswith("5.00 go to the variance account once the order is closed.")


@pytest.mark.django_db
def test_a_closed_order_stays_closed_where_the_void_takes_no_bill_from_its_goods() -> None:
    order = order_of(("WIRE", "10", "10"))
    receive(order, "10")
    twice = bill((line_of(order), "10", "100"))
    bill((line_of(order), "10", "100"))
    surcharge = bill((line_of(order), "0", "7"))
    freight = bill((line_of(order), "0", "0"), freight="5")
    for purchase in (freight, surcharge, twice):
        assert orders_reopened_by_void(purchase) == []
        void(purchase)
        order.refresh_from_db()
        assert order.status == "CLOSED"
    assert owed(lot_of(order)) == amounts("100", "0", "100", "0")
    settle_books()


@pytest.mark.django_db
def test_a_pending_purchase_is_simply_void() -> None:
    order = order_of(("WIRE", "10", "10"))
    purchase = write_bill((line_of(order), "4", "44"))
    before = footprint()
    void(purchase)
    assert (purchase.status, footprint()) == ("VOID", before)


def test_a_double_click_is_billed_once(concurrently: Callable[..., list[object]]) -> None:
    order = order_of(("WIRE", "10", "1"), ("BOOK", "10", "1"))
    purchase = write_bill((line_of(order), "4", "4"), (line_of(order, 2), "4", "4"))

    def click() -> object:
        return purchase_post(purchase=Purchase.objects.get(pk=purchase.pk), by=None, at=day(5))

    refused = [result for result in concurrently(click, click) if isinstance(result, Exception)]
    assert len(refused) == 1
    assert "already posted" in str(refused[0])
    assert owed(lot_of(order)) == amounts("0", "-4", "4", "0")
