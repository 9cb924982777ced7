"""What stands in the way of a void is named, with its document, by the refusal and by the button that it greys."""

from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError
from django.db.models import Model
from django.test import Client
from django.urls import reverse

from lots.lot_users import used_by
from lots.models import Receipt
from lots.receipt_rules import why_not_void
from lots.receiving import receipt_post, receipt_void
from tests.factories import day, make_usage
from tests.lots.purchasing_stories import bill, code_with, footprint, lot_of, order_of, receive, write_receipt
from tests.lots.purchasing_stories import line_of as purchase_line_of
from tests.pages.reading import words
from tests.reconciliation.records import culprits, run_now
from tests.usage.jobs import add_cost, consume, make_job, nothing_moves, produce, stock
from tests.usage.order_records import line_of, make_order, ship, take_back
from usage.job_rules import why_not_void_cost
from usage.models import JobCost
from usage.production import job_close, job_cost_void, job_output_void, job_void
from usage.shipping import shipment_void
from usage.vendor_returns import vendor_return_post, vendor_return_void

pytestmark = pytest.mark.django_db


def page_of(client: Client, record: Model) -> str:
    response = client.get(record.get_absolute_url())  # type: ignore[attr-defined]  # every record here has a page
    return words(response.content.decode())


def test_a_receipt_names_the_shipments_that_used_it_on_its_page_and_in_its_refusal(clerk: Client) -> None:
    order = order_of(("WIRE", "10", "2"))
    receipt = receive(order, "10")
    shipment = ship((line_of(make_order(("WIRE", "5"))), "5"))
    gone = make_usage("WIRE", "1", on_day=4)
    run_now()
    why = why_not_void(receipt)
    sold = shipment.lines.get().usages.get().usage.number
    assert "5 of it are used" not in why
    assert f"6 of it are used by usage {sold} ({shipment}), usage {gone.number} (no document)" in why
    before = footprint()
    with pytest.raises(ValidationError, match=str(shipment)):
        receipt_void(receipt=receipt, by=None, at=day(5))
    assert footprint() == before
    assert f"usage {sold} ({shipment})" in page_of(clerk, receipt)
    sent = clerk.post(reverse("lots:receipt_void", args=[receipt.pk]), {"reason": ""}, follow=True)
    assert str(shipment) in words(sent.content.decode())
    assert footprint() == before


def test_a_receipt_of_a_manufacturer_lot_that_left_stays_though_no_run_has_been() -> None:
    code_with("PAINT", is_tracked_by_manufacturer_lot=True)
    order = order_of(("PAINT", "20", "3"))
    receipt = write_receipt(order, "10", manufacturer_lot="V1")
    receipt_post(receipt=receipt, by=None, at=day(2))
    receipt_post(receipt=write_receipt(order, "10", manufacturer_lot="V2"), by=None, at=day(2))
    shipment = ship((line_of(make_order(("PAINT", "4")), "PAINT"), "4"), manufacturer_lot="V1")
    before = footprint()
    with pytest.raises(
        ValidationError, match=f"{receipt} brought 10 of manufacturer lot V1 of PAINT, while 6 are on hand: void or"
    ):
        receipt_void(receipt=receipt, by=None, at=day(5))
    assert footprint() == before
    shipment_void(shipment=shipment, by=None, at=day(6))
    receipt_void(receipt=receipt, by=None, at=day(7))
    assert why_not_void(receipt) == f"{receipt} is already void."


def test_what_was_returned_or_undone_is_not_named() -> None:
    order = order_of(("WIRE", "20", "2"))
    receive(order, "20")
    orders = [make_order(("WIRE", "5")) for _ in range(3)]
    first, second, third = (ship((line_of(one), "5")) for one in orders)
    run_now()
    take_back((line_of(orders[0]), "5"))
    undone = take_back((line_of(orders[1]), "5"))
    shipment_void(shipment=third, by=None, at=day(6))
    shipment_void(shipment=undone, by=None, at=day(7))
    run_now()
    assert f"({second})" in used_by(lot_of(order))
    assert f"({first})" not in used_by(lot_of(order))
    assert f"({third})" not in used_by(lot_of(order))


