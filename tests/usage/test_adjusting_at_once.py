"""Adjustments posted by several people at the same moment: one at a time for each code, and none waits for ever."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from lots.models import InventoryLot
from tests.factories import make_lot
from tests.reconciliation.records import culprits, run_now
from tests.usage.adjustments import AT, line, pending
from usage.adjusting import adjustment_post, adjustment_void
from usage.models import InventoryAdjustment, InventoryUsage

pytestmark = pytest.mark.usefixtures("committed_db")


def attempt(verb: Callable[..., Any], adjustment: InventoryAdjustment) -> Callable[[], str]:
    """The verb on a copy of its own, as another request would; and what it was refused for."""

    def perform() -> str:
        try:
            verb(adjustment=InventoryAdjustment.objects.get(pk=adjustment.pk), by=None, at=AT)
        except ValidationError as refusal:
            return refusal.messages[0]
        return ""

    return perform


def test_one_adjustment_is_posted_once_however_many_press(concurrently: Callable[..., list[Any]]) -> None:
    draft = pending("LOSS", line("WIRE", "3"))
    answers = concurrently(*(attempt(adjustment_post, draft) for _ in range(4)))
    assert sorted(bool(answer) for answer in answers) == [False, True, True, True]
    assert [usage.quantity for usage in InventoryUsage.objects.all()] == [3]


def test_adjustments_of_the_same_codes_in_any_order_do_not_wait_for_each_other_for_ever(
    concurrently: Callable[..., list[Any]],
) -> None:
    codes = ("A", "B", "C")
    for code in codes:
        make_lot(code, received="100")
    drafts = []
    for number in range(6):
        order = codes if number % 2 else codes[::-1]
        drafts.append(pending("BEGINNING_BALANCE", *(line(code, "-1" if number % 3 else "2") for code in order)))
    assert concurrently(*(attempt(adjustment_post, draft) for draft in drafts), run_now)[:6] == [""] * 6
    run_now()
    assert culprits() == {}


def test_a_void_and_a_run_do_not_undo_each_other(concurrently: Callable[..., list[Any]]) -> None:
    make_lot("WIRE", received="10", value="100")
    lost = pending("LOSS", line("WIRE", "4"))
    adjustment_post(adjustment=lost, by=None, at=AT)
    answers = concurrently(attempt(adjustment_void, lost), attempt(adjustment_void, lost), run_now)
    assert sorted(bool(answer) for answer in answers[:2]) == [False, True]
    run_now()
    assert InventoryLot.objects.get().quantity_used == 0
    assert culprits() == {}
