"""Orders: demand follows what people order, change, close and void, and nothing else does."""

from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError

from inventory_site.document_forms import LineError
from lots.models import InventoryLot, InventoryTransaction, RecordHistory, RecordType
from lots.purchasing import purchase_order_close
from tests.factories import assert_ledger_holds, day, make_code, make_lot, make_office
from tests.harness.people import make_person
from tests.lots.purchasing_stories import receive
from tests.usage.order_records import Supply, balances, demand_agrees, line_of, make_order, ship
from usage.models import InventoryUsage, Job, Order, OrderLine
from usage.ordering import (
    order_close,
    order_open,
    order_reopen,
    order_save,
    order_void,
    procure,
    why_not_void,
)
from usage.production import make_job_for_order_line
from usage.supplying import own_lots, to_procure, why_not_procure

pytestmark = pytest.mark.django_db


def edited(order: Order, *lines: tuple[str, str, OrderLine | None], office: str = "", supply: str = "STOCK") -> Order:
    return order_save(
        order=order,
        customer=order.customer,
        office=make_office(office),
        department=order.department,
        ordered_at=order.ordered_at,
        reference="changed",
        lines=[
            {
                "code": make_code(code),
                "quantity": Decimal(quantity),
                "supply": line.supply if line and supply == "STOCK" else supply,
                "id": line.pk if line else None,
            }
            for code, quantity, line in lines
        ],
        by=None,
        at=day(2),
    )


def demands(order: Order) -> dict[str, Decimal]:
    return {line.code.code: line.demand for line in order.lines.select_related("code")}


# -- Pending and open --------------------------------------------------------------------------------
def test_a_pending_order_moves_nothing_and_may_change_in_every_way() -> None:
    order = make_order(("WIRE", "10"), ("BOOK", "2"), is_open=False)
    assert order.number == "60000"
    edited(order, ("BOOK", "3", line_of(order, "BOOK")), ("PEN", "1", None), office="AI")
    order.refresh_from_db()
    assert [(line.code.code, line.quantity, line.position) for line in order.lines.all()] == [
        ("BOOK", 3, 1),
        ("PEN", 1, 2),
    ]
    assert order.office is not None
    assert not InventoryTransaction.objects.exists()


def test_opening_posts_demand_that_lists_show_and_nothing_else() -> None:
    """The guides: 100 received, an order of 50 opened: 50 demanded, 50 available; with 45 more, 95 demanded."""
    make_lot("WIRE", received="100", value="250")
    order = make_order(("WIRE", "50"))
    now = balances()
    assert (now.demand, now.available, now.on_hand) == (-50, 50, 100)
    movement = InventoryTransaction.objects.latest("pk")
    assert (movement.source_number, movement.demand, movement.on_hand) == (order.number, -50, 0)
    make_order(("WIRE", "45"))
    now = balances()
    assert (now.demand, now.available, now.on_hand) == (-95, 5, 100)
    assert not InventoryUsage.objects.exists()
    assert_ledger_holds()


def test_a_second_click_on_open_opens_it_once() -> None:
    order = make_order(("WIRE", "5"), is_open=False)
    again = Order.objects.get(pk=order.pk)
    order_open(order=order, by=None, at=day(1))
    with pytest.raises(ValidationError, match="open already"):
        order_open(order=again, by=None, at=day(1))
    assert balances().demand == -5


def test_an_order_without_lines_cannot_be_opened() -> None:
    order = order_save(order=None, customer="Nobody", ordered_at=day(1), lines=[], by=None, at=day(1))
    with pytest.raises(ValidationError, match="no lines"):
        order_open(order=order, by=None, at=day(1))
    order.refresh_from_db()
    assert order.status == "PENDING"


def test_drop_ships_and_labour_are_never_demanded() -> None:
    make_code("HOUR").__class__.objects.filter(code="HOUR").update(record_type=RecordType.TIME)
    order = make_order(("WIRE", "5", Supply.DROP_SHIP), ("HOUR", "3"))
    assert demands(order) == {"WIRE": 0, "HOUR": 0}
    order_close(order=order, by=None, at=day(2))
    order_reopen(order=order, by=None, at=day(3))
    assert not InventoryTransaction.objects.exists()


# -- Changing an open order --------------------------------------------------------------------------
@pytest.mark.parametrize(("quantity", "demanded"), [("12", -8), ("5", -1), ("4", 0)])
def test_a_changed_quantity_posts_the_difference(quantity: str, demanded: int) -> None:
    order = make_order(("WIRE", "10"))
    ship((line_of(order), "4"))
    edited(order, ("WIRE", quantity, line_of(order)))
    assert line_of(order).demand == demanded == balances().demand
    assert demand_agrees()


def test_nothing_is_ordered_below_what_is_shipped() -> None:
    order = make_order(("WIRE", "10"))
    ship((line_of(order), "4"))
    with pytest.raises(LineError, match="4 are shipped") as refusal:
        edited(order, ("WIRE", "3", line_of(order)))
    assert (refusal.value.index, refusal.value.field) == (0, "quantity")
    assert (line_of(order).quantity, line_of(order).demand) == (10, -6)
    assert demand_agrees()


