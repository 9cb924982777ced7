"""Figures of the usage list without reading the usage: they stand on the cost pools.

A list of a million open rows, grouped by code, is shown from three small questions: which codes the page covers (prefix
sums over the pools, in the order of the codes), which rows of those codes it shows (read along an index), and the sums
of their pools.
"""

from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from enum import Enum
from typing import Any, NamedTuple

from django.db import connection
from django.db.models import F, Sum, Value
from django.db.models.expressions import Combinable

from lots.models import CostPool


class Scope(Enum):
    """The found sets that are summarised; the value is the number of their rows in a pool, in SQL."""

    EVERYTHING = "pool.usage_count"
    OPEN = "pool.open_count"
    CLOSED = "(pool.usage_count - pool.open_count)"


_COUNTS: Mapping[Scope, Combinable] = {
    Scope.EVERYTHING: F("usage_count"),
    Scope.OPEN: F("open_count"),
    Scope.CLOSED: F("usage_count") - F("open_count"),
}


# Column of the list -> its sum over pools.
_SUMS: Mapping[Scope, Mapping[str, Combinable]] = {
    Scope.EVERYTHING: {
        "quantity": F("usage_quantity"),
        # All that was ever allocated is what the lots gave out.
        "cogs": F("value_used") + F("open_accrued_cogs"),
        "unallocated": F("open_unallocated"),
        "accrued_cogs": F("open_accrued_cogs"),
    },
    Scope.OPEN: {
        "quantity": F("open_quantity"),
        "cogs": F("open_amount_allocated") + F("open_accrued_cogs"),
        "unallocated": F("open_unallocated"),
        "accrued_cogs": F("open_accrued_cogs"),
    },
    Scope.CLOSED: {
        "quantity": F("usage_quantity") - F("open_quantity"),
        "cogs": F("value_used") - F("open_amount_allocated"),
        "unallocated": Value(Decimal(0)),
        "accrued_cogs": Value(Decimal(0)),
    },
}


class CodeOnPage(NamedTuple):
    """A code of which a page shows `take` rows after the first `skip`; `before` rows stand before the code."""

    code_id: int
    pool_id: int
    pool_count: int
    before: int
    skip: int
    take: int


# At most `limit` codes are summed: each has a row at least, so the page cannot lie behind them.
_CODES_ON_PAGE = """
SELECT code_id, pool_id, pools, upto - rows AS before, rows FROM (
    SELECT code_id, pool_id, pools, rows, (sum(rows) OVER (ORDER BY code {way}, code_id))::bigint AS upto FROM (
        SELECT code.id AS code_id, code.code, min(pool.id) AS pool_id, count(*)::int AS pools,
            sum({count})::int AS rows
        FROM lots_lineitemcode AS code JOIN lots_costpool AS pool ON pool.code_id = code.id
        WHERE {count} > 0 GROUP BY code.id, code.code ORDER BY code.code {way}, code.id LIMIT %(stop)s
    ) AS codes
) AS running WHERE upto > %(start)s AND upto - rows < %(stop)s ORDER BY upto
"""

_ROWS_OF_EVERYTHING = """
SELECT usage.id FROM unnest(%(codes)s::bigint[], %(skips)s::int[], %(takes)s::int[])
    WITH ORDINALITY AS page(code, skip, take, place)
CROSS JOIN LATERAL (
    SELECT id, used_at FROM usage_inventoryusage WHERE code_id = page.code
    ORDER BY used_at, id OFFSET page.skip LIMIT page.take
) AS usage ORDER BY page.place, usage.used_at, usage.id
"""

# One pool is read along its index; the pools of a code with several have to be sorted together.
_ROWS_THAT_ARE_OPEN = """
SELECT open.usage_id FROM unnest(%(codes)s::bigint[], %(pools)s::bigint[], %(skips)s::int[], %(takes)s::int[])
    WITH ORDINALITY AS page(code, pool, skip, take, place)
CROSS JOIN LATERAL (
    SELECT usage_id, used_at FROM usage_openusage WHERE {of_the_code}
    ORDER BY used_at, usage_id OFFSET page.skip LIMIT page.take
) AS open ORDER BY page.place, open.used_at, open.usage_id
"""
_ONE_POOL = "pool_id = page.pool"
_SEVERAL_POOLS = "pool_id IN (SELECT id FROM lots_costpool WHERE code_id = page.code)"


def codes_on_page(*, scope: Scope, start: int, stop: int, is_descending: bool = False) -> list[CodeOnPage]:
    """The codes whose rows are number `start` to `stop` of the whole list grouped by code."""
    statement = _CODES_ON_PAGE.format(count=scope.value, way="DESC" if is_descending else "ASC")
    with connection.cursor() as cursor:
        cursor.execute(statement, {"start": start, "stop": stop})
        return [
            CodeOnPage(
                code_id=code_id,
                pool_id=pool_id,
                pool_count=pool_count,
                before=before,
                skip=max(start - before, 0),
                take=min(stop - before, rows) - max(start - before, 0),
            )
            for code_id, pool_id, pool_count, before, rows in cursor.fetchall()
        ]


def usages_on_page(*, scope: Scope, codes: Sequence[CodeOnPage]) -> list[int]:
    """Their rows of the page, each code's by date and entry. Of everything or of what is open."""
    if scope is Scope.EVERYTHING:
        statement = _ROWS_OF_EVERYTHING
    else:
        is_one_pool_each = all(code.pool_count == 1 for code in codes)
        statement = _ROWS_THAT_ARE_OPEN.format(of_the_code=_ONE_POOL if is_one_pool_each else _SEVERAL_POOLS)
    parameters = {
        "codes": [code.code_id for code in codes],
        "pools": [code.pool_id for code in codes],
        "skips": [code.skip for code in codes],
        "takes": [code.take for code in codes],
    }
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return [pk for (pk,) in cursor.fetchall()]


def list_figures() -> dict[Scope, dict[str, Any]]:
    """Scope -> {"count": rows, column: sum} over all pools, in one reading."""
    sums: dict[str, Any] = {}
    for scope, columns in _SUMS.items():
        sums[f"{scope.name}_count"] = Sum(_COUNTS[scope], default=0)
        sums.update({f"{scope.name}_{name}": Sum(column) for name, column in columns.items()})
    row = CostPool.objects.aggregate(**sums)
    return {
        scope: {name: row[f"{scope.name}_{name}"] or Decimal(0) for name in columns}
        | {"count": row[f"{scope.name}_count"]}
        for scope, columns in _SUMS.items()
    }


def code_figures(*, scope: Scope, code_ids: Collection[int]) -> dict[int, dict[str, Decimal | None]]:
    """Code -> {column: sum} over its whole group."""
    columns = _SUMS[scope]
    rows: Any = (
        CostPool.objects.filter(code__in=code_ids)
        .order_by()
        .values("code_id")
        .annotate(**{f"sum_{name}": Sum(column) for name, column in columns.items()})
    )
    return {row["code_id"]: {name: row[f"sum_{name}"] for name in columns} for row in rows}
