"""Codes, lots and the quantity ledger on screen: figures that agree, numbers that lead to their records."""

import re
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from lots.models import InventoryLot, InventoryTransaction, LotType
from tests.factories import (
    make_code,
    make_give_back_loop,
    make_guide_list,
    make_lot,
    make_office,
    make_usage,
    reconcile,
)
from tests.pages.reading import assert_numbers_lead_to_their_records, exported, page, said, words

pytestmark = pytest.mark.django_db

CODES, LOTS, TRANSACTIONS = "/inventory/codes/", "/inventory/lots/", "/inventory/transactions/"


def shown(client: Client, address: str) -> Any:
    response = client.get(address)
    assert response.status_code == 200
    return response.context


# -- Line item codes ---------------------------------------------------------------------------------
def test_each_code_shows_what_it_has(viewer: Client) -> None:
    make_guide_list()
    make_give_back_loop()
    rows = {row.code: row for row in shown(viewer, CODES)["table"].data}
    figures = {
        code: (row.on_hand, row.in_lots, row.unallocated, row.value, row.open_count) for code, row in rows.items()
    }
    assert figures == {
        "16G-W": (-1100, 0, 1100, 0, 2),
        "TB-LIT102": (-10, 0, 10, 0, 1),
        "TM-FRNCH3": (0, 0, 0, 0, 3),
        "Tech-003a": (0, 0, 0, 0, 0),
    }


@pytest.mark.parametrize(
    ("quick", "expected"),
    [
        ("inventoried", {"16G-W", "TB-LIT102", "TM-FRNCH3", "STOCK"}),
        ("open", {"16G-W", "TB-LIT102", "TM-FRNCH3"}),
        ("negative", {"16G-W", "TB-LIT102"}),
        ("out", {"TM-FRNCH3"}),
    ],
)
def test_quick_searches_find_what_they_say(viewer: Client, quick: str, expected: set[str]) -> None:
    make_guide_list()
    make_lot("STOCK", received="7", value="70")
    context = shown(viewer, f"{CODES}?quick={quick}")
    assert {row.code for row in context["table"].data} == expected
    totals = context["table"].totals
    assert totals["on_hand"] == sum(row.on_hand for row in context["table"].data)
    assert totals["value"] == sum(row.value for row in context["table"].data)


def test_codes_are_grouped_by_their_type(viewer: Client) -> None:
    make_guide_list()
    (group,) = shown(viewer, f"{CODES}?group=record_type")["table"].groups
    assert (group.label, group.totals["unallocated"]) == ("Inventoried Item", 1110)


def test_every_number_of_the_list_leads_to_its_records(viewer: Client) -> None:
    make_guide_list()
    make_lot("STOCK", received="7", value="70.07", office="AI")
    make_usage("STOCK", "2.5")
    reconcile()
    # On hand and in lots and value of STOCK; on hand, unallocated and open usages of two; open usages of the third.
    assert assert_numbers_lead_to_their_records(viewer, CODES) == 3 + 2 * 3 + 1


def test_a_code_shows_the_master_identity_with_its_figures(viewer: Client) -> None:
    make_lot("WIRE", received="10", value="100")
    make_usage("WIRE", "12")
    make_usage("WIRE", "-1")
    address = make_code("WIRE").get_absolute_url()
    assert "On hand = lots current \N{MINUS SIGN} unallocated: -1 = 10 \N{MINUS SIGN} 11" in said(viewer, address)
    reconcile()
    assert "On hand = lots current \N{MINUS SIGN} unallocated: -1 = 0 \N{MINUS SIGN} 1" in said(viewer, address)
    assert assert_numbers_lead_to_their_records(viewer, address) == 5


def test_a_broken_identity_is_said_in_red(viewer: Client) -> None:
    make_lot("WIRE", received="10")
    InventoryTransaction.objects.create(code=make_code("WIRE"), at="2026-01-01T00:00Z", on_hand=3)
    assert "On hand is off by 3: it should be 10 \N{MINUS SIGN} 0" in said(viewer, make_code("WIRE").get_absolute_url())


@pytest.mark.parametrize(
    ("quantities", "form", "cure"),
    [
        (("60",), "Net positive", "at least 60"),
        (("3", "-20"), "Net negative", "+20 and -20"),
        (("50", "75", "-125"), "Net zero", "+125 and -125"),
    ],
)
def test_a_code_says_the_form_of_its_open_usage_and_what_cures_it(
    viewer: Client, quantities: tuple[str, ...], form: str, cure: str
) -> None:
    for quantity in quantities:
        make_usage("WIRE", quantity)
    text = said(viewer, make_code("WIRE").get_absolute_url())
    assert form in text
    assert cure in text


