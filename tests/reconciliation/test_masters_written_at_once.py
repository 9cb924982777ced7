"""Codes, accounts, offices and preferences have a history, and who writes one after somebody else is told."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from inventory_site.document_versions import NO_HISTORY
from lots.models import Account, LineItemCode, Office, Preference, PreferenceChange, RecordHistory
from tests.factories import make_code, make_office
from tests.usage.test_written_at_once import fields, said

pytestmark = pytest.mark.django_db
Master = tuple[Any, str, str]


def code() -> Master:
    return make_code("WIRE"), "usage:code_edit", "description"


def account() -> Master:
    return Account.objects.create(number="6100", name="Samples", kind="EXPENSE"), "reconciliation:account_edit", "name"


def office() -> Master:
    return make_office("AI"), "lots:office_edit", "name"


MASTERS = [code, account, office]


@pytest.mark.parametrize("make", MASTERS)
def test_who_changed_a_master_record_and_what_stands_on_its_page(
    make: Callable[[], Master], accountant: Client
) -> None:
    record, name, field = make()
    before = getattr(record, field) or "nothing"
    url = reverse(name, args=[record.pk])
    assert "Nothing is noted yet" in said(accountant.get(record.get_absolute_url()))
    accountant.post(url, fields(accountant.get(url)) | {field: "another"})
    page = said(accountant.get(record.get_absolute_url()))
    assert f"accountant Edited {field.capitalize()}: {before} to another" in page
    noted = RecordHistory.objects.count()
    # What changes nothing leaves no line.
    accountant.post(url, fields(accountant.get(url)))
    assert RecordHistory.objects.count() == noted == 1


@pytest.mark.parametrize("make", MASTERS)
def test_the_second_who_writes_a_master_record_is_told(
    make: Callable[[], Master], accountant: Client, administrator: Client
) -> None:
    record, name, field = make()
    url = reverse(name, args=[record.pk])
    first, second = fields(accountant.get(url)), fields(administrator.get(url))
    assert first["version"] == second["version"] == NO_HISTORY
    assert accountant.post(url, first | {field: "the first"}).status_code == 302
    refused = administrator.post(url, second | {field: "the second"})
    assert refused.status_code == 422
    assert f"{record.history_name} was changed since you opened this page: Edited by accountant, " in said(refused)
    record.refresh_from_db()
    assert getattr(record, field) == "the first"
    # What was typed is kept, and sending it again is meant.
    assert administrator.post(url, fields(refused)).status_code == 302
    record.refresh_from_db()
    assert getattr(record, field) == "the second"


def test_a_code_tells_its_estimate_and_its_accounts(clerk: Client) -> None:
    made = make_code("WIRE", cost="2")
    url = reverse("usage:code_edit", args=[made.pk])
    clerk.post(url, fields(clerk.get(url)) | {"est_unit_cost": "2.5", "account_cost": "5000", "status": "INACTIVE"})
    page = said(clerk.get(made.get_absolute_url()))
    assert "Est unit cost: 2 to 2.5" in page
    assert "Status: Active to Inactive; cost account: nothing to 5000" in page


def test_what_is_made_on_a_page_begins_its_history(accountant: Client) -> None:
    for name, sent in (
        (
            "lots:code_create",
            {"code": "PEN", "record_type": "INVENTORIED_ITEM", "est_unit_cost": "1", "unit_weight": "0"},
        ),
        ("lots:office_create", {"code": "BO", "name": "Boston"}),
        ("reconciliation:account_create", {"number": "6100", "name": "Samples", "kind": "EXPENSE"}),
    ):
        url = reverse(name)
        sent["status"] = "ACTIVE"
        made = accountant.post(url, sent, follow=True)
        assert "accountant Created" in said(made), said(made)
    again = accountant.post(reverse("lots:office_create"), {"code": "bo"})
    assert "There is an office bo already. Nothing was added." in said(again)
    assert Office.objects.count() == 1


def test_in_the_admin_it_is_noted_and_compared_as_well(administrator: Client) -> None:
    made = make_code("WIRE", cost="2")
    url = reverse("admin:lots_lineitemcode_change", args=[made.pk])
    sent = {
        name: "" if value is None else value
        for name, value in administrator.get(url).context["adminform"].form.initial.items()
    }
    assert sent["version"] == NO_HISTORY
    sent = {name: value for name, value in sent.items() if value is not False}
    first = administrator.post(url, sent | {"est_unit_cost": "3", "description": "Copper"})
    assert first.status_code == 302, first.context["errors"]
    assert list(RecordHistory.objects.values_list("number", "note").order_by("pk")) == [
        ("Code WIRE", "Est unit cost: 2 to 3"),
        ("Code WIRE", "Description: About WIRE to Copper"),
    ]
    refused = administrator.post(url, sent | {"description": "Iron"})
    assert "Code WIRE was changed since you opened this page: Edited by administrator" in said(refused)
    assert LineItemCode.objects.get().description == "Copper"


def test_a_preference_that_somebody_changed_meanwhile_is_not_overwritten(
    accountant: Client, administrator: Client
) -> None:
    url = reverse("reconciliation:preferences")
    version = accountant.get(url).context["version"]
    assert administrator.get(url).context["version"] == version
    sent = {"name": "cogs_method", "version": version}
    assert accountant.post(url, sent | {"value": "LIFO"}).status_code == 302
    refused = administrator.post(url, sent | {"value": "FIFO"})
    assert refused.status_code == 422
    assert "was changed since you opened this page: from FIFO to LIFO by accountant, " in said(refused)
    assert (Preference.current().cogs_method, PreferenceChange.objects.count()) == ("LIFO", 1)
    # Another one was not touched by anybody; and who has seen the change may change it.
    assert administrator.post(url, sent | {"name": "posting_date", "value": "RUN"}).status_code == 302
    assert administrator.post(url, sent | {"value": "FIFO", "version": refused.context["version"]}).status_code == 302
    assert Preference.current().cogs_method == "FIFO"


def test_default_accounts_are_compared_together(accountant: Client, administrator: Client) -> None:
    url = reverse("reconciliation:preferences")
    for number in ("5800", "5900"):
        Account.objects.create(number=number, kind="EXPENSE")
    version = accountant.get(url).context["version"]
    sent = {"name": "accounts", "version": version}
    assert accountant.post(url, sent | {"account_variance": "5800"}).status_code == 302
    refused = administrator.post(url, sent | {"account_variance": "5900"})
    assert "Purchase cost variance was changed since you opened this page: from " in said(refused)
    assert "to 5800 by accountant" in said(refused)
    variance = Preference.current().account_variance
    assert variance is not None
    assert variance.number == "5800"


def test_history_lists_what_people_did_and_leads_to_the_records(clerk: Client, viewer: Client) -> None:
    made = make_code("A WIRE")
    url = reverse("usage:code_edit", args=[made.pk])
    clerk.post(url, fields(clerk.get(url)) | {"description": "Copper"})
    page = viewer.get(reverse("lots:history"), {"number": "=Code A WIRE"})
    assert "clerk Go to record Code A WIRE Edited Description: About A WIRE to Copper" in said(page)
    assert 'href="/inventory/codes/?code==A+WIRE"' in page.content.decode()
    assert "No entries match" in said(viewer.get(reverse("lots:history"), {"quick": "void"}))
