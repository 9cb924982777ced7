"""Accrued COGS: the estimated cost of what is unallocated, booked in the month of the sale and taken back by itself."""

from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from io import StringIO
from itertools import permutations

import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command

from lots.models import Account, FiscalPeriod, PostingDate, Preference
from reconciliation import accruals
from reconciliation.accruals import accruals_due, accrue_cogs
from reconciliation.models import CogsAllocation, JournalEntry, JournalLine
from reconciliation.posting import AccrualMove, standing_accruals
from tests.factories import day, make_code, make_lot, make_usage, reconcile
from tests.harness.databases import CommittedDatabase
from tests.reconciliation.records import culprits
from usage.models import InventoryUsage, OpenUsage
from usage.services import est_unit_cost_set, usage_record

# The day on which a difference is found; usage of the builders is of January 2026.
FOUND = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
Line = tuple[date, str, str, Decimal]


def switch(*, on: bool) -> None:
    Preference.objects.update(accrue_cogs=on)


def lines(usage: InventoryUsage | None = None) -> list[Line]:
    """Day, debit, credit and amount of every line of accrued COGS, in entry order."""
    found = JournalLine.objects.filter(kind="ACCRUED_COGS").select_related("entry", "debit_account", "credit_account")
    if usage is not None:
        found = found.filter(usage=usage)
    return [
        (line.entry.date, line.debit_account.number, line.credit_account.number, line.amount)
        for line in found.order_by("pk")
    ]


def booked() -> Decimal:
    return OpenUsage.objects.get().accrued_booked


@pytest.mark.django_db
def test_what_is_unallocated_is_booked_at_its_estimate_on_the_day_of_the_usage() -> None:
    switch(on=True)
    make_code("16G-W", cost="1.99")
    make_usage("16G-W", "1000", on_day=2, source="SHIP-60000", order="60007")
    result = accrue_cogs(now=FOUND)
    assert (result.entries, result.lines, result.amount) == (1, 1, Decimal("1990.00"))
    assert lines() == [(date(2026, 1, 6), "5000", "2110", Decimal("1990.00"))]
    line = JournalLine.objects.get()
    assert (line.source_number, line.order, line.entry.kind) == ("SHIP-60000", "60007", "ACCRUED_COGS")
    assert booked() == Decimal("1990.00")
    assert "accrued_cogs_is_booked" not in culprits()


@pytest.mark.django_db
def test_a_return_that_no_lot_took_is_accrued_the_other_way_round() -> None:
    switch(on=True)
    make_usage("WIRE", "-3")
    accrue_cogs(now=FOUND)
    assert lines() == [(date(2026, 1, 6), "2110", "5000", Decimal("6.00"))]
    assert booked() == Decimal("-6.00")


@pytest.mark.django_db
def test_booking_again_writes_nothing() -> None:
    switch(on=True)
    make_usage("WIRE", "3")
    make_usage("TAPE", "-1")
    accrue_cogs(now=FOUND)
    before = list(JournalLine.objects.values_list("pk", flat=True)), JournalEntry.objects.count()
    result = accrue_cogs(now=FOUND)
    assert (result.entries, result.lines, result.amount) == (0, 0, 0)
    assert (list(JournalLine.objects.values_list("pk", flat=True)), JournalEntry.objects.count()) == before
    assert accruals_due() == 0


@pytest.mark.django_db
def test_a_changed_estimate_is_booked_as_a_difference_on_the_day_it_is_found() -> None:
    switch(on=True)
    usage = make_usage("WIRE", "10")
    accrue_cogs(now=FOUND)
    est_unit_cost_set(by=None, at=day(1), code=usage.code, est_unit_cost=Decimal("1.50"))
    assert accruals_due() == 1
    accrue_cogs(now=FOUND)
    assert lines() == [
        (date(2026, 1, 6), "5000", "2110", Decimal("20.00")),
        (date(2026, 3, 2), "2110", "5000", Decimal("5.00")),
    ]
    assert booked() == Decimal("15.00")


