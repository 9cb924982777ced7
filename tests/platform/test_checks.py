"""System checks speak up when the surroundings are wrong, and only then."""

import pytest
from django.core.checks import run_checks
from django.db import connection
from pytest_django import Settings

from inventory_site.checks import broker_keeps_messages, database_fits, time_limits_are_in_order

# pytest-django's own watch over template variables is not a string, which Django's check minds.
OF_THE_TEST_RUN = "templates.E002"


def complaints(*, deploy: bool = False) -> list[str | None]:
    found = run_checks(databases=["default"], include_deployment_checks=deploy)
    return [message.id for message in found if message.id != OF_THE_TEST_RUN]


@pytest.mark.django_db
def test_everything_is_in_order_here() -> None:
    assert complaints() == []
    assert broker_keeps_messages(None) == []


def test_a_visibility_timeout_below_the_hard_limit_is_refused(settings: Settings) -> None:
    settings.CELERY_TASK_TIME_LIMIT = settings.CELERY_BROKER_TRANSPORT_OPTIONS["visibility_timeout"]
    assert [found.id for found in time_limits_are_in_order(None)] == ["lotwise.E002"]


@pytest.mark.django_db
def test_a_guard_that_is_switched_off_is_noticed() -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE usage_inventoryusage DISABLE TRIGGER USER")
    messages = database_fits(None, databases=["default"])
    assert [found.id for found in messages] == ["lotwise.E004"]
    assert "usage_inventoryusage" in messages[0].msg


@pytest.mark.django_db
def test_production_settings_pass_the_deployment_checks(settings: Settings) -> None:
    settings.SECRET_KEY = "".join(map(chr, range(48, 120)))
    settings.SECURE_SSL_REDIRECT = settings.SESSION_COOKIE_SECURE = settings.CSRF_COOKIE_SECURE = True
    settings.SECURE_HSTS_SECONDS, settings.SECURE_HSTS_INCLUDE_SUBDOMAINS = 31_536_000, True
    settings.SECURE_HSTS_PRELOAD = True
    assert complaints(deploy=True) == []
