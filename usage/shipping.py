"""Verbs over outgoing shipments and returns from customers. Each is one transaction: it locks the shipment, then its
orders, then the pools of all its codes, and looks again under the locks. So a second click finds it done.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F, Q

from inventory_site.document_forms import LineError
from inventory_site.money import quantity_text
from lots.history import history_note
from lots.ledger import DEMAND_ALONE, ZERO, movements_of
from lots.locks import lock_pools_of, preference_in_force
from lots.models import DocumentStatus, InventoryTransaction, Office, PostingStatus
from lots.numbers import document_number
from lots.periods import refuse_future
from usage.demand import balance, demand_note, demand_post, due, is_stocked, net_shipped, room_for_demand, taken_off_by
from usage.models import InventoryUsage, Order, OrderLine, Shipment, ShipmentLine, ShipmentUsage
from usage.ordering import close_if_all_shipped, codes_needing_units, lines_of, lock_orders, reopen
from usage.services import usage_mirror, usage_record
from usage.special_orders import taken_by_others
from usage.supplying import own_lots
from usage.unit_names import Part, serials_of
from usage.units import (
    more_than_came,
    movements_by_usage,
    parts_coming_back,
    parts_going_out,
    units_of,
    why_not_these_units,
)

Kind = Shipment.Kind
Status = PostingStatus
SOURCE_KIND = "SHIP"


class OverShipment(ValidationError):
    """More would leave than is due, or than is there of a manufacturer lot. If that is meant, say
    `is_over_shipment_accepted=True`.
    """


# -- What can be done now ----------------------------------------------------------------------------
def why_not_edit(shipment: Shipment) -> str:
    if shipment.status == Status.VOID:
        return f"{shipment} is void."
    return f"{shipment} is {_done(shipment)}: it can only be voided." if shipment.status == Status.POSTED else ""


def why_not_ship(shipment: Shipment) -> str:
    """Of either kind: why it cannot be shipped or received now."""
    if shipment.status != Status.PENDING:
        return f"{shipment} is {_done(shipment)} already."
    orders = Order.objects.filter(lines__shipment_lines__shipment=shipment).order_by("pk").distinct()
    if not orders:
        return f"{shipment} has no lines."
    allowed = {DocumentStatus.OPEN} if shipment.kind == Kind.OUTGOING else {DocumentStatus.OPEN, DocumentStatus.CLOSED}
    shut = next((order for order in orders if order.status not in allowed), None)
    return f"Order {shut} is {shut.get_status_display().lower()}: reopen it, or void {shipment}." if shut else ""


def why_not_void(shipment: Shipment) -> str:
    """Returns of what it shipped stand in the way."""
    if shipment.status == Status.VOID:
        return f"{shipment} is void already."
    if shipment.status == Status.PENDING or shipment.kind == Kind.INCOMING_RETURN:
        return ""
    returns = ShipmentUsage.objects.filter(
        usage__original__shipment_usage__line__shipment=shipment, is_void=False, line__shipment__status=Status.POSTED
    )
    numbers = set(returns.values_list("line__shipment__number", flat=True))
    for line in shipment.lines.select_related("order_line__code"):
        if not is_stocked(line.order_line) and net_shipped(line.order_line) < line.quantity:
            back = ShipmentLine.objects.filter(
                order_line=line.order_line, shipment__kind=Kind.INCOMING_RETURN, shipment__status=Status.POSTED
            )
            numbers |= set(back.values_list("shipment__number", flat=True))
    return f"Void {', '.join(sorted(numbers))} first: what {shipment} shipped came back by it." if numbers else ""


def why_not_ship_everything(order: Order) -> str:
    if order.status != DocumentStatus.OPEN:
        return f"Order {order} is not open."
    lines = [line for line in lines_of(order) if due(line)]
    if not lines:
        return f"Nothing of order {order} is due."
    if codes := codes_needing_units(lines):
        return f"{codes[0]} needs its serial numbers or manufacturer lot: make a new shipment."
    return "" if any(can_leave(line) for line in lines) else "What is due is on special order and not received yet."


def _done(shipment: Shipment) -> str:
    if shipment.status == Status.VOID:
        return "void"
    return "shipped" if shipment.kind == Kind.OUTGOING else "received"


# -- Writing one -------------------------------------------------------------------------------------
@transaction.atomic
def shipment_save(
    *,
    shipment: Shipment | None,
    kind: str,
    shipped_at: datetime,
    lines: Sequence[Mapping[str, Any]],
    by: User | None,
    at: datetime,
    office: Office | None = None,
    reference: str = "",
    number: str = "",
) -> Shipment:
    """Write a pending shipment with its lines: mappings of order_line, quantity, manufacturer_lot and serials.

    It moves nothing yet. Writes the shipment, its lines anew, and a history line. Raises ValidationError when it is not
    pending any more, LineError for a line whose order cannot be shipped or taken back.
    """
    if not lines:
        raise ValidationError("A shipment needs at least one line. Nothing was saved.")
    header = {"shipped_at": shipped_at, "office": office, "reference": reference}
    if shipment is None:
        shipment = Shipment.objects.create(
            number=document_number(Shipment, "shipment", "SHIP-", given=number), kind=kind, **header
        )
        action = "Created"
    else:
        locked = _locked(shipment)
        if reason := why_not_edit(locked):
            raise ValidationError(f"{reason} Nothing was changed.")
        Shipment.objects.filter(pk=locked.pk).update(**header)
        locked.lines.all().delete()
        shipment.refresh_from_db()
        action = "Edited"
    rows = []
    for index, given in enumerate(lines):
        row = ShipmentLine(
            shipment=shipment,
            position=index + 1,
            order_line=given["order_line"],
            quantity=given["quantity"],
            manufacturer_lot=given.get("manufacturer_lot", ""),
            serials="\n".join(serials_of(given.get("serials", ""))),
        )
        if reason := _why_not_this_line(row):
            raise LineError(index, reason)
        rows.append(row)
    ShipmentLine.objects.bulk_create(rows)
    history_note(number=shipment.number, action=action, by=by, at=at)
    return shipment


def _why_not_this_line(line: ShipmentLine) -> str:
    order = line.order_line.order
    if line.quantity <= 0:
        return "A line needs a quantity above zero."
    if line.shipment.kind == Kind.OUTGOING and order.status != DocumentStatus.OPEN:
        return f"Order {order} is not open."
    if order.status not in {DocumentStatus.OPEN, DocumentStatus.CLOSED}:
        return f"Nothing of order {order} was shipped."
    return ""


# -- Going out ---------------------------------------------------------------------------------------
@transaction.atomic
def shipment_ship(
    *, shipment: Shipment, by: User | None, at: datetime, is_over_shipment_accepted: bool = False
) -> None:
    """Ship a pending outgoing shipment: the goods are gone, and the orders demand that much less.

    Per line that moves inventory writes the usage (one per lot where serial numbers say so) with its movement,
    restricted to the special order's lot or to those its units came in by; then shipped quantities, demand, status and
    history, and closes orders of which nothing is due any more. Stock below zero stops nothing. Raises OverShipment for
    more than is due, or there of a manufacturer lot; ValidationError when it is not pending, an order is not open, a
    special order has not come in, or units are wrong.
    """
    record, lines, orders = _lock(shipment)
    if reason := why_not_ship(record):
        raise ValidationError(f"{reason} Nothing was posted.")
    if record.kind != Kind.OUTGOING:
        raise ValidationError(f"{record} is a return: receive it. Nothing was posted.")
    refuse_future(record.shipped_at, now=at)
    _refuse_unshippable(lines)
    if not is_over_shipment_accepted:
        _refuse_over_shipment(record, lines)
    taken = " ".join(taken_by_others(record))
    for line in lines:
        _ship_line(record, line)
    Shipment.objects.filter(pk=record.pk).update(status=Status.POSTED)
    history_note(number=record.number, action="Shipped", by=by, at=at, note=taken)
    for order in orders:
        history_note(number=order.number, action="Shipped", by=by, at=at, note=_told(order, record, lines))
        close_if_all_shipped(order, by=by, at=at)
    shipment.refresh_from_db()


def _lock(shipment: Shipment) -> tuple[Shipment, list[ShipmentLine], list[Order]]:
    """Lock the shipment, its orders and the pools of its codes; the lines in the order they are to be written."""
    record = _locked(shipment)
    lines = list(record.lines.select_related("order_line").order_by("order_line__code_id", "pk"))
    orders = lock_orders([line.order_line.order_id for line in lines])
    order_lines = {line.pk: line for order in orders.values() for line in lines_of(order)}
    for line in lines:
        # One object per order line, however often the shipment names it: what is shipped and demanded adds up on it.
        line.shipment, line.order_line = record, order_lines[line.order_line_id]
    pools = [(line.order_line.code, record.office) for line in lines if is_stocked(line.order_line)]
    # A closed order may be reopened, which demands of all its lines: everything is locked at once, in the one order.
    pools += [
        (ordered.code, ordered.order.office)
        for ordered in order_lines.values()
        if ordered.order.status == DocumentStatus.CLOSED and is_stocked(ordered)
    ]
    lock_pools_of(pools)
    return record, lines, list(orders.values())


def _locked(shipment: Shipment) -> Shipment:
    return Shipment.objects.select_for_update(of=("self",)).select_related("office").get(pk=shipment.pk)


def _refuse_unshippable(lines: Sequence[ShipmentLine]) -> None:
    for line in lines:
        order_line = line.order_line
        reason = why_not_these_units(order_line.code, units_of(line)) if is_stocked(order_line) else ""
        if reason:
            raise ValidationError(f"{reason} Nothing was posted.")
    for order_line, quantity in _totals(lines).items():
        if _is_special(order_line) and quantity > can_leave(order_line):
            came = _came(order_line)
            raise ValidationError(
                f"{order_line.code} of order {order_line.order} is on special order, and {quantity_text(came)} of it"
                f" have come in: {quantity_text(quantity)} cannot be shipped yet. Nothing was posted."
            )


def _refuse_over_shipment(shipment: Shipment, lines: Sequence[ShipmentLine]) -> None:
    if over := _over(shipment, lines):
        raise OverShipment(f"More would be shipped than is due or there: {over}. Nothing was posted.")


def _over(shipment: Shipment, lines: Sequence[ShipmentLine]) -> str:
    too_much = [
        f"{quantity_text(quantity)} {line.code}, while {quantity_text(due(line))} are due on order {line.order}"
        for line, quantity in _totals(lines).items()
        if quantity > due(line)
    ]
    return "; ".join([*too_much, *more_than_came(shipment, lines)])


def over_shipment_of(shipment: Shipment) -> str:
    """What a pending shipment would ship beyond what is due, or there of a manufacturer lot, in words, or ""."""
    if shipment.kind != Kind.OUTGOING or shipment.status != Status.PENDING:
        return ""
    return _over(shipment, list(shipment.lines.select_related("order_line__order", "order_line__code")))


def _totals(lines: Sequence[ShipmentLine]) -> dict[OrderLine, Decimal]:
    totals: dict[OrderLine, Decimal] = {}
    for line in lines:
        totals[line.order_line] = totals.get(line.order_line, ZERO) + line.quantity
    return totals


def can_leave(line: OrderLine) -> Decimal:
    """How much of what is due may leave now: of a special order no more than its own lots received."""
    if not _is_special(line):
        return due(line)
    return max(_came(line) - net_shipped(line), ZERO)


def _came(line: OrderLine) -> Decimal:
    return sum((lot.quantity_received for lot in own_lots(line)), ZERO)


def _is_special(line: OrderLine) -> bool:
    return line.supply == OrderLine.Supply.SPECIAL_ORDER and is_stocked(line)


def _ship_line(shipment: Shipment, line: ShipmentLine) -> None:
    order_line = line.order_line
    if is_stocked(order_line):
        for part in parts_going_out(line):
            served = min(part.quantity, -order_line.demand)
            _use(shipment, line, part, quantity=part.quantity, demand=served)
    _count(order_line, shipped=line.quantity)


def _use(shipment: Shipment, line: ShipmentLine, part: Part, *, quantity: Decimal, demand: Decimal) -> None:
    """Record a usage, and what it does to Demand: in its own movement, or in one of the order's office."""
    order = line.order_line.order
    is_same_office = order.office == shipment.office
    usage = usage_record(
        code=line.order_line.code,
        quantity=quantity,
        used_at=shipment.shipped_at,
        office=shipment.office,
        source_number=shipment.number,
        order=order.number,
        reference=f"Order #{order.number}",
        department=order.department,
        original=part.original,
        only_lots=part.only_lots,
        demand=demand if is_same_office else ZERO,
        manufacturer_lot=part.manufacturer_lot,
        serials=part.serials,
    )
    if is_same_office:
        demand_note(line.order_line, demand)
    else:
        demand_post(
            line=line.order_line,
            change=demand,
            at=shipment.shipped_at,
            source_kind=SOURCE_KIND,
            source_number=shipment.number,
        )
    ShipmentUsage.objects.create(line=line, usage=usage)


