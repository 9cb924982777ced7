"""The workbench's pages: offices, tracked codes, usage that is tied, costs nobody knows, and a second person."""

from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from lots.accounts import default_account
from lots.models import InventoryLot, LineItemCode, Preference
from reconciliation.models import ReconciliationRun
from reconciliation.runner import work
from tests.factories import make_code, make_lot, make_office, make_usage, reconcile
from tests.reconciliation.test_resolve_pages import bench, filled, posted, preview_of, words
from usage.models import InventoryAdjustment, OpenUsage, RestrictionRelease

pytestmark = pytest.mark.django_db


LIST = "/reconciliation/resolve/"


def page_of(client: Client, code: str) -> str:
    return words(client.get(bench(code)).content.decode())


def shown(client: Client, address: str, action: str) -> dict[str, str]:
    """What a button of the page of a waiting cure sends."""
    return {"action": action, "fingerprint": client.get(address).context["preview"].fingerprint}


# -- The office --------------------------------------------------------------------------------------
def test_the_form_names_the_office_and_the_count_is_of_the_one_that_is_chosen(clerk: Client) -> None:
    make_usage("WIRE", "5", office="AI")
    make_usage("WIRE", "3", office="NY")
    reconcile()
    page = page_of(clerk, "WIRE")
    assert "On Hand at AI -5 , everywhere -8" in page
    assert "Open usage stands in several places: 5 at AI, 3 at NY." in page
    ny = make_office("NY")
    assert ny is not None
    text = preview_of(clerk, "WIRE", count="20", office=str(ny.pk))
    assert "+23" in text
    assert "On Hand at NY -3 → becomes 20" in text
    posted(clerk, "WIRE", count="20", office=str(ny.pk))
    assert InventoryAdjustment.objects.get().office == ny


def test_an_office_is_asked_for_where_usage_stands_at_one(clerk: Client) -> None:
    make_usage("WIRE", "5", office="AI")
    reconcile()
    assert clerk.post(bench("WIRE"), {**filled(clerk, "WIRE"), "office": ""}).status_code == 422
    assert not InventoryAdjustment.objects.exists()


# -- Tracked codes -----------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("flag", "field", "named"),
    [
        ("is_serialized", "serials", "S-1\nS-2"),
        ("is_tracked_by_manufacturer_lot", "manufacturer_lot", "M-1"),
    ],
)
def test_a_tracked_code_is_resolved_by_naming_what_came_in(clerk: Client, flag: str, field: str, named: str) -> None:
    make_usage("TRACKED", "2")
    make_usage("PLAIN", "2")
    reconcile()
    LineItemCode.objects.filter(code="TRACKED").update(**{flag: True})
    assert "Everything closes" not in preview_of(clerk, "TRACKED")
    assert posted(clerk, "TRACKED").status_code == 422
    assert not InventoryAdjustment.objects.exists()
    assert "Everything closes" in preview_of(clerk, "TRACKED", **{field: named})
    assert posted(clerk, "TRACKED", **{field: named}).status_code == 302
    assert not {"serials", "manufacturer_lot"} & clerk.get(bench("PLAIN")).context["form"].fields.keys()


def test_what_only_people_know_is_left_out_of_several_codes(clerk: Client) -> None:
    for code in ("PLAIN", "SERIAL", "UNPRICED"):
        make_code(code, cost="0" if code == "UNPRICED" else "2")
        make_usage(code, "2")
    reconcile()
    LineItemCode.objects.filter(code="SERIAL").update(is_serialized=True)
    pools = [str(pk) for pk in OpenUsage.objects.values_list("pool", flat=True)]
    page = clerk.get(reverse("reconciliation:resolve_selected"), {"pool": pools})
    text = words(page.content.decode())
    assert "Left out. Its units have serial numbers" in text
    assert "Left out. There is no estimate and no lot" in text
    marks = {f"fingerprint-{row.pool.pk}": row.preview.fingerprint for row in page.context["rows"] if row.preview}
    data = {"pool": pools, "moment": page.context["moment"], **marks}
    done = clerk.post(reverse("reconciliation:resolve_selected"), data)
    assert "1 of 3 posted" in words(done.content.decode())
    assert [lot.code.code for lot in InventoryLot.objects.select_related("code")] == ["PLAIN"]


