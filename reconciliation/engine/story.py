"""The story of a run in a few lines: what each pass did, then "n more like this".

A run page wants to show why fifty sold and fifty returned against a lot of ten came out even, pass by pass. It does
not want a billion lines, and neither does memory; so repeated passes share a line, and after the first lines the rest
is summed up in one.
"""

from collections.abc import Iterable
from typing import Final

from .records import Move, PassSummary

TRACE_LENGTH: Final = 20


class Story:
    """Collects the lines of a trace while the passes run."""

    def __init__(self, *, unallocated_positive: int, unallocated_negative: int) -> None:
        """Begin with what is open before the first pass."""
        self.lines: list[PassSummary] = []
        self.pass_count = 0
        self.unallocated_positive = unallocated_positive
        self.unallocated_negative = unallocated_negative

    def tell(self, moves: Iterable[Move], *, pass_count: int = 1, alike: bool = False) -> None:
        """Add what the moves of one pass did, or of `pass_count` passes alike."""
        quantities = [move[2] for move in moves]
        drawn = sum([quantity for quantity in quantities if quantity > 0])
        given_back = drawn - sum(quantities)
        self.unallocated_positive -= drawn
        self.unallocated_negative += given_back
        self._add(
            PassSummary(
                self.pass_count + 1,
                pass_count,
                alike,
                drawn,
                given_back,
                self.unallocated_positive,
                self.unallocated_negative,
            )
        )
        self.pass_count += pass_count

    def _add(self, line: PassSummary) -> None:
        if len(self.lines) < TRACE_LENGTH:
            self.lines.append(line)
            return
        last = self.lines[-1]
        self.lines[-1] = line._replace(
            first=last.first,
            pass_count=last.pass_count + line.pass_count,
            alike=False,
            quantity_drawn=last.quantity_drawn + line.quantity_drawn,
            quantity_given_back=last.quantity_given_back + line.quantity_given_back,
        )