@pytest.mark.django_db
def test_where_the_month_of_the_sale_is_closed_it_counts_on_the_first_open_day() -> None:
    switch(on=True)
    FiscalPeriod.objects.create(starts_on=date(2026, 1, 1), is_closed=True)
    make_usage("WIRE", "10")
    accrue_cogs(now=FOUND)
    assert lines()[0][0] == date(2026, 2, 1)


@pytest.mark.django_db
def test_where_all_counts_on_the_day_of_the_run_an_accrual_does_too() -> None:
    switch(on=True)
    Preference.objects.update(posting_date=PostingDate.RUN)
    make_usage("WIRE", "10")
    accrue_cogs(now=FOUND)
    assert lines()[0][0] == date(2026, 3, 2)


@pytest.mark.django_db
def test_the_run_that_finds_the_true_cost_takes_the_estimate_back_where_it_was_found() -> None:
    """Only the difference lands in the later month: 20.00 were expected in January, 30.00 it was."""
    switch(on=True)
    usage = make_usage("WIRE", "10")
    accrue_cogs(now=FOUND)
    make_lot("WIRE", received="10", value="30.00", on_day=40)
    reconcile(now=FOUND)
    assert not OpenUsage.objects.exists()
    assert sum((-amount if debit == "2110" else amount) for _, debit, _, amount in lines(usage)) == 0
    assert culprits() == {}
    assert accrue_cogs(now=FOUND).lines == 0


@pytest.mark.django_db
def test_each_month_gives_back_what_it_bore_and_no_month_more() -> None:
    """20.00 in January, 10.00 more in March for a higher estimate; the goods were there in January after all."""
    switch(on=True)
    usage = make_usage("WIRE", "10")
    accrue_cogs(now=FOUND)
    est_unit_cost_set(by=None, at=day(1), code=usage.code, est_unit_cost=Decimal(3))
    accrue_cogs(now=FOUND)
    # A part of it first: of each month its part.
    make_lot("WIRE", received="4", value="16.00", on_day=1)
    reconcile(now=FOUND)
    assert booked() == Decimal("18.00")
    assert lines()[2:] == [
        (date(2026, 1, 6), "2110", "5000", Decimal("8.00")),
        (date(2026, 3, 2), "2110", "5000", Decimal("4.00")),
    ]
    make_lot("WIRE", received="6", value="24.00", on_day=1)
    reconcile(now=FOUND)
    assert lines()[4:] == [
        (date(2026, 1, 6), "2110", "5000", Decimal("12.00")),
        (date(2026, 3, 2), "2110", "5000", Decimal("6.00")),
    ]
    assert culprits() == {}
    assert accrue_cogs(now=FOUND).lines == 0


@pytest.mark.django_db
def test_goods_that_came_after_the_accrual_take_all_of_it_back_in_their_month() -> None:
    switch(on=True)
    usage = make_usage("WIRE", "10")
    accrue_cogs(now=FOUND)
    est_unit_cost_set(by=None, at=day(1), code=usage.code, est_unit_cost=Decimal(3))
    accrue_cogs(now=FOUND)
    make_lot("WIRE", received="10", value="40.00", on_day=80)
    reconcile(now=FOUND)
    assert lines()[2:] == [(date(2026, 3, 25), "2110", "5000", Decimal("30.00"))]
    assert culprits() == {}


def cost_by_month() -> dict[int, Decimal]:
    """What each month bears on the account of cost, accrued or true, by its number."""
    months: defaultdict[int, Decimal] = defaultdict(Decimal)
    for line in JournalLine.objects.select_related("entry", "debit_account", "credit_account"):
        months[line.entry.date.month] += line.amount * (line.debit_account.number == "5000")
        months[line.entry.date.month] -= line.amount * (line.credit_account.number == "5000")
    return {month: amount for month, amount in months.items() if amount}


@pytest.mark.parametrize("order", list(permutations(((6, 40), (4, 12)))))
@pytest.mark.django_db
def test_what_was_taken_back_is_not_taken_back_again_whichever_receipt_is_recorded_first(
    order: tuple[tuple[int, int], ...],
) -> None:
    """20.00 in January: 8.00 of it go where 12.00 were found, and 12.00 where 18.00 were, in February."""
    switch(on=True)
    usage = make_usage("WIRE", "10")
    accrue_cogs(now=FOUND)
    for received, on_day in order:
        make_lot("WIRE", received=str(received), value=str(received * 3), on_day=on_day)
        reconcile(now=FOUND)
    assert sorted(lines(usage)[1:]) == [
        (date(2026, 1, 16), "2110", "5000", Decimal("8.00")),
        (date(2026, 2, 13), "2110", "5000", Decimal("12.00")),
    ]
    assert cost_by_month() == {1: Decimal("24.00"), 2: Decimal("6.00")}
    assert culprits() == {}
    assert accrue_cogs(now=FOUND).lines == 0