def test_a_code_without_records_says_what_is_missing(viewer: Client) -> None:
    text = said(viewer, make_code("WIRE").get_absolute_url())
    for remark in ("Nothing is unallocated", "No lots", "No transactions", "No run had work on this code yet"):
        assert remark in text


# -- Inventory lots ----------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("quick", "expected"),
    [
        ("open", {"part", "made", "revalued"}),
        ("closed", {"gone"}),
        ("estimated", {"revalued"}),
        ("purchase", {"part", "gone", "revalued"}),
        ("production", {"made"}),
    ],
)
def test_lots_are_found_by_their_state(viewer: Client, quick: str, expected: set[str]) -> None:
    make_lot("GONE", received="2", value="20", number="gone")
    make_lot("PART", received="10", value="33.33", number="part")
    make_lot("MADE", number="made", lot_type=LotType.PRODUCTION)
    make_lot("REVALUED", received="15", value="525.00", number="revalued")
    make_usage("GONE", "2")
    make_usage("PART", "4")
    reconcile()
    InventoryLot.objects.filter(number="revalued").update(value=Decimal("533.85"))
    context = shown(viewer, f"{LOTS}?quick={quick}")
    assert {lot.number for lot in context["table"].data} == expected
    rows = exported(viewer.get(f"{LOTS}?quick={quick}&export=csv"))  # type: ignore[arg-type]  # the test client's
    assert Decimal(rows[-1][10]) == context["table"].totals["quantity_current"]
    assert Decimal(rows[-1][12]) == context["table"].totals["value_current"]


def test_a_unit_cost_is_shown_rounded_and_the_value_is_not(viewer: Client) -> None:
    make_lot("THIRDS", received="3", value="10.00", number="thirds")
    make_usage("THIRDS", "1")
    reconcile()
    (lot,) = shown(viewer, LOTS)["table"].data
    assert (lot.unit_cost, lot.value_current) == (Decimal("3.333333"), Decimal("6.67"))


def test_the_give_back_loop_shows_gross_entries_and_the_running_used(viewer: Client) -> None:
    lot = make_give_back_loop()
    text = said(viewer, lot.get_absolute_url())
    assert "Inventory Lot 50000 Closed" in text
    assert "Used The give-back limit: returns can put back this much and no more 10 100.00" in text
    assert "Drawn 60 600.00 Given back -50 -500.00 Net = Used" in text
    entries = text.partition("Used after it")[2]
    assert [line in entries for line in ("Draw 50 10.00 500.00 60", "Give back -50 10.00 -500.00 10")] == [True, True]


def test_a_lot_of_many_entries_is_read_in_pages_with_the_running_used(viewer: Client) -> None:
    lot = make_lot("BUSY", received="120", value="120")
    for _ in range(60):
        make_usage("BUSY", "2")
    reconcile()
    first, second = (said(viewer, f"{lot.get_absolute_url()}?cogs_page={number}") for number in (1, 2))
    assert "Page 1 of 2" in first
    assert "Page 2 of 2" in second
    assert "2 1.00 2.00 102" in second
    assert "Drawn 120 120.00" in second
    assert "Page 2 of 2" in said(viewer, f"{lot.get_absolute_url()}?cogs_page=99")
    assert "Page 1 of 2" in said(viewer, f"{lot.get_absolute_url()}?cogs_page=x")


def test_a_lot_whose_cost_changed_says_that_the_next_run_corrects_it(viewer: Client) -> None:
    lot = make_lot("WIRE", received="15", value="525.00")
    make_usage("WIRE", "10")
    reconcile()
    InventoryLot.objects.filter(pk=lot.pk).update(value=Decimal("533.85"))
    assert "Costs are estimated" in said(viewer, lot.get_absolute_url())


def test_a_production_lot_has_the_sections_of_the_guides_in_their_order(viewer: Client) -> None:
    lot = make_lot("MADE", lot_type=LotType.PRODUCTION, source="JOB-60001", order="60007")
    headings = re.findall(r'<h2 id="[^"]+-title">([^<]+)', page(viewer, lot.get_absolute_url()).partition("</main>")[0])
    assert headings == [
        "General Info",
        "Estimated / Produced",
        "Current Inventory",
        "Production Costs (Inventoried)",
        "Production Costs (Non-Inventoried; Capitalized Expenses)",
        "Inventory COGS",
        "History of Cost",
        "Journal",
        "History",
    ]
    text = said(viewer, lot.get_absolute_url())
    assert "Released into general inventory." in text
    assert text.index("Capitalized Expenses") < text.index("Inventory COGS")
    make_usage("MADE", "10")
    reconcile()
    assert "Released into general inventory." not in said(viewer, lot.get_absolute_url())


