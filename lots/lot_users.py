"""Who stands on a lot: the usages that drew on it and still hold some of it, for a refusal that names them."""

from collections import defaultdict
from decimal import Decimal

from django.db.models import F, Sum

from lots.ledger import ZERO
from lots.models import InventoryLot

NAMED = 5


def used_by(lot: InventoryLot) -> str:
    """Who used it: "by usage 60003 (SHIP-60001)", the first of them and "and others". "" where nobody is allocated.

    What was returned or undone is not named. The allocations belong to the app above: named in lookups, never imported.
    """
    rows = (
        InventoryLot.objects.filter(pk=lot.pk, allocations__isnull=False)
        .order_by("allocations__usage")
        .values_list(
            "allocations__usage",
            F("allocations__usage__original"),
            F("allocations__usage__number"),
            F("allocations__usage__source_number"),
        )
        .annotate(drawn=Sum("allocations__quantity"))
    )
    first: dict[int, int] = {}
    names: dict[int, str] = {}
    held: dict[int, Decimal] = defaultdict(lambda: ZERO)
    for usage, original, number, source_number, drawn in rows:
        # A return counts with what it returns, and the void of a return with that as well.
        first[usage] = first.get(original, usage)
        names[usage] = f"usage {number} ({source_number or 'no document'})"
        held[first[usage]] += drawn
    holding = [names[usage] for usage, quantity in held.items() if quantity > 0]
    more = " and others" if len(holding) > NAMED else ""
    return f"by {', '.join(holding[:NAMED])}{more}" if holding else ""
