"""Reads a scenario file, plays its steps through the engine, and compares the figures that the file expects.

The format is for accountants and is explained in `tests/golden/README.md`. This side of it is strict: a key that
nobody knows fails the test, because a misspelt expectation would otherwise pass for ever.
"""

import tomllib
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from reconciliation.engine import (
    CostBasis,
    CostMethod,
    Lot,
    Plan,
    TrueUp,
    Usage,
    amount_used,
    check_plan,
    reconcile,
    true_up,
)

GOLDEN = Path(__file__).resolve().parents[1] / "golden"
STEPS_IN_A_UNIT = 10_000
SCENARIO_KEYS = {"title", "source", "note", "method", "money_places", "lot", "usage", "expect", "step"}
LOT_KEYS = {"number", "date", "received", "used", "value"}
USAGE_KEYS = {"number", "date", "quantity", "original", "only_lots"}


@dataclass
class LotOnBook:
    """A lot as the book stands: what it is worth, what is booked on it, and what is used of it."""

    key: int
    order: tuple[int, int]
    present: CostBasis
    booked: CostBasis
    used: int
    used_at_start: int

    def cost(self, used: int) -> int:
        """Give the cost of so many units used, on the booked basis."""
        return amount_used(value=self.booked.value, quantity_received=self.booked.quantity_received, quantity_used=used)


@dataclass(frozen=True)
class Outcome:
    """What one step did."""

    plan: Plan
    true_ups: Mapping[str, tuple[TrueUp, ...]]


class Book:
    """A cost pool over several steps: records come in, a run follows, and its rows stay."""

    def __init__(self, scenario: Mapping[str, Any]) -> None:
        """Open an empty book under the scenario's method."""
        self.method = CostMethod(scenario["method"])
        self.minor_units = 10 ** int(scenario.get("money_places", 2))
        self.lots: dict[str, LotOnBook] = {}
        self.usages: dict[str, Usage] = {}
        self.unallocated: dict[int, int] = {}
        self.rows: list[tuple[int, int, int, int]] = []  # usage, lot, quantity, amount
        self.entries = 0

    # Entering records

    def quantity(self, text: str) -> int:
        """Read a quantity, refusing what is finer than the smallest step."""
        return _whole(Decimal(text) * STEPS_IN_A_UNIT)

    def money(self, text: str) -> int:
        """Read an amount, refusing what is finer than the minor unit."""
        return _whole(Decimal(text) * self.minor_units)

    def enter_lot(self, record: Mapping[str, Any]) -> None:
        """Enter a lot, or give a lot that is there a new received quantity and value."""
        assert record.keys() <= LOT_KEYS, record.keys() - LOT_KEYS
        name = str(record["number"])
        present = CostBasis(self.money(record["value"]), self.quantity(record["received"]))
        if name in self.lots:
            assert record.keys() <= {"number", "received", "value"}, "Only cost and receipts of a lot can change."
            self.lots[name].present = present
            return
        used = self.quantity(record.get("used", "0"))
        self.lots[name] = LotOnBook(self.entries + 1, self.next_order(record), present, present, used, used)

    def enter_usage(self, record: Mapping[str, Any]) -> None:
        """Enter a usage; its original must be there already."""
        assert record.keys() <= USAGE_KEYS, record.keys() - USAGE_KEYS
        name, original, only_lots = str(record["number"]), record.get("original"), record.get("only_lots")
        assert name not in self.usages, name
        order = self.next_order(record)
        self.usages[name] = Usage(
            self.entries,
            order,
            self.quantity(record["quantity"]),
            None if original is None else self.usages[str(original)].key,
            None if only_lots is None else frozenset(self.lots[str(lot)].key for lot in only_lots),
        )
        self.unallocated[self.entries] = self.usages[name].quantity_unallocated

    def next_order(self, record: Mapping[str, Any]) -> tuple[int, int]:
        """Give the next entry number, under the record's date if it has one."""
        self.entries += 1
        return record.get("date", date.min).toordinal(), self.entries

    # Running

    def inputs(self) -> dict[str, Any]:
        """Give the arguments of `reconcile` as the book stands."""
        lots = [
            Lot(lot.key, lot.order, lot.present.quantity_received, lot.used, lot.present.value)
            for lot in self.lots.values()
        ]
        usages = [
            usage._replace(quantity_unallocated=self.unallocated[usage.key])
            for usage in self.usages.values()
            if self.unallocated[usage.key]
        ]
        return {"lots": lots, "usages": usages, "held": self.held(), "method": self.method}

    def held(self) -> dict[tuple[int, int], int]:
        """Give what each usage and those linked to it moved on each lot so far."""
        original_of = {usage.key: usage.original for usage in self.usages.values()}
        held: defaultdict[tuple[int, int], int] = defaultdict(int)
        for usage, lot, quantity, _ in self.rows:
            held[usage, lot] += quantity
            original = original_of[usage]
            if original is not None:
                held[original, lot] += quantity
        return dict(held)

    def settle_costs(self) -> dict[str, tuple[TrueUp, ...]]:
        """Book true-ups on the lots whose cost has changed."""
        return {name: self.settle(lot) for name, lot in self.lots.items() if lot.present != lot.booked}

    def settle(self, lot: LotOnBook) -> tuple[TrueUp, ...]:
        """Bring one lot to its present basis."""
        assert lot.used_at_start == 0, "Who used a lot before the scenario is not known, so its cost must stay."
        net = [(usage.key, self.total(usage.key, lot.key, 2)) for usage in self.usages.values()]
        rows = true_up(
            booked=lot.booked, present=lot.present, quantity_by_usage=[(usage, net) for usage, net in net if net]
        )
        self.rows += [(row.usage, lot.key, 0, row.amount) for row in rows]
        lot.booked = lot.present
        return rows

    def run(self) -> Outcome:
        """Settle changed costs, reconcile, check, and keep the rows."""
        true_ups = self.settle_costs()
        inputs = self.inputs()
        plan = reconcile(**inputs)
        check_plan(**inputs, plan=plan)
        self.rows += [(move.usage, move.lot, move.quantity, move.amount) for move in plan.moves]
        for lot in self.lots.values():
            lot.used = plan.quantity_used_after.get(lot.key, lot.used)
        self.unallocated |= plan.quantity_unallocated_after
        self.check_lots_tie_out()
        return Outcome(plan, true_ups)

    def total(self, usage: int | None, lot: int | None, column: int) -> int:
        """Add up a column of the rows (2 quantity, 3 amount), of one usage or lot or of all."""
        return sum(row[column] for row in self.rows if usage in (None, row[0]) and lot in (None, row[1]))

    def check_lots_tie_out(self) -> None:
        """See that each lot's amounts are what its used units cost, and its quantities what is used."""
        for lot in self.lots.values():
            assert self.total(None, lot.key, 2) == lot.used - lot.used_at_start
            assert self.total(None, lot.key, 3) == lot.cost(lot.used) - lot.cost(lot.used_at_start)


