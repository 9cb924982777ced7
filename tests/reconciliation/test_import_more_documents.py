"""Files of documents that say again what is there, or other things; lines of one code; returns; figures too large."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import pytest
from django.core.management import CommandError
from django.utils import timezone

from lots.invoicing import purchase_save
from lots.models import LineItemCode, Purchase, PurchaseOrder, PurchaseOrderLine, Receipt
from lots.purchasing import purchase_order_void
from tests.factories import make_code, make_lot
from tests.lots.purchasing_stories import balances, footprint
from tests.reconciliation.records import culprits, run_now
from tests.reconciliation.test_import_documents import FILES, counts, load
from usage.models import Job, OrderLine, ShipmentLine

__all__ = ["load"]

pytestmark = pytest.mark.usefixtures("db")
Load = Callable[..., str]

BACK = """shipment,kind,replacement,purchase_order,date,code,quantity
SHIP-7001,,,PO-7001,2026-03-09 10:00,OAK,40
SHIP-7005,OUTGOING_RETURN,YES,PO-7001,2026-03-10,OAK,6
"""
TWO_LINES = """purchase_order,vendor,date,code,quantity,unit_cost
PO-7001,North Mill,2026-03-02,OAK,5,2
PO-7001,North Mill,2026-03-02,OAK,7,3
"""


def refused(load: Load, *flags: str, **files: str) -> str:
    """What the command says when it records nothing."""
    before = counts(), footprint()
    with pytest.raises(CommandError, match="nothing was imported") as refusal:
        load(*flags, **files)
    assert (counts(), footprint()) == before
    return str(refusal.value)


# -- The same numbers again ----------------------------------------------------------------------------
@pytest.mark.parametrize("flags", [(), ("--check",)])
@pytest.mark.parametrize(
    ("kind", "old", "new", "said"),
    [
        ("purchase_orders", "North Mill", "South Mill", "another vendor"),
        ("purchase_orders", "GLUE,10,4", "GLUE,10,5", "other lines: another unit cost"),
        ("purchase_orders", "2026-03-02", "2026-03-03", "another date"),
        ("purchase_orders", "PO-7001,North Mill,AI,2026-03-02,,GLUE,10,4\n", "", "other lines"),
        ("receipts", "2026-03-09 10:00", "2026-03-09 11:00", "another date"),
        ("receipts", "OAK,40", "OAK,41", "other lines: another quantity"),
        ("purchases", "OAK,40,100.00", "OAK,40,175.00", "other lines: another value"),
        ("purchases", "INV-88", "INV-89", "another invoice"),
        ("purchases", "6.00,QUANTITY", "7.00,QUANTITY", "another freight"),
        ("purchases", "QUANTITY", "VALUE", "another freight by"),
        ("orders", "Lincoln", "Jefferson", "another customer"),
        ("orders", "AI", "BO", "another office"),
        ("orders", "OAK,8,", "OAK,8,SPECIAL_ORDER", "other lines: another supply"),
        ("shipments", "SHIP-7002,,AI", "SHIP-7002,,BO", "another office"),
        ("shipments", "2026-03-11 15:00", "2026-03-11 15:01", "another date"),
        ("jobs", "TABLE,5", "TABLE,6", "another quantity"),
        ("jobs", "GLUE,5", "GLUE,6", "other lines: another component quantity"),
        ("adjustments", "4.10", "4.20", "other lines: another unit cost"),
        ("adjustments", "LOSS,2026-03-31", "LOSS,2026-03-30", "another date"),
        ("adjustments", "BEGINNING_BALANCE", "LOSS", "another type"),
    ],
)  # fmt: skip
def test_a_file_that_says_something_else_of_a_document_is_a_fault(
    load: Load, kind: str, old: str, new: str, said: str, flags: tuple[str, ...]
) -> None:
    assert old in FILES[kind]
    load(**FILES)
    assert f"is recorded already, with {said}." in refused(load, *flags, **{kind: FILES[kind].replace(old, new)})


def test_the_same_in_other_words_is_the_same(load: Load) -> None:
    load(**FILES)
    before = counts()
    words = {
        "purchase_orders": FILES["purchase_orders"].replace("2026-03-02", "2026-03-02T00:00:00Z"),
        "purchases": FILES["purchases"].replace("6.00,QUANTITY", "6,quantity").replace("100.00", "1e2"),
        "orders": FILES["orders"].replace("OAK,8,", "OAK,8.0,STOCK"),
        "shipments": FILES["shipments"].replace("SHIP-7002,,", "SHIP-7002,OUTGOING,"),
        # A column that is left out says nothing.
        "receipts": "shipment,purchase_order,date,code,quantity,manufacturer_lot\n"
        "SHIP-7001,PO-7001,2026-03-09T12:00:00+02:00,GLUE,10,\nSHIP-7001,PO-7001,2026-03-09 10:00,OAK,40,\n",
    }
    load(**words)
    assert counts() == before


def test_a_count_and_a_transfer_are_there_already_as_they_were_written(load: Load) -> None:
    make_lot("OAK", received="9", office="AI")
    text = """adjustment,type,date,office,to_office,code,quantity,count
