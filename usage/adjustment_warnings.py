"""What keeps an adjustment from being posted as things stand, and what people should know before they post it.

Neither keeps it from being saved: what is not there yet may come in before it is posted.
"""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

from django.core.exceptions import ValidationError
from django.utils import timezone

from inventory_site.document_forms import LineError
from inventory_site.money import quantity_text, unit_cost_text
from lots.ledger import why_not_move
from lots.models import CostPool, PostingStatus, Preference
from usage.adjustment_costs import ESTIMATE, NEWEST_LOT, UnitCost, unit_costs
from usage.adjustment_lines import ZERO, Role, Type, on_hand_change, posting_order, serial_numbers
from usage.adjustment_stock import balances_by_place, lots_of_manufacturer_lot, system_balances
from usage.models import AdjustmentLine, InventoryAdjustment
from usage.transfer_stock import TransferStock


class LineWarning(NamedTuple):
    """What people should know before they post. `position` is that of the line, from 1; None is the whole document."""

    position: int | None
    text: str


# -- What cannot be posted now -----------------------------------------------------------------------
def unready_lines(adjustment: InventoryAdjustment, lines: Sequence[AdjustmentLine]) -> Iterator[LineError]:
    """Lines that cannot be posted as things stand: units that are elsewhere, counts that others overtook."""
    yield from _serials_elsewhere(adjustment, lines)
    if adjustment.adjustment_type == Type.COUNT:
        yield from _overtaken_counts(adjustment, lines)


def _serials_elsewhere(adjustment: InventoryAdjustment, lines: Sequence[AdjustmentLine]) -> Iterator[LineError]:
    # What comes in on one line may go out on another: the ledger looks at these one after the other, and only the first
    # finds what is there now.
    named: set[tuple[int, str]] = set()
    for index, line in posting_order(adjustment.adjustment_type, lines):
        serials = [serial for serial in serial_numbers(line.serials) if (line.code_id, serial) not in named]
        named |= {(line.code_id, serial) for serial in serials}
        if not serials or not line.quantity:
            continue
        direction = 1 if on_hand_change(adjustment.adjustment_type, line) > 0 else -1
        why = why_not_move(code=line.code, office=adjustment.office, serials=serials, direction=direction)
        if why:
            yield LineError(index, why, field="serials")


def is_difference(line: AdjustmentLine) -> bool:
    """Whether the line's quantity is what its count differs by, and not one that somebody typed instead."""
    return line.count is not None and line.quantity == line.count - (line.system_balance or ZERO)


def _overtaken_counts(adjustment: InventoryAdjustment, lines: Sequence[AdjustmentLine]) -> Iterator[LineError]:
    """A difference is posted only once: what was entered since may be that very difference, by another count."""
    balances = system_balances(lines, office=adjustment.office, at=adjustment.adjusted_at)
    for index, (line, now) in enumerate(zip(lines, balances, strict=True)):
        if line.system_balance is not None and now != line.system_balance and is_difference(line):
            yield LineError(index, _overtaken_text(line, now), field="count")


def _overtaken_text(line: AdjustmentLine, now: Decimal) -> str:
    return (
        f"On Hand of {line.code} as of this moment is {quantity_text(now)} by now, not"
        f" {quantity_text(line.system_balance or ZERO)}: records were entered since. Edit and save it to count against"
        " that."
    )


# -- What people should know -------------------------------------------------------------------------
def warnings(adjustment: InventoryAdjustment) -> list[LineWarning]:
    """What people should know before they post, line by line: what would be refused now, and what is odd."""
    lines = list(adjustment.lines.select_related("code").order_by("position", "pk"))
    found = []
    if adjustment.office_id is None:
        found.append(
            LineWarning(None, "No office is named: what this adjustment uses and makes belongs to none of them.")
        )
    found += [
        LineWarning(lines[error.index].position, str(error.message)) for error in unready_lines(adjustment, lines)
    ]
    if adjustment.adjustment_type == Type.COUNT:
        found += _count_warnings(adjustment, lines)
    if adjustment.adjustment_type == Type.TRANSFER and adjustment.to_office_id is not None:
        found += _transfer_warnings(adjustment, lines)
    found += _more_than_there(adjustment, lines)
    if adjustment.adjustment_type == Type.BEGINNING_BALANCE:
        found += [
            LineWarning(line.position, _unit_cost_text(unit))
            for line, unit in zip(lines, unit_costs(lines), strict=True)
            if line.quantity > 0 and line.unit_cost is None
        ]
    return sorted(found, key=lambda warning: warning.position or 0)


