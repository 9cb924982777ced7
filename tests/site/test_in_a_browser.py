"""What only a browser shows: accessibility, keyboard, themes, narrow screens, totals that come later, no scripts."""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Literal

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import expect

from tests.site.conftest import Maker, allow

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page
    from pytest_django.live_server_helper import LiveServer

pytestmark = pytest.mark.urls("tests.site.sample")

THEMES: Final[tuple[Literal["light", "dark"], ...]] = ("light", "dark")
# List, grouped list, empty, wrong filter, omitted rows and remarks, detail, menu.
ADDRESSES = (
    "/sample/?group=code&omit=1",
    "/sample/?code=none",
    "/sample/?quantity_min=abc&used_at_after=x",
    "/sample/?code=WIRE&colour=red&page=9",
    "/sample/first/",
    "/menu/",
    "/inventory/offices/",
)


@pytest.fixture
def reader_page(page: "Page", sign_in: Callable[[str], User], used: Maker) -> "Page":
    """A signed-in browser, with some usage to look at."""
    allow(sign_in("viewer"))
    for index in range(12):
        used(
            ("WIRE", "BOOK", "PEN")[index % 3],
            str(7 - index or 1),
            office="AI" if index % 2 else "",
            day=1 + index % 20,
        )
    return page


def test_no_page_has_an_accessibility_violation_in_either_theme(
    reader_page: "Page", axe: "Callable[[Page], None]"
) -> None:
    for address in ADDRESSES:
        reader_page.goto(address)
        for theme in THEMES:
            # The page follows the system at once, without being loaded again.
            reader_page.emulate_media(color_scheme=theme)
            reader_page.locator(f"html[data-bs-theme={theme}]").wait_for()
            axe(reader_page)


@pytest.mark.parametrize("theme", THEMES)
def test_open_menus_and_the_key_sheet_are_accessible(
    reader_page: "Page", axe: "Callable[[Page], None]", theme: Literal["light", "dark"]
) -> None:
    reader_page.emulate_media(color_scheme=theme)
    reader_page.goto("/sample/?code=BOOK&per_page=25")
    reader_page.get_by_role("button", name="Inventory").click()
    axe(reader_page)
    reader_page.locator(".user-menu > a").click()
    axe(reader_page)
    reader_page.keyboard.press("Escape")
    reader_page.locator(".row-control").first.click()
    axe(reader_page)
    reader_page.keyboard.press("Escape")
    reader_page.locator("main").focus()
    reader_page.keyboard.press("?")
    reader_page.locator("#key-sheet").wait_for(state="visible")
    axe(reader_page)


def test_the_sign_in_page_is_accessible(page: "Page", axe: "Callable[[Page], None]") -> None:
    page.goto("/sign-in/")
    axe(page)


@pytest.mark.parametrize("width", [1280, 800])
def test_only_the_table_scrolls_sideways_never_the_page(reader_page: "Page", width: int) -> None:
    reader_page.set_viewport_size({"width": width, "height": 800})
    for address in ADDRESSES:
        reader_page.goto(address)
        assert reader_page.evaluate("() => document.documentElement.scrollWidth <= window.innerWidth"), address


def test_heading_and_totals_stay_in_sight(reader_page: "Page") -> None:
    reader_page.goto("/sample/?group=code")
    reader_page.locator(".table-frame").evaluate("frame => frame.scrollTo(0, 300)")
    for part in ("thead th >> nth=0", "tfoot th"):
        assert reader_page.locator(f".records {part}").evaluate(
            """cell => {
              const box = cell.getBoundingClientRect();
              const top = document.elementFromPoint(box.x + 5, box.y + box.height / 2);
              return cell.contains(top);
            }"""
        ), part


def test_the_keyboard_reaches_search_rows_and_lists(reader_page: "Page") -> None:
    reader_page.goto("/sample/")
    reader_page.keyboard.press("/")
    expect(reader_page.locator("[name=q]")).to_be_focused()
    reader_page.keyboard.press("Escape")
    reader_page.locator("main").focus()
    reader_page.keyboard.press("j")
    reader_page.keyboard.press("j")
    reader_page.keyboard.press("k")
    expect(reader_page.locator("tbody tr").first).to_have_attribute("class", "is-chosen")
    reader_page.keyboard.press("Enter")
    reader_page.wait_for_url(re.compile(r"/sample/\d+/$"))
    reader_page.keyboard.press("g")
    reader_page.keyboard.press("o")
    reader_page.wait_for_url("**/inventory/offices/")


