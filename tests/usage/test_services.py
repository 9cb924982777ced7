"""Recording usage: the fact, what is open of it, its movement and the sums of its pool in one step, or nothing."""

from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError

from lots.models import CostPool, InventoryTransaction
from tests.factories import assert_ledger_holds, day, make_code, make_lot, make_usage, reconcile
from usage.models import InventoryUsage, OpenUsage
from usage.services import est_unit_cost_set, usage_record

pytestmark = pytest.mark.django_db


def test_a_shipment_is_wholly_unallocated_until_a_run() -> None:
    make_code("WIRE", cost="1.99")
    shipped = make_usage("WIRE", "3", office="AI", source="SHIP-60000", order="60007", reference="Order #60007")
    assert (shipped.source_kind, shipped.order) == ("SHIP", "60007")
    assert shipped.open_usage.quantity_unallocated == 3
    assert InventoryTransaction.objects.get().on_hand == -3
    pool = CostPool.objects.get()
    assert (pool.open_count, pool.open_unallocated, pool.open_accrued_cogs) == (1, 3, Decimal("5.97"))
    assert pool.has_work
    assert_ledger_holds()


def test_a_return_counts_on_the_negative_side() -> None:
    make_usage("WIRE", "10")
    make_usage("WIRE", "-4")
    pool = CostPool.objects.get()
    assert (pool.open_unallocated, pool.open_unallocated_positive, pool.open_unallocated_negative) == (6, 10, -4)
    assert pool.open_accrued_cogs == 12
    assert_ledger_holds()


def test_what_is_accrued_is_rounded_per_usage_so_that_a_list_adds_up() -> None:
    make_code("WIRE", cost="0.335")
    for _ in range(3):
        make_usage("WIRE", "1")
    assert CostPool.objects.get().open_accrued_cogs == Decimal("1.02")
    assert_ledger_holds()


def test_a_usage_of_nothing_is_refused_and_writes_nothing() -> None:
    with pytest.raises(ValidationError, match="Nothing was recorded"):
        make_usage("WIRE", "0")
    assert not InventoryUsage.objects.exists()
    assert not InventoryTransaction.objects.exists()
    assert not CostPool.objects.exists()


def test_a_return_must_return_the_same_code() -> None:
    sold = make_usage("WIRE", "3")
    with pytest.raises(ValidationError, match="another code"):
        make_usage("BOOK", "-1", original=sold)
    assert InventoryUsage.objects.count() == 1


def test_a_usage_can_only_be_restricted_to_lots_of_its_code() -> None:
    book_lot = make_lot("BOOK")
    with pytest.raises(ValidationError, match="another code"):
        make_usage("WIRE", "1", only_lots=[book_lot])
    assert not InventoryUsage.objects.exists()


def test_the_lots_that_a_usage_may_touch_are_kept() -> None:
    lot = make_lot("WIRE")
    restricted = make_usage("WIRE", "1", only_lots=[lot])
    assert [row.lot for row in restricted.restrictions.all()] == [lot]
    assert restricted.open_usage.is_restricted


def test_a_new_estimate_changes_what_is_accrued_at_once() -> None:
    code = make_code("WIRE", cost="2.00")
    make_usage(code, "10")
    est_unit_cost_set(by=None, at=day(1), code=code, est_unit_cost=Decimal("2.50"))
    assert CostPool.objects.get().open_accrued_cogs == 25
    assert_ledger_holds()
    with pytest.raises(ValidationError, match="Nothing was changed"):
        est_unit_cost_set(by=None, at=day(1), code=code, est_unit_cost=Decimal(-1))
    code.refresh_from_db()
    assert code.est_unit_cost == Decimal("2.50")


def test_the_identity_holds_after_every_step_of_a_small_history() -> None:
    """On hand = lots current - unallocated, before and after each posting and each run."""
    make_lot("WIRE", received="10")
    assert_ledger_holds()
    sold = make_usage("WIRE", "12", on_day=2)
    assert_ledger_holds()
    reconcile()
    assert_ledger_holds()
    make_usage("WIRE", "-4", on_day=3, original=sold)
    assert_ledger_holds()
    reconcile()
    assert_ledger_holds()
    make_lot("WIRE", received="5", on_day=4)
    reconcile()
    assert_ledger_holds()
    assert sum(row.on_hand for row in InventoryTransaction.objects.all()) == 7
    assert not OpenUsage.objects.exists()


def test_usage_is_numbered_in_the_order_of_entry() -> None:
    code = make_code("WIRE")
    first = usage_record(code=code, quantity=Decimal(1), used_at=day(5))
    second = usage_record(code=code, quantity=Decimal(1), used_at=day(1))
    assert int(second.number) == int(first.number) + 1
    assert second.pk > first.pk
