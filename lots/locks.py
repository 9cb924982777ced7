"""The only place in this app that locks, always in one order: the preferences, then cost pools by primary key.

Whoever changes a lot, a usage or what is open of it holds the lock of its pool first; then it looks. The lock is
NO KEY UPDATE, so that rows which merely name the pool can still be written by others.
"""

from collections.abc import Collection, Iterable

from django.db import connection

from lots.models import CostPool, LineItemCode, Office, Preference


def lock_pools(pool_ids: Collection[int]) -> list[CostPool]:
    """Lock the pools and return them as they are under the lock, in primary key order."""
    return list(CostPool.objects.select_for_update(no_key=True).filter(pk__in=pool_ids).order_by("pk"))


_LOCK_KEYS = "SELECT id FROM lots_costpool WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE"


def lock_pool_keys(pool_ids: Collection[int]) -> list[int]:
    """The same for a run, which locks pools by the thousand and needs no more of them than the lock."""
    with connection.cursor() as cursor:
        cursor.execute(_LOCK_KEYS, [list(pool_ids)])
        return [pk for (pk,) in cursor.fetchall()]


def preference_in_force() -> Preference:
    """The preferences, which nobody can change until this transaction ends: what relies on them must not race them."""
    # FOR SHARE, which Django cannot say: readers go side by side, a change waits for all of them.
    return Preference.objects.raw("SELECT * FROM lots_preference WHERE id = 1 FOR SHARE")[0]


_LOCK_POOL_OF = """
SELECT * FROM lots_costpool WHERE code_id = %s AND office_id IS NOT DISTINCT FROM %s FOR NO KEY UPDATE
"""


def lock_pool_of(*, code: LineItemCode, office: Office | None) -> CostPool:
    """Find or make the pool that a record of this code and office belongs to, and lock it."""
    pool_office = office if preference_in_force().prevent_inter_office else None
    there = CostPool.objects.raw(_LOCK_POOL_OF, [code.pk, pool_office.pk if pool_office else None])
    for pool in there:
        return pool
    CostPool.objects.bulk_create([CostPool(code=code, office=pool_office)], ignore_conflicts=True)
    return CostPool.objects.select_for_update(no_key=True).get(code=code, office=pool_office)


def lock_pools_of_codes(*, codes: Iterable[LineItemCode], office: Office | None) -> list[CostPool]:
    """Find or make the pools of all codes that one document of this office touches, and lock them in the one order."""
    pool_office = office if preference_in_force().prevent_inter_office else None
    keys = sorted({code.pk for code in codes})
    CostPool.objects.bulk_create([CostPool(code_id=key, office=pool_office) for key in keys], ignore_conflicts=True)
    return lock_pools(CostPool.objects.filter(code__in=keys, office=pool_office).values_list("pk", flat=True))


def lock_pools_of(pairs: Iterable[tuple[LineItemCode, Office | None]]) -> list[CostPool]:
    """Find or make the pools of several codes and offices and lock them all, in primary key order as runs do.

    A document that touches more than one code calls it before it writes anything: document numbers are counted under a
    lock, too, and whoever holds a number must not wait for a pool.
    """
    is_split = preference_in_force().prevent_inter_office
    wanted = {(code.pk, office.pk if office is not None and is_split else None) for code, office in pairs}
    in_order = sorted(wanted, key=lambda pair: (pair[0], pair[1] or 0))
    pools = [CostPool(code_id=code, office_id=office) for code, office in in_order]
    CostPool.objects.bulk_create(pools, ignore_conflicts=True)
    found = CostPool.objects.filter(code__in={code for code, _ in wanted}).values_list("pk", "code", "office")
    return lock_pools([pk for pk, code, office in found if (code, office) in wanted])


def lock_out_postings() -> None:
    """Wait until no posting, import or run is under way, and let none begin until this transaction ends.

    For rare changes that concern pools which somebody may be making at this moment. Take no other lock before it.
    """
    with connection.cursor() as cursor:
        # EXCLUSIVE is the weakest mode that waits for whoever has locked a row here and has written nothing yet: a
        # weaker one would be granted beside it, and then each would wait for the other.
        cursor.execute("LOCK TABLE lots_costpool IN EXCLUSIVE MODE")
