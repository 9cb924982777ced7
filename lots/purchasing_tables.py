"""Tables of the purchasing lists and of what stands on their pages."""

from collections.abc import Sequence
from typing import Any

from django.urls import reverse

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
    UnitCostColumn,
)
from inventory_site.templatetags import display
from lots import addresses
from lots.models import PostingStatus, Purchase, PurchaseOrder, PurchaseOrderLine, Receipt
from lots.tables import ShortTextColumn, code_column, source_actions


class PercentColumn(QuantityColumn):
    """85 %."""

    def render(self, value: Any) -> str:
        return f"{display.quantity(value)} %"


def purchase_order_column(accessor: str = "purchase_order", **options: Any) -> GoToColumn:
    return GoToColumn(
        "Purchase Order",
        accessor=f"{accessor}__number",
        kind="purchase order",
        to=accessor,
        order_by=f"{accessor}_id",
        **options,
    )


def _lot_column() -> GoToColumn:
    return GoToColumn("Lot", accessor="lot__number", kind="lot", to="lot", orderable=False)


# -- Lists -------------------------------------------------------------------------------------------
class PurchaseOrderTable(BaseTable):
    caption = "Purchase orders"
    row_kind = "purchase order"
    minor = ("office", "parent_order")

    number = GoToColumn("Purchase Order", kind="purchase order", order_by="pk")
    vendor = TextColumn("Vendor")
    ordered_on = DateColumn("Date")
    office = GoToColumn("Office", accessor="office__code", kind="office", to="office")
    parent_order = GoToColumn("Order", kind="order", url=lambda order: addresses.usage_of_order(order.parent_order))
    value_ordered = MoneyColumn("Ordered")
    percent_received = PercentColumn("Received %")
    value_purchased = MoneyColumn("Purchased")
    value_accrued = MoneyColumn("Accrued")
    status = StatusColumn("Status", dot=False)
    controls = RowActionsColumn(status="status")

    def row_actions(self, record: PurchaseOrder) -> Sequence[RowAction]:
        name = addresses.exactly(record.number)
        return (
            RowAction("Open", record.get_absolute_url()),
            RowAction("Incoming shipments", addresses.found_set("lots:receipts", purchase_order=name)),
            RowAction("Purchases", addresses.found_set("lots:purchases", orders=record.number)),
            RowAction("Lots", addresses.found_set("lots:lots", source_number=name)),
        )


class ReceiptTable(BaseTable):
    caption = "Incoming shipments and returns to vendors"
    row_kind = "shipment"
    minor = ("kind", "office", "reference")

    number = GoToColumn("Shipment", kind="shipment", order_by="pk")
    kind = ShortTextColumn("Kind")
    purchase_order = purchase_order_column()
    vendor = TextColumn("Vendor", accessor="purchase_order__vendor")
    received_at = DateColumn("Date")
    office = GoToColumn("Office", accessor="purchase_order__office__code", kind="office", to="purchase_order__office")
    reference = TextColumn("Ref #(s)")
    quantity = QuantityColumn("Quantity")
    value = MoneyColumn("At PO Cost")
    status = StatusColumn("Status", dot=False)
    controls = RowActionsColumn(status="status")

    def row_actions(self, record: Receipt) -> Sequence[RowAction]:
        order = record.purchase_order
        return (
            RowAction("Open", record.get_absolute_url()),
            RowAction(f"Purchase order {order}", order.get_absolute_url()),
            *source_actions(record.number if record.status != PostingStatus.PENDING else ""),
        )


class PurchaseTable(BaseTable):
    caption = "Purchases"
    row_kind = "purchase"
    minor = ("orders", "freight")

    number = GoToColumn("Purchase", kind="purchase", order_by="pk")
    vendor = TextColumn("Vendor")
    invoice_number = TextColumn("Invoice #")
    invoiced_at = DateColumn("Date")
    orders = TextColumn("Purchase Orders")
    value_goods = MoneyColumn("Goods")
    freight = MoneyColumn("Freight")
    value_total = MoneyColumn("Total")
    status = StatusColumn("Status", dot=False)
    controls = RowActionsColumn(status="status")

    def row_actions(self, record: Purchase) -> Sequence[RowAction]:
        return (RowAction("Open", record.get_absolute_url()),)


