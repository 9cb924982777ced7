"""Questions about codes, lots and movements that pages ask. Reads only."""

from collections.abc import Collection
from dataclasses import dataclass
from decimal import Decimal

from django.db import connection
from django.db.models import Sum

from inventory_site.fields import QuantityField
from lots.models import CostPool, InventoryLot, InventoryTransaction, LineItemCode

_RUNNING = """
SELECT id, on_order, demand, on_hand FROM (
    SELECT id, sum(on_order) OVER ledger AS on_order, sum(demand) OVER ledger AS demand,
        sum(on_hand) OVER ledger AS on_hand
    FROM lots_inventorytransaction WHERE code_id = ANY(%(codes)s)
    WINDOW ledger AS (PARTITION BY code_id ORDER BY at, id ROWS UNBOUNDED PRECEDING)
) AS running
"""


@dataclass(frozen=True)
class Balances:
    """The three columns of the quantity ledger summed up. Demand is negative there, as in the guides."""

    on_order: Decimal = Decimal(0)
    demand: Decimal = Decimal(0)
    on_hand: Decimal = Decimal(0)

    @property
    def available(self) -> Decimal:
        return self.on_hand + self.demand

    @property
    def total(self) -> Decimal:
        return self.on_hand + self.demand + self.on_order


@dataclass(frozen=True)
class MasterIdentity:
    """On hand = lots current - unallocated, from the rows themselves and not from any summary of them."""

    on_hand: Decimal
    in_lots: Decimal
    unallocated: Decimal

    @property
    def difference(self) -> Decimal:
        return self.on_hand - (self.in_lots - self.unallocated)

    @property
    def holds(self) -> bool:
        return self.difference == 0


def balances_of(code: LineItemCode) -> Balances:
    """Of the code's whole ledger, all offices."""
    names = ("on_order", "demand", "on_hand")
    sums = {f"sum_{name}": Sum(name, default=0, output_field=QuantityField()) for name in names}
    row = InventoryTransaction.objects.filter(code=code).aggregate(**sums)
    return Balances(**{name: row[f"sum_{name}"] for name in names})


def running_balances(
    code_ids: Collection[int], *, transaction_ids: Collection[int] | None = None
) -> dict[int, Balances]:
    """Transaction -> balances of its code right after it, over the code's whole ledger by date and number.

    Without `transaction_ids` those of every movement of the codes.
    """
    statement, parameters = _RUNNING, {"codes": list(code_ids)}
    if transaction_ids is not None:
        statement += " WHERE id = ANY(%(chosen)s)"
        parameters["chosen"] = list(transaction_ids)
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return {pk: Balances(on_order, demand, on_hand) for pk, on_order, demand, on_hand in cursor.fetchall()}


def master_identity(code: LineItemCode, *, on_hand: Decimal) -> MasterIdentity:
    """`on_hand` is the ledger's. What is unallocated of a pool is its open usage, row by row."""
    in_lots = InventoryLot.objects.filter(code=code).aggregate(
        current=Sum("quantity_current", default=0, output_field=QuantityField())
    )["current"]
    unallocated = CostPool.objects.filter(code=code).aggregate(
        open=Sum("open_usages__quantity_unallocated", default=0, output_field=QuantityField())
    )["open"]
    return MasterIdentity(on_hand=on_hand, in_lots=in_lots, unallocated=unallocated)


def only_code_like(text: str) -> LineItemCode | None:
    """The code that a filter for codes finds, if it is one alone."""
    if text.startswith("=") and len(text) > 1:
        found = LineItemCode.objects.filter(code=text[1:])
    else:
        found = LineItemCode.objects.filter(code__istartswith=text)
    matches = list(found.order_by("pk")[:2])
    return matches[0] if len(matches) == 1 else None
