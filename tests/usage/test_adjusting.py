"""Inventory adjustments: what each type makes movement by movement, what it cures and what it costs."""

from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError

from inventory_site.document_forms import LineError
from lots.models import (
    Account,
    CostPool,
    InventoryLot,
    LotCostEvent,
    Preference,
)
from lots.services import lot_record
from tests.factories import day, make_code, make_lot, make_office, make_usage
from tests.lots.purchasing_stories import bill, line_of, lot_of, order_of, receive
from tests.reconciliation.records import culprits, run_now
from tests.usage.adjustments import AT, everything, line, movements, pending, posted, usages_of
from usage.adjusting import (
    adjustment_post,
    on_hand_as_of,
    warnings,
)
from usage.models import AdjustmentRecord, InventoryAdjustment, InventoryUsage, LotFeed, OpenUsage

pytestmark = pytest.mark.django_db


@pytest.fixture
def split() -> None:
    Preference.objects.update(prevent_inter_office=True)


def open_usage() -> int:
    return OpenUsage.objects.count()


# -- Each type, movement by movement -----------------------------------------------------------------
def test_a_count_down_is_usage_and_a_count_up_a_return_charged_to_adjustments() -> None:
    make_lot("WIRE", received="10", value="100")
    make_lot("BOOK", received="5", value="50")
    counted = posted("COUNT", line("WIRE", count="7"), line("BOOK", count="6"))
    assert counted.status == "POSTED"
    assert usages_of(counted) == [("WIRE", 3), ("BOOK", -1)]
    assert movements(counted) == [("WIRE", "", "", -3), ("BOOK", "", "", 1)]
    assert {usage.account.number for usage in InventoryUsage.objects.all() if usage.account} == {"5100"}
    assert InventoryLot.objects.count() == 2
    assert culprits() == {}


def test_a_count_that_agrees_posts_nothing_for_its_line() -> None:
    make_lot("WIRE", received="10", value="100")
    before = everything()
    counted = posted("COUNT", line("WIRE", count="10"))
    assert counted.status == "POSTED"
    assert everything() == before


def test_a_count_is_held_against_on_hand_as_of_its_moment() -> None:
    make_lot("WIRE", received="10", on_day=1)
    make_usage("WIRE", "4", on_day=3)
    make_usage("WIRE", "5", on_day=9)
    counted = pending("COUNT", line("WIRE", count="8"), on=day(5)).lines.get()
    assert (counted.system_balance, counted.quantity) == (6, 2)
    code = make_code("WIRE")
    assert [on_hand_as_of(code=code, office=None, at=day(number)) for number in (1, 3, 9)] == [10, 6, 1]


def test_the_difference_of_a_count_can_be_overridden() -> None:
    make_lot("WIRE", received="10")
    counted = pending("COUNT", line("WIRE", "-1", count="7")).lines.get()
    assert (counted.system_balance, counted.count, counted.quantity) == (10, 7, -1)


def test_bins_of_a_code_are_counted_apart_once_one_is_named() -> None:
    code = make_code("WIRE")
    for quantity, bin in (("10", "A-1"), ("4", "B-2"), ("3", "")):
        lot_record(code=code, quantity=Decimal(quantity), value=Decimal(10), received_at=day(1), bin=bin)
    together = pending("COUNT", line("WIRE", count="17")).lines.get()
    assert (together.system_balance, together.quantity) == (17, 0)
    apart = pending("COUNT", line("WIRE", count="9", bin="A-1"), line("WIRE", count="3"))
    assert [(row.system_balance, row.quantity) for row in apart.lines.all()] == [(10, -1), (3, 0)]


def test_an_office_counts_what_is_there() -> None:
    make_lot("WIRE", received="10", office="AI")
    make_lot("WIRE", received="5", office="BO")
    assert pending("COUNT", line("WIRE", count="5"), office=make_office("BO")).lines.get().quantity == 0


