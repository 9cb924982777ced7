"""Inventory Usage: the list of the guides figure for figure, the same figures by every way to them, and the pages."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from lots.models import CostPool, Preference
from tests.factories import (
    make_code,
    make_give_back_loop,
    make_guide_list,
    make_lot,
    make_usage,
    reconcile,
)
from tests.pages.reading import assert_numbers_lead_to_their_records, exported, page, said, words
from usage.models import InventoryUsage
from usage.querysets import usages

pytestmark = pytest.mark.django_db

LIST = "/inventory/usage/"
OPEN = f"{LIST}?quick=open&group=code"
COLUMNS = ["Usage", "Code", "Transaction ID", "Date", "Office", "Order", "Ref #(s)", "Quantity", "~ COGS"]
COLUMNS += ["Unallocated", "Accrued COGS", "Status"]


def shown(client: Client, address: str) -> Any:
    response = client.get(address)
    assert response.status_code == 200
    return response.context


def numbers(context: Any) -> list[str]:
    return [row.number for row in context["table"].data]


# -- The list of the guides --------------------------------------------------------------------------
def test_the_open_list_is_that_of_the_guides_figure_for_figure(viewer: Client) -> None:
    make_guide_list()
    rows = exported(viewer.get(f"{OPEN}&export=csv"))  # type: ignore[arg-type]  # the test client's response
    assert rows[0] == COLUMNS
    table = [" | ".join(filter(None, [*row[:3], row[3][:10], *row[4:]])) for row in rows[1:]]
    assert table == [
        "16G-W 16 Gauge Copper Wire",
        "60000 | 16G-W | SHIP-60000 | 2022-07-18 | AI | 60007 | Order #60007 | 1000 | 1990.00 | 1000 | 1990.00 | Open",
        "60002 | 16G-W | SHIP-60000 | 2022-07-18 | AI | 60010 | Order #60010 | 100 | 199.00 | 100 | 199.00 | Open",
        "Sub-total 16G-W | 1100 | 2189.00 | 1100 | 2189.00",
        "TB-LIT102 The Complete Works of Shakespeare",
        "60009 | TB-LIT102 | SHIP-60021 | 2022-07-20 | AI | 60029 | Order #60029 | 20 | 1599.80 | 10 | 799.90 | Open",
        "Sub-total TB-LIT102 | 20 | 1599.80 | 10 | 799.90",
        "TM-FRNCH3 J'Apprends: I Learn French Teacher's Manual",
        "60003 | TM-FRNCH3 | SHIP-60002 | 2022-07-18 | AI | 60011 | Order #60011 | 50 | 3749.50 | 50 | 3749.50 | Open",
        "60030 | TM-FRNCH3 | INVTRYADJ-60001 | 2022-07-21 | 75 | 5624.25 | 75 | 5624.25 | Open",
        "60031 | TM-FRNCH3 | INVTRYADJ-60002 | 2022-07-21 | -125 | -9373.75 | -125 | -9373.75 | Open",
        "Sub-total TM-FRNCH3 | 0 | 0.00 | 0 | 0.00",
        "List Totals | 1120 | 3788.80 | 1110 | 2988.90",
    ]


def test_the_screen_shows_the_same_groups_and_totals_and_dates_as_in_the_guides(viewer: Client) -> None:
    make_guide_list()
    markup = page(viewer, OPEN)
    text = words(markup)
    assert "16G-W 16 Gauge Copper Wire" in text
    assert "Sub-total 16G-W 1,100 2,189.00 1,100 2,189.00" in text
    assert "Sub-total TM-FRNCH3 0 0.00 0 0.00" in text
    assert "List Totals 1,120 3,788.80 1,110 2,988.90" in text
    assert ">07/18/22</time>" in markup
    assert "COGS reconciliation last ran" in text


def test_the_headings_stand_in_the_order_of_the_guides(viewer: Client) -> None:
    make_usage("WIRE", "1")
    headings = shown(viewer, LIST)["table"].headings()
    assert [words(heading.label).replace("~ Estimated", "~") for heading in headings[:-1]] == COLUMNS


# -- The same list by two ways -----------------------------------------------------------------------
@pytest.fixture
def history() -> None:
    """Codes with open, half-allocated and closed usage, returns, and dates that cross the order of entry."""
    for index, code in enumerate(("DD", "AA", "CC", "BB")):
        make_code(code, cost=f"{index}.335")
        make_lot(code, received="9", value=f"{10 + index}.01")
        for step in range(5):
            make_usage(code, str(step + 1), on_day=9 - (step * 3) % 7, office="AI" if step % 2 else "BO")
    reconcile()
    for code in ("AA", "CC"):
        make_usage(code, "-2", on_day=4)
        make_usage(code, "0.5", on_day=2)
    make_usage("EE", "-3", on_day=1)


@pytest.mark.parametrize("quick", ["", "open", "closed"])
@pytest.mark.parametrize("look", ["group=code", "group=code&sort=-code", "group=code&sort=-quantity", "sort=used_at"])
@pytest.mark.usefixtures("history")
def test_what_comes_from_the_pools_is_what_the_rows_say(
    viewer: Client, quick: str, look: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows, groups, sub-totals, totals and count of every page, against the same list read row by row."""
    monkeypatch.setattr("inventory_site.listing.PER_PAGE_CHOICES", (6, 50))
    address = f"{LIST}?quick={quick}&{look}&per_page=6"
    # A filter that everything passes takes the other way.
    plain = f"{address}&quantity_min=-1000"
    pages = shown(viewer, address)["page"].last
    assert pages == shown(viewer, plain)["page"].last > 1
    for number in range(1, pages + 1):
        fast, slow = (shown(viewer, f"{where}&page={number}") for where in (address, plain))
        assert numbers(fast) == numbers(slow)
        assert fast["table"].totals == slow["table"].totals
        assert fast["page"].count == slow["page"].count
        if fast["table"].groups is not None:
            assert [(group.label, group.totals, group.goes_on) for group in fast["table"].groups] == [
                (group.label, group.totals, group.goes_on) for group in slow["table"].groups
            ]


