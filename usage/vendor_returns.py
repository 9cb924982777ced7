"""Returns to a vendor: the lot of the purchase order line receives less. Each verb is one transaction.

What the lot no longer holds is taken from other lots, as usage. Its cost is charged to the variance account, where the
lot's cost event credits what the vendor owes for it: only a difference of cost stays there, whatever was shipped when.
"""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F, Q, Sum
from django.utils import timezone

from inventory_site.money import quantity_text
from lots.accounts import default_account
from lots.history import history_note
from lots.ledger import ZERO, mirror_movement, movements_of, post_movement
from lots.lot_costs import (
    first_received_refresh,
    lock_document,
    lock_lots,
    quantity_due,
    quantity_kept,
    quantity_on_order,
    quantity_unbilled,
    recost,
)
from lots.models import (
    DocumentStatus,
    InventoryLot,
    InventoryTransaction,
    LotCostEvent,
    PostingStatus,
    PurchaseOrder,
    PurchaseOrderLine,
    Receipt,
    ReceiptLine,
    SerialMovement,
)
from lots.periods import refuse_future
from lots.purchasing import reopen_locked
from lots.receipt_rules import lot_of, lots_of_receipt, why_not_void
from lots.receiving import (
    lines_to_ship,
    refuse_unless_pending,
    serials_of,
    settle_lines,
    why_not_ship,
)
from lots.services import source_kind_of
from usage.models import InventoryUsage
from usage.services import usage_mirror, usage_record
from usage.unit_names import Units
from usage.units import more_than_there, movements_by_usage

Kind = LotCostEvent.Kind


@transaction.atomic
def vendor_return_post(*, receipt: Receipt, by: User | None, at: datetime) -> Receipt:
    """Send goods back: the lot is lowered by what it still holds of them, the rest becomes usage against other lots.

    On Hand goes down by all of it; On Order up, where a replacement is expected. Raises ValidationError for a return
    that is not pending or dated in the future, of more than was received or had been by its own day (of a manufacturer
    lot: or is on hand), for a replacement of a closed order, or for serial numbers that are not there.
    """
    lock_document(receipt)
    refuse_unless_pending(receipt)
    if receipt.kind != Receipt.Kind.OUTGOING_RETURN:
        raise ValidationError(f"{receipt} comes in: it cannot be returned. Nothing was posted.")
    refuse_future(receipt.received_at, now=at)
    order = receipt.purchase_order
    lock_document(order)
    if reason := why_not_ship(order, is_return=True, is_replaced=receipt.is_replacement_expected):
        raise ValidationError(f"{reason} Nothing was posted.")
    lines = lines_to_ship(receipt)
    lock_lots(lot_of(line).pk for line in lines)
    for lot, quantity in lots_of_receipt(receipt):
        there = quantity_kept(lot)
        if quantity > there:
            raise ValidationError(
                f"{quantity_text(quantity)} of {lot.code} cannot go back: {order} brought {quantity_text(there)} that"
                " did not go back yet. Nothing was posted."
            )
        _refuse_before_it_came(receipt, lot, quantity)
    for line in lines:
        _refuse_unknown_units(line)
    _refuse_more_than_came(receipt, lines)
    receipt.status = PostingStatus.POSTED
    receipt.save(update_fields=["status"])
    for line in lines:
        _send_back(line, receipt, order)
    history_note(number=receipt.number, action="Posted", by=by, at=at)
    history_note(number=order.number, action="Returned", by=by, at=at, note=receipt.number)
    return receipt


def _refuse_before_it_came(receipt: Receipt, lot: InventoryLot, quantity: Decimal) -> None:
    """Goods cannot go back before they came, nor twice: the lot would be worth less than nothing in between.

    Asked of the day of the return and of every later one: what went back since has to have been there as well.
    """
    day = timezone.localdate(receipt.received_at)
    moved = [
        (timezone.localdate(received_at), kind == Receipt.Kind.INCOMING, one)
        for received_at, kind, one in ReceiptLine.objects.filter(
            purchase_order_line__lot=lot, receipt__status=PostingStatus.POSTED
        ).values_list("receipt__received_at", "receipt__kind", "quantity")
    ]
    for then in sorted({day, *(dated for dated, _, _ in moved if dated > day)}):
        came = sum((one for dated, is_in, one in moved if is_in and dated <= then), ZERO)
        went = sum((one for dated, is_in, one in moved if not is_in and dated <= then), ZERO)
        if quantity > came - went:
            gone = f", of which {quantity_text(went)} had gone back already" if went else ""
            raise ValidationError(
                f"{quantity_text(quantity)} of {lot.code} cannot have gone back on {day:%Y-%m-%d}: by"
                f" {'then' if then == day else f'{then:%Y-%m-%d}'} {receipt.purchase_order} had brought"
                f" {quantity_text(came)}{gone}. Enter the day on which they went back. Nothing was posted."
            )


