"""Jobs: the list, and a job's page in the sections of the guides."""

from collections.abc import Sequence
from decimal import Decimal
from operator import methodcaller
from typing import Any

from django.urls import reverse

from inventory_site.details import Action, Fact, FigureRow, Figures, Section
from inventory_site.listing import EmptyState, QuickSearch
from inventory_site.money import to_cents
from inventory_site.views import RecordDetailView, RecordListView
from lots import addresses
from lots.history_table import history_section
from lots.models import DocumentStatus
from lots.tables import BY_CODE
from usage import job_rules
from usage.job_filtersets import JobFilterSet
from usage.job_querysets import jobs, on_hand_of
from usage.job_tables import ChildTable, ComponentTable, JobTable, OutputTable
from usage.models import Job
from usage.production_panels import (
    ROWS_SHOWN,
    ZERO,
    capitalized_section,
    inventoried_section,
    job_costs_of,
    usages_of_lot,
)
from usage.unit_names import names_units, units_made

QUANTITY_AND_VALUE = (("Quantity", "quantity"), ("Value", "money"))
CHANGE = "usage.change_job"
TOTALLED = ("quantity", "quantity_produced", "quantity_due", "value")


class JobListView(RecordListView):
    """Newest first."""

    queryset = jobs().for_list()
    filterset_class = JobFilterSet
    table_class = JobTable
    noun = "jobs"
    default_sort = ("-number",)
    total_expressions = {name: name for name in TOTALLED}
    groupings = (BY_CODE,)
    quick_searches = (
        QuickSearch("open", "Find Open Jobs", narrow=methodcaller("open")),
        QuickSearch("pending", "Find Pending", narrow=methodcaller("pending")),
        QuickSearch("closed", "Find Closed", narrow=methodcaller("closed")),
    )
    empty_first_use = EmptyState(
        "No jobs yet", "A job consumes components, takes labor and other costs, and produces a lot."
    )

    def get_actions(self) -> Sequence[Action]:
        return (
            Action("New job", reverse("usage:job_create"), permission="usage.add_job", is_primary=True, icon="add"),
        )


# -- A job -------------------------------------------------------------------------------------------
class JobDetailView(RecordDetailView):
    """A job, with what it takes, what it costs and what came out."""

    queryset = jobs().for_list().select_related("order_line__order")
    list_url_name = "usage:jobs"
    list_label = "Jobs"
    kind = "Job"

    def get_title(self) -> str:
        return f"Job {self.object}"

    def get_status(self) -> tuple[str, str]:
        return self.object.status, self.object.get_status_display()

    def get_actions(self) -> Sequence[Action]:
        return _actions(self.object)

    def get_sections(self) -> Sequence[Section]:
        job: Any = self.object
        taken, costs = usages_of_lot(job.lot), job_costs_of(job.lot)
        components = _components(job, taken)
        sections = [
            _general(job),
            _estimated_produced(job, components, sum((cost.amount for cost in costs), ZERO)),
            Section(
                "Components",
                table=ComponentTable(components, empty=EmptyState("No components yet", "Edit the job to enter them.")),
            ),
        ]
        if job.lot is not None:
            costs_section = capitalized_section(costs, may_undo=self.request.user.has_perm(CHANGE))
            sections += [inventoried_section(taken, of_job=True), costs_section, _production(job, self.request.user)]
        children = list(jobs().for_list().filter(parent=job).order_by("pk"))
        if children:
            sections.append(Section("Sub-assemblies", table=ChildTable(children)))
        return [*sections, history_section(job.number)]


