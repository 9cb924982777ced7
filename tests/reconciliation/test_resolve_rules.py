"""What the workbench keeps to: whose On Hand it corrects, which usage it lets go, what a second person agrees to."""

import io
import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from lots.models import (
    CostPool,
    InventoryLot,
    InventoryTransaction,
    LineItemCode,
    Preference,
    RecordHistory,
)
from lots.services import lot_open
from reconciliation.preview import preview_run
from reconciliation.resolution_preview import ResolutionPreview
from reconciliation.resolving import (
    Line,
    RecordsChanged,
    Resolved,
    cure_approve,
    cure_post,
    cure_renew,
    preview_cure,
    preview_resolution,
    resolve_post,
    suggest,
)
from reconciliation.runner import work
from tests.factories import day, make_code, make_guide_list, make_lot, make_office, make_usage, reconcile
from tests.reconciliation.records import culprits
from tests.usage.adjustments import everything, line, serialized
from tests.usage.adjustments import posted as post_adjustment
from usage.adjusting import adjustment_approve, adjustment_post, adjustment_save, adjustment_void, why_not_edit
from usage.adjustment_stock import on_hand_as_of
from usage.models import InventoryAdjustment, InventoryUsage, OpenUsage, RestrictionRelease

pytestmark = pytest.mark.django_db

AT = day(40)


def previewed(code: LineItemCode, *lines: Line, **options: Any) -> ResolutionPreview:
    return preview_resolution(code=code, lines=lines, adjusted_at=AT, now=AT, **options)


def resolved_as_proposed(code: LineItemCode, *, by: User | None = None, count: Decimal | None = None) -> Resolved:
    found = suggest(code, count=count)
    resolved = resolve_post(
        code=code,
        lines=found.lines,
        adjusted_at=AT,
        fingerprint=None,
        by=by,
        at=AT,
        releases=found.releases,
        office=found.office,
    )
    if resolved.run is not None:
        work(run_id=resolved.run.pk)
    return resolved


# -- The office --------------------------------------------------------------------------------------
def test_the_cure_is_of_the_office_where_the_usage_stands_and_the_count_is_of_it_too() -> None:
    make_guide_list()
    code, office = make_code("16G-W"), make_office("AI")
    found = suggest(code, count=Decimal(20))
    assert (found.office, found.on_hand, [line.quantity for line in found.lines]) == (office, -1100, [1120])
    resolved_as_proposed(code, count=Decimal(20))
    assert on_hand_as_of(code=code, office=office, at=day(400)) == 20
    assert InventoryLot.objects.get(code=code).office == office
    assert not InventoryTransaction.objects.filter(code=code, office=None).exists()
    assert culprits() == {}


def test_of_several_offices_the_one_with_most_open_is_proposed_and_all_are_told() -> None:
    make_usage("WIRE", "5", office="NY")
    make_usage("WIRE", "8", office="AI")
    reconcile()
    found = suggest(make_code("WIRE"))
    assert (found.office, found.on_hand, found.on_hand_everywhere) == (make_office("AI"), -8, -13)
    assert "8 at AI, 5 at NY" in found.offices_note


def test_another_office_is_another_preview() -> None:
    make_usage("WIRE", "5", office="AI")
    reconcile()
    code, lines = make_code("WIRE"), (Line(Decimal(5), Decimal(2)),)
    at_ai, at_ny = (previewed(code, *lines, office=make_office(name)) for name in ("AI", "NY"))
    assert at_ai.fingerprint != at_ny.fingerprint
    assert (at_ai.office_on_hand, at_ny.office_on_hand, at_ny.on_hand) == (0, 5, 0)


# -- Usage that is tied to lots ----------------------------------------------------------------------
def special_order() -> tuple[LineItemCode, InventoryLot]:
    """A special order's own lot has come in; an older lot at another cost lies there as well, and a run is due."""
    code = make_code("SPECIAL", cost="50")
    make_lot(code, received="1", value="45.00", on_day=1)
    own = make_lot(code, received="1", value="100.00", on_day=5)
    make_usage(code, "1", on_day=3, only_lots=[own])
    return code, own


def test_usage_that_its_own_lot_serves_is_not_let_go() -> None:
    code, _ = special_order()
    found = suggest(code)
    assert (found.tied, found.releases, found.is_run_enough) == ((), (), True)
    resolved_as_proposed(code)
    assert InventoryUsage.objects.get().allocations.get().amount == Decimal("100.00")
    assert not RestrictionRelease.objects.exists()


