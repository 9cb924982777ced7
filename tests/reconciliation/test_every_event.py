"""Random sequences of every event, with runs in between, against a plain model: after every step all of it holds."""

from random import Random

import pytest

from lots.models import Preference
from reconciliation.feed_order import ROUNDS_MOST
from tests.reconciliation.company_checks import check_step
from tests.reconciliation.company_events import BUYING, EVENTS, SELLING
from tests.reconciliation.company_model import Company
from tests.reconciliation.records import culprits, run_now

SHORT, LONG = 50, 120


@pytest.mark.usefixtures("db")
@pytest.mark.parametrize(
    ("seed", "steps"),
    [(1, SHORT), (2, SHORT), *(pytest.param(seed, LONG, marks=pytest.mark.full) for seed in range(3, 43))],
)
def test_whatever_happens_everything_holds(seed: int, steps: int) -> None:
    # Every fourth company keeps its offices apart.
    Preference.objects.update(
        cogs_method="FIFO" if seed % 2 else "LIFO", accrue_cogs=True, prevent_inter_office=seed % 4 == 0
    )
    company = Company(Random(seed))  # noqa: S311  (a random history, not a secret)
    for number in range(steps):
        what = f"step {number}: {company.step(EVENTS)}"
        check_step(company, what)
        if number % 20 == 19:
            run_now()
            check_step(company, what)
            assert culprits() == {}, what
    # Cost goes up some levels, and round in rings (tables of tables) until it settles.
    for _ in range(2 * ROUNDS_MOST):
        if run_now().allocations == 0:
            break
    else:
        pytest.fail("Runs go on allocating.")
    check_step(company, "the end")
    assert culprits() == {}
    assert run_now().allocations == 0
    assert len(company.done) > 10, dict(company.done)


@pytest.mark.usefixtures("db")
@pytest.mark.full
@pytest.mark.parametrize("seed", range(1, 22))
@pytest.mark.parametrize("events", ["selling", "buying"])
def test_documents_agree_in_whatever_order_they_are_changed_and_void(events: str, seed: int) -> None:
    company = Company(Random(seed))  # noqa: S311  (a random history, not a secret)
    for number in range(SHORT):
        check_step(company, f"step {number}: {company.step(SELLING if events == 'selling' else BUYING)}")
    run_now()
    check_step(company, "the end")
    assert culprits() == {}
