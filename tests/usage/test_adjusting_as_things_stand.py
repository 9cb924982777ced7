"""Adjustments between saving and posting, and once the offices parted: what is refused, warned about, undone."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from lots.models import InventoryLot, RecordHistory
from reconciliation.preferences import preference_set
from tests.factories import day, make_code, make_lot, make_office, make_usage
from tests.reconciliation.records import culprits, run_now
from tests.usage.adjustments import AT, everything, line, movements, pending, posted, serialized, tracked, usages_of
from tests.usage.order_records import line_of, make_order, make_shipment
from usage.adjusting import adjustment_post, adjustment_void, warnings, why_not_void
from usage.adjustment_preview import planned_records
from usage.models import InventoryAdjustment, InventoryUsage, OpenUsage
from usage.shipping import shipment_ship

pytestmark = pytest.mark.django_db


def part_offices() -> None:
    preference_set(name="prevent_inter_office", value="on", by=None, now=timezone.now())


def said(adjustment: InventoryAdjustment) -> list[str]:
    """Warnings about lines."""
    return [warning.text for warning in warnings(adjustment) if warning.position is not None]


# -- What changed since it was saved -----------------------------------------------------------------
def test_an_adjustment_without_an_office_is_not_posted_once_each_office_has_costs_of_its_own(clerk: Client) -> None:
    make_lot("WIRE", received="10", office="AI")
    lost = pending("LOSS", line("WIRE", "3"))
    part_offices()
    before = everything()
    with pytest.raises(ValidationError, match=r"names no office.*Edit it, and name the office"):
        adjustment_post(adjustment=lost, by=None, at=AT)
    assert everything() == before
    page = clerk.get(reverse("usage:adjustment_post", args=[lost.pk]))
    assert "names no office" in page.context["refusals"][0]
    pending("LOSS", line("WIRE", "3"), adjustment=lost, office=make_office("AI"))
    assert adjustment_post(adjustment=lost, by=None, at=AT).status == "POSTED"


def test_the_preview_of_posting_refuses_a_date_that_posting_refuses(clerk: Client) -> None:
    now = timezone.now()
    lost = pending("LOSS", line("WIRE", "3"), on=now + timedelta(days=40))
    with pytest.raises(ValidationError, match="Nothing was posted") as refusal:
        adjustment_post(adjustment=lost, by=None, at=now)
    with pytest.raises(ValidationError) as foretold:
        planned_records(lost, at=now)
    assert foretold.value.messages == refusal.value.messages
    page = clerk.get(reverse("usage:adjustment_post", args=[lost.pk]))
    assert page.context["refusals"] == refusal.value.messages
    assert len(planned_records(lost, at=now + timedelta(days=40))) == 2


# -- Offices that parted -----------------------------------------------------------------------------
def test_a_loss_of_a_manufacturer_lot_at_another_office_can_be_void_once_offices_are_apart() -> None:
    here, there = make_office("AI"), make_office("BO")
    tracked("GLUE")
    posted("BEGINNING_BALANCE", line("GLUE", "10", unit_cost="7", manufacturer_lot="L1"), office=here, on=day(1))
    lost = posted("LOSS", line("GLUE", "2", manufacturer_lot="L1"), office=there)
    part_offices()
    assert why_not_void(lost) == ""
    assert adjustment_void(adjustment=lost, by=None, at=day(30)).status == "VOID"
    assert usages_of(lost) == [("GLUE", 2), ("GLUE", -2)]
    run_now()
    assert not OpenUsage.objects.filter(is_restricted=True).exists()
    assert culprits() == {}
    usage = InventoryUsage.objects.get(source_number=lost.number, quantity=2)
    assert "kept apart" in RecordHistory.objects.get(number=usage.history_name, action="Let go").note
    # What comes in serves the one and takes back the other.
    make_lot("GLUE", received="5", value="50", office="BO", on_day=31)
    run_now()
    assert not OpenUsage.objects.exists()
    assert InventoryLot.objects.latest("pk").quantity_used == 0
    assert culprits() == {}


def test_what_can_be_served_by_one_of_its_lots_is_void_on_that_one() -> None:
    here, there = make_office("AI"), make_office("BO")
    tracked("GLUE")
    posted("BEGINNING_BALANCE", line("GLUE", "10", unit_cost="7", manufacturer_lot="L1"), office=here, on=day(1))
    posted("TRANSFER", line("GLUE", "4", manufacturer_lot="L1"), office=here, to_office=there)
    lost = posted("LOSS", line("GLUE", "2", manufacturer_lot="L1"), office=there)
    part_offices()
    adjustment_void(adjustment=lost, by=None, at=day(30))
    mirror = InventoryUsage.objects.get(source_number=lost.number, quantity=-2)
    assert [row.lot.office for row in mirror.restrictions.all()] == [there]
    run_now()
    assert not OpenUsage.objects.exists()
    assert culprits() == {}


def test_a_transfer_out_of_another_offices_lots_says_why_it_cannot_be_void_and_what_to_do(clerk: Client) -> None:
    here, there = make_office("AI"), make_office("BO")
    make_lot("WIRE", received="10", value="100", office="BO")
    moved = posted("TRANSFER", line("WIRE", "4"), office=here, to_office=there)
    part_offices()
    assert "Switch inter-office COGS on again" in why_not_void(moved)
    before = everything()
    with pytest.raises(ValidationError, match="tied to lots of another office"):
        adjustment_void(adjustment=moved, by=None, at=day(30))
    assert everything() == before
    assert "tied to lots of another office" in clerk.get(moved.get_absolute_url()).content.decode()
    preference_set(name="prevent_inter_office", value="off", by=None, now=timezone.now())
    assert adjustment_void(adjustment=moved, by=None, at=day(30)).status == "VOID"
    run_now()
    assert culprits() == {}


# -- Counts that move goods from bin to bin ----------------------------------------------------------
def test_a_count_moves_a_manufacturer_lot_from_bin_to_bin() -> None:
    tracked("GLUE")
    posted("BEGINNING_BALANCE", line("GLUE", "10", unit_cost="1", manufacturer_lot="L1", bin="A"), on=day(1))
    with pytest.raises(ValidationError, match="exceeds the previously used quantity 0"):
        pending(
            "COUNT",
            line("GLUE", count="5", manufacturer_lot="L1", bin="A"),
            line("GLUE", count="6", manufacturer_lot="L1", bin="B"),
        )
    for bins in (("A", "B"), ("B", "A")):
        lines = [line("GLUE", count="5", manufacturer_lot="L1", bin=bin) for bin in bins]
        moved = pending("COUNT", *lines)
        assert not [text for text in said(moved) if "a Beginning Balance is meant" in text]
    posted("COUNT", *lines)
    assert movements(InventoryAdjustment.objects.latest("pk")) == [("GLUE", "", "A", -5), ("GLUE", "", "B", 5)]
    run_now()
    assert not OpenUsage.objects.exists()
    assert InventoryLot.objects.get().quantity_used == 0
    assert culprits() == {}


@pytest.mark.parametrize("bins", [("A", "B"), ("B", "A")])
def test_a_count_moves_a_serial_number_from_bin_to_bin_whichever_line_comes_first(bins: tuple[str, str]) -> None:
    serialized("SAW")
    posted("BEGINNING_BALANCE", line("SAW", "2", unit_cost="1", serials="S1\nS2", bin="A"), on=day(1))
    counted = posted("COUNT", *[line("SAW", count="1", serials="S2", bin=bin) for bin in bins])
    assert movements(counted) == [("SAW", "", "A", -1), ("SAW", "", "B", 1)]
    run_now()
    assert not OpenUsage.objects.exists()
    adjustment_void(adjustment=counted, by=None, at=day(30))
    run_now()
    assert culprits() == {}


# -- More than is there ------------------------------------------------------------------------------
def test_taking_more_of_a_manufacturer_lot_than_there_is_is_warned_about() -> None:
    tracked("GLUE")
    posted("BEGINNING_BALANCE", line("GLUE", "10", unit_cost="1", manufacturer_lot="L1"), on=day(1))
    assert said(pending("LOSS", line("GLUE", "10", manufacturer_lot="L1"))) == []
    over = (
        "Manufacturer lot L1 holds 10 of GLUE, and 11 are taken from it: check its name, or enter first what came in."
    )
    assert said(pending("LOSS", line("GLUE", "11", manufacturer_lot="L1"))) == [over]
    assert said(pending("LOSS", *[line("GLUE", "5.5", manufacturer_lot="L1") for _ in range(2)])) == [over]
    assert said(pending("BEGINNING_BALANCE", line("GLUE", "-11", manufacturer_lot="L1"))) == [over]


def test_taking_more_out_of_a_bin_than_it_holds_is_warned_about(clerk: Client) -> None:
    here = make_office("AI")
    posted("BEGINNING_BALANCE", line("WIRE", "10", unit_cost="1", bin="A"), office=here, on=day(1))
    posted("BEGINNING_BALANCE", line("WIRE", "10", unit_cost="1", bin="TYPO"), office=make_office("BO"), on=day(1))
    assert said(pending("LOSS", line("WIRE", "10", bin="A"), office=here)) == []
    lost = pending("LOSS", line("WIRE", "5", bin="TYPO"), office=here)
    text = "Bin TYPO holds 0 of WIRE, and 5 are taken from it"
    assert [warning[: len(text)] for warning in said(lost)] == [text]
    for name in ("usage:adjustment", "usage:adjustment_post"):
        assert text in clerk.get(reverse(name, args=[lost.pk])).content.decode()
    moved = pending("TRANSFER", line("WIRE", "500", bin="TYPO", to_bin="B"), office=here)
    assert "Bin TYPO holds 0 of WIRE, and 500 are taken" in said(moved)[0]
    both = pending("BEGINNING_BALANCE", line("WIRE", "1"), line("WIRE", "-9", bin="TYPO"), office=here)
    assert [warning.position for warning in warnings(both)] == [1, 2]
    # What one line brings, another may take.
    there = pending("BEGINNING_BALANCE", line("WIRE", "3", unit_cost="1", bin="N"), line("WIRE", "-3", bin="N"))
    assert said(there) == []


# -- More than can be recorded -----------------------------------------------------------------------
def test_usage_that_cannot_be_summed_up_is_refused_in_words(clerk: Client) -> None:
    make_code("WIRE", cost="0.01")
    make_usage("WIRE", "5")
    lost = pending("LOSS", line("WIRE", "999999999999"), office=make_office("AI"))
    before = everything()
    with pytest.raises(ValidationError, match="All usage of WIRE together would be more than can be recorded"):
        adjustment_post(adjustment=lost, by=None, at=AT)
    address = reverse("usage:adjustment_post", args=[lost.pk])
    page = clerk.get(address)
    assert "more than can be recorded" in page.context["refusals"][0]
    assert b"more than can be recorded" in clerk.post(address, follow=True).content
    assert everything() == before


def test_estimated_cost_that_cannot_be_summed_up_is_refused_in_words() -> None:
    make_code("WIRE", cost="900000")
    make_usage("WIRE", "9000000000")
    with pytest.raises(ValidationError, match="estimated costs below"):
        make_usage("WIRE", "9000000000")
    assert OpenUsage.objects.count() == 1


def test_a_shipment_too_large_to_be_recorded_is_refused_in_words() -> None:
    make_usage("WIRE", "5")
    order = make_order(("WIRE", "999999999998"))
    shipment = make_shipment((line_of(order, "WIRE"), "999999999998"))
    before = everything()
    with pytest.raises(ValidationError, match="All usage of WIRE together"):
        shipment_ship(shipment=shipment, by=None, at=AT)
    assert everything() == before


# -- Into a lot --------------------------------------------------------------------------------------
def test_goods_are_added_to_a_lot_at_the_office_where_it_is() -> None:
    lot = make_lot("WIRE", received="5", value="50", office="AI")
    before = everything()
    for office in (make_office("BO"), None):
        with pytest.raises(ValidationError, match="is at AI: only an adjustment of that office"):
            pending("BEGINNING_BALANCE", line("WIRE", "7", unit_cost="1", into_lot=lot), office=office)
    assert everything() == before
    grown = posted("BEGINNING_BALANCE", line("WIRE", "7", unit_cost="1", into_lot=lot), office=make_office("AI"))
    assert movements(grown) == [("WIRE", "AI", "", Decimal(7))]
