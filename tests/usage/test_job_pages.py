"""Jobs on pages: what people see, what they can press, and what happens when they do."""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from lots.models import DocumentStatus, InventoryLot, InventoryTransaction, LotCostEvent
from tests.factories import make_code, make_usage
from tests.harness.people import Role
from tests.reconciliation.records import run_now
from tests.usage.jobs import (
    add_cost,
    balances,
    component,
    consume,
    make_job,
    make_order_line,
    parts,
    produce,
    stock,
)
from usage.models import InventoryUsage, Job, JobCost, JobOutput
from usage.production import job_close

if TYPE_CHECKING:
    from playwright.sync_api import Page

NOON = "2026-01-08T12:00"


def text_of(response: Any) -> str:
    """The words of a page, without its markup."""
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


def section(response: Any, slug: str) -> str:
    html = response.content.decode()
    found = re.search(rf'<section class="card[^"]*" id="{slug}".*?</section>', html, re.S)
    assert found, f"no section {slug}"
    return " ".join(re.sub(r"<[^>]+>", " ", found.group()).split())


def look(client: Client, name: str, record: Any = None, query: str = "") -> Any:
    arguments = [] if record is None else [record.pk]
    return client.get(reverse(f"usage:{name}", args=arguments) + query)


def send(client: Client, name: str, record: Any = None, query: str = "", **data: Any) -> Any:
    arguments = [] if record is None else [record.pk]
    return client.post(reverse(f"usage:{name}", args=arguments) + query, data)


def lines(*rows: dict[str, Any], initial: int = 0) -> dict[str, Any]:
    data: dict[str, Any] = {"lines-TOTAL_FORMS": len(rows), "lines-INITIAL_FORMS": initial}
    return data | {f"lines-{place}-{name}": value for place, row in enumerate(rows) for name, value in row.items()}


def reasons(response: HttpResponse) -> dict[str, str]:
    """Buttons that are greyed, with their reasons."""
    return {action.label: action.reason for action in response.context["actions"] if action.reason}  # type: ignore[attr-defined]


def buttons(response: HttpResponse) -> list[str]:
    return [action.label for action in response.context["actions"] if not action.reason]  # type: ignore[attr-defined]


@pytest.mark.usefixtures("db")
class TestLists:
    def test_the_list_shows_what_is_due_and_finds_by_status(self, viewer: Client) -> None:
        produce(make_job(), "4")
        make_job("TABLE", is_open=False)
        shown = text_of(look(viewer, "jobs"))
        assert "JOB60000" in shown
        assert "JOB60001" in shown
        found = text_of(look(viewer, "jobs", query="?quick=pending"))
        assert "JOB60001" in found
        assert "JOB60000" not in found
        response = look(viewer, "jobs", query="?quick=open")
        (row,) = response.context["table"].data
        assert (row.number, row.quantity_due) == ("JOB60000", 6)

    def test_a_job_is_found_by_product_order_and_reference(self, viewer: Client) -> None:
        make_job(order_line=make_order_line())
        make_job("TABLE")
        for query in ("q=bench", "q=60007", "order==60007", "quantity_due_min=10&code==BENCH"):
            rows = look(viewer, "jobs", query=f"?{query}").context["table"].data
            assert [row.number for row in rows] == ["JOB60000"], query

    def test_a_longer_list_asks_no_more_queries(
        self, viewer: Client, django_assert_num_queries: Callable[..., Any]
    ) -> None:
        def grow(start: int, stop: int) -> None:
            for place in range(start, stop):
                make_job(
                    f"CODE{place}",
                    components=parts(LEG="1"),
                    order_line=make_order_line(f"CODE{place}", number=str(place)),
                )

        grow(0, 2)
        look(viewer, "jobs")
        with CaptureQueriesContext(connection) as few:
            look(viewer, "jobs", query="?group=code")
        grow(2, 9)
        with django_assert_num_queries(len(few)):
            assert len(look(viewer, "jobs", query="?group=code").context["table"].groups) == 9

    def test_only_those_who_may_change_jobs_can_begin_one(self, viewer: Client, clerk: Client) -> None:
        assert "New job" not in text_of(look(viewer, "jobs"))
        assert "New job" in text_of(look(clerk, "jobs"))


