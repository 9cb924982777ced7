"""Per kind of document: what belongs to its header, how its lines are compared, and which verbs record it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError

from inventory_site.document_forms import LineError
from lots.invoicing import purchase_post, purchase_save
from lots.models import (
    Account,
    LineItemCode,
    Office,
    Purchase,
    PurchaseOrder,
    PurchaseOrderLine,
    Receipt,
)
from lots.purchasing import OrderedLine, purchase_order_open, purchase_order_save
from lots.receiving import receipt_post, receipt_save
from usage.adjusting import adjustment_post, adjustment_save
from usage.models import AdjustmentLine, InventoryAdjustment, Job, Order, OrderLine, Shipment
from usage.ordering import order_open, order_save
from usage.production import job_open, job_save
from usage.shipping import return_receive, shipment_save, shipment_ship

Values = Mapping[str, Any]
Recorder = Callable[[str, Sequence[Values], User | None, datetime], None]
NOTHING = "Nothing was recorded."


@dataclass(frozen=True, slots=True)
class Reader:
    """`lines_there` gives the comparable lines of a recorded document, None where there is none of that number."""

    header: tuple[str, ...]
    lines_there: Callable[[str], list[tuple[str, Decimal]] | None]
    lines_of: Callable[[Values], tuple[str, Decimal]]
    record: Recorder


# -- What a cell names ---------------------------------------------------------------------------------
def _code(name: str, place: int) -> LineItemCode:
    code = LineItemCode.objects.filter(code=name).first()
    if code is None:
        raise LineError(place, f'There is no line item code "{name}". {NOTHING}')
    return code


def _office(name: str | None) -> Office | None:
    return Office.objects.get_or_create(code=name)[0] if name else None


def _number(text: str | None) -> Decimal | None:
    return Decimal(text) if text else None


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _choice(value: str | None, choices: Sequence[str], default: str, place: int = 0) -> str:
    chosen = (value or default).upper()
    if chosen not in choices:
        raise LineError(place, f'"{value}" is none of {", ".join(choices)}. {NOTHING}')
    return chosen


def _serials(text: str | None) -> str:
    return "\n".join(part.strip() for part in (text or "").split(";") if part.strip())


def _purchase_order_line(number: str, code: str, place: int) -> PurchaseOrderLine:
    line = PurchaseOrderLine.objects.filter(purchase_order__number=number, code__code=code).order_by("pk").first()
    if line is None:
        raise LineError(place, f'There is no purchase order "{number}" with a line of {code}. {NOTHING}')
    return line


def _order_line(number: str, code: str, place: int) -> OrderLine:
    line = OrderLine.objects.filter(order__number=number, code__code=code).order_by("pk").first()
    if line is None:
        raise LineError(place, f'There is no order "{number}" with a line of {code}. {NOTHING}')
    return line


def _quantity_of(name: str, code: str = "code") -> Callable[[Values], tuple[str, Decimal]]:
    return lambda values: (values[code], Decimal(values[name] or 0))


# -- Verbs ---------------------------------------------------------------------------------------------
def _record_purchase_order(number: str, lines: Sequence[Values], by: User | None, now: datetime) -> None:
    first = lines[0]
    order = purchase_order_save(
        purchase_order=None,
        vendor=first["vendor"],
        office=_office(first["office"]),
        ordered_on=_moment(first["date"]).date(),
        reference=first["reference"] or "",
        lines=[
            OrderedLine(_code(line["code"], place), Decimal(line["quantity"]), Decimal(line["unit_cost"]))
            for place, line in enumerate(lines)
        ],
        by=by,
        at=now,
        number=number,
    )
    purchase_order_open(purchase_order=order, by=by, at=_moment(first["date"]))


def _record_receipt(number: str, lines: Sequence[Values], by: User | None, now: datetime) -> None:
    first = lines[0]
    order = PurchaseOrder.objects.filter(number=first["purchase_order"]).first()
    if order is None:
        raise ValidationError(f'There is no purchase order "{first["purchase_order"]}". {NOTHING}')
    receipt = receipt_save(
        receipt=None,
        purchase_order=order,
        kind=Receipt.Kind.INCOMING,
        received_at=_moment(first["date"]),
        reference="",
        lines=[
            {
                "purchase_order_line": _purchase_order_line(order.number, line["code"], place),
                "quantity": Decimal(line["quantity"]),
                "manufacturer_lot": line["manufacturer_lot"] or "",
                "serials": _serials(line["serials"]),
            }
            for place, line in enumerate(lines)
        ],
        by=by,
        at=now,
        number=number,
    )
    receipt_post(receipt=receipt, by=by, at=now)


def _record_purchase(number: str, lines: Sequence[Values], by: User | None, now: datetime) -> None:
    first = lines[0]
    purchase = purchase_save(
        purchase=None,
        vendor=first["vendor"],
        invoice_number=first["invoice"] or "",
        invoiced_at=_moment(first["date"]),
        freight=_number(first["freight"]) or Decimal(0),
        freight_by=_choice(first["freight_by"], Purchase.FreightBy.values, Purchase.FreightBy.VALUE),
        lines=[
            {
                "purchase_order_line": _purchase_order_line(line["purchase_order"], line["code"], place),
                "quantity": Decimal(line["quantity"]),
                "value": Decimal(line["value"]),
            }
            for place, line in enumerate(lines)
        ],
        by=by,
        at=now,
        number=number,
    )
    # Returns to vendors are not imported, so what a credit is for cannot be compared; nor is anybody here to be asked.
    purchase_post(purchase=purchase, by=by, at=now, is_over_credit_accepted=True)


def _record_order(number: str, lines: Sequence[Values], by: User | None, now: datetime) -> None:
    first = lines[0]
    order = order_save(
        order=None,
        customer=first["customer"],
        ordered_at=_moment(first["date"]),
        office=_office(first["office"]),
        department=first["department"] or "",
        reference=first["reference"] or "",
        lines=[
            {
                "code": _code(line["code"], place),
                "quantity": Decimal(line["quantity"]),
                "supply": _choice(line["supply"], OrderLine.Supply.values, OrderLine.Supply.STOCK, place),
            }
            for place, line in enumerate(lines)
        ],
        by=by,
        at=now,
        number=number,
    )
    order_open(order=order, by=by, at=_moment(first["date"]))


def _record_shipment(number: str, lines: Sequence[Values], by: User | None, now: datetime) -> None:
    first = lines[0]
    kind = _choice(first["kind"], Shipment.Kind.values, Shipment.Kind.OUTGOING)
    shipment = shipment_save(
        shipment=None,
        kind=kind,
        shipped_at=_moment(first["date"]),
        office=_office(first["office"]),
        lines=[
            {
                "order_line": _order_line(line["order"], line["code"], place),
                "quantity": Decimal(line["quantity"]),
                "manufacturer_lot": line["manufacturer_lot"] or "",
                "serials": _serials(line["serials"]),
            }
            for place, line in enumerate(lines)
        ],
        by=by,
        at=now,
        number=number,
    )
    (shipment_ship if kind == Shipment.Kind.OUTGOING else return_receive)(shipment=shipment, by=by, at=now)


def _record_job(number: str, lines: Sequence[Values], by: User | None, now: datetime) -> None:
    first = lines[0]
    job = job_save(
        job=None,
        code=_code(first["product"], 0),
        quantity=Decimal(first["quantity"]),
        office=_office(first["office"]),
        started_at=_moment(first["date"]),
        reference=first["reference"] or "",
        components=[
            {"code": _code(line["component"], place), "quantity": Decimal(line["component_quantity"])}
            for place, line in enumerate(lines)
        ],
        by=by,
        at=now,
        number=number,
    )
    job_open(job=job, by=by, at=_moment(first["date"]))


def _record_adjustment(number: str, lines: Sequence[Values], by: User | None, now: datetime) -> None:
    first = lines[0]
    account = Account.objects.filter(number=first["account"]).first() if first["account"] else None
    if first["account"] and account is None:
        raise ValidationError(f'There is no account "{first["account"]}". {NOTHING}')
    adjustment = adjustment_save(
        adjustment=None,
        adjustment_type=_choice(first["type"], InventoryAdjustment.Type.values, ""),
        adjusted_at=_moment(first["date"]),
        office=_office(first["office"]),
        to_office=_office(first["to_office"]),
        account=account,
        description=first["description"] or "",
        lines=[
            {
                "role": _choice(line["role"], AdjustmentLine.Role.values, AdjustmentLine.Role.PLAIN, place),
                "code": _code(line["code"], place),
                "quantity": _number(line["quantity"]),
                "count": _number(line["count"]),
                "unit_cost": _number(line["unit_cost"]),
                "bin": line["bin"] or "",
                "to_bin": line["to_bin"] or "",
                "manufacturer_lot": line["manufacturer_lot"] or "",
                "serials": _serials(line["serials"]),
            }
            for place, line in enumerate(lines)
        ],
        by=by,
        at=now,
        number=number,
    )
    adjustment_post(adjustment=adjustment, by=by, at=now)


# -- What is there already -----------------------------------------------------------------------------
def _lines_by(
    model: Any, lines: str, code: str, quantity: str = "quantity"
) -> Callable[[str], list[tuple[str, Decimal]] | None]:
    """Give a look-up of a document's lines by its number, as (code, quantity)."""

    def look(number: str) -> list[tuple[str, Decimal]] | None:
        record = model.objects.filter(number=number).first()
        if record is None:
            return None
        return [(name, amount or Decimal(0)) for name, amount in getattr(record, lines).values_list(code, quantity)]

    return look


