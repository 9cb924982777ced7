"""Everybody may change their own password."""

import pytest
from django.test import Client

from tests.harness.people import make_person

pytestmark = pytest.mark.django_db


def test_a_viewer_changes_the_password_and_stays_signed_in(viewer: Client) -> None:
    user = make_person("viewer")
    user.set_password("an-old-one-12345")
    user.save()
    viewer.force_login(user)
    new = "a-new-one-67890"
    fields = {"old_password": "an-old-one-12345", "new_password1": new, "new_password2": new}
    answer = viewer.post("/password/", fields, follow=True)
    assert "Your password is changed." in answer.content.decode()
    user.refresh_from_db()
    assert user.check_password(new)


def test_a_wrong_old_password_changes_nothing_and_says_so(viewer: Client) -> None:
    fields = {"old_password": "not mine", "new_password1": "a-new-one-67890", "new_password2": "a-new-one-67890"}
    answer = viewer.post("/password/", fields)
    assert "old password was entered incorrectly" in answer.content.decode()
    assert not make_person("viewer").check_password("a-new-one-67890")