# -- On the page of an order -------------------------------------------------------------------------
class OrderItemTable(BaseTable):
    caption = "Items of this order"
    row_kind = "line"
    minor = ("description",)

    position = ShortTextColumn("#", orderable=False)
    code = code_column()
    description = TextColumn("Description", accessor="code__description", orderable=False)
    quantity = QuantityColumn("Ordered", orderable=False)
    unit_cost = UnitCostColumn("Unit Cost", orderable=False)
    value_ordered = MoneyColumn("Value", orderable=False)
    received = QuantityColumn("Received", orderable=False)
    due = QuantityColumn("Still Due", orderable=False)
    purchased = QuantityColumn("Purchased", orderable=False)
    value_accrued = MoneyColumn("Accrued", orderable=False)
    lot = _lot_column()

    def row_url(self, record: PurchaseOrderLine) -> str:
        return record.lot.get_absolute_url() if record.lot else ""


class OrderLotTable(BaseTable):
    """The cost that stands, and what the documents say it will be."""

    caption = "Lots of this order, and their cost"
    row_kind = "lot"

    lot = _lot_column()
    code = code_column()
    quantity_received = QuantityColumn("Received", accessor="lot__quantity_received", orderable=False)
    quantity_used = QuantityColumn("Used", accessor="lot__quantity_used", orderable=False)
    value = MoneyColumn("Value", accessor="lot__value", orderable=False)
    unit_cost_now = UnitCostColumn("Unit Cost", orderable=False)
    value_closed = MoneyColumn("Value Once Closed", orderable=False)
    difference = MoneyColumn("Difference", orderable=False)
    cost = ShortTextColumn("Cost", orderable=False)

    def row_url(self, record: PurchaseOrderLine) -> str:
        return record.lot.get_absolute_url() if record.lot else ""


class ReceiptsOfOrderTable(ReceiptTable):
    class Meta(BaseTable.Meta):
        exclude = ("purchase_order", "vendor", "office", "controls")


class PurchasesOfOrderTable(PurchaseTable):
    class Meta(BaseTable.Meta):
        exclude = ("orders", "controls")


# -- Lines of shipments and purchases ----------------------------------------------------------------
class ReceiptLineTable(BaseTable):
    caption = "Lines of this document"
    row_kind = "line"

    position = ShortTextColumn("#", orderable=False)
    code = GoToColumn(
        "Code", accessor="purchase_order_line__code__code", kind="code", to="purchase_order_line__code", orderable=False
    )
    description = TextColumn("Description", accessor="purchase_order_line__code__description", orderable=False)
    quantity = QuantityColumn("Quantity", orderable=False)
    unit_cost = UnitCostColumn("Unit Cost", accessor="purchase_order_line__unit_cost", orderable=False)
    value = MoneyColumn("At PO Cost", orderable=False)
    manufacturer_lot = TextColumn("Manufacturer Lot", orderable=False)
    serials = TextColumn("Serial Numbers", orderable=False)
    lot = GoToColumn(
        "Lot", accessor="purchase_order_line__lot__number", kind="lot", to="purchase_order_line__lot", orderable=False
    )

    def render_serials(self, value: str) -> str:
        return ", ".join(value.split("\n"))

    def row_url(self, record: Any) -> str:
        return ""


class ReturnLineTable(ReceiptLineTable):
    """What the lot no longer held was taken from other lots."""

    quantity_short = QuantityColumn("Of It From Other Lots", orderable=False)

    class Meta(BaseTable.Meta):
        sequence = ("position", "code", "description", "quantity", "quantity_short", "...")


class PurchaseLineTable(BaseTable):
    caption = "Lines of this document"
    row_kind = "line"

    position = ShortTextColumn("#", orderable=False)
    purchase_order = purchase_order_column("purchase_order_line__purchase_order", orderable=False)
    code = GoToColumn(
        "Code", accessor="purchase_order_line__code__code", kind="code", to="purchase_order_line__code", orderable=False
    )
    description = TextColumn("Description", accessor="purchase_order_line__code__description", orderable=False)
    quantity = QuantityColumn("Quantity", orderable=False)
    value = MoneyColumn("Value", orderable=False)
    freight = MoneyColumn("+Freight", orderable=False)
    landed = MoneyColumn("Landed", orderable=False)
    unit_cost_landed = UnitCostColumn("Landed Unit Cost", orderable=False)
    unit_cost = UnitCostColumn("PO Unit Cost", accessor="purchase_order_line__unit_cost", orderable=False)
    lot = GoToColumn(
        "Lot", accessor="purchase_order_line__lot__number", kind="lot", to="purchase_order_line__lot", orderable=False
    )

    def row_url(self, record: Any) -> str:
        return ""


def purchase_order_action(name: str, order: PurchaseOrder) -> str:
    """The address of an action of an order."""
    return reverse(f"lots:purchase_order_{name}", args=[order.pk])
