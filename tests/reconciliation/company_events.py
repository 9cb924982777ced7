"""What can happen to the company of `company_model`: an event works the real verbs and returns how the model moves."""

from collections import defaultdict
from collections.abc import Callable
from datetime import date
from decimal import Decimal

from lots.invoicing import purchase_post, purchase_save, purchase_void
from lots.models import (
    InventoryTransaction,
    Purchase,
    PurchaseOrder,
    PurchaseOrderLine,
    Receipt,
)
from lots.purchasing import (
    OrderedLine,
    purchase_order_close,
    purchase_order_open,
    purchase_order_reopen,
    purchase_order_save,
    purchase_order_void,
)
from lots.receiving import receipt_post, receipt_save, receipt_void
from reconciliation.accruals import accrue_cogs
from reconciliation.periods import period_close, period_reopen
from tests.reconciliation.company_model import MATERIALS, PRODUCTS, ZERO, Company, Line, Moves, code_of, nothing
from tests.reconciliation.records import run_now
from usage.adjusting import adjustment_post, adjustment_save, adjustment_void
from usage.job_work import job_consume, job_cost_add, job_output_void, job_produce
from usage.models import InventoryAdjustment, Job, JobOutput, Order, OrderLine, Shipment
from usage.ordering import order_close, order_open, order_reopen, order_save, order_void
from usage.production import job_close, job_open, job_reopen, job_save, job_void
from usage.services import est_unit_cost_set
from usage.shipping import return_receive, shipment_save, shipment_ship, shipment_void
from usage.vendor_returns import vendor_return_post, vendor_return_void


# -- Buying --------------------------------------------------------------------------------------------
def buy(company: Company) -> Moves:
    names = company.random.sample(MATERIALS, company.random.randrange(1, 3))
    lines = [OrderedLine(code_of(name), company.some(), company.some(900) / 100) for name in names]
    order = purchase_order_save(
        purchase_order=None, vendor="Mill", office=company.pick(company.offices), ordered_on=company.now.date(),
        reference="", lines=lines, by=None, at=company.now,
    )  # fmt: skip
    purchase_order_open(purchase_order=order, by=None, at=company.now)
    for line in order.lines.select_related("code"):
        company.bought[line.pk] = Line(line.code.code, line.quantity)
    return [nothing]


def _open_orders() -> list[PurchaseOrder]:
    return list(PurchaseOrder.objects.filter(status="OPEN").order_by("pk"))


def _receipt(company: Company, order: PurchaseOrder, kind: str, lines: list[tuple[PurchaseOrderLine, Decimal]],
             *, replaced: bool = False) -> Receipt:  # fmt: skip
    return receipt_save(
        receipt=None, purchase_order=order, kind=kind, received_at=company.now, reference="",
        is_replacement_expected=replaced,
        lines=[{"purchase_order_line": line, "quantity": quantity} for line, quantity in lines],
        by=None, at=company.now,
    )  # fmt: skip


def receive(company: Company) -> Moves:
    order = company.pick(_open_orders())
    if order is None:
        return []
    line = company.pick(list(order.lines.order_by("pk")))
    assert line is not None
    quantity = company.some()
    receipt = _receipt(company, order, "INCOMING", [(line, quantity)])
    receipt_post(receipt=receipt, by=None, at=company.now, is_over_receipt_accepted=company.random.random() < 0.3)
    known = company.bought[line.pk]
    return [company.add(known.code, quantity), company.serve(known, quantity)]


def void_receipt(company: Company) -> Moves:
    receipt = company.pick(list(Receipt.objects.filter(status="POSTED").order_by("pk")))
    if receipt is None:
        return []
    is_return = receipt.kind == "OUTGOING_RETURN"
    (vendor_return_void if is_return else receipt_void)(receipt=receipt, by=None, at=company.now)
    moves = []
    for line in receipt.lines.all():
        known, sign = company.bought[line.purchase_order_line_id], 1 if is_return else -1
        moves.append(company.add(known.code, sign * line.quantity))
        if not is_return or receipt.is_replacement_expected:
            moves.append(company.serve(known, sign * line.quantity))
    return moves


def send_back(company: Company) -> Moves:
    line = company.pick(list(PurchaseOrderLine.objects.filter(lot__quantity_received__gt=0).order_by("pk")))
    if line is None:
        return []
    quantity, replaced = company.some(6), company.random.random() < 0.4
    receipt = _receipt(company, line.purchase_order, "OUTGOING_RETURN", [(line, quantity)], replaced=replaced)
    vendor_return_post(receipt=receipt, by=None, at=company.now)
    known = company.bought[line.pk]
    moves = [company.add(known.code, -quantity)]
    return [*moves, company.serve(known, -quantity)] if replaced else moves


