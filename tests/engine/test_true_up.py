"""Cost that changes after goods were used: who owes what, to the cent."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciliation.engine import CostBasis, RecordRefused, TrueUp, true_up

from .reference import cost, true_up_naively

SALE, RETURN, SECOND_SALE = 11, 12, 13


def bases(*, least: int = 0) -> st.SearchStrategy[CostBasis]:
    return st.integers(least, 12).flatmap(
        lambda received: st.builds(CostBasis, st.integers(0, 900) if received else st.just(0), st.just(received))
    )


quantities = st.lists(st.integers(-15, 15), max_size=6).map(lambda steps: list(enumerate(steps, start=SALE)))


def test_an_order_closing_at_landed_cost_reaches_what_was_sold() -> None:
    rows = true_up(booked=CostBasis(52500, 15), present=CostBasis(53385, 15), quantity_by_usage=[(SALE, 10)])
    assert rows == (TrueUp(SALE, 590),)


def test_a_credit_lowers_what_was_booked() -> None:
    rows = true_up(booked=CostBasis(1000, 10), present=CostBasis(900, 10), quantity_by_usage=[(SALE, 10)])
    assert rows == (TrueUp(SALE, -100),)


def test_nobody_owes_anything_where_nothing_is_used() -> None:
    net = [(SALE, 3), (RETURN, -3)]
    assert true_up(booked=CostBasis(100, 3), present=CostBasis(400, 3), quantity_by_usage=net) == ()


def test_a_usage_whose_share_is_nothing_gets_no_row() -> None:
    net = [(SALE, 1), (SECOND_SALE, 1)]
    rows = true_up(booked=CostBasis(0, 4), present=CostBasis(1, 4), quantity_by_usage=net)
    assert rows == (TrueUp(SECOND_SALE, 1),)


def test_a_return_before_its_sale_in_entry_order_is_replayed_below_zero() -> None:
    net = [(RETURN, -2), (SALE, 5)]
    rows = true_up(booked=CostBasis(100, 10), present=CostBasis(200, 10), quantity_by_usage=net)
    assert rows == (TrueUp(RETURN, -20), TrueUp(SALE, 50))


def test_a_lot_that_grows_at_another_price_is_trued_up_too() -> None:
    rows = true_up(booked=CostBasis(1000, 10), present=CostBasis(4000, 20), quantity_by_usage=[(SALE, 10)])
    assert rows == (TrueUp(SALE, 1000),)


@given(bases(), bases(), quantities)
def test_true_ups_are_what_replaying_by_hand_gives(
    booked: CostBasis, present: CostBasis, net: list[tuple[int, int]]
) -> None:
    by_hand = true_up_naively(booked, present, net)
    assert [tuple(row) for row in true_up(booked=booked, present=present, quantity_by_usage=net)] == by_hand


@given(bases(least=1), bases(least=1), quantities)
def test_the_lot_ties_out_to_the_cent(booked: CostBasis, present: CostBasis, net: list[tuple[int, int]]) -> None:
    used = sum(quantity for _, quantity in net)
    rows = true_up(booked=booked, present=present, quantity_by_usage=net)
    owed = cost(*present, used) - cost(*booked, used)
    assert sum(row.amount for row in rows) == owed


@pytest.mark.parametrize("impossible", [CostBasis(-1, 10), CostBasis(100, 0), CostBasis(0, -1)])
def test_a_basis_that_cannot_be_true_is_refused(impossible: CostBasis) -> None:
    with pytest.raises(RecordRefused):
        true_up(booked=CostBasis(0, 10), present=impossible, quantity_by_usage=[(SALE, 1)])
    with pytest.raises(RecordRefused):
        true_up(booked=impossible, present=CostBasis(0, 10), quantity_by_usage=[(SALE, 1)])
