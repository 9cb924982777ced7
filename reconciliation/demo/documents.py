"""The demo company's year of documents, by the verbs of the pages: it makes desks and sells them to its schools.

Told in stages with a run after each, so that a bill that comes in a later stage finds its goods sold and costed. Each
is one transaction, and is there when its first purchase order is. The fiscal year is closed before the last stage.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import partial
from random import Random

from django.contrib.auth.models import User
from django.db import transaction

from lots.invoicing import purchase_post, purchase_save
from lots.models import DocumentStatus, LineItemCode, Office, Purchase, PurchaseOrder
from lots.periods import closed_periods, next_period
from lots.purchasing import purchase_order_close
from lots.receiving import receipt_void
from reconciliation.demo.catalog import ARTICLES, PARTS, SHRINKAGE, make_catalog
from reconciliation.demo.clerk import DEPARTMENT, Clerk
from reconciliation.demo.company import SCHOOLS
from reconciliation.periods import period_close
from reconciliation.preferences import APPROVE_ABOVE, preference_set
from usage.count_sheets import sheet_lines
from usage.models import AdjustmentLine, InventoryAdjustment, JobCost, Order, OrderLine
from usage.ordering import order_close, procure
from usage.shipping import shipment_void
from usage.vendor_returns import vendor_return_post

SEED = 60_001
# The fiscal year that is closed: July to June.
FIRST_PERIOD, OPEN_PERIOD = date(2021, 7, 1), date(2022, 7, 1)
# Above all that the guides' own open usage asks for.
APPROVAL_LIMIT = "10000.00"

TIMBER, LIGHTING, BRASSWORKS = "Hudson Timber Co.", "Lumina Lighting", "Ferris Brassworks"
SCIENTIFIC, CARRIER = "Harbor Scientific Supply", "Great Lakes Freight"
COST = {"OAK": 1790, "GLUE": 615, "LAMP": 2310, "BRASS": 9400, "MICRO-40": 18150, "STAIN-MB": 695}
DESK_TAKES = (("OAK", "4"), ("GLUE", "0.5"), ("HINGE", "2"), ("KNOB", "2"))
DESKSET_TAKES = (("DESK", "1"), ("LAMP", "1"))
BASKETS = (
    (("DESK", 3),),
    (("LAMP", 6),),
    (("MICRO-40", 2), ("STAIN-MB", 12)),
    (("DESKSET", 2), ("SETUP", 3)),
    (("KNOB", 10), ("HINGE", 10)),
    (("DESK", 2), ("LAMP", 2), ("SETUP", 2)),
    (("STAIN-MB", 10), ("LAMP", 3)),
)
# What these vendors sell in these months is billed in a later stage, or not yet.
BILLED_LATER = {(TIMBER, 11), (TIMBER, 12), (LIGHTING, 12), (TIMBER, 5), (TIMBER, 6)}
SPECIAL = "Special order"
Type, Role = InventoryAdjustment.Type, AdjustmentLine.Role


@dataclass(frozen=True)
class Stage:
    """A part of the year. `reference` is on its first purchase order, and tells that the stage is there."""

    reference: str
    until: datetime
    tell: Callable[[Clerk], None]

    def is_there(self) -> bool:
        return PurchaseOrder.objects.filter(reference=self.reference).exists()

    @transaction.atomic
    def make(self) -> None:
        """Write all documents of the stage, in the order of time."""
        by = User.objects.filter(username="clerk").first()
        make_catalog(by=by, at=moment(8, 1, 8))
        clerk = Clerk(
            random=Random(f"{SEED} {self.reference}"),  # noqa: S311  (figures to look at, not secrets)
            by=by,
            codes=LineItemCode.objects.in_bulk([article.code for article in ARTICLES], field_name="code"),
            offices=Office.objects.in_bulk(["AI", "NY"], field_name="code"),
            until=self.until,
        )
        self.tell(clerk)
        clerk.work_off()


def moment(month: int, day: int, hour: int = 9, minute: int = 0) -> datetime:
    """A moment of the year told here: August 2021 to July 2022."""
    return datetime(2021 if month > 7 else 2022, month, day, hour, minute, tzinfo=UTC)


# -- What happens every month --------------------------------------------------------------------------
def _month(clerk: Clerk, number: int, *, reference: str = "") -> None:
    """Buy, make and sell in one month; number 0 is August."""
    month = (7 + number) % 12 + 1
    boards = 48 if number == 0 else 25 + clerk.random.randrange(5)
    timber = [("OAK", boards, _cost(clerk, "OAK", number)), ("GLUE", 5, _cost(clerk, "GLUE", number))]
    _buy(clerk, moment(month, 2, 8, 15), TIMBER, timber, reference=reference)
    if number % 2 == 0:
        _buy(
            clerk,
            moment(month, 3, 8, 40),
            LIGHTING,
            [("LAMP", 36 if number == 0 else 28, _cost(clerk, "LAMP", number))],
        )
    else:
        scopes = [("MICRO-40", 5, _cost(clerk, "MICRO-40", number)), ("STAIN-MB", 48, _cost(clerk, "STAIN-MB", number))]
        _buy(clerk, moment(month, 3, 11, 5), SCIENTIFIC, scopes)
    if number % 6 == 0:
        _buy(clerk, moment(month, 4, 9, 30), BRASSWORKS, [("BRASS", 6, _cost(clerk, "BRASS", number))])
        clerk.plan(moment(month, 12, 16), partial(_unpack_brass, clerk))
    if number in {1, 5, 9}:
        clerk.plan(moment(month, 16, 8), partial(_make_sets, clerk, 8))
    elif number % 2 == 0:
        clerk.plan(moment(month, 16, 8), partial(_make_desks, clerk, 8))
    for day in (5, 10, 15, 20, 24):
        basket = BASKETS[clerk.random.randrange(len(BASKETS))]
        school = SCHOOLS[clerk.random.randrange(len(SCHOOLS))]
        percent = 50 if clerk.random.random() < 0.25 else 100
        clerk.plan(moment(month, day, 10, clerk.random.randrange(60)), partial(_sell, clerk, school, basket, percent))
    clerk.plan(moment(month, 27, 15), partial(_ship_what_is_due, clerk))


def _cost(clerk: Clerk, code: str, number: int) -> str:
    """Prices go up through the year, unevenly."""
    cents = COST[code] * (1000 + 12 * number + clerk.random.randrange(-15, 16)) // 1000
    return f"{cents // 100}.{cents % 100:02d}"


def _buy(clerk: Clerk, at: datetime, vendor: str, lines: list[tuple[str, int, str]], *, reference: str = "") -> None:
    clerk.plan(at, lambda at: _order(clerk, at, vendor, lines, reference))


def _order(clerk: Clerk, at: datetime, vendor: str, lines: list[tuple[str, int, str]], reference: str) -> None:
    """Order; what comes of it follows: one delivery or two, then the bill, with freight and not always as agreed."""
    order = clerk.buy(at, vendor, lines, reference=reference)
    first = 60 if vendor == TIMBER and clerk.random.random() < 0.4 else 100
    clerk.plan(at + timedelta(days=5, hours=6), lambda at: clerk.receive(at, order, percent=first))
    if first < 100:
        clerk.plan(at + timedelta(days=11, hours=5), lambda at: clerk.receive(at, order))
    percent, freight = str(98 + clerk.random.randrange(6)), f"{clerk.random.randrange(2500, 9000) / 100:.2f}"
    if (vendor, at.month) in BILLED_LATER:
        return
    invoice = f"{vendor[0]}-{at:%y%m}{clerk.random.randrange(10, 99)}"
    clerk.plan(
        at + timedelta(days=16, hours=3),
        lambda at: clerk.bill(at, order, invoice=invoice, percent=percent, freight=freight),
    )


def _unpack_brass(clerk: Clerk, at: datetime) -> None:
    """A box of fittings is sold to nobody: it is divided into hinges and knobs."""
    lines: list[dict[str, object]] = [
        {"code": "BRASS", "role": Role.COMPONENT, "quantity": Decimal(6)},
        {"code": "HINGE", "role": Role.PRODUCT, "quantity": Decimal(120)},
        {"code": "KNOB", "role": Role.PRODUCT, "quantity": Decimal(120)},
    ]
    clerk.adjust(at, Type.DIVISION, "Boxes of fittings unpacked", lines)


def _make_desks(clerk: Clerk, quantity: int, at: datetime) -> None:
    job = clerk.begin_job(at, "DESK", quantity, DESK_TAKES, reference="For stock")
    clerk.plan(at + timedelta(hours=2), lambda at: clerk.consume(at, job))
    clerk.plan(at + timedelta(days=2, hours=4), lambda at: clerk.produce(at, job, quantity // 2))
    wages = f"{quantity * 14 + clerk.random.randrange(-900, 900) / 100:.2f}"
    clerk.plan(at + timedelta(days=3, hours=5), lambda at: clerk.pay_work(at, job, "Workshop hours", wages))
    done = quantity - quantity // 2
    clerk.plan(at + timedelta(days=3, hours=6), lambda at: clerk.produce(at, job, done, closes=True))


def _make_sets(clerk: Clerk, quantity: int, at: datetime) -> None:
    """Desks with a lamp: the desks are a sub-assembly, made by a job of their own."""
    job = clerk.begin_job(at, "DESKSET", quantity, DESKSET_TAKES, reference="School fair")
    desks = clerk.begin_job(at + timedelta(minutes=10), "DESK", quantity, DESK_TAKES, parent=job)
    clerk.plan(at + timedelta(hours=3), lambda at: clerk.consume(at, desks))
    finish = f"{clerk.random.randrange(4000, 7000) / 100:.2f}"
    clerk.plan(
        at + timedelta(days=1, hours=2),
        lambda at: clerk.pay_work(at, desks, "Varnish, by Allen Finishing", finish, kind=JobCost.Kind.SERVICE),
    )
    clerk.plan(at + timedelta(days=1, hours=6), lambda at: clerk.produce(at, desks, quantity, closes=True))
    clerk.plan(at + timedelta(days=2, hours=1), lambda at: clerk.consume(at, job))
    clerk.plan(at + timedelta(days=2, hours=2), lambda at: clerk.pay_work(at, job, "Wiring", f"{quantity * 6}.00"))
    clerk.plan(at + timedelta(days=2, hours=5), lambda at: clerk.produce(at, job, quantity, closes=True))


def _sell(clerk: Clerk, school: str, basket: tuple[tuple[str, int], ...], percent: int, at: datetime) -> None:
    order = clerk.sell(at, school, basket)
    clerk.plan(at + timedelta(days=2, hours=4), lambda at: clerk.ship(at, order, percent=percent))


def _ship_what_is_due(clerk: Clerk, at: datetime) -> None:
    """At the end of the month: whatever is there goes out, and who waited too long is told so."""
    for order in clerk.open_orders():
        if order.reference != SPECIAL:
            clerk.ship(at, order)
        order.refresh_from_db()
        if order.status == DocumentStatus.OPEN and at - order.ordered_at > timedelta(days=45):
            order_close(order=order, by=clerk.by, at=at, reason="Out of stock for too long.")


# -- What happens once ---------------------------------------------------------------------------------
def _fall(clerk: Clerk) -> None:
    clerk.plan(moment(8, 2, 8), partial(_open_the_workshop, clerk))
    for number in range(5):
        _month(clerk, number, reference=FALL if number == 0 else "")
    clerk.plan(moment(9, 13, 11), partial(_special_order, clerk, 6, "L-5512"))
    clerk.plan(moment(10, 6, 9, 20), partial(_drop_ship, clerk))
    clerk.plan(moment(10, 20, 12), partial(_two_orders_in_one_shipment, clerk))
    clerk.plan(moment(11, 3, 14), partial(_desk_comes_back, clerk))
    clerk.plan(moment(11, 10, 9), partial(_shipment_to_the_wrong_school, clerk))
    clerk.plan(moment(11, 16, 9), partial(_receipt_entered_twice, clerk))
    clerk.plan(moment(12, 30, 16), partial(_count, clerk, {"OAK": -2, "GLUE": -1, "KNOB": 2}))


def _spring(clerk: Clerk) -> None:
    clerk.plan(moment(1, 11, 10), partial(_late_bills, clerk, TIMBER, moment(1, 1), "113"))
    clerk.plan(moment(1, 18, 10, 30), partial(_late_bills, clerk, LIGHTING, moment(1, 1), "94"))
    for number in range(5, 11):
        _month(clerk, number, reference=SPRING if number == 5 else "")
    clerk.plan(moment(2, 8, 11), partial(_freight_of_another_vendor, clerk))
    clerk.plan(moment(2, 23, 9), partial(_move_to_new_york, clerk))
    clerk.plan(moment(3, 2, 16), partial(_lamps_break, clerk))
    clerk.plan(moment(3, 14, 10), partial(_lamps_go_back_for_credit, clerk))
    clerk.plan(moment(4, 26, 13), partial(_assemble_by_hand, clerk))
    clerk.plan(moment(4, 20, 9), partial(_rest_never_comes, clerk))
    clerk.plan(moment(6, 13, 11), partial(_special_order, clerk, 10, ""))
    clerk.plan(moment(6, 29, 16), partial(_count, clerk, {"OAK": -1, "HINGE": -4, "LAMP": 0}))


def _summer(clerk: Clerk) -> None:
    preference_set(name=APPROVE_ABOVE, value=APPROVAL_LIMIT, by=None, now=moment(7, 1))
    clerk.plan(moment(7, 1, 9), partial(_supplies_for_july, clerk))
    clerk.plan(moment(7, 6, 10), partial(_late_bills, clerk, TIMBER, moment(6, 1), "109"))
    clerk.plan(moment(7, 6, 10, 30), partial(_late_bills, clerk, LIGHTING, moment(7, 1), "112"))
    clerk.plan(moment(7, 7, 8), partial(_job_under_way, clerk))
    clerk.plan(moment(7, 11, 9), partial(_lamps_go_back, clerk))
    clerk.plan(moment(7, 11, 10), partial(_orders_of_july, clerk))
    clerk.plan(moment(7, 13, 16), partial(_waits_for_approval, clerk))


def _open_the_workshop(clerk: Clerk, at: datetime) -> None:
    lines: list[dict[str, object]] = [
        {"code": "HINGE", "quantity": Decimal(60), "unit_cost": Decimal("1.85"), "bin": "W1"},
        {"code": "KNOB", "quantity": Decimal(60), "unit_cost": Decimal("2.55"), "bin": "W1"},
    ]
    clerk.adjust(at, Type.BEGINNING_BALANCE, "Fittings taken over with the workshop", lines)


def _special_order(clerk: Clerk, quantity: int, invoice: str, at: datetime) -> None:
    """Lamps that are bought for one order and go out on it at once; without an invoice they are billed much later."""
    special = OrderLine.Supply.SPECIAL_ORDER
    order = clerk.sell(at, "Harbor Technical School", [("LAMP", quantity)], supply=special, reference=SPECIAL)
    next_day, line = at + timedelta(days=1), order.lines.get()
    bought = procure(order_line=line, vendor=LIGHTING, unit_cost=Decimal("31.50"), by=clerk.by, at=next_day)
    clerk.plan(at + timedelta(days=9), lambda at: clerk.receive(at, bought))
    clerk.plan(at + timedelta(days=10), lambda at: clerk.ship(at, order))
    if invoice:
        clerk.plan(at + timedelta(days=16), lambda at: clerk.bill(at, bought, invoice=invoice, freight="12.80"))


def _drop_ship(clerk: Clerk, at: datetime) -> None:
    order = clerk.sell(at, "Northside College", [("LAMP", 24)], supply=OrderLine.Supply.DROP_SHIP)
    clerk.plan(at + timedelta(days=5), lambda at: clerk.ship(at, order))


def _two_orders_in_one_shipment(clerk: Clerk, at: datetime) -> None:
    first = clerk.sell(at, "Roosevelt High", [("LAMP", 3)], reference="Library")
    second = clerk.sell(at + timedelta(hours=1), "Roosevelt High", [("STAIN-MB", 4), ("LAMP", 1)], reference="Room 12")
    clerk.plan(at + timedelta(days=2), lambda at: clerk.ship(at, first, second))


def _desk_comes_back(clerk: Clerk, at: datetime) -> None:
    order = _shipped_order("DESK", before=at)
    clerk.take_back(at, order, 1, why="Scratched top")
    order.refresh_from_db()
    if order.status == DocumentStatus.OPEN:
        order_close(order=order, by=clerk.by, at=at + timedelta(hours=1), reason="Refunded, not replaced.")


def _shipped_order(code: str, *, before: datetime) -> Order:
    """The latest order that begins with this code and was shipped."""
    shipped = Order.objects.filter(
        department=DEPARTMENT,
        ordered_at__lt=before,
        lines__position=1,
        lines__code__code=code,
        lines__quantity_shipped__gt=0,
        lines__supply=OrderLine.Supply.STOCK,
    )
    return shipped.select_related("office").latest("pk")


def _shipment_to_the_wrong_school(clerk: Clerk, at: datetime) -> None:
    order = clerk.sell(at, "City Library", [("LAMP", 4)])

    def ship_and_undo(at: datetime) -> None:
        if shipment := clerk.ship(at, order):
            reason = "Was on the truck to Westview Academy."
            clerk.plan(
                at + timedelta(days=1), lambda at: shipment_void(shipment=shipment, by=clerk.by, at=at, reason=reason)
            )

    clerk.plan(at + timedelta(days=1), ship_and_undo)
    clerk.plan(at + timedelta(days=5), lambda at: clerk.ship(at, order))


def _receipt_entered_twice(clerk: Clerk, at: datetime) -> None:
    order = clerk.buy(at, BRASSWORKS, [("KNOB", 40, "2.62")], reference="Knobs, satin finish")

    def receive_and_undo(at: datetime) -> None:
        if receipt := clerk.receive(at, order):
            receipt_void(receipt=receipt, by=clerk.by, at=at + timedelta(hours=2), reason="Those were the glass knobs.")

    clerk.plan(at + timedelta(days=6), receive_and_undo)
    clerk.plan(at + timedelta(days=8), lambda at: clerk.receive(at, order))
    clerk.plan(at + timedelta(days=13), lambda at: clerk.bill(at, order, invoice="F-2231"))


def _count(clerk: Clerk, found: dict[str, int], at: datetime) -> None:
    """Fill in the count sheet of the workshop: as the system says, but for what was found to differ."""
    sheet = sheet_lines(office=clerk.offices["AI"], category=PARTS, at=at)
    lines = []
    for line in sheet:
        counted = max(line.balance + found.get(line.code.code, 0), Decimal(0)) if not line.bin else line.balance
        lines.append({"code": line.code.code, "bin": line.bin, "count": counted})
    clerk.adjust(at, Type.COUNT, "Workshop count", lines, account=SHRINKAGE)


def _late_bills(clerk: Clerk, vendor: str, before: datetime, percent: str, at: datetime) -> None:
    for number, order in enumerate(clerk.unbilled(vendor, before.date())):
        freight = "64.00" if number == 0 else "0"
        clerk.bill(at, order, invoice=f"{vendor[0]}-{at:%y%m}9{number}", percent=percent, freight=freight)


def _freight_of_another_vendor(clerk: Clerk, at: datetime) -> None:
    orders = PurchaseOrder.objects.filter(vendor=SCIENTIFIC, status=DocumentStatus.CLOSED, ordered_on__lt=at.date())
    clerk.bill_freight(at, orders.latest("pk"), vendor=CARRIER, invoice="GL-88017", freight="148.60")


def _move_to_new_york(clerk: Clerk, at: datetime) -> None:
    lines: list[dict[str, object]] = [
        {"code": "LAMP", "quantity": Decimal(6)},
        {"code": "DESK", "quantity": Decimal(4)},
    ]
    clerk.adjust(at, Type.TRANSFER, "For the New York showroom", lines, to_office="NY")
    clerk.plan(at + timedelta(days=15), partial(_sell_in_new_york, clerk))


def _sell_in_new_york(clerk: Clerk, at: datetime) -> None:
    order = clerk.sell(at, "St. Mary's Academy", [("DESK", 3), ("LAMP", 3)], office="NY")
    clerk.plan(at + timedelta(days=1), lambda at: clerk.ship(at, order))


def _lamps_break(clerk: Clerk, at: datetime) -> None:
    lines: list[dict[str, object]] = [{"code": "LAMP", "quantity": Decimal(3)}]
    clerk.adjust(at, Type.LOSS, "Fell off the rack", lines, account=SHRINKAGE)


def _lamps_go_back_for_credit(clerk: Clerk, at: datetime) -> None:
    """The vendor takes back five lamps of a closed order, and credits them three weeks later."""
    order = PurchaseOrder.objects.filter(vendor=LIGHTING, status=DocumentStatus.CLOSED, parent_order="").latest("pk")
    receipt = clerk.send_back(at, order, "LAMP", 5, why="Cracked shades")
    vendor_return_post(receipt=receipt, by=clerk.by, at=at)
    line = order.lines.get(code=clerk.codes["LAMP"])

    def credit(at: datetime) -> None:
        purchase = purchase_save(
            purchase=None,
            vendor=LIGHTING,
            invoice_number="L-C107",
            invoiced_at=at,
            freight=Decimal(0),
            freight_by=Purchase.FreightBy.VALUE,
            lines=[{"purchase_order_line": line, "quantity": Decimal(-5), "value": -5 * line.unit_cost}],
            by=clerk.by,
            at=at,
        )
        purchase_post(purchase=purchase, by=clerk.by, at=at)

    clerk.plan(at + timedelta(days=21), credit)


def _assemble_by_hand(clerk: Clerk, at: datetime) -> None:
    lines: list[dict[str, object]] = [
        {"code": "DESK", "role": Role.COMPONENT, "quantity": Decimal(3)},
        {"code": "LAMP", "role": Role.COMPONENT, "quantity": Decimal(3)},
        {"code": "DESKSET", "role": Role.PRODUCT, "quantity": Decimal(3)},
    ]
    clerk.adjust(at, Type.ASSEMBLY, "Three sets for the spring fair", lines)


def _rest_never_comes(clerk: Clerk, at: datetime) -> None:
    order = clerk.buy(at, BRASSWORKS, [("HINGE", 100, "1.96")], reference="Long hinges")
    clerk.plan(at + timedelta(days=7), lambda at: clerk.receive(at, order, percent=60))
    clerk.plan(at + timedelta(days=14), lambda at: clerk.bill(at, order, invoice="F-2290"))
    clerk.plan(at + timedelta(days=35), lambda at: purchase_order_close(purchase_order=order, by=clerk.by, at=at))


# -- What July leaves open -----------------------------------------------------------------------------
def _supplies_for_july(clerk: Clerk, at: datetime) -> None:
    timber = clerk.buy(at, TIMBER, [("OAK", 64, "20.85"), ("GLUE", 10, "7.05")], reference=SUMMER)
    lamps = clerk.buy(at + timedelta(hours=1), LIGHTING, [("LAMP", 40, "26.40")])
    clerk.buy(at + timedelta(hours=2), SCIENTIFIC, [("MICRO-40", 10, "206.00"), ("STAIN-MB", 50, "7.95")])
    clerk.plan(moment(7, 5, 14), lambda at: clerk.receive(at, timber))
    clerk.plan(moment(7, 8, 14), lambda at: clerk.receive(at, lamps, percent=60))
    clerk.plan(moment(7, 14, 15), lambda at: clerk.receive(at, lamps, percent=50, posted=False))
    draft = [("BRASS", 6, "106.50")]
    clerk.plan(moment(7, 14, 11), lambda at: clerk.buy(at, BRASSWORKS, draft, reference="Fall", opened=False))


def _job_under_way(clerk: Clerk, at: datetime) -> None:
    order = clerk.sell(at, "Jefferson High", [("DESK", 10)], reference="New reading room")
    job = clerk.begin_job(
        at + timedelta(hours=1),
        "DESK",
        10,
        DESK_TAKES,
        order_line=order.lines.get(),
        reference=f"Order #{order.number}",
    )
    clerk.plan(at + timedelta(days=4), lambda at: clerk.produce(at, job, 4, backflush=True))
    clerk.plan(at + timedelta(days=5), lambda at: clerk.pay_work(at, job, "Workshop hours", "58.40"))


def _lamps_go_back(clerk: Clerk, at: datetime) -> None:
    """Of what came three days ago; the vendor's credit is awaited."""
    order = PurchaseOrder.objects.filter(vendor=LIGHTING, status=DocumentStatus.OPEN, parent_order="").latest("pk")
    receipt = clerk.send_back(at, order, "LAMP", 4, why="Wrong plugs")
    vendor_return_post(receipt=receipt, by=clerk.by, at=at)


