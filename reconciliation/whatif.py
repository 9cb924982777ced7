"""What a snapshot would be if an adjustment were posted: virtual lots and usages, with the places that they would get.

Nothing here writes. A virtual record has the newest entry number of all; a new lot's first receipt and a new usage's
moment are the adjustment's. So the plan of such a snapshot is the plan of the run that follows the posting.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from itertools import count
from typing import Final

from django.db.models import Min, Sum
from django.utils import timezone

from inventory_site.fields import MONEY_STEP, QUANTITY_STEP
from inventory_site.money import to_cents
from lots.models import InventoryLot
from lots.periods import day_in_the_books
from reconciliation.engine import CostBasis, Lot, Usage
from reconciliation.models import CogsAllocation
from reconciliation.snapshot import RecostedLot, Snapshot
from usage.models import InventoryUsage
from usage.unit_names import Part

ZERO: Final = Decimal(0)
# Above every real key, and in the order in which posting would make them.
FIRST_VIRTUAL: Final = 2**62


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a Beginning Balance: + makes a lot (or grows `into_lot`) at this cost, - makes usage."""

    quantity: Decimal
    unit_cost: Decimal = ZERO
    cost_source: str = ""
    into_lot: InventoryLot | None = None
    # Of tracked codes: what came in, or is written off; serial numbers one per line.
    manufacturer_lot: str = ""
    serials: str = ""

    @property
    def value(self) -> Decimal:
        """What a + line adds; a - line is costed by the run."""
        return to_cents(self.quantity * self.unit_cost) if self.quantity > 0 else ZERO


@dataclass(slots=True)
class WhatIf:
    """A snapshot with its virtual records, and the rows behind the real ones."""

    snapshot: Snapshot
    lots: dict[int, InventoryLot]
    usages: dict[int, InventoryUsage]
    virtual_lots: dict[int, Line] = field(default_factory=dict)
    virtual_usages: dict[int, Line] = field(default_factory=dict)
    grown: list[tuple[int, Line]] = field(default_factory=list)


def steps(quantity: Decimal) -> int:
    return int(quantity / QUANTITY_STEP)


def cents(amount: Decimal) -> int:
    return int(amount / MONEY_STEP)


def release(snapshot: Snapshot, usages: Collection[int]) -> Snapshot:
    """The same with these usages free to touch any lot."""
    freed = set(usages)
    if not freed:
        return snapshot
    return replace(
        snapshot,
        usages=[usage._replace(only_lots=None) if usage.key in freed else usage for usage in snapshot.usages],
    )


def with_lines(
    snapshot: Snapshot,
    lines: Sequence[Line],
    *,
    adjusted_at: datetime,
    kept_on: int,
    write_offs: Sequence[Sequence[Part]] = (),
) -> WhatIf:
    """Add what the lines would make. Reads the rows behind the snapshot for their moments and names.

    `kept_on` is the account (its primary key) of a new lot.
    `write_offs` are the usages that each line below zero becomes: one, or for named units one for each lot of theirs.
    """
    grown = [line.into_lot.pk for line in lines if line.into_lot is not None]
    lots = InventoryLot.objects.in_bulk({*(lot.key for lot in snapshot.lots), *grown})
    usages = InventoryUsage.objects.in_bulk({usage.key for usage in snapshot.usages} | snapshot.usage_days.keys())
    result = WhatIf(replace(snapshot, recosted=list(snapshot.recosted)), lots, usages)
    result.snapshot.usage_days = dict(snapshot.usage_days)
    result.snapshot.lot_days = dict(snapshot.lot_days)
    result.snapshot.lot_accounts = dict(snapshot.lot_accounts)
    received = [(_moment(lots[lot.key]), lot) for lot in snapshot.lots]
    used = [(usages[usage.key].used_at, usage) for usage in snapshot.usages]
    day = timezone.localdate(adjusted_at).toordinal()
    keys = count(FIRST_VIRTUAL)
    for place, line in enumerate(lines):
        if line.quantity < 0:
            for part in write_offs[place] if write_offs else (Part(-line.quantity, (), ()),):
                key = next(keys)
                only_lots = frozenset(lot.pk for lot in part.only_lots) or None
                used.append((adjusted_at, Usage(key, (0, key), steps(part.quantity), only_lots=only_lots)))
                result.virtual_usages[key] = line
                result.snapshot.usage_days[key] = day
            continue
        key = next(keys)
        if line.into_lot is None:
            received.append((adjusted_at, Lot(key, (0, key), steps(line.quantity), 0, cents(line.value))))
            result.virtual_lots[key] = line
            result.snapshot.lot_days[key] = day
            result.snapshot.lot_accounts[key] = kept_on
        else:
            received = _grow(result, received, line, adjusted_at=adjusted_at)
    received.sort(key=lambda pair: (pair[0], pair[1].key))
    used.sort(key=lambda pair: (pair[0], pair[1].key))
    result.snapshot.lots = [lot._replace(order=(place, lot.key)) for place, (_, lot) in enumerate(received)]
    result.snapshot.usages = [usage._replace(order=(place, usage.key)) for place, (_, usage) in enumerate(used)]
    return result


