"""The three forms of unallocated usage, and the quantity that cures each; figures from the guides."""

from decimal import Decimal

import pytest

from usage.shapes import Form, curing_quantity, form_of


@pytest.mark.parametrize(
    ("net", "form"), [("0.0001", Form.NET_POSITIVE), ("-17", Form.NET_NEGATIVE), ("0.0000", Form.NET_ZERO)]
)
def test_the_form_is_the_sign_of_the_net(net: str, form: Form) -> None:
    assert form_of(Decimal(net)) is form


@pytest.mark.parametrize(
    ("positive", "negative", "cure"),
    [
        ("3", "-20", "20"),  # net negative
        ("125", "-125", "125"),  # TM-FRNCH3
        ("13", "-13", "13"),  # the six records
        ("60", "0", "60"),  # net positive: one line of the net
        ("80", "-20", "60"),
    ],
)
def test_the_cure_is_the_net_or_else_the_larger_of_both_sums(positive: str, negative: str, cure: str) -> None:
    found = curing_quantity(unallocated_positive=Decimal(positive), unallocated_negative=Decimal(negative))
    assert found == Decimal(cure)
