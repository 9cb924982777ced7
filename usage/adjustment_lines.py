"""Pure: what lines of an adjustment may say, and what they change On Hand by. Nothing is read.

Whatever is wrong with a line is said about that line, and everything that is wrong is said at once.
"""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from fractions import Fraction

from inventory_site.document_forms import LineError
from inventory_site.fields import QUANTITY_STEP
from inventory_site.money import quantity_text
from lots.querysets import INVENTORIED
from usage.models import AdjustmentLine, InventoryAdjustment
from usage.models.feeds import WHOLE

ZERO = Decimal(0)
Type = InventoryAdjustment.Type
Role = AdjustmentLine.Role

# Their quantity says what goes away; of all others the sign does.
GOES_AWAY = frozenset({Type.LOSS.value, Type.TRANSFER.value})
HAS_ROLES = frozenset({Type.ASSEMBLY.value, Type.DIVISION.value})
SERIAL_LENGTH = 60
QUANTITY_BOUND = Decimal(10) ** 12
AMOUNT_BOUND = Decimal(10) ** 15


def serial_numbers(text: str) -> list[str]:
    """The serial numbers typed one per line (commas and semicolons part them as well), in their order."""
    parts = text.replace(",", "\n").replace(";", "\n").split("\n")
    return [serial for part in parts if (serial := part.strip())]


def on_hand_change(adjustment_type: str, line: AdjustmentLine) -> Decimal:
    """What posting the line does to On Hand where it is taken from; a transfer brings the same to where it goes."""
    if line.role == Role.COMPONENT or adjustment_type in GOES_AWAY:
        return -line.quantity
    return line.quantity


def posting_order(adjustment_type: str, lines: Sequence[AdjustmentLine]) -> list[tuple[int, AdjustmentLine]]:
    """Lines with their index, as they are posted. Of a count, what is missing first: what it found in another bin may
    be that very unit.
    """
    numbered = list(enumerate(lines))
    if adjustment_type != Type.COUNT:
        return numbered
    return sorted(numbered, key=lambda pair: pair[1].quantity > 0)


def shares_of(products: Sequence[AdjustmentLine]) -> list[int]:
    """The parts of a division's cost in millionths, which add up to the whole exactly.

    What is said stays; the rest is spread over the others by estimated unit cost x quantity (by quantity where nothing
    is estimated), each between two cumulative roundings, and none gets nothing. Only for shares that `share_problem`
    has no objection to.
    """
    open_lines = [line for line in products if line.share is None]
    left = WHOLE - sum(line.share or 0 for line in products)
    weights = [Fraction(line.code.est_unit_cost * line.quantity) for line in open_lines]
    if not any(weights):
        weights = [Fraction(line.quantity) for line in open_lines]
    whole, run, before, parts = sum(weights), Fraction(0), 0, []
    for weight in weights:
        run += weight
        upto = int(left * run / whole + Fraction(1, 2)) if run < whole else left
        parts.append(upto - before)
        before = upto
    while parts and min(parts) < 1:
        parts[parts.index(max(parts))] -= 1
        parts[parts.index(min(parts))] += 1
    computed = iter(parts)
    return [next(computed) if line.share is None else line.share for line in products]


def share_problem(products: Sequence[AdjustmentLine]) -> str:
    """What is wrong with the shares of a division, or ""."""
    said = [line.share for line in products if line.share is not None]
    if any(share <= 0 for share in said):
        return "Each share must be more than 0 %: a product without a share would come for nothing."
    unsaid = len(products) - len(said)
    if unsaid == 0 and sum(said) != WHOLE:
        return f"The shares add up to {percent_text(sum(said))}, and must to exactly 100 %."
    if unsaid and sum(said) > WHOLE - unsaid:
        return f"The shares add up to {percent_text(sum(said))}: nothing is left for the lines without a share."
    return ""


def percent_text(share: int) -> str:
    """Millionths as people write them: 33.3333 %."""
    return f"{quantity_text(Decimal(share) / 10_000)} %"


def structure_problem(adjustment_type: str, lines: Sequence[AdjustmentLine]) -> str:
    """What is wrong with the lines taken together, or ""."""
    if not lines:
        return "An adjustment needs at least one line. Nothing was saved."
    components = [line for line in lines if line.role == Role.COMPONENT]
    products = [line for line in lines if line.role == Role.PRODUCT]
    if adjustment_type not in HAS_ROLES:
        return "" if len(components) + len(products) == 0 else "Only assemblies and divisions have components."
    if len(components) + len(products) != len(lines):
        return "Each line must be a component or a product. Nothing was saved."
    if adjustment_type == Type.ASSEMBLY:
        if len(products) != 1:
            return f"An assembly makes exactly one product, and these are {len(products)}. Nothing was saved."
        return "" if components else "An assembly needs at least one component. Nothing was saved."
    if len(components) != 1:
        return f"A division splits exactly one item, and these are {len(components)}. Nothing was saved."
    return share_problem(products) if products else "A division needs at least one product. Nothing was saved."