def _orders_of_july(clerk: Clerk, at: datetime) -> None:
    first = clerk.sell(at, "Lincoln Elementary", [("LAMP", 12), ("DESKSET", 4)])
    second = clerk.sell(at + timedelta(hours=1), "Maple Grove School", [("STAIN-MB", 24), ("MICRO-40", 3)])
    clerk.sell(at + timedelta(hours=3), "Oak Hill Middle School", [("DESK", 6)], opened=False)
    clerk.plan(at + timedelta(days=1), lambda at: clerk.ship(at, first, percent=50))
    clerk.plan(at + timedelta(days=3), lambda at: clerk.ship(at, second, posted=False))
    back = _shipped_order("DESK", before=at)
    clerk.plan(at + timedelta(days=2), lambda at: clerk.take_back(at, back, 1, why="Drawer sticks", posted=False))


def _waits_for_approval(clerk: Clerk, at: datetime) -> None:
    lines: list[dict[str, object]] = [{"code": "DESK", "quantity": Decimal(90), "unit_cost": Decimal("121.50")}]
    text = "Desks found in the Ypsilanti depot"
    clerk.adjust(at, Type.BEGINNING_BALANCE, text, lines, posted=False)


# -- The books -----------------------------------------------------------------------------------------
def close_the_year(*, now: datetime) -> None:
    """Close the months of the fiscal year; one that cannot be closed now is left open, and tried at the next start."""
    by = User.objects.filter(username="accountant").first()
    closed = closed_periods()
    starts_on = FIRST_PERIOD
    while starts_on < OPEN_PERIOD:
        if starts_on not in closed:
            period_close(starts_on=starts_on, by=by, now=now, reason="Fiscal year 2021/22")
        starts_on = next_period(starts_on)


FALL, SPRING, SUMMER = "Fall 2021, first order", "Spring 2022, first order", "Summer 2022, first order"
BEFORE_THE_CLOSE = (Stage(FALL, moment(12, 31, 18), _fall), Stage(SPRING, moment(6, 30, 18), _spring))
AFTER_THE_CLOSE = Stage(SUMMER, moment(7, 15), _summer)
