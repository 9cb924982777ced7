"""Cost that changes after the goods are gone.

A lot keeps the basis of the amounts that are booked on it beside what it is worth now. They part when the purchase
order closes at landed cost, when a freight bill comes, when a later receipt grows the lot, or when a component of a
produced lot is re-costed. The usages that touched the lot then owe, or get back, the difference between two cost
functions: not between two unit costs, so that the lot ties out again to the cent.

Who owes which cent is settled by replaying the net quantities in entry order: a usage that took the used quantity
from a to b gets the difference at b less the difference at a. Those steps telescope, so they add up to the difference
at the used quantity, however the records lie. Nothing that was posted is touched; a true-up is a row of its own, with
no quantity.

A lot of which nothing is used any more needs no rows. Every amount on it came back with its units; what was paid out
and taken back in between was right when it was posted, so the basis just moves.
"""

from collections.abc import Sequence
from typing import NamedTuple

from .costing import CostBasis, amount_used, refuse_impossible_basis


class TrueUp(NamedTuple):
    """What one usage owes (or is owed) on one lot since the lot's cost changed."""

    usage: int
    amount: int


def true_up(
    *, booked: CostBasis, present: CostBasis, quantity_by_usage: Sequence[tuple[int, int]]
) -> tuple[TrueUp, ...]:
    """Give the true-ups that bring a lot's amounts from the booked basis to the present one.

    `quantity_by_usage` holds (usage, net quantity on this lot) in entry order, as it was before this run. Usages that
    owe nothing get no row.
    """
    for basis in (booked, present):
        refuse_impossible_basis(value=basis.value, quantity_received=basis.quantity_received)
    if sum(quantity for _, quantity in quantity_by_usage) == 0:
        return ()
    rows = []
    quantity_used = difference_before = 0
    for usage, quantity in quantity_by_usage:
        quantity_used += quantity
        difference = _difference(booked, present, quantity_used)
        if difference != difference_before:
            rows.append(TrueUp(usage, difference - difference_before))
        difference_before = difference
    return tuple(rows)


def _difference(booked: CostBasis, present: CostBasis, quantity_used: int) -> int:
    """Give by how much the present cost function exceeds the booked one at a used quantity."""
    costs = [
        amount_used(value=basis.value, quantity_received=basis.quantity_received, quantity_used=quantity_used)
        for basis in (booked, present)
    ]
    return costs[1] - costs[0]