def _actions(job: Job) -> list[Action]:
    """What can be done with it; opening, closing and reopening stand there only where they are the next thing."""

    def action(label: str, name: str, reason: str, *, is_primary: bool = False) -> Action:
        url = reverse(f"usage:{name}", args=[job.pk])
        return Action(label, url, permission=CHANGE, reason=reason, is_primary=is_primary, name=name)

    is_pending, is_open = job.status == DocumentStatus.PENDING, job.status == DocumentStatus.OPEN
    child = f"{reverse('usage:job_create')}?parent={job.pk}"
    return [
        *([action("Open", "job_open", job_rules.why_not_open(job), is_primary=True)] if is_pending else []),
        action("Produce", "job_produce", job_rules.why_not_produce(job), is_primary=is_open),
        action("Consume components", "job_consume", job_rules.why_not_consume(job)),
        action("Add job cost", "job_cost_add", job_rules.why_not_add_cost(job)),
        action("Edit", "job_edit", job_rules.why_not_edit(job)),
        Action("New sub-assembly job", child, permission="usage.add_job", reason=job_rules.why_not_add_child(job)),
        *([action("Close", "job_close", job_rules.why_not_close(job))] if is_open else []),
        *([action("Reopen", "job_reopen", "")] if job.status == DocumentStatus.CLOSED else []),
        action("Void", "job_void", job_rules.why_not_void(job)),
    ]


def _general(job: Any) -> Section:
    code, office, lot, parent = job.code, job.office, job.lot, job.parent
    is_released = lot is not None and lot.quantity_current > 0
    return Section(
        "General Info",
        note="Released into general inventory." if is_released else "",
        facts=(
            Fact("Product", code, url=code.get_absolute_url(), url_kind="code", hint=code.description),
            Fact("Date", job.started_at, "moment"),
            Fact("Office", office, url=office.get_absolute_url() if office else "", url_kind="office"),
            Fact("Ref #(s)", job.reference),
            Fact("Order", job.order, url=addresses.order_page(job.order), url_kind="order"),
            Fact("Part of job", parent, url=parent.get_absolute_url() if parent else "", url_kind="job"),
            Fact("Lot", lot, url=lot.get_absolute_url() if lot else "", url_kind="lot"),
            Fact("Opened", job.opened_at, "moment"),
            Fact("Closed", job.closed_at, "moment"),
        ),
    )


def _estimated_produced(job: Any, components: Sequence[Any], job_costs: Decimal) -> Section:
    estimated = sum((to_cents(row.quantity * row.code.est_unit_cost) for row in components), job_costs)
    is_open = job.status == DocumentStatus.OPEN
    rows = [
        FigureRow("Estimated", (job.quantity, estimated), hint="Components at est unit cost, and job costs"),
        FigureRow("Produced", (job.quantity_produced, job.value), is_driving=True),
        *((FigureRow("Still due", (job.quantity_due, None)),) if is_open else ()),
    ]
    note = "Costs are estimated until the job is closed and everything it consumed is allocated."
    is_final = job.lot is not None and job.lot.is_cost_final
    return Section(
        "Estimated / Produced",
        note="" if is_final or job.status == DocumentStatus.VOID else note,
        figures=Figures("Estimated and produced", QUANTITY_AND_VALUE, rows),
    )


def _components(job: Job, taken: Sequence[Any]) -> list[Any]:
    """The components with what is there of each, and what they cost so far. Two queries."""
    rows: list[Any] = list(job.components.select_related("code").order_by("position", "pk"))
    there = on_hand_of([row.code_id for row in rows])
    for row in rows:
        row.still_needed = -job_rules.demand_due(job, row)
        row.on_hand = there.get(row.code_id, ZERO)
        row.cost = sum((usage.cost for usage in taken if usage.code_id == row.code_id), ZERO)
    return rows


def _production(job: Job, user: Any) -> Section:
    """Those who may not change jobs do not see how to undo it."""
    hidden = [] if user.has_perm(CHANGE) else ["undo"]
    if not names_units(job.code):
        hidden.append("units")
    outputs: list[Any] = list(job.outputs.order_by("pk"))
    shown = outputs[-ROWS_SHOWN:]
    made = units_made(shown, job)
    for output in shown:
        output.units = str(made.get(output.number, ""))
        output.job = job  # with its lot, which is asked about
        reason = job_rules.why_not_void_output(output)
        output.undo = (reverse("usage:job_output_void", args=[output.pk]), "") if not reason else ("", reason)
    return Section(
        "Production",
        table=OutputTable(shown, empty=EmptyState("Nothing was produced yet"), exclude=hidden),
        note=f"The last {ROWS_SHOWN} of {len(outputs):,}." if len(outputs) > ROWS_SHOWN else "",
    )
