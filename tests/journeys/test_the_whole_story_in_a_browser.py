"""From the purchase order to the books, as a person does it: in a browser, while a real worker follows on its own.

The same story as in the second part of docs/walkthrough.md, where every figure is compared. Here all of it happens
today, so the month that is closed is this one, and what is made void afterwards counts in the next.
"""

from collections.abc import Callable
from datetime import date
from typing import TYPE_CHECKING

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from playwright.sync_api import expect

from lots.models import CostPool, InventoryLot
from lots.periods import next_period, period_start
from reconciliation.models import ReconciliationRun
from tests.factories import make_code
from tests.harness.people import Role
from tests.harness.worker import Worker
from tests.reconciliation.records import culprits

if TYPE_CHECKING:
    from playwright.sync_api import Page

WIDTHS = (1280, 800)


class Person:
    """Somebody at the screen."""

    def __init__(
        self,
        page: "Page",
        axe: "Callable[[Page], None]",
        screenshot: "Callable[[Page, str], None]",
        wait_until: Callable[..., None],
    ) -> None:
        self.page, self.axe, self.screenshot, self.wait_until = page, axe, screenshot, wait_until

    def go(self, module: str, entry: str) -> None:
        self.page.goto("/menu/")
        section = self.page.locator("main section").filter(has=self.page.get_by_role("heading", name=module))
        section.get_by_role("link", name=entry, exact=True).click()

    def press(self, label: str) -> None:
        main = self.page.locator("main")
        link, button = (main.get_by_role(role, name=label, exact=True) for role in ("link", "button"))
        link.or_(button).last.click()

    def type(self, line: int, **cells: str) -> None:
        for name, value in cells.items():
            cell = self.page.locator(f"[name=lines-{line}-{name}]")
            cell.fill(value)
            cell.press("Escape")  # closes suggestions, if any came

    def reads(self, *texts: str) -> None:
        for text in texts:
            expect(self.page.locator("main")).to_contain_text(text)

    def look(self, name: str) -> None:
        """The page is accessible, fits both widths, and has its picture taken."""
        self.axe(self.page)
        for width in WIDTHS:
            self.page.set_viewport_size({"width": width, "height": 800})
            self.screenshot(self.page, f"story-{name}-{width}")
            wider = self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            assert wider <= 0, f"{name} is {wider} pixels wider than {width}"
        self.page.set_viewport_size({"width": WIDTHS[0], "height": 800})

    def wait_a_moment(self) -> None:
        """Nobody presses anything: beat sweeps every second, and a worker takes up what was posted."""
        self.wait_until(
            lambda: (
                not CostPool.objects.filter(has_work=True).exists()
                and not ReconciliationRun.objects.filter(state__in=ReconciliationRun.ACTIVE).exists()
            ),
            seconds=60,
            what="the run that follows on its own",
        )


@pytest.fixture
def person_at_screen(
    page: "Page",
    axe: "Callable[[Page], None]",
    screenshot: "Callable[[Page, str], None]",
    wait_until: Callable[..., None],
) -> Person:
    return Person(page, axe, screenshot, wait_until)


def month(day: date) -> str:
    return f"{day:%Y-%m}"


