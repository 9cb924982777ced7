"""Who may sign in to a new copy: one user per role, with a password made for this copy and kept beside its data."""

import os
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from django.contrib.auth.hashers import check_password
from django.contrib.auth.models import Group, User
from django.db import transaction

ROLES: Final = ("viewer", "clerk", "accountant", "administrator")
_PREFIX: Final = "password: "
_CONSONANTS, _VOWELS = "bdfgklmnprstvz", "aeiou"


def password_file(data_dir: Path) -> Path:
    return data_dir / "sign-in.txt"


def make_password() -> str:
    """Make one that can be read out and typed: eight syllables, some 49 bits."""
    syllables = [secrets.choice(_CONSONANTS) + secrets.choice(_VOWELS) for _ in range(8)]
    return "-".join("".join(syllables[index : index + 2]) for index in range(0, 8, 2))


def kept_password(data_dir: Path) -> str | None:
    try:
        lines = password_file(data_dir).read_text().splitlines()
    except OSError:
        return None
    return next((line.removeprefix(_PREFIX) for line in lines if line.startswith(_PREFIX)), None)


def users_ensure(*, roles: Sequence[str], data_dir: Path) -> list[str]:
    """Make a user per role, where there is no user at all yet; returns whom. The password is written down first."""
    if User.objects.exists():
        return []
    password = kept_password(data_dir)
    if password is None:
        password = make_password()
        text = f"Lotwise: made at the first start. Change the password after signing in.\n{_PREFIX}{password}\n"
        with os.fdopen(os.open(password_file(data_dir), os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w") as file:
            file.write(text)
    with transaction.atomic():
        for role in roles:
            user = User.objects.create_user(role, password=password, is_staff=role == "administrator")
            user.groups.add(Group.objects.get_or_create(name=role)[0])
    return list(roles)


def with_first_password(*, data_dir: Path) -> list[str]:
    """Tell which of the first users still have the password that was made for them."""
    password = kept_password(data_dir)
    if password is None:
        return []
    hashes = dict(User.objects.filter(username__in=ROLES, is_active=True).values_list("username", "password"))
    return [role for role in ROLES if role in hashes and check_password(password, hashes[role])]


def sign_in_text(*, data_dir: Path) -> str:
    """Say who may sign in, for the terminal of whoever started the copy."""
    unchanged = with_first_password(data_dir=data_dir)
    if not unchanged:
        return "Sign in with the users and passwords as you set them."
    who = " or ".join(filter(None, [", ".join(unchanged[:-1]), unchanged[-1]]))
    others = "" if set(unchanged) == set(ROLES) or len(unchanged) == User.objects.count() else "; others as you set it"
    return f"Sign in as {who}, password {kept_password(data_dir)}{others}  (kept in {password_file(data_dir)})"
