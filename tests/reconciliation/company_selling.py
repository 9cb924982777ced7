"""How the company of `company_model` sells: orders, what is made or bought for them, shipments and returns."""

from collections.abc import Sequence
from decimal import Decimal

from tests.reconciliation.company_buying import note_lines
from tests.reconciliation.company_making import note_job
from tests.reconciliation.company_model import (
    GOODS,
    MATERIALS,
    PRODUCTS,
    SERIALIZED,
    ZERO,
    Company,
    Moves,
    Units,
    Wanted,
    code_of,
    nothing,
    units_of,
)
from usage.models import Order, OrderLine, Shipment, ShipmentLine
from usage.ordering import order_close, order_open, order_reopen, order_save, order_void, procure
from usage.production import make_job_for_order_line
from usage.shipping import return_receive, ship_everything, shipment_save, shipment_ship, shipment_void

# So that much happens to each.
OPEN_MOST = 4
SUPPLIES = ("STOCK", "STOCK", "SPECIAL_ORDER", "DROP_SHIP")


def order(company: Company) -> Moves:
    if Order.objects.filter(status="OPEN").count() > OPEN_MOST:
        return []
    names = company.random.sample((*GOODS, *PRODUCTS), company.random.randrange(1, 4))
    made = order_save(
        order=None, customer="School", ordered_at=company.when(), office=company.pick(company.offices),
        lines=[
            {"code": code_of(name), "quantity": company.much(name), "supply": company.random.choice(SUPPLIES)}
            for name in names
        ],
        by=None, at=company.now,
    )  # fmt: skip
    order_open(order=made, by=None, at=company.now)
    _note_lines(company, made)
    return [nothing]


def _note_lines(company: Company, order: Order) -> None:
    for line in order.lines.select_related("code"):
        known = company.wanted.setdefault(line.pk, Wanted(line.code.code, ZERO))
        known.ordered, known.supply = line.quantity, line.supply


def change_order(company: Company) -> Moves:
    """Another quantity or supply of a line; now and then one more line, or one less."""
    found = company.pick(Order.objects.filter(status="OPEN").order_by("pk"))
    if found is None:
        return []
    lines = list(found.lines.filter(quantity__gt=0).select_related("code").order_by("position", "pk"))
    if not lines:
        return []
    changed, gone = company.random.choice(lines), None
    if len(lines) > 1 and company.perhaps(0.2):
        gone = company.random.choice(lines)
    wanted: list[dict[str, object]] = [
        {"id": line.pk, "code": line.code, "quantity": line.quantity, "supply": line.supply}
        for line in lines if line != gone
    ]  # fmt: skip
    for given in wanted:
        if given["id"] == changed.pk:
            given["quantity"] = company.much(changed.code.code, 20)
            if company.perhaps(0.2):
                given["supply"] = company.random.choice(SUPPLIES)
    if company.perhaps(0.2):
        name = company.random.choice((*GOODS, *PRODUCTS))
        wanted.append({"code": code_of(name), "quantity": company.much(name), "supply": "STOCK"})
    order_save(
        order=found, customer=found.customer, ordered_at=found.ordered_at, office=found.office, lines=wanted, by=None,
        at=company.now,
    )  # fmt: skip
    _note_lines(company, found)
    return [nothing]


def end_order(company: Company) -> Moves:
    found = company.pick(Order.objects.exclude(status__in=["VOID", "PENDING"]).order_by("pk"))
    if found is None:
        return []
    company.random.choice([order_close, order_reopen, order_void])(order=found, by=None, at=company.now)
    return [nothing]


# -- What is bought and made for it --------------------------------------------------------------------
def buy_for_order(company: Company) -> Moves:
    line = company.pick(OrderLine.objects.filter(order__status="OPEN").order_by("pk"))
    if line is None:
        return []
    bought = procure(order_line=line, vendor="Mill", unit_cost=company.some(900) / 100, by=None, at=company.now)
    assert 0 < bought.lines.get().quantity <= company.wanted[line.pk].due
    note_lines(company, bought)
    return [nothing]


def make_for_order(company: Company) -> Moves:
    line = company.pick(OrderLine.objects.filter(order__status="OPEN", code__code__in=PRODUCTS).order_by("pk"))
    if line is None:
        return []
    quantity = company.much(line.code.code) if company.perhaps(0.3) else None
    parts = company.random.sample(MATERIALS, 2) if line.code.code == "TABLE" else ["TABLE", "LAMP"]
    job = make_job_for_order_line(
        order_line=line, quantity=quantity, by=None, at=company.now,
        components=[{"code": code_of(part), "quantity": company.much(part)} for part in parts],
    )  # fmt: skip
    note_job(company, job)
    return [nothing]


