"""The tables of the import pages."""

from typing import Any

from inventory_site.tables import BaseTable, CountColumn, DateColumn, GoToColumn, StatusColumn, TextColumn
from reconciliation.models import ImportJob


class ImportJobTable(BaseTable):
    """Earlier imports: who, when, what came of it."""

    caption = "Earlier imports"
    row_kind = "import"

    pk = GoToColumn("Import", kind="import")
    state = StatusColumn("State")
    files = TextColumn("Files", accessor="pk")
    rows_new = CountColumn("New rows", accessor="rows_new")
    error_count = CountColumn("Errors")
    uploaded_by = TextColumn("Uploaded by", accessor="uploaded_by__username")
    uploaded_at = DateColumn("Uploaded", with_time=True)

    def render_state(self, record: ImportJob, column: Any, bound_column: Any) -> str:
        return str(column.render(record.get_state_display(), record, bound_column))

    def render_files(self, record: ImportJob) -> str:
        return ", ".join(file.original_name for file in record.files.all())

    def row_name(self, record: ImportJob) -> str:
        return f"import {record.pk}"


class ImportFileTable(BaseTable):
    """What became of each file."""

    caption = "Uploaded files"

    kind = TextColumn("Kind", accessor="get_kind_display")
    original_name = TextColumn("File")
    size = CountColumn("Bytes")
    rows = CountColumn("Rows")
    rows_new = CountColumn("New")
    rows_present = CountColumn("Already there")
    error_count = CountColumn("Errors")

    def row_url(self, record: Any) -> str:
        return ""


class ImportErrorTable(BaseTable):
    """What is wrong, by file, row and column."""

    caption = "What is wrong, by file and row"

    file = TextColumn("File")
    row = CountColumn("Row")
    column = TextColumn("Column")
    value = TextColumn("Value")
    message = TextColumn("What is wrong")

    def row_url(self, record: Any) -> str:
        return ""
