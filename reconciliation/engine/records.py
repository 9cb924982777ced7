"""What goes into the engine and what comes out of it.

All of it is values: whole numbers, tuples and frozen records, made once and never changed. Quantities count the
smallest step (a ten-thousandth of a unit) and amounts the currency's minor unit (a cent), because whole numbers are
exact, are ordered, and add up the same way on every machine. Signs are the same everywhere: consuming is positive,
giving back is negative, in usage and in moves, in quantities and in amounts.

The lots and the usages are named tuples because a first run makes and reads them by the hundred thousand.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import NamedTuple


class CostMethod(Enum):
    """Which lots consumption draws on first. It has no say in where returns go."""

    FIFO = "FIFO"
    LIFO = "LIFO"


class RecordRefused(ValueError):
    """A record that no plan could be made for: the caller read or entered something that cannot be true."""


class PlanBroken(AssertionError):
    """A plan that breaks a promise of the engine. It must not be applied."""


class Lot(NamedTuple):
    """One cost layer: where goods came from, and what all of them cost together."""

    key: int
    order: tuple[int, int]  # first receipt (microseconds), then entry number
    quantity_received: int
    quantity_used: int  # drawn from the lot and not given back; also what it can still take back
    value: int  # of everything received, not of what is left


class Usage(NamedTuple):
    """The part of one consumption (or of one return) that no lot answers for yet."""

    key: int
    order: tuple[int, int]  # usage moment (microseconds), then entry number
    quantity_unallocated: int  # positive consumes, negative gives back, never 0
    original: int | None = None  # the usage that a return returns, or the return that a voided return reverses
    only_lots: frozenset[int] | None = None  # special order, serial number, manufacturer lot; None is any lot


class Move(NamedTuple):
    """Units between one usage and one lot: everything that went that way in one plan, in one row."""

    usage: int
    lot: int
    quantity: int
    amount: int


class PassSummary(NamedTuple):
    """One line of the story of a run: a pass, or a stretch of passes too many to tell one by one."""

    first: int  # number of the first pass that the line tells of, from 1
    pass_count: int  # how many passes it tells of
    alike: bool  # True: each of them did what the line before did; False: a pass of its own, or the mixed rest
    quantity_drawn: int  # in all of them together
    quantity_given_back: int  # the same, not negative
    unallocated_positive: int  # what is open after the last of them
    unallocated_negative: int


class RemarkCode(StrEnum):
    """Why a usage stays open."""

    NO_LOT = "no_lot"
    LOTS_USED_UP = "lots_used_up"
    NOTHING_USED_TO_GIVE_BACK = "nothing_used_to_give_back"
    RESTRICTED_NO_LOT = "restricted_no_lot"
    RESTRICTED_LOTS_USED_UP = "restricted_lots_used_up"
    RESTRICTED_NOTHING_USED = "restricted_nothing_used"


class Remark(NamedTuple):
    """What could not be allocated and why, for the people who have to cure it."""

    code: RemarkCode
    message: str
    usage: int


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run would write for one cost pool.

    The moves come draws first, then give-backs; in each half by usage in queue order, and for one usage by lot in the
    order in which that half takes lots. `quantity_used_after` names only the lots that changed,
    `quantity_unallocated_after` names every usage that was put in.
    """

    moves: tuple[Move, ...]
    quantity_used_after: Mapping[int, int]
    quantity_unallocated_after: Mapping[int, int]
    pass_count: int
    trace: tuple[PassSummary, ...]
    remarks: tuple[Remark, ...]
