"""What Explain this cost reads: usages, lots, documents and what ties them, level by level, a few queries each.

Bounded in breadth (lines below one figure) and in all: what is not read is said to go on, with the way there.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any, Final, NamedTuple

from django.db import connection
from django.db.models import F
from django.urls import reverse
from django.utils import timezone

from inventory_site import money
from lots import addresses
from lots.models import DocumentStatus, InventoryLot, LotCostEvent
from usage.models import InventoryUsage, JobCost, LotFeed

ZERO: Final = Decimal(0)
BREADTH: Final = 20
# Levels of lots, and lots in all: a page that people can read.
LEVELS: Final = 8
LOTS_MOST: Final = 300


class Drawn(NamedTuple):
    """What a usage and a lot have to do with one another, over all entries. `other` is the one asked for."""

    other: int
    quantity: Decimal
    amount: Decimal
    drawn: Decimal
    back: Decimal
    corrected: Decimal


class FeedIn(NamedTuple):
    """A usage that goes into a lot: its cost, the estimate for what is unallocated included, and the lot's share."""

    usage: int
    quantity: Decimal
    share_from: int
    share_to: int
    cost: Decimal


class FeedOut(NamedTuple):
    """A lot that a usage goes into."""

    lot: int
    share_from: int
    share_to: int


class Line(NamedTuple):
    """A document's part in a lot's value, or a job cost."""

    label: str
    amount: Decimal
    url: str
    text: str
    day: date
    quantity: Decimal | None


NOTHING_LEFT: Final = (0, ZERO, ZERO)


@dataclass
class UsageRecord:
    """A usage, the lots that paid for it, and the lots that it went into."""

    pk: int
    number: str
    code: str
    url: str
    said: str
    day: date
    quantity: Decimal
    unallocated: Decimal
    estimate: Decimal
    est_unit_cost: Decimal
    account: str
    amount: Decimal = ZERO
    lots: list[Drawn] = field(default_factory=list)
    lots_left: tuple[int, Decimal, Decimal] = NOTHING_LEFT
    goes_into: list[FeedOut] = field(default_factory=list)

    @property
    def cost(self) -> Decimal:
        return self.amount + self.estimate


@dataclass
class LotRecord:
    """A lot: the documents and usages that its value comes from, and the usages that it went to."""

    pk: int
    number: str
    code: str
    url: str
    explain_url: str
    cogs_url: str
    said: str
    day: date | None
    quantity: Decimal
    quantity_current: Decimal
    value: Decimal
    value_used: Decimal
    is_final: bool
    is_fed: bool
    is_job_open: bool
    is_read: bool = False
    lines: list[Line] = field(default_factory=list)
    feeds: list[FeedIn] = field(default_factory=list)
    usages: list[Drawn] = field(default_factory=list)
    usages_left: tuple[int, Decimal, Decimal] = NOTHING_LEFT


@dataclass
class Records:
    """Everything that was read, by primary key."""

    usages: dict[int, UsageRecord] = field(default_factory=dict)
    lots: dict[int, LotRecord] = field(default_factory=dict)


# Entries merged per pair of usage and lot, the first of each in their order; beside each the sums over all of them.
_DRAWN = """
SELECT {of}_id, {other}_id, quantity, amount, drawn, back, corrected, all_count, all_quantity, all_amount FROM (
    SELECT {of}_id, {other}_id, sum(quantity) AS quantity, sum(amount) AS amount,
        coalesce(sum(amount) FILTER (WHERE kind = 'DRAW'), 0) AS drawn,
        coalesce(sum(amount) FILTER (WHERE kind = 'GIVE_BACK'), 0) AS back,
        coalesce(sum(amount) FILTER (WHERE kind = 'TRUE_UP'), 0) AS corrected,
        row_number() OVER (PARTITION BY {of}_id ORDER BY min(id)) AS place,
        count(*) OVER (PARTITION BY {of}_id) AS all_count,
        sum(sum(quantity)) OVER (PARTITION BY {of}_id) AS all_quantity,
        sum(sum(amount)) OVER (PARTITION BY {of}_id) AS all_amount
    FROM reconciliation_cogsallocation WHERE {of}_id = ANY(%(asked)s) GROUP BY {of}_id, {other}_id
) AS pair WHERE place <= %(breadth)s ORDER BY {of}_id, place
"""
_FEEDS = """
SELECT feed.lot_id, feed.usage_id, usage.quantity, feed.share_from, feed.share_to,
    coalesce(charged.amount, 0) + coalesce(round(open.quantity_unallocated * code.est_unit_cost, 2), 0) AS cost
FROM usage_lotfeed AS feed JOIN usage_inventoryusage AS usage ON usage.id = feed.usage_id
JOIN lots_lineitemcode AS code ON code.id = usage.code_id
LEFT JOIN usage_openusage AS open ON open.usage_id = usage.id
CROSS JOIN LATERAL (
    SELECT sum(amount) AS amount FROM reconciliation_cogsallocation WHERE usage_id = usage.id
) AS charged
WHERE feed.lot_id = ANY(%(asked)s) ORDER BY feed.lot_id, feed.id
"""


