"""The pages of inventory adjustments: who sees what, what a form makes, what is greyed and why."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from lots.models import InventoryLot, Office, Preference
from tests.factories import make_code, make_lot, make_office, make_usage
from tests.reconciliation.records import run_now
from tests.usage.adjustments import AT, everything, line, pending, posted
from usage.adjusting import adjustment_amount, adjustment_approve
from usage.adjustment_preview import planned_records
from usage.adjustment_querysets import adjustments
from usage.models import InventoryAdjustment, InventoryUsage

pytestmark = pytest.mark.django_db


def sent(*lines: dict[str, str], **header: str) -> dict[str, str]:
    """A form as a browser sends it."""
    data = {"adjusted_at": "2026-01-20T09:00", "description": "", "office": "", "account": "", "to_office": ""}
    data |= {"lines-TOTAL_FORMS": str(len(lines)), "lines-INITIAL_FORMS": "0", **header}
    for index, fields in enumerate(lines):
        data |= {f"lines-{index}-{name}": value for name, value in fields.items()}
    return data


def create(client: Client, kind: str, data: dict[str, str]) -> Any:
    return client.post(f"{reverse('usage:adjustment_create')}?type={kind}", data)


@pytest.mark.parametrize(
    ("kind", "columns"),
    [
        ("COUNT", ["Code", "Bin", "System balance", "Count", "Adjustment"]),
        ("LOSS", ["Code", "Bin", "Quantity lost"]),
        ("TRANSFER", ["Code", "From bin", "To bin", "Quantity"]),
        ("ASSEMBLY", ["Part", "Code", "Bin", "Quantity"]),
        ("DIVISION", ["Part", "Code", "Bin", "Quantity", "Share of cost, %"]),
        ("BEGINNING_BALANCE", ["Code", "Bin", "Quantity", "Unit cost", "Into lot"]),
    ],
)
def test_each_type_asks_for_just_what_it_needs(clerk: Client, kind: str, columns: list[str]) -> None:
    page = clerk.get(f"{reverse('usage:adjustment_create')}?type={kind}")
    assert [column.label for column in page.context["formset"].columns()] == columns
    assert ("to_office" in page.context["form"].fields) == (kind == "TRANSFER")
    assert ("account" in page.context["form"].fields) == (kind in {"COUNT", "LOSS", "BEGINNING_BALANCE"})


def test_lines_can_name_units_once_a_code_is_tracked(clerk: Client) -> None:
    code = make_code("SAW")
    code.is_serialized = True
    code.save()
    page = clerk.get(f"{reverse('usage:adjustment_create')}?type=LOSS")
    labels = [column.label for column in page.context["formset"].columns()]
    assert labels[-2:] == ["Manufacturer lot", "Serial numbers"]


def test_no_such_type_is_no_such_page(clerk: Client) -> None:
    assert clerk.get(f"{reverse('usage:adjustment_create')}?type=NONSENSE").status_code == 404


def test_a_count_typed_in_is_saved_with_its_difference(clerk: Client) -> None:
    make_lot("WIRE", received="10", office="AI")
    office = str(Office.objects.get().pk)
    answer = create(clerk, "COUNT", sent({"code": "WIRE", "count": "2*4"}, {"code": "wire", "bin": "A"}, office=office))
    saved = InventoryAdjustment.objects.get()
    assert answer.url == saved.get_absolute_url()
    [row] = saved.lines.all()
    assert (row.system_balance, row.count, row.quantity) == (10, 8, -2)
    page = clerk.get(answer.url)
    assert "1 line without a count left out." in page.content.decode()
    assert saved.created_by is not None


def test_a_division_is_typed_in_percent(clerk: Client) -> None:
    for code in ("PLANK", "LONG", "SHORT"):
        make_code(code)
    data = sent(
        {"role": "COMPONENT", "code": "PLANK", "quantity": "1", "share": ""},
        {"role": "PRODUCT", "code": "LONG", "quantity": "1", "share": "33.3333"},
        {"role": "PRODUCT", "code": "SHORT", "quantity": "1", "share": ""},
    )
    create(clerk, "DIVISION", data)
    saved = InventoryAdjustment.objects.get()
    assert [row.share for row in saved.lines.all()] == [None, 333_333, None]
    page = clerk.get(saved.get_absolute_url()).content.decode()
    assert "66.6667 %" in page
    form = clerk.get(reverse("usage:adjustment_edit", args=[saved.pk])).content.decode()
    assert 'value="33.3333"' in form


def test_what_a_line_is_refused_for_stands_on_that_line_and_what_was_typed_stays(clerk: Client) -> None:
    make_code("WIRE")
    answer = create(clerk, "LOSS", sent({"code": "WIRE", "quantity": "1"}, {"code": "NOPE", "quantity": "-3"}))
    assert answer.status_code == 422
    problems = [(problem.label, problem.text) for problem in answer.context["problems"]]
    assert problems[0] == ("Line 2, Code", "There is no active line item code \u201cNOPE\u201d.")
    assert problems[1] == ("Line 2, Quantity lost", "Enter more than zero.")
    assert 'value="NOPE"' in answer.content.decode()
    assert not InventoryAdjustment.objects.exists()


def test_the_verb_s_refusal_of_a_line_stands_on_it_too(clerk: Client) -> None:
    make_lot("WIRE")
    lines = ({"code": "WIRE", "quantity": "1", "bin": "", "to_bin": to_bin} for to_bin in ("B", ""))
    answer = create(clerk, "TRANSFER", sent(*lines))
    assert [problem.label for problem in answer.context["problems"]] == ["Line 2, To bin"]


def test_an_office_is_asked_for_where_each_has_costs_of_its_own(clerk: Client) -> None:
    Preference.objects.update(prevent_inter_office=True)
    make_code("WIRE")
    answer = create(clerk, "LOSS", sent({"code": "WIRE", "quantity": "1"}))
    assert [problem.label for problem in answer.context["problems"]] == ["Office"]


def test_editing_shows_what_was_saved_and_keeps_an_overridden_difference(clerk: Client) -> None:
    make_lot("WIRE", received="10")
    make_lot("BOOK", received="10")
    saved = pending("COUNT", line("WIRE", count="8"), line("BOOK", "-1", count="8"))
    address = reverse("usage:adjustment_edit", args=[saved.pk])
    rows = [form.initial for form in clerk.get(address).context["formset"].forms][:2]
    assert [(row["count"], row["quantity"]) for row in rows] == [(8, None), (8, -1)]
    data = sent({"code": "WIRE", "count": "9"}) | {"lines-INITIAL_FORMS": "2", "lines-TOTAL_FORMS": "2"}
    clerk.post(address, data | {"lines-1-code": "BOOK", "lines-1-DELETE": "on"})
    assert [(row.code.code, row.quantity) for row in saved.lines.all()] == [("WIRE", -1)]


# -- Post --------------------------------------------------------------------------------------------
def test_before_posting_the_page_shows_exactly_what_will_be_made_and_makes_none_of_it(clerk: Client) -> None:
    make_lot("WIRE", received="10")
    saved = pending(
        "ASSEMBLY", line("WIRE", "4", role="COMPONENT"), line("SHELF", "2", role="PRODUCT"), office=make_office("AI")
    )
    before = everything()
    planned = planned_records(saved, at=AT)
    page = clerk.get(reverse("usage:adjustment_post", args=[saved.pk]))
    assert page.status_code == 200
    assert everything() == before
    assert [(row.kind, row.code, row.quantity) for row in planned] == [
        ("Usage", "WIRE", 4),
        ("Lot", "SHELF", 2),
        ("Transaction", "WIRE", -4),
        ("Transaction", "SHELF", 2),
    ]
    assert planned[0].account.startswith("1210")
    answer: Any = clerk.post(reverse("usage:adjustment_post", args=[saved.pk]))
    assert answer.url == saved.get_absolute_url()
    assert [(row.code.code, row.quantity) for row in InventoryUsage.objects.all()] == [("WIRE", 4)]
    detail = clerk.get(answer.url).content.decode()
    assert InventoryLot.objects.get(code__code="SHELF").get_absolute_url() in detail
    assert InventoryUsage.objects.get().get_absolute_url() in detail


def test_what_would_be_refused_is_said_before_anybody_posts(clerk: Client) -> None:
    code = make_code("SAW")
    code.is_serialized = True
    code.save()
    saved = pending("LOSS", line("SAW", "1", serials="S9"))
    page = clerk.get(reverse("usage:adjustment_post", args=[saved.pk]))
    assert page.context["refusals"] == ["Line 1: Serial number S9 of SAW is not in stock."]
    assert "Post Inventory Adjustment" not in page.content.decode()


def test_a_count_up_that_has_nowhere_to_go_is_warned_about(clerk: Client) -> None:
    saved = pending("COUNT", line("WIRE", count="5"))
    for name in ("usage:adjustment", "usage:adjustment_post"):
        assert "a Beginning Balance is meant" in clerk.get(reverse(name, args=[saved.pk])).content.decode()


# -- Void and approval -------------------------------------------------------------------------------
def actions(client: Client, adjustment: InventoryAdjustment) -> dict[str, str]:
    """Label of each action of its page, and why it cannot be done."""
    page = client.get(adjustment.get_absolute_url())
    return {action.label: action.reason for action in page.context["actions"]}


def test_the_page_greys_what_cannot_be_done_and_says_why(clerk: Client, viewer: Client) -> None:
    draft = pending("LOSS", line("WIRE", "1"))
    assert actions(clerk, draft) == {"Edit": "", "Void": "", "Post": ""}
    assert actions(viewer, draft) == {}
    opened = posted("BEGINNING_BALANCE", line("WIRE", "10"))
    make_usage("WIRE", "3", source="SHIP-1")
    run_now()
    reasons = actions(clerk, opened)
    assert "only a pending one can be changed" in reasons["Edit"]
    assert "3 of the lot are used" in reasons["Void"]
    assert "Post" not in reasons


def test_a_void_asks_for_a_reason_and_shows_the_mirrors(clerk: Client) -> None:
    lost = posted("LOSS", line("WIRE", "1"))
    clerk.post(reverse("usage:adjustment_void", args=[lost.pk]), {"reason": "Found again"})
    lost.refresh_from_db()
    assert lost.status == "VOID"
    page = clerk.get(lost.get_absolute_url()).content.decode()
    assert "Found again" in page
    assert InventoryUsage.objects.filter(quantity=-1).get().get_absolute_url() in page


def test_an_accountant_approves_what_is_above_the_limit(
    clerk: Client, accountant: Client, person: Callable[[str], User]
) -> None:
    Preference.objects.update(approve_above=Decimal(100))
    large = pending("LOSS", line("WIRE", "51"), by=person("clerk"))
    pending("LOSS", line("WIRE", "50"), by=person("clerk"))
    found = clerk.get(f"{reverse('usage:adjustments')}?quick=approval").context["table"].rows
    assert [row.record for row in found] == [large]
    assert "somebody else must approve" in actions(clerk, large)["Post"]
    assert "Approve" not in actions(clerk, large)
    assert actions(accountant, large)["Approve"] == ""
    assert accountant.post(reverse("usage:adjustment_approve", args=[large.pk])).status_code == 302
    large.refresh_from_db()
    assert large.approved_by == person("accountant")
    assert actions(accountant, large)["Post"] == "You approved it, so somebody else must post it."
    assert actions(clerk, large)["Post"] == ""


# -- List --------------------------------------------------------------------------------------------
def test_the_amount_of_the_list_is_the_amount_that_approval_goes_by() -> None:
    make_code("WIRE", cost="3.335")
    make_code("GLUE", cost="0")
    make_lot("GLUE", received="3", value="10")
    make_lot("GLUE", received="3", value="20", on_day=9)
    # Worth more than the estimate says, and less.
    make_lot("SHELF", received="3", value="1000")
    make_lot("BOOK", received="3", value="0.05")
    for kind, lines in (
        ("BEGINNING_BALANCE", [line("WIRE", "20"), line("WIRE", "-21"), line("WIRE", "1", unit_cost="7")]),
        ("BEGINNING_BALANCE", [line("GLUE", "20"), line("GLUE", "-27")]),
        ("LOSS", [line("WIRE", "3"), line("BOOK", "1.5"), line("GLUE", "0.7")]),
        ("LOSS", [line("GLUE", "7")]),
        ("COUNT", [line("WIRE", count="5"), line("BOOK", "-2", count="1")]),
        ("ASSEMBLY", [line("WIRE", "2", role="COMPONENT"), line("SHELF", "900", role="PRODUCT")]),
        ("TRANSFER", [line("WIRE", "2", to_bin="B")]),
        ("TRANSFER", [line("SHELF", "2", to_bin="B")]),
        ("BEGINNING_BALANCE", [line("SHELF", "-2"), line("SHELF", "3")]),
        ("COUNT", [line("SHELF", count="1"), line("BOOK", count="9")]),
        ("DIVISION", [line("SHELF", "0.7", role="COMPONENT"), line("WIRE", "2", role="PRODUCT")]),
        ("LOSS", [line("SHELF", "2.3")]),
    ):
        pending(kind, *lines)
    posted("LOSS", line("GLUE", "2"))
    make_lot("GLUE", received="990", value="990", on_day=9)
    rows: Any = adjustments().for_list()
    for row in rows:
        assert row.amount == adjustment_amount(list(row.lines.select_related("code"))) > 0, row.adjustment_type
        assert row.line_count == row.lines.count()


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("quick=pending", ["LOSS"]),
        ("adjustment_type=BEGINNING_BALANCE", ["BEGINNING_BALANCE"]),
        ("status=POSTED", ["BEGINNING_BALANCE"]),
        ("code=BO", ["BEGINNING_BALANCE"]),
        ("q=wire", ["LOSS"]),
        ("amount_min=5", ["BEGINNING_BALANCE"]),
    ],
)
def test_the_list_finds_by_type_status_code_and_amount(clerk: Client, query: str, found: list[str]) -> None:
    pending("LOSS", line("WIRE", "1"))
    posted("BEGINNING_BALANCE", line("BOOK", "5"))
    page = clerk.get(f"{reverse('usage:adjustments')}?{query}")
    assert [row.record.adjustment_type for row in page.context["table"].rows] == found


def test_an_export_has_the_list(clerk: Client) -> None:
    pending("LOSS", line("WIRE", "1"), on=AT)
    answer = clerk.get(f"{reverse('usage:adjustments')}?export=csv")
    text = b"".join(answer.streaming_content).decode()  # type: ignore[attr-defined]  # a streaming response
    assert "INVTRYADJ-60000" in text


def test_approving_by_the_verb_and_by_the_page_say_the_same(person: Callable[[str], User], accountant: Client) -> None:
    Preference.objects.update(approve_above=Decimal(1))
    large = pending("LOSS", line("WIRE", "51"))
    adjustment_approve(adjustment=large, by=person("accountant"), at=AT)
    page = accountant.get(reverse("usage:adjustment_approve", args=[large.pk])).content.decode()
    assert "was approved by accountant" in page
