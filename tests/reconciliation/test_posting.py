"""The books follow the lots: what a run posts, on which day, and that it is posted once."""

from datetime import date
from decimal import Decimal

import pytest
from django.db import DatabaseError, transaction
from django.db.models import Sum

from lots.models import Account, FiscalPeriod, LotCostEvent, LotCostToPost, Preference
from lots.services import lot_change
from reconciliation.models import CogsAllocation, JournalEntry, JournalLine
from tests.factories import make_code, make_lot
from tests.reconciliation.records import FIRST_DAY, culprits, receive, run_now, use
from usage.models import OpenUsage
from usage.services import usage_record

pytestmark = pytest.mark.usefixtures("db")
Kind = LotCostEvent.Kind


def balance(number: str) -> Decimal:
    """Debits less credits of an account."""
    account = Account.objects.get(number=number)
    zero = Decimal(0)
    debit = JournalLine.objects.filter(debit_account=account).aggregate(sum=Sum("amount"))["sum"] or zero
    credit = JournalLine.objects.filter(credit_account=account).aggregate(sum=Sum("amount"))["sum"] or zero
    return debit - credit


def close(*months: date) -> None:
    FiscalPeriod.objects.bulk_create([FiscalPeriod(starts_on=month, is_closed=True) for month in months])


def test_opening_stock_is_posted_straight_to_its_account() -> None:
    receive(make_code(), "10", "100.00")
    run_now()
    assert (balance("1200"), balance("3900"), balance("2100")) == (Decimal("100.00"), Decimal("-100.00"), 0)
    assert culprits() == {}


def test_goods_that_cost_nothing_yet_make_no_empty_entry() -> None:
    receive(make_code("GIFT"), "10", "0.00")
    run_now()
    assert not JournalEntry.objects.exists()
    assert not LotCostToPost.objects.exists()
    receive(make_code("GIFT"), "10", "5.00")
    receive(make_code("GIFT"), "10", "0.00", day=1)
    run_now()
    assert JournalEntry.objects.get().lines.count() == 1
    assert culprits() == {}


def test_a_sale_moves_cost_from_inventory_to_cost_of_sales() -> None:
    code = make_code()
    receive(code, "10", "100.00")
    usage = use(code, "4")
    run = run_now()
    assert (balance("1200"), balance("5000")) == (Decimal("60.00"), Decimal("40.00"))
    line = JournalLine.objects.get(kind=JournalLine.Kind.COGS)
    assert (line.usage, line.code, line.entry.run) == (usage, code, run)
    assert line.entry.date == date(2025, 1, 7)


def test_what_a_document_is_called_stands_in_the_books_as_it_was_typed() -> None:
    """Lines go into the database as text, in which such signs have a meaning of their own."""
    code = make_code()
    receive(code, "10", "100.00")
    order, number = '60001", \\N\t,;', 'SHIP-"a,\\.\r\n"'
    usage = usage_record(
        code=code, quantity=Decimal(1), used_at=FIRST_DAY, order=order, source_number=number, account=None
    )
    run_now()
    line = JournalLine.objects.get(usage=usage)
    assert (line.order, line.source_kind, line.source_number) == (order, "SHIP", number)
    assert (line.office, line.amount) == (None, Decimal("10.00"))
    assert culprits() == {}


def test_the_codes_own_accounts_are_named() -> None:
    for number in ("1250", "5050"):
        Account.objects.create(number=number, kind="ASSET" if number < "2" else "COST_OF_SALES")
    code = make_code()
    code.account_inventory, code.account_cost = "1250", "5050"
    code.save()
    receive(code, "10", "100.00")
    use(code, "4")
    run_now()
    assert (balance("1250"), balance("5050"), balance("1200")) == (Decimal("60.00"), Decimal("40.00"), 0)


def test_running_again_posts_nothing() -> None:
    code = make_code()
    receive(code, "10", "100.00")
    use(code, "4")
    run_now()
    lines = JournalLine.objects.count()
    run_now(codes=[code.code])
    assert JournalLine.objects.count() == lines
    assert not LotCostToPost.objects.exists()


def test_a_receipt_is_accrued_until_it_is_billed() -> None:
    lot = make_lot("BOOK", received="10", value="25.00")
    lot_change(lot=lot, at=FIRST_DAY, kind=Kind.RECEIPT, quantity=Decimal(10), value=Decimal("25.00"))
    run_now()
    assert balance("2100") == Decimal("-25.00")
    lot_change(lot=lot, at=FIRST_DAY, kind=Kind.PURCHASE, value_payable=Decimal("25.00"))
    run_now()
    assert (balance("2100"), balance("2000"), balance("1200")) == (0, Decimal("-25.00"), Decimal("50.00"))


def test_a_closed_period_is_never_posted_to() -> None:
    code = make_code()
    close(date(2025, 1, 1), date(2025, 2, 1))
    receive(code, "10", "100.00")
    use(code, "4")
    run_now()
    assert set(JournalEntry.objects.values_list("date", flat=True)) == {date(2025, 3, 1)}
    assert set(CogsAllocation.objects.values_list("dated", flat=True)) == {date(2025, 3, 1)}


def test_the_database_refuses_an_entry_in_a_closed_period() -> None:
    close(date(2025, 1, 1))
    with pytest.raises(DatabaseError, match="2025-01 is closed"), transaction.atomic():
        JournalEntry.objects.create(kind="COGS", date=date(2025, 1, 31))
    assert not JournalEntry.objects.exists()


def test_by_preference_cost_counts_on_the_day_of_the_run() -> None:
    Preference.objects.update(posting_date="RUN")
    code = make_code()
    receive(code, "10", "100.00")
    use(code, "4")
    run_now()
    days = set(JournalEntry.objects.filter(kind="COGS").values_list("date", flat=True))
    assert len(days) == 1
    assert days != {date(2025, 1, 7)}


def test_a_true_up_counts_when_the_cost_changed() -> None:
    code = make_code()
    lot = receive(code, "15", "525.00")
    use(code, "10")
    run_now()
    lot_change(lot=lot, at=FIRST_DAY.replace(month=3), kind=Kind.CLOSE, value=Decimal("8.85"))
    run_now()
    line = JournalLine.objects.get(kind=JournalLine.Kind.TRUE_UP)
    assert (line.amount, line.entry.date) == (Decimal("5.90"), date(2025, 3, 6))
    assert (balance("5000"), balance("1200")) == (Decimal("355.90"), Decimal("177.95"))
    assert culprits() == {}


def test_an_accrual_is_taken_back_when_the_true_cost_is_found() -> None:
    Preference.objects.update(accrue_cogs=True)
    code = make_code(cost="9.00")
    usage = use(code, "4")
    OpenUsage.objects.filter(usage=usage).update(accrued_booked=Decimal("36.00"))
    receive(code, "3", "30.00", day=40)
    run_now()
    back = JournalLine.objects.get(kind=JournalLine.Kind.ACCRUED_COGS)
    assert (back.amount, back.debit_account.number, back.credit_account.number) == (Decimal("27.00"), "2110", "5000")
    assert OpenUsage.objects.get(usage=usage).accrued_booked == Decimal("9.00")
    receive(code, "1", "10.00", day=41)
    run_now()
    assert balance("2110") == Decimal("36.00")


def test_cost_of_a_late_receipt_falls_into_the_month_of_the_receipt() -> None:
    code = make_code()
    use(code, "4", day=1)
    receive(code, "4", "40.00", day=40)
    run_now()
    assert JournalLine.objects.get(kind="COGS").entry.date == date(2025, 2, 15)
