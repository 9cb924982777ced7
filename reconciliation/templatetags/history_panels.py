"""The history of a lot and of a usage: what their documents, the runs and people did, merged; who and when."""

from collections.abc import Iterable
from typing import Any, Final

from django import template
from django.db.models import Count, Q, QuerySet, Sum

from inventory_site.fields import MoneyField, QuantityField
from inventory_site.money import money_text, quantity_text
from lots import addresses
from lots.history_table import ROWS_SHOWN, HistoryEvent, events_of, merged_section
from lots.models import InventoryLot, RecordHistory
from reconciliation.models import CogsAllocation, ReconciliationRun
from usage.models import InventoryUsage, RestrictionRelease

register = template.Library()

TRUE_UP: Final = CogsAllocation.Kind.TRUE_UP


@register.inclusion_tag("reconciliation/_history.html", takes_context=True)
def history_of_lot(context: template.Context, lot: InventoryLot) -> dict[str, Any]:
    """What was done to the documents that grew or lowered it, the runs that booked its cost, and usage let go of it."""
    documents = Q(number__in=lot.cost_events.order_by().values("source_number")) | Q(number=lot.source_number)
    return _panel(
        context,
        RecordHistory.objects.filter(documents).exclude(number=""),
        CogsAllocation.objects.filter(lot=lot),
        source=lot.source_number,
        let_go=RestrictionRelease.objects.filter(usage__restrictions__lot=lot),
        note="What was done to the documents that it comes from, and by runs to its cost.",
    )


@register.inclusion_tag("reconciliation/_history.html", takes_context=True)
def history_of_usage(context: template.Context, usage: InventoryUsage) -> dict[str, Any]:
    """What was done to the document that recorded it, the runs that booked its cost, and whether it was let go."""
    numbers = [usage.history_name, *filter(None, [usage.source_number])]
    return _panel(
        context,
        RecordHistory.objects.filter(number__in=numbers),
        CogsAllocation.objects.filter(usage=usage),
        source=usage.source_number,
    )


def _panel(
    context: template.Context,
    lines: QuerySet[RecordHistory],
    entries: QuerySet[CogsAllocation],
    *,
    source: str,
    let_go: QuerySet[RestrictionRelease] | None = None,
    note: str = "",
) -> dict[str, Any]:
    """A section with what its reader may also see in the list of history and of runs; None for who may see neither."""
    user = context["request"].user
    may_see_lines = user.has_perm("lots.view_recordhistory")
    may_see_runs = user.has_perm("reconciliation.view_reconciliationrun")
    if not (may_see_lines or may_see_runs):
        return {"section": None}
    events: list[HistoryEvent] = []
    if may_see_lines:
        events += events_of(lines)
        events += _releases(let_go) if let_go is not None else ()
    if may_see_runs:
        events += _runs(entries)
    has_link = may_see_lines and source != ""
    return {
        "section": merged_section(
            events,
            note=note,
            all_url=addresses.history_of(source) if has_link else "",
            all_label=f"All of {source}",
        )
    }


def _releases(let_go: QuerySet[RestrictionRelease]) -> Iterable[HistoryEvent]:
    """The newest usage that was let go of a lot. One query."""
    for release in let_go.select_related("by", "usage").order_by("-at", "-pk")[: ROWS_SHOWN + 1]:
        yield HistoryEvent(
            release.at,
            release.by.username if release.by else "",
            "Let go",
            f"Usage {release.usage.number}",
            release.usage.get_absolute_url(),
            f"It was tied to this lot. {release.reason}".strip(),
        )


def _runs(entries: QuerySet[CogsAllocation]) -> Iterable[HistoryEvent]:
    """The newest runs among these entries, with what they booked. Two queries."""
    quantity, money = QuantityField(), MoneyField()
    booked = {
        row["run"]: row
        for row in entries.order_by()
        .values("run")
        .annotate(
            moved=Count("pk", filter=~Q(kind=TRUE_UP)),
            corrected=Count("pk", filter=Q(kind=TRUE_UP)),
            net=Sum("quantity", output_field=quantity),
            value=Sum("amount", filter=~Q(kind=TRUE_UP), output_field=money),
            correction=Sum("amount", filter=Q(kind=TRUE_UP), output_field=money),
        )
        .order_by("-run")[: ROWS_SHOWN + 1]
    }
    for run in ReconciliationRun.objects.filter(pk__in=booked).select_related("requested_by"):
        row = booked[run.pk]
        parts = []
        if row["moved"]:
            parts.append(f"Allocated {quantity_text(row['net'])}, {money_text(row['value'])}")
        if row["corrected"]:
            parts.append(f"{'corrected' if parts else 'Corrected'} its cost by {money_text(row['correction'])}")
        at = run.finished_at or run.started_at or run.requested_at
        by = run.requested_by.username if run.requested_by else ""
        yield HistoryEvent(at, by, "Reconciled", str(run), run.get_absolute_url(), "; ".join(parts))
