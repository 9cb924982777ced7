"""The home page, the ledger check, the preferences page and the dry run."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from celery import current_app
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from pytest_django import Settings

from lots.models import CostPool, InventoryLot, Preference, PreferenceChange
from reconciliation import checking, planning, preference_views, rehearsal, views
from reconciliation.engine import PlanBroken
from reconciliation.models import LedgerCheck, ReconciliationRun, RunPool
from reconciliation.requests import request_run
from reconciliation.selectors import open_usage_by_form, stock
from tests.factories import make_code, make_guide_list, make_lot, make_usage, reconcile
from tests.harness.worker import Worker
from usage.shapes import Form

if TYPE_CHECKING:
    from playwright.sync_api import Page

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
CHECK = "/reconciliation/ledger-check/"
PREFERENCES = "/administration/preferences/"
DRY_RUN = "/reconciliation/dry-run/"


def html(client: Client, address: str, *, status: int = 200) -> str:
    response = client.get(address)
    assert response.status_code == status, address
    return re.sub(r"\s+", " ", response.content.decode())


# -- Home --------------------------------------------------------------------------------------------
@pytest.mark.django_db
def test_an_empty_copy_says_what_to_do_first(clerk: Client, viewer: Client) -> None:
    page = html(clerk, "/")
    assert "Nothing here yet" in page
    assert 'href="/administration/import/"' in page[page.index("Nothing here yet") :]
    assert "a clerk can do it" in html(viewer, "/")


@pytest.mark.django_db
def test_open_usage_is_told_by_form_as_the_guides_have_it() -> None:
    make_guide_list()
    by_form = {line.form: line for line in open_usage_by_form()}
    positive, negative, zero = by_form[Form.NET_POSITIVE], by_form[Form.NET_NEGATIVE], by_form[Form.NET_ZERO]
    assert (positive.codes, positive.usages, positive.unallocated) == (2, 3, 1110)
    assert positive.accrued_cogs == Decimal("2988.90")
    assert (zero.codes, zero.usages, zero.unallocated, zero.accrued_cogs) == (1, 3, 0, 0)
    assert (negative.codes, negative.usages) == (0, 0)


@pytest.mark.django_db
def test_a_code_of_several_offices_counts_once_by_its_net(viewer: Client) -> None:
    Preference.objects.update(prevent_inter_office=True)
    make_usage("WIRE", "3", office="AI")
    make_usage("WIRE", "-5", office="BO")
    assert [(line.form, line.codes) for line in open_usage_by_form() if line.codes] == [(Form.NET_NEGATIVE, 1)]


@pytest.mark.django_db
def test_each_figure_of_open_usage_leads_to_a_list_that_adds_up_to_it(viewer: Client) -> None:
    make_guide_list()
    for code, quantity in (("NEG", "-4"), ("POS", "6")):
        make_usage(code, quantity)
    for line in views.open_form_lines():
        codes = viewer.get(line.codes_url)
        assert codes.context["page"].count == line.figures.codes
        usages = viewer.get(line.usages_url)
        assert usages.context["page"].count == line.figures.usages
        if line.figures.usages:
            totals = usages.context["table"].totals
            assert totals["unallocated"] == line.figures.unallocated
            assert totals["accrued_cogs"] == line.figures.accrued_cogs
        assert line.usages_url.replace("&", "&amp;") in html(viewer, "/")


@pytest.mark.django_db
def test_value_in_stock_is_what_the_lots_are_worth_now(viewer: Client) -> None:
    make_lot(received="3", value="10.00")
    make_lot("TAPE", received="4", value="8.00")
    make_usage("WIRE", "1")
    reconcile()
    assert stock().value == sum(lot.value - lot.value_used for lot in InventoryLot.objects.all()) == Decimal("14.67")
    page = html(viewer, "/")
    assert "14.67" in page
    assert viewer.get("/inventory/lots/").context["table"].totals["value_current"] == Decimal("14.67")


@pytest.mark.django_db
def test_home_tells_the_last_run_and_what_waits(viewer: Client) -> None:
    make_usage("WIRE", "3")
    assert "No run has been made yet" in html(viewer, "/")
    run = reconcile()
    page = html(viewer, "/")
    assert run.get_absolute_url() in page
    assert "Work waiting</dt><dd>None" in page
    make_usage("TAPE", "3")
    assert "1 usage of 1 code" in html(viewer, "/")


@pytest.mark.django_db
def test_home_shows_a_run_under_way_and_greys_the_button(accountant: Client) -> None:
    make_usage("WIRE", "3")
    run = request_run(trigger=ReconciliationRun.Trigger.BUTTON, now=NOW)
    page = html(accountant, "/")
    assert run.get_absolute_url() in page
    assert 'aria-disabled="true"' in page
    assert "No worker has reported" in page


@pytest.mark.django_db
def test_home_names_what_was_set_aside(viewer: Client) -> None:
    make_usage("WIRE", "3")
    CostPool.objects.update(is_set_aside=True)
    page = html(viewer, "/")
    assert "1 code set aside" in page
    assert "No run starts by itself for it until something is posted on it" in page
    assert make_code("WIRE").get_absolute_url() in page


@pytest.mark.django_db
def test_when_nothing_is_open_home_says_so(viewer: Client) -> None:
    make_lot()
    make_usage("WIRE", "3")
    reconcile()
    assert "Nothing is unallocated" in html(viewer, "/")


# -- Ledger check ------------------------------------------------------------------------------------
@pytest.mark.django_db
def test_a_ledger_that_was_never_checked_says_so(viewer: Client, accountant: Client) -> None:
    assert "Never checked yet" in html(viewer, CHECK)
    assert "Your role does not include checking" in html(viewer, CHECK)
    assert "Check now" in html(accountant, CHECK)


@pytest.mark.django_db
def test_every_invariant_is_shown_with_when_and_by_whom(viewer: Client, person: Callable[[str], User]) -> None:
    make_lot()
    check = checking.ledger_check(by=person("accountant"), now=NOW)
    page = html(viewer, CHECK)
    assert "All invariants hold" in page
    assert "by accountant" in page
    assert page.count('class="holds"') == len(check.results) > 10
    assert "All invariants hold" in html(viewer, "/")


@pytest.mark.django_db
def test_what_is_broken_comes_first_with_a_way_to_the_culprits(viewer: Client) -> None:
    lot = make_lot(number="L-1")
    make_usage("WIRE", "3")
    with connection.cursor() as cursor:
        cursor.execute("UPDATE lots_inventorylot SET quantity_used = 1")
    checking.ledger_check(by=None, now=NOW)
    page = html(viewer, CHECK)
    assert "The ledger contradicts itself" in page
    assert f'<a href="{lot.get_absolute_url()}">lot L-1</a>: used 1.0000, allocated 0' in page
    assert f'<a href="{make_code("WIRE").get_absolute_url()}">pool of WIRE</a>' in page
    assert page.index('class="is-broken"') < page.index('class="holds"')
    assert "Something is off" in html(viewer, "/")


@pytest.mark.django_db
def test_an_earlier_check_can_be_looked_at(viewer: Client) -> None:
    first = checking.ledger_check(by=None, now=NOW)
    checking.ledger_check(by=None, now=NOW)
    assert "This is an earlier check" in html(viewer, f"{CHECK}?check={first.pk}")
    assert "This is an earlier check" not in html(viewer, CHECK)
    html(viewer, f"{CHECK}?check=999999999999999999999")


@pytest.mark.django_db
def test_check_now_waits_until_the_newer_check_is_there(accountant: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[User] = []

    def note(*, by: User) -> bool:
        asked.append(by)
        return True

    monkeypatch.setattr(views, "request_check", note)
    old = checking.ledger_check(by=None, now=NOW)
    address = accountant.post(CHECK).headers["Location"]
    assert [user.username for user in asked] == ["accountant"]
    page = html(accountant, address)
    assert "Checking…" in page
    assert 'hx-trigger="every 2s"' in page
    progress = address.replace("?", "progress/?")
    going = accountant.get(progress, headers={"HX-Request": "true"})
    assert "HX-Redirect" not in going.headers
    checking.ledger_check(by=None, now=NOW)
    assert accountant.get(progress, headers={"HX-Request": "true"}).headers["HX-Redirect"] == CHECK
    assert accountant.get(address).headers["Location"] == CHECK
    late = html(accountant, f"{CHECK}?since={LedgerCheck.objects.latest('pk').pk}&asked={int(old.at.timestamp())}")
    assert "No check has come back" in late
    assert "verify_ledger" in late


@pytest.mark.django_db
def test_a_broker_that_is_down_is_said_and_nothing_is_checked(
    accountant: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(*_arguments: object, **_options: object) -> None:
        raise ConnectionError("no broker")

    monkeypatch.setattr(current_app, "send_task", down)
    assert accountant.post(CHECK).headers["Location"] == CHECK
    assert "Nothing was checked" in html(accountant, CHECK)


# -- Preferences -------------------------------------------------------------------------------------
@pytest.mark.django_db
def test_an_accountant_changes_the_method_and_the_log_shows_it(accountant: Client, viewer: Client) -> None:
    response = accountant.post(PREFERENCES, {"name": "cogs_method", "value": "LIFO"}, follow=True)
    assert "Changed from FIFO to LIFO" in response.content.decode()
    page = html(viewer, PREFERENCES)
    assert page.index("COGS method") < page.index("accountant")
    assert "IFRS does not permit LIFO" in page
    assert "Change the method" not in page
    assert PreferenceChange.objects.get().by_id is not None


@pytest.mark.django_db
def test_a_clerk_changes_nothing(clerk: Client) -> None:
    assert clerk.post(PREFERENCES, {"name": "cogs_method", "value": "LIFO"}).status_code == 403
    assert Preference.current().cogs_method == "FIFO"


@pytest.mark.django_db
@pytest.mark.parametrize(
    "data", [{}, {"name": "cogs_method"}, {"name": "cogs_method", "value": "X"}, {"name": "x", "value": "y"}]
)
def test_nonsense_is_said_at_its_place_and_changes_nothing(accountant: Client, data: dict[str, str]) -> None:
    response = accountant.post(PREFERENCES, data)
    assert response.status_code == 422
    assert "Nothing was changed" in response.content.decode()
    assert not PreferenceChange.objects.exists()


@pytest.mark.django_db
def test_offices_can_be_kept_apart_only_while_nothing_is_allocated(accountant: Client) -> None:
    make_lot(office="AI")
    make_usage("WIRE", "3", office="BO")
    accountant.post(PREFERENCES, {"name": "prevent_inter_office", "value": "on"})
    assert Preference.current().prevent_inter_office
    accountant.post(PREFERENCES, {"name": "prevent_inter_office", "value": "off"})
    reconcile()
    assert "It can change only while nothing is allocated" in html(accountant, PREFERENCES)
    response = accountant.post(PREFERENCES, {"name": "prevent_inter_office", "value": "on"})
    assert response.status_code == 422
    assert not Preference.current().prevent_inter_office


@pytest.mark.django_db
def test_what_takes_too_long_for_a_page_names_the_command(accountant: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    make_usage("WIRE", "3", office="BO")
    monkeypatch.setattr(preference_views, "USAGES_MOVED_AT_ONCE", 0)
    assert "set_preference prevent_inter_office" in html(accountant, PREFERENCES)
    assert accountant.post(PREFERENCES, {"name": "prevent_inter_office", "value": "on"}).status_code == 422
    assert not Preference.current().prevent_inter_office


# -- Dry run -----------------------------------------------------------------------------------------
@pytest.mark.django_db
def test_a_dry_run_shows_what_the_run_then_does_and_writes_nothing(accountant: Client) -> None:
    make_lot(received="10", value="100.00")
    make_usage("WIRE", "12")
    make_usage("TAPE", "-1")
    context = accountant.get(DRY_RUN).context
    assert not ReconciliationRun.objects.exists()
    rows = {row.code: row for row in context["table"].data}
    run = reconcile()
    for row in RunPool.objects.filter(run=run):
        planned = rows[row.pool.code.code]
        for name in ("passes", "drawn", "given_back", "amount", "open_usages", "unallocated"):
            assert getattr(planned, name) == getattr(row, name)
    assert context["table"].totals["amount"] == run.amount == Decimal("100.00")


@pytest.mark.django_db
def test_what_if_the_method_were_the_other(accountant: Client) -> None:
    make_lot(received="10", value="10.00", on_day=1)
    make_lot(received="10", value="50.00", on_day=2)
    make_usage("WIRE", "4", on_day=3)
    assert accountant.get(DRY_RUN).context["table"].totals["amount"] == Decimal("4.00")
    assert accountant.get(f"{DRY_RUN}?method=LIFO").context["table"].totals["amount"] == Decimal("20.00")


@pytest.mark.django_db
def test_a_dry_run_of_chosen_codes(accountant: Client) -> None:
    make_usage("WIRE", "4")
    make_usage("TAPE", "4")
    assert [row.code for row in accountant.get(f"{DRY_RUN}?codes=TAPE").context["table"].data] == ["TAPE"]
    assert "There is no line item code NOPE" in html(accountant, f"{DRY_RUN}?codes=NOPE", status=422)
    assert "Nothing was saved" in html(accountant, f"{DRY_RUN}?method=X", status=422)


@pytest.mark.django_db
def test_a_dry_run_too_large_for_a_page_names_the_command(accountant: Client, settings: Settings) -> None:
    make_usage("WIRE", "4")
    make_usage("WIRE", "5")
    settings.BATCH_USAGES = 1
    page = html(accountant, f"{DRY_RUN}?codes=WIRE")
    assert "2 usages are too many for a page" in page
    assert "python3 run.py manage reconcile --dry-run --code WIRE" in page
    make_usage("A&B #1+", "4")
    make_usage("A&B #1+", "5")
    command = accountant.get(DRY_RUN, {"codes": "A&B #1+"}).context["command"]
    assert command == "python3 run.py manage reconcile --dry-run --code 'A&B #1+'"


@pytest.mark.django_db
def test_a_dry_run_tells_what_a_run_would_set_aside(accountant: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    make_usage("WIRE", "4")
    make_usage("TAPE", "4")
    sick = CostPool.objects.get(code__code="WIRE").pk

    def plan(snapshot: Any, method: Any) -> planning.PoolPlan:
        if snapshot.pool == sick:
            raise PlanBroken("out of balance")
        return planning.plan_pool(snapshot, method)

    monkeypatch.setattr(rehearsal, "plan_pool", plan)
    page = html(accountant, DRY_RUN)
    assert "A run would set this aside. PlanBroken: out of balance" in page
    assert "TAPE" in page


# -- In a browser ------------------------------------------------------------------------------------
def test_every_page_is_accessible(
    page: "Page",
    sign_in: Callable[[str], User],
    axe: Callable[["Page"], None],
    screenshot: Callable[["Page", str], None],
) -> None:
    make_guide_list()
    make_usage("WIRE", "3")
    checking.ledger_check(by=sign_in("accountant"), now=NOW)
    run = ReconciliationRun.objects.get()
    row = RunPool.objects.filter(run=run, open_usages__gt=0)[0]
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)
        for name, address in (
            ("home", "/"),
            ("runs", "/reconciliation/runs/"),
            ("run", run.get_absolute_url()),
            ("run-log", f"{run.get_absolute_url()}log/"),
            ("run-code", f"{run.get_absolute_url()}codes/{row.pk}/"),
            ("run-start", "/reconciliation/runs/start/"),
            ("entries", "/reconciliation/entries/"),
            ("dry-run", DRY_RUN),
            ("ledger-check", CHECK),
            ("preferences", PREFERENCES),
        ):
            page.goto(address)
            axe(page)
            screenshot(page, f"{name}-{theme}")


def test_a_check_is_asked_for_and_comes_back(page: "Page", sign_in: Callable[[str], User], worker: Worker) -> None:
    make_lot()
    sign_in("accountant")
    page.goto(CHECK)
    page.get_by_role("button", name="Check now").click()
    page.get_by_text("Checking…").wait_for()
    worker.start()
    page.get_by_text("All invariants hold").wait_for()
    assert LedgerCheck.objects.get().by == User.objects.get(username="accountant")
