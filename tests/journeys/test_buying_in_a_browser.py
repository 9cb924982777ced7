"""Buying, as a clerk does it: order, receive half, receive the rest, be billed another price, close, see the cost.

Figures from the guides: 15 units ordered at 35.00 stand at 525.00 until the order closes, at 533.85 from then on.
"""

import os
from collections.abc import Callable
from decimal import Decimal
from itertools import cycle
from typing import TYPE_CHECKING, Final, Literal

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import expect

from lots.models import InventoryLot, LineItemCode, Office, PurchaseOrder
from tests.harness.people import Role

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.harness.browser import PageGuard

THEMES: Final[tuple[Literal["light", "dark"], ...]] = ("light", "dark")
WIDTHS: Final = (1280, 800)

Look = Callable[[str], None]


@pytest.fixture
def look(page: "Page", axe: "Callable[[Page], None]", screenshot: "Callable[[Page, str], None]") -> Look:
    themes = cycle(THEMES)

    def look(name: str) -> None:
        """Check the page in the other theme each time, and that it fits; where asked, take pictures of all four."""
        theme = next(themes)
        page.emulate_media(color_scheme=theme)
        page.locator(f"html[data-bs-theme={theme}]").wait_for()
        axe(page)
        for width in reversed(WIDTHS):
            page.set_viewport_size({"width": width, "height": 800})
            assert page.evaluate("() => document.documentElement.scrollWidth <= window.innerWidth"), name
            for shown in THEMES if "SCREENSHOTS" in os.environ else ():
                page.emulate_media(color_scheme=shown)
                page.locator(f"html[data-bs-theme={shown}]").wait_for()
                screenshot(page, f"buying-{name}-{width}-{shown}")

    return look


def cell(page: "Page", line: int, name: str) -> str:
    return f"[name=lines-{line}-{name}]"


@pytest.mark.full
@pytest.mark.timeout(300)
def test_an_order_is_bought_at_one_price_and_billed_at_another(
    page: "Page", sign_in: Callable[[Role], User], page_guard: "PageGuard", look: Look
) -> None:
    page_guard.allow("422")
    sign_in("clerk")
    Office.objects.create(code="BO", name="Boston")
    LineItemCode.objects.create(code="16G-W", description="16 Gauge Copper Wire", est_unit_cost=Decimal("35"))
    LineItemCode.objects.create(code="PEN", description="Ball Point Pen", est_unit_cost=Decimal("1.20"))

    # Ordered and opened
    page.goto("/inventory/purchase-orders/")
    page.get_by_role("link", name="New purchase order").click()
    page.get_by_label("Vendor").fill("Acme Wire and Cable")
    page.get_by_label("Office").select_option(label="BO")
    page.locator(cell(page, 0, "code")).press_sequentially("16g")
    page.locator("#code-suggestions [role=option]").first.wait_for()
    page.keyboard.press("Tab")
    expect(page.locator(cell(page, 0, "unit_cost"))).to_have_value("35.00")
    page.locator(cell(page, 0, "quantity")).fill("16")
    look("order-form")
    page.get_by_role("button", name="Save", exact=True).last.click()
    page.get_by_role("button", name="Open", exact=True).click()
    page.get_by_text("is open: what is ordered stands On Order.").wait_for()
    order = PurchaseOrder.objects.get()

    # Half of it comes, and more than that is asked about
    page.get_by_role("link", name="Receive…").click()
    expect(page.locator(cell(page, 0, "quantity"))).to_have_value("16")
    page.locator(cell(page, 0, "quantity")).fill("17")
    page.get_by_role("button", name="Receive", exact=True).last.click()
    page.get_by_label("Receive more than ordered").wait_for()
    look("over-receipt")
    page.locator(cell(page, 0, "quantity")).fill("8")
    page.get_by_role("button", name="Receive", exact=True).last.click()
    page.get_by_text("SHIP-60000 is received.").wait_for()
    look("receipt")
    page.get_by_role("link", name=f"Go to purchase order {order}").first.click()
    expect(page.get_by_text("8 of 16 still due")).to_be_visible()
    look("order-half")

    # One is found to be missing: the rest is ordered no more
    page.get_by_role("link", name="Edit", exact=True).click()
    page.locator(cell(page, 0, "quantity")).fill("15")
    page.get_by_role("button", name="Save", exact=True).last.click()
    page.get_by_role("link", name="Receive everything due").click()
    look("receive-all")
    page.get_by_role("button", name="Receive everything due", exact=True).click()
    page.get_by_text("everything that was due").wait_for()
    lot = InventoryLot.objects.get()
    assert (lot.quantity_received, lot.value) == (Decimal(15), Decimal("525.00"))

    # Billed for 14 of them at another price, with freight, so that the order waits for the last one
    page.get_by_role("link", name="Enter invoice").click()
    expect(page.locator(cell(page, 0, "quantity"))).to_have_value("15")
    expect(page.locator(cell(page, 0, "value"))).to_have_value("525.00")
    page.locator(cell(page, 0, "quantity")).fill("14")
    page.locator(cell(page, 0, "value")).fill("523.85")
    page.get_by_label("Total freight charge").fill("10")
    page.get_by_role("button", name="Show the spread").click()
    page.get_by_role("heading", name="How the Freight is Spread").wait_for()
    look("invoice-form")
    page.get_by_role("button", name="Post", exact=True).last.click()
    page.get_by_text("is posted.").wait_for()
    look("purchase")

    # Closed, knowing what becomes of the cost
    page.goto(order.get_absolute_url())
    expect(page.get_by_text("1 received and not purchased yet")).to_be_visible()
    page.get_by_role("link", name="Close", exact=True).click()
    expect(page.get_by_text("stands at 525.00; closing makes it 533.85.")).to_be_visible()
    look("close")
    # One of them has no bill: that is asked about before the others' bill becomes the cost of all.
    page.get_by_role("button", name="Close purchase order").click()
    page.get_by_text("confirm that no bill will come").first.wait_for()
    page.get_by_label("Close it without their bill").check()
    page.get_by_role("button", name="Close purchase order").click()
    page.get_by_text("its lots cost 533.85 for good").wait_for()
    look("order-closed")
    page.get_by_role("link", name=f"Go to lot {lot}").first.click()
    expect(page.get_by_text("533.85").first).to_be_visible()

    for name in ("purchase-orders", "incoming-shipments", "purchases"):
        page.goto(f"/inventory/{name}/")
        look(f"list-{name}")
