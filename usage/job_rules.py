"""What a job can do in the state it is in, and the quantities that follow from its plan. Nothing is written here.

Every `why_not_...` gives the reason why something cannot be done, for the page that greys it and for the verb that
refuses it; "" means it can.
"""

from decimal import Decimal
from fractions import Fraction

from django.db.models import Sum

from inventory_site.fields import QUANTITY_STEP
from inventory_site.money import money_text, quantity_text
from lots.ledger import ZERO
from lots.lot_users import used_by
from lots.models import DocumentStatus, PostingStatus
from usage.models import Job, JobComponent, JobCost, JobOutput
from usage.unit_names import units_made, why_not_unmade

Status = DocumentStatus


# -- What can be done ----------------------------------------------------------------------------------
def why_not_edit(job: Job) -> str:
    """Pending jobs can be changed freely, open ones in their quantities."""
    if job.status in {Status.PENDING, Status.OPEN}:
        return ""
    return f"{job.number} is {_state(job)}, so it cannot be changed." + _reopen_first(job)


def why_not_open(job: Job) -> str:
    if job.status != Status.PENDING:
        return f"{job.number} is {_state(job)}; only a pending job can be opened."
    if not job.components.exists():
        return f"{job.number} has no components: enter what it consumes first."
    return ""


def why_not_consume(job: Job) -> str:
    return _why_not_open_now(job, "components are consumed")


def why_not_produce(job: Job) -> str:
    return _why_not_open_now(job, "anything is produced")


def why_not_add_cost(job: Job) -> str:
    return _why_not_open_now(job, "costs are added")


def why_not_close(job: Job) -> str:
    """What a sub-assembly job still makes would come too late for it."""
    if job.status != Status.OPEN:
        return f"{job.number} is {_state(job)}; only an open job can be closed."
    children = job.children.filter(status=Status.OPEN).order_by("pk").values_list("number", flat=True)
    if not children:
        return ""
    return f"{job.number} cannot be closed while these make parts of it: {', '.join(children)}. Close them first."


def why_not_reopen(job: Job) -> str:
    return "" if job.status == Status.CLOSED else f"{job.number} is {_state(job)}; only a closed job can be reopened."


def why_not_add_child(job: Job) -> str:
    if job.status in {Status.PENDING, Status.OPEN}:
        return ""
    return f"{job.number} is {_state(job)}, so it takes no sub-assembly jobs." + _reopen_first(job)


def why_not_void(job: Job) -> str:
    """What came out of a job, was charged to it or is made for it stands in the way, by its number."""
    if job.status not in {Status.PENDING, Status.OPEN}:
        return f"{job.number} is {_state(job)}, so it cannot be voided." + _reopen_first(job)
    outputs = job.outputs.filter(status=PostingStatus.POSTED).values_list("number", flat=True)
    children = job.children.exclude(status=Status.VOID).order_by("pk").values_list("number", flat=True)
    if in_the_way := [*outputs, *children]:
        return f"{job.number} cannot be voided while these stand: {', '.join(in_the_way)}. Void them first."
    if cost := job_cost_total(job):
        return f"{job.number} cannot be voided: it carries job costs of {money_text(cost)}. Void them first."
    return ""


def why_not_void_output(output: JobOutput) -> str:
    if output.status != PostingStatus.POSTED:
        return f"{output.number} is void already."
    job = output.job
    if job.status != Status.OPEN:
        return f"{job.number} is {_state(job)}, so {output.number} cannot be voided." + _reopen_first(job)
    lot = job.lot
    if lot is not None and lot.quantity_received - output.quantity < lot.quantity_used:
        who = used_by(lot)
        return (
            f"{output.number} cannot be voided: lot {lot.number} received {quantity_text(lot.quantity_received)}, and"
            f" {quantity_text(lot.quantity_used)} of them are used{f' {who}' if who else ''}: void or return that"
            " first."
        )
    units = units_made([output], job).get(output.number)
    if units is not None and (elsewhere := why_not_unmade(job, units)):
        return f"{output.number} cannot be voided. {elsewhere} Void what took it first."
    return ""


def why_not_void_cost(cost: JobCost) -> str:
    if cost.reverses_id is not None:
        return "It is the void of another."
    if getattr(cost, "reversed_by", None) is not None:
        return "It is void already."
    if cost.job.status != Status.OPEN:
        return f"{cost.job.number} is {_state(cost.job)}." + _reopen_first(cost.job)
    left = job_cost_total(cost.job) - cost.amount
    return f"The others would come to {money_text(left)}, less than nothing: void those first." if left < 0 else ""


def _why_not_open_now(job: Job, what: str) -> str:
    if job.status == Status.OPEN:
        return ""
    if job.status == Status.PENDING:
        return f"Open {job.number} before {what}."
    return f"{job.number} is {_state(job)}." + _reopen_first(job)


def _state(job: Job) -> str:
    return job.get_status_display().lower()


def _reopen_first(job: Job) -> str:
    return " Reopen it first." if job.status == Status.CLOSED else ""


# -- Quantities ----------------------------------------------------------------------------------------
def job_cost_total(job: Job) -> Decimal:
    """What was capitalised besides components."""
    total: Decimal | None = job.costs.aggregate(total=Sum("amount"))["total"]
    return total or ZERO


def quantity_due(job: Job) -> Decimal:
    """What On Order stands at for the product: planned and not produced, while the job is open."""
    return max(job.quantity - job.quantity_produced, ZERO) if job.status == Status.OPEN else ZERO


def demand_due(job: Job, component: JobComponent) -> Decimal:
    """What Demand is to stand at for a component: what it still needs, below zero, while the job is open."""
    return min(component.quantity_consumed - component.quantity, ZERO) if job.status == Status.OPEN else ZERO


def quantity_needed(component: JobComponent, *, produced: Decimal, planned: Decimal) -> Decimal:
    """What so many produced units take of a component in all, to four places half up. All of them take all of it."""
    exact = Fraction(component.quantity) * Fraction(produced) / Fraction(planned)
    return rounded_quantity(exact)


def rounded_quantity(exact: Fraction) -> Decimal:
    """Half up to the smallest step of a quantity, from an exact fraction that is not negative."""
    steps = exact / Fraction(QUANTITY_STEP)
    return int(steps + Fraction(1, 2)) * QUANTITY_STEP
