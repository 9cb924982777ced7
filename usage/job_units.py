"""Which units a job takes, puts back and makes, where its goods have serial numbers or manufacturer lots.

A component's units are said as a sequence of `Named`. What leaves is drawn from the lots that brought it in, as in
shipments; what is put back goes to the usage that took it.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.core.exceptions import ValidationError
from django.utils import timezone

from inventory_site.document_forms import QuantityFormField
from inventory_site.money import quantity_text
from lots.ledger import ZERO, why_not_move
from lots.models import InventoryTransaction, LineItemCode, Office
from usage.models import InventoryUsage, Job
from usage.unit_names import Part, Units, names_units, serials_of
from usage.units import more_than_there, parts_drawn, units_out, why_not_these_serials, why_not_this_lot

# As long as the columns that keep them (lots/models/transactions.py).
NAME_LENGTH = 60
QUANTITY, SERIALS, LOTS = "quantity", "serials", "manufacturer_lots"
# What stands between manufacturer lots, and what may as well be a part of a name that a manufacturer gave.
BETWEEN_LOTS = re.compile(r"([,;\r\n])")


@dataclass(frozen=True)
class Named:
    """Units that somebody named: serial numbers, or so much of a manufacturer lot (None: what the others leave)."""

    serials: Sequence[str] = ()
    manufacturer_lot: str = ""
    quantity: Decimal | None = None


class UnitsError(ValidationError):
    """What is wrong with the units of one code; `field` is QUANTITY, SERIALS or LOTS."""

    def __init__(self, message: str, *, field: str = SERIALS) -> None:
        super().__init__(message if message.endswith("Nothing was posted.") else f"{message} Nothing was posted.")
        self.field = field


def component_field(component: int, field: str) -> str:
    """What `ProduceForm` calls the units of a component, by its primary key."""
    return f"{field if field == LOTS else SERIALS}_{component}"


def made_field(refusal: UnitsError) -> str:
    """The field of `ProduceForm` that is wrong about the units of the product."""
    return "manufacturer_lot" if refusal.field == LOTS else SERIALS


# -- As people name them -----------------------------------------------------------------------------
def named_of(code: LineItemCode, *, serials: str, lots: str) -> list[Named]:
    """What was typed about a code; a manufacturer lot that has come in is known by its whole name.

    Raises UnitsError.
    """
    known: Collection[str] = ()
    if code.is_tracked_by_manufacturer_lot and ("=" in lots or BETWEEN_LOTS.search(lots)):
        came = InventoryTransaction.objects.filter(code=code).exclude(manufacturer_lot="").order_by()
        known = set(came.values_list("manufacturer_lot", flat=True).distinct())
    return named_in(serials=serials, lots=lots, known=known)


def named_in(*, serials: str, lots: str, known: Collection[str] = ()) -> list[Named]:
    """Read serial numbers ("S1, S2") and manufacturer lots ("A-1", or "A-1 = 6, A-2 = 4") as they were typed.

    `known` lots are recognized though their names have commas ("12,5") or the like in them. Raises UnitsError for a
    quantity that is none, and for several manufacturer lots beside serial numbers: nobody could tell whose is which.
    """
    numbers, those = serials_of(serials), [_lot_in(piece, known) for piece in _pieces(lots, known)]
    if not numbers:
        return those
    if len(those) > 1:
        raise UnitsError("Name one manufacturer lot with its serial numbers at a time.", field=LOTS)
    return [Named(numbers, those[0].manufacturer_lot if those else "")]


def _pieces(text: str, known: Collection[str]) -> list[str]:
    """Split between manufacturer lots, but not within one that is known: the longest known name counts."""
    split = BETWEEN_LOTS.split(text)
    longest = max((len(BETWEEN_LOTS.findall(name)) for name in known), default=0)
    pieces, start = [], 0
    while start < len(split):
        # Every other one is what stands between.
        ends = range(min(start + 2 * longest + 1, len(split)), start + 1, -2)
        end = next((end for end in ends if _name_in("".join(split[start:end]), known) in known), start + 1)
        pieces.append("".join(split[start:end]).strip())
        start = end + 1
    return [piece for piece in pieces if piece]


def _name_in(text: str, known: Collection[str]) -> str:
    """What of "A-1 = 6" is "A-1", unless all of it is the name of a lot."""
    whole = text.strip()
    name, _, amount = whole.rpartition("=")
    return whole if whole in known or BETWEEN_LOTS.search(amount) else name.strip()


def _lot_in(text: str, known: Collection[str]) -> Named:
    if text in known:
        return Named(manufacturer_lot=text)
    name, equals, amount = (piece.strip() for piece in text.rpartition("="))
    if not equals:
        return Named(manufacturer_lot=text)
    try:
        return Named(manufacturer_lot=name, quantity=QuantityFormField(above_zero=True).clean(amount))
    except ValidationError as refusal:
        raise UnitsError(f"Manufacturer lot {name}: {' '.join(refusal.messages)}", field=LOTS) from None


def units_of_line(code: LineItemCode, quantity: Decimal, named: Sequence[Named]) -> list[Units]:
    """The units that `quantity` (above zero) of a code consists of. Raises UnitsError unless they are as many, and are
    named as the code asks for it.
    """
    what = named or [Named()]
    serials = [serial for one in what for serial in one.serials]
    lot = next((one.manufacturer_lot for one in what if one.manufacturer_lot), "")
    units = Units(quantity, serials, lot)
    if reason := why_not_these_serials(code, units):
        # A page asks for serial numbers only where there are some.
        raise UnitsError(
            reason, field=LOTS if not code.is_serialized and code.is_tracked_by_manufacturer_lot else SERIALS
        )
    if reason := why_not_this_lot(code, units):
        raise UnitsError(reason, field=LOTS)
    if lot and not code.is_tracked_by_manufacturer_lot:
        raise UnitsError(f"{code} is not tracked by manufacturer lot.", field=LOTS)
    names = [*serials, *(one.manufacturer_lot for one in what)]
    if too_long := next((name for name in names if len(name) > NAME_LENGTH), ""):
        raise UnitsError(
            f"{too_long[:20]}\u2026 is too long: at most {NAME_LENGTH} characters.",
            field=SERIALS if too_long in serials else LOTS,
        )
    counts = [Decimal(len(one.serials)) if one.serials else one.quantity for one in what]
    said = sum((count for count in counts if count is not None), ZERO)
    unsaid = counts.count(None)
    if unsaid > 1:
        raise UnitsError(f"{code}: say how much of each manufacturer lot is meant (A-1 = 6, A-2 = 4).", field=LOTS)
    if said > quantity or (said == quantity) == bool(unsaid):
        raise UnitsError(
            f"{code}: {quantity_text(said)} are named by manufacturer lot, and the line is for"
            f" {quantity_text(quantity)}.",
            field=LOTS,
        )
    return [
        Units(quantity - said if count is None else count, one.serials, one.manufacturer_lot)
        for one, count in zip(what, counts, strict=True)
    ]


# -- Taken and put back ------------------------------------------------------------------------------
def parts_taken(code: LineItemCode, units: Units, *, office: Office | None) -> list[Part]:
    """The usages that named units become. Raises UnitsError where they are not there to be taken."""
    if why := why_not_move(code=code, office=office, serials=units.serials, direction=-1):
        raise UnitsError(why)
    if over := more_than_there(code, units, office=office):
        raise UnitsError(f"{over}: receive it first, or name another manufacturer lot.", field=LOTS)
    try:
        return parts_drawn(code, units, office=office)
    except ValidationError as refusal:
        raise UnitsError(" ".join(refusal.messages), field=LOTS) from None


def parts_put_back(
    code: LineItemCode, units: Units, held: Sequence[tuple[InventoryUsage, Decimal]], *, job: Job, at: datetime
) -> list[Part]:
    """Which of the usages that hold some of the component gives back how much of these units, the last one first.

    Raises UnitsError for units that none of them took, that were put back already, or that were taken after the day
    of `at`: the goods would be there twice in between.
    """
    left, serials = units.quantity, list(units.serials)
    day = timezone.localdate(at)
    late, late_serials = ZERO, set[str]()
    out = units_out([usage for usage, _ in held]) if names_units(code) else {}
    parts = []
    for usage, quantity in held:
        took = out.get(usage.pk, Units(quantity))
        if left == 0 or took.manufacturer_lot != units.manufacturer_lot:
            continue
        if timezone.localdate(usage.used_at) > day:
            late += quantity
            late_serials.update(took.serials)
            continue
        those = [serial for serial in serials if serial in took.serials]
        part = Decimal(len(those)) if units.serials else min(quantity, left)
        if part:
            parts.append(Part(part, serials=those, original=usage, manufacturer_lot=units.manufacturer_lot))
            serials = [serial for serial in serials if serial not in those]
            left -= part
    strangers = [serial for serial in serials if serial not in late_serials]
    if left and late >= left and not strangers:
        raise UnitsError(
            f"{quantity_text(units.quantity)} {code} cannot have been put back on {day:%Y-%m-%d}: {job.number} took"
            " them later. Enter the day on which they were put back.",
            field=QUANTITY,
        )
    if left:
        lot = f"so much of manufacturer lot {units.manufacturer_lot}"
        what = f"Serial number {strangers[0]}" if strangers else lot[0].upper() + lot[1:]
        raise UnitsError(
            f"{what} of {code} cannot be put back: {job.number} has not taken it, or put it back already.",
            field=SERIALS if strangers else LOTS,
        )
    return parts


# -- Produced ----------------------------------------------------------------------------------------
def why_not_made(code: LineItemCode, units: Units, *, office: Office | None) -> UnitsError | None:
    """What is wrong with the units that come out of a job."""
    try:
        units_of_line(code, units.quantity, [Named(units.serials, units.manufacturer_lot)])
    except UnitsError as refusal:
        return refusal
    why = why_not_move(code=code, office=office, serials=units.serials, direction=1)
    return UnitsError(why) if why else None
