"""What fed lots were worth on each day, by what had gone in, come out and been spent until then. Reads only.

Whatever changes a fed lot counts on its own day: a component on that of its allocation, an output or a cost of the job
on its own, the closing of the job on that of the close. What components were allocated at is taken as it is: usage that
is allocated after its lot's cost changed has all of it on its own day (ADR 20).
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, NamedTuple

from django.db import connection
from django.utils import timezone

from lots.costing import to_cents
from lots.models import DocumentStatus, InventoryLot, LotCostEvent
from usage.feeding import shared
from usage.models import Job, LotRecost
from usage.production_cost import ComponentCost, production_cost

ZERO = Decimal(0)

_FEEDS = """
SELECT feed.lot_id, usage.id, feed.share_from, feed.share_to, job_usage.component_id, usage.used_at, usage.quantity,
    code.est_unit_cost, EXISTS (SELECT FROM usage_openusage AS open WHERE open.usage_id = usage.id)
FROM usage_lotfeed AS feed JOIN usage_inventoryusage AS usage ON usage.id = feed.usage_id
JOIN lots_lineitemcode AS code ON code.id = usage.code_id
LEFT JOIN usage_jobusage AS job_usage ON job_usage.usage_id = usage.id
WHERE feed.lot_id = ANY(%(lots)s) ORDER BY feed.lot_id, feed.id
"""
_CHARGES = """
SELECT allocation.usage_id, allocation.dated, sum(allocation.quantity), sum(allocation.amount),
    bool_or(NOT source.is_cost_final)
FROM reconciliation_cogsallocation AS allocation JOIN lots_inventorylot AS source ON source.id = allocation.lot_id
WHERE allocation.usage_id = ANY(%(usages)s) GROUP BY allocation.usage_id, allocation.dated
"""


class Worth(NamedTuple):
    """The value of a lot, and what of it is credited elsewhere than to inventory in process."""

    value: Decimal
    value_other: Decimal


class Step(NamedTuple):
    """By how much a lot's worth changes, and on which day."""

    day: date
    change: Worth


class Charge(NamedTuple):
    """What one usage was charged on one day."""

    dated: date
    quantity: Decimal
    amount: Decimal


@dataclass
class Feed:
    """One usage that goes into a lot: its cost so far, and the estimate for what is unallocated."""

    usage: int
    share_from: int
    share_to: int
    component: int | None
    used_on: date
    quantity: Decimal
    est_unit_cost: Decimal
    is_open: bool
    charges: list[Charge] = field(default_factory=list)
    on_estimates: bool = False

    def days(self) -> set[date]:
        return {self.used_on, *(max(charge.dated, self.used_on) for charge in self.charges)}

    def cost_on(self, day: date) -> Decimal:
        """What it had cost by the end of this day, with the estimate for what was unallocated then."""
        if self.used_on > day:
            return ZERO
        charges = [charge for charge in self.charges if charge.dated <= day]
        unallocated = self.quantity - sum((charge.quantity for charge in charges), ZERO)
        return sum((charge.amount for charge in charges), to_cents(unallocated * self.est_unit_cost))


class Posted(NamedTuple):
    """What a cost event of the lot changed."""

    day: date
    quantity: Decimal
    value: Decimal
    value_other: Decimal


