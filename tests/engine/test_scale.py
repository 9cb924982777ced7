"""Work grows with the records and the rows, never with the quantities. Counted, not timed, so that a slow machine
cannot fail.
"""

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

from reconciliation.engine import CostMethod, Lot, PassSummary, Plan, Usage, reconcile
from reconciliation.engine.allocate import _Run

BILLION = 10**9
ONE_UNIT = Lot(1, (1, 1), 1, 1, 7)


@pytest.fixture
def executed_passes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Count the passes that are really run."""
    executed: list[int] = []
    make_pass = _Run.make_pass

    def counted(run: _Run) -> bool:
        executed.append(1)
        return make_pass(run)

    monkeypatch.setattr(_Run, "make_pass", counted)
    return executed


def plan_of(lots: list[Lot], usages: list[Usage], held: dict[tuple[int, int], int] | None = None) -> Plan:
    return reconcile(lots=lots, usages=usages, held=held or {}, method=CostMethod.FIFO)


def test_a_billion_passes_take_a_handful(executed_passes: list[int]) -> None:
    plan = plan_of([ONE_UNIT], [Usage(11, (2, 2), BILLION), Usage(12, (3, 3), -BILLION)])
    assert plan.pass_count == BILLION + 1
    assert len(executed_passes) <= 5
    assert [(line.first, line.pass_count, line.alike) for line in plan.trace] == [
        (1, 1, False),
        (2, 1, False),
        (3, BILLION - 3, True),
        (BILLION, 1, False),
        (BILLION + 1, 1, False),
    ]


def test_a_lot_with_stock_saves_one_pass() -> None:
    fresh = ONE_UNIT._replace(quantity_used=0)
    assert plan_of([fresh], [Usage(11, (2, 2), BILLION), Usage(12, (3, 3), -BILLION)]).pass_count == BILLION


def test_a_billion_passes_over_two_restricted_lots_take_a_handful(executed_passes: list[int]) -> None:
    lots = [ONE_UNIT, ONE_UNIT._replace(key=2, order=(2, 2))]
    usages = [
        Usage(10 * lot + side, (3, 10 * lot + side), sign * (BILLION + lot), only_lots=frozenset({lot}))
        for lot in (1, 2)
        for side, sign in ((1, 1), (2, -1))
    ]
    plan = plan_of(lots, usages)
    assert plan.pass_count == BILLION + 3
    assert len(executed_passes) <= 10


def test_held_sums_in_the_way_do_not_slow_the_jump(executed_passes: list[int]) -> None:
    lots = [ONE_UNIT, ONE_UNIT._replace(key=2, order=(2, 2))]
    returns = [Usage(20, (3, 1), -BILLION, original=30), Usage(21, (3, 2), -BILLION, original=31)]
    held = {(30, 1): 1000, (30, 2): -1000, (31, 1): BILLION, (31, 2): -BILLION}
    plan = plan_of(lots, [Usage(11, (2, 2), 2 * BILLION), *returns], held)
    assert plan.pass_count == BILLION + 1
    assert not any(plan.quantity_unallocated_after.values())
    assert len(executed_passes) <= 10


def lines_run(call: Callable[[], Any]) -> int:
    """Count the lines of the engine that a call runs."""
    lines = 0

    def trace(frame: FrameType, event: str, argument: object) -> Any:
        nonlocal lines
        if "engine" not in frame.f_code.co_filename:
            return None
        lines += event == "line"
        return trace

    previous = sys.gettrace()
    sys.settrace(trace)
    try:
        call()
    finally:
        sys.settrace(previous)
    return lines


def many_sales_from_many_lots(size: int) -> Plan:
    lots = [Lot(key, (key, key), 10, 0, 100) for key in range(size)]
    return plan_of(lots, [Usage(key, (1, key), 10) for key in range(size)])


def many_sales_and_returns_around_one_unit(size: int) -> Plan:
    sales = [Usage(key, (1, key), 1) for key in range(size)]
    return plan_of([ONE_UNIT], [*sales, *(Usage(size + key, (2, key), -1) for key in range(size))])


def many_restricted_sales_and_returns_around_one_unit(size: int) -> Plan:
    tied = frozenset({1})
    sales = [Usage(key, (1, key), 1, only_lots=tied) for key in range(size)]
    return plan_of([ONE_UNIT], [*sales, *(Usage(size + key, (2, key), -1, only_lots=tied) for key in range(size))])


def many_returns_to_many_used_lots(size: int) -> Plan:
    lots = [Lot(key, (key, key), 10, 10, 100) for key in range(size)]
    return plan_of(lots, [Usage(key, (1, key), -10) for key in range(size)])


def many_lots_and_little_to_do(size: int) -> Plan:
    lots = [Lot(key, (key, key), 1, 1, 5) for key in range(size)]
    return plan_of(lots, [Usage(size, (1, 1), size // 10), Usage(size + 1, (1, 2), -size // 10)])


@pytest.mark.parametrize(
    "pool",
    [
        many_sales_from_many_lots,
        many_sales_and_returns_around_one_unit,
        many_restricted_sales_and_returns_around_one_unit,
        many_returns_to_many_used_lots,
        many_lots_and_little_to_do,
    ],
)
def test_four_times_the_records_take_about_four_times_the_work(pool: Callable[[int], Plan]) -> None:
    small, large = lines_run(lambda: pool(100)), lines_run(lambda: pool(400))
    assert large < 5.5 * small


def test_the_story_of_a_run_stays_short_and_whole() -> None:
    plan = many_sales_and_returns_around_one_unit(500)
    assert plan.pass_count == 501
    assert len(plan.trace) == 20
    assert plan.trace[-1] == PassSummary(20, 482, False, 482, 481, 0, 0)
