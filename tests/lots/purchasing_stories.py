"""Short ways to tell a purchasing story over the real verbs. Text where people would write text."""

from collections.abc import Sequence
from decimal import Decimal

from django.db.models import Sum

from lots.invoicing import purchase_post, purchase_save
from lots.models import (
    InventoryLot,
    InventoryTransaction,
    LineItemCode,
    LotCostEvent,
    Purchase,
    PurchaseOrder,
    PurchaseOrderLine,
    Receipt,
    RecordHistory,
)
from lots.purchasing import OrderedLine, purchase_order_open, purchase_order_save
from lots.receiving import receipt_post, receipt_save
from tests.factories import day, make_code, make_office, reconcile
from tests.reconciliation.records import culprits


def order_of(*lines: tuple[str, str, str], office: str = "", is_open: bool = True, on_day: int = 1) -> PurchaseOrder:
    """Order lines of (code, quantity, unit cost), and open the order."""
    order = purchase_order_save(
        purchase_order=None,
        vendor="Acme",
        office=make_office(office),
        ordered_on=day(on_day).date(),
        reference="",
        lines=[OrderedLine(make_code(code), Decimal(quantity), Decimal(cost)) for code, quantity, cost in lines],
        by=None,
        at=day(on_day),
    )
    if is_open:
        purchase_order_open(purchase_order=order, by=None, at=day(on_day))
    return order


def line_of(order: PurchaseOrder, position: int = 1) -> PurchaseOrderLine:
    return order.lines.select_related("purchase_order", "lot").get(position=position)


def lot_of(order: PurchaseOrder, position: int = 1) -> InventoryLot:
    lot = line_of(order, position).lot
    assert lot is not None
    return lot


def write_receipt(
    order: PurchaseOrder,
    *quantities: str,
    on_day: int = 2,
    kind: str = Receipt.Kind.INCOMING,
    is_replacement_expected: bool = False,
    manufacturer_lot: str = "",
    serials: Sequence[str] = (),
) -> Receipt:
    """Write a pending receipt of so many of each line, by position; blank is none."""
    return receipt_save(
        receipt=None,
        purchase_order=order,
        kind=kind,
        received_at=day(on_day),
        reference="",
        is_replacement_expected=is_replacement_expected,
        lines=[
            {
                "purchase_order_line": line_of(order, position),
                "quantity": Decimal(quantity),
                "manufacturer_lot": manufacturer_lot,
                "serials": "\n".join(serials),
            }
            for position, quantity in enumerate(quantities, start=1)
            if quantity
        ],
        by=None,
        at=day(on_day),
    )


def receive(order: PurchaseOrder, *quantities: str, on_day: int = 2, is_accepted: bool = False) -> Receipt:
    receipt = write_receipt(order, *quantities, on_day=on_day)
    return receipt_post(receipt=receipt, by=None, at=day(on_day), is_over_receipt_accepted=is_accepted)


def write_bill(
    *lines: tuple[PurchaseOrderLine, str, str],
    freight: str = "0",
    freight_by: str = Purchase.FreightBy.VALUE,
    on_day: int = 3,
    vendor: str = "Acme",
) -> Purchase:
    """Write a pending purchase of lines of (order line, quantity, value)."""
    return purchase_save(
        purchase=None,
        vendor=vendor,
        invoice_number="A-1",
        invoiced_at=day(on_day),
        freight=Decimal(freight),
        freight_by=freight_by,
        lines=[
            {"purchase_order_line": line, "quantity": Decimal(quantity), "value": Decimal(value)}
            for line, quantity, value in lines
        ],
        by=None,
        at=day(on_day),
    )


def bill(
    *lines: tuple[PurchaseOrderLine, str, str],
    freight: str = "0",
    freight_by: str = Purchase.FreightBy.VALUE,
    on_day: int = 3,
    is_accepted: bool = False,
) -> Purchase:
    purchase = write_bill(*lines, freight=freight, freight_by=freight_by, on_day=on_day)
    return purchase_post(purchase=purchase, by=None, at=day(on_day), is_over_credit_accepted=is_accepted)


def balances(code: str = "WIRE") -> tuple[Decimal, Decimal]:
    """On Order and On Hand of a code."""
    sums = InventoryTransaction.objects.filter(code__code=code).aggregate(
        on_order=Sum("on_order", default=Decimal(0)), on_hand=Sum("on_hand", default=Decimal(0))
    )
    return sums["on_order"], sums["on_hand"]


def owed(lot: InventoryLot) -> tuple[Decimal, Decimal, Decimal, Decimal]:
    """What a lot is worth, and of it accrued, payable and credited to variance."""
    lot.refresh_from_db()
    return lot.value, lot.value_clearing, lot.value_payable, lot.value_other


def amounts(*numbers: str) -> tuple[Decimal, ...]:
    return tuple(Decimal(number) for number in numbers)


def history_of(number: str) -> list[str]:
    return list(RecordHistory.objects.filter(number=number).order_by("pk").values_list("action", flat=True))


def footprint() -> tuple[int, int, Decimal, Decimal]:
    """What a refusal must not change: movements, cost events, values and quantities of all lots."""
    sums = InventoryLot.objects.aggregate(
        value=Sum("value", default=Decimal(0)), quantity=Sum("quantity_received", default=Decimal(0))
    )
    return InventoryTransaction.objects.count(), LotCostEvent.objects.count(), sums["value"], sums["quantity"]


def code_with(code: str, **fields: object) -> LineItemCode:
    made = make_code(code)
    for name, value in fields.items():
        setattr(made, name, value)
    made.save()
    return made


def settle_books() -> None:
    """Run, and find nothing wrong."""
    reconcile(now=day(40))
    assert culprits() == {}
