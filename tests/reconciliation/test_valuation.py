"""Inventory on a day by the lots and by the books, as known then and as known now."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.utils import timezone

from lots.models import Account, InventoryLot, LotCostEvent
from lots.services import lot_change
from reconciliation import valuation as valuation_module
from reconciliation.journal_sums import sum_journal
from reconciliation.models import CogsAllocation, JournalEntry, JournalLine, JournalSum, RunPool
from reconciliation.valuation import explain_difference, first_parting, valuation
from tests.factories import make_code, make_lot, make_usage, reconcile
from tests.harness.databases import CommittedDatabase
from tests.reconciliation.records import culprits

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
END = date(2026, 12, 31)


def moment() -> datetime:
    """Now, as the database sees it: facts are stamped by its clock."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        found: datetime = cursor.fetchone()[0]
    return found


def account(number: str = "1200") -> Account:
    return Account.objects.get(number=number)


def worth(as_of: date = END, known_at: datetime | None = None) -> tuple[Decimal, Decimal, Decimal]:
    total = valuation(as_of=as_of, known_at=known_at).total
    return total.value, total.balance, total.difference


@pytest.mark.django_db
def test_lots_and_books_are_the_same_on_every_day() -> None:
    make_lot("WIRE", received="10", value="100.00", on_day=1)
    make_usage("WIRE", "4", on_day=10)
    make_lot("TAPE", received="5", value="7.50", on_day=20)
    reconcile(now=NOW)
    on_days = [(4, "0"), (5, "100"), (13, "100"), (14, "60"), (23, "60"), (24, "67.50")]
    for day, value in on_days:
        assert worth(date(2026, 1, day)) == (Decimal(value), Decimal(value), 0), day
    assert culprits() == {}


@pytest.mark.django_db
def test_it_is_told_by_account_and_code() -> None:
    Account.objects.create(number="1250", name="Wire", kind="ASSET")
    make_code("WIRE").__class__.objects.filter(code="WIRE").update(account_inventory="1250")
    make_lot("WIRE", value="100.00")
    make_lot("TAPE", value="7.50")
    make_lot("GLUE", value="2.50")
    reconcile(now=NOW)
    found = valuation(as_of=END)
    assert [(row.account.number, row.code.code, row.value, row.balance) for row in found.rows if row.account] == [
        ("1200", "GLUE", Decimal("2.50"), Decimal("2.50")),
        ("1200", "TAPE", Decimal("7.50"), Decimal("7.50")),
        ("1250", "WIRE", 100, 100),
    ]
    assert [(kept.number, sums.value) for kept, sums in found.accounts if kept] == [("1200", 10), ("1250", 100)]
    assert (found.total.value, found.differing) == (110, 0)


@pytest.mark.django_db
def test_what_is_not_in_the_books_yet_is_the_difference() -> None:
    make_lot("WIRE", value="100.00")
    found = valuation(as_of=END)
    assert (found.total, found.total.difference, found.differing) == ((100, 0), 100, 1)


@pytest.mark.django_db
def test_a_late_bill_changes_what_we_know_now_and_not_what_we_knew_then() -> None:
    """Ten received at 100.00 and seven used in January; the bill of 130.00 comes in after the value was reported."""
    lot = make_lot("WIRE", received="10", value="100.00", on_day=1)
    make_usage("WIRE", "7", on_day=10, source="SHIP-60000")
    reconcile(now=NOW)
    reported = moment()
    lot.refresh_from_db()
    lot_change(
        lot=lot, at=NOW, kind=LotCostEvent.Kind.PURCHASE, source_number="PUR-60000", value=Decimal(30),
        value_payable=Decimal(30),
    )  # fmt: skip
    reconcile(now=NOW)
    january, march = date(2026, 1, 31), date(2026, 3, 31)
    assert worth(january) == worth(january, reported) == (30, 30, 0)
    assert worth(march, reported) == (30, 30, 0)
    assert worth(march) == (39, 39, 0)
    told = explain_difference(as_of=march, known_at_before=reported, known_at_after=moment())
    assert [(one.source_number, one.kind, one.amount) for one in told] == [
        ("PUR-60000", "PURCHASE", 30),
        ("SHIP-60000", "TRUE_UP", -21),
    ]
    assert explain_difference(as_of=january, known_at_before=reported, known_at_after=moment()) == []
    assert culprits() == {}


@pytest.mark.django_db
def test_usage_counts_from_the_moment_that_its_run_had_finished_with_the_code() -> None:
    make_lot("WIRE", received="10", value="100.00", on_day=1)
    make_usage("WIRE", "4", on_day=2)
    before = moment()
    reconcile(now=NOW)
    assert worth(END, before) == (100, 0, 100)
    done = RunPool.objects.get().finished_at
    assert done is not None
    assert worth(END, done)[0] == 60
    assert worth(END, done - timedelta(microseconds=1))[0] == 100


