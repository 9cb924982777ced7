"""Fixtures. Everything runs on real PostgreSQL and a real broker; nothing is faked, Celery is never eager.

Databases
    db              pytest-django's: one transaction per test, rolled back. The ordinary choice.
    committed_db    for tests that commit (workers, browsers, locks): a database for this test alone; every thread's
                    connection leads to it. Has `.name` and `.url`. Do not mix with `db`.
                    `@pytest.mark.demo_data`: it begins with the demo data.
    demo_db         a module's own database with the demo data, for tests in `db`
    concurrently    concurrently(f, g): run functions at the same moment, each with a connection of its own.
People (in `db`, or in `committed_db` where the test asks for that)
    person          person("clerk") -> the user of that role
    viewer, clerk, accountant, administrator    Django test clients, signed in; pytest-django's `client` is nobody
    now             a fixed moment; pass it on, as the code does
Worker
    worker          not started yet: worker.start(beat=False), .stop(), .restart(), .kill9(), .kill9_pool_process(),
                    .log, .is_alive; on `committed_db` and a broker database of its own. Stopped at the end.
    wait_until      wait_until(lambda: ..., seconds=30, what="the run to finish")
Browser (skipped where none is installed)
    live_site       the site on `committed_db`, static files included; `.url`
    page            a Chromium page of 1280x800 with `live_site` as base: page.goto("/"). Fails the test on console
                    errors and on requests that leave 127.0.0.1.
    page_guard      page_guard.allow("403") lets a complaint of that kind pass
    sign_in         sign_in("clerk") -> the user; the page's browser is signed in from then on
    axe             axe(page): no accessibility violations
    screenshot      screenshot(page, "usage-list"): into the folder named by SCREENSHOTS, where set

Kinds (markers set by folder and fixture: engine, architecture, platform, browser, worker, database, pure) are counted
at the end. `@pytest.mark.full` marks a long test, run with --full. A misspelt template variable fails the test
(`@pytest.mark.ignore_template_errors` for templates that are not ours); so does any warning.
"""

import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.db import connections
from django.test import Client
from django.test.utils import setup_databases, teardown_databases
from pytest_django import DjangoDbBlocker
from pytest_django.live_server_helper import LiveServer

from tests.harness import databases
from tests.harness import worker as workers
from tests.harness.kinds import KINDS, LONG, NO_BROWSER, KindCounter, kind_of
from tests.harness.people import Role, make_person

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from tests.harness.browser import PageGuard


# No deadline: the machine may be busy with other things.
hypothesis.settings.register_profile("patient", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])


# -- Kinds -----------------------------------------------------------------------------------------
def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--full", action="store_true", help="run the long tests, too")
    parser.addoption("--expect-kinds", default="", help="fail unless a test of each of these kinds ran (a,b,c)")


def pytest_configure(config: pytest.Config) -> None:
    for kind, meaning in KINDS.items():
        config.addinivalue_line("markers", f"{kind}: {meaning}")
    if not config.getoption("hypothesis_profile", None):
        hypothesis.settings.load_profile("patient")
    config.addinivalue_line("markers", "full: takes long; run with --full")
    config.addinivalue_line("markers", "demo_data: committed_db begins with the demo data")
    if not hasattr(config, "workerinput"):
        expected = [kind for kind in str(config.getoption("--expect-kinds")).split(",") if kind]
        if unknown := set(expected) - set(KINDS):
            raise pytest.UsageError(f"--expect-kinds: unknown {', '.join(sorted(unknown))}; known: {', '.join(KINDS)}")
        config.pluginmanager.register(KindCounter(expected), "kind-counter")


def pytest_sessionfinish(session: pytest.Session) -> None:
    if not hasattr(session.config, "workerinput"):
        databases.drop_templates()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        kind = kind_of(item)
        item.add_marker(kind)
        item.user_properties.append(("kind", kind))
        if item.get_closest_marker("full") and not config.getoption("--full"):
            item.add_marker(pytest.mark.skip(reason=LONG))


# -- Databases -------------------------------------------------------------------------------------
@pytest.fixture(scope="session")
def django_db_setup(
    django_test_environment: None, django_db_modify_db_settings: None, django_db_blocker: DjangoDbBlocker
) -> Iterator[None]:
    """Make the test database even when only tests on clones were chosen: pytest-django looks for its own mark.

    `django_db_modify_db_settings` gives each process of a parallel run a database of its own.
    """
    with django_db_blocker.unblock():
        settings.DATABASES["default"]["TEST"]["TEMPLATE"] = databases.migrated_template()
        made = setup_databases(verbosity=0, interactive=False)
    yield
    with django_db_blocker.unblock():
        teardown_databases(made, verbosity=0)


