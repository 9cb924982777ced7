"""Verbs over incoming shipments: goods that came in against a purchase order. Each is one transaction.

Returns to a vendor are written here as well; what posts them needs usage, and stands in usage/vendor_returns.py.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q

from inventory_site.document_forms import LineError
from inventory_site.money import quantity_text
from lots.history import history_note
from lots.ledger import ZERO, mirror_movement, movements_of, post_movement
from lots.lot_costs import (
    first_received_refresh,
    lock_document,
    lock_lots,
    quantity_counted,
    quantity_due,
    quantity_on_order,
    recost,
    settle_on_order,
)
from lots.models import (
    DocumentStatus,
    InventoryLot,
    LotCostEvent,
    PostingStatus,
    Purchase,
    PurchaseOrder,
    PurchaseOrderLine,
    Receipt,
    ReceiptLine,
)
from lots.numbers import document_number
from lots.periods import refuse_future
from lots.purchasing import close_if_complete, lines_by_code
from lots.receipt_rules import lot_of, lots_of_receipt, why_not_void
from lots.services import source_kind_of

Kind = LotCostEvent.Kind


class OverReceipt(ValidationError):
    """More would be received than was ordered: ask, and post again with `is_over_receipt_accepted`."""


def serials_of(line: ReceiptLine) -> list[str]:
    """The serial numbers of a line, one per line of text."""
    return [serial.strip() for serial in line.serials.splitlines() if serial.strip()]


# -- Written -------------------------------------------------------------------------------------------
@transaction.atomic
def receipt_save(
    *,
    receipt: Receipt | None,
    purchase_order: PurchaseOrder,
    kind: str,
    received_at: datetime,
    reference: str,
    is_replacement_expected: bool = False,
    lines: Sequence[Mapping[str, Any]],
    by: User | None,
    at: datetime,
    number: str = "",
) -> Receipt:
    """Write a pending receipt (or return to the vendor), or write it anew. Moves nothing.

    Each line names `purchase_order_line` and `quantity`, and may name `manufacturer_lot` and `serials`. Raises
    ValidationError for one that is posted or void, or an order that is not open (a return: nor closed).
    """
    if receipt is not None:
        lock_document(receipt)
        refuse_unless_pending(receipt)
    lock_document(purchase_order)
    is_return = kind == Receipt.Kind.OUTGOING_RETURN
    if reason := why_not_ship(purchase_order, is_return=is_return, is_replaced=is_replacement_expected):
        raise ValidationError(f"{reason} Nothing was saved.")
    if not lines:
        raise ValidationError("A shipment has at least one line. Nothing was saved.")
    is_new = receipt is None
    receipt = receipt or Receipt(number=document_number(Receipt, "shipment", "SHIP-", given=number))
    receipt.kind, receipt.purchase_order, receipt.received_at = kind, purchase_order, received_at
    receipt.reference, receipt.is_replacement_expected = reference, is_return and is_replacement_expected
    receipt.save()
    receipt.lines.all().delete()
    for index, line in enumerate(lines):
        ordered: PurchaseOrderLine = line["purchase_order_line"]
        if ordered.purchase_order_id != purchase_order.pk:
            raise LineError(index, f"This line belongs to another order than {purchase_order}. Nothing was saved.")
        if line["quantity"] <= 0:
            raise LineError(index, "Enter more than zero. Nothing was saved.", field="quantity")
        ReceiptLine.objects.create(
            receipt=receipt,
            position=index + 1,
            purchase_order_line=ordered,
            quantity=line["quantity"],
            manufacturer_lot=(line.get("manufacturer_lot") or "").strip(),
            serials=line.get("serials") or "",
        )
    history_note(number=receipt.number, action="Created" if is_new else "Edited", by=by, at=at)
    return receipt


def why_not_ship(purchase_order: PurchaseOrder, *, is_return: bool = False, is_replaced: bool = False) -> str:
    """Say why nothing can be received against the order (or returned to its vendor) now, or ""."""
    status = purchase_order.status
    if status == DocumentStatus.OPEN:
        return ""
    if status == DocumentStatus.CLOSED and not is_return:
        return f"{purchase_order} is closed: reopen it to receive more."
    if status == DocumentStatus.CLOSED:
        return f"{purchase_order} is closed: reopen it to expect a replacement." if is_replaced else ""
    return f"{purchase_order} is not open yet." if status == DocumentStatus.PENDING else f"{purchase_order} is void."


def refuse_unless_pending(document: Receipt | Purchase) -> None:
    """Raise ValidationError for a document that somebody posted or made void, perhaps this moment."""
    if document.status != PostingStatus.PENDING:
        raise ValidationError(
            f"{document} is already {document.get_status_display().lower()}. Nothing more was posted."
        )


# -- Posted --------------------------------------------------------------------------------------------
@transaction.atomic
def receipt_post(*, receipt: Receipt, by: User | None, at: datetime, is_over_receipt_accepted: bool = False) -> Receipt:
    """Receive the goods: lots grow at the order's unit cost, On Order goes down and On Hand up, a movement per line.

    Closes the order when that completes it. Raises ValidationError for a receipt that is not pending or dated in the
    future, an order that is not open, or serial numbers and manufacturer lots that are missing; OverReceipt for more
    than was ordered, unless accepted.
    """
    lock_document(receipt)
    refuse_unless_pending(receipt)
    if receipt.kind != Receipt.Kind.INCOMING:
        raise ValidationError(f"{receipt} goes back to the vendor: it cannot be received. Nothing was posted.")
    refuse_future(receipt.received_at, now=at)
    order = receipt.purchase_order
    lock_document(order)
    if reason := why_not_ship(order):
        raise ValidationError(f"{reason} Nothing was posted.")
    lines = lines_to_ship(receipt)
    # Closing the order by itself concerns the lots of its other lines, too: lock them all at once, in the one order.
    lock_lots(InventoryLot.objects.filter(purchase_order_line__purchase_order=order).values_list("pk", flat=True))
    over = _over_receipt(lines)
    if over and not is_over_receipt_accepted:
        raise OverReceipt(f"{' '.join(over)} Nothing was posted: confirm that more came than was ordered.")
    for line in lines:
        lot = lot_of(line)
        recost(
            lot,
            is_open=True,
            at=receipt.received_at,
            kind=Kind.RECEIPT,
            source_number=receipt.number,
            quantity=line.quantity,
        )
        post_movement(
            code=lot.code,
            office=lot.office,
            at=receipt.received_at,
            source_kind=source_kind_of(receipt.number),
            source_number=receipt.number,
            lot=lot,
            on_order=_due(line, order, lot) - quantity_on_order(lot),
            on_hand=line.quantity,
            manufacturer_lot=line.manufacturer_lot,
            serials=serials_of(line),
        )
    receipt.status = PostingStatus.POSTED
    receipt.save(update_fields=["status"])
    history_note(number=receipt.number, action="Posted", by=by, at=at, note=" ".join(over))
    history_note(number=order.number, action="Received", by=by, at=at, note=receipt.number)
    close_if_complete(order, by=by, at=at, of=receipt.received_at)
    return receipt


def lines_to_ship(receipt: Receipt) -> list[ReceiptLine]:
    """The lines of a receipt or return as they are to be written: by code; refused unless each says all it must."""
    lines = list(
        receipt.lines.select_related(
            "purchase_order_line__code", "purchase_order_line__lot__code", "purchase_order_line__lot__office"
        ).order_by("purchase_order_line__code", "pk")
    )
    if not lines:
        raise ValidationError(f"{receipt} has no lines. Nothing was posted.")
    for line in lines:
        _refuse_untraceable(line)
    return lines


def _refuse_untraceable(line: ReceiptLine) -> None:
    code, serials = line.purchase_order_line.code, serials_of(line)
    if code.is_tracked_by_manufacturer_lot and not line.manufacturer_lot:
        raise ValidationError(f"{code} is tracked by manufacturer lot: name it. Nothing was posted.")
    if code.is_serialized:
        if line.quantity != len(serials) or len(set(serials)) != len(serials):
            raise ValidationError(
                f"{code} is serialized: {quantity_text(line.quantity)} units need as many different serial numbers, and"
                f" there are {len(set(serials))}. Nothing was posted."
            )
    elif serials:
        raise ValidationError(f"{code} is not serialized: leave its serial numbers out. Nothing was posted.")


def _over_receipt(lines: Sequence[ReceiptLine]) -> list[str]:
    """One sentence for each order line of which more would have come than was ordered."""
    coming: dict[PurchaseOrderLine, Decimal] = defaultdict(lambda: ZERO)
    for line in lines:
        coming[line.purchase_order_line] += line.quantity
    return [
        f"{ordered.code}: {quantity_text(came)} received of {quantity_text(ordered.quantity)} ordered."
        for ordered, quantity in coming.items()
        if ordered.lot is not None and (came := quantity_counted(ordered.lot) + quantity) > ordered.quantity
    ]


def _due(line: ReceiptLine, order: PurchaseOrder, lot: InventoryLot) -> Decimal:
    ordered = line.purchase_order_line
    ordered.purchase_order, ordered.lot = order, lot
    return quantity_due(ordered)


@transaction.atomic
def receive_everything(
    *, purchase_order: PurchaseOrder, received_at: datetime, by: User | None, at: datetime
) -> Receipt:
    """Receive all that is still due of an open order, in one posted receipt.

    Raises ValidationError when nothing is due, or for codes whose serial numbers or manufacturer lots must be named.
    """
    lock_document(purchase_order)
    if reason := why_not_ship(purchase_order):
        raise ValidationError(f"{reason} Nothing was posted.")
    due = [(line, quantity) for line in lines_by_code(purchase_order) if (quantity := quantity_due(line))]
    if not due:
        raise ValidationError(f"Nothing is due of {purchase_order}. Nothing was posted.")
    named = [str(line.code) for line, _ in due if line.code.is_serialized or line.code.is_tracked_by_manufacturer_lot]
    if named:
        raise ValidationError(
            f"Serial numbers or manufacturer lots must be named for {', '.join(named)}: write the receipt by hand."
            " Nothing was posted."
        )
    receipt = receipt_save(
        receipt=None,
        purchase_order=purchase_order,
        kind=Receipt.Kind.INCOMING,
        received_at=received_at,
        reference="",
        lines=[
            {"purchase_order_line": line, "quantity": quantity}
            for line, quantity in sorted(due, key=lambda pair: (pair[0].position, pair[0].pk))
        ],
        by=by,
        at=at,
    )
    return receipt_post(receipt=receipt, by=by, at=at)


# -- Void ----------------------------------------------------------------------------------------------
@transaction.atomic
def receipt_void(*, receipt: Receipt, by: User | None, at: datetime, reason: str = "") -> Receipt:
    """Make a receipt void, for ever: its movements are mirrored, its lots receive that much less and are costed anew.

    What it had brought is On Order again if the order is open. A pending one just becomes void, a return as well.
    Raises ValidationError, naming what stands in the way, when a lot would have received less than is used of it, when
    units went back to the vendor, or when a closed order's purchases would be for more than was received.
    """
    lock_document(receipt)
    if receipt.status == PostingStatus.VOID:
        refuse_unless_pending(receipt)
    if receipt.status == PostingStatus.POSTED:
        if receipt.kind != Receipt.Kind.INCOMING:
            raise ValidationError(f"{receipt} went back to the vendor: make it void as a return. Nothing was changed.")
        order = receipt.purchase_order
        lock_document(order)
        lots = lots_of_receipt(receipt)
        lock_lots(lot.pk for lot, _ in lots)
        if refusal := why_not_void(receipt):
            raise ValidationError(f"{refusal} Nothing was changed.")
        for lot, _ in lots:
            lot.refresh_from_db()
        receipt.status = PostingStatus.VOID
        receipt.save(update_fields=["status"])
        moved = movements_of(receipt.number, own=Q(lot__in=[lot for lot, _ in lots]))
        for movement in sorted(moved, key=lambda movement: (movement.code_id, movement.pk)):
            mirror_movement(movement, at=at)
        is_open = order.status == DocumentStatus.OPEN
        for lot, quantity in lots:
            recost(lot, is_open=is_open, at=at, kind=Kind.VOID, source_number=receipt.number, quantity=-quantity)
            first_received_refresh(lot)
        settle_lines(order, [lot for lot, _ in lots], at=at)
        history_note(number=order.number, action="Receipt void", by=by, at=at, note=receipt.number)
    receipt.status = PostingStatus.VOID
    receipt.save(update_fields=["status"])
    history_note(number=receipt.number, action="Void", by=by, at=at, note=reason)
    return receipt


def settle_lines(order: PurchaseOrder, lots: Sequence[InventoryLot], *, at: datetime) -> None:
    """Bring On Order of these lots to what is due of them. Mirrors put back what was due then, which may not be now."""
    wanted = {lot.pk for lot in lots}
    for line in lines_by_code(order):
        if line.lot is not None and line.lot.pk in wanted:
            settle_on_order(line.lot, due=quantity_due(line), at=at, source_number=order.number)
