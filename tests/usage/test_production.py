"""Jobs: what each step moves, what it refuses, and that everything can be undone."""

from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError

from inventory_site.document_forms import LineError
from lots.models import (
    DocumentStatus,
    InventoryLot,
    InventoryTransaction,
    LotCostEvent,
    LotType,
    PostingStatus,
    RecordHistory,
)
from tests.factories import day, make_code, make_office, make_usage
from tests.reconciliation.records import culprits, run_now
from tests.usage.jobs import (
    add_cost,
    balances,
    component,
    consume,
    make_job,
    make_labor,
    make_order_line,
    moved,
    nothing_moves,
    parts,
    plan,
    produce,
    stock,
)
from usage.job_rules import why_not_consume, why_not_produce, why_not_void, why_not_void_output
from usage.models import InventoryUsage, Job, JobOutput, LotFeed, LotRecost
from usage.production import (
    copy_components,
    job_close,
    job_open,
    job_output_void,
    job_reopen,
    job_save,
    job_void,
)


@pytest.mark.usefixtures("db")
class TestPlanning:
    def test_a_pending_job_moves_nothing(self) -> None:
        job = make_job(is_open=False)
        assert (job.number, job.status, job.lot) == ("JOB60000", DocumentStatus.PENDING, None)
        assert not InventoryTransaction.objects.exists()
        assert not InventoryLot.objects.exists()

    def test_opening_makes_the_lot_and_posts_what_is_due_and_demanded(self) -> None:
        job = make_job()
        assert moved(job.number) == [("BENCH", 10, 0, 0), ("LEG", 0, -40, 0), ("TOP", 0, -10, 0)]
        assert job.lot is not None
        assert (job.lot.lot_type, job.lot.is_fed, job.lot.source_number) == (LotType.PRODUCTION, True, job.number)
        assert (job.lot.quantity_ordered, job.lot.quantity_received) == (10, 0)
        assert not job.lot.is_source_complete
        assert not job.lot.is_cost_final
        assert culprits() == {}

    def test_a_job_without_components_cannot_be_opened(self) -> None:
        job = make_job(components=[], is_open=False)
        nothing_moves(lambda: job_open(job=job, by=None, at=day(1)), "no components")

    def test_a_job_is_opened_once(self) -> None:
        job = make_job()
        nothing_moves(lambda: job_open(job=job, by=None, at=day(1)), "only a pending job")

    def test_a_pending_job_can_be_changed_in_everything(self) -> None:
        job = make_job(is_open=False)
        job_save(**plan(job, code=make_code("TABLE"), quantity=Decimal(3), components=parts(TOP="3")))
        job.refresh_from_db()
        assert (job.code.code, job.quantity) == ("TABLE", 3)
        assert [(row.code.code, row.quantity) for row in job.components.all()] == [("TOP", 3)]
        assert not InventoryTransaction.objects.exists()

    def test_changing_an_open_job_posts_the_difference(self) -> None:
        job = make_job()
        legs, tops = component(job, "LEG"), component(job, "TOP")
        lines = [
            {"id": legs.pk, "code": legs.code, "quantity": Decimal(48)},
            {"id": tops.pk, "code": tops.code, "quantity": Decimal(9)},
            *parts(GLUE="5"),
        ]
        job_save(**plan(job, quantity=Decimal(12), components=lines))
        assert moved(job.number)[3:] == [("LEG", 0, -8, 0), ("TOP", 0, 1, 0), ("GLUE", 0, -5, 0), ("BENCH", 2, 0, 0)]
        assert InventoryLot.objects.get(source_number=job.number).quantity_ordered == 12
        assert culprits() == {}

    def test_a_component_that_nothing_was_taken_of_can_be_left_out_of_an_open_job(self) -> None:
        job = make_job()
        kept = [line for line in plan(job)["components"] if line["code"].code == "TOP"]
        job_save(**plan(job, components=kept))
        assert balances("LEG") == (0, 0, 0)
        assert balances("TOP") == (0, -10, 0)

    def test_a_component_that_was_consumed_stays(self) -> None:
        job = make_job()
        consume(job, LEG="4")
        kept = [line for line in plan(job)["components"] if line["code"].code == "TOP"]
        nothing_moves(lambda: job_save(**plan(job, components=kept)), "LEG was consumed")

    def test_no_less_can_be_planned_than_was_consumed_or_produced(self) -> None:
        job = make_job()
        produce(job, "5", backflush=True)
        job.refresh_from_db()
        lines = plan(job)["components"]
        less = [{**line, "quantity": Decimal(19)} if line["code"].code == "LEG" else line for line in lines]
        nothing_moves(lambda: job_save(**plan(job, components=less)), "20 of LEG are consumed")
        nothing_moves(lambda: job_save(**plan(job, quantity=Decimal(4))), "5 are produced already")

    def test_what_an_open_job_makes_and_where_stays(self) -> None:
        job = make_job()
        nothing_moves(lambda: job_save(**plan(job, code=make_code("TABLE"))), "what it makes")
        nothing_moves(lambda: job_save(**plan(job, office=make_office("AI"))), "its office")

    def test_a_plan_that_makes_no_sense_is_refused_on_its_line(self) -> None:
        for lines, match in (
            (parts(LEG="0"), "positive quantity"),
            (parts(LEG="4") + parts(LEG="2"), "another line"),
            (parts(BENCH="1"), "cannot consume what it makes"),
            ([{"code": make_labor(), "quantity": Decimal(1)}], "no inventory"),
        ):
            with pytest.raises(LineError, match=match) as refusal:
                make_job(components=lines)
            assert refusal.value.index == len(lines) - 1
        assert not Job.objects.exists()

    def test_a_job_cannot_make_what_is_no_inventory_or_nothing(self) -> None:
        make_labor()
        with pytest.raises(ValidationError, match="no inventory"):
            make_job("HOUR")
        with pytest.raises(ValidationError, match="positive quantity"):
            make_job(quantity="0")
        assert not Job.objects.exists()

    def test_the_latest_job_for_a_product_tells_what_the_next_one_takes(self) -> None:
        make_job(components=parts(NAIL="7"))
        make_job(quantity="3", components=parts(LEG="12", GLUE="1"))
        code = make_code("BENCH")
        as_text = [(line["code"].code, line["quantity"]) for line in copy_components(code, Decimal(6))]
        assert as_text == [("LEG", 24), ("GLUE", 2)]
        assert [line["quantity"] for line in copy_components(code)] == [4, Decimal("0.3333")]
        assert copy_components(make_code("NEVER")) == []


