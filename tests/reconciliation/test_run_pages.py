"""Pages of runs: what they say in each state, what the buttons do, and that pressing twice does nothing twice."""

import csv
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from io import StringIO
from typing import TYPE_CHECKING

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django.utils.html import escape
from playwright.sync_api import expect

from lots.models import CostPool
from reconciliation import runner
from reconciliation.models import ReconciliationRun, RunLogLine, RunPool
from reconciliation.pass_story import story
from reconciliation.requests import request_run
from reconciliation.run_log import log_warning
from reconciliation.run_progress import run_progress
from reconciliation.run_states import start
from tests.factories import make_code, make_give_back_loop, make_lot, make_usage, reconcile
from tests.harness.databases import CommittedDatabase
from tests.harness.worker import Worker

if TYPE_CHECKING:
    from playwright.sync_api import Page

State = ReconciliationRun.State
START = "/reconciliation/runs/start/"


def asked_for(codes: list[str] | None = None) -> ReconciliationRun:
    return request_run(trigger=ReconciliationRun.Trigger.BUTTON, now=timezone.now(), codes=codes)


def html(client: Client, address: str) -> str:
    response = client.get(address)
    assert response.status_code == 200, address
    return response.content.decode()


def sick(run: ReconciliationRun, error: str = "PlanBroken: out of balance") -> RunPool:
    """Set the run's first pool aside, as a run does that cannot plan it."""
    row = run.work.order_by("pk")[0]
    RunPool.objects.filter(pk=row.pk).update(
        state=RunPool.State.FAILED, error=error, attempts=3, finished_at=timezone.now()
    )
    row.refresh_from_db()
    return row


# -- Starting ----------------------------------------------------------------------------------------
@pytest.mark.django_db
def test_the_button_asks_first_and_says_what_would_be_taken_up(accountant: Client) -> None:
    make_usage("WIRE", "3")
    make_usage("TAPE", "3")
    page = html(accountant, START)
    assert "2 open usages of 2 codes" in page
    assert "FIFO" in page
    assert not ReconciliationRun.objects.exists()


@pytest.mark.django_db
def test_yes_starts_a_run_and_leads_to_its_page(accountant: Client, person: Callable[[str], User]) -> None:
    make_usage("WIRE", "3")
    response = accountant.post(START)
    run = ReconciliationRun.objects.get()
    assert response.headers["Location"] == run.get_absolute_url()
    assert (run.trigger, run.requested_by, run.is_everything) == ("BUTTON", person("accountant"), True)


@pytest.mark.django_db
def test_pressing_twice_starts_nothing_twice(accountant: Client) -> None:
    make_usage("WIRE", "3")
    first, second = accountant.post(START), accountant.post(START)
    assert first.headers["Location"] == second.headers["Location"]
    assert "nothing was started twice" in html(accountant, second.headers["Location"])
    assert ReconciliationRun.objects.count() == 1


@pytest.mark.django_db
def test_going_back_and_sending_again_starts_nothing_even_when_the_run_was_quick(accountant: Client) -> None:
    make_lot()
    make_usage("WIRE", "3")
    first = accountant.post(START)
    runner.work(run_id=ReconciliationRun.objects.get().pk)
    assert accountant.post(START).headers["Location"] == first.headers["Location"]
    assert ReconciliationRun.objects.count() == 1


@pytest.mark.django_db
def test_what_was_posted_since_is_worth_a_new_run(accountant: Client) -> None:
    make_lot()
    make_usage("WIRE", "3")
    accountant.post(START)
    runner.work(run_id=ReconciliationRun.objects.get().pk)
    make_usage("WIRE", "1", on_day=3)
    # The note carries the moment at which the posting's transaction began: here, that of the whole test.
    CostPool.objects.update(work_noted_at=timezone.now())
    accountant.post(START)
    assert ReconciliationRun.objects.count() == 2


@pytest.mark.django_db
def test_chosen_codes_run_alone_and_once(accountant: Client) -> None:
    make_usage("WIRE", "3")
    make_usage("TAPE", "3")
    first = accountant.post(START, {"codes": "WIRE"})
    again = accountant.post(START, {"code": "WIRE"})
    other = accountant.post(START, {"codes": "TAPE, WIRE"})
    assert first.headers["Location"] == again.headers["Location"] != other.headers["Location"]
    one, both = ReconciliationRun.objects.order_by("pk")
    assert [row.pool.code.code for row in one.work.all()] == ["WIRE"]
    assert not one.is_everything
    assert both.work.count() == 2