def _whole(number: Decimal) -> int:
    assert number == int(number), f"{number} is finer than what is counted"
    return int(number)


# Expectations: each takes what the file says and gives (expected, found).

Pair = tuple[Any, Any]


def _passes(book: Book, outcome: Outcome, expected: int) -> Pair:
    return expected, outcome.plan.pass_count


def _trace(book: Book, outcome: Outcome, expected: list[list[str]]) -> Pair:
    pairs = [(book.quantity(positive), book.quantity(negative)) for positive, negative in expected]
    return pairs, list(_unallocated_after_each_pass(outcome.plan))


def _unallocated_after_each_pass(plan: Plan) -> Iterator[tuple[int, int]]:
    for line in plan.trace:
        drawn, given_back = line.quantity_drawn // line.pass_count, line.quantity_given_back // line.pass_count
        for passes_to_come in range(line.pass_count - 1, -1, -1):
            yield (
                line.unallocated_positive + drawn * passes_to_come,
                line.unallocated_negative - given_back * passes_to_come,
            )


def _unallocated(book: Book, outcome: Outcome, expected: Mapping[str, str]) -> Pair:
    return _by_name(book.quantity, expected), {name: book.unallocated[book.usages[name].key] for name in expected}


def _used(book: Book, outcome: Outcome, expected: Mapping[str, str]) -> Pair:
    return _by_name(book.quantity, expected), {name: book.lots[name].used for name in expected}


def _stock(book: Book, outcome: Outcome, expected: Mapping[str, list[str]]) -> Pair:
    found = {
        name: (lot.booked.quantity_received - lot.used, lot.booked.value - lot.cost(lot.used))
        for name, lot in book.lots.items()
        if lot.booked.quantity_received > lot.used
    }
    return {name: (book.quantity(left), book.money(value)) for name, (left, value) in expected.items()}, found


