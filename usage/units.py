"""Which units a line of a document is about.

What leaves is drawn from the lots that brought it in; what returns goes back to the usage that took it out.
"""

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal

from django.core.exceptions import ValidationError
from django.db.models import Sum
from django.utils import timezone

from inventory_site.money import quantity_text
from lots.ledger import ZERO, why_not_leave
from lots.locks import preference_in_force
from lots.models import InventoryLot, InventoryTransaction, LineItemCode, Office, SerialMovement
from usage.adjustment_stock import lots_of_manufacturer_lot, lots_of_serials
from usage.demand import is_stocked
from usage.models import InventoryUsage, OrderLine, Shipment, ShipmentLine, ShipmentUsage
from usage.services import restriction_of
from usage.supplying import own_lots
from usage.unit_names import Part, Units, serials_of


def units_of(line: ShipmentLine) -> Units:
    return Units(line.quantity, serials_of(line.serials), line.manufacturer_lot)


def why_not_these_units(code: LineItemCode, units: Units) -> str:
    """What is wrong with the serial numbers or the manufacturer lot of a line, or ""."""
    return why_not_these_serials(code, units) or why_not_this_lot(code, units)


def why_not_these_serials(code: LineItemCode, units: Units) -> str:
    serials = units.serials
    if code.is_serialized and len(serials) != units.quantity:
        return f"{code} is serialized: {quantity_text(units.quantity)} need as many serial numbers, not {len(serials)}."
    if serials and not code.is_serialized:
        return f"{code} is not serialized, so it has no serial numbers."
    if twice := [serial for serial, count in Counter(serials).items() if count > 1]:
        return f"Serial number {twice[0]} is named twice."
    return ""


def why_not_this_lot(code: LineItemCode, units: Units) -> str:
    if code.is_tracked_by_manufacturer_lot and not units.manufacturer_lot:
        return f"{code} is tracked by manufacturer lot: name the lot."
    return ""


# -- Going out ---------------------------------------------------------------------------------------
def parts_going_out(line: ShipmentLine) -> list[Part]:
    """Split a line by the lots that its units came in by; a special order takes them from its own lots.

    Raises ValidationError for a manufacturer lot that never came in, or one that is not in a special order's own lots.
    """
    order_line = line.order_line
    allowed = own_lots(order_line) if order_line.supply == OrderLine.Supply.SPECIAL_ORDER else []
    return parts_drawn(order_line.code, units_of(line), office=line.shipment.office, allowed=allowed)


def parts_drawn(
    code: LineItemCode, units: Units, *, office: Office | None, allowed: Sequence[InventoryLot] = ()
) -> list[Part]:
    """The usages that named units become when they leave: one, or one per lot of their serial numbers.

    Only lots that usage of the office can touch, and of those only `allowed` where some are. Raises ValidationError
    for a manufacturer lot that never came in, or units that came in by none of the lots that are allowed.
    """
    is_split, name = preference_in_force().prevent_inter_office, units.manufacturer_lot
    if name:
        came_by = lots_of_manufacturer_lot(code=code, name=name, office=office, is_split=is_split)
        if not came_by:
            raise ValidationError(
                f"No manufacturer lot {name} of {code} has come in{f' at {office}' if is_split and office else ''}."
                " Check its number, or receive it first. Nothing was posted."
            )
        if allowed and not set(allowed) & set(came_by):
            raise ValidationError(
                f"Manufacturer lot {name} is not what was ordered specially of {code}. Nothing was posted."
            )
        allowed = [lot for lot in allowed if lot in came_by] or came_by
    parts = parts_by_lot(
        code, units.quantity, serials=units.serials, office=office, is_split=is_split, otherwise=allowed
    )
    for part in parts:
        if allowed and part.serials and not set(part.only_lots) <= set(allowed):
            raise ValidationError(
                f"Serial number {part.serials[0]} is not of the lot that must be taken. Nothing was posted."
            )
    return [part._replace(manufacturer_lot=name) for part in parts]


def parts_by_lot(
    code: LineItemCode,
    quantity: Decimal,
    *,
    serials: Sequence[str],
    office: Office | None,
    is_split: bool,
    otherwise: Sequence[InventoryLot],
) -> list[Part]:
    """One part, or one for each lot that brought the serial numbers in: named units are drawn from their own lot.

    What no lot brought, and what has no serial number, may touch `otherwise`. Each part has the sign of `quantity`.
    """
    if not serials:
        return [Part(quantity, otherwise)]
    home = lots_of_serials(code=code, serials=serials, office=office, is_split=is_split)
    groups: dict[InventoryLot | None, list[str]] = {}
    for serial in serials:
        groups.setdefault(home.get(serial), []).append(serial)
    return [
        Part(Decimal(len(those)).copy_sign(quantity), [lot] if lot else otherwise, those)
        for lot, those in groups.items()
    ]


def more_than_came(shipment: Shipment, lines: Sequence[ShipmentLine]) -> list[str]:
    """Say of which manufacturer lots more would leave than is on hand of them: other units may bear that name by
    mistake, or the receipt is not entered yet.
    """
    leaving: dict[tuple[LineItemCode, str], Decimal] = {}
    for line in lines:
        if line.manufacturer_lot and is_stocked(line.order_line):
            key = (line.order_line.code, line.manufacturer_lot)
            leaving[key] = leaving.get(key, ZERO) + line.quantity
    texts = [
        more_than_there(code, Units(quantity, manufacturer_lot=name), office=shipment.office)
        for (code, name), quantity in leaving.items()
    ]
    return [text for text in texts if text]