@dataclass
class FedLot:
    """A fed lot with everything that its worth follows from."""

    lot: InventoryLot
    job: Job | None
    feeds: list[Feed] = field(default_factory=list)
    posted: list[Posted] = field(default_factory=list)

    def is_final(self) -> bool:
        return self.lot.is_source_complete and not any(feed.is_open or feed.on_estimates for feed in self.feeds)

    def steps(self, waiting: LotRecost, *, in_between: bool) -> list[Step]:
        """What has to be posted, so that the lot is worth on each day what it was, from the first that changed.

        Nothing before it has: the note that waits for the lot says which day that is. What is due to no day, such as
        another estimate or plan, counts on the last that the note names. Unless `in_between`, all counts on the last.
        """
        first, last = timezone.localdate(waiting.changed_from), timezone.localdate(waiting.changed_until)
        known = self._days()
        days = sorted({*(day for day in known if in_between and day >= first), max([last, *known])})
        if not self.lot.quantity_received:
            # It cannot carry a value now, not even for as long as it takes to post the next step.
            days = days[-1:]
        steps = []
        before = Worth(ZERO, ZERO)
        for day, worth in zip(days, self._worth_on(days), strict=True):
            there = self._posted_until(None if day == days[-1] else day)
            ahead = Worth(worth.value - there.value, worth.value_other - there.value_other)
            change = Worth(ahead.value - before.value, ahead.value_other - before.value_other)
            if any(change):
                steps.append(Step(day, change))
            before = ahead
        # Increases first: a lot is never worth less than nothing, not even until the next step.
        return sorted(steps, key=lambda step: step.change.value < 0)

    def worth_at_last(self) -> Worth:
        """What it is worth when all that is known of has happened."""
        return next(self._worth_on([max(self._days(), default=date.max)]))

    def _days(self) -> set[date]:
        """Every day on which something counted."""
        days = {day for feed in self.feeds for day in feed.days()}
        days |= {event.day for event in self.posted if event.quantity}
        if self.job is not None:
            days |= {timezone.localdate(cost.incurred_at) for cost in self.job.costs.all()}
            days |= {day for day in (self._closed_on(),) if day is not None}
        return days

    def _closed_on(self) -> date | None:
        if self.job is None or self.job.status != DocumentStatus.CLOSED or self.job.closed_at is None:
            return None
        return timezone.localdate(self.job.closed_at)

    def _posted_until(self, day: date | None) -> Worth:
        if day is None:
            return Worth(self.lot.value, self.lot.value_other)
        rows = [row for row in self.posted if row.day <= day]
        return Worth(sum((row.value for row in rows), ZERO), sum((row.value_other for row in rows), ZERO))

    def _worth_on(self, days: Sequence[date]) -> Iterator[Worth]:
        """What the lot was worth at the end of each of these days, which are given in their order."""
        due = sorted(
            ((day, place) for place, feed in enumerate(self.feeds) for day in feed.days()), key=lambda row: row[0]
        )
        costs: dict[int, Decimal] = {}
        amounts: defaultdict[int | None, Decimal] = defaultdict(lambda: ZERO)
        consumed: defaultdict[int | None, Decimal] = defaultdict(lambda: ZERO)
        done = 0
        for day in days:
            changed = set()
            while done < len(due) and due[done][0] <= day:
                changed.add(due[done][1])
                done += 1
            for place in changed:
                feed = self.feeds[place]
                cost = self._part(feed, feed.cost_on(day))
                if place not in costs:
                    consumed[feed.component] += feed.quantity
                amounts[feed.component] += cost - costs.get(place, ZERO)
                costs[place] = cost
            received = sum((row.quantity for row in self.posted if row.day <= day), ZERO)
            yield self._worth(day, received, amounts, consumed)

    def _part(self, feed: Feed, cost: Decimal) -> Decimal:
        if self.job is not None:
            return cost
        return shared(cost, share_from=feed.share_from, share_to=feed.share_to)

    def _worth(
        self,
        day: date,
        received: Decimal,
        amounts: dict[int | None, Decimal],
        consumed: dict[int | None, Decimal],
    ) -> Worth:
        if self.job is None:
            # A void takes all of it out again: what was received, and with it what it was worth.
            value = sum(amounts.values(), ZERO) if received > 0 else ZERO
            return Worth(value, sum((row.value_other for row in self.posted if row.day <= day), ZERO))
        costs = [cost.amount for cost in self.job.costs.all() if timezone.localdate(cost.incurred_at) <= day]
        job_costs = sum(costs, ZERO)
        closed_on = self._closed_on()
        is_closed = closed_on is not None and closed_on <= day
        value = production_cost(
            quantity_ordered=self.job.quantity,
            quantity_produced=received,
            is_closed=is_closed,
            components=[
                ComponentCost(component.quantity, consumed[component.pk], amounts[component.pk])
                for component in self.job.components.all()
            ],
            job_costs=job_costs,
        )
        # Closed with nothing to show for it: what is in process is expensed.
        is_lost = is_closed and received <= 0
        return Worth(value, -sum(amounts.values(), ZERO) if is_lost else job_costs)


def read_fed_lots(lots: Collection[int]) -> list[FedLot]:
    """Read these lots (primary keys) with all that went into them, in their order. The caller holds their pools."""
    keys = list(lots)
    jobs = {job.lot_id: job for job in Job.objects.filter(lot__in=keys).prefetch_related("components", "costs")}
    lots_of = InventoryLot.objects.filter(pk__in=keys).select_related("code", "pool")
    found = {lot.pk: FedLot(lot, jobs.get(lot.pk)) for lot in lots_of.order_by("pk")}
    events = LotCostEvent.objects.filter(lot__in=keys).order_by("pk")
    for lot, at, quantity, value, value_other in events.values_list("lot", "at", "quantity", "value", "value_other"):
        found[lot].posted.append(Posted(timezone.localdate(at), quantity, value, value_other))
    by_usage: defaultdict[int, list[Feed]] = defaultdict(list)
    for row in _rows(_FEEDS, lots=keys):
        lot, usage, share_from, share_to, component, used_at, quantity, est_unit_cost, is_open = row
        used_on = timezone.localdate(used_at)
        feed = Feed(usage, share_from, share_to, component, used_on, quantity, est_unit_cost, is_open)
        by_usage[usage].append(feed)
        found[lot].feeds.append(feed)
    for usage, dated, quantity, amount, on_estimates in _rows(_CHARGES, usages=list(by_usage)):
        for feed in by_usage[usage]:
            feed.charges.append(Charge(dated, quantity, amount))
            feed.on_estimates |= on_estimates
    return list(found.values())


def moment_on(day: date, lot: InventoryLot) -> datetime:
    """Noon of the day, or the moment at which the lot first received goods if that was later on it."""
    noon = timezone.make_aware(datetime.combine(day, time(12)))
    first = lot.first_received_at
    return first if first is not None and first > noon and timezone.localdate(first) == day else noon


def _rows(statement: str, **parameters: list[int]) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return list(cursor.fetchall())
