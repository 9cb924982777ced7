"""Orders and shipments as people see them: entered by hand, shipped, taken back; readable on every width and colour."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from django.urls import reverse
from playwright.sync_api import expect

from tests.factories import make_code, make_lot
from tests.harness.people import Role
from tests.reconciliation.records import run_now
from tests.usage.order_records import Supply, line_of, make_order, make_shipment, ship, take_back
from usage.models import Order, Shipment

if TYPE_CHECKING:
    from playwright.sync_api import Page


def test_an_order_is_entered_opened_and_shipped_by_hand(page: "Page", sign_in: Callable[[Role], object]) -> None:
    make_code("WIRE", description="16 Gauge Copper Wire")
    sign_in("clerk")
    page.goto(reverse("usage:orders"))
    page.get_by_role("link", name="New order").click()
    page.get_by_label("Customer").fill("Northwind School")
    page.locator("[name=lines-0-code]").fill("WIRE")
    page.locator("[name=lines-0-quantity]").fill("4*3")
    page.locator("button[data-save]").click()
    page.get_by_role("link", name="Open", exact=True).click()
    page.get_by_role("button", name="Open order").click()
    page.get_by_role("link", name="New shipment").click()
    page.locator("[name=lines-0-quantity]").fill("5")
    page.locator("button[data-save]").click()
    page.get_by_role("link", name="Ship", exact=True).click()
    page.get_by_role("button", name="Ship", exact=True).click()
    expect(page.get_by_text("SHIP-60000 is shipped").first).to_be_visible()
    assert (Shipment.objects.get().status, line_of(Order.objects.get()).demand) == ("POSTED", -7)


def test_the_pages_are_accessible_and_pictured(
    page: "Page",
    sign_in: Callable[[Role], object],
    axe: "Callable[[Page], None]",
    screenshot: "Callable[[Page, str], None]",
) -> None:
    make_code("WIRE", cost="2.50", description="16 Gauge Copper Wire")
    make_code("TB-LIT102", cost="79.99", description="The Complete Works of Shakespeare")
    make_lot("WIRE", received="100", value="250", source="PO-1")
    order = make_order(("WIRE", "50"), ("TB-LIT102", "20", Supply.SPECIAL_ORDER), ("MAP", "2", Supply.DROP_SHIP))
    done = make_order(("WIRE", "10"))
    shipped = ship((line_of(order), "20"), (line_of(done), "10"))
    take_back((line_of(order), "5"))
    waiting = make_shipment((line_of(order), "40"))
    pending = make_order(("WIRE", "5"), is_open=False)
    run_now()
    sign_in("clerk")
    pages = {
        "orders": reverse("usage:orders"),
        "order": order.get_absolute_url(),
        "order-pending": pending.get_absolute_url(),
        "order-edit": reverse("usage:order_edit", args=[order.pk]),
        "order-ship": reverse("usage:order_ship", args=[order.pk]),
        "order-void": reverse("usage:order_void", args=[order.pk]),
        "order-procure": reverse("usage:order_procure", args=[line_of(order, "TB-LIT102").pk]),
        "shipments": reverse("usage:shipments"),
        "shipment": shipped.get_absolute_url(),
        "shipment-new": f"{reverse('usage:shipment_create')}?order={order.number}",
        "shipment-return": f"{reverse('usage:return_create')}?order={order.number},{done.number}",
        "shipment-ship": reverse("usage:shipment_ship", args=[waiting.pk]),
    }
    for name, address in pages.items():
        page.goto(address)
        axe(page)
        screenshot(page, name)
    page.set_viewport_size({"width": 800, "height": 900})
    page.emulate_media(color_scheme="dark")
    for name in ("orders", "order", "order-edit", "shipment", "shipment-new", "shipment-ship"):
        page.goto(pages[name])
        axe(page)
        wider = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wider <= 0, f"{name} is wider than the window"
        screenshot(page, f"{name}-800-dark")