@pytest.mark.usefixtures("db")
class TestConsuming:
    def test_what_is_consumed_leaves_the_shelf_and_is_no_longer_demanded(self) -> None:
        stock()
        job = make_job(order_line=make_order_line())
        (usage,) = consume(job, LEG="15")
        assert moved(job.number)[3:] == [("LEG", 0, 15, -15)]
        assert (usage.order, usage.reference, usage.account.number if usage.account else "") == (
            "60007",
            "Job #JOB60000",
            "1210",
        )
        assert (component(job, "LEG").quantity_consumed, component(job, "LEG").demand) == (15, -25)
        assert LotFeed.objects.get(usage=usage).lot_id == job.lot_id
        assert LotRecost.objects.filter(lot=job.lot).exists()
        run_now()
        assert culprits() == {}

    def test_more_than_was_planned_ends_the_demand_and_not_more(self) -> None:
        job = make_job()
        consume(job, LEG="44")
        assert balances("LEG") == (0, 0, -44)

    def test_what_is_put_back_is_demanded_again_and_returns_to_the_last_usage_first(self) -> None:
        stock()
        job = make_job()
        (first,) = consume(job, LEG="10")
        (second,) = consume(job, LEG="5")
        back = consume(job, LEG="-8", on_day=3)
        assert [(usage.quantity, usage.original_id) for usage in back] == [(-5, second.pk), (-3, first.pk)]
        assert moved(job.number)[-2:] == [("LEG", 0, -5, 5), ("LEG", 0, -3, 3)]
        assert (component(job, "LEG").quantity_consumed, component(job, "LEG").demand) == (7, -33)
        (again,) = consume(job, LEG="-7", on_day=4)
        assert (again.quantity, again.original_id) == (-7, first.pk)
        run_now()
        assert culprits() == {}
        assert InventoryLot.objects.get(code__code="LEG").quantity_used == 0

    def test_no_more_is_put_back_than_was_taken(self) -> None:
        job = make_job()
        consume(job, LEG="5")
        nothing_moves(lambda: consume(job, LEG="-6"), "has consumed 5")

    def test_nothing_is_consumed_unless_the_job_is_open(self) -> None:
        job = make_job(is_open=False)
        assert "Open JOB60000" in why_not_consume(job)
        nothing_moves(lambda: consume(job, LEG="1"), "Open JOB60000 before")
        job_open(job=job, by=None, at=day(1))
        job_close(job=job, by=None, at=day(2))
        nothing_moves(lambda: consume(job, LEG="1"), "Reopen it first")

    def test_an_empty_form_consumes_nothing(self) -> None:
        job = make_job()
        nothing_moves(lambda: consume(job, LEG="0"), "how much")