@pytest.mark.usefixtures("db")
class TestEntering:
    def test_a_job_is_entered_with_its_components(self, clerk: Client) -> None:
        make_code("BENCH")
        make_code("LEG")
        response = send(
            clerk,
            "job_create",
            code="bench",
            quantity="5*2",
            started_at=NOON,
            **lines({"code": "LEG", "quantity": "40"}, {"code": "", "quantity": ""}),
        )
        job = Job.objects.get()
        assert response.url == job.get_absolute_url()
        assert (job.code.code, job.quantity, job.status) == ("BENCH", 10, DocumentStatus.PENDING)
        assert [(row.code.code, row.quantity) for row in job.components.all()] == [("LEG", 40)]

    def test_a_refusal_is_shown_on_its_line_and_keeps_what_was_typed(self, clerk: Client) -> None:
        make_code("BENCH")
        response = send(
            clerk,
            "job_create",
            code="BENCH",
            quantity="1",
            started_at=NOON,
            **lines({"code": "BENCH", "quantity": "7"}),
        )
        assert response.status_code == 422
        assert "A job cannot consume what it makes" in text_of(response)
        assert 'value="7"' in response.content.decode()
        assert not Job.objects.exists()

    def test_a_job_for_an_order_line_is_filled_in(self, clerk: Client) -> None:
        make_job(quantity="1", components=parts(LEG="4"), is_open=False)
        line = make_order_line(quantity="3", is_due=True)
        query = f"?order_line={line.pk}"
        form = look(clerk, "job_create", query=query)
        assert "New job for order 60007" in text_of(form)
        assert form.context["form"]["quantity"].value() == "3"
        assert [row.initial["quantity"] for row in form.context["formset"].initial_forms] == [12]
        send(
            clerk,
            "job_create",
            query=query,
            code="BENCH",
            quantity="3",
            started_at=NOON,
            **lines({"code": "LEG", "quantity": "12"}),
        )
        assert Job.objects.latest("pk").order_line == line

    def test_a_sub_assembly_job_belongs_to_its_parent(self, clerk: Client) -> None:
        whole = make_job("SET", components=parts(BENCH="2"))
        make_code("BENCH")
        form = look(clerk, "job_create", query=f"?parent={whole.pk}&code=BENCH")
        assert "New sub-assembly job of JOB60000" in text_of(form)
        assert form.context["form"]["code"].value() == "BENCH"
        send(
            clerk,
            "job_create",
            query=f"?parent={whole.pk}",
            code="BENCH",
            quantity="2",
            started_at=NOON,
            **lines({"code": "LEG", "quantity": "8"}, initial=0) | {"lines-0-code": "SET"},
        )
        assert Job.objects.get(number="JOB60000.1").parent == whole
        assert "JOB60000.1" in section(look(clerk, "job", whole), "sub-assemblies")

    @pytest.mark.parametrize("query", ["?parent=no", "?parent=999999", "?order_line=1e5", "?order_line=999999"])
    def test_an_address_that_names_nothing_is_not_found(self, clerk: Client, query: str) -> None:
        assert look(clerk, "job_create", query=query).status_code == 404

    def test_of_an_open_job_the_quantities_can_be_changed(self, clerk: Client) -> None:
        job = make_job()
        consume(job, LEG="4")
        form = look(clerk, "job_edit", job)
        assert form.context["form"].fields["code"].disabled
        kept = [
            {"id": row.pk, "code": row.code.code, "quantity": "41" if row.code.code == "LEG" else "10"}
            for row in job.components.select_related("code")
        ]
        response = send(clerk, "job_edit", job, code="OTHER", quantity="11", started_at=NOON, **lines(*kept, initial=2))
        assert response.status_code == 302
        assert balances("BENCH") == (11, 0, 0)
        assert balances("LEG") == (0, -37, -4)


