"""The only writers of what people did to records: history_note(), and note_edit() for master data."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.contrib.auth.models import User
from django.db.models import Model

from inventory_site.money import trimmed
from lots.models import RecordHistory


def history_note(*, number: str, action: str, by: User | None, at: datetime, note: str = "") -> RecordHistory:
    """Write one line of a record's history: Created, Opened, Posted, Void ...; `note` gives reasons and figures."""
    return RecordHistory.objects.create(number=number, action=action, by=by, at=at, note=note)


def note_edit(*, record: Any, before: Mapping[str, str], by: User | None, at: datetime) -> None:
    """Write what was changed of a master record since `before` (of `told`), if anything was."""
    now = told(record, before)
    label = record._meta.get_field
    changes = [
        f"{label(name).verbose_name}: {text or 'nothing'} to {now[name] or 'nothing'}"
        for name, text in before.items()
        if now[name] != text
    ]
    if changes:
        note = "; ".join(changes)
        history_note(number=record.history_name, action="Edited", by=by, at=at, note=note[:1].upper() + note[1:])


def told(record: Model, names: Iterable[str]) -> dict[str, str]:
    """The record's fields as people read them."""
    return {name: _text(record, name) for name in names}


def _text(record: Model, name: str) -> str:
    display = getattr(record, f"get_{name}_display", None)
    value = getattr(record, name) if display is None else display()
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{trimmed(value):f}" if isinstance(value, Decimal) else str(value)
