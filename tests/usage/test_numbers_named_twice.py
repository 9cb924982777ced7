"""A number means one thing. Records that were imported may name a document all the same: a void leaves them alone."""

from collections.abc import Callable
from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError
from pytest_django import DjangoAssertNumQueries

from lots.models import InventoryTransaction, Receipt, RecordHistory
from lots.numbers import document_number
from lots.purchasing import OrderedLine, purchase_order_save, purchase_order_void
from lots.receiving import receipt_void
from tests.factories import day, make_code, make_lot, make_office, make_usage
from tests.lots.purchasing_stories import balances, bill, line_of, lot_of, order_of, receive, write_bill, write_receipt
from tests.reconciliation.records import culprits, run_now
from tests.usage import order_records
from tests.usage.adjustments import line, posted
from tests.usage.jobs import consume, make_job, produce
from tests.usage.order_records import make_order, ship
from usage.adjusting import adjustment_void
from usage.models import Order, Shipment
from usage.ordering import order_save, order_void
from usage.production import job_output_void, job_save, job_void
from usage.shipping import shipment_save, shipment_void
from usage.vendor_returns import vendor_return_post, vendor_return_void

pytestmark = pytest.mark.usefixtures("db")

LATER = day(30)


# -- Records that came later and name the document -----------------------------------------------------
def a_purchase_order() -> tuple[str, Callable[[], object]]:
    order = order_of(("WIRE", "6", "2.00"))
    return order.number, lambda: purchase_order_void(purchase_order=order, by=None, at=LATER)


def a_receipt() -> tuple[str, Callable[[], object]]:
    receipt = receive(order_of(("WIRE", "6", "2.00")), "5")
    return receipt.number, lambda: receipt_void(receipt=receipt, by=None, at=LATER)


def a_return_to_the_vendor() -> tuple[str, Callable[[], object]]:
    order = order_of(("WIRE", "6", "2.00"))
    receive(order, "6")
    make_usage("WIRE", "4", on_day=3)
    run_now()
    back = write_receipt(order, "5", kind=Receipt.Kind.OUTGOING_RETURN, on_day=4)
    vendor_return_post(receipt=back, by=None, at=day(4))
    assert back.lines.get().quantity_short == 3
    return back.number, lambda: vendor_return_void(receipt=back, by=None, at=LATER)


def a_shipment() -> tuple[str, Callable[[], object]]:
    shipment = ship((order_records.line_of(make_order(("WIRE", "5"))), "5"))
    return shipment.number, lambda: shipment_void(shipment=shipment, by=None, at=LATER)


def a_shipment_of_another_office() -> tuple[str, Callable[[], object]]:
    shipment = ship((order_records.line_of(make_order(("WIRE", "5"), office="AI")), "5"), office="BO")
    return shipment.number, lambda: shipment_void(shipment=shipment, by=None, at=LATER)


def an_order() -> tuple[str, Callable[[], object]]:
    order = make_order(("WIRE", "5"))
    return order.number, lambda: order_void(order=order, by=None, at=LATER)


def a_job() -> tuple[str, Callable[[], object]]:
    job = make_job("BENCH", "2", components=[{"code": make_code("WIRE"), "quantity": Decimal(8)}])
    consume(job, WIRE="3")
    return job.number, lambda: job_void(job=job, by=None, at=LATER)


def a_production() -> tuple[str, Callable[[], object]]:
    job = make_job("BENCH", "2", components=[{"code": make_code("WIRE"), "quantity": Decimal(8)}])
    output = produce(job, "1", backflush=True)
    return output.number, lambda: job_output_void(output=output, by=None, at=LATER)


def a_loss() -> tuple[str, Callable[[], object]]:
    loss = posted("LOSS", line("WIRE", "3"))
    return loss.number, lambda: adjustment_void(adjustment=loss, by=None, at=LATER)


def a_beginning_balance() -> tuple[str, Callable[[], object]]:
    balance = posted("BEGINNING_BALANCE", line("WIRE", "5", unit_cost="2"), line("WIRE", "1", unit_cost="3"))
    return balance.number, lambda: adjustment_void(adjustment=balance, by=None, at=LATER)


def a_move_between_bins() -> tuple[str, Callable[[], object]]:
    make_lot("WIRE", received="8", office="AI")
    # From no bin, as imported usage is: only the moment tells them apart.
    moved = posted("TRANSFER", line("WIRE", "5", to_bin="B"), office=make_office("AI"))
    return moved.number, lambda: adjustment_void(adjustment=moved, by=None, at=LATER)


DOCUMENTS = [
    a_purchase_order, a_receipt, a_return_to_the_vendor, a_shipment, a_shipment_of_another_office, an_order, a_job,
    a_production, a_loss, a_beginning_balance, a_move_between_bins,
]  # fmt: skip


