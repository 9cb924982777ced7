"""What a run must write for a pool, worked out from the whole history by the naive loop: no window, no short cut.

Reads every lot, every usage and every allocation through the ORM, so that it shares nothing with the run's own reading.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from decimal import Decimal

from lots.models import CostPool, InventoryLot, Preference
from reconciliation.engine import CostMethod, Lot, Usage
from reconciliation.models import CogsAllocation, ReconciliationRun
from tests.engine.reference import Loop
from usage.models import OpenUsage, UsageLotRestriction

Key = tuple[int, int, str]  # usage, lot, kind


@dataclass(frozen=True)
class Expected:
    """Rows by (usage, lot, kind), what stays unallocated by usage (only what is not 0), and the number of passes."""

    rows: dict[Key, tuple[Decimal, Decimal]] = field(default_factory=dict)
    unallocated: dict[int, Decimal] = field(default_factory=dict)
    passes: int = 0


def expect_run(*, method: CostMethod | None = None) -> Expected:
    """Work out what a run over everything must do now. Leaves true-ups out: the engine's own tests have them."""
    method = method or CostMethod(Preference.current().cogs_method)
    whole = Expected()
    passes = 0
    for pool in CostPool.objects.all():
        result = Loop(_lots(pool), _usages(pool), _held(pool), method).run()
        passes += len(result.passes)
        for (usage, lot, gives_back), (quantity, amount) in result.rows.items():
            kind = "GIVE_BACK" if gives_back else "DRAW"
            whole.rows[(usage, lot, kind)] = (Decimal(quantity) / 10_000, Decimal(amount) / 100)
        whole.unallocated.update({usage: Decimal(rest) / 10_000 for usage, rest in result.unallocated.items() if rest})
    return Expected(whole.rows, whole.unallocated, passes)


def actual_run(run: ReconciliationRun) -> Expected:
    """Read back what a run wrote."""
    run.refresh_from_db()
    rows = {
        (row.usage_id, row.lot_id, row.kind): (row.quantity, row.amount)
        for row in CogsAllocation.objects.filter(run=run).exclude(kind="TRUE_UP")
    }
    unallocated = dict(OpenUsage.objects.values_list("usage_id", "quantity_unallocated"))
    return Expected(rows, unallocated, run.passes)


def _steps(quantity: Decimal) -> int:
    return int(quantity * 10_000)


def _lots(pool: CostPool) -> list[Lot]:
    return [
        Lot(
            lot.pk,
            (int(lot.first_received_at.timestamp() * 1_000_000), lot.pk),
            _steps(lot.quantity_received),
            _steps(lot.quantity_used),
            int(lot.value * 100),
        )
        for lot in InventoryLot.objects.filter(pool=pool)
        if lot.first_received_at is not None
    ]


def _usages(pool: CostPool) -> list[Usage]:
    only: defaultdict[int, set[int]] = defaultdict(set)
    for usage, lot in UsageLotRestriction.objects.values_list("usage_id", "lot_id"):
        only[usage].add(lot)
    return [
        Usage(
            row.usage_id,
            (int(row.usage.used_at.timestamp() * 1_000_000), row.usage_id),
            _steps(row.quantity_unallocated),
            row.usage.original_id,
            frozenset(only[row.usage_id]) if row.usage_id in only else None,
        )
        for row in OpenUsage.objects.filter(pool=pool).select_related("usage")
    ]


def _held(pool: CostPool) -> dict[tuple[int, int], int]:
    held: defaultdict[tuple[int, int], int] = defaultdict(int)
    for row in CogsAllocation.objects.filter(lot__pool=pool).select_related("usage"):
        held[(row.usage_id, row.lot_id)] += _steps(row.quantity)
        if row.usage.original_id is not None:
            held[(row.usage.original_id, row.lot_id)] += _steps(row.quantity)
    return dict(held)
