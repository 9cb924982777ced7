"""Jobs for tests: a bench of 4 legs and 1 top, made the way people make them."""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from lots.models import DocumentStatus, InventoryTransaction, LineItemCode, LotCostEvent, Office, RecordHistory
from tests.factories import day, make_code, make_lot
from usage.models import InventoryUsage, Job, JobComponent, JobCost, JobOutput, JobUsage, Order, OrderLine
from usage.production import job_consume, job_cost_add, job_open, job_produce, job_save

Moved = tuple[str, Decimal, Decimal, Decimal]


def parts(**quantities: str) -> list[dict[str, Any]]:
    """Give components as a form hands them on."""
    return [{"code": make_code(name), "quantity": Decimal(quantity)} for name, quantity in quantities.items()]


def make_job(
    product: str = "BENCH",
    quantity: str = "10",
    *,
    components: Sequence[Mapping[str, Any]] | None = None,
    is_open: bool = True,
    office: Office | None = None,
    order_line: OrderLine | None = None,
    parent: Job | None = None,
) -> Job:
    job = job_save(
        job=None,
        code=make_code(product),
        quantity=Decimal(quantity),
        office=office,
        started_at=day(1),
        reference="",
        components=parts(LEG="40", TOP="10") if components is None else components,
        by=None,
        at=day(1),
        order_line=order_line,
        parent=parent,
    )
    return job_open(job=job, by=None, at=day(1)) if is_open else job


def stock() -> None:
    """40 legs at 2.50 and 10 tops at 30.00: what ten benches take, 400.00 in all."""
    make_lot("LEG", received="40", value="100.00")
    make_lot("TOP", received="10", value="300.00")


def component(job: Job, code: str) -> JobComponent:
    return job.components.get(code__code=code)


def consume(job: Job, *, on_day: int = 2, **quantities: str) -> list[InventoryUsage]:
    """Take components; below zero puts back."""
    lines = [{"component": component(job, name), "quantity": Decimal(text)} for name, text in quantities.items()]
    return job_consume(job=job, lines=lines, consumed_at=day(on_day), by=None, at=day(on_day))


def produce(job: Job, quantity: str, *, on_day: int = 3, backflush: bool = False) -> JobOutput:
    return job_produce(
        job=job,
        quantity=Decimal(quantity),
        produced_at=day(on_day),
        by=None,
        at=day(on_day),
        backflush=backflush,
    )


def add_cost(job: Job, amount: str, *, on_day: int = 3, description: str = "Gluing") -> JobCost:
    return job_cost_add(
        job=job,
        kind=JobCost.Kind.LABOR,
        description=description,
        incurred_at=day(on_day),
        amount=Decimal(amount),
        by=None,
        at=day(on_day),
    )


def make_order_line(
    code: str = "BENCH", quantity: str = "10", *, number: str = "60007", is_due: bool = False
) -> OrderLine:
    """A line of an open order; what the order itself moves is not asked here."""
    order = Order.objects.create(
        number=number, customer="Hill", ordered_at=day(1), opened_at=day(1), status=DocumentStatus.OPEN
    )
    asked = Decimal(quantity)
    return OrderLine.objects.create(
        order=order, position=1, code=make_code(code), quantity=asked, demand=-asked if is_due else 0
    )


def moved(source_number: str) -> list[Moved]:
    """What a document moved: code, On Order, Demand, On Hand, in the order it was posted."""
    return [
        (row.code.code, row.on_order, row.demand, row.on_hand)
        for row in InventoryTransaction.objects.filter(source_number=source_number).order_by("pk")
    ]


def balances(code: str) -> tuple[Decimal, Decimal, Decimal]:
    """On Order, Demand and On Hand of a code."""
    rows = list(InventoryTransaction.objects.filter(code__code=code))
    zero = Decimal(0)
    return (
        sum((row.on_order for row in rows), zero),
        sum((row.demand for row in rows), zero),
        sum((row.on_hand for row in rows), zero),
    )


def plan(job: Job, **changes: Any) -> dict[str, Any]:
    """What an edit form would send of a job that is left as it is, with some of it changed."""
    kept: list[dict[str, Any]] = [
        {"id": row.pk, "code": row.code, "quantity": row.quantity} for row in job.components.select_related("code")
    ]
    return {
        "job": job,
        "code": job.code,
        "quantity": job.quantity,
        "office": job.office,
        "started_at": job.started_at,
        "reference": job.reference,
        "components": kept,
        "by": None,
        "at": day(4),
        **changes,
    }


def make_labor() -> LineItemCode:
    code = make_code("HOUR")
    code.record_type = "TIME"
    code.save()
    return code


def nothing_moves(action: Callable[[], object], match: str) -> None:
    """The action is refused, and neither movement, usage, cost nor history is there afterwards that was not before."""
    models = (InventoryTransaction, InventoryUsage, LotCostEvent, JobUsage, JobCost, JobOutput, RecordHistory)
    before = [model._default_manager.count() for model in models]
    with pytest.raises(ValidationError, match=match):
        action()
    assert [model._default_manager.count() for model in models] == before
