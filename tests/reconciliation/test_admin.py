"""The admin: master data by its rules, ledgers to be looked at, people by administrators."""

from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, User
from django.test import Client
from django.urls import reverse

from lots.admin import ReadOnlyAdmin
from lots.models import CostPool, LineItemCode, Office
from tests.factories import make_code, make_lot, make_usage, reconcile
from tests.harness.people import make_person
from tests.reconciliation.records import culprits
from usage.models import InventoryUsage

if TYPE_CHECKING:
    from playwright.sync_api import Page

# Django's admin looks up variables that are not there.
pytestmark = pytest.mark.ignore_template_errors

EDITABLE = {"lots.lineitemcode", "lots.office", "auth.user", "auth.group"}


def code_form(**changes: str) -> dict[str, str]:
    return {
        "description": "Wire", "status": "ACTIVE", "est_unit_cost": "2.00", "account_revenue": "", "account_cost": "",
        "account_inventory": "", **changes,
    }  # fmt: skip


def change_url(record: object) -> str:
    options = record._meta  # type: ignore[attr-defined]  # a model's row
    return reverse(f"admin:{options.app_label}_{options.model_name}_change", args=[record.pk])  # type: ignore[attr-defined]  # as above


def test_everything_but_master_data_and_people_is_read_only() -> None:
    read_only = {
        model._meta.label_lower for model, site in admin.site._registry.items() if isinstance(site, ReadOnlyAdmin)
    }
    assert {model._meta.label_lower for model in admin.site._registry} - read_only == EDITABLE


@pytest.mark.django_db
def test_even_a_superuser_cannot_touch_a_ledger(client: Client) -> None:
    usage = make_usage("WIRE", "3")
    client.force_login(User.objects.create_superuser("root"))
    assert client.post(change_url(usage), {"quantity": "5"}).status_code == 403
    assert client.get(reverse("admin:usage_inventoryusage_add")).status_code == 403
    assert client.post(reverse("admin:usage_inventoryusage_delete", args=[usage.pk])).status_code == 403
    assert InventoryUsage.objects.get().quantity == 3


@pytest.mark.django_db
def test_a_changed_estimate_moves_what_is_accrued(administrator: Client) -> None:
    make_usage("WIRE", "3")
    code = make_code("WIRE")
    assert administrator.post(change_url(code), code_form(est_unit_cost="5.50")).status_code == 302
    assert CostPool.objects.get().open_accrued_cogs == Decimal("16.50")
    code.refresh_from_db()
    assert (code.est_unit_cost, code.description) == (Decimal("5.50"), "Wire")
    assert not culprits()


@pytest.mark.django_db
def test_a_negative_estimate_is_refused_and_nothing_moves(administrator: Client) -> None:
    make_usage("WIRE", "3")
    response = administrator.post(change_url(make_code("WIRE")), code_form(est_unit_cost="-1"))
    assert "cannot be negative" in response.content.decode()
    assert CostPool.objects.get().open_accrued_cogs == Decimal("6.00")


@pytest.mark.django_db
def test_code_and_type_are_for_good_and_tracking_once_there_are_records(administrator: Client) -> None:
    unused, used = make_code("NEW"), make_code("WIRE")
    make_lot("WIRE")
    forged = code_form(code="OTHER", record_type="TIME", is_serialized="on")
    for code in (unused, used):
        assert administrator.post(change_url(code), forged).status_code == 302
        code.refresh_from_db()
    assert (unused.code, unused.record_type, unused.is_serialized) == ("NEW", "INVENTORIED_ITEM", True)
    assert (used.code, used.record_type, used.is_serialized) == ("WIRE", "INVENTORIED_ITEM", False)


