"""Closing a month: nothing is posted into it any more, and nothing that belongs into it is left behind."""

import threading
from collections.abc import Callable
from datetime import UTC, date, datetime
from io import StringIO

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction

from lots.locks import preference_in_force
from lots.models import CostPool, FiscalPeriod, LotCostEvent, LotCostToPost, PeriodChange, Receipt
from lots.models.purchasing import PostingStatus, PurchaseOrder
from reconciliation import runner
from reconciliation.models import CogsAllocation, JournalEntry, ReconciliationRun
from reconciliation.periods import (
    ChecklistItem,
    close_checklist,
    close_warnings,
    months,
    open_months_until,
    period_close,
    period_named,
    period_reopen,
    periods_close,
)
from reconciliation.requests import request_run
from tests.factories import make_lot, make_usage, reconcile
from tests.harness.databases import CommittedDatabase
from tests.reconciliation.records import culprits
from usage.models import OpenUsage

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
JANUARY, FEBRUARY = date(2026, 1, 1), date(2026, 2, 1)


def close(month: date = JANUARY, *, by: User | None = None, reason: str = "") -> PeriodChange:
    return period_close(starts_on=month, by=by, now=NOW, reason=reason)


def reopen(month: date = JANUARY, *, reason: str = "") -> PeriodChange:
    return period_reopen(starts_on=month, by=None, now=NOW, reason=reason)


def item(label: str, month: date = JANUARY) -> ChecklistItem:
    (found,) = [item for item in close_checklist(month) if item.label.startswith(label)]
    return found


# -- Closing and reopening ---------------------------------------------------------------------------
@pytest.mark.django_db
def test_closing_and_reopening_are_logged_with_who_and_why(person: Callable[[str], User]) -> None:
    accountant = person("accountant")
    close(by=accountant, reason="January is done")
    reopen(reason="A late bill")
    assert not FiscalPeriod.objects.get().is_closed
    log = [(change.is_closed, change.by, change.reason) for change in PeriodChange.objects.order_by("pk")]
    assert log == [(True, accountant, "January is done"), (False, None, "A late bill")]


@pytest.mark.django_db
def test_what_comes_after_the_close_counts_in_the_next_open_month() -> None:
    close(JANUARY)
    close(FEBRUARY)
    make_lot(received="10", value="100.00", on_day=1)
    make_usage("WIRE", "4", on_day=2)
    reconcile(now=NOW)
    assert LotCostEvent.objects.get().dated == date(2026, 3, 1)
    assert CogsAllocation.objects.get().dated == date(2026, 3, 1)
    assert {entry.date for entry in JournalEntry.objects.all()} == {date(2026, 3, 1)}
    assert culprits() == {}


@pytest.mark.django_db
def test_a_month_that_was_reopened_takes_postings_again() -> None:
    close()
    reopen()
    make_lot(on_day=1)
    assert LotCostEvent.objects.get().dated == date(2026, 1, 5)


@pytest.mark.django_db
def test_the_database_itself_refuses_an_entry_in_a_closed_month() -> None:
    close()
    with pytest.raises(IntegrityError, match="period 2026-01 is closed"), transaction.atomic():
        JournalEntry.objects.create(kind="COGS", date=date(2026, 1, 31))
    assert not JournalEntry.objects.exists()


@pytest.mark.django_db
def test_a_month_is_closed_once_and_opened_once() -> None:
    with pytest.raises(ValidationError, match="2026-01 is open already"):
        reopen()
    close()
    with pytest.raises(ValidationError, match="2026-01 is closed already"):
        close()
    assert PeriodChange.objects.count() == 1


@pytest.mark.django_db
def test_all_open_months_up_to_one_are_closed_in_one_step(person: Callable[[str], User]) -> None:
    make_lot(received="10", value="100.00", on_day=1)
    make_usage("WIRE", "4", on_day=40)
    reconcile(now=NOW)
    close(JANUARY)
    reopen(JANUARY)
    close(FEBRUARY)
    assert open_months_until(FEBRUARY) == [JANUARY]
    reopen(FEBRUARY)
    accountant = person("accountant")
    changes = periods_close(until=FEBRUARY, by=accountant, now=NOW, reason="Both")
    assert [(str(change.period), change.by, change.reason) for change in changes] == [
        ("2026-01", accountant, "Both"),
        ("2026-02", accountant, "Both"),
    ]
    assert not FiscalPeriod.objects.filter(is_closed=False).exists()
    with pytest.raises(ValidationError, match="No month up to 2026-02 is open"):
        periods_close(until=FEBRUARY, by=None, now=NOW)