@pytest.mark.django_db
def test_a_code_with_a_comma_in_its_name_can_be_run(accountant: Client) -> None:
    make_usage("A, B", "3")
    accountant.post(START, {"code": "A, B"})
    assert ReconciliationRun.objects.get().work.get().pool.code.code == "A, B"


@pytest.mark.django_db
@pytest.mark.parametrize("codes", ["NOPE", "WIRE\nNOPE", "NO\x00PE"])
def test_an_unknown_code_starts_nothing(accountant: Client, codes: str) -> None:
    make_usage("WIRE", "3")
    response = accountant.post(START, {"codes": codes})
    assert response.status_code == 422
    assert "There is no line item code NOPE" in response.content.decode()
    assert not ReconciliationRun.objects.exists()


@pytest.mark.django_db
def test_the_button_is_greyed_with_its_reason(accountant: Client, viewer: Client) -> None:
    make_usage("WIRE", "3")
    assert f'href="{START}"' in html(accountant, "/reconciliation/runs/")
    assert "Your role does not include starting runs" in html(viewer, "/reconciliation/runs/")
    run = asked_for()
    reason = f"Run {run.pk} is under way. What is posted meanwhile gets a run of its own when it ends."
    assert reason in html(accountant, "/reconciliation/runs/")


def test_two_people_and_two_clicks_start_one_run(
    committed_db: CommittedDatabase,
    concurrently: Callable[..., list[object]],
    accountant: Client,
    administrator: Client,
) -> None:
    make_usage("WIRE", "3")
    results = concurrently(
        *[lambda client=client: client.post(START).headers["Location"] for client in (accountant, administrator) * 3]
    )
    assert set(results) == {ReconciliationRun.objects.get().get_absolute_url()}


def test_an_impatient_double_click_for_one_code_starts_one_run(
    committed_db: CommittedDatabase, concurrently: Callable[..., list[object]], accountant: Client
) -> None:
    make_usage("WIRE", "3")
    results = concurrently(*[lambda: accountant.post(START, {"code": "WIRE"}).headers["Location"]] * 4)
    assert set(results) == {ReconciliationRun.objects.get().get_absolute_url()}


# -- The run page ------------------------------------------------------------------------------------
@pytest.mark.django_db
def test_a_finished_run_tells_what_it_did(viewer: Client) -> None:
    make_give_back_loop()
    run = ReconciliationRun.objects.order_by("-pk")[0]
    page = html(viewer, run.get_absolute_url())
    assert "Tech-003a" in page
    assert "hx-trigger" not in page, "a run that has ended is not asked for again"
    assert "FIFO (oldest lot first)" in page
    row = run.work.get()
    assert (row.passes, row.drawn, row.given_back) == (6, 50, 50)
    assert f"/reconciliation/runs/{run.pk}/codes/{row.pk}/" in page


@pytest.mark.django_db
def test_a_run_under_way_asks_for_its_progress_until_it_ends(viewer: Client) -> None:
    make_usage("WIRE", "3")
    run = asked_for()
    assert 'hx-trigger="every 2s"' in html(viewer, run.get_absolute_url())
    address = reverse("reconciliation:run_progress", args=[run.pk])
    going = viewer.get(address, headers={"HX-Request": "true"})
    assert "Waiting for a worker" in going.content.decode()
    assert "HX-Refresh" not in going.headers
    runner.work(run_id=run.pk)
    ended = viewer.get(address, headers={"HX-Request": "true"})
    assert ended.headers["HX-Refresh"] == "true"
    assert "hx-trigger" not in ended.content.decode()


@pytest.mark.django_db
def test_somebody_who_opens_the_progress_address_sees_the_page(viewer: Client) -> None:
    run = reconcile()
    response = viewer.get(reverse("reconciliation:run_progress", args=[run.pk]))
    assert response.headers["Location"] == run.get_absolute_url()


@pytest.mark.django_db
def test_a_run_without_work_says_so(viewer: Client) -> None:
    assert "There was nothing to do" in html(viewer, reconcile().get_absolute_url())


