"""What adjustments ask of the ledgers: On Hand as of a moment, and what a manufacturer lot has room for."""

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from django.db.models import Exists, OuterRef, Q, QuerySet, Sum

from inventory_site.document_forms import LineError
from inventory_site.money import quantity_text
from lots.models import (
    InventoryLot,
    InventoryTransaction,
    LineItemCode,
    LotType,
    Office,
    SerialMovement,
)
from lots.purchase_figures import ADJUSTMENT_KIND
from usage.adjustment_lines import ZERO, Role, Type, on_hand_change
from usage.models import AdjustmentLine, InventoryAdjustment


def on_hand_as_of(
    *,
    code: LineItemCode,
    office: Office | None,
    at: datetime,
    bin: str | None = None,
    manufacturer_lot: str | None = None,
) -> Decimal:
    """On Hand of a code as its transactions up to a moment add up. No office, bin or manufacturer lot: all of them."""
    found = _movements(office, at).filter(code=code)
    if bin is not None:
        found = found.filter(bin=bin)
    if manufacturer_lot is not None:
        found = found.filter(manufacturer_lot=manufacturer_lot)
    total: Decimal = found.aggregate(total=Sum("on_hand", default=ZERO))["total"]
    return total


def balances_by_place(
    *, codes: Collection[int], office: Office | None, at: datetime
) -> dict[tuple[int, str, str], Decimal]:
    """The same of many codes (primary keys) at once, by code, bin and manufacturer lot."""
    rows = _movements(office, at).filter(code__in=codes).order_by().values_list("code", "bin", "manufacturer_lot")
    return {(code, bin, lot): total for code, bin, lot, total in rows.annotate(total=Sum("on_hand"))}


def _movements(office: Office | None, at: datetime) -> "QuerySet[InventoryTransaction]":
    found = InventoryTransaction.objects.filter(at__lte=at)
    return found if office is None else found.filter(office=office)


def system_balances(lines: Sequence[AdjustmentLine], *, office: Office | None, at: datetime) -> list[Decimal]:
    """What the system says for each line of a count.

    A blank bin (or manufacturer lot) is the whole code's, unless another line of the count names a bin of that code:
    then it is the goods that are in none.
    """
    places = balances_by_place(codes={line.code_id for line in lines}, office=office, at=at)
    by_code: dict[int, list[tuple[str, str, Decimal]]] = {}
    for (code, bin, lot), total in places.items():
        by_code.setdefault(code, []).append((bin, lot, total))
    with_bins = {line.code_id for line in lines if line.bin}
    with_lots = {line.code_id for line in lines if line.manufacturer_lot}
    return [
        sum(
            (
                total
                for bin, lot, total in by_code.get(line.code_id, [])
                if (line.code_id not in with_bins or bin == line.bin)
                and (line.code_id not in with_lots or lot == line.manufacturer_lot)
            ),
            ZERO,
        )
        for line in lines
    ]


# -- Manufacturer lots -------------------------------------------------------------------------------
class ManufacturerLot(NamedTuple):
    """What came in under this name, and what of it was used since: sold, lost, counted down."""

    quantity_initial: Decimal
    quantity_used: Decimal


def manufacturer_lot_figures(
    *, code: LineItemCode, name: str, office: Office | None, is_split: bool
) -> ManufacturerLot:
    """What came in is what lots brought. A lot that a transfer fed brought nothing new: it moved what was there. Nor
    did a Beginning Balance on top of what had come in: it found again what was thought used.
    """
    found = InventoryTransaction.objects.filter(code=code, manufacturer_lot=name)
    brought = Q(lot__isnull=False)
    if is_split:
        found = found.filter(office=office)
    else:
        brought &= ~Q(lot__is_fed=True, lot__lot_type=LotType.PURCHASE)
    undone = InventoryTransaction.objects.filter(reverses=OuterRef("pk"))
    first = found.filter(brought, ~Exists(undone), reverses=None).order_by("pk").first()
    if first is not None:
        found_again = Q(source_kind=ADJUSTMENT_KIND, lot__is_fed=False) & ~Q(source_number=first.source_number)
        brought &= ~found_again
    sums = found.aggregate(initial=Sum("on_hand", filter=brought, default=ZERO), total=Sum("on_hand", default=ZERO))
    return ManufacturerLot(sums["initial"], sums["initial"] - sums["total"])


