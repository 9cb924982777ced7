"""Figures of the usage list from the cost pools, and which codes a page covers."""

import pytest

from lots.models import CostPool
from tests.factories import make_code, make_lot, make_usage, reconcile
from usage.selectors import Scope, codes_on_page, list_figures, usages_on_page

pytestmark = pytest.mark.django_db


@pytest.fixture
def two_three_four() -> None:
    """AA has two open rows, BB three, CC four; NN none."""
    make_code("NN")
    for code, count in (("CC", 4), ("AA", 2), ("BB", 3)):
        for step in range(count):
            make_usage(code, str(step + 1), on_day=step + 1)


def codes(start: int, stop: int, *, is_descending: bool = False) -> list[tuple[str, int, int, int]]:
    names = dict(CostPool.objects.values_list("code_id", "code__code"))
    covered = codes_on_page(scope=Scope.OPEN, start=start, stop=stop, is_descending=is_descending)
    return [(names[code.code_id], code.before, code.skip, code.take) for code in covered]


@pytest.mark.usefixtures("two_three_four")
@pytest.mark.parametrize(
    ("start", "stop", "expected"),
    [
        (0, 1, [("AA", 0, 0, 1)]),
        (0, 2, [("AA", 0, 0, 2)]),
        (1, 3, [("AA", 0, 1, 1), ("BB", 2, 0, 1)]),
        (2, 5, [("BB", 2, 0, 3)]),
        (1, 8, [("AA", 0, 1, 1), ("BB", 2, 0, 3), ("CC", 5, 0, 3)]),
        (8, 20, [("CC", 5, 3, 1)]),
        (9, 20, []),
    ],
)
def test_a_page_covers_the_codes_whose_rows_it_shows(
    start: int, stop: int, expected: list[tuple[str, int, int, int]]
) -> None:
    assert codes(start, stop) == expected


@pytest.mark.usefixtures("two_three_four")
def test_the_last_code_comes_first_when_the_order_is_turned() -> None:
    assert codes(3, 5, is_descending=True) == [("CC", 0, 3, 1), ("BB", 4, 0, 1)]


@pytest.mark.usefixtures("two_three_four")
def test_pages_put_together_are_the_whole_list_once() -> None:
    seen: list[int] = []
    for start in range(0, 9, 2):
        covered = codes_on_page(scope=Scope.OPEN, start=start, stop=min(start + 2, 9))
        seen += usages_on_page(scope=Scope.OPEN, codes=covered)
    assert len(seen) == len(set(seen)) == 9


@pytest.mark.usefixtures("two_three_four")
def test_what_a_run_closes_moves_from_open_to_closed() -> None:
    make_lot("BB", received="3", value="9.00")
    reconcile()
    figures = list_figures()
    assert {scope.name: figures[scope]["count"] for scope in Scope} == {"EVERYTHING": 9, "OPEN": 7, "CLOSED": 2}
    assert figures[Scope.CLOSED]["cogs"] == 9
    assert figures[Scope.OPEN]["unallocated"] == figures[Scope.EVERYTHING]["unallocated"] == 16
    for column in ("quantity", "cogs", "accrued_cogs"):
        assert figures[Scope.OPEN][column] + figures[Scope.CLOSED][column] == figures[Scope.EVERYTHING][column]


def test_nothing_at_all_is_zero() -> None:
    assert list_figures()[Scope.OPEN] == {"quantity": 0, "cogs": 0, "unallocated": 0, "accrued_cogs": 0, "count": 0}
