"""post_movement() and its mirror: the only writers of single inventory transactions (an import writes its own)."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from django.core.exceptions import ValidationError
from django.db.models import Exists, OuterRef, Q, Sum

from lots.locks import preference_in_force
from lots.models import InventoryLot, InventoryTransaction, LineItemCode, Office, SerialMovement

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
    """The caller holds the lock of the code's pool, so that one number cannot go twice.

    Where offices are kept apart each has a pool of its own, so units also leave only the office that they came to.
    """
    moved = SerialMovement.objects.filter(code=movement.code, serial__in=serials).order_by().values("serial")
    there = {row["serial"]: row["balance"] for row in moved.annotate(balance=Sum("direction"))}
    where = ""
    if direction < 0 and preference_in_force().prevent_inter_office:
        where = f" at {movement.office}" if movement.office else ""
        here = moved.filter(transaction__office=movement.office).annotate(balance=Sum("direction"))
        here_by_serial = {row["serial"]: row["balance"] for row in here}
        there = {serial: min(balance, here_by_serial.get(serial, 0)) for serial, balance in there.items()}
    for serial in serials:
        balance = there.get(serial, 0)
        if direction > 0 and balance > 0:
            raise ValidationError(f"Serial number {serial} of {movement.code} is in stock already. Nothing was posted.")
        if direction < 0 and balance <= 0:
            raise ValidationError(
                f"Serial number {serial} of {movement.code} is not in stock{where}. Nothing was posted."
            )
    SerialMovement.objects.bulk_create(
        [
            SerialMovement(transaction=movement, code=movement.code, serial=serial, direction=direction)
            for serial in serials
        ]
    )


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