@pytest.mark.full
def test_what_is_bought_shipped_billed_closed_and_made_void_is_followed_into_the_books(
    person_at_screen: Person, sign_in: Callable[[Role], User], worker: Worker
) -> None:
    me, page = person_at_screen, person_at_screen.page
    sign_in("accountant")
    make_code("TB-OAK1", cost="36.00", description="The Oak Reader, Grade 1")
    this_month = period_start(timezone.localdate())
    next_month = next_period(this_month)
    worker.start(beat=True)

    # Buy sixteen, receive six
    me.go("Purchasing", "Purchase Orders")
    me.press("New purchase order")
    page.get_by_label("Vendor").fill("Oak Hill Press")
    me.type(0, code="TB-OAK1", quantity="16", unit_cost="35.00")
    me.look("01-order-form")
    me.press("Save")
    me.press("Open")
    me.reads("PO-60000 is open")
    me.look("02-order-open")
    me.press("Receive…")
    me.type(0, quantity="6")
    me.look("03-receive-form")
    me.press("Receive")
    me.reads("SHIP-60000 is received.")

    # Ship ten
    me.go("Order Management", "Orders")
    me.press("New order")
    page.get_by_label("Customer").fill("Northwind School")
    me.type(0, code="TB-OAK1", quantity="10")
    me.look("04-sales-order-form")
    me.press("Save")
    me.press("Open")
    me.press("Open order")
    me.look("05-sales-order")
    me.press("New shipment")
    me.press("Save")
    me.press("Ship")
    me.look("06-ship")
    me.press("Ship")
    me.reads("SHIP-60001 is shipped.")

    # Run; four are unallocated
    me.go("Reconciliation", "Runs")
    me.press("Run COGS reconciliation")
    me.look("07-run-start")
    me.press("Run now")
    expect(page.locator("#run-state")).to_contain_text("Finished")
    me.wait_a_moment()
    page.reload()
    me.look("08-run")
    me.go("Inventory", "Inventory Usage")
    me.reads("354.00", "144.00")
    me.look("09-usage-open")
    me.go("Reconciliation", "Resolve")
    me.reads("TB-OAK1")
    me.look("10-resolve")
    page.get_by_role("link", name="Go to workbench of TB-OAK1").click()
    me.look("11-resolve-code")

    # The rest comes, and cures it
    me.go("Purchasing", "Purchase Orders")
    me.press("Go to purchase order PO-60000")
    me.press("Receive…")
    me.type(0, quantity="9")
    me.press("Receive")
    me.reads("SHIP-60002 is received.")
    me.look("12-receipt")
    me.wait_a_moment()
    me.go("Inventory", "Inventory Usage")
    me.reads("350.00", "Closed")

    # The invoice, at another price, and the close
    me.go("Purchasing", "Purchase Orders")
    me.press("Go to purchase order PO-60000")
    me.press("Enter invoice")
    page.get_by_label("Total freight charge").fill("10.00")
    me.type(0, quantity="15", value="523.85")
    me.look("13-invoice-form")
    me.press("Post")
    me.reads("PUR-60000 is posted.")
    me.look("14-invoice")
    me.wait_a_moment()
    me.go("Accounting", "Accrued Inventory")
    me.reads("-8.85")
    me.look("15-accrued")
    me.go("Purchasing", "Purchase Orders")
    me.press("Go to purchase order PO-60000")
    me.look("16-order-billed")
    me.press("Close")
    me.reads("stands at 525.00; closing makes it 533.85.")
    me.look("17-close")
    me.press("Close purchase order")
    me.wait_a_moment()

    # The true-up on lot, usage, journal and COGS by month
    page.reload()
    me.look("18-order-closed")
    me.press(f"Go to lot {InventoryLot.objects.get()}")
    me.reads("533.85", "355.90", "177.95")
    me.look("19-lot")
    me.go("Inventory", "Inventory Usage")
    me.reads("355.90")
    me.press("Go to usage 60000")
    me.reads("True-up", "5.90")
    me.look("20-usage")
    me.press("Explain this cost")
    me.reads("PUR-60000")
    me.look("21-explain")
    me.go("Accounting", "Journal")
    me.reads("True-up")
    me.look("22-journal")
    me.go("Accounting", "COGS by Month")
    me.reads(month(this_month), "355.90")
    me.look("23-cogs")
    me.go("Accounting", "Inventory Value")
    me.reads("177.95")
    me.look("24-value")

    # Close the month; make the shipment void
    me.go("Accounting", "Periods")
    me.look("25-periods")
    me.press(f"Close {month(this_month)}")
    page.get_by_label("Reason").fill("Everything is in")
    me.look("26-close-month")
    me.press(f"Close {month(this_month)}")
    me.reads(f"{month(this_month)} is closed now.")
    me.go("Order Management", "Shipments")
    me.look("27-shipments")
    me.press("Go to shipment SHIP-60001")
    me.look("28-shipment")
    me.press("Void")
    page.get_by_label("Reason").fill("Never left the building")
    me.look("29-void")
    me.press("Void shipment")
    me.wait_a_moment()
    page.reload()
    me.look("30-shipment-void")

    # It is in the next month
    me.go("Accounting", "COGS by Month")
    me.reads(month(this_month), month(next_month), "355.90", "-355.90")
    me.look("31-cogs-after")
    me.go("Accounting", "Journal")
    me.look("32-journal-after")
    me.go("Accounting", "Inventory Value")
    me.look("33-value-after")
    page.goto("/")
    me.look("34-home")
    assert culprits() == {}
