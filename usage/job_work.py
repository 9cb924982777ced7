"""What happens in an open job: components go in, products come out, costs are added. Each verb is one transaction.

Locks, in this order: the job, then the pools of its product and of all its components. What is produced is worth what
went in, which is found out later (usage/production_cost.py): here the lot only grows, and is noted to be costed anew.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F, Q, Sum
from django.db.models.functions import Coalesce

from inventory_site.document_forms import LineError
from inventory_site.fields import QuantityField
from inventory_site.money import money_text, quantity_text
from lots.accounts import default_account, why_not_other_side
from lots.history import history_note
from lots.ledger import ZERO, movements_of, post_movement
from lots.locks import lock_pools_of_codes
from lots.models import Account, InventoryLot, LotCostEvent, PostingStatus
from lots.numbers import document_number
from lots.periods import refuse_future
from lots.services import lot_change
from usage.feeding import lot_feed, recost_note
from usage.job_rules import (
    demand_due,
    job_cost_total,
    quantity_due,
    quantity_needed,
    why_not_add_cost,
    why_not_consume,
    why_not_produce,
    why_not_void_cost,
    why_not_void_output,
)
from usage.job_units import (
    LOTS,
    QUANTITY,
    SERIALS,
    Named,
    UnitsError,
    component_field,
    made_field,
    parts_put_back,
    parts_taken,
    units_of_line,
    why_not_made,
)
from usage.models import InventoryUsage, Job, JobComponent, JobCost, JobOutput, JobUsage
from usage.services import restriction_of, usage_mirror, usage_record
from usage.sub_assemblies import made_for
from usage.unit_names import Part, Units, names_units
from usage.units import movements_by_usage, units_out


# -- Verbs ---------------------------------------------------------------------------------------------
@transaction.atomic
def job_consume(
    *,
    job: Job,
    lines: Sequence[Mapping[str, Any]],
    consumed_at: datetime,
    by: User | None,
    at: datetime,
) -> list[InventoryUsage]:
    """Take components for the job: `lines` of component and quantity; below zero puts back what was taken.

    Per line a usage that is charged to goods in process and feeds the job's lot; what its sub-assembly jobs made is
    taken first, by a usage that is restricted to their lots. Lines may name `units` (of `Named`), and must where the
    component has serial numbers or manufacturer lots: then a usage per lot that brought them. Demand goes down by what
    was still demanded. What is put back returns to the usages that took it, the last first. Raises ValidationError when
    the job is not open, nothing is taken, more is put back than was taken (or by then), or units are not where they
    should be.
    """
    job = locked_job(job)
    refuse(why_not_consume(job))
    refuse_future(consumed_at, now=at)
    components = lock_components(job)
    wanted = [
        (index, components[line["component"].pk], line["quantity"], line.get("units", ()))
        for index, line in enumerate(lines)
        if line["quantity"] != 0 or line.get("units")
    ]
    if not wanted:
        raise ValidationError("Enter how much of which component is consumed. Nothing was posted.")
    usages = []
    for index, component, quantity, units in sorted(wanted, key=lambda line: (line[1].code_id, line[0])):
        if quantity == 0:
            raise LineError(
                index, f"Units of {component.code} are named, and none is consumed. Nothing was posted.", field=QUANTITY
            )
        if component.quantity_consumed + quantity < 0:
            raise LineError(
                index,
                f"{quantity_text(-quantity)} of {component.code} cannot be put back: {job.number} has consumed"
                f" {quantity_text(component.quantity_consumed)}. Nothing was posted.",
                field="quantity",
            )
        try:
            usages += _take(job, component, quantity, units, at=consumed_at, source_number=job.number)
        except UnitsError as refusal:
            raise LineError(index, refusal.message, field=refusal.field) from refusal
    recost_note([lot_of(job).pk], at=consumed_at)
    taken = ", ".join(f"{component.code} {quantity_text(quantity)}" for _, component, quantity, _ in wanted)
    history_note(number=job.number, action="Consumed", by=by, at=at, note=taken)
    return usages


@transaction.atomic
def job_produce(
    *,
    job: Job,
    quantity: Decimal,
    produced_at: datetime,
    by: User | None,
    at: datetime,
    backflush: bool = False,
    serials: Sequence[str] = (),
    manufacturer_lot: str = "",
    units: Mapping[int, Sequence[Named]] | None = None,
    number: str = "",
) -> JobOutput:
    """Let `quantity` units come out of the job and into its lot (PROD-60000): On Order down, On Hand up.

    `serials` and `manufacturer_lot` are those of the product. `backflush` consumes with it what the units produced so
    far need of each component and have not consumed, by `units` (per component's primary key) where they must be named;
    those usages carry the production's number, so that its void takes them back. The lot's value follows by itself.
    Raises ValidationError when the job is not open, the quantity is not positive, or for units that are missing, that
    are not there to be consumed, that nothing consumes, or that are in stock already; it names the fields of
    `ProduceForm`.
    """
    job = locked_job(job)
    refuse(why_not_produce(job))
    refuse_future(produced_at, now=at)
    if quantity <= 0:
        raise ValidationError("Produce a positive quantity. Nothing was posted.")
    components = lock_components(job)
    made = Units(quantity, serials, manufacturer_lot)
    if wrong := why_not_made(job.code, made, office=job.office):
        raise ValidationError({made_field(wrong): wrong.message})
    output = JobOutput.objects.create(
        number=document_number(JobOutput, "production", "PROD-", given=number),
        job=job,
        quantity=quantity,
        produced_at=produced_at,
    )
    due = quantity_due(job)
    job.quantity_produced += quantity
    job.save(update_fields=["quantity_produced"])
    lot = lot_of(job)
    post_movement(
        code=job.code,
        office=job.office,
        at=produced_at,
        source_kind="PROD",
        source_number=output.number,
        lot=lot,
        on_order=quantity_due(job) - due,
        on_hand=quantity,
        manufacturer_lot=manufacturer_lot,
        serials=serials,
    )
    lot_change(
        lot=lot, at=produced_at, kind=LotCostEvent.Kind.PRODUCTION, source_number=output.number, quantity=quantity
    )
    if backflush:
        _backflush(job, components.values(), units or {}, at=produced_at, source_number=output.number)
    else:
        _refuse_units(components.values(), units or {})
    recost_note([lot.pk], at=produced_at)
    note = f"{output.number}: {quantity_text(quantity)}" + (", components back-flushed" if backflush else "")
    history_note(number=job.number, action="Produced", by=by, at=at, note=note)
    return output


def _refuse_units(components: Iterable[JobComponent], units: Mapping[int, Sequence[Named]]) -> None:
    """Without back-flush nothing is consumed: whoever names units means it to be."""
    wrong = {
        component_field(component.pk, SERIALS if any(one.serials for one in named) else LOTS): UnitsError(
            f"Units of {component.code} are named, and none is consumed: tick Back-flush components, or leave them out."
        ).message
        for component in components
        if (named := units.get(component.pk, ()))
    }
    if wrong:
        raise ValidationError(wrong)


def _backflush(
    job: Job,
    components: Iterable[JobComponent],
    units: Mapping[int, Sequence[Named]],
    *,
    at: datetime,
    source_number: str,
) -> None:
    """Consume what was not consumed of all that the units produced so far take; everything that is wrong is said."""
    wrong = {}
    for component in components:
        named = units.get(component.pk, ())
        needed = quantity_needed(component, produced=job.quantity_produced, planned=job.quantity)
        short = needed - component.quantity_consumed
        try:
            if short > 0:
                _take(job, component, short, named, at=at, source_number=source_number)
            elif named:
                raise UnitsError(f"Enough of {component.code} is consumed already: leave its units out.")
        except UnitsError as refusal:
            wrong[component_field(component.pk, refusal.field)] = refusal.message
    if wrong:
        raise ValidationError(wrong)


@transaction.atomic
def job_output_void(*, output: JobOutput, by: User | None, at: datetime, reason: str = "") -> JobOutput:
    """Take produced units back out of the lot, and put back the components that were back-flushed with them.

    Mirrors the movement and the usages, dated `at`. Raises ValidationError when the units are used already, or the job
    is not open.
    """
    job = locked_job(output.job)
    components = lock_components(job)
    output = job.outputs.get(pk=output.pk)
    refuse(why_not_void_output(output))
    due = quantity_due(job)
    job.quantity_produced -= output.quantity
    job.save(update_fields=["quantity_produced"])
    output.status = PostingStatus.VOID
    output.save(update_fields=["status"])
    lot = lot_of(job)
    (produced,) = movements_of(output.number, own=Q(lot=lot, on_hand__gt=0))
    # On Order follows what is due now: the job's quantity may have been changed since.
    post_movement(
        code=produced.code,
        office=produced.office,
        at=at,
        source_kind=produced.source_kind,
        source_number=output.number,
        lot=lot,
        on_order=quantity_due(job) - due,
        on_hand=-output.quantity,
        manufacturer_lot=produced.manufacturer_lot,
        serials=list(produced.serials.values_list("serial", flat=True)),
        reverses=produced,
    )
    # An empty lot is worth nothing: what went in is in process again.
    value = lot.value if lot.quantity_received == output.quantity else ZERO
    lot_change(
        lot=lot,
        at=at,
        kind=LotCostEvent.Kind.VOID,
        source_number=output.number,
        quantity=-output.quantity,
        value=-value,
    )
    for component in components.values():
        for usage, quantity in list(held_usages(component, source_number=output.number)):
            mirror_usage(job, component, usage, quantity, at=at)
    recost_note([lot.pk], at=at)
    note = f"{output.number}: {quantity_text(output.quantity)}" + (f". {reason}" if reason else "")
    history_note(number=job.number, action="Production void", by=by, at=at, note=note)
    return output


@transaction.atomic
def job_cost_add(
    *,
    job: Job,
    kind: str,
    description: str,
    incurred_at: datetime,
    amount: Decimal,
    by: User | None,
    at: datetime,
    account: Account | None = None,
) -> JobCost:
    """Capitalise a cost that is no inventory: the job's lot carries it. A correction is an amount below zero.

    Writes the cost and its event on the lot, credited to `account` (the preferences' job cost account). Raises
    ValidationError when the job is not open, the amount is 0, or all costs would come to less than nothing.
    """
    job = locked_job(job)
    refuse(why_not_add_cost(job))
    refuse_future(incurred_at, now=at)
    lock_components(job)
    if amount == 0:
        raise ValidationError("A cost of nothing is no cost. Nothing was posted.")
    total = job_cost_total(job)
    if total + amount < 0:
        raise ValidationError(
            f"{job.number} carries job costs of {money_text(total)}, so {money_text(-amount)} cannot be taken off."
            " Nothing was posted."
        )
    if account is not None:
        refuse(why_not_other_side(account))
    cost = JobCost(
        job=job,
        kind=kind,
        description=description,
        incurred_at=incurred_at,
        amount=amount,
        account=account or default_account("job_cost"),
    )
    _charge(job, cost)
    note = f"{cost.get_kind_display()} {money_text(amount)}" + (f": {description}" if description else "")
    history_note(number=job.number, action="Cost added", by=by, at=at, note=note)
    return cost


@transaction.atomic
def job_cost_void(*, cost: JobCost, by: User | None, at: datetime, reason: str = "") -> JobCost:
    """Take a cost off the job's lot again, by a mirror of it that is dated `at` and linked to it, which is returned.

    Raises ValidationError when the cost is void already, the job is not open, or its costs would come to less than
    nothing.
    """
    job = locked_job(cost.job)
    lock_components(job)
    cost = job.costs.select_related("account", "job", "reversed_by").get(pk=cost.pk)
    refuse(why_not_void_cost(cost))
    mirror = JobCost(
        job=job,
        kind=cost.kind,
        description=cost.description,
        incurred_at=at,
        amount=-cost.amount,
        account=cost.account,
        reverses=cost,
    )
    _charge(job, mirror)
    note = f"{cost.get_kind_display()} {money_text(cost.amount)}" + (f". {reason}" if reason else "")
    history_note(number=job.number, action="Cost void", by=by, at=at, note=note)
    return mirror


def _charge(job: Job, cost: JobCost) -> None:
    cost.save()
    lot = lot_of(job)
    lot_change(
        lot=lot,
        at=cost.incurred_at,
        kind=LotCostEvent.Kind.JOB_COST,
        source_number=job.number,
        value_other=cost.amount,
        account=cost.account,
    )
    recost_note([lot.pk], at=cost.incurred_at)


# -- Shared with usage/production.py -------------------------------------------------------------------
def locked_job(job: Job) -> Job:
    """The job as it is under its lock."""
    return (
        Job.objects.select_for_update(of=("self",), no_key=True).select_related("code", "office", "lot").get(pk=job.pk)
    )


def lock_components(job: Job) -> dict[int, JobComponent]:
    """Lock the pools of the product and of all components; the components by primary key, in the order of codes."""
    components = list(job.components.select_related("code").order_by("code", "pk"))
    lock_pools_of_codes(codes=[job.code, *(component.code for component in components)], office=job.office)
    if job.lot is not None:
        job.lot.refresh_from_db()
    return {component.pk: component for component in components}


def refuse(reason: str) -> None:
    if reason:
        raise ValidationError(f"{reason} Nothing was posted.")


def lot_of(job: Job) -> InventoryLot:
    if job.lot is None:
        raise ValidationError(f"{job.number} was never opened, so it has no lot. Nothing was posted.")
    return job.lot


def order_number_of(job: Job) -> str:
    """The order that the job, or the job it is a part of, is made for."""
    above: Job | None = job
    while above is not None:
        if above.order_line is not None:
            return above.order_line.order.number
        above = above.parent
    return ""


def held_usages(component: JobComponent, *, source_number: str = "") -> Iterator[tuple[InventoryUsage, Decimal]]:
    """What took the component and was not put back, with how much of it, the last first."""
    rows = (
        InventoryUsage.objects.filter(job_usage__component=component, quantity__gt=0)
        .annotate(
            returned=Coalesce(Sum("returns__quantity"), ZERO, output_field=QuantityField()),
            held=F("quantity") + F("returned"),
        )
        .filter(held__gt=0)
        .select_related("code", "office", "account")
        .order_by("-pk")
    )
    for usage in rows.filter(source_number=source_number) if source_number else rows:
        yield usage, usage.held


def mirror_usage(
    job: Job, component: JobComponent, usage: InventoryUsage, quantity: Decimal, *, at: datetime
) -> InventoryUsage:
    """Undo what is left of a usage, for a void; linked to its movement where it is undone as a whole."""
    component.quantity_consumed -= quantity
    demand = demand_due(job, component) - component.demand
    movement = movements_by_usage([usage])[usage.pk] if quantity == usage.quantity else None
    out = units_out([usage])[usage.pk] if movement is None and names_units(usage.code) else Units(quantity)
    mirrored = usage_mirror(
        usage=usage,
        at=at,
        quantity=quantity,
        demand=demand,
        movement=movement,
        manufacturer_lot=out.manufacturer_lot,
        serials=out.serials,
    )
    _note_usage(job, component, mirrored, demand)
    return mirrored


def _take(
    job: Job,
    component: JobComponent,
    quantity: Decimal,
    named: Sequence[Named],
    *,
    at: datetime,
    source_number: str,
) -> list[InventoryUsage]:
    usages = []
    for units in units_of_line(component.code, abs(quantity), named):
        if quantity < 0:
            held = list(held_usages(component))
            parts = [
                part._replace(quantity=-part.quantity, only_lots=restriction_of(part.original) if part.original else ())
                for part in parts_put_back(component.code, units, held, job=job, at=at)
            ]
        elif names_units(component.code):
            parts = parts_taken(component.code, units, office=job.office)
        else:
            made = made_for(component)
            own = min(quantity, made.quantity)
            parts = [part for part in (Part(own, made.lots), Part(quantity - own)) if part.quantity]
        usages += [_record(job, component, part, at=at, source_number=source_number) for part in parts]
    return usages


def _record(job: Job, component: JobComponent, part: Part, *, at: datetime, source_number: str) -> InventoryUsage:
    component.quantity_consumed += part.quantity
    demand = demand_due(job, component) - component.demand
    usage = usage_record(
        code=component.code,
        quantity=part.quantity,
        used_at=at,
        office=job.office,
        source_number=source_number,
        # What it is for: the customer's order, or the job itself where it is made for stock.
        order=order_number_of(job) or job.number,
        reference=f"Job #{job.number}",
        original=part.original,
        only_lots=part.only_lots,
        account=default_account("in_process"),
        demand=demand,
        manufacturer_lot=part.manufacturer_lot,
        serials=part.serials,
    )
    _note_usage(job, component, usage, demand)
    return usage


def _note_usage(job: Job, component: JobComponent, usage: InventoryUsage, demand: Decimal) -> None:
    JobUsage.objects.create(component=component, usage=usage)
    component.demand += demand
    component.save(update_fields=["quantity_consumed", "demand"])
    lot_feed(usage=usage, lot=lot_of(job))
