"""Two people write the same document at once: the second one is told what the first one did, and loses nothing."""

from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from inventory_site.document_versions import NO_HISTORY
from lots.models import LotCostEvent, PurchaseOrder, RecordHistory
from tests.factories import day, make_code
from tests.lots.purchasing_stories import bill, order_of, receive, write_bill, write_receipt
from tests.lots.purchasing_stories import line_of as purchase_line_of
from tests.pages.reading import words
from tests.usage.adjustments import line, pending
from tests.usage.jobs import add_cost, make_job
from tests.usage.order_records import line_of, make_order, make_shipment
from usage.models import InventoryAdjustment, Job


class Fields(HTMLParser):
    """What a page's form would send: the values of its fields."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.sent: dict[str, str] = {}
        self._select = self._area = ""
        self.feed(page.partition('<form method="post" class="document"')[2].partition("<template")[0])

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        name = given.get("name", "")
        if tag == "select":
            self._select = name
        elif tag == "textarea":
            self._area = name
            self.sent[name] = ""
        elif tag == "option" and "selected" in given:
            self.sent[self._select] = given["value"]
        elif (
            tag == "input"
            and name not in {"", "csrfmiddlewaretoken"}
            and (given.get("type") != "checkbox" or "checked" in given)
        ):
            self.sent[name] = given.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":
            self._area = ""

    def handle_data(self, data: str) -> None:
        if self._area:
            self.sent[self._area] += data.strip()


def fields(response: Any) -> dict[str, str]:
    return Fields(response.content.decode()).sent


def said(response: Any) -> str:
    return words(response.content.decode().partition("<main")[2])


def purchase_order() -> tuple[Any, str, str]:
    return order_of(("WIRE", "10", "2")), "lots:purchase_order_edit", "reference"


def receipt() -> tuple[Any, str, str]:
    return write_receipt(order_of(("WIRE", "10", "2")), "4"), "lots:receipt_edit", "reference"


def vendor_return() -> tuple[Any, str, str]:
    order = order_of(("WIRE", "10", "2"))
    receive(order, "10")
    return write_receipt(order, "1", kind="OUTGOING_RETURN"), "usage:vendor_return_edit", "reference"


def purchase() -> tuple[Any, str, str]:
    order = order_of(("WIRE", "10", "2"))
    return write_bill((purchase_line_of(order), "4", "8")), "lots:purchase_edit", "invoice_number"


def sales_order() -> tuple[Any, str, str]:
    return make_order(("WIRE", "10")), "usage:order_edit", "reference"


def shipment() -> tuple[Any, str, str]:
    return make_shipment((line_of(make_order(("WIRE", "10"))), "4")), "usage:shipment_edit", "reference"


def adjustment() -> tuple[Any, str, str]:
    made = pending(InventoryAdjustment.Type.LOSS, line("WIRE", "1"))
    return made, "usage:adjustment_edit", "description"


def job() -> tuple[Any, str, str]:
    return make_job(), "usage:job_edit", "reference"


DOCUMENTS = [purchase_order, receipt, vendor_return, purchase, sales_order, shipment, adjustment, job]


@pytest.mark.parametrize("make", DOCUMENTS)
def test_the_second_is_told_and_may_replace_what_the_first_one_wrote(
    make: Callable[[], tuple[Any, str, str]], clerk: Client, accountant: Client
) -> None:
    record, name, field = make()
    url = reverse(name, args=[record.pk])
    first, second = fields(clerk.get(url)), fields(accountant.get(url))
    assert first["version"] == second["version"] != NO_HISTORY
    done = clerk.post(url, first | {field: "the first", "save_only": "1"})
    assert done.status_code == 302, said(done)
    noted = RecordHistory.objects.filter(number=record.number).count()

    refused = accountant.post(url, second | {field: "the second", "save_only": "1"})
    assert refused.status_code == 422
    by = RecordHistory.objects.filter(number=record.number).latest("pk").by
    assert by is not None
    assert f"{record.number} was changed since you opened this page: Edited by {by.username}, " in said(refused)
    assert f'href="{record.get_absolute_url()}"' in refused.content.decode()
    record.refresh_from_db()
    assert getattr(record, field) == "the first"
    assert RecordHistory.objects.filter(number=record.number).count() == noted

    # What was typed is kept, and sending it again is meant.
    kept = fields(refused)
    assert {name: value for name, value in kept.items() if name != "version"} == {
        name: value for name, value in (second | {field: "the second"}).items() if name != "version"
    }
    again = accountant.post(url, kept | {"save_only": "1"})
    assert again.status_code == 302, said(again)
    record.refresh_from_db()
    assert getattr(record, field) == "the second"


def test_what_was_sent_twice_by_oneself_is_said_so(clerk: Client) -> None:
    url = reverse("lots:purchase_order_edit", args=[order_of(("WIRE", "10", "2")).pk])
    sent = fields(clerk.get(url))
    clerk.post(url, sent)
    assert "Edited by you, " in said(clerk.post(url, sent))


def test_of_two_who_save_at_the_same_moment_one_is_told(
    concurrently: Callable[..., list[object]], clerk: Client, accountant: Client
) -> None:
    url = reverse("lots:purchase_order_edit", args=[order_of(("WIRE", "10", "2")).pk])
    sent = fields(clerk.get(url))

    def save(client: Client, quantity: str) -> Callable[[], object]:
        return lambda: client.post(url, sent | {"lines-0-quantity": quantity}).status_code

    assert sorted(map(str, concurrently(save(clerk, "12"), save(accountant, "15")))) == ["302", "422"]
    order = PurchaseOrder.objects.get()
    assert RecordHistory.objects.filter(number=order.number, action="Edited").count() == 1


def test_what_a_page_asks_about_must_still_be_so(clerk: Client) -> None:
    order = order_of(("WIRE", "20", "10"))
    receive(order, "10")
    bill((purchase_line_of(order), "10", "100"))
    url = reverse("lots:purchase_order_close", args=[order.pk])
    version = clerk.get(url).context["version"]
    bill((purchase_line_of(order), "0", "0"), freight="50")
    before = LotCostEvent.objects.count()
    refused = clerk.post(url, {"version": version})
    assert refused.status_code == 422
    assert "was changed since you opened this page: Purchased by a command" in said(refused)
    assert "(PUR-60001)" in said(refused)
    assert (LotCostEvent.objects.count(), PurchaseOrder.objects.get().status) == (before, "OPEN")
    clerk.post(url, {"version": clerk.get(url).context["version"]})
    assert PurchaseOrder.objects.get().status == "CLOSED"


def test_a_job_that_changed_is_not_void_by_an_old_page(clerk: Client) -> None:
    made = make_job()
    url = reverse("usage:job_void", args=[made.pk])
    version = clerk.get(url).context["version"]
    add_cost(made, "5")
    add_cost(made, "-5")
    refused = clerk.post(url, {"version": version, "reason": "No wood"})
    assert refused.status_code == 422
    assert "Cost added by a command" in said(refused)
    assert Job.objects.get().status == "OPEN"
    # A page that is refused stays so, whatever is sent: it says what is no longer true.
    assert fields(refused).get("version", version) == version


def test_a_record_without_history_counts_from_its_first_change(clerk: Client) -> None:
    made = PurchaseOrder.objects.create(number="PO-1", vendor="Acme", ordered_on=day(1).date())
    url = reverse("lots:purchase_order_edit", args=[made.pk])
    assert clerk.get(url).context["version"] == NO_HISTORY
    line = {"code": make_code("WIRE").code, "quantity": "1", "unit_cost": "1"}
    sent = {f"lines-0-{name}": value for name, value in line.items()} | {"lines-TOTAL_FORMS": "1"}
    sent |= {"vendor": "Acme", "ordered_on": "2026-01-01", "version": NO_HISTORY, "lines-INITIAL_FORMS": "0"}
    RecordHistory.objects.create(number="PO-1", action="Edited", at=day(2))
    assert "Edited by a command" in said(clerk.post(url, sent))
