"""Chainable names for questions about codes, lots and movements; `for_list()` adds the figures that pages show."""

from decimal import Decimal
from typing import Self

from django.db.models import Case, F, Q, QuerySet, Sum, Value, When
from django.db.models.functions import Coalesce, NullIf, Round

from inventory_site.fields import UNIT_COST_PLACES, MoneyField, QuantityField, UnitCostField
from lots.models import InventoryLot, InventoryTransaction, LineItemCode, LotType, RecordType

NOTHING = Value(Decimal(0))
INVENTORIED = (RecordType.INVENTORIED_ITEM, RecordType.INVENTORIED_ASSEMBLY_ITEM)


class LotQuerySet(QuerySet[InventoryLot]):
    """Inventory lots, the cost layers."""

    def open(self) -> Self:
        return self.filter(status=InventoryLot.Status.OPEN)

    def closed(self) -> Self:
        return self.filter(status=InventoryLot.Status.CLOSED)

    def with_stock(self) -> Self:
        return self.filter(quantity_current__gt=0)

    def purchased(self) -> Self:
        return self.filter(lot_type=LotType.PURCHASE)

    def produced(self) -> Self:
        return self.filter(lot_type=LotType.PRODUCTION)

    def for_item(self, code: LineItemCode) -> Self:
        return self.filter(code=code)

    def at_estimated_cost(self) -> Self:
        """Cost not final: something is still to be known of it, or it changed since it was booked."""
        return self.filter(
            Q(is_cost_final=False) | ~Q(value=F("value_costed")) | ~Q(quantity_received=F("quantity_costed"))
        )

    def for_list(self) -> Self:
        return self.select_related("code", "office").annotate(
            value_current=F("value") - F("value_used"),
            # For display only: rounded, so nothing may ever be computed from it.
            unit_cost=Round(
                F("value") / NullIf("quantity_received", NOTHING), UNIT_COST_PLACES, output_field=UnitCostField()
            ),
        )


class TransactionQuerySet(QuerySet[InventoryTransaction]):
    """Movements of the quantity ledger."""

    def for_item(self, code: LineItemCode) -> Self:
        return self.filter(code=code)

    def for_list(self) -> Self:
        return self.select_related("code", "office", "lot")


class CodeQuerySet(QuerySet[LineItemCode]):
    """Line item codes with the figures of their cost pools."""

    def inventoried(self) -> Self:
        return self.filter(record_type__in=INVENTORIED)

    def with_open_usage(self) -> Self:
        return self.filter(open_count__gt=0)

    def for_list(self) -> Self:
        """On hand = lots current - unallocated: summed from the pool rows, which every posting keeps."""
        quantity, money = QuantityField(), MoneyField()
        return self.annotate(
            in_lots=Coalesce(
                Sum(F("pools__quantity_received") - F("pools__quantity_used")), NOTHING, output_field=quantity
            ),
            unallocated=Coalesce(Sum("pools__open_unallocated"), NOTHING, output_field=quantity),
            on_hand=F("in_lots") - F("unallocated"),
            value=Coalesce(Sum(F("pools__value_received") - F("pools__value_used")), NOTHING, output_field=money),
            open_count=Coalesce(Sum("pools__open_count"), 0),
            form=Case(
                When(open_count=0, then=Value("")),
                When(unallocated__gt=0, then=Value("POSITIVE")),
                When(unallocated__lt=0, then=Value("NEGATIVE")),
                default=Value("ZERO"),
            ),
        )


def lots() -> LotQuerySet:
    return LotQuerySet(InventoryLot)


def transactions() -> TransactionQuerySet:
    return TransactionQuerySet(InventoryTransaction)


def codes() -> CodeQuerySet:
    return CodeQuerySet(LineItemCode)