@pytest.mark.django_db
def test_problems_come_first(viewer: Client) -> None:
    for code in ("AAA", "BBB", "CCC"):
        make_lot(code)
        make_usage(code, "20" if code == "BBB" else "5")
    run = reconcile()
    RunPool.objects.filter(run=run, pool__code__code="CCC").update(state=RunPool.State.FAILED, error="PlanBroken: x")
    page = html(viewer, run.get_absolute_url())
    table = page[page.index('class="records"') :]
    assert table.index("CCC") < table.index("BBB") < table.index("AAA")
    assert "lots used up (1)" in table
    found = html(viewer, run.get_absolute_url() + "?quick=problems")
    assert ">AAA<" not in found
    left_open = html(viewer, run.get_absolute_url() + "?left_open=yes")
    assert ">BBB<" in left_open
    assert ">AAA<" not in left_open


@pytest.mark.django_db
def test_results_are_exported_as_they_are_shown_with_the_reasons_in_full(viewer: Client) -> None:
    make_usage("WIRE", "3")
    run = reconcile()
    response = viewer.get(run.get_absolute_url() + "?export=csv")
    lines = list(csv.DictReader(StringIO(response.getvalue().decode())))
    assert lines[0]["Code"] == "WIRE"
    assert lines[0]["Why"].startswith("1 usage: There is no inventory lot of this item")
    assert lines[-1]["Code"] == "List Totals"
    assert lines[-1]["Unallocated"] == "3"


@pytest.mark.django_db
def test_the_page_of_a_code_tells_how_its_passes_went(viewer: Client) -> None:
    make_give_back_loop()
    row = RunPool.objects.order_by("-pk")[0]
    page = html(viewer, reverse("reconciliation:run_code", args=[row.run_id, row.pk]))
    assert "Passes 3 to 4" in page
    assert "Each did the same as pass 2." in page
    assert "Drew from the lots what they had; no return was open." in page
    assert viewer.get(reverse("reconciliation:run_code", args=[row.run_id + 1, row.pk])).status_code == 404


@pytest.mark.django_db
def test_the_page_of_a_code_names_the_usage_that_stayed_open(viewer: Client) -> None:
    usage = make_usage("WIRE", "3", number="U-77")
    row = RunPool.objects.get(run=reconcile())
    page = html(viewer, reverse("reconciliation:run_code", args=[row.run_id, row.pk]))
    assert "There is no inventory lot of this item" in page
    assert usage.get_absolute_url() in page


# -- Progress ----------------------------------------------------------------------------------------
@pytest.mark.django_db
def test_progress_counts_usages_and_tells_the_time_left() -> None:
    for number in range(10):
        make_usage(f"CODE{number}", "1")
    run = asked_for()
    start(run_id=run.pk)
    now = timezone.now()
    ReconciliationRun.objects.filter(pk=run.pk).update(started_at=now - timedelta(seconds=20))
    rows = list(run.work.order_by("pk"))
    RunPool.objects.filter(pk__in=[row.pk for row in rows[:5]]).update(
        state=RunPool.State.DONE, finished_at=now - timedelta(seconds=10), usages=100
    )
    RunPool.objects.filter(pk__in=[row.pk for row in rows[5:]]).update(usages=100)
    run.refresh_from_db()
    progress = run_progress(run, now=now)
    assert (progress.percent, progress.pools_done, progress.figures["usages_total"]) == (50, 5, 1000)
    assert progress.usages_per_second == 50
    assert progress.eta == "about 10 to 15 s left"
    assert progress.seconds_since_batch == 10
    assert not progress.is_silent


@pytest.mark.django_db
def test_no_time_is_told_before_there_is_enough_to_go_by() -> None:
    make_usage("WIRE", "1")
    run = asked_for()
    progress = run_progress(run, now=timezone.now())
    assert (progress.percent, progress.eta, progress.seconds_since_batch) == (0, "", None)


@pytest.mark.django_db
def test_a_run_that_nobody_works_on_says_so_and_what_to_do(viewer: Client) -> None:
    make_usage("WIRE", "1")
    run = asked_for()
    assert "No worker has reported" not in html(viewer, run.get_absolute_url())
    ReconciliationRun.objects.update(requested_at=timezone.now() - timedelta(seconds=90))
    page = html(viewer, run.get_absolute_url())
    assert "No worker has reported for 1 min 30 s" in page
    assert "goes on by itself" in page
    RunPool.objects.filter(run=run).update(claimed_at=timezone.now())
    assert "No worker has reported" not in html(viewer, run.get_absolute_url())


