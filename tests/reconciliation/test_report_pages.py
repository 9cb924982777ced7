"""Reports of the books, by real documents: they tie out, say where they do not, and lead to what they are made of."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from lots.invoicing import purchase_post
from lots.models import Account, AccountKind, InventoryLot, Receipt
from lots.purchasing import purchase_order_close
from lots.querysets import lots
from reconciliation.account_selectors import balances_of
from reconciliation.models import JournalEntry
from reconciliation.report_selectors import Tie, books_now, cogs_by_month, estimated_by_age
from tests.factories import day, make_code, make_lot, make_usage, reconcile
from tests.lots.purchasing_stories import line_of, lot_of, order_of, receive, write_bill, write_receipt
from tests.pages.reading import exported, said
from usage.vendor_returns import vendor_return_post

pytestmark = pytest.mark.django_db

VALUE = "/accounting/inventory-value/"
ACCRUED = "/accounting/accrued-inventory/"
COGS = "/accounting/cogs-by-month/"
ESTIMATED = "/accounting/estimated-lots/"


def rows(client: Client, address: str) -> list[dict[str, str]]:
    heading, *lines = exported(client.get(address))  # type: ignore[arg-type]  # the client's kind of response
    return [dict(zip(heading, line, strict=True)) for line in lines]


def named(client: Client, address: str, title: str) -> Any:
    """A section of a page."""
    return next(section for section in client.get(address).context["sections"] if section.title == title)


def figures(client: Client, address: str) -> dict[str, Decimal]:
    return {label: amount for label, amount, _ in client.get(address).context["figures"]}


def bill(order: Any, quantity: str, value: str, *, on_day: int, freight: str = "0") -> None:
    purchase_post(
        purchase=write_bill((line_of(order), quantity, value), freight=freight, on_day=on_day), by=None, at=day(on_day)
    )


@pytest.fixture
def unit_cost_switch() -> InventoryLot:
    """The guides' case: 15 at 35.00, 10 shipped, billed with freight at 533.85 a month later."""
    order = order_of(("WIDGET", "15", "35.00"))
    receive(order, "15", on_day=2)
    make_usage("WIDGET", "10", on_day=3, source="SHIP-70000", order="60007")
    reconcile()
    bill(order, "15", "520.00", freight="13.85", on_day=40)
    order.refresh_from_db()
    if order.status != "CLOSED":
        purchase_order_close(purchase_order=order, by=None, at=day(40))
    reconcile()
    return lot_of(order)


# -- Inventory value against the books ---------------------------------------------------------------
def test_lots_and_ledger_are_the_same_to_the_cent(viewer: Client, unit_cost_switch: InventoryLot) -> None:
    text = said(viewer, f"{VALUE}?as_of=2026-03-31")
    assert "Every code ties out to the cent." in text
    line = next(row for row in rows(viewer, f"{VALUE}?as_of=2026-03-31&export=csv") if row["Code"] == "WIDGET")
    assert (line["Lots' Value"], line["Ledger"], line["Difference"]) == ("177.95", "177.95", "0.00")


def test_on_a_day_before_the_bill_it_was_worth_what_was_ordered(viewer: Client, unit_cost_switch: InventoryLot) -> None:
    found = rows(viewer, f"{VALUE}?as_of=2026-01-31&export=csv")
    assert [row["Lots' Value"] for row in found if row["Code"] == "WIDGET"] == ["175.00"]
    assert found[-1] == {
        "Code": "Totals",
        "Description": "",
        "Lots' Value": "175.00",
        "Ledger": "175.00",
        "Difference": "0.00",
    }


