"""Special orders ship from what came for them: where others used it, the shipment says so, before and afterwards."""

from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse

from lots.models import RecordHistory
from lots.purchasing import purchase_order_close, purchase_order_void
from lots.receiving import receive_everything
from tests.factories import day, make_usage, reconcile
from tests.pages.reading import words
from tests.usage.adjustments import line as adjusted
from tests.usage.adjustments import posted
from tests.usage.order_records import Supply, line_of, make_order, make_shipment
from usage.models import OpenUsage, OrderLine
from usage.ordering import procure
from usage.shipping import can_leave, shipment_ship, shipment_void
from usage.special_orders import taken_by_others
from usage.supplying import own_lots

pytestmark = pytest.mark.django_db


def special_order_received() -> OrderLine:
    line = line_of(make_order(("WIRE", "5", Supply.SPECIAL_ORDER)))
    bought = procure(order_line=line, vendor="Acme", unit_cost=Decimal("2.50"), by=None, at=day(1))
    receive_everything(purchase_order=bought, received_at=day(2), by=None, at=day(2))
    return line_of(line.order)


def test_a_special_order_whose_goods_others_used_says_so(clerk: Client) -> None:
    line = special_order_received()
    lot = line.lot
    shipment = make_shipment((line_of(line.order), "4"))
    assert taken_by_others(shipment) == []
    make_usage("WIRE", "3", on_day=3)
    reconcile()
    said = (
        f"3 WIRE of lot {lot}, which came for order {line.order}, were used by others. So 2 of this order find no cost"
        " there: their usage stays open until others give them back, or its restriction is released."
    )
    assert taken_by_others(shipment) == [said]
    shipment_ship(shipment=shipment, by=None, at=day(4))
    assert RecordHistory.objects.get(number=shipment.number, action="Shipped").note == said
    reconcile()
    assert OpenUsage.objects.get().quantity_unallocated == 2
    assert taken_by_others(shipment) == [said]
    url = reverse("usage:shipment_ship", args=[make_shipment((line_of(line.order), "1")).pk])
    assert "So 3 of this order find no cost there" in words(clerk.get(url).content.decode())
    assert said in words(clerk.get(shipment.get_absolute_url()).content.decode())
    # Made void, it finds nothing too little.
    shipment_void(shipment=shipment, by=None, at=day(5))
    assert taken_by_others(shipment) == []


def test_what_a_special_order_shipped_itself_is_not_used_by_others() -> None:
    line = special_order_received()
    first = make_shipment((line, "3"))
    shipment_ship(shipment=first, by=None, at=day(4))
    reconcile()
    assert taken_by_others(first) == []
    assert taken_by_others(make_shipment((line_of(line.order), "2"))) == []
    shipment_void(shipment=first, by=None, at=day(5))
    reconcile()
    assert taken_by_others(make_shipment((line_of(line.order), "5"))) == []


def test_a_special_order_has_no_lot_of_a_purchase_order_that_is_void(clerk: Client) -> None:
    line = line_of(make_order(("WIRE", "5", Supply.SPECIAL_ORDER)))
    bought = procure(order_line=line, vendor="Acme", unit_cost=Decimal("2.50"), by=None, at=day(1))
    (lot,) = own_lots(line_of(line.order))
    page = clerk.get(line.order.get_absolute_url()).content.decode()
    assert lot.get_absolute_url() in page
    purchase_order_void(purchase_order=bought, by=None, at=day(2))
    assert own_lots(line_of(line.order)) == []
    lot.refresh_from_db()
    # A lot that stays behind empty takes goods by an adjustment, but not for this order.
    posted("BEGINNING_BALANCE", adjusted("WIRE", "5", unit_cost="3", into_lot=lot))
    assert can_leave(line_of(line.order)) == 0
    assert lot.get_absolute_url() not in clerk.get(line.order.get_absolute_url()).content.decode()


def test_a_special_order_keeps_the_lot_of_the_purchase_order_that_stands(clerk: Client) -> None:
    line = line_of(make_order(("WIRE", "5", Supply.SPECIAL_ORDER)))
    first = procure(order_line=line, vendor="Acme", unit_cost=Decimal("2.50"), by=None, at=day(1))
    (lot,) = own_lots(line_of(line.order))
    purchase_order_close(purchase_order=first, by=None, at=day(2))
    second = procure(order_line=line, vendor="Bolt", unit_cost=Decimal(3), by=None, at=day(2))
    purchase_order_void(purchase_order=second, by=None, at=day(3))
    assert own_lots(line_of(line.order)) == [lot]
    assert lot.get_absolute_url() in clerk.get(line.order.get_absolute_url()).content.decode()
