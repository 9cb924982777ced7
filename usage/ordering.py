"""Verbs over orders. Each is one transaction: it locks the order, then looks, then the pools of its codes.

Opening posts Demand, every later change posts the difference, and closing or voiding takes back what is left. Shipments
are in `usage/shipping.py`.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from inventory_site.document_forms import LineError
from inventory_site.money import quantity_text
from lots.history import history_note
from lots.ledger import ZERO
from lots.locks import lock_pools_of_codes
from lots.models import DocumentStatus, LineItemCode, Office, PostingStatus, PurchaseOrder
from lots.numbers import document_number
from lots.purchasing import purchase_order_open, purchase_order_save
from usage.demand import balance, demand_post, demand_take_back, due, is_stocked, net_shipped, outstanding
from usage.models import InventoryUsage, Job, Order, OrderLine, OrderLinePurchase, Shipment
from usage.supplying import bought_for, to_procure, why_not_procure

Status = DocumentStatus
Supply = OrderLine.Supply
LineData = Mapping[str, Any]


def lock_orders(pks: Sequence[int]) -> dict[int, Order]:
    """Lock orders in primary key order; what happens to their lines waits for it."""
    rows = Order.objects.select_for_update(of=("self",)).select_related("office").filter(pk__in=pks).order_by("pk")
    return {order.pk: order for order in rows}


def lines_of(order: Order) -> list[OrderLine]:
    """The lines of a locked order, as they are now."""
    related = ("code", "lot")
    return list(order.lines.select_related(*related).order_by("position", "pk"))


def refuse(reason: str) -> None:
    if reason:
        raise ValidationError(f"{reason} Nothing was changed.")


# -- What can be done now ----------------------------------------------------------------------------
def why_not_edit(order: Order) -> str:
    if order.status == Status.CLOSED:
        return f"Order {order} is closed: reopen it first."
    return f"Order {order} is void." if order.status == Status.VOID else ""


def why_not_open(order: Order) -> str:
    if order.status != Status.PENDING:
        return f"Order {order} is {order.get_status_display().lower()} already."
    return "" if order.lines.exists() else f"Order {order} has no lines yet."


def why_not_close(order: Order) -> str:
    if order.status == Status.PENDING:
        return f"Order {order} is not open yet."
    return "" if order.status == Status.OPEN else f"Order {order} is {order.get_status_display().lower()} already."


def why_not_reopen(order: Order) -> str:
    if order.status == Status.VOID:
        return f"Order {order} is void, and that is for ever."
    return "" if order.status == Status.CLOSED else f"Order {order} is not closed."


def why_not_void(order: Order) -> str:
    """Shipments that moved stock for it, and documents that still get goods for it, stand in the way."""
    if order.status == Status.VOID:
        return f"Order {order} is void already."
    moved = Shipment.objects.filter(status=PostingStatus.POSTED, lines__order_line__order=order)
    unfinished = (Status.PENDING, Status.OPEN)
    bought = PurchaseOrder.objects.filter(lines__made_for__order_line__order=order, status__in=unfinished)
    made = Job.objects.filter(order_line__order=order, status__in=unfinished)
    in_the_way: list[str] = []
    for documents in (moved, bought, made):
        in_the_way += documents.order_by("pk").values_list("number", flat=True).distinct()
    if not in_the_way:
        return ""
    return f"Void {', '.join(in_the_way)} first: they stand on order {order}."


# -- Verbs -------------------------------------------------------------------------------------------
@transaction.atomic
def order_save(
    *,
    order: Order | None,
    customer: str,
    ordered_at: datetime,
    lines: Sequence[LineData],
    by: User | None,
    at: datetime,
    office: Office | None = None,
    department: str = "",
    reference: str = "",
    number: str = "",
) -> Order:
    """Write an order with its lines: mappings of code, quantity, supply, and `id` for a line that is there already.

    Of a pending order anything may change. Of an open one quantities (never below what is shipped and not returned),
    new lines, and lines that nothing stands on yet; the difference is posted to Demand. Writes the order, its lines and
    a history line. Raises ValidationError for a closed or void order or another office, LineError for a line that
    cannot be so.
    """
    header = {
        "customer": customer,
        "department": department,
        "ordered_at": ordered_at,
        "reference": reference,
        "office": office,
    }
    if order is None:
        order = record = Order.objects.create(number=_number(number), **header)
        action = "Created"
    else:
        record = lock_orders([order.pk])[order.pk]
        refuse(why_not_edit(record))
        if record.status == Status.OPEN and record.office != office:
            raise ValidationError(
                f"Order {record} is open and its demand stands in its office, which can change no more."
                " Nothing was changed."
            )
        Order.objects.filter(pk=record.pk).update(**header)
        record.refresh_from_db()
        action = "Edited"
    changes = _write_lines(record, lines, at=at)
    history_note(number=record.number, action=action, by=by, at=at, note=changes)
    order.refresh_from_db()
    return order


def _number(given: str) -> str:
    """Numbers that imported usage names as its order are passed over, unless one is meant: the rest of that order."""
    return document_number(Order, "order", given=given, passing=[(InventoryUsage, "order")])


def _write_lines(order: Order, lines: Sequence[LineData], *, at: datetime) -> str:
    """Write the lines; of an open order post what changes, and say it in words."""
    if order.status == Status.OPEN and not lines:
        raise ValidationError(f"Order {order} is open, so it needs a line. Close or void it. Nothing was changed.")
    there = {line.pk: line for line in lines_of(order) if line.quantity}
    kept = [int(given["id"]) for given in lines if given.get("id")]
    changes = []
    if order.status == Status.OPEN:
        lock_pools_of_codes(codes=[given["code"] for given in lines], office=order.office)
    for line in [line for pk, line in there.items() if pk not in kept]:
        if reason := _why_untouchable(line):
            raise ValidationError(f"{line.code} cannot be taken off order {order}: {reason} Nothing was changed.")
        demand_post(line=line, change=-line.demand, at=at)
        _take_off(line, position=len(lines) + 1)
        changes.append(f"{line.code} taken off")
    for index, given in enumerate(lines):
        if given["quantity"] <= 0:
            raise LineError(index, "Order more than zero.", field="quantity")
        if not given.get("id"):
            line = OrderLine.objects.create(
                order=order,
                position=index + 1,
                code=given["code"],
                quantity=given["quantity"],
                supply=given.get("supply") or Supply.STOCK,
            )
            if order.status == Status.OPEN:
                demand_post(line=line, change=-_wanted_of_new(line), at=at)
                changes.append(f"{line.code} {quantity_text(line.quantity)} added")
            continue
        found = there.pop(int(given["id"]), None)
        if found is None:
            raise LineError(index, "This line was changed by somebody else meanwhile. Open the page again.")
        before = found.quantity
        if order.status == Status.OPEN:
            _change_open_line(index, found, given, at=at)
        elif (found.code, found.supply) != (given["code"], given["supply"]) and (reason := _why_untouchable(found)):
            raise LineError(index, f"This line cannot become another: {reason}")
        OrderLine.objects.filter(pk=found.pk).update(
            position=index + 1, code=given["code"], quantity=given["quantity"], supply=given["supply"]
        )
        if order.status == Status.OPEN and given["quantity"] != before:
            changes.append(f"{found.code} {quantity_text(before)} to {quantity_text(given['quantity'])}")
    return ", ".join(changes)


def _change_open_line(index: int, line: OrderLine, given: LineData, *, at: datetime) -> None:
    """Post what the new quantity or supply does to Demand. The line itself is written by the caller."""
    if line.code != given["code"]:
        raise LineError(index, f"The order is open: {line.code} stays. Take the line off and add one.", field="code")
    gone = net_shipped(line)
    if given["quantity"] < min(gone, line.quantity):
        raise LineError(index, f"{quantity_text(gone)} are shipped already: order no less.", field="quantity")
    is_other_supply = given["supply"] != line.supply
    if is_other_supply and (reason := _why_untouchable(line)):
        raise LineError(index, f"The supply stays as it is: {reason}", field="supply")
    demanded, change = -line.demand, given["quantity"] - line.quantity
    before = balance(line)
    line.quantity, line.supply = given["quantity"], given["supply"]
    if is_other_supply:
        wanted = _wanted_of_new(line)
    elif is_stocked(line):
        wanted = max(min(before + change, line.quantity - gone), ZERO)
    else:
        wanted = ZERO
    demand_post(line=line, change=demanded - wanted, at=at)


def _wanted_of_new(line: OrderLine) -> Decimal:
    return line.quantity if is_stocked(line) else ZERO


def _take_off(line: OrderLine, *, position: int) -> None:
    """Delete a line, or bring it to 0 where documents that are void name it for ever."""
    if line.shipment_lines.exists() or line.jobs.exists() or line.purchases.exists():
        OrderLine.objects.filter(pk=line.pk).update(quantity=ZERO, position=position)
    else:
        line.delete()


def _why_untouchable(line: OrderLine) -> str:
    """What names it and is not void."""
    shipped = line.shipment_lines.exclude(shipment__status=PostingStatus.VOID).select_related("shipment").first()
    if shipped is not None:
        return f"{shipped.shipment} names it."
    if bought := bought_for(line).first():
        return f"{bought.purchase_order} was made for it."
    job = line.jobs.exclude(status=Status.VOID).first()
    return f"{job} was made for it." if job else ""


@transaction.atomic
def order_open(*, order: Order, by: User | None, at: datetime) -> None:
    """Open a pending order: from now on its lines are demanded. Raises ValidationError when it is not pending.

    Writes one movement of Demand per line that moves inventory, the status and a history line.
    """
    record = lock_orders([order.pk])[order.pk]
    refuse(why_not_open(record))
    lines = lines_of(record)
    _post_wanted(record, {line: _wanted_of_new(line) for line in lines}, at=at)
    Order.objects.filter(pk=record.pk).update(status=Status.OPEN, opened_at=at)
    history_note(number=record.number, action="Opened", by=by, at=at)
    order.refresh_from_db()


@transaction.atomic
def order_close(*, order: Order, by: User | None, at: datetime, reason: str = "") -> None:
    """Close an open order: nothing more is shipped for it, and what it still demands is taken back.

    Raises ValidationError when it is not open.
    """
    record = lock_orders([order.pk])[order.pk]
    refuse(why_not_close(record))
    _close(record, by=by, at=at, note=reason)
    order.refresh_from_db()


def close_if_all_shipped(order: Order, *, by: User | None, at: datetime) -> None:
    """Close a locked order of which nothing is due any more."""
    if order.status == Status.OPEN and not any(due(line) for line in lines_of(order)):
        _close(order, by=by, at=at, note="Everything is shipped.")


def _close(order: Order, *, by: User | None, at: datetime, note: str) -> None:
    lines = sorted(lines_of(order), key=_by_code)
    left = ", ".join(f"{quantity_text(-line.demand)} {line.code}" for line in lines if line.demand)
    lock_pools_of_codes(codes=[line.code for line in lines if line.demand], office=order.office)
    for line in lines:
        demand_take_back(line=line, at=at)
    order.status, order.closed_at = Status.CLOSED, at
    order.save(update_fields=["status", "closed_at"])
    note = " ".join(filter(None, [note, f"No longer demanded: {left}." if left else ""]))
    history_note(number=order.number, action="Closed", by=by, at=at, note=note)


@transaction.atomic
def order_reopen(*, order: Order, by: User | None, at: datetime, reason: str = "") -> None:
    """Open a closed order again; what is not shipped of it is demanded again.

    Raises ValidationError when it is not closed.
    """
    record = lock_orders([order.pk])[order.pk]
    refuse(why_not_reopen(record))
    reopen(record, by=by, at=at, note=reason)
    order.refresh_from_db()


def reopen(order: Order, *, by: User | None, at: datetime, note: str) -> None:
    """Reopen a locked, closed order, for a return or for a shipment that is undone."""
    lines = [line for line in lines_of(order) if is_stocked(line)]
    _post_wanted(order, {line: outstanding(line) for line in lines}, at=at)
    order.status, order.closed_at = Status.OPEN, None
    order.save(update_fields=["status", "closed_at"])
    history_note(number=order.number, action="Reopened", by=by, at=at, note=note)


def _post_wanted(order: Order, wanted: dict[OrderLine, Decimal], *, at: datetime) -> None:
    lock_pools_of_codes(codes=[line.code for line, quantity in wanted.items() if quantity], office=order.office)
    for line in sorted(wanted, key=_by_code):
        demand_post(line=line, change=-wanted[line] - line.demand, at=at)


def _by_code(line: OrderLine) -> tuple[int, int]:
    return line.code_id, line.position


@transaction.atomic
def order_void(*, order: Order, by: User | None, at: datetime, reason: str = "") -> None:
    """Void an order for ever: what it demands is taken back, and it can be neither changed nor opened again.

    Raises ValidationError, naming the documents that stand in the way.
    """
    record = lock_orders([order.pk])[order.pk]
    refuse(why_not_void(record))
    lines = sorted(lines_of(record), key=_by_code)
    lock_pools_of_codes(codes=[line.code for line in lines if line.demand], office=record.office)
    for line in lines:
        demand_take_back(line=line, at=at)
    Order.objects.filter(pk=record.pk).update(status=Status.VOID)
    history_note(number=record.number, action="Void", by=by, at=at, note=reason)
    order.refresh_from_db()


# -- Procurement -------------------------------------------------------------------------------------
@transaction.atomic
def procure(*, order_line: OrderLine, vendor: str, unit_cost: Decimal, by: User | None, at: datetime) -> PurchaseOrder:
    """Order what is due on a line, and neither here for it nor on the way, from a vendor: an open purchase order.

    Its lot names the order as its parent and is bound to the line: a special order ships from such lots alone. Raises
    ValidationError when the order is not open, nothing is due, or all of it was procured already.
    """
    order = lock_orders([order_line.order_id])[order_line.order_id]
    line = next(line for line in lines_of(order) if line.pk == order_line.pk)
    refuse(why_not_procure(line))
    made = purchase_order_save(
        purchase_order=None,
        vendor=vendor,
        office=order.office,
        ordered_on=timezone.localdate(at),
        reference=f"Order #{order.number}",
        lines=[{"code": line.code, "quantity": to_procure(line), "unit_cost": unit_cost}],
        by=by,
        at=at,
        parent_order=order.number,
    )
    purchase_order_open(purchase_order=made, by=by, at=at)
    bought = made.lines.select_related("lot").get()
    OrderLinePurchase.objects.create(order_line=line, purchase_order_line=bought)
    OrderLine.objects.filter(pk=line.pk).update(lot=bought.lot)
    history_note(
        number=order.number,
        action="Procured",
        by=by,
        at=at,
        note=f"{made}: {quantity_text(bought.quantity)} {line.code} from {vendor}",
    )
    made.refresh_from_db()
    order_line.refresh_from_db()
    return made


def codes_needing_units(lines: Sequence[OrderLine]) -> list[LineItemCode]:
    """Codes of which a shipment must say which units go: they cannot be shipped in one go."""
    codes = {line.code for line in lines if is_stocked(line)}
    tracked = [code for code in codes if code.is_serialized or code.is_tracked_by_manufacturer_lot]
    return sorted(tracked, key=lambda code: code.code)
