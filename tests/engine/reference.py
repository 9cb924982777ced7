"""The rules again, as slowly and as literally as they can be written.

Nothing here is clever, and nothing is shared with the engine but its records. Every pass is run, every usage looks at
every lot, every amount is worked out from the lot's own figures, and held sums are added up from a plain list of
everything that ever moved. When the engine and this file differ, one of them has misread the rules; this one is
easier to read.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import floor

from reconciliation.engine import CostMethod, Lot, Usage

Rows = dict[tuple[int, int, bool], tuple[int, int]]  # (usage, lot, gives back): quantity, amount


@dataclass
class Result:
    """What a run comes to, pass by pass."""

    rows: Rows = field(default_factory=dict)
    used: dict[int, int] = field(default_factory=dict)
    unallocated: dict[int, int] = field(default_factory=dict)
    passes: list[tuple[int, int, int, int]] = field(default_factory=list)  # drawn, given back, open +, open -


def cost(value: int, received: int, used: int) -> int:
    """Give the cost of the units used: value x used / received, half a cent up."""
    return floor(Fraction(value * used, received) + Fraction(1, 2)) if received else 0


class Loop:
    """One run, loop by loop."""

    def __init__(
        self, lots: Iterable[Lot], usages: Iterable[Usage], held: Mapping[tuple[int, int], int], method: CostMethod
    ) -> None:
        """Copy everything, so that what the caller holds stays as it is."""
        self.oldest_first = sorted(lots, key=lambda lot: (lot.order, lot.key))
        self.newest_first = list(reversed(self.oldest_first))
        self.drawing = self.oldest_first if method is CostMethod.FIFO else self.newest_first
        self.usages = sorted(usages, key=lambda usage: (usage.order, usage.key))
        self.held = dict(held)
        self.result = Result(
            used={lot.key: lot.quantity_used for lot in self.oldest_first},
            unallocated={usage.key: usage.quantity_unallocated for usage in self.usages},
        )

    def run(self) -> Result:
        """Make passes until one moves nothing."""
        while True:
            drawn = sum(self.draw(usage) for usage in self.usages if self.result.unallocated[usage.key] > 0)
            given = sum(self.give_back(usage) for usage in self.usages if self.result.unallocated[usage.key] < 0)
            if not drawn and not given:
                return self.result
            rests = self.result.unallocated.values()
            self.result.passes.append(
                (drawn, given, sum(rest for rest in rests if rest > 0), sum(rest for rest in rests if rest < 0))
            )

    def draw(self, usage: Usage) -> int:
        """Let one usage draw: first what a voided return put back, then in the order of the method."""
        total = 0
        if usage.original is not None:
            for lot in self.newest_first:
                given_back = max(0, -self.held.get((usage.original, lot.key), 0))
                total += self.move(usage, lot, min(self.stock(lot), given_back))
        for lot in self.drawing:
            total += self.move(usage, lot, self.stock(lot))
        return total

    def give_back(self, usage: Usage) -> int:
        """Let one return give back: first to what its original holds, then newest first."""
        total = 0
        if usage.original is not None:
            for lot in self.newest_first:
                still_held = max(0, self.held.get((usage.original, lot.key), 0))
                total += self.move(usage, lot, min(self.result.used[lot.key], still_held))
        for lot in self.newest_first:
            total += self.move(usage, lot, self.result.used[lot.key])
        return total

    def stock(self, lot: Lot) -> int:
        """Give what a lot has left."""
        return lot.quantity_received - self.result.used[lot.key]

    def move(self, usage: Usage, lot: Lot, most: int) -> int:
        """Move as much as is wanted, allowed and there; give how much that was."""
        if usage.only_lots is not None and lot.key not in usage.only_lots:
            return 0
        rest = self.result.unallocated[usage.key]
        size = min(abs(rest), most)
        if not size:
            return 0
        quantity = size if rest > 0 else -size
        before = self.result.used[lot.key]
        after = before + quantity
        amount = cost(lot.value, lot.quantity_received, after) - cost(lot.value, lot.quantity_received, before)
        self.result.used[lot.key] = after
        self.result.unallocated[usage.key] = rest - quantity
        row = (usage.key, lot.key, quantity < 0)
        quantity_so_far, amount_so_far = self.result.rows.get(row, (0, 0))
        self.result.rows[row] = (quantity_so_far + quantity, amount_so_far + amount)
        for original in (usage.key, usage.original):
            if original is not None:
                self.held[original, lot.key] = self.held.get((original, lot.key), 0) + quantity
        return size


def run_naively(
    lots: Iterable[Lot], usages: Iterable[Usage], held: Mapping[tuple[int, int], int], method: CostMethod
) -> Result:
    """Run one pool by the loop."""
    return Loop(lots, usages, held, method).run()


def true_up_naively(
    booked: tuple[int, int], present: tuple[int, int], quantities: Sequence[tuple[int, int]]
) -> list[tuple[int, int]]:
    """Give (usage, amount) for a change of (value, received): the difference before each usage and after it."""
    if not sum(quantity for _, quantity in quantities):
        return []
    rows = []
    for index, (usage, quantity) in enumerate(quantities):
        before = sum(quantity for _, quantity in quantities[:index])
        after = before + quantity
        owed = cost(*present, after) - cost(*booked, after) - (cost(*present, before) - cost(*booked, before))
        if owed:
            rows.append((usage, owed))
    return rows
