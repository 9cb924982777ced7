"""Databases for tests that commit.

The ledgers are append-only: the database refuses to delete or truncate them. So nothing is flushed after such a test;
it runs in a clone of the test database, which is dropped.
"""

import contextlib
import itertools
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import quote, urlencode

import psycopg
from django.conf import settings
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
def cloned_database() -> Iterator[CommittedDatabase]:
    original = str(connection.settings_dict["NAME"])
    name = f"{original}_clone{next(_numbers)}"
    connections.close_all()  # a template must not be in use
    with _server() as server:
        server.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
        create = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
        server.execute(create.format(sql.Identifier(name), sql.Identifier(original)))
    _point_at(name)
    try:
        yield CommittedDatabase(name, url_of(name))
    finally:
        _point_at(original)
        with _server() as server:
            server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def concurrently(*functions: Callable[[], object]) -> list[object]:
    """Run functions at the same moment, each in a thread with a connection of its own; returns results or errors."""
    results: list[object] = [None] * len(functions)
    start = threading.Barrier(len(functions))

    def work(index: int, function: Callable[[], object]) -> None:
        try:
            start.wait(timeout=10)
            results[index] = function()
        except Exception as error:  # handed to the test, which says what it expected
            results[index] = error
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work, args=pair, daemon=True) for pair in enumerate(functions)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
        assert not thread.is_alive(), "a thread hangs: two of them wait for each other, or for a lock that stays"
    return results
