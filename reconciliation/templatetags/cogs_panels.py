"""Inventory COGS of a lot and of a usage, the runs that worked on a code, and when the last run was."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from django import template
from django.core.paginator import Page, Paginator
from django.db.models import F, Q, QuerySet, Sum, Window
from django.db.models.functions import NullIf, Round

from inventory_site.details import FigureRow, Figures, Section
from inventory_site.fields import UNIT_COST_PLACES, MoneyField, QuantityField, UnitCostField
from inventory_site.listing import EmptyState
from inventory_site.tables import (
    BaseTable,
    CountColumn,
    DateColumn,
    GoToColumn,
    MoneyColumn,
    QuantityColumn,
    StatusColumn,
    TextColumn,
    UnitCostColumn,
)
from lots import addresses
from lots.models import InventoryLot, LineItemCode
from reconciliation.models import CogsAllocation, ReconciliationRun, RunPool
from usage.models import InventoryUsage

register = template.Library()

ROWS_PER_PAGE: Final = 50
RUNS_SHOWN: Final = 5
PAGE_PARAMETER: Final = "cogs_page"
MERGED: Final = (
    "The entries of one run are merged per usage: within a run Used may pass what the lot holds; after the last entry"
    " of each run it is exact."
)


def run_column() -> GoToColumn:
    return GoToColumn("Run", accessor="run_id", kind="run", to="run")


# -- Tables ------------------------------------------------------------------------------------------
class CogsOfLotTable(BaseTable):
    """Gross, in the order in which they were booked."""

    caption = "Inventory COGS of this lot"

    usage = GoToColumn("Usage", accessor="usage__number", kind="usage", to="usage")
    source_number = GoToColumn(
        "Transaction ID",
        accessor="usage__source_number",
        kind="transaction",
        url=lambda row: addresses.everything_from(row.usage.source_number),
    )
    used_at = DateColumn("Usage Date", accessor="usage__used_at")
    kind = TextColumn("Entry")
    quantity = QuantityColumn("Quantity")
    unit_cost = UnitCostColumn("Unit Cost (derived)")
    amount = MoneyColumn("Amount")
    running_used = QuantityColumn("Used after it")
    run = run_column()

    def row_url(self, record: CogsAllocation) -> str:
        return record.usage.get_absolute_url()


class CogsOfUsageTable(BaseTable):
    """Which lots paid for a usage, or took it back."""

    caption = "Inventory COGS of this usage"

    lot = GoToColumn("Lot", accessor="lot__number", kind="lot", to="lot")
    source_number = GoToColumn(
        "Source Document",
        accessor="lot__source_number",
        kind="transaction",
        url=lambda row: addresses.everything_from(row.lot.source_number),
    )
    received_at = DateColumn("Received", accessor="lot__first_received_at")
    kind = TextColumn("Entry")
    quantity = QuantityColumn("Quantity")
    unit_cost = UnitCostColumn("Unit Cost (derived)")
    amount = MoneyColumn("Amount")
    run = run_column()

    def row_url(self, record: CogsAllocation) -> str:
        return record.lot.get_absolute_url()


class RunsOfCodeTable(BaseTable):
    """What the latest runs did for a code."""

    caption = "Latest runs with work on this code"

    run = run_column()
    finished_at = DateColumn("Worked on", with_time=True)
    state = StatusColumn("Result")
    usages = CountColumn("Usages")
    passes = CountColumn("Passes")
    drawn = QuantityColumn("Drawn")
    given_back = QuantityColumn("Given Back")
    amount = MoneyColumn("Amount")
    open_usages = CountColumn("Left Open")
    unallocated = QuantityColumn("Unallocated")

    def row_url(self, record: RunPool) -> str:
        return record.run.get_absolute_url()


# -- Inventory COGS ----------------------------------------------------------------------------------
@register.inclusion_tag("reconciliation/_cogs.html", takes_context=True)
def cogs_of_lot(context: template.Context, lot: InventoryLot) -> dict[str, Any]:
    """Gross draws and give-backs in order with the running Used, and what they come to."""
    entries = CogsAllocation.objects.filter(lot=lot)
    page = _page_of(
        context,
        entries.select_related("usage", "run")
        .annotate(
            unit_cost=_derived_unit_cost(),
            running_used=Window(Sum("quantity"), order_by="pk"),
        )
        .order_by("pk"),
    )
    empty = EmptyState(
        "Nothing has drawn on this lot yet",
        "A COGS reconciliation run allocates usage to it as soon as there is some." if lot.quantity_received else "",
    )
    section = Section(
        "Inventory COGS",
        note=_why_estimated(lot),
        figures=_gross_figures(entries, net="Net = Used") if page.paginator.count else None,
        table=CogsOfLotTable(page.object_list, empty=empty),
        template="reconciliation/_cogs_pages.html",
        context=_page_links(page),
        all_url=addresses.found_set("reconciliation:allocations", lot=addresses.exactly(lot.number)),
        all_label="As a list",
    )
    return {"section": section}


@register.inclusion_tag("reconciliation/_cogs.html", takes_context=True)
def cogs_of_usage(context: template.Context, usage: InventoryUsage) -> dict[str, Any]:
    """The lots and their source documents that costed it."""
    entries = CogsAllocation.objects.filter(usage=usage)
    page = _page_of(
        context, entries.select_related("lot", "run").annotate(unit_cost=_derived_unit_cost()).order_by("pk")
    )
    totals = entries.aggregate(quantity=Sum("quantity"), amount=Sum("amount"))
    empty = EmptyState(
        "No COGS entries yet",
        "Nothing of it is allocated: run COGS reconciliation. If it stays open, no lot can pay for it.",
    )
    table = CogsOfUsageTable(page.object_list, totals=totals if page.paginator.count else None, empty=empty)
    section = Section(
        "Inventory COGS",
        table=table,
        template="reconciliation/_cogs_pages.html",
        context=_page_links(page),
        all_url=addresses.found_set("reconciliation:allocations", usage=addresses.exactly(usage.number)),
        all_label="As a list",
    )
    return {"section": section}


def _why_estimated(lot: InventoryLot) -> str:
    """The guides' note, and what it waits for; "" once the cost is final and booked."""
    if not lot.is_cost_final:
        line = getattr(lot, "purchase_order_line", None)
        if line is not None:
            return f"Costs are estimated until {line.purchase_order.number} is closed."
        return "Costs are estimated until all that goes into it is known."
    if lot.value != lot.value_costed or lot.quantity_received != lot.quantity_costed:
        return "Costs are estimated: the next run corrects what was booked."
    return ""


