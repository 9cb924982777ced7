"""Which lots named units and special orders are drawn from, when documents were undone or a line has several lots."""

from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError

from lots.models import Receipt
from lots.purchasing import OrderedLine, purchase_order_close, purchase_order_reopen, purchase_order_save
from lots.receiving import receipt_post, receipt_void
from tests.factories import day, make_code, make_lot, make_office
from tests.lots.purchasing_stories import (
    bill,
    code_with,
    footprint,
    lot_of,
    order_of,
    receive,
    settle_books,
    write_receipt,
)
from tests.lots.purchasing_stories import line_of as purchase_line_of
from tests.reconciliation.records import culprits, run_now
from tests.usage.adjustments import AT, line, posted
from tests.usage.jobs import make_job, make_order_line, nothing_moves, parts, produce, stock
from tests.usage.order_records import line_of, make_order, ship
from usage.adjusting import adjustment_void
from usage.models import OpenUsage, UsageLotRestriction
from usage.ordering import order_close, procure
from usage.production import job_open
from usage.shipping import shipment_void
from usage.vendor_returns import vendor_return_post

pytestmark = pytest.mark.django_db


def send_back(order: object, quantity: str, **units: object) -> Receipt:
    receipt = write_receipt(order, quantity, kind=Receipt.Kind.OUTGOING_RETURN, on_day=6, **units)  # type: ignore[arg-type]
    return vendor_return_post(receipt=receipt, by=None, at=day(6))


# -- Units -------------------------------------------------------------------------------------------
def test_a_unit_whose_transfer_is_void_is_drawn_from_where_it_came_in() -> None:
    code_with("CLOCK", is_serialized=True)
    bought = order_of(("CLOCK", "1", "10"), office="NY")
    receipt_post(receipt=write_receipt(bought, "1", serials=["S1"]), by=None, at=day(2))
    moved = posted(
        "TRANSFER", line("CLOCK", "1", serials="S1"), office=make_office("NY"), to_office=make_office("AI"), on=day(3)
    )
    adjustment_void(adjustment=moved, by=None, at=AT)
    order = make_order(("CLOCK", "1"), office="NY")
    shipment = ship((line_of(order, "CLOCK"), "1"), serials="S1", on_day=21)
    assert UsageLotRestriction.objects.get(usage__source_number=shipment.number).lot == lot_of(bought)
    run_now()
    assert not OpenUsage.objects.exists()
    assert culprits() == {}


def test_a_unit_of_another_purchase_order_does_not_go_back_with_this_one() -> None:
    code_with("CLOCK", is_serialized=True)
    first, second = order_of(("CLOCK", "1", "10")), order_of(("CLOCK", "1", "12"))
    receipt_post(receipt=write_receipt(first, "1", serials=["S1"]), by=None, at=day(2))
    receipt_post(receipt=write_receipt(second, "1", serials=["S2"]), by=None, at=day(2))
    before = footprint()
    with pytest.raises(ValidationError, match="S2 of CLOCK did not come with this order"):
        send_back(first, "1", serials=["S2"])
    assert footprint() == before


# -- Lots of a special order -------------------------------------------------------------------------
def test_a_special_order_ships_from_all_lots_that_were_made_for_it() -> None:
    stock()
    order = make_order(("BENCH", "10", "SPECIAL_ORDER"))
    job = make_job("BENCH", "4", components=parts(LEG="16", TOP="4"), order_line=line_of(order, "BENCH"))
    bought = procure(order_line=line_of(order, "BENCH"), vendor="Acme", unit_cost=Decimal(60), by=None, at=day(1))
    produce(job, "4", backflush=True)
    receive(bought, "6")
    ship((line_of(order, "BENCH"), "10"), on_day=4)
    restricted = UsageLotRestriction.objects.filter(usage__order=order.number, usage__code__code="BENCH")
    job.refresh_from_db()
    assert [row.lot for row in restricted.order_by("lot")] == [job.lot, lot_of(bought)]
    run_now()
    assert not OpenUsage.objects.exists()
    assert culprits() == {}


def test_a_job_is_not_opened_for_an_order_that_is_closed() -> None:
    order_line = make_order_line()
    job = make_job(order_line=order_line, is_open=False)
    order_close(order=order_line.order, by=None, at=day(2))
    nothing_moves(lambda: job_open(job=job, by=None, at=day(3)), match="Order 60007, which it is made for, is closed")


# -- What a purchase order brought -------------------------------------------------------------------
def test_a_receipt_whose_goods_went_back_out_of_other_lots_is_not_void_before_the_return() -> None:
    bought = order_of(("WIRE", "10", "10"))
    receipt = receive(bought, "10")
    order = make_order(("WIRE", "10"))
    shipment = ship((line_of(order), "10"))
    run_now()
    make_lot("WIRE", received="4", value="48", on_day=5)
    returned = send_back(bought, "4")
    run_now()
    shipment_void(shipment=shipment, by=None, at=day(7))
    run_now()
    before = footprint()
    with pytest.raises(ValidationError, match=f"went back to the vendor: void {returned.number} first"):
        receipt_void(receipt=receipt, by=None, at=day(8))
    assert footprint() == before


def test_what_an_adjustment_added_to_a_lot_does_not_go_back_to_the_vendor() -> None:
    bought = order_of(("WIRE", "10", "10"))
    receive(bought, "10")
    bill((purchase_line_of(bought), "10", "100"))
    posted("BEGINNING_BALANCE", line("WIRE", "5", unit_cost="3", into_lot=lot_of(bought)))
    before = footprint()
    with pytest.raises(ValidationError, match="12 of WIRE cannot go back: PO-60000 brought 10"):
        send_back(bought, "12")
    assert footprint() == before


def test_a_reopened_order_can_be_changed_although_more_came_than_was_ordered() -> None:
    bought = order_of(("WIRE", "10", "10"))
    receive(bought, "12", is_accepted=True)
    purchase_order_close(purchase_order=bought, by=None, at=day(4), is_unbilled_accepted=True)
    posted("BEGINNING_BALANCE", line("WIRE", "5", unit_cost="3", into_lot=lot_of(bought)))
    purchase_order_reopen(purchase_order=bought, by=None, at=day(21))
    kept = purchase_line_of(bought)

    def save(quantity: str) -> None:
        purchase_order_save(
            purchase_order=bought, vendor="Acme", office=None, ordered_on=day(1).date(), reference="",
            lines=[OrderedLine(make_code("WIRE"), Decimal(quantity), Decimal(11), id=kept.pk)], by=None, at=day(22),
        )  # fmt: skip

    save("10")
    assert lot_of(bought).value == Decimal("147.00")
    with pytest.raises(ValidationError, match="12 are received already"):
        save("9")
    settle_books()