def lots_of_manufacturer_lot(
    *, code: LineItemCode, name: str, office: Office | None, is_split: bool
) -> list[InventoryLot]:
    """The inventory lots that brought goods of this manufacturer lot, of the pool that the office's usage touches."""
    found = InventoryLot.objects.filter(
        code=code, transactions__manufacturer_lot=name, transactions__on_hand__gt=0, quantity_received__gt=0
    )
    if is_split:
        found = found.filter(office=office)
    return list(found.order_by("pk").distinct())


def lots_of_serials(
    *, code: LineItemCode, serials: Sequence[str], office: Office | None, is_split: bool
) -> dict[str, InventoryLot]:
    """The lot that brought each serial number in, the last time it did, if usage of the office can touch that lot.

    What brought it in and was undone since (a transfer that is void) does not count.
    """
    undone = InventoryTransaction.objects.filter(reverses=OuterRef("transaction"))
    found = SerialMovement.objects.filter(
        ~Exists(undone), code=code, serial__in=serials, direction=1, transaction__lot__isnull=False
    )
    if is_split:
        found = found.filter(transaction__lot__office=office)
    rows = found.select_related("transaction__lot").order_by("pk")
    return {row.serial: row.transaction.lot for row in rows if row.transaction.lot is not None}


def _elsewhere_text(lot: InventoryLot) -> str:
    """Goods that are added to a lot are on hand where it is, or On Hand and lots of both offices would be wrong."""
    if lot.office is None:
        return f"Lot {lot.number} belongs to no office: leave the office of the adjustment blank to add to it."
    return f"Lot {lot.number} is at {lot.office}: only an adjustment of that office can add to it."


def stock_problems(
    adjustment: InventoryAdjustment, lines: Sequence[AdjustmentLine], *, is_split: bool
) -> Iterator[LineError]:
    """What the ledgers object to: manufacturer lots that never came in, or that would hold more than ever came."""
    raised: dict[tuple[int, str], Decimal] = {}
    if adjustment.adjustment_type == Type.COUNT:
        # A count that moves goods from bin to bin takes as much of a manufacturer lot as it adds.
        for line in lines:
            key = (line.code_id, line.manufacturer_lot)
            raised[key] = raised.get(key, ZERO) + min(line.quantity, ZERO)
    # What a Beginning Balance brings in under a new name, it can write off again.
    brought = {
        (line.code_id, line.manufacturer_lot)
        for line in lines
        if adjustment.adjustment_type == Type.BEGINNING_BALANCE and line.quantity > 0
    }
    for index, line in enumerate(lines):
        if line.into_lot is not None and line.into_lot.office_id != adjustment.office_id:
            yield LineError(index, _elsewhere_text(line.into_lot), field="into_lot")
        if not line.manufacturer_lot or line.role == Role.PRODUCT or not line.quantity:
            continue
        change = on_hand_change(adjustment.adjustment_type, line)
        name = line.manufacturer_lot
        figures = manufacturer_lot_figures(code=line.code, name=name, office=adjustment.office, is_split=is_split)
        is_new = figures.quantity_initial == 0
        if is_new and (line.code_id, name) in brought:
            continue
        if is_new:
            yield LineError(
                index,
                f"Manufacturer lot {name} of {line.code} never came in{' at this office' if is_split else ''}:"
                " only a Beginning Balance that adds goods can name a new one.",
                field="manufacturer_lot",
            )
            continue
        if change > 0:
            key = (line.code_id, name)
            raised[key] = raised.get(key, ZERO) + change
            if raised[key] > figures.quantity_used:
                yield LineError(
                    index,
                    f"The adjusted quantity {quantity_text(raised[key])} exceeds the previously used quantity"
                    f" {quantity_text(max(figures.quantity_used, ZERO))} of manufacturer lot {name}: it cannot hold"
                    f" more than the {quantity_text(figures.quantity_initial)} that came in. Enter the rest under a"
                    " manufacturer lot of its own, by a Beginning Balance.",
                    field="quantity",
                )
