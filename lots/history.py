"""history_note(): the only writer of what people did to documents."""

from datetime import datetime

from django.contrib.auth.models import User

from lots.models import RecordHistory


def history_note(*, number: str, action: str, by: User | None, at: datetime, note: str = "") -> RecordHistory:
    """Write one line of a document's history: Created, Opened, Posted, Void ...; `note` gives reasons and figures."""
    return RecordHistory.objects.create(number=number, action=action, by=by, at=at, note=note)
