"""System checks: what this product needs of its surroundings, said before it matters.

`manage.py check` looks at the settings; `check --deploy` also knocks at the broker; `check --database default` looks
into the database.
"""

from collections.abc import Sequence
from typing import Any

import redis
from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.db import connections

from inventory_site.health import broker_answers

OLDEST_POSTGRES = 16_00_00


@register(Tags.compatibility)
def postgresql_is_used(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    vendor = connections["default"].vendor
    if vendor == "postgresql":
        return []
    hint = "Set DATABASE_URL to postgres://..., or start through python3 run.py."
    return [Error(f"PostgreSQL is the only database this runs on; this is {vendor}.", hint=hint, id="lotwise.E001")]


@register(Tags.compatibility)
def time_limits_are_in_order(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """A visibility timeout is no lease: a task that outlives it is started a second time beside itself."""
    soft, hard = settings.CELERY_TASK_SOFT_TIME_LIMIT, settings.CELERY_TASK_TIME_LIMIT
    visible = settings.CELERY_BROKER_TRANSPORT_OPTIONS.get("visibility_timeout", 3600)
    if soft < hard < visible:
        return []
    message = f"Celery's limits must rise: soft {soft} s < hard {hard} s < visibility timeout {visible} s."
    return [Error(message, hint="Otherwise a long task runs twice at once.", id="lotwise.E002")]


@register(Tags.security, deploy=True)
def broker_keeps_messages(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """A broker that evicts forgets wake-ups; one that is out of reach is the health address's business."""
    if not broker_answers():
        return []
    with redis.Redis.from_url(settings.REDIS_URL, socket_timeout=2) as broker:
        try:
            policy = str(broker.info("memory").get("maxmemory_policy", "noeviction"))
        except redis.RedisError:
            return []  # a hosted broker may not tell
    if policy == "noeviction":
        return []
    hint = "Set maxmemory-policy noeviction: a message that is evicted is a wake-up that never comes."
    return [Warning(f"The broker's eviction policy is {policy}.", hint=hint, id="lotwise.W001")]


@register(Tags.security, deploy=True)
def secret_is_private(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    path = settings.DATA_DIR / "secret-key"
    is_used = path.exists() and path.read_text().strip() == settings.SECRET_KEY
    if not is_used or not path.stat().st_mode & 0o077:
        return []
    return [Warning(f"{path} can be read by other accounts.", hint=f"chmod 600 {path}", id="lotwise.W002")]


@register(Tags.database)
def database_fits(
    app_configs: Sequence[AppConfig] | None, databases: Sequence[str] | None = None, **_: Any
) -> list[CheckMessage]:
    """New enough, and its append-only tables guarded by the triggers that make them so."""
    found: list[CheckMessage] = []
    for alias in databases or []:
        connection = connections[alias]
        if connection.vendor != "postgresql":
            continue
        with connection.cursor() as cursor:
            cursor.execute("SHOW server_version_num")
            if int(cursor.fetchone()[0]) < OLDEST_POSTGRES:
                found.append(Error("PostgreSQL 16 or newer is needed.", id="lotwise.E003"))
            cursor.execute(
                "SELECT tgrelid::regclass::text FROM pg_trigger"
                " WHERE tgname LIKE '%append\\_only%' AND tgenabled = 'D' ORDER BY 1"
            )
            disabled = ", ".join(row[0] for row in cursor.fetchall())
        if disabled:
            hint = "ALTER TABLE ... ENABLE TRIGGER ...; then manage.py verify_ledger."
            found.append(Error(f"Append-only triggers are switched off: {disabled}.", hint=hint, id="lotwise.E004"))
    return found
