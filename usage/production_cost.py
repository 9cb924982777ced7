"""Pure: what a production lot is worth, from what its job consumed, what it cost besides, and what came out.

Source: the guides name what a production lot costs (inventoried components, and capitalised expenses that are none) and
that it stays estimated until its job closes. While a job is open, what is produced takes of each component what it was
planned to take, and of the other costs its share of the quantity ordered; the rest is still in process. Once the job is
closed, everything that went in belongs to what came out.
"""

import math
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

CENTS = 100
WHOLE = Fraction(1)


class ComponentCost(NamedTuple):
    """One component of a job: what the whole job needs, what it consumed so far (net), and what that costs so far."""

    quantity_planned: Decimal
    quantity_consumed: Decimal
    amount: Decimal


def production_cost(
    *,
    quantity_ordered: Decimal,
    quantity_produced: Decimal,
    is_closed: bool,
    components: Sequence[ComponentCost],
    job_costs: Decimal,
) -> Decimal:
    """Give the value of the job's lot, to the cent and never below zero; 0 while nothing is produced.

    Each part is rounded on its own, half up, from exact fractions.
    """
    if quantity_produced <= 0:
        return Decimal(0)
    produced = Fraction(quantity_produced) / Fraction(quantity_ordered) if quantity_ordered > 0 else WHOLE
    cents = _cents(job_costs, WHOLE if is_closed else min(WHOLE, produced))
    for component in components:
        cents += _cents(component.amount, WHOLE if is_closed else _share_taken(component, produced))
    return Decimal(max(cents, 0)).scaleb(-2)


def _share_taken(component: ComponentCost, produced: Fraction) -> Fraction:
    """What the produced units took of what was consumed; more units than ordered take more than was planned."""
    if component.quantity_consumed <= 0:
        return Fraction(0)
    return min(WHOLE, Fraction(component.quantity_planned) * produced / Fraction(component.quantity_consumed))


def _cents(amount: Decimal, share: Fraction) -> int:
    return math.floor(Fraction(amount) * share * CENTS + Fraction(1, 2))
