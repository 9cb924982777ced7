"""What the goods of adjustment lines are taken to cost: as entered, as estimated, or else as lots that hold them did.

A code without an estimate is not one that costs nothing, nor one with a low estimate cheap: who may post alone what is
lost of it must not depend on that. What a line was taken at when it was posted stays.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import NamedTuple

from django.db.models import Case, DecimalField, ExpressionWrapper, F, OuterRef, Q, Subquery, Sum, When
from django.db.models.functions import Coalesce, Greatest, NullIf, Round

from inventory_site.fields import UNIT_COST_PLACES
from inventory_site.money import to_cents
from lots.models import InventoryLot, LineItemCode
from usage.adjustment_lines import ZERO, Role, Type
from usage.models import AdjustmentLine

EXACT = DecimalField(max_digits=40, decimal_places=UNIT_COST_PLACES)

# A line that makes or grows a lot; only such a line may have a unit cost.
ADDS_AT_A_COST = Q(adjustment__adjustment_type=Type.BEGINNING_BALANCE, quantity__gt=0)
TAKING_TYPES = (Type.LOSS, Type.TRANSFER)
# The same as `_takes_away`.
TAKES_AWAY = Q(quantity__lt=0) | Q(role=Role.COMPONENT) | Q(adjustment__adjustment_type__in=TAKING_TYPES)


class UnitCost(NamedTuple):
    """What a unit is taken to cost. `source` says where that comes from, for people: "" is what was entered."""

    cost: Decimal
    source: str = ""


ESTIMATE, NEWEST_LOT, LOTS_THERE, UNKNOWN = "estimate", "newest lot", "lots on hand", "cost unknown"
AT_POSTING = "when posted"


def newest_lot_cost(code: str) -> Subquery:
    """What a unit of the newest lot that is worth anything cost; `code` is the outer query's."""
    lots = InventoryLot.objects.filter(code=OuterRef(code), quantity_received__gt=0, value__gt=0)
    newest = lots.order_by("-first_received_at", "-pk")
    unit = ExpressionWrapper(F("value") / F("quantity_received"), output_field=EXACT)
    cost = Round(unit, UNIT_COST_PLACES, output_field=EXACT)
    return Subquery(newest.values(cost=cost)[:1], output_field=EXACT)


def held_cost(code: str) -> Subquery:
    """What a unit of what lots hold is worth on average; nothing where they hold none, or it is worth nothing."""
    there = InventoryLot.objects.filter(code=OuterRef(code), quantity_current__gt=0).order_by().values("code")
    worth = Sum(F("value") - F("value_used"), output_field=EXACT)
    unit = ExpressionWrapper(worth / Sum("quantity_current"), output_field=EXACT)
    cost = Round(unit, UNIT_COST_PLACES, output_field=EXACT)
    return Subquery(there.annotate(cost=NullIf(cost, ZERO, output_field=EXACT)).values("cost"), output_field=EXACT)


def unit_cost_in_sql() -> Case:
    """The same of lines in a query as `unit_costs` gives."""
    return Case(
        When(quantity__gt=0, unit_cost__isnull=False, then=F("unit_cost")),
        When(posted_unit_cost__isnull=False, then=F("posted_unit_cost")),
        # GREATEST passes over what is NULL.
        When(
            TAKES_AWAY & Q(code__est_unit_cost__gt=0),
            then=Greatest(F("code__est_unit_cost"), held_cost("code"), output_field=EXACT),
        ),
        When(code__est_unit_cost__gt=0, then=F("code__est_unit_cost")),
        When(ADDS_AT_A_COST, then=Coalesce(newest_lot_cost("code"), ZERO, output_field=EXACT)),
        default=Coalesce(held_cost("code"), newest_lot_cost("code"), ZERO, output_field=EXACT),
        output_field=EXACT,
    )


def unit_costs(lines: Sequence[AdjustmentLine]) -> list[UnitCost]:
    """Of each line what a unit is taken to cost. Reads lots, in one query, of codes whose estimate does not do."""
    unknown = {line.code_id for line in lines if _own(line) is None}
    of_lots: dict[int, tuple[Decimal | None, Decimal | None]] = {}
    if unknown:
        rows = LineItemCode.objects.filter(pk__in=unknown).annotate(held=held_cost("pk"), newest=newest_lot_cost("pk"))
        of_lots = {pk: (held, newest) for pk, held, newest in rows.values_list("pk", "held", "newest")}
    return [_own(line) or _of_lots(line, *of_lots.get(line.code_id, (None, None))) for line in lines]


def _own(line: AdjustmentLine) -> UnitCost | None:
    """What the line says, or was posted at, or of what is not taken away its code estimates."""
    # What is taken away costs what its lots cost, whatever was entered.
    if line.unit_cost is not None and line.quantity > 0:
        return UnitCost(line.unit_cost)
    if line.posted_unit_cost is not None:
        return UnitCost(line.posted_unit_cost, AT_POSTING)
    estimate = line.code.est_unit_cost
    return UnitCost(estimate, ESTIMATE) if estimate and not _takes_away(line) else None


def _takes_away(line: AdjustmentLine) -> bool:
    return line.quantity < 0 or line.role == Role.COMPONENT or line.adjustment.adjustment_type in TAKING_TYPES


def _adds_at_a_cost(line: AdjustmentLine) -> bool:
    return line.quantity > 0 and line.adjustment.adjustment_type == Type.BEGINNING_BALANCE


def _of_lots(line: AdjustmentLine, held: Decimal | None, newest: Decimal | None) -> UnitCost:
    # Who enters a low estimate must not make cheap what is taken away: it counts at what it is worth at least.
    if line.code.est_unit_cost and (held is None or held <= line.code.est_unit_cost):
        return UnitCost(line.code.est_unit_cost, ESTIMATE)
    if held is not None and not _adds_at_a_cost(line):
        return UnitCost(held, LOTS_THERE)
    return UnitCost(newest, NEWEST_LOT) if newest is not None else UnitCost(ZERO, UNKNOWN)


def line_amounts(lines: Sequence[AdjustmentLine]) -> list[Decimal]:
    """What each line is about in money, unsigned: quantity x unit cost, to the cent. Estimated but for new lots."""
    return [to_cents(abs(line.quantity) * unit.cost) for line, unit in zip(lines, unit_costs(lines), strict=True)]


def adjustment_amount(lines: Iterable[AdjustmentLine]) -> Decimal:
    """How much an adjustment moves: the larger of what it adds and what it takes away, each at unit cost.

    The two lines of a cure (+20 and -20) count once, and so does what goes into a product and comes out of it.
    """
    counted = [line for line in lines if line.role != Role.PRODUCT]
    up, down = ZERO, ZERO
    for line, amount in zip(counted, line_amounts(counted), strict=True):
        if line.quantity < 0 or line.role == Role.COMPONENT:
            down += amount
        else:
            up += amount
    return max(up, down)