def _count(line: OrderLine, *, shipped: Decimal = ZERO, returned: Decimal = ZERO) -> None:
    OrderLine.objects.filter(pk=line.pk).update(
        quantity_shipped=F("quantity_shipped") + shipped, quantity_returned=F("quantity_returned") + returned
    )
    line.quantity_shipped += shipped
    line.quantity_returned += returned


def _told(order: Order, shipment: Shipment, lines: Sequence[ShipmentLine]) -> str:
    what = [
        f"{quantity_text(quantity)} {line.code}" for line, quantity in _totals(lines).items() if line.order == order
    ]
    return f"{shipment}: {', '.join(what)}"


@transaction.atomic
def ship_everything(*, order: Order, by: User | None, at: datetime) -> Shipment:
    """Ship all that is due of an order, except special orders that have not come in. Raises as shipment_ship()."""
    record = lock_orders([order.pk])[order.pk]
    if reason := why_not_ship_everything(record):
        raise ValidationError(f"{reason} Nothing was posted.")
    lines = [
        {"order_line": line, "quantity": quantity}
        for line in lines_of(record)
        if (quantity := min(due(line), can_leave(line)))
    ]
    shipment = shipment_save(
        shipment=None, kind=Kind.OUTGOING, office=record.office, shipped_at=at, lines=lines, by=by, at=at
    )
    shipment_ship(shipment=shipment, by=by, at=at)
    order.refresh_from_db()
    return shipment


