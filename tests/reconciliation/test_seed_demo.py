"""The demo data shows the guides' own figures, and only those stay open; besides, it has a year of documents."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.core.management import call_command
from django.db import models
from django.db.models import Count, F, Sum

from lots.models import (
    CostPool,
    FiscalPeriod,
    InventoryLot,
    InventoryTransaction,
    Preference,
    Purchase,
    PurchaseOrder,
    Receipt,
    RecordHistory,
)
from reconciliation.demo.catalog import ARTICLES
from reconciliation.demo.clerk import Clerk
from reconciliation.demo.documents import Stage, moment
from reconciliation.models import CogsAllocation, JournalEntry, ReconciliationRun
from reconciliation.valuation import valuation
from reconciliation.verify import verify_ledger
from usage.adjusting import needs_approval
from usage.models import InventoryAdjustment, InventoryUsage, Job, OpenUsage, Order, OrderLine, Shipment
from usage.services import usage_record

pytestmark = [pytest.mark.usefixtures("demo_db"), pytest.mark.django_db]

GUIDE_ROWS = {
    "60000": ("16G-W", "1990.00", "1000", "1990.00"),
    "60002": ("16G-W", "199.00", "100", "199.00"),
    "60009": ("TB-LIT102", "1599.80", "10", "799.90"),
    "60003": ("TM-FRNCH3", "3749.50", "50", "3749.50"),
    "60030": ("TM-FRNCH3", "5624.25", "75", "5624.25"),
    "60031": ("TM-FRNCH3", "-9373.75", "-125", "-9373.75"),
}


def test_only_the_guides_rows_stay_open_figure_for_figure() -> None:
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


def test_list_totals_are_those_of_the_guide() -> None:
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


def test_the_lot_of_ten_shows_fifty_out_and_fifty_back() -> None:
    lot = InventoryLot.objects.get(number="40002")
    loop = CogsAllocation.objects.filter(lot=lot).select_related("run").latest("pk").run
    entries = CogsAllocation.objects.filter(lot=lot, run=loop).order_by("pk")
    assert [(entry.kind, entry.quantity) for entry in entries] == [("DRAW", 50), ("GIVE_BACK", -50)]
    assert (loop.passes, lot.quantity_used, lot.status) == (6, 10, InventoryLot.Status.CLOSED)


def test_loading_twice_changes_nothing_and_the_ledger_is_clean() -> None:
    kinds: tuple[type[models.Model], ...] = (
        InventoryUsage, CogsAllocation, ReconciliationRun, PurchaseOrder, Order, Job, JournalEntry, RecordHistory,
    )  # fmt: skip
    before = [kind._default_manager.count() for kind in kinds]
    call_command("seed_demo", verbosity=0)
    assert [kind._default_manager.count() for kind in kinds] == before
    assert [result for result in verify_ledger() if not result.is_ok] == []


def test_the_company_looks_like_a_year_of_a_real_one() -> None:
    assert CostPool.objects.count() >= 180
    assert InventoryUsage.objects.filter(quantity__lt=0, original__isnull=False).count() > 50
    assert InventoryUsage.objects.filter(source_kind="INVTRYADJ", office__isnull=True).count() > 20


def test_our_own_numbers_begin_after_the_imported_ones() -> None:
    code = InventoryUsage.objects.earliest("pk").code
    highest = max(int(number) for number in InventoryUsage.objects.values_list("number", flat=True))
    usage = usage_record(code=code, quantity=Decimal(1), used_at=datetime(2022, 8, 1, tzinfo=UTC))
    assert usage.number == str(highest + 1)


# -- The year of documents -----------------------------------------------------------------------------
def statuses(model: type[models.Model]) -> dict[str, int]:
    """How many of these documents there are of each status."""
    rows = model._default_manager.order_by().values("status").annotate(count=Count("pk"))
    return {row["status"]: row["count"] for row in rows}


def test_documents_of_every_kind_stand_in_every_state() -> None:
    assert statuses(PurchaseOrder) == {"CLOSED": 27, "OPEN": 4, "PENDING": 1}
    assert statuses(Receipt) == {"POSTED": 36, "PENDING": 1, "VOID": 1}
    assert statuses(Purchase) == {"POSTED": 29}
    assert statuses(Order) == {"CLOSED": 62, "OPEN": 3, "PENDING": 1}
    assert statuses(Shipment) == {"POSTED": 78, "PENDING": 2, "VOID": 1}
    assert statuses(Job) == {"CLOSED": 12, "OPEN": 1}
    assert statuses(InventoryAdjustment) == {"POSTED": 8, "PENDING": 1}


def test_goods_are_bought_in_all_the_ways_there_are() -> None:
    assert PurchaseOrder.objects.annotate(count=Count("receipts")).filter(count__gte=2, status="CLOSED").exists()
    carriers = Purchase.objects.exclude(lines__purchase_order_line__purchase_order__vendor=F("vendor"))
    assert [purchase.vendor for purchase in carriers.distinct()] == ["Great Lakes Freight"]
    given_up = PurchaseOrder.objects.get(reference="Long hinges").lines.select_related("lot").get()
    assert given_up.lot is not None
    assert (given_up.quantity, given_up.lot.quantity_received, given_up.lot.is_cost_final) == (100, 60, True)
    back = Receipt.objects.filter(kind=Receipt.Kind.OUTGOING_RETURN, status="POSTED").order_by("pk")
    assert [line.lot.quantity_credited for one in back for line in one.purchase_order.lines.all() if line.lot] == [5, 0]


def test_orders_are_served_in_all_the_ways_there_are() -> None:
    served = Shipment.objects.annotate(orders=Count("lines__order_line__order", distinct=True))
    assert served.filter(orders=2, status="POSTED").count() == 1
    special = OrderLine.objects.filter(supply=OrderLine.Supply.SPECIAL_ORDER, lot__parent_order=F("order__number"))
    assert [line.quantity_shipped for line in special.order_by("pk")] == [6, 10]
    assert OrderLine.objects.get(supply=OrderLine.Supply.DROP_SHIP).quantity_shipped == 24
    returns = Shipment.objects.filter(kind=Shipment.Kind.INCOMING_RETURN).order_by("pk")
    assert [shipment.status for shipment in returns] == ["POSTED", "PENDING"]


def test_desks_are_made_of_parts_and_sets_of_desks() -> None:
    assert set(Job.objects.filter(parent=None).values_list("code__code", flat=True)) == {"DESK", "DESKSET"}
    assert set(Job.objects.exclude(parent=None).values_list("code__code", flat=True)) == {"DESK"}
    under_way = Job.objects.get(status="OPEN")
    assert (under_way.quantity, under_way.quantity_produced) == (10, 4)
    assert [component.quantity_consumed for component in under_way.components.order_by("position")] == [16, 2, 8, 8]


def test_an_adjustment_of_each_type_is_there_and_one_waits_for_approval() -> None:
    posted = InventoryAdjustment.objects.filter(status="POSTED")
    assert set(posted.values_list("adjustment_type", flat=True)) == set(InventoryAdjustment.Type.values)
    assert needs_approval(InventoryAdjustment.objects.get(status="PENDING"))
    # What the guides' open usage asks for is not held up by it.
    widest = max(
        abs(usage.quantity) * usage.code.est_unit_cost
        for usage in InventoryUsage.objects.filter(open_usage__isnull=False).select_related("code")
    )
    limit = Preference.current().approve_above
    assert limit is not None
    assert widest <= limit


def test_no_office_ever_ships_what_it_does_not_have() -> None:
    there: dict[tuple[str, int | None], Decimal] = {}
    below = []
    moved = InventoryTransaction.objects.filter(code__code__in=[article.code for article in ARTICLES])
    for movement in moved.select_related("code").order_by("at", "pk"):
        place = (movement.code.code, movement.office_id)
        there[place] = there.get(place, Decimal(0)) + movement.on_hand
        if there[place] < 0:
            below.append((movement.code.code, movement.at, movement.source_number))
    assert len(there) > len(ARTICLES)
    assert below == []


def test_late_bills_true_up_what_was_sold_even_of_the_closed_year() -> None:
    late = CogsAllocation.objects.filter(kind=CogsAllocation.Kind.TRUE_UP)
    assert set(late.values_list("lot__code__code", flat=True)) >= {"OAK", "DESK", "LAMP"}
    of_the_closed_year = late.filter(dated__gte=date(2022, 7, 1), usage__used_at__lt=datetime(2022, 7, 1, tzinfo=UTC))
    # Ten lamps at 31.50, billed at 112 % and with 64.00 of freight.
    assert of_the_closed_year.get(usage__order__gt="", lot__code__code="LAMP").amount == Decimal("101.80")
    assert InventoryLot.objects.filter(quantity_received__gt=0, is_cost_final=False).exists()


def test_the_fiscal_year_is_closed_and_lots_are_worth_what_the_books_say() -> None:
    closed = FiscalPeriod.objects.filter(is_closed=True).values_list("starts_on", flat=True)
    assert (len(closed), min(closed), max(closed)) == (12, date(2021, 7, 1), date(2022, 6, 1))
    for as_of in (date(2022, 6, 30), date(2022, 7, 31)):
        assert valuation(as_of=as_of).differing == 0


def test_a_stage_that_breaks_off_leaves_nothing_and_is_told_again() -> None:
    def tell(clerk: Clerk) -> None:
        clerk.buy(moment(7, 18), "Hudson Timber Co.", [("OAK", 10, "20.00")], reference="Late summer")
        if is_killed:
            raise KeyboardInterrupt

    stage, is_killed = Stage("Late summer", moment(7, 20), tell), True
    with pytest.raises(KeyboardInterrupt):
        stage.make()
    assert not stage.is_there()
    is_killed = False
    stage.make()
    assert stage.is_there()
