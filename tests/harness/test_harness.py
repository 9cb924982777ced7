"""The harness itself: were it broken, tests could pass that prove nothing."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import psycopg
import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client

from inventory_site.models import NumberSequence
from tests.harness.databases import CommittedDatabase
from tests.harness.people import Role
from tests.harness.worker import Worker

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.harness.browser import PageGuard


def test_what_a_committed_test_writes_is_seen_by_others_and_gone_afterwards(committed_db: CommittedDatabase) -> None:
    NumberSequence.objects.create(kind="HARNESS", last_number=1)
    with psycopg.connect(committed_db.url) as other:
        found = other.execute("SELECT last_number FROM inventory_site_numbersequence WHERE kind = 'HARNESS'").fetchall()
    assert found == [(1,)]


@pytest.mark.django_db
def test_a_rolled_back_test_sees_nothing_of_it() -> None:
    assert "clone" not in connection.settings_dict["NAME"]
    assert not NumberSequence.objects.filter(kind="HARNESS").exists()


def test_concurrent_functions_have_connections_of_their_own(concurrently: Callable[..., list[object]]) -> None:
    def backend() -> object:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            return cursor.fetchone()[0]

    first, second = concurrently(backend, backend)
    assert isinstance(first, int)
    assert first != second


def test_people_are_in_the_group_of_their_role(person: Callable[[Role], User], clerk: Client) -> None:
    assert person("clerk").groups.get().name == "clerk"
    assert clerk.session["_auth_user_id"] == str(person("clerk").pk)
    assert person("administrator").is_staff
    assert not person("accountant").is_staff


def test_a_worker_survives_the_loss_of_a_pool_process_and_can_be_killed(worker: Worker) -> None:
    worker.start()
    first = worker.pid
    worker.kill9_pool_process()
    assert worker.is_alive
    worker.kill9()
    worker.start(concurrency=1)
    assert worker.pid != first


def test_the_guard_notices_a_console_error(page: "Page", page_guard: "PageGuard") -> None:
    page_guard.allow("favicon")
    page.goto("/livez")
    page.evaluate("() => console.error('planted')")
    with pytest.raises(AssertionError, match="planted"):
        page_guard.check()
    page_guard.allow("planted")


def test_signing_in_opens_a_page_that_asks_for_it(page: "Page", sign_in: Callable[[Role], User]) -> None:
    sign_in("viewer")
    page.goto("/")
    assert "/sign-in/" not in page.url
