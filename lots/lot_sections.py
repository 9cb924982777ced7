"""The sections of a lot's page, in the order and the words of the guides.

The figure that drives the cost is bold: what was ordered while the purchase order is open, what was purchased once it
is closed.
"""

from decimal import Decimal
from typing import Any, Final

from django.db.models import F, Sum, Window

from inventory_site.details import Fact, FigureRow, Figures, Section
from inventory_site.listing import EmptyState
from inventory_site.tables import BaseTable, DateColumn, GoToColumn, MoneyColumn, QuantityColumn, TextColumn
from lots import addresses
from lots.costing import to_cents
from lots.lot_costs import quantity_due
from lots.models import DocumentStatus, InventoryLot, LotCostEvent, LotType, PurchaseOrder, PurchaseOrderLine
from lots.purchase_figures import figures_of

QUANTITY_AND_VALUE: Final = (("Quantity", "quantity"), ("Value", "money"))
EVENTS_SHOWN: Final = 50
ZERO: Final = Decimal(0)
DRIVING: Final = "Where the cost comes from"


def purchase_order_of(lot: InventoryLot) -> PurchaseOrder | None:
    """The purchase order whose line made the lot."""
    line = getattr(lot, "purchase_order_line", None)
    return line.purchase_order if line is not None else None


def general(lot: InventoryLot) -> Section:
    code, office, order = lot.code, lot.office, purchase_order_of(lot)
    is_released = lot.lot_type == LotType.PRODUCTION and lot.quantity_current > 0
    bought = (
        (
            Fact("Purchase order", order.number, url=order.get_absolute_url(), url_kind="purchase order"),
            Fact("Vendor", order.vendor),
        )
        if order
        else ()
    )
    return Section(
        "General Info",
        note="Released into general inventory." if is_released else "",
        facts=(
            Fact("Type", lot.get_lot_type_display()),
            Fact(
                "Transaction ID",
                lot.source_number,
                url=addresses.everything_from(lot.source_number),
                url_kind="transaction",
            ),
            *bought,
            Fact("First received", lot.first_received_at, "moment"),
            Fact("Office", office, url=office.get_absolute_url() if office else "", url_kind="office"),
            Fact("Code", code, url=code.get_absolute_url(), url_kind="code", hint=code.description),
            Fact("Parent order", lot.parent_order, url=addresses.order_page(lot.parent_order), url_kind="order"),
            Fact("Serialized", code.is_serialized, "flag", hint="From the code"),
            Fact("Track by manufacturer lot", code.is_tracked_by_manufacturer_lot, "flag", hint="From the code"),
        ),
    )


def ordered_purchased(lot: InventoryLot) -> Section:
    """Ordered at the order's unit cost, and what vendors billed: bold where the cost comes from."""
    order = purchase_order_of(lot)
    is_final = lot.is_cost_final
    purchased = lot.quantity_purchased or lot.value_purchased
    rows = [
        FigureRow(
            "Ordered",
            (lot.quantity_ordered, to_cents(lot.quantity_ordered * lot.unit_cost_ordered) if order else None),
            is_driving=order is not None and not is_final,
            hint=DRIVING if order is not None and not is_final else "",
        ),
        FigureRow(
            "Purchased",
            (lot.quantity_purchased, lot.value_purchased) if order else (None, None),
            is_driving=order is not None and is_final,
            hint=DRIVING if order is not None and is_final else "",
        ),
    ]
    if lot.value_freight:
        rows.append(FigureRow("Freight", (None, lot.value_freight), is_driving=is_final, hint="Landed on these goods"))
    if lot.quantity_credited or lot.value_credited:
        rows.append(FigureRow("Credited", (-lot.quantity_credited, -lot.value_credited), hint="Returned to the vendor"))
    note = ""
    if order is None:
        note = "It was not bought by a purchase order: its value was known when it was recorded."
    elif not purchased:
        note = "No vendor invoice has come yet."
    return Section("Ordered / Purchased", note=note, figures=Figures("Ordered and purchased", QUANTITY_AND_VALUE, rows))


