"""Random sequences of every event, with runs in between, against a plain model: after every step all of it holds."""

from decimal import Decimal
from random import Random

import pytest
from django.db.models import Sum

from lots.models import InventoryLot, InventoryTransaction, LotCostToPost, Preference
from reconciliation.models import JournalLine
from reconciliation.recosting import ROUNDS_MOST
from tests.reconciliation.company_events import EVENTS
from tests.reconciliation.company_model import Company
from tests.reconciliation.records import culprits, run_now
from usage.models import OpenUsage

ZERO = Decimal(0)
STEPS = 80


def balances(column: str) -> dict[str, Decimal]:
    rows = InventoryTransaction.objects.order_by().values("code__code").annotate(sum=Sum(column))
    return {row["code__code"]: row["sum"] for row in rows if row["sum"]}


def check_step(company: Company, what: str) -> None:
    """What the model says; on hand = lots - unallocated; the books and what waits for them = the lots."""
    assert balances("on_hand") == {code: amount for code, amount in company.on_hand.items() if amount}, what
    assert balances("on_order") == company.on_order(), what
    assert balances("demand") == company.demand(), what
    in_lots = InventoryLot.objects.aggregate(sum=Sum("quantity_current", default=ZERO))["sum"]
    unallocated = OpenUsage.objects.aggregate(sum=Sum("quantity_unallocated", default=ZERO))["sum"]
    assert sum(company.on_hand.values(), ZERO) == in_lots - unallocated, what
    assert books() + waiting() == value_of_lots(), what


def value_of_lots() -> Decimal:
    sums = InventoryLot.objects.aggregate(value=Sum("value", default=ZERO), used=Sum("value_used", default=ZERO))
    worth: Decimal = sums["value"] - sums["used"]
    return worth


def waiting() -> Decimal:
    value: Decimal = LotCostToPost.objects.aggregate(sum=Sum("event__value", default=ZERO))["sum"]
    return value


def books() -> Decimal:
    """The balance of the inventory account."""
    account = Preference.current().account_inventory_id
    debit: Decimal = JournalLine.objects.filter(debit_account=account).aggregate(sum=Sum("amount", default=ZERO))["sum"]
    credit: Decimal = JournalLine.objects.filter(credit_account=account).aggregate(sum=Sum("amount", default=ZERO))[
        "sum"
    ]
    return debit - credit


@pytest.mark.usefixtures("db")
@pytest.mark.parametrize("seed", [1, 2, *(pytest.param(seed, marks=pytest.mark.full) for seed in range(3, 43))])
def test_whatever_happens_everything_holds(seed: int) -> None:
    Preference.objects.update(cogs_method="FIFO" if seed % 2 else "LIFO", accrue_cogs=True)
    company = Company(Random(seed))  # noqa: S311  (a random history, not a secret)
    for number in range(STEPS):
        what = f"step {number}: {company.step(EVENTS)}"
        check_step(company, what)
        if number % 10 == 9:
            run_now()
            check_step(company, what)
            assert culprits() == {}, what
    # Cost goes up some levels, and round in rings (tables of tables) until it settles.
    for _ in range(2 * ROUNDS_MOST):
        if run_now().allocations == 0:
            break
    else:
        pytest.fail("Runs go on allocating.")
    assert culprits() == {}
    assert run_now().allocations == 0
    assert sum(1 for times in company.done.values() if times) > 10, dict(company.done)
