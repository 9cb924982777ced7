"""Why a usage stayed open, said so that the person who has to cure it knows what to look for.

A usage that the passes left open has met one of three walls, each with and without a restriction: there is no lot
with anything received, its lots are used up, or (for a return) nothing is used on them that could be given back.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from .records import Lot, Remark, RemarkCode, Usage

_MESSAGES: Final[Mapping[RemarkCode, str]] = {
    RemarkCode.NO_LOT: "There is no inventory lot of this item with anything received. "
    "Receive the goods, or enter a Beginning Balance.",
    RemarkCode.LOTS_USED_UP: "Every inventory lot of this item is used up. More was used than was received.",
    RemarkCode.NOTHING_USED_TO_GIVE_BACK: "Nothing of this item's inventory lots is used, "
    "so there is nothing that this return could be given back to.",
    RemarkCode.RESTRICTED_NO_LOT: "This usage is tied to certain inventory lots, "
    "and none of them has anything received.",
    RemarkCode.RESTRICTED_LOTS_USED_UP: "This usage is tied to certain inventory lots, and those are used up. "
    "Other lots of the item may still have stock.",
    RemarkCode.RESTRICTED_NOTHING_USED: "This return is tied to certain inventory lots, and nothing of those is used, "
    "so there is nothing that it could be given back to.",
}


def remarks(*, lots: Sequence[Lot], usages: Iterable[Usage], remaining: Mapping[int, int]) -> tuple[Remark, ...]:
    """Give one remark for every usage that is still open, in the order of `usages`."""
    if not any(remaining.values()):
        return ()
    received = {lot.key for lot in lots if lot.quantity_received}
    codes = ((_code(usage, received), usage.key) for usage in usages if remaining[usage.key])
    return tuple(Remark(code, _MESSAGES[code], usage) for code, usage in codes)


def _code(usage: Usage, received: set[int]) -> RemarkCode:
    gives_back = usage.quantity_unallocated < 0
    if usage.only_lots is None:
        if not received:
            return RemarkCode.NO_LOT
        return RemarkCode.NOTHING_USED_TO_GIVE_BACK if gives_back else RemarkCode.LOTS_USED_UP
    if received.isdisjoint(usage.only_lots):
        return RemarkCode.RESTRICTED_NO_LOT
    return RemarkCode.RESTRICTED_NOTHING_USED if gives_back else RemarkCode.RESTRICTED_LOTS_USED_UP
