"""Postings and runs on the same codes from eight clients at once: nobody sees an error, nothing is lost or doubled."""

from collections.abc import Callable
from decimal import Decimal
from random import Random
from threading import Event
from time import sleep

import pytest
from django.db import connection, transaction
from django.db.models import Sum

from lots.invoicing import purchase_post, purchase_save, purchase_void
from lots.lot_costs import lock_lots
from lots.models import CostPool, InventoryLot, InventoryTransaction, LineItemCode
from lots.purchasing import OrderedLine, purchase_order_open, purchase_order_save, purchase_order_void
from lots.receiving import receive_everything
from reconciliation import requests, runner
from reconciliation.models import ReconciliationRun
from tests.factories import day, make_code, make_lot, make_usage
from tests.reconciliation.records import culprits, run_now
from usage.adjusting import adjustment_post, adjustment_save
from usage.job_work import job_produce
from usage.models import InventoryUsage
from usage.ordering import order_open, order_save
from usage.production import job_close, job_open, job_save
from usage.services import est_unit_cost_set
from usage.shipping import return_receive, ship_everything, shipment_save, shipment_void

CODES = ("OAK", "GLUE", "LAMP")
TIMES = 6
AT = day(3)


def codes(random: Random) -> list[LineItemCode]:
    """Two of the codes, in whatever order the document names them."""
    return [LineItemCode.objects.get(code=name) for name in random.sample(CODES, 2)]


def buy(random: Random) -> None:
    lines = [OrderedLine(code, Decimal(7), Decimal("3.33")) for code in codes(random)]
    order = purchase_order_save(
        purchase_order=None, vendor="Mill", office=None, ordered_on=AT.date(), reference="", lines=lines, by=None, at=AT
    )
    purchase_order_open(purchase_order=order, by=None, at=AT)
    receive_everything(purchase_order=order, received_at=AT, by=None, at=AT)


def sell(random: Random) -> None:
    lines = [{"code": code, "quantity": Decimal(5), "supply": "STOCK"} for code in codes(random)]
    order = order_save(order=None, customer="School", ordered_at=AT, lines=lines, by=None, at=AT)
    order_open(order=order, by=None, at=AT)
    ship_everything(order=order, by=None, at=AT)


def correct(random: Random) -> None:
    first, second = codes(random)
    lines = [
        {"code": first, "quantity": Decimal(2), "unit_cost": Decimal("4.01")},
        {"code": second, "quantity": Decimal(-2)},
    ]
    adjustment = adjustment_save(
        adjustment=None, adjustment_type="BEGINNING_BALANCE", adjusted_at=AT, office=None, lines=lines, by=None, at=AT
    )
    adjustment_post(adjustment=adjustment, by=None, at=AT)


def make(random: Random) -> None:
    components = [{"code": code, "quantity": Decimal(3)} for code in codes(random)]
    job = job_save(
        job=None, code=LineItemCode.objects.get(code="DESK"), quantity=Decimal(3), office=None, started_at=AT,
        reference="", components=components, by=None, at=AT,
    )  # fmt: skip
    job_open(job=job, by=None, at=AT)
    job_produce(job=job, quantity=Decimal(3), produced_at=AT, by=None, at=AT, backflush=True)
    job_close(job=job, by=None, at=AT)


def estimate(random: Random) -> None:
    for code in codes(random):
        est_unit_cost_set(by=None, at=day(1), code=code, est_unit_cost=Decimal(random.randint(100, 900)) / 100)


