"""On which day the cost of a product counts: that of whatever changed it, as the closing of a purchase order does."""

from datetime import date
from decimal import Decimal

import pytest

from lots.models import InventoryLot
from reconciliation.models import JournalLine
from reconciliation.preferences import preference_set
from reconciliation.valuation import valuation
from tests.factories import day, make_code, make_lot, reconcile
from tests.reconciliation.records import culprits
from tests.usage import order_records as orders
from tests.usage.jobs import add_cost, consume, make_job, parts, plan, produce
from usage.job_work import job_cost_void, job_output_void
from usage.models import Job
from usage.production import job_close, job_reopen, job_save
from usage.services import est_unit_cost_set

pytestmark = pytest.mark.usefixtures("db")

IN_FEBRUARY = 45
Line = tuple[str, str, str, Decimal]


def job_of_ten(*, wood: str = "10") -> Job:
    """A job of 10 benches from 10 wood, of which so many are there at 10.00."""
    make_code("WOOD", cost="2.00")
    if wood != "0":
        make_lot("WOOD", received=wood, value=str(10 * Decimal(wood)))
    return make_job("BENCH", "10", components=parts(WOOD="10"))


def sell(quantity: str, *, on_day: int = 4) -> None:
    order = orders.make_order(("BENCH", quantity))
    orders.ship((orders.line_of(order, "BENCH"), quantity), on_day=on_day)
    reconcile()


def inventory_on(job: Job, last_day: date) -> Decimal:
    """What the books and the lots say of the product at the end of a day: the same."""
    rows = [row for row in valuation(as_of=last_day).rows if row.code == job.code]
    assert all(row.value == row.balance for row in rows)
    return sum((row.value for row in rows), Decimal(0))


def lines_after(known: int) -> list[Line]:
    """Day, debit, credit and amount of what was posted since."""
    lines = JournalLine.objects.filter(pk__gt=known).select_related("entry", "debit_account", "credit_account")
    return [
        (f"{line.entry.date:%m-%d}", line.debit_account.number, line.credit_account.number, line.amount)
        for line in lines.order_by("pk")
    ]


def known_lines() -> int:
    return JournalLine.objects.latest("pk").pk


JANUARY, FEBRUARY = date(2026, 1, 31), date(2026, 2, 28)


def test_a_cost_that_comes_later_counts_when_it_was_incurred() -> None:
    job = job_of_ten()
    produce(job, "10", backflush=True)
    reconcile()
    sell("5")
    known = known_lines()
    cost = add_cost(job, "50", on_day=IN_FEBRUARY)
    reconcile()
    assert lines_after(known) == [
        ("02-18", "1210", "6000", Decimal(50)),
        ("02-18", "1200", "1210", Decimal(50)),
        ("02-18", "5000", "1200", Decimal(25)),
    ]
    assert (inventory_on(job, JANUARY), inventory_on(job, FEBRUARY)) == (50, 75)
    known = known_lines()
    job_cost_void(cost=cost, by=None, at=day(IN_FEBRUARY + 2))
    reconcile()
    assert {line[0] for line in lines_after(known)} == {"02-20"}
    assert inventory_on(job, FEBRUARY) == 50
    assert culprits() == {}


def test_closing_half_a_job_counts_on_the_day_of_the_close_and_reopening_on_its_own() -> None:
    job = job_of_ten()
    consume(job, WOOD="10")
    produce(job, "5")
    reconcile()
    sell("5")
    known = known_lines()
    job_close(job=job, by=None, at=day(IN_FEBRUARY))
    reconcile()
    assert lines_after(known) == [
        ("02-18", "1200", "1210", Decimal(50)),
        ("02-18", "5000", "1200", Decimal(50)),
    ]
    known = known_lines()
    job_reopen(job=job, by=None, at=day(IN_FEBRUARY + 2))
    reconcile()
    assert lines_after(known) == [
        ("02-20", "1210", "1200", Decimal(50)),
        ("02-20", "1200", "5000", Decimal(50)),
    ]


