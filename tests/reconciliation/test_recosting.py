"""Cost travels through lots that usage feeds: assemblies, divisions, transfers, and what became of them."""

from collections.abc import Iterable
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lots.accounts import default_account
from lots.models import CostPool, InventoryLot, LineItemCode, LotCostEvent, LotType
from lots.purchasing import purchase_order_close, purchase_order_reopen
from lots.services import lot_change, lot_open
from reconciliation.feed_order import ROUNDS_MOST
from reconciliation.models import CogsAllocation, RunLogLine, RunPool
from reconciliation.preview import preview_run
from reconciliation.recosting import recost_waiting
from reconciliation.sweeper import start_what_waits, sweep
from tests.factories import make_code
from tests.lots.purchasing_stories import bill, line_of, order_of
from tests.lots.purchasing_stories import receive as receive_order
from tests.reconciliation.records import FIRST_DAY, culprits, receive, run_now, use
from tests.reconciliation.test_posting import balance
from usage.feeding import lot_feed
from usage.models import InventoryUsage, LotRecost
from usage.models.feeds import WHOLE
from usage.services import usage_record

pytestmark = pytest.mark.usefixtures("db")
Kind = LotCostEvent.Kind


def put_in(code: LineItemCode, quantity: str) -> InventoryUsage:
    """Use a component for something that is being made."""
    account = default_account("in_process")
    return usage_record(code=code, quantity=Decimal(quantity), used_at=FIRST_DAY, account=account)


def make_of(usages: list[InventoryUsage], code: LineItemCode, quantity: str) -> InventoryLot:
    """Make a lot that these usages feed whole."""
    lot = lot_open(
        code=code, quantity_ordered=Decimal(quantity), lot_type=LotType.PRODUCTION, is_complete=True, is_fed=True
    )
    lot_change(lot=lot, at=FIRST_DAY, kind=Kind.PRODUCTION, quantity=Decimal(quantity))
    for usage in usages:
        lot_feed(usage=usage, lot=lot)
    return lot


def on_hand_is_kept_by_hand() -> set[str]:
    """These tests write no movements of what they produce."""
    return {"on_hand_identity", "on_hand_identity_per_office"}


def test_what_goes_in_is_what_comes_out() -> None:
    wood, table = make_code("WOOD"), make_code("TABLE")
    receive(wood, "10", "100.00")
    lot = make_of([put_in(wood, "4")], table, "2")
    use(table, "1")
    run = run_now()
    lot.refresh_from_db()
    assert (lot.value, lot.is_cost_final) == (Decimal("40.00"), True)
    assert (balance("1200"), balance("1210"), balance("5000")) == (Decimal("80.00"), 0, Decimal("20.00"))
    # The product took its turn in the same run, after its component, so that no true-up was needed.
    assert not CogsAllocation.objects.filter(kind="TRUE_UP").exists()
    assert list(RunPool.objects.filter(run=run).order_by("level").values_list("pool__code__code", flat=True)) == [
        "WOOD",
        "TABLE",
    ]
    assert set(culprits()) <= on_hand_is_kept_by_hand()


def test_what_is_made_is_priced_once_when_all_that_went_in_is_reconciled(monkeypatch: pytest.MonkeyPatch) -> None:
    wood, glue, table = make_code("WOOD", cost="12.00"), make_code("GLUE", cost="1.00"), make_code("TABLE")
    receive(wood, "10", "100.00")
    receive(glue, "10", "20.00")
    lot = make_of([put_in(wood, "4"), put_in(glue, "1")], table, "2")
    start_what_waits(now=FIRST_DAY)
    sweep(now=FIRST_DAY)
    lot.refresh_from_db()
    # A run that waits for its worker will see to it: not estimated first, through the books.
    assert lot.value == 0
    with monkeypatch.context() as patch:
        patch.setattr("reconciliation.runner.batch_of", lambda waiting: waiting[:1])
        run_now()
    lot.refresh_from_db()
    assert lot.value == 42
    assert [event.value for event in lot.cost_events.order_by("pk")] == [0, 42]


def test_what_is_made_is_estimated_where_no_run_will_take_what_went_in() -> None:
    wood, table = make_code("WOOD", cost="12.00"), make_code("TABLE")
    lot = make_of([put_in(wood, "4")], table, "2")
    CostPool.objects.update(is_set_aside=True)
    sweep(now=FIRST_DAY)
    lot.refresh_from_db()
    assert lot.value == 48


def test_a_late_bill_on_a_component_reaches_what_was_sold_two_levels_up() -> None:
    wood, leg, table = make_code("WOOD"), make_code("LEG"), make_code("TABLE")
    source = receive(wood, "10", "100.00")
    legs = make_of([put_in(wood, "8")], leg, "4")
    tables = make_of([put_in(leg, "4")], table, "1")
    sold = use(table, "1")
    run_now()
    lot_change(lot=source, at=FIRST_DAY, kind=Kind.PURCHASE, value=Decimal("10.00"))
    run_now()
    for lot, value in ((legs, "88.00"), (tables, "88.00")):
        lot.refresh_from_db()
        assert lot.value == Decimal(value)
    assert sum(row.amount for row in CogsAllocation.objects.filter(usage=sold)) == Decimal("88.00")
    assert (balance("1210"), balance("5000")) == (0, Decimal("88.00"))


