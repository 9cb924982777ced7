"""What the database itself refuses, by the name of the rule, whatever the code above it does."""

from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.db.models import F
from django.utils import timezone

from lots.models import CostPool, InventoryLot, InventoryTransaction, LineItemCode, Office, Preference, PreferenceChange
from tests.factories import make_code, make_lot, make_office

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"quantity_used": 11, "quantity_costed": 20}, "lot_used_within_received"),
        ({"quantity_used": -1}, "lot_used_within_received"),
        ({"quantity_used": 6, "quantity_costed": 5}, "lot_used_within_costed"),
        ({"value": -1}, "lot_value_not_negative"),
        ({"value_costed": -1}, "lot_value_not_negative"),
        ({"quantity_ordered": -1}, "lot_value_not_negative"),
        ({"quantity_received": 0}, "lot_value_needs_quantity"),
        ({"first_received_at": None}, "lot_received_has_a_moment"),
    ],
)
def test_a_lot_cannot_hold_what_makes_no_sense(change: dict[str, Any], rule: str) -> None:
    lot = make_lot("WIRE", received="10", value="100")
    with pytest.raises(IntegrityError, match=rule), transaction.atomic():
        InventoryLot.objects.filter(pk=lot.pk).update(**change)
    lot.refresh_from_db()
    assert (lot.quantity_received, lot.quantity_used, lot.value) == (10, 0, 100)


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"quantity_used": 11}, "pool_used_within_received"),
        ({"open_unallocated": 1}, "pool_unallocated_is_positive_plus_negative"),
        ({"open_unallocated_negative": 1, "open_unallocated": 1}, "pool_unallocated_is_positive_plus_negative"),
    ],
)
def test_a_pool_cannot_hold_what_makes_no_sense(change: dict[str, Any], rule: str) -> None:
    make_lot("WIRE", received="10")
    with pytest.raises(IntegrityError, match=rule), transaction.atomic():
        CostPool.objects.update(**change)


def test_a_code_has_one_pool_even_where_the_office_is_blank() -> None:
    code = make_code("WIRE")
    CostPool.objects.create(code=code)
    with pytest.raises(IntegrityError, match="one_pool_per_code_and_office"), transaction.atomic():
        CostPool.objects.create(code=code)
    CostPool.objects.create(code=code, office=make_office("AI"))


def test_codes_and_offices_have_a_name_and_no_negative_estimate() -> None:
    with pytest.raises(IntegrityError, match="line_item_code_not_blank"), transaction.atomic():
        LineItemCode.objects.create(code="")
    with pytest.raises(IntegrityError, match="line_item_code_est_unit_cost_not_negative"), transaction.atomic():
        LineItemCode.objects.create(code="WIRE", est_unit_cost=-1)
    with pytest.raises(IntegrityError, match="office_code_not_blank"), transaction.atomic():
        Office.objects.create(code="")


def test_a_movement_moves_something() -> None:
    with pytest.raises(IntegrityError, match="transaction_moves_something"), transaction.atomic():
        InventoryTransaction.objects.create(code=make_code("WIRE"), at=timezone.now())


def test_there_is_one_row_of_preferences() -> None:
    with pytest.raises(IntegrityError, match="one_row_of_preferences"), transaction.atomic():
        Preference.objects.create(pk=2)


# -- Append-only -------------------------------------------------------------------------------------
def check_references_now() -> None:
    """Foreign keys are checked at the commit, and a table that still waits for that could not be truncated anyway."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def refuses(statement: str) -> None:
    check_references_now()
    with pytest.raises(DatabaseError, match="is append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


def test_the_quantity_ledger_is_never_rewritten() -> None:
    make_lot("WIRE", received="10")
    with pytest.raises(DatabaseError, match="is append-only"), transaction.atomic():
        InventoryTransaction.objects.update(on_hand=F("on_hand") + 1)
    with pytest.raises(DatabaseError, match="is append-only"), transaction.atomic():
        InventoryTransaction.objects.all()._raw_delete("default")
    refuses("TRUNCATE lots_inventorytransaction CASCADE")
    assert InventoryTransaction.objects.get().on_hand == 10


def test_the_log_of_preferences_is_never_rewritten() -> None:
    PreferenceChange.objects.create(at=timezone.now(), name="cogs_method", value_before="FIFO", value_after="LIFO")
    refuses("UPDATE lots_preferencechange SET value_after = 'FIFO'")
    refuses("DELETE FROM lots_preferencechange")
    refuses("TRUNCATE lots_preferencechange")
    assert PreferenceChange.objects.get().value_after == "LIFO"
