"""Roles are groups with permissions; what a role may do is decided in one place and the same on every copy."""

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.core.management import call_command

from reconciliation.roles import ROLES, roles_ensure
from tests.harness.people import make_person

pytestmark = pytest.mark.django_db


def held(role: str) -> set[str]:
    rows = Permission.objects.filter(group__name=role).values_list("content_type__app_label", "codename")
    return {f"{app}.{codename}" for app, codename in rows}


@pytest.mark.parametrize("role", ROLES)
def test_a_new_copy_has_the_role_with_exactly_its_permissions(role: str) -> None:
    assert held(role) == set(ROLES[role])


def test_each_role_can_do_what_the_one_before_it_can() -> None:
    for lesser, greater in zip(list(ROLES), list(ROLES)[1:], strict=False):
        assert set(ROLES[lesser]) < set(ROLES[greater])


def test_a_viewer_can_only_look() -> None:
    assert {name.partition(".")[2].partition("_")[0] for name in ROLES["viewer"]} == {"view"}


def test_no_role_may_change_or_delete_a_ledger() -> None:
    ledgers = ("inventoryusage", "inventorytransaction", "cogsallocation", "preferencechange", "runlogline")
    forbidden = {f"{verb}_{model}" for verb in ("add", "change", "delete") for model in ledgers}
    assert not forbidden & {name.partition(".")[2] for names in ROLES.values() for name in names}


def test_migrating_again_brings_a_role_back_and_leaves_other_groups_alone() -> None:
    clerk = Group.objects.get(name="clerk")
    clerk.permissions.remove(Permission.objects.get(codename="import_records"))
    clerk.permissions.add(Permission.objects.get(codename="run_reconciliation"))
    own = Group.objects.create(name="night shift")
    own.permissions.add(Permission.objects.get(codename="run_reconciliation"))
    call_command("migrate", verbosity=0)
    assert held("clerk") == set(ROLES["clerk"])
    assert held("night shift") == {"reconciliation.run_reconciliation"}


def test_making_the_roles_twice_changes_nothing() -> None:
    before = {role: held(role) for role in ROLES}
    roles_ensure()
    assert {role: held(role) for role in ROLES} == before
    assert Group.objects.filter(name__in=ROLES).count() == len(ROLES)


def test_rights_come_with_the_group() -> None:
    clerk = User.objects.get(pk=make_person("clerk").pk)
    assert clerk.has_perm("reconciliation.import_records")
    assert not clerk.has_perm("reconciliation.run_reconciliation")
