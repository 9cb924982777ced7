"""Changing a preference: who, when, and what may not change any more."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from io import StringIO

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from lots.locks import preference_in_force
from lots.models import (
    Account,
    CostPool,
    InventoryLot,
    LineItemCode,
    LotCostEvent,
    LotCostToPost,
    Preference,
    PreferenceChange,
)
from lots.services import lot_change, lot_open
from reconciliation import tasks
from reconciliation.accruals import accrue_cogs
from reconciliation.models import CogsAllocation, JournalEntry, ReconciliationRun
from reconciliation.preferences import preference_set, value_of
from reconciliation.requests import request_run
from tests.factories import make_code, make_lot, make_office, make_usage, reconcile
from tests.harness.databases import CommittedDatabase
from tests.reconciliation.records import culprits
from usage.models import OpenUsage

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def switch(value: str) -> PreferenceChange | None:
    return preference_set(name="prevent_inter_office", value=value, by=None, now=NOW)


@pytest.mark.django_db
def test_the_method_changes_and_the_log_says_who_and_when(person: Callable[[str], User]) -> None:
    accountant = person("accountant")
    change = preference_set(name="cogs_method", value="LIFO", by=accountant, now=NOW)
    assert Preference.current().cogs_method == "LIFO"
    assert change is not None
    assert (change.at, change.by, change.value_before, change.value_after) == (NOW, accountant, "FIFO", "LIFO")


@pytest.mark.django_db
def test_setting_what_is_set_already_leaves_no_line_in_the_log() -> None:
    assert preference_set(name="cogs_method", value="FIFO", by=None, now=NOW) is None
    assert not PreferenceChange.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("cogs_method", "AVCO"),
        ("prevent_inter_office", "yes"),
        ("colour", "on"),
        ("posting_date", "TODAY"),
        ("accrue_cogs", "1"),
        ("returns_reduce_orders", ""),
        ("approve_above", "-1"),
        ("approve_above", "0.001"),
        ("approve_above", "much"),
        ("approve_above", "1e99"),
        ("account_cost", "9999"),
        ("account_cost", "none"),
    ],
)
def test_nonsense_is_refused_and_changes_nothing(name: str, value: str) -> None:
    with pytest.raises(ValidationError, match="Nothing was changed"):
        preference_set(name=name, value=value, by=None, now=NOW)
    assert not PreferenceChange.objects.exists()


@pytest.mark.django_db
def test_a_new_method_binds_only_allocations_to_come() -> None:
    make_lot(received="10", value="10.00", on_day=1)
    make_lot(received="10", value="50.00", on_day=2)
    make_usage("WIRE", "4", on_day=3)
    reconcile()
    preference_set(name="cogs_method", value="LIFO", by=None, now=NOW)
    make_usage("WIRE", "4", on_day=4)
    assert reconcile().amount == Decimal("20.00")
    oldest, newest = InventoryLot.objects.order_by("pk")
    assert (oldest.quantity_used, newest.quantity_used) == (4, 4)
    assert not culprits()


# -- Keeping offices apart ---------------------------------------------------------------------------
def two_offices() -> None:
    """A code with lots and usage in two offices and in none, and one that is only ever used."""
    make_lot(office="AI", received="10", value="100.00")
    make_lot(office="BO", received="5", value="75.00")
    make_lot(received="2", value="2.00")
    make_usage("WIRE", "3", office="AI")
    make_usage("WIRE", "-1", office="BO")
    make_usage("WIRE", "4")
    make_usage("TAPE", "7", office="AI")


@pytest.mark.django_db
def test_every_lot_and_open_usage_goes_to_the_pool_of_its_office() -> None:
    two_offices()
    switch("on")
    wire = make_code("WIRE")
    pools = {pool.office.code if pool.office else "": pool for pool in CostPool.objects.filter(code=wire)}
    assert set(pools) == {"AI", "BO", ""}
    assert {name: pool.lot_count for name, pool in pools.items()} == {"AI": 1, "BO": 1, "": 1}
    assert {name: pool.quantity_received for name, pool in pools.items()} == {"AI": 10, "BO": 5, "": 2}
    assert {name: pool.open_unallocated for name, pool in pools.items()} == {"AI": 3, "BO": -1, "": 4}
    assert {name: pool.usage_quantity for name, pool in pools.items()} == {"AI": 3, "BO": -1, "": 4}
    assert all(pool.has_work for pool in pools.values())
    assert not culprits()


@pytest.mark.django_db
def test_afterwards_an_office_uses_only_its_own_lots() -> None:
    make_lot(office="AI", received="10")
    make_usage("WIRE", "3", office="BO")
    switch("on")
    reconcile()
    assert OpenUsage.objects.get().quantity_unallocated == 3
    assert not culprits()


@pytest.mark.django_db
def test_switching_it_on_and_off_again_leaves_everything_as_it_was() -> None:
    two_offices()
    figures = [field.name for field in CostPool._meta.fields if field.name not in ("id", "work_noted_at")]
    before = list(CostPool.objects.order_by("code").values(*figures))
    switch("on")
    switch("off")
    assert list(CostPool.objects.order_by("code").values(*figures)) == before
    assert [change.value_after for change in PreferenceChange.objects.order_by("pk")] == ["on", "off"]
    assert not culprits()


@pytest.mark.django_db
def test_an_old_pool_that_a_run_names_is_kept_empty() -> None:
    make_usage("WIRE", "3", office="AI")
    reconcile()
    old = CostPool.objects.get()
    switch("on")
    old.refresh_from_db()
    assert (old.usage_count, old.open_count, old.has_work) == (0, 0, False)
    assert CostPool.objects.exclude(pk=old.pk).get().open_unallocated == 3
    assert not culprits()


@pytest.mark.django_db
def test_it_cannot_change_once_something_is_allocated() -> None:
    make_lot()
    make_usage("WIRE", "3")
    reconcile()
    with pytest.raises(ValidationError, match="while nothing is allocated"):
        switch("on")
    assert not Preference.current().prevent_inter_office
    assert CostPool.objects.count() == 1


@pytest.mark.django_db
def test_it_cannot_change_while_a_run_is_under_way() -> None:
    make_usage("WIRE", "3")
    run = request_run(trigger=ReconciliationRun.Trigger.BUTTON, now=NOW)
    with pytest.raises(ValidationError, match=f"Run {run.pk} is under way"):
        switch("on")
    assert not Preference.current().prevent_inter_office


# -- Settings of the books ---------------------------------------------------------------------------
def choose(name: str, value: str) -> PreferenceChange | None:
    return preference_set(name=name, value=value, by=None, now=NOW)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("name", "value", "before", "after"),
    [
        ("posting_date", "RUN", "EVENT", "RUN"),
        ("accrue_cogs", "on", "off", "on"),
        ("returns_reduce_orders", "off", "on", "off"),
        ("approve_above", "1000", "none", "1000.00"),
        ("account_opening", "5100", "3900", "5100"),
    ],
)
def test_each_setting_changes_with_a_line_in_the_log(name: str, value: str, before: str, after: str) -> None:
    change = choose(name, value)
    assert change is not None
    assert (change.name, change.value_before, change.value_after) == (name, before, after)
    assert value_of(Preference.current(), name) == after
    assert choose(name, value) is None
    assert PreferenceChange.objects.count() == 1


@pytest.mark.django_db
def test_the_limit_can_be_taken_away_again() -> None:
    choose("approve_above", "2*1500")
    assert Preference.current().approve_above == 3000
    choose("approve_above", "")
    assert Preference.current().approve_above is None
    assert [change.value_after for change in PreferenceChange.objects.order_by("pk")] == ["3000.00", "none"]


@pytest.mark.django_db
def test_a_run_counts_on_the_day_that_the_preference_says() -> None:
    choose("posting_date", "RUN")
    make_lot(on_day=1)
    make_usage("WIRE", "1", on_day=2)
    reconcile(now=NOW)
    allocation = CogsAllocation.objects.get()
    assert allocation.dated != allocation.usage.used_at.date()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("name", "number", "why"),
    [
        ("account_inventory", "5000", "Inventory is of the kind asset"),
        ("account_accrued_cogs", "1210", "Accrued COGS is of the kind liability"),
        ("account_accrued_cogs", "2100", "2100 Accrued Inventory is the account for accrued inventory"),
        ("account_adjustment", "1200", "1200 Inventory is the account for inventory, which needs one to itself"),
    ],
)
def test_balances_that_follow_records_have_accounts_to_themselves(name: str, number: str, why: str) -> None:
    before = value_of(Preference.current(), name)
    with pytest.raises(ValidationError, match=why):
        choose(name, number)
    assert value_of(Preference.current(), name) == before


@pytest.mark.django_db
def test_nothing_else_is_posted_to_an_account_that_lots_are_kept_on() -> None:
    Account.objects.create(number="1250", kind="ASSET")
    make_code("WIRE")
    LineItemCode.objects.update(account_inventory="1250")
    make_lot("WIRE")
    with pytest.raises(ValidationError, match="Lots are kept on 1250"):
        choose("account_variance", "1250")
    assert choose("account_inventory", "1250") is not None


@pytest.mark.django_db
def test_an_account_with_accruals_on_it_is_not_exchanged_under_them() -> None:
    Account.objects.create(number="2120", kind="LIABILITY")
    choose("accrue_cogs", "on")
    make_usage("WIRE", "3")
    accrue_cogs(now=NOW)
    with pytest.raises(ValidationError, match="Accrued COGS stands booked on the present account"):
        choose("account_accrued_cogs", "2120")
    choose("accrue_cogs", "off")
    accrue_cogs(now=NOW)
    assert choose("account_accrued_cogs", "2120") is not None
    assert not culprits()


@pytest.mark.django_db
def test_goods_not_billed_yet_keep_the_account_they_were_accrued_on() -> None:
    Account.objects.create(number="2130", kind="LIABILITY")
    lot = lot_open(code=make_code(), quantity_ordered=Decimal(10))
    lot_change(lot=lot, at=NOW, kind=LotCostEvent.Kind.RECEIPT, quantity=Decimal(10), value=Decimal(25))
    reconcile()
    with pytest.raises(ValidationError, match="Rename the account instead"):
        choose("account_accrued_inventory", "2130")
    lot_change(lot=lot, at=NOW, kind=LotCostEvent.Kind.PURCHASE, value_payable=Decimal(25))
    reconcile()
    assert choose("account_accrued_inventory", "2130") is not None
    assert "clearing_accounts" not in culprits()


@pytest.mark.django_db
def test_what_was_produced_keeps_its_account_in_process() -> None:
    Account.objects.create(number="1220", kind="ASSET")
    lot_open(code=make_code(), quantity_ordered=Decimal(1), is_fed=True)
    with pytest.raises(ValidationError, match="Something was produced"):
        choose("account_in_process", "1220")


@pytest.mark.django_db
def test_accruing_needs_an_account() -> None:
    Preference.objects.update(account_accrued_cogs=None)
    with pytest.raises(ValidationError, match="needs an account of its own first"):
        choose("accrue_cogs", "on")
    assert not Preference.current().accrue_cogs


@pytest.mark.django_db
def test_lots_and_their_notes_for_the_journal_move_together() -> None:
    make_lot(office="AI")
    switch("on")
    note = LotCostToPost.objects.get()
    assert note.pool.office is not None
    reconcile()
    assert not LotCostToPost.objects.exists()
    assert not culprits()


# -- The page ----------------------------------------------------------------------------------------
PAGE = "/administration/preferences/"


@pytest.mark.django_db
def test_default_accounts_change_together_or_not_at_all(accountant: Client) -> None:
    refused = accountant.post(PAGE, {"name": "accounts", "account_opening": "5100", "account_payable": "1210"})
    assert refused.status_code == 422
    assert "Accounts payable is of the kind liability" in refused.content.decode()
    assert not PreferenceChange.objects.exists()
    accountant.post(PAGE, {"name": "accounts", "account_opening": "5100", "account_variance": "5100"})
    assert sorted(change.name for change in PreferenceChange.objects.all()) == ["account_opening", "account_variance"]


@pytest.mark.django_db
def test_a_limit_is_set_and_taken_away_on_the_page(accountant: Client) -> None:
    accountant.post(PAGE, {"name": "approve_above", "value": "1000"})
    assert 'value="1000.00"' in accountant.get(PAGE).content.decode()
    assert accountant.post(PAGE, {"name": "approve_above", "value": ""}).status_code == 302
    assert Preference.current().approve_above is None
    refused = accountant.post(PAGE, {"name": "approve_above", "value": "lots"})
    assert "not below zero" in refused.content.decode()


@pytest.mark.django_db
def test_cogs_is_accrued_at_the_press_of_a_button(accountant: Client, clerk: Client) -> None:
    Preference.objects.update(accrue_cogs=True)
    make_usage("WIRE", "3")
    assert clerk.post("/accounting/accrue-cogs/").status_code == 403
    assert "<b>1</b> open usage has another amount booked" in accountant.get(PAGE).content.decode()
    answer = accountant.post("/accounting/accrue-cogs/", follow=True).content.decode()
    assert "Accrued COGS changed by 6.00: 1 line in 1 entry." in answer
    assert "What is booked is what is due" in answer
    entry = JournalEntry.objects.get()
    assert entry.text == "Accrued COGS, by accountant"


@pytest.mark.django_db
def test_the_nights_schedule_accrues_and_leaves_alone_what_is_off() -> None:
    make_usage("WIRE", "3")
    tasks.accrue_cogs()
    assert not JournalEntry.objects.exists()
    Preference.objects.update(accrue_cogs=True)
    tasks.accrue_cogs()
    assert OpenUsage.objects.get().accrued_booked == 6
    Preference.objects.update(account_accrued_cogs=None)
    tasks.accrue_cogs()  # refused, which the log says
    assert JournalEntry.objects.count() == 1


# -- Nobody relies on a preference that is being changed ---------------------------------------------
@pytest.mark.django_db
def test_a_posting_holds_the_preference_before_it_looks_for_its_pool() -> None:
    make_code()
    with CaptureQueriesContext(
        connection,
    ) as queries:
        make_lot()
    statements = [query["sql"] for query in queries]
    share = next(place for place, sql in enumerate(statements) if sql.endswith("WHERE id = 1 FOR SHARE"))
    pool = next(place for place, sql in enumerate(statements) if '"lots_costpool"' in sql)
    assert share < pool


def test_a_change_waits_for_the_posting_that_has_read_the_preference(
    committed_db: CommittedDatabase, concurrently: Callable[..., list[object]]
) -> None:
    """Without the share lock the posting would land in the pool of the time before, which nobody would empty."""
    make_office("AI")
    make_code()
    has_read, may_go_on = threading.Event(), threading.Event()

    def post() -> None:
        with transaction.atomic():
            preference_in_force()
            has_read.set()
            may_go_on.wait(timeout=180)
            make_usage("WIRE", "3", office="AI")

    def change() -> None:
        has_read.wait(timeout=180)
        threading.Timer(0.5, may_go_on.set).start()
        switch("on")

    results = concurrently(post, change)
    assert results == [None, None]
    assert Preference.current().prevent_inter_office
    pool = OpenUsage.objects.get().pool
    assert pool.office is not None
    assert not culprits()


def test_a_run_that_is_being_requested_keeps_the_preference_as_it_is(
    committed_db: CommittedDatabase, concurrently: Callable[..., list[object]]
) -> None:
    make_usage("WIRE", "3", office="AI")
    requested, may_go_on = threading.Event(), threading.Event()

    def ask() -> None:
        with transaction.atomic():
            request_run(trigger=ReconciliationRun.Trigger.BUTTON, now=NOW)
            requested.set()
            may_go_on.wait(timeout=180)

    def change() -> None:
        requested.wait(timeout=180)
        threading.Timer(0.5, may_go_on.set).start()
        switch("on")

    _, refused = concurrently(ask, change)
    assert isinstance(refused, ValidationError)
    assert not Preference.current().prevent_inter_office


# -- The command -------------------------------------------------------------------------------------
def command(*arguments: str) -> str:
    out = StringIO()
    call_command("set_preference", *arguments, stdout=out)
    return out.getvalue().strip()


@pytest.mark.django_db
def test_the_command_says_what_it_changed() -> None:
    assert command("cogs_method", "LIFO") == "cogs_method is LIFO now; it was FIFO."
    assert command("cogs_method", "LIFO") == "cogs_method is LIFO already; nothing was changed."
    assert PreferenceChange.objects.get().by is None
    assert command("account_opening", "5100") == "account_opening is 5100 now; it was 3900."


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("name", "value"), [("cogs_method", "lifo"), ("prevent_inter_office", "1"), ("account_cost", "x"), ("x", "y")]
)
def test_the_command_refuses_nonsense_with_exit_code_2(name: str, value: str) -> None:
    with pytest.raises(CommandError, match="Nothing was changed") as refusal:
        command(name, value)
    assert refusal.value.returncode == 2
    assert Preference.current().cogs_method == "FIFO"


@pytest.mark.django_db
def test_the_command_refuses_what_the_page_would_refuse() -> None:
    make_lot()
    make_usage("WIRE", "3")
    reconcile()
    with pytest.raises(CommandError, match="while nothing is allocated") as refusal:
        command("prevent_inter_office", "on")
    assert refusal.value.returncode == 2
