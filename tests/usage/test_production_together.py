"""Jobs for orders, jobs inside jobs, and many people at them at once."""

from collections.abc import Callable
from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError

from lots.models import (
    DocumentStatus,
    InventoryLot,
)
from tests.factories import day
from tests.harness.databases import CommittedDatabase
from tests.reconciliation.records import culprits, run_now
from tests.usage.jobs import (
    balances,
    make_job,
    make_order_line,
    moved,
    nothing_moves,
    parts,
    produce,
    stock,
)
from usage.models import Job, JobOutput
from usage.production import (
    job_close,
    job_open,
    job_produce,
    job_void,
    make_job_for_order_line,
)


@pytest.mark.usefixtures("db")
class TestOrdersAndSubAssemblies:
    def test_a_job_for_an_order_line_makes_a_lot_that_belongs_to_it(self) -> None:
        line = make_order_line(quantity="5")
        job = make_job_for_order_line(order_line=line, components=parts(LEG="20"), by=None, at=day(1))
        line.refresh_from_db()
        assert job.lot is not None
        assert (job.quantity, job.status, line.lot) == (5, DocumentStatus.OPEN, job.lot)
        assert (job.lot.parent_order, job.reference) == ("60007", "Order #60007")

    def test_a_job_for_an_order_line_makes_what_the_line_asks_for(self) -> None:
        line = make_order_line("TABLE")
        with pytest.raises(ValidationError, match="is for TABLE"):
            make_job(order_line=line)
        assert not Job.objects.exists()

    def test_sub_assemblies_count_on_from_their_parent_and_go_into_it_as_components(self) -> None:
        stock()
        line = make_order_line("SET", "1")
        whole = make_job("SET", "1", components=parts(BENCH="2"), order_line=line)
        part = make_job(quantity="2", components=parts(LEG="8", TOP="2"), parent=whole)
        assert part.number == "JOB60000.1"
        assert make_job(quantity="1", parent=whole, is_open=False).number == "JOB60000.2"
        assert make_job("LEG", components=parts(WOOD="1"), parent=part, is_open=False).number == "JOB60000.1.1"
        assert part.lot is not None
        assert part.lot.parent_order == "60007"
        produce(part, "2", backflush=True)
        produce(whole, "1", backflush=True)
        for job in (part, whole):
            job_close(job=job, by=None, at=day(5))
        run_now()
        run_now()
        lot = InventoryLot.objects.get(source_number=whole.number)
        assert (lot.value, lot.is_cost_final) == (Decimal("80.00"), True)
        assert culprits() == {}

    def test_a_closed_or_void_job_takes_no_sub_assemblies(self) -> None:
        whole = make_job("SET", components=parts(BENCH="2"))
        part = make_job(parent=whole, is_open=False)
        nothing_moves(lambda: job_void(job=whole, by=None, at=day(2)), "JOB60000.1")
        job_close(job=whole, by=None, at=day(2))
        nothing_moves(lambda: make_job(parent=whole), "no sub-assembly jobs")
        nothing_moves(lambda: job_open(job=part, by=None, at=day(2)), "JOB60000, which it is made for, is closed")


def test_a_double_click_opens_a_job_once(
    committed_db: CommittedDatabase, concurrently: Callable[..., list[object]]
) -> None:
    job = make_job(is_open=False)
    results = concurrently(*[lambda: job_open(job=job, by=None, at=day(1))] * 4)
    assert sum(isinstance(result, ValidationError) for result in results) == 3
    assert moved(job.number) == [("BENCH", 10, 0, 0), ("LEG", 0, -40, 0), ("TOP", 0, -10, 0)]
    assert InventoryLot.objects.count() == 1


def test_jobs_that_share_components_do_not_wait_for_each_other_for_ever(
    committed_db: CommittedDatabase, concurrently: Callable[..., list[object]]
) -> None:
    stock()
    jobs = [make_job("BENCH"), make_job("TABLE", components=parts(TOP="10", LEG="40"))]
    for _ in range(5):
        results = concurrently(
            *[
                lambda job=job: job_produce(
                    job=job, quantity=Decimal(1), produced_at=day(3), by=None, at=day(3), backflush=True
                )
                for job in jobs
            ]
        )
        assert all(isinstance(result, JobOutput) for result in results), results
    assert balances("LEG") == (0, -40, 0)
    assert [job.quantity_produced for job in Job.objects.all()] == [5, 5]
