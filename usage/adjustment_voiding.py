"""How a posted adjustment is undone, and what stands in the way. The verbs in `adjusting` hold the locks."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from django.contrib.auth.models import User
from django.db.models import Exists, F, OuterRef, Q, QuerySet, Sum

from inventory_site.money import quantity_text
from lots.ledger import mirror_movement, movements_of
from lots.lot_users import used_by
from lots.models import InventoryLot, InventoryTransaction, LotCostEvent
from lots.services import lot_change
from usage.adjustment_lines import ZERO, Type
from usage.adjustment_posting import about_line
from usage.models import AdjustmentLine, AdjustmentRecord, InventoryAdjustment, InventoryUsage, UsageLotRestriction
from usage.services import restriction_release, usage_mirror, usage_record
from usage.units import movements_by_usage

Kind = LotCostEvent.Kind
OFFICES_APART = "Offices are kept apart since, and these lots are another's"


# -- Reasons -----------------------------------------------------------------------------------------
def what_is_used(adjustment: InventoryAdjustment) -> str:
    """What others used of the lots that the adjustment made or grew, so that it cannot be undone; or ""."""
    return " ".join(
        _used_text(lot, quantity)
        for lot, quantity in lots_that_grew(adjustment).items()
        if is_used_too_much(lot, quantity) and not _can_use_up(adjustment, lot, quantity)
    )


def why_tied_elsewhere(adjustment: InventoryAdjustment) -> str:
    """Why its usage can neither be served nor undone since offices are kept apart, or "": that of a transfer, which
    must not be let go from its lots, because it could then draw on what it brought.
    """
    moved = out_of_reach(adjustment).filter(feeds__lot__code=F("code")).order_by("pk").first()
    if moved is None:
        return ""
    return (
        f"Usage {moved.number} of it is tied to lots of another office, and offices are kept apart since. Switch"
        " inter-office COGS on again for the moment (an accountant can, as long as nothing is allocated), void it, and"
        " switch it off."
    )


def out_of_reach(adjustment: InventoryAdjustment) -> QuerySet[InventoryUsage]:
    """Usage of it that is tied to lots of other pools alone: posted when offices still shared them."""
    theirs = UsageLotRestriction.objects.filter(usage=OuterRef("pk"), lot__pool=OuterRef("open_usage__pool"))
    return InventoryUsage.objects.filter(
        ~Exists(theirs), adjustment_record__line__adjustment=adjustment, open_usage__is_restricted=True
    )


def lots_that_grew(adjustment: InventoryAdjustment) -> dict[InventoryLot, Decimal]:
    """The lots that it made or grew, and by how much."""
    made = AdjustmentRecord.objects.filter(line__adjustment=adjustment, lot__isnull=False, is_void=False)
    grown: dict[InventoryLot, Decimal] = {}
    for record in made.select_related("lot__code").order_by("pk"):
        if record.lot is not None:
            grown[record.lot] = grown.get(record.lot, ZERO) + record.quantity
    return grown


def is_used_too_much(lot: InventoryLot, quantity: Decimal) -> bool:
    """Whether the rest of the lot would not cover what is used of it."""
    return lot.quantity_received - quantity < lot.quantity_used


def _can_use_up(adjustment: InventoryAdjustment, lot: InventoryLot, quantity: Decimal) -> bool:
    """Whether the lot is this adjustment's alone and nobody but its own usage draws on it (the two lines of a cure)."""
    if lot.is_fed or lot.source_number != adjustment.number or lot.quantity_received != quantity:
        return False
    # The allocations belong to the app above: named in lookups, never imported.
    own = InventoryUsage.objects.filter(adjustment_record__line__adjustment=adjustment, allocations__lot=lot)
    used: Decimal = own.aggregate(sum=Sum("allocations__quantity", default=ZERO))["sum"]
    return used == lot.quantity_used


def _used_text(lot: InventoryLot, quantity: Decimal) -> str:
    who = used_by(lot)
    return (
        f"Lot {lot.number} of {lot.code} got {quantity_text(quantity)} from it, and"
        f" {quantity_text(lot.quantity_used)} of the lot are used{f', {who}' if who else ''}:"
        " void or return that first."
    )


