"""Postings and runs on the same codes from eight clients at once: nobody sees an error, nothing is lost or doubled."""

from collections.abc import Callable
from decimal import Decimal
from random import Random

import pytest
from django.db.models import Sum

from lots.models import InventoryLot, InventoryTransaction, LineItemCode
from lots.purchasing import OrderedLine, purchase_order_open, purchase_order_save
from lots.receiving import receive_everything
from reconciliation import requests, runner
from reconciliation.models import ReconciliationRun
from tests.factories import day, make_code
from tests.reconciliation.records import culprits, run_now
from usage.adjusting import adjustment_post, adjustment_save
from usage.job_work import job_produce
from usage.models import InventoryUsage
from usage.ordering import order_open, order_save
from usage.production import job_close, job_open, job_save
from usage.shipping import ship_everything

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


def on_hand() -> Decimal:
    total: Decimal = InventoryTransaction.objects.aggregate(sum=Sum("on_hand"))["sum"]
    return total


@pytest.mark.usefixtures("committed_db")
def test_eight_clients_at_once(concurrently: Callable[..., list[object]]) -> None:
    for name in (*CODES, "DESK"):
        make_code(name)
    clients = (buy, sell, sell, correct, make, buy, reconcile, reconcile)
    results = concurrently(*(repeatedly(what, seed) for seed, what in enumerate(clients)))
    assert results == [None] * len(clients)
    # Each history moved what it moves alone: bought 2 x 7, sold 2 x 5, corrected by nothing, 3 made of 2 x 3.
    assert on_hand() == TIMES * (2 * 14 - 2 * 10 + 0 + 3 - 6)
    assert InventoryUsage.objects.count() == TIMES * (2 * 2 + 1 + 2)
    assert InventoryLot.objects.count() == TIMES * (2 * 2 + 1 + 1)
    for _ in range(3):
        run_now()
    assert culprits() == {}