def test_a_loss_is_usage_charged_to_the_account_that_the_adjustment_names() -> None:
    make_lot("WIRE", received="10", value="100")
    damage, _ = Account.objects.get_or_create(number="6100", defaults={"kind": "EXPENSE"})
    lost = posted("LOSS", line("WIRE", "2", bin="A-1"), account=damage, office=make_office("AI"))
    usage = InventoryUsage.objects.get()
    assert (usage.quantity, usage.account, usage.source_number) == (2, damage, lost.number)
    assert movements(lost) == [("WIRE", "AI", "A-1", -2)]
    run_now()
    assert InventoryLot.objects.get().value_used == 20
    assert culprits() == {}


def test_a_beginning_balance_makes_a_lot_per_line_above_zero_and_usage_per_line_below() -> None:
    make_code("BOOK", cost="3.335")
    opened = posted("BEGINNING_BALANCE", line("WIRE", "10", unit_cost="1.5"), line("BOOK", "3"), line("WIRE", "-4"))
    wire, book = InventoryLot.objects.order_by("pk")
    assert (wire.value, book.value, wire.source_number) == (15, Decimal("10.01"), opened.number)
    assert usages_of(opened) == [("WIRE", 4)]
    assert movements(opened) == [("WIRE", "", "", 10), ("BOOK", "", "", 3), ("WIRE", "", "", -4)]
    event = LotCostEvent.objects.filter(lot=wire).get()
    assert (event.kind, event.value_other, event.account.number if event.account else "") == ("ADJUSTMENT", 15, "3900")
    assert [record.value for record in AdjustmentRecord.objects.filter(lot__isnull=False)] == [15, Decimal("10.01")]
    run_now()
    assert culprits() == {}


def test_the_estimate_that_a_lot_is_made_at_is_said_beforehand() -> None:
    make_code("WIRE", cost="2.50")
    opened = pending("BEGINNING_BALANCE", line("WIRE", "10"), line("WIRE", "10", unit_cost="2.50"))
    said = [warning.text for warning in warnings(opened) if warning.position == 1]
    assert said == ["No unit cost is given: the lot gets the code's estimate, 2.50."]
    assert not [warning for warning in warnings(opened) if warning.position == 2]


def test_without_an_estimate_a_lot_is_made_at_what_the_newest_lot_cost_which_is_said_beforehand() -> None:
    make_code("WIRE", cost="0")
    opened = pending("BEGINNING_BALANCE", line("WIRE", "5"))
    [said] = [warning.text for warning in warnings(opened) if warning.position == 1]
    assert "the lot will be worth nothing" in said
    make_lot("WIRE", received="1", value="50")
    [said] = [warning.text for warning in warnings(opened) if warning.position == 1]
    assert said.endswith("the lot gets what the newest lot cost, 50.00.")
    adjustment_post(adjustment=opened, by=None, at=AT)
    assert InventoryLot.objects.latest("pk").value == 250


def test_a_beginning_balance_can_grow_the_lot_that_usage_is_restricted_to() -> None:
    lot = make_lot("WIRE", received="10", value="100", source="PO-60000")
    make_usage("WIRE", "12", only_lots=[lot])
    run_now()
    assert OpenUsage.objects.get().quantity_unallocated == 2
    posted("BEGINNING_BALANCE", line("WIRE", "2", unit_cost="13", into_lot=lot))
    run_now()
    lot.refresh_from_db()
    assert (lot.quantity_received, lot.value, lot.quantity_used, lot.value_used) == (12, 126, 12, 126)
    assert open_usage() == 0
    assert culprits() == {}


def test_a_late_freight_bill_leaves_alone_what_an_adjustment_added_to_a_bought_lot() -> None:
    order = order_of(("WIRE", "10", "10"))
    receive(order, "10")
    bill((line_of(order), "10", "100"))
    lot = lot_of(order)
    posted("BEGINNING_BALANCE", line("WIRE", "2", unit_cost="13", into_lot=lot))
    bill((line_of(order), "0", "0"), freight="7")
    lot.refresh_from_db()
    assert (lot.quantity_received, lot.value, lot.value_payable, lot.value_clearing) == (12, 133, 107, 0)
    run_now()
    assert culprits() == {}