ADJ-2,TRANSFER,2026-03-29,AI,BO,OAK,3,
ADJ-1,COUNT,2026-03-30,AI,BO,OAK,,0
"""
    assert "2 new" in load(adjustments=text)
    assert "2 already there" in load(adjustments=text)
    assert "another count" in refused(load, adjustments=text.replace(",,0", ",,1"))
    assert "another to office" in refused(
        load, adjustments=text.replace("TRANSFER,2026-03-29,AI,BO", "TRANSFER,2026-03-29,AI,NY")
    )


# -- Several lines of one code -------------------------------------------------------------------------
def received() -> list[tuple[int, Decimal]]:
    lines = PurchaseOrderLine.objects.filter(purchase_order__number="PO-7001").select_related("lot")
    return [(line.position, line.lot.quantity_received) for line in lines if line.lot is not None]


def test_lines_of_one_code_are_received_and_billed_in_their_order(load: Load) -> None:
    receipts = "shipment,purchase_order,date,code,quantity\n" + "".join(
        f"SHIP-{number},PO-7001,2026-03-0{number},OAK,4\n" for number in (4, 5, 6)
    )
    purchases = """purchase,vendor,date,purchase_order,code,quantity,value
PUR-7001,North Mill,2026-03-12,PO-7001,OAK,12,29.99
"""
    load(purchase_orders=TWO_LINES, receipts=receipts, purchases=purchases)
    assert received() == [(1, 5), (2, 7)]
    parts = Purchase.objects.get().lines.order_by("position").values_list("quantity", "value")
    assert list(parts) == [(5, Decimal("12.50")), (7, Decimal("17.49"))]
    assert "3 already there" in load(receipts=receipts)
    assert "1 already there" in load(purchases=purchases)
    assert "other lines: another quantity" in refused(load, receipts=receipts.replace("06,OAK,4", "06,OAK,3"))
    run_now()
    assert culprits() == {}


def test_a_row_may_choose_its_line(load: Load) -> None:
    receipts = """shipment,purchase_order,line,date,code,quantity
