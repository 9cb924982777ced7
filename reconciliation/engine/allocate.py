"""Which lot answers for which usage.

The rule sounds simple: usage draws on lots that have stock, returns give back to lots that are used. The trouble is
that a return can put back only what is used. Take one lot of ten, all of it used, and fifty units sold and fifty
returned that no lot answers for yet. A return of fifty finds ten used units and gives those back. Now the lot has
ten, so the sale can draw them; now ten are used, so the return can give ten more back; and so on, until all is even.
That is the give-back loop, and each time round is a pass: everybody draws, then everybody gives back. Sale and return
never cancel each other on paper. Goods go through a lot, so the lot shows fifty out and fifty in, and the auditor
sees what happened.

**Why draws come before give-backs** in a pass, whatever the dates: the guides count their passes so, and a figure
that staff can check on the page they learned from is worth more than a tidier rule. For the same reason no date bars
a match. Usage may draw on a lot that was received after it; that is how a late receipt cures usage.

**Why it ends.** Every pass that moves something lowers what is open, which is a whole number; a pass that moves
nothing is the last.

**Why it ends soon.** A lot of one unit between a billion sold and a billion returned takes a billion passes, so they
are not all run. When a pass leaves every lot as it found it and closes nobody, the next one does the same again, and
so on until somebody is served for less than the lots have:

    A usage that moved and is still open has taken all that its lots had. What it took, therefore, was decided by the
    lots and by those before it, not by how much it wanted, and not by what its original held either: that settles
    which of its lots it takes first, and it took all of them. The lots are as they were. So while everyone who moved
    wants at least as much as they took, they take it again, lot by lot and cent by cent; and those who got nothing
    get nothing again.

That many passes are taken in one jump, which stops short of the pass in which somebody may close. Each close is
followed by two or three passes that are really run, so the work grows with the records and the rows that come out,
never with the quantities.

**What was left out.** Matching a sale with a return directly: it would be faster and would hide the goods' way.
Choosing lots so that amounts come out even: nobody could check it. Costing at an average: a lot keeps its own cost
here.
"""

from collections.abc import Iterable, Mapping, Set
from functools import partial
from heapq import heappop, heappush
from itertools import groupby, repeat
from operator import sub

from . import ordering
from .adding import merged, sums_by_lot, sums_by_usage
from .costing import amount_used
from .holdings import Holdings
from .intake import positions_of, quantities_unallocated
from .records import CostMethod, Lot, Move, Plan, Usage
from .remarks import remarks
from .sides import Side
from .story import Story

# Move(*row) goes through a function written in Python. This is the same without it, for moves made by the thousand.
_new_move = partial(tuple.__new__, Move)


def reconcile(
    *, lots: Iterable[Lot], usages: Iterable[Usage], held: Mapping[tuple[int, int], int], method: CostMethod
) -> Plan:
    """Plan one run of one cost pool, writing nothing.

    `held` gives, by (original, lot), the net quantity that the original and the usages linked to it moved on the lot
    in earlier runs, below zero as it may be; originals that no usage here names may be left out. Raises RecordRefused
    for records that cannot be true.
    """
    run = _Run(ordering.oldest_first(lots), ordering.queue(usages), held, method)
    while run.make_pass():
        run.repeat_pass()
    return run.plan()