def test_a_transfer_within_an_office_moves_quantities_only() -> None:
    make_lot("WIRE", received="10", office="AI")
    before = CostPool.objects.values().get()
    moved = posted("TRANSFER", line("WIRE", "8", bin="Bin 1", to_bin="Bin 2"), office=make_office("AI"))
    assert movements(moved) == [("WIRE", "AI", "Bin 1", -8), ("WIRE", "AI", "Bin 2", 8)]
    assert not InventoryUsage.objects.exists()
    assert CostPool.objects.values().get() == before
    assert culprits() == {}


def test_a_transfer_between_offices_feeds_a_lot_there_by_usage_here(split: None) -> None:
    make_lot("WIRE", received="10", value="100", office="AI")
    moved = posted(
        "TRANSFER", line("WIRE", "4", bin="A-1", to_bin="B-2"), office=make_office("AI"), to_office=make_office("BO")
    )
    assert movements(moved) == [("WIRE", "AI", "A-1", -4), ("WIRE", "BO", "B-2", 4)]
    feed = LotFeed.objects.get()
    assert (feed.usage.quantity, feed.usage.account.number if feed.usage.account else "") == (4, "1210")
    assert (feed.lot.office, feed.lot.quantity_received, feed.lot.is_fed) == (make_office("BO"), 4, True)
    run_now()
    assert open_usage() == 0
    assert culprits() == {}


@pytest.mark.parametrize("method", ["FIFO", "LIFO"])
def test_where_offices_share_costs_a_transfer_draws_on_what_was_there_and_never_on_what_it_brings(method: str) -> None:
    Preference.objects.update(cogs_method=method)
    theirs = make_lot("WIRE", received="10", value="70", office="CI", on_day=1)
    here = make_lot("WIRE", received="10", value="100", office="AI", on_day=2)
    posted("TRANSFER", line("WIRE", "4"), office=make_office("AI"), to_office=make_office("BO"))
    run_now()
    here.refresh_from_db()
    theirs.refresh_from_db()
    assert (here.quantity_used, theirs.quantity_used) == (4, 0)
    assert LotFeed.objects.get().lot.quantity_used == 0
    assert culprits() == {}


def test_an_assembly_uses_up_its_components_and_makes_one_lot_that_they_feed() -> None:
    make_lot("BOARD", received="10", value="100")
    make_lot("SCREW", received="100", value="10")
    built = posted(
        "ASSEMBLY",
        line("BOARD", "4", role="COMPONENT"),
        line("SCREW", "16", role="COMPONENT"),
        line("SHELF", "2", role="PRODUCT", bin="OUT"),
    )
    assert usages_of(built) == [("BOARD", 4), ("SCREW", 16)]
    assert movements(built) == [("BOARD", "", "", -4), ("SCREW", "", "", -16), ("SHELF", "", "OUT", 2)]
    shelf = InventoryLot.objects.get(code__code="SHELF")
    assert (shelf.lot_type, shelf.quantity_received, shelf.is_source_complete) == ("PRODUCTION", 2, True)
    assert [(feed.share_from, feed.share_to) for feed in shelf.fed_by.all()] == [(0, 1_000_000)] * 2
    run_now()
    assert culprits() == {}


def test_a_division_splits_one_item_by_shares_that_meet() -> None:
    make_lot("PLANK", received="10", value="100")
    make_code("LONG", cost="6")
    make_code("SHORT", cost="1")
    divided = posted(
        "DIVISION",
        line("PLANK", "1", role="COMPONENT"),
        line("LONG", "1", role="PRODUCT"),
        line("SHORT", "3", role="PRODUCT"),
    )
    assert usages_of(divided) == [("PLANK", 1)]
    assert [(feed.share_from, feed.share_to) for feed in LotFeed.objects.order_by("pk")] == [
        (0, 666_667),
        (666_667, 1_000_000),
    ]
    assert [row.share for row in divided.lines.all()] == [None, 666_667, 333_333]
    run_now()
    assert culprits() == {}