# -- Void --------------------------------------------------------------------------------------------
def void_records(
    adjustment: InventoryAdjustment, lines: Sequence[AdjustmentLine], *, by: User | None, at: datetime
) -> None:
    """Mirror everything that the adjustment posted: lots give up what they got, usage gets its opposite. Usage that
    nothing can serve any more is let go first, so that what is in its own office serves it and what undoes it.
    """
    for stranded in list(out_of_reach(adjustment).order_by("pk")):
        restriction_release(usage=stranded, by=by, at=at, reason=OFFICES_APART, document=adjustment.number)
    grown = lots_that_grew(adjustment)
    index_of = {line.pk: index for index, line in enumerate(lines)}
    if adjustment.adjustment_type == Type.TRANSFER and adjustment.to_office_id is None:
        # Within an office: what came in goes out before what went out comes back.
        for movement in reversed(_moves_within(adjustment, lines)):
            mirror_movement(movement, at=at)
        return
    # None of a count that agrees with the system: it moved nothing, and there is nothing to mirror.
    records = list(
        AdjustmentRecord.objects.filter(line__adjustment=adjustment, is_void=False)
        .select_related("line__adjustment", "usage__code", "usage__office", "usage__account", "lot")
        .order_by("pk")
    )
    # Each record wrote one movement: those of one lot in the order of its records.
    of_lots: dict[int | None, list[InventoryTransaction]] = {}
    for movement in movements_of(adjustment.number, own=Q(lot__in=[record.lot for record in records if record.lot])):
        of_lots.setdefault(movement.lot_id, []).append(movement)
    of_usage = movements_by_usage([record.usage for record in records if record.usage is not None])
    for record in reversed(records):
        with about_line(index_of[record.line_id]):
            if record.lot is not None:
                movement = of_lots[record.lot.pk].pop()
                if is_used_too_much(record.lot, grown[record.lot]):
                    _use_up(record, record.lot, movement, at=at)
                else:
                    _give_up(record, record.lot, at=at)
                    mirror_movement(movement, at=at)
            elif record.usage is not None:
                usage = usage_mirror(usage=record.usage, at=at, movement=of_usage[record.usage.pk])
                AdjustmentRecord.objects.create(line=record.line, usage=usage, quantity=-record.quantity, is_void=True)


def _moves_within(adjustment: InventoryAdjustment, lines: Sequence[AdjustmentLine]) -> list[InventoryTransaction]:
    """The two movements of each line of a transfer within an office, in entry order; imported ones may bear its number
    as well, but they came later.
    """
    own = Q(lot=None, office=adjustment.office, at=adjustment.adjusted_at)
    there = movements_of(adjustment.number, own=own)
    found = []
    for line in lines:
        for bin, on_hand in ((line.bin, -line.quantity), (line.to_bin, line.quantity)):
            wanted = (line.code_id, bin, line.manufacturer_lot, on_hand)
            move = next(one for one in there if (one.code_id, one.bin, one.manufacturer_lot, one.on_hand) == wanted)
            there.remove(move)
            found.append(move)
    return sorted(found, key=lambda move: move.pk)


def _give_up(record: AdjustmentRecord, lot: InventoryLot, *, at: datetime) -> None:
    """Take back what the line gave to the lot; of a fed lot, whatever it is worth by now."""
    lot.refresh_from_db()
    number = record.line.adjustment.number
    value = lot.value if lot.is_fed else record.value
    given = LotCostEvent.objects.filter(lot=lot, source_number=number, account__isnull=False).order_by("pk").first()
    lot_change(
        lot=lot,
        at=at,
        kind=Kind.VOID,
        source_number=number,
        quantity=-record.quantity,
        value=-value,
        value_other=ZERO if lot.is_fed else -value,
        account=given.account if given else None,
    )
    AdjustmentRecord.objects.create(line=record.line, lot=lot, quantity=-record.quantity, value=-value, is_void=True)


def _use_up(record: AdjustmentRecord, lot: InventoryLot, movement: InventoryTransaction, *, at: datetime) -> None:
    """Take the goods out of a lot that the adjustment's own usage draws on, by usage charged to where it came from.

    The lot cannot shrink below what is used of it, and that only comes back with the next run. Then all of the lot goes
    to the account that it came from, and its own usage and that usage's mirror cancel out.
    """
    event = LotCostEvent.objects.filter(lot=lot, account__isnull=False).select_related("account").earliest("pk")
    usage = usage_record(
        code=lot.code,
        quantity=record.quantity,
        used_at=at,
        office=lot.office,
        source_number=record.line.adjustment.number,
        account=event.account,
        only_lots=[lot],
        bin=movement.bin,
        manufacturer_lot=movement.manufacturer_lot,
        serials=list(movement.serials.values_list("serial", flat=True)),
        reverses=movement,
    )
    AdjustmentRecord.objects.create(line=record.line, usage=usage, quantity=-record.quantity, is_void=True)
