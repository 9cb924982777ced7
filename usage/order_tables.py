"""Tables of orders and shipments: their lists, and what stands on their pages."""

from collections.abc import Sequence
from typing import Any

from django.utils.html import format_html

from inventory_site.tables import (
    BaseTable,
    DateColumn,
    GoToColumn,
    QuantityColumn,
    RowAction,
    RowActionsColumn,
    StatusColumn,
    TextColumn,
)
from lots import addresses
from lots.tables import ShortTextColumn, code_column, office_column, source_actions
from usage.models import Order, Shipment


# -- Lists -------------------------------------------------------------------------------------------
class OrderTable(BaseTable):
    caption = "Orders"
    row_kind = "order"
    minor = ("office", "department", "reference")

    number = GoToColumn("Order", kind="order", order_by="pk")
    customer = TextColumn("Customer")
    ordered_at = DateColumn("Date")
    office = office_column()
    department = TextColumn("Department")
    reference = TextColumn("Ref #(s)")
    ordered = QuantityColumn("Ordered")
    shipped = QuantityColumn("Shipped")
    returned = QuantityColumn("Returned")
    demand = QuantityColumn("Demand")
    status = StatusColumn("Status", dot=False)
    controls = RowActionsColumn(status="status")

    def row_actions(self, record: Order) -> Sequence[RowAction]:
        shipped = addresses.found_set("usage:shipments", order=addresses.exactly(record.number))
        return (
            RowAction("Open", record.get_absolute_url()),
            RowAction(f"Shipments of order {record.number}", shipped),
            RowAction(f"All usage of order {record.number}", addresses.usage_of_order(record.number)),
        )


def _order_of(row: Any) -> str | None:
    """The only order of a shipment; of several none is the one."""
    return addresses.order_page(row.order) if row.order_count == 1 else None


class ShipmentTable(BaseTable):
    caption = "Shipments and returns"
    row_kind = "shipment"
    minor = ("office",)

    number = GoToColumn("Shipment", kind="shipment", order_by="pk")
    kind = ShortTextColumn("Kind")
    shipped_at = DateColumn("Date")
    office = office_column()
    order = GoToColumn("Order", kind="order", url=_order_of, orderable=False)
    reference = TextColumn("Ref #(s)")
    quantity = QuantityColumn("Quantity")
    status = StatusColumn("Status", dot=False)
    controls = RowActionsColumn(status="status")

    def value_order(self, value: str, record: Any) -> str:
        return value if record.order_count == 1 else f"{record.order_count} orders"

    def render_order(self, value: str, record: Any, column: GoToColumn) -> str:
        return column.render(value, record) if record.order_count == 1 else f"{record.order_count} orders"

    def row_actions(self, record: Shipment) -> Sequence[RowAction]:
        return (RowAction("Open", record.get_absolute_url()), *source_actions(record.number))


# -- On an order's page ------------------------------------------------------------------------------
class OrderItemsTable(BaseTable):
    """The lines, with where their codes stand now."""

    caption = "Items of this order"
    row_kind = "item"
    minor = ("description", "on_hand", "available")

    code = code_column()
    description = TextColumn("Description", accessor="code__description")
    supply = ShortTextColumn("Supply")
    quantity = QuantityColumn("Ordered")
    quantity_shipped = QuantityColumn("Shipped")
    quantity_returned = QuantityColumn("Returned")
    demand = QuantityColumn("Demand")
    due = QuantityColumn("Due")
    on_hand = QuantityColumn("On Hand")
    available = QuantityColumn("Available")

    def row_url(self, record: Any) -> str:
        return str(record.code.get_absolute_url())


class OfferColumn(TextColumn):
    """A link to what can be done for the row, or why it cannot: `offer` is asked of the row for (url, reason)."""

    def __init__(self, label: str, *, name: str) -> None:
        super().__init__(label, empty_values=(), orderable=False, exclude_from_export=True)
        self.label, self.name_of_offer = label, name

    def render(self, record: Any) -> str:
        url, reason = getattr(record, self.name_of_offer)
        if url:
            return format_html(
                '<a href="{}">{}<span class="visually-hidden"> for {}</span></a>',
                url,
                self.label,
                record.code,
            )
        return format_html('<span class="muted">{}</span>', reason)


class ProcurementTable(BaseTable):
    """What is bought or made for the lines."""

    caption = "Procurement and production for this order"
    row_kind = "item"

    code = code_column()
    supply = ShortTextColumn("Supply")
    purchase_order = GoToColumn("Purchase Order", kind="purchase order", url=lambda row: row.purchase_order_url)
    lot = GoToColumn("Lot", accessor="lot_made", kind="lot", to="lot_made")
    received = QuantityColumn("Received", accessor="lot_made__quantity_received")
    job = GoToColumn("Job", kind="job", url=lambda row: row.job_url)
    procure = OfferColumn("Procure", name="procurement")
    make = OfferColumn("Make", name="production")

    def row_url(self, record: Any) -> str:
        return ""


class ShippedTable(BaseTable):
    """Shipment lines of an order, the latest first."""

    caption = "Shipments and returns of this order"
    row_kind = "shipment"

    shipment = GoToColumn("Shipment", accessor="shipment__number", kind="shipment", to="shipment")
    kind = ShortTextColumn("Kind", accessor="shipment__kind")
    shipped_at = DateColumn("Date", accessor="shipment__shipped_at")
    code = GoToColumn("Code", accessor="order_line__code__code", kind="code", to="order_line__code")
    quantity = QuantityColumn("Quantity")
    status = StatusColumn("Status", accessor="shipment__status")

    def row_url(self, record: Any) -> str:
        return str(record.shipment.get_absolute_url())


# -- On a shipment's page ----------------------------------------------------------------------------
class ShipmentItemsTable(BaseTable):
    """The lines of a shipment."""

    caption = "Items of this shipment"
    row_kind = "item"

    order = GoToColumn("Order", accessor="order_line__order__number", kind="order", to="order_line__order")
    code = GoToColumn("Code", accessor="order_line__code__code", kind="code", to="order_line__code")
    description = TextColumn("Description", accessor="order_line__code__description")
    supply = ShortTextColumn("Supply", accessor="order_line__supply")
    quantity = QuantityColumn("Quantity")
    due = QuantityColumn("Due")
    manufacturer_lot = TextColumn("Manufacturer Lot")
    serials = TextColumn("Serial Numbers")

    def render_serials(self, value: str) -> str:
        return ", ".join(value.splitlines())

    def row_url(self, record: Any) -> str:
        return str(record.order_line.order.get_absolute_url())
