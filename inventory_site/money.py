"""How figures are rounded and written: pure, and the same on screen, in exports and in messages."""

from decimal import ROUND_HALF_UP, Decimal

from inventory_site.fields import MONEY_STEP, QUANTITY_STEP, UNIT_COST_PLACES

UNIT_COST_STEP = Decimal(1).scaleb(-UNIT_COST_PLACES)


def to_cents(amount: Decimal) -> Decimal:
    """Half away from zero, as PostgreSQL's ROUND does on numerics."""
    return amount.quantize(MONEY_STEP, rounding=ROUND_HALF_UP)


def trimmed(number: Decimal, *, places_least: int = 0) -> Decimal:
    """The same number without trailing zeros, but never fewer than `places_least` decimals and never an exponent."""
    exponent = number.normalize().as_tuple().exponent
    places = max(places_least, -exponent if isinstance(exponent, int) else 0)
    return number.quantize(Decimal(1).scaleb(-places))


def quantity_text(quantity: Decimal | int) -> str:
    """1,000 / -125 / 0.5: up to four decimals, trimmed."""
    rounded = Decimal(quantity).quantize(QUANTITY_STEP, rounding=ROUND_HALF_UP)
    return f"{_without_minus_zero(trimmed(rounded)):,f}"


def money_text(amount: Decimal | int) -> str:
    """1,990.00 / -9,373.75: two decimals, always."""
    return f"{_without_minus_zero(to_cents(Decimal(amount))):,f}"


def unit_cost_text(cost: Decimal | int) -> str:
    """1.99 / 0.333333: two to six decimals."""
    rounded = Decimal(cost).quantize(UNIT_COST_STEP, rounding=ROUND_HALF_UP)
    return f"{_without_minus_zero(trimmed(rounded, places_least=2)):,f}"


def _without_minus_zero(number: Decimal) -> Decimal:
    return number if number else abs(number)
