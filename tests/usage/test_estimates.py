"""~ COGS and Accrued COGS of an open usage, with the figures that the guides print."""

from decimal import Decimal

import pytest

from usage.estimates import accrued_cogs, estimated_cogs


@pytest.mark.parametrize(
    ("unallocated", "cost", "accrued"),
    [
        ("1000", "1.99", "1990.00"),
        ("10", "79.99", "799.90"),
        ("-125", "74.99", "-9373.75"),
        ("1", "0.005", "0.01"),
        ("-1", "0.005", "-0.01"),
        ("0.5", "0.01", "0.01"),
        ("7", "0", "0.00"),
    ],
)
def test_accrued_is_unallocated_times_the_estimate_half_a_cent_away_from_zero(
    unallocated: str, cost: str, accrued: str
) -> None:
    assert accrued_cogs(quantity_unallocated=Decimal(unallocated), est_unit_cost=Decimal(cost)) == Decimal(accrued)


def test_a_half_allocated_usage_is_what_its_lots_charged_plus_the_estimate_of_the_rest() -> None:
    shakespeare = estimated_cogs(
        amount_allocated=Decimal("799.90"), quantity_unallocated=Decimal(10), est_unit_cost=Decimal("79.99")
    )
    assert shakespeare == Decimal("1599.80")
