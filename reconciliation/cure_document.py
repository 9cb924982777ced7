"""The Beginning Balance that lines of the workbench stand for: as a draft to be looked at, and read back once saved."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from lots.accounts import why_not_other_side
from lots.models import Account, CostPool, LineItemCode, Office, Preference
from lots.periods import why_not_yet
from reconciliation.whatif import ZERO, Line
from usage.adjusting import adjustment_amount
from usage.adjustment_lines import line_problems
from usage.adjustment_posting import parts_of_line
from usage.adjustment_stock import stock_problems
from usage.adjustment_warnings import unready_lines
from usage.models import AdjustmentLine, InventoryAdjustment
from usage.unit_names import Part

CURE = InventoryAdjustment.Type.BEGINNING_BALANCE


class Draft(NamedTuple):
    """An adjustment and its lines, not saved, under these preferences."""

    adjustment: InventoryAdjustment
    lines: list[AdjustmentLine]
    preference: Preference

    @property
    def is_split(self) -> bool:
        """Whether each office has pools of its own."""
        return self.preference.prevent_inter_office

    def refusal(self, *, now: datetime) -> str:
        """Why it could not be posted now, or "": what the verbs would say."""
        if not self.lines:
            return ""
        if reason := why_not_yet(self.adjustment.adjusted_at, now=now):
            return reason
        if self.is_split and self.adjustment.office is None:
            return "Each office has costs of its own, and this usage names none: nothing can be entered for it."
        account = self.adjustment.account
        if account is not None and (reason := why_not_other_side(account)):
            return reason
        wrong = line_problems(CURE, self.lines, moves_bins=False)
        wrong = wrong or list(stock_problems(self.adjustment, self.lines, is_split=self.is_split))
        wrong = wrong or list(unready_lines(self.adjustment, self.lines))
        return " ".join(dict.fromkeys(message for problem in wrong for message in problem.messages))

    @property
    def needs_approval(self) -> bool:
        limit = self.preference.approve_above
        return limit is not None and bool(self.lines) and self.amount > limit

    @property
    def amount(self) -> Any:
        return adjustment_amount(self.lines)

    def write_offs(self) -> list[list[Part]]:
        """Of each line the usages that it becomes: none of a line that adds."""
        office = self.adjustment.office
        return [
            parts_of_line(line, max(-line.quantity, ZERO), office=office, is_split=self.is_split) for line in self.lines
        ]


def draft_of(
    pool: CostPool,
    lines: Sequence[Line],
    *,
    office: Office | None,
    adjusted_at: datetime,
    account: Account,
    preference: Preference,
) -> Draft:
    adjustment = InventoryAdjustment(adjustment_type=CURE, adjusted_at=adjusted_at, office=office, account=account)
    drafted = [
        AdjustmentLine(position=position, **line_values(pool.code, line))
        for position, line in enumerate(lines, start=1)
    ]
    return Draft(adjustment, drafted, preference)


def line_values(code: LineItemCode, line: Line) -> dict[str, Any]:
    """What `adjustment_save` takes for the line."""
    return {
        "code": code,
        "quantity": line.quantity,
        "unit_cost": line.unit_cost if line.quantity > 0 else None,
        "into_lot": line.into_lot,
        "manufacturer_lot": line.manufacturer_lot,
        "serials": line.serials,
    }


def lines_of(adjustment: InventoryAdjustment) -> tuple[Line, ...]:
    """The lines of a saved cure, as they were previewed."""
    rows = adjustment.lines.select_related("into_lot").order_by("position", "pk")
    return tuple(
        Line(
            row.quantity,
            row.unit_cost or ZERO,
            into_lot=row.into_lot,
            manufacturer_lot=row.manufacturer_lot,
            serials=row.serials,
        )
        for row in rows
    )
