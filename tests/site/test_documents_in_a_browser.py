"""Lines are typed like a spreadsheet: Enter goes on, blocks are pasted, sums are worked out, codes are suggested."""

from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING, Final, Literal

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import expect

from lots.models import LineItemCode, Office
from tests.factories import MORNING
from tests.harness.people import Role
from usage.models import InventoryUsage
from usage.services import usage_record

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page
    from pytest_django.live_server_helper import LiveServer

    from tests.harness.browser import PageGuard

pytestmark = pytest.mark.urls("tests.site.document_sample")

THEMES: Final[tuple[Literal["light", "dark"], ...]] = ("light", "dark")


@pytest.fixture
def clerk_page(page: "Page", sign_in: Callable[[Role], User]) -> "Page":
    sign_in("clerk")
    for code, cost in (("WIRE", "2.50"), ("WIRE-2", "3"), ("PEN", "0.333333")):
        LineItemCode.objects.create(code=code, description=f"About {code}", est_unit_cost=Decimal(cost))
    return page


def cell(page: "Page", line: int, name: str) -> "Locator":
    return page.locator(f"[name=lines-{line}-{name}]")


def suggested(page: "Page") -> "Locator":
    return page.locator("#code-suggestions [role=option]")


def paste(page: "Page", text: str) -> None:
    page.evaluate(
        """text => {
          const clipboardData = new DataTransfer();
          clipboardData.setData("text/plain", text);
          const event = new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true });
          document.activeElement.dispatchEvent(event);
        }""",
        text,
    )


def test_a_document_is_written_by_keyboard_alone(clerk_page: "Page") -> None:
    clerk_page.goto("/document/")
    clerk_page.get_by_label("Office").fill("AI")
    cell(clerk_page, 0, "code").press_sequentially("wi")
    suggested(clerk_page).first.wait_for()
    expect(cell(clerk_page, 0, "code")).to_have_attribute("aria-expanded", "true")
    clerk_page.keyboard.press("Tab")
    expect(cell(clerk_page, 0, "code")).to_have_value("WIRE")
    expect(cell(clerk_page, 0, "unit_cost")).to_have_value("2.50")
    expect(clerk_page.locator("small", has_text="About WIRE")).to_be_visible()
    cell(clerk_page, 0, "quantity").focus()
    clerk_page.keyboard.type("12*8")
    clerk_page.keyboard.press("Enter")
    expect(cell(clerk_page, 0, "quantity")).to_have_value("96")
    expect(clerk_page.locator("[name=lines-1-quantity]")).to_be_focused()
    expect(clerk_page.locator("[data-line-amount]").first).to_have_text("240.00")
    expect(clerk_page.locator("[data-total-of=quantity]")).to_have_text("96")
    # To the last line and beyond: one is added, and nothing is sent.
    clerk_page.keyboard.press("Enter")
    clerk_page.keyboard.press("Enter")
    expect(clerk_page.locator("[name=lines-3-quantity]")).to_be_focused()
    expect(clerk_page.locator("[name=lines-TOTAL_FORMS]")).to_have_value("4")
    clerk_page.keyboard.type("=3+4/2")
    clerk_page.keyboard.press("Shift+Enter")
    expect(clerk_page.locator("[name=lines-2-quantity]")).to_be_focused()
    expect(cell(clerk_page, 3, "quantity")).to_have_value("5")
    cell(clerk_page, 3, "code").fill("PEN")
    cell(clerk_page, 3, "unit_cost").fill("0.335")
    expect(clerk_page.locator("[data-total-of-amounts]")).to_have_text("241.68")
    clerk_page.keyboard.press("Control+Enter")
    clerk_page.get_by_text("Sample order AI was saved.").wait_for()
    assert list(InventoryUsage.objects.order_by("pk").values_list("code__code", "quantity")) == [
        ("WIRE", 96),
        ("PEN", 5),
    ]


def test_a_block_of_a_spreadsheet_fills_cells_and_adds_lines(clerk_page: "Page") -> None:
    clerk_page.goto("/document/")
    cell(clerk_page, 1, "code").focus()
    paste(clerk_page, 'WIRE\t"6"" pipe"\t1,200\nPEN\t\t(3)\nWIRE-2\tlast\t2\n')
    rows = [["WIRE", '6" pipe', "1,200"], ["PEN", "", "-3"], ["WIRE-2", "last", "2"]]
    for line, values in enumerate(rows, start=1):
        for name, value in zip(("code", "description", "quantity"), values, strict=True):
            expect(cell(clerk_page, line, name)).to_have_value(value)
    expect(cell(clerk_page, 0, "code")).to_have_value("")
    expect(clerk_page.locator("[name=lines-3-quantity]")).to_be_focused()
    expect(clerk_page.locator("[data-total-of=quantity]")).to_have_text("1,199")
    expect(clerk_page.locator("[data-lines-said]")).to_have_text("Lines pasted: 3.")


def test_the_list_of_codes_is_led_by_arrows_and_closed_by_escape(clerk_page: "Page") -> None:
    clerk_page.goto("/document/")
    code = cell(clerk_page, 0, "code")
    cell(clerk_page, 0, "unit_cost").fill("7")
    code.press_sequentially("wire")
    options = suggested(clerk_page)
    expect(options).to_have_count(2)
    clerk_page.keyboard.press("ArrowDown")
    expect(options.nth(1)).to_have_attribute("aria-selected", "true")
    expect(code).to_have_attribute("aria-activedescendant", "code-suggestion-1")
    clerk_page.keyboard.press("Escape")
    expect(options.first).to_be_hidden()
    expect(code).to_have_value("wire")
    clerk_page.keyboard.press("ArrowDown")
    expect(options).to_have_count(2)
    options.nth(1).click()
    expect(code).to_have_value("WIRE-2")
    # What somebody typed is not overwritten.
    expect(cell(clerk_page, 0, "unit_cost")).to_have_value("7")


