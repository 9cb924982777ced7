"""Pages of orders and shipments: what they say, what they offer, and that a form does what it says."""

from decimal import Decimal
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse

from inventory_site.templatetags.display import quantity
from tests.factories import day, make_code, make_lot, make_office, make_usage
from tests.pages.reading import exported, page, said
from tests.usage.jobs import make_job
from tests.usage.order_records import (
    Supply,
    balances,
    line_of,
    make_order,
    make_shipment,
    receive_units,
    ship,
    take_back,
)
from usage.documents import document_of
from usage.models import InventoryUsage, Order, OrderLine, Shipment
from usage.ordering import order_close, order_void

pytestmark = pytest.mark.django_db


def lines(*given: dict[str, Any]) -> dict[str, str]:
    """The lines of a form as a browser sends them."""
    sent = {"lines-TOTAL_FORMS": str(len(given)), "lines-INITIAL_FORMS": "0"}
    for index, line in enumerate(given):
        sent |= {f"lines-{index}-{name}": str(value) for name, value in line.items()}
    return sent


def refusals(response: Any) -> str:
    return " ".join(str(message) for message in get_messages(response.wsgi_request))


def reason_of(client: Client, url: str, label: str) -> str:
    """Why an action of the page cannot be done; "" where it can. A label that is not there fails."""
    context: Any = client.get(url).context
    (action,) = (action for action in context["actions"] if action.label == label)
    return str(action.reason)


# -- Orders ------------------------------------------------------------------------------------------
def test_an_order_is_entered_opened_and_found(clerk: Client) -> None:
    make_code("WIRE")
    make_office("AI")
    new = {"customer": "Northwind School", "ordered_at": "2026-01-05T09:00", "department": "Sales"}
    response = clerk.post(
        reverse("usage:order_create"), new | lines({"code": "wire", "quantity": "4*3", "supply": Supply.STOCK}, {})
    )
    order = Order.objects.get()
    assert response.headers["Location"] == order.get_absolute_url()
    assert (order.status, line_of(order).quantity, balances().demand) == ("PENDING", 12, 0)
    clerk.post(reverse("usage:order_open", args=[order.pk]))
    order.refresh_from_db()
    assert (order.status, balances().demand) == ("OPEN", -12)
    text = said(clerk, reverse("usage:orders") + "?quick=waiting")
    assert "Northwind School" in text
    assert "12 0 0 -12 Open" in text
    again = clerk.post(reverse("usage:order_open", args=[order.pk]))
    assert "open already" in refusals(again)
    assert balances().demand == -12


def test_the_page_shows_items_with_what_is_available_and_who_did_what(clerk: Client) -> None:
    make_lot("WIRE", received="100", value="250")
    order = make_order(("WIRE", "50"), ("BOOK", "2", Supply.DROP_SHIP), office="AI")
    ship((line_of(order), "20"))
    take_back((line_of(order), "5"))
    text = said(clerk, order.get_absolute_url())
    assert "Go to code WIRE About WIRE From stock 45 20 5 -30 30 85 55" in text
    assert "About BOOK Drop ship 2 0 0 0 2" in text
    for title in ("General Info", "Order Items", "Procurement and Production", "Shipping", "History"):
        assert title in text
    assert "Incoming Return" in text
    assert "Returned" in text


def test_an_open_order_is_edited_line_by_line(clerk: Client) -> None:
    order = make_order(("WIRE", "10"), ("BOOK", "2"))
    ship((line_of(order), "4"))
    form: Any = clerk.get(reverse("usage:order_edit", args=[order.pk])).context
    assert [line["quantity"].value() for line in form["formset"].forms[:2]] == ["10", "2"]
    make_code("PEN")
    header = {"customer": "Another", "ordered_at": "2026-01-05T09:00"}
    wire = {"code": "WIRE", "supply": Supply.STOCK, "id": line_of(order).pk}
    address = reverse("usage:order_edit", args=[order.pk])
    refused = clerk.post(address, header | lines({**wire, "quantity": "3"}))
    assert refused.status_code == 422
    assert "4 are shipped already" in refused.content.decode()
    assert (order.lines.count(), balances().demand) == (2, -6)
    clerk.post(address, header | lines({**wire, "quantity": "12"}, {"code": "PEN", "quantity": "1", "supply": "STOCK"}))
    order.refresh_from_db()
    assert order.customer == "Another"
    assert (balances().demand, balances("BOOK").demand, balances("PEN").demand) == (-8, 0, -1)


