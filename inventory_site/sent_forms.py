"""A form that makes a record makes it once: a second click, a browser that sends again, a way back and another Save.

A page carries a token of its own. What it makes is written down beside the token, in the same transaction; the database
keeps tokens unique, so that of two at the same moment one waits and finds what the other made. Every night the old ones
are forgotten.
"""

from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid4

from inventory_site.models import SentForm

TOKEN = "once"  # noqa: S105  (the name of a field)
# Longer than anybody stays signed in, or leaves a page open and comes back to it.
KEPT: Final = timedelta(days=30)


class SentBefore(Exception):
    """The form was sent before, and `form` says what it made."""

    def __init__(self, form: SentForm) -> None:
        super().__init__(str(form))
        self.form = form


def new_token() -> str:
    return str(uuid4())


def token_of(text: str) -> UUID | None:
    """The token that was sent; None where none was, as by a program. What is no token is none."""
    try:
        return UUID(text)
    except ValueError:
        return None


def claim(token: UUID | None) -> None:
    """Take the token for this transaction; if somebody is about to make something by it, wait for that.

    Raises SentBefore where something was made by it already.
    """
    if token is None:
        return
    SentForm.objects.bulk_create([SentForm(token=token, made="", url="")], ignore_conflicts=True)
    form = SentForm.objects.get(token=token)
    if form.url:
        raise SentBefore(form)


def note_made(token: UUID | None, record: Any) -> None:
    """Write down what was made by a claimed token."""
    if token is not None:
        SentForm.objects.filter(token=token).update(made=str(record)[:120], url=record.get_absolute_url())


def sent_before(token: UUID | None) -> SentForm | None:
    return SentForm.objects.filter(token=token).first() if token is not None else None


def forget_old(*, now: datetime) -> int:
    """Forget the tokens that no page can send any more; gives how many there were."""
    forgotten, _ = SentForm.objects.filter(at__lt=now - KEPT).delete()
    return forgotten
