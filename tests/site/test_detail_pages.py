"""A detail page: facts, figures, related tables, and actions that say why they cannot be used."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client

from lots.models import Office
from usage.models import InventoryUsage

pytestmark = [pytest.mark.urls("tests.site.sample"), pytest.mark.django_db]


@pytest.fixture
def shown(reader: Client, used: Callable[..., InventoryUsage]) -> str:
    usage = used("WIRE", "-1000")
    return reader.get(f"/sample/{usage.pk}/").content.decode()


def test_sections_show_facts_with_their_figures_and_links(shown: str) -> None:
    assert '<span class="negative">-1,000</span>' in shown
    assert "Go to code </span>WIRE" in shown
    assert "About WIRE" in shown
    assert "Estimated </span>COGS" in shown


def test_an_action_that_cannot_be_done_now_says_why(shown: str) -> None:
    assert 'aria-disabled="true" aria-describedby="why-not-run-for-this-code"' in shown
    assert 'id="why-not-run-for-this-code">A run is at work on this code.' in shown


def test_a_related_table_has_totals_but_no_way_to_omit_rows(shown: str) -> None:
    assert "Totals" in shown
    assert "List Totals" not in shown
    assert "Omit usage" not in shown


def test_an_empty_related_table_says_so(shown: str) -> None:
    assert "Never returned" in shown


def test_the_office_pages_are_the_worked_example(reader: Client) -> None:
    office = Office.objects.create(code="AI", name="Austin & Ives")
    listed = reader.get("/inventory/offices/").content.decode()
    assert f'href="/inventory/offices/{office.pk}/"' in listed
    detail = reader.get(f"/inventory/offices/{office.pk}/").content.decode()
    assert "Austin &amp; Ives" in detail
    assert reader.get("/inventory/offices/999999/").status_code == 404


def test_a_detail_page_needs_the_right_to_view_the_record(client: Client) -> None:
    office = Office.objects.create(code="AI")
    client.force_login(User.objects.create_user("nobody"))
    assert client.get(f"/inventory/offices/{office.pk}/").status_code == 403


def test_a_missing_page_says_what_happened_and_what_to_do(reader: Client) -> None:
    page = reader.get("/no/such/page/")
    assert page.status_code == 404
    assert "Nothing was lost" in page.content.decode()


def test_progress_asks_again_until_the_work_is_done(reader: Client) -> None:
    going = reader.get("/sample/progress/50/").content.decode()
    assert 'hx-trigger="every 2s"' in going
    assert 'id="progress-spoken" role="status" aria-live="polite"' in going
    done = reader.get("/sample/progress/100/").content.decode()
    assert "hx-get" not in done
