"""Verbs over purchase orders: written, opened, changed, closed, reopened, void. Each is one transaction.

An order is an expectation. Opening it makes a lot per line and puts the quantities On Order; what it costs stays an
estimate until it is closed. Lock order everywhere: receipt or purchase, then purchase orders, then cost pools.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Max, ProtectedError, Q

from inventory_site.document_forms import LineError
from inventory_site.fields import MONEY_LIMIT
from inventory_site.money import money_text, quantity_text, unit_cost_text
from lots.history import history_note
from lots.ledger import ZERO, mirror_movement, movements_of
from lots.locks import lock_pools_of_codes
from lots.lot_costs import (
    lock_document,
    lock_lots,
    quantity_counted,
    quantity_due,
    quantity_kept,
    quantity_unbilled,
    recost,
    settle_on_order,
)
from lots.models import (
    DocumentStatus,
    InventoryLot,
    LineItemCode,
    LotCostEvent,
    Office,
    PostingStatus,
    Purchase,
    PurchaseOrder,
    PurchaseOrderLine,
    Receipt,
    RecordType,
)
from lots.numbers import document_number
from lots.purchase_figures import figures_of
from lots.services import lot_open

Kind = LotCostEvent.Kind
Status = DocumentStatus


class UnbilledGoods(ValidationError):
    """Goods would be worth less than they cost, or nothing: ask, and close again with `is_unbilled_accepted`."""


INVENTORIED: Final = frozenset({RecordType.INVENTORIED_ITEM, RecordType.INVENTORIED_ASSEMBLY_ITEM})


@dataclass(frozen=True)
class OrderedLine:
    """One line to order. `id` names a line that is there already."""

    code: LineItemCode
    quantity: Decimal
    unit_cost: Decimal
    id: int | None = None


# -- What can be done ----------------------------------------------------------------------------------
def why_not_edit(purchase_order: PurchaseOrder) -> str:
    """Say why it cannot be changed now, or ""."""
    if purchase_order.status == Status.CLOSED:
        return f"{purchase_order} is closed: reopen it to change it."
    return f"{purchase_order} is void." if purchase_order.status == Status.VOID else ""


def why_not_open(purchase_order: PurchaseOrder) -> str:
    """Say why it cannot be opened now, or ""."""
    if purchase_order.status != Status.PENDING:
        return _is_already(purchase_order)
    return "" if purchase_order.lines.exists() else f"{purchase_order} has no lines."


def why_not_close(purchase_order: PurchaseOrder) -> str:
    """Say why it cannot be closed now, or ""."""
    if purchase_order.status == Status.PENDING:
        return f"{purchase_order} is not open yet."
    return "" if purchase_order.status == Status.OPEN else _is_already(purchase_order)


def why_not_reopen(purchase_order: PurchaseOrder) -> str:
    """Say why it cannot be reopened now, or ""."""
    if purchase_order.status == Status.VOID:
        return f"{purchase_order} is void, which is for ever."
    return "" if purchase_order.status == Status.CLOSED else f"{purchase_order} is not closed."


def why_not_void(purchase_order: PurchaseOrder) -> str:
    """Say why it cannot be made void now, naming what is posted against it, or ""."""
    if purchase_order.status == Status.VOID:
        return _is_already(purchase_order)
    posted = documents_of(purchase_order, status=PostingStatus.POSTED)
    return f"These are posted against {purchase_order}, void them first: {', '.join(posted)}." if posted else ""


def close_warnings(purchase_order: PurchaseOrder) -> list[str]:
    """Say what does not agree, line by line: closing is allowed all the same, and makes cost final."""
    warnings = []
    for line in purchase_order.lines.select_related("code", "lot").order_by("position", "pk"):
        lot = line.lot
        if lot is None:
            continue
        came, billed = quantity_counted(lot), lot.quantity_purchased
        landed = lot.value_purchased + lot.value_freight
        if came == 0:
            warnings.append(f"{line.code}: nothing was received of {quantity_text(line.quantity)} ordered.")
        elif came < line.quantity:
            due = quantity_text(line.quantity - came)
            warnings.append(f"{line.code}: {due} of {quantity_text(line.quantity)} ordered were not received.")
        elif came > line.quantity:
            warnings.append(
                f"{line.code}: {quantity_text(came)} were received of {quantity_text(line.quantity)} ordered."
            )
        if text := _unbilled_text(lot):
            warnings.append(text)
        elif lot.quantity_received > 0 and landed == 0:
            warnings.append(f"{line.code}: it was billed at nothing. Its cost becomes 0.00.")
        elif came == 0 and landed > 0:
            warnings.append(
                f"{line.code}: {money_text(landed)} were billed for nothing received. They go to the variance account."
            )
        elif billed != came:
            warnings.append(f"{line.code}: {quantity_text(billed)} were purchased, but {quantity_text(came)} received.")
        awaited = figures_of(lot).returned - lot.quantity_credited
        if awaited > 0:
            warnings.append(f"{line.code}: {quantity_text(awaited)} were returned and are not credited yet.")
    return warnings


def unbilled(purchase_order: PurchaseOrder) -> list[str]:
    """Say of which lines goods are here that no purchase bills, and what closing now would make of their cost."""
    lines = purchase_order.lines.select_related("code", "lot").order_by("position", "pk")
    return [text for line in lines if line.lot is not None and (text := _unbilled_text(line.lot))]


def _unbilled_text(lot: InventoryLot) -> str:
    missing = quantity_unbilled(lot)
    if missing <= 0:
        return ""
    if lot.value_purchased + lot.value_freight == 0:
        return f"{lot.code}: no purchase says what it cost. Its cost becomes 0.00."
    there = quantity_text(quantity_kept(lot))
    text = f"{lot.code}: {quantity_text(missing)} of {there} received are not billed."
    return f"{text} All {there} cost what the others were billed at."


def documents_of(purchase_order: PurchaseOrder, *, status: PostingStatus) -> list[str]:
    """Numbers of the receipts, returns and purchases of an order that have this status, in entry order."""
    receipts = Receipt.objects.filter(purchase_order=purchase_order, status=status).order_by("pk")
    purchases = Purchase.objects.filter(lines__purchase_order_line__purchase_order=purchase_order, status=status)
    return [
        *receipts.values_list("number", flat=True),
        *purchases.order_by("pk").distinct().values_list("number", flat=True),
    ]


def _is_already(purchase_order: PurchaseOrder) -> str:
    return f"{purchase_order} is already {purchase_order.get_status_display().lower()}."


def _refuse(reason: str) -> None:
    if reason:
        raise ValidationError(f"{reason} Nothing was changed.")


# -- Written and changed -------------------------------------------------------------------------------
@transaction.atomic
def purchase_order_save(
    *,
    purchase_order: PurchaseOrder | None,
    vendor: str,
    office: Office | None,
    ordered_on: date,
    reference: str,
    lines: Sequence[OrderedLine | Mapping[str, Any]],
    by: User | None,
    at: datetime,
    parent_order: str = "",
    number: str = "",
) -> PurchaseOrder:
    """Write a purchase order, or change one. Lines that are not named any more go.

    A pending order moves nothing. Of an open one the differences are posted: lots of new lines, On Order of changed
    quantities (not below what was received), a cost event where unit costs change the value of what was received; a
    line of which nothing happened leaves an empty lot behind, and one that void documents name stays, at 0. An order
    that has all it wants now closes by itself. A blank `parent_order` keeps the one it has. Raises ValidationError for
    a closed or void order, and LineError for a line that cannot be.
    """
    wanted = [_ordered_line(line) for line in lines]
    if not vendor.strip():
        raise ValidationError("A purchase order names its vendor. Nothing was saved.")
    if not wanted:
        raise ValidationError("A purchase order has at least one line. Nothing was saved.")
    is_new = purchase_order is None
    if purchase_order is None:
        purchase_order = PurchaseOrder(number=document_number(PurchaseOrder, "purchase_order", "PO-", given=number))
    else:
        lock_document(purchase_order)
        _refuse(why_not_edit(purchase_order))
        if purchase_order.status == Status.OPEN and purchase_order.office != office:
            raise ValidationError(f"{purchase_order} is open: its lots belong to its office. Nothing was changed.")
    purchase_order.vendor, purchase_order.office, purchase_order.ordered_on = vendor.strip(), office, ordered_on
    purchase_order.reference = reference
    purchase_order.parent_order = parent_order or purchase_order.parent_order
    purchase_order.save()
    ordered = _quantities(purchase_order)
    notes = _write_lines(purchase_order, wanted, at=at)
    action = "Created" if is_new else "Edited"
    history_note(number=purchase_order.number, action=action, by=by, at=at, note="" if is_new else "; ".join(notes))
    if _quantities(purchase_order) != ordered:
        close_if_complete(purchase_order, by=by, at=at, of=at)
    return purchase_order


def _quantities(order: PurchaseOrder) -> dict[int, Decimal]:
    return dict(order.lines.values_list("pk", "quantity"))


def _ordered_line(line: OrderedLine | Mapping[str, Any]) -> OrderedLine:
    if isinstance(line, OrderedLine):
        return line
    return OrderedLine(line["code"], line["quantity"], line["unit_cost"], line.get("id") or None)


def _write_lines(order: PurchaseOrder, wanted: Sequence[OrderedLine], *, at: datetime) -> list[str]:
    """Bring the order's lines to those wanted, and its lots with them where it is open. Returns what changed."""
    is_open = order.status == Status.OPEN
    there = {line.pk: line for line in order.lines.filter(quantity__gt=0).select_related("code", "lot")}
    if is_open:
        codes = [line.code for line in there.values()] + [line.code for line in wanted]
        lock_pools_of_codes(codes=codes, office=order.office)
    notes, kept = [], set()
    for index, want in enumerate(wanted):
        line = there.get(want.id) if want.id is not None else None
        _refuse_line(index, want, line, is_known=want.id is None or line is not None, is_repeated=want.id in kept)
        if line is None:
            line = PurchaseOrderLine(purchase_order=order, code=want.code)
            notes.append(f"{want.code}: {quantity_text(want.quantity)} added")
        else:
            kept.add(line.pk)
            notes += _changes(line, want)
        line.position = index + 1
        line.code, line.quantity, line.unit_cost = want.code, want.quantity, want.unit_cost
        line.save()
        if is_open:
            _follow(line, order, at=at)
    for line in [line for line in there.values() if line.pk not in kept]:
        _remove(line, order, at=at, position=len(wanted) + 1)
        notes.append(f"{line.code}: {quantity_text(line.quantity)} removed")
    return notes


