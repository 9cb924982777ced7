"""The chart of accounts, the periods and line item codes, as people use them."""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from lots.item_master import code_change, code_create
from lots.models import Account, FiscalPeriod, LineItemCode, PeriodChange, Preference
from reconciliation.account_selectors import balances_of, months_of
from reconciliation.accruals import accrue_cogs
from reconciliation.chart import account_change, account_create
from reconciliation.models import JournalLine
from reconciliation.periods import period_close
from tests.factories import day, make_code, make_lot, make_usage, reconcile
from tests.pages.reading import exported, said
from tests.reconciliation.records import culprits
from usage.models import OpenUsage

if TYPE_CHECKING:
    from playwright.sync_api import Page

ACCOUNTS = "/accounting/accounts/"
PERIODS = "/accounting/periods/"
CODES = "/inventory/codes/"
NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def account(number: str) -> Account:
    return Account.objects.get(number=number)


def html(client: Client, address: str) -> str:
    response = client.get(address)
    assert response.status_code == 200, address
    return re.sub(r"\s+", " ", response.content.decode())


def stock() -> None:
    """100.00 received in January, 40.00 of it used in February."""
    make_lot("WIRE", received="10", value="100.00", on_day=1)
    make_usage("WIRE", "4", on_day=30)
    reconcile(now=NOW)


# -- Chart of accounts -------------------------------------------------------------------------------
@pytest.mark.django_db
def test_each_account_shows_what_stands_on_it_on_its_own_side(viewer: Client) -> None:
    stock()
    numbers = {kept.pk: kept.number for kept in Account.objects.all()}
    figures = {numbers[pk]: balance for pk, balance in balances_of(Account.objects.all()).items()}
    assert (figures["1200"], figures["5000"], figures["3900"], figures["2000"]) == (60, 40, 100, 0)
    rows = exported(viewer.get(ACCOUNTS, {"export": "csv"}))  # type: ignore[arg-type]  # an answer is an answer
    inventory = next(row for row in rows if row[0] == "1200")
    assert inventory == ["1200", "Inventory", "Asset", "Inventory", "60.00", "Active"]


@pytest.mark.django_db
def test_an_account_tells_its_postings_month_by_month_and_leads_to_them(viewer: Client) -> None:
    stock()
    months = months_of(account("1200"))
    assert [(month.period, month.debit, month.credit, month.balance) for month in months] == [
        ("2026-02", 0, 40, 60),
        ("2026-01", 100, 0, 100),
    ]
    page = html(viewer, f"{ACCOUNTS}{account('1200').pk}/")
    assert "/accounting/journal/?account==1200&amp;period=2026-02" in page
    assert "Default for" in page
    assert "Edit" not in page


@pytest.mark.django_db
def test_accountants_add_an_account_and_clerks_do_not(accountant: Client, clerk: Client) -> None:
    data = {"number": "6100", "name": "Samples", "kind": "EXPENSE"}
    assert clerk.post(f"{ACCOUNTS}new/", data).status_code == 403
    assert not Account.objects.filter(number="6100").exists()
    response = accountant.post(f"{ACCOUNTS}new/", data)
    assert response.headers["Location"] == account("6100").get_absolute_url()
    again = accountant.post(f"{ACCOUNTS}new/", data)
    assert again.status_code == 422
    assert "There is an account 6100 already" in again.content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize("number", ["", " 6100", "61  00"])
def test_a_number_with_odd_white_space_is_refused(number: str) -> None:
    with pytest.raises(ValidationError, match="Nothing was added"):
        account_create(by=None, at=day(1), number=number, name="x", kind="EXPENSE")


@pytest.mark.django_db
def test_an_account_that_something_relies_on_stays_active() -> None:
    make_code("WIRE").__class__.objects.filter(code="WIRE").update(account_cost="5010")
    account_create(by=None, at=day(1), number="5010", name="Wire used", kind="COST_OF_SALES")
    with pytest.raises(ValidationError, match="It is the default account for accrued inventory"):
        account_change(by=None, at=day(1), account=account("2100"), name="x", kind="LIABILITY", is_active=False)
    with pytest.raises(ValidationError, match="Codes name it as their account: WIRE"):
        account_change(by=None, at=day(1), account=account("5010"), name="x", kind="COST_OF_SALES", is_active=False)
    assert (account("2100").is_active, account("2100").name) == (True, "Accrued Inventory")
    LineItemCode.objects.update(account_cost="")
    wire = account_change(
        account=account("5010"), name="Wire", kind="COST_OF_SALES", is_active=False, by=None, at=day(1)
    )
    assert not wire.is_active


