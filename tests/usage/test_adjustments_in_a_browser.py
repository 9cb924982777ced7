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