SHIP-7001,PO-7001,2,2026-03-09,OAK,4
SHIP-7001,PO-7001,,2026-03-09,OAK,6
"""
    load(purchase_orders=TWO_LINES, receipts=receipts)
    assert received() == [(1, 5), (2, 5)]
    chosen = receipts.replace("PO-7001,,", "PO-7001,1,").replace("OAK,6", "OAK,2").replace("SHIP-7001", "SHIP-7002")
    said = refused(load, receipts=chosen)
    assert "OAK: 9 received of 7 ordered" in said
    assert "OAK: 7 received of 5 ordered" in said
    chosen = chosen.replace("PO-7001,1,", "PO-7001,3,")
    assert 'row 3: Line 3 of purchase order "PO-7001" is not of OAK' in refused(load, receipts=chosen)


def test_more_than_all_lines_have_room_for_is_refused(load: Load) -> None:
    receipts = "shipment,purchase_order,date,code,quantity\nSHIP-7001,PO-7001,2026-03-09,OAK,13\n"
    assert "8 received of 7 ordered" in refused(load, purchase_orders=TWO_LINES, receipts=receipts)


def test_serial_numbers_go_along_with_the_lines_they_are_received_on(load: Load) -> None:
    LineItemCode.objects.filter(code="OAK").update(is_serialized=True)
    receipts = "shipment,purchase_order,date,code,quantity,serials\nSHIP-7001,PO-7001,2026-03-09,OAK,6,A;B;C;D;E;F\n"
    load(purchase_orders=TWO_LINES, receipts=receipts)
    serials = Receipt.objects.get().lines.order_by("position").values_list("serials", flat=True)
    assert [text.split() for text in serials] == [["A", "B", "C", "D", "E"], ["F"]]
    assert "1 already there" in load(receipts=receipts.replace("A;B", "B;A"))
    assert "another serials" in refused(load, receipts=receipts.replace("F\n", "G\n"))


def test_lines_of_one_code_are_shipped_and_taken_back_in_their_order(load: Load) -> None:
    make_lot("OAK", received="20", office="AI")
    orders = (
        "order,customer,office,date,code,quantity\n7001,Lincoln,AI,2026-03-10,OAK,5\n7001,Lincoln,AI,2026-03-10,OAK,7\n"
    )
    shipments = """shipment,kind,office,date,order,code,quantity
SHIP-7002,,AI,2026-03-11,7001,OAK,9
SHIP-7003,INCOMING_RETURN,AI,2026-03-14,7001,OAK,6
"""
    load(orders=orders, shipments=shipments)
    lines = OrderLine.objects.order_by("position").values_list("quantity_shipped", "quantity_returned")
    assert list(lines) == [(5, 5), (4, 1)]
    assert "2 already there" in load(shipments=shipments)
    assert ShipmentLine.objects.count() == 4


# -- Returns to the vendor, jobs for orders and for jobs -----------------------------------------------
def test_a_return_to_the_vendor_is_imported(load: Load) -> None:
    load(purchase_orders=FILES["purchase_orders"], receipts=BACK)
    back = Receipt.objects.get(number="SHIP-7005")
    assert (back.kind, back.status, back.is_replacement_expected) == ("OUTGOING_RETURN", "POSTED", True)
    assert balances("OAK") == (66, 34)
    assert "2 already there" in load(receipts=BACK)
    assert "another replacement" in refused(load, receipts=BACK.replace("YES", "NO"))
    run_now()
    assert culprits() == {}


def test_more_than_came_cannot_go_back(load: Load) -> None:
    said = refused(load, purchase_orders=FILES["purchase_orders"], receipts=BACK.replace("OAK,6", "OAK,41"))
    assert "row 3: 41 of OAK cannot go back" in said


def test_jobs_name_the_order_they_are_made_for_and_the_job_they_are_a_part_of(load: Load) -> None:
    make_code("LEG")
    orders = FILES["orders"].replace("OAK,8", "TABLE,5")
    jobs = """job,product,quantity,date,order,parent,component,component_quantity
