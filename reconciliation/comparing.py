"""What if codes had always been costed by the other method: their whole history planned by each, and nothing written.

The history is what the lots and usages say now: lots at their present value, as though nothing had been allocated yet.
So the figures tell the methods apart and nothing else; what is booked may differ from both by the order in which
receipts and runs came.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db import connection, transaction
from django.db.models import Sum

from inventory_site.fields import MONEY_STEP
from inventory_site.tables import BaseTable, GoToColumn, MoneyColumn, TextColumn
from lots.models import CostPool
from reconciliation.engine import CostMethod, Lot, PlanBroken, RecordRefused, Usage
from reconciliation.planning import plan_pool
from reconciliation.snapshot import Snapshot

_LOTS = """
SELECT pool_id, id, (quantity_received * 10000)::bigint, (value * 100)::bigint
FROM lots_inventorylot WHERE pool_id = ANY(%(pools)s) AND quantity_received > 0
ORDER BY pool_id, first_received_at, id
"""
_USAGES = """
SELECT pool.id, usage.id, (usage.quantity * 10000)::bigint, usage.original_id,
    (SELECT array_agg(lot_id) FROM usage_usagelotrestriction AS restriction WHERE restriction.usage_id = usage.id
        AND NOT EXISTS (SELECT FROM usage_restrictionrelease AS release WHERE release.usage_id = usage.id))
FROM lots_costpool AS pool CROSS JOIN lots_preference AS preference
JOIN usage_inventoryusage AS usage ON usage.code_id = pool.code_id
    AND pool.office_id IS NOT DISTINCT FROM CASE WHEN preference.prevent_inter_office THEN usage.office_id END
WHERE pool.id = ANY(%(pools)s) ORDER BY pool.id, usage.used_at, usage.id
"""


@dataclass(frozen=True)
class ComparedRow:
    """What a code would have cost by each method, and what is booked. A history that has no plan has no figures."""

    code: str
    code_url: str
    office: str
    booked: Decimal
    fifo: Decimal
    lifo: Decimal
    error: str

    @property
    def difference(self) -> Decimal:
        """What LIFO costs more than FIFO; stock would be worth that much less."""
        return self.lifo - self.fifo


class ComparedTable(BaseTable):
    """The rows are ComparedRow."""

    caption = "COGS by method, per code"

    code = GoToColumn("Code", kind="code", url=lambda row: row.code_url)
    office = TextColumn("Office")
    booked = MoneyColumn("COGS booked")
    fifo = MoneyColumn("COGS by FIFO")
    lifo = MoneyColumn("COGS by LIFO")
    difference = MoneyColumn("LIFO less FIFO")
    error = TextColumn("Remark")

    def row_url(self, record: Any) -> str:
        return str(record.code_url)


@dataclass(frozen=True)
class Comparison:
    """All rows, the largest difference first, and their totals."""

    rows: tuple[ComparedRow, ...]

    @property
    def totals(self) -> Mapping[str, Decimal]:
        names = ("booked", "fifo", "lifo", "difference")
        return {name: sum((getattr(row, name) for row in self.rows), Decimal(0)) for name in names}

    @property
    def codes_that_differ(self) -> int:
        return sum(1 for row in self.rows if row.difference)


def usages_to_compare(*, codes: Collection[str] | None = None) -> int:
    """How many usages the histories have that `compare_methods` would plan."""
    count: int = _pools(codes).aggregate(count=Sum("usage_count", default=0))["count"]
    return count


def compare_methods(*, codes: Collection[str] | None = None) -> Comparison:
    """Plan the whole history of these codes, or of all, by each method. Reads every usage and lot of them."""
    pools = _pools(codes).select_related("code", "office").in_bulk()
    with transaction.atomic():
        histories = _read_histories(sorted(pools))
    rows = [_row(pools[history.pool], history) for history in histories]
    rows.sort(key=lambda row: (-abs(row.difference), row.code, row.office))
    return Comparison(tuple(rows))


def _pools(codes: Collection[str] | None) -> Any:
    chosen = CostPool.objects.filter(usage_count__gt=0)
    return chosen if codes is None else chosen.filter(code__code__in=codes)


def _read_histories(pools: Sequence[int]) -> list[Snapshot]:
    histories = {pool: Snapshot(pool) for pool in pools}
    parameters = {"pools": list(pools)}
    with connection.cursor() as cursor:
        cursor.execute(_LOTS, parameters)
        for place, (pool, key, received, value) in enumerate(cursor.fetchall()):
            histories[pool].lots.append(Lot(key, (place, key), received, 0, value))
        cursor.execute(_USAGES, parameters)
        for place, (pool, key, quantity, original, lots) in enumerate(cursor.fetchall()):
            only_lots = None if lots is None else frozenset(lots)
            histories[pool].usages.append(Usage(key, (place, key), quantity, original, only_lots))
    return [histories[pool] for pool in pools]


def _row(pool: CostPool, history: Snapshot) -> ComparedRow:
    amounts: dict[CostMethod, int] = defaultdict(int)
    error = ""
    for method in CostMethod:
        try:
            amounts[method] = plan_pool(history, method).amount
        except (PlanBroken, RecordRefused) as refusal:
            error = f"Left out: {refusal}"
    if error:
        amounts.clear()
    return ComparedRow(
        code=pool.code.code,
        code_url=pool.code.get_absolute_url(),
        office=pool.office.code if pool.office else "",
        booked=pool.value_used,
        fifo=amounts[CostMethod.FIFO] * MONEY_STEP,
        lifo=amounts[CostMethod.LIFO] * MONEY_STEP,
        error=error,
    )
