"""Pure: what a purchased lot costs, from the figures of its documents.

Source: the guides on the unit cost logic and on accrued inventory. While the purchase order is open the lot stands at
the order's unit cost; once it is closed, at what was purchased plus freight, spread over what was received. What goes
back to the vendor takes its part along, so that the rest keeps its unit cost; a credit that differs is variance, and so
is what was billed for goods that never came.
"""

from decimal import ROUND_HALF_UP, Decimal
from typing import NamedTuple

from inventory_site.fields import MONEY_STEP

ZERO = Decimal(0)


class PurchaseFigures(NamedTuple):
    """What the documents say. Quantities and values are totals so far, none negative."""

    is_open: bool
    unit_cost_ordered: Decimal
    quantity_received: Decimal  # net of what was returned
    quantity_returned: Decimal
    quantity_purchased: Decimal
    value_landed: Decimal  # invoices and freight
    quantity_credited: Decimal
    value_credited: Decimal
    # Returned as well, but taken from other lots, because the lot no longer held it.
    quantity_short: Decimal = ZERO


class PurchaseCost(NamedTuple):
    """What the books say of the lot: its value, and who is owed it. The rest of the value is accrued."""

    value: Decimal
    value_payable: Decimal
    value_other: Decimal  # credited to the variance account; negative is an expense

    @property
    def value_accrued(self) -> Decimal:
        return self.value - self.value_payable - self.value_other


def to_cents(amount: Decimal) -> Decimal:
    return amount.quantize(MONEY_STEP, rounding=ROUND_HALF_UP)


def purchase_cost(figures: PurchaseFigures) -> PurchaseCost:
    """Give the value of the lot and how it is owed."""
    payable = figures.value_landed - figures.value_credited
    if figures.is_open:
        unit_cost = figures.unit_cost_ordered
        return PurchaseCost(
            to_cents(unit_cost * figures.quantity_received), payable, to_cents(unit_cost * figures.quantity_short)
        )
    quantity_back = figures.quantity_returned + figures.quantity_short
    gross = figures.quantity_received + figures.quantity_returned
    # What went back without ever being billed (replaced one for one, or left out of the bill) was not bought, and
    # nobody owes anything for it.
    unbilled = max(min(gross - figures.quantity_purchased, quantity_back - figures.quantity_credited), ZERO)
    bought = gross - unbilled
    if bought == 0:
        # All of it went back unbilled. What of it other lots gave was sold from here, and keeps its cost as ordered:
        # the variance account, which bears what the others gave, is credited with it.
        value = to_cents(figures.unit_cost_ordered * min(figures.quantity_short, figures.quantity_received))
        return PurchaseCost(value, payable, value - payable)
    value = figures.value_landed - to_cents(figures.value_landed * (figures.quantity_returned - unbilled) / bought)
    # Credits still to come are owed to us: they stay accrued until the vendor's credit arrives.
    quantity_awaited = max(quantity_back - unbilled - figures.quantity_credited, ZERO)
    awaited = to_cents(figures.value_landed * quantity_awaited / bought)
    return PurchaseCost(value, payable, value - payable + awaited)


def spread(total: Decimal, weights: "list[Decimal]") -> list[Decimal]:
    """Spread an amount over weights to the cent: parts that add up exactly, each between two cumulative roundings.

    Weights that are all zero share alike.
    """
    if not any(weights):
        weights = [Decimal(1)] * len(weights)
    whole, run, before, parts = sum(weights, ZERO), ZERO, ZERO, []
    for weight in weights:
        run += weight
        after = to_cents(total * run / whole)
        parts.append(after - before)
        before = after
    return parts
