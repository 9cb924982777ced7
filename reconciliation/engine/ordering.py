"""The three orders of the engine: the queue, drawing, and giving back.

The method is nothing but a direction in which the lots are walked, so it is said here once and nowhere else. Each
order is total: the moment first, then the entry number, and the key last, in case two records were entered as one.
Two machines that get the same records, in whatever order, therefore do the same things.
"""

from collections.abc import Iterable
from operator import itemgetter
from typing import Final

from .records import CostMethod, Lot, Usage

OLDEST_FIRST: Final = 1
NEWEST_FIRST: Final = -1

# Newest first even under FIFO: giving back to the oldest lot would keep an ever less relevant cost in use for ever.
GIVING_BACK: Final = NEWEST_FIRST

# Both records carry their order second and their key first. A getter, because it costs a third of a lambda.
_order_then_key = itemgetter(1, 0)


def queue(usages: Iterable[Usage]) -> list[Usage]:
    """Sort usages into the order in which they are served."""
    return sorted(usages, key=_order_then_key)


def oldest_first(lots: Iterable[Lot]) -> list[Lot]:
    """Sort lots by first receipt. The engine calls an index into this list the lot's position."""
    return sorted(lots, key=_order_then_key)


def drawing(method: CostMethod) -> int:
    """Give the direction in which consumption walks the positions."""
    return OLDEST_FIRST if method is CostMethod.FIFO else NEWEST_FIRST