def test_usage_for_whose_lot_more_is_due_waits_for_it() -> None:
    code = make_code("DUE")
    own = lot_open(code=code, quantity_ordered=Decimal(3), source_number="PO-1")
    usage = make_usage(code, "3", only_lots=[own])
    reconcile()
    found = suggest(code)
    assert ([tied.usage for tied in found.kept], found.releases, found.lines) == ([usage], (), ())
    assert "waits for 3 that are due for its lots" in found.note


def test_usage_whose_lot_is_empty_is_let_go_and_the_new_lot_serves_all() -> None:
    code = make_code("TIED")
    own = make_lot(code, received="2", value="4.00")
    make_usage(code, "5", only_lots=[own])
    make_usage(code, "4", on_day=3)
    reconcile()
    found = suggest(code)
    assert ([line.quantity for line in found.lines], [tied.rest for tied in found.released]) == ([7], [3])
    resolved_as_proposed(code)
    assert not OpenUsage.objects.exists()
    assert culprits() == {}


def test_a_move_to_another_office_is_never_let_go_to_draw_on_what_it_brought() -> None:
    make_lot("WIRE", received="3", value="6.00", office="AI")
    code, ai, ny = make_code("WIRE"), make_office("AI"), make_office("NY")
    post_adjustment("TRANSFER", line("WIRE", "3"), office=ai, to_office=ny)
    make_usage("WIRE", "3", on_day=1, office="AI", only_lots=[InventoryLot.objects.order_by("pk")[0]])
    reconcile()
    found = suggest(code)
    stuck = InventoryUsage.objects.get(source_number__startswith="INVTRYADJ")
    assert ([tied.usage for tied in found.kept], found.releases) == ([stuck], ())
    assert "enter what its own lots lack" in found.note


def two_tied() -> tuple[LineItemCode, list[InventoryLot], list[InventoryUsage]]:
    code = make_code("TWO")
    lots = [make_lot(code, received="2", value=value, on_day=on) for value, on in (("4.00", 1), ("10.00", 2))]
    usages = [make_usage(code, "5", on_day=3, only_lots=[lot]) for lot in lots]
    reconcile()
    return code, lots, usages


def test_two_usages_on_two_lots_are_both_cured_inside_them() -> None:
    code, lots, _ = two_tied()
    preview = previewed(code, *(Line(Decimal(3), Decimal(2), into_lot=lot) for lot in lots))
    assert preview.is_resolved
    resolve_post(code=code, lines=preview.lines, adjusted_at=AT, fingerprint=preview.fingerprint, by=None, at=AT)
    reconcile()
    assert [lot.quantity_received for lot in InventoryLot.objects.order_by("pk")] == [5, 5]
    assert not OpenUsage.objects.exists()
    assert culprits() == {}


def test_a_release_is_told_by_the_history_of_the_usage() -> None:
    code, _, usages = two_tied()
    resolved_as_proposed(code)
    told = RecordHistory.objects.get(number=usages[0].history_name)
    adjustment = InventoryAdjustment.objects.get()
    assert told.action == "Let go"
    assert adjustment.number in told.note
    # Orders have plain numbers, too.
    assert not RecordHistory.objects.filter(number=usages[0].number).exists()


# -- What waits for a second person ------------------------------------------------------------------
@pytest.fixture
def waiting(person: Callable[[str], User]) -> InventoryAdjustment:
    """150 of a code at 100 each, saved by the clerk."""
    Preference.objects.update(approve_above=Decimal(1000))
    code = make_code("DEAR", cost="100")
    tied = make_lot(code, received="1", value="100.00")
    make_usage(code, "150", on_day=3)
    make_usage(code, "2", on_day=4, only_lots=[tied])
    reconcile()
    adjustment = resolved_as_proposed(code, by=person("clerk")).adjustment
    assert adjustment is not None
    assert adjustment.status == "PENDING"
    return adjustment


def test_nothing_is_let_go_before_it_is_posted_and_voiding_leaves_no_trace(
    waiting: InventoryAdjustment, person: Callable[[str], User]
) -> None:
    assert waiting.releases.count() == 1
    assert not RestrictionRelease.objects.exists()
    adjustment_void(adjustment=waiting, by=person("clerk"), at=AT)
    assert OpenUsage.objects.filter(is_restricted=True).count() == 1


def test_what_was_approved_is_posted_with_what_it_releases(
    waiting: InventoryAdjustment, person: Callable[[str], User]
) -> None:
    cure_approve(adjustment=waiting, fingerprint=waiting.preview_fingerprint, by=person("accountant"), at=AT)
    resolved = cure_post(adjustment=waiting, fingerprint=waiting.preview_fingerprint, by=person("clerk"), at=AT)
    assert resolved.run is not None
    work(run_id=resolved.run.pk)
    assert RestrictionRelease.objects.count() == 1
    assert not OpenUsage.objects.exists()
    assert culprits() == {}
    notes = dict(RecordHistory.objects.filter(number=waiting.number).values_list("action", "note"))
    for action in ("Created", "Approved", "Posted"):
        assert "Preview: net 151" in notes[action]
        assert "nothing left open" in notes[action]


