"""A small company that does whatever random numbers say, and a plain model of what should come of it.

The model knows the posting matrix of the guides and nothing of the program: on hand per code (which serial numbers, how
much of which manufacturer lot), and what is still due of every document. An event does what the model says, or it is
refused and moves nothing.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import NamedTuple, TypeVar

from django.core.exceptions import ValidationError
from django.db import transaction

from lots.models import (
    InventoryTransaction,
    LineItemCode,
    LotCostEvent,
    PurchaseOrderLine,
    ReceiptLine,
    RecordHistory,
)
from tests.factories import make_code, make_office
from usage.models import InventoryUsage, Job, OrderLine, ShipmentLine

MATERIALS = ("OAK", "GLUE", "LAMP")
PRODUCTS = ("TABLE", "SET")
SERIALIZED, BY_LOT = "CLOCK", "PAINT"
GOODS = (*MATERIALS, SERIALIZED, BY_LOT)
MANUFACTURER_LOTS = ("P1", "P2", "P3")
ZERO = Decimal(0)
T = TypeVar("T")
FIRST_DAY = datetime(2026, 1, 5, 9).astimezone()


class Units(NamedTuple):
    """Which units of a code move, where it is a code of which one must say so."""

    manufacturer_lot: str = ""
    serials: tuple[str, ...] = ()

    def fields(self) -> dict[str, str]:
        return {"manufacturer_lot": self.manufacturer_lot, "serials": "\n".join(self.serials)}


def units_of(line: "ReceiptLine | ShipmentLine") -> Units:
    return Units(line.manufacturer_lot, tuple(line.serials.split()))


@dataclass
class Line:
    """What one line of a purchase order, order or job is about, and how far it is served."""

    code: str
    ordered: Decimal
    served: Decimal = ZERO

    @property
    def due(self) -> Decimal:
        return max(self.ordered - self.served, ZERO)


@dataclass
class Wanted(Line):
    """A line of an order. What customers sent back serves it no longer, and where returns reduce orders lowers it."""

    supply: str = "STOCK"

    @property
    def is_stocked(self) -> bool:
        return self.supply != "DROP_SHIP"

    @property
    def due(self) -> Decimal:
        return max(self.ordered - self.served, ZERO) if self.is_stocked else ZERO


@dataclass
class Company:
    """The model, and the hand that works the program."""

    random: Random
    now: datetime = FIRST_DAY
    on_hand: defaultdict[str, Decimal] = field(default_factory=lambda: defaultdict(lambda: ZERO))
    serials: set[str] = field(default_factory=set)  # in stock
    by_lot: defaultdict[str, Decimal] = field(default_factory=lambda: defaultdict(lambda: ZERO))
    bought: dict[int, Line] = field(default_factory=dict)  # purchase order line -> what is due
    wanted: dict[int, Wanted] = field(default_factory=dict)  # order line
    made: dict[int, Line] = field(default_factory=dict)  # job
    needed: dict[int, Line] = field(default_factory=dict)  # job component
    closed: dict[date, object] = field(default_factory=dict)  # month -> what the books said of it then
    returns_reduce: bool = True
    serials_named: int = 0
    refused: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    done: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))

    def __post_init__(self) -> None:
        for code in (*GOODS, *PRODUCTS):
            make_code(code, cost=str(self.random.randrange(0, 900)))
        LineItemCode.objects.filter(code=SERIALIZED).update(is_serialized=True, unit_weight=3)
        LineItemCode.objects.filter(code=BY_LOT).update(is_tracked_by_manufacturer_lot=True, unit_weight=1)
        self.offices = [None, make_office("AI"), make_office("NY")]

    # -- What should be --------------------------------------------------------------------------------
    def on_order(self) -> dict[str, Decimal]:
        """Open purchase orders and open jobs expect what is due of them."""
        sums: defaultdict[str, Decimal] = defaultdict(lambda: ZERO)
        for line in PurchaseOrderLine.objects.filter(purchase_order__status="OPEN"):
            sums[self.bought[line.pk].code] += self.bought[line.pk].due
        for job in Job.objects.filter(status="OPEN"):
            sums[self.made[job.pk].code] += self.made[job.pk].due
        return {code: amount for code, amount in sums.items() if amount}

    def demand(self) -> dict[str, Decimal]:
        """Open orders and open jobs want what is due of them: negative, as in the guides."""
        sums: defaultdict[str, Decimal] = defaultdict(lambda: ZERO)
        for line in OrderLine.objects.filter(order__status="OPEN"):
            sums[self.wanted[line.pk].code] -= self.wanted[line.pk].due
        for job in Job.objects.filter(status="OPEN").prefetch_related("components"):
            for component in job.components.all():
                sums[self.needed[component.pk].code] -= self.needed[component.pk].due
        return {code: amount for code, amount in sums.items() if amount}

    # -- What happens ----------------------------------------------------------------------------------
    def step(self, events: "list[tuple[Callable[[Company], Moves], int]]") -> str:
        """Do one of these (event, weight) for which there is an occasion; return its name."""
        self.now += timedelta(hours=self.random.randrange(1, 60))
        while True:
            event = self.random.choices([event for event, _ in events], [weight for _, weight in events])[0]
            before = footprint()
            try:
                with transaction.atomic():
                    # The model moves only if the program does: an event returns how.
                    moves = event(self)
            except ValidationError:
                self.refused[event.__name__] += 1
                assert footprint() == before, f"{event.__name__} was refused, and moved something"
                return event.__name__
            if moves:
                for move in moves:
                    move()
                self.done[event.__name__] += 1
                return event.__name__

    # -- Random choices --------------------------------------------------------------------------------
    def some(self, highest: int = 12) -> Decimal:
        return Decimal(self.random.randrange(1, highest + 1))

    def much(self, code: str, highest: int = 12) -> Decimal:
        """A quantity of a code: now and then a broken one, where it is not counted in units."""
        whole = self.some(highest)
        return whole if code == SERIALIZED or not self.perhaps(0.15) else whole / 4

    def perhaps(self, likelihood: float) -> bool:
        return self.random.random() < likelihood

    def pick(self, rows: "Iterable[T]") -> T | None:
        found = list(rows)
        return self.random.choice(found) if found else None

    def when(self) -> datetime:
        """When something happened that is entered now: mostly now, but papers lie about."""
        earlier = self.now - timedelta(hours=self.random.randrange(1, 1000))
        return max(earlier, FIRST_DAY) if self.perhaps(0.2) else self.now

    def coming(self, code: str, quantity: Decimal) -> Units:
        """Units that come in: of serial numbers mostly new ones."""
        if code == BY_LOT:
            return Units(self.random.choice(MANUFACTURER_LOTS))
        if code != SERIALIZED:
            return Units()
        names = [f"C{self.serials_named + index}" for index in range(int(quantity))]
        self.serials_named += len(names)
        if self.serials_named > len(names) and self.perhaps(0.2):
            # Perhaps one that left comes again; perhaps it never left, and is refused.
            names[0] = f"C{self.random.randrange(self.serials_named - len(names))}"
        return Units(serials=tuple(names))

    def going(self, code: str, quantity: Decimal) -> Units:
        if code == BY_LOT:
            there = [name for name, quantity in self.by_lot.items() if quantity > 0]
            return Units(self.random.choice(there or MANUFACTURER_LOTS))
        return Units(serials=self.sample(self.serials, quantity)) if code == SERIALIZED else Units()

    def among(self, code: str, lines: "Iterable[ReceiptLine | ShipmentLine]", quantity: Decimal, *,
              in_stock: bool) -> Units:  # fmt: skip
        """Units that these lines moved, and that are (or are not) in stock."""
        moved = [units_of(line) for line in lines]
        names = {serial for units in moved for serial in units.serials if (serial in self.serials) == in_stock}
        lots = self.pick(units.manufacturer_lot for units in moved)
        return Units(lots or "", self.sample(names, quantity) if code == SERIALIZED else ())

    def sample(self, names: Iterable[str], quantity: Decimal) -> tuple[str, ...]:
        there = sorted(names)
        return tuple(self.random.sample(there, min(int(quantity), len(there))))

    # -- How the model moves ---------------------------------------------------------------------------
    def add(self, code: str, quantity: Decimal, units: Units = Units()) -> Callable[[], None]:  # noqa: B008  (a constant)
        def move() -> None:
            self.on_hand[code] += quantity
            if units.manufacturer_lot:
                self.by_lot[units.manufacturer_lot] += quantity
            (self.serials.update if quantity > 0 else self.serials.difference_update)(units.serials)

        return move

    def serve(self, line: Line, quantity: Decimal) -> Callable[[], None]:
        def move() -> None:
            line.served += quantity

        return move

    def come_back(self, line: Wanted, quantity: Decimal, *, reduced: Decimal) -> Callable[[], None]:
        """A customer returns so much, and wants so much less (below zero: the return is void)."""

        def move() -> None:
            line.served -= quantity
            line.ordered -= reduced

        return move

    def undo(self, number: str) -> "Moves":
        """The opposite of what a document moved."""
        return [
            self.add(row.code.code, -row.on_hand,
                     Units(row.manufacturer_lot, tuple(row.serials.values_list("serial", flat=True))))
            for row in InventoryTransaction.objects.filter(source_number=number).select_related("code").order_by("-pk")
        ]  # fmt: skip


Moves = list[Callable[[], None]]


def nothing() -> None:
    """An event that moves no goods."""


def footprint() -> tuple[int, ...]:
    models = (InventoryTransaction, InventoryUsage, LotCostEvent, RecordHistory)
    return tuple(model.objects.count() for model in models)


def code_of(name: str) -> LineItemCode:
    return LineItemCode.objects.get(code=name)
