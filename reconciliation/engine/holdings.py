"""What an original still holds of each lot, so that returns go back to where the goods came from.

An original and the usages linked to it are a family. What it holds of a lot is everything the family ever moved
there, earlier runs and this one together: sales add, returns subtract. The sum may fall below zero, when a return
went to a lot that its original never drew on, and is then kept as it is and read as nothing: forgetting the debt
would let a later return take back units that have come back already.

The same sums serve a voided return. Its original is the return, whose own sums are negative where it gave back, and
what is negative there is what the voided return may draw first.

Only direct links count. A usage that reverses a return belongs to the return's family, not to that of the sale behind
it, which may be closed, in another period, and not in the pool's input at all.

Most pools have no linked usage. So nobody reports moves here; the sums are brought up to date from the list of moves
when somebody asks, and a pool that never asks pays nothing.
"""

from collections.abc import Mapping, Sequence, Set

from .records import Move, RecordRefused, Usage


class Holdings:
    """The families of a pool, each with its raw sums by lot."""

    def __init__(
        self, *, linked: Sequence[Usage], held: Mapping[tuple[int, int], int], position_of: Mapping[int, int]
    ) -> None:
        """Take the sums of earlier runs for the originals that the linked usages name, on the lots of this pool."""
        for usage in linked:
            if usage.original == usage.key:
                raise RecordRefused(f"Usage {usage.key} is entered as its own original.")
        self._position_of = position_of
        self._read = 0
        self._original_of = {usage.key: usage.original for usage in linked if usage.original is not None}
        self._sums: dict[int, dict[int, int]] = {original: {} for original in self._original_of.values()}
        self._members = self._sums.keys() | self._original_of.keys()
        for (original, lot), quantity in held.items():
            if original in self._sums and lot in position_of:
                self._sums[original][lot] = quantity

    def to_reverse(self, *, original: int, sign: int, moves: Sequence[Move]) -> list[tuple[int, int]]:
        """Give (position, quantity) of the lots where the original holds something to reverse, newest first.

        `sign` is that of the usage that asks: a return (-1) reverses what is held above zero, a voided return (+1)
        what is below.
        """
        self._catch_up(moves)
        sums = self._sums[original]
        newest_first = sorted(sums, key=self._position_of.__getitem__, reverse=True)
        return [(self._position_of[lot], -sign * sums[lot]) for lot in newest_first if sign * sums[lot] < 0]

    @property
    def linked(self) -> Set[int]:
        """The usages that have an original."""
        return self._original_of.keys()

    def _catch_up(self, moves: Sequence[Move]) -> None:
        for usage, lot, quantity, _ in [move for move in moves[self._read :] if move[0] in self._members]:
            if usage in self._sums:
                self._add(usage, lot, quantity)
            if usage in self._original_of:
                self._add(self._original_of[usage], lot, quantity)
        self._read = len(moves)

    def _add(self, original: int, lot: int, quantity: int) -> None:
        sums = self._sums[original]
        sums[lot] = sums.get(lot, 0) + quantity