@pytest.mark.usefixtures("db")
class TestProducing:
    def test_what_is_produced_is_no_longer_due_and_on_the_shelf(self) -> None:
        job = make_job()
        output = produce(job, "4")
        assert output.number == "PROD-60000"
        assert moved(output.number) == [("BENCH", -4, 0, 4)]
        lot = InventoryLot.objects.get(source_number=job.number)
        assert (lot.quantity_received, lot.value, lot.first_received_at) == (4, 0, day(3))
        event = LotCostEvent.objects.get(lot=lot)
        assert (event.kind, event.source_number, event.quantity, event.value) == ("PRODUCTION", output.number, 4, 0)
        assert balances("LEG") == (0, -40, 0)
        assert LotRecost.objects.filter(lot=lot).exists()
        assert culprits() == {}

    def test_more_than_was_due_ends_what_is_due_and_not_more(self) -> None:
        job = make_job()
        produce(job, "8")
        assert moved(produce(job, "4").number) == [("BENCH", -2, 0, 4)]
        assert balances("BENCH") == (0, 0, 12)

    def test_back_flush_takes_what_the_units_need_and_have_not_taken(self) -> None:
        stock()
        job = make_job()
        consume(job, LEG="30", TOP="1")
        output = produce(job, "5", backflush=True)
        assert moved(output.number) == [("BENCH", -5, 0, 5), ("TOP", 0, 4, -4)]
        assert component(job, "LEG").quantity_consumed == 30
        rest = produce(job, "5", backflush=True)
        assert moved(rest.number) == [("BENCH", -5, 0, 5), ("LEG", 0, 10, -10), ("TOP", 0, 5, -5)]
        assert balances("LEG") == balances("TOP") == (0, 0, 0)
        run_now()
        assert culprits() == {}

    def test_what_a_job_takes_names_the_job_or_the_order_that_it_is_made_for(self) -> None:
        job = make_job()
        produce(job, "1", backflush=True)
        assert set(InventoryUsage.objects.values_list("order", flat=True)) == {job.number}
        sold = make_order_line()
        produce(made := make_job(order_line=sold), "1", backflush=True)
        usages = InventoryUsage.objects.filter(job_usage__component__job=made)
        assert set(usages.values_list("order", flat=True)) == {sold.order.number}

    def test_back_flush_of_thirds_takes_the_rest_with_the_last_unit(self) -> None:
        job = make_job(quantity="3", components=parts(GLUE="1"))
        taken = []
        for _ in range(3):
            taken.append(moved(produce(job, "1", backflush=True).number)[1][3])
        assert taken == [Decimal("-0.3333"), Decimal("-0.3334"), Decimal("-0.3333")]

    def test_nothing_and_less_cannot_be_produced(self) -> None:
        job = make_job()
        nothing_moves(lambda: produce(job, "0"), "positive quantity")
        nothing_moves(lambda: produce(job, "-1"), "positive quantity")

    def test_nothing_is_produced_unless_the_job_is_open(self) -> None:
        job = make_job(is_open=False)
        assert why_not_produce(job)
        nothing_moves(lambda: produce(job, "1"), "Open JOB60000 before")

    def test_a_void_production_is_due_again_and_its_back_flushed_components_are_back(self) -> None:
        stock()
        job = make_job()
        output = produce(job, "4", backflush=True)
        run_now()
        job_output_void(output=output, by=None, at=day(5), reason="Miscounted")
        assert moved(output.number) == [
            ("BENCH", -4, 0, 4),
            ("LEG", 0, 16, -16),
            ("TOP", 0, 4, -4),
            ("BENCH", 4, 0, -4),
            ("LEG", 0, -16, 16),
            ("TOP", 0, -4, 4),
        ]
        mirrors = InventoryTransaction.objects.filter(source_number=output.number, reverses__isnull=False)
        assert [(row.reverses.source_number if row.reverses else "", row.at) for row in mirrors] == [
            (output.number, day(5))
        ] * 3
        output.refresh_from_db()
        assert output.status == PostingStatus.VOID
        lot = InventoryLot.objects.get(source_number=job.number)
        assert (lot.quantity_received, lot.value) == (0, 0)
        run_now()
        assert culprits() == {}
        assert not InventoryLot.objects.exclude(quantity_used=0).exists()

    def test_a_production_is_void_once(self) -> None:
        job = make_job()
        output = produce(job, "4")
        job_output_void(output=output, by=None, at=day(5))
        nothing_moves(lambda: job_output_void(output=output, by=None, at=day(5)), "void already")

    def test_units_that_are_used_cannot_be_unmade(self) -> None:
        stock()
        job = make_job()
        output = produce(job, "4", backflush=True)
        produce(job, "2", backflush=True)
        make_usage("BENCH", "3", on_day=4)
        run_now()
        output.refresh_from_db()
        assert "3 of them are used" in why_not_void_output(JobOutput.objects.get(pk=output.pk))
        nothing_moves(lambda: job_output_void(output=output, by=None, at=day(5)), "3 of them are used")

    def test_a_void_after_the_plan_changed_leaves_due_what_the_plan_says(self) -> None:
        job = make_job()
        first = produce(job, "8")
        produce(job, "4")
        job_output_void(output=first, by=None, at=day(5))
        assert balances("BENCH") == (6, 0, 4)


