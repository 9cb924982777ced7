"""The section History of a record's page: who did what to it, newest first; and the list over all records."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db.models import QuerySet

from inventory_site.details import Section
from inventory_site.tables import BaseTable, DateColumn, GoToColumn, TextColumn
from lots import addresses
from lots.models import RecordHistory

ROWS_SHOWN: Final = 50
# By a command, or by itself.
SYSTEM: Final = "the system"
# As records have it that came by an import and were not changed since.
NOTHING_NOTED: Final = Section("History", note="Nothing is noted yet.", is_wide=True)


class NoteColumn(TextColumn):
    """Words of people, in full: they wrap."""

    cell_class = "note-cell"


class HistoryTable(BaseTable):
    """What was done to one record."""

    caption = "What was done, newest first"
    row_kind = "event"

    at = DateColumn("Date", with_time=True, orderable=False)
    by = TextColumn("By", accessor="by__username", orderable=False, default=SYSTEM)
    action = TextColumn("Action", orderable=False)
    note = NoteColumn("Note", orderable=False)


class HistoryListTable(BaseTable):
    """What was done to all records. They were written in the order in which they were done."""

    caption = "What people did"
    row_kind = "entry"

    at = DateColumn("Date", with_time=True, order_by="pk")
    by = TextColumn("By", accessor="by__username", default=SYSTEM)
    number = GoToColumn("Record", kind="record", url=lambda row: addresses.record_of_history(row.number))
    action = TextColumn("Action")
    note = NoteColumn("Note", orderable=False)

    def row_url(self, record: Any) -> str:
        return addresses.record_of_history(record.number)


@dataclass(frozen=True)
class HistoryEvent:
    """A line of a history that several records tell: documents, runs, and what was done to usage."""

    at: datetime
    by: str
    action: str
    subject: str
    url: str
    note: str = ""


class EventTable(BaseTable):
    """What documents, runs and people did to a lot or to a usage."""

    caption = "What was done, newest first"
    row_kind = "event"

    at = DateColumn("Date", with_time=True)
    by = TextColumn("By", default=SYSTEM)
    subject = GoToColumn("Where", kind="record", url=lambda event: event.url)
    action = TextColumn("Action")
    note = NoteColumn("Note")

    def row_url(self, record: Any) -> str:
        return str(record.url)


def history_exists(number: str) -> bool:
    return number != "" and RecordHistory.objects.filter(number=number).exists()


def history_section(number: str) -> Section:
    """What people did to the document of this number, or to what has this `history_name`. One query."""
    rows = list(RecordHistory.objects.filter(number=number).select_related("by").order_by("-pk")[: ROWS_SHOWN + 1])
    if not rows:
        return NOTHING_NOTED
    return Section(
        "History",
        table=HistoryTable(rows[:ROWS_SHOWN]),
        note=f"The newest {ROWS_SHOWN}." if len(rows) > ROWS_SHOWN else "",
        all_url=addresses.history_of(number) if len(rows) > ROWS_SHOWN else "",
        all_label="All of it",
    )


def events_of(lines: QuerySet[RecordHistory]) -> list[HistoryEvent]:
    """The newest of these lines of history, one more than are shown. One query."""
    newest = lines.select_related("by").order_by("-pk")[: ROWS_SHOWN + 1]
    return [
        HistoryEvent(
            line.at,
            line.by.username if line.by else "",
            line.action,
            line.number,
            addresses.record_of_history(line.number),
            line.note,
        )
        for line in newest
    ]


def merged_section(
    events: Iterable[HistoryEvent], *, note: str = "", all_url: str = "", all_label: str = ""
) -> Section:
    """The newest of what several sources tell; each gave one more than are shown."""
    found: Sequence[HistoryEvent] = sorted(events, key=lambda event: event.at, reverse=True)
    if not found:
        return NOTHING_NOTED
    more = f"The newest {ROWS_SHOWN}." if len(found) > ROWS_SHOWN else ""
    return Section(
        "History",
        table=EventTable(found[:ROWS_SHOWN]),
        note=" ".join(filter(None, [note, more])),
        all_url=all_url,
        all_label=all_label,
    )
