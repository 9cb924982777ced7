"""post_movement(): the only writer of single inventory transactions (an import writes its own, set-wise)."""

from datetime import datetime
from decimal import Decimal

from lots.models import InventoryLot, InventoryTransaction, LineItemCode, Office

ZERO = Decimal(0)


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
) -> InventoryTransaction:
    """Write one movement of the quantity ledger. Demand is negative for an opened order."""
    return InventoryTransaction.objects.create(
        code=code,
        office=office,
        at=at,
        source_kind=source_kind,
        source_number=source_number,
        lot=lot,
        on_order=on_order,
        demand=demand,
        on_hand=on_hand,
    )