@pytest.mark.django_db
def test_the_first_document_where_they_part_is_named() -> None:
    make_lot("WIRE", value="100.00", on_day=1, source="PO-1")
    make_usage("WIRE", "4", on_day=2, source="SHIP-1")
    reconcile(now=NOW)
    wire = make_code("WIRE")
    assert first_parting(account(), wire) is None
    # Somebody posts by hand, past the program.
    entry = JournalEntry.objects.create(kind="INVENTORY", date=date(2026, 1, 20))
    JournalLine.objects.create(
        entry=entry, debit_account=account(), credit_account=account("5100"), amount=Decimal(5), kind="RECEIPT",
        code=wire, source_number="BY-HAND",
    )  # fmt: skip
    make_lot("WIRE", value="30.00", on_day=25, source="PO-2")
    parting = first_parting(account(), wire)
    assert parting is not None
    assert (parting.day, parting.source_number, parting.lots, parting.books) == (date(2026, 1, 20), "BY-HAND", 0, 5)
    reconcile(now=NOW)
    assert culprits()["books_equal_lots"] == (("code WIRE", "account 1200: lots 90.00, books 95.00"),)


def by_hand(as_of: date) -> dict[str, tuple[Decimal, Decimal]]:
    """Code -> what its lots are worth and what the ledger says, added up here, fact by fact."""
    found: dict[str, tuple[Decimal, Decimal]] = {}

    def add(code: str, lots: Decimal, books: Decimal) -> None:
        before = found.get(code, (Decimal(0), Decimal(0)))
        found[code] = (before[0] + lots, before[1] + books)

    for event in LotCostEvent.objects.filter(dated__lte=as_of).select_related("lot__code"):
        add(event.lot.code.code, event.value, Decimal(0))
    for allocation in CogsAllocation.objects.filter(dated__lte=as_of).select_related("lot__code"):
        add(allocation.lot.code.code, -allocation.amount, Decimal(0))
    for line in JournalLine.objects.filter(entry__date__lte=as_of).select_related("code"):
        sign = (line.debit_account_id == account().pk) - (line.credit_account_id == account().pk)
        add(line.code.code, Decimal(0), sign * line.amount)
    return found


@pytest.mark.django_db
@pytest.mark.parametrize("is_summed", [False, True])
def test_on_every_day_it_is_the_sum_of_the_facts_up_to_it(*, is_summed: bool) -> None:
    """Whether a month is whole or cut in two by the day, is in the sums of the journal or not yet."""
    for number, code in enumerate(("WIRE", "TAPE")):
        make_lot(code, received="10", value="100.01", on_day=1 + number)
        make_lot(code, received="10", value="33.33", on_day=40)
        for on_day in (10, 26, 27, 28, 29, 45, 58, 70):
            make_usage(code, "1", on_day=on_day + number)
        make_usage(code, "-2", on_day=60)
        reconcile(now=NOW)
        # Of the second code nothing is summed yet.
        if is_summed and not number:
            sum_journal(rest=timedelta(0))
    assert JournalSum.objects.exists() == JournalEntry.objects.filter(to_sum=None).exists() == is_summed
    known = moment()
    for on_day in range(100):
        as_of = date(2026, 1, 1) + timedelta(days=on_day)
        expected = by_hand(as_of)
        for known_at in (None, known):
            found = valuation(as_of=as_of, known_at=known_at)
            assert {row.code.code: (row.value, row.balance) for row in found.rows} == expected, (as_of, known_at)
    assert culprits() == {}


@pytest.mark.django_db
def test_an_empty_copy_is_worth_nothing() -> None:
    assert worth() == (0, 0, 0)
    assert valuation(as_of=END, known_at=timezone.now()).accounts == []


@pytest.mark.django_db
def test_it_asks_as_many_questions_for_many_lots_as_for_few(django_assert_num_queries: object) -> None:
    for number in range(12):
        make_lot(f"CODE{number}")
    reconcile(now=NOW)
    with django_assert_num_queries(4):  # type: ignore[operator]  # the fixture is untyped
        valuation(as_of=END)
    assert InventoryLot.objects.count() == 12


def test_what_is_posted_while_it_is_read_is_not_counted(
    committed_db: CommittedDatabase, concurrently: Callable[..., list[object]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The day is the last of its month with an entry, until one of a later day comes in between."""
    make_lot("WIRE", value="100.00", on_day=1)
    reconcile(now=NOW)
    ask = valuation_module._first_run_after

    def post() -> None:
        make_lot("TAPE", value="7.50", on_day=20)
        reconcile(now=NOW)

    def ask_after_another_posted(at: datetime | None) -> int | None:
        assert concurrently(post) == [None]
        return ask(at)

    monkeypatch.setattr(valuation_module, "_first_run_after", ask_after_another_posted)
    assert worth(date(2026, 1, 10)) == (100, 100, 0)
    assert JournalEntry.objects.filter(date=date(2026, 1, 24)).exists()