# -- Coming back -------------------------------------------------------------------------------------
@transaction.atomic
def return_receive(*, shipment: Shipment, by: User | None, at: datetime) -> None:
    """Receive a pending return: the goods are in stock again, at the cost they left with where it is still known.

    Per usage that is returned (the last shipped first, each by what it has not had returned) writes a negative usage
    linked to it. Where returns reduce orders, the lines are for that much less from then on; otherwise the replacement
    is demanded, and closed orders are reopened. Raises ValidationError when it is not pending, or for more than is
    shipped and not returned yet.
    """
    record, lines, orders = _lock(shipment)
    if reason := why_not_ship(record):
        raise ValidationError(f"{reason} Nothing was posted.")
    if record.kind != Kind.INCOMING_RETURN:
        raise ValidationError(f"{record} is no return: ship it. Nothing was posted.")
    refuse_future(record.shipped_at, now=at)
    _refuse_unreturnable(lines)
    is_replaced = not preference_in_force().returns_reduce_orders
    for order in orders:
        if is_replaced and order.status == DocumentStatus.CLOSED:
            _reopen(order, lines, by=by, at=at, note=f"Return {record}")
    for line in lines:
        _take_back_line(record, line, is_replaced=is_replaced)
    Shipment.objects.filter(pk=record.pk).update(status=Status.POSTED)
    history_note(number=record.number, action="Received", by=by, at=at)
    for order in orders:
        history_note(number=order.number, action="Returned", by=by, at=at, note=_told(order, record, lines))
    shipment.refresh_from_db()


