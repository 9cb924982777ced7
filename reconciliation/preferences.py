"""Changing a system-wide preference, with a line in its log.

The COGS method binds allocations to come. Whether offices are kept apart decides which pool a lot and a usage belong
to; so it can change only while nothing is allocated and no run is under way, and then everything moves at once.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Final

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import connection, transaction

from lots.locks import lock_pools
from lots.models import CogsMethod, CostPool, Preference, PreferenceChange
from reconciliation.models import CogsAllocation, ReconciliationRun
from usage.summaries import refresh_open_sums

COGS_METHOD: Final = "cogs_method"
PREVENT_INTER_OFFICE: Final = "prevent_inter_office"
VALUES: Final = {COGS_METHOD: tuple(CogsMethod.values), PREVENT_INTER_OFFICE: ("on", "off")}
NOTHING_CHANGED: Final = "Nothing was changed."


@transaction.atomic
def preference_set(*, name: str, value: str, by: User | None, now: datetime) -> PreferenceChange | None:
    """Set a preference and log who did it; None when it had that value already.

    Preventing inter-office COGS also gives every lot and open usage its new pool and sums up all pools anew.
    Raises ValidationError for a name or value that there is not, or when the preference cannot change now.
    """
    if name not in VALUES:
        raise ValidationError(f"There is no preference “{name}”; there are {' and '.join(VALUES)}. {NOTHING_CHANGED}")
    if value not in VALUES[name]:
        raise ValidationError(f"{name} is {' or '.join(VALUES[name])}, not “{value}”. {NOTHING_CHANGED}")
    # Postings, imports and requests for a run hold the row FOR SHARE while they rely on what it says.
    preference = Preference.objects.select_for_update().get(pk=1)
    before = value_of(preference, name)
    if before == value:
        return None
    _SETTERS[name](preference, value)
    preference.save(update_fields=[name])
    return PreferenceChange.objects.create(at=now, by=by, name=name, value_before=before, value_after=value)


def value_of(preference: Preference, name: str) -> str:
    """Return the value as people and the log write it."""
    value = getattr(preference, name)
    return {True: "on", False: "off"}[value] if isinstance(value, bool) else str(value)


def why_offices_cannot_change() -> str:
    """Give the reason why inter-office prevention cannot change now, or ""."""
    active = ReconciliationRun.objects.filter(state__in=ReconciliationRun.ACTIVE).order_by("pk").first()
    if active is not None:
        return f"Run {active.pk} is under way. Wait until it has ended, or cancel it."
    if CogsAllocation.objects.exists():
        return (
            "Usage has been allocated to lots already, across offices or apart as the preference said then. It can"
            " change only while nothing is allocated."
        )
    return ""


def _set_cogs_method(preference: Preference, value: str) -> None:
    # A run under way goes on with the method it was requested with.
    preference.cogs_method = value


def _set_prevent_inter_office(preference: Preference, value: str) -> None:
    if reason := why_offices_cannot_change():
        raise ValidationError(f"{reason} {NOTHING_CHANGED}")
    preference.prevent_inter_office = value == "on"
    _move_to_pools(apart=preference.prevent_inter_office)


_SETTERS: Final[dict[str, Callable[[Preference, str], None]]] = {
    COGS_METHOD: _set_cogs_method,
    PREVENT_INTER_OFFICE: _set_prevent_inter_office,
}

# -- Everything into the pools that the preference asks for ----------------------------------------------------------
_ZEROES = """has_work = false, work_noted_at = NULL, is_set_aside = false, lot_count = 0, quantity_received = 0,
    quantity_used = 0, value_received = 0, value_used = 0, usage_count = 0, usage_quantity = 0, open_count = 0,
    open_quantity = 0, open_amount_allocated = 0, open_unallocated = 0, open_unallocated_positive = 0,
    open_unallocated_negative = 0, open_accrued_cogs = 0, last_run_passes = 0"""

_MAKE_POOLS = """
INSERT INTO lots_costpool (code_id, office_id, has_work, is_set_aside, lot_count, quantity_received, quantity_used,
    value_received, value_used, usage_count, usage_quantity, open_count, open_quantity, open_amount_allocated,
    open_unallocated, open_unallocated_positive, open_unallocated_negative, open_accrued_cogs, last_run_passes)