def test_where_they_part_the_first_document_is_named(viewer: Client, unit_cost_switch: InventoryLot) -> None:
    """Somebody writes to the ledger behind our back."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO reconciliation_journalline (entry_id, debit_account_id, credit_account_id, amount, kind,"
            ' code_id, "order", source_kind, source_number) SELECT %s, debit.id, credit.id, 3.00, %s, %s, %s, %s, %s'
            " FROM lots_account AS debit, lots_account AS credit"
            " WHERE debit.number = '1200' AND credit.number = '3900'",
            [JournalEntry.objects.latest("pk").pk, "RECEIPT", make_code("WIDGET").pk, "", "", "FORGED-1"],
        )
    text = said(viewer, f"{VALUE}?as_of=2026-03-31")
    assert "Lots and ledger are not the same." in text
    assert "Where they part" in text
    assert "FORGED-1" in text
    assert figures(viewer, f"{VALUE}?as_of=2026-03-31")["Difference"] == Decimal("-3.00")
    assert books_now().inventory.difference == Decimal("-3.00")
    only = rows(viewer, f"{VALUE}?as_of=2026-03-31&only_differences=on&export=csv")
    assert [row["Code"] for row in only if row["Lots' Value"]][:1] == ["WIDGET"]


def test_known_then_and_known_now_differ_by_the_documents_in_between(viewer: Client) -> None:
    make_lot("WIRE", received="10", value="25.00", source="PO-1")
    reconcile()
    # Everything of a test is written down in one transaction: the clock of the first lot is set back.
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for table in ("lots_lotcostevent", "reconciliation_journalentry"):
            column = "recorded_at" if table == "lots_lotcostevent" else "posted_at"
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
            cursor.execute(f"UPDATE {table} SET {column} = now() - interval '2 days'")  # noqa: S608  (our own names)
            cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
    make_lot("WIRE", received="4", value="12.00", source="PO-2")
    reconcile()
    moment = timezone.localtime(timezone.now() - timedelta(days=1)).strftime("%Y-%m-%dT%H:%M")
    address = f"{VALUE}?as_of=2026-01-31&known_at={moment}"
    learned = named(viewer, address, "Documents that explain the difference")
    assert [(row.document, row.amount) for row in learned.table.data] == [("PO-2", Decimal("12.00"))]
    (line,) = [row for row in rows(viewer, f"{address}&export=csv") if row["Code"] == "WIRE"]
    assert (line["Lots, known then"], line["Lots, known now"], line["Learned since"]) == ("25.00", "37.00", "12.00")


def test_a_report_that_is_asked_nonsense_says_so(viewer: Client) -> None:
    for address in (
        f"{VALUE}?as_of=yesterday",
        f"{VALUE}?known_at=never",
        f"{COGS}?by=colour",
        f"{COGS}?until=2026-13",
    ):
        assert viewer.get(address).status_code == 422, address


# -- Accrued inventory -------------------------------------------------------------------------------
def test_ten_of_a_hundred_received_are_accrued_until_they_are_billed(viewer: Client) -> None:
    order = order_of(("NOTEBOOK", "100", "2.50"))
    receive(order, "10")
    reconcile()
    (line, total) = rows(viewer, f"{ACCRUED}?export=csv")
    assert (line["Ordered Value"], line["Received Value"], line["Billed Value"], line["Accrued"]) == (
        "250.00", "25.00", "0.00", "25.00",
    )  # fmt: skip
    assert total["Accrued"] == "25.00"
    assert books_now().accrued == Tie(Decimal(25), Decimal(25), Decimal(0))
    bill(order, "10", "25.00", on_day=5)
    assert books_now().accrued.difference == 0, "what waits to be posted is no difference"
    assert books_now().accrued.waiting == Decimal(-25)
    reconcile()
    assert rows(viewer, f"{ACCRUED}?export=csv")[0]["Accrued"] == "0.00"
    assert rows(viewer, f"{ACCRUED}?quick=accrued&export=csv")[-1]["Accrued"] == "0.00"


def test_what_was_credited_is_not_billed_in_units_either(viewer: Client) -> None:
    order = order_of(("NOTEBOOK", "10", "10"))
    receive(order, "10")
    vendor_return_post(receipt=write_receipt(order, "2", kind="OUTGOING_RETURN"), by=None, at=day(3))
    bill(order, "10", "100", on_day=4)
    bill(order, "-2", "-20", on_day=5)
    reconcile()
    (line, _) = rows(viewer, f"{ACCRUED}?export=csv")
    assert (line["Received"], line["Billed"], line["Billed Value"], line["Accrued"]) == ("8", "8", "80.00", "0.00")


def test_still_due_are_lines_of_which_goods_are_due(viewer: Client) -> None:
    all_there, some, one_short = (order_of(("NOTEBOOK", "10", "10")) for _ in range(3))
    receive(all_there, "10")
    vendor_return_post(receipt=write_receipt(all_there, "2", kind="OUTGOING_RETURN"), by=None, at=day(3))
    receive(some, "4")
    receive(one_short, "9")
    purchase_order_close(purchase_order=one_short, by=None, at=day(4), is_unbilled_accepted=True)
    found = rows(viewer, f"{ACCRUED}?quick=due&export=csv")
    assert [line["Purchase Order"] for line in found[:-1]] == [some.number]


def test_an_order_billed_at_more_than_it_is_carried_at_is_a_debit_with_its_reason(viewer: Client) -> None:
    order = order_of(("WIDGET", "20", "35.00"))
    receive(order, "15")
    bill(order, "15", "533.85", on_day=5)
    reconcile()
    (line, _) = rows(viewer, f"{ACCRUED}?quick=debit&export=csv")
    assert (line["Accrued"], line["Note"]) == ("-8.85", "More billed than carried while the order is open")
    assert books_now().accrued.difference == 0


# -- COGS by month -----------------------------------------------------------------------------------
def test_cogs_fall_into_the_month_of_the_sale_and_true_ups_into_that_of_the_bill(
    viewer: Client, unit_cost_switch: InventoryLot
) -> None:
    found = rows(viewer, f"{COGS}?until=2026-02&months=3&export=csv")
    assert found[0] == {
        "Code": "WIDGET", "2025-12": "0.00", "2026-01": "350.00", "2026-02": "5.90", "Total": "355.90",
        "True-ups": "5.90", "Accrued": "0.00",
    }  # fmt: skip
    kinds = viewer.get(f"{COGS}?until=2026-02&months=3").context["sections"][0].table
    assert [(row.label, row.total) for row in kinds.data] == [
        ("Cost of usage", Decimal("350.00")),
        ("True-ups", Decimal("5.90")),
    ]
    only = rows(viewer, f"{COGS}?until=2026-02&months=3&kind=TRUE_UP&export=csv")
    assert [row["Total"] for row in only] == ["5.90", "5.90"]


@pytest.mark.parametrize(("by", "label"), [("order", "60007"), ("office", "No office"), ("code", "WIDGET")])
def test_cogs_are_read_by_code_order_or_office(
    viewer: Client, unit_cost_switch: InventoryLot, by: str, label: str
) -> None:
    found = rows(viewer, f"{COGS}?until=2026-02&by={by}&export=csv")
    assert [(row[by.capitalize()], row["Total"]) for row in found] == [(label, "355.90"), ("Totals", "355.90")]


def test_a_month_of_a_code_leads_to_postings_that_add_up_to_it(viewer: Client, unit_cost_switch: InventoryLot) -> None:
    page = viewer.get(f"{COGS}?until=2026-02").content.decode().replace("&amp;", "&")
    address = next(part.split('"')[0] for part in page.split('href="') if "period=2026-02" in part and "WIDGET" in part)
    postings = rows(viewer, f"{address}&export=csv")
    assert [(row["Debit"], row["Credit"]) for row in postings][-1] == ("5.90", "0.00")


def test_a_vendor_return_from_other_lots_leaves_the_difference_alone(viewer: Client) -> None:
    """4 of 10 sold ones go back: the vendor owes 40.00, and the lot that gave them loses 48.00."""
    order = order_of(("WIRE", "10", "10"))
    receive(order, "10")
    make_usage("WIRE", "10", on_day=3)
    reconcile()
    make_lot("WIRE", received="20", value="240.00", on_day=4)
    back = write_receipt(order, "4", kind=Receipt.Kind.OUTGOING_RETURN, on_day=5)
    vendor_return_post(receipt=back, by=None, at=day(6))
    reconcile()
    found = rows(viewer, f"{COGS}?until=2026-01&months=3&export=csv")
    assert [(row["Code"], row["2026-01"], row["Total"], row["Variances"]) for row in found] == [
        ("WIRE", "108.00", "108.00", "-40.00"),
        ("Totals", "108.00", "108.00", "-40.00"),
    ]
    accounts = Account.objects.filter(kind=AccountKind.COST_OF_SALES)
    assert sum(balances_of(list(accounts)).values()) == 108
    page = viewer.get(f"{COGS}?until=2026-01&months=3")
    kinds = page.context["sections"][0].table
    assert [(row.label, row.total) for row in kinds.data] == [("Cost of usage", 148), ("Variances", -40)]
    assert net_of_postings(viewer, kinds, "Variances") == Decimal(-40)
    assert net_of_postings(viewer, page.context["sections"][1].table, "WIRE") == Decimal(108)


def net_of_postings(viewer: Client, table: Any, label: str) -> Decimal:
    """What the postings add up to that the row's figure of January leads to."""
    record = next(row for row in table.data if row.label == label)
    address = table.columns["2026-01"].column.url_of(record, date(2026, 1, 1))
    *_, total = rows(viewer, f"{address}&export=csv")
    return Decimal(total["Debit"]) - Decimal(total["Credit"])