def _derived_unit_cost() -> Round:
    """For show: amounts follow the lot's cumulative cost, so amount / quantity is rounded and may differ by a cent."""
    return Round(F("amount") / NullIf("quantity", Decimal(0)), UNIT_COST_PLACES, output_field=UnitCostField())


def _gross_figures(entries: QuerySet[CogsAllocation], *, net: str) -> Figures:
    drawn, back = Q(quantity__gt=0), Q(quantity__lt=0)
    zero, quantity, money = Decimal(0), QuantityField(), MoneyField()
    sums = entries.aggregate(
        drawn=Sum("quantity", filter=drawn, default=zero, output_field=quantity),
        drawn_amount=Sum("amount", filter=drawn, default=zero, output_field=money),
        back=Sum("quantity", filter=back, default=zero, output_field=quantity),
        back_amount=Sum("amount", filter=back, default=zero, output_field=money),
        amount=Sum("amount", default=zero, output_field=money),
    )
    trued_up = sums["amount"] - sums["drawn_amount"] - sums["back_amount"]
    rows = [
        FigureRow("Drawn", (sums["drawn"], sums["drawn_amount"])),
        FigureRow("Given back", (sums["back"], sums["back_amount"])),
        *((FigureRow("Cost corrected later", (None, trued_up), hint="True-up"),) if trued_up else ()),
        FigureRow(
            net, (sums["drawn"] + sums["back"], sums["amount"]), is_total=True, hint=MERGED if sums["back"] else ""
        ),
    ]
    return Figures("Gross and net", (("Quantity", "quantity"), ("Amount", "money")), rows)


def _page_of(context: template.Context, entries: QuerySet[CogsAllocation]) -> Page[CogsAllocation]:
    return Paginator(entries, ROWS_PER_PAGE).get_page(context["request"].GET.get(PAGE_PARAMETER))


def _page_links(page: Page[CogsAllocation]) -> Mapping[str, Any]:
    def link(number: int) -> str:
        return f"?{PAGE_PARAMETER}={number}#inventory-cogs"

    return {
        "page": page,
        "first": link(1) if page.has_previous() else "",
        "previous": link(page.previous_page_number()) if page.has_previous() else "",
        "next": link(page.next_page_number()) if page.has_next() else "",
        "last": link(page.paginator.num_pages) if page.has_next() else "",
    }


# -- Runs --------------------------------------------------------------------------------------------
@register.inclusion_tag("reconciliation/_runs_of_cogs.html")
def runs_of_code(code: LineItemCode) -> dict[str, Any]:
    """The latest runs that had work on a code."""
    rows = RunPool.objects.filter(pool__code=code).select_related("run").order_by("-pk")[:RUNS_SHOWN]
    empty = EmptyState("No run had work on this code yet", "A run takes every code that has something to reconcile.")
    return {"table": RunsOfCodeTable(rows, empty=empty)}


@register.inclusion_tag("reconciliation/_last_cogs_run.html", takes_context=True)
def last_run(context: template.Context) -> dict[str, Any]:
    """A cold list of usage is noise before a run: say when the last one was, or that there was none."""
    may_see = context["request"].user.has_perm("reconciliation.view_reconciliationrun")
    latest = list(ReconciliationRun.objects.order_by("-pk")[:1])
    run = latest[0] if latest else None
    return {"run": run, "may_see": may_see}
