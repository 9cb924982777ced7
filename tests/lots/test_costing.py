"""What a purchased lot costs, as pure figures: the guides' cases, and sums that must hold for any figures."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lots.costing import PurchaseCost, PurchaseFigures, purchase_cost, spread

MONEY = st.decimals(min_value=0, max_value=100_000, places=2)
QUANTITY = st.decimals(min_value=0, max_value=10_000, places=4)


def figures(
    *,
    is_open: bool = False,
    unit: str = "0",
    received: str = "0",
    returned: str = "0",
    landed: str = "0",
    billed: str = "10",
    credited: tuple[str, str] = ("0", "0"),
    short: str = "0",
) -> PurchaseFigures:
    quantity_credited, value_credited = map(Decimal, credited)
    return PurchaseFigures(
        is_open=is_open,
        unit_cost_ordered=Decimal(unit),
        quantity_received=Decimal(received),
        quantity_returned=Decimal(returned),
        quantity_purchased=Decimal(billed),
        value_landed=Decimal(landed),
        quantity_credited=quantity_credited,
        value_credited=value_credited,
        quantity_short=Decimal(short),
    )


@pytest.mark.parametrize(
    ("case", "value", "accrued", "payable", "other"),
    [
        pytest.param(figures(is_open=True, unit="2.50"), "0", "0", "0", "0", id="ordered, nothing received"),
        pytest.param(figures(is_open=True, unit="2.50", received="10"), "25", "25", "0", "0", id="accrued inventory"),
        pytest.param(
            figures(is_open=True, unit="8", received="10", landed="80"), "80", "0", "80", "0", id="billed as ordered"
        ),
        pytest.param(
            figures(is_open=True, unit="35", received="15", landed="533.85"), "525", "-8.85", "533.85", "0",
            id="billed higher while open: the estimate stands",
        ),
        pytest.param(
            figures(unit="35", received="15", landed="533.85"), "533.85", "0", "533.85", "0", id="closed at landed cost"
        ),
        pytest.param(figures(landed="40"), "0", "0", "40", "-40", id="billed, never received: an expense"),
        pytest.param(figures(unit="5", received="10"), "0", "0", "0", "0", id="closed without a bill: no cost"),
        pytest.param(
            figures(unit="10", received="10", billed="0", short="10"), "100", "0", "0", "100",
            id="sold, and all of it sent back unbilled from other lots: as ordered",
        ),
        pytest.param(
            figures(unit="10", received="4", returned="6", billed="0", short="4"), "40", "0", "0", "40",
            id="the same of a part of it",
        ),
        pytest.param(
            figures(unit="10", received="0", returned="10", billed="0", landed="7"), "0", "0", "7", "-7",
            id="all of it sent back unbilled, and its freight billed: an expense",
        ),
        pytest.param(
            figures(received="6", returned="4", landed="100"), "60", "-40", "100", "0", id="the vendor's credit awaited"
        ),
        pytest.param(
            figures(received="6", returned="4", landed="100", credited=("4", "40")), "60", "0", "60", "0",
            id="credited at cost",
        ),
        pytest.param(
            figures(received="6", returned="4", landed="100", credited=("4", "30")), "60", "0", "70", "-10",
            id="credited at less: variance",
        ),
        pytest.param(
            figures(received="8", returned="2", short="3", landed="100"), "80", "-50", "100", "30",
            id="three of five returned from other lots: the vendor owes all five",
        ),
        pytest.param(
            figures(received="8", returned="2", short="3", landed="100", credited=("5", "50")), "80", "0", "50", "30",
            id="and credits all five",
        ),
        pytest.param(
            figures(is_open=True, unit="10", received="8", returned="2", short="3"), "80", "50", "0", "30",
            id="the same before any bill: what is kept is accrued",
        ),
        pytest.param(
            figures(received="6", returned="4", billed="6", landed="60"), "60", "0", "60", "0",
            id="four of ten went back before the vendor billed six",
        ),
        pytest.param(
            figures(received="10", returned="4", landed="110"), "110", "0", "110", "0", id="four replaced one for one"
        ),
        pytest.param(
            figures(received="10", returned="4", billed="14", landed="154", credited=("4", "44")),
            "110", "0", "110", "0",
            id="four credited and bought again",
        ),
        pytest.param(
            figures(received="6", returned="4", landed="100", billed="8"), "75", "-25", "100", "0",
            id="two of the four that went back were billed",
        ),
        pytest.param(
            figures(received="13", returned="2", short="3", landed="100"), "130", "0", "100", "30",
            id="five replaced, three of which other lots had given",
        ),
        pytest.param(
            figures(returned="10", landed="100", credited=("10", "100")), "0", "0", "0", "0", id="all of it went back"
        ),
    ],
)  # fmt: skip
def test_the_figures_of_documents_say_what_a_lot_is_worth_and_how_it_is_owed(
    case: PurchaseFigures, value: str, accrued: str, payable: str, other: str
) -> None:
    cost = purchase_cost(case)
    assert cost == PurchaseCost(Decimal(value), Decimal(payable), Decimal(other))
    assert cost.value_accrued == Decimal(accrued)


@given(
    is_open=st.booleans(),
    unit=st.decimals(min_value=0, max_value=1000, places=6),
    received=QUANTITY,
    returned=QUANTITY,
    billed=QUANTITY,
    short=QUANTITY,
    landed=MONEY,
    share_credited=st.integers(min_value=0, max_value=4),
)
def test_a_lot_is_never_worth_less_than_nothing_and_an_empty_one_is_worth_nothing(
    is_open: bool,
    unit: Decimal,
    received: Decimal,
    returned: Decimal,
    billed: Decimal,
    short: Decimal,
    landed: Decimal,
    share_credited: int,
) -> None:
    short = min(short, received)
    credited = (returned + short) * share_credited / 4
    cost = purchase_cost(
        PurchaseFigures(is_open, unit, received, returned, billed, landed, credited, Decimal(0), short)
    )
    assert cost.value >= 0
    if received == 0:
        assert cost.value == 0
    # What is closed leaves nothing accrued but a credit that the vendor still owes.
    if not is_open:
        assert cost.value_accrued <= 0
        if share_credited == 4:
            assert cost.value_accrued == 0


@given(total=MONEY, weights=st.lists(QUANTITY, min_size=1, max_size=20))
def test_what_is_spread_adds_up_to_the_cent_and_nobody_bears_less_than_nothing(
    total: Decimal, weights: list[Decimal]
) -> None:
    parts = spread(total, weights)
    assert sum(parts) == total
    assert len(parts) == len(weights)
    assert all(part >= 0 for part in parts)
    if any(weights):
        # Cumulative rounding: no part is further than a cent from its fair share, and no weight bears nothing.
        for part, weight in zip(parts, weights, strict=True):
            assert abs(part - total * weight / sum(weights)) <= Decimal("0.01")
            assert weight > 0 or part == 0


def test_a_charge_is_spread_to_the_last_cent() -> None:
    assert spread(Decimal("10.00"), [Decimal(1)] * 3) == [Decimal("3.33"), Decimal("3.34"), Decimal("3.33")]
    assert spread(Decimal("0.01"), [Decimal(0), Decimal(0)]) == [Decimal("0.01"), Decimal("0.00")]