@pytest.mark.parametrize(("by", "label"), [("office", "No office"), ("order", "No order")])
def test_what_belongs_to_no_office_or_order_leads_to_its_own_postings(viewer: Client, by: str, label: str) -> None:
    for office, order in (("", ""), ("ATL", "60007")):
        make_lot("WIRE", received="10", value="100.00", office=office)
        make_usage("WIRE", "3" if order else "2", office=office, order=order)
    reconcile()
    table = viewer.get(f"{COGS}?until=2026-01&months=3&by={by}").context["sections"][1].table
    assert net_of_postings(viewer, table, label) == Decimal(20)


def test_the_largest_come_first_and_the_rest_on_further_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(1, 6):
        make_lot(f"CODE{number}", received="1", value=f"{number}.00")
        make_usage(f"CODE{number}", "1")
    reconcile()
    months = [day(1).date().replace(day=1)]
    first = cogs_by_month(months=months, by="code", stop=2)
    assert ([row.label for row in first.rows], first.count, first.totals.total) == (["CODE5", "CODE4"], 5, Decimal(15))
    last = cogs_by_month(months=months, by="code", start=4, stop=6)
    assert [row.label for row in last.rows] == ["CODE1"]


# -- Lots at estimated cost --------------------------------------------------------------------------
def test_lots_are_at_estimated_cost_while_their_order_is_open(viewer: Client) -> None:
    order = order_of(("NOTEBOOK", "100", "2.50"), ("PENCIL", "5", "1.00"))
    receive(order, "10")
    reconcile()
    found = rows(viewer, f"{ESTIMATED}?export=csv")
    assert [(row["Code"], row["Kept estimated by"], row["Value at Stake"]) for row in found[:2]] == [
        ("NOTEBOOK", f"{order.number} is open", "25.00"),
        ("PENCIL", f"{order.number} is open", "0.00"),
    ]
    ages = {row.bucket.name: (row.lots, row.value) for row in estimated_by_age(now=day(50))}
    assert ages["nothing"] == (1, Decimal(0))
    assert ages["60"] == (1, Decimal(25))
    assert {lot.code.code for lot in lots().at_estimated_cost()} == {"NOTEBOOK", "PENCIL"}