def _refuse_unreturnable(lines: Sequence[ShipmentLine]) -> None:
    for line in lines:
        reason = why_not_these_units(line.order_line.code, units_of(line)) if is_stocked(line.order_line) else ""
        if reason:
            raise ValidationError(f"{reason} Nothing was posted.")
    for order_line, quantity in _totals(lines).items():
        if quantity > net_shipped(order_line):
            raise ValidationError(
                f"{quantity_text(quantity)} {order_line.code} cannot come back: of order {order_line.order}"
                f" {quantity_text(net_shipped(order_line))} are shipped and not returned yet. Nothing was posted."
            )


def _reopen(order: Order, lines: Sequence[ShipmentLine], *, by: User | None, at: datetime, note: str) -> None:
    """Reopen a locked order; what that demands is read back into the lines at hand."""
    reopen(order, by=by, at=at, note=note)
    now = {line.pk: line.demand for line in lines_of(order)}
    for line in lines:
        if line.order_line.order_id == order.pk:
            line.order_line.demand = now[line.order_line_id]


def _take_back_line(shipment: Shipment, line: ShipmentLine, *, is_replaced: bool) -> None:
    order_line = line.order_line
    if not is_replaced:
        _reduce(line, taken_off_by(order_line, line.quantity))
    _count(order_line, returned=line.quantity)
    if is_stocked(order_line):
        for part in parts_coming_back(line):
            wanted = min(part.quantity, room_for_demand(order_line)) if is_replaced else ZERO
            _use(shipment, line, part, quantity=-part.quantity, demand=-wanted)