@pytest.mark.django_db
def test_the_kind_of_an_account_changes_only_while_nothing_relies_on_it(accountant: Client) -> None:
    account_create(by=None, at=day(1), number="6100", name="Samples", kind="EXPENSE")
    data = {"name": "Samples", "kind": "OVERHEAD", "is_active": "on"}
    assert accountant.post(f"{ACCOUNTS}{account('6100').pk}/edit/", data).status_code == 302
    assert account("6100").kind == "OVERHEAD"
    refused = accountant.post(f"{ACCOUNTS}{account('5000').pk}/edit/", data)
    assert refused.status_code == 422
    assert "It is a default account" in refused.content.decode()
    stock()
    Preference.objects.update(account_cost=account("6100"))
    refused = accountant.post(f"{ACCOUNTS}{account('5000').pk}/edit/", data)
    assert "Something is posted to it" in refused.content.decode()
    assert account("5000").kind == "COST_OF_SALES"


@pytest.mark.django_db
def test_a_rename_keeps_everything_else(accountant: Client) -> None:
    url = f"{ACCOUNTS}{account('2100').pk}/edit/"
    assert 'value="Accrued Inventory"' in html(accountant, url)
    accountant.post(url, {"name": "Goods Received Not Invoiced", "kind": "LIABILITY", "is_active": "on"})
    assert str(account("2100")) == "2100 Goods Received Not Invoiced"
    assert account("2100").is_active


# -- Periods -----------------------------------------------------------------------------------------
@pytest.mark.django_db
def test_the_page_leads_through_the_checklist_of_the_month_to_close_next(viewer: Client, accountant: Client) -> None:
    stock()
    make_usage("TAPE", "3", on_day=2)
    reconcile(now=NOW)
    page = said(accountant, PERIODS)
    assert page.index("2026-01") < page.index("Open usage, its cost still estimated")
    assert "Close 2026-01" in page
    page = said(viewer, PERIODS)
    assert "Close 2026-01" not in page
    assert "an accountant can" in page


@pytest.mark.django_db
def test_a_month_is_closed_and_reopened_on_the_page(accountant: Client) -> None:
    stock()
    asked = said(accountant, f"{PERIODS}close/?period=2026-01")
    assert "Nothing will be posted into this month any more" in asked
    response = accountant.post(f"{PERIODS}close/?period=2026-01", {"reason": "Done"}, follow=True)
    assert "2026-01 is closed now." in response.content.decode()
    assert FiscalPeriod.objects.get().is_closed
    assert "Reopen 2026-01" in said(accountant, f"{PERIODS}?period=2026-01")
    # The next one is offered by itself.
    assert "Close 2026-02" in said(accountant, PERIODS)
    accountant.post(f"{PERIODS}reopen/?period=2026-01", {"reason": "A late bill"})
    assert not FiscalPeriod.objects.get().is_closed
    assert [change.reason for change in PeriodChange.objects.order_by("pk")] == ["Done", "A late bill"]
    assert all(change.by is not None for change in PeriodChange.objects.all())


@pytest.mark.django_db
def test_what_bars_the_close_is_said_before_and_after(accountant: Client) -> None:
    make_lot("WIRE", on_day=1)
    page = html(accountant, f"{PERIODS}?period=2026-01")
    assert 'aria-disabled="true" aria-describedby="why-not-close"' in page
    assert "1 posting dated in 2026-01 is not in the books yet" in said(accountant, f"{PERIODS}close/?period=2026-01")
    refused = accountant.post(f"{PERIODS}close/?period=2026-01", {})
    assert refused.status_code == 422
    assert "a run takes it in a few seconds" in refused.content.decode()
    assert not PeriodChange.objects.exists()


@pytest.mark.django_db
def test_a_year_is_closed_in_one_step_on_the_page(accountant: Client, clerk: Client, viewer: Client) -> None:
    stock()
    assert "Close all open months up to" in said(accountant, PERIODS)
    assert "Close all open months up to" not in said(viewer, PERIODS)
    address = f"{PERIODS}close-up-to/?period=2026-02"
    asked = said(accountant, address)
    assert "Close 2026-01 to 2026-02 (2 months)" in asked
    assert "into the 2 months from 2026-01 to 2026-02 any more." in asked
    assert "Earlier months that are still open" not in asked
    assert clerk.post(address, {}).status_code == 403
    assert not PeriodChange.objects.exists()
    done = accountant.post(address, {"reason": "Year end"}, follow=True)
    assert "2026-01 to 2026-02 (2 months) are closed now." in done.content.decode()
    assert FiscalPeriod.objects.filter(is_closed=True).count() == 2
    asked = said(accountant, address)
    assert "No month up to 2026-02 is open." in asked
    assert "Nothing will be posted" not in asked
    refused = accountant.post(address, {})
    assert refused.status_code == 422
    assert PeriodChange.objects.count() == 2