def line(
    first: int, count: int, *, alike: bool = False, drawn: int = 100_000, back: int = 100_000
) -> dict[str, object]:
    return {
        "first": first, "pass_count": count, "alike": alike, "quantity_drawn": drawn, "quantity_given_back": back,
        "unallocated_positive": 0, "unallocated_negative": 0,
    }  # fmt: skip


def test_passes_alike_are_told_in_one_line() -> None:
    told = story([line(1, 1, drawn=0), line(2, 1), line(3, 2, alike=True), line(5, 90), line(95, 1, alike=True)])
    assert [(line.passes, line.what) for line in told][1:] == [
        ("Pass 2", "Drew from the lots what they had, then gave back what the lots could take."),
        ("Passes 3 to 4", "Each did the same as pass 2."),
        ("Passes 5 to 94", "Went on in the same manner, lot by lot."),
        ("Pass 95", "Did the same as passes 5 to 94."),
    ]
    assert told[0].what.startswith("Gave back")
    assert told[1].drawn == Decimal(10)


# -- Log ---------------------------------------------------------------------------------------------
@pytest.mark.django_db
def test_the_log_is_shown_newest_last_and_found_by_level(viewer: Client) -> None:
    make_usage("WIRE", "3")
    run = reconcile()
    pool = run.work.get().pool
    log_warning(run_id=run.pk, message="Something <odd> happened.", pool_id=pool.pk)
    page = html(viewer, run.get_absolute_url())
    assert page.index("Requested by") < page.index("Something &lt;odd&gt; happened.")
    assert pool.code.get_absolute_url() in page
    whole = html(viewer, reverse("reconciliation:run_log", args=[run.pk]) + "?level=WARNING")
    assert "Something &lt;odd&gt;" in whole
    assert "Requested by" not in whole
    assert RunLogLine.objects.filter(run=run).count() > 1


# -- Cancel and retry --------------------------------------------------------------------------------
@pytest.mark.django_db
def test_cancelling_asks_first_and_leaves_what_was_done(accountant: Client) -> None:
    make_usage("WIRE", "3")
    run = asked_for()
    address = reverse("reconciliation:run_cancel", args=[run.pk])
    assert "stays" in html(accountant, address)
    assert accountant.post(address).headers["Location"] == run.get_absolute_url()
    run.refresh_from_db()
    assert run.state == State.CANCELLED
    accountant.post(address)
    assert "had ended already" in html(accountant, run.get_absolute_url())


@pytest.mark.django_db
def test_only_a_run_under_way_offers_to_be_cancelled(accountant: Client, viewer: Client) -> None:
    make_usage("WIRE", "3")
    run = asked_for()
    address = reverse("reconciliation:run_cancel", args=[run.pk])
    assert address in html(accountant, run.get_absolute_url())
    assert address not in html(viewer, run.get_absolute_url())
    runner.work(run_id=run.pk)
    assert address not in html(accountant, run.get_absolute_url())


@pytest.mark.django_db
def test_what_was_set_aside_can_be_tried_again_once(accountant: Client, viewer: Client) -> None:
    make_lot()
    make_usage("WIRE", "3")
    run = asked_for()
    row = sick(run)
    runner.work(run_id=run.pk)
    run.refresh_from_db()
    assert run.state == State.FINISHED_WITH_ERRORS
    page = html(accountant, run.get_absolute_url())
    assert "1 code set aside" in page
    assert "PlanBroken: out of balance" in page
    retry = reverse("reconciliation:run_retry", args=[run.pk])
    assert retry in page
    assert retry not in html(viewer, run.get_absolute_url())
    assert accountant.get(retry).status_code == 405
    first, second = accountant.post(retry), accountant.post(retry)
    again = ReconciliationRun.objects.order_by("-pk")[0]
    assert first.headers["Location"] == second.headers["Location"] == again.get_absolute_url()
    assert ReconciliationRun.objects.count() == 2
    assert (again.trigger, [work.pool_id for work in again.work.all()]) == ("RETRY", [row.pool_id])