def test_when_the_missing_receipt_arrives_nothing_is_approved_or_posted(
    waiting: InventoryAdjustment, person: Callable[[str], User]
) -> None:
    clerk, accountant = person("clerk"), person("accountant")
    cure_approve(adjustment=waiting, fingerprint=waiting.preview_fingerprint, by=accountant, at=AT)
    make_lot("DEAR", received="200", value="20000.00", on_day=2)
    reconcile()
    before = everything()
    with pytest.raises(RecordsChanged, match="Nothing was posted"):
        cure_post(adjustment=waiting, fingerprint=waiting.preview_fingerprint, by=clerk, at=AT)
    with pytest.raises(ValidationError, match="made from a preview"):
        adjustment_post(adjustment=waiting, by=clerk, at=AT)
    with pytest.raises(ValidationError):
        adjustment_approve(adjustment=waiting, by=accountant, at=AT)
    assert everything() == before


def test_what_it_would_do_now_can_be_taken_over_and_is_approved_anew(
    waiting: InventoryAdjustment, person: Callable[[str], User]
) -> None:
    clerk, accountant = person("clerk"), person("accountant")
    cure_approve(adjustment=waiting, fingerprint=waiting.preview_fingerprint, by=accountant, at=AT)
    make_usage("DEAR", "7", on_day=9)
    with pytest.raises(RecordsChanged):
        cure_renew(adjustment=waiting, fingerprint=waiting.preview_fingerprint, by=clerk, at=AT)
    renewed = cure_renew(adjustment=waiting, fingerprint=preview_cure(waiting, now=AT).fingerprint, by=clerk, at=AT)
    with pytest.raises(ValidationError, match="approve"):
        cure_post(adjustment=renewed, fingerprint=renewed.preview_fingerprint, by=clerk, at=AT)
    cure_approve(adjustment=renewed, fingerprint=renewed.preview_fingerprint, by=accountant, at=AT)
    assert (
        cure_post(adjustment=renewed, fingerprint=renewed.preview_fingerprint, by=clerk, at=AT).adjustment is not None
    )
    reconcile()
    assert CostPool.objects.get().open_unallocated == 7


def test_only_what_was_shown_is_approved_and_posted(
    waiting: InventoryAdjustment, person: Callable[[str], User]
) -> None:
    clerk, accountant = person("clerk"), person("accountant")
    shown = waiting.preview_fingerprint
    make_usage("DEAR", "7", on_day=9)
    renewed = cure_renew(adjustment=waiting, fingerprint=preview_cure(waiting, now=AT).fingerprint, by=clerk, at=AT)
    before = everything()
    with pytest.raises(RecordsChanged, match="taken over anew"):
        cure_approve(adjustment=renewed, fingerprint=shown, by=accountant, at=AT)
    assert (InventoryAdjustment.objects.get().approved_by, everything()) == (None, before)
    cure_approve(adjustment=renewed, fingerprint=renewed.preview_fingerprint, by=accountant, at=AT)
    with pytest.raises(RecordsChanged, match="taken over anew"):
        cure_post(adjustment=renewed, fingerprint=shown, by=clerk, at=AT)
    assert (InventoryAdjustment.objects.get().status, everything()) == ("PENDING", before)


def test_its_form_does_not_change_it_so_that_it_stays_what_resolves_its_code(
    waiting: InventoryAdjustment, person: Callable[[str], User]
) -> None:
    assert "void it, and resolve the code again" in why_not_edit(waiting)
    with pytest.raises(ValidationError, match="just as it was previewed"):
        adjustment_save(
            adjustment=waiting,
            adjustment_type=waiting.adjustment_type,
            adjusted_at=day(41),
            office=waiting.office,
            lines=[line("DEAR", "151", unit_cost="100")],
            by=person("clerk"),
            at=AT,
        )
    kept = InventoryAdjustment.objects.get()
    assert (kept.adjusted_at, kept.releases.count()) == (AT, 1)
    assert suggest(make_code("DEAR")).pending == waiting