def bill(company: Company) -> Moves:
    line = company.pick(list(PurchaseOrderLine.objects.exclude(lot=None).order_by("pk")))
    if line is None:
        return []
    sign = -1 if company.random.random() < 0.15 else 1
    is_freight = sign > 0 and company.random.random() < 0.25
    quantity = ZERO if is_freight else sign * company.some(8)
    value = ZERO if is_freight else sign * company.some(9_000) / 100
    freight = company.some(500) / 100 if is_freight or (sign > 0 and company.random.random() < 0.3) else ZERO
    purchase = purchase_save(
        purchase=None, vendor="Mill", invoice_number="", invoiced_at=company.now, freight=freight,
        freight_by=company.random.choice(["VALUE", "QUANTITY"]),
        lines=[{"purchase_order_line": line, "quantity": quantity, "value": value}], by=None, at=company.now,
    )  # fmt: skip
    accepted = company.random.random() < 0.7
    purchase_post(purchase=purchase, by=None, at=company.now, is_over_credit_accepted=accepted)
    return [nothing]


def void_bill(company: Company) -> Moves:
    purchase = company.pick(list(Purchase.objects.filter(status="POSTED").order_by("pk")))
    if purchase is None:
        return []
    purchase_void(purchase=purchase, by=None, at=company.now)
    return [nothing]


def close_purchase_order(company: Company) -> Moves:
    order = company.pick(_open_orders())
    if order is None:
        return []
    purchase_order_close(
        purchase_order=order, by=None, at=company.now, is_unbilled_accepted=company.random.random() < 0.7
    )
    return [nothing]


def reopen_purchase_order(company: Company) -> Moves:
    order = company.pick(list(PurchaseOrder.objects.filter(status="CLOSED").order_by("pk")))
    if order is None:
        return []
    purchase_order_reopen(purchase_order=order, by=None, at=company.now)
    return [nothing]


def void_purchase_order(company: Company) -> Moves:
    order = company.pick(list(PurchaseOrder.objects.exclude(status="VOID").order_by("pk")))
    if order is None:
        return []
    purchase_order_void(purchase_order=order, by=None, at=company.now)
    return [nothing]


def change_purchase_order(company: Company) -> Moves:
    order = company.pick(_open_orders())
    if order is None:
        return []
    lines = list(order.lines.select_related("code").order_by("pk"))
    changed = company.pick(lines)
    quantity, unit_cost = company.some(20), company.some(900) / 100
    purchase_order_save(
        purchase_order=order, vendor=order.vendor, office=order.office, ordered_on=order.ordered_on, reference="",
        lines=[
            OrderedLine(line.code, quantity, unit_cost, line.pk) if line == changed
            else OrderedLine(line.code, line.quantity, line.unit_cost, line.pk)
            for line in lines
        ],
        by=None, at=company.now,
    )  # fmt: skip
    assert changed is not None
    company.bought[changed.pk].ordered = quantity
    return [nothing]


# -- Selling -------------------------------------------------------------------------------------------
def order(company: Company) -> Moves:
    names = company.random.sample((*MATERIALS, *PRODUCTS), company.random.randrange(1, 3))
    made = order_save(
        order=None, customer="School", ordered_at=company.now, office=company.pick(company.offices),
        lines=[{"code": code_of(name), "quantity": company.some(), "supply": "STOCK"} for name in names],
        by=None, at=company.now,
    )  # fmt: skip
    order_open(order=made, by=None, at=company.now)
    for line in made.lines.select_related("code"):
        company.wanted[line.pk] = Line(line.code.code, line.quantity)
    return [nothing]


def _shipment(company: Company, kind: str, lines: list[tuple[OrderLine, Decimal]]) -> Shipment:
    return shipment_save(
        shipment=None, kind=kind, shipped_at=company.now, office=company.pick(company.offices),
        lines=[{"order_line": line, "quantity": quantity} for line, quantity in lines], by=None, at=company.now,
    )  # fmt: skip


def ship(company: Company) -> Moves:
    lines = company.random.sample(
        open_lines := list(OrderLine.objects.filter(order__status="OPEN").order_by("pk")), min(2, len(open_lines))
    )
    if not lines:
        return []
    taken = [(line, company.some()) for line in lines]
    shipment = _shipment(company, "OUTGOING", taken)
    shipment_ship(shipment=shipment, by=None, at=company.now, is_over_shipment_accepted=company.random.random() < 0.3)
    moves = []
    for line, quantity in taken:
        known = company.wanted[line.pk]
        moves += [company.add(known.code, -quantity), company.serve(known, quantity)]
    return moves