@pytest.mark.django_db
def test_a_code_with_stock_cannot_be_made_inactive(administrator: Client) -> None:
    make_lot("WIRE", received="3", value="3.00")
    code = make_code("WIRE")
    refused = administrator.post(change_url(code), code_form(status="INACTIVE"))
    assert "There is stock on hand" in refused.content.decode()
    make_usage("WIRE", "3")
    reconcile()
    assert administrator.post(change_url(code), code_form(status="INACTIVE")).status_code == 302
    code.refresh_from_db()
    assert code.status == LineItemCode.Status.INACTIVE


@pytest.mark.django_db
def test_a_code_and_an_office_are_made(administrator: Client) -> None:
    new = code_form(code="NEW", record_type="INVENTORIED_ITEM")
    assert administrator.post(reverse("admin:lots_lineitemcode_add"), new).status_code == 302
    assert administrator.post(reverse("admin:lots_office_add"), {"code": "AI", "name": "Austin"}).status_code == 302
    office = Office.objects.get()
    administrator.post(change_url(office), {"code": "ZZ", "name": "Boston"})
    office.refresh_from_db()
    assert (LineItemCode.objects.get().code, office.code, office.name) == ("NEW", "AI", "Boston")


# -- People ------------------------------------------------------------------------------------------
def person_form(person: User, **changes: object) -> dict[str, object]:
    return {
        "username": person.username, "first_name": "", "last_name": "", "email": "", "is_active": "on", **changes,
    }  # fmt: skip


@pytest.mark.django_db
def test_whoever_becomes_an_administrator_may_enter_the_admin(administrator: Client) -> None:
    somebody = User.objects.create_user("somebody")
    group = Group.objects.get(name="administrator")
    assert administrator.post(change_url(somebody), person_form(somebody, groups=[group.pk])).status_code == 302
    somebody.refresh_from_db()
    assert somebody.is_staff


@pytest.mark.django_db
def test_an_administrator_cannot_make_a_superuser_nor_touch_one(administrator: Client) -> None:
    somebody, root = User.objects.create_user("somebody"), User.objects.create_superuser("root")
    administrator.post(change_url(somebody), person_form(somebody, is_superuser="on", user_permissions=[1]))
    somebody.refresh_from_db()
    assert not somebody.is_superuser
    assert not somebody.user_permissions.exists()
    assert administrator.post(change_url(root), person_form(root, is_active="")).status_code == 403
    url = reverse("admin:auth_user_password_change", args=[root.pk])
    assert administrator.post(url, {"password1": "correct-horse-9", "password2": "correct-horse-9"}).status_code == 403


@pytest.mark.django_db
def test_people_are_made_inactive_and_not_deleted(administrator: Client) -> None:
    clerk = make_person("clerk")
    assert administrator.post(reverse("admin:auth_user_delete", args=[clerk.pk])).status_code == 403
    administrator.post(change_url(clerk), person_form(clerk, is_active=""))
    clerk.refresh_from_db()
    assert not clerk.is_active


@pytest.mark.django_db
def test_the_four_roles_are_what_the_code_says_and_other_groups_are_free(administrator: Client) -> None:
    role, own = Group.objects.get(name="viewer"), Group.objects.create(name="night shift")
    assert administrator.post(change_url(role), {"name": "viewer"}).status_code == 403
    assert administrator.post(change_url(own), {"name": "day shift"}).status_code == 302
    own.refresh_from_db()
    assert own.name == "day shift"


# -- In a browser ------------------------------------------------------------------------------------
def test_the_admin_works_under_our_policy(page: "Page", sign_in: Callable[[str], User]) -> None:
    """The page fixture fails the test on any error in the console, which is where a refused script would show."""
    code = make_code("WIRE")
    make_lot()
    sign_in("administrator")
    for address in ("/admin/", "/admin/lots/inventorylot/", "/admin/auth/user/add/", "/admin/auth/group/add/"):
        page.goto(address)
    page.goto(change_url(code))
    page.get_by_label("Description").fill("Copper wire")
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_text("was changed successfully").wait_for()
    code.refresh_from_db()
    assert code.description == "Copper wire"