@pytest.mark.parametrize("posting_date", ["EVENT", "RUN"])
def test_it_may_be_posted_on_another_day_of_the_month(
    waiting: InventoryAdjustment, person: Callable[[str], User], posting_date: str
) -> None:
    Preference.objects.update(posting_date=posting_date)
    fingerprint = preview_cure(waiting, now=AT).fingerprint
    cure_renew(adjustment=waiting, fingerprint=fingerprint, by=person("clerk"), at=AT)
    cure_approve(adjustment=waiting, fingerprint=waiting.preview_fingerprint, by=person("accountant"), at=day(41))
    assert (
        cure_post(adjustment=waiting, fingerprint=waiting.preview_fingerprint, by=person("clerk"), at=day(42)).run
        is not None
    )


def test_a_second_one_is_not_made_beside_it(waiting: InventoryAdjustment) -> None:
    found = suggest(make_code("DEAR"))
    assert found.pending == waiting
    with pytest.raises(ValidationError, match="waits for approval"):
        resolved_as_proposed(make_code("DEAR"))
    assert InventoryAdjustment.objects.count() == 1


def test_once_no_approval_is_needed_any_more_it_is_said_to_be_pending(waiting: InventoryAdjustment) -> None:
    assert "waits for approval: approve or void it first" in suggest(make_code("DEAR")).only_people_can
    Preference.objects.update(approve_above=None)
    assert "is pending: post or void it first" in suggest(make_code("DEAR")).only_people_can
    with pytest.raises(ValidationError, match="is pending: post or void it first"):
        resolved_as_proposed(make_code("DEAR"))
    assert (InventoryAdjustment.objects.get(), waiting.status) == (waiting, "PENDING")


# -- What posting refuses ----------------------------------------------------------------------------
def test_the_preview_refuses_a_date_in_the_future_as_posting_does() -> None:
    make_usage("WIRE", "5")
    reconcile()
    code, ahead = make_code("WIRE"), day(42)
    lines = (Line(Decimal(5), Decimal(2)),)
    preview = preview_resolution(code=code, lines=lines, adjusted_at=ahead, now=AT)
    assert "lies in the future" in preview.error
    assert not preview.is_resolved
    with pytest.raises(ValidationError, match="lies in the future"):
        resolve_post(code=code, lines=lines, adjusted_at=ahead, fingerprint=preview.fingerprint, by=None, at=AT)
    assert not InventoryAdjustment.objects.exists()


@pytest.mark.parametrize("is_written_off_too", [False, True])
def test_the_preview_refuses_a_unit_that_is_there_already_as_posting_does(is_written_off_too: bool) -> None:
    code = serialized("SERIAL")
    post_adjustment("BEGINNING_BALANCE", line("SERIAL", "1", unit_cost="1", serials="S-1"), on=day(1))
    make_usage(code, "2", on_day=3)
    reconcile()
    lines = [Line(Decimal(1), Decimal(1), serials="S-1")]
    if is_written_off_too:
        lines.append(Line(Decimal(-1), serials="S-1"))
    preview = previewed(code, *lines)
    assert "S-1 of SERIAL is in stock already" in preview.error
    before = everything()
    with pytest.raises(ValidationError, match="is in stock already"):
        resolve_post(code=code, lines=lines, adjusted_at=AT, fingerprint=preview.fingerprint, by=None, at=AT)
    assert everything() == before


# -- Tracked codes -----------------------------------------------------------------------------------
def test_serial_numbers_are_named_and_the_write_off_takes_them_out_again() -> None:
    code = make_code("SERIAL")
    make_usage(code, "2")
    make_usage(code, "-2", on_day=3)
    reconcile()
    LineItemCode.objects.update(is_serialized=True)
    code.refresh_from_db()
    lines = [Line(Decimal(2), Decimal(2)), Line(Decimal(-2))]
    assert "name 2 serial numbers" in previewed(code, *lines).error
    with pytest.raises(ValidationError, match="name 2 serial numbers"):
        resolve_post(code=code, lines=lines, adjusted_at=AT, fingerprint=None, by=None, at=AT)
    assert not InventoryAdjustment.objects.exists()
    named = [Line(line.quantity, line.unit_cost, serials="S-1\nS-2") for line in lines]
    preview = previewed(code, *named)
    assert preview.is_resolved
    resolve_post(code=code, lines=named, adjusted_at=AT, fingerprint=preview.fingerprint, by=None, at=AT)
    reconcile()
    assert not OpenUsage.objects.exists()


