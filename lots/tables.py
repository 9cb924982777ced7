"""Tables of this app's list pages; columns in the order of the guides."""

from collections.abc import Callable, Sequence
from typing import Any

from django.utils.html import format_html

from inventory_site.listing import Grouping
from inventory_site.tables import (
    BaseTable,
    CountColumn,
    DateColumn,
    GoToColumn,
    MoneyColumn,
    QuantityColumn,
    RowAction,
    RowActionsColumn,
    StatusColumn,
    TextColumn,
    UnitCostColumn,
)
from lots import addresses
from lots.models import InventoryLot, InventoryTransaction, LineItemCode


class ShortTextColumn(TextColumn):
    """One word of a few: as narrow as it is."""

    cell_class = "status-cell"


# -- Figures that lead to their records --------------------------------------------------------------
def figure_link(text: str, url: str, *, drill: str, meaning: str) -> str:
    """A figure as a link to the records it sums up; List Totals of the column `drill` there are this figure."""
    return format_html('<a href="{}" data-drill="{}" title="{}">{}</a>', url, drill, meaning, text) if url else text


class LeadsToRecords:
    """Mixed into a column of figures: `url` is asked of the row, `drill` names the total there that is the same."""

    def __init__(
        self, verbose_name: str, *, url: Callable[[Any], str], drill: str, meaning: str, **options: Any
    ) -> None:
        super().__init__(verbose_name, **options)  # type: ignore[call-arg]  # the column that this is mixed into
        self.url_of = url
        self.drill = drill
        self.meaning = meaning

    def render(self, value: Any, record: Any = None) -> str:
        text: str = super().render(value)  # type: ignore[misc]  # the column that this is mixed into
        # Totals are rendered without a record; a zero has no records to lead to.
        if record is None or not value:
            return text
        return figure_link(text, self.url_of(record), drill=self.drill, meaning=self.meaning)


class LinkedQuantityColumn(LeadsToRecords, QuantityColumn):
    """A quantity that leads to its records."""


class LinkedMoneyColumn(LeadsToRecords, MoneyColumn):
    """An amount that leads to its records."""


class LinkedCountColumn(LeadsToRecords, CountColumn):
    """A number of records that leads to them."""


# A click on the heading Code: a header per code, a sub-total over the whole group.
BY_CODE = Grouping(
    "code",
    "code_id",
    label=lambda row: row.code.code,
    description=lambda row: row.code.description,
    url=lambda row: row.code.get_absolute_url(),
    order=("code__code",),
)


def transaction_id_column() -> GoToColumn:
    """Leads to the document, or to everything that names the transaction ID."""
    return GoToColumn(
        "Transaction ID",
        accessor="source_number",
        kind="transaction",
        url=lambda record: addresses.everything_from(record.source_number),
    )


def office_column() -> GoToColumn:
    return GoToColumn("Office", accessor="office__code", kind="office", to="office")


def code_column() -> GoToColumn:
    return GoToColumn("Code", accessor="code__code", kind="code", to="code")


def code_actions(code: LineItemCode) -> tuple[RowAction, ...]:
    """What a row's menu offers about its code."""
    return (
        RowAction(f"Code {code.code}", code.get_absolute_url()),
        RowAction(f"All usage of {code.code}", addresses.usage_of_code(code.code)),
        RowAction(f"All lots of {code.code}", addresses.lots_of_code(code.code)),
        RowAction(f"All transactions of {code.code}", addresses.transactions_of_code(code.code)),
    )


def source_actions(source_number: str) -> tuple[RowAction, ...]:
    if not source_number:
        return ()
    return (RowAction(f"Everything from {source_number}", addresses.records_from(source_number)),)


# -- Lists -------------------------------------------------------------------------------------------
class OfficeTable(BaseTable):
    caption = "Offices"
    row_kind = "office"

    code = GoToColumn("Office", kind="office")
    name = TextColumn("Name")
    controls = RowActionsColumn()