def test_actions_that_cannot_be_done_say_why(clerk: Client) -> None:
    order = make_order(("WIRE", "10"), is_open=False)
    url = order.get_absolute_url()
    assert reason_of(clerk, url, "Open") == reason_of(clerk, url, "Edit") == ""
    assert reason_of(clerk, url, "Ship everything due") == reason_of(clerk, url, "New shipment") == "It is not open."
    assert reason_of(clerk, url, "New return") == "Nothing is shipped."
    order_void(order=order, by=None, at=day(2))
    assert "for ever" in reason_of(clerk, url, "Reopen")
    assert "is void" in reason_of(clerk, url, "Edit")
    assert "void already" in reason_of(clerk, url, "Void")


def test_who_may_only_look_is_offered_nothing(viewer: Client) -> None:
    order = make_order(("WIRE", "10"))
    context: Any = viewer.get(order.get_absolute_url()).context
    assert list(context["actions"]) == []
    assert "/procure/" not in page(viewer, order.get_absolute_url())
    assert list(viewer.get(reverse("usage:orders")).context["actions"]) == []


def test_everything_due_is_shipped_by_one_answer(clerk: Client) -> None:
    order = make_order(("WIRE", "10"), ("BOOK", "2"))
    assert "Due: 10 WIRE, 2 BOOK" in said(clerk, reverse("usage:order_ship", args=[order.pk]))
    response = clerk.post(reverse("usage:order_ship", args=[order.pk]))
    assert response.headers["Location"] == Shipment.objects.get().get_absolute_url()
    order.refresh_from_db()
    assert (order.status, InventoryUsage.objects.count()) == ("CLOSED", 2)
    assert "Nothing" in refusals(clerk.post(reverse("usage:order_ship", args=[order.pk]))) or order.status == "CLOSED"
    assert Shipment.objects.count() == 1


def test_close_reopen_and_void_note_their_reason(clerk: Client) -> None:
    order = make_order(("WIRE", "10"))
    for name, status in (("close", "CLOSED"), ("reopen", "OPEN"), ("void", "VOID")):
        clerk.post(reverse(f"usage:order_{name}", args=[order.pk]), {"reason": f"Because {name}"})
        order.refresh_from_db()
        assert order.status == status
        assert f"Because {name}" in said(clerk, order.get_absolute_url())
    assert balances().demand == 0


def test_a_line_is_procured_from_the_order_page(clerk: Client) -> None:
    make_code("WIRE", cost="2.50")
    order = make_order(("WIRE", "10", Supply.SPECIAL_ORDER))
    address = reverse("usage:order_procure", args=[line_of(order).pk])
    assert address in page(clerk, order.get_absolute_url())
    assert 'value="2.50"' in page(clerk, address)
    response = clerk.post(address, {"vendor": "Acme", "unit_cost": "2.40"})
    assert response.headers["Location"] == order.get_absolute_url()
    made = line_of(order).purchases.get().purchase_order_line
    assert made is not None
    text = said(clerk, order.get_absolute_url())
    assert str(made.purchase_order) in text
    assert address not in page(clerk, order.get_absolute_url())


# -- Shipments ---------------------------------------------------------------------------------------
def line(order: Order, code: str, amount: str, **more: str) -> dict[str, Any]:
    return {"order": order.number, "code": code, "quantity": amount, **more}