def test_the_shortcuts_can_be_switched_off_for_good(reader_page: "Page") -> None:
    reader_page.goto("/sample/")
    reader_page.keyboard.press("?")
    reader_page.get_by_label("Use these shortcuts").uncheck()
    reader_page.get_by_role("button", name="Close").click()
    reader_page.reload()
    reader_page.keyboard.press("j")
    expect(reader_page.locator("tr.is-chosen")).to_have_count(0)


def test_a_chosen_theme_is_remembered_before_anything_is_painted(reader_page: "Page") -> None:
    reader_page.goto("/sample/")
    reader_page.locator(".user-menu > a").click()
    reader_page.get_by_role("button", name="Dark").click()
    expect(reader_page.locator("html")).to_have_attribute("data-bs-theme", "dark")
    reader_page.goto("/inventory/offices/", wait_until="commit")
    reader_page.locator("main").wait_for()
    expect(reader_page.locator("html")).to_have_attribute("data-bs-theme", "dark")


def test_empty_fields_stay_out_of_the_address(reader_page: "Page") -> None:
    reader_page.goto("/sample/?sort=-quantity&group=code")
    reader_page.get_by_label("Code", exact=True).fill("WIRE")
    reader_page.get_by_role("button", name="Find", exact=True).click()
    reader_page.wait_for_url("**/sample/?*code=WIRE*")
    query = reader_page.url.partition("?")[2]
    assert sorted(query.split("&")) == ["code=WIRE", "group=code", "sort=-quantity"]


def test_totals_of_a_large_found_set_arrive_by_themselves(reader_page: "Page") -> None:
    reader_page.goto("/sample/apart/?code=WIRE")
    total = reader_page.locator("tfoot [data-total=quantity]")
    total.wait_for()
    expect(total).to_have_text("10")


def test_a_row_is_taken_out_of_the_found_set_and_brought_back(reader_page: "Page") -> None:
    reader_page.goto("/sample/?code=WIRE")
    reader_page.get_by_role("link", name="Omit").first.click()
    reader_page.get_by_text("1 row omitted").wait_for()
    expect(reader_page.locator("tbody tr")).to_have_count(3)
    reader_page.get_by_text("1 row omitted").click()
    reader_page.wait_for_url("**/sample/?code=WIRE")
    expect(reader_page.locator("tbody tr")).to_have_count(4)


def test_every_control_is_large_enough_to_hit(reader_page: "Page") -> None:
    reader_page.goto("/sample/?group=code&code=WIRE")
    small = reader_page.evaluate(
        """() => Array.from(document.querySelectorAll("main a, main button, main input, main select, header a"))
             .filter(element => element.checkVisibility())
             .map(element => [element.outerHTML.slice(0, 80), element.getBoundingClientRect()])
             .filter(([, box]) => box.height < 23.5 || box.width < 23.5)
             .map(([html, box]) => `${html} ${box.width}x${box.height}`)"""
    )
    assert small == []


def test_everything_works_without_scripts(browser: "Browser", live_site: "LiveServer", reader_page: "Page") -> None:
    context = browser.new_context(
        base_url=live_site.url, java_script_enabled=False, storage_state=reader_page.context.storage_state()
    )
    page = context.new_page()
    page.goto("/sample/?code=WIRE")
    page.get_by_role("button", name="Inventory").click()
    page.wait_for_url("**/menu/#inventory")
    page.get_by_role("link", name="Offices").click()
    page.wait_for_url("**/inventory/offices/")
    page.goto("/sample/")
    page.get_by_label("Quantity from").fill("5")
    page.get_by_role("button", name="Find", exact=True).click()
    expect(page.locator("tbody tr")).to_have_count(3)
    page.goto("/sample/apart/?code=WIRE")
    page.get_by_role("link", name="Show totals").click()
    expect(page.locator("tfoot [data-total=quantity]")).to_have_text("10")
    context.close()
