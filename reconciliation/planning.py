"""Snapshots to plans: true-ups first, then the allocation, then the check. Pure but for its types; decides everything.

A dry run is this without `apply`.
"""

from dataclasses import dataclass

from reconciliation.engine import CostMethod, Plan, TrueUp, check_plan, reconcile, true_up
from reconciliation.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class PoolPlan:
    """What a run will write for one cost pool."""

    snapshot: Snapshot
    true_ups: tuple[tuple[int, TrueUp], ...]  # (lot, row), before any allocation
    plan: Plan

    @property
    def quantity_drawn(self) -> int:
        return sum(move.quantity for move in self.plan.moves if move.quantity > 0)

    @property
    def quantity_given_back(self) -> int:
        return -sum(move.quantity for move in self.plan.moves if move.quantity < 0)

    @property
    def amount(self) -> int:
        return sum(move.amount for move in self.plan.moves) + sum(row.amount for _, row in self.true_ups)

    @property
    def allocation_count(self) -> int:
        return len(self.plan.moves) + len(self.true_ups)


def plan_pool(snapshot: Snapshot, method: CostMethod) -> PoolPlan:
    """Plan one pool and check the plan. Raises PlanBroken or RecordRefused, which set the pool aside."""
    true_ups = tuple(
        (lot.lot, row)
        for lot in snapshot.recosted
        for row in true_up(booked=lot.booked, present=lot.present, quantity_by_usage=lot.quantity_by_usage)
    )
    plan = reconcile(lots=snapshot.lots, usages=snapshot.usages, held=snapshot.held, method=method)
    check_plan(lots=snapshot.lots, usages=snapshot.usages, held=snapshot.held, method=method, plan=plan)
    return PoolPlan(snapshot, true_ups, plan)
