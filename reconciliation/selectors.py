"""Questions about runs and what they left, for pages and commands. Reads only."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db.models import Count, Min, QuerySet, Sum

from lots.models import CostPool, LineItemCode
from reconciliation.models import ReconciliationRun
from usage.shapes import Form, form_of


def open_figures(*, codes: Collection[str] | None = None) -> dict[str, Any]:
    """How many usages are open now, and the net unallocated quantity, over everything or over chosen codes."""
    pools = CostPool.objects.all() if codes is None else CostPool.objects.filter(code__code__in=codes)
    return pools.aggregate(open_usages=Sum("open_count", default=0), unallocated=Sum("open_unallocated", default=0))


@dataclass(frozen=True)
class OpenForm:
    """Open usage of all codes whose net unallocated quantity has one sign."""

    form: Form
    codes: int
    usages: int
    unallocated: Decimal
    accrued_cogs: Decimal


def open_usage_by_form() -> list[OpenForm]:
    """Net positive, net negative and net zero, in this order, each also where there is none of it."""
    per_code = (
        CostPool.objects.filter(open_count__gt=0)
        .values("code_id")
        .annotate(usages=Sum("open_count"), net=Sum("open_unallocated"), accrued=Sum("open_accrued_cogs"))
        .values_list("net", "usages", "accrued")
    )
    by_form: dict[Form, list[tuple[Decimal, int, Decimal]]] = {form: [] for form in Form}
    for row in per_code.order_by():
        by_form[form_of(row[0])].append(row)
    return [
        OpenForm(
            form,
            codes=len(rows),
            usages=sum(usages for _, usages, _ in rows),
            unallocated=sum((net for net, _, _ in rows), Decimal(0)),
            accrued_cogs=sum((accrued for _, _, accrued in rows), Decimal(0)),
        )
        for form, rows in by_form.items()
    ]


@dataclass(frozen=True)
class Stock:
    """What is there, and what it is worth."""

    codes: int
    lots: int
    usages: int
    value: Decimal


def stock() -> Stock:
    """Value in stock is what the lots are worth now, less what was used of them."""
    sums = CostPool.objects.aggregate(
        lots=Sum("lot_count", default=0),
        usages=Sum("usage_count", default=0),
        received=Sum("value_received", default=Decimal(0)),
        used=Sum("value_used", default=Decimal(0)),
    )
    return Stock(LineItemCode.objects.count(), sums["lots"], sums["usages"], sums["received"] - sums["used"])


@dataclass(frozen=True)
class WorkWaiting:
    """What postings left for a run to do."""

    pools: int
    usages: int
    since: datetime | None


def pools_in_scope(*, codes: Collection[str] | None = None) -> QuerySet[CostPool]:
    """Pools that a run would take up: those with noted work, or all of chosen codes."""
    if codes is None:
        return CostPool.objects.filter(has_work=True)
    return CostPool.objects.filter(code__code__in=codes)


def work_waiting(*, codes: Collection[str] | None = None) -> WorkWaiting:
    """How much that is, and since when the oldest of it waits."""
    sums = pools_in_scope(codes=codes).aggregate(
        pools=Count("pk"), usages=Sum("open_count", default=0), since=Min("work_noted_at")
    )
    return WorkWaiting(sums["pools"], sums["usages"], sums["since"])


def pools_set_aside() -> QuerySet[CostPool]:
    """Pools that a run gave up on, and that no posting has touched since."""
    return CostPool.objects.filter(is_set_aside=True).select_related("code", "office").order_by("code__code", "pk")


def active_run() -> ReconciliationRun | None:
    """The run over everything that is under way, or else the newest of those over chosen codes."""
    active = ReconciliationRun.objects.filter(state__in=ReconciliationRun.ACTIVE).select_related("requested_by")
    return active.order_by("-is_everything", "-pk").first()


def last_ended_run() -> ReconciliationRun | None:
    ended = ReconciliationRun.objects.exclude(state__in=ReconciliationRun.ACTIVE).select_related("requested_by")
    return ended.order_by("-pk").first()
