"""Verbs over usage. Each is one transaction and keeps usage, what is open of it, ledger and cost pool in step."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F

from inventory_site.numbering import next_numbers
from lots.ledger import post_movement
from lots.locks import lock_out_postings, lock_pool_of, lock_pools
from lots.models import CostPool, InventoryLot, LineItemCode, Office
from lots.services import note_work, source_kind_of
from usage.estimates import accrued_cogs
from usage.models import InventoryUsage, OpenUsage, UsageLotRestriction
from usage.summaries import refresh_open_sums


@transaction.atomic
def usage_record(
    *,
    code: LineItemCode,
    quantity: Decimal,
    used_at: datetime,
    office: Office | None = None,
    number: str | None = None,
    source_number: str = "",
    order: str = "",
    reference: str = "",
    department: str = "",
    original: InventoryUsage | None = None,
    only_lots: Sequence[InventoryLot] = (),
) -> InventoryUsage:
    """Record one consumption (positive) or return (negative); all of it is unallocated until a run.

    Writes the usage, its open row, its lot restrictions, the On Hand movement of the opposite sign, and the pool's
    sums. Raises ValidationError for a quantity of 0 or an original or lot of another code.
    """
    _refuse_mismatch(code=code, quantity=quantity, original=original, only_lots=only_lots)
    pool = lock_pool_of(code=code, office=office)
    kind = source_kind_of(source_number)
    usage = InventoryUsage.objects.create(
        number=number or str(next_numbers("usage")[0]),
        code=code,
        office=office,
        department=department,
        used_at=used_at,
        quantity=quantity,
        source_kind=kind,
        source_number=source_number,
        order=order,
        reference=reference,
        original=original,
    )
    UsageLotRestriction.objects.bulk_create([UsageLotRestriction(usage=usage, lot=lot) for lot in only_lots])
    OpenUsage.objects.create(
        usage=usage,
        pool=pool,
        used_at=used_at,
        quantity=quantity,
        quantity_unallocated=quantity,
        original=original,
        is_restricted=bool(only_lots),
    )
    post_movement(
        code=code, office=office, at=used_at, source_kind=kind, source_number=source_number, on_hand=-quantity
    )
    _add_open_usage(pool=pool, code=code, quantity=quantity)
    return usage


def _refuse_mismatch(
    *, code: LineItemCode, quantity: Decimal, original: InventoryUsage | None, only_lots: Sequence[InventoryLot]
) -> None:
    if quantity == 0:
        raise ValidationError("A usage of nothing is no usage. Nothing was recorded.")
    if original is not None and original.code_id != code.pk:
        raise ValidationError(f"Usage {original.number} is of another code, so it cannot be returned here.")
    for lot in only_lots:
        if lot.code_id != code.pk:
            raise ValidationError(f"Lot {lot.number} is of another code, so this usage cannot draw on it.")


def _add_open_usage(*, pool: CostPool, code: LineItemCode, quantity: Decimal) -> None:
    """Add one wholly open usage to the pool's sums; a sum over all open rows would cost as much as there are."""
    zero = Decimal(0)
    # Read under the pool's lock: the estimate may have been changed since the caller read the code.
    est_unit_cost = LineItemCode.objects.values_list("est_unit_cost", flat=True).get(pk=code.pk)
    rows = CostPool.objects.filter(pk=pool.pk)
    rows.update(
        usage_count=F("usage_count") + 1,
        usage_quantity=F("usage_quantity") + quantity,
        open_count=F("open_count") + 1,
        open_quantity=F("open_quantity") + quantity,
        open_unallocated=F("open_unallocated") + quantity,
        open_unallocated_positive=F("open_unallocated_positive") + max(quantity, zero),
        open_unallocated_negative=F("open_unallocated_negative") + min(quantity, zero),
        open_accrued_cogs=F("open_accrued_cogs")
        + accrued_cogs(quantity_unallocated=quantity, est_unit_cost=est_unit_cost),
    )
    note_work(rows)


@transaction.atomic
def est_unit_cost_set(*, code: LineItemCode, est_unit_cost: Decimal) -> None:
    """Change a code's estimate; what is accrued for its open usage follows at once."""
    if est_unit_cost < 0:
        raise ValidationError("The estimated unit cost cannot be negative. Nothing was changed.")
    lock_out_postings()
    pools = lock_pools(CostPool.objects.filter(code=code).values_list("pk", flat=True))
    LineItemCode.objects.filter(pk=code.pk).update(est_unit_cost=est_unit_cost)
    refresh_open_sums([pool.pk for pool in pools])
