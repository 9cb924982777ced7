"""What orders still demand: the one place that posts Demand for order lines and keeps `OrderLine.demand` in step.

A line's `demand` is what its movements sum to: at most 0, and 0 for what has no inventory at all (drop ship, labour).
The caller holds the lock of the order.
"""

from datetime import datetime
from decimal import Decimal

from django.db.models import F, Q

from lots.ledger import DEMAND_ALONE, ZERO, movements_of, post_movement
from lots.models import DocumentStatus, InventoryTransaction
from lots.querysets import INVENTORIED
from usage.models import OrderLine

SOURCE_KIND = "ORDER"


def is_stocked(line: OrderLine) -> bool:
    """Whether the line moves inventory: drop ships and codes that are not inventoried never do."""
    return line.supply != OrderLine.Supply.DROP_SHIP and line.code.record_type in INVENTORIED


def net_shipped(line: OrderLine) -> Decimal:
    return line.quantity_shipped - line.quantity_returned


def outstanding(line: OrderLine) -> Decimal:
    """What the line would still ask for; where returns reduce the order, they have lowered its quantity."""
    return max(line.quantity - net_shipped(line), ZERO)


def due(line: OrderLine) -> Decimal:
    """What is to be shipped now: of an open order what is demanded; nothing of any other."""
    if line.order.status != DocumentStatus.OPEN:
        return ZERO
    if is_stocked(line):
        return -line.demand
    return outstanding(line)


def balance(line: OrderLine) -> Decimal:
    """What an open order's line demands; below zero, how much more was shipped than it would ask for.

    Of that Demand itself shows nothing, so a change that began there would forget it.
    """
    return -line.demand if line.demand else min(line.quantity - net_shipped(line), ZERO)


def room_for_demand(line: OrderLine) -> Decimal:
    """How much more could be demanded before order, shipments and demand say more than was ordered."""
    return max(line.quantity - net_shipped(line) + line.demand, ZERO)


def taken_off_by(line: OrderLine, quantity: Decimal) -> Decimal:
    """What a return of so many takes off an order that returns reduce: not what had been shipped beyond it."""
    beyond = max(net_shipped(line) - line.quantity, ZERO)
    return max(quantity - beyond, ZERO)


def demand_note(line: OrderLine, change: Decimal) -> None:
    """Keep the line in step with a change of Demand that a movement of somebody else carries (a shipment's)."""
    OrderLine.objects.filter(pk=line.pk).update(demand=F("demand") + change)
    line.demand += change


def demand_post(
    *,
    line: OrderLine,
    change: Decimal,
    at: datetime,
    source_kind: str = SOURCE_KIND,
    source_number: str = "",
    reverses: InventoryTransaction | None = None,
) -> None:
    """Write a movement that changes Demand alone (negative: more is demanded), and the line's sum. 0 writes nothing."""
    if not change:
        return
    post_movement(
        code=line.code,
        office=line.order.office,
        at=at,
        source_kind=source_kind,
        source_number=source_number or line.order.number,
        demand=change,
        reverses=reverses,
    )
    demand_note(line, change)


def demand_take_back(*, line: OrderLine, at: datetime) -> None:
    """Undo all that the line still demands; where one movement of the order made it, by that movement's mirror."""
    own = DEMAND_ALONE & Q(source_kind=SOURCE_KIND, code=line.code, demand=line.demand)
    made_it = next(iter(movements_of(line.order.number, own=own)), None)
    demand_post(line=line, change=-line.demand, at=at, reverses=made_it)