def ordered_received(lot: InventoryLot) -> Section:
    line: PurchaseOrderLine | None = getattr(lot, "purchase_order_line", None)
    ordered = to_cents(lot.quantity_ordered * lot.unit_cost_ordered) if line else None
    rows = [
        FigureRow("Ordered", (lot.quantity_ordered, ordered)),
        FigureRow(
            "Received",
            (lot.quantity_received, lot.value),
            is_driving=line is None,
            hint=DRIVING if line is None else "",
        ),
    ]
    if lot.quantity_returned:
        rows.append(FigureRow("Returned", (lot.quantity_returned, None), hint="Went back to the vendor"))
    if line is not None:
        figures = figures_of(lot)
        if figures.grown or figures.value_grown:
            hint = "Of what is received: into this lot, past its purchase order"
            rows.append(FigureRow("Added by adjustments", (figures.grown, figures.value_grown), hint=hint))
    if line is not None and line.purchase_order.status == DocumentStatus.OPEN:
        due = quantity_due(line)
        rows.append(FigureRow("Still due", (due, to_cents(due * lot.unit_cost_ordered))))
    return Section("Ordered / Received", figures=Figures("Ordered and received", QUANTITY_AND_VALUE, rows))


def accrued(lot: InventoryLot) -> Section:
    """What is carried and not billed yet; below zero while an open order is billed at more than it is carried at."""
    value = lot.value_clearing
    billed = lot.quantity_purchased - lot.quantity_credited
    rows = [
        FigureRow("Received", (lot.quantity_received, lot.value)),
        FigureRow("Purchased", (billed, lot.value_payable), hint="Billed by vendors, freight included"),
    ]
    if lot.value_other:
        rows.append(FigureRow("Elsewhere", (None, lot.value_other), hint="Opening balance, adjustment or variance"))
    hint = "More billed than carried while the order is open" if value < 0 and not lot.is_cost_final else ""
    rows.append(FigureRow("Accrued", (None, value), is_total=True, hint=hint))
    return Section("Accrued Inventory", figures=Figures("Received, purchased and accrued", QUANTITY_AND_VALUE, rows))


def estimated_produced(lot: InventoryLot) -> Section:
    rows = (
        FigureRow("Estimated", (lot.quantity_ordered, None)),
        FigureRow("Produced", (lot.quantity_received, lot.value), is_driving=True, hint=DRIVING),
    )
    return Section("Estimated / Produced", figures=Figures("Estimated and produced", QUANTITY_AND_VALUE, rows))


def current(came_in: str, lot: InventoryLot, value_current: Decimal) -> Section:
    """Used is drawn from the lot, net of what was given back; a return can give back no more than that."""
    unit_cost = lot.value / lot.quantity_received if lot.quantity_received else None
    return Section(
        "Current Inventory",
        figures=Figures(
            f"{came_in}, used and current",
            QUANTITY_AND_VALUE,
            (
                FigureRow(came_in, (lot.quantity_received, lot.value)),
                FigureRow(
                    "Used",
                    (lot.quantity_used, lot.value_used),
                    hint="The give-back limit: returns can put back this much and no more",
                ),
                FigureRow("Current", (lot.quantity_current, value_current), is_total=True),
            ),
        ),
        facts=(
            Fact(
                "Unit cost",
                unit_cost,
                "unit_cost",
                hint="Value / quantity, rounded for show",
                is_estimated=not lot.is_cost_final,
            ),
        ),
    )


class CostEventTable(BaseTable):
    """Each change of what a lot received and cost."""

    caption = "History of its cost"

    at = DateColumn("Date")
    kind = TextColumn("What happened")
    source_number = GoToColumn(
        "Transaction ID", kind="transaction", url=lambda event: addresses.everything_from(event.source_number)
    )
    quantity = QuantityColumn("Quantity")
    value = MoneyColumn("Value")
    value_payable = MoneyColumn("Billed")
    value_other = MoneyColumn("Elsewhere")
    running = MoneyColumn("Value after it")
    dated = DateColumn("Counts on")

    def row_url(self, record: Any) -> str:
        return addresses.everything_from(record.source_number)


def history_of_cost(lot: InventoryLot) -> Section:
    """The newest changes of what it received and cost; they add up to its value."""
    events = LotCostEvent.objects.filter(lot=lot).annotate(running=Window(Sum(F("value")), order_by="pk"))
    rows = list(events.order_by("-pk")[: EVENTS_SHOWN + 1])
    empty = EmptyState("Nothing was received yet", "Receipts, invoices and freight stand here with what they changed.")
    return Section(
        "History of Cost",
        note=f"The newest {EVENTS_SHOWN}." if len(rows) > EVENTS_SHOWN else "",
        table=CostEventTable(rows[:EVENTS_SHOWN][::-1], empty=empty),
    )