SELECT code_id, office_id, false, false, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0
FROM (
    SELECT DISTINCT code_id, CASE WHEN %(apart)s THEN office_id END AS office_id FROM (
        SELECT code_id, office_id FROM lots_inventorylot UNION SELECT code_id, office_id FROM usage_inventoryusage
    ) AS record
) AS wanted
ORDER BY code_id, office_id
ON CONFLICT DO NOTHING
"""
_MOVE_LOTS = """
UPDATE lots_inventorylot AS lot SET pool_id = pool.id FROM lots_costpool AS pool
WHERE pool.code_id = lot.code_id AND pool.office_id IS NOT DISTINCT FROM CASE WHEN %(apart)s THEN lot.office_id END
    AND pool.id <> lot.pool_id
"""
_MOVE_OPEN_USAGE = """
UPDATE usage_openusage AS open SET pool_id = pool.id FROM usage_inventoryusage AS usage, lots_costpool AS pool
WHERE usage.id = open.usage_id AND pool.code_id = usage.code_id
    AND pool.office_id IS NOT DISTINCT FROM CASE WHEN %(apart)s THEN usage.office_id END AND pool.id <> open.pool_id
"""
# What the journal waits for goes with its lot.
_MOVE_NOTES = """
UPDATE lots_lotcosttopost AS note SET pool_id = lot.pool_id
FROM lots_lotcostevent AS event, lots_inventorylot AS lot
WHERE event.id = note.event_id AND lot.id = event.lot_id AND lot.pool_id <> note.pool_id
"""
_CLEAR_SUMS = f"UPDATE lots_costpool SET {_ZEROES}"  # noqa: S608  (our own constant text)
_LOT_SUMS = """
UPDATE lots_costpool AS pool SET lot_count = sums.rows, quantity_received = sums.received, quantity_used = sums.used,
    value_received = sums.value, value_used = sums.value_used
FROM (SELECT pool_id, count(*) AS rows, sum(quantity_received) AS received, sum(quantity_used) AS used,
        sum(value) AS value, sum(value_used) AS value_used FROM lots_inventorylot GROUP BY pool_id) AS sums
WHERE sums.pool_id = pool.id
"""
_USAGE_SUMS = """
UPDATE lots_costpool AS pool SET usage_count = sums.rows, usage_quantity = sums.quantity
FROM (SELECT code_id, CASE WHEN %(apart)s THEN office_id END AS office_id, count(*) AS rows, sum(quantity) AS quantity
        FROM usage_inventoryusage GROUP BY 1, 2) AS sums
WHERE sums.code_id = pool.code_id AND sums.office_id IS NOT DISTINCT FROM pool.office_id
"""
# Whatever is open has not been looked at in its new company; a lot whose cost changed waits for its true-up.
_NOTE_WORK = """
UPDATE lots_costpool AS pool SET has_work = true, work_noted_at = clock_timestamp()
WHERE pool.open_count > 0 OR EXISTS (SELECT FROM lots_lotcosttopost AS note WHERE note.pool_id = pool.id)
    OR EXISTS (SELECT FROM lots_inventorylot AS lot WHERE lot.pool_id = pool.id
    AND (lot.value <> lot.value_costed OR lot.quantity_received <> lot.quantity_costed))
"""
# An old pool that an earlier run names is kept, empty.
_REMOVE_EMPTY = """
DELETE FROM lots_costpool AS pool
WHERE pool.lot_count = 0 AND pool.usage_count = 0
    AND NOT EXISTS (SELECT FROM reconciliation_runpool AS work WHERE work.pool_id = pool.id)
    AND NOT EXISTS (SELECT FROM reconciliation_runlogline AS line WHERE line.pool_id = pool.id)
"""


def _move_to_pools(*, apart: bool) -> None:
    """Nothing is allocated, so moving is all: no sum but those of the pools depends on where a record belongs."""
    lock_pools(CostPool.objects.values_list("pk", flat=True))
    with connection.cursor() as cursor:
        cursor.execute(_MAKE_POOLS, {"apart": apart})
        cursor.execute(_MOVE_LOTS, {"apart": apart})
        cursor.execute(_MOVE_OPEN_USAGE, {"apart": apart})
        cursor.execute(_MOVE_NOTES)
        cursor.execute(_CLEAR_SUMS)
        cursor.execute(_LOT_SUMS)
        cursor.execute(_USAGE_SUMS, {"apart": apart})
    refresh_open_sums(list(CostPool.objects.values_list("pk", flat=True)))
    with connection.cursor() as cursor:
        cursor.execute(_NOTE_WORK)
        cursor.execute(_REMOVE_EMPTY)
