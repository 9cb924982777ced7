"""How the company of `company_model` makes things: jobs, their parts and costs, and jobs for parts of others."""

from decimal import Decimal

from django.db.models import Max

from lots.models import InventoryTransaction, SerialMovement
from tests.reconciliation.company_model import (
    BY_LOT,
    MATERIALS,
    PRODUCTS,
    SERIALIZED,
    ZERO,
    Company,
    Line,
    Moves,
    Units,
    code_of,
    nothing,
)
from usage.job_units import Named
from usage.job_work import job_consume, job_cost_add, job_output_void, job_produce
from usage.models import Job, JobComponent, JobOutput
from usage.production import copy_components, job_close, job_open, job_reopen, job_save, job_void

# So that much happens to each.
OPEN_MOST = 4


def job(company: Company) -> Moves:
    if Job.objects.filter(status="OPEN").count() > OPEN_MOST:
        return []
    return _new_job(company, company.random.choice(PRODUCTS))


def sub_assembly_job(company: Company) -> Moves:
    """A job for what another job needs: a table of a set."""
    parent = company.pick(Job.objects.filter(status="OPEN", components__code__code="TABLE").order_by("pk").distinct())
    return _new_job(company, "TABLE", parent) if parent is not None else []


def _new_job(company: Company, product: str, parent: Job | None = None) -> Moves:
    # A set is made of tables, so cost goes up two levels.
    parts = company.random.sample(MATERIALS, 2) if product == "TABLE" else ["TABLE", "LAMP"]
    quantity = company.much(product, 5)
    components: list[dict[str, object]] = [
        {"code": code_of(part), "quantity": quantity * company.some(3)} for part in parts
    ]
    if company.perhaps(0.4):
        named = company.random.choice([SERIALIZED, BY_LOT])
        components.append({"code": code_of(named), "quantity": company.some(3)})
    if company.perhaps(0.2):
        # As the latest one was made.
        components = list(copy_components(code_of(product), quantity)) or components
    made = job_save(
        job=None, code=code_of(product), quantity=quantity, started_at=company.now, reference="", parent=parent,
        office=parent.office if parent is not None else company.pick(company.offices),
        components=components, by=None, at=company.now,
    )  # fmt: skip
    job_open(job=made, by=None, at=company.now)
    note_job(company, made)
    return [nothing]


def note_job(company: Company, job: Job) -> None:
    """Know a job that was written, and its components: what came and went of those that were there stays."""
    company.made.setdefault(job.pk, Line(job.code.code, ZERO)).ordered = job.quantity
    for component in job.components.select_related("code"):
        company.needed.setdefault(component.pk, Line(component.code.code, ZERO)).ordered = component.quantity


def change_job(company: Company) -> Moves:
    """Another quantity of the product or of a component; now and then one more component, or one less."""
    found = _open_job(company)
    if found is None:
        return []
    components = list(found.components.select_related("code").order_by("pk"))
    changed, gone = company.random.choice(components), None
    if len(components) > 1 and company.perhaps(0.2):
        gone = company.random.choice(components)
    lines: list[dict[str, object]] = [
        {"id": one.pk, "code": one.code, "quantity": company.much(one.code.code) if one == changed else one.quantity}
        for one in components if one != gone
    ]  # fmt: skip
    if company.perhaps(0.3):
        name = company.random.choice(MATERIALS)
        lines.append({"code": code_of(name), "quantity": company.much(name)})
    saved = job_save(
        job=found, code=found.code, office=found.office, started_at=found.started_at, reference="", components=lines,
        quantity=company.much(found.code.code, 8) if company.perhaps(0.5) else found.quantity, by=None, at=company.now,
    )  # fmt: skip
    note_job(company, saved)
    return [nothing]


def _open_job(company: Company) -> Job | None:
    return company.pick(Job.objects.filter(status="OPEN").select_related("code", "office").order_by("pk"))


def _last() -> int:
    last: int = InventoryTransaction.objects.aggregate(last=Max("pk", default=0))["last"]
    return last