def test_a_shipment_is_filled_in_with_what_is_due_and_serves_several_orders(clerk: Client) -> None:
    first, second = make_order(("WIRE", "10"), ("BOOK", "1"), office="AI"), make_order(("WIRE", "3"))
    ship((line_of(first, "BOOK"), "1"))
    address = f"{reverse('usage:shipment_create')}?order={first.number},{second.number}"
    form: Any = clerk.get(address).context
    shown = [(one["order"].value(), one["code"].value(), one["quantity"].value()) for one in form["formset"].forms[:2]]
    assert shown == [(first.number, "WIRE", "10"), (second.number, "WIRE", "3")]
    header = {"shipped_at": "2026-01-07T09:00"}
    clerk.post(address, header | lines(line(first, "WIRE", "4"), line(second, "WIRE", "3"), {"order": ""}))
    shipment = Shipment.objects.latest("pk")
    assert [(row.order_line.order, row.quantity) for row in shipment.lines.all()] == [(first, 4), (second, 3)]
    assert not InventoryUsage.objects.filter(source_number=shipment.number).exists()
    clerk.post(reverse("usage:shipment_ship", args=[shipment.pk]))
    text = said(clerk, shipment.get_absolute_url())
    assert "Outgoing Shipment" in text
    for number in InventoryUsage.objects.filter(source_number=shipment.number).values_list("number", flat=True):
        assert f"Go to usage {number}" in text
    assert balances().demand == -6


def test_a_special_order_is_proposed_as_far_as_it_came_in(clerk: Client) -> None:
    order = make_order(("WIRE", "5", Supply.SPECIAL_ORDER), ("BOOK", "5", Supply.SPECIAL_ORDER))
    OrderLine.objects.filter(pk=line_of(order).pk).update(lot=receive_units(make_code("WIRE"), "2", "2"))
    form: Any = clerk.get(f"{reverse('usage:shipment_create')}?order={order.number}").context
    shown = [(one["code"].value(), one["at_most"].value(), one["quantity"].value()) for one in form["formset"].forms]
    assert shown[0] == ("WIRE", "5", "2")
    assert "BOOK" not in [code for code, _, _ in shown]


@pytest.mark.parametrize(
    ("order", "code", "said_so"),
    [("60000", "PEN", "no line of PEN"), ("7", "WIRE", "There is no order “7”"), ("60000", "X", "no active line item")],
)
def test_a_line_that_names_nothing_is_marked_and_nothing_saved(
    clerk: Client, order: str, code: str, said_so: str
) -> None:
    make_code("PEN")
    make_order(("WIRE", "10"))
    sent = {"shipped_at": "2026-01-07T09:00"} | lines({"order": order, "code": code, "quantity": "1"})
    response = clerk.post(reverse("usage:shipment_create"), sent)
    assert response.status_code == 422
    assert said_so in response.content.decode()
    assert not Shipment.objects.exists()


def test_shipping_more_than_is_due_asks_first(clerk: Client) -> None:
    order = make_order(("WIRE", "10"))
    shipment = make_shipment((line_of(order), "12"))
    address = reverse("usage:shipment_ship", args=[shipment.pk])
    assert "12 WIRE, while 10 are due" in said(clerk, address)
    assert clerk.post(address).status_code == 422
    assert not InventoryUsage.objects.exists()
    clerk.post(address, {"is_over_shipment_accepted": "on"})
    assert InventoryUsage.objects.get().quantity == 12


def test_serial_numbers_are_typed_with_commas_and_kept_when_edited(clerk: Client) -> None:
    code = make_code("LAPTOP")
    code.__class__.objects.update(is_serialized=True)
    receive_units(code, "2", "200", serials=("A1", "A2"))
    order = make_order(("LAPTOP", "2"))
    sent = {"shipped_at": "2026-01-07T09:00"} | lines(line(order, "LAPTOP", "2", serials="A1, A2"))
    clerk.post(reverse("usage:shipment_create"), sent)
    shipment = Shipment.objects.get()
    form: Any = clerk.get(reverse("usage:shipment_edit", args=[shipment.pk])).context
    assert form["formset"].forms[0]["serials"].value() == "A1, A2"
    clerk.post(reverse("usage:shipment_ship", args=[shipment.pk]))
    assert balances("LAPTOP").on_hand == 0