def test_every_age_has_a_day_on_which_it_begins() -> None:
    make_lot("WIRE")
    InventoryLot.objects.update(is_cost_final=False)
    first_days = {"30": 0, "60": 31, "90": 61, "180": 91, "older": 181}
    last_days = {"30": 30, "60": 60, "90": 90, "180": 180}
    for name, age in (*first_days.items(), *last_days.items()):
        ages = [row.bucket.name for row in estimated_by_age(now=day(1) + timedelta(days=age)) if row.lots]
        assert ages == [name], age


def test_a_lot_with_its_final_cost_is_not_among_them(viewer: Client, unit_cost_switch: InventoryLot) -> None:
    assert "Every lot has its final cost" in said(viewer, ESTIMATED)


# -- The lot's page, and home ------------------------------------------------------------------------
def driving(client: Client, lot: InventoryLot) -> list[str]:
    section = next(
        s for s in client.get(lot.get_absolute_url()).context["sections"] if s.title == "Ordered / Purchased"
    )
    return [row.label for row in section.figures.rows if row.is_driving]


def test_the_ordered_figure_is_bold_while_the_order_is_open_and_the_purchased_one_after(viewer: Client) -> None:
    order = order_of(("WIDGET", "15", "35.00"))
    receive(order, "15")
    reconcile()
    lot = lot_of(order)
    assert driving(viewer, lot) == ["Ordered"]
    assert f"Costs are estimated until {order.number} is closed." in said(viewer, lot.get_absolute_url())
    bill(order, "15", "520.00", freight="13.85", on_day=5)
    order.refresh_from_db()
    if order.status != "CLOSED":
        purchase_order_close(purchase_order=order, by=None, at=day(5))
    reconcile()
    assert driving(viewer, lot) == ["Purchased", "Freight"]
    text = said(viewer, lot.get_absolute_url())
    assert "Costs are estimated" not in text
    assert "Purchase order closed" in text
    assert f"/accounting/explain/lots/{lot.pk}/" in viewer.get(lot.get_absolute_url()).content.decode()


def test_home_asks_for_the_books_once_it_is_shown(viewer: Client, unit_cost_switch: InventoryLot) -> None:
    assert 'hx-get="/accounting/books/"' in viewer.get("/").content.decode()
    tile = viewer.get("/accounting/books/", headers={"HX-Request": "true"}).content.decode()
    assert "Lots and ledger are the same" in tile
    assert "0.00" in tile
    assert viewer.get("/accounting/books/").status_code == 302