class _Run:
    """One pool while its passes run: what is left of everybody, and the moves so far."""

    def __init__(
        self, lots: list[Lot], usages: list[Usage], held: Mapping[tuple[int, int], int], method: CostMethod
    ) -> None:
        self.lots = lots
        self.usages = usages
        self.remaining = quantities_unallocated(usages)
        self.position_of = positions_of(lots)
        self.moves: list[Move] = []
        self.first_pass_end = self.pass_start = 0
        self._take_sides(ordering.drawing(method))
        self.holdings: Holdings | None = None
        if self.draws.linked or self.give_backs.linked:
            linked = [*self.draws.linked, *self.give_backs.linked]
            self.holdings = Holdings(linked=linked, held=held, position_of=self.position_of)

    def _take_sides(self, drawing: int) -> None:
        """Part the queue into consuming and giving back, and tell each side what the lots have for it."""
        positive = [usage for usage in self.usages if usage[2] > 0]  # quantity_unallocated
        negative = [usage for usage in self.usages if usage[2] < 0]
        stock = [lot.quantity_received - lot.quantity_used for lot in self.lots]
        used = [lot.quantity_used for lot in self.lots]
        self.draws = Side(sign=+1, way=drawing, available=stock, usages=positive, position_of=self.position_of)
        self.give_backs = Side(
            sign=-1, way=ordering.GIVING_BACK, available=used, usages=negative, position_of=self.position_of
        )
        self.story = Story(
            unallocated_positive=self.draws.quantity_wanted, unallocated_negative=-self.give_backs.quantity_wanted
        )

    # Passes

    def make_pass(self) -> bool:
        """Let everybody draw, then everybody give back, and tell whether anything moved."""
        self.pass_start = len(self.moves)
        self._serve(self.draws, self.give_backs)
        self._serve(self.give_backs, self.draws)
        if len(self.moves) == self.pass_start:
            return False
        self.story.tell(self.moves[self.pass_start :])
        self.first_pass_end = self.first_pass_end or len(self.moves)
        return True

    def repeat_pass(self) -> None:
        """Take all the passes that would do just what the last one did, but not the one that may close a usage."""
        moves = self.moves[self.pass_start :]
        # Where somebody closed, the count below would come to nothing; asking first spares most pools the sums.
        if not all(self.remaining[move.usage] for move in moves) or any(sums_by_lot(moves).values()):
            return
        moved_by_usage = sums_by_usage(moves)
        count = min(self.remaining[usage] // moved for usage, moved in moved_by_usage.items()) - 1
        if count <= 0:
            return
        repeated = [Move(usage, lot, quantity * count, amount * count) for usage, lot, quantity, amount in moves]
        self.moves += repeated
        for usage, moved in moved_by_usage.items():
            self.remaining[usage] -= moved * count
        self.story.tell(repeated, pass_count=count, alike=True)

    # One phase of a pass

    def _serve(self, side: Side, other: Side) -> None:
        """Serve everybody on one side, in queue order, with what the lots have for that side."""
        turns = side.turns(self.remaining)
        while turns:
            rank, position = heappop(turns)
            self._serve_queue(side, other, side.queue_before(rank))
            self._serve_restricted(side, other, rank)
            rank_next = side.next_waiting(position, self.remaining)
            if rank_next is not None:
                heappush(turns, (rank_next, position))
        self._serve_queue(side, other, len(side.queue))

    def _serve_queue(self, side: Side, other: Side, end: int) -> None:
        """Serve the unrestricted usages before `end` until no lot has anything left for them."""
        while side.head < end and (position := side.next_available()) is not None:
            usage = side.queue[side.head]
            if usage.original is None:
                self._serve_from_lot(side, other, end, position)
                continue
            self._reverse_original(side, other, usage)
            while self.remaining[usage.key] and (position := side.next_available()) is not None:
                self._move(side, other, usage, position, side.available[position])
            if not self.remaining[usage.key]:
                side.head += 1

    def _serve_from_lot(self, side: Side, other: Side, end: int, position: int) -> None:
        """Serve plain usages from one lot, until the lot has nothing left or somebody comes who is not plain.

        Nine units in ten of a real pool go this way, so they go in columns instead of one by one. With the queue's
        running totals, a lot is a stretch of the queue: it closes every usage whose total lies within it, and serves
        part of the next.
        """
        start = side.served(self.remaining)
        available = side.available[position]
        closed, reached = side.reach(start, available, end)
        marks = side.totals[side.head + 1 : closed + 1]
        if not marks or marks[-1] < reached:
            marks.append(reached)
        amounts = self._amounts(position, side.sign, start, marks)
        quantities = map(sub, marks, [start, *marks]) if side.sign > 0 else map(sub, [start, *marks], marks)
        rows = zip(side.keys[side.head : side.head + len(marks)], repeat(self.lots[position].key), quantities, amounts)
        self.moves += map(_new_move, rows)
        side.available[position] -= reached - start
        other.gain(position, reached - start)
        self.remaining.update(zip(side.keys[side.head : closed], repeat(0)))
        side.head = closed
        if reached > side.totals[closed]:
            self.remaining[side.keys[closed]] = side.sign * (side.totals[closed + 1] - reached)

    def _amounts(self, position: int, sign: int, start: int, marks: list[int]) -> Iterable[int]:
        """Give the amounts of serving a queue from one lot, from one running total to the next."""
        lot = self.lots[position]
        used_at_0 = self.give_backs.available[position] - sign * start
        slope, received, doubled_received = 2 * sign * lot.value, lot.quantity_received, 2 * lot.quantity_received
        constant = 2 * lot.value * used_at_0 + received
        # amount_used, with the used quantity written as used_at_0 + sign * mark
        costs = [(slope * mark + constant) // doubled_received for mark in [start, *marks]]
        return map(sub, costs[1:], costs)

    def _serve_restricted(self, side: Side, other: Side, rank: int) -> None:
        """Serve one usage from the only lots that it may touch."""
        usage, positions = side.restricted[rank]
        if usage.original is not None:
            self._reverse_original(side, other, usage)
        for position in positions:
            if not self.remaining[usage.key]:
                return
            self._move(side, other, usage, position, side.available[position])

    def _reverse_original(self, side: Side, other: Side, usage: Usage) -> None:
        """Let a linked usage undo what its original did, on the same lots, as far as the original still holds them."""
        if self.holdings is None or usage.original is None:
            return
        held = self.holdings.to_reverse(original=usage.original, sign=side.sign, moves=self.moves)
        for position, quantity_held in held:
            if usage.only_lots is None or self.lots[position].key in usage.only_lots:
                self._move(side, other, usage, position, min(quantity_held, side.available[position]))

    def _move(self, side: Side, other: Side, usage: Usage, position: int, most: int) -> None:
        """Move what the usage still wants between it and a lot, at most `most`."""
        quantity = min(side.sign * self.remaining[usage.key], most)
        if not quantity:
            return
        cost_before = self._cost(position)
        side.available[position] -= quantity
        other.gain(position, quantity)
        amount = self._cost(position) - cost_before
        self.moves.append(Move(usage.key, self.lots[position].key, side.sign * quantity, amount))
        self.remaining[usage.key] -= side.sign * quantity

    def _cost(self, position: int) -> int:
        """Give what the units used of a lot cost at this moment."""
        lot = self.lots[position]
        return amount_used(
            value=lot.value,
            quantity_received=lot.quantity_received,
            quantity_used=self.give_backs.available[position],
        )

    # The result

    def plan(self) -> Plan:
        """Put together what came out."""
        used = self.give_backs.available
        return Plan(
            moves=self._merged_moves(),
            quantity_used_after={
                lot.key: used[position] for position, lot in enumerate(self.lots) if used[position] != lot.quantity_used
            },
            quantity_unallocated_after=self.remaining,
            pass_count=self.story.pass_count,
            trace=tuple(self.story.lines),
            remarks=remarks(lots=self.lots, usages=self.usages, remaining=self.remaining),
        )

    def _merged_moves(self) -> tuple[Move, ...]:
        """Give one move for each usage and lot, in the order that `Plan` documents.

        Most usages are served in the first pass by the queue alone, which leaves their moves merged and in order.
        """
        again = {move.usage for move in self.moves[self.first_pass_end :]}
        if self.holdings is not None:
            again |= self.holdings.linked
        if not again:
            return tuple(self.moves)
        draws = [move for move in self.moves if move[2] > 0]
        give_backs = [move for move in self.moves if move[2] < 0]
        return (*self._tidied(draws, again), *self._tidied(give_backs, again))

    def _tidied(self, moves: list[Move], again: Set[int]) -> list[Move]:
        """Put the moves of one side in queue order, and merge those of the usages that were served again."""
        if self.draws.restricted or self.give_backs.restricted:
            rank_of = {usage.key: rank for rank, usage in enumerate(self.usages)}
            moves.sort(key=lambda move: rank_of[move[0]])
        # Without restrictions the queue was served from its head, pass after pass, so the moves are in its order.
        places = [place for place, move in enumerate(moves) if move[0] in again]
        tidied: list[Move] = []
        done = 0
        for _, group in groupby(places, key=lambda place: moves[place][0]):
            first, *others = group
            end = first + len(others) + 1
            tidied += moves[done:first]
            tidied += sorted(merged(moves[first:end]), key=self._lot_place)
            done = end
        return tidied + moves[done:]

    def _lot_place(self, move: Move) -> int:
        side = self.draws if move.quantity > 0 else self.give_backs
        return side.way * self.position_of[move.lot]
