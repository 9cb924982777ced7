"""Pure: the estimated figures of an open usage. Source of both rules: the guide's Open Inventory Usage list."""

from decimal import ROUND_HALF_UP, Decimal

from inventory_site.fields import MONEY_STEP


def accrued_cogs(*, quantity_unallocated: Decimal, est_unit_cost: Decimal) -> Decimal:
    """Unallocated x est unit cost, to the cent, half away from zero so that +n and -n mirror each other."""
    return (quantity_unallocated * est_unit_cost).quantize(MONEY_STEP, rounding=ROUND_HALF_UP)


def estimated_cogs(*, amount_allocated: Decimal, quantity_unallocated: Decimal, est_unit_cost: Decimal) -> Decimal:
    """~ COGS: what the lots charged so far, plus the estimate for what is still unallocated."""
    return amount_allocated + accrued_cogs(quantity_unallocated=quantity_unallocated, est_unit_cost=est_unit_cost)
