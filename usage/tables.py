"""Tables of this app's list pages; columns in the order of the guides."""

from collections.abc import Sequence

from inventory_site.tables import (
    BaseTable,
    DateColumn,
    GoToColumn,
    MoneyColumn,
    QuantityColumn,
    RowAction,
    RowActionsColumn,
    StatusColumn,
    TextColumn,
)
from lots import addresses
from lots.tables import code_actions, code_column, office_column, source_actions, transaction_id_column
from usage.models import InventoryUsage


class UsageTable(BaseTable):
    """Columns and their order to the letter of the guides; the row's controls at the end."""

    caption = "Inventory usage"
    row_kind = "usage"
    minor = ("office", "order", "reference", "accrued_cogs")

    number = GoToColumn("Usage", kind="usage", order_by="pk")
    code = code_column()
    source_number = transaction_id_column()
    used_at = DateColumn("Date")
    office = office_column()
    order = GoToColumn("Order", kind="order", url=lambda usage: addresses.order_page(usage.order))
    reference = TextColumn("Ref #(s)")
    quantity = QuantityColumn("Quantity")
    cogs = MoneyColumn("~ COGS", estimated=True)
    unallocated = QuantityColumn("Unallocated")
    accrued_cogs = MoneyColumn("Accrued COGS")
    status = StatusColumn("Status", dot=False)
    controls = RowActionsColumn(status="status")

    def row_actions(self, record: InventoryUsage) -> Sequence[RowAction]:
        order = addresses.usage_of_order(record.order)
        return (
            RowAction("Open", record.get_absolute_url()),
            RowAction("Inventory COGS", f"{record.get_absolute_url()}#inventory-cogs"),
            *code_actions(record.code),
            *source_actions(record.source_number),
            *((RowAction(f"All usage of order {record.order}", order),) if order else ()),
        )


class UsageOfSourceTable(UsageTable):
    """Below a transaction ID."""

    class Meta(BaseTable.Meta):
        exclude = ("source_number", "controls")


class ReturnsTable(UsageTable):
    """What returned a usage, on that usage's page."""

    class Meta(BaseTable.Meta):
        exclude = ("code", "order", "reference", "controls")
