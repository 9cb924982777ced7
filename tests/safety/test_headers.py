"""What every answer carries, and that nobody sees a page without signing in."""

import re
from collections.abc import Iterator
from typing import cast

import pytest
from django.http import HttpResponse
from django.test import Client

from inventory_site.middleware import PERMISSIONS_POLICY
from tests.safety.addresses import Address, World, all_addresses
from tests.safety.test_role_matrix import outcome, row_of

# Open to everybody: signing in, and whether the copy is alive.
PUBLIC = {"livez", "readyz", "login", "admin:login"}
POLICY = {
    "default-src 'self'",
    "img-src 'self' data:",
    "object-src 'none'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
    "form-action 'self'",
}

pytestmark = [pytest.mark.django_db, pytest.mark.ignore_template_errors]


@pytest.fixture
def world() -> World:
    return World()


def visited(client: Client, world: World) -> Iterator[tuple[Address, HttpResponse]]:
    for address in all_addresses():
        about = (row_of(address) or {}).get("about", "")
        yield address, cast("HttpResponse", client.get(world.url(address, about)))


def headers_wrong_of(response: HttpResponse) -> list[str]:
    """What keeps browsers strict, and is missing."""
    headers = response.headers
    policy = {part.strip() for part in headers.get("Content-Security-Policy", "").split(";")}
    complaints = [
        "policy" if policy != POLICY else "",
        "sniffing" if headers.get("X-Content-Type-Options") != "nosniff" else "",
        "framing" if headers.get("X-Frame-Options") != "DENY" else "",
        "referrer" if headers.get("Referrer-Policy") != "same-origin" else "",
        "opener" if headers.get("Cross-Origin-Opener-Policy") != "same-origin" else "",
        "permissions" if headers.get("Permissions-Policy") != PERMISSIONS_POLICY else "",
    ]
    return list(filter(None, complaints))


def is_kept_by_a_shared_machine(address: Address, response: HttpResponse) -> bool:
    """Whether a page with figures may be stored."""
    # Words of the admin's scripts; nothing of ours is in them.
    if response.status_code != 200 or address.name in PUBLIC | {"admin:jsi18n"}:
        return False
    return "no-store" not in response.headers.get("Cache-Control", "")


def inline_code_of(response: HttpResponse) -> list[str]:
    """Scripts and styles in the page: the policy would refuse them silently, and the page would merely not work."""
    if response.streaming or "html" not in response.headers.get("Content-Type", ""):
        return []
    html = response.content.decode()
    inline = [tag for tag in re.findall(r"<script\b[^>]*>", html) if " src=" not in tag and "json" not in tag]
    inline += re.findall(r"<style\b", html) + re.findall(r"<[a-z][^<>]*\sstyle=[^<>]*>", html)
    return [*inline, *re.findall(r"<[a-z][^<>]*\son[a-z]+=\"[^<>]*>", html)][:2]


def test_every_answer_keeps_browsers_strict_is_kept_nowhere_and_has_no_inline_code(
    administrator: Client, world: World
) -> None:
    headers, kept, inline = {}, [], {}
    for address, response in visited(administrator, world):
        if found := headers_wrong_of(response):
            headers[address.name] = found
        if is_kept_by_a_shared_machine(address, response):
            kept.append(address.name)
        if code := inline_code_of(response):
            inline[address.name] = code
    assert headers == {}
    assert kept == []
    assert inline == {}


def test_nothing_is_shown_without_signing_in(world: World) -> None:
    shown = {address.name for address, response in visited(Client(), world) if outcome(response) in {"200", "422"}}
    assert shown == PUBLIC
