"""What the database itself refuses about usage, by the name of the rule."""

from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from tests.factories import day, make_code, make_lot, make_usage
from usage.models import InventoryUsage, OpenUsage, UsageLotRestriction

pytestmark = pytest.mark.django_db


def test_a_usage_of_nothing_is_no_usage() -> None:
    with pytest.raises(IntegrityError, match="usage_quantity_not_zero"), transaction.atomic():
        InventoryUsage.objects.create(number="1", code=make_code("WIRE"), used_at=day(1), quantity=0)


def test_a_usage_cannot_return_itself() -> None:
    with pytest.raises(IntegrityError, match="usage_returns_another"), transaction.atomic():
        InventoryUsage.objects.create(
            pk=7, number="7", code=make_code("WIRE"), used_at=day(1), quantity=-1, original_id=7
        )


def test_a_number_is_given_once() -> None:
    make_usage("WIRE", "1", number="60000")
    with pytest.raises(IntegrityError, match="number"), transaction.atomic():
        make_usage("WIRE", "1", number="60000")
    assert InventoryUsage.objects.count() == 1


@pytest.mark.parametrize(
    ("quantity", "change"),
    [
        ("5", {"quantity_unallocated": 0}),
        ("5", {"quantity_unallocated": 6}),
        ("5", {"quantity_unallocated": -1}),
        ("-5", {"quantity_unallocated": -6}),
        ("-5", {"quantity_unallocated": 1}),
    ],
)
def test_what_is_open_has_the_sign_of_its_usage_and_no_greater_size(quantity: str, change: dict[str, Any]) -> None:
    usage = make_usage("WIRE", quantity)
    with pytest.raises(IntegrityError, match="open_usage_unallocated_within_quantity"), transaction.atomic():
        OpenUsage.objects.filter(usage=usage).update(**change)
    assert OpenUsage.objects.get().quantity_unallocated == usage.quantity


def test_a_usage_is_restricted_to_a_lot_once() -> None:
    lot = make_lot("WIRE")
    usage = make_usage("WIRE", "1", only_lots=[lot])
    with pytest.raises(IntegrityError, match="usage_restricted_to_a_lot_once"), transaction.atomic():
        UsageLotRestriction.objects.create(usage=usage, lot=lot)


@pytest.mark.parametrize("table", ["usage_inventoryusage", "usage_usagelotrestriction"])
@pytest.mark.parametrize("statement", ["UPDATE {} SET id = id", "DELETE FROM {}", "TRUNCATE {} CASCADE"])
def test_facts_are_never_rewritten(table: str, statement: str) -> None:
    make_usage("WIRE", "1", only_lots=[make_lot("WIRE")])
    with connection.cursor() as cursor:
        # A table that still waits for its foreign keys to be checked could not be truncated anyway.
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    with pytest.raises(DatabaseError, match="is append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement.format(table))
    assert InventoryUsage.objects.count() == 1
    assert UsageLotRestriction.objects.count() == 1