@pytest.mark.parametrize("document", DOCUMENTS)
def test_a_void_undoes_the_document_and_not_what_was_imported_under_its_number(
    document: Callable[[], tuple[str, Callable[[], object]]],
) -> None:
    make_code("WIRE")
    number, void = document()
    make_lot("WIRE", received="6", value="12.00", on_day=6, source=number, office="AI")
    make_usage("WIRE", "5", on_day=20, source=number, office="AI")
    make_usage("WIRE", "3", on_day=4, source=number)
    imported = list(InventoryTransaction.objects.order_by("-pk").values_list("pk", flat=True)[:3])
    void()
    assert not InventoryTransaction.objects.filter(reverses__in=imported).exists()
    run_now()
    assert culprits() == {}


# -- One number, two documents -------------------------------------------------------------------------
def give(kind: str, number: str) -> object:
    """Save a document of this kind under a given number."""
    wire = make_code("WIRE")
    if kind == "purchase order":
        return purchase_order_save(
            purchase_order=None, vendor="Acme", office=None, ordered_on=day(1).date(), reference="",
            lines=[OrderedLine(wire, Decimal(5), Decimal(2))], by=None, at=day(1), number=number,
        )  # fmt: skip
    if kind == "order":
        return order_save(
            order=None, customer="Acme", ordered_at=day(1), lines=[{"code": wire, "quantity": Decimal(1)}],
            by=None, at=day(1), number=number,
        )  # fmt: skip
    if kind == "shipment":
        return shipment_save(
            shipment=None, kind=Shipment.Kind.OUTGOING, shipped_at=day(3), by=None, at=day(3), number=number,
            lines=[{"order_line": order_records.line_of(make_order(("WIRE", "5"))), "quantity": Decimal(1)}],
        )  # fmt: skip
    return job_save(
        job=None, code=make_code("BENCH"), quantity=Decimal(1), office=None, started_at=day(1), reference="",
        components=[{"code": wire, "quantity": Decimal(1)}], by=None, at=day(1), number=number,
    )  # fmt: skip


@pytest.mark.parametrize("kind", ["purchase order", "order", "shipment", "job"])
@pytest.mark.parametrize("taken_by", ["a receipt", "a pending purchase", "imported lots", "imported usage"])
def test_a_number_that_is_taken_is_refused(kind: str, taken_by: str) -> None:
    if taken_by == "a receipt":
        number = receive(order_of(("WIRE", "6", "2.00")), "5").number
    elif taken_by == "a pending purchase":
        number = write_bill((line_of(order_of(("WIRE", "6", "2.00"))), "1", "2.00")).number
    else:
        number = "DUP-4"
        (make_lot if taken_by == "imported lots" else make_usage)("WIRE", source=number)
    with pytest.raises(ValidationError, match=f'The number "{number}" is taken.*Nothing was saved'):
        give(kind, number)
    assert not any(model.objects.filter(number=number).exists() for model in (Order, Shipment))


def test_the_rest_of_an_order_may_bear_the_number_that_its_usage_names_as_its_order() -> None:
    make_usage("WIRE", "2", order="7001", source="SHIP-7001")
    give("order", "7001")
    assert Order.objects.get().number == "7001"


def test_what_is_imported_under_a_number_stays_on_hand_when_a_purchase_order_is_void() -> None:
    lot = make_lot("WIRE", received="6", source="PO-60012")
    order = order_of(("WIRE", "4", "2.00"))
    purchase_order_void(purchase_order=order, by=None, at=LATER)
    assert balances() == (0, 6)
    assert (lot.quantity_current, lot_of(order).quantity_received) == (6, 0)


# -- The next number -----------------------------------------------------------------------------------
def test_the_next_number_passes_over_documents_that_brought_theirs_along() -> None:
    order = order_of(("WIRE", "6", "2.00"))
    receive(order, "6")
    taken = write_bill((line_of(order), "1", "2.00"))
    type(taken).objects.filter(pk=taken.pk).update(number="PUR-60001")
    assert bill((line_of(order), "1", "2.00")).number == "PUR-60002"
    assert bill((line_of(order), "1", "2.00")).number == "PUR-60003"


def test_the_next_number_is_found_behind_many_that_are_taken(
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    RecordHistory.objects.bulk_create(
        [
            RecordHistory(number=f"SHIP-{60000 + index}", at=day(1), action="Created")
            for index in range(3_000)
            if index != 2_500
        ]
    )
    with django_assert_max_num_queries(30):
        assert document_number(Receipt, "shipment", "SHIP-") == "SHIP-62500"
    assert document_number(Receipt, "shipment", "SHIP-") == "SHIP-63000"


def test_a_sub_assembly_passes_over_a_job_that_has_its_number() -> None:
    parent = make_job("BENCH", "2", components=[{"code": make_code("TOP"), "quantity": Decimal(2)}])
    give("job", f"{parent.number}.1")
    made = make_job("TOP", "2", components=[{"code": make_code("WIRE"), "quantity": Decimal(2)}], parent=parent)
    assert made.number == f"{parent.number}.2"
