"""A form that makes a record, sent twice: by a second click, a browser that asks again, a way back and another Save."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from inventory_site.models import SentForm
from inventory_site.sent_forms import KEPT
from lots.models import Purchase, PurchaseOrder, Receipt
from reconciliation.sweeper import at_night
from tests.factories import make_code
from tests.lots.purchasing_stories import balances, order_of, receive, write_bill
from tests.lots.purchasing_stories import line_of as purchase_line_of
from tests.usage.test_written_at_once import fields, said
from usage.models import Job, Order

NOON = "2026-01-05T12:00"
Sent = tuple[str, dict[str, str]]


def line(**values: str) -> dict[str, str]:
    return {f"lines-0-{name}": value for name, value in values.items()}


def receipt(client: Client) -> Sent:
    url = f"{reverse('lots:receipt_create')}?purchase_order={order_of(('WIRE', '10', '2')).pk}"
    return url, fields(client.get(url)) | line(quantity="4")


def purchase(client: Client) -> Sent:
    order = order_of(("WIRE", "10", "2"))
    receive(order, "4")
    url = f"{reverse('lots:purchase_create')}?purchase_order={order.pk}"
    return url, fields(client.get(url)) | {"invoice_number": "A-77", "freight_by": "VALUE"}


def purchase_order(client: Client) -> Sent:
    make_code("WIRE")
    url = reverse("lots:purchase_order_create")
    return url, fields(client.get(url)) | {"vendor": "Acme"} | line(code="WIRE", quantity="5", unit_cost="2")


def sales_order(client: Client) -> Sent:
    make_code("WIRE")
    url = reverse("usage:order_create")
    return url, fields(client.get(url)) | {"customer": "Hill", "ordered_at": NOON} | line(code="WIRE", quantity="5")


def job(client: Client) -> Sent:
    make_code("WIRE"), make_code("LAMP")
    url = reverse("usage:job_create")
    sent = {"code": "LAMP", "quantity": "1", "started_at": NOON}
    return url, fields(client.get(url)) | sent | line(code="WIRE", quantity="5")


FORMS = [(receipt, Receipt), (purchase, Purchase), (purchase_order, PurchaseOrder), (sales_order, Order), (job, Job)]


@pytest.mark.django_db
@pytest.mark.parametrize(("make", "model"), FORMS)
def test_what_is_sent_twice_is_made_once_and_leads_to_what_was_made(
    make: Callable[[Client], Sent], model: Any, clerk: Client
) -> None:
    url, sent = make(clerk)
    before = model.objects.count()
    first = clerk.post(url, sent)
    assert first.status_code == 302, said(first)
    made = model.objects.latest("pk")
    moved = balances()
    again = clerk.post(url, sent, follow=True)
    assert again.redirect_chain == [(made.get_absolute_url(), 302)]
    assert f"This form was sent before and made {made}. Nothing was made again." in said(again)
    assert (model.objects.count(), balances()) == (before + 1, moved)


@pytest.mark.django_db
def test_a_form_that_was_refused_can_be_sent_again_and_a_new_one_makes_another(clerk: Client) -> None:
    url, sent = purchase_order(clerk)
    refused = clerk.post(url, sent | line(quantity="no number"))
    assert refused.status_code == 422
    assert fields(refused)["once"] == sent["once"]
    assert clerk.post(url, sent).status_code == 302
    url, other = purchase_order(clerk)
    assert other["once"] != sent["once"]
    assert clerk.post(url, other).status_code == 302
    assert PurchaseOrder.objects.count() == SentForm.objects.count() == 2


def test_what_is_sent_twice_at_the_same_moment_is_made_once(
    concurrently: Callable[..., list[object]], clerk: Client, accountant: Client
) -> None:
    url, sent = receipt(clerk)
    results = concurrently(*(lambda one=one: one.post(url, sent).url for one in (clerk, accountant)))
    assert results == [Receipt.objects.get().get_absolute_url()] * 2
    assert balances() == (6, 4)


@pytest.mark.django_db
def test_every_night_the_forms_that_nobody_can_send_any_more_are_forgotten(clerk: Client) -> None:
    for _ in range(2):
        url, sent = purchase_order(clerk)
        assert clerk.post(url, sent).status_code == 302
    kept = SentForm.objects.get(token=sent["once"])
    old = SentForm.objects.exclude(pk=kept.pk).get()
    SentForm.objects.filter(pk=old.pk).update(at=kept.at - KEPT - timedelta(seconds=1))
    SentForm.objects.filter(pk=kept.pk).update(at=kept.at - KEPT + timedelta(hours=1))
    at_night(now=kept.at)
    assert list(SentForm.objects.all()) == [kept]
    assert clerk.post(url, sent).status_code == 302
    assert PurchaseOrder.objects.count() == 2


@pytest.mark.django_db
def test_a_vendors_invoice_number_that_is_entered_already_is_asked_about(clerk: Client) -> None:
    order = order_of(("WIRE", "10", "2"))
    receive(order, "4")
    known = write_bill((purchase_line_of(order), "4", "8"))
    url = f"{reverse('lots:purchase_create')}?purchase_order={order.pk}"
    sent = fields(clerk.get(url)) | {"vendor": "ACME", "invoice_number": known.invoice_number, "freight_by": "VALUE"}
    asked = clerk.post(url, sent)
    assert asked.status_code == 422
    assert f"Invoice {known.invoice_number} of ACME is entered already: {known}." in said(asked)
    assert Purchase.objects.count() == 1
    meant = clerk.post(url, sent | {"is_same_invoice_accepted": "on"})
    assert meant.status_code == 302, said(meant)
    assert Purchase.objects.count() == 2
