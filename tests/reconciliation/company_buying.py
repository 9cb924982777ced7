"""How the company of `company_model` buys: purchase orders, receipts, returns to vendors, bills, freight, credits."""

from collections.abc import Sequence
from decimal import Decimal

from lots.invoicing import purchase_post, purchase_save, purchase_void
from lots.models import Purchase, PurchaseOrder, PurchaseOrderLine, Receipt, ReceiptLine
from lots.purchasing import (
    OrderedLine,
    purchase_order_close,
    purchase_order_open,
    purchase_order_reopen,
    purchase_order_save,
    purchase_order_void,
)
from lots.receiving import receipt_post, receipt_save, receipt_void, receive_everything
from tests.reconciliation.company_model import GOODS, ZERO, Company, Line, Moves, Units, code_of, nothing, units_of
from usage.vendor_returns import vendor_return_post, vendor_return_void

# So that much happens to each.
OPEN_MOST = 5
VENDORS = ("Mill", "Courier")


def buy(company: Company) -> Moves:
    if len(_open_orders()) > OPEN_MOST:
        return []
    names = company.random.sample(GOODS, company.random.randrange(1, 3))
    lines = [OrderedLine(code_of(name), company.much(name), company.some(900) / 100) for name in names]
    order = purchase_order_save(
        purchase_order=None, vendor="Mill", office=company.pick(company.offices), ordered_on=company.now.date(),
        reference="", lines=lines, by=None, at=company.now,
    )  # fmt: skip
    purchase_order_open(purchase_order=order, by=None, at=company.now)
    note_lines(company, order)
    return [nothing]


def note_lines(company: Company, order: PurchaseOrder) -> None:
    """Know the lines of an order that was written: what came of those that were there stays."""
    for line in order.lines.select_related("code"):
        known = company.bought.setdefault(line.pk, Line(line.code.code, ZERO))
        known.ordered = line.quantity


def change_purchase_order(company: Company) -> Moves:
    """Another quantity and price of a line; now and then one more line, or one less."""
    order = company.pick(_open_orders())
    if order is None:
        return []
    lines = list(order.lines.filter(quantity__gt=0).select_related("code").order_by("pk"))
    changed, gone = company.random.choice(lines), None
    if len(lines) > 1 and company.perhaps(0.2):
        gone = company.random.choice(lines)
    wanted = [
        OrderedLine(line.code, company.much(line.code.code, 20), company.some(900) / 100, line.pk) if line == changed
        else OrderedLine(line.code, line.quantity, line.unit_cost, line.pk)
        for line in lines if line != gone
    ]  # fmt: skip
    if company.perhaps(0.3):
        name = company.random.choice(GOODS)
        wanted.append(OrderedLine(code_of(name), company.much(name), company.some(900) / 100))
    purchase_order_save(
        purchase_order=order, vendor=order.vendor, office=order.office, ordered_on=order.ordered_on, reference="",
        lines=wanted, by=None, at=company.now,
    )  # fmt: skip
    note_lines(company, order)
    return [nothing]


def close_purchase_order(company: Company) -> Moves:
    order = company.pick(_open_orders())
    if order is None:
        return []
    accepted = company.perhaps(0.7)
    purchase_order_close(purchase_order=order, by=None, at=company.now, is_unbilled_accepted=accepted)
    return [nothing]


def reopen_purchase_order(company: Company) -> Moves:
    order = company.pick(PurchaseOrder.objects.filter(status="CLOSED").order_by("pk"))
    if order is None:
        return []
    purchase_order_reopen(purchase_order=order, by=None, at=company.now)
    return [nothing]


def void_purchase_order(company: Company) -> Moves:
    order = company.pick(PurchaseOrder.objects.exclude(status="VOID").order_by("pk"))
    if order is None:
        return []
    purchase_order_void(purchase_order=order, by=None, at=company.now)
    return [nothing]


def _open_orders() -> list[PurchaseOrder]:
    return list(PurchaseOrder.objects.filter(status="OPEN").order_by("pk"))


# -- Goods ---------------------------------------------------------------------------------------------
def _receipt(
    company: Company,
    order: PurchaseOrder,
    kind: str,
    lines: Sequence[tuple[PurchaseOrderLine, Decimal, Units]],
    *,
    replaced: bool = False,
) -> Receipt:
    return receipt_save(
        receipt=None, purchase_order=order, kind=kind, received_at=company.when(), reference="",
        is_replacement_expected=replaced,
        lines=[
            {"purchase_order_line": line, "quantity": quantity, **units.fields()} for line, quantity, units in lines
        ],
        by=None, at=company.now,
    )  # fmt: skip


def receive(company: Company) -> Moves:
    """One line, now and then in two parts (of two manufacturer lots, perhaps)."""
    order = company.pick(_open_orders())
    if order is None:
        return []
    line = company.random.choice(list(order.lines.order_by("pk")))
    known = company.bought[line.pk]
    parts = []
    for _ in range(1 + company.perhaps(0.2)):
        quantity = company.much(known.code)
        if known.due and company.perhaps(0.6):
            quantity = min(quantity, known.due)
        parts.append((line, quantity, company.coming(known.code, quantity)))
    receipt = _receipt(company, order, "INCOMING", parts)
    receipt_post(receipt=receipt, by=None, at=company.now, is_over_receipt_accepted=company.perhaps(0.3))
    moves: Moves = []
    for _, quantity, units in parts:
        moves += [company.add(known.code, quantity, units), company.serve(known, quantity)]
    return moves