def take_back(company: Company) -> Moves:
    line = company.pick(list(OrderLine.objects.filter(quantity_shipped__gt=0).order_by("pk")))
    if line is None:
        return []
    quantity = company.some(6)
    return_receive(shipment=_shipment(company, "INCOMING_RETURN", [(line, quantity)]), by=None, at=company.now)
    # Returns lower what the order wants, so nothing is due again.
    return [company.add(company.wanted[line.pk].code, quantity)]


def void_shipment(company: Company) -> Moves:
    shipment = company.pick(list(Shipment.objects.filter(status="POSTED").order_by("pk")))
    if shipment is None:
        return []
    shipment_void(shipment=shipment, by=None, at=company.now)
    moves = []
    for line in shipment.lines.all():
        known = company.wanted[line.order_line_id]
        if shipment.kind == "OUTGOING":
            moves += [company.add(known.code, line.quantity), company.serve(known, -line.quantity)]
        else:
            moves.append(company.add(known.code, -line.quantity))
    return moves


def end_order(company: Company) -> Moves:
    found = company.pick(list(Order.objects.exclude(status__in=["VOID", "PENDING"]).order_by("pk")))
    if found is None:
        return []
    verbs = [order_close, order_reopen, order_void]
    company.random.choice(verbs)(order=found, by=None, at=company.now)
    return [nothing]


# -- Making --------------------------------------------------------------------------------------------
def job(company: Company) -> Moves:
    product = company.random.choice(PRODUCTS)
    # A set is made of tables, so cost goes up two levels.
    parts = company.random.sample(MATERIALS, 2) if product == "TABLE" else ["TABLE", "LAMP"]
    quantity = company.some(5)
    made = job_save(
        job=None, code=code_of(product), quantity=quantity, office=None, started_at=company.now, reference="",
        components=[{"code": code_of(part), "quantity": quantity * company.some(3)} for part in parts],
        by=None, at=company.now,
    )  # fmt: skip
    job_open(job=made, by=None, at=company.now)
    company.made[made.pk] = Line(product, quantity)
    for component in made.components.select_related("code"):
        company.needed[component.pk] = Line(component.code.code, component.quantity)
    return [nothing]


def _open_job(company: Company) -> Job | None:
    return company.pick(list(Job.objects.filter(status="OPEN").order_by("pk")))


def produce(company: Company) -> Moves:
    found = _open_job(company)
    if found is None:
        return []
    quantity = company.some(3)
    before = {component.pk: component.quantity_consumed for component in found.components.all()}
    job_produce(
        job=found, quantity=quantity, produced_at=company.now, by=None, at=company.now,
        backflush=company.random.random() < 0.7,
    )  # fmt: skip
    product = company.made[found.pk]
    moves = [company.add(product.code, quantity), company.serve(product, quantity)]
    for component in found.components.all():
        known, taken = company.needed[component.pk], component.quantity_consumed - before[component.pk]
        moves += [company.add(known.code, -taken), company.serve(known, taken)]
    return moves


def consume(company: Company) -> Moves:
    found = _open_job(company)
    if found is None:
        return []
    component = company.pick(list(found.components.order_by("pk")))
    assert component is not None
    quantity = company.some(6) * (-1 if company.random.random() < 0.2 else 1)
    job_consume(
        job=found, lines=[{"component": component, "quantity": quantity}], consumed_at=company.now, by=None,
        at=company.now,
    )  # fmt: skip
    known = company.needed[component.pk]
    return [company.add(known.code, -quantity), company.serve(known, quantity)]


def spend(company: Company) -> Moves:
    found = _open_job(company)
    if found is None:
        return []
    job_cost_add(
        job=found, kind="LABOR", description="", incurred_at=company.now, amount=company.some(5_000) / 100, by=None,
        at=company.now,
    )  # fmt: skip
    return [nothing]


def void_production(company: Company) -> Moves:
    output = company.pick(list(JobOutput.objects.filter(status="POSTED").order_by("pk")))
    if output is None:
        return []
    components = list(output.job.components.all())
    job_output_void(output=output, by=None, at=company.now)
    product = company.made[output.job_id]
    moves = [company.add(product.code, -output.quantity), company.serve(product, -output.quantity)]
    for component in components:
        known, before = company.needed[component.pk], component.quantity_consumed
        component.refresh_from_db()
        taken = component.quantity_consumed - before
        moves += [company.add(known.code, -taken), company.serve(known, taken)]
    return moves


def end_job(company: Company) -> Moves:
    found = company.pick(list(Job.objects.exclude(status="VOID").order_by("pk")))
    if found is None:
        return []
    components = list(found.components.all())
    company.random.choice([job_close, job_close, job_reopen, job_void])(job=found, by=None, at=company.now)
    moves: Moves = [nothing]
    for component in components:
        known, before = company.needed[component.pk], component.quantity_consumed
        component.refresh_from_db()
        taken = component.quantity_consumed - before
        moves += [company.add(known.code, -taken), company.serve(known, taken)]
    return moves