def _refuse_line(
    index: int, want: OrderedLine, line: PurchaseOrderLine | None, *, is_known: bool, is_repeated: bool
) -> None:
    if not is_known or is_repeated:
        raise LineError(index, "This line was removed meanwhile. Nothing was saved: read the order again.")
    if want.quantity <= 0:
        raise LineError(index, "Order more than zero. Nothing was saved.", field="quantity")
    if want.unit_cost < 0:
        raise LineError(index, "A unit cost cannot be negative. Nothing was saved.", field="unit_cost")
    if want.quantity * want.unit_cost >= MONEY_LIMIT:
        text = f"So many at that cost are worth more than can be recorded: below {MONEY_LIMIT:,}. Nothing was saved."
        raise LineError(index, text, field="unit_cost")
    is_new_here = line is None or line.code_id != want.code.pk
    if is_new_here and want.code.record_type not in INVENTORIED:
        text = f"{want.code} is not inventoried: it has no lots. Nothing was saved."
        raise LineError(index, text, field="code")
    if is_new_here and want.code.status == LineItemCode.Status.INACTIVE:
        raise LineError(index, f"{want.code} is inactive. Nothing was saved.", field="code")
    if line is None or line.lot is None:
        return
    if is_new_here:
        text = f"This line has a lot of {line.code}: remove it and add another. Nothing was saved."
        raise LineError(index, text, field="code")
    received = line.lot.quantity_received - figures_of(line.lot).grown
    if want.quantity < min(received, line.quantity):
        text = f"{quantity_text(received)} are received already: order no less. Nothing was saved."
        raise LineError(index, text, field="quantity")


