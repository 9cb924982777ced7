"""Headers that every answer carries, beside those of Django's SecurityMiddleware and the content security policy."""

from collections.abc import Callable
from typing import Final

from django.http import HttpRequest, HttpResponseBase

# Nothing here needs a sensor, a camera or a payment sheet: so nothing that gets in may use one.
PERMISSIONS_POLICY: Final = (
    "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), magnetometer=(), microphone=(),"
    " payment=(), usb=()"
)


def headers(get_response: Callable[[HttpRequest], HttpResponseBase]) -> Callable[[HttpRequest], HttpResponseBase]:
    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        response.headers.setdefault("Permissions-Policy", PERMISSIONS_POLICY)
        # Costs and stock do not belong into a shared machine's cache: after signing out, "back" shows nothing.
        if request.session.accessed and request.user.is_authenticated:
            response.headers.setdefault("Cache-Control", "no-store, private")
        return response

    return middleware
