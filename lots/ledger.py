"""post_movement() and its mirror: the only writers of single inventory transactions (an import writes its own)."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from django.core.exceptions import ValidationError
from django.db.models import Exists, OuterRef, Q, Sum

from inventory_site.money import quantity_text
from lots.locks import preference_in_force
from lots.models import InventoryLot, InventoryTransaction, LineItemCode, Office, Preference, SerialMovement

ZERO = Decimal(0)
# What a document wrote of Demand beside the movements of goods.
DEMAND_ALONE = Q(lot=None, on_hand=0, on_order=0)


def post_movement(
    *,
    code: LineItemCode,
    office: Office | None,
    at: datetime,
    source_kind: str = "",
    source_number: str = "",
    lot: InventoryLot | None = None,
    on_order: Decimal = ZERO,
    demand: Decimal = ZERO,
    on_hand: Decimal = ZERO,
    bin: str = "",
    manufacturer_lot: str = "",
    serials: Sequence[str] = (),
    reverses: InventoryTransaction | None = None,
) -> InventoryTransaction:
    """Write one movement of the quantity ledger. Demand is negative for an opened order.

    Serial numbers come in or go out with the sign of `on_hand`. Raises ValidationError for one that is in stock
    already, or that is not there to go out.
    """
    movement = InventoryTransaction.objects.create(
        code=code,
        office=office,
        at=at,
        source_kind=source_kind,
        source_number=source_number,
        lot=lot,
        on_order=on_order,
        demand=demand,
        on_hand=on_hand,
        bin=bin,
        manufacturer_lot=manufacturer_lot,
        reverses=reverses,
    )
    if serials:
        _move_serials(movement, serials, 1 if on_hand > 0 else -1)
    return movement


def _move_serials(movement: InventoryTransaction, serials: Sequence[str], direction: int) -> None:
    """The caller holds the lock of the code's pool, so that one number cannot go twice."""
    if why := why_not_move(code=movement.code, office=movement.office, serials=serials, direction=direction):
        raise ValidationError(f"{why} Nothing was posted.")
    SerialMovement.objects.bulk_create(
        [
            SerialMovement(transaction=movement, code=movement.code, serial=serial, direction=direction)
            for serial in serials
        ]
    )


def why_not_move(*, code: LineItemCode, office: Office | None, serials: Sequence[str], direction: int) -> str:
    """Why the first of these serial numbers cannot come in (direction 1) or go out (-1) there, or "".

    Units leave the office that they came to. Only where offices share their costs may an office be left open: then a
    unit may go out of whichever, and one that came to none out of any.
    """
    is_split = preference_in_force().prevent_inter_office
    places: dict[str, dict[Office | None, int]] = {serial: {} for serial in serials}
    moved = SerialMovement.objects.filter(code=code, serial__in=serials).select_related("transaction__office")
    for row in moved.order_by("pk"):
        there = places[row.serial]
        there[row.transaction.office] = there.get(row.transaction.office, 0) + row.direction
    for serial, there in places.items():
        balance = sum(there.values())
        if direction > 0:
            if balance > 0:
                return f"Serial number {serial} of {code} is in stock already."
            continue
        if balance <= 0:
            return f"Serial number {serial} of {code} is not in stock."
        at = next((place for place, count in there.items() if place is not None and count > 0), None)
        if there.get(office, 0) <= 0 and (is_split or (office is not None and at is not None)):
            elsewhere = f" It is at {at}." if at is not None else ""
            return f"Serial number {serial} of {code} is not in stock{f' at {office}' if office else ''}.{elsewhere}"
    return ""


def why_not_leave(*, code: LineItemCode, manufacturer_lot: str, quantity: Decimal, office: Office | None) -> str:
    """Say, without a full stop, that more would leave than is on hand of a manufacturer lot, or "".

    Where offices are kept apart: of that one's. What never came in, and what has no such name, is not asked about.
    """
    if not manufacturer_lot:
        return ""
    here = {"office": office} if Preference.current().prevent_inter_office else {}
    moved = InventoryTransaction.objects.filter(code=code, manufacturer_lot=manufacturer_lot, **here)
    there = moved.aggregate(sum=Sum("on_hand"))["sum"]
    if there is None or quantity <= there:
        return ""
    left = quantity_text(max(there, ZERO))
    return f"{quantity_text(quantity)} of manufacturer lot {manufacturer_lot} of {code}, while {left} are on hand"


def movements_of(source_number: str, *, own: Q) -> "list[InventoryTransaction]":
    """The movements of a document that nothing reversed and that reverse nothing, in entry order.

    `own` says which of those with its number are the document's: those of its lots, say. A number alone does not tell,
    because imported records name whatever document they came by.
    """
    reversed_since = InventoryTransaction.objects.filter(reverses=OuterRef("pk"))
    return list(
        InventoryTransaction.objects.filter(own, ~Exists(reversed_since), source_number=source_number, reverses=None)
        .select_related("code", "office", "lot")
        .order_by("pk")
    )


def mirror_movement(movement: InventoryTransaction, *, at: datetime) -> InventoryTransaction:
    """Write the opposite of a movement, linked to it: how anything posted is undone."""
    return post_movement(
        code=movement.code,
        office=movement.office,
        at=at,
        source_kind=movement.source_kind,
        source_number=movement.source_number,
        lot=movement.lot,
        on_order=-movement.on_order,
        demand=-movement.demand,
        on_hand=-movement.on_hand,
        bin=movement.bin,
        manufacturer_lot=movement.manufacturer_lot,
        serials=list(movement.serials.values_list("serial", flat=True)),
        reverses=movement,
    )
