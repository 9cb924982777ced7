"""Verbs over purchases (vendor invoices), freight and credits among them. Each is one transaction.

While its purchase order is open an invoice changes how a lot's value is owed, not what the lot is worth; once it is
closed, both. So a bill that comes late costs a closed lot anew, and the next run takes that to whoever used it.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F, Q, Sum

from inventory_site.document_forms import LineError
from inventory_site.money import money_text, quantity_text
from lots.costing import spread, to_cents
from lots.history import history_note
from lots.ledger import ZERO
from lots.lot_costs import lock_document, lock_lots, quantity_unbilled, recost
from lots.models import (
    DocumentStatus,
    InventoryLot,
    LotCostEvent,
    PostingStatus,
    Purchase,
    PurchaseLine,
    PurchaseOrder,
)
from lots.numbers import document_number
from lots.periods import refuse_future
from lots.purchase_figures import figures_of
from lots.purchasing import close_if_complete, reopen_locked
from lots.receiving import refuse_unless_pending

Kind = LotCostEvent.Kind
FreightBy = Purchase.FreightBy
CREDITS = Q(quantity__lt=0) | Q(value__lt=0)


class OverCredit(ValidationError):
    """The vendor credits more than went back: ask, and post again with `is_over_credit_accepted`. Of LineErrors."""


# -- Written -------------------------------------------------------------------------------------------
@transaction.atomic
def purchase_save(
    *,
    purchase: Purchase | None,
    vendor: str,
    invoice_number: str,
    invoiced_at: datetime,
    freight: Decimal,
    freight_by: str,
    lines: Sequence[Mapping[str, Any]],
    by: User | None,
    at: datetime,
    number: str = "",
) -> Purchase:
    """Write a pending purchase, or write it anew, with its freight spread over its lines to the cent. Moves nothing.

    Each line names `purchase_order_line`, `quantity` and `value`; negative ones are credits for what went back, and
    lines without either carry freight alone. Raises ValidationError for a purchase that is posted or void, freight by
    weight where no code has one, or nothing billed at all; LineError for a line that cannot be.
    """
    if purchase is not None:
        lock_document(purchase)
        refuse_unless_pending(purchase)
    if not vendor.strip():
        raise ValidationError("A purchase names its vendor. Nothing was saved.")
    if freight < 0:
        raise ValidationError("A freight charge cannot be negative. Nothing was saved.")
    is_new = purchase is None
    purchase = purchase or Purchase(number=document_number(Purchase, "purchase", "PUR-", given=number))
    purchase.vendor, purchase.invoice_number, purchase.invoiced_at = vendor.strip(), invoice_number, invoiced_at
    purchase.freight, purchase.freight_by = freight, freight_by
    purchase.save()
    purchase.lines.all().delete()
    made = [_line(purchase, index, line) for index, line in enumerate(lines)]
    if not any(line.quantity or line.value for line in made) and not (freight and made):
        raise ValidationError("Nothing is billed here. Nothing was saved.")
    if freight:
        for line, part in zip(made, spread(freight, _weights(purchase, made)), strict=True):
            line.freight = part
    PurchaseLine.objects.bulk_create(made)
    history_note(number=purchase.number, action="Created" if is_new else "Edited", by=by, at=at)
    return purchase


def same_invoice(*, vendor: str, invoice_number: str, but: Purchase | None = None) -> list[str]:
    """Numbers of the purchases of this vendor that have this invoice number and are not void: perhaps it is entered
    twice. What changes neither of the two is not asked about again.
    """
    vendor, invoice_number = vendor.strip(), invoice_number.strip()
    if not invoice_number or (but is not None and (but.vendor, but.invoice_number) == (vendor, invoice_number)):
        return []
    others = Purchase.objects.filter(vendor__iexact=vendor, invoice_number__iexact=invoice_number)
    others = others.exclude(status=PostingStatus.VOID).order_by("pk")
    return [number for pk, number in others.values_list("pk", "number") if but is None or pk != but.pk]


def _line(purchase: Purchase, index: int, line: Mapping[str, Any]) -> PurchaseLine:
    ordered, quantity, value = line["purchase_order_line"], line["quantity"] or ZERO, line["value"] or ZERO
    order = ordered.purchase_order
    if order.status not in {DocumentStatus.OPEN, DocumentStatus.CLOSED} or ordered.lot is None:
        text = f"{order} is {order.get_status_display().lower()}: it cannot be billed. Nothing was saved."
        raise LineError(index, text)
    if min(quantity, value) < 0 < max(quantity, value):
        text = "Quantity and value have one sign: both negative in a credit. Nothing was saved."
        raise LineError(index, text, field="value")
    return PurchaseLine(
        purchase=purchase, position=index + 1, purchase_order_line=ordered, quantity=quantity, value=value
    )


def _weights(purchase: Purchase, lines: Sequence[PurchaseLine]) -> list[Decimal]:
    """How much of the freight each line bears. Credits bear none."""
    if all(line.quantity < 0 or line.value < 0 for line in lines):
        raise ValidationError("A credit bears no freight. Nothing was saved.")
    weights = [_weight(purchase.freight_by, line) for line in lines]
    if purchase.freight_by == FreightBy.WEIGHT and not any(weights):
        raise ValidationError("None of these codes has a weight: allocate the freight by value. Nothing was saved.")
    if any(weights):
        return weights
    # Nothing to go by: all alike, but still not the credits.
    return [Decimal(0 if line.quantity < 0 or line.value < 0 else 1) for line in lines]


def _weight(freight_by: str, line: PurchaseLine) -> Decimal:
    if line.quantity < 0 or line.value < 0:
        return ZERO
    quantity, value = line.quantity, line.value
    lot = line.purchase_order_line.lot
    if not quantity and not value and lot is not None:
        # A bill for the freight alone, of a courier perhaps: by what its goods are.
        quantity = lot.quantity_received or lot.quantity_ordered
        value = lot.value if lot.value else lot.unit_cost_ordered * quantity
    if freight_by == FreightBy.VALUE:
        return value
    return quantity * (line.purchase_order_line.code.unit_weight if freight_by == FreightBy.WEIGHT else 1)


def _over_credits(lines: Sequence[PurchaseLine]) -> list[LineError]:
    """What to ask about: credits, counted already, that are for more units or for more money than went back."""
    errors = []
    for line in sorted(lines, key=lambda line: line.position):
        if line.quantity >= 0 and line.value >= 0:
            continue
        lot = _lot(line)
        lot.refresh_from_db()
        back = figures_of(lot).returned
        worth = _worth_of(lot, back)
        if lot.quantity_credited > back:
            credited, went = quantity_text(lot.quantity_credited), quantity_text(back)
            text = f"{credited} of {lot.code} are credited, but {went} went back to the vendor."
        elif lot.value_credited > worth:
            credited, went = money_text(lot.value_credited), money_text(worth)
            text = f"{credited} are credited for {lot.code}, but what went back cost {went}."
        else:
            continue
        if (difference := lot.value_credited - worth) > 0:
            is_open = line.purchase_order_line.purchase_order.status == DocumentStatus.OPEN
            when = " once the order is closed" if is_open else ""
            text = f"{text} {money_text(difference)} go to the variance account{when}."
        errors.append(LineError(line.position - 1, text))
    return errors


def _worth_of(lot: InventoryLot, quantity: Decimal) -> Decimal:
    """The most that a credit for so many units may be without a question: as ordered, or as billed with its freight."""
    ordered = to_cents(lot.unit_cost_ordered * quantity)
    if not lot.quantity_purchased:
        return ordered
    landed = lot.value_purchased + lot.value_freight
    return max(ordered, to_cents(landed * quantity / lot.quantity_purchased))


# -- Posted and void -----------------------------------------------------------------------------------
@transaction.atomic
def purchase_post(
    *, purchase: Purchase, by: User | None, at: datetime, is_over_credit_accepted: bool = False
) -> Purchase:
    """Post a vendor invoice: it is owed from then on, and closed lots are costed anew.

    Writes the lots' purchased, freight and credited figures and a cost event per line; closes orders that it completes.
    Raises ValidationError for a purchase that is not pending, has no lines, or bills an order that is pending or void;
    OverCredit, with a LineError per line, where more is credited than went back, unless accepted.
    """
    lock_document(purchase)
    refuse_unless_pending(purchase)
    lines = _lines_by_code(purchase)
    if not lines:
        raise ValidationError(f"{purchase} has no lines. Nothing was posted.")
    refuse_future(purchase.invoiced_at, now=at)
    orders = _lock_orders(lines)
    for order in orders.values():
        if order.status not in {DocumentStatus.OPEN, DocumentStatus.CLOSED}:
            raise ValidationError(
                f"{order} is {order.get_status_display().lower()}: it cannot be billed. Nothing was posted."
            )
    # Closing an order by itself concerns the lots of its other lines, too: lock them all at once, in the one order.
    _lock_lots_of(orders)
    for line in lines:
        order = orders[line.purchase_order_line.purchase_order_id]
        is_goods = bool(line.quantity or line.value)
        _count(line, 1)
        recost(
            _lot(line),
            is_open=order.status == DocumentStatus.OPEN,
            at=purchase.invoiced_at,
            kind=Kind.PURCHASE if is_goods else Kind.FREIGHT,
            source_number=purchase.number,
        )
    over = _over_credits(lines)
    if over and not is_over_credit_accepted:
        raise OverCredit(over)
    purchase.status = PostingStatus.POSTED
    purchase.save(update_fields=["status"])
    said = " ".join(str(error.message) for error in over)
    history_note(number=purchase.number, action="Posted", by=by, at=at, note=said)
    for order in orders.values():
        history_note(number=order.number, action="Purchased", by=by, at=at, note=purchase.number)
        close_if_complete(order, by=by, at=at, of=purchase.invoiced_at)
    return purchase


@transaction.atomic
def purchase_void(*, purchase: Purchase, by: User | None, at: datetime, reason: str = "") -> Purchase:
    """Make a purchase void, for ever: it is owed no more, and its lots are costed anew without it.

    A closed order of which goods are not billed any more is open again: a closed order's goods cost what was billed, so
    without their bill they would be worth nothing, as if somebody had said so. Open, they stand at the order's unit
    cost, as an estimate, until the bill that is to come. A pending purchase just becomes void. Raises ValidationError
    for one that is void already, or whose goods the vendor credited.
    """
    lock_document(purchase)
    reopened: list[str] = []
    if purchase.status == PostingStatus.VOID:
        refuse_unless_pending(purchase)
    if purchase.status == PostingStatus.POSTED:
        lines = _lines_by_code(purchase)
        orders = _lock_orders(lines)
        # Reopening an order concerns the lots of its other lines, too.
        _lock_lots_of(orders)
        if refusal := why_not_void(purchase):
            raise ValidationError(f"{refusal} Nothing was changed.")
        for line in lines:
            _count(line, -1)
        reopening = {line.purchase_order_line.purchase_order_id for line in lines if _is_left_unbilled(line)}
        for line in lines:
            order = orders[line.purchase_order_line.purchase_order_id]
            is_open = order.status == DocumentStatus.OPEN or order.pk in reopening
            recost(_lot(line), is_open=is_open, at=at, kind=Kind.VOID, source_number=purchase.number)
        for order in orders.values():
            history_note(number=order.number, action="Purchase void", by=by, at=at, note=purchase.number)
            if order.pk in reopening and order.status == DocumentStatus.CLOSED:
                reopened.append(order.number)
                reopen_locked(order, by=by, at=at, note=f"{purchase} is void: its goods are not billed any more")
    purchase.status = PostingStatus.VOID
    purchase.save(update_fields=["status"])
    said = [reason, f"Open again: {', '.join(reopened)}" if reopened else ""]
    history_note(number=purchase.number, action="Void", by=by, at=at, note=". ".join(filter(None, said)))
    return purchase


def why_not_void(purchase: Purchase) -> str:
    """Name the credits that would stand without the bill that they are for, or "". The verb asks again when locked."""
    if purchase.status == PostingStatus.VOID:
        return f"{purchase} is already void."
    return " ".join(_credited(purchase)) if purchase.status == PostingStatus.POSTED else ""


def _credited(purchase: Purchase) -> list[str]:
    """One sentence for each lot of which more would be credited than billed, once this purchase is void."""
    own: dict[InventoryLot, list[PurchaseLine]] = defaultdict(list)
    for line in purchase.lines.select_related("purchase_order_line__lot__code").order_by("position", "pk"):
        own[_lot(line)].append(line)
    reasons = []
    for lot, lines in own.items():
        bills = [line for line in lines if line.quantity > 0 or line.value > 0]
        credits = PurchaseLine.objects.filter(CREDITS, purchase_order_line__lot=lot)
        others = credits.filter(purchase__status=PostingStatus.POSTED).exclude(purchase=purchase)
        if not bills or not others.exists():
            continue
        sums = others.aggregate(quantity=Sum("quantity"), value=Sum("value"))
        quantity = lot.quantity_purchased - sum((line.quantity for line in bills), ZERO)
        value = lot.value_purchased - sum((line.value for line in bills), ZERO)
        if quantity + sums["quantity"] < 0 or (sums["value"] < 0 and not value):
            numbers = Purchase.objects.filter(lines__in=others).order_by("pk").distinct()
            names = ", ".join(numbers.values_list("number", flat=True))
            reasons.append(f"The vendor credited what this bills of {lot.code}: void {names} first.")
    return reasons


def orders_reopened_by_void(purchase: Purchase) -> list[PurchaseOrder]:
    """The closed orders that making a posted purchase void would open again, because goods of theirs lose their bill.

    What a page says beforehand; the verb looks again under its locks.
    """
    if purchase.status != PostingStatus.POSTED:
        return []
    billed: dict[int, Decimal] = defaultdict(lambda: ZERO)
    for line in purchase.lines.all():
        billed[line.purchase_order_line_id] += line.quantity
    lines = _lines_by_code(purchase)
    orders = PurchaseOrder.objects.filter(
        pk__in={
            line.purchase_order_line.purchase_order_id
            for line in lines
            if _is_left_unbilled(line, less=billed[line.purchase_order_line_id])
        },
        status=DocumentStatus.CLOSED,
    )
    return list(orders.order_by("pk"))


def _is_left_unbilled(line: PurchaseLine, *, less: Decimal = ZERO) -> bool:
    """Whether goods of this line have no bill once it is void (`less`: and so much of the bills with it).

    Voiding freight or a credit takes no bill from goods; what was missing before had been accepted.
    """
    lot = _lot(line)
    lot.refresh_from_db()
    is_bill_of_goods = line.quantity > 0 or line.value > 0
    return is_bill_of_goods and quantity_unbilled(lot) + less > 0


def _lines_by_code(purchase: Purchase) -> list[PurchaseLine]:
    return list(purchase.lines.select_related("purchase_order_line__lot").order_by("purchase_order_line__code", "pk"))


def _lock_orders(lines: Iterable[PurchaseLine]) -> dict[int, PurchaseOrder]:
    """Lock the orders that an invoice bills, by primary key."""
    keys = {line.purchase_order_line.purchase_order_id for line in lines}
    orders = PurchaseOrder.objects.select_for_update(no_key=True).filter(pk__in=keys).order_by("pk")
    return {order.pk: order for order in orders}


def _lock_lots_of(orders: Iterable[int]) -> None:
    """Lock the lots of all lines of these orders."""
    lots = InventoryLot.objects.filter(purchase_order_line__purchase_order__in=list(orders))
    lock_lots(lots.values_list("pk", flat=True))


def _lot(line: PurchaseLine) -> InventoryLot:
    lot = line.purchase_order_line.lot
    if lot is None:
        raise ValidationError("A line of this purchase has no lot: open its order. Nothing was posted.")
    return lot


def _count(line: PurchaseLine, sign: int) -> None:
    """Add what a line bills (or, negative, credits) to its lot's figures; take it away again with a sign of -1."""
    lot = InventoryLot.objects.filter(pk=_lot(line).pk)
    if line.quantity < 0 or line.value < 0:
        lot.update(
            quantity_credited=F("quantity_credited") - sign * line.quantity,
            value_credited=F("value_credited") - sign * line.value,
        )
    else:
        lot.update(
            quantity_purchased=F("quantity_purchased") + sign * line.quantity,
            value_purchased=F("value_purchased") + sign * line.value,
            value_freight=F("value_freight") + sign * line.freight,
        )
