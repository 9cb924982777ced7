"""The records that a diagnosis names: of each pool one of each kind, in one query however many pools there are.

Each stands under the condition of the cause that names it (`reconciliation/diagnosis.py`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from django.db import connection
from django.utils import timezone

# Of each pool one record of each kind that a sentence may name: the earliest, unless it is said otherwise.
_SAMPLES: Final = """
SELECT chosen.pool, sample.what, sample.id, sample.number, sample.source, sample.day, sample.quantity, sample.other
FROM unnest(%(pools)s::bigint[]) AS chosen(pool)
CROSS JOIN LATERAL (
    (SELECT 'used' AS what, usage.id, usage.number, usage.source_number AS source, open.used_at AS day,
        open.quantity_unallocated AS quantity, '' AS other
    FROM usage_openusage AS open JOIN usage_inventoryusage AS usage ON usage.id = open.usage_id
    WHERE open.pool_id = chosen.pool AND open.quantity_unallocated > 0 ORDER BY open.used_at, usage.id LIMIT 1)
    UNION ALL
    (SELECT 'back', usage.id, usage.number, usage.source_number, open.used_at, open.quantity_unallocated, ''
    FROM usage_openusage AS open JOIN usage_inventoryusage AS usage ON usage.id = open.usage_id
    WHERE open.pool_id = chosen.pool AND open.quantity_unallocated < 0 ORDER BY open.used_at, usage.id LIMIT 1)
    UNION ALL
    (SELECT 'counted', usage.id, usage.number, usage.source_number, open.used_at,
        sum(open.quantity_unallocated) OVER (), (count(*) OVER ())::text
    FROM usage_openusage AS open JOIN usage_inventoryusage AS usage ON usage.id = open.usage_id
    WHERE open.pool_id = chosen.pool AND open.quantity_unallocated < 0 AND open.original_id IS NULL
        AND usage.source_kind = 'INVTRYADJ'
    ORDER BY open.used_at, usage.id LIMIT 1)
    UNION ALL
    (SELECT 'void', usage.id, usage.number, usage.source_number, open.used_at, abs(open.quantity_unallocated),
        (count(*) OVER ())::text
    FROM usage_openusage AS open JOIN usage_inventoryusage AS usage ON usage.id = open.usage_id
    WHERE open.pool_id = chosen.pool AND open.original_id IS NOT NULL ORDER BY open.used_at, usage.id LIMIT 1)
    UNION ALL
    (SELECT 'tied', usage.id, usage.number, usage.source_number, open.used_at, open.quantity_unallocated,
        (SELECT string_agg(lot.number, ', ' ORDER BY lot.id) FROM usage_usagelotrestriction AS tie
            JOIN lots_inventorylot AS lot ON lot.id = tie.lot_id WHERE tie.usage_id = usage.id)
    FROM usage_openusage AS open JOIN usage_inventoryusage AS usage ON usage.id = open.usage_id
    WHERE open.pool_id = chosen.pool AND open.is_restricted ORDER BY open.used_at, usage.id LIMIT 1)
    UNION ALL
    (SELECT 'beyond', usage.id, usage.number, usage.source_number, open.used_at, lot.received, usage."order"
    FROM usage_openusage AS open JOIN usage_inventoryusage AS usage ON usage.id = open.usage_id
    JOIN lots_costpool AS pool ON pool.id = open.pool_id
    CROSS JOIN LATERAL (SELECT sum(quantity_received) AS received FROM lots_inventorylot
        WHERE pool_id = chosen.pool AND parent_order = usage."order") AS lot
    CROSS JOIN LATERAL (SELECT sum(quantity) AS used FROM usage_inventoryusage AS other
        WHERE other.code_id = usage.code_id AND other."order" = usage."order"
            AND (pool.office_id IS NULL OR other.office_id = pool.office_id)) AS whole
    WHERE open.pool_id = chosen.pool AND open.quantity_unallocated > 0 AND usage."order" <> ''
        AND whole.used > lot.received
    ORDER BY open.used_at, usage.id LIMIT 1)
    UNION ALL
    (SELECT 'due', min(lot.id), count(*)::text, min(lot.source_number), NULL,
        sum(lot.quantity_ordered - lot.quantity_received), ''
    FROM lots_inventorylot AS lot WHERE lot.pool_id = chosen.pool AND NOT lot.is_source_complete
        AND lot.quantity_ordered > lot.quantity_received AND lot.source_number <> ''
    HAVING count(*) > 0)
    UNION ALL
    (SELECT 'late', lot.id, lot.number, event.source_number, event.at, event.quantity,
        to_char(event.recorded_at AT TIME ZONE %(zone)s, 'MM/DD/YY')
    FROM lots_inventorylot AS lot JOIN lots_lotcostevent AS event ON event.lot_id = lot.id
    CROSS JOIN LATERAL (SELECT min(used_at) AS oldest, max(used_at) AS newest FROM usage_openusage
        WHERE pool_id = chosen.pool) AS open
    WHERE lot.pool_id = chosen.pool AND event.quantity > 0 AND event.kind NOT IN ('OPENING', 'ADJUSTMENT')
        AND event.at <= open.newest AND event.recorded_at > open.oldest
    ORDER BY event.recorded_at DESC, event.id DESC LIMIT 1)
) AS sample
"""


@dataclass(frozen=True)
class Sample:
    pk: int
    number: str
    source: str
    at: datetime
    quantity: Decimal
    other: str

    @property
    def day(self) -> str:
        return f"{timezone.localtime(self.at):%m/%d/%y}"

    @property
    def where(self) -> str:
        return self.source or f"usage {self.number}"


def samples_of(pool_ids: Sequence[int]) -> dict[int, dict[str, Sample]]:
    found: dict[int, dict[str, Sample]] = {}
    if pool_ids:
        with connection.cursor() as cursor:
            zone = timezone.get_current_timezone_name()
            cursor.execute(_SAMPLES, {"pools": list(pool_ids), "zone": zone})
            for pool, what, *values in cursor.fetchall():
                found.setdefault(pool, {})[what] = Sample(*values)
    return found
