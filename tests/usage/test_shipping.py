"""Shipments and returns: usage, demand and stock move together, exactly once, and a void puts everything back."""

from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError

from inventory_site.document_forms import LineError
from lots.models import InventoryTransaction, LineItemCode, RecordHistory
from reconciliation.models import CogsAllocation
from tests.factories import assert_ledger_holds, day, make_code, make_lot
from tests.reconciliation.records import culprits, run_now
from tests.usage.order_records import (
    Supply,
    balances,
    demand_agrees,
    line_of,
    make_order,
    make_shipment,
    receive_units,
    returns_are_replaced,
    ship,
    take_back,
)
from usage.models import InventoryUsage, OrderLine, Shipment, ShipmentUsage, UsageLotRestriction
from usage.ordering import order_close, order_reopen, order_void
from usage.shipping import (
    OverShipment,
    over_shipment_of,
    return_receive,
    ship_everything,
    shipment_save,
    shipment_ship,
    shipment_void,
    why_not_ship_everything,
    why_not_void,
)

pytestmark = pytest.mark.django_db
ALL_TABLES = (InventoryUsage, InventoryTransaction, ShipmentUsage)


def counted() -> list[int]:
    return [model._default_manager.count() for model in ALL_TABLES]


def usages_of(shipment: Shipment) -> list[InventoryUsage]:
    return list(InventoryUsage.objects.filter(source_number=shipment.number).order_by("pk"))


# -- Shipping ----------------------------------------------------------------------------------------
def test_textbooks_shipped_get_their_cost_by_a_run_and_not_before() -> None:
    """The guides: 100 textbooks ordered at 29.99, 10 received, 10 shipped: 299.90."""
    make_code("TEXTBOOK", cost="29.99")
    make_lot("TEXTBOOK", received="10", value="299.90", source="PO-60001")
    order = make_order(("TEXTBOOK", "10"))
    shipment = ship((line_of(order, "TEXTBOOK"), "10"))
    usage = InventoryUsage.objects.get()
    assert usage.open_usage.quantity_unallocated == 10
    assert not CogsAllocation.objects.exists()
    run_now()
    cost = CogsAllocation.objects.get()
    assert (cost.quantity, cost.amount, cost.lot.source_number) == (10, Decimal("299.90"), "PO-60001")
    assert (usage.source_number, usage.order, usage.reference) == (shipment.number, "60000", "Order #60000")
    assert culprits() == {}


def test_receive_three_use_three_shows_the_signs_of_the_guides() -> None:
    make_lot("WIRE", received="3", value="6")
    shipment = ship((line_of(make_order(("WIRE", "3"))), "3"))
    (usage,) = usages_of(shipment)
    movement = InventoryTransaction.objects.get(source_number=shipment.number)
    assert (usage.quantity, movement.on_hand, movement.demand) == (3, -3, 3)
    assert (usage.department, usage.source_kind) == ("Sales", "SHIP")


def test_a_pending_shipment_moves_nothing_and_can_be_written_anew() -> None:
    order = make_order(("WIRE", "10"))
    shipment = make_shipment((line_of(order), "4"))
    before = counted()
    shipment_save(
        shipment=shipment,
        kind=shipment.kind,
        shipped_at=day(4),
        lines=[{"order_line": line_of(order), "quantity": Decimal(3)}],
        by=None,
        at=day(4),
    )
    assert [(line.quantity, line.position) for line in shipment.lines.all()] == [(3, 1)]
    assert (counted(), line_of(order).quantity_shipped) == (before, 0)
    shipment_ship(shipment=shipment, by=None, at=day(4))
    with pytest.raises(ValidationError, match="it can only be voided"):
        shipment_save(
            shipment=shipment,
            kind=shipment.kind,
            shipped_at=day(4),
            lines=[{"order_line": line_of(order), "quantity": Decimal(9)}],
            by=None,
            at=day(4),
        )
    assert line_of(order).quantity_shipped == 3


def test_partial_shipments_serve_the_demand_until_the_order_closes_by_itself() -> None:
    make_lot("WIRE", received="10", value="20")
    order = make_order(("WIRE", "10"))
    ship((line_of(order), "4"))
    order.refresh_from_db()
    assert (order.status, line_of(order).demand, balances().demand, balances().on_hand) == ("OPEN", -6, -6, 6)
    ship((line_of(order), "6"))
    order.refresh_from_db()
    assert (order.status, order.closed_at, balances().demand, balances().on_hand) == ("CLOSED", day(3), 0, 0)
    assert demand_agrees()
    run_now()
    assert culprits() == {}


