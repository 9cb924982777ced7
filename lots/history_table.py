"""The section History of a document's page: who did what to it, newest first."""

from inventory_site.details import Section
from inventory_site.listing import EmptyState
from inventory_site.tables import BaseTable, DateColumn, TextColumn
from lots.models import RecordHistory

ROWS_SHOWN = 50


class HistoryTable(BaseTable):
    caption = "What was done, newest first"
    row_kind = "event"

    at = DateColumn("Date", with_time=True, orderable=False)
    by = TextColumn("By", accessor="by__username", orderable=False)
    action = TextColumn("Action", orderable=False)
    note = TextColumn("Note", orderable=False)


def history_exists(number: str) -> bool:
    return RecordHistory.objects.filter(number=number).exists()


def history_section(number: str) -> Section:
    """What people did to the document of this number. One query."""
    rows = list(RecordHistory.objects.filter(number=number).select_related("by").order_by("-pk")[: ROWS_SHOWN + 1])
    return Section(
        "History",
        table=HistoryTable(rows[:ROWS_SHOWN], empty=EmptyState("Nothing is noted yet")),
        note=f"The last {ROWS_SHOWN} entries." if len(rows) > ROWS_SHOWN else "",
    )
