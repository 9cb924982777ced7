"""Adjustments that name units: serial numbers, manufacturer lots; and lines that cannot be."""

from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError

from inventory_site.document_forms import LineError
from lots.models import (
    InventoryLot,
    SerialMovement,
)
from lots.services import lot_record
from tests.factories import day, make_code, make_lot
from tests.reconciliation.records import culprits, run_now
from tests.usage.adjustments import AT, everything, line, pending, posted, serialized, tracked, usages_of
from usage.adjusting import (
    adjustment_post,
    adjustment_void,
    on_hand_as_of,
)
from usage.models import InventoryAdjustment, OpenUsage

pytestmark = pytest.mark.django_db


def refusal_of(refusal: ValidationError) -> list[tuple[int, str]]:
    return [(error.index, str(error.message)) for error in refusal.error_list if isinstance(error, LineError)]


def open_usage() -> int:
    return OpenUsage.objects.count()


# -- Serial numbers and manufacturer lots ------------------------------------------------------------


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


def test_a_manufacturer_lot_is_filled_up_by_beginning_balances_only_to_what_came_in() -> None:
    code = tracked()
    lot_record(code=code, quantity=Decimal(10), value=Decimal(100), received_at=day(1), manufacturer_lot="M-77")
    posted("LOSS", line("GLUE", "1", manufacturer_lot="M-77"))
    with pytest.raises(ValidationError, match="exceeds the previously used quantity 1"):
        pending("BEGINNING_BALANCE", line("GLUE", "2", manufacturer_lot="M-77"))
    found = posted("BEGINNING_BALANCE", line("GLUE", "1", manufacturer_lot="M-77"))
    before = everything()
    with pytest.raises(ValidationError, match=r"used quantity 0 .* the 10 that came in"):
        posted("BEGINNING_BALANCE", line("GLUE", "1", manufacturer_lot="M-77"))
    assert everything() == before
    adjustment_void(adjustment=found, by=None, at=AT)
    posted("BEGINNING_BALANCE", line("GLUE", "1", manufacturer_lot="M-77"))


def test_a_manufacturer_lot_holds_what_its_first_beginning_balance_brought() -> None:
    tracked()
    typo = posted("BEGINNING_BALANCE", line("GLUE", "3", manufacturer_lot="M-9"))
    adjustment_void(adjustment=typo, by=None, at=AT)
    posted("BEGINNING_BALANCE", line("GLUE", "5", manufacturer_lot="M-9"))
    posted("LOSS", line("GLUE", "2", manufacturer_lot="M-9"))
    posted("BEGINNING_BALANCE", line("GLUE", "2", manufacturer_lot="M-9"))
    with pytest.raises(ValidationError, match="exceeds the previously used quantity 0"):
        pending("BEGINNING_BALANCE", line("GLUE", "1", manufacturer_lot="M-9"))


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
