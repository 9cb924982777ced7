"""A clerk of the demo company: says what happened in few words, and writes it by the same verbs as the pages do."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from heapq import heappop, heappush
from random import Random

from django.contrib.auth.models import User
from django.db.models import Sum

from inventory_site.money import to_cents
from lots.invoicing import purchase_post, purchase_save
from lots.ledger import ZERO
from lots.models import (
    Account,
    DocumentStatus,
    InventoryTransaction,
    LineItemCode,
    Office,
    PostingStatus,
    Purchase,
    PurchaseOrder,
    PurchaseOrderLine,
    Receipt,
    SerialMovement,
)
from lots.purchasing import purchase_order_open, purchase_order_save
from lots.receiving import receipt_post, receipt_save
from reconciliation.demo.catalog import WAGES
from usage.adjusting import adjustment_post, adjustment_save
from usage.demand import due, is_stocked
from usage.models import InventoryAdjustment, Job, JobCost, Order, OrderLine, Shipment
from usage.ordering import lines_of, order_open, order_save
from usage.production import job_close, job_consume, job_cost_add, job_open, job_produce, job_save
from usage.shipping import can_leave, return_receive, shipment_save, shipment_ship

# By it the demo company's own orders are told from those that people enter beside them.
DEPARTMENT = "School Furniture"

Wanted = Sequence[tuple[str, int, str]]


@dataclass
class Clerk:
    """Who writes, and what is still to be done: things that happen later are put into a queue, by their moment."""

    random: Random
    by: User | None
    codes: dict[str, LineItemCode]
    offices: dict[str, Office]
    # No more than this ever happens in one stage; what would come later is not done.
    until: datetime
    _queue: list[tuple[datetime, int, Callable[[datetime], object]]] = field(default_factory=list)
    _planned: int = 0

    # -- The calendar ------------------------------------------------------------------------------------
    def plan(self, at: datetime, what: Callable[[datetime], object]) -> None:
        """Do this at that moment, or on the Monday after."""
        while at.weekday() > 4:
            at += timedelta(days=1)
        self._planned += 1
        heappush(self._queue, (at, self._planned, what))

    def work_off(self) -> None:
        """Do all that is planned, in the order of time, and what it leads to."""
        while self._queue:
            at, _, what = heappop(self._queue)
            if at < self.until:
                what(at)

    # -- Buying ------------------------------------------------------------------------------------------
    def buy(
        self, at: datetime, vendor: str, lines: Wanted, *, office: str = "AI", reference: str = "", opened: bool = True
    ) -> PurchaseOrder:
        """Order from a vendor: code, quantity and unit cost per line."""
        order = purchase_order_save(
            purchase_order=None,
            vendor=vendor,
            office=self.offices[office],
            ordered_on=at.date(),
            reference=reference,
            lines=[
                {"code": self.codes[code], "quantity": Decimal(quantity), "unit_cost": Decimal(cost)}
                for code, quantity, cost in lines
            ],
            by=self.by,
            at=at,
        )
        return purchase_order_open(purchase_order=order, by=self.by, at=at) if opened else order

    def receive(self, at: datetime, order: PurchaseOrder, *, percent: int = 100, posted: bool = True) -> Receipt | None:
        """Receive what is due of an order, or a part of it; serial numbers and manufacturer lots are on the boxes."""
        lines = []
        for line in _lines_of_purchase(order):
            quantity = Decimal(int(-_sum("on_order", lot=line.lot) * -percent) // 100)
            if quantity > 0:
                lines.append(self._received_line(line, quantity, at))
        if not lines:
            return None
        receipt = receipt_save(
            receipt=None,
            purchase_order=order,
            kind=Receipt.Kind.INCOMING,
            received_at=at,
            reference="",
            lines=lines,
            by=self.by,
            at=at,
        )
        return receipt_post(receipt=receipt, by=self.by, at=at) if posted else receipt

    def _received_line(self, line: PurchaseOrderLine, quantity: Decimal, at: datetime) -> dict[str, object]:
        wanted: dict[str, object] = {"purchase_order_line": line, "quantity": quantity}
        if line.code.is_tracked_by_manufacturer_lot:
            wanted["manufacturer_lot"] = f"MB{at:%y%m}{'ABCD'[at.day % 4]}"
        if line.code.is_serialized:
            first = 10_001 + SerialMovement.objects.filter(code=line.code, direction=1).count()
            wanted["serials"] = "\n".join(f"SM-{first + unit}" for unit in range(int(quantity)))
        return wanted

    def bill(
        self, at: datetime, order: PurchaseOrder, *, invoice: str, percent: str = "100", freight: str = "0"
    ) -> Purchase:
        """Enter the vendor's invoice for all that was received, at so much of what was agreed."""
        lines = [
            {
                "purchase_order_line": line,
                "quantity": line.lot.quantity_received,
                "value": to_cents(line.lot.quantity_received * line.unit_cost * Decimal(percent) / 100),
            }
            for line in _lines_of_purchase(order)
            if line.lot is not None and line.lot.quantity_received
        ]
        return self._purchase(at, order.vendor, invoice, lines, freight=freight)

    def bill_freight(self, at: datetime, order: PurchaseOrder, *, vendor: str, invoice: str, freight: str) -> Purchase:
        """Enter the bill of a carrier for goods that somebody else sold, spread by weight."""
        lines = [{"purchase_order_line": line, "quantity": ZERO, "value": ZERO} for line in _lines_of_purchase(order)]
        return self._purchase(at, vendor, invoice, lines, freight=freight, freight_by=Purchase.FreightBy.WEIGHT)

    def _purchase(
        self,
        at: datetime,
        vendor: str,
        invoice: str,
        lines: Sequence[dict[str, object]],
        *,
        freight: str,
        freight_by: str = Purchase.FreightBy.VALUE,
    ) -> Purchase:
        purchase = purchase_save(
            purchase=None,
            vendor=vendor,
            invoice_number=invoice,
            invoiced_at=at,
            freight=Decimal(freight),
            freight_by=freight_by,
            lines=lines,
            by=self.by,
            at=at,
        )
        return purchase_post(purchase=purchase, by=self.by, at=at)

    def send_back(self, at: datetime, order: PurchaseOrder, code: str, quantity: int, *, why: str) -> Receipt:
        """Write a return to the vendor of an order; posting it takes usage/vendor_returns.py."""
        line = order.lines.get(code=self.codes[code])
        return receipt_save(
            receipt=None,
            purchase_order=order,
            kind=Receipt.Kind.OUTGOING_RETURN,
            received_at=at,
            reference=why,
            lines=[{"purchase_order_line": line, "quantity": Decimal(quantity)}],
            by=self.by,
            at=at,
        )

    # -- Selling -----------------------------------------------------------------------------------------
    def sell(
        self,
        at: datetime,
        customer: str,
        lines: Sequence[tuple[str, int]],
        *,
        office: str = "AI",
        supply: str = OrderLine.Supply.STOCK,
        reference: str = "",
        opened: bool = True,
    ) -> Order:
        """Take an order."""
        order = order_save(
            order=None,
            customer=customer,
            department=DEPARTMENT,
            ordered_at=at,
            reference=reference,
            office=self.offices[office],
            lines=[
                {"code": self.codes[code], "quantity": Decimal(quantity), "supply": supply} for code, quantity in lines
            ],
            by=self.by,
            at=at,
        )
        if opened:
            order_open(order=order, by=self.by, at=at)
        return order

    def ship(self, at: datetime, *orders: Order, percent: int = 100, posted: bool = True) -> Shipment | None:
        """Ship what is due of these orders and in stock, in one shipment; None where nothing is."""
        lines: list[dict[str, object]] = []
        for order in orders:
            for line in lines_of(order):
                quantity = min(due(line), can_leave(line))
                if is_stocked(line):
                    quantity = min(quantity * percent // 100, self.on_hand(line.code, order.office))
                lines += self._units(line, quantity, order.office) if quantity > 0 else []
        if not lines:
            return None
        return self._shipment(at, orders[0].office, lines, kind=Shipment.Kind.OUTGOING, posted=posted)

    def take_back(self, at: datetime, order: Order, quantity: int, *, why: str, posted: bool = True) -> Shipment:
        """Take back units of an order's first line."""
        line = lines_of(order)[0]
        lines: list[dict[str, object]] = [{"order_line": line, "quantity": Decimal(quantity)}]
        kind = Shipment.Kind.INCOMING_RETURN
        return self._shipment(at, order.office, lines, kind=kind, posted=posted, reference=why)

    def _shipment(
        self,
        at: datetime,
        office: Office | None,
        lines: Sequence[dict[str, object]],
        *,
        kind: str,
        posted: bool,
        reference: str = "",
    ) -> Shipment:
        shipment = shipment_save(
            shipment=None, kind=kind, shipped_at=at, office=office, reference=reference, lines=lines, by=self.by, at=at
        )
        if posted:
            post = shipment_ship if kind == Shipment.Kind.OUTGOING else return_receive
            post(shipment=shipment, by=self.by, at=at)
        return shipment

    def _units(self, line: OrderLine, quantity: Decimal, office: Office | None) -> list[dict[str, object]]:
        """What goes on the shipment: units are named where the code is tracked, the oldest first."""
        if line.code.is_serialized:
            serials = self.serials(line.code)[: int(quantity)]
            return [{"order_line": line, "quantity": Decimal(len(serials)), "serials": "\n".join(serials)}]
        if not line.code.is_tracked_by_manufacturer_lot:
            return [{"order_line": line, "quantity": quantity}]
        there = InventoryTransaction.objects.filter(code=line.code, office=office).exclude(manufacturer_lot="")
        found: list[dict[str, object]] = []
        for row in there.values("manufacturer_lot").annotate(left=Sum("on_hand")).order_by("manufacturer_lot"):
            part = min(quantity, row["left"])
            if part > 0:
                found.append({"order_line": line, "quantity": part, "manufacturer_lot": row["manufacturer_lot"]})
                quantity -= part
        return found

    # -- Making and moving -------------------------------------------------------------------------------
    def begin_job(
        self,
        at: datetime,
        code: str,
        quantity: int,
        components: Sequence[tuple[str, str]],
        *,
        parent: Job | None = None,
        reference: str = "",
        order_line: OrderLine | None = None,
    ) -> Job:
        """Enter and open a job; components by what one unit takes."""
        job = job_save(
            job=None,
            code=self.codes[code],
            quantity=Decimal(quantity),
            office=self.offices["AI"],
            started_at=at,
            reference=reference,
            components=[{"code": self.codes[name], "quantity": Decimal(each) * quantity} for name, each in components],
            by=self.by,
            at=at,
            parent=parent,
            order_line=order_line,
        )
        return job_open(job=job, by=self.by, at=at)

    def consume(self, at: datetime, job: Job) -> None:
        """Take all components that the job still needs."""
        lines = [
            {"component": component, "quantity": component.quantity - component.quantity_consumed}
            for component in job.components.order_by("position")
        ]
        job_consume(job=job, lines=lines, consumed_at=at, by=self.by, at=at)

    def pay_work(self, at: datetime, job: Job, text: str, amount: str, *, kind: str = JobCost.Kind.LABOR) -> None:
        """Charge labor or a service to a job."""
        account = self.account(WAGES) if kind == JobCost.Kind.LABOR else None
        job_cost_add(
            job=job,
            kind=kind,
            description=text,
            incurred_at=at,
            amount=Decimal(amount),
            by=self.by,
            at=at,
            account=account,
        )

    def produce(self, at: datetime, job: Job, quantity: int, *, backflush: bool = False, closes: bool = False) -> None:
        """Finish units of a job, and with `closes` the job."""
        job_produce(job=job, quantity=Decimal(quantity), produced_at=at, by=self.by, at=at, backflush=backflush)
        if closes:
            job_close(job=job, by=self.by, at=at)

    def adjust(
        self,
        at: datetime,
        adjustment_type: str,
        text: str,
        lines: Sequence[dict[str, object]],
        *,
        office: str = "AI",
        to_office: str = "",
        account: str = "",
        posted: bool = True,
    ) -> InventoryAdjustment:
        """Write an adjustment; its lines name their codes as people write them."""
        adjustment = adjustment_save(
            adjustment=None,
            adjustment_type=adjustment_type,
            adjusted_at=at,
            office=self.offices[office],
            to_office=self.offices.get(to_office),
            account=self.account(account),
            description=text,
            lines=[{**line, "code": self.codes[str(line["code"])]} for line in lines],
            by=self.by,
            at=at,
        )
        return adjustment_post(adjustment=adjustment, by=self.by, at=at) if posted else adjustment

    # -- Looking -----------------------------------------------------------------------------------------
    def account(self, number: str) -> Account | None:
        """The account of this number; None, which means the default, where none is named."""
        return Account.objects.get(number=number) if number else None

    def on_hand(self, code: LineItemCode, office: Office | None) -> Decimal:
        """Whole units of a code that an office has."""
        return Decimal(int(max(_sum("on_hand", code=code, office=office), ZERO)))

    def serials(self, code: LineItemCode) -> list[str]:
        """Serial numbers in stock, the oldest first."""
        rows = SerialMovement.objects.filter(code=code).values("serial").annotate(there=Sum("direction"))
        return sorted(row["serial"] for row in rows if row["there"] > 0)

    def open_orders(self) -> list[Order]:
        """Open orders of the demo company, the oldest first."""
        orders = Order.objects.filter(status=DocumentStatus.OPEN, department=DEPARTMENT, ordered_at__lt=self.until)
        return list(orders.select_related("office").order_by("pk"))

    def unbilled(self, vendor: str, before: date) -> list[PurchaseOrder]:
        """Open orders with a vendor of before that day, with goods that nobody billed yet, the oldest first."""
        orders = PurchaseOrder.objects.filter(status=DocumentStatus.OPEN, vendor=vendor, ordered_on__lt=before)
        received = orders.filter(receipts__status=PostingStatus.POSTED)
        return list(received.exclude(lines__purchase_lines__isnull=False).order_by("pk").distinct())


def _lines_of_purchase(order: PurchaseOrder) -> list[PurchaseOrderLine]:
    return list(order.lines.select_related("code", "lot").order_by("position", "pk"))


def _sum(name: str, **where: object) -> Decimal:
    found: Decimal = InventoryTransaction.objects.filter(**where).aggregate(sum=Sum(name, default=ZERO))["sum"]
    return found