def test_shipping_twice_does_it_once() -> None:
    shipment = make_shipment((line_of(make_order(("WIRE", "10"))), "4"))
    again = Shipment.objects.get(pk=shipment.pk)
    shipment_ship(shipment=shipment, by=None, at=day(3))
    before = counted()
    with pytest.raises(ValidationError, match="shipped already"):
        shipment_ship(shipment=again, by=None, at=day(3))
    assert counted() == before


def test_one_shipment_for_two_orders_makes_two_usages() -> None:
    first, second = make_order(("16G-W", "1000")), make_order(("16G-W", "100"))
    shipment = ship((line_of(first, "16G-W"), "1000"), (line_of(second, "16G-W"), "100"))
    assert [(usage.order, usage.quantity) for usage in usages_of(shipment)] == [
        (first.number, 1000),
        (second.number, 100),
    ]
    assert (balances("16G-W").demand, balances("16G-W").on_hand) == (0, -1100)
    assert demand_agrees("16G-W")


def test_stock_below_zero_stops_no_shipment() -> None:
    ship((line_of(make_order(("WIRE", "7"))), "7"))
    run_now()
    assert balances().on_hand == -7
    assert culprits() == {}


def test_more_than_is_due_is_asked_about_and_not_silently_taken() -> None:
    order = make_order(("WIRE", "10"))
    shipment = make_shipment((line_of(order), "7"), (line_of(order), "5"))
    with pytest.raises(OverShipment, match="12 WIRE, while 10 are due"):
        shipment_ship(shipment=shipment, by=None, at=day(3))
    assert (shipment.status, line_of(order).quantity_shipped, balances().on_hand) == ("PENDING", 0, 0)
    shipment_ship(shipment=shipment, by=None, at=day(3), is_over_shipment_accepted=True)
    assert (line_of(order).quantity_shipped, balances().demand, balances().on_hand) == (12, 0, -12)
    assert demand_agrees()


def test_nothing_is_shipped_for_an_order_that_is_not_open() -> None:
    order = make_order(("WIRE", "10"))
    shipment = make_shipment((line_of(order), "4"))
    order_close(order=order, by=None, at=day(2))
    with pytest.raises(ValidationError, match="is closed: reopen it"):
        shipment_ship(shipment=shipment, by=None, at=day(3))
    with pytest.raises(LineError, match="is not open"):
        make_shipment((line_of(order), "4"))
    assert not InventoryUsage.objects.exists()
    assert Shipment.objects.count() == 1


def test_a_drop_ship_writes_no_inventory_at_all() -> None:
    order = make_order(("WIRE", "5", Supply.DROP_SHIP))
    shipment = ship((line_of(order), "5"))
    assert line_of(order).quantity_shipped == 5
    assert counted() == [0, 0, 0]
    order.refresh_from_db()
    assert order.status == "CLOSED"
    back = take_back((line_of(order), "2"))
    assert f"Void {back} first" in why_not_void(shipment)
    shipment_void(shipment=back, by=None, at=day(6))
    shipment_void(shipment=shipment, by=None, at=day(7))
    assert (line_of(order).quantity_shipped, line_of(order).quantity_returned, counted()) == (0, 0, [0, 0, 0])


def test_a_shipment_from_another_office_serves_the_demand_where_it_stands() -> None:
    order = make_order(("WIRE", "10"), office="AI")
    shipment = ship((line_of(order), "4"), office="BE")
    rows = InventoryTransaction.objects.filter(source_number=shipment.number).order_by("pk")
    assert [(row.office.code, row.on_hand, row.demand) for row in rows] == [("BE", -4, 0), ("AI", 0, 4)]  # type: ignore[union-attr]  # both have one
    assert demand_agrees()
    shipment_void(shipment=shipment, by=None, at=day(4))
    rows = InventoryTransaction.objects.filter(source_number=shipment.number).order_by("pk")[2:]
    assert [(row.office.code, row.on_hand, row.demand) for row in rows] == [("BE", 4, 0), ("AI", 0, -4)]  # type: ignore[union-attr]  # as above
    assert all(row.reverses for row in rows)
    assert (line_of(order).demand, balances().demand) == (-10, -10)


# -- Units that are told apart -----------------------------------------------------------------------
def special_order() -> OrderLine:
    """A special order of 5 whose own lot has not received anything, beside a lot that has plenty."""
    make_lot("WIRE", received="50", value="100.00")
    line = line_of(make_order(("WIRE", "5", Supply.SPECIAL_ORDER)))
    lot = receive_units(make_code(), "1", "9.00")
    OrderLine.objects.filter(pk=line.pk).update(lot=lot)
    return line_of(line.order)


