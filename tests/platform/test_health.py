"""What a watcher sees: alive, ready, degraded, unavailable."""

import pytest
from django.db import connection
from django.test import Client
from pytest_django import Settings

from inventory_site.env import celery_broker_url


@pytest.mark.django_db
def test_a_copy_with_all_it_needs_is_ready(client: Client) -> None:
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["state"]) == (200, "ready")


@pytest.mark.django_db
def test_without_a_broker_the_pages_still_work(client: Client, settings: Settings) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()) == (200, {"state": "degraded", "database": "ok", "broker": "down"})


@pytest.mark.django_db
def test_a_database_without_its_migrations_is_not_ready(client: Client) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'inventory_site'")
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["database"]) == (503, "migrations are missing")


def test_the_process_is_alive_without_asking_the_database(client: Client) -> None:
    answer = client.get("/livez")  # without db: a query would fail this test
    assert (answer.status_code, answer.content) == (200, b"alive\n")


@pytest.mark.django_db
def test_pages_behind_the_sign_in_are_not_kept_by_browsers(administrator: Client) -> None:
    answer = administrator.get("/admin/")
    assert "no-store" in answer.headers["Cache-Control"]
    assert "camera=()" in answer.headers["Permissions-Policy"]
    assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["X-Frame-Options"] == "DENY"


@pytest.mark.parametrize(
    ("given", "celery"),
    [
        ("redis://broker:6379/3", "redis://broker:6379/3"),
        ("unix:///a/b?db=3", "redis+socket:///a/b?virtual_host=3"),
        ("unix:///a/b", "redis+socket:///a/b?virtual_host=0"),
    ],
)
def test_the_brokers_address_is_spelled_as_celery_expects(given: str, celery: str) -> None:
    assert celery_broker_url(given) == celery