def _stock_value(book: Book, outcome: Outcome, expected: str) -> Pair:
    return book.money(expected), sum(lot.booked.value - lot.cost(lot.used) for lot in book.lots.values())


def _on_hand(book: Book, outcome: Outcome, expected: str) -> Pair:
    stock = sum(lot.booked.quantity_received - lot.used for lot in book.lots.values())
    return book.quantity(expected), stock - sum(book.unallocated.values())


def _allocated(book: Book, outcome: Outcome, expected: list[Mapping[str, Any]]) -> Pair:
    rows = [
        (
            book.usages[str(row["usage"])].key,
            book.lots[str(row["lot"])].key,
            book.quantity(row["quantity"]),
            book.money(row["amount"]),
        )
        for row in expected
    ]
    return sorted(rows), sorted(tuple(move) for move in outcome.plan.moves)


def _true_ups(book: Book, outcome: Outcome, expected: list[Mapping[str, Any]]) -> Pair:
    rows = [(str(row["lot"]), book.usages[str(row["usage"])].key, book.money(row["amount"])) for row in expected]
    return sorted(rows), sorted((lot, *row) for lot, rows in outcome.true_ups.items() for row in rows)


def _cost(book: Book, outcome: Outcome, expected: Mapping[str, str]) -> Pair:
    found = {name: book.total(book.usages[name].key, None, 3) for name in expected}
    return _by_name(book.money, expected), found


def _cost_with_returns(book: Book, outcome: Outcome, expected: Mapping[str, str]) -> Pair:
    found = {
        name: sum(
            book.total(usage.key, None, 3)
            for usage in book.usages.values()
            if book.usages[name].key in (usage.key, usage.original)
        )
        for name in expected
    }
    return _by_name(book.money, expected), found


def _cost_total(book: Book, outcome: Outcome, expected: str) -> Pair:
    return book.money(expected), book.total(None, None, 3)


def _remarks(book: Book, outcome: Outcome, expected: Mapping[str, str]) -> Pair:
    name_of = {usage.key: name for name, usage in book.usages.items()}
    return dict(expected), {name_of[remark.usage]: remark.code.value for remark in outcome.plan.remarks}


def _by_name(read: Callable[[str], int], expected: Mapping[str, str]) -> dict[str, int]:
    return {name: read(text) for name, text in expected.items()}


EXPECTATIONS: Mapping[str, Callable[[Book, Outcome, Any], Pair]] = {
    "passes": _passes,
    "trace": _trace,
    "unallocated": _unallocated,
    "used": _used,
    "stock": _stock,
    "stock_value": _stock_value,
    "on_hand": _on_hand,
    "allocated": _allocated,
    "true_ups": _true_ups,
    "cost": _cost,
    "cost_with_returns": _cost_with_returns,
    "cost_total": _cost_total,
    "remarks": _remarks,
}


def load(path: Path) -> dict[str, Any]:
    """Read a scenario, with a scenario of one step written out as a list of one."""
    scenario = tomllib.loads(path.read_text(encoding="utf-8"))
    assert scenario.keys() <= SCENARIO_KEYS, scenario.keys() - SCENARIO_KEYS
    assert scenario["title"]
    assert scenario["source"], "A golden figure says where it comes from."
    if "step" not in scenario:
        scenario["step"] = [{key: scenario.pop(key) for key in ("lot", "usage", "expect") if key in scenario}]
    assert not {"lot", "usage", "expect"} & scenario.keys(), "Records stand either in steps or on their own."
    return scenario


def play(path: Path) -> None:
    """Play a scenario file and compare every figure that it expects."""
    scenario = load(path)
    book = Book(scenario)
    assert any(step.get("expect") for step in scenario["step"]), "A scenario that expects nothing cannot fail."
    for number, step in enumerate(scenario["step"], start=1):
        play_step(book, number, step)


def play_step(book: Book, number: int, step: Mapping[str, Any]) -> None:
    """Enter a step's records, run, and compare."""
    assert step.keys() <= {"lot", "usage", "expect"}, step.keys()
    for record in step.get("lot", []):
        book.enter_lot(record)
    for record in step.get("usage", []):
        book.enter_usage(record)
    outcome = book.run()
    for name, expected in step.get("expect", {}).items():
        wanted, found = EXPECTATIONS[name](book, outcome, expected)
        assert found == wanted, f"step {number}, {name}"
