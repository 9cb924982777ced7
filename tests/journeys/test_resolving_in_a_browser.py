"""From Find Open Inventory Usage to nothing open, in a browser, with the clicks counted; and the pages as pictures."""

from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from django.contrib.auth.models import User
from django.urls import reverse
from playwright.sync_api import expect

from lots.models import CostPool, InventoryLot
from reconciliation.models import ReconciliationRun
from reconciliation.runner import work
from tests.factories import make_code, make_guide_list, make_lot, make_usage, reconcile
from tests.harness.people import Role
from usage.models import InventoryAdjustment

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

    from tests.harness.browser import PageGuard


class Clicks:
    """Clicks, and counts them."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, target: "Locator") -> None:
        target.click()
        self.count += 1


@pytest.mark.demo_data
def test_the_french_manual_of_the_demo_data_is_resolved_in_less_than_ten_clicks(
    page: "Page", sign_in: Callable[[Role], User]
) -> None:
    sign_in("clerk")
    click = Clicks()
    page.goto("/")
    click(page.get_by_role("link", name="Find Open Inventory Usage"))
    click(page.get_by_role("link", name="Resolve TM-FRNCH3"))
    expect(page.get_by_text("Everything closes in 2 passes")).to_be_visible()
    click(page.get_by_role("button", name="Post and reconcile"))
    expect(page.get_by_text("is posted. This run reconciles TM-FRNCH3.")).to_be_visible()
    # What a worker does while the page looks on.
    work(run_id=ReconciliationRun.objects.latest("pk").pk)
    expect(page.locator("#run-state")).to_contain_text("Finished")
    click(page.get_by_role("link", name="Go to result of TM-FRNCH3"))
    click(page.get_by_role("link", name="Go to code TM-FRNCH3"))
    expect(page.get_by_text("Nothing is unallocated")).to_be_visible()
    assert click.count < 10
    assert CostPool.objects.get(code__code="TM-FRNCH3").open_count == 0
    lot = InventoryLot.objects.get(source_number=InventoryAdjustment.objects.latest("pk").number)
    assert (lot.quantity_received, lot.quantity_current, lot.status) == (125, 0, "CLOSED")


@pytest.fixture
def bench(page: "Page", sign_in: Callable[[Role], User]) -> "Page":
    sign_in("clerk")
    make_guide_list()
    for place, quantity in enumerate(("2", "4", "4", "-10", "3", "-3")):
        make_usage("SIX", quantity, on_day=2 + place, source=f"SHIP-6100{place}")
    tied = make_lot("TIED", received="2", value="4.00", order="60070")
    make_lot("TIED", received="10", value="30.00")
    make_usage("TIED", "5", on_day=9, only_lots=[tied], source="SHIP-61010", order="60070")
    make_usage("NEG", "3", source="SHIP-61011")
    make_usage("NEG", "-20", on_day=6, source="INVTRYADJ-50001")
    reconcile()
    return page


def open_bench(page: "Page", code: str) -> None:
    page.goto(reverse("reconciliation:resolve_code", args=[make_code(code).pk]))


def test_the_preview_follows_the_quantity_while_it_is_typed(bench: "Page") -> None:
    open_bench(bench, "SIX")
    quantity = bench.get_by_label("Quantity", exact=True)
    for m, passes, drawn in (("1", "14", "14"), ("13", "2", "26"), ("50", "2", "63")):
        quantity.fill(m)
        expect(bench.locator("#preview")).to_contain_text(f"Everything closes in {passes} passes")
        expect(bench.locator(".preview-figures")).to_contain_text(f"Drawn{drawn}")
    quantity.fill("many")
    expect(bench.locator("#preview")).to_contain_text("Nothing to preview")
    assert not InventoryAdjustment.objects.exists()


def test_what_was_typed_last_is_what_is_posted(bench: "Page") -> None:
    open_bench(bench, "NEG")
    bench.get_by_label("Unit cost").fill("3.50")
    expect(bench.locator(".preview-lines")).to_contain_text("70.00")
    bench.get_by_role("button", name="Post and reconcile").click()
    expect(bench.get_by_text("This run reconciles NEG.")).to_be_visible()
    lot = InventoryLot.objects.get(source_number=InventoryAdjustment.objects.get().number)
    assert (lot.quantity_received, lot.value) == (20, Decimal("70.00"))


def test_records_that_changed_meanwhile_are_shown_and_nothing_is_posted(bench: "Page", page_guard: "PageGuard") -> None:
    page_guard.allow("409")
    open_bench(bench, "SIX")
    make_usage("SIX", "7", on_day=20)
    bench.get_by_role("button", name="Post and reconcile").click()
    expect(bench.get_by_role("alert")).to_contain_text("Nothing was posted")
    assert not InventoryAdjustment.objects.exists()


def test_several_codes_are_chosen_and_posted_at_once(bench: "Page") -> None:
    bench.keyboard.press("Escape")
    bench.goto("/")
    bench.keyboard.press("g")
    bench.keyboard.press("x")
    bench.get_by_label("Select all on this page").check()
    bench.get_by_role("button", name="Resolve selected").click()
    expect(bench.get_by_role("row")).to_have_count(7)
    bench.get_by_role("button", name="Post and reconcile").click()
    expect(bench.get_by_text("6 of 6 posted.")).to_be_visible()
    work(run_id=ReconciliationRun.objects.latest("pk").pk)
    assert not CostPool.objects.filter(open_count__gt=0).exists()


@pytest.mark.parametrize("width", [1280, 800])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_workbench_has_no_accessibility_violation(
    width: int, theme: str, bench: "Page", axe: "Callable[[Page], None]", screenshot: "Callable[[Page, str], None]"
) -> None:
    pools = "&".join(f"pool={pk}" for pk in CostPool.objects.filter(open_count__gt=0).values_list("pk", flat=True))
    pages = {"list": reverse("reconciliation:resolve"), "grouped": f"{reverse('reconciliation:resolve')}?group=form"}
    pages["selected"] = f"{reverse('reconciliation:resolve_selected')}?{pools}"
    for code in ("TM-FRNCH3", "TIED", "NEG"):
        pages[code] = reverse("reconciliation:resolve_code", args=[make_code(code).pk])
    bench.set_viewport_size({"width": width, "height": 900})
    bench.goto("/")
    bench.evaluate("theme => localStorage.setItem('lotwise-theme', theme)", theme)
    for name, address in pages.items():
        bench.goto(address)
        axe(bench)
        screenshot(bench, f"resolve-{name}-{width}-{theme}")
        assert bench.evaluate("document.documentElement.scrollWidth") <= width