# -- Adjusting -----------------------------------------------------------------------------------------
def adjust(company: Company) -> Moves:
    kind = company.random.choice(
        ["COUNT", "COUNT", "LOSS", "BEGINNING_BALANCE", "BEGINNING_BALANCE", "TRANSFER", "ASSEMBLY", "DIVISION"]
    )
    lines, moves = _adjustment_lines(company, kind)
    office, to_office = company.random.sample(company.offices[1:], 2) if kind == "TRANSFER" else (None, None)
    adjustment = adjustment_save(
        adjustment=None, adjustment_type=kind, adjusted_at=company.now, office=office, to_office=to_office,
        lines=lines, by=None, at=company.now,
    )  # fmt: skip
    adjustment_post(adjustment=adjustment, by=None, at=company.now)
    return [*moves, nothing]


def _adjustment_lines(company: Company, kind: str) -> "tuple[list[dict[str, object]], Moves]":
    first, second = company.random.sample((*MATERIALS, "TABLE"), 2)
    quantity = company.some(8)
    if kind in {"ASSEMBLY", "DIVISION"}:
        roles = ("COMPONENT", "PRODUCT") if kind == "ASSEMBLY" else ("COMPONENT", "PRODUCT", "PRODUCT")
        names = (first, "TABLE" if first != "TABLE" else "SET", second)
        lines: list[dict[str, object]] = [
            {"role": role, "code": code_of(name), "quantity": quantity}
            for role, name in zip(roles, names, strict=False)
        ]
        signs = [-1 if role == "COMPONENT" else 1 for role in roles]
        return lines, [company.add(name, sign * quantity) for name, sign in zip(names, signs, strict=False)]
    if kind == "COUNT":
        change = quantity * company.random.choice((-1, 1))
        return [{"code": code_of(first), "quantity": change}], [company.add(first, change)]
    if kind == "LOSS":
        return [{"code": code_of(first), "quantity": quantity}], [company.add(first, -quantity)]
    if kind == "TRANSFER":
        return [{"code": code_of(first), "quantity": quantity}], []
    cost = company.some(900) / 100
    if company.random.random() < 0.5:
        return [{"code": code_of(first), "quantity": quantity, "unit_cost": cost}], [company.add(first, quantity)]
    return [
        {"code": code_of(first), "quantity": quantity, "unit_cost": cost},
        {"code": code_of(first), "quantity": -quantity},
    ], []


def void_adjustment(company: Company) -> Moves:
    adjustment = company.pick(list(InventoryAdjustment.objects.filter(status="POSTED").order_by("pk")))
    if adjustment is None:
        return []
    moved: defaultdict[str, Decimal] = defaultdict(lambda: ZERO)
    for row in InventoryTransaction.objects.filter(source_number=adjustment.number).select_related("code"):
        moved[row.code.code] += row.on_hand
    adjustment_void(adjustment=adjustment, by=None, at=company.now)
    return [nothing, *(company.add(code, -quantity) for code, quantity in moved.items())]


# -- Keeping books -------------------------------------------------------------------------------------
def run(_company: Company) -> Moves:
    run_now()
    return [nothing]


def accrue(company: Company) -> Moves:
    accrue_cogs(now=company.now)
    return [nothing]


def close_or_reopen_a_month(company: Company) -> Moves:
    month = date(company.now.year, company.random.randrange(1, company.now.month + 1), 1)
    verb = company.random.choice([period_close, period_close, period_reopen])
    verb(starts_on=month, by=None, now=company.now)
    return [nothing]


def change_estimate(company: Company) -> Moves:
    name = company.random.choice((*MATERIALS, *PRODUCTS))
    est_unit_cost_set(code=code_of(name), est_unit_cost=company.some(900) / 100)
    return [nothing]


EVENTS: list[tuple[Callable[[Company], Moves], int]] = [
    (buy, 6), (receive, 10), (void_receipt, 3), (send_back, 4), (bill, 8), (void_bill, 2), (close_purchase_order, 4),
    (reopen_purchase_order, 2), (void_purchase_order, 1), (change_purchase_order, 3),
    (order, 6), (ship, 10), (take_back, 4), (void_shipment, 3), (end_order, 2),
    (job, 4), (produce, 6), (consume, 4), (spend, 3), (void_production, 2), (end_job, 2),
    (adjust, 10), (void_adjustment, 3), (run, 8), (accrue, 2), (close_or_reopen_a_month, 3), (change_estimate, 2),
]  # fmt: skip
