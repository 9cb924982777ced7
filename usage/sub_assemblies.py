"""What sub-assembly jobs made for the job that they are a part of: it takes those units, not older ones from stock."""

from decimal import Decimal
from typing import NamedTuple

from django.db.models import Sum

from lots.ledger import ZERO
from lots.locks import lock_pool_of
from lots.models import DocumentStatus, InventoryLot
from usage.models import InventoryUsage, JobComponent, OpenUsage


class MadeForIt(NamedTuple):
    """How much may be taken of what was made for a component, and the lots that it came out into."""

    quantity: Decimal
    lots: list[InventoryLot]


def made_for(component: JobComponent) -> MadeForIt:
    """What sub-assembly jobs produced of the component and neither its job nor anybody else took yet.

    Lots of another pool cannot serve it: where offices are kept apart, those of another office. Locks the pool.
    """
    job = component.job
    lots = list(
        InventoryLot.objects.filter(
            job__parent=job,
            code=component.code_id,
            pool=lock_pool_of(code=component.code, office=job.office),
            quantity_received__gt=0,
        )
        .exclude(job__status=DocumentStatus.VOID)
        .order_by("pk")
    )
    if not lots:
        return MadeForIt(ZERO, [])
    taken = InventoryUsage.objects.filter(job_usage__component=component, restrictions__lot__in=lots).distinct()
    waiting = OpenUsage.objects.filter(usage__in=taken).aggregate(sum=Sum("quantity_unallocated"))["sum"] or ZERO
    there = sum((lot.quantity_current for lot in lots), ZERO)
    return MadeForIt(max(there - waiting, ZERO), lots)
