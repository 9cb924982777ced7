"""List pages cost the same number of queries at 10 and at 60 rows.

query_counts.json is a baseline, not a fact: when a page needs another query on purpose, write it anew with
UPDATE_QUERY_COUNTS=1 and look at the difference.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from inventory_site.views import RecordListView
from reconciliation.models import ReconciliationRun
from tests.factories import MORNING, make_code, make_lot, make_office, make_usage, reconcile
from tests.harness.people import make_person
from tests.lots.purchasing_records import buy
from tests.usage.adjustments import line, pending
from tests.usage.jobs import make_job
from usage.models import Order, OrderLine, Shipment, ShipmentLine

pytestmark = pytest.mark.django_db

BASELINE = Path(__file__).with_name("query_counts.json")
# Ways to look at a list besides the plain one; 250 rows a page, so that 60 rows are all shown.
LOOKS = {
    "lots:codes": ("quick=open", "group=record_type", "q=code", "form=POSITIVE"),
    "lots:lots": ("group=code", "quick=open", "q=code"),
    "lots:transactions": ("group=code", "q=code"),
    "usage:jobs": ("group=code", "quick=pending", "q=code"),
    "lots:purchase_orders": ("group=vendor", "quick=goods", "quick=invoice", "q=code"),
    "lots:receipts": ("group=vendor", "quick=pending"),
    "lots:purchases": ("group=vendor", "q=PO"),
    "usage:orders": ("quick=waiting", "code=CODE", "q=6"),
    "usage:shipments": ("quick=outgoing", "order=6", "code=CODE"),
    "usage:usages": ("quick=open&group=code", "group=code", "quick=closed&group=code", "quick=returns", "q=code"),
}


def list_pages(patterns: list[URLPattern | URLResolver], prefix: str = "") -> Iterator[str]:
    """The name of every address that is a list page."""
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            namespace = f"{prefix}{pattern.namespace}:" if pattern.namespace else prefix
            yield from list_pages(pattern.url_patterns, namespace)
        elif issubclass(getattr(pattern.callback, "view_class", object), RecordListView) and pattern.name:
            yield f"{prefix}{pattern.name}"


OF_A_RUN = {"reconciliation:run", "reconciliation:run_log"}
PAGES = sorted(list_pages(get_resolver().url_patterns))
ADDRESSES = [f"{name}?{look}" for name in PAGES for look in ("", *LOOKS.get(name, ()))]


def grow_to(count: int, *, start: int = 0) -> None:
    """One more of everything for each row: code, office, lot, an allocated and an open usage, a return, a run."""
    for index in range(start, count):
        office = f"O{index:03}"
        make_office(office)
        make_code(f"CODE{index:03}")
        make_lot(f"CODE{index:03}", received="10", office=office, source=f"PO-{index}")
        # Every other one leaves its lot open, the rest stay open themselves.
        sold = make_usage(
            f"CODE{index:03}", "8" if index % 2 else "20", office=office, source=f"SHIP-{index}", order=str(index)
        )
        make_usage(f"CODE{index:03}", "-1", on_day=3, office=office, original=sold)
        pending("LOSS", line(f"CODE{index:03}", "1"), office=make_office(office), by=make_person("clerk"))
        grow_orders(index, office)
        buy(f"CODE{index:03}", office=office)
        make_job(f"CODE{index:03}", components=(), is_open=False, office=make_office(office))
        ReconciliationRun.objects.create(
            state=ReconciliationRun.State.FINISHED,
            trigger=ReconciliationRun.Trigger.COMMAND,
            requested_by=make_person("accountant", username=f"person{index}"),
            requested_at=MORNING,
            finished_at=MORNING,
            cogs_method="FIFO",
            prevent_inter_office=False,
        )
    reconcile()


def grow_orders(index: int, office: str) -> None:
    """A pending order and a shipment for it, as plain rows: they move nothing, and verbs would take their time."""
    header = {"number": f"6{index:04}", "office": make_office(office)}
    order = Order.objects.create(customer="Northwind School", ordered_at=MORNING, **header)
    line = OrderLine.objects.create(order=order, position=1, code=make_code(f"CODE{index:03}"), quantity=5)
    shipment = Shipment.objects.create(shipped_at=MORNING, **header)
    ShipmentLine.objects.create(shipment=shipment, position=1, order_line=line, quantity=5)


def count_queries(client: Client, address: str) -> int:
    name, _, query = address.partition("?")
    # Lists inside a run's pages; any other needs no argument.
    arguments = [ReconciliationRun.objects.latest("pk").pk] if name in OF_A_RUN else []
    url = reverse(name, args=arguments) + "?" + "&".join(filter(None, [query, "per_page=250"]))
    with CaptureQueriesContext(
        connection,
    ) as queries:
        response = client.get(url)
    assert response.status_code == 200
    return len(queries)


def test_a_list_page_costs_the_same_at_ten_and_at_sixty_rows(administrator: Client) -> None:
    grow_to(10)
    administrator.get(reverse("lots:codes"))  # what is asked once per process is asked here
    few = {address: count_queries(administrator, address) for address in ADDRESSES}
    grow_to(60, start=10)
    many = {address: count_queries(administrator, address) for address in ADDRESSES}
    assert {address: (few[address], many[address]) for address in ADDRESSES if few[address] != many[address]} == {}
    if os.environ.get("UPDATE_QUERY_COUNTS"):
        BASELINE.write_text(json.dumps(many, indent=2) + "\n")
    baseline: dict[str, Any] = json.loads(BASELINE.read_text())
    assert many == baseline, "the baseline differs; see the head of this file"


def test_no_list_page_asks_more_than_twenty_five_queries() -> None:
    assert max(json.loads(BASELINE.read_text()).values()) <= 25


def test_every_list_page_was_found() -> None:
    assert {"lots:codes", "lots:lots", "lots:offices", "lots:transactions", "usage:usages"} <= set(PAGES)
