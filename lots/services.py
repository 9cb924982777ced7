"""Verbs that keep lot, ledger and cost pool in step. Each is one transaction."""

from datetime import datetime
from decimal import Decimal

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Now

from inventory_site.numbering import next_numbers
from lots.ledger import post_movement
from lots.locks import lock_pool_of
from lots.models import CostPool, InventoryLot, LineItemCode, LotType, Office


def source_kind_of(source_number: str) -> str:
    """SHIP-60000 comes from a SHIP: the letters before the first dash, as transaction IDs are written."""
    head, dash, _ = source_number.partition("-")
    return head[:20] if dash else ""


@transaction.atomic
def lot_record(
    *,
    code: LineItemCode,
    quantity: Decimal,
    value: Decimal,
    received_at: datetime,
    office: Office | None = None,
    number: str | None = None,
    source_number: str = "",
    lot_type: str = LotType.PURCHASE,
    parent_order: str = "",
) -> InventoryLot:
    """Record goods that came in: a lot of `quantity` units worth `value` in all, and its On Hand movement.

    Writes the lot, one inventory transaction and the sums of the cost pool. Raises ValidationError when the quantity
    is not positive or the value negative.
    """
    if quantity <= 0:
        raise ValidationError("A lot must receive a positive quantity. Nothing was recorded.")
    if value < 0:
        raise ValidationError("The value of a lot cannot be negative. Nothing was recorded.")
    pool = lock_pool_of(code=code, office=office)
    kind = source_kind_of(source_number)
    lot = InventoryLot.objects.create(
        number=number or str(next_numbers("lot")[0]),
        lot_type=lot_type,
        code=code,
        office=office,
        pool=pool,
        source_kind=kind,
        source_number=source_number,
        parent_order=parent_order,
        first_received_at=received_at,
        quantity_ordered=quantity,
        quantity_received=quantity,
        value=value,
        value_costed=value,
        quantity_costed=quantity,
    )
    post_movement(
        code=code,
        office=office,
        at=received_at,
        source_kind=kind,
        source_number=source_number,
        lot=lot,
        on_hand=quantity,
    )
    CostPool.objects.filter(pk=pool.pk).update(
        lot_count=F("lot_count") + 1,
        quantity_received=F("quantity_received") + quantity,
        value_received=F("value_received") + value,
    )
    # Only what is open can profit from a new lot.
    note_work(CostPool.objects.filter(pk=pool.pk, open_count__gt=0))
    return lot


def note_work(pools: QuerySet[CostPool]) -> None:
    """Leave the note that a run reads: there is something to reconcile, even if a run once gave up on the pool."""
    pools.update(has_work=True, work_noted_at=Now(), is_set_aside=False)