def more_than_there(code: LineItemCode, units: Units, *, office: Office | None) -> str:
    """Say that more would leave than is on hand of a manufacturer lot, or "". Where offices are kept apart: of theirs.

    What never came in is refused elsewhere, whoever accepts it.
    """
    return why_not_leave(code=code, manufacturer_lot=units.manufacturer_lot, quantity=units.quantity, office=office)


# -- Coming back -------------------------------------------------------------------------------------
def parts_coming_back(line: ShipmentLine) -> list[Part]:
    """Split a return over the usages that its order line went out by, the last one first, each by what it has not yet
    had returned; named units go back to the usage that took them.

    Raises ValidationError when the units named did not go out on this order line, or not yet on the day of the return.
    """
    wanted, serials = line.quantity, serials_of(line.serials)
    is_split = preference_in_force().prevent_inter_office
    parts = []
    day = timezone.localdate(line.shipment.shipped_at)
    # What left later, of the units that are meant: those cannot have come back yet, others never left.
    late, late_serials = ZERO, set[str]()
    for usage, movement in usages_gone_out(line.order_line):
        left = left_to_return(usage)
        if wanted == 0 or left <= 0 or (line.manufacturer_lot and movement.manufacturer_lot != line.manufacturer_lot):
            continue
        if timezone.localdate(usage.used_at) > day:
            late += left
            late_serials.update(movement.serials.values_list("serial", flat=True) if serials else ())
            continue
        # What comes back to another office, where offices are kept apart, can go back to that one's lots only.
        lots = [] if is_split and usage.office != line.shipment.office else restriction_of(usage)
        if not serials:
            part = min(left, wanted)
            parts.append(Part(part, lots, original=usage, manufacturer_lot=line.manufacturer_lot))
            wanted -= part
            continue
        took = set(movement.serials.values_list("serial", flat=True))
        those = [serial for serial in serials if serial in took]
        if those:
            parts.append(Part(Decimal(len(those)), lots, those, usage, line.manufacturer_lot))
            serials = [serial for serial in serials if serial not in took]
            wanted -= len(those)
    strangers = [serial for serial in serials if serial not in late_serials]
    if wanted and late >= wanted and not strangers:
        raise ValidationError(
            f"{quantity_text(line.quantity)} {line.order_line.code} cannot have come back on {day:%Y-%m-%d}: order"
            f" {line.order_line.order} shipped them later. Enter the day on which they came back. Nothing was posted."
        )
    if wanted:
        what = f"manufacturer lot {line.manufacturer_lot}" if line.manufacturer_lot else "this code"
        what = f"serial number {strangers[0]}" if strangers else what
        raise ValidationError(
            f"Order {line.order_line.order} has not that much of {what} ({line.order_line.code}) to take back."
            " Nothing was received."
        )
    return parts


def usages_gone_out(order_line: OrderLine) -> list[tuple[InventoryUsage, InventoryTransaction]]:
    """The usages of an order line's outgoing shipments with their movements, the last shipped first."""
    rows = (
        ShipmentUsage.objects.filter(line__order_line=order_line, is_void=False, usage__quantity__gt=0)
        .select_related("usage__code", "usage__office", "usage__account")
        .order_by("-usage__used_at", "-usage")
    )
    usages = [row.usage for row in rows]
    moved = movements_by_usage(usages)
    return [(usage, moved[usage.pk]) for usage in usages]


def movements_by_usage(usages: Sequence[InventoryUsage]) -> dict[int, InventoryTransaction]:
    """The one movement that each usage was recorded with: same document, code, office, moment and quantity.

    Equal ones are told apart by their order, which is that of their usages.
    """
    numbers = {usage.source_number for usage in usages}
    rows: dict[tuple[object, ...], list[InventoryTransaction]] = {}
    moved = InventoryTransaction.objects.filter(source_number__in=numbers, lot=None).exclude(on_hand=0)
    for row in moved.order_by("-pk"):
        rows.setdefault((row.source_number, row.code_id, row.office_id, row.at, row.on_hand), []).append(row)
    return {
        usage.pk: rows[usage.source_number, usage.code_id, usage.office_id, usage.used_at, -usage.quantity].pop()
        for usage in InventoryUsage.objects.filter(source_number__in=numbers).order_by("pk")
    }


def units_out(usages: Sequence[InventoryUsage]) -> dict[int, Units]:
    """What each usage took and has not had returned, by its primary key."""
    returns = list(InventoryUsage.objects.filter(original__in=usages).order_by("pk"))
    moved = movements_by_usage([*usages, *returns])
    serials: dict[int, list[str]] = {}
    for row in SerialMovement.objects.filter(transaction__in=moved.values()).order_by("pk"):
        serials.setdefault(row.transaction_id, []).append(row.serial)
    found = {}
    for usage in usages:
        mine = [one for one in returns if one.original_id == usage.pk]
        back = {serial for one in mine for serial in serials.get(moved[one.pk].pk, ())}
        movement = moved[usage.pk]
        out = [serial for serial in serials.get(movement.pk, ()) if serial not in back]
        left = usage.quantity + sum((one.quantity for one in mine), ZERO)
        found[usage.pk] = Units(left, out, movement.manufacturer_lot)
    return found


def left_to_return(usage: InventoryUsage) -> Decimal:
    """What of an outgoing usage has neither been returned nor undone; returns that are void do not count."""
    back = InventoryUsage.objects.filter(original=usage).aggregate(sum=Sum("quantity", default=ZERO))["sum"]
    undone = InventoryUsage.objects.filter(original__original=usage).aggregate(sum=Sum("quantity", default=ZERO))
    left: Decimal = usage.quantity + back + undone["sum"]
    return left
