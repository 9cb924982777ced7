"""Whoever chooses an account cannot choose one that the books keep in step with the lots."""

import pytest
from django.core.exceptions import ValidationError

from lots.accounts import account_ensure, default_account, why_not_inventory, why_not_other_side
from lots.item_master import code_change
from lots.models import Account, InventoryLot, LineItemCode
from tests.factories import day, make_code, make_lot
from tests.reconciliation.records import culprits, run_now
from tests.usage.adjustments import AT, everything, line, pending
from tests.usage.jobs import make_job, nothing_moves
from usage.adjusting import adjustment_post
from usage.models import InventoryAdjustment, Job, JobCost
from usage.production import job_cost_add

pytestmark = pytest.mark.django_db

KEPT_IN_STEP = ("inventory", "in_process", "payable", "accrued_inventory", "accrued_cogs")


def shelves() -> Account:
    """An asset account that a code keeps its lots on, before there are any."""
    account = account_ensure("1250")
    code_change(by=None, at=day(1), code=make_code("PAPER"), account_inventory="1250")
    return account


@pytest.mark.parametrize("name", KEPT_IN_STEP)
def test_a_default_that_follows_from_records_is_no_other_side(name: str) -> None:
    assert "needs one to itself" in why_not_other_side(default_account(name))


@pytest.mark.parametrize("name", ["cost", "opening", "adjustment", "variance", "job_cost"])
def test_any_other_default_is_a_good_other_side(name: str) -> None:
    assert why_not_other_side(default_account(name)) == ""


def test_an_account_of_lots_is_no_other_side_even_when_its_code_names_another_by_now() -> None:
    account = shelves()
    assert "Lots are kept on 1250" in why_not_other_side(account)
    make_lot(make_code("PAPER"), received="4", value="8")
    code_change(by=None, at=day(1), code=make_code("PAPER"), account_inventory="")
    assert InventoryLot.objects.get().account == account
    assert "Lots are kept on 1250" in why_not_other_side(account)


@pytest.mark.parametrize("name", KEPT_IN_STEP)
def test_an_adjustment_cannot_name_an_account_of_lots(name: str) -> None:
    make_lot("WIRE", received="10", value="100")
    with pytest.raises(ValidationError, match="needs one to itself") as refusal:
        pending("LOSS", line("WIRE", "4"), account=default_account(name))
    assert list(refusal.value.message_dict) == ["account"]
    assert not InventoryAdjustment.objects.exists()


def test_an_account_that_lots_are_kept_on_meanwhile_cannot_be_posted_to() -> None:
    make_lot("WIRE", received="10", value="100")
    adjustment = pending("LOSS", line("WIRE", "4"), account=account_ensure("1250"))
    # The code's page refuses the account since the adjustment names it; so this came about in some other way.
    with pytest.raises(ValidationError, match="other side"):
        shelves()
    LineItemCode.objects.filter(code="PAPER").update(account_inventory="1250")
    before = everything()
    with pytest.raises(ValidationError, match="Lots are kept on 1250"):
        adjustment_post(adjustment=adjustment, by=None, at=AT)
    assert everything() == before


@pytest.mark.parametrize("name", KEPT_IN_STEP)
def test_a_job_cost_cannot_come_from_an_account_of_lots(name: str) -> None:
    job = make_job()

    def add(job: Job = job) -> JobCost:
        return job_cost_add(
            job=job, kind="LABOR", description="", incurred_at=day(3), amount=job.quantity, by=None,
            at=day(3), account=default_account(name),
        )  # fmt: skip

    nothing_moves(add, match="needs one to itself")


def test_usage_of_a_code_is_not_charged_to_accounts_of_lots() -> None:
    shelves()
    for number in ("1250", default_account("in_process").number, default_account("accrued_cogs").number):
        with pytest.raises(ValidationError) as refusal:
            code_change(by=None, at=day(1), code=make_code("WIRE"), account_cost=number)
        assert list(refusal.value.message_dict) == ["account_cost"]
    assert make_code("WIRE").account_cost == ""


def test_lots_are_not_kept_on_an_account_that_something_else_is_posted_to() -> None:
    account_ensure("1250")
    assert why_not_inventory(default_account("inventory")) == ""
    with pytest.raises(ValidationError, match="default account for something else"):
        code_change(by=None, at=day(1), code=make_code("WIRE"), account_inventory=default_account("in_process").number)
    adjustment = pending("BEGINNING_BALANCE", line("WIRE", "4", unit_cost="2"), account=account_ensure("1250"))
    adjustment_post(adjustment=adjustment, by=None, at=AT)
    with pytest.raises(ValidationError, match="has been the other side"):
        code_change(by=None, at=day(1), code=make_code("PAPER"), account_inventory="1250")
    run_now()
    assert culprits() == {}
