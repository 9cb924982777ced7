"""The inventory pages in a real browser: accessible, quiet, and usable by keyboard, wide and on a tablet."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import expect

from lots.models import InventoryLot, InventoryTransaction, LotType
from tests.factories import make_code, make_give_back_loop, make_guide_list, make_lot
from tests.harness.people import Role
from tests.lots.purchasing_records import buy
from usage.models import InventoryUsage

if TYPE_CHECKING:
    from playwright.sync_api import Page


@pytest.fixture
def guide_page(page: "Page", sign_in: Callable[[Role], User]) -> "Page":
    """A browser on the guides' records, signed in as an accountant."""
    sign_in("accountant")
    make_guide_list()
    make_give_back_loop()
    make_lot("MADE", lot_type=LotType.PRODUCTION, office="AI", order="60007")
    return page


def test_no_inventory_page_has_an_accessibility_violation(
    guide_page: "Page", axe: "Callable[[Page], None]", screenshot: "Callable[[Page, str], None]"
) -> None:
    addresses = {
        "usage-open": "/inventory/usage/?quick=open&group=code",
        "usage": "/inventory/usage/",
        "usage-detail": InventoryUsage.objects.get(number="60009").get_absolute_url(),
        "transaction-id": "/inventory/usage/transaction-id/?id=SHIP-60000",
        "lots": "/inventory/lots/",
        "lot-loop": InventoryLot.objects.get(number="50000").get_absolute_url(),
        "lot-made": InventoryLot.objects.get(code__code="MADE").get_absolute_url(),
        "transactions": "/inventory/transactions/?group=code",
        "transaction": InventoryTransaction.objects.latest("pk").get_absolute_url(),
        "codes": "/inventory/codes/",
        "code-net-zero": make_code("TM-FRNCH3").get_absolute_url(),
        "nothing-found": "/inventory/lots/?code=nothing",
    }
    for name, address in addresses.items():
        guide_page.goto(address)
        axe(guide_page)
        screenshot(guide_page, f"inventory-{name}")
    guide_page.set_viewport_size({"width": 800, "height": 1000})
    for name in ("usage-open", "code-net-zero", "lot-loop"):
        guide_page.goto(addresses[name])
        axe(guide_page)
        screenshot(guide_page, f"inventory-{name}-tablet")


def test_from_the_menu_to_the_lot_that_paid_by_keyboard_alone(guide_page: "Page") -> None:
    guide_page.goto("/inventory/codes/")
    guide_page.keyboard.press("g")
    guide_page.keyboard.press("u")
    guide_page.wait_for_url("**/inventory/usage/")
    search = guide_page.get_by_role("link", name="Find Open Inventory Usage")
    search.focus()
    guide_page.keyboard.press("Enter")
    guide_page.wait_for_url("**/inventory/usage/?quick=open&group=code")
    guide_page.get_by_role("link", name="Go to usage 60009").focus()
    guide_page.keyboard.press("Enter")
    guide_page.get_by_role("link", name="Go to lot 40000").first.focus()
    guide_page.keyboard.press("Enter")
    expect(guide_page.get_by_role("heading", level=1)).to_contain_text("Inventory Lot 40000")


def test_a_click_on_the_heading_code_groups_the_list(guide_page: "Page") -> None:
    guide_page.goto("/inventory/usage/")
    guide_page.get_by_role("link", name="Code", exact=True).click()
    expect(guide_page.get_by_role("rowheader", name="16G-W 16 Gauge Copper Wire")).to_be_visible()
    expect(guide_page.get_by_role("columnheader", name="Code")).to_have_attribute("aria-sort", "ascending")


NARROW = (
    "/orders/", "/shipments/", "/inventory/purchase-orders/", "/inventory/incoming-shipments/", "/inventory/purchases/",
    "/inventory/codes/", "/inventory/lots/", "/inventory/usage/", "/inventory/usage/?quick=open&group=code",
    "/inventory/transactions/?group=code", "/inventory/adjustments/", "/production/jobs/", "/reconciliation/runs/",
    "/reconciliation/resolve/", "/accounting/journal/", "/accounting/accrued-inventory/", "/accounting/estimated-lots/",
    "/inventory/history/",
)  # fmt: skip


def test_on_a_tablet_no_list_scrolls_sideways(guide_page: "Page") -> None:
    buy("LAMP", office="AI")
    guide_page.set_viewport_size({"width": 800, "height": 1000})
    for address in NARROW:
        guide_page.goto(address)
        wide = guide_page.evaluate(
            "[document.documentElement, ...document.querySelectorAll('.table-frame')]"
            ".filter(box => box.scrollWidth > box.clientWidth + 1).length"
        )
        assert wide == 0, address


def test_columns_that_a_tablet_leaves_out_can_be_asked_for(guide_page: "Page") -> None:
    """Totals stay below their headings, whatever is left out before them."""
    guide_page.set_viewport_size({"width": 800, "height": 1000})
    guide_page.goto("/inventory/usage/?quick=open&group=code")
    reference = guide_page.get_by_role("columnheader", name="Ref #(s)")
    expect(reference).to_be_hidden()
    for name in ("Quantity", "Unallocated", "Status"):
        expect(guide_page.get_by_role("columnheader", name=name)).to_be_visible()
    assert _misplaced_totals(guide_page) == []
    every = guide_page.get_by_role("checkbox", name="Show all columns")
    every.focus()
    guide_page.keyboard.press("Space")
    expect(reference).to_be_visible()
    assert _misplaced_totals(guide_page) == []
    guide_page.set_viewport_size({"width": 1280, "height": 1000})
    expect(every).to_be_hidden()
    assert _misplaced_totals(guide_page) == []


def _misplaced_totals(page: "Page") -> list[str]:
    """The totals and sub-totals that do not end where their heading does."""
    found: list[str] = page.evaluate(
        """() => [...document.querySelectorAll('td[data-total]')].filter(cell => {
            const right = box => Math.round(box.getBoundingClientRect().right);
            const headings = [...document.querySelectorAll('thead th')].filter(box => box.offsetWidth).map(right);
            return cell.offsetWidth && !headings.includes(right(cell));
        }).map(cell => cell.dataset.total)"""
    )
    return found
