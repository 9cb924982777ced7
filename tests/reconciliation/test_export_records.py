"""Files for other programs: the columns that scripts rely on, and figures as they are kept."""

import csv
import gzip
import lzma
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from io import StringIO
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command

from lots.purchasing_querysets import order_lines
from reconciliation.models import ReconciliationRun
from reconciliation.requests import request_run
from tests.factories import day, make_code, make_guide_list, make_lot, make_usage, reconcile
from tests.lots.purchasing_stories import bill, line_of, lot_of, order_of, receive, write_receipt
from tests.usage.adjustments import line, posted
from usage.vendor_returns import vendor_return_post

pytestmark = pytest.mark.django_db

COLUMNS = {
    "usage": "usage,code,office,used_at,quantity,transaction_id,order,reference,returns,cogs,unallocated,accrued_cogs,"
    "status",
    "allocations": "run,usage,lot,code,quantity,amount,kind",
    "lots": "lot,code,office,type,received_at,quantity_received,quantity_used,quantity_current,value,value_used,"
    "value_current,status",
    "items": "code,description,est_unit_cost,on_hand,unallocated,last_run_passes",
    "transactions": "number,code,office,at,source,on_order,demand,on_hand",
    "runs": "run,started,finished,state,by,pools,usages,allocations,passes,amount",
}


def exported(kind: str) -> list[dict[str, str]]:
    out = StringIO()
    call_command("export_records", kind, "--output", "-", stdout=out)
    return list(csv.DictReader(StringIO(out.getvalue())))


@pytest.mark.parametrize("kind", COLUMNS)
def test_the_columns_are_the_ones_that_scripts_rely_on(kind: str) -> None:
    out = StringIO()
    call_command("export_records", kind, "--output", "-", stdout=out)
    assert out.getvalue().splitlines() == [COLUMNS[kind]]


def test_usage_carries_the_figures_of_the_guides() -> None:
    make_guide_list()
    rows = {row["usage"]: row for row in exported("usage")}
    assert list(rows) == ["60000", "60002", "60009", "60003", "60030", "60031"]
    half = rows["60009"]
    assert (half["quantity"], half["unallocated"], half["accrued_cogs"]) == ("20.0000", "10.0000", "799.90")
    assert (half["cogs"], half["status"]) == ("1599.80", "OPEN")
    assert (half["transaction_id"], half["order"], half["reference"]) == ("SHIP-60021", "60029", "Order #60029")
    assert rows["60031"]["accrued_cogs"] == "-9373.75"
    assert sum(Decimal(row["accrued_cogs"]) for row in rows.values()) == Decimal("2988.90")


def test_a_closed_usage_carries_what_its_lots_charged() -> None:
    make_lot(received="3", value="10.00")
    sold = make_usage("WIRE", "2", number="U-1")
    make_usage("WIRE", "-1", original=sold, number="U-2", on_day=3)
    reconcile()
    first, second = exported("usage")
    assert (first["cogs"], first["unallocated"], first["accrued_cogs"], first["status"]) == (
        "6.67",
        "0.0000",
        "0.00",
        "CLOSED",
    )
    assert (second["returns"], second["quantity"], second["cogs"]) == ("U-1", "-1.0000", "-3.34")


def test_lots_items_and_allocations_tie_out() -> None:
    make_code("WIRE", cost="2.50", description="Wire, 16 gauge")
    make_lot(received="10", value="100.00", number="L-1", source="PO-1", office="AI")
    make_usage("WIRE", "4", number="U-1")
    run = reconcile()
    assert exported("lots") == [
        {
            "lot": "L-1", "code": "WIRE", "office": "AI", "type": "PURCHASE", "received_at": "2026-01-05 09:00:00",
            "quantity_received": "10.0000", "quantity_used": "4.0000", "quantity_current": "6.0000",
            "value": "100.00", "value_used": "40.00", "value_current": "60.00", "status": "OPEN",
        }
    ]  # fmt: skip
    assert exported("allocations") == [
        {
            "run": str(run.pk), "usage": "U-1", "lot": "L-1", "code": "WIRE", "quantity": "4.0000", "amount": "40.00",
            "kind": "DRAW",
        }
    ]  # fmt: skip
    assert exported("items") == [
        {
            "code": "WIRE", "description": "Wire, 16 gauge", "est_unit_cost": "2.500000", "on_hand": "6.0000",
            "unallocated": "0.0000", "last_run_passes": "1",
        }
    ]  # fmt: skip
    received, used = exported("transactions")
    assert (received["source"], received["on_hand"]) == ("PO-1", "10.0000")
    assert (used["office"], used["on_hand"], used["on_order"]) == ("", "-4.0000", "0.0000")


