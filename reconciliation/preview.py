"""What a run would do now: the same snapshots and plans, without locks and without a single row written."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.db import connection, transaction

from lots.models import CostPool, Preference
from reconciliation.engine import CostMethod, PlanBroken, RecordRefused
from reconciliation.planning import PoolPlan, plan_pool
from reconciliation.results import group_remarks
from reconciliation.snapshot import Snapshot, read_snapshots
from usage.models import LotFeed, LotRecost


@dataclass(slots=True)
class Preview:
    """Totals in steps of 1/10000 and cents, and one line per pool that would move or stay open."""

    pools: int = 0
    usages: int = 0
    allocations: int = 0
    passes: int = 0
    drawn: int = 0
    given_back: int = 0
    amount: int = 0
    open_usages: int = 0
    unallocated: int = 0
    lines: list[dict[str, Any]] = field(default_factory=list)
    # Numbers of the lots that the run costs anew first or afterwards: what was used of them is not in the figures.
    lots_to_recost: set[str] = field(default_factory=set)

    def add(self, plan: PoolPlan) -> None:
        rest = plan.plan.quantity_unallocated_after
        self.pools += 1
        self.usages += len(plan.snapshot.usages)
        self.allocations += plan.allocation_count
        self.passes += plan.plan.pass_count
        self.drawn += plan.quantity_drawn
        self.given_back += plan.quantity_given_back
        self.amount += plan.amount
        open_usages = sum(1 for quantity in rest.values() if quantity)
        self.open_usages += open_usages
        self.unallocated += sum(rest.values())
        self.lines.append(
            {
                "pool": plan.snapshot.pool,
                "passes": plan.plan.pass_count,
                "drawn": plan.quantity_drawn,
                "given_back": plan.quantity_given_back,
                "amount": plan.amount,
                "open_usages": open_usages,
                "unallocated": sum(rest.values()),
                "remarks": group_remarks(plan.plan.remarks),
                "error": "",
            }
        )

    def add_refused(self, snapshot: Snapshot, error: Exception) -> None:
        """A pool that a run would set aside; the others would go on."""
        unallocated = sum(usage.quantity_unallocated for usage in snapshot.usages)
        self.pools += 1
        self.usages += len(snapshot.usages)
        self.open_usages += len(snapshot.usages)
        self.unallocated += unallocated
        self.lines.append(
            {
                "pool": snapshot.pool,
                **dict.fromkeys(("passes", "drawn", "given_back", "amount"), 0),
                "open_usages": len(snapshot.usages),
                "unallocated": unallocated,
                "remarks": [],
                "error": f"A run would set this aside. {type(error).__name__}: {error}",
            }
        )


def preview_run(*, codes: Collection[str] | None = None, method: CostMethod | None = None) -> Preview:
    """Plan what a run over everything, or over chosen codes, would do now; `method` asks what if it were the other."""
    chosen = CostPool.objects.filter(has_work=True)
    if codes is not None:
        chosen = CostPool.objects.filter(code__code__in=codes)
    method = method or CostMethod(Preference.current().cogs_method)
    preview = Preview()
    for pools in _batches(chosen.order_by("pk").values_list("pk", "open_count")):
        # One moment for all that is read of a batch, though nothing is locked.
        with transaction.atomic(), connection.cursor() as cursor:
            if not connection.savepoint_ids:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            snapshots = read_snapshots(pools)
            waiting = LotRecost.objects.filter(lot__pool__in=pools).values_list("lot__number", flat=True)
            preview.lots_to_recost.update(waiting)
        charged: set[int] = set()
        for snapshot in snapshots:
            try:
                plan = plan_pool(snapshot, method)
            except (PlanBroken, RecordRefused) as error:
                preview.add_refused(snapshot, error)
            else:
                preview.add(plan)
                charged |= charged_usages(plan)
        preview.lots_to_recost.update(lots_fed_by(charged))
    return preview


def charged_usages(plan: PoolPlan) -> set[int]:
    """The usages whose cost the plan changes."""
    return {move.usage for move in plan.plan.moves} | {owed.usage for _, owed in plan.true_ups}


def lots_fed_by(usages: Collection[int]) -> list[str]:
    """The numbers of the lots that get their cost from these usages. A plan of single pools cannot tell it: the run
    costs such lots anew once the usages are charged, and then reconciles what was used of them.
    """
    if not usages or not LotFeed.objects.exists():
        return []
    fed = LotFeed.objects.filter(usage__in=usages).order_by("lot").values_list("lot__number", flat=True)
    return list(dict.fromkeys(fed))


def _batches(pools: Any) -> Iterator[list[int]]:
    batch: list[int] = []
    usages = 0
    for pk, open_count in pools:
        if batch and usages + open_count > settings.BATCH_USAGES:
            yield batch
            batch, usages = [], 0
        batch.append(pk)
        usages += open_count
    if batch:
        yield batch