def _changes(line: PurchaseOrderLine, want: OrderedLine) -> list[str]:
    changes = []
    if line.code_id != want.code.pk:
        changes.append(f"{line.code} became {want.code}")
    if line.quantity != want.quantity:
        changes.append(f"{want.code}: {quantity_text(line.quantity)} became {quantity_text(want.quantity)}")
    if line.unit_cost != want.unit_cost:
        changes.append(
            f"{want.code}: unit cost {unit_cost_text(line.unit_cost)} became {unit_cost_text(want.unit_cost)}"
        )
    return changes


def _follow(line: PurchaseOrderLine, order: PurchaseOrder, *, at: datetime) -> None:
    """Bring the lot of an open order's line to the line: made if there is none; On Order and value by difference."""
    line.purchase_order = order
    if line.lot is None:
        line.lot = lot_open(
            code=line.code,
            office=order.office,
            quantity_ordered=line.quantity,
            source_number=order.number,
            parent_order=order.parent_order,
            unit_cost_ordered=line.unit_cost,
        )
        line.save(update_fields=["lot"])
    else:
        InventoryLot.objects.filter(pk=line.lot.pk).update(
            quantity_ordered=line.quantity, unit_cost_ordered=line.unit_cost, parent_order=order.parent_order
        )
        recost(line.lot, is_open=True, at=at, kind=Kind.PRICE, source_number=order.number)
    settle_on_order(line.lot, due=quantity_due(line), at=at, source_number=order.number)