# -- A cost that nobody knows ------------------------------------------------------------------------
def test_without_estimate_and_lot_nothing_is_posted_before_a_cost_is_entered(clerk: Client) -> None:
    make_code("UNPRICED", cost="0")
    make_usage("UNPRICED", "2")
    reconcile()
    assert "Enter what a unit costs" in page_of(clerk, "UNPRICED")
    without = {name: value for name, value in filled(clerk, "UNPRICED").items() if name != "unit_cost"}
    assert clerk.post(bench("UNPRICED"), without).status_code == 422
    assert not InventoryAdjustment.objects.exists()
    assert posted(clerk, "UNPRICED", unit_cost="3").status_code == 302
    assert InventoryLot.objects.get().value == 6


# -- Usage that is tied to lots ----------------------------------------------------------------------
def test_each_tied_usage_is_let_go_or_its_own_lot_gets_what_it_lacks(clerk: Client) -> None:
    lots = [make_lot("TWO", received="2", value=value, on_day=on) for value, on in (("4.00", 1), ("10.00", 2))]
    _, second = [make_usage("TWO", "5", on_day=3, only_lots=[lot]) for lot in lots]
    reconcile()
    assert len(clerk.get(bench("TWO")).context["form"]["release"].value()) == 2
    choice: dict[str, Any] = {"release": [str(second.pk)], "quantity": "3", f"into_{lots[0].pk}": "3"}
    assert "Everything closes" in preview_of(clerk, "TWO", **choice)
    posted(clerk, "TWO", **choice)
    work(run_id=ReconciliationRun.objects.latest("pk").pk)
    assert not OpenUsage.objects.exists()
    assert RestrictionRelease.objects.get().usage == second
    lots[0].refresh_from_db()
    # Five of the first lot at what its units cost before.
    assert (lots[0].quantity_received, lots[0].value) == (5, Decimal("10.00"))


def test_what_is_entered_into_a_lot_is_taken_off_the_proposed_quantity(clerk: Client) -> None:
    lot = make_lot("OWN", received="3", value="30.00")
    make_usage("OWN", "5", only_lots=[lot])
    make_usage("OWN", "4", on_day=3)
    reconcile()
    assert "becomes less by them" in page_of(clerk, "OWN")
    kept: dict[str, Any] = {"release": [], f"into_{lot.pk}": "2"}
    text = preview_of(clerk, "OWN", **kept)
    assert "Everything closes" in text
    assert "On Hand -6 → becomes 0" in text
    assert "On Hand -6 → becomes 1" in preview_of(clerk, "OWN", **kept, quantity="5")
    posted(clerk, "OWN", **kept)
    lines = InventoryAdjustment.objects.get().lines.order_by("position").values_list("quantity", "into_lot")
    assert list(lines) == [(2, lot.pk), (4, None)]


def test_the_page_of_a_usage_tells_that_it_was_let_go(clerk: Client) -> None:
    tied = make_lot("TIED", received="2", value="4.00")
    usage = make_usage("TIED", "5", only_lots=[tied])
    reconcile()
    assert "Let go" not in words(clerk.get(usage.get_absolute_url()).content.decode())
    posted(clerk, "TIED")
    page = words(clerk.get(usage.get_absolute_url()).content.decode())
    assert f"Usage {usage.number} Let go It was tied to lot {tied.number}; now any lot may serve it." in page
    assert f"Usage {usage.number} Let go It was tied to this lot." in words(
        clerk.get(tied.get_absolute_url()).content.decode()
    )


# -- Accounts ----------------------------------------------------------------------------------------
def test_only_accounts_that_posting_takes_are_offered(clerk: Client) -> None:
    make_usage("WIRE", "5")
    reconcile()
    offered = set(clerk.get(bench("WIRE")).context["form"].fields["account"].queryset)
    assert default_account("opening") in offered
    assert default_account("inventory") not in offered


