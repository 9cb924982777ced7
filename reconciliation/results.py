"""What a run found per pool, onto its work rows: figures, how the passes went, and why something stayed open."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from django.db import connection

from inventory_site.arrays import int_array
from reconciliation.engine import Remark, RemarkCode
from reconciliation.planning import PoolPlan

# Enough usages to click on; the list of open usage has them all.
USAGES_NAMED = 5

_RESULTS = """
UPDATE reconciliation_runpool AS work SET
    state = 'DONE', finished_at = clock_timestamp(), error = '', usages = result.usages,
    allocations = result.allocations, passes = result.passes, drawn = result.drawn * 0.0001,
    given_back = result.given_back * 0.0001, amount = result.amount * 0.01, trace = result.trace,
    remarks = result.remarks, open_usages = pool.open_count, unallocated = pool.open_unallocated
FROM jsonb_to_recordset(%s::jsonb) AS result(pool bigint, usages int, allocations int, passes bigint, drawn bigint,
    given_back bigint, amount bigint, trace jsonb, remarks jsonb)
JOIN lots_costpool AS pool ON pool.id = result.pool
WHERE work.pool_id = result.pool AND work.id = ANY(%s::bigint[])
"""


def write_results(*, rows: Sequence[int], plans: Sequence[PoolPlan]) -> None:
    """Mark these work rows (primary keys) done, with their results."""
    results = json.dumps([_result(plan) for plan in plans])
    with connection.cursor() as cursor:
        cursor.execute(_RESULTS, [results, int_array(rows)])


def _result(plan: PoolPlan) -> dict[str, Any]:
    return {
        "pool": plan.snapshot.pool,
        "usages": len(plan.snapshot.usages),
        "allocations": plan.allocation_count,
        "passes": plan.plan.pass_count,
        "drawn": plan.quantity_drawn,
        "given_back": plan.quantity_given_back,
        "amount": plan.amount,
        "trace": [line._asdict() for line in plan.plan.trace],
        "remarks": group_remarks(plan.plan.remarks),
    }


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
