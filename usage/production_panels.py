"""What went into a production lot: for the lot's page and for its job's, in the words of the guides."""

from decimal import Decimal
from typing import Any

from django.db.models import F
from django.urls import reverse
from django.utils.html import format_html

from inventory_site.details import Section
from inventory_site.listing import EmptyState
from inventory_site.tables import BaseTable, DateColumn, GoToColumn, MoneyColumn, QuantityColumn, TextColumn
from inventory_site.templatetags import display
from lots import addresses
from lots.models import InventoryLot, LotType
from usage.feeding import shared
from usage.job_rules import why_not_void_cost
from usage.models import JobCost
from usage.querysets import usages
from usage.units_held import held_text, units_held

ROWS_SHOWN = 50
NONE_CONSUMED = EmptyState("Nothing was consumed yet")
NO_COSTS = EmptyState("No labor, service or expense was added")
ZERO = Decimal(0)


class InventoriedCostTable(BaseTable):
    """A line per usage, which leads to it; below zero is what was put back. `units` are those that it still holds."""

    caption = "Production costs that were inventory"
    row_kind = "usage"

    number = GoToColumn("Usage", kind="usage", orderable=False)
    code = GoToColumn("Code", accessor="code__code", kind="code", to="code", orderable=False)
    source_number = GoToColumn(
        "Transaction ID",
        kind="transaction",
        url=lambda usage: addresses.records_from(usage.source_number),
        orderable=False,
    )
    used_at = DateColumn("Date", orderable=False)
    quantity = QuantityColumn("Quantity", orderable=False)
    units = TextColumn("Units", accessor="units_held", orderable=False)
    unallocated = QuantityColumn("Unallocated", orderable=False)
    cost = MoneyColumn("Cost", estimated=True, orderable=False)


class UndoColumn(TextColumn):
    """Leads to the question whether this is to be undone, or says why it cannot: the row's `undo`, (url, reason)."""

    def __init__(self) -> None:
        super().__init__("Undo", empty_values=(), orderable=False, exclude_from_export=True)

    def render(self, record: Any) -> str:
        url, reason = record.undo
        if url:
            return display.go_to("Void", url, f"void of {record}")
        return format_html('<span class="muted">{}</span>', reason)


class JobCostTable(BaseTable):
    """Labor, services and expenses that the job's lot carries."""

    caption = "Capitalized expenses"

    kind = TextColumn("Kind", accessor="get_kind_display", orderable=False)
    description = TextColumn("Description", orderable=False)
    incurred_at = DateColumn("Date", orderable=False)
    account = TextColumn("Credited to", orderable=False)
    amount = MoneyColumn("Amount", orderable=False)
    undo = UndoColumn()


def usages_of_lot(lot: InventoryLot | None) -> list[Any]:
    """Every usage that feeds the lot, with `cost`: what of its ~ COGS goes there. One query."""
    if lot is None:
        return []
    rows: list[Any] = list(
        usages()
        .for_list()
        .filter(feeds__lot=lot)
        .annotate(share_from=F("feeds__share_from"), share_to=F("feeds__share_to"))
        .order_by("pk")
    )
    for row in rows:
        row.cost = shared(row.cogs, share_from=row.share_from, share_to=row.share_to)
    return rows


def job_costs_of(lot: InventoryLot | None) -> list[JobCost]:
    if lot is None:
        return []
    return list(JobCost.objects.filter(job__lot=lot).select_related("account", "job", "reversed_by").order_by("pk"))


def inventoried_section(
    rows: list[Any], *, title: str = "Production Costs (Inventoried)", of_job: bool = False
) -> Section:
    """What was inventory before: components, each usage with its cost so far; `of_job` with the units it holds."""
    cost = sum((row.cost for row in rows), ZERO)
    notes = []
    if any(row.status == "OPEN" for row in rows):
        notes.append("~ Cost is estimated as long as something is unallocated.")
    if len(rows) > ROWS_SHOWN:
        notes.append(f"The first {ROWS_SHOWN} of {len(rows):,}; the total is that of all.")
    totals = {"cost": cost} if rows else None
    held = units_held(rows[:ROWS_SHOWN]) if of_job else {}
    for row in rows[:ROWS_SHOWN]:
        row.units_held = held_text(held.get(row.pk))
    return Section(
        title,
        note=" ".join(notes),
        table=InventoriedCostTable(
            rows[:ROWS_SHOWN], totals=totals, empty=NONE_CONSUMED, exclude=() if held else ("units",)
        ),
    )


def capitalized_section(rows: list[JobCost], *, may_undo: bool = False) -> Section:
    """What was no inventory: the guides' capitalized expenses. `may_undo`: with the way to make each void."""
    for row in rows[:ROWS_SHOWN] if may_undo else ():
        reason = why_not_void_cost(row)
        row.undo = ("", reason) if reason else (reverse("usage:job_cost_void", args=[row.pk]), "")  # type: ignore[attr-defined]  # for the table
    amount = sum((row.amount for row in rows), ZERO)
    return Section(
        "Production Costs (Non-Inventoried; Capitalized Expenses)",
        note=f"The first {ROWS_SHOWN} of {len(rows):,}; the total is that of all." if len(rows) > ROWS_SHOWN else "",
        table=JobCostTable(
            rows[:ROWS_SHOWN],
            totals={"amount": amount} if rows else None,
            empty=NO_COSTS,
            exclude=() if may_undo else ("undo",),
        ),
    )


def sections_of_lot(lot: InventoryLot) -> list[Section]:
    """The sections that the page of a fed lot shows; none for a lot that was bought."""
    if lot.lot_type != LotType.PRODUCTION and not lot.is_fed:
        return []
    title = "Production Costs (Inventoried)" if lot.lot_type == LotType.PRODUCTION else "Cost of What Went In"
    sections = [inventoried_section(usages_of_lot(lot), title=title)]
    if lot.lot_type == LotType.PRODUCTION:
        sections.append(capitalized_section(job_costs_of(lot)))
    return sections