def read_cost_of_usage(usage: int) -> Records:
    """What the cost of a usage comes from."""
    records = Records()
    lots = _read_usages(records, [usage])
    _read_costs(records, lots)
    return records


def read_cost_of_lot(lot: int) -> Records:
    """What the value of a lot comes from."""
    records = Records()
    _read_costs(records, [lot])
    return records


def read_use_of_lot(lot: int) -> Records:
    """Where the value of a lot went."""
    records = Records()
    asked: list[int] = [lot]
    for _ in range(LEVELS):
        new = _read_lots(records, asked)
        if not new:
            break
        usages: set[int] = set()
        for of, drawn, left in _drawn("lot", new):
            records.lots[of].usages, records.lots[of].usages_left = drawn, left
            usages |= {row.other for row in drawn}
        _read_usages(records, sorted(usages - set(records.usages)))
        asked = []
        for feed in LotFeed.objects.filter(usage__in=usages).order_by("pk"):
            into = records.usages[feed.usage_id].goes_into
            if feed.lot_id not in {known.lot for known in into}:
                into.append(FeedOut(feed.lot_id, feed.share_from, feed.share_to))
                asked.append(feed.lot_id)
    _name_lots(records, asked)
    return records


def _read_costs(records: Records, asked: Collection[int]) -> None:
    """These lots, what went into them, and so on downwards."""
    for _ in range(LEVELS):
        new = _read_lots(records, asked)
        if not new:
            break
        _read_lines(records, new)
        usages: set[int] = set()
        for lot, *row in _rows(_FEEDS, asked=new):
            feed = FeedIn(*row)
            feeds = records.lots[lot].feeds
            feeds.append(feed)
            if len(feeds) <= BREADTH:
                usages.add(feed.usage)
        asked = _read_usages(records, sorted(usages - set(records.usages)))
    _name_lots(records, asked)


# -- One level ---------------------------------------------------------------------------------------
def _read_usages(records: Records, asked: Sequence[int]) -> list[int]:
    """Read these usages and what each lot gave to them; return the lots."""
    if not asked:
        return []
    found = InventoryUsage.objects.filter(pk__in=asked).select_related("code", "account", "open_usage")
    for usage in found:
        records.usages[usage.pk] = _usage_record(usage)
    lots: list[int] = []
    for of, drawn, left in _drawn("usage", asked):
        record = records.usages[of]
        record.lots, record.lots_left = drawn, left
        record.amount = sum((row.amount for row in drawn), left[2])
        lots += [row.other for row in drawn]
    return lots


def _read_lots(records: Records, asked: Collection[int]) -> list[int]:
    """Read these lots unless they are; return those that are to be gone into, as far as there is room."""
    _name_lots(records, asked)
    room = LOTS_MOST - sum(1 for lot in records.lots.values() if lot.is_read)
    new = [pk for pk in dict.fromkeys(asked) if pk in records.lots and not records.lots[pk].is_read][: max(room, 0)]
    for pk in new:
        records.lots[pk].is_read = True
    return new


def _name_lots(records: Records, asked: Collection[int]) -> None:
    missing = sorted(set(asked) - set(records.lots))
    if missing:
        found = InventoryLot.objects.filter(pk__in=missing).select_related("code", "job")
        for lot in found:
            records.lots[lot.pk] = _lot_record(lot)