def test_a_purchase_lot_has_the_sections_of_the_guides_in_their_order(viewer: Client) -> None:
    lot = make_lot("WIRE")
    context = shown(viewer, lot.get_absolute_url())
    titles = [section.title for section in context["sections"]]
    assert titles == [
        "General Info",
        "Ordered / Purchased",
        "Ordered / Received",
        "Accrued Inventory",
        "Current Inventory",
    ]
    text = said(viewer, lot.get_absolute_url())
    assert "It was not bought by a purchase order" in text
    assert text.index("Current Inventory") < text.index("Inventory COGS")
    assert "Released" not in text
    assert "Nothing has drawn on this lot yet" in text


# -- Inventory transactions --------------------------------------------------------------------------
def test_running_balances_count_the_whole_ledger_of_the_code(viewer: Client) -> None:
    make_lot("WIRE", received="10", on_day=1)
    make_usage("WIRE", "3", on_day=3)
    make_usage("WIRE", "4", on_day=2, office="AI")
    make_lot("BOOK", received="99")
    context = shown(viewer, f"{TRANSACTIONS}?code=wire")
    assert [row.running.on_hand for row in context["table"].data] == [3, 6, 10]  # newest first
    office = make_office("AI")
    assert office is not None
    (narrowed,) = shown(viewer, f"{TRANSACTIONS}?code=WIRE&office={office.pk}")["table"].data
    assert narrowed.running.on_hand == 6


def test_running_balances_stand_in_every_group_and_in_the_export(viewer: Client) -> None:
    make_lot("WIRE", received="10", on_day=1)
    make_usage("WIRE", "3", on_day=3)
    make_lot("BOOK", received="99")
    book, wire = shown(viewer, f"{TRANSACTIONS}?group=code")["table"].groups
    assert [row.running.on_hand for row in book.records] == [99]
    assert [row.running.on_hand for row in wire.records] == [10, 7]
    rows = exported(viewer.get(f"{TRANSACTIONS}?group=code&export=csv"))  # type: ignore[arg-type]  # the test client's
    assert rows[0][-1] == "On Hand Bal."
    assert [row[-1] for row in rows if row[1] == "WIRE"] == ["10", "7"]


def test_without_a_single_code_there_is_no_balance_to_run(viewer: Client) -> None:
    make_lot("WIRE-1")
    make_lot("WIRE-2")
    assert "Bal." not in page(viewer, TRANSACTIONS)
    assert "Bal." not in page(viewer, f"{TRANSACTIONS}?code=WIRE")
    assert "Bal." in page(viewer, f"{TRANSACTIONS}?code=WIRE-2")


def test_a_movement_shows_where_its_code_stood_after_it(viewer: Client) -> None:
    make_lot("WIRE", received="10", source="PO-1", number="first")
    make_usage("WIRE", "3", source="SHIP-1")
    received, shipped = InventoryTransaction.objects.order_by("pk")
    assert "On Hand -3 7" in said(viewer, shipped.get_absolute_url())
    assert "Go to lot first" in said(viewer, received.get_absolute_url())


def test_totals_of_the_whole_ledger_come_by_a_second_request(viewer: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    make_lot("WIRE", received="10")
    make_usage("WIRE", "3")
    monkeypatch.setattr("lots.views.TransactionListView.totals_apart_from", 2)
    assert shown(viewer, TRANSACTIONS)["table"].totals is None
    fragment = viewer.get(f"{TRANSACTIONS}?part=totals", headers={"HX-Request": "true"}).content.decode()
    assert words(fragment).endswith("0 0 7")


# -- Offices, emptiness, who may look ----------------------------------------------------------------
def test_an_office_leads_to_its_records(viewer: Client) -> None:
    make_lot("WIRE", office="AI", number="here")
    make_lot("WIRE", office="BO", number="there")
    office = make_office("AI")
    assert office is not None
    assert f"/inventory/lots/?office={office.pk}" in page(viewer, office.get_absolute_url())
    assert [lot.number for lot in shown(viewer, f"{LOTS}?office={office.pk}")["table"].data] == ["here"]


@pytest.mark.parametrize("address", [CODES, LOTS, TRANSACTIONS])
def test_an_empty_list_offers_the_import_to_those_who_may(clerk: Client, viewer: Client, address: str) -> None:
    assert "/administration/import/" in page(clerk, address).partition("<main")[2]
    assert "/administration/import/" not in page(viewer, address).partition("<main")[2]


def test_only_those_who_may_view_the_records_see_them(client: Client) -> None:
    lot = make_lot("WIRE")
    movement = InventoryTransaction.objects.get()
    addresses = [CODES, LOTS, TRANSACTIONS, f"{LOTS}?export=csv"]
    addresses += [record.get_absolute_url() for record in (lot, lot.code, movement)]
    assert {client.get(address).status_code for address in addresses} == {302}
    client.force_login(User.objects.create_user("stranger"))
    assert {client.get(address).status_code for address in addresses} == {403}
