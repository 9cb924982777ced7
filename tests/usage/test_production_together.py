"""Jobs for orders, jobs inside jobs, and many people at them at once."""

from collections.abc import Callable
from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError

from lots.models import (
    DocumentStatus,
    InventoryLot,
)
from tests.factories import day, make_code, make_lot, make_usage
from tests.harness.databases import CommittedDatabase
from tests.reconciliation.records import culprits, run_now
from tests.usage.jobs import (
    balances,
    consume,
    make_job,
    make_order_line,
    moved,
    nothing_moves,
    parts,
    plan,
    produce,
    stock,
)
from usage.models import Job, JobOutput, OpenUsage
from usage.production import (
    job_close,
    job_open,
    job_produce,
    job_save,
    job_void,
    make_job_for_order_line,
)


@pytest.mark.usefixtures("db")
class TestOrdersAndSubAssemblies:
    def test_a_job_for_an_order_line_makes_a_lot_that_belongs_to_it(self) -> None:
        line = make_order_line(quantity="5", is_due=True)
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

    def test_a_job_takes_what_was_made_for_it_before_older_stock(self) -> None:
        """Two tops for one desk: those its own job made, at 20.00 each, not the bought ones at 11.00."""
        make_lot("TOP", received="10", value="110.00")
        make_lot("BOARD", received="4", value="40.00")
        desk = make_job("DESK", "1", components=parts(TOP="3"))
        tops = make_job("TOP", "2", components=parts(BOARD="4"), parent=desk)
        produce(tops, "2", backflush=True)
        job_close(job=tops, by=None, at=day(4))
        assert tops.lot is not None
        own, bought = consume(desk, TOP="3", on_day=5)
        assert [(usage.quantity, [row.lot for row in usage.restrictions.all()]) for usage in (own, bought)] == [
            (2, [tops.lot]),
            (1, []),
        ]
        assert balances("TOP") == (0, 0, 9)
        produce(desk, "1", on_day=6)
        job_close(job=desk, by=None, at=day(7))
        run_now()
        run_now()
        assert InventoryLot.objects.get(source_number=desk.number).value == Decimal("51.00")
        tops.lot.refresh_from_db()
        assert (tops.lot.quantity_current, tops.lot.value) == (0, Decimal("40.00"))
        assert culprits() == {}

    def test_what_is_put_back_of_it_can_be_taken_again_and_no_more_than_was_made(self) -> None:
        stock()
        desk = make_job("DESK", "5", components=parts(TOP="5"))
        tops = make_job("TOP", "2", components=parts(LEG="4"), parent=desk)
        produce(tops, "2", backflush=True)
        assert tops.lot is not None
        consume(desk, TOP="2")
        run_now()
        (back,) = consume(desk, TOP="-1", on_day=4)
        assert [row.lot for row in back.restrictions.all()] == [tops.lot]
        own, bought = consume(desk, TOP="3", on_day=5)
        assert (own.quantity, own.restrictions.get().lot, bought.quantity) == (1, tops.lot, 2)
        run_now()
        assert not OpenUsage.objects.exists()
        assert culprits() == {}

    def test_what_others_took_of_it_is_taken_from_stock_instead(self) -> None:
        make_lot("LEG", received="40", value="100.00")
        desk = make_job("DESK", "2", components=parts(TOP="2"))
        produce(make_job("TOP", "2", components=parts(LEG="4"), parent=desk), "2", backflush=True)
        make_usage("TOP", "1", on_day=4)
        run_now()
        make_lot("TOP", received="10", value="110.00", on_day=5)
        own, bought = consume(desk, TOP="2", on_day=6)
        assert (own.quantity, own.restrictions.count(), bought.quantity, bought.restrictions.count()) == (1, 1, 1, 0)
        run_now()
        assert not OpenUsage.objects.exists()

    def test_a_sub_assembly_makes_a_component_of_its_parent(self) -> None:
        whole = make_job("SET", components=parts(BENCH="2"))
        nothing_moves(lambda: make_job("TABLE", parent=whole, is_open=False), "has no component TABLE")
        part = make_job(parent=whole, is_open=False)
        nothing_moves(lambda: job_save(**plan(part, code=make_code("TABLE"))), "has no component TABLE")
        nothing_moves(lambda: job_save(**plan(whole, components=parts(LEG="2"))), "JOB60000.1 makes BENCH for it")
        assert part.code.code == "BENCH"

    def test_a_job_is_not_closed_while_a_part_of_it_is_still_being_made(self) -> None:
        whole = make_job("SET", components=parts(BENCH="2"))
        part = make_job(parent=whole)
        nothing_moves(lambda: job_close(job=whole, by=None, at=day(2)), "JOB60000.1")
        job_close(job=part, by=None, at=day(2))
        assert job_close(job=whole, by=None, at=day(2)).status == DocumentStatus.CLOSED

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