@pytest.fixture
def committed_db(
    request: pytest.FixtureRequest, django_db_setup: None, django_db_blocker: DjangoDbBlocker
) -> Iterator[databases.CommittedDatabase]:
    if {"db", "transactional_db"} & set(request.fixturenames) or request.node.get_closest_marker("django_db"):
        raise pytest.UsageError("committed_db has a database of its own; do not mix it with db or django_db.")
    has_demo_data = request.node.get_closest_marker("demo_data")
    with django_db_blocker.unblock():
        template = databases.demo_template() if has_demo_data else databases.migrated_template()
        with databases.cloned_database(template=template) as database:
            yield database


@pytest.fixture(scope="module")
def demo_db(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    with django_db_blocker.unblock(), databases.cloned_database(template=databases.demo_template()):
        yield


@pytest.fixture
def concurrently(committed_db: databases.CommittedDatabase) -> Callable[..., list[object]]:
    return databases.concurrently


@pytest.fixture
def _some_database(request: pytest.FixtureRequest) -> None:
    request.getfixturevalue("committed_db" if "committed_db" in request.fixturenames else "db")


# -- People ----------------------------------------------------------------------------------------
@pytest.fixture
def person(_some_database: None) -> Callable[[Role], User]:
    return make_person


def _signed_in(role: Role) -> Client:
    client = Client()
    client.force_login(make_person(role))
    return client


@pytest.fixture
def viewer(_some_database: None) -> Client:
    return _signed_in("viewer")


@pytest.fixture
def clerk(_some_database: None) -> Client:
    return _signed_in("clerk")


@pytest.fixture
def accountant(_some_database: None) -> Client:
    return _signed_in("accountant")


@pytest.fixture
def administrator(_some_database: None) -> Client:
    return _signed_in("administrator")


@pytest.fixture
def now() -> datetime:
    return datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


# -- Worker ----------------------------------------------------------------------------------------
@pytest.fixture
def worker(committed_db: databases.CommittedDatabase, tmp_path: Path) -> Iterator[workers.Worker]:
    workers.forget_messages()
    worker = workers.Worker(database_url=committed_db.url, folder=tmp_path)
    yield worker
    worker.stop()


@pytest.fixture
def wait_until() -> Callable[..., None]:
    return workers.wait_until


# -- Browser ---------------------------------------------------------------------------------------
@pytest.fixture(scope="session")
def browser() -> "Iterator[Browser]":
    from tests.harness import browser as browsers  # noqa: PLC0415  (slow import, needed by browser tests only)

    if browsers.chromium_path() is None:
        pytest.skip(NO_BROWSER)
    # Playwright's synchronous interface runs a loop in this thread; Django would take our queries for asynchronous.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    # From then on this thread gets other connection objects; those made before would stay open and forbid a clone.
    connections.close_all()
    with browsers.launched() as launched:
        yield launched
        connections.close_all()  # likewise, the other way round: or the test database could not be dropped


@pytest.fixture
def live_site(browser: "Browser", committed_db: databases.CommittedDatabase) -> Iterator[LiveServer]:
    server = LiveServer("127.0.0.1")
    yield server
    server.stop()


@pytest.fixture
def page_guard() -> "PageGuard":
    from tests.harness.browser import PageGuard  # noqa: PLC0415  (as above)

    return PageGuard()


@pytest.fixture
def page(browser: "Browser", live_site: LiveServer, page_guard: "PageGuard") -> "Iterator[Page]":
    from tests.harness.browser import PATIENCE  # noqa: PLC0415  (as above)

    context = browser.new_context(
        base_url=live_site.url, viewport={"width": 1280, "height": 800}, reduced_motion="reduce", locale="en-US"
    )
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    page_guard.watch(page)
    yield page
    context.close()
    page_guard.check()


@pytest.fixture
def sign_in(page: "Page", live_site: LiveServer) -> Callable[[Role], User]:
    def sign_in(role: Role) -> User:
        """Put a session's cookie into the browser; the sign-in form has a test of its own."""
        cookie = _signed_in(role).cookies["sessionid"]
        page.context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": live_site.url}])
        return make_person(role)

    return sign_in


@pytest.fixture
def axe() -> "Callable[[Page], None]":
    from tests.harness.browser import assert_accessible  # noqa: PLC0415  (as above)

    return assert_accessible


@pytest.fixture
def screenshot() -> "Callable[[Page, str], None]":
    from tests.harness.browser import take_screenshot  # noqa: PLC0415  (as above)

    return take_screenshot
