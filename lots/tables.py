"""Tables of this app's list pages; columns in the order of the guides."""

from inventory_site.tables import BaseTable, GoToColumn, RowActionsColumn, TextColumn


class OfficeTable(BaseTable):
    caption = "Offices"
    row_kind = "office"

    code = GoToColumn("Office", kind="office")
    name = TextColumn("Name")
    controls = RowActionsColumn()