JOB7001,TABLE,5,2026-03-15,7001,,LEG,20
JOB7001.1,LEG,20,2026-03-15,,JOB7001,OAK,5
"""
    load(orders=orders, jobs=jobs)
    job, part = Job.objects.order_by("number")
    assert job.order_line == OrderLine.objects.get()
    assert (part.number, part.parent) == ("JOB7001.1", job)
    assert "2 already there" in load(jobs=jobs)
    assert "another order" in refused(load, jobs=jobs.replace("7001,,LEG", ",,LEG"))
    assert 'There is no job "JOB9"' in refused(
        load, jobs=jobs.replace("JOB7001.1", "JOB8").replace(",JOB7001,OAK", ",JOB9,OAK")
    )


# -- What cannot be ------------------------------------------------------------------------------------
def test_a_purchase_order_worth_more_than_can_be_recorded_is_found_with_its_row(load: Load) -> None:
    text = FILES["purchase_orders"].replace("GLUE,10,4", "GLUE,999999999999,999999999999")
    assert "row 3: So many at that cost are worth more than can be recorded" in refused(load, purchase_orders=text)


def test_sums_that_cannot_be_recorded_are_found_with_the_row_of_their_document(load: Load) -> None:
    bills = "".join(f"PUR-{number},Mill,2026-03-12,PO-7001,GLUE,1,9999999999999999\n" for number in (1, 2))
    files = {name: FILES[name] for name in ("purchase_orders", "receipts")}
    files["purchases"] = f"purchase,vendor,date,purchase_order,code,quantity,value\n{bills}"
    assert 'purchases.csv, row 3: The figures of "PUR-2"' in refused(load, **files)
    balance = "adjustment,type,date,code,quantity,unit_cost\n" + "".join(
        f"ADJ-{number},BEGINNING_BALANCE,2026-03-31,OAK,600000000000,0.01\n" for number in (1, 2)
    )
    assert "adjustments.csv, row 3: All lots of OAK together" in refused(load, adjustments=balance)


@pytest.mark.parametrize("kind", list(FILES))
def test_nothing_is_imported_that_has_not_happened(load: Load, kind: str) -> None:
    when = {"receipts": "2026-03-09 10:00", "purchases": "2026-03-12", "orders": "2026-03-10", "jobs": "2026-03-15"}
    day = when.get(kind, {"purchase_orders": "2026-03-02", "shipments": "2026-03-14 15:00"}.get(kind, "2026-03-31"))
    assert day in FILES[kind]
    said = refused(load, **{**FILES, kind: FILES[kind].replace(day, "2190-01-01")})
    assert f"{kind}.csv, row " in said
    assert "2190-01-01 00:00 lies in the future" in said


def test_a_day_ahead_is_imported(load: Load) -> None:
    soon = (timezone.now() + timedelta(hours=20)).isoformat()
    load(orders=FILES["orders"].replace("2026-03-10", soon))
    assert OrderLine.objects.count() == 1


# -- Numbers -------------------------------------------------------------------------------------------
def test_the_rest_of_an_order_cannot_bear_the_number_of_imported_lots(load: Load) -> None:
    make_lot("OAK", source="PO-7001")
    said = refused(load, purchase_orders=FILES["purchase_orders"])
    assert 'purchase_orders.csv, row 2: The number "PO-7001" is taken' in said
    load(purchase_orders=FILES["purchase_orders"].replace("PO-7001", "PO-7001-R"))
    purchase_order_void(purchase_order=PurchaseOrder.objects.get(), by=None, at=timezone.now())
    run_now()
    assert (balances("OAK"), culprits()) == ((0, 10), {})


def test_a_receipt_and_a_shipment_cannot_share_a_number(load: Load) -> None:
    files = {**FILES, "shipments": FILES["shipments"].replace("SHIP-7002", "SHIP-7001")}
    assert 'shipments.csv, row 2: The number "SHIP-7001" is taken' in refused(load, **files)


def test_invoices_go_on_behind_one_that_was_imported_under_the_next_number(load: Load) -> None:
    files = {name: FILES[name] for name in ("purchase_orders", "receipts")}
    load(**files, purchases=FILES["purchases"].replace("PUR-7001", "PUR-60000"))
    line = PurchaseOrderLine.objects.get(code__code="OAK")
    made = [
        purchase_save(
            purchase=None, vendor="Mill", invoice_number="", invoiced_at=timezone.now(), freight=Decimal(0),
            freight_by="VALUE", lines=[{"purchase_order_line": line, "quantity": Decimal(1), "value": Decimal(1)}],
            by=None, at=timezone.now(),
        ).number
        for _ in range(2)
    ]  # fmt: skip
    assert made == ["PUR-60001", "PUR-60002"]