# -- A second person ---------------------------------------------------------------------------------
def test_what_waits_for_approval_is_told_approved_and_posted(clerk: Client, accountant: Client, viewer: Client) -> None:
    make_code("DEAR", cost="100")
    make_usage("DEAR", "50")
    reconcile()
    Preference.objects.update(approve_above=Decimal(1000))
    assert "needs approval" in words(clerk.get(LIST).content.decode())
    assert "needs the approval of a second person" in page_of(clerk, "DEAR")
    response = posted(clerk, "DEAR")
    adjustment = InventoryAdjustment.objects.get()
    address = reverse("reconciliation:pending_cure", args=[adjustment.pk])
    assert response["Location"] == address
    for page in (LIST, bench("DEAR"), adjustment.get_absolute_url()):
        assert address in accountant.get(page).content.decode(), page
    assert "waits for approval" in words(clerk.get(LIST).content.decode())
    # Who may approve it is said once, and not at all to who can.
    assert words(clerk.get(address).content.decode()).count("somebody else") == 1
    assert "somebody else" not in words(accountant.get(address).content.decode())
    assert viewer.post(address, {"action": "post"}).status_code == 403
    assert clerk.post(address, {"action": "approve"}).status_code == 403
    assert clerk.post(address, shown(clerk, address, "post")).status_code == 422
    assert accountant.post(address, shown(accountant, address, "approve")).status_code == 302
    assert f"{adjustment.number} is pending" in words(clerk.get(LIST).content.decode())
    assert accountant.post(address, shown(clerk, address, "post")).status_code == 422
    assert clerk.post(address, shown(clerk, address, "post")).status_code == 302
    adjustment.refresh_from_db()
    assert adjustment.status == "POSTED"
    assert clerk.get(address)["Location"] == adjustment.get_absolute_url()


def test_when_the_records_changed_it_says_so_and_offers_what_it_would_do_now(clerk: Client, accountant: Client) -> None:
    make_code("DEAR", cost="100")
    make_usage("DEAR", "50")
    reconcile()
    Preference.objects.update(approve_above=Decimal(1000))
    posted(clerk, "DEAR")
    adjustment = InventoryAdjustment.objects.get()
    address = reverse("reconciliation:pending_cure", args=[adjustment.pk])
    make_lot("DEAR", received="50", value="5000.00")
    reconcile()
    assert accountant.post(address, shown(accountant, address, "approve")).status_code == 409
    page = clerk.get(address)
    assert "The records changed" in words(page.content.decode())
    assert "On Hand 0 → becomes 50" in words(page.content.decode())
    assert clerk.post(address, shown(clerk, address, "post")).status_code == 409
    data = {"action": "renew", "fingerprint": page.context["preview"].fingerprint}
    assert clerk.post(address, data).status_code == 302
    assert "The records changed" not in words(clerk.get(address).content.decode())
    adjustment.refresh_from_db()
    assert (adjustment.status, adjustment.approved_by) == ("PENDING", None)


def test_a_page_of_before_it_was_taken_over_neither_approves_nor_posts(clerk: Client, accountant: Client) -> None:
    make_code("DEAR", cost="100")
    make_usage("DEAR", "50")
    reconcile()
    Preference.objects.update(approve_above=Decimal(1000))
    posted(clerk, "DEAR")
    adjustment = InventoryAdjustment.objects.get()
    address = reverse("reconciliation:pending_cure", args=[adjustment.pk])
    approve, post = shown(accountant, address, "approve"), shown(clerk, address, "post")
    make_usage("DEAR", "70")
    assert clerk.post(address, shown(clerk, address, "renew")).status_code == 302
    refused = accountant.post(address, approve)
    assert refused.status_code == 409
    assert "was taken over anew after your page was made" in words(refused.content.decode())
    assert InventoryAdjustment.objects.get().approved_by is None
    assert accountant.post(address, shown(accountant, address, "approve")).status_code == 302
    assert clerk.post(address, post).status_code == 409
    assert InventoryAdjustment.objects.get().status == "PENDING"


def test_what_resolves_a_code_is_not_edited_and_a_second_one_is_not_posted(clerk: Client) -> None:
    make_code("DEAR", cost="100")
    make_usage("DEAR", "50")
    reconcile()
    Preference.objects.update(approve_above=Decimal(1000))
    posted(clerk, "DEAR")
    adjustment = InventoryAdjustment.objects.get()
    edit = reverse("usage:adjustment_edit", args=[adjustment.pk])
    assert clerk.get(edit)["Location"] == adjustment.get_absolute_url()
    page = words(clerk.get(adjustment.get_absolute_url()).content.decode())
    assert "void it, and resolve the code again in Resolve" in page
    clerk.post(edit, {"adjusted_at": "2026-11-02T09:00", "description": "Date mended"})
    assert posted(clerk, "DEAR").status_code == 422
    assert InventoryAdjustment.objects.get().description != "Date mended"


def test_what_a_run_will_find_and_what_it_leaves_are_told_together(clerk: Client) -> None:
    make_usage("LATE", "5", on_day=4)
    reconcile()
    make_lot("LATE", received="3", value="6.00", on_day=1)
    page = page_of(clerk, "LATE")
    assert "No adjustment" not in page
    assert "The run that is due leaves 2 used and 0 returned. One line: a lot of at least 2" in page
