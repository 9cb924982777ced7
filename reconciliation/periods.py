"""Closing and reopening months of the books, and what to look at before one is closed.

Postings, imports and runs hold the preferences FOR SHARE while they decide which day they count for, so closing waits
for all that are under way; whatever comes later counts in the next open month. The journal's own trigger refuses the
rest.
"""

import calendar
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.db.models import Count, Min, QuerySet
from django.db.models.functions import TruncMonth
from django.utils import timezone

from inventory_site.filtersets import day_bounds
from lots.addresses import found_set
from lots.models import (
    CostPool,
    DocumentStatus,
    FiscalPeriod,
    LotCostEvent,
    LotCostToPost,
    PeriodChange,
    PostingStatus,
    Preference,
    Purchase,
    Receipt,
)
from lots.periods import next_period, period_start
from lots.purchasing_querysets import purchase_orders
from reconciliation.accruals import accruals_due
from reconciliation.models import JournalEntry
from reconciliation.valuation import valuation
from usage.models import InventoryAdjustment, OpenUsage, Shipment

NOTHING_CLOSED = "Nothing was closed."
EARLIER_OPEN = "Earlier months that are still open"
REASON_LENGTH = 200
PERIOD = re.compile(r"(\d{4})-(\d{2})")


@dataclass(frozen=True)
class ChecklistItem:
    """Something to see to before a month is closed. `count` 0 is done; `url` leads to the records, where it can."""

    label: str
    count: int
    url: str = ""
    is_blocking: bool = False
    hint: str = ""


@dataclass(frozen=True)
class Month:
    """A month of the books as the Periods page lists it."""

    starts_on: date
    is_closed: bool
    entries: int
    change: PeriodChange | None

    @property
    def name(self) -> str:
        return period_name(self.starts_on)


def period_name(starts_on: date) -> str:
    return f"{starts_on:%Y-%m}"


def period_named(text: str) -> date:
    """The first day of the month that people write as 2026-03. Raises ValidationError for anything else."""
    match = PERIOD.fullmatch(text.strip())
    if match is None or not 1 <= int(match[2]) <= 12 or not 1900 <= int(match[1]) < 2200:
        raise ValidationError(f"“{text}” is no period. Write it as year and month: 2026-03.")
    return date(int(match[1]), int(match[2]), 1)


def last_day(starts_on: date) -> date:
    return starts_on.replace(day=calendar.monthrange(starts_on.year, starts_on.month)[1])


# -- Verbs -------------------------------------------------------------------------------------------
@transaction.atomic
def period_close(*, starts_on: date, by: User | None, now: datetime, reason: str = "") -> PeriodChange:
    """Close a month: nothing is posted into it any more. Waits for postings and runs that are under way.

    Writes the period and a line of its log; documents keep their status. Raises ValidationError when the month has not
    begun, is closed already, or has postings that are not in the books yet.
    """
    _refuse_odd_day(starts_on)
    # First of all locks: whoever decides which day something counts holds this row FOR SHARE.
    Preference.objects.select_for_update().get(pk=1)
    name = period_name(starts_on)
    if starts_on > timezone.localdate(now):
        raise ValidationError(f"{not_begun(starts_on)} {NOTHING_CLOSED}")
    period, _ = FiscalPeriod.objects.get_or_create(starts_on=starts_on)
    if period.is_closed:
        raise ValidationError(f"{name} is closed already. {NOTHING_CLOSED}")
    if waits := why_not_close(starts_on):
        raise ValidationError(f"{waits} {NOTHING_CLOSED}")
    return _change(period, is_closed=True, by=by, reason=reason)


@transaction.atomic
def periods_close(*, until: date, by: User | None, now: datetime, reason: str = "") -> list[PeriodChange]:
    """Close every open month up to and with this one, oldest first: all of them, or none where one cannot be closed.

    Each is closed by `period_close`, with a line of its own in the log. Raises ValidationError where that refuses one,
    and when none is open.
    """
    _refuse_odd_day(until)
    if until > timezone.localdate(now):
        raise ValidationError(f"{not_begun(until)} {NOTHING_CLOSED}")
    # Before asking which are open, as each close does.
    Preference.objects.select_for_update().get(pk=1)
    found = open_months_until(until)
    if not found:
        raise ValidationError(f"No month up to {period_name(until)} is open. {NOTHING_CLOSED}")
    return [period_close(starts_on=month, by=by, now=now, reason=reason) for month in found]