@pytest.mark.django_db
def test_of_several_months_all_are_closed_or_none() -> None:
    make_lot(received="10", value="100.00", on_day=1)
    reconcile(now=NOW)
    make_lot("PEN", received="1", value="1.00", on_day=40)
    with pytest.raises(ValidationError, match="1 posting dated in 2026-02 is not in the books yet"):
        periods_close(until=FEBRUARY, by=None, now=NOW)
    reconcile(now=NOW)
    with pytest.raises(ValidationError, match="2026-04 has not begun"):
        periods_close(until=date(2026, 4, 1), by=None, now=NOW)
    assert not PeriodChange.objects.exists()
    assert not FiscalPeriod.objects.filter(is_closed=True).exists()
    assert len(periods_close(until=FEBRUARY, by=None, now=NOW)) == 2


@pytest.mark.django_db
def test_a_month_that_has_not_begun_is_not_closed() -> None:
    with pytest.raises(ValidationError, match="2026-04 has not begun"):
        close(date(2026, 4, 1))
    assert not FiscalPeriod.objects.exists()


@pytest.mark.django_db
def test_a_period_is_named_by_its_first_day_and_a_reason_is_short() -> None:
    with pytest.raises(ValidationError, match="first day of its month"):
        close(date(2026, 1, 2))
    with pytest.raises(ValidationError, match="at most 200 characters"), transaction.atomic():
        close(reason="x" * 201)
    assert not PeriodChange.objects.exists()


@pytest.mark.django_db
def test_postings_that_are_not_in_the_books_bar_the_close_of_their_month_only() -> None:
    make_lot("A", on_day=1)
    make_lot("B", on_day=2)
    make_lot("C", on_day=30)  # February
    with pytest.raises(ValidationError, match="2 postings dated in 2026-01 are not in the books yet; a run takes them"):
        close()
    assert not PeriodChange.objects.exists()
    LotCostToPost.objects.filter(event__dated__lt=FEBRUARY).delete()
    close()
    with pytest.raises(ValidationError, match="1 posting dated in 2026-02 is not in the books yet"):
        close(FEBRUARY)


@pytest.mark.django_db
def test_a_code_that_a_run_set_aside_is_named_when_it_bars_the_close() -> None:
    make_lot("WIRE")
    CostPool.objects.update(is_set_aside=True)
    with pytest.raises(ValidationError, match="a run set aside WIRE"):
        close()


@pytest.mark.django_db
def test_open_usage_bars_no_close_and_is_told() -> None:
    make_usage("WIRE", "3")
    reconcile(now=NOW)
    assert "Open usage, its cost still estimated: 1" in close_warnings(JANUARY)
    close()
    assert OpenUsage.objects.exists()


# -- Checklist ---------------------------------------------------------------------------------------
@pytest.mark.django_db
def test_the_checklist_counts_what_is_left_of_the_month_and_of_those_before() -> None:
    order = PurchaseOrder.objects.create(number="PO-1", vendor="V", ordered_on=date(2026, 1, 3))
    for number, at in (("SHIP-1", NOW), ("SHIP-2", datetime(2026, 1, 31, 23, tzinfo=UTC))):
        Receipt.objects.create(number=number, purchase_order=order, received_at=at, status=PostingStatus.PENDING)
    assert item("Incoming shipments still pending").count == 1
    assert item("Incoming shipments still pending", date(2026, 3, 1)).count == 2


@pytest.mark.django_db
def test_the_checklist_names_earlier_months_that_are_open_and_have_entries() -> None:
    make_lot()
    reconcile(now=NOW)
    assert item("Earlier months", FEBRUARY).hint == "2026-01"
    close()
    assert item("Earlier months", FEBRUARY).count == 0


@pytest.mark.django_db
def test_only_postings_not_in_the_books_bar() -> None:
    make_lot()
    assert [line.label for line in close_checklist(JANUARY) if line.is_blocking] == [
        "Postings dated in 2026-01 that are not in the books yet"
    ]
    assert item("Postings dated in").count == 1
    assert item("Codes whose lots and books differ").count == 1
    reconcile(now=NOW)
    assert (item("Postings dated in").count, item("Codes whose lots and books differ").count) == (0, 0)


@pytest.mark.django_db
def test_the_months_go_from_the_first_posting_until_now() -> None:
    assert [month.name for month in months(today=NOW.date())] == ["2026-03"]
    make_lot()
    reconcile(now=NOW)
    close()
    found = months(today=NOW.date())
    assert [(month.name, month.is_closed, month.entries) for month in found] == [
        ("2026-03", False, 0),
        ("2026-02", False, 0),
        ("2026-01", True, 1),
    ]
    assert found[-1].change == PeriodChange.objects.get()


