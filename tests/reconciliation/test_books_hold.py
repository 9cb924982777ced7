"""Ways in which the books could part from the lots, or a run from its work: each is refused, or does no harm."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from importlib import import_module
from itertools import pairwise

import pytest
from celery.exceptions import SoftTimeLimitExceeded
from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.test import Client
from django.urls import reverse

from lots.accounts import default_account
from lots.item_master import code_change
from lots.locks import lock_pools
from lots.models import Account, CostPool, InventoryLot, LineItemCode, Preference
from reconciliation import recosting, resolving, suggesting
from reconciliation.accruals import accrue_cogs
from reconciliation.engine import PlanBroken
from reconciliation.feed_order import ROUNDS_MOST
from reconciliation.models import JournalLine, RunPool
from reconciliation.preferences import preference_set
from reconciliation.recosting import _JOIN_THE_RUN, assign_levels, settle_costs
from reconciliation.requests import request_run
from reconciliation.resolution_preview import preview_resolution
from reconciliation.resolving import suggest
from reconciliation.run_states import finish_if_done, start
from reconciliation.valuation import explain_difference, valuation
from tests.factories import day, make_code
from tests.harness.databases import CommittedDatabase
from tests.reconciliation.records import FIRST_DAY, Trigger, culprits, receive, run_now, use
from tests.reconciliation.test_recosting import make_of, on_hand_is_kept_by_hand, put_in
from usage.models import InventoryAdjustment, LotRecost, OpenUsage
from usage.services import est_unit_cost_set, usage_record

FOUND = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


@pytest.mark.django_db
def test_while_accruing_is_off_a_run_books_no_new_estimate() -> None:
    Preference.objects.update(accrue_cogs=True)
    code = make_code("WIRE", cost="1.00")
    use(code, "10")
    run_now()
    accrue_cogs(now=FOUND)
    Preference.objects.update(accrue_cogs=False)
    est_unit_cost_set(by=None, at=day(1), code=code, est_unit_cost=Decimal(5))
    receive(code, "1", "1.00")
    run_now()
    assert OpenUsage.objects.get().accrued_booked == 0
    booked = JournalLine.objects.filter(kind="ACCRUED_COGS", credit_account=default_account("accrued_cogs"))
    assert sum(line.amount for line in booked) == 10
    assert culprits() == {}


@pytest.mark.django_db
@pytest.mark.parametrize("change", ["accrued", "account"])
def test_what_a_preview_says_of_money_is_part_of_what_was_shown(change: str) -> None:
    Preference.objects.update(accrue_cogs=True)
    code = make_code("WIRE", cost="1.00")
    use(code, "10")
    run_now()

    def fingerprint() -> str:
        lines = suggest(code).lines
        return preview_resolution(code=code, lines=lines, adjusted_at=FIRST_DAY, now=FOUND).fingerprint

    shown = fingerprint()
    assert fingerprint() == shown
    if change == "accrued":
        accrue_cogs(now=FOUND)
    else:
        Preference.objects.update(account_inventory=Account.objects.create(number="1299", kind="ASSET"))
    assert fingerprint() != shown


@pytest.mark.django_db
def test_what_was_made_of_what_was_made_is_final_as_soon_as_the_first_of_it_is() -> None:
    names = ("WOOD", "LEG", "TABLE", "ROOM")
    codes = [make_code(name) for name in names]
    source = receive(codes[0], "1", "10.00")
    InventoryLot.objects.filter(pk=source.pk).update(is_cost_final=False)
    # Made in the opposite order, so that no order of keys helps.
    lots = [make_of([put_in(component, "1")], product, "1") for component, product in reversed(list(pairwise(codes)))]
    run_now()
    run_now()
    assert not InventoryLot.objects.filter(pk__in=[lot.pk for lot in lots], is_cost_final=True).exists()
    InventoryLot.objects.filter(pk=source.pk).update(is_cost_final=True)
    settle_costs()
    assert not InventoryLot.objects.filter(is_cost_final=False).exists()


@pytest.mark.django_db
def test_a_ring_that_was_given_up_stays_reported_whoever_runs_again() -> None:
    a, b = make_code("A"), make_code("B")
    receive(a, "1", "100.00")
    make_of([put_in(a, "2")], b, "2")
    make_of([put_in(b, "2")], a, "1")
    for _ in range(2 * ROUNDS_MOST):
        run_now()
        if CostPool.objects.filter(is_set_aside=True).exists():
            break
    assert CostPool.objects.filter(is_set_aside=True).exists()
    for _ in range(3):
        run_now()
        assert set(culprits()) <= on_hand_is_kept_by_hand()


def test_a_pool_that_joins_a_run_is_never_left_behind_by_its_end(committed_db: CommittedDatabase) -> None:
    first, second = make_code("FIRST"), make_code("SECOND")
    use(first, "1")
    run = request_run(trigger=Trigger.COMMAND, now=FIRST_DAY, codes=["FIRST"])
    use(second, "1")
    start(run_id=run.pk)
    RunPool.objects.filter(run=run).update(state="DONE")
    joined, ended = threading.Event(), []

    def end() -> None:
        joined.wait(5)
        try:
            ended.append(finish_if_done(run_id=run.pk))
        finally:
            connection.close()

    other = threading.Thread(target=end)
    other.start()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_JOIN_THE_RUN, {"run": run.pk, "pools": [CostPool.objects.get(code=second).pk]})
        joined.set()
        other.join(1)
    other.join(10)
    assert ended == [False]
    assert RunPool.objects.filter(run=run, state="PENDING").count() == 1


def test_levels_are_given_without_waiting_for_what_others_work_on(
    committed_db: CommittedDatabase, concurrently: Callable[..., list[object]]
) -> None:
    wood, table = make_code("WOOD"), make_code("TABLE")
    receive(wood, "1", "10.00")
    make_of([put_in(wood, "1")], table, "1")
    use(table, "1")
    run = request_run(trigger=Trigger.COMMAND, now=FIRST_DAY)
    RunPool.objects.filter(run=run).update(level=0)

    def give() -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = '500ms'")
            assign_levels(run_id=run.pk)

    with transaction.atomic():
        list(RunPool.objects.select_for_update(no_key=True).filter(run=run))
        assert concurrently(give) == [None]
    give()
    assert RunPool.objects.get(run=run, pool__code=table).level == 1


@pytest.mark.django_db
def test_usage_from_before_the_books_is_charged_to_the_account_that_its_code_names() -> None:
    Account.objects.create(number="5050", kind="COST_OF_SALES")
    named, plain = make_code("NAMED"), make_code("PLAIN")
    LineItemCode.objects.filter(pk=named.pk).update(account_cost="5050")
    usages = [use(named, "1"), use(plain, "1")]
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE usage_inventoryusage DISABLE TRIGGER USER")
        cursor.execute("UPDATE usage_inventoryusage SET account_id = NULL")
        cursor.execute(import_module("usage.migrations.0003_accounts_of_earlier_usage").CHARGED)
    for usage in usages:
        usage.refresh_from_db()
    assert [usage.account and usage.account.number for usage in usages] == ["5050", "5000"]


@pytest.mark.django_db
def test_posting_a_resolution_that_a_run_would_set_aside_is_refused_with_the_reason(
    clerk: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = make_code("WIRE")
    use(code, "1")

    def refuse(*_: object) -> None:
        raise PlanBroken("it does not add up")

    monkeypatch.setattr(suggesting, "plan_pool", refuse)
    response = clerk.post(reverse("reconciliation:resolve_code", args=[code.pk]), {"quantity": "1"})
    assert response.status_code == 422
    assert "it does not add up" in response.content.decode()
    assert not InventoryAdjustment.objects.exists()


def time_is_up(*_: object) -> None:
    raise SoftTimeLimitExceeded


@pytest.mark.django_db
@pytest.mark.parametrize("failing", ["_recost", "_recost_alone"])
def test_a_worker_whose_time_is_up_gives_no_lot_up(failing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    wood, table = make_code("WOOD"), make_code("TABLE")
    receive(wood, "1", "10.00")
    lot = make_of([put_in(wood, "1")], table, "1")
    if failing == "_recost":
        monkeypatch.setattr(recosting, "_recost", time_is_up)
    else:
        # The lots together fail for another reason, and then the time is up while one is tried alone.
        monkeypatch.setattr(recosting, "_recost", lambda lots, run: time_is_up() if len(lots) == 1 else 1 / 0)
        make_of([], table, "1")
        LotRecost.objects.create(lot=InventoryLot.objects.latest("pk"), noted_at=FOUND)
    with pytest.raises(SoftTimeLimitExceeded):
        recosting.recost_waiting()
    assert LotRecost.objects.filter(lot=lot).exists()
    assert not CostPool.objects.filter(is_set_aside=True).exists()


def test_costing_anew_does_not_wait_for_ever_for_a_pool_that_an_import_holds(
    committed_db: CommittedDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recosting, "LOCK_SECONDS", 1)
    wood, table = make_code("WOOD"), make_code("TABLE")
    receive(wood, "1", "10.00")
    lot = make_of([put_in(wood, "1")], table, "1")
    done: list[int] = []

    def cost() -> None:
        try:
            done.append(recosting.recost_waiting())
        finally:
            connection.close()

    with transaction.atomic():
        lock_pools([lot.pool_id])
        other = threading.Thread(target=cost)
        other.start()
        other.join(5)
        assert done == [0]
    other.join()
    assert LotRecost.objects.filter(lot=lot).exists()
    assert not CostPool.objects.filter(is_set_aside=True).exists()


@pytest.mark.django_db
def test_what_was_charged_before_there_were_books_is_known_no_sooner_than_its_lot() -> None:
    code = make_code("WIRE")
    receive(code, "10", "100.00")
    use(code, "4")
    run = run_now()
    before = datetime(2020, 1, 1, tzinfo=UTC)
    RunPool.objects.filter(run=run).update(finished_at=before)
    then = valuation(as_of=FOUND.date(), known_at=before)
    assert then.total.value == 0
    learned = explain_difference(as_of=FOUND.date(), known_at_before=before, known_at_after=datetime.now(UTC))
    assert sum(row.amount for row in learned) == valuation(as_of=FOUND.date()).total.value == 60


@pytest.mark.django_db
@pytest.mark.parametrize("of", ["all codes", "one code"])
def test_lots_cannot_be_kept_on_an_account_that_usage_was_charged_to(of: str) -> None:
    account = Account.objects.create(number="1300", kind="ASSET")
    free = Account.objects.create(number="1301", kind="ASSET")
    code = make_code("WIRE")
    receive(code, "10", "100.00")
    usage_record(code=code, quantity=Decimal(1), used_at=FIRST_DAY, account=account)

    def keep_on(number: str) -> None:
        if of == "all codes":
            preference_set(name="account_inventory", value=number, by=None, now=FOUND)
        else:
            code_change(by=None, at=day(1), code=code, account_inventory=number)

    with pytest.raises(ValidationError, match="keep lots on another"):
        keep_on(account.number)
    keep_on(free.number)
    receive(code, "1", "10.00")
    run_now()
    keep_on(free.number)
    assert culprits() == {}


@pytest.mark.django_db
def test_a_code_whose_resolution_waits_for_approval_is_not_resolved_a_second_time() -> None:
    Preference.objects.update(approve_above=Decimal(1))
    code = make_code("WIRE", cost="5.00")
    use(code, "10")
    run_now()

    def resolve() -> resolving.Resolved:
        lines = suggest(code).lines
        return resolving.resolve_post(code=code, lines=lines, adjusted_at=FOUND, fingerprint=None, by=None, at=FOUND)

    assert resolve().awaits_approval
    with pytest.raises(ValidationError, match="waits for approval"):
        resolve()
    assert InventoryAdjustment.objects.count() == 1