def _read_lines(records: Records, lots: Sequence[int]) -> None:
    """The documents behind these lots, and what their jobs cost besides."""
    fed = [pk for pk in lots if records.lots[pk].is_fed]
    events = LotCostEvent.objects.filter(lot__in=lots)
    if fed:
        # What fed a lot is shown itself, rather than the entries by which the lot followed it.
        events = events.exclude(lot__in=fed, value=0, quantity=0).exclude(kind=LotCostEvent.Kind.FED)
    for event in events.order_by("lot", "pk"):
        records.lots[event.lot_id].lines.append(_event_line(event))
    if fed:
        costs = JobCost.objects.filter(job__lot__in=fed).annotate(of_lot=F("job__lot")).select_related("job")
        for cost in costs.order_by("pk"):
            records.lots[cost.of_lot].lines.append(
                Line(
                    f"{cost.get_kind_display()}, {cost.job.number}",
                    cost.amount,
                    _address(cost.job),
                    cost.description,
                    timezone.localdate(cost.incurred_at),
                    None,
                )
            )


def _drawn(of: str, asked: Sequence[int]) -> list[tuple[int, list[Drawn], tuple[int, Decimal, Decimal]]]:
    """Of each usage the lots, or of each lot the usages: the first ones, and what is left beside them."""
    other = {"usage": "lot", "lot": "usage"}[of]
    rows: defaultdict[int, list[Any]] = defaultdict(list)
    for one, *row in _rows(_DRAWN.format(of=of, other=other), asked=asked, breadth=BREADTH):
        rows[one].append(row)
    result = []
    for one, found in rows.items():
        drawn = [Drawn(*row[:6]) for row in found]
        count, quantity, amount = found[0][6:]
        left = (
            count - len(drawn),
            quantity - sum((row.quantity for row in drawn), ZERO),
            amount - sum((row.amount for row in drawn), ZERO),
        )
        result.append((one, drawn, left))
    return result


def _rows(statement: str, *, asked: Sequence[int], **parameters: Any) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(statement, {"asked": list(asked), **parameters})
        return list(cursor.fetchall())


# -- Records of models -------------------------------------------------------------------------------
def _usage_record(usage: InventoryUsage) -> UsageRecord:
    is_open = hasattr(usage, "open_usage")
    unallocated = usage.open_usage.quantity_unallocated if is_open else ZERO
    said = [usage.source_number, f"order {usage.order}" if usage.order else ""]
    return UsageRecord(
        pk=usage.pk,
        number=usage.number,
        code=usage.code.code,
        url=usage.get_absolute_url(),
        said=", ".join(filter(None, said)),
        day=timezone.localdate(usage.used_at),
        quantity=usage.quantity,
        unallocated=unallocated,
        estimate=money.to_cents(unallocated * usage.code.est_unit_cost),
        est_unit_cost=usage.code.est_unit_cost,
        account=str(usage.account) if usage.account else "",
    )


def _lot_record(lot: InventoryLot) -> LotRecord:
    job = getattr(lot, "job", None)
    return LotRecord(
        pk=lot.pk,
        number=lot.number,
        code=lot.code.code,
        url=lot.get_absolute_url(),
        explain_url=reverse("reconciliation:explain_lot", args=[lot.pk]),
        cogs_url=addresses.found_set("reconciliation:allocations", lot=addresses.exactly(lot.number)),
        said=lot.source_number,
        day=timezone.localdate(lot.first_received_at) if lot.first_received_at else None,
        quantity=lot.quantity_received,
        quantity_current=lot.quantity_current,
        value=lot.value,
        value_used=lot.value_used,
        is_final=lot.is_cost_final,
        is_fed=lot.is_fed,
        is_job_open=job is not None and job.status != DocumentStatus.CLOSED,
    )


def _event_line(event: LotCostEvent) -> Line:
    text = ""
    if event.value_payable and event.value_payable != event.value:
        text = f"{money.money_text(event.value_payable)} billed"
        if not event.value:
            text += "; the order's cost stands until it is closed"
    return Line(
        f"{event.get_kind_display()} {event.source_number}".strip(),
        event.value,
        addresses.everything_from(event.source_number),
        text,
        event.dated,
        event.quantity or None,
    )


def _address(record: Any) -> str:
    return str(record.get_absolute_url())
