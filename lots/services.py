"""Verbs that keep lot, cost events, quantity ledger and cost pool in step. Each is one transaction."""

import re
from datetime import datetime
from decimal import Decimal

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Now

from inventory_site.fields import MONEY_LIMIT, QUANTITY_LIMIT
from inventory_site.numbering import next_numbers
from lots.accounts import default_account, inventory_account
from lots.ledger import ZERO, post_movement
from lots.locks import lock_pool_of, lock_pools, preference_in_force
from lots.models import Account, CostPool, InventoryLot, LineItemCode, LotCostEvent, LotCostToPost, LotType, Office
from lots.periods import day_in_the_books

Kind = LotCostEvent.Kind


def source_kind_of(source_number: str) -> str:
    """SHIP-60000 comes from a SHIP: the letters before the first dash. JOB60000 is written without one."""
    head, dash, _ = source_number.partition("-")
    if not dash and re.match(r"JOB\d", source_number):
        return "JOB"
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
    kind: LotCostEvent.Kind = Kind.OPENING,
    account: Account | None = None,
    bin: str = "",
    manufacturer_lot: str = "",
    serials: tuple[str, ...] = (),
) -> InventoryLot:
    """Record goods that came in at a known cost: a lot of `quantity` units worth `value` in all, and its On Hand.

    What it is worth is credited to `account` (the opening balance account when none is named). Writes the lot, its cost
    event, one inventory transaction and the sums of the cost pool. Raises ValidationError when the quantity is not
    positive or the value negative.
    """
    if quantity <= 0:
        raise ValidationError("A lot must receive a positive quantity. Nothing was recorded.")
    if value < 0:
        raise ValidationError("The value of a lot cannot be negative. Nothing was recorded.")
    lot = lot_open(
        code=code,
        office=office,
        quantity_ordered=quantity,
        number=number,
        source_number=source_number,
        lot_type=lot_type,
        parent_order=parent_order,
        is_complete=True,
    )
    lot_change(
        lot=lot,
        at=received_at,
        kind=kind,
        source_number=source_number,
        quantity=quantity,
        value=value,
        value_other=value,
        account=account or default_account("opening"),
    )
    post_movement(
        code=code,
        office=office,
        at=received_at,
        source_kind=source_kind_of(source_number),
        source_number=source_number,
        lot=lot,
        on_hand=quantity,
        bin=bin,
        manufacturer_lot=manufacturer_lot,
        serials=serials,
    )
    return lot


@transaction.atomic
def lot_open(
    *,
    code: LineItemCode,
    quantity_ordered: Decimal,
    office: Office | None = None,
    number: str | None = None,
    source_number: str = "",
    lot_type: str = LotType.PURCHASE,
    parent_order: str = "",
    unit_cost_ordered: Decimal = ZERO,
    is_complete: bool = False,
    is_fed: bool = False,
) -> InventoryLot:
    """Make a lot that has received nothing yet: of a purchase order line, a job, an adjustment.

    Writes the lot and counts it in its pool; movements (On Order) are the caller's. `is_complete`: its document expects
    nothing more, and its cost is final. `is_fed`: its value comes from usage (LotFeed). Locks the pool.
    """
    pool = lock_pool_of(code=code, office=office)
    lot = InventoryLot.objects.create(
        number=number or str(next_numbers("lot")[0]),
        lot_type=lot_type,
        code=code,
        office=office,
        pool=pool,
        source_kind=source_kind_of(source_number),
        source_number=source_number,
        parent_order=parent_order,
        account=inventory_account(code),
        is_source_complete=is_complete,
        is_cost_final=is_complete and not is_fed,
        is_fed=is_fed,
        unit_cost_ordered=unit_cost_ordered,
        quantity_ordered=quantity_ordered,
    )
    CostPool.objects.filter(pk=pool.pk).update(lot_count=F("lot_count") + 1)
    return lot


