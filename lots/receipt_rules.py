"""Why a shipment from a vendor, or a return to one, cannot be made void: for its page, and for the verb that refuses.

"" means that it can. Verbs ask again under their locks.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Min

from inventory_site.money import quantity_text
from lots.ledger import ZERO, why_not_leave
from lots.lot_costs import quantity_on_order
from lots.lot_users import used_by
from lots.models import (
    DocumentStatus,
    InventoryLot,
    InventoryTransaction,
    PostingStatus,
    Purchase,
    PurchaseOrder,
    Receipt,
    ReceiptLine,
)
from lots.purchase_figures import figures_of


def why_not_void(receipt: Receipt) -> str:
    """Name everything that stands on what came in by it, or that replaced and credited what went back."""
    if receipt.status == PostingStatus.VOID:
        return f"{receipt} is already void."
    if receipt.status == PostingStatus.PENDING:
        return ""
    order = receipt.purchase_order
    reasons: Iterable[str]
    if receipt.kind == Receipt.Kind.INCOMING:
        shrinking = [_why_not_shrink(lot, quantity, order) for lot, quantity in lots_of_receipt(receipt)]
        reasons = shrinking if any(shrinking) else _why_not_leave(receipt)
    else:
        reasons = (_why_not_take_back(lot, quantity, receipt, order) for lot, quantity in lots_of_receipt(receipt))
    return " ".join(filter(None, reasons))


def lots_of_receipt(receipt: Receipt) -> list[tuple[InventoryLot, Decimal]]:
    """Each lot that a receipt or return names, with the quantity of all its lines, by code."""
    quantities: dict[InventoryLot, Decimal] = defaultdict(lambda: ZERO)
    lines = receipt.lines.select_related("purchase_order_line__lot__code", "purchase_order_line__lot__office")
    for line in lines.order_by("purchase_order_line__code", "pk"):
        quantities[lot_of(line)] += line.quantity
    return list(quantities.items())


def lot_of(line: ReceiptLine) -> InventoryLot:
    """The lot of a line's order line: opening the order made it."""
    lot = line.purchase_order_line.lot
    if lot is None:
        raise ValidationError(f"{line.purchase_order_line.code} has no lot yet: open its order. Nothing was posted.")
    return lot


def _why_not_shrink(lot: InventoryLot, quantity: Decimal, order: PurchaseOrder) -> str:
    lot.refresh_from_db()
    figures, left = figures_of(lot), lot.quantity_received - quantity
    if figures.kept < quantity:
        returns = _numbers(
            Receipt.objects.filter(
                kind=Receipt.Kind.OUTGOING_RETURN, status=PostingStatus.POSTED, lines__purchase_order_line__lot=lot
            )
        )
        return f"Of lot {lot.number} ({lot.code}) units went back to the vendor: void {returns} first."
    if left < lot.quantity_used:
        who = used_by(lot)
        return (
            f"Lot {lot.number} ({lot.code}) would have received {quantity_text(left)}, and"
            f" {quantity_text(lot.quantity_used)} of it are used{f' {who}' if who else ''}: void or return that first."
        )
    # Without what adjustments added: the vendor bills none of that.
    brought = figures.kept - quantity
    if order.status == DocumentStatus.CLOSED and figures.purchased > brought:
        purchases = _numbers(Purchase.objects.filter(status=PostingStatus.POSTED, lines__purchase_order_line__lot=lot))
        return (
            f"{quantity_text(figures.purchased)} of lot {lot.number} ({lot.code}) are purchased, and"
            f" {quantity_text(brought)} would be received: void {purchases} or reopen {order} first."
        )
    return ""


def _why_not_leave(receipt: Receipt) -> Iterator[str]:
    """Of which manufacturer lots less is on hand than came: what left may not be allocated to any lot yet."""
    came: dict[tuple[InventoryLot, str], Decimal] = defaultdict(lambda: ZERO)
    lines = receipt.lines.exclude(manufacturer_lot="").select_related(
        "purchase_order_line__lot__code", "purchase_order_line__lot__office"
    )
    for line in lines.order_by("pk"):
        came[lot_of(line), line.manufacturer_lot] += line.quantity
    for (lot, name), quantity in came.items():
        if over := why_not_leave(code=lot.code, manufacturer_lot=name, quantity=quantity, office=lot.office):
            yield f"{receipt} brought {over}: void or return what took them first."


def _why_not_take_back(lot: InventoryLot, quantity: Decimal, receipt: Receipt, order: PurchaseOrder) -> str:
    lot.refresh_from_db()
    back = figures_of(lot).returned - quantity
    if lot.quantity_credited > back:
        credits = Purchase.objects.filter(
            status=PostingStatus.POSTED, lines__purchase_order_line__lot=lot, lines__quantity__lt=0
        )
        return f"The vendor credited what went back of {lot.code}: void {_numbers(credits)} first."
    is_awaited = receipt.is_replacement_expected and order.status == DocumentStatus.OPEN
    if is_awaited and quantity_on_order(lot) < quantity and (numbers := _received_after(receipt, lot)):
        return f"The replacement of {lot.code} has come: void {numbers} first."
    return ""


def _received_after(receipt: Receipt, lot: InventoryLot) -> str:
    """The numbers of the receipts of a lot that were posted after a return of it, whenever they were written."""
    moved = InventoryTransaction.objects.filter(code=lot.code_id, source_number=receipt.number)
    first = moved.aggregate(first=Min("pk"))["first"]
    later = InventoryTransaction.objects.filter(lot=lot, on_hand__gt=0, pk__gt=first or 0)
    return _numbers(
        Receipt.objects.filter(
            kind=Receipt.Kind.INCOMING,
            status=PostingStatus.POSTED,
            lines__purchase_order_line__lot=lot,
            number__in=later.values("source_number"),
        )
    )


def _numbers(documents: Any) -> str:
    return ", ".join(documents.order_by("pk").distinct().values_list("number", flat=True))