@transaction.atomic
def period_reopen(*, starts_on: date, by: User | None, now: datetime, reason: str = "") -> PeriodChange:
    """Open a closed month again, whenever somebody must: what is posted from now on may count in it.

    Writes the period and a line of its log. Raises ValidationError when it is open.
    """
    _refuse_odd_day(starts_on)
    Preference.objects.select_for_update().get(pk=1)
    period = FiscalPeriod.objects.filter(starts_on=starts_on, is_closed=True).first()
    if period is None:
        raise ValidationError(f"{period_name(starts_on)} is open already. Nothing was reopened.")
    return _change(period, is_closed=False, by=by, reason=reason)


def _refuse_odd_day(starts_on: date) -> None:
    if starts_on.day != 1:
        raise ValidationError("A period is named by the first day of its month. Nothing was changed.")


def _change(period: FiscalPeriod, *, is_closed: bool, by: User | None, reason: str) -> PeriodChange:
    if len(reason) > REASON_LENGTH:
        raise ValidationError(f"The reason has at most {REASON_LENGTH} characters. Nothing was changed.")
    FiscalPeriod.objects.filter(pk=period.pk).update(is_closed=is_closed)
    period.is_closed = is_closed
    with connection.cursor() as cursor:
        # The database's clock, after the waiting: entries carry its moments, and the ledger check compares the two.
        cursor.execute("SELECT clock_timestamp()")
        at = cursor.fetchone()[0]
    return PeriodChange.objects.create(period=period, at=at, by=by, is_closed=is_closed, reason=reason)


# -- Questions ---------------------------------------------------------------------------------------
def why_not_close(starts_on: date) -> str:
    """Why this month cannot be closed now, or "": what is posted into it must be in the journal first."""
    waiting = _unposted(starts_on)
    count = waiting.count()
    if not count:
        return ""
    are = "posting" if count == 1 else "postings"
    text = f"{count:,} {are} dated in {period_name(starts_on)} {'is' if count == 1 else 'are'} not in the books yet"
    aside = waiting.filter(pool__is_set_aside=True).order_by("pool__code__code")
    if codes := list(dict.fromkeys(aside.values_list("pool__code__code", flat=True)))[:5]:
        return f"{text}; a run set aside {', '.join(codes)}. See why on the page of the run, then run again."
    return f"{text}; a run takes {'it' if count == 1 else 'them'} in a few seconds. Try again."


def why_not_close_all(found: Sequence[date]) -> list[str]:
    """Why these months, oldest first, cannot be closed now; one query, and those of `why_not_close` where one waits."""
    if not found:
        return []
    between = LotCostToPost.objects.filter(event__dated__gte=found[0], event__dated__lt=next_period(found[-1]))
    waiting = set(
        between.order_by().annotate(month=TruncMonth("event__dated")).values_list("month", flat=True).distinct()
    )
    return [reason for month in found if month in waiting and (reason := why_not_close(month))]


def not_begun(starts_on: date) -> str:
    return f"{period_name(starts_on)} has not begun."


def _unposted(starts_on: date) -> QuerySet[LotCostToPost]:
    return LotCostToPost.objects.filter(event__dated__gte=starts_on, event__dated__lt=next_period(starts_on))