def test_a_special_order_ships_from_its_own_lot_and_not_before_it_came_in() -> None:
    line = special_order()
    shipment = make_shipment((line, "5"))
    with pytest.raises(ValidationError, match="on special order, and 1 of it have come in"):
        shipment_ship(shipment=shipment, by=None, at=day(3))
    assert not InventoryUsage.objects.exists()
    assert line.lot is not None
    receive_units(line.code, "4", "36.00", lot=line.lot)
    shipment_ship(shipment=shipment, by=None, at=day(3))
    run_now()
    cost = CogsAllocation.objects.get()
    assert (cost.lot, cost.amount) == (line.lot, Decimal("45.00"))
    back = take_back((line_of(line.order), "2"))
    assert UsageLotRestriction.objects.get(usage=usages_of(back)[0]).lot == line.lot
    run_now()
    line.lot.refresh_from_db()
    assert line.lot.quantity_used == 3
    assert culprits() == {}


def test_shipping_everything_leaves_special_orders_that_have_not_come_in() -> None:
    line = special_order()
    order = line.order
    shipment = ship_everything(order=order, by=None, at=day(3))
    assert [part.quantity for part in shipment.lines.all()] == [1]
    assert why_not_ship_everything(order) == "What is due is on special order and not received yet."
    with pytest.raises(ValidationError, match="not received yet"):
        ship_everything(order=order, by=None, at=day(3))
    assert Shipment.objects.count() == 1


def serialized(code: str = "LAPTOP") -> LineItemCode:
    made = make_code(code)
    LineItemCode.objects.filter(pk=made.pk).update(is_serialized=True)
    made.refresh_from_db()
    return made


def test_serial_numbers_are_costed_by_the_lots_that_brought_them_in_and_go_back_there() -> None:
    code = serialized()
    cheap = receive_units(code, "2", "200.00", serials=("A1", "A2"))
    dear = receive_units(code, "2", "400.00", serials=("B1", "B2"), on_day=2)
    order = make_order(("LAPTOP", "2"))
    shipment = ship((line_of(order, "LAPTOP"), "2"), serials="A1\nB1")
    assert [usage.quantity for usage in usages_of(shipment)] == [1, 1]
    run_now()
    assert {row.lot: row.amount for row in CogsAllocation.objects.all()} == {cheap: 100, dear: 200}
    with pytest.raises(ValidationError, match="serial number B2"):
        take_back((line_of(order, "LAPTOP"), "1"), serials="B2")
    back = take_back((line_of(order, "LAPTOP"), "1"), serials="A1")
    assert usages_of(back)[0].original == usages_of(shipment)[0]
    run_now()
    cheap.refresh_from_db()
    assert cheap.quantity_used == 0
    assert culprits() == {}


@pytest.mark.parametrize(
    ("serials", "said"),
    [
        ("A1", "2 need as many serial numbers, not 1"),
        ("A1,A1", "named twice"),
        ("A1,X9", "X9 of LAPTOP is not in stock"),
    ],
)
def test_serial_numbers_must_be_those_in_stock(serials: str, said: str) -> None:
    receive_units(serialized(), "2", "200.00", serials=("A1", "A2"))
    shipment = make_shipment((line_of(make_order(("LAPTOP", "2")), "LAPTOP"), "2"), serials=serials)
    with pytest.raises(ValidationError, match=said):
        shipment_ship(shipment=shipment, by=None, at=day(3))
    assert not InventoryUsage.objects.exists()
    assert balances("LAPTOP").on_hand == 2


def test_a_manufacturer_lot_is_shipped_from_what_brought_it_in() -> None:
    code = make_code("SERUM")
    LineItemCode.objects.filter(pk=code.pk).update(is_tracked_by_manufacturer_lot=True)
    receive_units(code, "10", "10.00", manufacturer_lot="M1")
    newer = receive_units(code, "10", "30.00", manufacturer_lot="M2", on_day=2)
    line = line_of(make_order(("SERUM", "6")), "SERUM")
    with pytest.raises(ValidationError, match="name the lot"):
        ship((line, "4"))
    with pytest.raises(ValidationError, match="M3 of SERUM has come in"):
        ship((line, "4"), manufacturer_lot="M3")
    shipment = ship((line, "4"), manufacturer_lot="M2")
    run_now()
    assert CogsAllocation.objects.get().lot == newer
    assert InventoryTransaction.objects.get(source_number=shipment.number).manufacturer_lot == "M2"
    with pytest.raises(ValidationError, match="manufacturer lot M1"):
        take_back((line_of(line.order, "SERUM"), "1"), manufacturer_lot="M1")
    take_back((line_of(line.order, "SERUM"), "1"), manufacturer_lot="M2")
    run_now()
    newer.refresh_from_db()
    assert newer.quantity_used == 3
    assert culprits() == {}


