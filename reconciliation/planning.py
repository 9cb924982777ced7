"""Snapshots to plans: true-ups first, then the allocation, then the check. Pure but for its types; decides everything.

A dry run is this without `apply`.
"""

from collections.abc import Collection
from dataclasses import dataclass

from reconciliation.engine import CostMethod, Plan, TrueUp, check_plan, reconcile, true_up
from reconciliation.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class PoolPlan:
    """What a run will write for one cost pool."""

    snapshot: Snapshot
    true_ups: tuple[tuple[int, TrueUp], ...]  # (lot, row), before any allocation
    plan: Plan
    # Sums over the moves (and the amount of the true-ups with them), which several ask for.
    quantity_drawn: int
    quantity_given_back: int
    amount: int

    def found_on(self, usages: Collection[int]) -> dict[int, int]:
        """Map these usages to the day (an ordinal) of the last cost that this plan finds for them, if it finds any."""
        days: dict[int, int] = {}
        for usage, lot, _, _ in self.plan.moves:
            if usage in usages:
                day = max(self.snapshot.usage_days[usage], self.snapshot.lot_days[lot])
                days[usage] = max(day, days.get(usage, day))
        return days

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
    quantities = [move[2] for move in plan.moves]
    drawn = sum([quantity for quantity in quantities if quantity > 0])
    amount = sum([move[3] for move in plan.moves]) + sum(row.amount for _, row in true_ups)
    return PoolPlan(snapshot, true_ups, plan, drawn, drawn - sum(quantities), amount)
