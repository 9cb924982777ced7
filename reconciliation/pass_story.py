"""Pure: what the passes of a run did to one code, in plain words, from the trace that the engine left."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from inventory_site.fields import QUANTITY_STEP


@dataclass(frozen=True)
class StoryLine:
    """One pass, or a stretch of passes; quantities as people read them."""

    passes: str
    what: str
    drawn: Decimal
    given_back: Decimal
    unallocated_positive: Decimal
    unallocated_negative: Decimal


def story(trace: Sequence[Mapping[str, Any]]) -> list[StoryLine]:
    """Tell a trace line by line. A line that is `alike` did, pass for pass, what the line before it did."""
    lines: list[StoryLine] = []
    last_own = ""
    for line in trace:
        first, count = line["first"], line["pass_count"]
        passes = _passes(first, count)
        drawn, given_back = _units(line["quantity_drawn"]), _units(line["quantity_given_back"])
        positive, negative = _units(line["unallocated_positive"]), _units(line["unallocated_negative"])
        if line["alike"]:
            what = f"{'Each did' if count > 1 else 'Did'} the same as {last_own}."
        else:
            what = _what(drawn, given_back, count, returns_left=bool(negative))
            last_own = passes.lower()
        lines.append(StoryLine(passes, what, drawn, given_back, positive, negative))
    return lines


def _passes(first: int, count: int) -> str:
    return f"Pass {first:,}" if count == 1 else f"Passes {first:,} to {first + count - 1:,}"


def _units(steps: int) -> Decimal:
    return steps * QUANTITY_STEP


def _what(drawn: Decimal, given_back: Decimal, count: int, *, returns_left: bool) -> str:
    if count > 1:
        return "Went on in the same manner, lot by lot."
    if drawn and given_back:
        return "Drew from the lots what they had, then gave back what the lots could take."
    if drawn:
        rest = "no return could be given back" if returns_left else "no return was open"
        return f"Drew from the lots what they had; {rest}."
    if given_back:
        return "Gave back what the lots could take; nothing could be drawn."
    return "Moved nothing, so this was the last pass."