def _more_than_there(adjustment: InventoryAdjustment, lines: Sequence[AdjustmentLine]) -> Iterator[LineWarning]:
    """Where more is taken than a bin or a manufacturer lot holds: it may be named by mistake, or not entered yet."""
    named = [line for line in lines if (line.bin or line.manufacturer_lot) and line.role != Role.PRODUCT]
    if not named:
        return
    at, codes = max(adjustment.adjusted_at, timezone.now()), {line.code_id for line in named}
    here = balances_by_place(codes=codes, office=adjustment.office, at=at)
    # Where offices share their costs, a manufacturer lot serves all of them.
    everywhere = here
    if adjustment.office is not None and not Preference.current().prevent_inter_office:
        everywhere = balances_by_place(codes=codes, office=None, at=at)
    bins: dict[tuple[int, str], Decimal] = {}
    for (code, bin, _), balance in here.items():
        bins[code, bin] = bins.get((code, bin), ZERO) + balance
    lots: dict[tuple[int, str], Decimal] = {}
    for (code, _, lot), balance in everywhere.items():
        lots[code, lot] = lots.get((code, lot), ZERO) + balance
    changes = [(line, on_hand_change(adjustment.adjustment_type, line)) for line in named]
    yield from _short_places(changes, name="bin", there=bins)
    # A transfer to another office is refused where the lots do not hold what it moves.
    if adjustment.to_office_id is None:
        yield from _short_places(changes, name="manufacturer_lot", there=lots)


def _short_places(
    changes: Sequence[tuple[AdjustmentLine, Decimal]], *, name: str, there: Mapping[tuple[int, str], Decimal]
) -> Iterator[LineWarning]:
    """Places, by the line's field of this name, that hold less than the lines take from them together."""
    taken: dict[tuple[int, str], Decimal] = {}
    last: dict[tuple[int, str], AdjustmentLine] = {}
    for line, change in changes:
        key = (line.code_id, getattr(line, name))
        taken[key] = taken.get(key, ZERO) - change
        if change < 0:
            last[key] = line
    for key, line in last.items():
        left = max(there.get(key, ZERO), ZERO)
        if key[1] and taken[key] > left:
            place = f"{'Bin' if name == 'bin' else 'Manufacturer lot'} {key[1]}"
            yield LineWarning(
                line.position,
                f"{place} holds {quantity_text(left)} of {line.code}, and {quantity_text(taken[key])} are taken from"
                " it: check its name, or enter first what came in.",
            )


def _unit_cost_text(unit: UnitCost) -> str:
    cost = unit_cost_text(unit.cost)
    if unit.source == ESTIMATE:
        return f"No unit cost is given: the lot gets the code's estimate, {cost}."
    if unit.source == NEWEST_LOT:
        return f"No unit cost is given, and the code has no estimate: the lot gets what the newest lot cost, {cost}."
    return "No unit cost is given, and nothing tells what the code costs: the lot will be worth nothing."


def _transfer_warnings(adjustment: InventoryAdjustment, lines: Sequence[AdjustmentLine]) -> Iterator[LineWarning]:
    is_split = Preference.current().prevent_inter_office
    stock = TransferStock(office=adjustment.office, is_split=is_split)
    for line in lines:
        named = None
        if line.manufacturer_lot:
            named = lots_of_manufacturer_lot(
                code=line.code, name=line.manufacturer_lot, office=adjustment.office, is_split=is_split
            )
        try:
            stock.take(code=line.code, quantity=line.quantity, named=named)
        except ValidationError as refusal:
            yield LineWarning(line.position, " ".join(refusal.messages))


