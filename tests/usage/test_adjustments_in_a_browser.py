"""Inventory adjustments as people enter them: a count by keyboard alone; every page in both themes, wide and narrow."""

from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from django.contrib.auth.models import User
from django.urls import reverse
from playwright.sync_api import expect

from lots.models import LineItemCode
from lots.services import lot_record
from tests.factories import day, make_code, make_office, make_usage
from tests.harness.people import Role
from tests.reconciliation.records import run_now
from tests.site.test_documents_in_a_browser import paste
from tests.usage.adjustments import line, pending, posted
from usage.models import InventoryAdjustment

if TYPE_CHECKING:
    from playwright.sync_api import Page


@pytest.fixture
def stocked(page: "Page", sign_in: Callable[[Role], User]) -> "Page":
    sign_in("clerk")
    make_code("WIRE", cost="1.99", description="16 Gauge Copper Wire")
    make_code("GLUE", cost="4.50", description="Wood Glue")
    for code, quantity, bin in (("WIRE", "1000", "A-1"), ("WIRE", "40.5", "B-2"), ("GLUE", "12", "A-1")):
        lot_record(
            code=make_code(code),
            quantity=Decimal(quantity),
            value=Decimal(quantity) * 2,
            received_at=day(1),
            office=make_office("AI"),
            bin=bin,
        )
    make_usage("WIRE", "30", office="AI")
    LineItemCode.objects.update(category="Workshop")
    run_now()
    return page


def test_a_count_is_entered_by_keyboard_and_posted(stocked: "Page") -> None:
    page = stocked
    page.goto(f"{reverse('usage:adjustment_create')}?type=COUNT")
    page.get_by_label("Office").select_option(label="AI")
    for index, code in enumerate(("GLUE", "WIRE")):
        page.locator(f"[name=lines-{index}-code]").fill(code)
    page.locator("[name=lines-0-count]").focus()
    page.keyboard.type("2*5")
    page.keyboard.press("Enter")
    page.keyboard.type("1010.5")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Count INVTRYADJ-60000")
    page.get_by_role("link", name="Post").click()
    expect(page.get_by_text("Posting makes exactly this")).to_be_visible()
    page.get_by_role("button", name="Post Inventory Adjustment").click()
    expect(page.get_by_text("reconciled in a moment")).to_be_visible()
    counted = InventoryAdjustment.objects.get()
    assert counted.status == "POSTED"
    assert [row.quantity for row in counted.lines.all()] == [-2, 0]


def test_the_balance_and_the_difference_show_as_a_count_is_typed(stocked: "Page") -> None:
    page = stocked
    page.goto(f"{reverse('usage:adjustment_create')}?type=COUNT")
    page.get_by_label("Office").select_option(label="AI")
    balance = page.locator("td[data-field=system_balance]").first
    adjustment = page.locator("[name=lines-0-quantity]")
    page.locator("[name=lines-0-code]").fill("WIRE")
    page.locator("[name=lines-0-bin]").fill("A-1")
    page.locator("[name=lines-0-count]").focus()
    expect(balance).to_have_text("1,000")
    page.keyboard.type("12*80")
    expect(adjustment).to_have_attribute("placeholder", "-40")
    expect(page.locator("[data-total-of=quantity]")).to_have_text("-40")
    # Before the goods came in there were none.
    page.get_by_label("Counted at").fill("2020-01-01T09:00")
    page.locator("[name=lines-0-count]").focus()
    expect(balance).to_have_text("0")
    expect(adjustment).to_have_attribute("placeholder", "960")


def test_cells_are_pasted_into_a_count_as_they_are_shown(stocked: "Page") -> None:
    page = stocked
    page.goto(f"{reverse('usage:adjustment_create')}?type=COUNT")
    page.get_by_label("Office").select_option(label="AI")

    def expect_typed(*lines: tuple[str, ...]) -> None:
        for place, values in enumerate(lines):
            for name, value in zip(("code", "bin", "count", "quantity"), values, strict=True):
                expect(page.locator(f"[name=lines-{place}-{name}]")).to_have_value(value)

    page.locator("[name=lines-0-code]").focus()
    paste(page, "WIRE\tA-1\t1000\t990\nGLUE\tA-1\t12\t11\n")
    expect_typed(("WIRE", "A-1", "990", ""), ("GLUE", "A-1", "11", ""))
    expect(page.locator("[data-lines-said]")).to_have_text("Lines pasted: 2. Not read: system balance.")
    expect(page.locator("[name=lines-0-quantity]")).to_have_attribute("placeholder", "-10")
    # As a sheet gives them: the headings say what is what.
    page.locator("[name=lines-0-code]").focus()
    heading = "Code\tDescription\tBin\tSystem balance\tCount\n"
    paste(page, f"{heading}GLUE\tWood Glue\tA-1\t12\t10\nWIRE\tWire\tB-2\t40.5\t40\n")
    expect_typed(("GLUE", "A-1", "10", ""), ("WIRE", "B-2", "40", ""))
    expect(page.locator("[data-lines-said]")).to_have_text("Lines pasted: 2. Not read: Description, System balance.")


