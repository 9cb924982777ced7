"""Tables of inventory adjustments: the list, an adjustment's lines, what they made, and a count sheet."""

from collections.abc import Sequence
from typing import Any

from django.urls import reverse

from inventory_site.money import unit_cost_text
from inventory_site.tables import (
    BaseTable,
    CountColumn,
    DateColumn,
    GoToColumn,
    MoneyColumn,
    QuantityColumn,
    RowAction,
    RowActionsColumn,
    StatusColumn,
    TextColumn,
)
from lots.tables import ShortTextColumn, office_column
from usage.adjustment_costs import ESTIMATE
from usage.adjustment_lines import Role, Type, percent_text
from usage.models import InventoryAdjustment


class NumberTextColumn(TextColumn):
    """A figure with words."""

    cell_class = "number"


class BoxColumn(TextColumn):
    """An empty box to write into."""

    cell_class = "count-box"

    def render(self) -> str:
        return ""


class AdjustmentTable(BaseTable):
    caption = "Inventory adjustments"
    row_kind = "adjustment"
    minor = ("office", "account", "created_by")

    number = GoToColumn("Adjustment", kind="adjustment", to="", order_by="pk")
    adjustment_type = ShortTextColumn("Type", accessor="get_adjustment_type_display", order_by="adjustment_type")
    adjusted_at = DateColumn("Date")
    office = office_column()
    account = TextColumn("Account")
    description = TextColumn("Description")
    line_count = CountColumn("Lines")
    amount = MoneyColumn("Amount", estimated=True)
    created_by = TextColumn("By", accessor="created_by__username")
    status = StatusColumn("Status", dot=False)
    controls = RowActionsColumn(status="status")

    def row_actions(self, record: InventoryAdjustment) -> Sequence[RowAction]:
        edit = reverse("usage:adjustment_edit", args=[record.pk])
        return (
            RowAction("Open", record.get_absolute_url()),
            *((RowAction("Edit", edit),) if record.status == "PENDING" else ()),
        )


class LineTable(BaseTable):
    """Rows are AdjustmentLine, with what the page worked out: system_balance, count, share, amount, taken_at."""

    caption = "Lines of the adjustment"
    row_kind = "line"

    position = CountColumn("Line", orderable=False)
    role = ShortTextColumn("Part", accessor="get_role_display", orderable=False)
    code = GoToColumn("Code", kind="code", to="code", orderable=False)
    description = TextColumn("Description", accessor="code__description", orderable=False)
    bin = ShortTextColumn("Bin", orderable=False)
    to_bin = ShortTextColumn("To bin", orderable=False)
    manufacturer_lot = ShortTextColumn("Manufacturer lot", orderable=False)
    serials = TextColumn("Serial numbers", orderable=False)
    system_balance = QuantityColumn("System balance", orderable=False)
    count = QuantityColumn("Count", orderable=False)
    quantity = QuantityColumn("Quantity", orderable=False)
    unit_cost = NumberTextColumn("Unit cost", orderable=False, empty_values=())
    share = NumberTextColumn("Share", orderable=False)
    amount = MoneyColumn("Amount", estimated=True, orderable=False)
    into_lot = GoToColumn("Into lot", kind="lot", to="into_lot", orderable=False)

    def __init__(self, rows: Sequence[Any], *, adjustment_type: str, **options: Any) -> None:
        self.adjustment_type = adjustment_type
        has = {name: any(getattr(row, name) for row in rows) for name in ("bin", "manufacturer_lot", "serials")}
        shown = {
            "role": adjustment_type in {Type.ASSEMBLY, Type.DIVISION},
            "to_bin": adjustment_type == Type.TRANSFER,
            "system_balance": adjustment_type == Type.COUNT,
            "count": adjustment_type == Type.COUNT,
            "share": adjustment_type == Type.DIVISION,
            # Of other types where it is not the estimate that one expects.
            "unit_cost": adjustment_type == Type.BEGINNING_BALANCE
            or any(row.taken_at.source != ESTIMATE for row in rows if row.role != Role.PRODUCT),
            "into_lot": any(row.into_lot_id for row in rows),
            **has,
        }
        exclude = tuple(name for name, is_shown in shown.items() if not is_shown)
        super().__init__(rows, exclude=exclude, **options)
        if adjustment_type == Type.COUNT:
            self.columns["quantity"].column.verbose_name = "Adjustment"

    def render_serials(self, value: str) -> str:
        return ", ".join(value.split("\n"))

    def render_share(self, value: int) -> str:
        return percent_text(value)

    def render_unit_cost(self, record: Any) -> str:
        unit = record.taken_at
        return f"{unit_cost_text(unit.cost)} ({unit.source})" if unit.source else unit_cost_text(unit.cost)


class RecordTable(BaseTable):
    """What a posted adjustment made, and the mirrors of a void."""

    caption = "Usage and lots of the adjustment"
    row_kind = "record"

    line = CountColumn("Line", accessor="line__position", orderable=False)
    made = ShortTextColumn("Record", accessor="kind", orderable=False)
    number = GoToColumn("Number", kind="record", url=lambda row: row.made.get_absolute_url(), orderable=False)
    code = GoToColumn("Code", kind="code", to="made__code", accessor="made__code", orderable=False)
    office = TextColumn("Office", accessor="made__office", orderable=False)
    quantity = QuantityColumn("On Hand", orderable=False)
    value = MoneyColumn("Value", accessor="worth", orderable=False)
    is_void = ShortTextColumn("Undone", orderable=False)

    def render_is_void(self, value: bool) -> str:
        return "By void" if value else ""


class PlannedTable(BaseTable):
    """What posting will make, found out by doing it and taking it back."""

    caption = "Records that posting makes"
    row_kind = "record"

    kind = ShortTextColumn("Record", orderable=False)
    code = TextColumn("Code", orderable=False)
    office = TextColumn("Office", orderable=False)
    place = ShortTextColumn("Bin", orderable=False)
    quantity = QuantityColumn("Quantity", orderable=False)
    value = MoneyColumn("Value", orderable=False)
    account = TextColumn("Account", orderable=False)
    note = TextColumn("Note", orderable=False)


class SheetTable(BaseTable):
    """A count sheet, to be written on."""

    caption = "What to count"
    row_kind = "line"

    code = TextColumn("Code", accessor="code__code", orderable=False)
    description = TextColumn("Description", accessor="code__description", orderable=False)
    bin = ShortTextColumn("Bin", orderable=False)
    manufacturer_lot = ShortTextColumn("Manufacturer lot", orderable=False)
    balance = QuantityColumn("System balance", orderable=False)
    box = BoxColumn("Count", orderable=False, empty_values=(), accessor="code__pk")
