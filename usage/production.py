"""Verbs over jobs, from entering one to closing it; what happens inside an open job stands in usage/job_work.py.

Each is one transaction and looks again under its locks: the order that the job is made for, the job, then the pools of
its product and components. On Order of the product and Demand of the components are kept at what `usage/job_rules.py`
says is due; every change posts the difference.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q

from inventory_site.document_forms import LineError
from inventory_site.money import quantity_text
from lots.history import history_note
from lots.ledger import DEMAND_ALONE, ZERO, mirror_movement, movements_of, post_movement
from lots.locks import lock_pools_of_codes
from lots.models import DocumentStatus, InventoryLot, InventoryTransaction, LineItemCode, LotType, Office
from lots.numbers import child_number, document_number, given_number
from lots.querysets import INVENTORIED
from lots.services import lot_open
from usage.feeding import recost_note
from usage.job_rules import (
    demand_due,
    quantity_due,
    rounded_quantity,
    why_not_add_child,
    why_not_close,
    why_not_edit,
    why_not_open,
    why_not_reopen,
    why_not_void,
)
from usage.job_work import (
    held_usages,
    job_consume,
    job_cost_add,
    job_cost_void,
    job_output_void,
    job_produce,
    lock_components,
    locked_job,
    lot_of,
    mirror_usage,
    order_number_of,
    refuse,
)
from usage.models import Job, JobComponent, Order, OrderLine
from usage.supplying import to_procure, why_not_procure

__all__ = [
    "copy_components",
    "job_close",
    "job_consume",
    "job_cost_add",
    "job_cost_void",
    "job_open",
    "job_output_void",
    "job_produce",
    "job_reopen",
    "job_save",
    "job_void",
    "make_job_for_order_line",
]

Status = DocumentStatus


@transaction.atomic
def job_save(
    *,
    job: Job | None,
    code: LineItemCode,
    quantity: Decimal,
    office: Office | None,
    started_at: datetime,
    reference: str,
    components: Sequence[Mapping[str, Any]],
    by: User | None,
    at: datetime,
    order_line: OrderLine | None = None,
    parent: Job | None = None,
    number: str = "",
) -> Job:
    """Enter a job (JOB60000; of a parent JOB60000.1) or change one. `components`: code, quantity, id where it is kept.

    A pending job can be changed in everything. Of an open one the quantities, its components, date and reference can:
    the differences are posted to On Order and Demand. Raises ValidationError when a quantity is not positive, a code is
    no inventory or stands twice, less than was consumed or produced is asked for, the job is closed or void, or a
    sub-assembly is none of its parent's components.
    """
    if job is None:
        job = _new_job(
            parent=parent, order_line=order_line, code=code, quantity=quantity, started_at=started_at, given=number
        )
        action = "Created"
    else:
        job = locked_job(job)
        refuse(why_not_edit(job))
        action = "Edited"
    _refuse_bad_plan(code, quantity, components)
    is_open = job.status == Status.OPEN
    if is_open:
        _refuse_change_of_open(job, code=code, quantity=quantity, office=office)
    there = {component.pk: component for component in JobComponent.objects.filter(job=job.pk).select_related("code")}
    kept = {line.get("id") for line in components}
    gone = [component for key, component in there.items() if key not in kept]
    _refuse_bad_components(components, there, gone)
    _refuse_stray_parts(job, code, components)
    if is_open:
        codes = [line["code"] for line in components] + [component.code for component in there.values()]
        lock_pools_of_codes(codes=[job.code, *codes], office=job.office)
    due = quantity_due(job)
    job.code, job.quantity, job.office = code, quantity, office
    job.started_at, job.reference = started_at, reference
    job.save()
    _write_components(job, components, there, gone, at=at)
    if is_open:
        lot = lot_of(job)
        _post(job, code=job.code, at=at, lot=lot, on_order=quantity_due(job) - due)
        InventoryLot.objects.filter(pk=lot.pk).update(quantity_ordered=quantity)
        recost_note([lot.pk], at=at)
    history_note(number=job.number, action=action, by=by, at=at)
    return job


@transaction.atomic
def job_open(*, job: Job, by: User | None, at: datetime) -> Job:
    """Let a pending job begin: make its production lot, due and empty; On Order of the product, Demand of components.

    The lot names the order that the job is made for, and the order's line is bound to it. Raises ValidationError when
    the job is not pending, has no components, or its parent or order is no longer there to be made for.
    """
    line = _locked_order_line(job)
    job = locked_job(job)
    refuse(why_not_open(job))
    if job.parent is not None and job.parent.status in {Status.CLOSED, Status.VOID}:
        state = job.parent.get_status_display().lower()
        raise ValidationError(f"{job.parent.number}, which it is made for, is {state}. Nothing was posted.")
    if line is not None and line.order.status in {Status.CLOSED, Status.VOID}:
        state = line.order.get_status_display().lower()
        raise ValidationError(f"Order {line.order.number}, which it is made for, is {state}. Nothing was posted.")
    components = lock_components(job)
    job.lot = lot_open(
        code=job.code,
        quantity_ordered=job.quantity,
        office=job.office,
        source_number=job.number,
        lot_type=LotType.PRODUCTION,
        parent_order=order_number_of(job),
        is_fed=True,
    )
    job.status, job.opened_at = Status.OPEN, at
    job.save(update_fields=["lot", "status", "opened_at"])
    if line is not None and line.lot_id is None:
        OrderLine.objects.filter(pk=line.pk).update(lot=job.lot)
    _post_what_is_due(job, components.values(), at=at, due=ZERO)
    history_note(number=job.number, action="Opened", by=by, at=at, note=f"Lot {job.lot.number}")
    return job


@transaction.atomic
def job_close(*, job: Job, by: User | None, at: datetime) -> Job:
    """End an open job: nothing more is due or demanded, and its lot takes everything that went in.

    Reverses what remains of On Order and Demand. What was consumed by a job that produced nothing is expensed when its
    lot is costed. Raises ValidationError when the job is not open, or a sub-assembly job of it is.
    """
    job = locked_job(job)
    refuse(why_not_close(job))
    components = lock_components(job)
    due = quantity_due(job)
    job.status, job.closed_at = Status.CLOSED, at
    job.save(update_fields=["status", "closed_at"])
    _post_what_is_due(job, components.values(), at=at, due=due)
    _set_complete(job, True, at=at)
    note = f"{quantity_text(job.quantity_produced)} of {quantity_text(job.quantity)} produced"
    history_note(number=job.number, action="Closed", by=by, at=at, note=note)
    return job


@transaction.atomic
def job_reopen(*, job: Job, by: User | None, at: datetime) -> Job:
    """Take up a closed job again: what is not produced is due again, what is not consumed demanded, its cost estimated.

    Raises ValidationError when the job is not closed.
    """
    job = locked_job(job)
    refuse(why_not_reopen(job))
    components = lock_components(job)
    job.status, job.closed_at = Status.OPEN, None
    job.save(update_fields=["status", "closed_at"])
    _post_what_is_due(job, components.values(), at=at, due=ZERO)
    _set_complete(job, False, at=at)
    history_note(number=job.number, action="Reopened", by=by, at=at)
    return job


@transaction.atomic
def job_void(*, job: Job, by: User | None, at: datetime, reason: str = "") -> Job:
    """Undo a job for good: everything it moved is mirrored, dated `at`, and the components go back where they were.

    Raises ValidationError when something was produced, a cost was added, or a sub-assembly job stands; or when the job
    is closed or void.
    """
    line = _locked_order_line(job)
    job = locked_job(job)
    refuse(why_not_void(job))
    components = lock_components(job)
    if job.lot is not None:
        for component in components.values():
            for usage, quantity in list(held_usages(component)):
                mirror_usage(job, component, usage, quantity, at=at)
        due = quantity_due(job)
        job.status = Status.VOID
        _mirror_what_is_due(job, components.values(), at=at, due=due)
        if line is not None and line.lot_id == job.lot.pk:
            OrderLine.objects.filter(pk=line.pk).update(lot=None)
        _set_complete(job, True, at=at)
    job.status = Status.VOID
    job.save(update_fields=["status"])
    history_note(number=job.number, action="Void", by=by, at=at, note=reason)
    return job


@transaction.atomic
def make_job_for_order_line(
    *,
    order_line: OrderLine,
    components: Sequence[Mapping[str, Any]],
    by: User | None,
    at: datetime,
    quantity: Decimal | None = None,
    started_at: datetime | None = None,
) -> Job:
    """Enter and open a job for a line of an order: how Fulfillment makes one.

    It makes what is due and neither here for the line nor on the way, unless told otherwise. Raises ValidationError
    when that is nothing, and like job_save() and job_open().
    """
    Order.objects.select_for_update(no_key=True).get(pk=order_line.order_id)
    order_line = OrderLine.objects.select_related("order__office", "code").get(pk=order_line.pk)
    refuse(why_not_procure(order_line))
    order = order_line.order
    job = job_save(
        job=None,
        code=order_line.code,
        quantity=to_procure(order_line) if quantity is None else quantity,
        office=order.office,
        started_at=started_at or at,
        reference=f"Order #{order.number}",
        components=components,
        by=by,
        at=at,
        order_line=order_line,
    )
    return job_open(job=job, by=by, at=at)


def copy_components(code: LineItemCode, quantity: Decimal = Decimal(1)) -> list[dict[str, Any]]:
    """What the latest job for this product planned to consume, for so many units: code and quantity of each."""
    latest = Job.objects.filter(code=code).exclude(status=Status.VOID).order_by("-pk").first()
    if latest is None:
        return []
    scale = Fraction(quantity) / Fraction(latest.quantity)
    return [
        {"code": component.code, "quantity": rounded_quantity(Fraction(component.quantity) * scale)}
        for component in latest.components.select_related("code")
    ]


# -- Entering ------------------------------------------------------------------------------------------
def _new_job(
    *,
    parent: Job | None,
    order_line: OrderLine | None,
    code: LineItemCode,
    quantity: Decimal,
    started_at: datetime,
    given: str,
) -> Job:
    if parent is not None:
        parent = locked_job(parent)
        refuse(why_not_add_child(parent))
        number = given_number(given) if given else child_number(Job, parent.number, parent.children.count() + 1)
    else:
        number = document_number(Job, "job", "JOB", given=given)
    if order_line is not None and order_line.code_id != code.pk:
        raise ValidationError(
            f"The line of order {order_line.order.number} is for {order_line.code}, not {code}. Nothing was saved."
        )
    return Job(number=number, parent=parent, order_line=order_line, code=code, quantity=quantity, started_at=started_at)


def _refuse_bad_plan(code: LineItemCode, quantity: Decimal, components: Sequence[Mapping[str, Any]]) -> None:
    if quantity <= 0:
        raise ValidationError({"quantity": "A job makes a positive quantity. Nothing was saved."})
    if code.record_type not in INVENTORIED:
        raise ValidationError({"code": f"{code} is no inventory, so no job can make it. Nothing was saved."})
    seen = set()
    for index, line in enumerate(components):
        if line["quantity"] <= 0:
            raise LineError(index, "A job needs a positive quantity of a component.", field="quantity")
        if line["code"].pk == code.pk:
            raise LineError(index, f"A job cannot consume what it makes: {code}.", field="code")
        if line["code"].record_type not in INVENTORIED:
            raise LineError(index, f"{line['code']} is no inventory: add it as a job cost.", field="code")
        if line["code"].pk in seen:
            raise LineError(index, f"{line['code']} stands on another line already.", field="code")
        seen.add(line["code"].pk)


def _refuse_change_of_open(job: Job, *, code: LineItemCode, quantity: Decimal, office: Office | None) -> None:
    if code.pk != job.code_id:
        raise ValidationError({"code": f"{job.number} is open: what it makes can no longer be changed."})
    if (office.pk if office else None) != job.office_id:
        raise ValidationError({"office": f"{job.number} is open: its office can no longer be changed."})
    if quantity != job.quantity and quantity < job.quantity_produced:
        made = quantity_text(job.quantity_produced)
        raise ValidationError({"quantity": f"{made} are produced already: the quantity cannot be less."})


def _refuse_bad_components(
    components: Sequence[Mapping[str, Any]], there: Mapping[int, JobComponent], gone: Iterable[JobComponent]
) -> None:
    for index, line in enumerate(components):
        if line.get("id") is None:
            continue
        kept = there.get(line["id"])
        if kept is None:
            raise LineError(index, "This component was removed meanwhile. Open the page again.")
        has_usage = kept.usages.exists()
        if has_usage and line["code"].pk != kept.code_id:
            raise LineError(index, f"{kept.code} was consumed: its code can no longer be changed.", field="code")
        if line["quantity"] < kept.quantity_consumed:
            consumed = quantity_text(kept.quantity_consumed)
            raise LineError(index, f"{consumed} of {kept.code} are consumed: it cannot be less.", field="quantity")
    for component in gone:
        if component.usages.exists():
            raise ValidationError(f"{component.code} was consumed, so it cannot be removed. Nothing was saved.")


def _refuse_stray_parts(job: Job, code: LineItemCode, components: Sequence[Mapping[str, Any]]) -> None:
    """A sub-assembly goes into the job that it is a part of, which needs it as a component; and goes on needing it."""
    if job.parent is not None and not job.parent.components.filter(code=code).exists():
        raise ValidationError(
            {"code": f"{job.parent.number}, which it is a part of, has no component {code}. Nothing was saved."}
        )
    if job._state.adding:
        return
    needed = {line["code"].pk for line in components}
    stray = job.children.exclude(status=Status.VOID).exclude(code__in=needed).select_related("code").first()
    if stray is not None:
        raise ValidationError(f"{stray.number} makes {stray.code} for it: void that first. Nothing was saved.")


def _write_components(
    job: Job,
    components: Sequence[Mapping[str, Any]],
    there: Mapping[int, JobComponent],
    gone: Iterable[JobComponent],
    *,
    at: datetime,
) -> None:
    """Bring the rows to what was entered; of an open job, Demand follows each."""
    for component in gone:
        _post(job, code=component.code, at=at, demand=-component.demand)
        component.delete()
    for position, line in enumerate(components, start=1):
        kept = there.get(line.get("id") or 0)
        component = kept or JobComponent(job=job)
        if kept is not None and kept.code_id != line["code"].pk:
            _post(job, code=kept.code, at=at, demand=-kept.demand)
            component.demand = ZERO
        component.position, component.code, component.quantity = position, line["code"], line["quantity"]
        demand = demand_due(job, component)
        _post(job, code=component.code, at=at, demand=demand - component.demand)
        component.demand = demand
        component.save()


# -- What is due ---------------------------------------------------------------------------------------
def _post_what_is_due(job: Job, components: Iterable[JobComponent], *, at: datetime, due: Decimal) -> None:
    """Bring On Order, which stands at `due`, and Demand to what is due in the job's present state."""
    _post(job, code=job.code, at=at, lot=job.lot, on_order=quantity_due(job) - due)
    for component in components:
        demand = demand_due(job, component)
        _post(job, code=component.code, at=at, demand=demand - component.demand)
        component.demand = demand
        component.save(update_fields=["demand"])


