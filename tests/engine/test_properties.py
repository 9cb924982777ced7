"""What holds for every pool, tried on random ones."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciliation.engine import CostMethod, Lot, Move, Plan, PlanBroken, Usage, amount_used, check_plan, reconcile

from . import pools
from .reference import Result, run_naively


def assert_same(plan: Plan, by_hand: Result, inputs: dict[str, Any]) -> None:
    """Compare a plan with the loop: rows, amounts, what is used, what is open, and every pass."""
    assert {(m.usage, m.lot, m.quantity < 0): (m.quantity, m.amount) for m in plan.moves} == by_hand.rows
    assert len(plan.moves) == len(by_hand.rows)
    assert {lot.key: lot.quantity_used for lot in inputs["lots"]} | dict(plan.quantity_used_after) == by_hand.used
    assert plan.quantity_unallocated_after == by_hand.unallocated
    assert plan.pass_count == len(by_hand.passes)
    for line in plan.trace:
        told = by_hand.passes[line.first - 1 : line.first - 1 + line.pass_count]
        assert line.quantity_drawn == sum(drawn for drawn, _, _, _ in told)
        assert line.quantity_given_back == sum(given_back for _, given_back, _, _ in told)
        assert (line.unallocated_positive, line.unallocated_negative) == told[-1][2:]
        if line.alike:
            before = by_hand.passes[line.first - 2][:2]
            assert {pass_[:2] for pass_ in told} == {before}


@given(pools.pools())
def test_the_plan_is_what_the_loop_gives_when_it_is_run_by_hand(inputs: dict[str, Any]) -> None:
    plan = reconcile(**inputs)
    check_plan(**inputs, plan=plan)
    assert_same(plan, run_naively(**inputs), inputs)


@given(pools.pools(), st.randoms(use_true_random=False))
def test_the_order_of_entry_into_the_call_does_not_matter(inputs: dict[str, Any], chance: Any) -> None:
    plan = reconcile(**inputs)
    shuffled = dict(inputs)
    for name in ("lots", "usages"):
        shuffled[name] = list(inputs[name])
        chance.shuffle(shuffled[name])
    shuffled["held"] = dict(reversed(inputs["held"].items()))

    again = reconcile(**shuffled)

    assert again == plan
    assert list(again.quantity_used_after) == list(plan.quantity_used_after)
    assert list(again.quantity_unallocated_after) == list(plan.quantity_unallocated_after)


@given(st.data(), pools.methods)
def test_several_runs_in_a_row_do_what_the_loop_does_and_tie_out(data: st.DataObject, method: CostMethod) -> None:
    ledger = pools.Ledger()
    for first_key in (11, 15, 19):
        batch = pools.usages(keys=range(first_key, first_key + 4), at_most=4)
        ledger.enter(data.draw(pools.lots(at_most=2)), data.draw(batch))
        inputs = ledger.inputs(method)
        plan = reconcile(**inputs)
        check_plan(**inputs, plan=plan)
        assert_same(plan, run_naively(**inputs), inputs)
        ledger.apply(plan)
        for lot in ledger.lots.values():
            cost = amount_used(
                value=lot.value, quantity_received=lot.quantity_received, quantity_used=lot.quantity_used
            )
            assert ledger.amounts[lot.key] == cost
        assert reconcile(**ledger.inputs(method)).moves == ()


@given(pools.pools())
def test_the_engine_changes_nothing_that_it_was_given(inputs: dict[str, Any]) -> None:
    before = {name: list(value) if name in ("lots", "usages") else value for name, value in inputs.items()}
    before["held"] = dict(inputs["held"])
    reconcile(**inputs)
    assert inputs == before


def spoilt_plans(plan: Plan) -> list[Plan]:
    """Give the plan with one thing wrong, in each way that fits it."""
    spoilt = [
        replace(plan, pass_count=plan.pass_count + 1),
        replace(plan, quantity_used_after={**plan.quantity_used_after, 99: 1}),
        replace(plan, quantity_unallocated_after={**plan.quantity_unallocated_after, 99: 0}),
        replace(plan, remarks=plan.remarks[1:]) if plan.remarks else replace(plan, trace=plan.trace[1:]),
    ]
    for index, move in enumerate(plan.moves):
        before, after = plan.moves[:index], plan.moves[index + 1 :]
        step = 1 if move.quantity > 0 else -1
        spoilt += [
            replace(plan, moves=(*before, *after)),
            replace(plan, moves=(*before, move, move, *after)),
            replace(plan, moves=(*before, move._replace(amount=move.amount + 1), *after)),
            replace(plan, moves=(*before, move._replace(quantity=move.quantity + step), *after)),
            replace(plan, moves=(*before, move._replace(quantity=-move.quantity), *after)),
            replace(plan, moves=(*before, move._replace(lot=99), *after)),
            replace(plan, moves=(*before, move._replace(usage=99), *after)),
        ]
    return [*spoilt, replace(plan, moves=plan.moves[::-1])] if len(plan.moves) > 1 else spoilt


@given(pools.pools())
def test_a_plan_with_anything_wrong_is_not_let_through(inputs: dict[str, Any]) -> None:
    plan = reconcile(**inputs)
    for spoilt in spoilt_plans(plan):
        if spoilt != plan:
            with pytest.raises(PlanBroken):
                check_plan(**inputs, plan=spoilt)


OLD_LOT = Lot(1, (1, 1), 5, 0, 50)
NEW_LOT = Lot(2, (2, 2), 5, 0, 60)
SALE = Usage(11, (3, 3), 8)


def broken(*, lots: list[Lot], usages: list[Usage], plan: Plan, held: dict[tuple[int, int], int] | None = None) -> str:
    """Give the reason for which a plan is refused."""
    with pytest.raises(PlanBroken) as refusal:
        check_plan(lots=lots, usages=usages, held=held or {}, method=CostMethod.FIFO, plan=plan)
    return str(refusal.value)


def test_a_run_that_stops_too_early_is_not_let_through() -> None:
    nothing_done = reconcile(lots=[], usages=[SALE], held={}, method=CostMethod.FIFO)
    assert "could serve it" in broken(lots=[OLD_LOT], usages=[SALE], plan=nothing_done)


def test_a_plan_that_overdraws_a_lot_is_not_let_through() -> None:
    too_big = OLD_LOT._replace(quantity_received=8)
    plan = reconcile(lots=[too_big], usages=[SALE], held={}, method=CostMethod.FIFO)
    assert "more used than was received" in broken(lots=[OLD_LOT], usages=[SALE], plan=plan)


def test_a_plan_that_leaves_the_restriction_is_not_let_through() -> None:
    plan = reconcile(lots=[OLD_LOT, NEW_LOT], usages=[SALE], held={}, method=CostMethod.FIFO)
    tied = SALE._replace(only_lots=frozenset({2}))
    assert "leaves its usage's lots" in broken(lots=[OLD_LOT, NEW_LOT], usages=[tied], plan=plan)


def test_a_plan_in_the_order_of_the_other_method_is_not_let_through() -> None:
    plan = reconcile(
        lots=[OLD_LOT, NEW_LOT], usages=[SALE._replace(quantity_unallocated=10)], held={}, method=CostMethod.LIFO
    )
    refusal = broken(lots=[OLD_LOT, NEW_LOT], usages=[SALE._replace(quantity_unallocated=10)], plan=plan)
    assert "out of order" in refusal


def test_a_row_that_was_split_in_two_is_not_let_through() -> None:
    plan = reconcile(lots=[OLD_LOT], usages=[SALE], held={}, method=CostMethod.FIFO)
    split = replace(plan, moves=(Move(11, 1, 2, 20), Move(11, 1, 3, 30)))
    assert "there twice" in broken(lots=[OLD_LOT], usages=[SALE], plan=split)


def test_a_sale_that_gives_back_is_not_let_through_though_everything_adds_up() -> None:
    lots, sale = [OLD_LOT, NEW_LOT._replace(quantity_used=2)], SALE._replace(quantity_unallocated=3)
    plan = reconcile(lots=lots, usages=[sale], held={}, method=CostMethod.FIFO)
    (line,) = plan.trace
    both_ways = replace(
        plan,
        moves=(Move(11, 1, 5, 50), Move(11, 2, -2, -24)),
        quantity_used_after={1: 5, 2: 0},
        trace=(line._replace(quantity_drawn=5, quantity_given_back=2),),
    )
    assert "goes against its usage" in broken(lots=lots, usages=[sale], plan=both_ways)


def test_a_plan_that_passes_by_what_the_original_holds_is_not_let_through() -> None:
    lots = [OLD_LOT._replace(quantity_used=5), NEW_LOT._replace(quantity_used=5)]
    unlinked = Usage(12, (4, 4), -2)
    plan = reconcile(lots=lots, usages=[unlinked], held={}, method=CostMethod.FIFO)
    assert plan.moves == (Move(12, 2, -2, -24),)

    refusal = broken(lots=lots, usages=[unlinked._replace(original=11)], plan=plan, held={(11, 1): 5})

    assert "still held elsewhere" in refusal


def test_lots_are_taken_oldest_first_or_newest_first_as_the_method_says() -> None:
    for method, expected in ((CostMethod.FIFO, [1, 2]), (CostMethod.LIFO, [2, 1])):
        plan = reconcile(lots=[NEW_LOT, OLD_LOT], usages=[SALE], held={}, method=method)
        assert [move.lot for move in plan.moves] == expected


def test_records_entered_as_one_are_told_apart_by_their_key() -> None:
    twins = [Lot(2, (1, 1), 1, 0, 20), Lot(1, (1, 1), 1, 0, 10)]
    rivals = [Usage(12, (1, 1), 1), Usage(11, (1, 1), 1)]
    plan = reconcile(lots=twins, usages=rivals, held={}, method=CostMethod.FIFO)
    assert plan.moves == (Move(11, 1, 1, 10), Move(12, 2, 1, 20))
