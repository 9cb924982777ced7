"""The workbench's services: what is proposed, what the preview says, and that posting does exactly that."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from inventory_site.fields import MONEY_STEP
from lots.accounts import account_ensure, default_account
from lots.models import CogsMethod, CostPool, FiscalPeriod, InventoryLot, LineItemCode, LotCostEvent, Preference
from reconciliation.engine import CostMethod
from reconciliation.models import CogsAllocation, ReconciliationRun
from reconciliation.preview import preview_run
from reconciliation.resolution_preview import ResolutionPreview
from reconciliation.resolving import (
    Line,
    RecordsChanged,
    Resolved,
    preview_resolution,
    resolve_post,
    suggest,
)
from reconciliation.runner import work
from tests.factories import day, make_code, make_guide_list, make_lot, make_office, make_usage, reconcile
from tests.reconciliation.records import culprits
from usage.models import InventoryAdjustment, InventoryUsage
from usage.shapes import Form

pytestmark = pytest.mark.django_db

AT = day(40)
SIX = ("2", "4", "4", "-10", "3", "-3")


def used(code: str, *quantities: str) -> LineItemCode:
    for place, quantity in enumerate(quantities):
        make_usage(code, quantity, on_day=2 + place, source="SHIP-1" if quantity[0] != "-" else "INVTRYADJ-1")
    reconcile()
    return make_code(code)


def lines_of(m: str, *, cost: str = "2.00") -> tuple[Line, ...]:
    return (Line(Decimal(m), Decimal(cost)), Line(-Decimal(m)))


def previewed(code: LineItemCode, lines: tuple[Line, ...] | None = None, **options: Any) -> ResolutionPreview:
    lines = suggest(code).lines if lines is None else lines
    return preview_resolution(code=code, lines=lines, adjusted_at=AT, now=AT, **options)


def posted(code: LineItemCode, preview: ResolutionPreview, **options: Any) -> Resolved:
    """Post just what the preview showed, and work the run."""
    resolved = resolve_post(
        code=code,
        lines=preview.lines,
        adjusted_at=preview.adjusted_at,
        fingerprint=preview.fingerprint,
        by=None,
        at=AT,
        account=preview.account,
        pool=preview.pool,
        releases=preview.releases,
        **options,
    )
    if resolved.run is not None:
        work(run_id=resolved.run.pk)
        resolved.run.refresh_from_db()
    return resolved


def pool(code: LineItemCode) -> CostPool:
    return CostPool.objects.get(code=code)


def new_lot(resolved: Resolved) -> InventoryLot:
    assert resolved.adjustment is not None
    return InventoryLot.objects.get(source_number=resolved.adjustment.number)


# -- The figures of the guides -----------------------------------------------------------------------
def test_two_and_two_that_cancel_out_pass_through_a_lot_of_two() -> None:
    code = used("ZERO", "2", "-2")
    suggestion = suggest(code)
    assert (suggestion.form, suggestion.m) == (Form.NET_ZERO, 2)
    assert [line.quantity for line in suggestion.lines] == [2, -2]
    preview = previewed(code)
    assert (preview.passes, preview.is_resolved) == (2, True)
    assert [(lot.received, lot.used) for lot in preview.lots] == [(2, 2)]
    resolved = posted(code, preview)
    assert resolved.run is not None
    assert resolved.run.passes == 2
    assert pool(code).open_count == 0
    assert new_lot(resolved).status == "CLOSED"
    assert culprits() == {}


@pytest.mark.parametrize(("m", "added"), [("1", "2.00"), ("13", "26.00"), ("50", "100.00")])
def test_larger_lines_book_more_and_change_nothing(m: str, added: str) -> None:
    preview = previewed(used("SIX", *SIX), lines_of(m))
    opening = default_account("opening")
    told = {line.account: (line.debit, line.credit) for line in preview.money}
    assert told[opening] == (Decimal(added), Decimal(added))
    assert {line.account.number: line.net for line in preview.money if line.net} == {}


@pytest.mark.parametrize(("m", "passes", "drawn"), [("1", 14, "14"), ("13", 2, "26"), ("50", 2, "63")])
def test_the_six_record_list_takes_as_many_passes_as_the_guide_says(m: str, passes: int, drawn: str) -> None:
    code = used("SIX", *SIX)
    preview = previewed(code, lines_of(m))
    assert (preview.passes, preview.drawn, preview.given_back) == (passes, Decimal(drawn), 13)
    assert preview.is_resolved
    resolved = posted(code, preview)
    assert resolved.run is not None
    assert (resolved.run.passes, resolved.run.drawn, resolved.run.given_back) == (passes, Decimal(drawn), 13)
    assert pool(code).open_count == 0
    assert new_lot(resolved).status == "CLOSED"


def test_thirteen_is_proposed_for_the_six_record_list() -> None:
    suggestion = suggest(used("SIX", *SIX))
    assert suggestion.m == 13
    assert [line.quantity for line in suggestion.lines] == [13, -13]


def test_net_minus_seventeen_is_resolved_with_twenty_and_the_lot_keeps_seventeen() -> None:
    code = used("NEG", "3", "-20")
    suggestion = suggest(code)
    assert (suggestion.form, suggestion.net, suggestion.m) == (Form.NET_NEGATIVE, -17, 20)
    preview = previewed(code)
    assert (preview.on_hand_before, preview.on_hand, preview.passes) == (17, 17, 2)
    assert [lot.current for lot in preview.lots] == [17]
    lot = new_lot(posted(code, preview))
    assert (lot.quantity_current, lot.status) == (17, "OPEN")
    assert pool(code).open_count == 0


def test_net_sixty_is_resolved_with_sixty() -> None:
    code = used("POS", "40", "20")
    suggestion = suggest(code)
    assert (suggestion.form, suggestion.m) == (Form.NET_POSITIVE, 60)
    assert [line.quantity for line in suggestion.lines] == [60]
    lot = new_lot(posted(code, previewed(code)))
    assert (lot.quantity_current, lot.status) == (0, "CLOSED")
    assert pool(code).open_count == 0


def test_a_count_of_twenty_against_minus_fifty_is_a_line_of_seventy() -> None:
    code = used("COUNT", "50")
    suggestion = suggest(code, count=Decimal(20))
    assert [line.quantity for line in suggestion.lines] == [70]
    preview = previewed(code, suggestion.lines)
    assert (preview.on_hand_before, preview.on_hand) == (-50, 20)
    assert new_lot(posted(code, preview)).quantity_current == 20
    assert pool(code).open_count == 0


@pytest.mark.parametrize("count", ["0", "5", "17", "40"])
def test_on_hand_ends_at_the_count_whatever_the_form(count: str) -> None:
    code = used("NEG", "3", "-20")
    preview = previewed(code, suggest(code, count=Decimal(count)).lines)
    assert preview.on_hand == Decimal(count)
    assert preview.is_resolved


def test_the_french_manual_of_the_guides_list_is_cleared_with_125() -> None:
    make_guide_list()
    code = make_code("TM-FRNCH3")
    suggestion = suggest(code)
    assert suggestion.m == 125
    assert suggestion.cost_source == "est unit cost 74.99"
    preview = previewed(code)
    assert (preview.passes, preview.drawn, preview.given_back) == (2, 250, 125)
    assert [(lot.received, lot.current) for lot in preview.lots] == [(125, 0)]
    posted(code, preview)
    assert pool(code).open_count == 0
    assert culprits() == {}


# -- Where the cost comes from -----------------------------------------------------------------------
def test_without_an_estimate_the_newest_lot_says_what_a_unit_costs() -> None:
    code = make_code("LAST", cost="0")
    make_lot(code, received="3", value="10.00", on_day=1, number="L-OLD")
    make_lot(code, received="4", value="20.00", on_day=2, number="L-NEW")
    make_usage(code, "9", on_day=3)
    reconcile()
    suggestion = suggest(code)
    assert suggestion.unit_cost == 5
    assert "L-NEW" in suggestion.cost_source


def test_without_estimate_and_lot_the_cost_is_to_be_entered() -> None:
    make_code("NONE", cost="0")
    suggestion = suggest(used("NONE", "9"))
    assert suggestion.unit_cost is None
    assert "enter" in suggestion.cost_source
    assert "enter what a unit costs" in suggestion.only_people_can


# -- What no lot can cure ----------------------------------------------------------------------------
def test_usage_tied_to_an_empty_lot_is_let_go_and_then_needs_no_adjustment() -> None:
    code = make_code("TIED")
    tied = make_lot(code, received="2", value="4.00", on_day=1)
    make_lot(code, received="10", value="30.00", on_day=2)
    make_usage(code, "5", on_day=3, only_lots=[tied])
    reconcile()
    assert pool(code).open_unallocated == 3
    suggestion = suggest(code)
    assert (suggestion.lines, len(suggestion.releases)) == ((), 1)
    assert suggestion.is_run_enough
    preview = previewed(code, (), releases=suggestion.releases)
    assert preview.is_resolved
    posted(code, preview)
    assert pool(code).open_count == 0
    assert not InventoryAdjustment.objects.exists()
    assert culprits() == {}


def test_a_line_can_grow_the_lot_that_usage_is_tied_to() -> None:
    code = make_code("TIED")
    tied = make_lot(code, received="2", value="4.00", on_day=1)
    make_usage(code, "5", on_day=3, only_lots=[tied])
    reconcile()
    preview = previewed(code, (Line(Decimal(3), Decimal(4), into_lot=tied),))
    # The two that it gave out before are trued up to the lot's new cost: 16.00 for 5.
    assert preview.is_resolved
    assert preview.amount == Decimal("12.00")
    posted(code, preview)
    tied.refresh_from_db()
    assert (tied.quantity_received, tied.value, tied.quantity_current) == (5, Decimal("16.00"), 0)
    assert pool(code).open_count == 0
    assert culprits() == {}


def test_a_new_lot_does_not_cure_tied_usage_and_the_preview_says_so() -> None:
    code = make_code("TIED")
    tied = make_lot(code, received="2", value="4.00", on_day=1)
    make_usage(code, "5", on_day=3, only_lots=[tied])
    reconcile()
    preview = previewed(code, (Line(Decimal(3), Decimal(4)),))
    assert not preview.is_resolved
    assert [usage.after for usage in preview.still_open] == [3]


# -- Offices apart -----------------------------------------------------------------------------------
def test_where_offices_are_apart_each_gets_its_own_adjustment() -> None:
    Preference.objects.update(prevent_inter_office=True)
    code = make_code("APART")
    make_usage(code, "5", on_day=2, office="AI")
    make_usage(code, "-8", on_day=2, office="NY")
    reconcile()
    pools = {pool.office.code: pool for pool in CostPool.objects.select_related("office", "code") if pool.office}
    assert [line.quantity for line in suggest(code, pools["AI"]).lines] == [5]
    assert [line.quantity for line in suggest(code, pools["NY"]).lines] == [8, -8]
    preview = previewed(code, suggest(code, pools["AI"]).lines, pool=pools["AI"])
    resolved = posted(code, preview)
    assert resolved.adjustment is not None
    assert resolved.adjustment.office == make_office("AI")
    assert {pool.office.code: pool.open_count for pool in CostPool.objects.all() if pool.office} == {"AI": 0, "NY": 1}


# -- A run that is due -------------------------------------------------------------------------------
def test_what_a_run_that_is_due_will_close_needs_no_adjustment() -> None:
    code = used("DUE", "5")
    make_lot(code, received="5", value="10.00", on_day=3)
    suggestion = suggest(code)
    assert suggestion.is_run_enough
    assert "run" in suggestion.note


# -- Posting what was shown --------------------------------------------------------------------------
def test_when_the_records_changed_nothing_is_posted_and_the_new_preview_is_shown() -> None:
    code = used("RACE", "5")
    preview = previewed(code)
    make_usage(code, "7", on_day=9)
    with pytest.raises(RecordsChanged) as refused:
        posted(code, preview)
    assert "Nothing was posted" in refused.value.messages[0]
    assert [usage.before for usage in refused.value.preview.usages] == [5, 7]
    assert not InventoryAdjustment.objects.exists()
    assert ReconciliationRun.objects.count() == 1
    assert pool(code).open_unallocated == 12


@pytest.mark.parametrize("change", ["method", "estimate", "period"])
def test_preferences_estimates_and_periods_are_part_of_what_was_shown(change: str) -> None:
    code = used("RACE", "5")
    preview = previewed(code)
    if change == "method":
        Preference.objects.update(cogs_method=CogsMethod.LIFO)
    elif change == "estimate":
        LineItemCode.objects.filter(pk=code.pk).update(est_unit_cost=3)
    else:
        FiscalPeriod.objects.create(starts_on=AT.date().replace(day=1), is_closed=True)
    with pytest.raises(RecordsChanged):
        posted(LineItemCode.objects.get(pk=code.pk), preview)
    assert not InventoryAdjustment.objects.exists()


def test_closing_a_month_that_nothing_of_it_counts_in_leaves_a_preview_as_it_was() -> None:
    code = used("RACE", "5")
    preview = previewed(code)
    # Long before, and that of the usage: its cost counts when there are goods.
    for month in (date(1999, 1, 1), day(2).date().replace(day=1)):
        FiscalPeriod.objects.create(starts_on=month, is_closed=True)
    assert posted(code, preview).adjustment is not None
    assert pool(code).open_unallocated == 0


def test_a_preview_writes_nothing() -> None:
    code = used("DRY", *SIX)
    tables = (InventoryLot, InventoryUsage, InventoryAdjustment, CogsAllocation, ReconciliationRun, LotCostEvent)
    before = [model._default_manager.count() for model in tables]
    previewed(code)
    assert [model._default_manager.count() for model in tables] == before
    assert pool(code).has_work is False


@pytest.mark.parametrize("line", [Line(Decimal(0)), Line(Decimal(1), Decimal(-1))])
def test_lines_that_no_adjustment_can_have_are_refused(line: Line) -> None:
    code = used("BAD", "5")
    with pytest.raises(ValidationError):
        previewed(code, (line,))


def test_the_adjustment_names_the_preview_it_was_made_from() -> None:
    code = used("NAMED", "5")
    preview = previewed(code)
    adjustment = posted(code, preview).adjustment
    assert adjustment is not None
    assert adjustment.preview_fingerprint == preview.fingerprint
    assert adjustment.account == default_account("opening")


# -- Money -------------------------------------------------------------------------------------------
def test_the_money_is_told_by_account_and_month() -> None:
    code = used("MONEY", "5")
    equity = account_ensure("3900")
    preview = previewed(code, (Line(Decimal(7), Decimal("2.50")),), account=equity)
    told = {(f"{line.month:%Y-%m}", line.account.number): (line.debit, line.credit) for line in preview.money}
    inventory = default_account("inventory").number
    cost = default_account("cost").number
    # Day 40 of a history that begins on January 5th is February 13th: the lot's first receipt is later than the use.
    assert told == {
        ("2026-02", equity.number): (0, Decimal("17.50")),
        ("2026-02", inventory): (Decimal("17.50"), Decimal("12.50")),
        ("2026-02", cost): (Decimal("12.50"), 0),
    }


# -- What if -----------------------------------------------------------------------------------------
def test_a_dry_run_compares_methods_without_writing() -> None:
    code = make_code("WHATIF")
    make_lot(code, received="5", value="50.00", on_day=1)
    make_lot(code, received="5", value="60.00", on_day=2)
    make_usage(code, "8", on_day=3)
    amounts = {
        method: preview_run(now=AT, codes=[code.code], method=method).amount * MONEY_STEP for method in CostMethod
    }
    assert amounts == {CostMethod.FIFO: Decimal("86.00"), CostMethod.LIFO: Decimal("90.00")}
    assert not CogsAllocation.objects.exists()