def _mirror_what_is_due(job: Job, components: Iterable[JobComponent], *, at: datetime, due: Decimal) -> None:
    """Take On Order, which stands at `due`, and Demand to nothing."""
    made = movements_of(job.number, own=Q(lot=job.lot, on_hand=0))
    _undo(job, made, code=job.code, at=at, lot=job.lot, on_order=due)
    # As `_post` writes them; a document of another kind that bears the same number says what it is.
    planned = movements_of(job.number, own=DEMAND_ALONE & Q(source_kind=""))
    for component in components:
        mine = [move for move in planned if move.code_id == component.code_id]
        _undo(job, mine, code=component.code, at=at, demand=component.demand)
        component.demand = ZERO
        component.save(update_fields=["demand"])


def _undo(
    job: Job,
    moves: Sequence[InventoryTransaction],
    *,
    code: LineItemCode,
    at: datetime,
    lot: InventoryLot | None = None,
    on_order: Decimal = ZERO,
    demand: Decimal = ZERO,
) -> None:
    """Each movement mirrored, where together they are what stands; a plan that was changed on the way leaves a
    difference that no single one stands for, and then what stands is taken off at once.
    """
    if (sum(move.on_order for move in moves), sum(move.demand for move in moves)) == (on_order, demand):
        for move in moves:
            mirror_movement(move, at=at)
    else:
        _post(job, code=code, at=at, lot=lot, on_order=-on_order, demand=-demand)