# -- The cures of the guides -------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("usages", "cure", "passes", "left"),
    [
        (["2", "-2"], ["2", "-2"], 2, "0"),
        (["2", "4", "4", "-10", "3", "-3"], ["13", "-13"], 2, "0"),
        (["2", "4", "4", "-10", "3", "-3"], ["1", "-1"], 14, "0"),
        (["2", "4", "4", "-10", "3", "-3"], ["50", "-50"], 2, "0"),
        (["3", "-20"], ["20", "-20"], 2, "17"),
        (["60"], ["60"], 1, "0"),
        (["50", "75", "-125"], ["125", "-125"], 2, "0"),
    ],
)
def test_a_beginning_balance_cures_unallocated_usage(
    usages: list[str], cure: list[str], passes: int, left: str
) -> None:
    for quantity in usages:
        make_usage("WIRE", quantity)
    run_now()
    assert open_usage() == len(usages)
    cured = posted("BEGINNING_BALANCE", *(line("WIRE", quantity) for quantity in cure))
    run_now()
    assert open_usage() == 0
    lot = InventoryLot.objects.get(source_number=cured.number)
    assert lot.quantity_received - lot.quantity_used == Decimal(left)
    assert lot.status == ("OPEN" if Decimal(left) else "CLOSED")
    assert CostPool.objects.get().last_run_passes == passes
    assert culprits() == {}


def test_a_beginning_balance_to_a_count_of_20_against_minus_50_takes_70() -> None:
    make_usage("WIRE", "50")
    run_now()
    posted("BEGINNING_BALANCE", line("WIRE", "70"))
    run_now()
    lot = InventoryLot.objects.get()
    assert (lot.quantity_received - lot.quantity_used, open_usage()) == (20, 0)
    assert on_hand_as_of(code=make_code("WIRE"), office=None, at=AT) == 20
    assert culprits() == {}


# -- Warnings ----------------------------------------------------------------------------------------
def test_counting_up_what_was_never_used_says_that_a_beginning_balance_is_meant() -> None:
    counted = pending("COUNT", line("WIRE", count="5"), office=make_office("AI"))
    [warning] = warnings(counted)
    assert "nothing of WIRE was used" in warning.text
    assert "a Beginning Balance is meant" in warning.text


def test_counting_up_no_more_than_was_used_is_an_ordinary_return() -> None:
    make_lot("WIRE", received="10", office="AI")
    make_usage("WIRE", "4", office="AI")
    run_now()
    office = make_office("AI")
    assert warnings(pending("COUNT", line("WIRE", count="10"), office=office)) == []
    [warning] = warnings(pending("COUNT", line("WIRE", count="11"), office=office))
    assert "only 4 of WIRE were used" in warning.text


def test_what_was_entered_since_a_count_was_saved_is_said() -> None:
    make_lot("WIRE", received="10", office="AI")
    counted = pending("COUNT", line("WIRE", count="8"), office=make_office("AI"))
    assert warnings(counted) == []
    make_usage("WIRE", "1", on_day=3)
    make_usage("WIRE", "1", on_day=3, office="AI")
    assert ["is 9 by now, not 10" in warning.text for warning in warnings(counted)] == [True]


def test_the_same_count_entered_twice_is_posted_once() -> None:
    make_lot("WIRE", received="10", office="AI")
    office = make_office("AI")
    first, second = (pending("COUNT", line("WIRE", count="8"), office=office) for _ in range(2))
    adjustment_post(adjustment=first, by=None, at=AT)
    before = everything()
    with pytest.raises(ValidationError) as refused:
        adjustment_post(adjustment=second, by=None, at=AT)
    assert (everything(), on_hand_as_of(code=make_code("WIRE"), office=office, at=AT)) == (before, 8)
    [error] = refused.value.error_list
    assert isinstance(error, LineError)
    assert (error.index, "is 8 by now, not 10" in str(error.message)) == (0, True)
    # Saved anew it agrees.
    second = pending("COUNT", line("WIRE", count="8"), office=office, adjustment=second)
    adjustment_post(adjustment=second, by=None, at=AT)
    assert everything() == before


def test_what_came_after_the_moment_of_a_count_does_not_disturb_it() -> None:
    make_lot("WIRE", received="10", office="AI")
    counted = pending("COUNT", line("WIRE", count="8"), office=make_office("AI"), on=day(20))
    make_usage("WIRE", "3", on_day=21, office="AI")
    assert adjustment_post(adjustment=counted, by=None, at=AT).status == "POSTED"
    assert on_hand_as_of(code=make_code("WIRE"), office=None, at=day(22)) == 5


