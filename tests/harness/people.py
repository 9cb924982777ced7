"""The cast: one person per role."""

from typing import Final, Literal, get_args

from django.contrib.auth.models import Group, User

Role = Literal["viewer", "clerk", "accountant", "administrator"]
ROLES: Final[tuple[Role, ...]] = get_args(Role)
PASSWORD: Final = "correct-horse-battery"


def make_person(role: Role, *, username: str = "") -> User:
    """Make (or find) a person of a role; the role's permissions come from its group, as in production."""
    person, is_new = User.objects.get_or_create(
        username=username or role, defaults={"is_staff": role == "administrator", "email": f"{role}@example.com"}
    )
    if is_new:
        person.set_password(PASSWORD)
        person.save()
        person.groups.add(Group.objects.get_or_create(name=role)[0])
    return person