def test_a_code_with_a_pool_per_office_is_one_group_in_the_order_of_dates(viewer: Client) -> None:
    Preference.objects.update(prevent_inter_office=True)
    for on_day, office in enumerate(("BO", "AI", "", "BO", "AI"), start=1):
        make_usage("WIRE", str(on_day), on_day=on_day, office=office)
    make_usage("BOOK", "1", office="AI")
    assert CostPool.objects.filter(code__code="WIRE").count() == 3
    context = shown(viewer, OPEN)
    _, wire = context["table"].groups
    assert [row.quantity for row in wire.records] == [1, 2, 3, 4, 5]
    assert wire.totals["unallocated"] == 15


@pytest.mark.usefixtures("history")
def test_list_totals_are_the_sum_of_what_is_exported(viewer: Client) -> None:
    for query in ("", "quick=open", "quick=closed", "quick=returns", "code=AA", "q=bb", "cogs_min=2"):
        address = f"{LIST}?{query}"
        totals = shown(viewer, address)["table"].totals
        *_, last = exported(viewer.get(f"{address}&export=csv"))  # type: ignore[arg-type]  # the test client's response
        names = ("quantity", "cogs", "unallocated", "accrued_cogs")
        assert [Decimal(cell) for cell in last[7:11]] == [totals[name] for name in names], query


# -- Finding -----------------------------------------------------------------------------------------
def test_everything_is_found_by_a_word_of_its_own(viewer: Client) -> None:
    make_guide_list()
    found = {
        word: sorted(numbers(shown(viewer, f"{LIST}?q={word}")))
        for word in ("60009", "shakespeare", "ship-60000", "60011", "%2360010", "tm-fr", "nothing")
    }
    assert found == {
        "60009": ["60009"],
        "shakespeare": ["60009"],
        "ship-60000": ["60000", "60002"],
        "60011": ["60003"],
        "%2360010": ["60002"],
        "tm-fr": ["60003", "60030", "60031"],
        "nothing": [],
    }


@pytest.mark.parametrize(
    ("form", "expected"), [("POSITIVE", {"16G-W", "TB-LIT102"}), ("ZERO", {"TM-FRNCH3"}), ("NEGATIVE", {"BACK"})]
)
def test_open_usage_is_found_by_the_form_of_its_code(viewer: Client, form: str, expected: set[str]) -> None:
    make_guide_list()
    make_usage("BACK", "-2")
    rows = shown(viewer, f"{OPEN}&form={form}")["table"].data
    assert {row.code.code for row in rows} == expected


def test_an_omitted_row_leaves_list_and_totals(viewer: Client) -> None:
    make_guide_list()
    left_out = InventoryUsage.objects.get(number="60031")
    context = shown(viewer, f"{OPEN}&omit={left_out.pk}")
    assert "60031" not in numbers(context)
    assert context["table"].totals["quantity"] == 1245


