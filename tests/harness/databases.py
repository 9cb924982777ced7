"""The templates that a run's databases are made from, and databases for tests that commit.

Each template is made by the process of the run that wants it first: migrating and telling the demo data take long.

The ledgers are append-only: the database refuses to delete or truncate them. So nothing is flushed after a test that
commits; it runs in a clone of a template, which is dropped. A clone of the test database itself would carry along what
hundreds of tests rolled back in it.
"""

import contextlib
import fcntl
import itertools
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlencode

import psycopg
from django.conf import settings
from django.core.management import call_command
from django.db import connection, connections
from psycopg import sql

_numbers = itertools.count(1)


@dataclass(frozen=True)
class CommittedDatabase:
    """A database of one test's own; Django's connections (of every thread) lead to it."""

    name: str
    url: str


def _server() -> "psycopg.Connection[tuple[object, ...]]":
    """Connect to the server beside the test databases."""
    parameters = connection.get_connection_params()
    wanted = {key: parameters[key] for key in ("host", "port", "user", "password") if parameters.get(key)}
    return psycopg.connect(dbname="postgres", autocommit=True, **wanted)


def url_of(name: str) -> str:
    given = connection.settings_dict
    user = quote(str(given["USER"]), safe="") + (
        f":{quote(str(given['PASSWORD']), safe='')}" if given["PASSWORD"] else ""
    )
    host, options = str(given["HOST"] or given["OPTIONS"].get("host", "")), ""
    if host.startswith("/"):  # a Unix socket's folder
        host, options = "", "?" + urlencode({"host": host})
    port = f":{given['PORT']}" if given["PORT"] else ""
    return f"postgres://{user}@{host}{port}/{quote(name, safe='')}{options}"


def _point_at(name: str) -> None:
    connections.close_all()
    # The one dictionary that the connections of every thread are made from.
    settings.DATABASES["default"]["NAME"] = connection.settings_dict["NAME"] = name


@contextlib.contextmanager
def _pointed_at(name: str) -> Iterator[None]:
    original = str(connection.settings_dict["NAME"])
    _point_at(name)
    try:
        yield
    finally:
        _point_at(original)


def _run_prefix() -> str:
    return f"test_template_{os.environ['LOTWISE_TEST_RUN']}_"


def _create(server: "psycopg.Connection[tuple[object, ...]]", name: str, *, template: str) -> None:
    server.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
    create = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
    server.execute(create.format(sql.Identifier(name), sql.Identifier(template)))


def _template(kind: str, *, based_on: str, make: Callable[[], object]) -> str:
    """Name the run's template of this kind; the first to ask makes it, others wait for that."""
    name = _run_prefix() + kind
    with (Path(os.environ["LOTWISE_TEST_DIR"]) / "templates.lock").open("w") as lock, _server() as server:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not server.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
            unfinished = f"{name}_unfinished"
            _create(server, unfinished, template=based_on)
            with _pointed_at(unfinished):
                make()
            rename = sql.SQL("ALTER DATABASE {} RENAME TO {}")
            server.execute(rename.format(sql.Identifier(unfinished), sql.Identifier(name)))
    return name


def migrated_template() -> str:
    return _template("migrated", based_on="template1", make=lambda: call_command("migrate", verbosity=0))


def demo_template() -> str:
    return _template("demo", based_on=migrated_template(), make=lambda: call_command("seed_demo", verbosity=0))


def drop_templates() -> None:
    """Called once, when a run ends: they belong to no process of it."""
    with _server() as server:
        found = server.execute("SELECT datname FROM pg_database WHERE starts_with(datname, %s)", [_run_prefix()])
        for (name,) in found.fetchall():
            server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(str(name))))


@contextlib.contextmanager
def cloned_database(*, template: str) -> Iterator[CommittedDatabase]:
    name = f"{settings.DATABASES['default']['TEST']['NAME']}_clone{next(_numbers)}"
    with _server() as server:
        _create(server, name, template=template)
    try:
        with _pointed_at(name):
            yield CommittedDatabase(name, url_of(name))
    finally:
        with _server() as server:
            server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def concurrently(*functions: Callable[[], object]) -> list[object]:
    """Run functions at the same moment, each in a thread with a connection of its own; returns results or errors."""
    results: list[object] = [None] * len(functions)
    start = threading.Barrier(len(functions))

    def work(index: int, function: Callable[[], object]) -> None:
        try:
            start.wait(timeout=180)
            results[index] = function()
        except Exception as error:  # handed to the test, which says what it expected
            results[index] = error
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work, args=pair, daemon=True) for pair in enumerate(functions)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=180)
        assert not thread.is_alive(), "a thread hangs: two of them wait for each other, or for a lock that stays"
    return results
