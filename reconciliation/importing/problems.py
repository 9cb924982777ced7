"""What is wrong with a file, as data: where (file, row, column), what was read there, and why it cannot be."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

# Nobody reads more; all are counted.
PROBLEMS_KEPT = 1_000
VALUE_SHOWN = 80


class Problem(NamedTuple):
    """One finding. `row` counts as a person does: the header is row 1. Row 0 means the file as a whole."""

    kind: str
    file: str
    row: int
    column: str
    value: str
    message: str

    def __str__(self) -> str:
        place = self.file
        if self.row:
            place += f", row {self.row}"
        if self.column:
            place += f", column {self.column}"
        return f"{place}: {self.message}"


class UnreadableFileError(Exception):
    """A file cannot be read any further. `row` is where reading ended, 0 when it never began."""

    def __init__(self, message: str, *, row: int = 0, column: str = "", value: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.row = row
        self.column = column
        self.value = value


def shown(value: str) -> str:
    """A value as a message may quote it: short, on one line, and of characters that every output takes."""
    text = "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in value[:200])
    return text if len(text) <= VALUE_SHOWN else text[: VALUE_SHOWN - 3] + "..."


@dataclass(slots=True)
class Problems:
    """Every finding counted, per kind of record; the first ones in file and row order kept."""

    kinds: Sequence[str]
    counts: dict[str, int] = field(default_factory=dict)
    is_cut_short: bool = False
    _kept: dict[str, list[Problem]] = field(default_factory=dict)

    def add(self, problem: Problem) -> None:
        """Note one. Per file, reading finds them in row order, so the first are the first."""
        self.counts[problem.kind] = self.counts.get(problem.kind, 0) + 1
        kept = self._kept.setdefault(problem.kind, [])
        if len(kept) < PROBLEMS_KEPT:
            kept.append(problem)

    def add_many(self, *, kind: str, count: int, first: Iterable[Problem]) -> None:
        """Note `count` findings of one check, of which the first ones are handed over."""
        self.counts[kind] = self.counts.get(kind, 0) + count
        self._kept[kind] = sorted([*self._kept.get(kind, ()), *first], key=_in_order)[:PROBLEMS_KEPT]

    @property
    def count(self) -> int:
        return sum(self.counts.values())

    def first(self) -> list[Problem]:
        """The first findings over all files, in the order of the files, rows and columns."""
        found = [problem for kind in self.kinds for problem in sorted(self._kept.get(kind, ()), key=_in_order)]
        return found[:PROBLEMS_KEPT]


def _in_order(problem: Problem) -> tuple[int, str, str]:
    return problem.row, problem.column, problem.message