@pytest.mark.parametrize("text", ["2026-13", "2026-00", "March", "2026-3", "26-03", "", "2026-03-01", "9999-01"])
def test_a_period_is_written_as_year_and_month(text: str) -> None:
    with pytest.raises(ValidationError, match="is no period"):
        period_named(text)
    assert period_named(" 2026-03 ") == date(2026, 3, 1)


# -- The ledger check --------------------------------------------------------------------------------
@pytest.mark.django_db
def test_an_entry_that_got_past_the_close_is_found() -> None:
    entry = JournalEntry.objects.create(kind="COGS", date=date(2026, 1, 31))
    close()
    assert culprits() == {}
    period = FiscalPeriod.objects.get()
    FiscalPeriod.objects.update(is_closed=False)
    late = JournalEntry.objects.create(kind="COGS", date=date(2026, 1, 30))
    FiscalPeriod.objects.update(is_closed=True)
    (culprit,) = culprits()["no_entry_was_posted_into_a_closed_period"]
    assert culprit[0] == f"journal entry {late.pk}"
    assert entry.pk < late.pk
    assert period.is_closed
    reopen()
    JournalEntry.objects.create(kind="COGS", date=date(2026, 1, 29))
    assert len(culprits()["no_entry_was_posted_into_a_closed_period"]) == 1


# -- Nobody posts behind a close ---------------------------------------------------------------------
def test_a_close_waits_for_the_posting_that_looked_at_the_periods_before(
    committed_db: CommittedDatabase, concurrently: Callable[..., list[object]]
) -> None:
    has_read, may_go_on = threading.Event(), threading.Event()

    def post() -> None:
        with transaction.atomic():
            preference_in_force()
            has_read.set()
            may_go_on.wait(timeout=180)
            make_lot(on_day=1)

    def shut() -> PeriodChange:
        has_read.wait(timeout=180)
        threading.Timer(0.5, may_go_on.set).start()
        return close()

    _, refused = concurrently(post, shut)
    # It came in first, so it counts in January, and must be in the books before January is closed.
    assert isinstance(refused, ValidationError)
    assert LotCostEvent.objects.get().dated == date(2026, 1, 5)
    assert not PeriodChange.objects.exists()
    reconcile(now=NOW)
    close()
    assert culprits() == {}


def test_a_month_is_closed_while_a_run_posts_and_nothing_lands_behind_the_close(
    committed_db: CommittedDatabase, concurrently: Callable[..., list[object]], settings: object
) -> None:
    settings.BATCH_USAGES = 1  # type: ignore[attr-defined]  # many batches, so that the close comes between some
    for number in range(12):
        make_lot(f"CODE{number}", on_day=1)
    reconcile(now=NOW)
    for number in range(12):
        make_usage(f"CODE{number}", "3", on_day=2)
    run = request_run(trigger=ReconciliationRun.Trigger.COMMAND, now=NOW)
    outcomes = concurrently(lambda: runner.work(run_id=run.pk), lambda: runner.work(run_id=run.pk), close)
    assert [outcome for outcome in outcomes if isinstance(outcome, Exception)] == []
    runner.work(run_id=run.pk)
    run.refresh_from_db()
    assert run.state == "FINISHED"
    assert CogsAllocation.objects.count() == 12
    assert set(CogsAllocation.objects.values_list("dated", flat=True)) <= {date(2026, 1, 6), FEBRUARY}
    assert culprits() == {}


# -- Commands ----------------------------------------------------------------------------------------
def command(name: str, *arguments: str) -> tuple[str, str]:
    out, err = StringIO(), StringIO()
    call_command(name, *arguments, stdout=out, stderr=err)
    return out.getvalue().strip(), err.getvalue().strip()


@pytest.mark.django_db
def test_periods_are_closed_and_reopened_from_a_shell() -> None:
    make_usage("WIRE", "3")
    out, err = command("close_period", "2026-01", "--reason", "done")
    assert out == "2026-01 is closed now."
    assert "Still to be seen to: Open usage, its cost still estimated: 1" in err
    assert command("reopen_period", "2026-01") == ("2026-01 is open now.", "")
    assert [change.reason for change in PeriodChange.objects.order_by("pk")] == ["done", ""]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("name", "period", "why"),
    [
        ("close_period", "2026-01", "not in the books yet"),
        ("close_period", "January", "is no period"),
        ("reopen_period", "2026-01", "is open already"),
    ],
)
def test_a_refusal_is_exit_code_1_with_its_reason(name: str, period: str, why: str) -> None:
    make_lot()
    with pytest.raises(CommandError, match=why) as refusal:
        command(name, period)
    assert refusal.value.returncode == 1
    assert not PeriodChange.objects.exists()
