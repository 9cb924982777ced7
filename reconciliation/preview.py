"""What a run would do now: a rehearsal of it, without locks and without a single row written."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from lots.models import CostPool, Preference
from reconciliation.engine import CostMethod
from reconciliation.foreseen import MoneyLine
from reconciliation.moments import one_moment
from reconciliation.planning import PoolPlan
from reconciliation.rehearsal import Following, Refused, Rehearsal
from reconciliation.results import group_remarks
from usage.models import LotRecost


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
    # What the run books, by month and account.
    money: tuple[MoneyLine, ...] = ()
    # The lots that it costs anew, because what went into them comes to cost something else.
    following: Following = field(default_factory=Following)

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

    def add_refused(self, refused: Refused) -> None:
        """A pool that a run would set aside; the others would go on."""
        snapshot = refused.snapshot
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
                "error": f"A run would set this aside. {refused.reason}",
            }
        )


def preview_run(*, now: datetime, codes: Collection[str] | None = None, method: CostMethod | None = None) -> Preview:
    """Plan what a run over everything, or over chosen codes, would do now; `method` asks what if it were the other."""
    chosen = CostPool.objects.filter(has_work=True)
    if codes is not None:
        chosen = CostPool.objects.filter(code__code__in=codes)
    preview = Preview()
    with one_moment():
        rehearsal = Rehearsal(preference=Preference.current(), now=now, method=method)
        pools = list(chosen.order_by("pk").values_list("pk", flat=True))
        # Whatever its scope, a run sees to all lots that wait.
        for result in rehearsal.play(pools=pools, waiting=LotRecost.objects.all()):
            if isinstance(result, Refused):
                preview.add_refused(result)
            else:
                preview.add(result)
        preview.money = rehearsal.books.lines()
        preview.following = rehearsal.following
    return preview