@pytest.mark.django_db
def test_a_run_without_errors_has_nothing_to_try_again(accountant: Client) -> None:
    run = reconcile()
    accountant.post(reverse("reconciliation:run_retry", args=[run.pk]))
    assert "has set nothing aside" in html(accountant, run.get_absolute_url())
    assert ReconciliationRun.objects.count() == 1


# -- The list and the entries ------------------------------------------------------------------------
@pytest.mark.django_db
def test_the_list_shows_a_run_under_way_with_what_it_has_done_so_far(viewer: Client) -> None:
    make_lot()
    make_usage("WIRE", "3")
    make_lot("TAPE")
    make_usage("TAPE", "3")
    reconcile(codes=["WIRE"])
    run = asked_for()
    RunPool.objects.filter(run=run).update(
        state=RunPool.State.DONE, usages=7, allocations=5, amount=Decimal("12.34"), finished_at=timezone.now()
    )
    response = viewer.get("/reconciliation/runs/?export=csv")
    rows = list(csv.DictReader(StringIO(response.getvalue().decode())))
    assert [row["Amount"] for row in rows] == ["12.34", "30.00", "42.34"]
    assert [row["By"] for row in rows[:2]] == ["", ""]
    assert rows[0]["Usages"] == "7"


@pytest.mark.django_db
def test_runs_are_found_by_number_and_state(viewer: Client) -> None:
    first, second = reconcile(), reconcile()
    page = html(viewer, f"/reconciliation/runs/?run={second.pk}&state=FINISHED")
    assert second.get_absolute_url() in page
    assert f'href="{first.get_absolute_url()}"' not in page
    assert "Nothing was searched" in html(viewer, "/reconciliation/runs/?run=abc")


@pytest.mark.django_db
def test_the_entries_of_a_run_add_up_to_its_amount(viewer: Client) -> None:
    make_give_back_loop()
    make_lot(received="3", value="10.00")
    make_usage("WIRE", "2")
    run = reconcile()
    response = viewer.get(f"/reconciliation/entries/?run={run.pk}&export=csv")
    rows = list(csv.DictReader(StringIO(response.getvalue().decode())))
    assert [row["Code"] for row in rows[:-1]] == ["WIRE"]
    assert rows[0]["Unit cost"] == "3.335"
    assert Decimal(rows[-1]["Amount"]) == run.amount
    code = html(viewer, "/reconciliation/entries/?code=%3DTech-003a&kind=GIVE_BACK")
    assert "-50" in code
    assert ">WIRE<" not in code


@pytest.mark.django_db
def test_the_entries_of_a_code_are_found_whatever_its_name(viewer: Client) -> None:
    make_lot("A&B #1+", received="3")
    make_usage("A&B #1+", "2")
    make_lot("A", received="3")
    make_usage("A", "1")
    run = reconcile()
    row = run.work.get(pool__code__code="A&B #1+")
    of_code = viewer.get(f"/reconciliation/runs/{run.pk}/codes/{row.pk}/").context["actions"]
    (link,) = [action.url for action in of_code if action.label == "Entries made"]
    assert [entry.usage.code.code for entry in viewer.get(link).context["table"].data] == ["A&B #1+"]
    assert f'href="{escape(link)}"' in html(viewer, run.get_absolute_url())


# -- In a browser ------------------------------------------------------------------------------------
def test_an_accountant_runs_and_watches(
    page: "Page", sign_in: Callable[[str], User], worker: Worker, axe: Callable[["Page"], None]
) -> None:
    for number in range(30):
        make_code(f"CODE{number:02}")
        make_lot(f"CODE{number:02}", received="5")
        make_usage(f"CODE{number:02}", "7" if number % 3 else "5")
    sign_in("accountant")
    page.goto("/")
    page.get_by_role("link", name="Run COGS reconciliation").click()
    page.get_by_role("button", name="Run now").click()
    page.wait_for_url("**/reconciliation/runs/*/")
    page.get_by_text("Waiting for a worker").wait_for()
    axe(page)
    worker.start()
    page.get_by_role("heading", name="What it did").wait_for()
    expect(page.locator("h1")).to_contain_text("Finished")
    page.get_by_role("link", name="Find Problems").click()
    page.get_by_text("20 results found").wait_for()
    axe(page)
    page.locator("tbody .go-to").first.click()
    page.get_by_role("heading", name="How the passes went").wait_for()
    axe(page)
