"""Why usage is open, in words: from records as people make them, the strongest cause first."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from lots.accounts import default_account
from lots.models import CostPool, LotCostEvent, Preference
from lots.purchasing import purchase_order_close
from lots.services import lot_change, lot_open
from reconciliation.cure_document import draft_of
from reconciliation.diagnosis import Cause, diagnose, open_pools
from reconciliation.suggesting import suggest
from tests.factories import day, make_code, make_guide_list, make_lot, make_usage, reconcile
from tests.lots.purchasing_stories import order_of, receive
from tests.usage.adjustments import line, posted
from usage.adjusting import adjustment_void
from usage.models import InventoryUsage
from usage.services import usage_mirror

pytestmark = pytest.mark.django_db


def causes_of(code: str) -> list[Cause]:
    found = diagnose(list(CostPool.objects.filter(code__code=code).values_list("pk", flat=True)))
    return [finding.cause for diagnosis in found.values() for finding in diagnosis.findings]


def sentence_of(code: str) -> str:
    pool = CostPool.objects.get(code__code=code)
    return diagnose([pool.pk])[pool.pk].sentence


def used_before_received() -> None:
    make_usage("A", "5", source="SHIP-7")


def counted_up() -> None:
    make_usage("A", "-5", source="INVTRYADJ-9")


def came_back() -> None:
    make_usage("A", "-5", source="SHIP-7")


def cancels_out() -> None:
    make_usage("A", "5", source="SHIP-7")
    make_usage("A", "-5", source="SHIP-8")


def used_up() -> None:
    make_lot("A", received="2")
    make_usage("A", "5", source="SHIP-7")


def beyond_its_order() -> None:
    make_lot("A", received="2", order="60007")
    make_usage("A", "5", source="SHIP-7", order="60007")


def nothing_used() -> None:
    make_lot("A", received="2")
    make_usage("A", "-5", source="SHIP-7")


def tied() -> None:
    lot = make_lot("A", received="2")
    make_usage("A", "5", source="SHIP-7", only_lots=[lot])


def void_loss() -> None:
    loss = posted("LOSS", line("A", "5"))
    adjustment_void(adjustment=loss, by=None, at=day(21))


def void_cure() -> None:
    cure = posted("BEGINNING_BALANCE", line("A", "20", unit_cost="3"), line("A", "-20"))
    adjustment_void(adjustment=cure, by=None, at=day(21))


def void_return() -> None:
    back = make_usage("A", "-5", source="SHIP-7")
    usage_mirror(usage=back, at=day(3))


def void_among_others() -> None:
    void_loss()
    make_usage("A", "3", source="SHIP-7")


def customers_return_of_all() -> None:
    make_usage("A", "-5", source="SHIP-8", original=make_usage("A", "5", source="SHIP-7"))


def came_back_and_counted_up() -> None:
    make_usage("A", "-20", source="SHIP-9")
    make_usage("A", "-1", source="INVTRYADJ-9", on_day=3)


def counted_up_twice() -> None:
    make_usage("A", "-3", source="INVTRYADJ-8")
    make_usage("A", "-1", source="INVTRYADJ-9", on_day=3)


def used_for_another_order() -> None:
    make_lot("A", received="10", order="70000")
    make_usage("A", "10", source="SHIP-7", order="70001")
    make_usage("A", "10", source="SHIP-8", order="70000", on_day=3)


def beyond_its_order_of_two_shipments() -> None:
    make_lot("A", received="10", order="70000")
    make_usage("A", "10", source="SHIP-7", order="70000")
    make_usage("A", "1", source="SHIP-8", order="70000", on_day=3)


@pytest.mark.parametrize(
    ("records", "causes", "words"),
    [
        (void_loss, [Cause.VOIDED, Cause.NO_LOT], "5 used and 5 taken back by the void of INVTRYADJ-60000"),
        (void_cure, [Cause.VOIDED, Cause.NO_LOT], "20 used and 20 taken back by the void of INVTRYADJ-60000"),
        (void_return, [Cause.VOIDED, Cause.NO_LOT], "5 used and 5 taken back by the void of SHIP-7 on 01/07/26"),
        (void_among_others, [Cause.NEVER_RECEIVED], "8 were used"),
        (customers_return_of_all, [Cause.NO_LOT], "5 used and 5 returned cancel out"),
        (came_back_and_counted_up, [Cause.COUNTED_UP, Cause.RETURNED], "1 was counted up by INVTRYADJ-9 on 01/07/26,"),
        (
            counted_up_twice,
            [Cause.COUNTED_UP, Cause.RETURNED],
            "4 were counted up by INVTRYADJ-8 on 01/06/26 and 1 more,",
        ),
        (used_for_another_order, [Cause.USED_UP], "All 10 that were ever received are used up"),
        (
            beyond_its_order_of_two_shipments,
            [Cause.BEYOND_ORDER, Cause.USED_UP],
            "Order 70000 shipped more than the 10",
        ),
        (used_before_received, [Cause.NEVER_RECEIVED], "no lot of this code ever received anything. The first use was"),
        (counted_up, [Cause.COUNTED_UP, Cause.RETURNED], "counted up by INVTRYADJ-9 on 01/06/26"),
        (came_back, [Cause.RETURNED], "5 came back"),
        (cancels_out, [Cause.NO_LOT], "5 used and 5 returned cancel out"),
        (used_up, [Cause.USED_UP], "All 2 that were ever received are used up, and 3 more were used"),
        (beyond_its_order, [Cause.BEYOND_ORDER, Cause.USED_UP], "Order 60007 shipped more than the 2 received"),
        (nothing_used, [Cause.NOTHING_USED], "nothing of the 2 received is used any more"),
        (tied, [Cause.RESTRICTED, Cause.USED_UP], "A new lot cannot help"),
    ],
)
def test_the_records_tell_why(records: Callable[[], None], causes: list[Cause], words: str) -> None:
    records()
    reconcile()
    assert causes_of("A") == causes
    assert words in sentence_of("A")


def test_what_was_posted_since_the_last_run_waits_for_one() -> None:
    used_before_received()
    assert causes_of("A")[0] is Cause.WAITING


def test_a_receipt_that_was_entered_after_the_use_is_found_by_the_next_run() -> None:
    used_before_received()
    reconcile()

    lot = lot_open(code=make_code("A"), quantity_ordered=Decimal(5), source_number="PO-1", is_complete=True)
    lot_change(lot=lot, at=day(1), kind=LotCostEvent.Kind.RECEIPT, quantity=Decimal(5), value=Decimal(10))
    assert causes_of("A")[0] is Cause.LATE_RECEIPT
    assert "the next run finds it" in sentence_of("A")


def test_the_late_receipt_that_is_named_is_one_that_serves_the_use() -> None:
    make_usage("A", "20", on_day=5)
    reconcile()
    lots = []
    for number, on in ((1, 2), (2, 15)):
        lot = lot_open(code=make_code("A"), quantity_ordered=Decimal(5), source_number=f"PO-{number}", is_complete=True)
        lot_change(lot=lot, at=day(on), kind=LotCostEvent.Kind.RECEIPT, quantity=Decimal(5), value=Decimal(10))
        lots.append(lot)
    assert f"Lot {lots[0].number} of 01/06/26 was only entered on" in sentence_of("A")


def test_without_an_estimate_the_stake_is_at_what_the_newest_lot_cost() -> None:
    make_code("A", cost="0")
    make_lot("A", received="2", value="10.00", on_day=1)
    make_lot("A", received="3", value="100.00", on_day=2)
    make_usage("A", "105", on_day=3)
    make_code("B", cost="0")
    make_usage("B", "5")
    reconcile()
    found: dict[str, Any] = {pool.code.code: pool for pool in open_pools().for_list()}
    for code, row in found.items():
        proposal = suggest(make_code(code))
        assert row.unit_cost == (proposal.unit_cost or 0)
    assert (found["A"].stake, found["A"].proposed) == (Decimal("3333.3333"), Decimal("3333.33"))
    assert found["B"].stake == 0


@pytest.mark.parametrize(
    ("cost", "quantities"),
    [
        ("2.225", ("10", "-4")),
        ("2.225", ("4", "-10")),
        ("2.225", ("5", "-5")),
        ("2.225", ("1.5",)),
        ("0", ("10",)),
        ("0", ("4", "-10")),
    ],
)
def test_the_list_knows_the_amount_of_the_adjustment_that_is_proposed(cost: str, quantities: tuple[str, ...]) -> None:
    code = make_code("A", cost=cost)
    if cost == "0":
        # What lots hold is worth more, a unit, than what the newest of them brought.
        for on, value in ((1, "90.00"), (2, "10.00")):
            make_lot("A", received="2", value=value, on_day=on)
    for place, quantity in enumerate(quantities):
        make_usage("A", quantity, on_day=3 + place)
    reconcile()
    row: Any = open_pools().for_list().get()
    draft = draft_of(
        row,
        suggest(code).lines,
        office=None,
        adjusted_at=day(9),
        account=default_account("opening"),
        preference=Preference.current(),
    )
    assert row.proposed == draft.amount != 0


def test_what_a_run_gave_up_on_comes_first() -> None:
    used_before_received()
    CostPool.objects.update(is_set_aside=True)
    assert causes_of("A")[0] is Cause.SET_ASIDE


def test_the_guides_list_is_told_as_people_would() -> None:
    make_guide_list()
    told: dict[str, Any] = {pool.code.code: pool for pool in open_pools().for_list()}
    assert {code: (pool.form, pool.cause) for code, pool in told.items()} == {
        "16G-W": ("NET_POSITIVE", "NEVER_RECEIVED"),
        "TB-LIT102": ("NET_POSITIVE", "USED_UP"),
        "TM-FRNCH3": ("NET_ZERO", "COUNTED_UP"),
    }
    french = told["TM-FRNCH3"]
    assert (french.on_hand, f"{french.stake:.2f}") == (0, "9373.75")
    assert french.oldest == datetime(2022, 7, 18, 12, tzinfo=UTC)


def test_evidence_leads_to_the_record() -> None:
    used_before_received()
    reconcile()
    pool = CostPool.objects.get()
    usage = InventoryUsage.objects.get()
    assert [proof.url for proof in diagnose([pool.pk])[pool.pk].findings[0].evidence] == [usage.get_absolute_url()]


def test_the_list_and_the_page_never_differ() -> None:
    make_guide_list()
    for records in (nothing_used, tied):
        records()
    make_usage("OTHER", "-1")
    listed: Any = open_pools().for_list()
    rows = {pool.pk: pool.cause for pool in listed}
    assert {pk: str(found.cause) for pk, found in diagnose(list(rows)).items()} == rows


def test_a_page_of_codes_costs_as_many_queries_as_one() -> None:
    def queries(pools: int) -> int:
        chosen = list(CostPool.objects.order_by("pk").values_list("pk", flat=True)[:pools])
        with CaptureQueriesContext(
            connection,
        ) as captured:
            assert len(diagnose(chosen)) == pools
        return len(captured)

    for number in range(50):
        make_usage(f"CODE-{number}", "3")
    assert queries(50) == queries(1) == 2


def test_what_is_still_due_is_named_because_it_cures_usage_without_an_adjustment() -> None:
    make_usage("A", "5", source="SHIP-7")
    first = order_of(("A", "6", "2"))
    reconcile()
    assert sentence_of("A").endswith(f"6 are still due ({first}): what comes of them serves it without an adjustment.")
    receive(first, "2")
    order_of(("A", "3", "2"))
    reconcile()
    assert causes_of("A") == [Cause.USED_UP]
    assert f"7 are still due ({first} and 1 more)" in sentence_of("A")
    purchase_order_close(purchase_order=first, by=None, at=day(9), is_unbilled_accepted=True)
    reconcile()
    assert "3 are still due (PO-60001)" in sentence_of("A")