class CodeTable(BaseTable):
    caption = "Line item codes"
    row_kind = "code"
    minor = ("record_type", "open_count")

    code = GoToColumn("Code", kind="code")
    description = TextColumn("Description")
    record_type = ShortTextColumn("Type")
    status = StatusColumn("Status", dot=False)
    est_unit_cost = UnitCostColumn("Est Unit Cost")
    on_hand = LinkedQuantityColumn(
        "On Hand",
        url=lambda row: addresses.transactions_of_code(row.code),
        drill="on_hand",
        meaning="Transactions that make up On Hand",
    )
    in_lots = LinkedQuantityColumn(
        "In Lots",
        url=lambda row: addresses.lots_of_code(row.code),
        drill="quantity_current",
        meaning="Lots of this code",
    )
    unallocated = LinkedQuantityColumn(
        "Unallocated",
        url=lambda row: addresses.usage_of_code(row.code, quick="open"),
        drill="unallocated",
        meaning="Open usage of this code",
    )
    value = LinkedMoneyColumn(
        "~ Value",
        estimated=True,
        url=lambda row: addresses.lots_of_code(row.code),
        drill="value_current",
        meaning="Lots of this code",
    )
    open_count = LinkedCountColumn(
        "Open Usages",
        url=lambda row: addresses.usage_of_code(row.code, quick="open"),
        drill="count",
        meaning="Open usage of this code",
    )
    controls = RowActionsColumn(status="status")

    def row_actions(self, record: LineItemCode) -> Sequence[RowAction]:
        return (RowAction("Open", record.get_absolute_url()), *code_actions(record)[1:])


class LotTable(BaseTable):
    caption = "Inventory lots"
    row_kind = "lot"
    minor = ("lot_type", "office", "parent_order", "quantity_ordered", "quantity_used", "unit_cost")

    number = GoToColumn("Lot", kind="lot", order_by="pk")
    lot_type = ShortTextColumn("Type")
    code = code_column()
    source_number = transaction_id_column()
    first_received_at = DateColumn("Date")
    office = office_column()
    parent_order = GoToColumn("Order", kind="order", url=lambda lot: addresses.order_page(lot.parent_order))
    quantity_ordered = QuantityColumn("Ordered")
    quantity_received = QuantityColumn("Received")
    quantity_used = QuantityColumn("Used")
    quantity_current = QuantityColumn("Current")
    unit_cost = UnitCostColumn("Unit Cost")
    value_current = MoneyColumn("~ Current Value", estimated=True)
    status = StatusColumn("Status", dot=False)
    controls = RowActionsColumn(status="status")

    def row_actions(self, record: InventoryLot) -> Sequence[RowAction]:
        return (
            RowAction("Open", record.get_absolute_url()),
            RowAction("Inventory COGS", f"{record.get_absolute_url()}#inventory-cogs"),
            *code_actions(record.code),
            *source_actions(record.source_number),
        )


class TransactionTable(BaseTable):
    caption = "Inventory transactions"
    row_kind = "transaction"
    minor: Sequence[str] = ("office",)

    number = GoToColumn("Transaction", accessor="pk", kind="transaction", to="")
    code = code_column()
    source_number = transaction_id_column()
    at = DateColumn("Date")
    office = office_column()
    lot = GoToColumn("Lot", accessor="lot__number", kind="lot", to="lot", order_by=("lot", "pk"))
    on_order = QuantityColumn("On Order")
    demand = QuantityColumn("Demand")
    on_hand = QuantityColumn("On Hand")
    controls = RowActionsColumn()

    def row_actions(self, record: InventoryTransaction) -> Sequence[RowAction]:
        return (
            RowAction("Open", record.get_absolute_url()),
            *code_actions(record.code),
            *source_actions(record.source_number),
        )


class RunningTransactionTable(TransactionTable):
    """With the balances of the code right after each movement: shown where one code's ledger can be read down."""

    # One code's movements stand together: its name is above them, or in the search.
    minor = ("code", "office", "lot")

    running_on_order = QuantityColumn("On Order Bal.", accessor="running__on_order", orderable=False)
    running_demand = QuantityColumn("Demand Bal.", accessor="running__demand", orderable=False)
    running_on_hand = QuantityColumn("On Hand Bal.", accessor="running__on_hand", orderable=False)

    class Meta(BaseTable.Meta):
        sequence = ("...", "controls")


# -- Related tables of detail pages ------------------------------------------------------------------
class LotsOfCodeTable(LotTable):
    """On a code's page: what it has, newest first."""

    class Meta(BaseTable.Meta):
        exclude = ("code", "parent_order", "quantity_ordered", "controls")


class TransactionsOfCodeTable(RunningTransactionTable):
    """On a code's page."""

    class Meta(BaseTable.Meta):
        exclude = ("code", "controls")


class LotsOfSourceTable(LotTable):
    """Below a transaction ID."""

    class Meta(BaseTable.Meta):
        exclude = ("source_number", "parent_order", "controls")


class TransactionsOfSourceTable(TransactionTable):
    """Below a transaction ID."""

    class Meta(BaseTable.Meta):
        exclude = ("source_number", "controls")
