"""How the company of `company_model` makes things: jobs, their parts and costs, and jobs for parts of others."""

from decimal import Decimal

from tests.reconciliation.company_model import MATERIALS, PRODUCTS, ZERO, Company, Line, Moves, code_of, nothing
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


def _taken(company: Company, components: list[JobComponent]) -> Moves:
    """What a verb took of these, which were read before it, or put back."""
    moves: Moves = []
    for component in components:
        known, before = company.needed[component.pk], component.quantity_consumed
        component.refresh_from_db()
        taken = component.quantity_consumed - before
        moves += [company.add(known.code, -taken), company.serve(known, taken)]
    return moves


def produce(company: Company) -> Moves:
    found = _open_job(company)
    if found is None:
        return []
    product, components = company.made[found.pk], list(found.components.all())
    quantity, backflush = company.much(product.code, 3), company.perhaps(0.7)
    job_produce(
        job=found, quantity=quantity, produced_at=company.when(), by=None, at=company.now, backflush=backflush
    )  # fmt: skip
    if backflush:
        # As much of each as so many products take, and what they take beyond that was taken already.
        share = (product.served + quantity) / product.ordered
        for component in found.components.all():
            known = company.needed[component.pk]
            wanted = max(known.ordered * share, known.served)
            assert abs(component.quantity_consumed - wanted) < Decimal("0.0001"), "back-flush"
    return [
        company.add(product.code, quantity), company.serve(product, quantity), *_taken(company, components)
    ]  # fmt: skip


def consume(company: Company) -> Moves:
    found = _open_job(company)
    if found is None:
        return []
    component = company.random.choice(list(found.components.order_by("pk")))
    known = company.needed[component.pk]
    quantity = company.much(known.code, 6) * (-1 if company.perhaps(0.2) else 1)
    job_consume(
        job=found, lines=[{"component": component, "quantity": quantity}], consumed_at=company.when(), by=None,
        at=company.now,
    )  # fmt: skip
    return [company.add(known.code, -quantity), company.serve(known, quantity)]


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
    components = list(output.job.components.all())
    job_output_void(output=output, by=None, at=company.now)
    product = company.made[output.job_id]
    return [
        company.add(product.code, -output.quantity), company.serve(product, -output.quantity),
        *_taken(company, components),
    ]  # fmt: skip


def end_job(company: Company) -> Moves:
    found = company.pick(Job.objects.exclude(status="VOID").order_by("pk"))
    if found is None:
        return []
    components = list(found.components.all())
    company.random.choice([job_close, job_close, job_reopen, job_void])(job=found, by=None, at=company.now)
    return [nothing, *_taken(company, components)]
