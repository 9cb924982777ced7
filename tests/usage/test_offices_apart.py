"""Where offices are kept apart, usage is never bound to lots of another office, and no unit is sold twice."""

from typing import Any

import pytest
from django.core.exceptions import ValidationError

from lots.models import InventoryTransaction, Preference
from lots.receiving import receipt_post
from tests.factories import day, make_lot, make_office, make_usage
from tests.lots.purchasing_stories import code_with, order_of, write_receipt
from tests.reconciliation.records import culprits, run_now
from tests.usage.order_records import line_of, make_order, make_shipment, ship, take_back
from usage.models import InventoryUsage, OpenUsage, Order, UsageLotRestriction
from usage.ordering import procure
from usage.shipping import shipment_ship

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _apart() -> None:
    Preference.objects.update(prevent_inter_office=True)


def refused(order: Order, match: str, *, office: str, **units: Any) -> None:
    shipment = make_shipment((line_of(order, order.lines.get().code.code), "1"), office=office, **units)
    before = InventoryTransaction.objects.count(), InventoryUsage.objects.count()
    with pytest.raises(ValidationError, match=match):
        shipment_ship(shipment=shipment, by=None, at=day(5))
    assert (InventoryTransaction.objects.count(), InventoryUsage.objects.count()) == before


def came(code: str, office: str, quantity: str, **units: object) -> None:
    order = order_of((code, quantity, "10"), office=office)
    receipt_post(receipt=write_receipt(order, quantity, **units), by=None, at=day(2))  # type: ignore[arg-type]


def test_usage_is_not_bound_to_a_lot_of_another_office() -> None:
    lot = make_lot("WIRE", office="NY")
    with pytest.raises(ValidationError, match="offices are kept apart"):
        make_usage("WIRE", "1", office="AI", only_lots=[lot])
    assert not InventoryUsage.objects.exists()


def test_a_unit_leaves_only_the_office_that_has_it() -> None:
    code_with("CLOCK", is_serialized=True)
    came("CLOCK", "NY", "1", serials=["S1"])
    order = make_order(("CLOCK", "1"), office="NY")
    refused(order, "S1 of CLOCK is not in stock at AI", office="AI", serials="S1")
    ship((line_of(order, "CLOCK"), "1"), serials="S1", office="NY")
    run_now()
    assert not OpenUsage.objects.exists()
    assert culprits() == {}


def test_a_unit_that_came_back_to_another_office_is_sold_from_there() -> None:
    code_with("CLOCK", is_serialized=True)
    came("CLOCK", "NY", "1", serials=["S1"])
    order = make_order(("CLOCK", "1"), office="NY")
    line = line_of(order, "CLOCK")
    ship((line, "1"), serials="S1", office="NY")
    take_back((line, "1"), serials="S1", office="AI")
    assert not UsageLotRestriction.objects.filter(usage__office=make_office("AI")).exists()
    again = make_order(("CLOCK", "1"), office="AI")
    ship((line_of(again, "CLOCK"), "1"), serials="S1", office="AI")
    run_now()
    assert culprits() == {}


def test_a_manufacturer_lot_is_drawn_from_the_lots_of_its_office() -> None:
    code_with("SERUM", is_tracked_by_manufacturer_lot=True)
    came("SERUM", "NY", "5", manufacturer_lot="B7")
    order = make_order(("SERUM", "1"), office="AI")
    refused(order, "No manufacturer lot B7 of SERUM has come in at AI", office="AI", manufacturer_lot="B7")
    came("SERUM", "AI", "5", manufacturer_lot="B7")
    ship((line_of(order, "SERUM"), "1"), manufacturer_lot="B7", office="AI")
    run_now()
    assert not OpenUsage.objects.exists()


def test_a_special_order_does_not_leave_from_an_office_that_has_not_got_it() -> None:
    order = make_order(("WIRE", "1", "SPECIAL_ORDER"), office="NY")
    bought = procure(order_line=line_of(order), vendor="Acme", unit_cost=line_of(order).quantity, by=None, at=day(1))
    receipt_post(receipt=write_receipt(bought, "1"), by=None, at=day(2))
    refused(order, "offices are kept apart", office="AI")
