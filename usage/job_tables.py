"""Tables about jobs: the list, and what stands on a job's page."""

from collections.abc import Sequence
from typing import Any

from inventory_site.tables import (
    BaseTable,
    DateColumn,
    GoToColumn,
    MoneyColumn,
    QuantityColumn,
    RowAction,
    RowActionsColumn,
    StatusColumn,
    TextColumn,
)
from lots import addresses
from lots.tables import code_actions, office_column, source_actions
from usage.models import Job, JobOutput
from usage.production_panels import UndoColumn


def product_column() -> GoToColumn:
    return GoToColumn("Product", accessor="code__code", kind="code", to="code")


class JobTable(BaseTable):
    caption = "Jobs"
    row_kind = "job"
    minor = ("office", "order", "reference")

    number = GoToColumn("Job", kind="job", order_by="pk")
    code = product_column()
    started_at = DateColumn("Date")
    office = office_column()
    order = GoToColumn("Order", kind="order", url=lambda job: addresses.order_page(job.order))
    reference = TextColumn("Ref #(s)")
    quantity = QuantityColumn("Quantity")
    quantity_produced = QuantityColumn("Produced")
    quantity_due = QuantityColumn("Still Due")
    value = MoneyColumn("Value Produced", estimated=True)
    status = StatusColumn("Status", dot=False)
    controls = RowActionsColumn(status="status")

    def row_actions(self, record: Job) -> Sequence[RowAction]:
        lot = record.lot
        return (
            RowAction("Open", record.get_absolute_url()),
            *((RowAction(f"Lot {lot.number}", lot.get_absolute_url()),) if lot else ()),
            *code_actions(record.code),
            *source_actions(record.number if lot else ""),
        )


class ChildTable(JobTable):
    """Sub-assemblies on the page of the job that they are made for."""

    caption = "Sub-assembly jobs"

    class Meta(BaseTable.Meta):
        exclude = ("office", "order", "reference", "controls")

    status = StatusColumn("Status")


class ComponentTable(BaseTable):
    """What the job needs of each component, what it took, and what is there."""

    caption = "Components of this job"

    code = GoToColumn("Code", accessor="code__code", kind="code", to="code")
    description = TextColumn("Description", accessor="code__description")
    quantity = QuantityColumn("Planned")
    quantity_consumed = QuantityColumn("Consumed")
    still_needed = QuantityColumn("Still Needed")
    on_hand = QuantityColumn("On Hand")
    cost = MoneyColumn("Cost so far", estimated=True)

    def row_url(self, record: Any) -> str:
        return ""


class OutputTable(BaseTable):
    """What came out, a line per time."""

    caption = "What this job produced"

    number = GoToColumn("Production", kind="transaction", url=lambda output: addresses.records_from(output.number))
    produced_at = DateColumn("Date")
    quantity = QuantityColumn("Quantity")
    units = TextColumn("Units", empty_values=("",))
    status = StatusColumn("Status")
    undo = UndoColumn()

    def row_url(self, record: JobOutput) -> str:
        return addresses.records_from(record.number)
