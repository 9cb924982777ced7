"""Random goods that are made of a code, level upon level, in assemblies and jobs; and sold before they are costed."""

import random
from decimal import Decimal

from reconciliation.accruals import accrue_cogs
from tests.factories import day, make_code, make_lot, make_usage, reconcile
from usage.adjusting import adjustment_post, adjustment_save
from usage.job_work import job_cost_add, job_produce
from usage.models import Job
from usage.production import job_close, job_open, job_save

# When everything is entered; it happened before.
ENTERED = day(61)


def random_products(random: random.Random, code: str) -> list[str]:
    """Make things of a code, and things of those, and sell some; runs come in between. Returns the products."""
    made: list[str] = []
    for level in range(random.choice((0, 1, 1, 2, 3))):
        product = f"{code}-P{level}"
        make_code(product, cost=random.choice(("0", "5", "120")))
        # Of what was made before, or beside it, of the code itself.
        component = random.choice([code, *made[-1:], *made[-1:]])
        for _ in range(random.choice((1, 1, 2))):
            (_job if random.random() < 0.5 else _assembly)(random, component, product)
        if random.random() < 0.8:
            make_usage(product, random.choice(("1", "1.5", "3", "-1")), on_day=random.randrange(1, 60))
        if random.random() < 0.4:
            reconcile(codes=random.choice(([product], [component, product])))
        made.append(product)
    if made and random.random() < 0.15:
        # Of the last one something goes back into the first: a ring.
        _assembly(random, made[-1], code)
    if random.random() < 0.5:
        accrue_cogs(now=ENTERED)
    return made


def _assembly(random: random.Random, component: str, product: str) -> None:
    lines = [
        {"code": make_code(component), "quantity": Decimal(random.choice(("1", "2.5", "6"))), "role": "COMPONENT"},
        {"code": make_code(product), "quantity": Decimal(random.choice(("1", "2", "3"))), "role": "PRODUCT"},
    ]
    if random.random() < 0.3:
        other = f"{product}-SCREW"
        make_code(other, cost="0.33")
        if random.random() < 0.7:
            make_lot(other, received="5", value="1.00", on_day=random.randrange(1, 60))
        lines.insert(0, {"code": make_code(other), "quantity": Decimal(4), "role": "COMPONENT"})
    adjustment = adjustment_save(
        adjustment=None,
        adjustment_type="ASSEMBLY",
        adjusted_at=day(random.randrange(1, 60)),
        office=None,
        lines=lines,
        by=None,
        at=ENTERED,
    )
    adjustment_post(adjustment=adjustment, by=None, at=ENTERED)


def _job(random: random.Random, component: str, product: str) -> None:
    started = random.randrange(1, 50)
    planned = Decimal(random.choice(("1", "2.5", "6")))
    job = job_save(
        job=None,
        code=make_code(product),
        quantity=Decimal(3),
        office=None,
        started_at=day(started),
        reference="",
        components=[{"code": make_code(component), "quantity": planned}],
        by=None,
        at=ENTERED,
    )
    job_open(job=job, by=None, at=ENTERED)
    for _ in range(random.choice((0, 1, 2))):
        job = Job.objects.get(pk=job.pk)
        produced = day(random.randrange(started, 60))
        job_produce(job=job, quantity=Decimal(1), produced_at=produced, by=None, at=ENTERED, backflush=True)
    if random.random() < 0.4:
        job_cost_add(
            job=Job.objects.get(pk=job.pk),
            kind="LABOR",
            description="",
            incurred_at=day(started),
            amount=Decimal("12.34"),
            by=None,
            at=ENTERED,
        )
    if random.random() < 0.3:
        # Perhaps with nothing to show for it: then what went in is expensed.
        job_close(job=Job.objects.get(pk=job.pk), by=None, at=ENTERED)
