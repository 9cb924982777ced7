"""What a run found per pool, onto its work rows: figures, how the passes went, and why something stayed open."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from django.db import connection

from reconciliation.engine import Remark, RemarkCode
from reconciliation.models import RunPool
from reconciliation.planning import PoolPlan

# Enough usages to click on; the list of open usage has them all.
USAGES_NAMED = 5

_RESULTS = """
UPDATE reconciliation_runpool AS work SET
    state = 'DONE', finished_at = clock_timestamp(), error = '', usages = result.usages,
    allocations = result.allocations, passes = result.passes, drawn = result.drawn * 0.0001,
    given_back = result.given_back * 0.0001, amount = result.amount * 0.01, trace = result.trace::jsonb,
    remarks = result.remarks::jsonb, open_usages = pool.open_count, unallocated = pool.open_unallocated
FROM unnest(
    %s::bigint[], %s::int[], %s::int[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::text[], %s::text[]
) AS result(pool, usages, allocations, passes, drawn, given_back, amount, trace, remarks)
JOIN lots_costpool AS pool ON pool.id = result.pool
WHERE work.pool_id = result.pool AND work.id = ANY(%s)
"""


def write_results(*, rows: Sequence[RunPool], plans: Sequence[PoolPlan]) -> None:
    """Mark these work rows done, with their results."""
    columns = zip(*(_result(plan) for plan in plans), strict=True)
    with connection.cursor() as cursor:
        cursor.execute(_RESULTS, [*(list(column) for column in columns), [row.pk for row in rows]])


def _result(plan: PoolPlan) -> tuple[Any, ...]:
    return (
        plan.snapshot.pool,
        len(plan.snapshot.usages),
        plan.allocation_count,
        plan.plan.pass_count,
        plan.quantity_drawn,
        plan.quantity_given_back,
        plan.amount,
        json.dumps([line._asdict() for line in plan.plan.trace]),
        json.dumps(group_remarks(plan.plan.remarks)),
    )


def group_remarks(remarks: Iterable[Remark]) -> list[dict[str, Any]]:
    """One entry per reason: {code, message, count, usages}, the first usages by key, in the order of the reasons."""
    groups: dict[RemarkCode, dict[str, Any]] = {}
    for remark in remarks:
        group = groups.setdefault(
            remark.code, {"code": remark.code.value, "message": remark.message, "count": 0, "usages": []}
        )
        group["count"] += 1
        if len(group["usages"]) < USAGES_NAMED:
            group["usages"].append(remark.usage)
    return list(groups.values())