@pytest.mark.django_db
@pytest.mark.parametrize("page", ["close", "close-up-to"])
def test_a_month_ahead_offers_no_close(accountant: Client, page: str) -> None:
    stock()
    address = f"{PERIODS}{page}/?period=2199-12"
    with CaptureQueriesContext(connection) as asked:
        shown = accountant.get(address).content.decode()
    assert len(asked) < 20
    assert "2199-12 has not begun." in shown
    assert 'name="reason"' not in shown
    assert 'name="reason"' in accountant.get(f"{PERIODS}{page}/?period=2026-02").content.decode()
    refused = accountant.post(address, {})
    assert refused.status_code == 422
    assert "2199-12 has not begun. Nothing was closed." in refused.content.decode()
    assert not PeriodChange.objects.exists()


@pytest.mark.django_db
def test_many_months_are_asked_about_at_once(accountant: Client) -> None:
    make_lot("OLD", on_day=-300)
    stock()
    counts = []
    for month in ("2025-06", "2026-02"):
        with CaptureQueriesContext(connection) as asked:
            assert "to " + month in accountant.get(f"{PERIODS}close-up-to/?period={month}").content.decode()
        counts.append(len(asked))
    assert counts[0] == counts[1]


@pytest.mark.django_db
def test_what_bars_one_of_several_months_bars_all(accountant: Client) -> None:
    stock()
    make_lot("PEN", on_day=1)
    address = f"{PERIODS}close-up-to/?period=2026-02"
    assert "1 posting dated in 2026-01 is not in the books yet" in said(accountant, address)
    assert accountant.post(address, {}).status_code == 422
    assert not PeriodChange.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("query", ["", "?period=March"])
def test_an_address_that_names_no_period_leads_to_the_list(accountant: Client, query: str) -> None:
    for verb in ("close", "reopen"):
        response = accountant.post(f"{PERIODS}{verb}/{query}", {})
        assert (response.status_code, response.headers["Location"]) == (302, PERIODS)
    assert not PeriodChange.objects.exists()


@pytest.mark.django_db
def test_a_clerk_closes_nothing(clerk: Client) -> None:
    assert clerk.post(f"{PERIODS}close/?period=2026-01", {}).status_code == 403
    assert not PeriodChange.objects.exists()


# -- Line item codes ---------------------------------------------------------------------------------
NEW_CODE = {
    "code": "16G-W", "record_type": "INVENTORIED_ITEM", "description": "16 Gauge Copper Wire", "status": "ACTIVE",
    "est_unit_cost": "1.99", "category": "Wire", "unit_weight": "0.5", "account_cost": "5000",
}  # fmt: skip


@pytest.mark.django_db
def test_a_clerk_adds_a_code_and_changes_it(clerk: Client, viewer: Client) -> None:
    assert viewer.post(f"{CODES}new/", NEW_CODE).status_code == 403
    clerk.post(f"{CODES}new/", NEW_CODE)
    made = LineItemCode.objects.get()
    assert (made.est_unit_cost, made.category, made.unit_weight) == (Decimal("1.99"), "Wire", Decimal("0.5"))
    edit = {**NEW_CODE, "description": "Wire", "is_serialized": "on", "est_unit_cost": "2*1.50"}
    assert clerk.post(f"{CODES}{made.pk}/edit/", edit).status_code == 302
    made.refresh_from_db()
    assert (made.description, made.is_serialized, made.est_unit_cost) == ("Wire", True, 3)
    assert (made.code, made.record_type) == ("16G-W", "INVENTORIED_ITEM")


@pytest.mark.django_db
def test_a_new_estimate_moves_what_is_accrued(clerk: Client) -> None:
    Preference.objects.update(accrue_cogs=True)
    usage = make_usage("WIRE", "10")
    accrue_cogs(now=NOW)
    clerk.post(f"{CODES}{usage.code_id}/edit/", {"status": "ACTIVE", "est_unit_cost": "3", "unit_weight": "0"})
    assert culprits() == {}
    assert OpenUsage.objects.get().pool.open_accrued_cogs == 30
    assert accrue_cogs(now=NOW).amount == 10