def test_more_of_a_manufacturer_lot_than_is_there_is_asked_about() -> None:
    code = make_code("SERUM")
    LineItemCode.objects.filter(pk=code.pk).update(is_tracked_by_manufacturer_lot=True)
    receive_units(code, "10", "10.00", manufacturer_lot="ML1")
    receive_units(code, "4", "12.00", manufacturer_lot="ML2", on_day=2)
    line = line_of(make_order(("SERUM", "6")), "SERUM")
    before = counted()
    with pytest.raises(OverShipment, match="5 of manufacturer lot ML2 of SERUM, while 4 are on hand"):
        ship((line, "5"), manufacturer_lot="ML2")
    assert counted() == before
    assert "while 4 are on hand" in over_shipment_of(Shipment.objects.get())
    ship((line, "5"), manufacturer_lot="ML2", accepted=True)
    assert balances("SERUM").on_hand == 9


# -- Returns -----------------------------------------------------------------------------------------
def two_lots_shipped() -> OrderLine:
    """Lots 5 at 10 and 5 at 12; an order of 10 shipped by two shipments of 5, each costed by one lot."""
    make_lot("WIRE", received="5", value="50.00", on_day=1)
    make_lot("WIRE", received="5", value="60.00", on_day=2)
    order = make_order(("WIRE", "10"))
    ship((line_of(order), "5"), on_day=3)
    ship((line_of(order), "5"), on_day=4)
    run_now()
    return line_of(order)


def test_a_return_goes_back_to_what_was_shipped_last_first_and_at_that_cost() -> None:
    line = two_lots_shipped()
    first, second = InventoryUsage.objects.order_by("pk")
    back = take_back((line, "7"))
    assert [(usage.original, usage.quantity) for usage in usages_of(back)] == [(second, -5), (first, -2)]
    run_now()
    assert [row.amount for row in CogsAllocation.objects.order_by("pk")[2:]] == [Decimal("-60.00"), Decimal("-20.00")]
    again = take_back((line_of(line.order), "1"), on_day=6)
    assert usages_of(again)[0].original == first
    assert culprits() == {}


def test_no_more_comes_back_than_is_out() -> None:
    line = two_lots_shipped()
    take_back((line, "7"))
    shipment = make_shipment((line, "4"), kind=Shipment.Kind.INCOMING_RETURN)
    before = counted()
    with pytest.raises(ValidationError, match="3 are shipped and not returned yet"):
        return_receive(shipment=shipment, by=None, at=day(6))
    assert (counted(), line_of(line.order).quantity_returned, shipment.status) == (before, 7, "PENDING")


def test_a_return_to_be_replaced_is_demanded_again() -> None:
    returns_are_replaced()
    line = two_lots_shipped()
    back = take_back((line, "3"))
    assert (line_of(line.order).demand, balances().demand, balances().on_hand) == (-3, -3, 3)
    assert RecordHistory.objects.filter(number=line.order.number, action="Reopened").get().note == f"Return {back}"
    assert demand_agrees()
    ship((line_of(line.order), "3"), on_day=6)
    line = line_of(line.order)
    assert (line.order.status, line.demand, line.quantity_shipped) == ("CLOSED", 0, 13)
    assert demand_agrees()


def test_what_was_shipped_beyond_the_order_is_not_demanded_again_when_it_returns() -> None:
    returns_are_replaced()
    order = make_order(("WIRE", "10"))
    ship((line_of(order), "12"), accepted=True)
    take_back((line_of(order), "3"))
    assert line_of(order).demand == balances().demand == -1


def test_a_return_received_twice_comes_once() -> None:
    line = two_lots_shipped()
    shipment = make_shipment((line, "2"), kind=Shipment.Kind.INCOMING_RETURN)
    again = Shipment.objects.get(pk=shipment.pk)
    return_receive(shipment=shipment, by=None, at=day(5))
    with pytest.raises(ValidationError, match="received already"):
        return_receive(shipment=again, by=None, at=day(5))
    assert line_of(line.order).quantity_returned == 2


