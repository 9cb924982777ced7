"""Per kind of document: what belongs to its header, what its rows are compared with, and which verbs record it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError

from inventory_site.document_forms import LineError
from lots.costing import spread
from lots.invoicing import purchase_post, purchase_save
from lots.lot_costs import quantity_due, quantity_kept
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
from reconciliation.importing import document_records as records
from reconciliation.importing import job_files
from reconciliation.importing.document_lines import ZERO, Shares, Values, order_lines, purchase_order_lines, shared_out
from usage.adjusting import adjustment_post, adjustment_save
from usage.demand import due, net_shipped
from usage.models import AdjustmentLine, InventoryAdjustment, Job, OrderLine, Shipment
from usage.ordering import order_open, order_save
from usage.production import job_open, job_save
from usage.shipping import can_leave, return_receive, shipment_save, shipment_ship
from usage.vendor_returns import vendor_return_post

Recorder = Callable[[str, Sequence[Values], User | None, datetime], None]
NOTHING = "Nothing was recorded."


@dataclass(frozen=True, slots=True)
class Reader:
    """`there` gives a recorded document as the rows of a file would, None where there is none of that number.

    `added`: columns that are compared in sum, because a row may become several lines. `as_recorded` says a row as its
    verb will record it.
    """

    header: tuple[str, ...]
    there: Callable[[str], list[dict[str, Any]] | None] | None
    record: Recorder
    added: tuple[str, ...] = ()
    as_recorded: Callable[[Values], Values] = dict
    # Of documents without a number: what identifies them, and what is recorded of one, by its first row.
    identity: Callable[[Values], str] | None = None
    there_of: Callable[[Values], list[dict[str, Any]] | None] | None = None

    def recorded(self, number: str, first: Values) -> list[dict[str, Any]] | None:
        if self.there_of is not None:
            return self.there_of(first)
        return self.there(number) if self.there is not None else None

    def what_differs(self, said: Sequence[Values], recorded: Sequence[Values]) -> str:
        """Say in what the rows of a file differ from what is recorded, or ""."""
        ours = [self.as_recorded(row) for row in said]
        return records.what_differs(ours, recorded, header=self.header, added=self.added)


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
    kind = _choice(first["kind"], Receipt.Kind.values, Receipt.Kind.INCOMING)
    is_return = kind == Receipt.Kind.OUTGOING_RETURN
    shares = shared_out(lines, purchase_order_lines, _room_to_return if is_return else _room_to_receive)
    with shares.placed():
        receipt = receipt_save(
            receipt=None,
            purchase_order=order,
            kind=kind,
            received_at=_moment(first["date"]),
            reference="",
            is_replacement_expected=_choice(first["replacement"], ("YES", "NO"), "NO") == "YES",
            lines=[
                {
                    "purchase_order_line": share.line,
                    "quantity": share.quantity,
                    "manufacturer_lot": lines[share.place]["manufacturer_lot"] or "",
                    "serials": share.serials,
                }
                for share in shares.all
            ],
            by=by,
            at=now,
            number=number,
        )
        (vendor_return_post if is_return else receipt_post)(receipt=receipt, by=by, at=now)


def _room_to_receive(line: PurchaseOrderLine, _: Values) -> Decimal:
    return quantity_due(line)


def _room_to_return(line: PurchaseOrderLine, _: Values) -> Decimal:
    return quantity_kept(line.lot) if line.lot is not None else ZERO


def _record_purchase(number: str, lines: Sequence[Values], by: User | None, now: datetime) -> None:
    first = lines[0]
    shares = shared_out(lines, purchase_order_lines, _room_to_bill)
    values = _values(lines, shares)
    with shares.placed():
        purchase = purchase_save(
            purchase=None,
            vendor=first["vendor"],
            invoice_number=first["invoice"] or "",
            invoiced_at=_moment(first["date"]),
            freight=_number(first["freight"]) or Decimal(0),
            freight_by=_choice(first["freight_by"], Purchase.FreightBy.values, Purchase.FreightBy.VALUE),
            lines=[
                {"purchase_order_line": share.line, "quantity": share.quantity, "value": value}
                for share, value in zip(shares.all, values, strict=True)
            ],
            by=by,
            at=now,
            number=number,
        )
        # What went back may not be in the files at all; nor is anybody here to be asked.
        purchase_post(purchase=purchase, by=by, at=now, is_over_credit_accepted=True)


def _room_to_bill(line: PurchaseOrderLine, row: Values) -> Decimal:
    if line.lot is None:
        return ZERO
    billed = line.lot.quantity_purchased - line.lot.quantity_credited
    return billed if Decimal(row["quantity"]) < 0 else line.quantity - billed


def _values(lines: Sequence[Values], shares: Shares[PurchaseOrderLine]) -> list[Decimal]:
    """The value of each row, spread over its shares by their quantities."""
    values: list[Decimal] = []
    for place, line in enumerate(lines):
        value = Decimal(line["value"])
        weights = [abs(share.quantity) for share in shares.all if share.place == place]
        values += [part.copy_sign(value) for part in spread(abs(value), weights)]
    return values


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
    is_return = kind == Shipment.Kind.INCOMING_RETURN
    shares = shared_out(lines, order_lines, _room_to_take_back if is_return else _room_to_ship)
    with shares.placed():
        shipment = shipment_save(
            shipment=None,
            kind=kind,
            shipped_at=_moment(first["date"]),
            office=_office(first["office"]),
            lines=[
                {
                    "order_line": share.line,
                    "quantity": share.quantity,
                    "manufacturer_lot": lines[share.place]["manufacturer_lot"] or "",
                    "serials": share.serials,
                }
                for share in shares.all
            ],
            by=by,
            at=now,
            number=number,
        )
        (return_receive if is_return else shipment_ship)(shipment=shipment, by=by, at=now)


def _room_to_ship(line: OrderLine, _: Values) -> Decimal:
    return min(due(line), can_leave(line))


def _room_to_take_back(line: OrderLine, _: Values) -> Decimal:
    return net_shipped(line)


def _record_job(number: str, lines: Sequence[Values], by: User | None, now: datetime) -> None:
    first = lines[0]
    parent = Job.objects.filter(number=first["parent"]).first() if first["parent"] else None
    if first["parent"] and parent is None:
        raise ValidationError(f'There is no job "{first["parent"]}". {NOTHING}')
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
        order_line=_line_to_make(first) if first["order"] else None,
        parent=parent,
        number=number,
    )
    job_open(job=job, by=by, at=_moment(first["date"]))


def _line_to_make(row: Values) -> OrderLine:
    """The first line of the product that no job is made for yet; the first at all where there is none."""
    lines = order_lines(row, 0, code="product")
    return next((line for line in lines if not line.jobs.exists()), lines[0])


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
def _ordered_on(values: Values) -> Values:
    """A purchase order has a day."""
    return {**values, "date": f"{_moment(values['date']):%Y-%m-%d}T00:00:00+00:00"}


def _kind_or(kind: str) -> Callable[[Values], Values]:
    return lambda values: {**values, "kind": values["kind"] or kind}


def _adjusted(values: Values) -> Values:
    """Only a transfer goes elsewhere; what differs from a count is worked out."""
    recorded = dict(values)
    is_transfer = values["type"].upper() == InventoryAdjustment.Type.TRANSFER
    if values["to_office"] is not None and not (is_transfer and values["to_office"] != values["office"]):
        recorded["to_office"] = ""
    if values["count"]:
        recorded["quantity"] = ""
    return recorded


READERS: Final[Mapping[str, Reader]] = {
    "purchase_orders": Reader(
        ("vendor", "office", "date", "reference"),
        records.purchase_order_rows,
        _record_purchase_order,
        as_recorded=_ordered_on,
    ),
    "receipts": Reader(
        ("kind", "purchase_order", "date", "replacement"),
        records.receipt_rows,
        _record_receipt,
        added=("quantity", "serials"),
        as_recorded=_kind_or(Receipt.Kind.INCOMING),
    ),
    "purchases": Reader(
        ("vendor", "invoice", "date", "freight", "freight_by"),
        records.purchase_rows,
        _record_purchase,
        added=("quantity", "value"),
    ),
    "orders": Reader(
        ("customer", "office", "department", "date", "reference"),
        records.order_rows,
        _record_order,
    ),
    "shipments": Reader(
        ("kind", "office", "date"),
        records.shipment_rows,
        _record_shipment,
        added=("quantity", "serials"),
        as_recorded=_kind_or(Shipment.Kind.OUTGOING),
    ),
    "jobs": Reader(
        ("product", "quantity", "office", "date", "reference", "order", "parent"),
        records.job_rows,
        _record_job,
    ),
    "job_consumption": Reader(
        ("job", "date"),
        None,
        job_files.record_consumption,
        added=("quantity", "serials"),
        identity=job_files.of_one_moment,
        there_of=job_files.consumption_rows,
    ),
    "job_output": Reader(
        ("job", "date"),
        job_files.output_rows,
        job_files.record_output,
    ),
    "job_costs": Reader(
        ("job", "date"),
        None,
        job_files.record_costs,
        as_recorded=job_files.cost_as_recorded,
        identity=job_files.of_one_moment,
        there_of=job_files.cost_rows,
    ),
    "adjustments": Reader(
        ("type", "date", "office", "to_office", "account", "description"),
        records.adjustment_rows,
        _record_adjustment,
        as_recorded=_adjusted,
    ),
}
