"""A transfer between offices moves what is in lots: it draws on lots that were there before, and never on its own."""

from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse

from inventory_site.document_forms import LineError
from lots.models import InventoryLot, Preference
from lots.services import lot_record
from tests.factories import day, make_code, make_lot, make_office, make_usage
from tests.reconciliation.records import culprits, run_now
from tests.usage.adjustments import AT, everything, line, pending, posted, serialized, tracked
from usage.adjusting import adjustment_post, adjustment_void, warnings
from usage.models import InventoryAdjustment, InventoryUsage, LotFeed, OpenUsage
from usage.services import restriction_release

pytestmark = pytest.mark.django_db


@pytest.fixture(params=[False, True], ids=["together", "apart"])
def offices(request: pytest.FixtureRequest) -> bool:
    """Whether offices are kept apart."""
    Preference.objects.update(prevent_inter_office=request.param)
    return bool(request.param)


def move(*lines: dict[str, object]) -> InventoryAdjustment:
    return pending("TRANSFER", *lines, office=make_office("AI"), to_office=make_office("NY"))


def refused(adjustment: InventoryAdjustment) -> tuple[int, str]:
    """The line that posting is refused for, and why; nothing moved."""
    before = everything()
    with pytest.raises(LineError) as refusal:
        adjustment_post(adjustment=adjustment, by=None, at=AT)
    assert everything() == before
    adjustment.refresh_from_db()
    assert adjustment.status == "PENDING"
    return refusal.value.index, str(refusal.value.message)


def test_what_is_not_there_cannot_be_moved(offices: bool) -> None:
    make_code("WIRE")
    index, why = refused(move(line("WIRE", "10")))
    assert index == 0
    assert "none of WIRE to move, not 10" in why
    assert "Receive the rest first" in why


def test_no_more_than_lots_hold_can_be_moved(offices: bool) -> None:
    make_lot("BOOK", received="50", office="AI")
    make_lot("WIRE", received="20", office="AI")
    make_usage("WIRE", "7", office="AI")
    run_now()
    draft = move(line("BOOK", "50"), line("WIRE", "100"))
    index, why = refused(draft)
    assert index == 1
    assert "13 of WIRE to move, not 100" in why
    assert [(warning.position, "13 of WIRE" in warning.text) for warning in warnings(draft)] == [(2, True)]
    posted("TRANSFER", line("WIRE", "13"), office=make_office("AI"), to_office=make_office("NY"))
    run_now()
    assert not OpenUsage.objects.exists()
    assert culprits() == {}


def test_what_is_used_and_not_yet_reconciled_cannot_be_moved(offices: bool) -> None:
    make_lot("WIRE", received="20", office="AI")
    make_usage("WIRE", "7", office="AI")
    assert "13 of WIRE to move, not 14" in refused(move(line("WIRE", "14")))[1]


def test_two_lines_cannot_move_the_same_goods(offices: bool) -> None:
    make_lot("WIRE", received="20", office="AI")
    index, why = refused(move(line("WIRE", "12", bin="A"), line("WIRE", "12", bin="B")))
    assert (index, "8 of WIRE to move, not 12" in why) == (1, True)


def test_goods_of_a_manufacturer_lot_are_moved_from_its_own_lots(offices: bool) -> None:
    code = tracked()
    for name in ("M-1", "M-2"):
        lot_record(
            code=code, quantity=Decimal(5), value=Decimal(50), received_at=day(1), office=make_office("AI"),
            manufacturer_lot=name,
        )  # fmt: skip
    assert "5 of GLUE to move, not 6" in refused(move(line("GLUE", "6", manufacturer_lot="M-1")))[1]


def test_a_transfer_is_tied_to_the_lots_that_were_there(offices: bool) -> None:
    lot = make_lot("WIRE", received="10", value="100", office="AI")
    posted("TRANSFER", line("WIRE", "10"), office=make_office("AI"), to_office=make_office("NY"))
    usage = InventoryUsage.objects.get()
    assert [row.lot for row in usage.restrictions.all()] == [lot]
    # Somebody else takes the goods first: the transfer waits for them, and does not feed on what it brought.
    make_usage("WIRE", "4", on_day=2, office="AI")
    run_now()
    brought = LotFeed.objects.get().lot
    assert (OpenUsage.objects.get().usage, brought.quantity_used) == (usage, 0)
    with pytest.raises(ValidationError, match="must not draw on what it brought"):
        restriction_release(usage=usage, by=None, at=AT)
    posted("BEGINNING_BALANCE", line("WIRE", "4", unit_cost="10", into_lot=lot), office=make_office("AI"))
    run_now()
    brought.refresh_from_db()
    assert (brought.value, OpenUsage.objects.count()) == (100, 0)
    assert culprits() == {}


def test_a_transfer_that_was_a_typo_can_be_void(offices: bool) -> None:
    make_lot("WIRE", received="13", value="130", office="AI")
    moved = posted("TRANSFER", line("WIRE", "13"), office=make_office("AI"), to_office=make_office("NY"))
    run_now()
    adjustment_void(adjustment=moved, by=None, at=day(30))
    run_now()
    assert [lot.quantity_current for lot in InventoryLot.objects.order_by("pk")] == [13, 0]
    assert culprits() == {}


def test_the_page_that_posts_names_the_line(clerk: Client) -> None:
    make_lot("BOOK", received="50", office="AI")
    make_code("WIRE")
    draft = move(line("BOOK", "5"), line("WIRE", "100"))
    page = clerk.get(reverse("usage:adjustment_post", args=[draft.pk]))
    assert [text.startswith("Line 2: There are none of WIRE") for text in page.context["refusals"]] == [True]
    assert page.context["warnings"] == []


# -- Units -------------------------------------------------------------------------------------------
def test_a_unit_that_was_moved_is_lost_where_it_is_now(offices: bool, clerk: Client) -> None:
    serialized()
    posted("BEGINNING_BALANCE", line("SAW", "1", serials="S1"), office=make_office("AI"))
    posted("TRANSFER", line("SAW", "1", serials="S1"), office=make_office("AI"), to_office=make_office("NY"))
    run_now()
    make_lot("WIRE", received="5", office="AI")
    lost = pending("LOSS", line("WIRE", "1"), line("SAW", "1", serials="S1"), office=make_office("AI"))
    before = everything()
    with pytest.raises(ValidationError) as refusal:
        adjustment_post(adjustment=lost, by=None, at=AT)
    assert everything() == before
    [error] = refusal.value.error_list
    assert isinstance(error, LineError)
    assert (error.index, error.field) == (1, "serials")
    said = "Serial number S1 of SAW is not in stock at AI. It is at NY."
    assert str(error.message) == said
    # It is said as soon as it is saved, and again where it would be posted.
    assert (2, said) in warnings(lost)
    assert clerk.get(reverse("usage:adjustment_post", args=[lost.pk])).context["refusals"] == [f"Line 2: {said}"]
    posted("LOSS", line("SAW", "1", serials="S1"), office=make_office("NY"))
    run_now()
    assert not OpenUsage.objects.exists()
    assert culprits() == {}
