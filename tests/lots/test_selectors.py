"""Balances and the master identity, from the rows themselves."""

import pytest

from lots.models import InventoryTransaction
from lots.selectors import Balances, balances_of, master_identity, only_code_like, running_balances
from tests.factories import day, make_code, make_lot, make_usage

pytestmark = pytest.mark.django_db


def test_balances_are_plain_sums_and_demand_is_negative() -> None:
    wire = make_code("WIRE")
    make_lot("WIRE", received="100")
    InventoryTransaction.objects.create(code=wire, at=day(2), demand=-50)
    InventoryTransaction.objects.create(code=wire, at=day(2), on_order=20)
    balances = balances_of(wire)
    assert balances == Balances(on_order=20, demand=-50, on_hand=100)  # type: ignore[arg-type]  # equal as numbers
    assert (balances.available, balances.total) == (50, 70)


def test_running_balances_follow_the_dates_and_not_the_order_of_entry() -> None:
    wire = make_code("WIRE")
    make_usage("WIRE", "3", on_day=5)
    make_lot("WIRE", received="10", on_day=1)
    make_lot("BOOK", received="77", on_day=1)
    late, early = InventoryTransaction.objects.filter(code=wire).order_by("pk")
    running = running_balances([wire.pk])
    assert {pk: balances.on_hand for pk, balances in running.items()} == {early.pk: 10, late.pk: 7}
    assert set(running_balances([wire.pk], transaction_ids=[late.pk])) == {late.pk}


def test_the_identity_holds_and_a_stray_movement_breaks_it() -> None:
    wire = make_code("WIRE")
    make_lot("WIRE", received="10")
    make_usage("WIRE", "12")
    identity = master_identity(wire, on_hand=balances_of(wire).on_hand)
    assert (identity.on_hand, identity.in_lots, identity.unallocated) == (-2, 10, 12)
    assert identity.holds
    InventoryTransaction.objects.create(code=wire, at=day(2), on_hand=1)
    assert master_identity(wire, on_hand=balances_of(wire).on_hand).difference == 1


@pytest.mark.parametrize(
    ("text", "found"), [("=WIRE", "WIRE"), ("wire-2", "WIRE-2"), ("WIRE", None), ("x", None), ("=x", None)]
)
def test_one_code_is_meant_only_where_one_is_found(text: str, found: str | None) -> None:
    make_code("WIRE")
    make_code("WIRE-2")
    code = only_code_like(text)
    assert (code.code if code else None) == found