def line_problems(adjustment_type: str, lines: Sequence[AdjustmentLine], *, moves_bins: bool) -> list[LineError]:
    """Everything that is wrong with single lines. `moves_bins`: the transfer stays within one office."""
    problems = []
    seen: dict[tuple[object, ...], int] = {}
    parents = {line.code_id for line in lines if line.role == Role.COMPONENT}
    for index, line in enumerate(lines):
        problems += [
            LineError(index, text, field=field)
            for field, text in _problems(adjustment_type, line, moves_bins=moves_bins)
        ]
        if line.role == Role.PRODUCT and line.code_id in parents:
            problems.append(LineError(index, f"{line.code} cannot be made of itself.", field="code"))
        if adjustment_type == Type.COUNT:
            place = (line.code_id, line.bin, line.manufacturer_lot)
            if place in seen:
                problems.append(
                    LineError(index, f"{line.code} is counted in line {seen[place]} already.", field="code")
                )
            seen.setdefault(place, index + 1)
    return problems


def _problems(adjustment_type: str, line: AdjustmentLine, *, moves_bins: bool) -> Iterator[tuple[str | None, str]]:
    """(field, sentence) pairs."""
    code = line.code
    if code.record_type not in INVENTORIED:
        yield "code", f"{code} is no inventoried item: it has no stock to adjust."
    if abs(line.quantity) >= QUANTITY_BOUND or line.quantity != line.quantity.quantize(QUANTITY_STEP):
        yield "quantity", "This quantity cannot be kept: at most 12 digits before the point and 4 after it."
        return
    if line.unit_cost is not None and line.unit_cost < 0:
        yield "unit_cost", "A unit cost cannot be negative."
    elif line.unit_cost is not None and (adjustment_type != Type.BEGINNING_BALANCE or line.quantity < 0):
        yield "unit_cost", "Only a Beginning Balance that adds goods has a unit cost: leave it blank."
    elif abs(line.quantity) * (code.est_unit_cost if line.unit_cost is None else line.unit_cost) >= AMOUNT_BOUND:
        yield "quantity", "Quantity x unit cost is too large to be kept."
    if line.count is not None and line.count < 0:
        yield "count", "There cannot be less than nothing: enter what was counted."
    yield from _problems_of_type(adjustment_type, line, moves_bins=moves_bins)
    yield from _problems_of_tracking(line)


def _problems_of_type(
    adjustment_type: str, line: AdjustmentLine, *, moves_bins: bool
) -> Iterator[tuple[str | None, str]]:
    if adjustment_type == Type.BEGINNING_BALANCE:
        if line.quantity == 0:
            yield "quantity", "Enter how much is added, or (negative) written off."
    elif adjustment_type != Type.COUNT and line.quantity <= 0:
        yield "quantity", "Enter more than zero."
    if line.into_lot is not None:
        lot = line.into_lot
        if adjustment_type != Type.BEGINNING_BALANCE or line.quantity <= 0:
            yield "into_lot", "Only a Beginning Balance that adds goods can go into a lot that is there already."
        elif lot.code_id != line.code_id:
            yield "into_lot", f"Lot {lot.number} is of another code."
        elif lot.is_fed:
            yield "into_lot", f"Lot {lot.number} costs what went into it, so nothing can be added to it."
        elif not lot.is_source_complete:
            yield "into_lot", f"More is expected for lot {lot.number}: receive it on {lot.source_number} instead."
    if moves_bins and line.bin == line.to_bin:
        yield "to_bin", "Goods that stay in their office must change the bin."


def _problems_of_tracking(line: AdjustmentLine) -> Iterator[tuple[str | None, str]]:
    code, serials = line.code, serial_numbers(line.serials)
    if code.is_tracked_by_manufacturer_lot:
        if line.quantity and not line.manufacturer_lot:
            yield "manufacturer_lot", f"{code} is tracked by manufacturer lot: name it."
    elif line.manufacturer_lot:
        yield "manufacturer_lot", f"{code} is not tracked by manufacturer lot."
    if not code.is_serialized:
        if serials:
            yield "serials", f"{code} has no serial numbers."
        return
    if line.quantity != line.quantity.to_integral_value():
        yield "quantity", f"{code} is serialized: it comes in whole units."
    elif len(set(serials)) != len(serials):
        twice = next(serial for serial in serials if serials.count(serial) > 1)
        yield "serials", f"Serial number {twice} is named twice."
    elif len(serials) != abs(line.quantity):
        units = quantity_text(abs(line.quantity))
        yield "serials", f"{code} is serialized: name {units} serial number{'s' if units != '1' else ''}, one per line."
    for serial in serials:
        if len(serial) > SERIAL_LENGTH:
            yield "serials", f"A serial number has at most {SERIAL_LENGTH} characters."
            return
