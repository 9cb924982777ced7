"""Who may sign in to a new copy, and what the terminal says about it."""

from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.test import Client

from inventory_site.first_users import ROLES, kept_password, make_password, sign_in_text, users_ensure

pytestmark = pytest.mark.django_db


def test_a_new_copy_has_one_user_per_role_with_a_password_of_its_own(tmp_path: Path) -> None:
    assert users_ensure(roles=ROLES, data_dir=tmp_path) == list(ROLES)
    password = kept_password(tmp_path)
    assert password
    for role in ROLES:
        assert Client().login(username=role, password=password)
        assert User.objects.get(username=role).groups.get().name == role
    assert [user.username for user in User.objects.filter(is_staff=True)] == ["administrator"]
    assert not User.objects.filter(is_superuser=True).exists()
    assert f"viewer, clerk, accountant or administrator, password {password}" in sign_in_text(data_dir=tmp_path)
    assert (tmp_path / "sign-in.txt").stat().st_mode & 0o777 == 0o600


def test_a_copy_that_has_users_is_left_alone(tmp_path: Path) -> None:
    User.objects.create_user("own")
    assert users_ensure(roles=ROLES, data_dir=tmp_path) == []
    assert User.objects.count() == 1
    assert not (tmp_path / "sign-in.txt").exists()
    assert sign_in_text(data_dir=tmp_path) == "Sign in with the users and passwords as you set them."


def test_a_password_that_was_changed_is_not_shown_any_more(tmp_path: Path) -> None:
    users_ensure(roles=("administrator", "viewer"), data_dir=tmp_path)
    user = User.objects.get(username="administrator")
    user.set_password("one of my own")
    user.save()
    text = sign_in_text(data_dir=tmp_path)
    assert text.startswith(f"Sign in as viewer, password {kept_password(tmp_path)}; others as you set it")
    User.objects.filter(username="viewer").delete()
    assert "as you set them" in sign_in_text(data_dir=tmp_path)


def test_passwords_differ_and_can_be_typed() -> None:
    made = {make_password() for _ in range(50)}
    assert len(made) == 50
    assert all(len(password) == 19 and password.replace("-", "").isalpha() for password in made)