def _count_warnings(adjustment: InventoryAdjustment, lines: Sequence[AdjustmentLine]) -> Iterator[LineWarning]:
    now = system_balances(lines, office=adjustment.office, at=adjustment.adjusted_at)
    is_split = Preference.current().prevent_inter_office
    pools: Mapping[int, CostPool] = {
        pool.code_id: pool
        for pool in CostPool.objects.filter(
            code__in=[line.code_id for line in lines], office=adjustment.office if is_split else None
        )
    }
    later = _later_counts(adjustment, lines)
    places = balances_by_place(
        codes={line.code_id for line in lines}, office=adjustment.office, at=adjustment.adjusted_at
    )
    bins = {(code, bin) for code, bin, _ in places}
    stocked = {code for code, _ in bins}
    # Posted first, so what is found in one bin can be given back to what is missing in another.
    taken: dict[int, Decimal] = {}
    for line in lines:
        taken[line.code_id] = taken.get(line.code_id, ZERO) + max(-line.quantity, ZERO)
    for index, line in enumerate(lines):
        if line.bin and line.quantity and line.code_id in stocked and (line.code_id, line.bin) not in bins:
            yield LineWarning(line.position, _new_bin_text(line))
        if line.count is not None and not is_difference(line):
            yield LineWarning(line.position, _override_text(line, now[index]))
        if (count := later.get((line.code_id, line.bin, line.manufacturer_lot))) is not None:
            yield LineWarning(line.position, _later_text(count))
        if line.quantity > 0:
            room = _room_to_give_back(pools.get(line.code_id)) + taken.get(line.code_id, ZERO)
            if line.quantity > room:
                yield LineWarning(line.position, _no_usage_text(line, room))


def _new_bin_text(line: AdjustmentLine) -> str:
    return (
        f"Nothing of {line.code} was ever in bin {line.bin}: check it. What is counted there comes on top of what its"
        " other bins hold."
    )


def _override_text(line: AdjustmentLine, now: Decimal) -> str:
    difference = (line.count or ZERO) - now
    return (
        f"{quantity_text(line.count or ZERO)} were counted where {quantity_text(now)} should be, which differs by"
        f" {_signed(difference)}; but {_signed(line.quantity)} was entered as the adjustment, and that is what will be"
        " posted. Leave the adjustment blank to post the difference."
    )


def _signed(quantity: Decimal) -> str:
    return f"{'+' if quantity > 0 else ''}{quantity_text(quantity)}"


def _later_counts(
    adjustment: InventoryAdjustment, lines: Sequence[AdjustmentLine]
) -> dict[tuple[int, str, str], AdjustmentLine]:
    """Posted counts of the same places that were taken later than this one, the last of each place."""
    found = AdjustmentLine.objects.filter(
        adjustment__adjustment_type=Type.COUNT,
        adjustment__status=PostingStatus.POSTED,
        adjustment__office=adjustment.office_id,
        adjustment__adjusted_at__gt=adjustment.adjusted_at,
        count__isnull=False,
        code__in={line.code_id for line in lines},
    )
    rows = found.select_related("adjustment", "code").order_by("adjustment__adjusted_at", "pk")
    return {(row.code_id, row.bin, row.manufacturer_lot): row for row in rows}


def _later_text(later: AdjustmentLine) -> str:
    at = timezone.localtime(later.adjustment.adjusted_at)
    return (
        f"{later.code} was counted again later: {quantity_text(later.count or ZERO)} on {at:%b} {at.day}, {at:%Y %H:%M}"
        f" ({later.adjustment}). Posting this older count changes what that one found."
    )


def _room_to_give_back(pool: CostPool | None) -> Decimal:
    """How much returns can put back into lots: what is used, and what open usage is going to draw first."""
    if pool is None or pool.quantity_received <= 0:
        return ZERO
    return max(pool.quantity_used + pool.open_unallocated_positive + pool.open_unallocated_negative, ZERO)


def _no_usage_text(line: AdjustmentLine, room: Decimal) -> str:
    found = quantity_text(line.quantity)
    what = (
        f"nothing of {line.code} was used that it could be given back to"
        if room == 0
        else f"only {quantity_text(room)} of {line.code} were used that could be given back"
    )
    return (
        f"Counting up {found} is a return, and {what}: the rest will stay unallocated. If these goods were never"
        " entered, a Beginning Balance is meant."
    )
