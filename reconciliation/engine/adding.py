"""Sums over moves: by usage, by lot, and merged to one row for each pair of the two."""

from collections.abc import Iterable

from .records import Move


def sums_by_usage(moves: Iterable[Move]) -> dict[int, int]:
    """Give what each usage moved."""
    sums: dict[int, int] = {}
    for usage, _, quantity, _ in moves:
        sums[usage] = sums.get(usage, 0) + quantity
    return sums


def sums_by_lot(moves: Iterable[Move]) -> dict[int, int]:
    """Give by how much the moves change what is used of each lot."""
    sums: dict[int, int] = {}
    for _, lot, quantity, _ in moves:
        sums[lot] = sums.get(lot, 0) + quantity
    return sums


def merged(moves: Iterable[Move]) -> list[Move]:
    """Give one move for each usage and lot. A usage goes one way in a run, so direction need not be asked."""
    sums: dict[tuple[int, int], tuple[int, int]] = {}
    for usage, lot, quantity, amount in moves:
        quantity_before, amount_before = sums.get((usage, lot), (0, 0))
        sums[usage, lot] = (quantity_before + quantity, amount_before + amount)
    return [Move(usage, lot, quantity, amount) for (usage, lot), (quantity, amount) in sums.items()]
