"""The two sides of a pass, and who is next on each.

Consuming and giving back are the same act seen from two sides: usages wait in a queue, lots have something available,
and what one side takes becomes available to the other. A draw takes a lot's stock and leaves used units, a give-back
takes used units and leaves stock. So there is one class, and two of it.

What it saves is looking. Scanning all lots for every usage, and all usages in every pass, makes the work grow with
their product, and a lot of one unit between a hundred thousand sales and returns needs a hundred thousand passes.
Instead:

* Lots that have something wait in a heap, next one on top. One that was emptied behind the heap's back leaves it when
  it comes up.
* An unrestricted usage that stays open has emptied every lot, so only the head of the queue can ever be half served.
* A usage restricted to lots can move only when one of them has something, and after a phase it stays open only when
  none has. It waits at its lots until the other side wakes one of them.

Thus every look either moves units or closes a usage.
"""

from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Mapping, Sequence
from heapq import heapify, heappop, heappush
from itertools import accumulate

from .records import Usage


class Side:
    """The usages that go one way in a pool, and what its lots have for them."""

    def __init__(
        self, *, sign: int, way: int, available: list[int], usages: Sequence[Usage], position_of: Mapping[int, int]
    ) -> None:
        """Set up one side; `available` is by lot position, `way` the direction in which positions are walked."""
        self.sign = sign
        self.way = way
        self.available = available
        self.heap = [way * position for position, quantity in enumerate(available) if quantity]
        if way < 0:
            self.heap.reverse()  # ascending again, which is a heap already
        self.listed = [quantity > 0 for quantity in available]
        self.queue = usages  # the unrestricted ones
        self.ranks: Sequence[int] = range(len(usages))  # of the queue's usages among all of this side
        self.restricted: dict[int, tuple[Usage, list[int]]] = {}  # by rank: the usage and its lots, next one first
        self.waiting: dict[int, deque[int]] = {}  # by lot position: ranks of the usages that wait there, in order
        self.linked: list[Usage] = []
        self.linked_at: list[int] = []  # their indices in the queue
        if any(usage[3] is not None or usage[4] is not None for usage in usages):
            self._set_apart(usages, position_of)
        self.woken = [position for position in self.waiting if available[position]]  # have something since last served
        self.head = 0  # index of the first usage in the queue that is open
        self.keys = [usage[0] for usage in self.queue]
        self.totals = list(accumulate([abs(usage[2]) for usage in self.queue], initial=0))  # wanted before each
        restricted = sum(abs(usage.quantity_unallocated) for usage, _ in self.restricted.values())
        self.quantity_wanted = self.totals[-1] + restricted

    def _set_apart(self, usages: Sequence[Usage], position_of: Mapping[int, int]) -> None:
        """Find the linked usages, take the restricted ones out of the queue, and let those wait at their lots."""
        self.linked = [usage for usage in usages if usage[3] is not None]
        self.ranks = [rank for rank, usage in enumerate(usages) if usage[4] is None]
        self.queue = [usages[rank] for rank in self.ranks]
        self.linked_at = [index for index, usage in enumerate(self.queue) if usage[3] is not None]
        for rank, usage in enumerate(usages):
            if usage.only_lots is not None:
                self._restrict(rank, usage, usage.only_lots, position_of)

    def _restrict(self, rank: int, usage: Usage, only_lots: frozenset[int], position_of: Mapping[int, int]) -> None:
        known = (position_of[lot] for lot in sorted(only_lots) if lot in position_of)
        positions = sorted(known, key=self.way.__mul__)
        self.restricted[rank] = (usage, positions)
        for position in positions:
            self.waiting.setdefault(position, deque()).append(rank)

    def gain(self, position: int, quantity: int) -> None:
        """Take in what the other side's moves made available at a lot."""
        if not self.available[position]:
            if not self.listed[position]:
                self.listed[position] = True
                heappush(self.heap, self.way * position)
            if position in self.waiting:
                self.woken.append(position)
        self.available[position] += quantity

    def next_available(self) -> int | None:
        """Give the position of the first lot that has something, in this side's order."""
        while self.heap:
            position = self.way * self.heap[0]
            if self.available[position]:
                return position
            heappop(self.heap)
            self.listed[position] = False
        return None

    def turns(self, remaining: Mapping[int, int]) -> list[tuple[int, int]]:
        """Give a heap of (rank, position): at each woken lot, the first restricted usage that is still open."""
        ranks = ((self.next_waiting(position, remaining), position) for position in self.woken)
        turns = [(rank, position) for rank, position in ranks if rank is not None]
        self.woken = []
        heapify(turns)
        return turns

    def next_waiting(self, position: int, remaining: Mapping[int, int]) -> int | None:
        """Give the rank of the first open usage that waits at a lot, unless the lot has nothing for it."""
        waiting = self.waiting[position]
        while waiting and not remaining[self.restricted[waiting[0]][0].key]:
            waiting.popleft()
        return waiting[0] if waiting and self.available[position] else None

    def served(self, remaining: Mapping[int, int]) -> int:
        """Give the running total up to which the queue has been served."""
        return self.totals[self.head + 1] - abs(remaining[self.keys[self.head]])

    def reach(self, start: int, quantity: int, end: int) -> tuple[int, int]:
        """Serve the queue's plain usages before `end` with a quantity, in thought, from running total `start` on.

        Gives the index of the first usage that stays open, and the running total reached.
        """
        next_linked = bisect_left(self.linked_at, self.head)
        if next_linked < len(self.linked_at):
            end = min(end, self.linked_at[next_linked])
        reached = min(start + quantity, self.totals[end])
        return bisect_right(self.totals, reached, self.head + 1, end + 1) - 1, reached

    def queue_before(self, rank: int) -> int:
        """Give how many usages of the unrestricted queue come before a restricted one."""
        return bisect_left(self.ranks, rank)
