"""Filters of usage: one per column, each with an example of what it finds."""

import pytest

from tests.factories import make_code, make_lot, make_office, make_usage, reconcile
from usage.filtersets import UsageFilterSet
from usage.querysets import usages

pytestmark = pytest.mark.django_db


@pytest.fixture
def four() -> None:
    make_code("WIRE", cost="2.00", description="Copper wire")
    make_code("WIRE-2", cost="5.00")
    make_lot("WIRE", received="4", value="10.00")
    make_usage("WIRE", "6", number="a", source="SHIP-1", order="60007", reference="Order #60007", office="AI")
    make_usage("WIRE", "1", number="b", on_day=3, source="SHIP-10", order="600071")
    make_usage("WIRE-2", "-3", number="c", on_day=4)
    make_lot("PEN", received="9", value="9")
    make_usage("PEN", "9", number="d", on_day=5)
    reconcile()


@pytest.mark.usefixtures("four")
@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"number": "A"}, "a"),
        ({"code": "wire"}, "abc"),
        ({"code": "=WIRE"}, "ab"),
        ({"source_number": "ship-1"}, "ab"),
        ({"source_number": "=SHIP-1"}, "a"),
        ({"order": "60007"}, "ab"),
        ({"order": "=60007"}, "a"),
        ({"reference": "#600"}, "a"),
        ({"used_at_after": "2026-01-07", "used_at_before": "2026-01-08"}, "bc"),
        ({"quantity_max": "0"}, "c"),
        ({"cogs_min": "14", "cogs_max": "14"}, "a"),  # 10.00 drawn + 2 x 2.00
        ({"cogs_max": "-15"}, "c"),
        ({"unallocated_min": "2"}, "a"),
        ({"accrued_cogs_min": "2", "accrued_cogs_max": "2"}, "b"),
        ({"status": "OPEN"}, "abc"),
        ({"status": "CLOSED"}, "d"),
        ({"form": "POSITIVE"}, "ab"),
        ({"form": "NEGATIVE"}, "c"),
        ({"form": "ZERO"}, ""),
        ({"q": "copper SHIP-10"}, "b"),
    ],
)
def test_a_filter_finds_what_it_says(query: dict[str, str], expected: str) -> None:
    found = UsageFilterSet(query, usages().for_list()).found
    assert "".join(sorted(usage.number for usage in found)) == expected


@pytest.mark.usefixtures("four")
def test_an_office_is_chosen_from_a_list() -> None:
    office = make_office("AI")
    assert office is not None
    assert [usage.number for usage in UsageFilterSet({"office": office.pk}, usages().for_list()).found] == ["a"]
