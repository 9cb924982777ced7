"""Amounts come from the lot's cumulative cost; what cannot have a cost is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciliation.engine import (
    CostBasis,
    CostMethod,
    Lot,
    RecordRefused,
    Usage,
    amount_used,
    reconcile,
    reduce_by_vendor_return,
)

from .reference import cost

quantities = st.integers(1, 10**12)
values = st.integers(0, 10**12)


@pytest.mark.parametrize(
    ("value", "received", "used", "expected"),
    [(1000, 3, 1, 333), (1000, 3, 2, 667), (1000, 3, 3, 1000), (1, 2, 1, 1), (1, 2, -1, 0), (1, 2, 3, 2), (0, 0, 5, 0)],
)
def test_the_cost_of_the_units_used_is_rounded_once_half_a_cent_up(
    value: int, received: int, used: int, expected: int
) -> None:
    assert amount_used(value=value, quantity_received=received, quantity_used=used) == expected


@given(values, quantities, st.integers(-(10**13), 10**13))
def test_the_cost_is_exact_however_large_the_figures_are(value: int, received: int, used: int) -> None:
    assert amount_used(value=value, quantity_received=received, quantity_used=used) == cost(value, received, used)


@given(values, quantities)
def test_a_lot_that_is_used_up_has_given_out_exactly_its_value(value: int, received: int) -> None:
    assert amount_used(value=value, quantity_received=received, quantity_used=received) == value


def test_a_lot_that_went_round_a_million_times_has_not_drifted_by_a_cent() -> None:
    thirds = Lot(1, (1, 1), 3, 1, 1000)
    usages = [Usage(11, (2, 2), 2_000_000), Usage(12, (3, 3), -2_000_000)]
    plan = reconcile(lots=[thirds], usages=usages, held={}, method=CostMethod.FIFO)
    assert plan.pass_count > 500_000
    assert sum(move.amount for move in plan.moves) == 0


@pytest.mark.parametrize(
    ("lot", "reason"),
    [
        (Lot(1, (1, 1), 5, 0, -1), "negative value"),
        (Lot(1, (1, 1), 0, 0, 1), "nothing was received"),
        (Lot(1, (1, 1), -1, 0, 0), "negative received"),
        (Lot(1, (1, 1), 5, 6, 1), "more used than was received"),
        (Lot(1, (1, 1), 5, -1, 1), "less than nothing"),
    ],
)
def test_a_lot_that_cannot_be_true_is_refused(lot: Lot, reason: str) -> None:
    with pytest.raises(RecordRefused, match=reason):
        reconcile(lots=[lot], usages=[], held={}, method=CostMethod.FIFO)


@pytest.mark.parametrize(
    ("usages", "reason"),
    [
        ([Usage(11, (1, 1), 0)], "nothing unallocated"),
        ([Usage(11, (1, 1), -1, original=11)], "own original"),
        ([Usage(11, (1, 1), 1), Usage(11, (1, 2), 1)], "twice"),
    ],
)
def test_a_usage_that_cannot_be_true_is_refused(usages: list[Usage], reason: str) -> None:
    with pytest.raises(RecordRefused, match=reason):
        reconcile(lots=[], usages=usages, held={}, method=CostMethod.FIFO)


def test_a_lot_that_was_put_in_twice_is_refused() -> None:
    lot = Lot(1, (1, 1), 5, 0, 10)
    with pytest.raises(RecordRefused, match="twice"):
        reconcile(lots=[lot, lot], usages=[], held={}, method=CostMethod.FIFO)


def test_what_stays_after_a_vendor_return_keeps_its_unit_cost() -> None:
    assert reduce_by_vendor_return(basis=CostBasis(1000, 10), quantity_returned=4) == CostBasis(600, 6)


def test_a_vendor_return_rounds_half_a_cent_up() -> None:
    assert reduce_by_vendor_return(basis=CostBasis(5, 2), quantity_returned=1) == CostBasis(2, 1)


def test_a_vendor_return_of_everything_leaves_nothing() -> None:
    assert reduce_by_vendor_return(basis=CostBasis(1000, 3), quantity_returned=3) == CostBasis(0, 0)


@pytest.mark.parametrize("quantity_returned", [-1, 11])
def test_a_vendor_return_of_more_than_was_received_is_refused(quantity_returned: int) -> None:
    with pytest.raises(RecordRefused):
        reduce_by_vendor_return(basis=CostBasis(1000, 10), quantity_returned=quantity_returned)
