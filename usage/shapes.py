"""Pure: the three forms of a code's unallocated usage, and the smallest quantity that cures it in two lines.

Source: the guides on unallocated usage and on curing it by adjustment; the figures 20, 125 and 13 agree only with
the larger of the two sums.
"""

from decimal import Decimal
from enum import Enum


class Form(Enum):
    """The sign of the net unallocated quantity of a code."""

    NET_POSITIVE = "net positive"
    NET_NEGATIVE = "net negative"
    NET_ZERO = "net zero"


def form_of(net_unallocated: Decimal) -> Form:
    if net_unallocated > 0:
        return Form.NET_POSITIVE
    return Form.NET_NEGATIVE if net_unallocated < 0 else Form.NET_ZERO


def curing_quantity(*, unallocated_positive: Decimal, unallocated_negative: Decimal) -> Decimal:
    """Suggest m: for net positive the net (one line), else the larger of both sums (two lines, +m and -m)."""
    net = unallocated_positive + unallocated_negative
    return net if net > 0 else max(unallocated_positive, -unallocated_negative)
