"""Short ways to write adjustments as people do: lines as text, posted at once where a test is about what follows."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.contrib.auth.models import User

from lots.models import (
    Account,
    InventoryLot,
    InventoryTransaction,
    LineItemCode,
    LotCostEvent,
    Office,
    SerialMovement,
)
from tests.factories import day, make_code
from usage.adjusting import adjustment_post, adjustment_save
from usage.models import AdjustmentRecord, InventoryAdjustment, InventoryUsage, LotFeed, OpenUsage

DECIMALS = ("quantity", "count", "unit_cost")
AT = day(20)


def line(code: str, quantity: str | None = None, **other: Any) -> dict[str, Any]:
    """A line as the verb takes it; figures may be text."""
    given: dict[str, Any] = {"code": make_code(code), "quantity": quantity, **other}
    return {name: Decimal(v) if name in DECIMALS and isinstance(v, str) else v for name, v in given.items()}


def pending(
    adjustment_type: str,
    *lines: Mapping[str, Any],
    adjustment: InventoryAdjustment | None = None,
    office: Office | None = None,
    to_office: Office | None = None,
    account: Account | None = None,
    on: datetime = AT,
    by: User | None = None,
) -> InventoryAdjustment:
    return adjustment_save(
        adjustment=adjustment,
        adjustment_type=adjustment_type,
        adjusted_at=on,
        office=office,
        to_office=to_office,
        account=account,
        lines=lines,
        by=by,
        at=AT,
    )


def posted(adjustment_type: str, *lines: Mapping[str, Any], **header: Any) -> InventoryAdjustment:
    return adjustment_post(adjustment=pending(adjustment_type, *lines, **header), by=None, at=AT)


def usages_of(adjustment: InventoryAdjustment) -> list[tuple[str, Decimal]]:
    """(code, quantity) of the usage it made, in order."""
    found = InventoryUsage.objects.filter(source_number=adjustment.number).order_by("pk")
    return [(usage.code.code, usage.quantity) for usage in found.select_related("code")]


def movements(adjustment: InventoryAdjustment) -> list[tuple[str, str, str, Decimal]]:
    """(code, office, bin, On Hand) of its transactions, in order."""
    found = InventoryTransaction.objects.filter(source_number=adjustment.number).order_by("pk")
    return [
        (row.code.code, row.office.code if row.office else "", row.bin, row.on_hand)
        for row in found.select_related("code", "office")
    ]


def everything() -> Sequence[int]:
    """How much there is of what a posting could write."""
    tables = (
        InventoryUsage, OpenUsage, InventoryLot, InventoryTransaction, LotCostEvent, SerialMovement, AdjustmentRecord,
        LotFeed,
    )  # fmt: skip
    return [table.objects.count() for table in tables]


def serialized(code: str = "SAW") -> LineItemCode:
    made = make_code(code)
    made.is_serialized = True
    made.save()
    return made


def tracked(code: str = "GLUE") -> LineItemCode:
    made = make_code(code)
    made.is_tracked_by_manufacturer_lot = True
    made.save()
    return made
