"""Naming units on the pages of jobs: which columns and fields there are, and where a refusal stands."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from playwright.sync_api import expect

from lots.ledger import why_not_move
from lots.models import LineItemCode
from tests.harness.people import Role
from tests.usage.jobs import component, make_job, parts, stock
from tests.usage.test_job_pages import NOON, lines, look, section, send, text_of
from tests.usage.test_job_units import clocks, in_stock, lots, make, on_hand, paint, take
from usage.job_units import Named
from usage.models import Job, JobOutput

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.harness.browser import PageGuard


def tracked_job() -> Job:
    """A job of three clocks, six of paint and nine of wire, with four clocks and ten of paint on hand."""
    clocks("S1", "S2", "S3", "S4")
    paint("A-1", "4")
    paint("A-2", "6")
    return make_job("BENCH", "3", components=parts(CLOCK="3", PAINT="6", WIRE="9"))


def rows(job: Job, **typed: dict[str, str]) -> dict[str, Any]:
    """What the consume page sends: a row a component, with what was typed into it."""
    names = list(job.components.values_list("code__code", flat=True))
    sent = [{"component": component(job, name).pk, "quantity": "", **typed.get(name, {})} for name in names]
    return {"consumed_at": NOON, **lines(*sent, initial=len(sent))}


def errors_of(response: Any) -> list[dict[str, Any]]:
    return [dict(form.errors) for form in response.context["formset"].forms]


@pytest.mark.usefixtures("db")
def test_the_consume_page_asks_for_units_and_shows_which_are_there(clerk: Client) -> None:
    job = tracked_job()
    take(job, "CLOCK", "1", [Named(["S2"])])
    shown = text_of(look(clerk, "job_consume", job))
    assert "Serial numbers One per line, or with commas between" in shown
    assert "Manufacturer lots A-1, or A-1 = 6, A-2 = 4" in shown
    assert "On hand: S1, S3, S4." in shown
    assert "On hand: A-1 (4), A-2 (6)." in shown
    # What must be named is not filled in; what need not is.
    filled = [row.initial["quantity"] for row in look(clerk, "job_consume", job).context["formset"].initial_forms]
    assert filled == [None, None, 9]


@pytest.mark.usefixtures("db")
def test_a_job_without_such_goods_asks_for_none(clerk: Client) -> None:
    stock()
    job = make_job()
    for page in ("job_consume", "job_produce"):
        shown = text_of(look(clerk, page, job))
        assert "Serial numbers" not in shown
        assert "Manufacturer lot" not in shown


@pytest.mark.usefixtures("db")
def test_units_are_consumed_and_put_back_on_the_page(clerk: Client) -> None:
    job = tracked_job()
    typed = rows(
        job,
        CLOCK={"quantity": "2", "serials": "S1, S3"},
        PAINT={"quantity": "6", "manufacturer_lots": "A-1 = 4, A-2"},
        WIRE={"quantity": "9"},
    )
    assert send(clerk, "job_consume", job, **typed).status_code == 302
    assert in_stock() == ["S2", "S4"]
    assert (on_hand("PAINT", "A-1"), on_hand("PAINT", "A-2")) == (0, 4)
    back = rows(job, CLOCK={"quantity": "-1", "serials": "S3"}, PAINT={"quantity": "-1", "manufacturer_lots": "A-2"})
    assert send(clerk, "job_consume", job, **back).status_code == 302
    assert in_stock() == ["S2", "S3", "S4"]
    assert on_hand("PAINT", "A-2") == 5


@pytest.mark.usefixtures("db")
def test_a_refusal_stands_in_the_cell_that_it_concerns(clerk: Client) -> None:
    job = tracked_job()
    typed = rows(job, CLOCK={"quantity": "2", "serials": "S1\nS9"}, WIRE={"quantity": "9"})
    response = send(clerk, "job_consume", job, **typed)
    assert response.status_code == 422
    assert errors_of(response) == [
        {"serials": ["Serial number S9 of CLOCK is not in stock. Nothing was posted."]}, {}, {}
    ]  # fmt: skip
    typed = rows(job, PAINT={"quantity": "6", "manufacturer_lots": "A-1 = some"}, WIRE={"quantity": "9"})
    response = send(clerk, "job_consume", job, **typed)
    # The line of clocks says nothing, so it is not counted; the refusal still stands where it belongs.
    (empty, wrong, fine) = errors_of(response)
    assert (empty, fine) == ({}, {})
    assert wrong["manufacturer_lots"][0].startswith("Manufacturer lot A-1: ")
    typed = rows(job, CLOCK={"serials": "S1"})
    response = send(clerk, "job_consume", job, **typed)
    assert errors_of(response)[0] == {
        "quantity": ["Units of CLOCK are named, and none is consumed. Nothing was posted."]
    }
    assert in_stock() == ["S1", "S2", "S3", "S4"]


@pytest.mark.usefixtures("db")
def test_producing_asks_for_what_back_flushing_takes_and_says_what_is_missing(clerk: Client) -> None:
    job = tracked_job()
    clock, wood = component(job, "CLOCK").pk, component(job, "PAINT").pk
    shown = text_of(look(clerk, "job_produce", job))
    assert "Serial numbers of CLOCK consumed (with Back-flush) Needed for all that is due: 3. On hand: S1" in shown
    given = {"quantity": "2", "produced_at": NOON, "backflush": "on"}
    response = send(clerk, "job_produce", job, **given, **{f"serials_{clock}": "S1"})
    assert response.status_code == 422
    assert response.context["form"].errors == {
        f"serials_{clock}": ["CLOCK is serialized: 2 need as many serial numbers, not 1. Nothing was posted."],
        f"manufacturer_lots_{wood}": ["PAINT is tracked by manufacturer lot: name the lot. Nothing was posted."],
    }
    assert not JobOutput.objects.exists()
    units = {f"serials_{clock}": "S1, S2", f"manufacturer_lots_{wood}": "A-2"}
    assert send(clerk, "job_produce", job, **given, **units).status_code == 302
    assert in_stock() == ["S3", "S4"]
    assert on_hand("PAINT", "A-2") == 2


@pytest.mark.usefixtures("db")
def test_without_back_flushing_nothing_needs_to_be_named(clerk: Client) -> None:
    job = tracked_job()
    assert send(clerk, "job_produce", job, quantity="1", produced_at=NOON).status_code == 302
    assert in_stock() == ["S1", "S2", "S3", "S4"]


@pytest.mark.usefixtures("db")
def test_units_that_nothing_consumes_are_refused_where_they_were_typed(clerk: Client) -> None:
    job = tracked_job()
    clock, wood = component(job, "CLOCK").pk, component(job, "PAINT").pk
    units = {f"serials_{clock}": "S1", f"manufacturer_lots_{wood}": "A-2"}
    response = send(clerk, "job_produce", job, quantity="1", produced_at=NOON, **units)
    assert response.status_code == 422
    wrong = "are named, and none is consumed: tick Back-flush components, or leave them out. Nothing was posted."
    assert response.context["form"].errors == {
        f"serials_{clock}": [f"Units of CLOCK {wrong}"],
        f"manufacturer_lots_{wood}": [f"Units of PAINT {wrong}"],
    }
    assert not JobOutput.objects.exists()


@pytest.mark.usefixtures("db")
def test_a_lot_with_a_comma_is_consumed_as_the_hint_shows_it(clerk: Client) -> None:
    paint("12,5", "4")
    paint("A-2", "6")
    job = make_job("BENCH", "3", components=parts(PAINT="6"))
    assert "On hand: 12,5 (4), A-2 (6)." in text_of(look(clerk, "job_consume", job))
    typed = rows(job, PAINT={"quantity": "2", "manufacturer_lots": "12,5"})
    assert send(clerk, "job_consume", job, **typed).status_code == 302
    assert (on_hand("PAINT", "12,5"), on_hand("PAINT", "A-2")) == (2, 6)
    lot = f"manufacturer_lots_{component(job, 'PAINT').pk}"
    given = {"quantity": "3", "produced_at": NOON, "backflush": "on", lot: "12,5 = 1, A-2 = 3"}
    assert send(clerk, "job_produce", job, **given).status_code == 302
    assert (on_hand("PAINT", "12,5"), on_hand("PAINT", "A-2")) == (1, 3)


@pytest.mark.usefixtures("db")
def test_the_job_shows_which_units_it_holds(clerk: Client, viewer: Client) -> None:
    job = tracked_job()
    take(job, "WIRE", "1")
    assert "Units" not in section(look(viewer, "job", job), "production-costs-inventoried")
    assert "Taken:" not in text_of(look(clerk, "job_consume", job))
    take(job, "CLOCK", "2", [Named(["S2", "S3"])])
    take(job, "PAINT", "3", lots(("A-2", "")))
    take(job, "CLOCK", "-1", [Named(["S3"])])
    take(job, "PAINT", "-1", lots(("A-2", "")))
    shown = section(look(viewer, "job", job), "production-costs-inventoried")
    assert "Units" in shown
    assert "S2" in shown
    assert "S3" not in shown
    assert "Manufacturer lot A-2 (2)" in shown
    asked = text_of(look(clerk, "job_consume", job))
    assert "On hand: S1, S3, S4. Taken: S2." in asked
    assert "On hand: A-1 (4), A-2 (4). Taken: A-2 (2)." in asked


@pytest.mark.usefixtures("db")
def test_what_is_produced_is_named_and_shown_on_the_job(clerk: Client, viewer: Client) -> None:
    clocks("S1")
    job = make_job("CLOCK", "3", components=parts(GEAR="3"))
    response = send(clerk, "job_produce", job, quantity="2", produced_at=NOON, serials="C1")
    assert response.context["form"].errors == {
        "serials": ["CLOCK is serialized: 2 need as many serial numbers, not 1. Nothing was posted."]
    }
    assert send(clerk, "job_produce", job, quantity="2", produced_at=NOON, serials="C1\nC2").status_code == 302
    assert in_stock() == ["C1", "C2", "S1"]
    assert "C1, C2" in section(look(viewer, "job", job), "production")
    code = LineItemCode.objects.get(code="CLOCK")
    assert not why_not_move(code=code, office=None, serials=["C1"], direction=-1)


@pytest.mark.usefixtures("db")
def test_the_void_of_units_that_are_elsewhere_is_greyed(clerk: Client) -> None:
    clocks("S1")
    inner = make_job("CLOCK", "1", components=parts(GEAR="1"))
    made = make(inner, "1", serials=["C1"])
    outer = make_job("BENCH", "1", components=parts(CLOCK="1"))
    take(outer, "CLOCK", "1", [Named(["C1"])], on_day=5)
    shown = section(look(clerk, "job", inner), "production")
    assert f"{made.number} cannot be voided. Serial number C1 of CLOCK is not in stock." in shown
    take(outer, "CLOCK", "-1", [Named(["C1"])], on_day=5)
    assert "cannot be voided" not in section(look(clerk, "job", inner), "production")


@pytest.mark.usefixtures("db")
def test_paint_that_was_made_shows_its_manufacturer_lot(clerk: Client) -> None:
    paint("A-1", "4")
    job = make_job("PAINT", "3", components=parts(GEAR="3"))
    form = look(clerk, "job_produce", job)
    assert "Manufacturer lot of PAINT" in text_of(form)
    given = {"quantity": "2", "produced_at": NOON}
    response = send(clerk, "job_produce", job, **given)
    assert list(response.context["form"].errors) == ["manufacturer_lot"]
    assert send(clerk, "job_produce", job, **given, manufacturer_lot="M-1").status_code == 302
    assert "Manufacturer lot M-1" in section(look(clerk, "job", job), "production")
    assert take(make_job("BENCH", "1", components=parts(PAINT="1")), "PAINT", "1", lots(("M-1", "")), on_day=9)


def test_units_are_named_in_a_browser(
    page: "Page",
    sign_in: Callable[[Role], User],
    axe: Callable[["Page"], None],
    screenshot: Callable[["Page", str], None],
    page_guard: "PageGuard",
) -> None:
    page_guard.allow("422")
    job = tracked_job()
    sign_in("clerk")
    page.goto(job.get_absolute_url())
    page.get_by_role("link", name="Consume components").click()
    page.locator("[name=lines-0-quantity]").fill("2")
    page.locator("[name=lines-0-serials]").fill("S1, S9")
    page.locator("[name=lines-1-quantity]").fill("3")
    page.locator("[name=lines-1-manufacturer_lots]").fill("A-1 = 1, A-2 = 2")
    page.get_by_role("button", name="Consume").last.click()
    wrong = page.locator("[data-field=serials]", has_text="Serial number S9 of CLOCK is not in stock")
    expect(wrong).to_be_visible()
    axe(page)
    screenshot(page, "job-consume-units")
    page.locator("[name=lines-0-serials]").fill("S1, S2")
    page.get_by_role("button", name="Consume").last.click()
    page.wait_for_url(f"**{job.get_absolute_url()}")
    page.get_by_role("link", name="Produce", exact=True).click()
    page.get_by_label("Quantity produced").fill("1")
    # Two of CLOCK are consumed already, so one bench takes none; of PAINT nothing more, either.
    axe(page)
    screenshot(page, "job-produce-units")
    page.get_by_role("button", name="Produce").last.click()
    page.wait_for_url(f"**{job.get_absolute_url()}")
    expect(page.get_by_text("1 of BENCH were produced (PROD-60000).")).to_be_visible()
