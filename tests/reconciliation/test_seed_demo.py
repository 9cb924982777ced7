"""The demo data shows the guides' own figures, and only those stay open."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.core.management import call_command
from django.db.models import F, Sum

from lots.models import CostPool, InventoryLot
from reconciliation.models import CogsAllocation, ReconciliationRun
from reconciliation.verify import verify_ledger
from usage.models import InventoryUsage, OpenUsage
from usage.services import usage_record

pytestmark = pytest.mark.django_db

GUIDE_ROWS = {
    "60000": ("16G-W", "1990.00", "1000", "1990.00"),
    "60002": ("16G-W", "199.00", "100", "199.00"),
    "60009": ("TB-LIT102", "1599.80", "10", "799.90"),
    "60003": ("TM-FRNCH3", "3749.50", "50", "3749.50"),
    "60030": ("TM-FRNCH3", "5624.25", "75", "5624.25"),
    "60031": ("TM-FRNCH3", "-9373.75", "-125", "-9373.75"),
}


@pytest.fixture
def demo(db: None) -> None:
    call_command("seed_demo", verbosity=0)


def test_only_the_guides_rows_stay_open_figure_for_figure(demo: None) -> None:
    rows = {}
    for row in OpenUsage.objects.select_related("usage__code"):
        accrued = round(row.quantity_unallocated * row.usage.code.est_unit_cost, 2)
        cogs = row.amount_allocated + accrued
        rows[row.usage.number] = (
            row.usage.code.code,
            f"{cogs:.2f}",
            f"{row.quantity_unallocated:.0f}",
            f"{accrued:.2f}",
        )
    assert rows == GUIDE_ROWS


def test_list_totals_are_those_of_the_guide(demo: None) -> None:
    totals = CostPool.objects.aggregate(
        quantity=Sum("open_quantity"),
        cogs=Sum(F("open_amount_allocated") + F("open_accrued_cogs")),
        unallocated=Sum("open_unallocated"),
        accrued=Sum("open_accrued_cogs"),
    )
    assert totals == {
        "quantity": Decimal(1120),
        "cogs": Decimal("3788.80"),
        "unallocated": Decimal(1110),
        "accrued": Decimal("2988.90"),
    }


def test_the_lot_of_ten_shows_fifty_out_and_fifty_back(demo: None) -> None:
    lot = InventoryLot.objects.get(number="40002")
    loop = ReconciliationRun.objects.filter(passes=6).latest("pk")
    entries = CogsAllocation.objects.filter(lot=lot, run=loop).order_by("pk")
    assert [(entry.kind, entry.quantity) for entry in entries] == [("DRAW", 50), ("GIVE_BACK", -50)]
    assert (lot.quantity_used, lot.status) == (10, InventoryLot.Status.CLOSED)


def test_loading_twice_changes_nothing_and_the_ledger_is_clean(demo: None) -> None:
    before = (InventoryUsage.objects.count(), CogsAllocation.objects.count(), ReconciliationRun.objects.count())
    call_command("seed_demo", verbosity=0)
    assert (
        InventoryUsage.objects.count(),
        CogsAllocation.objects.count(),
        ReconciliationRun.objects.count(),
    ) == before
    assert [result for result in verify_ledger() if not result.is_ok] == []


def test_the_company_looks_like_a_year_of_a_real_one(demo: None) -> None:
    assert CostPool.objects.count() >= 180
    assert InventoryUsage.objects.filter(quantity__lt=0, original__isnull=False).count() > 50
    assert InventoryUsage.objects.filter(source_kind="INVTRYADJ", office__isnull=True).count() > 20


def test_our_own_numbers_begin_after_the_imported_ones(demo: None) -> None:
    code = InventoryUsage.objects.earliest("pk").code
    highest = max(int(number) for number in InventoryUsage.objects.values_list("number", flat=True))
    usage = usage_record(code=code, quantity=Decimal(1), used_at=datetime(2022, 8, 1, tzinfo=UTC))
    assert usage.number == str(highest + 1)