def _remove(line: PurchaseOrderLine, order: PurchaseOrder, *, at: datetime, position: int) -> None:
    """Take away a line that nothing in force names; its lot, if it has one, stays behind complete and empty."""
    if line.lot is not None:
        settle_on_order(line.lot, due=ZERO, at=at, source_number=order.number)
        _finish_lots([line.lot], is_final=True, quantity_ordered=ZERO)
    try:
        with transaction.atomic():
            line.delete()
    except ProtectedError as refusal:
        documents = {_document_of(record) for record in refusal.protected_objects}
        if names := sorted(str(document) for document in documents if document.status != Status.VOID):
            raise ValidationError(
                f"The line of {line.code} cannot be removed: {', '.join(names)} names it. Nothing was saved."
            ) from None
        # What is void names it for ever, and stands in nobody's way.
        line.quantity, line.position = ZERO, position
        line.save(update_fields=["quantity", "position"])


def _document_of(record: Any) -> Any:
    """The document that a line belongs to; whoever keeps a line of the order names it, a sales order as well."""
    return next(getattr(record, name) for name in ("receipt", "purchase", "order") if hasattr(record, name))


def _finish_lots(lots: Sequence[InventoryLot], *, is_final: bool, **fields: Any) -> None:
    InventoryLot.objects.filter(pk__in=[lot.pk for lot in lots]).update(
        is_source_complete=is_final, is_cost_final=is_final, **fields
    )


# -- Opened, closed, void ------------------------------------------------------------------------------
def lines_by_code(order: PurchaseOrder) -> list[PurchaseOrderLine]:
    """The order's lines in the order in which everybody writes: by code, so that two documents never cross."""
    lines = list(order.lines.select_related("code", "lot").order_by("code_id", "pk"))
    for line in lines:
        line.purchase_order = order  # whose status is asked for again and again
    return lines


@transaction.atomic
def purchase_order_open(*, purchase_order: PurchaseOrder, by: User | None, at: datetime) -> PurchaseOrder:
    """Open a pending order: a lot per line, with nothing received, and what is ordered On Order.

    Raises ValidationError when it is not pending or has no lines.
    """
    lock_document(purchase_order)
    _refuse(why_not_open(purchase_order))
    purchase_order.status, purchase_order.opened_at = Status.OPEN, at
    purchase_order.save(update_fields=["status", "opened_at"])
    lines = lines_by_code(purchase_order)
    lock_pools_of_codes(codes=[line.code for line in lines], office=purchase_order.office)
    # In the order of the lines, so that lots are numbered as people read them; the pools are locked already.
    for line in sorted(lines, key=lambda line: (line.position, line.pk)):
        _follow(line, purchase_order, at=at)
    history_note(number=purchase_order.number, action="Opened", by=by, at=at)
    return purchase_order


@transaction.atomic
def purchase_order_close(
    *, purchase_order: PurchaseOrder, by: User | None, at: datetime, is_unbilled_accepted: bool = False
) -> PurchaseOrder:
    """Close an open order, early or not: what is still due leaves On Order, and cost is final at what was billed.

    Raises ValidationError when it is not open; UnbilledGoods where goods are here that no purchase bills, unless
    accepted: a closed order's goods cost what was billed, so nothing at all if nothing was.
    """
    lock_document(purchase_order)
    _refuse(why_not_close(purchase_order))
    lots = purchase_order.lines.filter(lot__isnull=False).values_list("lot", flat=True)
    # Adjustments and bills of these lots wait from here on, so that what is asked about is what is closed.
    lock_lots(lots)
    missing = unbilled(purchase_order)
    if missing and not is_unbilled_accepted:
        raise UnbilledGoods(f"{' '.join(missing)} Nothing was changed: confirm that no bill will come.")
    _close(purchase_order, by=by, at=at, of=at, accepted=missing)
    return purchase_order


