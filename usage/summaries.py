"""Keeps the open-usage sums of cost pools: recomputed in one statement from the rows that are open, never nudged.

Only open rows are read, so it costs what is open and not what ever happened.
"""

from collections.abc import Collection

from django.db import connection

from lots.models import CostPool

# Accrued COGS is rounded per usage, so that the total of a list is the sum of its rows.
_REFRESH = """
UPDATE lots_costpool AS pool SET
    open_count = sums.rows, open_quantity = sums.quantity, open_amount_allocated = sums.amount,
    open_unallocated = sums.positive + sums.negative,
    open_unallocated_positive = sums.positive, open_unallocated_negative = sums.negative,
    open_accrued_cogs = sums.accrued
FROM (
    SELECT chosen.id, count(open.usage_id) AS rows,
        coalesce(sum(open.quantity), 0) AS quantity,
        coalesce(sum(open.amount_allocated), 0) AS amount,
        coalesce(sum(greatest(open.quantity_unallocated, 0)), 0) AS positive,
        coalesce(sum(least(open.quantity_unallocated, 0)), 0) AS negative,
        coalesce(sum(round(open.quantity_unallocated * code.est_unit_cost, 2)), 0) AS accrued
    FROM lots_costpool AS chosen
    JOIN lots_lineitemcode AS code ON code.id = chosen.code_id
    LEFT JOIN usage_openusage AS open ON open.pool_id = chosen.id
    WHERE chosen.id = ANY(%(pools)s)
    GROUP BY chosen.id
) AS sums
WHERE pool.id = sums.id
"""


def refresh_open_sums(pool_ids: Collection[int]) -> None:
    """Bring the open-usage figures of these pools up to date. The caller holds their locks."""
    if not pool_ids:
        return
    with connection.cursor() as cursor:
        cursor.execute(_REFRESH, {"pools": list(pool_ids)})


def clear_open_sums(pool_ids: Collection[int]) -> None:
    """The same for pools of which nothing is open any more, without looking for what is gone."""
    CostPool.objects.filter(pk__in=pool_ids).update(
        open_count=0,
        open_quantity=0,
        open_amount_allocated=0,
        open_unallocated=0,
        open_unallocated_positive=0,
        open_unallocated_negative=0,
        open_accrued_cogs=0,
    )