def test_runs_carry_their_totals_and_who_asked(person: Callable[[str], User]) -> None:
    make_lot(received="10", value="100.00")
    make_usage("WIRE", "4")
    reconcile()
    now = datetime(2026, 3, 2, tzinfo=UTC)
    request_run(trigger=ReconciliationRun.Trigger.BUTTON, now=now, requested_by=person("accountant"))
    done, asked = exported("runs")
    assert (done["state"], done["by"], done["pools"], done["usages"]) == ("FINISHED", "", "1", "1")
    assert (done["allocations"], done["passes"], done["amount"]) == ("1", "1", "40.00")
    assert (asked["state"], asked["by"], asked["finished"], asked["amount"]) == ("REQUESTED", "accountant", "", "0.00")


def test_figures_are_plain_however_large_or_small() -> None:
    make_code("WIRE", cost="0.000001")
    make_lot(received="999999999999.9999", value="9999999999999999.99")
    make_usage("WIRE", "-0.0001", number="U-1")
    (row,) = exported("usage")
    assert (row["quantity"], row["unallocated"], row["accrued_cogs"]) == ("-0.0001", "-0.0001", "0.00")
    (lot,) = exported("lots")
    assert (lot["quantity_received"], lot["value"]) == ("999999999999.9999", "9999999999999999.99")
    assert exported("items")[0]["est_unit_cost"] == "0.000001"


def test_text_comes_out_exactly_as_it_went_in() -> None:
    """Also where a spreadsheet would take it for a formula: the file is for programs, and is imported again."""
    nasty = '=1+1, "quoted"\nsecond line; ünïcode \u2028'
    make_usage("WIRE", "1", number="=U-1", reference=nasty, order="+49", at=datetime(2026, 1, 2, 3, 4, 5, 678900, UTC))
    (row,) = exported("usage")
    assert (row["usage"], row["reference"], row["order"]) == ("=U-1", nasty, "+49")
    assert row["used_at"] == "2026-01-02 03:04:05.678900"


def test_what_was_exported_can_be_imported_and_changes_nothing(tmp_path: Path) -> None:
    make_usage("WIRE", "1.5", number="U-1", office="AI", source="SHIP-1", order="7", reference="x")
    make_usage("WIRE", "-0.5", number="U-2")
    wanted = ["usage", "code", "office", "used_at", "quantity", "transaction_id", "order", "reference", "returns"]
    path = tmp_path / "usage.csv"
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, wanted, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(exported("usage"))
    out = StringIO()
    call_command("import_inventory", "--usage", str(path), stdout=out)
    assert "0 new, 2 already there" in out.getvalue()


@pytest.mark.parametrize(("name", "reader"), [("u.csv", open), ("u.csv.gz", gzip.open), ("u.csv.xz", lzma.open)])
def test_a_file_is_written_as_its_name_says(tmp_path: Path, name: str, reader: Callable[..., object]) -> None:
    make_usage("WIRE", "1", number="Ü-1")
    path = tmp_path / name
    call_command("export_records", "usage", "--output", str(path), stderr=StringIO())
    with reader(path, "rt", encoding="utf-8", newline="") as file:  # type: ignore[attr-defined]  # text files, all three
        assert [row["usage"] for row in csv.DictReader(file)] == ["Ü-1"]
    assert [found.name for found in tmp_path.iterdir()] == [name]


def test_a_file_that_cannot_be_written_ends_with_exit_code_2(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="Nothing was written") as refusal:
        call_command("export_records", "usage", "--output", str(tmp_path / "missing" / "u.csv"))
    assert refusal.value.returncode == 2


def test_purchase_orders_count_as_their_pages_do() -> None:
    order = order_of(("WIRE", "10", "10"))
    receive(order, "10")
    bill((line_of(order), "10", "100"), freight="5")
    vendor_return_post(receipt=write_receipt(order, "2", kind="OUTGOING_RETURN"), by=None, at=day(4))
    bill((line_of(order), "-2", "-20"), on_day=5)
    posted("BEGINNING_BALANCE", line("WIRE", "6", unit_cost="3", into_lot=lot_of(order)))
    reconcile()
    (row,) = exported("purchase_orders")
    shown = order_lines().with_figures().get(purchase_order=order)
    assert (row["received"], row["purchased"], row["value_purchased"], row["accrued"]) == (
        "8.0000", "8.0000", "85.00", f"{shown.value_accrued:.2f}",
    )  # fmt: skip
    assert (Decimal(row["received"]), Decimal(row["purchased"])) == (shown.kept, shown.purchased)
    assert Decimal(row["value"]) == lot_of(order).value - 18