@transaction.atomic
def lot_change(
    *,
    lot: InventoryLot,
    at: datetime,
    kind: LotCostEvent.Kind,
    source_number: str = "",
    quantity: Decimal = ZERO,
    value: Decimal = ZERO,
    value_payable: Decimal = ZERO,
    value_other: Decimal = ZERO,
    account: Account | None = None,
) -> LotCostEvent | None:
    """Change what a lot received and cost by these differences: the only writer of both.

    Locks the pool; writes the cost event, its note for the journal, the lot's sums, the pool's sums, and the note that
    a run has something to do. `lot` is brought up to date in place. Nothing at all changes: nothing is written, and
    None is returned. Raises ValidationError when the lot would have received less than is used of it, or nothing and
    still a value, or would be worth less than nothing.
    """
    if not (quantity or value or value_payable or value_other):
        return None
    # No period is closed between asking for the day and posting to it.
    preference_in_force()
    (pool,) = lock_pools([lot.pool_id])
    lot.refresh_from_db()
    refuse_impossible(lot, quantity=quantity, value=value)
    _refuse_too_large(pool, quantity=quantity, value=value)
    dated = day_in_the_books(at)
    event = LotCostEvent.objects.create(
        lot=lot,
        at=at,
        dated=dated,
        kind=kind,
        source_kind=source_kind_of(source_number),
        source_number=source_number,
        quantity=quantity,
        value=value,
        value_payable=value_payable,
        value_other=value_other,
        account=account if value_other else None,
    )
    LotCostToPost.objects.create(event=event, pool_id=lot.pool_id)
    if quantity > 0 and (lot.first_received_at is None or lot.quantity_received == 0 or at < lot.first_received_at):
        lot.first_received_at = at
    lot.quantity_received += quantity
    lot.value += value
    lot.value_payable += value_payable
    lot.value_other += value_other
    lot.cost_changed_on = dated
    lot.save(
        update_fields=[
            "first_received_at", "quantity_received", "value", "value_payable", "value_other", "cost_changed_on",
        ]
    )  # fmt: skip
    if lot.quantity_used == 0:
        # Nothing is booked on it yet, so the basis of its amounts just moves.
        InventoryLot.objects.filter(pk=lot.pk).update(value_costed=lot.value, quantity_costed=lot.quantity_received)
    lot.refresh_from_db()
    pools = CostPool.objects.filter(pk=pool.pk)
    pools.update(quantity_received=F("quantity_received") + quantity, value_received=F("value_received") + value)
    note_work(pools)
    return event


def refuse_impossible(lot: InventoryLot, *, quantity: Decimal, value: Decimal) -> None:
    """Raise ValidationError where the lot cannot change by so much: see `lot_change`."""
    received = lot.quantity_received + quantity
    if received < lot.quantity_used:
        raise ValidationError(
            f"Lot {lot.number} would have received {received.normalize():f}, but {lot.quantity_used.normalize():f} of"
            " it are used. Nothing was posted."
        )
    if lot.value + value < 0 or (received == 0 and lot.value + value != 0):
        raise ValidationError(f"Lot {lot.number} cannot be worth {lot.value + value}. Nothing was posted.")


def _refuse_too_large(pool: CostPool, *, quantity: Decimal, value: Decimal) -> None:
    """A lot is part of its pool, so what the pool's sums hold is the limit of both."""
    if pool.quantity_received + quantity >= QUANTITY_LIMIT or pool.value_received + value >= MONEY_LIMIT:
        raise ValidationError(
            f"All lots of {pool.code} together would hold more than can be recorded: quantities lie below"
            f" {QUANTITY_LIMIT:,}, values below {MONEY_LIMIT:,}. Nothing was posted."
        )


def note_work(pools: QuerySet[CostPool]) -> None:
    """Leave the note that a run reads: there is something to reconcile, even if a run once gave up on the pool."""
    pools.update(has_work=True, work_noted_at=Now(), is_set_aside=False, recost_rounds=0)