def _refuse_unknown_units(line: ReceiptLine) -> None:
    lot, serials = lot_of(line), serials_of(line)
    came = SerialMovement.objects.filter(transaction__lot=lot, serial__in=serials, direction=1)
    if strangers := sorted(set(serials) - set(came.values_list("serial", flat=True))):
        raise ValidationError(
            f"Serial number {strangers[0]} of {lot.code} did not come with this order. Nothing was posted."
        )


def _refuse_more_than_came(receipt: Receipt, lines: Sequence[ReceiptLine]) -> None:
    """Of no manufacturer lot more goes back than came with the order and did not go back yet, nor than is on hand."""
    leaving: dict[tuple[PurchaseOrderLine, str], Decimal] = {}
    for line in lines:
        if line.manufacturer_lot:
            key = (line.purchase_order_line, line.manufacturer_lot)
            leaving[key] = leaving.get(key, ZERO) + line.quantity
    for (ordered, name), quantity in leaving.items():
        posted = Q(receipt__status=PostingStatus.POSTED)
        sums = ordered.receipt_lines.filter(posted, manufacturer_lot=name).aggregate(
            came=Sum("quantity", filter=Q(receipt__kind=Receipt.Kind.INCOMING), default=ZERO),
            went=Sum("quantity", filter=Q(receipt__kind=Receipt.Kind.OUTGOING_RETURN), default=ZERO),
        )
        code, there = ordered.code, sums["came"] - sums["went"]
        if not sums["came"]:
            raise ValidationError(
                f"Manufacturer lot {name} of {code} did not come with this order. Nothing was posted."
            )
        if quantity > there:
            raise ValidationError(
                f"{quantity_text(quantity)} of manufacturer lot {name} of {code} cannot go back:"
                f" {receipt.purchase_order} brought {quantity_text(there)} of it that did not go back yet. Nothing was"
                " posted."
            )
        if text := more_than_there(code, Units(quantity, manufacturer_lot=name), office=receipt.purchase_order.office):
            raise ValidationError(f"{text}: they cannot go back. Nothing was posted.")


def _send_back(line: ReceiptLine, receipt: Receipt, order: PurchaseOrder) -> None:
    lot = lot_of(line)
    lot.refresh_from_db()
    held = min(line.quantity, lot.quantity_current)
    short = line.quantity - held
    line.quantity_short = short
    line.save(update_fields=["quantity_short"])
    InventoryLot.objects.filter(pk=lot.pk).update(quantity_returned=F("quantity_returned") + held)
    recost(
        lot,
        is_open=order.status == DocumentStatus.OPEN,
        at=receipt.received_at,
        kind=Kind.VENDOR_RETURN,
        source_number=receipt.number,
        quantity=-held,
    )
    ordered = line.purchase_order_line
    ordered.purchase_order, ordered.lot = order, lot
    on_order = quantity_due(ordered) - quantity_on_order(lot)
    serials, units = serials_of(line), int(held)
    if held or on_order:
        post_movement(
            code=lot.code,
            office=lot.office,
            at=receipt.received_at,
            source_kind=source_kind_of(receipt.number),
            source_number=receipt.number,
            lot=lot,
            on_order=on_order,
            on_hand=-held,
            manufacturer_lot=line.manufacturer_lot,
            serials=serials[:units],
        )
    if short:
        usage_record(
            code=lot.code,
            quantity=short,
            used_at=receipt.received_at,
            office=lot.office,
            source_number=receipt.number,
            reference=_reference(order),
            account=default_account("variance"),
            manufacturer_lot=line.manufacturer_lot,
            serials=serials[units:],
        )