@pytest.mark.usefixtures("db")
class TestTheSteps:
    def test_from_entering_to_closing(self, clerk: Client) -> None:
        stock()
        job = make_job(is_open=False)
        shown = look(clerk, "job", job)
        assert buttons(shown) == ["Open", "Edit", "New sub-assembly job", "Void"]
        assert reasons(shown)["Produce"] == "Open JOB60000 before anything is produced."
        send(clerk, "job_open", job)
        job.refresh_from_db()
        shown = look(clerk, "job", job)
        assert not reasons(shown)
        assert "BENCH About BENCH" in section(shown, "general-info")
        assert "LEG About LEG 40 0 40 40 0.00" in section(shown, "components")

        form = look(clerk, "job_consume", job)
        rows = [row.initial for row in form.context["formset"].initial_forms]
        assert [(str(row["code"]), row["on_hand"], row["quantity"]) for row in rows] == [
            ("LEG", 40, 40),
            ("TOP", 10, 10),
        ]
        answer = send(
            clerk,
            "job_consume",
            job,
            consumed_at=NOON,
            version=form.context["version"],
            **lines(
                {"component": component(job, "LEG").pk, "quantity": "20"},
                {"component": component(job, "TOP").pk, "quantity": ""},
                initial=2,
            ),
        )
        assert answer.status_code == 302
        assert balances("LEG") == (0, -20, 20)
        assert balances("TOP") == (0, -10, 10)

        form = look(clerk, "job_produce", job)
        assert (form.context["form"]["quantity"].value(), form.context["form"]["backflush"].value()) == ("10", True)
        send(clerk, "job_produce", job, quantity="5", produced_at=NOON, backflush="on", version=form.context["version"])
        assert balances("BENCH") == (-5 + 10, 0, 5)
        assert balances("TOP") == (0, -5, 5)

        form = look(clerk, "job_cost_add", job)
        account = form.context["form"]["account"].value()
        send(
            clerk,
            "job_cost_add",
            job,
            kind="LABOR",
            description="Gluing",
            incurred_at=NOON,
            amount="25",
            account=account,
            version=form.context["version"],
        )
        run_now()
        shown = look(clerk, "job", job)
        # 20 legs and 5 tops took 50.00 and 150.00; of the labor, half belongs to the five.
        assert "Produced 5 212.50" in section(shown, "estimated-produced")
        assert "Labor Gluing 01/08/26 6000 Job Costs Applied 25.00" in section(
            shown, "production-costs-non-inventoried-capitalized-expenses"
        )
        assert "200.00" in section(shown, "production-costs-inventoried")
        assert "PROD-60000 01/08/26 5 Posted" in section(shown, "production")
        assert "Released into general inventory." in section(shown, "general-info")
        assert "Produced" in section(shown, "history")

        send(clerk, "job_close", job)
        shown = look(clerk, "job", job)
        assert "Reopen" in buttons(shown)
        assert "Reopen it first" in reasons(shown)["Produce"]
        run_now()
        assert "Produced 5 225.00" in section(look(clerk, "job", job), "estimated-produced")
        send(clerk, "job_reopen", job)
        job.refresh_from_db()
        assert job.status == DocumentStatus.OPEN

    def test_a_form_that_is_sent_twice_produces_once(self, clerk: Client) -> None:
        job = make_job()
        version = look(clerk, "job_produce", job).context["version"]
        data: dict[str, Any] = {"quantity": "5", "produced_at": NOON, "version": version}
        assert send(clerk, "job_produce", job, **data).status_code == 302
        again = send(clerk, "job_produce", job, **data)
        assert again.status_code == 422
        assert "was changed since you opened this page" in text_of(again)
        assert JobOutput.objects.count() == 1
        # Sending what the refusal shows would produce once more: that page stays refused.
        assert again.context["version"] == version

    def test_a_component_of_another_job_is_not_taken(self, clerk: Client) -> None:
        job, other = make_job(), make_job("TABLE", components=parts(WOOD="5"))
        before = InventoryTransaction.objects.count()
        answer = send(
            clerk,
            "job_consume",
            job,
            consumed_at=NOON,
            **lines({"component": component(other, "WOOD").pk, "quantity": "1"}, initial=2),
        )
        assert answer.status_code == 422
        assert InventoryTransaction.objects.count() == before

    def test_voids_ask_for_a_reason(self, clerk: Client) -> None:
        job = make_job()
        output = produce(job, "4")
        assert reverse("usage:job_output_void", args=[output.pk]) in look(clerk, "job", job).content.decode()
        assert "PROD-60000" in reasons(look(clerk, "job", job))["Void"]
        assert send(clerk, "job_output_void", output, reason="").status_code == 422
        assert send(clerk, "job_output_void", output, reason="Miscounted").url == job.get_absolute_url()
        assert balances("BENCH") == (10, 0, 0)
        send(clerk, "job_void", job, reason="Cancelled")
        job.refresh_from_db()
        assert job.status == DocumentStatus.VOID
        shown = look(clerk, "job", job)
        assert buttons(shown) == []
        assert "Cancelled" in section(shown, "history")

    def test_what_cannot_be_done_says_why_and_moves_nothing(self, clerk: Client) -> None:
        job = make_job()
        job_close(job=job, by=None, at=job.started_at)
        before = InventoryTransaction.objects.count()
        for name in ("job_produce", "job_cost_add", "job_void", "job_open", "job_close"):
            assert "is closed" in text_of(look(clerk, name, job)), name
            assert send(clerk, name, job).status_code == 302
        assert look(clerk, "job_consume", job).status_code == 302
        assert look(clerk, "job_edit", job).status_code == 302
        assert InventoryTransaction.objects.count() == before
        assert not JobCost.objects.exists()

    def test_viewers_look_and_press_nothing(self, viewer: Client) -> None:
        job = make_job()
        output = produce(job, "1")
        shown = look(viewer, "job", job)
        assert reverse("usage:job_output_void", args=[output.pk]) not in shown.content.decode()
        assert buttons(shown) == []
        assert not reasons(shown)
        for name in ("job_edit", "job_consume", "job_produce", "job_close", "job_void"):
            assert look(viewer, name, job).status_code == 403
            assert send(viewer, name, job).status_code == 403
        assert look(viewer, "job_create").status_code == 403


