"""What the documents of a purchase order line come to: the cost of its lot, and how much of it is still on order.

Both are worked out anew from the figures each time and posted as the difference from what stands, so that no order of
events and no void can leave a remainder behind.
"""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

from django.db.models import Model, Sum
from django.utils import timezone

from lots.accounts import default_account
from lots.costing import PurchaseCost, PurchaseFigures, purchase_cost
from lots.ledger import ZERO, post_movement
from lots.locks import lock_pools, preference_in_force
from lots.models import (
    DocumentStatus,
    InventoryLot,
    InventoryTransaction,
    LotCostEvent,
    PostingStatus,
    PurchaseOrderLine,
    Receipt,
)
from lots.purchase_figures import LineFigures, figures_of
from lots.services import lot_change, source_kind_of


def lock_document(document: Model) -> None:
    """Lock the document's row and read it anew: whoever comes second sees what the first one did."""
    document.refresh_from_db(from_queryset=type(document)._base_manager.select_for_update(no_key=True))


def lock_lots(lots: Iterable[int]) -> None:
    """Lock the pools of these lots (primary keys), and the preferences that the day of a posting depends on."""
    preference_in_force()
    lock_pools(list(InventoryLot.objects.filter(pk__in=list(lots)).values_list("pool", flat=True)))


def quantity_kept(lot: InventoryLot) -> Decimal:
    """What its purchase order brought and did not see go back: without growth, and without what went back short."""
    return figures_of(lot).kept


def quantity_unbilled(lot: InventoryLot) -> Decimal:
    """What of it no purchase bills, net of credits; below zero is billed and not here."""
    return figures_of(lot).unbilled


# -- Cost --------------------------------------------------------------------------------------------
def cost_of(lot: InventoryLot, figures: LineFigures, *, is_open: bool, quantity: Decimal = ZERO) -> PurchaseCost:
    """Cost a purchased lot as its documents say, with what adjustments added to it. Nothing is written.

    `figures` are the lot's; `is_open`: the purchase order is open, so cost is estimated. `quantity` is received (or,
    negative, gone) beyond what the lot says already.
    """
    cost = purchase_cost(
        PurchaseFigures(
            is_open=is_open,
            unit_cost_ordered=lot.unit_cost_ordered,
            quantity_received=lot.quantity_received - figures.grown + quantity,
            quantity_returned=lot.quantity_returned,
            quantity_purchased=lot.quantity_purchased,
            value_landed=lot.value_purchased + lot.value_freight,
            quantity_credited=lot.quantity_credited,
            value_credited=lot.value_credited,
            quantity_short=figures.short,
        )
    )
    return cost._replace(
        value=cost.value + figures.value_grown, value_other=cost.value_other + figures.value_grown_other
    )


def recost(
    lot: InventoryLot,
    *,
    is_open: bool,
    at: datetime,
    kind: LotCostEvent.Kind,
    source_number: str,
    quantity: Decimal = ZERO,
) -> LotCostEvent | None:
    """Bring what a purchased lot is worth, and how that is owed, to what its documents say now.

    `is_open`: the purchase order is open, so cost is estimated. `quantity` is received (or, negative, gone) with the
    same event. Locks the pool, brings `lot` up to date, and writes at most one cost event; two where what is owed
    counts before the goods were there to be worth something. Raises as `lot_change` does.
    """
    lock_pools([lot.pool_id])
    lot.refresh_from_db()
    cost = cost_of(lot, figures_of(lot), is_open=is_open, quantity=quantity)
    value, value_payable = cost.value - lot.value, cost.value_payable - lot.value_payable
    value_other = cost.value_other - lot.value_other
    there = lot.first_received_at
    if value and not quantity and there is not None and timezone.localdate(at) < timezone.localdate(there):
        lot_change(lot=lot, at=at, kind=kind, source_number=source_number, value_payable=value_payable)
        at, value_payable = there, ZERO
    return lot_change(
        lot=lot,
        at=at,
        kind=kind,
        source_number=source_number,
        quantity=quantity,
        value=value,
        value_payable=value_payable,
        value_other=value_other,
        account=default_account("variance") if value_other else None,
    )


def first_received_refresh(lot: InventoryLot) -> None:
    """Let the lot count from the first receipt that still stands: a void receipt must not keep its place in line.

    The caller holds the pool's lock.
    """
    first = (
        Receipt.objects.filter(
            lines__purchase_order_line__lot=lot, kind=Receipt.Kind.INCOMING, status=PostingStatus.POSTED
        )
        .order_by("received_at")
        .values_list("received_at", flat=True)
        .first()
    )
    if first is not None and first != lot.first_received_at:
        InventoryLot.objects.filter(pk=lot.pk).update(first_received_at=first)
        lot.first_received_at = first


# -- On Order ----------------------------------------------------------------------------------------
def quantity_counted(lot: InventoryLot) -> Decimal:
    """What counts against the ordered quantity: all that came in, but for what the vendor is to replace."""
    return figures_of(lot).received


def quantity_due(line: PurchaseOrderLine) -> Decimal:
    """What is still to come of a line: of an open purchase order, ordered less received, never below nothing."""
    if line.lot is None or line.purchase_order.status != DocumentStatus.OPEN:
        return ZERO
    return max(line.quantity - quantity_counted(line.lot), ZERO)


def quantity_on_order(lot: InventoryLot) -> Decimal:
    """On Order of one lot, as its movements say."""
    return InventoryTransaction.objects.filter(lot=lot).aggregate(sum=Sum("on_order"))["sum"] or ZERO


def settle_on_order(lot: InventoryLot, *, due: Decimal, at: datetime, source_number: str) -> None:
    """Post the difference between what is due of a lot and what stands on order for it, if there is any."""
    difference = due - quantity_on_order(lot)
    if difference:
        post_movement(
            code=lot.code,
            office=lot.office,
            at=at,
            source_kind=source_kind_of(source_number),
            source_number=source_number,
            lot=lot,
            on_order=difference,
        )
