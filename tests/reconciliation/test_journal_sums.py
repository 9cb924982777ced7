"""Sums of the journal: reports read the journal to the cent, summed or not, and the check says when a sum is none."""

from collections import Counter
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection, transaction
from django.db.models import Sum
from django.http import QueryDict

from reconciliation import sweeper
from reconciliation.journal_filtersets import JournalFilterSet
from reconciliation.journal_querysets import journal_postings
from reconciliation.journal_sums import sum_journal
from reconciliation.models import JournalEntry, JournalEntryToSum, JournalLine, JournalMonth, JournalSum
from tests.factories import make_code, make_office
from tests.reconciliation.records import FIRST_DAY, culprits, receive, run_now, use

pytestmark = pytest.mark.django_db

Key = tuple[object, ...]


def journal() -> dict[Key, tuple[Decimal, int]]:
    """What stands in the journal, added up here, line by line."""
    amounts: Counter[Key] = Counter()
    lines: Counter[Key] = Counter()
    for line in JournalLine.objects.select_related("entry"):
        key = (
            line.entry.date.replace(day=1), line.code_id, line.office_id, line.kind, line.debit_account_id,
            line.credit_account_id,
        )  # fmt: skip
        amounts[key] += line.amount  # type: ignore[assignment]  # decimals count as well
        lines[key] += 1
    return {key: (Decimal(amounts[key]), lines[key]) for key in lines}


def reported() -> dict[Key, tuple[Decimal, int]]:
    """The same as reports read it: rows of a key are added up."""
    found: dict[Key, tuple[Decimal, int]] = {}
    rows = JournalMonth.objects.values_list(
        "period", "code", "office", "kind", "debit_account", "credit_account", "amount", "lines"
    )
    for *key, amount, lines in rows:
        before = found.get(tuple(key), (Decimal(0), 0))
        found[tuple(key)] = (before[0] + amount, before[1] + lines)
    return found


def sum_now() -> int:
    return sum_journal(rest=timedelta(0))


def test_reports_read_the_journal_before_while_and_after_it_is_summed() -> None:
    code, other, office = make_code("WIRE"), make_code("BOLT"), make_office("EAST")
    receive(code, "10", "25.00")
    use(code, "4")
    use(other, "2")
    run_now()
    assert reported() == journal() != {}
    assert not JournalSum.objects.exists()
    assert sum_now() == JournalEntry.objects.count()
    assert not JournalEntryToSum.objects.exists()
    assert reported() == journal()
    # The same month again, another month and an office; goods come late, so that some of it is trued up and given back.
    receive(other, "5", "7.77", day=3, office=office)
    use(code, "3", day=40, office=office)
    use(code, "-1", day=41)
    run_now()
    assert JournalEntryToSum.objects.exists()
    assert JournalSum.objects.exists()
    assert reported() == journal()
    sum_now()
    assert reported() == journal()
    assert {tuple(row) for row in JournalSum.objects.values_list("period", flat=False)} == {
        (key[0],) for key in journal()
    }
    assert culprits() == {}
    assert sum_now() == 0


def test_the_newest_entries_are_left_alone_for_a_while() -> None:
    """The run that writes them wants the machine for itself."""
    receive(make_code("WIRE"), "10", "25.00")
    run_now()
    sweeper.sweep(now=FIRST_DAY)
    assert JournalEntryToSum.objects.exists()
    assert not JournalSum.objects.exists()
    assert reported() == journal() != {}


def test_the_sweeper_sums_what_is_older() -> None:
    receive(make_code("WIRE"), "10", "25.00")
    run_now()
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE reconciliation_journalentry DISABLE TRIGGER USER")
        cursor.execute("UPDATE reconciliation_journalentry SET posted_at = now() - interval '2 minutes'")
        cursor.execute("ALTER TABLE reconciliation_journalentry ENABLE TRIGGER USER")
    sweeper.sweep(now=FIRST_DAY)
    assert not JournalEntryToSum.objects.exists()
    assert JournalSum.objects.exists()
    assert reported() == journal()


def test_more_entries_than_a_transaction_takes_are_all_summed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reconciliation.journal_sums.ENTRIES", 2)
    code = make_code("WIRE")
    receive(code, "10", "25.00")
    for day in range(1, 6):
        use(code, "1", day=day)
    run_now()
    entries = JournalEntry.objects.count()
    assert entries > 4
    assert sum_now() == entries
    assert reported() == journal()


def test_the_ledger_check_finds_a_sum_that_is_not_of_its_lines() -> None:
    receive(make_code("WIRE"), "10", "25.00")
    run_now()
    sum_now()
    assert "journal_sums" not in culprits()
    with transaction.atomic():
        JournalSum.objects.update(amount=Decimal("24.99"))
        (culprit,) = culprits()["journal_sums"]
        assert culprit[0] == "code WIRE"
        assert "kept 24.99, journal 25.00" in culprit[1]
        transaction.set_rollback(True)
    with transaction.atomic():
        JournalSum.objects.all().delete()
        assert len(culprits()["journal_sums"]) == 1
        transaction.set_rollback(True)


def test_the_ledger_check_finds_lines_that_are_summed_twice() -> None:
    receive(make_code("WIRE"), "10", "25.00")
    run_now()
    sum_now()
    JournalEntryToSum.objects.bulk_create([JournalEntryToSum(entry=entry) for entry in JournalEntry.objects.all()])
    assert "lines too many -1" in culprits()["journal_sums"][0][1]


ASKED = [
    "period=2025-01",
    "period=2025-02&kind=COGS",
    "kind=COST&account_kind=COST_OF_SALES",
    "account=1200",
    "account=%3D1200&side=credit",
    "account=1&account_kind=ASSET",
    "account=9999",
    "side=debit",
    "code=WIRE&period=2025-01",
    "code=%3DBOLT&account=1200",
    "office=EAST",
    "account=1200&run=987654",
    "q=WIRE",
    "",
]


@pytest.mark.parametrize("is_summed", [False, True])
@pytest.mark.parametrize("query", ASKED)
def test_the_journal_counts_and_totals_what_it_lists(query: str, *, is_summed: bool) -> None:
    """The figures from the months against those of the very postings that the filters find."""
    code, other = make_code("WIRE"), make_code("BOLT")
    office = make_office("EAST")
    assert office is not None
    receive(code, "10", "25.00")
    use(code, "4")
    receive(other, "5", "7.77", day=3, office=office)
    run_now()
    if is_summed:
        sum_now()
    use(code, "-1", day=31)
    use(code, "3", day=40, office=office)
    use(other, "2", day=41)
    run_now()
    query = query.replace("office=EAST", f"office={office.pk}")
    filterset = JournalFilterSet(data=QueryDict(query), queryset=journal_postings())
    assert filterset.is_valid(), filterset.errors
    sums = filterset.found.aggregate(debit=Sum("debit", default=0), credit=Sum("credit", default=0))
    listed = (filterset.found.count(), sums["debit"], sums["credit"])
    assert listed[0] or query in {"account=9999", "account=1200&run=987654"}
    known = filterset.figures()
    assert (known is None) == ("q=" in query or "run" in query)
    if known is not None:
        assert known == listed