@pytest.mark.parametrize("order", list(permutations(((3, 12), (2, 40), (5, 80)))))
@pytest.mark.django_db
def test_each_month_bears_the_same_in_any_order_where_a_higher_estimate_was_booked_too(
    order: tuple[tuple[int, int], ...],
) -> None:
    """20.00 in January and 10.00 on 2 March, of which every receipt takes its part back."""
    switch(on=True)
    usage = make_usage("WIRE", "10")
    accrue_cogs(now=FOUND)
    est_unit_cost_set(by=None, at=day(1), code=usage.code, est_unit_cost=Decimal(3))
    accrue_cogs(now=FOUND)
    for received, on_day in order:
        make_lot("WIRE", received=str(received), value=str(received * 4), on_day=on_day)
        reconcile(now=FOUND)
    # January: 20 + 12 - 6; February: 8 - 4; March: 10 + 20 - 3 - 2 - 15.
    assert cost_by_month() == {1: Decimal("26.00"), 2: Decimal("4.00"), 3: Decimal("10.00")}
    assert culprits() == {}


@pytest.mark.django_db
def test_a_higher_estimate_after_a_part_was_taken_back_leaves_each_month_what_stands_there() -> None:
    """Of 20.00 in January, 8.00 are taken back in February; the rest is estimated at 6.00 more in March."""
    switch(on=True)
    usage = make_usage("WIRE", "10")
    accrue_cogs(now=FOUND)
    make_lot("WIRE", received="4", value="16.00", on_day=40)
    reconcile(now=FOUND)
    est_unit_cost_set(by=None, at=day(1), code=usage.code, est_unit_cost=Decimal(3))
    accrue_cogs(now=FOUND)
    make_lot("WIRE", received="6", value="24.00", on_day=12)
    reconcile(now=FOUND)
    assert lines(usage)[3:] == [
        (date(2026, 1, 16), "2110", "5000", Decimal("12.00")),
        (date(2026, 3, 2), "2110", "5000", Decimal("6.00")),
    ]
    assert culprits() == {}


def test_cents_that_do_not_divide_are_all_taken_back_where_they_stand() -> None:
    """A cent booked on each of three days; a run took one of them back, so that a cent stands on two of the days."""
    booked_on = [date(2026, month, 1) for month in (1, 2, 3)]
    moves = [AccrualMove(booked, None, Decimal("0.01")) for booked in booked_on]
    moves.append(AccrualMove(date(2026, 4, 1), 7, Decimal("-0.01")))
    standing = standing_accruals(moves)
    assert sorted(standing.values()) == [Decimal(0), Decimal("0.01"), Decimal("0.01")]
    assert set(standing) == set(booked_on)


@pytest.mark.parametrize(("closed", "booked_on"), [(None, date(2026, 2, 13)), (date(2026, 2, 1), date(2026, 3, 1))])
@pytest.mark.django_db
def test_the_estimate_goes_where_the_true_cost_comes_so_that_a_month_bears_only_the_difference(
    closed: date | None, booked_on: date
) -> None:
    """A receipt of an earlier day that is entered late: its day may still be open, or not."""
    switch(on=True)
    usage = make_usage("WIRE", "10")
    accrue_cogs(now=FOUND)
    if closed:
        FiscalPeriod.objects.create(starts_on=closed, is_closed=True)
    make_lot("WIRE", received="10", value="30.00", on_day=40)
    reconcile(now=FOUND)
    assert CogsAllocation.objects.get().dated == booked_on
    assert [(day, debit) for day, debit, *_ in lines(usage)] == [(date(2026, 1, 6), "5000"), (booked_on, "2110")]


