"""In which order lots that usage feeds are costed: components before what is made of them, as far as that is no ring.

Asked by the run, and by whoever foretells one. Writes nothing.
"""

from collections.abc import Collection
from typing import Final

from django.db import connection

from lots.models import InventoryLot

ROUNDS_MOST: Final = 20

# From which pools each lot is fed. What a lot's own pool feeds it is a ring, which nobody can be made to wait for.
_FED_FROM = """
SELECT feed.lot_id AS lot, source.id AS component, lot.pool_id AS product
FROM usage_lotfeed AS feed JOIN usage_inventoryusage AS usage ON usage.id = feed.usage_id
CROSS JOIN lots_preference AS preference
JOIN lots_costpool AS source ON source.code_id = usage.code_id
    AND source.office_id IS NOT DISTINCT FROM CASE WHEN preference.prevent_inter_office THEN usage.office_id END
JOIN lots_inventorylot AS lot ON lot.id = feed.lot_id WHERE source.id <> lot.pool_id
"""
_DUE = f"""
SELECT waiting.lot FROM unnest(%(lots)s::bigint[]) AS waiting(lot)
WHERE NOT EXISTS (
    SELECT FROM ({_FED_FROM} AND feed.lot_id = waiting.lot) AS fed WHERE fed.component = ANY(%(pending)s::bigint[])
) ORDER BY waiting.lot
"""  # noqa: S608  (our own constant text)

# Levels of pools: what goes into something is a level below it; bounded, because there may be rings.
LEVELS: Final = f"""
edge AS (SELECT DISTINCT component, product FROM ({_FED_FROM}) AS fed),
depth(pool, level) AS (
    SELECT product, 1 FROM edge
    UNION
    SELECT edge.product, depth.level + 1 FROM depth JOIN edge ON edge.component = depth.pool
    WHERE depth.level < {ROUNDS_MOST}
), deepest AS (SELECT pool, max(level) AS level FROM depth GROUP BY pool)
"""  # noqa: S608  (our own constant text)

_MADE_OF = f"""
WITH RECURSIVE edge AS (SELECT DISTINCT component, product FROM ({_FED_FROM}) AS fed), goes_into(pool) AS (
    SELECT unnest(%(pools)s::bigint[])
    UNION
    SELECT edge.product FROM goes_into JOIN edge ON edge.component = goes_into.pool
) SELECT pool FROM goes_into
"""  # noqa: S608  (our own constant text)

_IS_FED_BY_ITSELF = """
WITH RECURSIVE goes_into(lot) AS (
    SELECT feed.lot_id FROM reconciliation_cogsallocation AS allocation
    JOIN usage_lotfeed AS feed ON feed.usage_id = allocation.usage_id WHERE allocation.lot_id = %(lot)s
    UNION
    SELECT feed.lot_id FROM goes_into
    JOIN reconciliation_cogsallocation AS allocation ON allocation.lot_id = goes_into.lot
    JOIN usage_lotfeed AS feed ON feed.usage_id = allocation.usage_id
) SELECT EXISTS (SELECT FROM goes_into WHERE lot = %(lot)s)
"""


def is_anything_fed() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM usage_lotfeed)")
        return bool(cursor.fetchone()[0])


def pool_levels() -> dict[int, int]:
    """Map every pool with fed lots to its level: 1 is made of level 0, which are all others."""
    if not is_anything_fed():
        return {}
    with connection.cursor() as cursor:
        cursor.execute(f"WITH RECURSIVE {LEVELS} SELECT pool, level FROM deepest")  # noqa: S608  (our own text)
        return dict(cursor.fetchall())


def with_what_is_made_of(pools: Collection[int]) -> set[int]:
    """These pools and those of everything that is made of them, over however many levels."""
    if not is_anything_fed():
        return set(pools)
    with connection.cursor() as cursor:
        cursor.execute(_MADE_OF, {"pools": list(pools)})
        return {pool for (pool,) in cursor.fetchall()}


def lots_due(lots: Collection[int], *, pending: Collection[int]) -> list[int]:
    """Those of these lots, in order, that are fed from none of the pools which still have their turn.

    A lot is costed once, when all that goes into it is known; not in steps, of which each would go through the books.
    """
    if not lots or not pending:
        return sorted(lots)
    with connection.cursor() as cursor:
        cursor.execute(_DUE, {"lots": list(lots), "pending": list(pending)})
        return [lot for (lot,) in cursor.fetchall()]


def why_it_goes_round(lot: InventoryLot, *, rounds: int) -> str:
    """Why this lot is costed no more, "" where it is: it goes into itself, and so often did not settle it."""
    if rounds < ROUNDS_MOST:
        return ""
    with connection.cursor() as cursor:
        cursor.execute(_IS_FED_BY_ITSELF, {"lot": lot.pk})
        if not cursor.fetchone()[0]:
            return ""
    return (
        f"It goes into itself by way of others, and its cost did not settle in {ROUNDS_MOST} rounds. It keeps the cost"
        " of the last one until a document of it changes."
    )


def could_not_be_worked_out(error: Exception) -> str:
    return f"Its cost could not be worked out. {type(error).__name__}: {error}"