def _close(
    order: PurchaseOrder,
    *,
    by: User | None,
    at: datetime,
    of: datetime,
    note: str = "",
    accepted: Sequence[str] = (),
) -> None:
    """Close it at this moment, as of that one."""
    lines = lines_by_code(order)
    lock_pools_of_codes(codes=[line.code for line in lines], office=order.office)
    given_up = []
    for line in lines:
        if line.lot is None:
            continue
        if due := quantity_due(line):
            given_up.append(f"{line.code}: {quantity_text(due)} no longer due")
        settle_on_order(line.lot, due=ZERO, at=of, source_number=order.number)
        _finish_lots([line.lot], is_final=True)
        recost(line.lot, is_open=False, at=of, kind=Kind.CLOSE, source_number=order.number)
    order.status, order.closed_at = Status.CLOSED, of
    order.save(update_fields=["status", "closed_at"])
    history_note(number=order.number, action="Closed", by=by, at=at, note=note or "; ".join([*given_up, *accepted]))


def close_if_complete(order: PurchaseOrder, *, by: User | None, at: datetime, of: datetime) -> bool:
    """Close an open order by itself when all of every line was ordered, received and purchased alike.

    It closes as `of` the moment of the document that completes it, or of what last changed its lots' cost, if that
    is later: a bill that is entered weeks late makes cost final on its own day. The caller holds the locks of the order
    and of its pools.
    """
    if order.status != Status.OPEN:
        return False
    for line in lines_by_code(order):
        lot = line.lot
        if lot is None or quantity_counted(lot) != line.quantity:
            return False
        if lot.quantity_purchased - lot.quantity_credited != quantity_kept(lot):
            return False
    changed = LotCostEvent.objects.filter(lot__in=order.lines.values("lot")).aggregate(latest=Max("at"))["latest"]
    _close(
        order,
        by=by,
        at=at,
        of=max(of, changed) if changed else of,
        note="By itself: all that was ordered is received and purchased",
    )
    return True


@transaction.atomic
def purchase_order_reopen(*, purchase_order: PurchaseOrder, by: User | None, at: datetime) -> PurchaseOrder:
    """Open a closed order again: cost is estimated again, and what is still due On Order.

    Raises ValidationError when it is not closed.
    """
    lock_document(purchase_order)
    _refuse(why_not_reopen(purchase_order))
    reopen_locked(purchase_order, by=by, at=at)
    return purchase_order


def reopen_locked(order: PurchaseOrder, *, by: User | None, at: datetime, note: str = "") -> None:
    """Reopen a closed order whose row the caller has locked."""
    order.status, order.closed_at = Status.OPEN, None
    order.save(update_fields=["status", "closed_at"])
    lines = lines_by_code(order)
    lock_pools_of_codes(codes=[line.code for line in lines], office=order.office)
    for line in lines:
        if line.lot is None:
            continue
        # Whether or not its value changes now: what was made of it is not final any more either.
        _finish_lots([line.lot], is_final=False, is_cost_reopened=True)
        recost(line.lot, is_open=True, at=at, kind=Kind.REOPEN, source_number=order.number)
        settle_on_order(line.lot, due=quantity_due(line), at=at, source_number=order.number)
    history_note(number=order.number, action="Reopened", by=by, at=at, note=note)


@transaction.atomic
def purchase_order_void(
    *, purchase_order: PurchaseOrder, by: User | None, at: datetime, reason: str = ""
) -> PurchaseOrder:
    """Make an order void, for ever: what it had put On Order is mirrored, and its lots stay behind, empty.

    Raises ValidationError with the numbers of what is posted against it.
    """
    lock_document(purchase_order)
    _refuse(why_not_void(purchase_order))
    purchase_order.status = Status.VOID
    purchase_order.save(update_fields=["status"])
    lines = lines_by_code(purchase_order)
    lots = [line.lot for line in lines if line.lot is not None]
    if lots:
        lock_pools_of_codes(codes=[line.code for line in lines], office=purchase_order.office)
        for movement in movements_of(purchase_order.number, own=Q(lot__in=lots)):
            mirror_movement(movement, at=at)
        for lot in lots:
            settle_on_order(lot, due=ZERO, at=at, source_number=purchase_order.number)
        _finish_lots(lots, is_final=True, quantity_ordered=ZERO)
    history_note(number=purchase_order.number, action="Void", by=by, at=at, note=reason)
    return purchase_order
