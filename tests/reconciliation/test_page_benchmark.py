"""The benchmark of pages: it finds every page over the records that are there, and leaves nothing behind."""

import io

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.core.management import CommandError, call_command

from tests.factories import make_code
from tests.reconciliation.records import receive, run_now, use

pytestmark = pytest.mark.django_db


def test_every_page_answers_and_nothing_is_left() -> None:
    code = make_code("WIRE")
    receive(code, "10", "25.00")
    use(code, "4")
    use(code, "9", day=2)
    run_now()
    said = io.StringIO()
    call_command("bench", pages="", views=1, stdout=said)
    text = said.getvalue()
    for name in ("cogs by month", "inventory value", "journal of a month", "usage open", "export usage csv", "dry run"):
        assert f"  {name}\n" in text
    assert "one read by primary key" in text
    assert not User.objects.filter(username="bench-pages").exists()
    assert not Session.objects.exists()


def test_pages_are_chosen_by_a_word() -> None:
    said = io.StringIO()
    call_command("bench", pages="accounts", views=1, stdout=said)
    assert [line.split()[-1] for line in said.getvalue().splitlines()[1:-1]] == ["accounts"]


def test_no_views_is_no_measurement() -> None:
    with pytest.raises(CommandError, match="--views"):
        call_command("bench", pages="", views=0)
