"""The figures that the guides print, and those that follow from the rules by hand. No switch rewrites them."""

from pathlib import Path

import pytest

from reconciliation.engine import reconcile

from . import scenarios
from .reference import run_naively

FILES = sorted(scenarios.GOLDEN.glob("*.toml"))
WITH_PEERS = sorted(scenarios.GOLDEN.rglob("*.toml"))
TOO_LONG_BY_HAND = {"a_billion_back"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_engine_gives_the_printed_figures(path: Path) -> None:
    scenarios.play(path)


@pytest.mark.parametrize("path", WITH_PEERS, ids=lambda path: path.stem)
def test_running_again_changes_nothing_and_writes_nothing(path: Path) -> None:
    scenario = scenarios.load(path)
    book = scenarios.Book(scenario)
    for number, step in enumerate(scenario["step"], start=1):
        scenarios.play_step(book, number, step)
    rows_before = list(book.rows)

    second = book.run()

    assert second.plan.moves == ()
    assert second.plan.pass_count == 0
    assert book.rows == rows_before


@pytest.mark.parametrize(
    "path", [path for path in WITH_PEERS if path.stem not in TOO_LONG_BY_HAND], ids=lambda path: path.stem
)
def test_the_loop_run_by_hand_gives_the_same(path: Path) -> None:
    scenario = scenarios.load(path)
    book = scenarios.Book(scenario)
    for step in scenario["step"]:
        for record in step.get("lot", []):
            book.enter_lot(record)
        for record in step.get("usage", []):
            book.enter_usage(record)
        book.settle_costs()
        inputs = book.inputs()
        by_hand = run_naively(**inputs)
        plan = reconcile(**inputs)
        assert {(m.usage, m.lot, m.quantity < 0): (m.quantity, m.amount) for m in plan.moves} == by_hand.rows
        assert plan.pass_count == len(by_hand.passes)
        book.run()


def test_no_scenario_file_is_passed_over() -> None:
    known = {path.name for path in FILES}
    assert {"G01_give_back_loop.toml", "G12_true_up_at_landed_cost.toml", "thirds.toml"} <= known