def _moment(lot: InventoryLot) -> datetime:
    if lot.first_received_at is None:
        raise AssertionError("A lot in a snapshot has received something.")
    return lot.first_received_at


def _grow(
    result: WhatIf, received: list[tuple[datetime, Lot]], line: Line, *, adjusted_at: datetime
) -> list[tuple[datetime, Lot]]:
    """A lot that gets more units and value, as `lot_change` would give them; what it already gave out is trued up."""
    if line.into_lot is None:
        raise AssertionError("Only a line into a lot grows one.")
    row, snapshot = result.lots[line.into_lot.pk], result.snapshot
    before = next((lot for _, lot in received if lot.key == row.pk), None)
    if before is None:
        before = Lot(row.pk, (0, row.pk), steps(row.quantity_received), steps(row.quantity_used), cents(row.value))
    after = before._replace(
        quantity_received=before.quantity_received + steps(line.quantity), value=before.value + cents(line.value)
    )
    first = row.first_received_at
    if first is None or not before.quantity_received or adjusted_at < first:
        first = adjusted_at
    snapshot.lot_accounts[row.pk] = row.account_id
    snapshot.lot_days[row.pk] = timezone.localdate(first).toordinal()
    result.grown.append((row.pk, line))
    recosted = [lot for lot in snapshot.recosted if lot.lot != row.pk]
    known = next((lot for lot in snapshot.recosted if lot.lot == row.pk), None)
    booked = CostBasis(cents(row.value_costed), steps(row.quantity_costed))
    present = CostBasis(after.value, after.quantity_received)
    if after.quantity_used and booked != present:
        touched = known.quantity_by_usage if known else _touched(result, row.pk)
        changed_on = day_in_the_books(adjusted_at).toordinal()
        recosted.append(RecostedLot(row.pk, booked, present, changed_on, touched))
    snapshot.recosted = recosted
    return [(moment, lot) for moment, lot in received if lot.key != row.pk] + [(first, after)]


def _touched(result: WhatIf, lot: int) -> list[tuple[int, int]]:
    """Who touched the lot, net, in entry order; their days and rows are noted as those of the others."""
    rows = list(
        CogsAllocation.objects.filter(lot=lot)
        .order_by("usage")
        .values("usage")
        .annotate(net=Sum("quantity"), used_at=Min("usage__used_at"))
    )
    result.usages |= InventoryUsage.objects.in_bulk([row["usage"] for row in rows])
    for row in rows:
        result.snapshot.usage_days[row["usage"]] = timezone.localdate(row["used_at"]).toordinal()
    return [(row["usage"], steps(row["net"])) for row in rows]