@pytest.mark.usefixtures("db")
class TestCosts:
    def test_a_job_cost_is_credited_to_its_account_and_carried_by_the_lot(self) -> None:
        job = make_job()
        cost = add_cost(job, "25.00")
        event = LotCostEvent.objects.get()
        assert (event.kind, event.value, event.value_other, event.account) == ("JOB_COST", 0, 25, cost.account)
        assert (cost.account.number, event.dated) == ("6000", day(3).date())
        assert culprits() == {}

    def test_a_correction_is_a_cost_below_zero_and_never_more_than_there_is(self) -> None:
        job = make_job()
        add_cost(job, "25.00")
        add_cost(job, "-10.00")
        nothing_moves(lambda: add_cost(job, "-15.01"), "carries job costs of 15.00")
        nothing_moves(lambda: add_cost(job, "0"), "no cost")
        lot = InventoryLot.objects.get(source_number=job.number)
        assert lot.value_other == 15

    def test_what_comes_out_is_worth_what_went_in(self) -> None:
        stock()
        job = make_job()
        add_cost(job, "50.00")
        produce(job, "5", backflush=True)
        run_now()
        lot = InventoryLot.objects.get(source_number=job.number)
        assert (lot.value, lot.is_cost_final) == (Decimal("225.00"), False)
        produce(job, "5", backflush=True)
        job_close(job=job, by=None, at=day(6))
        run_now()
        lot.refresh_from_db()
        assert (lot.value, lot.is_cost_final) == (Decimal("450.00"), True)
        assert lot.value_clearing == Decimal("400.00")
        assert culprits() == {}


