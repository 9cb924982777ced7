"""Preview equals posting: random pools are previewed and resolved, and what came is what was shown."""

import random
from collections import Counter
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from inventory_site.fields import MONEY_STEP, QUANTITY_STEP
from lots.models import CogsMethod, CostPool, InventoryLot, LineItemCode, LotCostEvent, Preference
from lots.services import lot_change
from reconciliation.models import CogsAllocation, JournalLine, ReconciliationRun, RunPool
from reconciliation.posting import post_cost_events
from reconciliation.resolution_preview import ResolutionPreview
from reconciliation.resolving import (
    Line,
    Resolved,
    preview_resolution,
    resolve_post,
    suggest,
)
from reconciliation.runner import work
from reconciliation.whatif import FIRST_VIRTUAL
from tests.factories import day, make_code, make_lot, make_office, make_usage, reconcile
from tests.reconciliation.records import culprits
from usage.models import InventoryUsage, OpenUsage

pytestmark = pytest.mark.django_db


def random_pool(random: random.Random, code: LineItemCode) -> None:
    """Lots and usages as they come: returns, usage tied to lots, a run in between, a cost that changed."""
    lots: list[InventoryLot] = []
    usages: list[InventoryUsage] = []
    for _ in range(random.randrange(0, 4)):
        received = Decimal(random.choice(("1", "2", "3", "7.5", "10")))
        value = Decimal(random.randrange(0, 5000)) / 100
        lots.append(make_lot(code, received=str(received), value=str(value), on_day=random.randrange(1, 60)))
    for place in range(random.randrange(1, 9)):
        quantity = random.choice(("1", "2", "4", "9.25", "20", "-1", "-3", "-10", "-20"))
        tied = random.sample(lots, random.randrange(1, len(lots) + 1)) if lots and random.random() < 0.15 else []
        original = random.choice(usages) if usages and random.random() < 0.3 else None
        usages.append(make_usage(code, quantity, on_day=random.randrange(1, 60), only_lots=tied, original=original))
        if place == 3 and random.random() < 0.5:
            reconcile(codes=[code.code])
    if random.random() < 0.8:
        reconcile(codes=[code.code])
    if lots and random.random() < 0.25:
        lot_change(
            lot=random.choice(lots),
            at=day(random.randrange(30, 60)),
            kind=LotCostEvent.Kind.FREIGHT,
            value=Decimal("1.23"),
            value_payable=Decimal("1.23"),
        )


def random_lines(random: random.Random, code: LineItemCode) -> tuple[tuple[Line, ...], tuple[int, ...]]:
    suggestion = suggest(code)
    releases = suggestion.releases if random.random() < 0.5 else ()
    if random.random() < 0.6:
        return suggestion.lines, suggestion.releases
    lots = list(InventoryLot.objects.filter(code=code, quantity_received__gt=0).order_by("pk"))
    lines = []
    for _ in range(random.randrange(1, 4)):
        quantity = Decimal(random.choice(("1", "5", "12.5", "-1", "-6")))
        into = random.choice(lots) if lots and quantity > 0 and random.random() < 0.4 else None
        lines.append(Line(quantity, Decimal(random.randrange(0, 900)) / 100, into_lot=into))
    return tuple(lines), releases


def rows_of_run(run: ReconciliationRun, preview: ResolutionPreview, resolved: Resolved) -> Counter[Any]:
    """The run's rows, with the records that the adjustment made named as the preview named them."""
    names = virtual_names(preview, resolved)
    return Counter(
        (
            names.get(("usage", row.usage_id), row.usage_id),
            names.get(("lot", row.lot_id), row.lot_id),
            int(row.quantity / QUANTITY_STEP),
            int(row.amount / MONEY_STEP),
        )
        for row in CogsAllocation.objects.filter(run=run).exclude(kind="TRUE_UP")
    )


def virtual_names(preview: ResolutionPreview, resolved: Resolved) -> dict[tuple[str, int], int]:
    if resolved.adjustment is None:
        return {}
    number = resolved.adjustment.number
    lots = iter(InventoryLot.objects.filter(source_number=number).order_by("pk").values_list("pk", flat=True))
    usages = iter(InventoryUsage.objects.filter(source_number=number).order_by("pk").values_list("pk", flat=True))
    names = {}
    for place, line in enumerate(preview.lines):
        if line.quantity < 0:
            names["usage", next(usages)] = FIRST_VIRTUAL + place
        elif line.into_lot is None:
            names["lot", next(lots)] = FIRST_VIRTUAL + place
    return names


