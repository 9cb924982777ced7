"""The life of an adjustment: pending, posted, void; approved by a second person."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError

from lots.models import (
    InventoryLot,
    InventoryTransaction,
    LineItemCode,
    Preference,
    RecordHistory,
    SerialMovement,
)
from reconciliation.models import JournalLine
from tests.factories import day, make_code, make_lot, make_office, make_usage
from tests.reconciliation.records import culprits, run_now
from tests.usage.adjustments import AT, everything, line, pending, posted, serialized
from usage.adjusting import (
    Previewed,
    adjustment_amount,
    adjustment_approve,
    adjustment_post,
    adjustment_save,
    adjustment_void,
    why_not_edit,
    why_not_post,
    why_not_void,
)
from usage.adjustment_querysets import adjustments
from usage.models import InventoryAdjustment, InventoryUsage, OpenUsage

pytestmark = pytest.mark.django_db


def open_usage() -> int:
    return OpenUsage.objects.count()


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
        previewed=Previewed("abcdef0123456789", "Preview: 2 passes."),
    )
    before = everything()
    for other in (None, Previewed("another", "Preview: 3 passes.")):
        with pytest.raises(ValidationError, match="preview"):
            adjustment_post(adjustment=saved, by=None, at=AT, previewed=other)
    assert everything() == before
    adjustment_post(adjustment=saved, by=None, at=AT, previewed=Previewed("abcdef0123456789", "Preview: 2 passes."))
    assert "Preview: 2 passes." in RecordHistory.objects.get(number=saved.number, action="Posted").note


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


def test_a_count_in_which_everything_agrees_can_be_void() -> None:
    make_lot("WIRE", received="10", value="100")
    agreed = posted("COUNT", line("WIRE", count="10"))
    before = everything()
    assert why_not_void(agreed) == ""
    assert voided(agreed).status == "VOID"
    assert (everything(), culprits()) == (before, {})


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


def test_an_opening_balance_that_its_own_second_line_used_can_be_void() -> None:
    typo = posted("BEGINNING_BALANCE", line("WIRE", "10", unit_cost="3.333333"), line("WIRE", "-4"))
    run_now()
    assert InventoryLot.objects.get().quantity_used == 4
    voided(typo)
    run_now()
    assert (balances(), open_usage()) == ({}, 0)
    lot = InventoryLot.objects.get()
    assert (lot.quantity_current, lot.value_used) == (0, lot.value)
    # The account that it was credited to is where it was.
    opening = Preference.current().account_opening_id
    lines = JournalLine.objects.values_list("debit_account", "credit_account", "amount")
    assert sum((debit == opening) * amount - (credit == opening) * amount for debit, credit, amount in lines) == 0
    assert culprits() == {}


def test_what_others_used_of_it_still_keeps_an_opening_balance_from_being_void() -> None:
    opened = posted("BEGINNING_BALANCE", line("WIRE", "10"), line("WIRE", "-4"))
    make_usage("WIRE", "1", source="SHIP-60000")
    run_now()
    before = everything()
    with pytest.raises(ValidationError, match="SHIP-60000"):
        voided(opened)
    assert everything() == before


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


def test_a_voided_assembly_leaves_nothing_in_process() -> None:
    make_lot("BOARD", received="3", value="10.00")
    built = posted("ASSEMBLY", line("BOARD", "2", role="COMPONENT"), line("SHELF", "1", role="PRODUCT"))
    run_now()
    assert InventoryLot.objects.get(code__code="SHELF").value == Decimal("6.67")
    voided(built)
    run_now()
    assert InventoryLot.objects.get(code__code="SHELF").value == 0
    assert InventoryLot.objects.get(code__code="BOARD").quantity_used == 0
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


def test_a_unit_cost_on_what_is_taken_away_neither_counts_nor_passes(
    limit: Decimal, person: Callable[[str], User]
) -> None:
    make_lot("WIRE", received="2000", value="20000")
    clerk = person("clerk")
    for lines in (
        [line("WIRE", "-1000", unit_cost="0")],
        [line("WIRE", "5", unit_cost="0"), line("WIRE", "-9", unit_cost="1")],
    ):
        with pytest.raises(ValidationError, match="has a unit cost: leave it blank"):
            pending("BEGINNING_BALANCE", *lines, by=clerk)
    with pytest.raises(ValidationError, match="has a unit cost: leave it blank"):
        pending("LOSS", line("WIRE", "1000", unit_cost="0"), by=clerk)
    # Saved before that was refused.
    old = pending("BEGINNING_BALANCE", line("WIRE", "-1000"), by=clerk)
    old.lines.update(unit_cost=0)
    assert adjustment_amount(list(old.lines.all())) == 10_000
    assert list(adjustments().for_list().needing_approval()) == [old]
    before = everything()
    with pytest.raises(ValidationError, match="leave it blank"):
        adjustment_post(adjustment=old, by=clerk, at=AT)
    assert everything() == before


def test_what_is_taken_of_a_code_without_an_estimate_counts_at_what_lots_hold(
    limit: Decimal, person: Callable[[str], User]
) -> None:
    make_code("WIRE", cost="0")
    make_lot("WIRE", received="2000", value="20000")
    make_usage("WIRE", "500")
    run_now()
    # What is lost does not become cheap by a newer lot that is.
    make_lot("WIRE", received="1", value="0.01", on_day=9)
    clerk = person("clerk")
    for kind, quantity in (("BEGINNING_BALANCE", "-1000"), ("LOSS", "1000")):
        taken = pending(kind, line("WIRE", quantity), by=clerk)
        assert adjustment_amount(list(taken.lines.all())) == Decimal("9993.34")
        assert taken in adjustments().for_list().needing_approval()
    before = everything()
    with pytest.raises(ValidationError, match="somebody else must approve it first"):
        adjustment_post(adjustment=taken, by=clerk, at=AT)
    assert everything() == before


def test_what_is_taken_counts_at_the_newest_lot_where_none_holds_anything(limit: Decimal) -> None:
    make_code("WIRE", cost="0")
    make_lot("WIRE", received="3", value="90")
    make_lot("WIRE", received="3", value="150", on_day=9)
    make_usage("WIRE", "6")
    run_now()
    assert why_not_post(pending("LOSS", line("WIRE", "2"))) == ""
    assert "150.00 is above" in why_not_post(pending("LOSS", line("WIRE", "3")))


def test_an_approval_holds_for_the_amount_that_was_approved_and_no_more(
    limit: Decimal, person: Callable[[str], User]
) -> None:
    maker, accountant = person("clerk"), person("accountant")
    large = pending("LOSS", line("WIRE", "51"), by=maker)
    adjustment_approve(adjustment=large, by=accountant, at=AT)
    LineItemCode.objects.update(est_unit_cost=2000)
    before = everything()
    with pytest.raises(ValidationError, match=r"approved for 102\.00, and is 102,000\.00 by now"):
        adjustment_post(adjustment=large, by=maker, at=AT)
    assert everything() == before
    assert list(adjustments().for_list().needing_approval()) == [large]
    adjustment_approve(adjustment=large, by=accountant, at=AT)
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