def _reduce(line: ShipmentLine, quantity: Decimal) -> None:
    """Let the order line be for so much less: what came back is not wanted any more. Below zero undoes that."""
    order_line = line.order_line
    OrderLine.objects.filter(pk=order_line.pk).update(quantity=F("quantity") - quantity)
    order_line.quantity -= quantity
    line.quantity_reduced += quantity
    line.save(update_fields=["quantity_reduced"])


# -- Void --------------------------------------------------------------------------------------------
@transaction.atomic
def shipment_void(*, shipment: Shipment, by: User | None, at: datetime, reason: str = "") -> None:
    """Void a shipment or a return for ever: what it moved is mirrored, dated now, and its orders stand as before it.

    Writes one usage per usage, linked to it, so that goods go back to the lots they were drawn from; what the order
    demands is what it would without it. Closed orders are reopened, and orders of which nothing is due afterwards
    closed. Raises ValidationError, naming the returns that stand on it.
    """
    record, lines, orders = _lock(shipment)
    if refusal := why_not_void(record):
        raise ValidationError(f"{refusal} Nothing was changed.")
    if record.status == Status.POSTED:
        for order in orders:
            if order.status == DocumentStatus.CLOSED:
                _reopen(order, lines, by=by, at=at, note=f"{record} is void")
        _mirror(record, lines, at=at)
        for order in orders:
            history_note(number=order.number, action="Shipment void", by=by, at=at, note=_told(order, record, lines))
            close_if_all_shipped(order, by=by, at=at)
    Shipment.objects.filter(pk=record.pk).update(status=Status.VOID)
    history_note(number=record.number, action="Void", by=by, at=at, note=reason)
    shipment.refresh_from_db()


def _mirror(shipment: Shipment, lines: Sequence[ShipmentLine], *, at: datetime) -> None:
    made: dict[int, list[InventoryUsage]] = {}
    rows = ShipmentUsage.objects.filter(line__in=lines, is_void=False).order_by("usage")
    for row in rows.select_related("usage__code", "usage__office", "usage__account"):
        made.setdefault(row.line_id, []).append(row.usage)
    movements = movements_by_usage([usage for usages in made.values() for usage in usages])
    apart = _demand_apart(shipment, [movement.pk for movement in movements.values()])
    for line in lines:
        order_line = line.order_line
        wanted = balance(order_line)
        if shipment.kind == Kind.OUTGOING:
            _count(order_line, shipped=-line.quantity)
        else:
            _count(order_line, returned=-line.quantity)
            # What a return took off the order was not demanded, so there is nothing of it to take back.
            wanted += line.quantity_reduced
            _reduce(line, -line.quantity_reduced)
        for usage in made.get(line.pk, []):
            movement = movements[usage.pk]
            beside = apart.get(movement.pk)
            wanted += usage.quantity
            demanded = max(min(wanted, order_line.quantity - net_shipped(order_line)), ZERO)
            change = -demanded - order_line.demand
            is_here = beside is None and order_line.order.office == shipment.office
            mirror = usage_mirror(usage=usage, at=at, demand=change if is_here else ZERO, movement=movement)
            ShipmentUsage.objects.create(line=line, usage=mirror, is_void=True)
            if is_here:
                demand_note(order_line, change)
            else:
                demand_post(
                    line=order_line,
                    change=change,
                    at=at,
                    source_kind=SOURCE_KIND,
                    source_number=shipment.number,
                    reverses=beside,
                )


def _demand_apart(shipment: Shipment, goods: Sequence[int]) -> dict[int, InventoryTransaction]:
    """Movements of Demand alone, by the shipment's movement of goods (a primary key) that each was written after."""
    alone = movements_of(shipment.number, own=DEMAND_ALONE & Q(source_kind=SOURCE_KIND))
    return {max(pk for pk in goods if pk < movement.pk): movement for movement in alone}