def test_a_removed_line_counts_no_more_and_can_be_brought_back(clerk_page: "Page") -> None:
    clerk_page.goto("/document/")
    for line, quantity in enumerate(("2", "3")):
        cell(clerk_page, line, "quantity").fill(quantity)
    total = clerk_page.locator("[data-total-of=quantity]")
    expect(total).to_have_text("5")
    remove = clerk_page.get_by_role("checkbox", name="Remove line 1")
    remove.check()
    expect(total).to_have_text("3")
    expect(clerk_page.locator("#lines-1-number")).to_have_text("1")
    clerk_page.locator("[name=lines-0-DELETE]").uncheck()
    expect(total).to_have_text("5")


@pytest.mark.parametrize("width", [1280, 800])
def test_document_pages_are_accessible_and_fit(
    clerk_page: "Page",
    page_guard: "PageGuard",
    axe: "Callable[[Page], None]",
    screenshot: "Callable[[Page, str], None]",
    width: int,
) -> None:
    page_guard.allow("422")
    clerk_page.set_viewport_size({"width": width, "height": 800})
    office = Office.objects.create(code="BO", name="Boston")
    for code, quantity in (("WIRE", "1250"), ("PEN", "-3.5")):
        usage_record(
            code=LineItemCode.objects.get(code=code), quantity=Decimal(quantity), used_at=MORNING, office=office
        )

    def look(name: str) -> None:
        for theme in THEMES:
            clerk_page.emulate_media(color_scheme=theme)
            clerk_page.locator(f"html[data-bs-theme={theme}]").wait_for()
            axe(clerk_page)
            screenshot(clerk_page, f"document-{name}-{width}-{theme}")
        assert clerk_page.evaluate("() => document.documentElement.scrollWidth <= window.innerWidth")

    clerk_page.goto("/document/")
    cell(clerk_page, 0, "quantity").fill("96")
    cell(clerk_page, 0, "unit_cost").fill("2.5")
    cell(clerk_page, 1, "code").fill("PEN")
    cell(clerk_page, 1, "quantity").fill("1,250")
    cell(clerk_page, 1, "unit_cost").fill("0.333333")
    clerk_page.locator("[name=lines-2-DELETE]").check()
    cell(clerk_page, 0, "code").press_sequentially("wi")
    suggested(clerk_page).first.wait_for()
    look("typed")
    clerk_page.keyboard.press("Escape")
    clerk_page.keyboard.press("Control+Enter")
    clerk_page.get_by_text("Nothing was saved").wait_for()
    look("refused")
    clerk_page.goto(f"/document/{office.pk}/rename/")
    look("action")
    clerk_page.goto(f"/document/{office.pk}/fixed/")
    look("given-lines")


def test_given_lines_are_typed_and_pasted_into_but_none_is_added(clerk_page: "Page") -> None:
    office = Office.objects.create(code="BO")
    for _ in range(2):
        usage_record(
            code=LineItemCode.objects.get(code="PEN"), quantity=Decimal("1000"), used_at=MORNING, office=office
        )
    clerk_page.goto(f"/document/{office.pk}/fixed/")
    cell(clerk_page, 0, "quantity").focus()
    paste(clerk_page, "4\n5\n6\n")
    for line, value in enumerate(("4", "5")):
        expect(cell(clerk_page, line, "quantity")).to_have_value(value)
    expect(clerk_page.locator("tbody[data-line]")).to_have_count(2)
    expect(clerk_page.locator("[data-lines-said]")).to_have_text("Lines pasted: 2 of 3; there is no room for more.")
    expect(clerk_page.locator("[data-total-of=ordered]")).to_have_text("2,000")
    expect(clerk_page.locator("[data-total-of=quantity]")).to_have_text("9")
    clerk_page.keyboard.press("Enter")
    expect(clerk_page.locator("[name=lines-1-quantity]")).to_be_focused()


def test_a_document_is_written_without_scripts(browser: "Browser", live_site: "LiveServer", clerk_page: "Page") -> None:
    context = browser.new_context(
        base_url=live_site.url, java_script_enabled=False, storage_state=clerk_page.context.storage_state()
    )
    page = context.new_page()
    page.goto("/document/")
    page.get_by_label("Office").fill("AI")
    cell(page, 0, "code").fill("pen")
    cell(page, 0, "quantity").fill("12*8")
    page.get_by_role("button", name="Add a line").click()
    expect(page.locator("tbody[data-line]")).to_have_count(6)
    expect(cell(page, 0, "quantity")).to_have_value("12*8")
    cell(page, 5, "code").fill("WIRE")
    cell(page, 5, "quantity").fill("1")
    # Enter saves; it does not press "Add a line".
    cell(page, 5, "quantity").press("Enter")
    page.get_by_text("Sample order AI was saved.").wait_for()
    assert list(InventoryUsage.objects.order_by("pk").values_list("code__code", "quantity")) == [
        ("PEN", 96),
        ("WIRE", 1),
    ]
    context.close()