def close_checklist(starts_on: date) -> list[ChecklistItem]:
    """What to see to before this month is closed, in the order of work. Only postings not in the books yet bar it."""
    name, last = period_name(starts_on), last_day(starts_on)
    until = day_bounds("at", None, last)["at__lt"]
    pending = PostingStatus.PENDING
    earlier = [month for month in _months_open_before(starts_on) if month.entries]
    worth = valuation(as_of=last)
    return [
        ChecklistItem(EARLIER_OPEN, len(earlier), hint=", ".join(month.name for month in earlier[-6:])),
        ChecklistItem(
            "Incoming shipments still pending",
            Receipt.objects.filter(status=pending, received_at__lt=until).count(),
            found_set("lots:receipts", status=pending),
        ),
        ChecklistItem(
            "Shipments still pending",
            Shipment.objects.filter(status=pending, shipped_at__lt=until).count(),
            found_set("usage:shipments", status=pending),
        ),
        ChecklistItem(
            "Adjustments still pending",
            InventoryAdjustment.objects.filter(status=pending, adjusted_at__lt=until).count(),
            found_set("usage:adjustments", status=pending),
        ),
        ChecklistItem(
            "Purchases still pending",
            Purchase.objects.filter(status=pending, invoiced_at__lt=until).count(),
            found_set("lots:purchases", status=pending),
        ),
        ChecklistItem(
            "Open purchase orders with everything received",
            purchase_orders().with_everything_received().filter(ordered_on__lte=last).count(),
            found_set("lots:purchase_orders", status=DocumentStatus.OPEN),
            hint="Their cost is final when they are closed.",
        ),
        ChecklistItem(
            f"Postings dated in {name} that are not in the books yet",
            _unposted(starts_on).count(),
            found_set("reconciliation:runs"),
            is_blocking=True,
            hint="A run takes them in a few seconds.",
        ),
        ChecklistItem(
            "Codes that a run set aside",
            CostPool.objects.filter(is_set_aside=True).count(),
            found_set("reconciliation:runs"),
        ),
        ChecklistItem(
            "Open usage, its cost still estimated",
            OpenUsage.objects.filter(used_at__lt=until).count(),
            found_set("usage:usages", quick="open", used_at_before=last.isoformat()),
        ),
        ChecklistItem(
            "Open usage whose accrued COGS is not up to date",
            accruals_due(used_before=until),
            found_set("reconciliation:preferences"),
            hint="Accrue COGS books what is estimated now.",
        ),
        ChecklistItem(
            "Codes whose lots and books differ",
            worth.differing,
            found_set("reconciliation:inventory_value", as_of=last.isoformat()),
            hint="Inventory value against the books, as of the last day.",
        ),
    ]


def close_warnings(starts_on: date) -> list[str]:
    """What of the checklist is not done and does not bar closing, for commands and messages."""
    return [
        f"{item.label}: {item.count:,}" for item in close_checklist(starts_on) if item.count and not item.is_blocking
    ]


def months(*, today: date) -> list[Month]:
    """Every month from the first posting until now, and any other that was closed; newest first."""
    entries = {
        row["month"]: row["count"]
        for row in JournalEntry.objects.order_by()
        .annotate(month=TruncMonth("date"))
        .values("month")
        .annotate(count=Count("pk"))
    }
    closed = set(FiscalPeriod.objects.filter(is_closed=True).values_list("starts_on", flat=True))
    first_event = LotCostEvent.objects.aggregate(first=Min("dated"))["first"]
    known = {*entries, *closed, period_start(today), *([period_start(first_event)] if first_event else [])}
    changes = latest_changes()
    found = []
    month = min(known)
    while month <= max(known):
        found.append(Month(month, month in closed, entries.get(month, 0), changes.get(month)))
        month = next_period(month)
    return found[::-1]


def open_months_until(until: date) -> list[date]:
    """The open months from the first with a posting up to and with this one, oldest first."""
    return [
        month.starts_on for month in reversed(months(today=until)) if month.starts_on <= until and not month.is_closed
    ]


def _months_open_before(starts_on: date) -> Sequence[Month]:
    return [month for month in reversed(months(today=starts_on)) if month.starts_on < starts_on and not month.is_closed]


def latest_changes() -> dict[date, PeriodChange]:
    """The last line of each period's log."""
    rows = PeriodChange.objects.select_related("by", "period").order_by("period_id", "-pk").distinct("period_id")
    return {row.period.starts_on: row for row in rows}
