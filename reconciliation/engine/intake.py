"""Where records come in, and where those that cannot be true are turned away.

No plan made from them would be true either. Refusing here, loudly and before anything moves, names the record; later
the same fault would show as a figure somewhere that does not tie.
"""

from collections.abc import Sequence

from .costing import refuse_impossible_basis
from .records import Lot, RecordRefused, Usage


def positions_of(lots: Sequence[Lot]) -> dict[int, int]:
    """Index the lots by key; raise RecordRefused for the first that cannot be true."""
    for lot in lots:
        refuse_impossible_basis(value=lot.value, quantity_received=lot.quantity_received)
        if not 0 <= lot.quantity_used <= lot.quantity_received:
            raise RecordRefused(f"Lot {lot.key} has more used than was received, or less than nothing.")
    position_of = {lot.key: position for position, lot in enumerate(lots)}
    if len(position_of) < len(lots):
        raise RecordRefused("A lot was put in twice.")
    return position_of


def quantities_unallocated(usages: Sequence[Usage]) -> dict[int, int]:
    """Give what is open by usage, in the order of `usages`; raise RecordRefused for records that cannot be true."""
    remaining = {usage[0]: usage[2] for usage in usages}
    if len(remaining) < len(usages):
        raise RecordRefused("A usage was put in twice.")
    if 0 in remaining.values():
        culprit = next(key for key, quantity in remaining.items() if not quantity)
        raise RecordRefused(f"Usage {culprit} has nothing unallocated, so it has no place in a run.")
    return remaining
