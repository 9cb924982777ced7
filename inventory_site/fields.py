"""Precision, said once: quantities 4 decimals, money 2, unit costs 6. Never a float."""

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.db import models

if TYPE_CHECKING:
    from django.db.models.expressions import Combinable

    DecimalField = models.DecimalField[Decimal | int | Combinable, Decimal]
    OptionalDecimalField = models.DecimalField[Decimal | int | Combinable | None, Decimal | None]
else:
    DecimalField = OptionalDecimalField = models.DecimalField

QUANTITY_PLACES = 4
MONEY_PLACES = 2
UNIT_COST_PLACES = 6

QUANTITY_STEP = Decimal(1).scaleb(-QUANTITY_PLACES)
MONEY_STEP = Decimal(1).scaleb(-MONEY_PLACES)
# What the columns below hold lies below these.
QUANTITY_LIMIT = Decimal(10) ** (16 - QUANTITY_PLACES)
MONEY_LIMIT = Decimal(10) ** (18 - MONEY_PLACES)


class QuantityField(DecimalField):
    """A quantity of goods in the code's unit, numeric(16, 4)."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"max_digits": 16, "decimal_places": QUANTITY_PLACES, **kwargs})


class MoneyField(DecimalField):
    """An amount in the company's currency, numeric(18, 2)."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"max_digits": 18, "decimal_places": MONEY_PLACES, **kwargs})


class UnitCostField(DecimalField):
    """An *estimated* cost of one unit, numeric(18, 6). The true one is never stored: it is value / quantity."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"max_digits": 18, "decimal_places": UNIT_COST_PLACES, **kwargs})


class OptionalQuantityField(OptionalDecimalField):
    """A quantity that may be unknown, which is not zero."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        precision = {"max_digits": 16, "decimal_places": QUANTITY_PLACES}
        super().__init__(*args, **{"null": True, "blank": True, **precision, **kwargs})


class OptionalMoneyField(OptionalDecimalField):
    """An amount that may be unknown or not set, which is not zero."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        precision = {"max_digits": 18, "decimal_places": MONEY_PLACES}
        super().__init__(*args, **{"null": True, "blank": True, **precision, **kwargs})


class OptionalUnitCostField(OptionalDecimalField):
    """A cost of one unit that may be unknown, which is not zero."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        precision = {"max_digits": 18, "decimal_places": UNIT_COST_PLACES}
        super().__init__(*args, **{"null": True, "blank": True, **precision, **kwargs})
