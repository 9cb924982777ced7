"""Two public addresses for whatever watches a copy: is the process alive, and is it ready to serve?"""

import socket
from http import HTTPStatus
from urllib.parse import unquote, urlsplit

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import Error, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

BROKER_SECONDS = 1.0


@login_not_required
@never_cache
@require_safe
def livez(request: HttpRequest) -> HttpResponse:
    """The process answers. Asks nothing else, so that a database that is down does not get the web server restarted."""
    return HttpResponse("alive\n", content_type="text/plain")


@login_not_required
@never_cache
@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """The pages can be used. Without the broker they can: runs then start when the sweeper finds them."""
    database = _database_state()
    broker = "ok" if broker_answers() else "down"
    is_ready = database == "ok"
    state = "ready" if is_ready and broker == "ok" else "degraded" if is_ready else "unavailable"
    status = HTTPStatus.OK if is_ready else HTTPStatus.SERVICE_UNAVAILABLE
    return JsonResponse({"state": state, "database": database, "broker": broker}, status=status)


def _database_state() -> str:
    try:
        executor = MigrationExecutor(connection)
        is_behind = bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))
    except Error:
        return "down"
    return "migrations are missing" if is_behind else "ok"


def broker_answers() -> bool:
    """Knock at the broker's door. (The client library would retry a refused connection for five seconds.)"""
    address = urlsplit(settings.REDIS_URL)
    try:
        if address.scheme == "unix":
            with socket.socket(socket.AF_UNIX) as link:
                link.settimeout(BROKER_SECONDS)
                link.connect(unquote(address.path))
        else:
            socket.create_connection((address.hostname or "127.0.0.1", address.port or 6379), BROKER_SECONDS).close()
    except OSError:
        return False
    return True
