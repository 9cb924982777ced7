"""What units cost: the cumulative figure of the lot, never a unit cost.

A lot of 3 worth 10.00 has no unit cost in cents. It has a function instead: what the first n units that were used
cost, rounded once, `amount_used(n)`. Whoever moves a lot from a used units to b pays `amount_used(b) -
amount_used(a)`, so three sales of one unit pay 3.33, 3.34 and 3.33, and a unit that comes back gets what the step
down is worth. At every moment the amounts on a lot add up to `amount_used(used)`; a lot that is used up has given out
exactly its value, and one that went round a million times has not drifted by a cent. Multiplying a rounded unit cost
breaks all three.

Half a cent goes up. The function is there for every whole n, below 0 and above the received quantity too, because a
true-up has to replay the order in which records were entered, and that order may pass through such figures.
"""

from typing import NamedTuple

from .records import RecordRefused


class CostBasis(NamedTuple):
    """What a lot's amounts are worked out from: the value of everything received, and how much that was."""

    value: int
    quantity_received: int


def amount_used(*, value: int, quantity_received: int, quantity_used: int) -> int:
    """Give the amount of the first `quantity_used` units of a lot, rounded half up; 0 where nothing was received."""
    if quantity_received == 0:
        return 0
    return (2 * value * quantity_used + quantity_received) // (2 * quantity_received)


def refuse_impossible_basis(*, value: int, quantity_received: int) -> None:
    """Raise RecordRefused for a basis that has no cost function."""
    if value < 0 or quantity_received < 0:
        raise RecordRefused("A lot has neither a negative value nor a negative received quantity.")
    if value > 0 and quantity_received == 0:
        # Billed on an order that closes unreceived: an expense, which belongs on the variance account.
        raise RecordRefused("A lot of which nothing was received cannot carry a value.")


def reduce_by_vendor_return(*, basis: CostBasis, quantity_returned: int) -> CostBasis:
    """Give the basis that is left when units go back to the vendor: what stays keeps its unit cost."""
    refuse_impossible_basis(value=basis.value, quantity_received=basis.quantity_received)
    if not 0 <= quantity_returned <= basis.quantity_received:
        raise RecordRefused("Between nothing and everything that was received can go back to the vendor.")
    value_returned = amount_used(
        value=basis.value, quantity_received=basis.quantity_received, quantity_used=quantity_returned
    )
    return CostBasis(basis.value - value_returned, basis.quantity_received - quantity_returned)