def test_an_older_count_posted_after_a_newer_one_is_said() -> None:
    make_lot("WIRE", received="10", office="AI")
    office = make_office("AI")
    older = pending("COUNT", line("WIRE", count="8"), office=office, on=day(19))
    newer = posted("COUNT", line("WIRE", count="8"), office=office, on=day(20))
    [warning] = warnings(older)
    assert "WIRE was counted again later: 8 on " in warning.text
    assert f"({newer}). Posting this older count changes what that one found." in warning.text


def test_a_bin_that_a_count_names_first_is_said() -> None:
    office, code = make_office("AI"), make_code("WIRE")
    lot_record(code=code, quantity=Decimal(5), value=Decimal(50), received_at=day(1), office=office, bin="A-1")
    counted = pending("COUNT", line("WIRE", count="5", bin="A-1"), line("WIRE", count="2", bin="A1"), office=office)
    [said, _nothing_to_give_back_to] = warnings(counted)
    assert (said.position, "Nothing of WIRE was ever in bin A1: check it" in said.text) == (2, True)


def test_an_adjustment_that_is_not_what_the_count_differs_by_is_said() -> None:
    make_lot("WIRE", received="2", office="AI")
    counted = pending(
        "COUNT", line("WIRE", "-1", count="40"), line("WIRE", "0", count="0", bin="B"), office=make_office("AI")
    )
    [warning] = [warning for warning in warnings(counted) if "as the adjustment" in warning.text]
    assert warning.position == 1
    assert "40 were counted where 2 should be, which differs by +38; but -1 was entered" in warning.text


def test_a_blank_office_is_allowed_and_said() -> None:
    assert any("No office is named" in warning.text for warning in warnings(pending("LOSS", line("WIRE", "1"))))


def test_an_office_is_required_where_each_has_costs_of_its_own(split: None) -> None:
    with pytest.raises(ValidationError) as refused:
        pending("LOSS", line("WIRE", "1"))
    assert "office" in refused.value.message_dict
    assert not InventoryAdjustment.objects.exists()


# -- What fed lots are worth -------------------------------------------------------------------------
def worth_of(code: str) -> list[Decimal]:
    return list(
        InventoryLot.objects.filter(code__code=code, is_fed=True).order_by("pk").values_list("value", flat=True)
    )


def test_an_assembly_costs_what_its_components_cost(split: None) -> None:
    office = make_office("AI")
    make_lot("BOARD", received="3", value="10.00", office="AI")
    make_lot("SCREW", received="100", value="9.99", office="AI")
    posted(
        "ASSEMBLY",
        line("BOARD", "2", role="COMPONENT"),
        line("SCREW", "33", role="COMPONENT"),
        line("SHELF", "7", role="PRODUCT"),
        office=office,
    )
    run_now()
    assert worth_of("SHELF") == [Decimal("6.67") + Decimal("3.30")]
    assert culprits() == {}


def test_a_transfer_takes_the_cost_along_to_the_cent(split: None) -> None:
    make_lot("WIRE", received="3", value="10.00", office="AI")
    posted("TRANSFER", line("WIRE", "2"), office=make_office("AI"), to_office=make_office("BO"))
    run_now()
    assert worth_of("WIRE") == [Decimal("6.67")]
    make_usage("WIRE", "2", on_day=25, office="BO")
    run_now()
    assert InventoryLot.objects.get(is_fed=True).value_used == Decimal("6.67")
    assert culprits() == {}


def test_a_division_shares_out_the_cost_to_the_cent() -> None:
    make_lot("PLANK", received="3", value="10.00")
    posted(
        "DIVISION",
        line("PLANK", "1", role="COMPONENT"),
        *(
            line(code, "1", role="PRODUCT", share=share)
            for code, share in (("P1", 333_333), ("P2", 333_333), ("P3", 333_334))
        ),
    )
    run_now()
    parts = [*worth_of("P1"), *worth_of("P2"), *worth_of("P3")]
    assert parts == [Decimal("1.11")] * 3
    assert culprits() == {}