def test_a_return_is_entered_received_and_voided(clerk: Client) -> None:
    make_lot("WIRE", received="10", value="20")
    order = make_order(("WIRE", "10"))
    ship((line_of(order), "10"))
    address = f"{reverse('usage:return_create')}?order={order.number}"
    form: Any = clerk.get(address).context
    assert form["formset"].forms[0]["at_most"].value() == "10"
    clerk.post(address, {"shipped_at": "2026-01-09T09:00"} | lines(line(order, "WIRE", "3")))
    back = Shipment.objects.latest("pk")
    assert back.kind == Shipment.Kind.INCOMING_RETURN
    assert "Receive" in said(clerk, reverse("usage:shipment_ship", args=[back.pk]))
    clerk.post(reverse("usage:shipment_ship", args=[back.pk]))
    assert (balances().on_hand, line_of(order).quantity_returned) == (3, 3)
    out = Shipment.objects.order_by("pk")[0]
    assert str(back) in reason_of(clerk, out.get_absolute_url(), "Void")
    clerk.post(reverse("usage:shipment_void", args=[back.pk]), {"reason": "Not ours"})
    assert balances().on_hand == 0
    assert reason_of(clerk, out.get_absolute_url(), "Void") == ""


def test_a_refused_shipment_says_what_to_do_and_moves_nothing(clerk: Client) -> None:
    order = make_order(("WIRE", "10"))
    shipment = make_shipment((line_of(order), "4"))
    order_close(order=order, by=None, at=day(2))
    response = clerk.post(reverse("usage:shipment_ship", args=[shipment.pk]))
    assert "is closed: reopen it" in refusals(response)
    assert "is closed: reopen it" in reason_of(clerk, shipment.get_absolute_url(), "Ship")
    assert not InventoryUsage.objects.exists()


def test_the_lists_find_by_code_and_order_and_export(clerk: Client) -> None:
    first, second = make_order(("WIRE", "10")), make_order(("BOOK", "2"))
    one = ship((line_of(first), "10"))
    both = make_shipment((line_of(second, "BOOK"), "1"), (line_of(second, "BOOK"), "1"))
    orders = exported(clerk.get(reverse("usage:orders") + "?code=WIRE&export=csv"))  # type: ignore[arg-type]  # the test client's response
    assert [row[0] for row in orders[1:]] == [first.number, "List Totals"]
    found = exported(clerk.get(f"{reverse('usage:shipments')}?order=={second.number}&export=csv"))  # type: ignore[arg-type]  # as above
    assert [(row[0], row[4], row[6]) for row in found[1:]] == [(both.number, second.number, quantity(Decimal(2)))]
    assert one.number in said(clerk, reverse("usage:shipments") + "?quick=outgoing&code=WIRE")


# -- From numbers to documents -----------------------------------------------------------------------
def test_a_transaction_id_leads_to_its_document_and_an_order_number_to_its_order(viewer: Client) -> None:
    order = make_order(("WIRE", "10"))
    shipment = ship((line_of(order), "1"))
    source = reverse("usage:source")
    assert viewer.get(f"{source}?id={shipment}").headers["Location"] == shipment.get_absolute_url()
    assert "Inventory Usage" in said(viewer, f"{source}?id={shipment}&records=all")
    by_number = reverse("usage:order_by_number")
    assert viewer.get(f"{by_number}?id={order}").headers["Location"] == order.get_absolute_url()
    job = make_job()
    assert viewer.get(f"{by_number}?id={job}").headers["Location"] == job.get_absolute_url()
    assert viewer.get(f"{by_number}?id=7").headers["Location"] == "/inventory/usage/?order==7"
    assert viewer.get(by_number).headers["Location"] == reverse("usage:usages")


def test_numbers_of_imported_records_name_no_document(viewer: Client) -> None:
    make_usage("WIRE", "1", source="SHIP-1", order="7")
    assert [document_of(number) for number in ("SHIP-1", "", "7", "PO-1", "JOB1", "INVTRYADJ-1")] == [None] * 6
    assert "Transaction SHIP-1" in said(viewer, reverse("usage:source") + "?id=SHIP-1")


def test_an_order_line_has_the_page_of_its_order() -> None:
    order = make_order(("WIRE", "10"))
    assert OrderLine.objects.get().get_absolute_url() == order.get_absolute_url()
    assert document_of(order.number) == order