def test_500_lines_are_pasted_in_one_go(stocked: "Page") -> None:
    page = stocked
    page.goto(f"{reverse('usage:adjustment_create')}?type=COUNT")
    page.locator("[name=lines-0-code]").focus()
    paste(page, "".join(f"WIRE\tA-{number}\t\t{number}\n" for number in range(500)))
    expect(page.locator("[name=lines-TOTAL_FORMS]")).to_have_value("500")
    expect(page.locator("[name=lines-499-count]")).to_have_value("499")


@pytest.fixture
def addresses(stocked: "Page") -> dict[str, str]:
    """Each page by a short name."""
    office = make_office("AI")
    warned = pending("COUNT", line("GLUE", count="20"), line("WIRE", count="960", bin="A-1"), office=office)
    opening = pending("BEGINNING_BALANCE", line("WIRE", "60"), line("GLUE", "5", unit_cost="4.25"))
    built = posted(
        "ASSEMBLY",
        line("WIRE", "4", role="COMPONENT"),
        line("GLUE", "1", role="COMPONENT"),
        line("LAMP", "2", role="PRODUCT", bin="OUT"),
        office=office,
    )
    divided = pending(
        "DIVISION",
        line("WIRE", "4", role="COMPONENT"),
        line("LONG", "1", role="PRODUCT"),
        line("SHORT", "2", role="PRODUCT"),
        office=office,
    )
    create = reverse("usage:adjustment_create")
    return {
        "list": reverse("usage:adjustments"),
        "new-opening": f"{create}?type=BEGINNING_BALANCE",
        "new-transfer": f"{create}?type=TRANSFER",
        "edit-division": reverse("usage:adjustment_edit", args=[divided.pk]),
        "division": divided.get_absolute_url(),
        "count": warned.get_absolute_url(),
        "assembly": built.get_absolute_url(),
        "post": reverse("usage:adjustment_post", args=[opening.pk]),
        "void": reverse("usage:adjustment_void", args=[built.pk]),
        "sheet": f"{reverse('usage:count_sheet')}?balance=on",
        "count-these": f"{create}?type=COUNT&sheet=1",
        "upload": reverse("usage:count_upload"),
    }


@pytest.mark.parametrize(
    "names",
    [
        ("list", "division", "assembly"),
        ("new-opening", "new-transfer", "edit-division"),
        ("count", "post", "void"),
        ("sheet", "count-these", "upload"),
    ],
    ids=lambda names: names[0],
)
def test_pages_are_accessible(
    stocked: "Page",
    addresses: dict[str, str],
    axe: Callable[["Page"], None],
    screenshot: Callable[["Page", str], None],
    names: tuple[str, ...],
) -> None:
    for name in names:
        stocked.set_viewport_size({"width": 1280, "height": 800})
        stocked.emulate_media(color_scheme="light")
        stocked.goto(addresses[name])
        axe(stocked)
        screenshot(stocked, f"adjustment-{name}-light")
        stocked.set_viewport_size({"width": 800, "height": 800})
        stocked.emulate_media(color_scheme="dark")
        axe(stocked)
        screenshot(stocked, f"adjustment-{name}-dark")
        width = stocked.evaluate("() => document.documentElement.scrollWidth")
        assert width <= 800, f"{name} is {width} px wide"


def test_a_sheet_is_printed_without_the_site_around_it(
    stocked: "Page", screenshot: Callable[["Page", str], None]
) -> None:
    stocked.emulate_media(media="print")
    stocked.goto(reverse("usage:count_sheet"))
    expect(stocked.get_by_text("Counted by")).to_be_visible()
    expect(stocked.get_by_role("button", name="Show")).to_be_hidden()
    screenshot(stocked, "adjustment-sheet-print")
