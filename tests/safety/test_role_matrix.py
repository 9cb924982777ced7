"""Every address, as every role, by GET and by POST, against the table in role_matrix.toml.

The addresses come from the resolver, so a new one without a row in the table fails here. A row is written by hand, as a
decision: the table says how to read it.
"""

import tomllib
from pathlib import Path
from typing import Any, Final

import pytest
from django.contrib import admin
from django.db import transaction
from django.http import HttpResponse
from django.test import Client

from tests.harness.people import ROLES, Role, make_person
from tests.safety.addresses import Address, World, all_addresses

TABLE: Final[dict[str, Any]] = tomllib.loads((Path(__file__).parent / "role_matrix.toml").read_text())
PEOPLE: Final[tuple[str, ...]] = ("anonymous", *ROLES)
ADMIN_PAGES: Final = ("add", "change", "changelist", "delete", "history")

# Django's admin looks up variables that are not there; pages of ours are held to that by their own tests.
pytestmark = [pytest.mark.django_db, pytest.mark.ignore_template_errors]


def row_of(address: Address) -> dict[str, str] | None:
    """The row that says who may do what: its own, or that of the admin page of its kind."""
    own: dict[str, str] | None = TABLE["addresses"].get(address.name)
    if own is not None:
        return own
    for label, kind in TABLE["admin_records"].items():
        about = label.partition(".")[2]
        prefix = label.replace(".", "_")
        for page in ADMIN_PAGES:
            if address.name == f"admin:{prefix}_{page}":
                return {"about": about, **TABLE["admin_pages"][kind][page]}
        if address.name == f"/admin/{label.replace('.', '/')}/<path:object_id>/":
            return {"about": about, **TABLE["admin_pages"]["old_address"]["change"]}
    return None


def outcome(response: HttpResponse) -> str:
    location = response.headers.get("Location", "")
    if response.status_code == 302 and location.startswith("/sign-in/"):
        return "sign-in"
    if response.status_code == 302 and location.startswith("/admin/login/"):
        return "admin"
    return str(response.status_code)


def test_every_address_has_a_row_and_every_row_an_address() -> None:
    addresses = all_addresses()
    missing = [address.name for address in addresses if row_of(address) is None]
    assert not missing, "Say in tests/safety/role_matrix.toml who may use these addresses:\n" + "\n".join(missing)
    unknown = set(TABLE["addresses"]) - {address.name for address in addresses}
    assert not unknown, f"These rows name addresses that there are not: {sorted(unknown)}"
    registered = {model._meta.label_lower for model in admin.site._registry}
    assert set(TABLE["admin_records"]) == registered


def test_every_row_speaks_of_every_person() -> None:
    rows = [row for address in all_addresses() if (row := row_of(address)) is not None]
    assert all(len(row[method].split()) == len(PEOPLE) for row in rows for method in ("get", "post"))


@pytest.mark.parametrize("person", PEOPLE)
def test_everybody_reaches_what_their_role_allows_and_nothing_else(person: str) -> None:
    world = World()
    signed_in = Client()
    if person != "anonymous":
        signed_in.force_login(make_person(_role(person)))
    place = PEOPLE.index(person)
    wrong = []
    for address in all_addresses():
        row = row_of(address) or {"get": "", "post": ""}
        for method in ("get", "post"):
            expected = (row[method].split() or ["?"] * len(PEOPLE))[place]
            # A client of its own, and a transaction that is undone: signing out, or starting a run, ends here.
            client = Client(raise_request_exception=False)
            client.cookies.load({name: morsel.value for name, morsel in signed_in.cookies.items()})
            with transaction.atomic():
                url = world.url(address, row.get("about", ""))
                found = outcome(getattr(client, method)(url))
                transaction.set_rollback(True)
            if found != expected:
                wrong.append(f"{method.upper()} {address.name} ({url}): {found}, should be {expected}")
    assert not wrong, f"as {person}:\n" + "\n".join(wrong)


def _role(person: str) -> Role:
    return next(role for role in ROLES if role == person)
