"""What stands on a purchase order's page beside its lines: the comparison of what was ordered, received and purchased,
why it will not close by itself, and what closing would do to its lots' cost.

Asked of lines with figures (`order_lines().for_page()`), so that a page of many lines costs no more queries.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple

from inventory_site.money import money_text, quantity_text
from lots.ledger import ZERO
from lots.lot_costs import cost_of
from lots.models import DocumentStatus, InventoryLot, PurchaseOrder
from lots.purchase_figures import LineFigures

CLOSES_BY_ITSELF = "It closes by itself once all of every line is ordered, received and purchased alike."


class Compared(NamedTuple):
    """One row of the comparison."""

    quantity: Decimal | None
    value: Decimal


@dataclass(frozen=True)
class Overview:
    """The sums over the lines of an order."""

    ordered: Compared
    received: Compared
    grown: Compared
    purchased: Compared
    value_freight: Decimal
    value_accrued: Decimal
    due: Decimal
    unbilled: Decimal


def overview_of(lines: Sequence[Any]) -> Overview:
    """Sum the lines."""

    def total(name: str) -> Decimal:
        return sum((getattr(line, name) for line in lines), ZERO)

    value = sum((line.lot.value for line in lines if line.lot is not None), ZERO)
    grown = Compared(total("grown"), total("value_grown"))
    return Overview(
        ordered=Compared(total("quantity"), total("value_ordered")),
        received=Compared(total("kept"), value - grown.value),
        grown=grown,
        purchased=Compared(total("purchased"), total("value_purchased")),
        value_freight=total("value_freight"),
        value_accrued=total("value_accrued"),
        due=total("due"),
        unbilled=total("unbilled"),
    )


def why_not_complete(order: PurchaseOrder, lines: Sequence[Any]) -> list[str]:
    """Say, line by line, what an open order still waits for before it closes by itself."""
    if order.status != DocumentStatus.OPEN:
        return []
    return [reason for line in lines for reason in _why_not(line)]


def _why_not(line: Any) -> list[str]:
    ordered, came, kept, billed = line.quantity, line.received, line.kept, line.purchased
    reasons = []
    if came < ordered:
        reasons.append(f"{quantity_text(ordered - came)} of {quantity_text(ordered)} still due")
    elif came > ordered:
        reasons.append(f"{quantity_text(came)} received of {quantity_text(ordered)} ordered")
    if billed < kept:
        reasons.append(f"{quantity_text(kept - billed)} received and not purchased yet")
    elif billed > kept:
        reasons.append(f"{quantity_text(billed)} purchased, but {quantity_text(kept)} received")
    return [f"{line.code}: {'; '.join(reasons)}."] if reasons else []


class CostSwitch(NamedTuple):
    """What a lot stands at, and what it would once its order is closed."""

    lot: InventoryLot
    value: Decimal
    value_closed: Decimal

    @property
    def difference(self) -> Decimal:
        return self.value_closed - self.value

    @property
    def text(self) -> str:
        code, now, then = self.lot.code, money_text(self.value), money_text(self.value_closed)
        if not self.difference:
            return f"Lot {self.lot} ({code}) stands at {now} and stays there."
        return f"Lot {self.lot} ({code}) stands at {now}; closing makes it {then}."


def cost_switch(line: Any) -> CostSwitch | None:
    """Cost the lot of a line as if its order were closed now. Nothing is written."""
    lot: InventoryLot | None = line.lot
    if lot is None:
        return None
    figures = LineFigures(**{name: getattr(line, name) for name in LineFigures._fields})
    return CostSwitch(lot, lot.value, cost_of(lot, figures, is_open=False).value)