@pytest.mark.usefixtures("db")
class TestTheLotOfAJob:
    def test_the_lot_page_lists_what_went_in_and_leads_there(self, viewer: Client) -> None:
        stock()
        job = make_job()
        produce(job, "5", backflush=True)
        add_cost(job, "25.00")
        run_now()
        lot = InventoryLot.objects.get(source_number=job.number)
        shown = viewer.get(lot.get_absolute_url())
        usage = InventoryUsage.objects.get(code__code="LEG")
        inventoried = section(shown, "production-costs-inventoried")
        assert f"{usage.number}" in inventoried
        assert "LEG PROD-60000 01/07/26 20 0 50.00" in inventoried.replace("Go to code ", "").replace(
            "Go to transaction ", ""
        )
        assert usage.get_absolute_url() in shown.content.decode()
        assert "25.00" in section(shown, "production-costs-non-inventoried-capitalized-expenses")
        assert shown.content.decode().count('id="production-costs-inventoried"') == 1

    def test_a_lot_that_was_bought_has_no_production_costs(self, viewer: Client) -> None:
        stock()
        lot = InventoryLot.objects.get(code__code="LEG")
        assert "Production Costs" not in text_of(viewer.get(lot.get_absolute_url()))

    def test_pages_of_a_job_cost_the_same_however_much_went_in(
        self, viewer: Client, django_assert_max_num_queries: Callable[..., Any]
    ) -> None:
        job = make_job(components=parts(**{f"PART{place}": "9" for place in range(12)}))
        for _ in range(4):
            produce(job, "1", backflush=True)
            add_cost(job, "1.00")
        assert LotCostEvent.objects.count() == 8
        make_usage("PART1", "1")
        look(viewer, "job", job)
        with django_assert_max_num_queries(25):
            look(viewer, "job", job)


def test_a_job_is_built_in_a_browser(
    page: "Page",
    sign_in: Callable[[Role], User],
    axe: Callable[["Page"], None],
    screenshot: Callable[["Page", str], None],
) -> None:
    stock()
    make_code("BENCH", cost="45.00", description="Garden bench")
    sign_in("clerk")
    page.goto("/production/jobs/new/")
    page.get_by_label("Product").fill("BENCH")
    page.get_by_label("Quantity", exact=True).fill("10")
    for place, (code, quantity) in enumerate((("LEG", "40"), ("TOP", "10"))):
        page.locator(f"[name=lines-{place}-code]").fill(code)
        page.locator(f"[name=lines-{place}-quantity]").fill(quantity)
    page.locator("[name=lines-1-quantity]").press("Tab")
    axe(page)
    screenshot(page, "job-new")
    page.get_by_role("button", name="Save").last.click()
    page.get_by_role("link", name="Open", exact=True).click()
    page.get_by_role("button", name="Open job").click()
    page.get_by_role("link", name="Consume components").click()
    page.locator("[name=lines-0-quantity]").fill("20")
    page.locator("[name=lines-1-quantity]").fill("")
    axe(page)
    screenshot(page, "job-consume")
    page.get_by_role("button", name="Consume").last.click()
    page.get_by_role("link", name="Produce", exact=True).click()
    page.get_by_label("Quantity produced").fill("4")
    axe(page)
    screenshot(page, "job-produce")
    page.get_by_role("button", name="Produce").click()
    page.get_by_role("link", name="Add job cost").click()
    page.get_by_label("Description").fill("Gluing")
    page.get_by_label("Amount").fill("25")
    screenshot(page, "job-cost")
    page.get_by_role("button", name="Add cost").click()
    page.get_by_text("25.00 were added").wait_for()
    run_now()
    page.reload()
    axe(page)
    screenshot(page, "job")
    page.goto(InventoryLot.objects.get(source_number="JOB60000").get_absolute_url())
    axe(page)
    screenshot(page, "job-lot")
    page.goto("/production/jobs/")
    axe(page)
    screenshot(page, "jobs")
    assert balances("BENCH") == (6, 0, 4)