def undo(random: Random) -> None:
    """Buy, bill, sell, take some back; then all of it is void, the latest first."""
    lines = [OrderedLine(code, Decimal(7), Decimal("3.33")) for code in codes(random)]
    bought = purchase_order_save(
        purchase_order=None, vendor="Mill", office=None, ordered_on=AT.date(), reference="", lines=lines, by=None, at=AT
    )
    purchase_order_open(purchase_order=bought, by=None, at=AT)
    bill = purchase_save(
        purchase=None, vendor="Mill", invoice_number="", invoiced_at=AT, freight=Decimal(1), freight_by="VALUE",
        lines=[
            {"purchase_order_line": line, "quantity": Decimal(7), "value": Decimal(28)}
            for line in bought.lines.select_related("purchase_order", "code", "lot")
        ],
        by=None, at=AT,
    )  # fmt: skip
    purchase_post(purchase=bill, by=None, at=AT)
    sold = order_save(
        order=None, customer="School", ordered_at=AT, by=None, at=AT,
        lines=[{"code": code, "quantity": Decimal(5), "supply": "STOCK"} for code in codes(random)],
    )  # fmt: skip
    order_open(order=sold, by=None, at=AT)
    shipped = ship_everything(order=sold, by=None, at=AT)
    back = shipment_save(
        shipment=None, kind="INCOMING_RETURN", shipped_at=AT, by=None, at=AT,
        lines=[{"order_line": line, "quantity": Decimal(2)} for line in sold.lines.all()],
    )  # fmt: skip
    return_receive(shipment=back, by=None, at=AT)
    shipment_void(shipment=back, by=None, at=AT)
    shipment_void(shipment=shipped, by=None, at=AT)
    purchase_void(purchase=bill, by=None, at=AT)
    purchase_order_void(purchase_order=bought, by=None, at=AT)


def reconcile(random: Random) -> None:
    chosen = [random.choice(CODES)] if random.random() < 0.5 else None
    run = requests.request_run(trigger=ReconciliationRun.Trigger.COMMAND, now=AT, codes=chosen)
    runner.work(run_id=run.pk)


def repeatedly(what: Callable[[Random], None], seed: int) -> Callable[[], None]:
    def work() -> None:
        random = Random(seed)  # noqa: S311  (a random history, not a secret)
        for _ in range(TIMES):
            what(random)

    return work


def somebody_waits() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT FROM pg_stat_activity"
            " WHERE datname = current_database() AND wait_event_type = 'Lock')"
        )
        return bool(cursor.fetchone()[0])


def on_hand() -> Decimal:
    total: Decimal = InventoryTransaction.objects.aggregate(sum=Sum("on_hand"))["sum"]
    return total


@pytest.mark.usefixtures("committed_db")
def test_eight_clients_at_once(concurrently: Callable[..., list[object]]) -> None:
    for name in (*CODES, "DESK"):
        make_code(name)
    clients = (buy, sell, undo, correct, make, estimate, reconcile, reconcile)
    results = concurrently(*(repeatedly(what, seed) for seed, what in enumerate(clients)))
    assert results == [None] * len(clients)
    # Each history moved what it moves alone: bought 2 x 7, sold 2 x 5, corrected by nothing, 3 made of 2 x 3; and what
    # was bought, billed, sold and taken back to be void again leaves 2 x (5 - 2 + 2 - 5) behind.
    assert on_hand() == TIMES * (14 - 10 + 0 + 3 - 6 + 0)
    assert InventoryUsage.objects.count() == TIMES * (2 + 1 + 2 + 2 * 4)
    assert InventoryLot.objects.count() == TIMES * (2 + 1 + 1 + 2)
    for _ in range(3):
        run_now()
    assert culprits() == {}


@pytest.mark.usefixtures("committed_db")
def test_an_estimate_waits_for_a_posting_that_has_locked_its_lots_and_written_nothing_yet(
    concurrently: Callable[..., list[object]],
) -> None:
    lot = make_lot("OAK")
    has_locked = Event()

    def post() -> None:
        with transaction.atomic():
            lock_lots([lot.pk])
            has_locked.set()
            # Until the other one waits, whatever for; or has found nothing to wait for, and is done.
            for _ in range(50):
                if somebody_waits():
                    break
                sleep(0.1)
            make_usage("OAK", "3")

    def change_estimate() -> None:
        has_locked.wait(timeout=180)
        est_unit_cost_set(by=None, at=day(1), code=lot.code, est_unit_cost=Decimal("4.50"))

    assert concurrently(post, change_estimate) == [None, None]
    pool = CostPool.objects.get(code=lot.code)
    assert (pool.open_unallocated, pool.open_accrued_cogs) == (3, Decimal("13.50"))