def _taken(company: Company, components: list[JobComponent], after: int) -> Moves:
    """What a verb took of these, which were read before it, or put back; `after`: what the ledger ended with then."""
    moves: Moves = []
    for component in components:
        known, before = company.needed[component.pk], component.quantity_consumed
        component.refresh_from_db()
        taken = component.quantity_consumed - before
        moves += [company.add(known.code, -taken), company.serve(known, taken)]
    # Which units those were, the ledger tells: each that comes back comes back once.
    named = InventoryTransaction.objects.filter(pk__gt=after, lot=None, code__code__in=[SERIALIZED, BY_LOT])
    for row in named.exclude(on_hand=0).select_related("code"):
        units = Units(row.manufacturer_lot, tuple(row.serials.values_list("serial", flat=True)))
        assert not set(units.serials) & company.serials or row.on_hand < 0, "a unit that is here came back"
        moves += [company.add(row.code.code, row.on_hand, units), company.add(row.code.code, -row.on_hand)]
    return moves


def produce(company: Company) -> Moves:
    found = _open_job(company)
    if found is None:
        return []
    product, components, after = company.made[found.pk], list(found.components.select_related("code")), _last()
    quantity, backflush = company.much(product.code, 3), company.perhaps(0.7)
    job_produce(
        job=found, quantity=quantity, produced_at=company.when(), by=None, at=company.now, backflush=backflush,
        units={one.pk: _named(company, one, quantity / product.ordered) for one in components} if backflush else None,
    )  # fmt: skip
    if backflush:
        # As much of each as so many products take, and what they take beyond that was taken already.
        share = (product.served + quantity) / product.ordered
        for component in found.components.all():
            known = company.needed[component.pk]
            wanted = max(known.ordered * share, known.served)
            assert abs(component.quantity_consumed - wanted) < Decimal("0.0001"), "back-flush"
    return [
        company.add(product.code, quantity), company.serve(product, quantity), *_taken(company, components, after)
    ]  # fmt: skip


def _named(company: Company, component: JobComponent, share: Decimal) -> list[Named]:
    """Units for so much of what a component needs; often not as many as back-flushing takes, and then refused."""
    code = component.code.code
    if code not in {SERIALIZED, BY_LOT}:
        return []
    units = company.going(code, component.quantity * share)
    return [Named(units.serials, units.manufacturer_lot)]


def consume(company: Company) -> Moves:
    found = _open_job(company)
    if found is None:
        return []
    component = company.random.choice(list(found.components.select_related("code", "job").order_by("pk")))
    known = company.needed[component.pk]
    quantity = company.much(known.code, 6) * (-1 if company.perhaps(0.2) else 1)
    units = company.going(known.code, quantity) if quantity > 0 else _gone_into(company, component, -quantity)
    named = [Named(units.serials, units.manufacturer_lot)] if known.code in {SERIALIZED, BY_LOT} else []
    job_consume(
        job=found, lines=[{"component": component, "quantity": quantity, "units": named}], consumed_at=company.when(),
        by=None, at=company.now,
    )  # fmt: skip
    return [company.add(known.code, -quantity, units), company.serve(known, quantity)]


def _gone_into(company: Company, component: JobComponent, quantity: Decimal) -> Units:
    """Units that a job once took of a component, and that are not in stock: they may be in another job by now."""
    if component.code.code == BY_LOT:
        return company.going(BY_LOT, quantity)
    took = SerialMovement.objects.filter(code=component.code, transaction__source_number=component.job.number)
    names = set(took.values_list("serial", flat=True)) - company.serials
    return Units(serials=company.sample(names, quantity)) if component.code.code == SERIALIZED else Units()


def spend(company: Company) -> Moves:
    found = _open_job(company)
    if found is None:
        return []
    amount = company.some(5_000) / 100 * (-1 if company.perhaps(0.2) else 1)
    job_cost_add(
        job=found, kind="LABOR", description="", incurred_at=company.when(), amount=amount, by=None, at=company.now
    )  # fmt: skip
    return [nothing]


def void_production(company: Company) -> Moves:
    output = company.pick(JobOutput.objects.filter(status="POSTED").order_by("pk"))
    if output is None:
        return []
    components, after = list(output.job.components.all()), _last()
    job_output_void(output=output, by=None, at=company.now)
    product = company.made[output.job_id]
    return [
        company.add(product.code, -output.quantity), company.serve(product, -output.quantity),
        *_taken(company, components, after),
    ]  # fmt: skip


def end_job(company: Company) -> Moves:
    found = company.pick(Job.objects.exclude(status="VOID").order_by("pk"))
    if found is None:
        return []
    components, after = list(found.components.all()), _last()
    company.random.choice([job_close, job_close, job_reopen, job_void])(job=found, by=None, at=company.now)
    return [nothing, *_taken(company, components, after)]