def test_an_unallocated_component_is_in_at_its_estimate_until_it_is_found() -> None:
    wood, table = make_code("WOOD", cost="12.00"), make_code("TABLE")
    lot = make_of([put_in(wood, "4")], table, "2")
    run_now()
    lot.refresh_from_db()
    assert (lot.value, lot.is_cost_final) == (Decimal("48.00"), False)
    receive(wood, "4", "40.00")
    run_now()
    lot.refresh_from_db()
    assert (lot.value, lot.is_cost_final) == (Decimal("40.00"), True)


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(1, WHOLE - 1), min_size=1, max_size=5, unique=True), st.integers(1, 99_999))
def test_parts_of_a_division_add_up_to_the_cent(cuts: list[int], cents: int) -> None:
    whole = make_code(f"WHOLE-{LineItemCode.objects.count()}")
    receive(whole, "1", str(Decimal(cents).scaleb(-2)))
    usage = put_in(whole, "1")
    edges = [0, *sorted(cuts), WHOLE]
    lots = []
    for before, after in pairwise(edges):
        part = make_code(f"PART-{LineItemCode.objects.count()}")
        lot = lot_open(code=part, quantity_ordered=Decimal(1), is_complete=True, is_fed=True)
        lot_change(lot=lot, at=FIRST_DAY, kind=Kind.ADJUSTMENT, quantity=Decimal(1))
        lot_feed(usage=usage, lot=lot, share_from=before, share_to=after)
        lots.append(lot.pk)
    run_now()
    assert sum(InventoryLot.objects.get(pk=pk).value for pk in lots) == Decimal(cents).scaleb(-2)


def test_a_ring_that_settles_is_worked_round_until_it_does() -> None:
    a, b = make_code("A"), make_code("B")
    receive(a, "1", "100.00")
    first = put_in(a, "2")
    lot_b = make_of([first], b, "2")
    back = put_in(b, "1")
    lot_a = make_of([back], a, "1")
    for _ in range(ROUNDS_MOST):
        run_now()
    lot_a.refresh_from_db()
    lot_b.refresh_from_db()
    # B is made of both A: 100 + a; A is made of half of B: a = (100 + a) / 2.
    assert (lot_b.value, lot_a.value) == (Decimal("200.00"), Decimal("100.00"))
    assert not CostPool.objects.filter(is_set_aside=True).exists()


def test_a_ring_that_does_not_settle_is_reported_and_left_alone() -> None:
    a, b = make_code("A"), make_code("B")
    receive(a, "1", "100.00")
    lot_b = make_of([put_in(a, "2")], b, "2")
    make_of([put_in(b, "2")], a, "1")  # all of B goes back in: it would grow for ever
    for _ in range(2 * ROUNDS_MOST):
        run_now()
        if CostPool.objects.filter(is_set_aside=True).exists():
            break
    else:
        pytest.fail("The ring was never given up.")
    assert RunLogLine.objects.filter(level="ERROR", message__contains="goes into itself").exists()
    lot_b.refresh_from_db()
    assert lot_b.value < Decimal(100) * (2 * ROUNDS_MOST)
    assert not LotRecost.objects.exists()


def test_a_dry_run_reports_a_ring_as_the_run_does() -> None:
    a, b = make_code("A"), make_code("B")
    receive(a, "1", "100.00")
    make_of([put_in(a, "2")], b, "2")
    make_of([put_in(b, "2")], a, "1")  # all of B goes back in: it would grow for ever
    for _ in range(2 * ROUNDS_MOST):
        preview = preview_run(now=FIRST_DAY)
        run = run_now()
        failed = {row.pool_id: row.error for row in RunPool.objects.filter(run=run, state="FAILED")}
        refused = {line["pool"]: line["error"] for line in preview.lines if line["error"]}
        assert refused == {pool: f"A run would set this aside. {error}" for pool, error in failed.items()}
        given_up = set(run.log_lines.filter(level="ERROR").values_list("message", flat=True))
        assert set(preview.following.given_up) == given_up - set(failed.values())
        if given_up:
            break
        assert preview.following.is_unsettled
    else:
        pytest.fail("The ring was never given up.")


def test_noting_and_costing_again_changes_nothing() -> None:
    wood, table = make_code("WOOD"), make_code("TABLE")
    receive(wood, "10", "100.00")
    lot = make_of([put_in(wood, "4")], table, "2")
    run_now()
    events = LotCostEvent.objects.filter(lot=lot).count()
    LotRecost.objects.create(lot=lot)
    assert recost_waiting() == 1
    assert LotCostEvent.objects.filter(lot=lot).count() == events


def test_what_was_made_of_a_reopened_order_is_estimated_again_though_no_value_changed() -> None:
    order = order_of(("WOOD", "10", "10"))
    receive_order(order, "10")
    bill((line_of(order), "10", "100"))
    table, room = make_code("TABLE"), make_code("ROOM")
    tables = make_of([put_in(make_code("WOOD"), "4")], table, "2")
    rooms = make_of([put_in(table, "1")], room, "1")
    other = make_of([put_in(room, "1")], make_code("HOUSE"), "1")
    made = (tables, rooms, other)
    run_now()
    assert finality(made) == [True, True, True]
    values = [lot.value for lot in InventoryLot.objects.order_by("pk")]
    order.refresh_from_db()
    purchase_order_reopen(purchase_order=order, by=None, at=FIRST_DAY)
    recost_waiting()
    assert finality(made) == [False, False, False]
    assert not InventoryLot.objects.filter(is_cost_reopened=True).exists()
    run_now()
    assert finality(made) == [False, False, False]
    assert [lot.value for lot in InventoryLot.objects.order_by("pk")] == values
    purchase_order_close(purchase_order=order, by=None, at=FIRST_DAY)
    # Noticed already, and closed again: nothing is left to be estimated.
    recost_waiting()
    run_now()
    assert finality(made) == [True, True, True]


def finality(lots: Iterable[InventoryLot]) -> list[bool]:
    return [InventoryLot.objects.get(pk=lot.pk).is_cost_final for lot in lots]
