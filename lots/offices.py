"""Verbs over offices. Imports find an office by its code, so that stays for ever."""

from datetime import datetime

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import transaction

from lots.history import history_note, note_edit, told
from lots.models import Office


@transaction.atomic
def office_create(*, code: str, name: str, by: User | None, at: datetime) -> Office:
    """Add an office, and the first line of its history.

    Raises ValidationError for a code that is taken or spaced oddly.
    """
    if not code or code != code.strip() or not code.isprintable():
        raise ValidationError({"code": "An office has a code without white space around it. Nothing was added."})
    if Office.objects.filter(code__iexact=code).exists():
        raise ValidationError({"code": f"There is an office {code} already. Nothing was added."})
    office = Office.objects.create(code=code, name=name.strip())
    history_note(number=office.history_name, action="Created", by=by, at=at)
    return office


@transaction.atomic
def office_change(*, office: Office, name: str, by: User | None, at: datetime) -> Office:
    """Change what an office is called, and write a line of its history."""
    office = Office.objects.select_for_update(no_key=True).get(pk=office.pk)
    before = told(office, ["name"])
    office.name = name.strip()
    office.save(update_fields=["name"])
    note_edit(record=office, before=before, by=by, at=at)
    return office