def _post(
    job: Job,
    *,
    code: LineItemCode,
    at: datetime,
    lot: InventoryLot | None = None,
    on_order: Decimal = ZERO,
    demand: Decimal = ZERO,
) -> None:
    if on_order or demand:
        post_movement(
            code=code,
            office=job.office,
            at=at,
            source_number=job.number,
            lot=lot,
            on_order=on_order,
            demand=demand,
        )


def _set_complete(job: Job, is_complete: bool, *, at: datetime) -> None:
    """Nothing more is expected of the job, or again something is. Costing its lot anew tells when its cost is final."""
    lot = lot_of(job)
    rows = InventoryLot.objects.filter(pk=lot.pk)
    rows.update(is_source_complete=is_complete)
    if not is_complete:
        # What was made of its product is estimated again as well, even if no value changes.
        rows.update(is_cost_final=False, is_cost_reopened=True)
    lot.refresh_from_db()
    recost_note([lot.pk], at=at)


def _locked_order_line(job: Job) -> OrderLine | None:
    """The line that the job is made for, under the lock of its order, which comes before the job's."""
    if job.order_line is None:
        return None
    Order.objects.select_for_update(no_key=True).get(pk=job.order_line.order_id)
    return OrderLine.objects.select_related("order").get(pk=job.order_line.pk)
