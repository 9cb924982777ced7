"""The journal's pages: lines as debit and credit, from a line to what it comes from and back, and the plain file."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.db import OperationalError, transaction
from django.test import Client
from django.urls import reverse

from reconciliation.journal_querysets import EXPORT_COLUMNS, journal_lines, journal_rows
from reconciliation.models import JournalEntry, JournalLine, JournalPosting
from tests.factories import make_give_back_loop, make_lot, make_usage, reconcile
from tests.lots.purchasing_stories import bill, line_of, order_of, receive
from tests.pages.reading import exported, said

pytestmark = pytest.mark.django_db

JOURNAL = "/accounting/journal/"


@pytest.fixture
def books() -> JournalLine:
    """A lot of 10 worth 25.00 received in January; 4 sold in February to order 60007; the line of that sale."""
    make_lot("WIRE", received="10", value="25.00", number="40000", source="PO-60001", office="AI")
    make_usage("WIRE", "4", on_day=33, number="60000", source="SHIP-60000", order="60007", office="AI")
    make_lot("BOOK", received="2", value="60.00", number="40001")
    reconcile()
    return JournalLine.objects.get(usage__number="60000")


def records(client: Client, address: str) -> list[dict[str, str]]:
    """The rows of an exported file by heading."""
    heading, *rows = exported(client.get(address))  # type: ignore[arg-type]  # the client's kind of response
    return [dict(zip(heading, row, strict=True)) for row in rows]


def figures(client: Client, query: str = "") -> list[tuple[Any, ...]]:
    """Account, debit and credit of every row of the list, as it exports them."""
    rows = records(client, JOURNAL + "?" + "&".join(filter(None, [query, "export=csv"])))
    return [(row["Account"].split()[0], row["Debit"], row["Credit"]) for row in rows if row["Entry"] != "List Totals"]


def test_a_line_is_read_as_its_debit_and_its_credit(viewer: Client, books: JournalLine) -> None:
    assert figures(viewer, "usage==60000") == [("5000", "10.00", ""), ("1200", "", "10.00")]
    assert JournalPosting.objects.filter(line=books).count() == 2


def test_debits_and_credits_of_the_whole_journal_are_the_same(viewer: Client, books: JournalLine) -> None:
    page = viewer.get(JOURNAL).content.decode()
    assert page.count("95.00</td>") == 2  # 25 + 60 received, 10 sold: the totals row of both columns


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("account==5000", 1),
        ("account=12", 3),
        ("account=Inventory", 3),
        ("side=credit", 3),
        ("period=2026-01", 4),
        ("period=2026-02", 2),
        ("date_after=2026-02-01&date_before=2026-02-28", 2),
        ("code==BOOK", 2),
        ("order==60007", 2),
        ("source_number==PO-60001", 2),
        ("source_number=PO", 2),
        ("kind=COGS", 2),
        ("kind=TRUE_UP", 0),
        ("lot==40000", 4),
        ("q=SHIP", 2),
        ("q=wire", 4),
    ],
)
def test_the_journal_is_searched_by_everything_a_line_carries(
    viewer: Client, books: JournalLine, query: str, found: int
) -> None:
    assert len(figures(viewer, query)) == found


def test_a_page_is_in_the_order_of_posting_whichever_way(viewer: Client, books: JournalLine) -> None:
    for query in ("", "sort=entry", "sort=-date", "group=entry", "group=account", "sort=account"):
        response = viewer.get(f"{JOURNAL}?{query}")
        assert response.status_code == 200
    newest_first = figures(viewer)
    assert (newest_first[0][1] != "", newest_first[1][2] != "") == (True, True), "debit before credit"
    assert figures(viewer, "sort=entry")[-1] == newest_first[1]


@pytest.mark.parametrize("query", ["", "sort=entry", "sort=-date", "sort=date"])
def test_lines_of_one_entry_stand_together(viewer: Client, query: str) -> None:
    make_lot("WIRE", received="10", value="25.00", number="40000", on_day=0)
    for day in (3, 5):
        make_usage("WIRE", "1", on_day=day)
    first = reconcile()
    # What one run posts for two days goes by code, not by day.
    lines = list(JournalLine.objects.filter(kind="COGS").order_by("pk"))
    for line in [*lines, *lines]:
        line.pk, line._state.adding = None, True
        line.save(force_insert=True)
    assert first is not None
    entries = [row["Entry"] for row in records(viewer, f"{JOURNAL}?{query}&export=csv") if row["Entry"].isdigit()]
    assert len(entries) == 2 * JournalLine.objects.count()
    runs = [entry for place, entry in enumerate(entries) if place == 0 or entries[place - 1] != entry]
    assert len(runs) == len(set(runs)) == 3


def test_the_file_for_other_ledgers_balances_and_names_every_source(viewer: Client, books: JournalLine) -> None:
    rows = records(viewer, reverse("reconciliation:journal_csv"))
    assert tuple(rows[0]) == EXPORT_COLUMNS
    assert sum(Decimal(row["debit"] or 0) for row in rows) == sum(Decimal(row["credit"] or 0) for row in rows) == 95
    assert rows[-1] | {"run": "", "entry": ""} == {
        "entry": "", "date": "2026-02-06", "period": "2026-02", "account": "1200", "debit": "", "credit": "10.00",
        "code": "WIRE", "office": "AI", "order": "60007", "source": "SHIP-60000", "run": "", "kind": "COGS",
        "text": "COGS reconciliation",
    }  # fmt: skip


def test_the_file_of_a_period_has_that_month_and_nothing_else(viewer: Client, books: JournalLine) -> None:
    assert len(records(viewer, reverse("reconciliation:journal_csv") + "?period=2026-02")) == 2
    assert [row[1] for row in journal_rows(period=date(2026, 2, 1))] == [date(2026, 2, 6)] * 2
    wrong = viewer.get(reverse("reconciliation:journal_csv") + "?period=nonsense")
    assert wrong.status_code == 400


def test_an_entry_shows_what_it_comes_to_per_account(viewer: Client, books: JournalLine) -> None:
    response = viewer.get(books.entry.get_absolute_url())
    accounts = next(section for section in response.context["sections"] if section.title == "Accounts")
    rows = [(row.account.number, row.debit, row.credit) for row in accounts.table.data]
    assert rows == [("1200", Decimal(0), Decimal("10.00")), ("5000", Decimal("10.00"), Decimal(0))]
    page = response.content.decode()
    assert books.usage is not None
    assert books.lot is not None
    assert books.usage.get_absolute_url() in page
    assert books.lot.get_absolute_url() in page


def test_a_link_to_a_line_opens_the_page_of_its_entry_that_has_it(
    viewer: Client, books: JournalLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reconciliation.journal_views.LINES_PER_PAGE", 1)
    entry = JournalEntry.objects.filter(lines__code__code="BOOK").get()
    line = entry.lines.order_by("-pk")[0]
    page = viewer.get(JournalPosting.objects.filter(line=line)[0].get_absolute_url().split("#")[0])
    assert f'id="row-{line.pk}"' in page.content.decode()


def test_usage_lot_document_and_run_lead_to_their_lines(viewer: Client, books: JournalLine) -> None:
    assert books.usage is not None
    assert books.lot is not None
    assert books.entry.run is not None
    for address in (
        books.usage.get_absolute_url(),
        books.lot.get_absolute_url(),
        reverse("usage:source") + "?id=SHIP-60000",
        reverse("usage:source") + "?id=PO-60001",
    ):
        page = viewer.get(address).content.decode()
        assert 'id="journal"' in page, address
        assert "Nothing in the journal yet" not in page, address
    run = viewer.get(books.entry.run.get_absolute_url()).content.decode()
    assert f"{JOURNAL}?run={books.entry.run_id}" in run


def test_lines_of_a_document_are_found_by_its_usage_and_lots(books: JournalLine) -> None:
    assert list(journal_lines().of_source("SHIP-60000")) == [books]
    assert [line.lot and line.lot.number for line in journal_lines().of_source("PO-60001")] == ["40000"]
    assert list(journal_lines().of_source("NOTHING")) == []


def test_a_purchase_order_shows_all_that_its_lots_brought_into_the_books(viewer: Client) -> None:
    order = order_of(("BOOK", "16", "35.00"))
    receive(order, "6")
    make_usage("BOOK", "4", on_day=3)
    bill((line_of(order), "6", "200.00"))
    reconcile()
    page = said(viewer, order.get_absolute_url())
    journal = page.partition(" Journal ")[2]
    for number in ("SHIP-60000", "PUR-60000"):
        assert number in journal
    assert "5000" not in journal  # what left the lot is on the lot's page
    assert figures(viewer, f"lot_source=={order.number}&account==2100") != []


def test_the_guides_loop_is_in_the_books_gross(viewer: Client) -> None:
    lot = make_give_back_loop()
    debits = figures(viewer, f"lot=={lot.number}&account==5000")
    assert sum(Decimal(row[1] or 0) - Decimal(row[2] or 0) for row in debits) == lot.value_used


def test_a_posting_cannot_be_written_through_the_view(books: JournalLine) -> None:
    posting = JournalPosting.objects.filter(line=books)[0]
    with pytest.raises(OperationalError, match="cannot delete from view"), transaction.atomic():
        posting.delete()
    assert JournalLine.objects.filter(pk=books.pk).exists()