@pytest.mark.usefixtures("db")
class TestClosing:
    def test_closing_takes_back_what_is_still_due_and_demanded(self) -> None:
        job = make_job()
        produce(job, "4", backflush=True)
        job_close(job=job, by=None, at=day(6))
        assert moved(job.number)[3:] == [("BENCH", -6, 0, 0), ("LEG", 0, 24, 0), ("TOP", 0, 6, 0)]
        lot = InventoryLot.objects.get(source_number=job.number)
        assert lot.is_source_complete
        assert culprits() == {}
        nothing_moves(lambda: job_close(job=job, by=None, at=day(6)), "only an open job")

    def test_a_reopened_job_is_as_it_was(self) -> None:
        job = make_job()
        produce(job, "4", backflush=True)
        before = [balances(code) for code in ("BENCH", "LEG", "TOP")]
        job_close(job=job, by=None, at=day(6))
        nothing_moves(lambda: produce(job, "1"), "Reopen it first")
        job_reopen(job=job, by=None, at=day(7))
        assert [balances(code) for code in ("BENCH", "LEG", "TOP")] == before
        lot = InventoryLot.objects.get(source_number=job.number)
        assert not lot.is_source_complete
        assert not lot.is_cost_final
        nothing_moves(lambda: job_reopen(job=job, by=None, at=day(7)), "only a closed job")

    def test_a_pending_job_is_voided_without_a_trace_in_the_ledger(self) -> None:
        job = make_job(is_open=False)
        assert job_void(job=job, by=None, at=day(2)).status == DocumentStatus.VOID
        assert not InventoryTransaction.objects.exists()

    def test_voiding_mirrors_everything(self) -> None:
        stock()
        line = make_order_line()
        job = make_job(order_line=line)
        consume(job, LEG="20", TOP="5")
        run_now()
        job_void(job=job, by=None, at=day(6), reason="Cancelled")
        for code, there in (("BENCH", 0), ("LEG", 40), ("TOP", 10)):
            assert balances(code) == (0, 0, there)
        mirrors = InventoryTransaction.objects.filter(source_number=job.number, reverses__isnull=False)
        assert (mirrors.count(), InventoryTransaction.objects.filter(source_number=job.number).count()) == (5, 10)
        line.refresh_from_db()
        assert line.lot is None
        run_now()
        assert culprits() == {}
        assert not InventoryLot.objects.exclude(quantity_used=0).exists()
        assert RecordHistory.objects.filter(number=job.number).last().note == "Cancelled"  # type: ignore[union-attr]
        nothing_moves(lambda: job_void(job=job, by=None, at=day(6)), "is void")

    def test_voiding_after_some_was_put_back_and_the_plan_changed_leaves_nothing(self) -> None:
        stock()
        job = make_job()
        consume(job, LEG="44")
        consume(job, LEG="-6", on_day=3)
        lines = [
            {**line, "quantity": Decimal(50)} if line["code"].code == "LEG" else line
            for line in plan(job)["components"]
        ]
        job_save(**plan(job, quantity=Decimal(11), components=lines))
        job_void(job=job, by=None, at=day(6))
        assert [balances(code) for code in ("BENCH", "LEG", "TOP")] == [(0, 0, 0), (0, 0, 40), (0, 0, 10)]
        run_now()
        assert culprits() == {}

    def test_a_job_that_made_or_cost_something_is_not_voided(self) -> None:
        job = make_job()
        output = produce(job, "1")
        nothing_moves(lambda: job_void(job=job, by=None, at=day(6)), "PROD-60000")
        job_output_void(output=output, by=None, at=day(6))
        add_cost(job, "3.00")
        nothing_moves(lambda: job_void(job=job, by=None, at=day(6)), "job costs of 3.00")
        add_cost(job, "-3.00")
        assert why_not_void(job) == ""
        job_close(job=job, by=None, at=day(7))
        nothing_moves(lambda: job_void(job=job, by=None, at=day(6)), "Reopen it first")
