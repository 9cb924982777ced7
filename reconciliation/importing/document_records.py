"""What is recorded of a document, in the words of its file: so that a file which says something else is found out."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final

from django.db.models import F, Sum
from django.db.models.functions import Coalesce

from inventory_site.fields import QuantityField
from lots.models import Account, Office, Purchase, PurchaseOrder, Receipt
from usage.models import AdjustmentLine, InventoryAdjustment, Job, Order, OrderLine, Shipment

Row = dict[str, Any]
Rows = list[Row]

NUMBERS: Final = frozenset(
    {"quantity", "unit_cost", "freight", "value", "component_quantity", "count", "line", "amount"}
)
# What an empty cell stands for.
_EMPTY: Final[Mapping[str, str]] = {
    "freight_by": Purchase.FreightBy.VALUE,
    "supply": OrderLine.Supply.STOCK,
    "role": AdjustmentLine.Role.PLAIN,
    "replacement": "NO",
    "backflush": "NO",
}
_CHOICES: Final = frozenset({*_EMPTY, "kind", "type"})
NOT_SAID: Final = object()


# -- Compared ------------------------------------------------------------------------------------------
def what_differs(
    said: Sequence[Mapping[str, Any]],
    recorded: Sequence[Mapping[str, Any]],
    *,
    header: Sequence[str],
    added: Sequence[str],
) -> str:
    """Say in which columns the rows of a file differ from what is recorded of their document, or "".

    Only what the file says is compared: a column that it leaves out is not. Rows may stand in any order; the columns in
    `added` are summed where all else of several rows is the same, because one row may have become two lines.
    """
    ours = [{name: comparable(name, value) for name, value in row.items()} for row in said]
    theirs = [{name: comparable(name, value) for name, value in row.items()} for row in recorded]
    if not theirs:
        return "with other lines"
    is_said = [name for name in theirs[0] if all(row[name] is not NOT_SAID for row in ours)]
    differing = [name for name in header if name in is_said and ours[0][name] != theirs[0][name]]
    if not differing:
        names = [name for name in is_said if name not in header]
        if _lines(ours, names, added) == _lines(theirs, names, added):
            return ""
        differing = [
            left
            for left in names
            if _lines(ours, rest := [name for name in names if name != left], added) == _lines(theirs, rest, added)
        ]
    if not differing:
        return "with other lines"
    words = ", ".join(name.replace("_", " ") for name in differing)
    return f"with another {words}" if differing[0] in header else f"with other lines: another {words}"


def comparable(name: str, value: Any) -> Any:
    """Give what a cell means, whether it was read or recorded. None was not said: the column is not there."""
    if value is None or (value == "" and name == "line"):
        return NOT_SAID
    if name == "serials":
        return tuple(sorted(part.strip() for part in str(value).replace("\n", ";").split(";") if part.strip()))
    if name in NUMBERS:
        return Decimal(value or 0) if value != "" or name == "freight" else value
    if name == "date":
        return value if isinstance(value, date) else datetime.fromisoformat(value)
    text = str(value).strip()
    return (text or _EMPTY.get(name, "")).upper() if name in _CHOICES else text


def _lines(rows: Sequence[Row], names: Sequence[str], added: Sequence[str]) -> Any:
    keys = [name for name in names if name not in added]
    if not added:
        return Counter(tuple(row[name] for name in keys) for row in rows)
    sums: dict[tuple[Any, ...], list[Any]] = {}
    for row in rows:
        key = tuple(row[name] for name in keys)
        before = sums.get(key)
        ours = [row[name] for name in names if name in added]
        sums[key] = [a + b for a, b in zip(before, ours, strict=True)] if before else ours
    return {key: [tuple(sorted(a)) if isinstance(a, tuple) else a for a in ours] for key, ours in sums.items()}


# -- Recorded ------------------------------------------------------------------------------------------
def _number(record: Account | Job | Order | None) -> str:
    return record.number if record is not None else ""


def _office(office: Office | None) -> str:
    return office.code if office is not None else ""


def purchase_order_rows(number: str) -> Rows | None:
    order = PurchaseOrder.objects.filter(number=number).select_related("office").first()
    if order is None:
        return None
    day = order.ordered_on
    header = {
        "vendor": order.vendor,
        "office": _office(order.office),
        "date": datetime(day.year, day.month, day.day, tzinfo=UTC),
        "reference": order.reference,
    }
    lines = order.lines.values_list("code__code", "quantity", "unit_cost")
    return [{**header, "code": code, "quantity": quantity, "unit_cost": cost} for code, quantity, cost in lines]


def receipt_rows(number: str) -> Rows | None:
    receipt = Receipt.objects.filter(number=number).select_related("purchase_order").first()
    if receipt is None:
        return None
    header = {
        "kind": receipt.kind,
        "purchase_order": receipt.purchase_order.number,
        "date": receipt.received_at,
        "replacement": "YES" if receipt.is_replacement_expected else "NO",
    }
    return [
        {
            **header,
            "line": line.purchase_order_line.position,
            "code": line.purchase_order_line.code.code,
            "quantity": line.quantity,
            "manufacturer_lot": line.manufacturer_lot,
            "serials": line.serials,
        }
        for line in receipt.lines.select_related("purchase_order_line__code")
    ]


def purchase_rows(number: str) -> Rows | None:
    purchase = Purchase.objects.filter(number=number).first()
    if purchase is None:
        return None
    header = {
        "vendor": purchase.vendor,
        "invoice": purchase.invoice_number,
        "date": purchase.invoiced_at,
        "freight": purchase.freight,
        "freight_by": purchase.freight_by,
    }
    return [
        {
            **header,
            "purchase_order": line.purchase_order_line.purchase_order.number,
            "line": line.purchase_order_line.position,
            "code": line.purchase_order_line.code.code,
            "quantity": line.quantity,
            "value": line.value,
        }
        for line in purchase.lines.select_related("purchase_order_line__code", "purchase_order_line__purchase_order")
    ]


def order_rows(number: str) -> Rows | None:
    order = Order.objects.filter(number=number).select_related("office").first()
    if order is None:
        return None
    header = {
        "customer": order.customer,
        "office": _office(order.office),
        "department": order.department,
        "date": order.ordered_at,
        "reference": order.reference,
    }
    # As it was ordered: returns may have lowered it since.
    returned = Coalesce(Sum("shipment_lines__quantity_reduced"), 0, output_field=QuantityField())
    lines = order.lines.annotate(ordered=F("quantity") + returned).values_list("code__code", "ordered", "supply")
    return [{**header, "code": code, "quantity": quantity, "supply": supply} for code, quantity, supply in lines]


def shipment_rows(number: str) -> Rows | None:
    shipment = Shipment.objects.filter(number=number).select_related("office").first()
    if shipment is None:
        return None
    header = {"kind": shipment.kind, "office": _office(shipment.office), "date": shipment.shipped_at}
    return [
        {
            **header,
            "order": line.order_line.order.number,
            "line": line.order_line.position,
            "code": line.order_line.code.code,
            "quantity": line.quantity,
            "manufacturer_lot": line.manufacturer_lot,
            "serials": line.serials,
        }
        for line in shipment.lines.select_related("order_line__code", "order_line__order")
    ]


def job_rows(number: str) -> Rows | None:
    job = Job.objects.filter(number=number).select_related("code", "office", "parent", "order_line__order").first()
    if job is None:
        return None
    header = {
        "product": job.code.code,
        "quantity": job.quantity,
        "office": _office(job.office),
        "date": job.started_at,
        "reference": job.reference,
        "order": _number(job.order_line.order if job.order_line else None),
        "parent": _number(job.parent),
    }
    parts = job.components.values_list("code__code", "quantity")
    return [{**header, "component": code, "component_quantity": quantity} for code, quantity in parts]


def adjustment_rows(number: str) -> Rows | None:
    related = ("office", "to_office", "account")
    adjustment = InventoryAdjustment.objects.filter(number=number).select_related(*related).first()
    if adjustment is None:
        return None
    header = {
        "type": adjustment.adjustment_type,
        "date": adjustment.adjusted_at,
        "office": _office(adjustment.office),
        "to_office": _office(adjustment.to_office),
        "account": _number(adjustment.account),
        "description": adjustment.description,
    }
    return [
        {
            **header,
            "role": line.role,
            "code": line.code.code,
            "quantity": line.quantity if line.count is None else "",
            "count": "" if line.count is None else line.count,
            "unit_cost": "" if line.unit_cost is None else line.unit_cost,
            "bin": line.bin,
            "to_bin": line.to_bin,
            "manufacturer_lot": line.manufacturer_lot,
            "serials": line.serials,
        }
        for line in adjustment.lines.select_related("code")
    ]
