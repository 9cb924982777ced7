"""The resolve workbench as pages: what they say, what they refuse, and that looking posts nothing."""

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from lots.models import CostPool, LineItemCode, Preference
from reconciliation import resolution_preview
from reconciliation.models import ReconciliationRun
from reconciliation.runner import work
from tests.factories import make_code, make_guide_list, make_lot, make_usage, reconcile
from tests.lots.purchasing_stories import order_of
from tests.usage.adjustments import line
from tests.usage.adjustments import posted as post_adjustment
from usage.models import InventoryAdjustment, OpenUsage

pytestmark = pytest.mark.django_db
LIST = "/inventory/reconciliation/resolve/"
HX = {"HX-Request": "true"}


def bench(code: str) -> str:
    return reverse("reconciliation:resolve_code", args=[LineItemCode.objects.get(code=code).pk])


def preview_of(client: Client, code: str, **values: Any) -> str:
    address = reverse("reconciliation:resolve_preview", args=[LineItemCode.objects.get(code=code).pk])
    response = client.get(address, filled(client, code, **values), headers=HX)
    assert response.status_code == 200
    return words(response.content.decode())


def filled(client: Client, code: str, **values: Any) -> dict[str, Any]:
    """The form of the page as it is shown, with some fields changed."""
    form = client.get(bench(code)).context["form"]
    shown = {name: form[name].value() for name in form.fields}
    data = {
        name: value if isinstance(value, list) else str(value) for name, value in shown.items() if value is not None
    }
    data["adjusted_at"] = form["adjusted_at"].value().strftime("%Y-%m-%dT%H:%M")
    return data | values


