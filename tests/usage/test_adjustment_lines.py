"""Pure rules of adjustment lines: shares add up to the whole, amounts count once."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lots.models import LineItemCode
from usage.adjustment_costs import adjustment_amount
from usage.adjustment_lines import percent_text, serial_numbers, share_problem, shares_of
from usage.feeding import shared
from usage.models import AdjustmentLine, InventoryAdjustment
from usage.models.feeds import WHOLE

quantities = st.decimals(min_value="0.0001", max_value="1000000", places=4)
costs = st.decimals(min_value="0", max_value="100000", places=6)
products = st.lists(st.tuples(quantities, costs, st.none() | st.integers(1, 200_000)), min_size=1, max_size=12)


def product(quantity: str | Decimal, cost: str | Decimal = "1", share: int | None = None) -> AdjustmentLine:
    code = LineItemCode(code="P", est_unit_cost=Decimal(cost))
    return AdjustmentLine(role="PRODUCT", code=code, quantity=Decimal(quantity), share=share)


@given(products)
def test_shares_add_up_to_the_whole_and_none_gets_nothing(rows: list[tuple[Decimal, Decimal, int | None]]) -> None:
    lines = [product(*row) for row in rows]
    if share_problem(lines):
        return
    shares = shares_of(lines)
    assert sum(shares) == WHOLE
    assert min(shares) >= 1
    assert all(line.share in (None, share) for line, share in zip(lines, shares, strict=True))


@given(products, st.decimals(min_value="-1000000", max_value="1000000", places=2))
def test_the_parts_of_the_cost_add_up_to_the_cent(
    rows: list[tuple[Decimal, Decimal, int | None]], cost: Decimal
) -> None:
    lines = [product(quantity, est) for quantity, est, _ in rows]
    parts, share_from = [], 0
    for share in shares_of(lines):
        parts.append(shared(cost, share_from=share_from, share_to=share_from + share))
        share_from += share
    assert sum(parts) == cost


def test_the_default_share_goes_by_estimated_cost_and_by_quantity_where_nothing_is_estimated() -> None:
    assert shares_of([product("1", "6"), product("3", "1")]) == [666_667, 333_333]
    assert shares_of([product("1", "0"), product("3", "0")]) == [250_000, 750_000]
    assert shares_of([product("1", share=400_000), product("1"), product("2")]) == [400_000, 200_000, 400_000]
    assert shares_of([product("1", "1000000"), product("0.0001", "0.000001")]) == [999_999, 1]


@pytest.mark.parametrize(
    ("shares", "says"),
    [
        ([500_000, 499_999], "add up to 99.9999 %"),
        ([500_000, 500_001], "add up to 100.0001 %"),
        ([WHOLE, None], "nothing is left"),
        ([0, WHOLE], "more than 0 %"),
        ([500_000, 500_000], ""),
        ([WHOLE - 1, None], ""),
    ],
)
def test_shares_that_are_said_must_add_up(shares: list[int | None], says: str) -> None:
    problem = share_problem([product("1", share=share) for share in shares])
    assert says in problem
    assert bool(problem) == bool(says)


def test_an_amount_is_the_larger_of_what_is_added_and_what_is_taken() -> None:
    code = LineItemCode(code="WIRE", est_unit_cost=Decimal("2.005"))
    count = InventoryAdjustment(adjustment_type="COUNT")
    plain = [AdjustmentLine(adjustment=count, code=code, quantity=Decimal(each)) for each in ("1", "1", "-3")]
    assert adjustment_amount(plain) == Decimal("6.02")
    assert adjustment_amount(plain[:2]) == Decimal("4.02")
    built = [AdjustmentLine(code=code, quantity=Decimal(2), role="COMPONENT"), product("900", "900")]
    assert adjustment_amount(built) == Decimal("4.01")


def test_serial_numbers_are_parted_as_people_type_them() -> None:
    assert serial_numbers(" S1\r\nS2,S3 ; S4\n\n") == ["S1", "S2", "S3", "S4"]
    assert percent_text(333_333) == "33.3333 %"