def test_a_return_to_the_vendor_names_the_credit_on_its_page(clerk: Client) -> None:
    order = order_of(("WIRE", "10", "2"))
    receive(order, "10")
    back = vendor_return_post(receipt=write_receipt(order, "2", kind=Receipt.Kind.OUTGOING_RETURN), by=None, at=day(3))
    credit = bill((purchase_line_of(order), "-2", "-4"))
    assert f"void {credit} first" in page_of(clerk, back)
    before = footprint()
    with pytest.raises(ValidationError, match=str(credit)):
        vendor_return_void(receipt=back, by=None, at=day(5))
    assert footprint() == before


def test_a_production_names_who_used_it_and_cannot_be_undone_once_its_job_is_closed(clerk: Client) -> None:
    stock()
    job = make_job()
    output = produce(job, "10", backflush=True)
    assert "void of PROD-60000" in page_of(clerk, job)
    shipment = ship((line_of(make_order(("BENCH", "4")), "BENCH"), "4"), on_day=4)
    run_now()
    nothing_moves(
        lambda: job_output_void(output=output, by=None, at=day(5)), f"4 of them are used by usage .*{shipment}"
    )
    page = page_of(clerk, job)
    assert f"({shipment})" in page
    assert "void of PROD-60000" not in page
    shipment_void(shipment=shipment, by=None, at=day(6))
    run_now()
    job_close(job=job, by=None, at=day(7))
    page = page_of(clerk, job)
    assert "PROD-60000 cannot be voided. Reopen it first." in page
    assert "void of PROD-60000" not in page


# -- Job costs ---------------------------------------------------------------------------------------
def test_a_job_cost_is_void_by_a_mirror_that_is_linked_to_it() -> None:
    stock()
    job = make_job()
    consume(job, LEG="40", TOP="10")
    produce(job, "10")
    cost = add_cost(job, "25.00")
    mirror = job_cost_void(cost=cost, by=None, at=day(5), reason="Charged to another job")
    assert (mirror.amount, mirror.account, mirror.reverses, mirror.incurred_at) == (-25, cost.account, cost, day(5))
    run_now()
    job.refresh_from_db()
    assert job.lot is not None
    assert job.lot.value == Decimal("400.00")
    assert culprits() == {}
    nothing_moves(lambda: job_cost_void(cost=cost, by=None, at=day(6)), "void already")
    nothing_moves(lambda: job_cost_void(cost=mirror, by=None, at=day(6)), "the void of another")


def test_a_job_whose_costs_are_void_can_be_void() -> None:
    job = make_job()
    cost = add_cost(job, "25.00")
    nothing_moves(lambda: job_void(job=job, by=None, at=day(4)), "it carries job costs of 25.00. Void them first")
    job_cost_void(cost=cost, by=None, at=day(4))
    assert job_void(job=job, by=None, at=day(5)).status == "VOID"


def test_a_cost_stays_where_the_others_would_come_to_less_than_nothing() -> None:
    job = make_job()
    cost = add_cost(job, "25.00")
    add_cost(job, "-10.00")
    nothing_moves(lambda: job_cost_void(cost=cost, by=None, at=day(4)), "less than nothing")
    job_close(job=job, by=None, at=day(5))
    assert "Reopen it first" in why_not_void_cost(JobCost.objects.get(pk=cost.pk))


def test_a_job_cost_is_void_from_the_page_of_its_job(clerk: Client, viewer: Client) -> None:
    job = make_job()
    cost = add_cost(job, "25.00")
    address = reverse("usage:job_cost_void", args=[cost.pk])
    assert address in clerk.get(job.get_absolute_url()).content.decode()
    assert address not in viewer.get(job.get_absolute_url()).content.decode()
    done = clerk.post(address, {"reason": "Twice"}, follow=True)
    assert "Labor 25.00 of JOB60000 is void." in words(done.content.decode())
    assert address not in done.content.decode()
    assert sum(one.amount for one in JobCost.objects.all()) == 0
