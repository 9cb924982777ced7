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


def test_every_answer_carries_the_headers_that_keep_browsers_strict(administrator: Client, world: World) -> None:
    wrong = []
    for address, response in visited(administrator, world):
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
        if found := ", ".join(filter(None, complaints)):
            wrong.append(f"{address.name}: {found}")
    assert not wrong, "\n".join(wrong)


def test_pages_with_figures_are_not_kept_by_a_shared_machine(administrator: Client, world: World) -> None:
    kept = [
        address.name
        for address, response in visited(administrator, world)
        if response.status_code == 200
        and address.name not in PUBLIC
        and "no-store" not in response.headers.get("Cache-Control", "")
        # Words of the admin's scripts; nothing of ours is in them.
        and address.name != "admin:jsi18n"
    ]
    assert not kept


def test_nothing_is_shown_without_signing_in(world: World) -> None:
    shown = {address.name for address, response in visited(Client(), world) if outcome(response) in {"200", "422"}}
    assert shown == PUBLIC


def test_no_page_relies_on_inline_scripts_or_styles(administrator: Client, world: World) -> None:
    """The policy would refuse them silently, and the page would merely not work."""
    wrong = []
    for address, response in visited(administrator, world):
        if response.streaming or "html" not in response.headers.get("Content-Type", ""):
            continue
        html = response.content.decode()
        inline = [tag for tag in re.findall(r"<script\b[^>]*>", html) if " src=" not in tag and "json" not in tag]
        inline += re.findall(r"<style\b", html) + re.findall(r"<[a-z][^<>]*\sstyle=[^<>]*>", html)
        inline += re.findall(r"<[a-z][^<>]*\son[a-z]+=\"[^<>]*>", html)
        if inline:
            wrong.append(f"{address.name}: {inline[:2]}")
    assert not wrong, "\n".join(wrong)