@transaction.atomic
def vendor_return_void(*, receipt: Receipt, by: User | None, at: datetime, reason: str = "") -> Receipt:
    """Make a return void, for ever: movements and usage are mirrored, and the lots have their units again.

    A closed order is open again if units come back that nobody billed. A pending return just becomes void. Raises
    ValidationError, naming what stands in the way, when the vendor credited it or its replacement has come.
    """
    lock_document(receipt)
    if receipt.status == PostingStatus.VOID:
        refuse_unless_pending(receipt)
    if receipt.kind != Receipt.Kind.OUTGOING_RETURN:
        raise ValidationError(f"{receipt} came in: make it void as a receipt. Nothing was changed.")
    if receipt.status == PostingStatus.POSTED:
        order = receipt.purchase_order
        lock_document(order)
        lots = lots_of_receipt(receipt)
        # All of the order's, because the order may be opened again.
        lock_lots(InventoryLot.objects.filter(purchase_order_line__purchase_order=order).values_list("pk", flat=True))
        if refusal := why_not_void(receipt):
            raise ValidationError(f"{refusal} Nothing was changed.")
        for lot, _ in lots:
            lot.refresh_from_db()
        receipt.status = PostingStatus.VOID
        receipt.save(update_fields=["status"])
        was_billed = {lot.pk for lot, _ in lots if quantity_unbilled(lot) <= 0}
        _take_back(receipt, order, at=at)
        settle_lines(order, [lot for lot, _ in lots], at=at)
        history_note(number=order.number, action="Return void", by=by, at=at, note=receipt.number)
        for lot, _ in lots:
            lot.refresh_from_db()
        if order.status == DocumentStatus.CLOSED and any(
            lot.pk in was_billed and quantity_unbilled(lot) > 0 for lot, _ in lots
        ):
            # A closed order's goods cost what was billed; units without a bill would only water that down.
            reopen_locked(order, by=by, at=at, note=f"{receipt} is void: goods are here that no purchase bills")
    receipt.status = PostingStatus.VOID
    receipt.save(update_fields=["status"])
    history_note(number=receipt.number, action="Void", by=by, at=at, note=reason)
    return receipt


def _reference(order: PurchaseOrder) -> str:
    return f"Purchase Order #{order.number}"


def _shortfalls(receipt: Receipt, order: PurchaseOrder) -> list[InventoryUsage]:
    """The usage that each line became for what its lot no longer held: by all that the return wrote into it, because
    imported usage may name the return as well.
    """
    named = InventoryUsage.objects.filter(
        source_number=receipt.number, original=None, used_at=receipt.received_at, reference=_reference(order)
    )
    there = list(named.select_related("code", "office", "account").order_by("pk"))
    found = []
    for line in receipt.lines.filter(quantity_short__gt=0).select_related("purchase_order_line").order_by("pk"):
        wanted = (line.purchase_order_line.code_id, line.quantity_short)
        usage = next(one for one in there if (one.code_id, one.quantity) == wanted)
        there.remove(usage)
        found.append(usage)
    return found


def _take_back(receipt: Receipt, order: PurchaseOrder, *, at: datetime) -> None:
    """Mirror what the return did, code by code."""
    lots = [lot for lot, _ in lots_of_receipt(receipt)]
    shortfalls = _shortfalls(receipt, order)
    moved_by = movements_by_usage(shortfalls)
    done: list[tuple[InventoryTransaction, InventoryUsage | None]] = [
        *((movement, None) for movement in movements_of(receipt.number, own=Q(lot__in=lots))),
        *((moved_by[usage.pk], usage) for usage in shortfalls),
    ]
    for movement, usage in sorted(done, key=lambda pair: (pair[0].code_id, pair[0].pk)):
        if usage is None:
            mirror_movement(movement, at=at)
        else:
            usage_mirror(usage=usage, at=at, movement=movement)
    for line in receipt.lines.select_related("purchase_order_line__lot").order_by("purchase_order_line__code", "pk"):
        lot, held = lot_of(line), line.quantity - line.quantity_short
        InventoryLot.objects.filter(pk=lot.pk).update(quantity_returned=F("quantity_returned") - held)
        recost(
            lot,
            is_open=order.status == DocumentStatus.OPEN,
            at=at,
            kind=Kind.VOID,
            source_number=receipt.number,
            quantity=held or ZERO,
        )
        first_received_refresh(lot)
