"""Orders and shipments in a line: orders of code and quantity, shipped and returned over the real verbs."""

from datetime import datetime
from decimal import Decimal

from django.db.models import Sum

from inventory_site.fields import QuantityField
from lots.ledger import post_movement
from lots.models import InventoryLot, InventoryTransaction, LineItemCode, LotCostEvent, Preference
from lots.selectors import Balances, balances_of
from lots.services import lot_change, lot_open
from tests.factories import day, make_code, make_office
from usage.models import Order, OrderLine, Shipment
from usage.ordering import order_open, order_save
from usage.shipping import return_receive, shipment_save, shipment_ship

Supply = OrderLine.Supply


def make_order(
    *wanted: tuple[str, str] | tuple[str, str, str], office: str = "", is_open: bool = True, on_day: int = 1
) -> Order:
    """An order of (code, quantity) or (code, quantity, supply), open unless told otherwise."""
    order = order_save(
        order=None,
        customer="Northwind School",
        office=make_office(office),
        department="Sales",
        ordered_at=day(on_day),
        reference="",
        lines=[
            {"code": make_code(one[0]), "quantity": Decimal(one[1]), "supply": one[2] if len(one) > 2 else Supply.STOCK}
            for one in wanted
        ],
        by=None,
        at=day(on_day),
    )
    if is_open:
        order_open(order=order, by=None, at=day(on_day))
    return order


def line_of(order: Order, code: str = "WIRE") -> OrderLine:
    """The order's line of this code, as it is now."""
    return OrderLine.objects.select_related("order", "code", "lot").get(order=order, code__code=code)


def make_shipment(
    *gone: tuple[OrderLine, str],
    kind: str = Shipment.Kind.OUTGOING,
    office: str | None = None,
    on_day: int = 3,
    manufacturer_lot: str = "",
    serials: str = "",
) -> Shipment:
    """A pending shipment of (order line, quantity), from the first order's office."""
    return shipment_save(
        shipment=None,
        kind=kind,
        office=gone[0][0].order.office if office is None else make_office(office),
        shipped_at=day(on_day),
        reference="",
        lines=[
            {
                "order_line": line,
                "quantity": Decimal(quantity),
                "manufacturer_lot": manufacturer_lot,
                "serials": serials,
            }
            for line, quantity in gone
        ],
        by=None,
        at=day(on_day),
    )


def ship(*gone: tuple[OrderLine, str], on_day: int = 3, accepted: bool = False, **options: str) -> Shipment:
    shipment = make_shipment(*gone, on_day=on_day, **options)
    shipment_ship(shipment=shipment, by=None, at=day(on_day), is_over_shipment_accepted=accepted)
    return shipment


def take_back(*back: tuple[OrderLine, str], on_day: int = 5, **options: str) -> Shipment:
    shipment = make_shipment(*back, kind=Shipment.Kind.INCOMING_RETURN, on_day=on_day, **options)
    return_receive(shipment=shipment, by=None, at=day(on_day))
    return shipment


def balances(code: str = "WIRE") -> Balances:
    return balances_of(make_code(code))


def demand_agrees(code: str = "WIRE") -> bool:
    """What the lines of all orders say is what their movements sum to."""
    moved = InventoryTransaction.objects.filter(code__code=code).aggregate(
        sum=Sum("demand", default=0, output_field=QuantityField())
    )
    kept = OrderLine.objects.filter(code__code=code).aggregate(
        sum=Sum("demand", default=0, output_field=QuantityField())
    )
    return bool(moved["sum"] == kept["sum"])


def returns_are_replaced() -> None:
    Preference.objects.update(returns_reduce_orders=False)


def receive_units(
    code: LineItemCode,
    quantity: str,
    value: str,
    *,
    on_day: int = 1,
    manufacturer_lot: str = "",
    serials: tuple[str, ...] = (),
    lot: InventoryLot | None = None,
    at: datetime | None = None,
) -> InventoryLot:
    """Receive units that are told apart, into a lot of their own or a given one."""
    lot = lot or lot_open(code=code, quantity_ordered=Decimal(quantity), source_number="PO-1")
    when = at or day(on_day)
    lot_change(lot=lot, at=when, kind=LotCostEvent.Kind.RECEIPT, quantity=Decimal(quantity), value=Decimal(value))
    post_movement(
        code=code,
        office=None,
        at=when,
        source_number="SHIP-1",
        lot=lot,
        on_hand=Decimal(quantity),
        manufacturer_lot=manufacturer_lot,
        serials=serials,
    )
    return lot