# -- Void --------------------------------------------------------------------------------------------
def test_a_void_shipment_is_mirrored_gives_back_its_cost_and_reopens_the_order() -> None:
    make_lot("WIRE", received="10", value="25.00")
    order = make_order(("WIRE", "10"))
    shipment = ship((line_of(order), "10"))
    run_now()
    shipment_void(shipment=shipment, by=None, at=day(8), reason="Never left")
    order.refresh_from_db()
    assert (shipment.status, order.status, line_of(order).quantity_shipped) == ("VOID", "OPEN", 0)
    sold, mirror = usages_of(shipment)
    assert (mirror.original, mirror.quantity, mirror.used_at) == (sold, -10, day(8))
    movement, opposite = InventoryTransaction.objects.filter(source_number=shipment.number).order_by("pk")
    assert (opposite.reverses, opposite.on_hand, opposite.demand) == (movement, 10, -10)
    assert (line_of(order).demand, balances().demand, balances().on_hand) == (-10, -10, 10)
    run_now()
    assert sum(row.amount for row in CogsAllocation.objects.all()) == 0
    assert culprits() == {}
    with pytest.raises(ValidationError, match="void already"):
        shipment_void(shipment=shipment, by=None, at=day(9))
    order_void(order=order, by=None, at=day(9))
    assert balances().demand == 0


def test_the_void_of_an_order_closed_early_demands_all_of_it_again() -> None:
    order = make_order(("WIRE", "10"))
    shipment = ship((line_of(order), "4"))
    order_close(order=order, by=None, at=day(4))
    shipment_void(shipment=shipment, by=None, at=day(5))
    assert line_of(order).demand == balances().demand == -10


def test_a_shipment_that_was_returned_names_the_returns_in_the_way_of_its_void() -> None:
    line = two_lots_shipped()
    first, last = Shipment.objects.order_by("pk")
    back = take_back((line, "2"))
    before = counted()
    with pytest.raises(ValidationError, match=f"Void {back} first"):
        shipment_void(shipment=last, by=None, at=day(6))
    assert counted() == before
    shipment_void(shipment=first, by=None, at=day(6))
    shipment_void(shipment=back, by=None, at=day(7))
    shipment_void(shipment=last, by=None, at=day(8))
    line = line_of(line.order)
    assert (line.quantity_shipped, line.quantity_returned, line.demand, balances().on_hand) == (0, 0, -10, 10)
    run_now()
    assert culprits() == {}
    assert_ledger_holds()


def test_a_void_return_is_out_again_and_its_replacement_no_longer_demanded() -> None:
    returns_are_replaced()
    line = two_lots_shipped()
    back = take_back((line, "3"))
    shipment_void(shipment=back, by=None, at=day(6))
    line = line_of(line.order)
    assert (line.quantity_returned, line.demand, balances().demand, balances().on_hand) == (0, 0, 0, 0)
    take_back((line, "10"), on_day=7)
    assert balances().on_hand == 10
    run_now()
    assert culprits() == {}


def test_a_void_return_whose_replacement_left_takes_back_no_demand_that_is_not_there() -> None:
    returns_are_replaced()
    line = two_lots_shipped()
    back = take_back((line, "3"))
    ship((line_of(line.order), "3"), on_day=6)
    shipment_void(shipment=back, by=None, at=day(7))
    assert (line_of(line.order).demand, balances().demand, balances().on_hand) == (0, 0, -3)
    assert demand_agrees()


def test_a_void_never_demands_more_than_was_ordered() -> None:
    order = make_order(("WIRE", "10"))
    first = ship((line_of(order), "10"))
    order_reopen(order=order, by=None, at=day(4))
    ship((line_of(order), "2"), accepted=True, on_day=4)
    shipment_void(shipment=first, by=None, at=day(5))
    assert line_of(order).demand == balances().demand == -8


def test_voided_serial_numbers_are_in_stock_again() -> None:
    receive_units(serialized(), "2", "200.00", serials=("A1", "A2"))
    order = make_order(("LAPTOP", "2"))
    shipment = ship((line_of(order, "LAPTOP"), "1"), serials="A1")
    with pytest.raises(ValidationError, match="A1 of LAPTOP is not in stock"):
        ship((line_of(order, "LAPTOP"), "1"), serials="A1")
    shipment_void(shipment=shipment, by=None, at=day(4))
    ship((line_of(order, "LAPTOP"), "2"), serials="A1, A2")
    run_now()
    assert culprits() == {}


def test_a_pending_shipment_is_voided_without_a_trace_in_stock() -> None:
    order = make_order(("WIRE", "5"))
    shipment = make_shipment((line_of(order), "5"))
    before = counted()
    shipment_void(shipment=shipment, by=None, at=day(4))
    assert (shipment.status, counted(), line_of(order).demand) == ("VOID", before, -5)