def test_a_manufacturer_lot_that_is_new_comes_in_and_is_written_off() -> None:
    code = make_code("MFR")
    make_usage(code, "2")
    make_usage(code, "-2", on_day=3)
    reconcile()
    LineItemCode.objects.update(is_tracked_by_manufacturer_lot=True)
    code.refresh_from_db()
    lines = [Line(Decimal(2), Decimal(2), manufacturer_lot="M-1"), Line(Decimal(-2), manufacturer_lot="M-1")]
    preview = previewed(code, *lines)
    assert (preview.error, preview.is_resolved) == ("", True)
    resolve_post(code=code, lines=lines, adjusted_at=AT, fingerprint=preview.fingerprint, by=None, at=AT)
    reconcile()
    assert not OpenUsage.objects.exists()
    assert culprits() == {}


def test_a_write_off_of_named_units_draws_on_the_lots_they_came_in_with_as_previewed() -> None:
    code = make_code("MFR", cost="2")
    LineItemCode.objects.update(is_tracked_by_manufacturer_lot=True)
    code.refresh_from_db()
    for name, cost in (("M-1", "3"), ("M-2", "9")):
        post_adjustment("BEGINNING_BALANCE", line("MFR", "4", unit_cost=cost, manufacturer_lot=name))
    reconcile()
    preview = previewed(code, Line(Decimal(-1), manufacturer_lot="M-2"))
    resolve_post(code=code, lines=preview.lines, adjusted_at=AT, fingerprint=preview.fingerprint, by=None, at=AT)
    reconcile()
    assert preview.amount == 9
    assert InventoryUsage.objects.get().allocations.get().amount == 9


def test_a_manufacturer_lot_that_never_came_in_is_not_written_off_alone() -> None:
    code = make_code("MFR")
    make_usage(code, "-2")
    reconcile()
    LineItemCode.objects.update(is_tracked_by_manufacturer_lot=True)
    code.refresh_from_db()
    assert "never came in" in previewed(code, Line(Decimal(-2), manufacturer_lot="M-1")).error
    lines = [Line(Decimal(-2), manufacturer_lot="M-1")]
    with pytest.raises(ValidationError, match="never came in"):
        resolve_post(code=code, lines=lines, adjusted_at=AT, fingerprint=None, by=None, at=AT)
    assert not InventoryAdjustment.objects.exists()


# -- Lots that get their cost from usage -------------------------------------------------------------
def test_a_preview_tells_what_follows_in_lots_that_are_made_of_the_code(accountant: Client) -> None:
    make_code("PART", cost="2")
    make_code("PRODUCT", cost="0")
    post_adjustment("ASSEMBLY", line("PART", "3", role="COMPONENT"), line("PRODUCT", "1", role="PRODUCT"))
    make_usage("PRODUCT", "1", on_day=30)
    reconcile(codes=["PRODUCT"])
    product = InventoryLot.objects.get(code__code="PRODUCT")
    assert product.value == 6  # at the estimate, and sold so
    code = make_code("PART")
    assert previewed(code).following.lots == ()
    preview = previewed(code, Line(Decimal(3), Decimal(5)))
    assert [(each.lot, each.lot.value, each.value) for each in preview.following.lots] == [(product, 6, 15)]
    assert preview.amount_following == 9
    cost = [(each.debit, each.credit) for each in preview.money if each.account.number == "5000"]
    assert cost == [(9, 0)]
    page = accountant.get(reverse("reconciliation:resolve_code", args=[code.pk]), {"quantity": "3", "unit_cost": "5"})
    assert product.number in page.content.decode().split("Lots costed anew")[-1].split("Money by month")[0]


def test_a_dry_run_tells_what_follows_in_lots_that_are_made_of_a_code(accountant: Client) -> None:
    make_code("PART", cost="2")
    make_code("PRODUCT", cost="0")
    post_adjustment("ASSEMBLY", line("PART", "3", role="COMPONENT"), line("PRODUCT", "1", role="PRODUCT"))
    make_usage("PRODUCT", "1", on_day=30)
    reconcile(codes=["PRODUCT"])
    product = InventoryLot.objects.get(code__code="PRODUCT")
    make_lot("PART", received="3", value="15.00")
    preview = preview_run(now=AT)
    assert [(each.lot, each.value) for each in preview.following.lots] == [(product, 15)]
    page = accountant.get(reverse("reconciliation:preview")).content.decode()
    assert product.number in page.split("Lots it would cost anew")[1].split("Money by month and account")[0]
    assert "<td>5000" in page.split("Money by month and account")[-1]
    out = io.StringIO()
    call_command("reconcile", "--dry-run", stdout=out)
    assert "lots costed anew: 1" in out.getvalue()
    assert "2026-02 5000: debit 9.00, credit 0" in out.getvalue()
    out = io.StringIO()
    call_command("reconcile", "--dry-run", "--json", stdout=out)
    assert {"month": "2026-02", "account": "5000", "debit": 9.0, "credit": 0} in json.loads(out.getvalue())["money"]