def test_lines_come_and_go_while_nothing_stands_on_them() -> None:
    order = make_order(("WIRE", "10"), ("BOOK", "2"))
    edited(order, ("WIRE", "10", line_of(order)), ("PEN", "7", None))
    assert demands(order) == {"WIRE": -10, "PEN": -7}
    assert (balances("BOOK").demand, balances("PEN").demand) == (0, -7)
    assert RecordHistory.objects.latest("pk").note == "BOOK taken off, PEN 7 added"


def test_an_open_order_of_which_too_much_was_shipped_is_edited() -> None:
    make_lot("WIRE", received="20", value="20")
    order = make_order(("WIRE", "10"), ("BOOK", "5"))
    ship((line_of(order), "12"), accepted=True)
    wire, book = line_of(order), line_of(order, "BOOK")
    edited(order, ("WIRE", "10", wire), ("BOOK", "4", book))
    assert (line_of(order).quantity, demands(order)) == (10, {"WIRE": 0, "BOOK": -4})
    edited(order, ("WIRE", "13", wire), ("BOOK", "4", book))
    assert demands(order) == {"WIRE": -1, "BOOK": -4}
    with pytest.raises(LineError, match="12 are shipped already"):
        edited(order, ("WIRE", "11", wire), ("BOOK", "4", book))
    assert demands(order) == {"WIRE": -1, "BOOK": -4}
    assert demand_agrees()


def test_a_line_that_was_shipped_too_often_is_not_ordered_less() -> None:
    order = make_order(("WIRE", "10"), ("BOOK", "5"))
    ship((line_of(order), "12"), accepted=True)
    with pytest.raises(LineError, match="12 are shipped already"):
        edited(order, ("WIRE", "9", line_of(order)), ("BOOK", "5", line_of(order, "BOOK")))
    assert line_of(order).quantity == 10


def test_a_line_that_was_shipped_stays() -> None:
    order = make_order(("WIRE", "10"), ("BOOK", "2"))
    shipment = ship((line_of(order), "1"))
    with pytest.raises(ValidationError, match=f"WIRE cannot be taken off.*{shipment}"):
        edited(order, ("BOOK", "2", line_of(order, "BOOK")))
    assert demands(order) == {"WIRE": -9, "BOOK": -2}


def test_an_open_line_keeps_its_code_and_its_order_the_office() -> None:
    order = make_order(("WIRE", "10"))
    with pytest.raises(LineError, match="WIRE stays"):
        edited(order, ("BOOK", "10", line_of(order)))
    with pytest.raises(ValidationError, match="its office"):
        edited(order, ("WIRE", "10", line_of(order)), office="AI")
    assert demands(order) == {"WIRE": -10}


def test_a_line_that_becomes_a_drop_ship_is_no_longer_demanded() -> None:
    order = make_order(("WIRE", "10"))
    edited(order, ("WIRE", "12", line_of(order)), supply=Supply.DROP_SHIP)
    assert balances().demand == 0
    edited(order, ("WIRE", "12", line_of(order)), supply=Supply.SPECIAL_ORDER)
    assert balances().demand == line_of(order).demand == -12


def test_a_line_changed_by_somebody_else_meanwhile_is_not_written_over() -> None:
    order = make_order(("WIRE", "10"), is_open=False)
    line = line_of(order)
    edited(order, ("BOOK", "1", None))
    with pytest.raises(LineError, match="somebody else"):
        edited(order, ("WIRE", "5", line))
    assert [row.code.code for row in order.lines.all()] == ["BOOK"]


# -- Closing and voiding -----------------------------------------------------------------------------
def test_closing_takes_back_what_is_left_and_reopening_demands_it_again() -> None:
    order = make_order(("WIRE", "10"))
    ship((line_of(order), "4"))
    order_close(order=order, by=None, at=day(4), reason="The rest is not wanted.")
    assert (order.status, balances().demand) == ("CLOSED", 0)
    assert "No longer demanded: 6 WIRE" in RecordHistory.objects.latest("pk").note
    order_reopen(order=order, by=None, at=day(5))
    assert (order.status, balances().demand, line_of(order).demand) == ("OPEN", -6, -6)
    assert demand_agrees()


def test_a_closed_order_is_not_edited() -> None:
    order = make_order(("WIRE", "10"))
    order_close(order=order, by=None, at=day(2))
    with pytest.raises(ValidationError, match="reopen it first"):
        edited(order, ("WIRE", "5", line_of(order)))
    assert line_of(order).quantity == 10


def test_voiding_mirrors_the_demand_and_is_for_ever() -> None:
    order = make_order(("WIRE", "10"))
    opened = InventoryTransaction.objects.get()
    order_void(order=order, by=make_person("clerk"), at=day(2), reason="Entered twice")
    mirror = InventoryTransaction.objects.latest("pk")
    assert (mirror.reverses, mirror.demand, mirror.at) == (opened, 10, day(2))
    assert (order.status, balances().demand) == ("VOID", 0)
    noted = RecordHistory.objects.latest("pk")
    assert (noted.action, noted.note, noted.by.username) == ("Void", "Entered twice", "clerk")  # type: ignore[union-attr]  # somebody did it
    for verb in (order_open, order_close, order_reopen, order_void):
        with pytest.raises(ValidationError):
            verb(order=order, by=None, at=day(3))
    assert InventoryTransaction.objects.count() == 2