def _adjusted(values: Values) -> tuple[str, Decimal]:
    """A count names what was counted, or what it differs by."""
    return values["code"], Decimal(values["quantity"] or values["count"] or 0)


def _adjusted_lines(number: str) -> list[tuple[str, Decimal]] | None:
    record = InventoryAdjustment.objects.filter(number=number).first()
    if record is None:
        return None
    rows = record.lines.values_list("code__code", "quantity", "count")
    return [(code, quantity if count is None else count) for code, quantity, count in rows]


READERS: Final[Mapping[str, Reader]] = {
    "purchase_orders": Reader(
        ("vendor", "office", "date", "reference"),
        _lines_by(PurchaseOrder, "lines", "code__code"),
        _quantity_of("quantity"),
        _record_purchase_order,
    ),
    "receipts": Reader(
        ("purchase_order", "date"),
        _lines_by(Receipt, "lines", "purchase_order_line__code__code"),
        _quantity_of("quantity"),
        _record_receipt,
    ),
    "purchases": Reader(
        ("vendor", "invoice", "date", "freight", "freight_by"),
        _lines_by(Purchase, "lines", "purchase_order_line__code__code"),
        _quantity_of("quantity"),
        _record_purchase,
    ),
    "orders": Reader(
        ("customer", "office", "department", "date", "reference"),
        _lines_by(Order, "lines", "code__code"),
        _quantity_of("quantity"),
        _record_order,
    ),
    "shipments": Reader(
        ("kind", "office", "date"),
        _lines_by(Shipment, "lines", "order_line__code__code"),
        _quantity_of("quantity"),
        _record_shipment,
    ),
    "jobs": Reader(
        ("product", "quantity", "office", "date", "reference"),
        _lines_by(Job, "components", "code__code"),
        _quantity_of("component_quantity", "component"),
        _record_job,
    ),
    "adjustments": Reader(
        ("type", "date", "office", "to_office", "account", "description"),
        _adjusted_lines,
        _adjusted,
        _record_adjustment,
    ),
}
