"""Verbs over usage. Each is one transaction and keeps usage, what is open of it, ledger and cost pool in step."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import connection, transaction

from inventory_site.fields import MONEY_LIMIT, QUANTITY_LIMIT
from inventory_site.numbering import next_numbers
from lots.accounts import cost_account
from lots.history import history_note, note_edit, told
from lots.ledger import ZERO, post_movement
from lots.locks import lock_out_postings, lock_pool_of, lock_pools
from lots.models import Account, CostPool, InventoryLot, InventoryTransaction, LineItemCode, Office
from lots.services import note_work, source_kind_of
from usage.feeding import recost_fed_by_open_usage
from usage.models import InventoryUsage, OpenUsage, RestrictionRelease, UsageLotRestriction
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
    account: Account | None = None,
    demand: Decimal = ZERO,
    on_order: Decimal = ZERO,
    bin: str = "",
    manufacturer_lot: str = "",
    serials: Sequence[str] = (),
    reverses: InventoryTransaction | None = None,
) -> InventoryUsage:
    """Record one consumption (positive) or return (negative); all of it is unallocated until a run.

    Writes the usage, its open row, its lot restrictions, one movement (On Hand of the opposite sign, with what the same
    event does to Demand and On Order), and the pool's sums. Its cost is charged to `account`, or to the code's cost
    account. Raises ValidationError for a quantity of 0 or one too large, an original or lot of another code, a
    lot of another pool, or for serial numbers that are not where they should be.
    """
    _refuse_mismatch(code=code, quantity=quantity, original=original, only_lots=only_lots)
    pool = lock_pool_of(code=code, office=office)
    if stranger := next((lot for lot in only_lots if lot.pool_id != pool.pk), None):
        raise ValidationError(
            f"Lot {stranger.number} of {code} is {stranger.office or 'no office'}'s, and offices are kept apart: usage"
            f" of {office or 'no office'} cannot draw on it. Nothing was posted."
        )
    _refuse_too_large(pool, code, quantity)
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
        account=account or cost_account(code),
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
        code=code,
        office=office,
        at=used_at,
        source_kind=kind,
        source_number=source_number,
        on_hand=-quantity,
        demand=demand,
        on_order=on_order,
        bin=bin,
        manufacturer_lot=manufacturer_lot,
        serials=serials,
        reverses=reverses,
    )
    _add_open_usage(pool=pool, quantity=quantity)
    return usage


@transaction.atomic
def usage_mirror(
    *,
    usage: InventoryUsage,
    at: datetime,
    quantity: Decimal | None = None,
    demand: Decimal = ZERO,
    movement: InventoryTransaction | None = None,
    manufacturer_lot: str = "",
    serials: Sequence[str] = (),
) -> InventoryUsage:
    """Record the opposite of a usage, linked to it, so that it goes back to (or is drawn from) the same lots first.

    `quantity` (of the usage's sign, no larger) mirrors a part. It keeps the usage's document, order and account, and
    its restriction to lots. `movement` is the transaction that the mirror's own reverses, with all the units that it
    names; where a part is mirrored, the caller names the units.
    """
    part = usage.quantity if quantity is None else quantity
    return usage_record(
        code=usage.code,
        quantity=-part,
        used_at=at,
        office=usage.office,
        source_number=usage.source_number,
        order=usage.order,
        reference=usage.reference,
        department=usage.department,
        original=usage,
        only_lots=_within_reach(usage, restriction_of(usage)),
        account=usage.account,
        demand=demand,
        bin=movement.bin if movement else "",
        manufacturer_lot=movement.manufacturer_lot if movement else manufacturer_lot,
        serials=list(movement.serials.values_list("serial", flat=True)) if movement else serials,
        reverses=movement,
    )


def _within_reach(usage: InventoryUsage, lots: list[InventoryLot]) -> list[InventoryLot]:
    """Of these lots those that the usage can touch, where offices are kept apart since; all of them if it can none."""
    pool = lock_pool_of(code=usage.code, office=usage.office)
    return [lot for lot in lots if lot.pool_id == pool.pk] or lots


def restriction_of(usage: InventoryUsage) -> list[InventoryLot]:
    """The lots that a usage is restricted to, and what undoes it with it; none once that was released."""
    if RestrictionRelease.objects.filter(usage=usage).exists():
        return []
    return [row.lot for row in usage.restrictions.select_related("lot").order_by("lot")]


@transaction.atomic
def restriction_release(
    *, usage: InventoryUsage, by: User | None, at: datetime, reason: str = "", document: str = ""
) -> None:
    """Let an open usage touch any lot of its code: what it was restricted to cannot serve it.

    Writes the release, a line of the usage's history (which names the `document` that did it), and the note for a run.
    Raises ValidationError when nothing of the usage is open, when it is not restricted, or when it feeds a lot of its
    own code: it could then draw on what it brings (a transfer).
    """
    row = OpenUsage.objects.filter(usage=usage).first()
    if row is None or not row.is_restricted:
        raise ValidationError(f"Usage {usage.number} is not open and restricted to lots. Nothing was changed.")
    if usage.feeds.filter(lot__code=usage.code_id).exists():
        raise ValidationError(
            f"Usage {usage.number} moved goods to another office, and must not draw on what it brought there. Give its"
            " own lots what they lack by a Beginning Balance, or void the transfer. Nothing was changed."
        )
    lock_pools([row.pool_id])
    if not OpenUsage.objects.filter(usage=usage, is_restricted=True).update(is_restricted=False):
        raise ValidationError(f"Usage {usage.number} was closed or released meanwhile. Nothing was changed.")
    RestrictionRelease.objects.create(usage=usage, by=by, at=at, reason=reason)
    lots = ", ".join(usage.restrictions.order_by("lot").values_list("lot__number", flat=True))
    note = f"It was tied to lot {lots}; now any lot may serve it. {reason}{f' ({document})' if document else ''}"
    history_note(number=usage.history_name, action="Let go", by=by, at=at, note=note.strip())
    note_work(CostPool.objects.filter(pk=row.pool_id))


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


def _refuse_too_large(pool: CostPool, code: LineItemCode, quantity: Decimal) -> None:
    """What the pool's sums hold is the limit of all its usage together."""
    sums = (
        pool.usage_quantity + quantity,
        pool.open_quantity + quantity,
        pool.open_unallocated + quantity,
        pool.open_unallocated_positive + max(quantity, ZERO),
        pool.open_unallocated_negative + min(quantity, ZERO),
    )
    accrued = pool.open_accrued_cogs + quantity * code.est_unit_cost
    if max(map(abs, sums)) >= QUANTITY_LIMIT or abs(accrued) >= MONEY_LIMIT:
        raise ValidationError(
            f"All usage of {code} together would be more than can be recorded: quantities lie below"
            f" {QUANTITY_LIMIT:,}, estimated costs below {MONEY_LIMIT:,}. Check the quantity. Nothing was posted."
        )


# The estimate is read here, under the pool's lock: it may have been changed since the caller read the code. Rounded per
# usage, half away from zero, as `usage.estimates` does.
_ADD_OPEN_USAGE = """
UPDATE lots_costpool AS pool SET
    usage_count = usage_count + 1, usage_quantity = usage_quantity + %(quantity)s,
    open_count = open_count + 1, open_quantity = open_quantity + %(quantity)s,
    open_unallocated = open_unallocated + %(quantity)s,
    open_unallocated_positive = open_unallocated_positive + greatest(%(quantity)s, 0),
    open_unallocated_negative = open_unallocated_negative + least(%(quantity)s, 0),
    open_accrued_cogs = open_accrued_cogs + round(%(quantity)s * code.est_unit_cost, 2),
    has_work = true, work_noted_at = statement_timestamp(), is_set_aside = false, recost_rounds = 0
FROM lots_lineitemcode AS code WHERE pool.id = %(pool)s AND code.id = pool.code_id
"""


def _add_open_usage(*, pool: CostPool, quantity: Decimal) -> None:
    """Add one wholly open usage to the pool's sums, and leave the note for a run (`note_work`), in one statement.

    A sum over all open rows would cost as much as there are.
    """
    with connection.cursor() as cursor:
        cursor.execute(_ADD_OPEN_USAGE, {"pool": pool.pk, "quantity": quantity})


@transaction.atomic
def est_unit_cost_set(*, code: LineItemCode, est_unit_cost: Decimal, by: User | None, at: datetime) -> None:
    """Change a code's estimate, and write a line of its history; what is accrued for its open usage follows at once."""
    if est_unit_cost < 0:
        raise ValidationError("The estimated unit cost cannot be negative. Nothing was changed.")
    # The code first, as where all of it is edited; no posting locks one.
    kept = LineItemCode.objects.select_for_update(no_key=True).get(pk=code.pk)
    lock_out_postings()
    pools = lock_pools(CostPool.objects.filter(code=code).values_list("pk", flat=True))
    before = told(kept, ["est_unit_cost"])
    kept.est_unit_cost = est_unit_cost
    kept.save(update_fields=["est_unit_cost"])
    note_edit(record=kept, before=before, by=by, at=at)
    refresh_open_sums([pool.pk for pool in pools])
    recost_fed_by_open_usage(code, at=at)
