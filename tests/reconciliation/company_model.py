"""A small company that does whatever random numbers say, and a plain model of what should come of it.

The model knows the posting matrix of the guides and nothing of the program: on hand per code, and what is still due of
every document. An event does what the model says, or it is refused and moves nothing.
"""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random
from typing import TypeVar

from django.core.exceptions import ValidationError
from django.db import transaction

from lots.models import (
    InventoryTransaction,
    LineItemCode,
    LotCostEvent,
    PurchaseOrderLine,
    RecordHistory,
)
from tests.factories import make_code, make_office
from usage.models import InventoryUsage, Job, OrderLine

MATERIALS = ("OAK", "GLUE", "LAMP")
PRODUCTS = ("TABLE", "SET")
ZERO = Decimal(0)
T = TypeVar("T")
FIRST_DAY = datetime(2026, 1, 5, 9).astimezone()


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
class Company:
    """The model, and the hand that works the program."""

    random: Random
    now: datetime = FIRST_DAY
    on_hand: defaultdict[str, Decimal] = field(default_factory=lambda: defaultdict(lambda: ZERO))
    bought: dict[int, Line] = field(default_factory=dict)  # purchase order line -> what is due
    wanted: dict[int, Line] = field(default_factory=dict)  # order line
    made: dict[int, Line] = field(default_factory=dict)  # job
    needed: dict[int, Line] = field(default_factory=dict)  # job component
    refused: int = 0
    done: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))

    def __post_init__(self) -> None:
        for code in (*MATERIALS, *PRODUCTS):
            make_code(code, cost=str(self.random.randrange(0, 900)))
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
        for job in Job.objects.filter(status="OPEN"):
            for component in job.components.all():
                sums[self.needed[component.pk].code] -= self.needed[component.pk].due
        return {code: amount for code, amount in sums.items() if amount}

    # -- What happens ----------------------------------------------------------------------------------
    def step(self, events: "list[tuple[Callable[[Company], Moves], int]]") -> str:
        """Do one of these (event, weight); return its name."""
        self.now += timedelta(hours=self.random.randrange(1, 60))
        event = self.random.choices([event for event, _ in events], [weight for _, weight in events])[0]
        before = footprint()
        try:
            with transaction.atomic():
                # The model moves only if the program does: an event returns how.
                moves = event(self)
        except ValidationError:
            self.refused += 1
            assert footprint() == before, f"{event.__name__} was refused, and moved something"
        else:
            for move in moves:
                move()
            self.done[event.__name__] += bool(moves)
        return event.__name__

    def some(self, highest: int = 12) -> Decimal:
        return Decimal(self.random.randrange(1, highest + 1))

    def pick(self, rows: "list[T]") -> T | None:
        return self.random.choice(rows) if rows else None

    def add(self, code: str, quantity: Decimal) -> Callable[[], None]:
        def move() -> None:
            self.on_hand[code] += quantity

        return move

    def serve(self, line: Line, quantity: Decimal) -> Callable[[], None]:
        def move() -> None:
            line.served += quantity

        return move


Moves = list[Callable[[], None]]


def nothing() -> None:
    """An event that moves no goods."""


def footprint() -> tuple[int, ...]:
    models = (InventoryTransaction, InventoryUsage, LotCostEvent, RecordHistory)
    return tuple(model.objects.count() for model in models)


def code_of(name: str) -> LineItemCode:
    return LineItemCode.objects.get(code=name)