def receive_all(company: Company) -> Moves:
    order = company.pick(_open_orders())
    if order is None:
        return []
    due = {line.pk: company.bought[line.pk].due for line in order.lines.all()}
    receipt = receive_everything(purchase_order=order, received_at=company.when(), by=None, at=company.now)
    lines = list(receipt.lines.all())
    assert {line.purchase_order_line_id: line.quantity for line in lines} == {pk: due[pk] for pk in due if due[pk]}
    moves: Moves = []
    for line in lines:
        known = company.bought[line.purchase_order_line_id]
        moves += [company.add(known.code, line.quantity), company.serve(known, line.quantity)]
    return moves


def void_receipt(company: Company) -> Moves:
    receipt = company.pick(Receipt.objects.filter(status="POSTED").order_by("pk"))
    if receipt is None:
        return []
    is_return = receipt.kind == "OUTGOING_RETURN"
    (vendor_return_void if is_return else receipt_void)(receipt=receipt, by=None, at=company.now)
    moves = []
    for line in receipt.lines.all():
        known, sign = company.bought[line.purchase_order_line_id], 1 if is_return else -1
        moves.append(company.add(known.code, sign * line.quantity, units_of(line)))
        if not is_return or receipt.is_replacement_expected:
            moves.append(company.serve(known, sign * line.quantity))
    return moves


def send_back(company: Company) -> Moves:
    line = company.pick(PurchaseOrderLine.objects.filter(lot__quantity_received__gt=0).order_by("pk"))
    if line is None:
        return []
    known, replaced = company.bought[line.pk], company.perhaps(0.4)
    came = ReceiptLine.objects.filter(purchase_order_line=line, receipt__kind="INCOMING", receipt__status="POSTED")
    quantity = company.much(known.code, 6)
    units = company.among(known.code, came.order_by("pk"), quantity, in_stock=True)
    receipt = _receipt(company, line.purchase_order, "OUTGOING_RETURN", [(line, quantity, units)], replaced=replaced)
    vendor_return_post(receipt=receipt, by=None, at=company.now)
    moves = [company.add(known.code, -quantity, units)]
    return [*moves, company.serve(known, -quantity)] if replaced else moves


# -- Bills ---------------------------------------------------------------------------------------------
def _purchase(company: Company, vendor: str, lines: list[tuple[PurchaseOrderLine, Decimal, Decimal]],
              freight: Decimal = ZERO) -> Moves:  # fmt: skip
    purchase = purchase_save(
        purchase=None, vendor=vendor, invoice_number="", invoiced_at=company.when(), freight=freight,
        freight_by=company.random.choice(["VALUE", "QUANTITY", "WEIGHT"]),
        lines=[
            {"purchase_order_line": line, "quantity": quantity, "value": value} for line, quantity, value in lines
        ],
        by=None, at=company.now,
    )  # fmt: skip
    purchase_post(purchase=purchase, by=None, at=company.now, is_over_credit_accepted=company.perhaps(0.7))
    return [nothing]


def _billable(company: Company, **only: object) -> list[PurchaseOrderLine]:
    """One line or two, of any orders that have lots."""
    lines = list(PurchaseOrderLine.objects.exclude(lot=None).filter(**only).order_by("pk"))
    return company.random.sample(lines, min(len(lines), company.random.randrange(1, 3)))


def bill(company: Company) -> Moves:
    lines = [(line, company.much("", 8), company.some(9_000) / 100) for line in _billable(company)]
    freight = company.some(500) / 100 if company.perhaps(0.3) else ZERO
    return _purchase(company, "Mill", lines, freight) if lines else []


def bill_all(company: Company) -> Moves:
    """What the order expects, at its price: it may close by itself."""
    order = company.pick(_open_orders())
    if order is None:
        return []
    lines = [(line, line.quantity, line.quantity * line.unit_cost) for line in order.lines.order_by("pk")]
    return _purchase(
        company, "Mill", [(line, quantity, value.quantize(Decimal("0.01"))) for line, quantity, value in lines]
    )


def bill_freight(company: Company) -> Moves:
    """Carriage alone, of whoever brought it, while the order is open or long after."""
    lines = [(line, ZERO, ZERO) for line in _billable(company)]
    return _purchase(company, company.random.choice(VENDORS), lines, company.some(500) / 100) if lines else []


def credit(company: Company) -> Moves:
    only: dict[str, object] = {"lot__quantity_returned__gt": 0} if company.perhaps(0.6) else {}
    lines = [(line, -company.much("", 6), -company.some(4_000) / 100) for line in _billable(company, **only)]
    return _purchase(company, "Mill", lines) if lines else []


def void_bill(company: Company) -> Moves:
    purchase = company.pick(Purchase.objects.filter(status="POSTED").order_by("pk"))
    if purchase is None:
        return []
    purchase_void(purchase=purchase, by=None, at=company.now)
    return [nothing]
