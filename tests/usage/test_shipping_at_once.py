"""Many ship the same order at the same moment: what is ordered leaves once, and nobody sees an error of the machine."""

from collections.abc import Callable

from django.core.exceptions import ValidationError

from tests.factories import assert_ledger_holds, day, make_lot, reconcile
from tests.harness.databases import CommittedDatabase
from tests.usage.order_records import balances, demand_agrees, line_of, make_order, make_shipment, ship
from usage.models import InventoryUsage, Shipment
from usage.ordering import order_close
from usage.shipping import OverShipment, return_receive, shipment_ship, shipment_void

CLIENTS = 8


def test_eight_shipments_of_one_line_never_exceed_the_order(
    committed_db: CommittedDatabase, concurrently: Callable[..., list[object]]
) -> None:
    make_lot("WIRE", received="100", value="100")
    order = make_order(("WIRE", "10"))
    waiting = [make_shipment((line_of(order), "3")).pk for _ in range(CLIENTS)]

    def shipping(pk: int) -> Callable[[], None]:
        return lambda: shipment_ship(shipment=Shipment.objects.get(pk=pk), by=None, at=day(3))

    results = concurrently(*(shipping(pk) for pk in waiting))
    assert [result for result in results if result is not None and not isinstance(result, OverShipment)] == []
    assert (results.count(None), line_of(order).quantity_shipped, line_of(order).demand) == (3, 9, -1)
    assert demand_agrees()
    reconcile()
    assert_ledger_holds()


def test_a_shipment_clicked_eight_times_is_shipped_and_voided_once(
    committed_db: CommittedDatabase, concurrently: Callable[..., list[object]]
) -> None:
    order = make_order(("WIRE", "10"), ("BOOK", "10"))
    pk = make_shipment((line_of(order), "3"), (line_of(order, "BOOK"), "2")).pk

    def many(verb: Callable[..., None]) -> list[object]:
        return concurrently(*[lambda: verb(shipment=Shipment.objects.get(pk=pk), by=None, at=day(3))] * CLIENTS)

    assert sorted(str(type(result)) for result in many(shipment_ship)) == sorted(
        [str(type(None))] + [str(ValidationError)] * (CLIENTS - 1)
    )
    assert (InventoryUsage.objects.count(), balances().demand, balances("BOOK").demand) == (2, -7, -8)
    assert many(shipment_void).count(None) == 1
    assert (InventoryUsage.objects.count(), balances().demand, balances("BOOK").on_hand) == (4, -10, 0)


def test_shipments_of_the_same_codes_in_opposite_order_and_runs_go_side_by_side(
    committed_db: CommittedDatabase, concurrently: Callable[..., list[object]]
) -> None:
    for code in ("WIRE", "BOOK", "PEN"):
        make_lot(code, received="100", value="100")
    forth = make_order(("WIRE", "40"), ("BOOK", "40"), ("PEN", "40"))
    back = make_order(("PEN", "40"), ("BOOK", "40"), ("WIRE", "40"))
    waiting = []
    for order in (forth, back):
        lines = list(order.lines.select_related("order"))
        waiting += [make_shipment(*((line, "5") for line in lines)).pk for _ in range(3)]

    def shipping(pk: int) -> Callable[[], None]:
        return lambda: shipment_ship(shipment=Shipment.objects.get(pk=pk), by=None, at=day(3))

    results = concurrently(*(shipping(pk) for pk in waiting), reconcile, reconcile)
    assert [result for result in results if isinstance(result, Exception)] == []
    assert (balances("PEN").demand, balances("PEN").on_hand) == (-50, 70)
    reconcile()
    assert_ledger_holds()


def test_returns_that_reopen_orders_of_the_same_codes_go_side_by_side(
    committed_db: CommittedDatabase, concurrently: Callable[..., list[object]]
) -> None:
    waiting = []
    for place in range(CLIENTS):
        codes = ("WIRE", "BOOK") if place % 2 else ("BOOK", "WIRE")
        order = make_order((codes[0], "10"), (codes[1], "10"))
        ship((line_of(order, codes[0]), "2"))
        order_close(order=order, by=None, at=day(4))
        waiting.append(make_shipment((line_of(order, codes[0]), "1"), kind=Shipment.Kind.INCOMING_RETURN).pk)

    def returning(pk: int) -> Callable[[], None]:
        return lambda: return_receive(shipment=Shipment.objects.get(pk=pk), by=None, at=day(5))

    assert concurrently(*(returning(pk) for pk in waiting)) == [None] * CLIENTS
    assert demand_agrees()
    assert demand_agrees("BOOK")