def test_an_order_that_was_shipped_names_what_stands_in_the_way_of_its_void() -> None:
    order = make_order(("WIRE", "10"))
    first, second = ship((line_of(order), "1")), ship((line_of(order), "2"))
    with pytest.raises(ValidationError, match=f"{first}, {second} first"):
        order_void(order=order, by=None, at=day(4))
    assert (order.status, balances().demand) == ("OPEN", -7)


# -- Procurement -------------------------------------------------------------------------------------
def test_procurement_makes_an_open_purchase_order_whose_lot_names_the_order() -> None:
    order = make_order(("WIRE", "10", Supply.SPECIAL_ORDER))
    made = procure(order_line=line_of(order), vendor="Acme", unit_cost=Decimal("2.50"), by=None, at=day(1))
    line = line_of(order)
    lot = InventoryLot.objects.get()
    assert (made.status, made.parent_order, lot.parent_order) == ("OPEN", order.number, order.number)
    assert line.lot == lot
    assert line.purchases.get().purchase_order_line.purchase_order == made
    assert (lot.quantity_ordered, balances().on_order) == (10, 10)
    assert f"{made} was made for WIRE" in why_not_procure(line)
    with pytest.raises(ValidationError, match="already"):
        procure(order_line=line, vendor="Acme", unit_cost=Decimal(1), by=None, at=day(2))
    assert InventoryLot.objects.count() == 1
    assert f"Void {made} first" in why_not_void(order)


def test_nothing_is_bought_for_drop_ships_or_for_what_is_not_due() -> None:
    order = make_order(("WIRE", "10", Supply.DROP_SHIP), ("BOOK", "1"))
    ship((line_of(order, "BOOK"), "1"))
    assert "moves no inventory" in why_not_procure(line_of(order))
    assert "Nothing of BOOK is due" in why_not_procure(line_of(order, "BOOK"))
    with pytest.raises(ValidationError):
        procure(order_line=line_of(order), vendor="Acme", unit_cost=Decimal(1), by=None, at=day(2))
    assert not InventoryLot.objects.exists()


def test_what_a_vendor_did_not_bring_is_procured_from_another_and_shipped_with_the_rest() -> None:
    order = make_order(("WIRE", "5", Supply.SPECIAL_ORDER))
    first = procure(order_line=line_of(order), vendor="Acme", unit_cost=Decimal(2), by=None, at=day(1))
    receive(first, "2")
    assert f"{first} was made for WIRE" in why_not_procure(line_of(order))
    purchase_order_close(purchase_order=first, by=None, at=day(3), is_unbilled_accepted=True)
    assert (why_not_procure(line_of(order)), to_procure(line_of(order))) == ("", 3)
    second = procure(order_line=line_of(order), vendor="Bolt", unit_cost=Decimal(3), by=None, at=day(4))
    assert balances().on_order == 3
    assert f"{first}, {second} was made for WIRE" in why_not_procure(line_of(order))
    receive(second, "3", on_day=5)
    assert [lot.source_number for lot in own_lots(line_of(order))] == [first.number, second.number]
    ship((line_of(order), "5"), on_day=6)
    order.refresh_from_db()
    assert order.status == "CLOSED"


def test_goods_that_were_shipped_already_do_not_count_against_what_is_still_to_come() -> None:
    order = make_order(("WIRE", "5"))
    first = procure(order_line=line_of(order), vendor="Acme", unit_cost=Decimal(2), by=None, at=day(1))
    receive(first, "2")
    purchase_order_close(purchase_order=first, by=None, at=day(3), is_unbilled_accepted=True)
    ship((line_of(order), "2"), on_day=4)
    assert to_procure(line_of(order)) == 3


def test_what_is_bought_for_a_line_is_not_made_for_it_as_well() -> None:
    order = make_order(("LAMP", "5"), ("DESK", "1", Supply.DROP_SHIP))
    parts = [{"code": make_code("WIRE"), "quantity": Decimal(5)}]
    bought = procure(order_line=line_of(order, "LAMP"), vendor="Acme", unit_cost=Decimal(2), by=None, at=day(1))
    for code, why in (("LAMP", f"{bought} was made for LAMP"), ("DESK", "moves no inventory")):
        with pytest.raises(ValidationError, match=why):
            make_job_for_order_line(order_line=line_of(order, code), components=parts, by=None, at=day(2))
    assert (Job.objects.count(), balances("LAMP").on_order) == (0, 5)
    receive(bought, "2")
    purchase_order_close(purchase_order=bought, by=None, at=day(3), is_unbilled_accepted=True)
    job = make_job_for_order_line(order_line=line_of(order, "LAMP"), components=parts, by=None, at=day(4))
    assert (job.quantity, balances("LAMP").on_order) == (3, 3)
    assert f"{bought}, {job} was made for LAMP" in why_not_procure(line_of(order, "LAMP"))