@pytest.mark.django_db
def test_what_records_rely_on_cannot_change_any_more(clerk: Client) -> None:
    wire = make_code("WIRE")
    assert code_change(by=None, at=day(1), code=wire, is_serialized=True).is_serialized
    assert not code_change(by=None, at=day(1), code=wire, is_serialized=False).is_serialized
    make_lot("WIRE")
    with pytest.raises(ValidationError, match="WIRE has records"):
        code_change(by=None, at=day(1), code=wire, is_serialized=True)
    assert re.search(r'name="is_serialized"[^>]* disabled', html(clerk, f"{CODES}{wire.pk}/edit/"))
    # Sent past the page, it is not taken either.
    clerk.post(
        f"{CODES}{wire.pk}/edit/", {"status": "ACTIVE", "est_unit_cost": "2", "unit_weight": "0", "is_serialized": "on"}
    )
    wire.refresh_from_db()
    assert not wire.is_serialized


@pytest.mark.django_db
def test_accounts_of_a_code_stand_in_the_chart_and_are_active() -> None:
    wire = make_code("WIRE")
    Account.objects.create(number="5010", kind="COST_OF_SALES", is_active=False)
    for fields, why in (
        ({"account_cost": "5999"}, "There is no account 5999"),
        ({"account_cost": "5010"}, "Account 5010 is not active"),
        ({"account_inventory": "5000"}, "Inventory is kept on an asset"),
        ({"account_cost": "1200"}, "Cost and inventory need two accounts"),
    ):
        with pytest.raises(ValidationError, match=why):
            code_change(by=None, at=day(1), code=wire, **fields)
    wire.refresh_from_db()
    assert (wire.account_cost, wire.account_inventory) == ("", "")


@pytest.mark.django_db
def test_a_code_of_which_there_is_some_stays_active() -> None:
    wire = make_lot("WIRE", received="10").code
    with pytest.raises(ValidationError, match="WIRE still has 10 on hand"):
        code_change(by=None, at=day(1), code=wire, status="INACTIVE")
    make_usage("WIRE", "10")
    assert code_change(by=None, at=day(1), code=wire, status="INACTIVE").status == "INACTIVE"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"code": " WIRE"}, "no white space"),
        ({"code": "wire"}, "There is a code wire already"),
        ({"code": "X", "est_unit_cost": Decimal(-1)}, "cannot be negative"),
        ({"code": "X", "unit_weight": Decimal(-1)}, "cannot be negative"),
    ],
)
def test_nonsense_makes_no_code(fields: dict[str, object], why: str) -> None:
    make_code("WIRE")
    with pytest.raises(ValidationError, match=why):
        code_create(by=None, at=day(1), **fields)  # type: ignore[arg-type]  # as a form would send it
    assert LineItemCode.objects.count() == 1


# -- In a browser ------------------------------------------------------------------------------------
def test_every_page_is_accessible(
    page: "Page",
    sign_in: Callable[[str], User],
    axe: Callable[["Page"], None],
    screenshot: Callable[["Page", str], None],
) -> None:
    user = sign_in("accountant")
    stock()
    make_usage("TAPE", "3", on_day=2)
    reconcile(now=NOW)
    make_lot("GLUE", on_day=32)
    period_close(starts_on=date(2026, 1, 1), by=user, now=NOW, reason="January is done")
    wire = LineItemCode.objects.get(code="WIRE")
    assert JournalLine.objects.exists()
    inventory = account("1200")
    for theme, width in (("light", 1280), ("dark", 800)):
        page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]  # one of its literals
        page.set_viewport_size({"width": width, "height": 800})
        for name, address in (
            ("accounts", ACCOUNTS),
            ("account", inventory.get_absolute_url()),
            ("account-new", f"{ACCOUNTS}new/"),
            ("account-edit", f"{ACCOUNTS}{inventory.pk}/edit/"),
            ("periods", PERIODS),
            ("period-closed", f"{PERIODS}?period=2026-01"),
            ("period-close", f"{PERIODS}close/?period=2026-02"),
            ("period-reopen", f"{PERIODS}reopen/?period=2026-01"),
            ("preferences", "/administration/preferences/"),
            ("code-new", f"{CODES}new/"),
            ("code-edit", f"{CODES}{wire.pk}/edit/"),
        ):
            page.goto(address)
            axe(page)
            screenshot(page, f"{name}-{theme}-{width}")
