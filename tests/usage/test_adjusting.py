"""Inventory adjustments: what each type makes movement by movement, what is refused, how it is undone."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError

from inventory_site.document_forms import LineError
from lots.models import (
    Account,
    CostPool,
    InventoryLot,
    InventoryTransaction,
    LineItemCode,
    LotCostEvent,
    Preference,
    RecordHistory,
    SerialMovement,
)
from lots.services import lot_record
from tests.factories import day, make_code, make_lot, make_office, make_usage
from tests.reconciliation.records import culprits, run_now
from tests.usage.adjustments import AT, everything, line, movements, pending, posted, usages_of
from usage.adjusting import (
    adjustment_amount,
    adjustment_approve,
    adjustment_post,
    adjustment_save,
    adjustment_void,
    on_hand_as_of,
    warnings,
    why_not_edit,
    why_not_post,
    why_not_void,
)
from usage.models import AdjustmentRecord, InventoryAdjustment, InventoryUsage, LotFeed, OpenUsage

pytestmark = pytest.mark.django_db


@pytest.fixture
def split() -> None:
    Preference.objects.update(prevent_inter_office=True)


def refusal_of(refusal: ValidationError) -> list[tuple[int, str]]:
    return [(error.index, str(error.message)) for error in refusal.error_list if isinstance(error, LineError)]


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
    make_lot("WIRE", received="10")
    make_usage("WIRE", "4")
    run_now()
    office = make_office("AI")
    assert warnings(pending("COUNT", line("WIRE", "4", count="10"), office=office)) == []
    [warning] = warnings(pending("COUNT", line("WIRE", "5", count="10"), office=office))
    assert "only 4 of WIRE were used" in warning.text


def test_what_was_entered_since_a_count_was_saved_is_said() -> None:
    make_lot("WIRE", received="10", office="AI")
    counted = pending("COUNT", line("WIRE", count="8"), office=make_office("AI"))
    assert warnings(counted) == []
    make_usage("WIRE", "1", on_day=3)
    make_usage("WIRE", "1", on_day=3, office="AI")
    assert ["is 9 by now, not 10" in warning.text for warning in warnings(counted)] == [True]


def test_a_blank_office_is_allowed_and_said() -> None:
    assert any("No office is named" in warning.text for warning in warnings(pending("LOSS", line("WIRE", "1"))))


def test_an_office_is_required_where_each_has_costs_of_its_own(split: None) -> None:
    with pytest.raises(ValidationError) as refused:
        pending("LOSS", line("WIRE", "1"))
    assert "office" in refused.value.message_dict
    assert not InventoryAdjustment.objects.exists()


# -- Serial numbers and manufacturer lots ------------------------------------------------------------
def serialized(code: str = "SAW") -> LineItemCode:
    made = make_code(code)
    made.is_serialized = True
    made.save()
    return made


def tracked(code: str = "GLUE") -> LineItemCode:
    made = make_code(code)
    made.is_tracked_by_manufacturer_lot = True
    made.save()
    return made


def test_new_serial_numbers_come_in_and_those_counted_away_leave() -> None:
    serialized()
    posted("BEGINNING_BALANCE", line("SAW", "3", serials="S1\nS2\nS3"))
    posted("LOSS", line("SAW", "1", serials="S2"))
    moved = SerialMovement.objects.order_by("pk").values_list("serial", "direction")
    assert list(moved) == [("S1", 1), ("S2", 1), ("S3", 1), ("S2", -1)]
    run_now()
    assert culprits() == {}


def test_named_units_are_drawn_from_the_lots_that_brought_them() -> None:
    serialized()
    posted("BEGINNING_BALANCE", line("SAW", "1", serials="S1", unit_cost="10"))
    posted("BEGINNING_BALANCE", line("SAW", "1", serials="S2", unit_cost="30"))
    lost = posted("LOSS", line("SAW", "1", serials="S2"))
    run_now()
    assert [lot.value_used for lot in InventoryLot.objects.order_by("pk")] == [0, 30]
    both = posted("COUNT", line("SAW", "1", count="2", serials="S2"))
    run_now()
    assert [lot.value_used for lot in InventoryLot.objects.order_by("pk")] == [0, 0]
    assert usages_of(lost) + usages_of(both) == [("SAW", 1), ("SAW", -1)]
    assert culprits() == {}


@pytest.mark.parametrize(
    ("quantity", "serials", "says"),
    [
        ("2", "S1", "name 2 serial numbers"),
        ("2", "S1\nS1", "named twice"),
        ("1.5", "S1", "whole units"),
        ("1", "S" * 61, "at most 60"),
    ],
)
def test_a_serialized_line_names_as_many_numbers_as_units(quantity: str, serials: str, says: str) -> None:
    serialized()
    with pytest.raises(ValidationError, match=says):
        pending("BEGINNING_BALANCE", line("SAW", quantity, serials=serials))
    assert not InventoryAdjustment.objects.exists()


@pytest.mark.parametrize(("kind", "quantity", "serials"), [("LOSS", "1", "S9"), ("BEGINNING_BALANCE", "1", "S1")])
def test_numbers_must_be_where_the_line_says_and_else_nothing_of_any_line_is_posted(
    kind: str, quantity: str, serials: str
) -> None:
    serialized()
    make_lot("WIRE")
    posted("BEGINNING_BALANCE", line("SAW", "1", serials="S1"))
    wrong = pending(kind, line("WIRE", "1"), line("SAW", quantity, serials=serials))
    before = everything()
    with pytest.raises(ValidationError) as refused:
        adjustment_post(adjustment=wrong, by=None, at=AT)
    assert [index for index, _ in refusal_of(refused.value)] == [1]
    assert everything() == before
    wrong.refresh_from_db()
    assert wrong.status == "PENDING"


def test_a_manufacturer_lot_of_10_with_1_sold_refuses_2_more_and_takes_1() -> None:
    code = tracked()
    lot = lot_record(code=code, quantity=Decimal(10), value=Decimal(100), received_at=day(1), manufacturer_lot="M-77")
    posted("LOSS", line("GLUE", "1", manufacturer_lot="M-77"))
    run_now()
    with pytest.raises(ValidationError) as refused:
        pending("COUNT", line("GLUE", count="11", manufacturer_lot="M-77"))
    assert "exceeds the previously used quantity 1 of manufacturer lot M-77" in refused.value.messages[0]
    assert InventoryAdjustment.objects.count() == 1
    posted("COUNT", line("GLUE", count="10", manufacturer_lot="M-77"))
    run_now()
    lot.refresh_from_db()
    assert (lot.quantity_used, open_usage()) == (0, 0)
    assert culprits() == {}


def test_room_that_went_since_saving_is_looked_for_again_when_posting() -> None:
    code = tracked()
    lot_record(code=code, quantity=Decimal(10), value=Decimal(100), received_at=day(1), manufacturer_lot="M-77")
    posted("LOSS", line("GLUE", "1", manufacturer_lot="M-77"))
    first, second = (pending("COUNT", line("GLUE", "1", count="10", manufacturer_lot="M-77")) for _ in range(2))
    adjustment_post(adjustment=first, by=None, at=AT)
    before = everything()
    with pytest.raises(ValidationError, match="exceeds the previously used quantity 0"):
        adjustment_post(adjustment=second, by=None, at=AT)
    assert everything() == before


def test_usage_of_a_manufacturer_lot_touches_only_the_lots_that_brought_it() -> None:
    code = tracked()
    first = lot_record(code=code, quantity=Decimal(5), value=Decimal(5), received_at=day(1), manufacturer_lot="M-1")
    second = lot_record(code=code, quantity=Decimal(5), value=Decimal(50), received_at=day(2), manufacturer_lot="M-2")
    posted("LOSS", line("GLUE", "2", manufacturer_lot="M-2"))
    run_now()
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.quantity_used, second.quantity_used) == (0, 2)


def test_a_new_manufacturer_lot_comes_in_by_a_beginning_balance_only() -> None:
    tracked()
    with pytest.raises(ValidationError, match="never came in"):
        pending("COUNT", line("GLUE", count="5", manufacturer_lot="M-9"))
    posted("BEGINNING_BALANCE", line("GLUE", "5", manufacturer_lot="M-9"))
    assert on_hand_as_of(code=make_code("GLUE"), office=None, at=AT, manufacturer_lot="M-9") == 5


# -- Bad lines ---------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("kind", "given", "says"),
    [
        ("LOSS", {"quantity": "0"}, "more than zero"),
        ("LOSS", {"quantity": "-1"}, "more than zero"),
        ("TRANSFER", {"quantity": "1", "bin": "A", "to_bin": "A"}, "change the bin"),
        ("BEGINNING_BALANCE", {"quantity": "0"}, "Enter how much"),
        ("BEGINNING_BALANCE", {"quantity": "1", "unit_cost": "-1"}, "cannot be negative"),
        ("BEGINNING_BALANCE", {"quantity": "999999999999", "unit_cost": "999999"}, "too large"),
        ("BEGINNING_BALANCE", {"quantity": "1.00005"}, "cannot be kept"),
        ("COUNT", {"count": "-1"}, "less than nothing"),
        ("COUNT", {}, "Enter what was counted"),
        ("LOSS", {"quantity": "1", "serials": "S1"}, "has no serial numbers"),
        ("LOSS", {"quantity": "1", "manufacturer_lot": "M"}, "not tracked by manufacturer lot"),
    ],
)
def test_what_is_wrong_with_a_line_is_said_about_that_line(kind: str, given: dict[str, str], says: str) -> None:
    good = {"LOSS": "1", "TRANSFER": "1", "BEGINNING_BALANCE": "1", "COUNT": "1"}[kind]
    with pytest.raises(ValidationError) as refused:
        pending(kind, line("BOOK", good, to_bin="B"), line("WIRE", **given))
    [(index, text)] = refusal_of(refused.value)
    assert (index, says in text) == (1, True), text
    assert not InventoryAdjustment.objects.exists()


def test_a_code_without_stock_cannot_be_adjusted() -> None:
    labour = make_code("LABOUR")
    labour.record_type = "TIME"
    labour.save()
    with pytest.raises(ValidationError, match="no inventoried item"):
        pending("LOSS", line("LABOUR", "1"))


def test_everything_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(ValidationError) as refused:
        pending("LOSS", line("WIRE", "0"), line("BOOK", "-2"))
    assert [index for index, _ in refusal_of(refused.value)] == [0, 1]


@pytest.mark.parametrize(
    ("kind", "roles", "says"),
    [
        ("ASSEMBLY", ["COMPONENT"], "exactly one product"),
        ("ASSEMBLY", ["PRODUCT"], "at least one component"),
        ("ASSEMBLY", ["COMPONENT", "PRODUCT", "PRODUCT"], "exactly one product"),
        ("DIVISION", ["COMPONENT", "COMPONENT", "PRODUCT"], "splits exactly one"),
        ("DIVISION", ["COMPONENT"], "at least one product"),
        ("LOSS", ["COMPONENT"], "Only assemblies"),
        ("LOSS", [], "at least one line"),
    ],
)
def test_components_and_products_must_fit_the_type(kind: str, roles: list[str], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        pending(kind, *(line(f"CODE{number}", "1", role=role) for number, role in enumerate(roles)))


def test_a_product_cannot_be_made_of_itself() -> None:
    with pytest.raises(ValidationError, match="made of itself"):
        pending("ASSEMBLY", line("SHELF", "1", role="COMPONENT"), line("SHELF", "1", role="PRODUCT"))


@pytest.mark.parametrize(("state", "says"), [("is_fed", "costs what went into it"), ("open", "More is expected")])
def test_only_a_lot_that_is_complete_and_bought_can_be_grown(state: str, says: str) -> None:
    lot = make_lot("WIRE", source="PO-60000")
    InventoryLot.objects.filter(pk=lot.pk).update(is_fed=state == "is_fed", is_source_complete=state != "open")
    lot.refresh_from_db()
    with pytest.raises(ValidationError, match=says):
        pending("BEGINNING_BALANCE", line("WIRE", "1", into_lot=lot))


# -- The life of a document --------------------------------------------------------------------------
def test_a_pending_adjustment_moves_nothing_and_can_be_written_anew() -> None:
    before = everything()
    draft = pending("LOSS", line("WIRE", "1"), line("BOOK", "2"))
    assert everything() == before
    again = pending("BEGINNING_BALANCE", line("WIRE", "7"), adjustment=draft)
    assert (again.number, again.adjustment_type) == (draft.number, "BEGINNING_BALANCE")
    assert [(row.code.code, row.quantity) for row in again.lines.all()] == [("WIRE", 7)]
    assert [row.action for row in RecordHistory.objects.filter(number=draft.number)] == ["Created", "Edited"]


def test_numbers_run_on_and_pass_over_those_that_imported_records_bear() -> None:
    make_usage("WIRE", "1", source="INVTRYADJ-60001")
    assert [pending("LOSS", line("WIRE", "1")).number for _ in range(3)] == [
        "INVTRYADJ-60000",
        "INVTRYADJ-60002",
        "INVTRYADJ-60003",
    ]


def test_a_posted_adjustment_is_neither_posted_again_nor_changed() -> None:
    lost = posted("LOSS", line("WIRE", "1"))
    before = everything()
    with pytest.raises(ValidationError, match="posted already"):
        adjustment_post(adjustment=lost, by=None, at=AT)
    with pytest.raises(ValidationError, match="only a pending one"):
        pending("LOSS", line("WIRE", "9"), adjustment=lost)
    assert (why_not_edit(lost) != "", why_not_post(lost) != "", everything()) == (True, True, before)


def test_history_tells_who_did_what(person: Callable[[str], User]) -> None:
    clerk = person("clerk")
    lost = adjustment_post(adjustment=pending("LOSS", line("WIRE", "1"), by=clerk), by=clerk, at=AT)
    adjustment_void(adjustment=lost, by=clerk, at=AT, reason="Found again")
    told = RecordHistory.objects.filter(number=lost.number).values_list("action", "by__username", "note")
    assert [(action, by) for action, by, _ in told] == [
        ("Created", clerk.username),
        ("Posted", clerk.username),
        ("Void", clerk.username),
    ]
    assert told[1][2] == "Loss, 1 line, amount 2.00. Made 1 usage."
    assert told[2][2] == "Found again"


def test_what_the_preview_said_is_kept_with_the_posting() -> None:
    saved = adjustment_save(
        adjustment=None,
        adjustment_type="BEGINNING_BALANCE",
        adjusted_at=AT,
        office=None,
        lines=[line("WIRE", "1")],
        by=None,
        at=AT,
        preview_fingerprint="abcdef0123456789",
    )
    adjustment_post(adjustment=saved, by=None, at=AT)
    assert "As previewed (abcdef012345)." in RecordHistory.objects.get(number=saved.number, action="Posted").note


# -- Void --------------------------------------------------------------------------------------------
VOID_AT = day(30)


def voided(adjustment: InventoryAdjustment, at: datetime = VOID_AT) -> InventoryAdjustment:
    return adjustment_void(adjustment=adjustment, by=None, at=at)


def balances() -> dict[tuple[str, str], Decimal]:
    rows: dict[tuple[str, str], Decimal] = {}
    for row in InventoryTransaction.objects.select_related("code"):
        rows[row.code.code, row.bin] = rows.get((row.code.code, row.bin), Decimal(0)) + row.on_hand
    return {key: total for key, total in rows.items() if total}


def test_a_pending_one_is_simply_void() -> None:
    draft = pending("LOSS", line("WIRE", "1"))
    before = everything()
    assert voided(draft).status == "VOID"
    assert everything() == before
    with pytest.raises(ValidationError, match="void already"):
        voided(draft)


@pytest.mark.parametrize("ran", [False, True])
@pytest.mark.parametrize(
    ("kind", "lines", "header"),
    [
        ("COUNT", [("WIRE", {"count": "7"}), ("BOOK", {"count": "6"})], {}),
        ("LOSS", [("WIRE", {"quantity": "2", "bin": "A-1"})], {}),
        ("BEGINNING_BALANCE", [("WIRE", {"quantity": "5"}), ("BOOK", {"quantity": "-1"})], {}),
        ("TRANSFER", [("WIRE", {"quantity": "5", "bin": "A", "to_bin": "B"})], {}),
        ("TRANSFER", [("WIRE", {"quantity": "5", "to_bin": "B"})], {"to": "BO"}),
        (
            "ASSEMBLY",
            [("WIRE", {"quantity": "2", "role": "COMPONENT"}), ("SHELF", {"quantity": "1", "role": "PRODUCT"})],
            {},
        ),
        (
            "DIVISION",
            [
                ("WIRE", {"quantity": "2", "role": "COMPONENT"}),
                ("LONG", {"quantity": "1", "role": "PRODUCT"}),
                ("SHORT", {"quantity": "1", "role": "PRODUCT"}),
            ],
            {},
        ),
    ],
)
def test_a_void_mirrors_every_row_and_leaves_the_goods_as_they_were(
    kind: str, lines: list[tuple[str, dict[str, str]]], header: dict[str, str], ran: bool
) -> None:
    for code in ("WIRE", "BOOK"):
        make_lot(code, received="10", value="100", office="AI")
        make_usage(code, "4", office="AI")
    run_now()
    before = balances()
    used = sorted(InventoryLot.objects.values_list("code__code", "quantity_used", "value"))
    done = posted(
        kind,
        *(line(code, **given) for code, given in lines),
        office=make_office("AI"),
        to_office=make_office(header.get("to", "")),
    )
    if ran:
        run_now()
    assert voided(done).status == "VOID"
    run_now()
    assert balances() == before
    alive = InventoryLot.objects.filter(quantity_received__gt=0)
    assert sorted(alive.values_list("code__code", "quantity_used", "value")) == used
    assert open_usage() == 0
    mirrors = InventoryTransaction.objects.filter(source_number=done.number, reverses__isnull=False)
    assert mirrors.count() * 2 == InventoryTransaction.objects.filter(source_number=done.number).count()
    assert {row.at for row in mirrors} == {VOID_AT}
    originals = InventoryUsage.objects.filter(source_number=done.number, original=None)
    assert [usage.returns.get().quantity for usage in originals] == [-usage.quantity for usage in originals]
    assert culprits() == {}


def test_a_lot_that_gave_out_something_keeps_its_adjustment_from_being_void() -> None:
    opened = posted("BEGINNING_BALANCE", line("WIRE", "10"))
    shipped = make_usage("WIRE", "3", source="SHIP-60000")
    run_now()
    before = everything()
    with pytest.raises(ValidationError) as refused:
        voided(opened)
    lot = InventoryLot.objects.get()
    text = refused.value.messages[0]
    assert f"Lot {lot.number} of WIRE got 10 from it, and 3 of the lot are used" in text
    assert f"usage {shipped.number} (SHIP-60000)" in text
    assert (everything(), why_not_void(opened) != "") == (before, True)
    make_usage("WIRE", "-3", source="SHIP-60001", original=shipped)
    run_now()
    assert voided(opened).status == "VOID"
    assert culprits() == {}


def test_growth_of_a_lot_is_taken_back_as_long_as_the_rest_covers_what_is_used() -> None:
    lot = make_lot("WIRE", received="10", value="100")
    make_usage("WIRE", "9")
    run_now()
    grown = posted("BEGINNING_BALANCE", line("WIRE", "2", unit_cost="13", into_lot=lot))
    voided(grown)
    lot.refresh_from_db()
    assert (lot.quantity_received, lot.value) == (10, 100)
    again = posted("BEGINNING_BALANCE", line("WIRE", "2", unit_cost="13", into_lot=lot))
    make_usage("WIRE", "2")
    run_now()
    assert why_not_void(again) != ""
    assert culprits() == {}


def test_voiding_serial_numbers_takes_them_out_and_brings_them_back() -> None:
    serialized()
    opened = posted("BEGINNING_BALANCE", line("SAW", "2", serials="S1\nS2"))
    lost = posted("LOSS", line("SAW", "1", serials="S1"))
    with pytest.raises(ValidationError, match="S1 of SAW is not in stock"):
        voided(opened)
    voided(lost)
    voided(opened)
    moved = SerialMovement.objects.order_by("pk").values_list("serial", "direction")
    assert sum(direction for _, direction in moved) == 0
    run_now()
    assert culprits() == {}


# -- Approval ----------------------------------------------------------------------------------------
@pytest.fixture
def limit() -> Decimal:
    Preference.objects.update(approve_above=Decimal("100"))
    return Decimal("100")


def test_the_two_lines_of_a_cure_count_once() -> None:
    make_code("WIRE", cost="2")
    cure = pending("BEGINNING_BALANCE", line("WIRE", "20"), line("WIRE", "-20"))
    assert adjustment_amount(list(cure.lines.all())) == 40


def test_below_the_limit_one_person_is_enough(limit: Decimal, person: Callable[[str], User]) -> None:
    clerk = person("clerk")
    small = pending("LOSS", line("WIRE", "50"), by=clerk)
    with pytest.raises(ValidationError, match="needs no approval"):
        adjustment_approve(adjustment=small, by=person("accountant"), at=AT)
    assert adjustment_post(adjustment=small, by=clerk, at=AT).status == "POSTED"


def test_above_the_limit_somebody_else_must_agree_and_somebody_else_post(
    limit: Decimal, person: Callable[[str], User]
) -> None:
    maker, accountant = person("clerk"), person("accountant")
    large = pending("LOSS", line("WIRE", "51"), by=maker)
    before = everything()
    with pytest.raises(ValidationError, match=r"102\.00 is above 100\.00"):
        adjustment_post(adjustment=large, by=maker, at=AT)
    with pytest.raises(ValidationError, match="You had a hand in"):
        adjustment_approve(adjustment=large, by=maker, at=AT)
    adjustment_approve(adjustment=large, by=accountant, at=AT)
    with pytest.raises(ValidationError, match="You approved it"):
        adjustment_post(adjustment=large, by=accountant, at=AT)
    assert everything() == before
    assert adjustment_post(adjustment=large, by=maker, at=AT).status == "POSTED"


def test_changing_an_adjustment_asks_for_approval_anew_and_not_from_who_changed_it(
    limit: Decimal, person: Callable[[str], User]
) -> None:
    maker, accountant = person("clerk"), person("accountant")
    large = pending("LOSS", line("WIRE", "51"), by=maker)
    adjustment_approve(adjustment=large, by=accountant, at=AT)
    pending("LOSS", line("WIRE", "500"), adjustment=large, by=accountant)
    assert why_not_post(large, maker) != ""
    with pytest.raises(ValidationError, match="You had a hand in"):
        adjustment_approve(adjustment=large, by=accountant, at=AT)