# -- Shipments -----------------------------------------------------------------------------------------
def _shipment(company: Company, kind: str, lines: Sequence[tuple[OrderLine, Decimal, Units]]) -> Shipment:
    return shipment_save(
        shipment=None, kind=kind, shipped_at=company.when(), office=company.pick(company.offices),
        lines=[{"order_line": line, "quantity": quantity, **units.fields()} for line, quantity, units in lines],
        by=None, at=company.now,
    )  # fmt: skip


def _moved(company: Company, shipment: Shipment, sign: int) -> Moves:
    """Goods that came (or, with a sign of -1, left) by the lines of a shipment; drop ships pass us by."""
    lines = [(company.wanted[line.order_line_id], line) for line in shipment.lines.order_by("pk")]
    return [
        company.add(known.code, sign * line.quantity, units_of(line)) for known, line in lines if known.is_stocked
    ]  # fmt: skip


def _served(company: Company, shipment: Shipment, sign: int) -> Moves:
    return [
        company.serve(company.wanted[line.order_line_id], sign * line.quantity)
        for line in shipment.lines.order_by("pk")
    ]


def ship(company: Company) -> Moves:
    """Lines of one order or two; mostly what is due of them and there, sometimes anything."""
    is_sensible = company.perhaps(0.7)
    there = [
        line
        for line in OrderLine.objects.filter(order__status="OPEN").select_related("lot").order_by("pk")
        if not is_sensible or _can_go(company, line)
    ]
    if not there:
        return []
    taken = []
    for line in company.random.sample(there, min(2, len(there))):
        known = company.wanted[line.pk]
        quantity = company.much(known.code)
        if is_sensible:
            quantity = min(quantity, known.due or quantity)
            if known.code == SERIALIZED:
                quantity = min(quantity, Decimal(len(company.serials)))
        taken.append((line, quantity, company.going(known.code, quantity)))
    shipment = _shipment(company, "OUTGOING", taken)
    shipment_ship(shipment=shipment, by=None, at=company.now, is_over_shipment_accepted=company.perhaps(0.5))
    return _moved(company, shipment, -1) + _served(company, shipment, 1)


def _can_go(company: Company, line: OrderLine) -> bool:
    known = company.wanted[line.pk]
    if known.code == SERIALIZED and not company.serials:
        return False
    if known.supply == "SPECIAL_ORDER":
        return line.lot is not None and line.lot.quantity_received > known.served
    return known.due > 0 or not known.is_stocked


def ship_all(company: Company) -> Moves:
    found = company.pick(Order.objects.filter(status="OPEN").order_by("pk"))
    if found is None:
        return []
    shipment = ship_everything(order=found, by=None, at=company.now)
    for line in shipment.lines.all():
        known = company.wanted[line.order_line_id]
        assert known.supply != "STOCK" or line.quantity == known.due
    return _moved(company, shipment, -1) + _served(company, shipment, 1)


def take_back(company: Company) -> Moves:
    line = company.pick(OrderLine.objects.filter(quantity_shipped__gt=0).order_by("pk"))
    if line is None:
        return []
    known = company.wanted[line.pk]
    went = ShipmentLine.objects.filter(order_line=line, shipment__kind="OUTGOING", shipment__status="POSTED")
    quantity = company.much(known.code, 6)
    units = company.among(known.code, went.order_by("pk"), quantity, in_stock=False)
    shipment = _shipment(company, "INCOMING_RETURN", [(line, quantity, units)])
    return_receive(shipment=shipment, by=None, at=company.now)
    # What went beyond the order comes back first.
    beyond = max(known.served - known.ordered, ZERO)
    reduced = max(quantity - beyond, ZERO) if company.returns_reduce else ZERO
    assert shipment.lines.get().quantity_reduced == reduced
    return [*_moved(company, shipment, 1), company.come_back(known, quantity, reduced=reduced)]


def void_shipment(company: Company) -> Moves:
    shipment = company.pick(Shipment.objects.filter(status="POSTED").order_by("pk"))
    if shipment is None:
        return []
    lines = [(company.wanted[line.order_line_id], line) for line in shipment.lines.all()]
    shipment_void(shipment=shipment, by=None, at=company.now)
    if shipment.kind == "OUTGOING":
        return _moved(company, shipment, 1) + _served(company, shipment, -1)
    back = [company.come_back(known, -line.quantity, reduced=-line.quantity_reduced) for known, line in lines]
    return _moved(company, shipment, -1) + back
