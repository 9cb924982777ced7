"""What a page was made from: two people who write the same record at once do not undo each other unnoticed.

Every change of a document, or of master data, leaves a line in its history. A page carries the newest one it was made
from; what it sends is compared under the record's lock, and refused where a line was added since, with the words of
that line.
"""

from datetime import datetime
from typing import Any

from django.apps import apps
from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.db.models import Model, QuerySet
from django.utils import timezone

VERSION = "version"
NO_HISTORY = "0"


class StaleRecordError(ValidationError):
    """The record was changed since the page was made. `version` is what it stands at now."""

    def __init__(self, message: str, *, version: str) -> None:
        super().__init__(message, code="stale")
        self.version = version


def has_history(model: type[Model], path: str) -> bool:
    """Whether records of this model have the field or property that their history is kept under."""
    if not path:
        return False
    if isinstance(getattr(model, path, None), property):
        return True
    try:
        model._meta.get_field(path.partition("__")[0])
    except FieldDoesNotExist:
        return False
    return True


def last_change(model: type[Model], pk: Any, path: str) -> Any:
    """The newest line of the record's history, or None. `path` leads to the number or name that it is kept under."""
    records: QuerySet[Any] = model._base_manager.filter(pk=pk)
    is_property = isinstance(getattr(model, path, None), property)
    # A name that is made up stays for ever, so that it may be read before.
    number = next((getattr(record, path) for record in records), "") if is_property else records.values(path)[:1]
    history: QuerySet[Any] = apps.get_model("lots", "RecordHistory")._base_manager.filter(number=number)
    return history.select_related("by").order_by("-pk").first()


def version_of(change: Any) -> str:
    return NO_HISTORY if change is None else str(change.pk)


def lock_record(model: type[Model], pk: Any, path: str) -> None:
    """Lock the document whose history it is until the transaction ends: whoever changes it locks it first."""
    owner = path.rpartition("__")[0]
    rows = model._base_manager.filter(pk=pk)
    if owner:
        rows = rows.select_related(owner)
    list(rows.select_for_update(no_key=True, of=(owner or "self",)))


def stale_text(change: Any, *, by: Any, consequence: str) -> str:
    """Who did what when, and what that means for what was sent."""
    who = "by a command" if change.by is None else "by you" if change.by == by else f"by {change.by.username}"
    action = f"{change.action} {who}, {moment_text(change.at)}"
    note = f" ({change.note})" if change.note else ""
    return f"{change.number} was changed since you opened this page: {action}{note}. {consequence}"


def moment_text(at: datetime) -> str:
    """07/18/22 14:05, as pages show moments."""
    return timezone.localtime(at).strftime("%m/%d/%y %H:%M")