def booked(after: int) -> dict[tuple[str, str], tuple[Decimal, Decimal]]:
    """The journal lines above a number: debits and credits by month and account."""
    sums: dict[tuple[str, str], tuple[Decimal, Decimal]] = {}
    for line in JournalLine.objects.filter(pk__gt=after).select_related("entry", "debit_account", "credit_account"):
        month = f"{line.entry.date:%Y-%m}"
        for account, debit, credit in (
            (line.debit_account.number, line.amount, Decimal(0)),
            (line.credit_account.number, Decimal(0), line.amount),
        ):
            before = sums.get((month, account), (Decimal(0), Decimal(0)))
            sums[month, account] = (before[0] + debit, before[1] + credit)
    return sums


def assert_preview_is_posting(seed: int) -> None:
    random_of_case = random.Random(seed)  # noqa: S311  (cases, no secrets)
    Preference.objects.update(
        cogs_method=random_of_case.choice(list(CogsMethod)), posting_date=random_of_case.choice(("EVENT", "RUN"))
    )
    code = make_code(f"CASE-{seed}", cost=random_of_case.choice(("0", "1.99", "74.99")))
    random_pool(random_of_case, code)
    lines, releases = random_lines(random_of_case, code)
    at = day(random_of_case.randrange(1, 60))
    post_what_waits()
    journal = JournalLine.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    office = make_office(random_of_case.choice(("", "AI")))
    preview = preview_resolution(
        code=code, lines=lines, adjusted_at=at, releases=releases, office=office, now=datetime_of_runs()
    )
    if preview.error:
        return
    resolved = resolve_post(
        code=code,
        lines=lines,
        adjusted_at=at,
        fingerprint=preview.fingerprint,
        by=None,
        at=datetime_of_runs(),
        releases=releases,
        office=office,
    )
    assert resolved.run is not None
    work(run_id=resolved.run.pk)
    result = RunPool.objects.get(run=resolved.run)
    assert result.passes == preview.passes
    assert rows_of_run(resolved.run, preview, resolved) == Counter(tuple(move) for move in preview.moves)
    rests = dict(OpenUsage.objects.filter(pool=preview.pool).values_list("usage", "quantity_unallocated"))
    left = {usage.usage: usage.after for usage in preview.usages if usage.after and usage.usage is not None}
    assert {pk: rest for pk, rest in rests.items() if pk in left} == left
    assert sum(rests.values()) == preview.unallocated
    assert len(rests) == len(preview.still_open)
    lots = InventoryLot.objects.filter(code=code).order_by("pk")
    after = Counter((lot.quantity_received, lot.quantity_used, lot.quantity_current, lot.value) for lot in lots)
    foretold = Counter((lot.received, lot.used, lot.current, lot.value) for lot in preview.lots)
    assert not foretold - after
    pool_after = CostPool.objects.get(pk=preview.pool.pk)
    held = pool_after.quantity_received - pool_after.quantity_used - pool_after.open_unallocated
    assert held == preview.on_hand
    assert result.amount == preview.amount
    money = {(f"{line.month:%Y-%m}", line.account.number): (line.debit, line.credit) for line in preview.money}
    assert booked(journal) == money


def post_what_waits() -> None:
    """Post what waits of lots recorded so far, so that what follows in the books is the adjustment's alone."""
    with connection.cursor() as cursor:
        post_cost_events(cursor, pools=list(CostPool.objects.values_list("pk", flat=True)), run_id=None)


def datetime_of_runs() -> datetime:
    """The runner takes the day of a run from the database's clock."""
    return timezone.now()


# Each block is 25 cases: one of them each time, all 200 with --full.
@pytest.mark.parametrize("block", [0, *(pytest.param(block, marks=pytest.mark.full) for block in range(1, 8))])
def test_preview_equals_posting_in_two_hundred_random_cases(block: int) -> None:
    for seed in range(block * 25, block * 25 + 25):
        try:
            assert_preview_is_posting(seed)
        except AssertionError as error:
            raise AssertionError(f"case {seed}: {error}") from error
    assert culprits() == {}
