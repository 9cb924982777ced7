"""What staff are told about usage that stays open."""

import pytest

from reconciliation.engine import CostMethod, Lot, RemarkCode, Usage, reconcile

NOTHING_RECEIVED = Lot(1, (1, 1), 0, 0, 0)
USED_UP = Lot(2, (2, 2), 5, 5, 50)
UNTOUCHED = Lot(3, (3, 3), 5, 0, 50)


@pytest.mark.parametrize(
    ("lots", "quantity", "only_lots", "expected"),
    [
        ([], 4, None, RemarkCode.NO_LOT),
        ([], -4, None, RemarkCode.NO_LOT),
        ([NOTHING_RECEIVED], 4, None, RemarkCode.NO_LOT),
        ([NOTHING_RECEIVED, USED_UP], 4, None, RemarkCode.LOTS_USED_UP),
        ([UNTOUCHED], -4, None, RemarkCode.NOTHING_USED_TO_GIVE_BACK),
        ([UNTOUCHED], 4, {1}, RemarkCode.RESTRICTED_NO_LOT),
        ([UNTOUCHED], 4, set(), RemarkCode.RESTRICTED_NO_LOT),
        ([NOTHING_RECEIVED, UNTOUCHED], -4, {1}, RemarkCode.RESTRICTED_NO_LOT),
        ([USED_UP, UNTOUCHED], 4, {1, 2}, RemarkCode.RESTRICTED_LOTS_USED_UP),
        ([USED_UP, UNTOUCHED], -4, {3}, RemarkCode.RESTRICTED_NOTHING_USED),
    ],
)
def test_a_usage_that_stays_open_says_why(
    lots: list[Lot], quantity: int, only_lots: set[int] | None, expected: RemarkCode
) -> None:
    usage = Usage(11, (4, 4), quantity, only_lots=None if only_lots is None else frozenset(only_lots))
    (remark,) = reconcile(lots=lots, usages=[usage], held={}, method=CostMethod.FIFO).remarks
    assert (remark.code, remark.usage) == (expected, 11)
    assert remark.message


def test_a_usage_that_was_served_is_not_remarked_on() -> None:
    assert reconcile(lots=[UNTOUCHED], usages=[Usage(11, (4, 4), 4)], held={}, method=CostMethod.FIFO).remarks == ()


def test_remarks_stand_in_queue_order() -> None:
    usages = [Usage(11, (9, 9), 4), Usage(12, (8, 8), -4)]
    remarks = reconcile(lots=[], usages=usages, held={}, method=CostMethod.FIFO).remarks
    assert [remark.usage for remark in remarks] == [12, 11]
