"""Filters of codes, lots and transactions: one per column, each with an example of what it finds."""

from typing import Any

import pytest

from lots.filtersets import CodeFilterSet, LotFilterSet, TransactionFilterSet
from lots.models import LotType
from lots.querysets import codes, lots, transactions
from tests.factories import make_code, make_lot, make_usage, reconcile

pytestmark = pytest.mark.django_db


@pytest.fixture
def stock() -> None:
    make_code("WIRE", cost="2.00", description="Copper wire")
    make_lot("WIRE", received="4", value="10.00", number="a", source="PO-1", order="60007")
    make_lot("WIRE", received="6", value="18.00", number="b", on_day=2, source="PO-10", office="AI")
    make_lot("PEN", received="9", value="9", number="c", on_day=3, lot_type=LotType.PRODUCTION)
    make_usage("WIRE", "5", source="SHIP-1")
    make_usage("BOOK", "1")
    reconcile()


@pytest.mark.usefixtures("stock")
@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"number": "A"}, "a"),
        ({"lot_type": "PRODUCTION"}, "c"),
        ({"code": "=WIRE"}, "ab"),
        ({"source_number": "po-1"}, "ab"),
        ({"source_number": "=PO-1"}, "a"),
        ({"parent_order": "=60007"}, "a"),
        ({"first_received_at_after": "2026-01-06", "first_received_at_before": "2026-01-06"}, "b"),
        ({"quantity_received_min": "6"}, "bc"),
        ({"quantity_used_min": "1", "quantity_used_max": "1"}, "b"),
        ({"quantity_current_max": "0"}, "a"),
        ({"unit_cost_min": "2.5", "unit_cost_max": "3"}, "ab"),
        ({"value_current_min": "15", "value_current_max": "15"}, "b"),
        ({"status": "CLOSED"}, "a"),
        ({"q": "copper po-10"}, "b"),
    ],
)
def test_lots_are_found(query: dict[str, str], expected: str) -> None:
    found = LotFilterSet(query, lots().for_list()).found
    assert "".join(sorted(lot.number for lot in found)) == expected


@pytest.mark.usefixtures("stock")
@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"code": "w"}, ["WIRE"]),
        ({"description": "opper"}, ["WIRE"]),
        ({"record_type": "TIME"}, []),
        ({"status": "ACTIVE"}, ["BOOK", "PEN", "WIRE"]),
        ({"on_hand_max": "-1"}, ["BOOK"]),
        ({"in_lots_min": "5", "in_lots_max": "5"}, ["WIRE"]),
        ({"unallocated_min": "1"}, ["BOOK"]),
        ({"value_min": "9", "value_max": "9"}, ["PEN"]),
        ({"est_unit_cost_min": "0.000001"}, ["BOOK", "PEN", "WIRE"]),
        ({"form": "POSITIVE"}, ["BOOK"]),
        ({"form": "ZERO"}, []),
        ({"q": "wire COPPER"}, ["WIRE"]),
    ],
)
def test_codes_are_found(query: dict[str, str], expected: list[str]) -> None:
    found = CodeFilterSet(query, codes().for_list()).found
    assert sorted(code.code for code in found) == expected


@pytest.mark.usefixtures("stock")
@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"code": "=WIRE"}, [-5, 4, 6]),
        ({"source_number": "=PO-1"}, [4]),
        ({"lot": "=c"}, [9]),
        ({"on_hand_max": "0"}, [-5, -1]),
        ({"demand_min": "1"}, []),
        ({"at_after": "2026-01-07"}, [9]),
        ({"q": "ship"}, [-5]),
    ],
)
def test_transactions_are_found(query: dict[str, Any], expected: list[int]) -> None:
    found = TransactionFilterSet(query, transactions().for_list()).found
    assert sorted(row.on_hand for row in found) == expected