def words(page: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


def posted(client: Client, code: str, **values: Any) -> Any:
    data = filled(client, code, **values)
    page = client.get(bench(code), data)
    return client.post(bench(code), {**data, "fingerprint": page.context["preview"].fingerprint, "action": "post"})


def six() -> None:
    for place, quantity in enumerate(("2", "4", "4", "-10", "3", "-3")):
        make_usage("SIX", quantity, on_day=2 + place)
    reconcile()


# -- The list ----------------------------------------------------------------------------------------
def test_the_list_begins_with_the_most_money(viewer: Client) -> None:
    make_guide_list()
    response = viewer.get(reverse("reconciliation:resolve"))
    assert [row.code.code for row in response.context["table"].data] == ["TM-FRNCH3", "16G-W", "TB-LIT102"]
    text = words(response.content.decode())
    assert "Counted up, but never received" in text
    assert "9,373.75" in text


@pytest.mark.parametrize(
    ("query", "codes"),
    [
        ("form=NET_ZERO", {"TM-FRNCH3"}),
        ("cause=NEVER_RECEIVED", {"16G-W"}),
        ("quick=positive", {"16G-W", "TB-LIT102"}),
        ("stake_min=3000", {"TM-FRNCH3"}),
        ("oldest_after=2022-07-20", {"TB-LIT102"}),
        ("q=shakespeare", {"TB-LIT102"}),
    ],
)
def test_the_list_is_narrowed(viewer: Client, query: str, codes: set[str]) -> None:
    make_guide_list()
    table = viewer.get(f"{reverse('reconciliation:resolve')}?{query}").context["table"]
    assert {row.code.code for row in table.data} == codes


@pytest.mark.parametrize(("group", "labels"), [("form", {"Net positive", "Net zero"}), ("cause", None)])
def test_the_list_is_grouped_by_form_and_cause(viewer: Client, group: str, labels: set[str] | None) -> None:
    make_guide_list()
    groups = viewer.get(f"{reverse('reconciliation:resolve')}?group={group}").context["table"].groups
    assert len(groups) == (2 if group == "form" else 3)
    if labels:
        assert {group.label for group in groups} == labels


def test_the_list_is_exported(viewer: Client) -> None:
    make_guide_list()
    lines = viewer.get(f"{reverse('reconciliation:resolve')}?export=csv").getvalue().decode("utf-8-sig").splitlines()
    assert lines[0].startswith("Code,Description,")
    assert any("TM-FRNCH3" in line and "Counted up, but never received" in line for line in lines)


def test_the_list_of_codes_costs_a_constant_number_of_queries(
    viewer: Client, django_assert_max_num_queries: Callable[[int], Any]
) -> None:
    for number in range(60):
        make_usage(f"CODE-{number}", "3")
    reconcile()
    with django_assert_max_num_queries(20):
        viewer.get(reverse("reconciliation:resolve"))


def test_nothing_open_is_good_news(viewer: Client) -> None:
    assert "Nothing is unallocated" in viewer.get(reverse("reconciliation:resolve")).content.decode()


# -- One code ----------------------------------------------------------------------------------------
def test_the_page_says_what_is_wrong_what_cures_it_and_what_that_does(viewer: Client) -> None:
    make_guide_list()
    text = words(viewer.get(bench("TM-FRNCH3")).content.decode())
    assert "125 were counted up by INVTRYADJ-60002 on 07/21/22" in text
    assert "+125" in text
    assert "est unit cost 74.99" in text
    assert "Everything closes in 2 passes" in text
    assert "On Hand at AI -50 → becomes -50 On Hand everywhere 0 → becomes 0" in text
    assert "Open usage stands in several places: 200 without an office, 50 at AI." in text


@pytest.mark.parametrize(("m", "passes"), [("1", "14"), ("13", "2"), ("50", "2"), ("6+7", "2")])
def test_changing_the_quantity_changes_the_passes(viewer: Client, m: str, passes: str) -> None:
    six()
    assert f"Everything closes in {passes} passes" in preview_of(viewer, "SIX", quantity=m)
    assert not InventoryAdjustment.objects.exists()


def test_a_physical_count_decides_the_line(viewer: Client) -> None:
    make_usage("COUNT", "50")
    reconcile()
    text = preview_of(viewer, "COUNT", count="20")
    assert "+70" in text
    assert "On Hand -50 → becomes 20" in text


def test_a_wrong_field_is_said_in_the_preview(viewer: Client) -> None:
    six()
    assert "Correct the marked fields" in preview_of(viewer, "SIX", quantity="many")


def test_without_scripts_the_preview_button_loads_the_page_anew(viewer: Client) -> None:
    six()
    page = viewer.get(bench("SIX"), filled(viewer, "SIX", quantity="1"))
    assert "Everything closes in 14 passes" in words(page.content.decode())
    address = reverse("reconciliation:resolve_preview", args=[make_code("SIX").pk])
    assert viewer.get(address, {"quantity": "1"}).status_code == 302


def test_post_and_reconcile_posts_what_was_shown_and_leads_to_the_run(clerk: Client) -> None:
    make_guide_list()
    response = posted(clerk, "TM-FRNCH3")
    run = ReconciliationRun.objects.latest("pk")
    assert (response.status_code, response["Location"]) == (302, run.get_absolute_url())
    work(run_id=run.pk)
    assert CostPool.objects.get(code__code="TM-FRNCH3").open_count == 0
    adjustment = InventoryAdjustment.objects.get()
    assert [line.quantity for line in adjustment.lines.all()] == [125, -125]
    assert "Nothing is unallocated" in clerk.get(bench("TM-FRNCH3")).content.decode()


def test_when_the_records_changed_the_new_preview_is_shown_and_nothing_posted(clerk: Client) -> None:
    six()
    data = filled(clerk, "SIX")
    fingerprint = clerk.get(bench("SIX"), data).context["preview"].fingerprint
    make_usage("SIX", "5", on_day=20)
    response = clerk.post(bench("SIX"), {**data, "fingerprint": fingerprint, "action": "post"})
    assert response.status_code == 409
    assert "Nothing was posted" in words(response.content.decode())
    assert response.context["preview"].fingerprint != fingerprint
    assert not InventoryAdjustment.objects.exists()


def test_a_viewer_may_look_and_try_but_not_post(viewer: Client) -> None:
    six()
    assert posted(viewer, "SIX").status_code == 403
    assert not InventoryAdjustment.objects.exists()
    assert "Your role may look and try" in viewer.get(bench("SIX")).content.decode()


def test_above_the_limit_a_second_person_must_approve(clerk: Client) -> None:
    make_guide_list()
    Preference.objects.update(approve_above=Decimal(1000))
    runs = ReconciliationRun.objects.count()
    response = posted(clerk, "TM-FRNCH3")
    assert response.status_code == 302
    assert InventoryAdjustment.objects.get().status == "PENDING"
    assert ReconciliationRun.objects.count() == runs
    assert CostPool.objects.get(code__code="TM-FRNCH3").open_count == 3


def test_tied_usage_is_let_go_by_a_box_that_can_be_cleared(clerk: Client) -> None:
    tied = make_lot("TIED", received="2", value="4.00")
    make_lot("TIED", received="10", value="30.00")
    make_usage("TIED", "5", only_lots=[tied])
    reconcile()
    page = words(clerk.get(bench("TIED")).content.decode())
    assert "No adjustment needed" in page
    assert "A new lot cannot help" in page
    assert "1 usage stays open" in preview_of(clerk, "TIED", release=[])
    posted(clerk, "TIED")
    work(run_id=ReconciliationRun.objects.latest("pk").pk)
    assert not OpenUsage.objects.exists()
    assert not InventoryAdjustment.objects.exists()


def test_where_offices_are_apart_each_has_its_own_bench(viewer: Client) -> None:
    Preference.objects.update(prevent_inter_office=True)
    make_usage("APART", "5", office="AI")
    make_usage("APART", "-8", office="NY")
    reconcile()
    pools = {pool.office.code: pool for pool in CostPool.objects.select_related("office") if pool.office}
    for office, net in (("AI", "5"), ("NY", "-8")):
        page = viewer.get(f"{bench('APART')}?pool={pools[office].pk}")
        assert str(page.context["suggestion"].net.normalize()) == net


def test_a_code_without_open_usage_says_so(viewer: Client) -> None:
    make_lot("FINE")
    assert "Nothing is unallocated" in viewer.get(bench("FINE")).content.decode()


# -- Several codes -----------------------------------------------------------------------------------
def chosen(client: Client) -> dict[str, Any]:
    pools = [str(pk) for pk in CostPool.objects.filter(open_count__gt=0).values_list("pk", flat=True)]
    page = client.get(reverse("reconciliation:resolve_selected"), {"pool": pools})
    rows = page.context["rows"]
    marks = {f"fingerprint-{row.pool.pk}": row.preview.fingerprint for row in rows}
    return {"pool": pools, "moment": page.context["moment"], **marks}


def test_several_codes_are_posted_each_with_its_own_result(clerk: Client) -> None:
    make_guide_list()
    data = chosen(clerk)
    make_usage("16G-W", "1", on_day=9)
    response = clerk.post(reverse("reconciliation:resolve_selected"), data)
    results = {row.pool.code.code: row for row in response.context["rows"]}
    assert "changed" in results["16G-W"].error
    assert results["TM-FRNCH3"].resolved is not None
    assert "2 of 3 posted" in words(response.content.decode())
    work(run_id=response.context["run"].pk)
    assert set(CostPool.objects.filter(open_count__gt=0).values_list("code__code", flat=True)) == {"16G-W"}


def test_sending_it_twice_posts_once(clerk: Client) -> None:
    make_guide_list()
    data = chosen(clerk)
    for _ in range(2):
        clerk.post(reverse("reconciliation:resolve_selected"), data)
    assert InventoryAdjustment.objects.count() == 3


def test_selecting_nothing_leads_back(clerk: Client) -> None:
    assert clerk.get(reverse("reconciliation:resolve_selected")).status_code == 302
    assert clerk.post(reverse("reconciliation:resolve_selected")).status_code == 302


def test_a_viewer_posts_nothing_for_several_codes(viewer: Client, person: Callable[[str], User]) -> None:
    make_guide_list()
    assert viewer.post(reverse("reconciliation:resolve_selected"), chosen(viewer)).status_code == 403
    assert not InventoryAdjustment.objects.exists()


# -- Ways that lead here -----------------------------------------------------------------------------
def test_the_usage_list_the_code_and_the_run_lead_to_the_workbench(viewer: Client) -> None:
    make_guide_list()
    code = LineItemCode.objects.get(code="TM-FRNCH3")
    link = f'href="{bench("TM-FRNCH3")}"'
    run = ReconciliationRun.objects.latest("pk")
    for address in (
        f"{reverse('usage:usages')}?quick=open&group=code",
        code.get_absolute_url(),
        run.get_absolute_url(),
        reverse("reconciliation:run_code", args=[run.pk, run.work.get(pool__code=code).pk]),
    ):
        assert link in viewer.get(address).content.decode(), address


def test_a_code_of_which_nothing_is_open_has_no_such_link(viewer: Client) -> None:
    make_lot("FINE")
    make_usage("FINE", "1")
    reconcile()
    assert bench("FINE") not in viewer.get(f"{reverse('usage:usages')}?group=code").content.decode()


# -- What comes before an adjustment -----------------------------------------------------------------
def test_goods_that_are_due_are_received_first_and_adjusting_is_the_second_choice(
    clerk: Client, viewer: Client
) -> None:
    make_usage("A", "5", source="SHIP-7")
    order = order_of(("A", "6", "2"))
    reconcile()
    page = clerk.get(bench("A")).content.decode()
    assert re.search(rf'<a class="btn btn-primary" href="[^"]*{order.number}[^"]*">Receive {order.number}</a>', page)
    assert '<button class="btn btn-secondary" name="action" value="post">' in page
    assert f"Receive {order.number}" not in viewer.get(bench("A")).content.decode()


def test_without_goods_that_are_due_posting_is_the_first_choice(clerk: Client) -> None:
    make_usage("A", "5", source="SHIP-7")
    reconcile()
    assert '<button class="btn btn-primary" name="action" value="post">' in clerk.get(bench("A")).content.decode()


def test_a_preview_says_so_where_too_many_lots_of_others_wait_to_be_costed_anew(
    clerk: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_lot("A", received="2", value="6.00")
    make_usage("A", "5")
    reconcile()
    post_adjustment("ASSEMBLY", line("PART", "1", role="COMPONENT"), line("PRODUCT", "1", role="PRODUCT"))
    shown = preview_of(clerk, "A")
    assert "Lots costed anew" in shown
    assert "of other codes" not in shown
    monkeypatch.setattr(resolution_preview, "LOTS_LOOKED_AT", 0)
    shown = preview_of(clerk, "A")
    assert "Lots costed anew" not in shown
    assert "1 lot of other codes waits to be costed anew." in shown