@pytest.mark.django_db
def test_of_usage_that_is_allocated_in_part_the_rest_stays_accrued() -> None:
    switch(on=True)
    make_usage("WIRE", "10")
    accrue_cogs(now=FOUND)
    make_lot("WIRE", received="4", value="12.00", on_day=40)
    reconcile(now=FOUND)
    assert booked() == Decimal("12.00")
    assert accrue_cogs(now=FOUND).lines == 0
    assert culprits() == {}


@pytest.mark.django_db
def test_switched_off_all_of_it_is_taken_back_and_nothing_more_is_booked() -> None:
    switch(on=True)
    make_usage("WIRE", "10")
    accrue_cogs(now=FOUND)
    switch(on=False)
    make_usage("TAPE", "5")
    assert accrue_cogs(now=FOUND).amount == Decimal("-20.00")
    assert lines()[1:] == [(date(2026, 3, 2), "2110", "5000", Decimal("20.00"))]
    assert not OpenUsage.objects.exclude(accrued_booked=0).exists()


@pytest.mark.django_db
def test_switched_on_again_it_is_booked_when_that_was_and_not_twice_in_the_month_of_the_sale() -> None:
    usage = make_usage("WIRE", "10")
    for on in (True, False, True):
        switch(on=on)
        accrue_cogs(now=FOUND)
    assert [day for day, *_ in lines(usage)] == [date(2026, 1, 6), date(2026, 3, 2), date(2026, 3, 2)]


@pytest.mark.django_db
def test_a_code_without_an_estimate_accrues_nothing_and_is_named() -> None:
    switch(on=True)
    make_code("GIFT", cost="0")
    make_usage("GIFT", "10")
    result = accrue_cogs(now=FOUND)
    assert (result.lines, result.without_estimate) == (0, ["GIFT"])
    assert "Without an estimated unit cost, so nothing is accrued: GIFT." in result.words()


@pytest.mark.django_db
def test_usage_charged_to_an_account_of_its_own_is_accrued_there() -> None:
    switch(on=True)
    usage = make_usage("WIRE", "1")
    own = Account.objects.create(number="6100", name="Samples", kind="EXPENSE")
    usage_record(code=usage.code, quantity=Decimal(2), used_at=usage.used_at, account=own)
    accrue_cogs(now=FOUND)
    assert sorted(debit for _, debit, _, _ in lines()) == ["5000", "6100"]
    assert JournalEntry.objects.count() == 1


@pytest.mark.django_db
def test_without_an_account_it_is_refused_and_nothing_is_posted() -> None:
    switch(on=True)
    Preference.objects.update(account_accrued_cogs=None)
    make_usage("WIRE", "10")
    with pytest.raises(ValidationError, match="No account for accrued COGS is set"):
        accrue_cogs(now=FOUND)
    with pytest.raises(CommandError, match="Nothing was posted") as refusal:
        call_command("accrue_cogs")
    assert refusal.value.returncode == 1
    assert not JournalEntry.objects.exists()
    assert booked() == 0


@pytest.mark.django_db
def test_the_command_says_what_it_booked() -> None:
    switch(on=True)
    make_usage("WIRE", "10")
    out = StringIO()
    call_command("accrue_cogs", stdout=out)
    assert out.getvalue().strip() == "Accrued COGS changed by 20.00: 1 line in 1 entry."


@pytest.mark.django_db
def test_much_open_usage_is_booked_in_several_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    switch(on=True)
    monkeypatch.setattr(accruals, "BATCH_USAGES", 2)
    for code in ("A", "B", "C"):
        make_usage(code, "1")
        make_usage(code, "2")
    result = accrue_cogs(now=FOUND)
    assert (result.entries, result.lines, result.amount) == (3, 6, Decimal("18.00"))
    assert culprits() == {}


def test_two_who_book_at_once_book_it_once(
    committed_db: CommittedDatabase, concurrently: Callable[..., list[object]]
) -> None:
    switch(on=True)
    for number in range(20):
        make_usage(f"CODE{number}", "10")
    results = concurrently(*[lambda: accrue_cogs(now=FOUND)] * 4)
    assert [result for result in results if isinstance(result, Exception)] == []
    assert JournalLine.objects.count() == 20
    assert culprits() == {}
