"""The history of a lot and of a usage: what their documents, the runs and people did, who and when."""

from decimal import Decimal

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from lots.history_table import ROWS_SHOWN
from lots.models import InventoryLot, LotCostEvent, RecordHistory
from lots.services import lot_change
from reconciliation.models import ReconciliationRun
from tests.factories import day, make_lot, make_usage, reconcile
from tests.lots.purchasing_stories import bill, line_of, order_of, receive
from tests.pages.reading import said

pytestmark = pytest.mark.django_db


def history(client: Client, record: object) -> str:
    """The rows of the section History, without its headings."""
    page = said(client, record.get_absolute_url())  # type: ignore[attr-defined]  # a record with a page
    return page.rpartition("Date By Where Action Note ")[2]


def test_a_lot_tells_what_its_documents_and_the_runs_did(viewer: Client) -> None:
    order = order_of(("WIRE", "10", "2"))
    receive(order, "10")
    lot = InventoryLot.objects.get()
    make_usage("WIRE", "4", number="60000")
    reconcile()
    assert "Reconciled Allocated 4, 8.00" in history(viewer, lot)
    bill((line_of(order), "10", "30"))
    reconcile()
    told = history(viewer, lot)
    # By the order's, the receipt's and the bill's own history; by runs what they booked and corrected.
    for text in (
        f"Go to record {order.number} Opened",
        f"Go to record {order.number} Received SHIP-60000",
        "Go to record SHIP-60000 Posted",
        "Go to record PUR-60000 Posted",
        "Corrected its cost by 4.00",
    ):
        assert text in told, text


def test_another_lots_documents_are_not_told(viewer: Client) -> None:
    first, other = order_of(("WIRE", "10", "2")), order_of(("PEN", "10", "2"))
    told = history(viewer, first.lines.get().lot)
    assert first.number in told
    assert other.number not in told


def test_a_usage_tells_its_document_and_the_runs_that_booked_its_cost(viewer: Client) -> None:
    RecordHistory.objects.create(number="SHIP-9", action="Shipped", at=day(3))
    make_lot("WIRE", received="10", value="20.00")
    usage = make_usage("WIRE", "4", source="SHIP-9")
    assert "SHIP-9 Shipped" in history(viewer, usage)
    assert "Reconciled" not in history(viewer, usage)
    reconcile()
    assert f"{ReconciliationRun.objects.get()} Reconciled Allocated 4, 8.00" in history(viewer, usage)


def test_a_history_is_bounded_and_says_where_all_of_it_is(viewer: Client) -> None:
    lot = make_lot("WIRE", received="10", value="20.00", source="PO-7")
    url = lot.get_absolute_url()
    viewer.get(url)
    with CaptureQueriesContext(connection) as few:
        viewer.get(url)
    for number in range(ROWS_SHOWN + 5):
        RecordHistory.objects.create(number="PO-7", action=f"Step {number}.", at=day(1))
        lot_change(
            lot=lot, at=day(2), kind=LotCostEvent.Kind.PURCHASE, source_number="PO-7", value=Decimal(1),
            value_payable=Decimal(1),
        )  # fmt: skip
    with CaptureQueriesContext(connection) as many:
        page = viewer.get(url)
    assert len(many) == len(few)
    text = said(viewer, url)
    assert text.count("Step ") == ROWS_SHOWN
    assert "Step 54." in text
    assert "Step 4." not in text
    assert f"The newest {ROWS_SHOWN}." in text
    assert 'href="/inventory/history/?number==PO-7"' in page.content.decode()


@pytest.mark.parametrize(
    ("allowed", "told", "hidden"),
    [
        ((), (), ("Date By Where", "Opened", "Reconciled", "All of")),
        (("view_reconciliationrun",), ("Reconciled Allocated 4, 8.00",), ("Opened", "All of")),
        (("view_recordhistory",), ("Opened", "All of PO-60000"), ("Reconciled",)),
    ],
)
def test_a_history_tells_what_its_reader_may_see_elsewhere(
    client: Client, allowed: tuple[str, ...], told: tuple[str, ...], hidden: tuple[str, ...]
) -> None:
    receive(order_of(("WIRE", "10", "2")), "10")
    usage = make_usage("WIRE", "4", source="PO-60000")
    reconcile()
    person = User.objects.create_user("reader")
    rights = ("view_inventorylot", "view_inventoryusage", *allowed)
    person.user_permissions.set(Permission.objects.filter(codename__in=rights))
    client.force_login(person)
    for record in (InventoryLot.objects.get(), usage):
        page = said(client, record.get_absolute_url())
        assert [text for text in told if text not in page] == [], page
        assert [text for text in hidden if text in page] == [], page