def test_a_job_that_made_nothing_is_expensed_on_the_day_of_its_close() -> None:
    job = job_of_ten()
    consume(job, WOOD="10")
    reconcile()
    known = known_lines()
    job_close(job=job, by=None, at=day(6))
    reconcile()
    assert lines_after(known) == [("01-10", "5200", "1210", Decimal(100))]


def test_another_estimate_counts_from_the_day_on_which_it_was_set() -> None:
    job = job_of_ten(wood="0")
    produce(job, "10", backflush=True)
    reconcile()
    assert inventory_on(job, JANUARY) == 20
    est_unit_cost_set(code=make_code("WOOD"), est_unit_cost=Decimal(3), by=None, at=day(IN_FEBRUARY))
    reconcile()
    assert (inventory_on(job, JANUARY), inventory_on(job, FEBRUARY)) == (20, 30)


def test_another_plan_counts_from_the_day_on_which_it_was_made() -> None:
    job = job_of_ten()
    consume(job, WOOD="10")
    produce(job, "5")
    reconcile()
    job = Job.objects.get(pk=job.pk)
    job_save(**plan(job, quantity=Decimal(5), at=day(IN_FEBRUARY)))
    reconcile()
    assert (inventory_on(job, JANUARY), inventory_on(job, FEBRUARY)) == (50, 100)


def test_an_output_counts_on_its_own_day_though_the_job_was_closed_before_anybody_looked() -> None:
    job = job_of_ten()
    consume(job, WOOD="10")
    produce(job, "5", on_day=3)
    reconcile()
    produce(job, "4", on_day=20)
    job_close(job=job, by=None, at=day(IN_FEBRUARY))
    reconcile()
    assert [inventory_on(job, date(2026, 1, number)) for number in (7, 31)] == [50, 90]
    assert inventory_on(job, FEBRUARY) == 100
    assert culprits() == {}


def test_a_component_that_is_found_late_counts_when_it_came() -> None:
    job = job_of_ten(wood="0")
    produce(job, "10", backflush=True)
    reconcile()
    sell("5")
    known = known_lines()
    make_lot("WOOD", received="10", value="40.00", on_day=50)
    reconcile()
    assert ("02-23", "1200", "1210", Decimal(20)) in lines_after(known)
    assert ("02-23", "5000", "1200", Decimal(10)) in lines_after(known)
    assert (inventory_on(job, JANUARY), inventory_on(job, FEBRUARY)) == (10, 20)


@pytest.mark.parametrize("between", [False, True])
def test_a_run_in_between_changes_nothing_of_the_days(between: bool) -> None:
    job = job_of_ten()

    def look() -> None:
        if between:
            reconcile()

    consume(job, on_day=2, WOOD="10")
    look()
    output = produce(job, "5", on_day=3)
    look()
    produce(job, "5", on_day=10)
    look()
    add_cost(job, "20", on_day=12)
    look()
    job_output_void(output=output, by=None, at=day(30))
    look()
    job_close(job=job, by=None, at=day(IN_FEBRUARY))
    reconcile()
    # On the 7th, 14th, 16th of January, on 3rd and 18th of February.
    worth = [inventory_on(job, day(number).date()) for number in (3, 10, 12, 30, IN_FEBRUARY)]
    assert worth == [50, 100, 120, 60, 120]
    lot = InventoryLot.objects.get(code=job.code)
    assert (lot.value, lot.is_cost_final) == (120, True)
    assert culprits() == {}


def test_where_cost_counts_on_the_day_of_the_run_nothing_is_told_apart() -> None:
    preference_set(name="posting_date", value="RUN", by=None, now=day(1))
    job = job_of_ten()
    produce(job, "10", backflush=True)
    add_cost(job, "20", on_day=IN_FEBRUARY)
    reconcile()
    # All of it came with the run, which found it.
    assert (inventory_on(job, JANUARY), inventory_on(job, FEBRUARY)) == (0, 0)
    lot = InventoryLot.objects.get(code=job.code)
    assert lot.value == 120
