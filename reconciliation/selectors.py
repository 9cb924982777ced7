"""Questions about runs and what they left, for pages and commands. Reads only."""

from collections.abc import Collection
from typing import Any

from django.db.models import Sum

from lots.models import CostPool


def open_figures(*, codes: Collection[str] | None = None) -> dict[str, Any]:
    """How many usages are open now, and the net unallocated quantity, over everything or over chosen codes."""
    pools = CostPool.objects.all() if codes is None else CostPool.objects.filter(code__code__in=codes)
    return pools.aggregate(open_usages=Sum("open_count", default=0), unallocated=Sum("open_unallocated", default=0))
