"""Preview equals posting: random pools and what is made of them are previewed and run; what came is what was shown."""

import random
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
from django.db.models import Sum
from django.utils import timezone

from inventory_site.fields import MONEY_STEP, QUANTITY_STEP
from lots.models import CogsMethod, CostPool, FiscalPeriod, InventoryLot, LineItemCode, LotCostEvent, Preference
from lots.services import lot_change
from reconciliation.models import CogsAllocation, JournalLine, ReconciliationRun, RunPool
from reconciliation.preview import Preview, preview_run
from reconciliation.recosting import recost_waiting
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
from tests.reconciliation.production_cases import random_products
from tests.reconciliation.records import culprits
from usage.models import InventoryUsage, LotRecost, OpenUsage

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
        for row in CogsAllocation.objects.filter(run=run, lot__pool=preview.pool).exclude(kind="TRUE_UP")
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
    code = random_case(random_of_case, seed)
    lines, releases = random_lines(random_of_case, code)
    at = day(random_of_case.randrange(1, 60))
    journal = last_line()
    office = make_office(random_of_case.choice(("", "AI")))
    asked: dict[str, Any] = {"code": code, "lines": lines, "adjusted_at": at, "releases": releases, "office": office}
    preview = preview_resolution(**asked, now=datetime_of_runs())
    if preview.error:
        return
    values = values_of_lots()
    resolved = resolve_post(**asked, fingerprint=preview.fingerprint, by=None, at=datetime_of_runs())
    assert resolved.run is not None
    work(run_id=resolved.run.pk)
    result = RunPool.objects.get(run=resolved.run, pool=preview.pool)
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
    if not preview.following.is_unsettled:
        assert not foretold - after
    pool_after = CostPool.objects.get(pk=preview.pool.pk)
    held = pool_after.quantity_received - pool_after.quantity_used - pool_after.open_unallocated
    assert held == preview.on_hand
    assert result.amount == preview.amount
    others = RunPool.objects.filter(run=resolved.run).exclude(pool=preview.pool)
    assert sum(others.values_list("amount", flat=True)) == preview.amount_following
    assert_lots_and_books_follow(preview, values, journal)


def assert_dry_run_is_run(seed: int) -> None:
    random_of_case = random.Random(seed)  # noqa: S311  (cases, no secrets)
    random_case(random_of_case, seed)
    random_case(random_of_case, -seed)
    journal, values = last_line(), values_of_lots()
    preview = preview_run(now=datetime_of_runs())
    run = reconcile(now=datetime_of_runs())
    rows = RunPool.objects.filter(run=run)
    assert (preview.pools, preview.usages, preview.allocations, preview.passes) == (
        run.pools, rows.aggregate(count=Sum("usages", default=0))["count"], run.allocations, run.passes,
    )  # fmt: skip
    assert (preview.drawn * QUANTITY_STEP, preview.given_back * QUANTITY_STEP) == (run.drawn, run.given_back)
    assert preview.amount * MONEY_STEP == run.amount
    assert {line["pool"]: (line["amount"] * MONEY_STEP, line["open_usages"]) for line in preview.lines} == {
        row.pool_id: (row.amount, row.open_usages) for row in rows
    }
    assert_lots_and_books_follow(preview, values, journal)


def assert_lots_and_books_follow(
    preview: ResolutionPreview | Preview, values: dict[int, Decimal], journal: int
) -> None:
    foretold = {costed.lot.pk: (costed.lot.value, costed.value) for costed in preview.following.lots}
    fed = InventoryLot.objects.filter(is_fed=True, pk__in=values)
    changed = {lot.pk: (values[lot.pk], lot.value) for lot in fed if lot.value != values[lot.pk]}
    assert foretold == changed
    money = {(f"{line.month:%Y-%m}", line.account.number): (line.debit, line.credit) for line in preview.money}
    assert booked(journal) == money
    assert preview.following.given_up == ()


def random_case(random: random.Random, seed: int) -> LineItemCode:
    settle_what_others_left()
    Preference.objects.update(
        cogs_method=random.choice(list(CogsMethod)),
        posting_date=random.choice(("EVENT", "RUN")),
        accrue_cogs=random.random() < 0.5,
    )
    code = make_code(f"CASE-{seed}", cost=random.choice(("0", "1.99", "74.99")))
    random_pool(random, code)
    random_products(random, code.code)
    if random.random() < 0.3:
        # Cost of what is used already: true-ups, level by level.
        late = random.choice([None, *InventoryLot.objects.filter(code=code, is_fed=False, quantity_received__gt=0)])
        if late is not None:
            lot_change(lot=late, at=day(59), kind=LotCostEvent.Kind.FREIGHT, value=Decimal("7.77"))
    if random.random() < 0.5:
        recost_waiting()
    FiscalPeriod.objects.update_or_create(
        starts_on=day(1).date().replace(day=1), defaults={"is_closed": random.random() < 0.2}
    )
    return code


def settle_what_others_left() -> None:
    """So that a case is alone: rings that go on for ever are given up."""
    while CostPool.objects.filter(has_work=True, is_set_aside=False).exists() or LotRecost.objects.exists():
        recost_waiting()
        reconcile()
    CostPool.objects.filter(is_set_aside=True).update(is_set_aside=False, has_work=False)


def values_of_lots() -> dict[int, Decimal]:
    return dict(InventoryLot.objects.values_list("pk", "value"))


def last_line() -> int:
    return JournalLine.objects.order_by("-pk").values_list("pk", flat=True).first() or 0


def datetime_of_runs() -> datetime:
    """The runner takes the day of a run from the database's clock."""
    return timezone.now()


# Each block is 25 cases: one of them each time, all 200 with --full.
BLOCKS = pytest.mark.parametrize("block", [0, *(pytest.param(block, marks=pytest.mark.full) for block in range(1, 8))])


@BLOCKS
def test_preview_equals_posting_in_two_hundred_random_cases(block: int) -> None:
    assert_cases(block, assert_preview_is_posting)


@BLOCKS
def test_a_dry_run_equals_the_run_in_two_hundred_random_cases(block: int) -> None:
    assert_cases(block, assert_dry_run_is_run)


def assert_cases(block: int, assert_case: Callable[[int], None]) -> None:
    for seed in range(block * 25 + 1, block * 25 + 26):
        try:
            assert_case(seed)
        except AssertionError as error:
            raise AssertionError(f"case {seed}: {error}") from error
    settle_what_others_left()
    assert culprits() == {}
