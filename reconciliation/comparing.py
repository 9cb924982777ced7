"""What if codes had always been costed by the other method: their whole history planned by each, and nothing written.

The history is what the lots and usages say now: lots at their present value, as though nothing had been allocated yet.
So the figures tell the methods apart and nothing else; what is booked may differ from both by the order in which
receipts and runs came.

Lots that are made of these goods are worth what those cost by the method, and are compared with them.
What went into other lots is no COGS of its own: it is in that of the lots it went into, once they are sold.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Final

from django.db import connection
from django.db.models import QuerySet, Sum

from inventory_site.fields import MONEY_STEP, QUANTITY_STEP
from inventory_site.tables import BaseTable, GoToColumn, MoneyColumn, TextColumn
from lots.models import CostPool, InventoryLot
from reconciliation.engine import CostMethod, Lot, PlanBroken, RecordRefused, Usage
from reconciliation.fed_worth import Charge, FedLot, Feed, read_fed_lots
from reconciliation.feed_order import pool_levels, with_what_is_made_of
from reconciliation.moments import one_moment
from reconciliation.planning import plan_pool
from reconciliation.snapshot import Snapshot
from usage.models import LotFeed

ZERO: Final = Decimal(0)

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


# What is booked for usage whose cost went into other lots.
_WENT_ON = """
SELECT lot.pool_id, sum(allocation.amount) FROM (SELECT DISTINCT usage_id FROM usage_lotfeed) AS feed
JOIN reconciliation_cogsallocation AS allocation ON allocation.usage_id = feed.usage_id
JOIN lots_inventorylot AS lot ON lot.id = allocation.lot_id WHERE lot.pool_id = ANY(%(pools)s) GROUP BY lot.pool_id
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
    """Plan the whole history of these codes, or of all, by each method, and of what is made of them.

    Reads every usage and lot of them, as of one moment.
    """
    with one_moment():
        pools = _pools(codes).select_related("code", "office").in_bulk()
        made = _Made(pools)
        histories = _read_histories(sorted(pools, key=lambda pool: (made.levels.get(pool, 0), pool)))
        planned = {method: _by_method(method, histories, made) for method in CostMethod}
        booked = {pk: pool.value_used - made.went_on.get(pk, ZERO) for pk, pool in pools.items()}
    rows = [
        _row(pool, booked[pk], {method: planned[method][pk] for method in CostMethod}, made)
        for pk, pool in pools.items()
    ]
    rows.sort(key=lambda row: (-abs(row.difference), row.code, row.office))
    return Comparison(tuple(rows))


def _pools(codes: Collection[str] | None) -> QuerySet[CostPool]:
    chosen = CostPool.objects.filter(usage_count__gt=0)
    if codes is None:
        return chosen
    named = CostPool.objects.filter(code__code__in=codes).values_list("pk", flat=True)
    return chosen.filter(pk__in=with_what_is_made_of(list(named)))


class _Made:
    """The lots of these pools that usage feeds, and how their value follows."""

    def __init__(self, pools: Collection[int]) -> None:
        self.levels: Mapping[int, int] = pool_levels()
        self.lots: defaultdict[int, list[FedLot]] = defaultdict(list)
        self.went_on: dict[int, Decimal] = {}
        if self.levels:
            fed = InventoryLot.objects.filter(is_fed=True, pool__in=pools, quantity_received__gt=0)
            for lot in read_fed_lots(fed.values_list("pk", flat=True)):
                self.lots[lot.lot.pool_id].append(lot)
            with connection.cursor() as cursor:
                cursor.execute(_WENT_ON, {"pools": list(pools)})
                self.went_on = dict(cursor.fetchall())
        found = LotFeed.objects.filter(usage__code__pools__in=pools) if self.levels else LotFeed.objects.none()
        # Pools whose lots come of themselves by way of others, or of what has no plan.
        self.partly: set[int] = set()
        self.feeding = frozenset(found.values_list("usage", flat=True))

    def values(self, pool: int, costs: Mapping[int, tuple[int, int]]) -> dict[int, int]:
        """What the pool's fed lots are worth, in cents, where usages cost so much (cents, and steps left open)."""
        worth = {}
        for fed in self.lots[pool]:
            if any(feed.usage in self.feeding and feed.usage not in costs for feed in fed.feeds):
                self.partly.add(pool)
            if any(feed.usage in costs for feed in fed.feeds):
                feeds = [_at_cost(feed, *costs[feed.usage]) if feed.usage in costs else feed for feed in fed.feeds]
                worth[fed.lot.pk] = int(replace(fed, feeds=feeds).worth_at_last().value / MONEY_STEP)
        return worth


def _at_cost(feed: Feed, amount: int, rest: int) -> Feed:
    charge = Charge(feed.used_on, feed.quantity - rest * QUANTITY_STEP, amount * MONEY_STEP)
    return replace(feed, charges=[charge])


def _by_method(method: CostMethod, histories: Sequence[Snapshot], made: _Made) -> dict[int, int | str]:
    """Map each pool to its COGS in cents, or to the reason why its history has no plan. Components come first."""
    costs: dict[int, tuple[int, int]] = {}
    results: dict[int, int | str] = {}
    for history in histories:
        worth = made.values(history.pool, costs)
        lots = [lot._replace(value=worth.get(lot.key, lot.value)) for lot in history.lots] if worth else history.lots
        try:
            plan = plan_pool(replace(history, lots=lots), method)
        except (PlanBroken, RecordRefused) as refusal:
            results[history.pool] = f"Left out: {refusal}"
            continue
        charged: defaultdict[int, int] = defaultdict(int)
        for usage, _, _, amount in plan.plan.moves if made.feeding else ():
            charged[usage] += amount
        after = plan.plan.quantity_unallocated_after
        costs |= {usage: (charged[usage], after[usage]) for usage in made.feeding & after.keys()}
        results[history.pool] = plan.amount - sum(charged[usage] for usage in made.feeding & charged.keys())
    return results


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


def _row(pool: CostPool, booked: Decimal, results: Mapping[CostMethod, int | str], made: _Made) -> ComparedRow:
    refusals = [result for result in results.values() if isinstance(result, str)]
    amounts = {
        method: ZERO if refusals or isinstance(result, str) else result * MONEY_STEP
        for method, result in results.items()
    }
    remark = "Part of what went into its lots is taken at the cost that is booked." if pool.pk in made.partly else ""
    return ComparedRow(
        code=pool.code.code,
        code_url=pool.code.get_absolute_url(),
        office=pool.office.code if pool.office else "",
        booked=booked,
        fifo=amounts[CostMethod.FIFO],
        lifo=amounts[CostMethod.LIFO],
        error=refusals[0] if refusals else remark,
    )