def test_a_large_found_set_gets_its_totals_by_a_second_request(viewer: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    make_guide_list()
    monkeypatch.setattr("usage.views.usages.UsageListView.totals_apart_from", 2)
    assert shown(viewer, f"{LIST}?office=&quantity_min=0")["table"].totals is None
    fragment = viewer.get(f"{LIST}?quantity_min=0&part=totals", headers={"HX-Request": "true"}).content.decode()
    assert "1,245" in words(fragment)
    # The summarised lists have theirs at once.
    assert shown(viewer, OPEN)["table"].totals["quantity"] == 1120


# -- Emptiness and notices ---------------------------------------------------------------------------
def test_an_empty_list_says_what_to_do_first(clerk: Client, viewer: Client) -> None:
    assert "Import records" in said(clerk, LIST)
    text = said(viewer, LIST)
    assert "No inventory usage yet" in text
    assert "Import records" not in text


def test_a_cold_list_says_that_no_run_was_made(viewer: Client) -> None:
    make_usage("WIRE", "1")
    assert "COGS reconciliation has never run" in said(viewer, LIST)


def test_nothing_open_is_good_news(viewer: Client) -> None:
    make_lot("WIRE", received="5")
    make_usage("WIRE", "5")
    reconcile()
    assert "Nothing is unallocated" in said(viewer, OPEN)


# -- One usage ---------------------------------------------------------------------------------------
def test_a_usage_shows_what_paid_for_it(viewer: Client) -> None:
    make_guide_list()
    text = said(viewer, InventoryUsage.objects.get(number="60009").get_absolute_url())
    assert "Inventory Usage 60009" in text
    assert "Allocated 10 799.90" in text
    assert "Unallocated Unallocated x est unit cost 79.99 (Accrued COGS) 10 799.90" in text
    assert "Used Quantity and ~ COGS 20 1,599.80" in text
    assert "Go to lot 40000" in text
    assert "Go to transaction PO-60001" in text


def test_a_return_and_what_it_returns_lead_to_each_other(viewer: Client) -> None:
    lot = make_lot("WIRE", received="10", value="100")
    sold = make_usage("WIRE", "4", department="Sales", only_lots=[lot])
    back = make_usage("WIRE", "-1", on_day=3, original=sold)
    reconcile()
    there, home = said(viewer, sold.get_absolute_url()), said(viewer, back.get_absolute_url())
    assert f"Go to usage {back.number}" in there
    assert f"Go to usage {sold.number}" in home
    assert f"Only from lots {lot.number}" in there
    assert "Given back to lots -1 -10.00" in home


def test_a_usage_without_allocation_says_so(viewer: Client) -> None:
    lonely = make_usage("WIRE", "1")
    assert "No COGS entries yet" in said(viewer, lonely.get_absolute_url())


# -- One transaction ID ------------------------------------------------------------------------------
def test_a_transaction_id_leads_to_everything_that_names_it(viewer: Client) -> None:
    make_guide_list()
    text = said(viewer, f"{LIST}transaction-id/?id=SHIP-60000")
    assert "Transaction SHIP-60000" in text
    assert text.index("Go to usage 60000") < text.index("Go to usage 60002") < text.index("Inventory Transactions")
    assert "Go to usage 60003" not in text


@pytest.mark.parametrize("number", ["", "SHIP-1", "%00", "x" * 300])
def test_an_unknown_transaction_id_is_not_found(viewer: Client, number: str) -> None:
    assert viewer.get(f"{LIST}transaction-id/?id={number}").status_code == 404


# -- Who may look ------------------------------------------------------------------------------------
def test_only_those_who_may_view_usage_see_it(client: Client) -> None:
    usage = make_usage("WIRE", "1", source="SHIP-1")
    addresses = [LIST, f"{LIST}?export=csv", usage.get_absolute_url(), f"{LIST}transaction-id/?id=SHIP-1"]
    assert [client.get(address).status_code for address in addresses] == [302] * 4
    client.force_login(User.objects.create_user("stranger"))
    assert [client.get(address).status_code for address in addresses] == [403] * 4


def test_the_tilde_and_the_estimate_follow_what_is_open() -> None:
    make_guide_list()
    half, whole = (usages().for_list().get(number=number) for number in ("60009", "60000"))
    assert (half.cogs, half.accrued_cogs, half.status) == (Decimal("1599.80"), Decimal("799.90"), "OPEN")  # type: ignore[attr-defined]  # annotations
    assert whole.cogs == whole.accrued_cogs == Decimal("1990.00")  # type: ignore[attr-defined]  # annotations


def test_numbers_of_the_open_code_lead_to_their_records(viewer: Client) -> None:
    make_guide_list()
    make_give_back_loop()
    for code in ("16G-W", "TB-LIT102", "TM-FRNCH3", "Tech-003a"):
        assert assert_numbers_lead_to_their_records(viewer, make_code(code).get_absolute_url()) or code == "Tech-003a"


def test_moments_are_shown_as_days_and_filtered_by_days(viewer: Client) -> None:
    make_usage("WIRE", "1", number="late", at=datetime(2025, 3, 1, 23, 59, tzinfo=UTC))
    make_usage("WIRE", "1", number="next", at=datetime(2025, 3, 2, 0, 0, tzinfo=UTC))
    assert numbers(shown(viewer, f"{LIST}?used_at_after=2025-03-01&used_at_before=2025-03-01")) == ["late"]
