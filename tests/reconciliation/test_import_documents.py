"""Files of documents: recorded whole through the real verbs, or not at all; twice is once."""

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from lots.models import CostPool, InventoryTransaction, LineItemCode, Purchase, PurchaseOrder, Receipt
from lots.numbers import document_number
from reconciliation.importing.document_columns import DOCUMENT_COLUMNS
from tests.factories import make_code, make_lot
from tests.reconciliation.records import culprits, run_now
from usage.models import InventoryAdjustment, InventoryUsage, Job, Order, Shipment

pytestmark = pytest.mark.usefixtures("db")

FILES = {
    "purchase_orders": """purchase_order,vendor,office,date,reference,code,quantity,unit_cost
PO-7001,North Mill,AI,2026-03-02,,OAK,100,2.50
PO-7001,North Mill,AI,2026-03-02,,GLUE,10,4
""",
    "receipts": """shipment,purchase_order,date,code,quantity
SHIP-7001,PO-7001,2026-03-09 10:00,OAK,40
SHIP-7001,PO-7001,2026-03-09 10:00,GLUE,10
""",
    "purchases": """purchase,vendor,invoice,date,freight,freight_by,purchase_order,code,quantity,value
PUR-7001,North Mill,INV-88,2026-03-12,6.00,QUANTITY,PO-7001,OAK,40,100.00
PUR-7001,North Mill,INV-88,2026-03-12,6.00,QUANTITY,PO-7001,GLUE,10,44.00
""",
    "orders": """order,customer,office,date,code,quantity,supply
7001,Lincoln,AI,2026-03-10,OAK,8,
""",
    "shipments": """shipment,kind,office,date,order,code,quantity
SHIP-7002,,AI,2026-03-11 15:00,7001,OAK,8
SHIP-7003,INCOMING_RETURN,AI,2026-03-14 15:00,7001,OAK,2
""",
    "jobs": """job,product,quantity,date,component,component_quantity
JOB7001,TABLE,5,2026-03-15,OAK,20
JOB7001,TABLE,5,2026-03-15,GLUE,5
""",
    "adjustments": """adjustment,type,date,office,code,quantity,unit_cost
INVTRYADJ-7001,BEGINNING_BALANCE,2026-03-31,AI,GLUE,3,4.10
INVTRYADJ-7002,LOSS,2026-03-31,AI,OAK,1,
""",
}


@pytest.fixture
def load(tmp_path: Path) -> Callable[..., str]:
    for code in ("OAK", "GLUE", "TABLE"):
        make_code(code)

    def load(*flags: str, **files: str) -> str:
        arguments = []
        for kind, text in files.items():
            path = tmp_path / f"{kind}.csv"
            path.write_text(text)
            arguments += [f"--{kind.replace('_', '-')}", str(path)]
        out = io.StringIO()
        call_command("import_inventory", *arguments, *flags, stdout=out)
        return out.getvalue()

    return load


def counts() -> dict[str, int]:
    models = (PurchaseOrder, Receipt, Order, Shipment, Job, InventoryAdjustment, InventoryUsage, InventoryTransaction)
    return {model.__name__: model.objects.count() for model in models}


def test_every_kind_of_document_is_recorded_and_ties_out(load: Callable[..., str]) -> None:
    told = load(**FILES)
    assert "purchase orders: 1 documents, 1 new, 0 already there" in told
    assert (PurchaseOrder.objects.get().number, Order.objects.get().number) == ("PO-7001", "7001")
    assert Receipt.objects.get().status == "POSTED"
    assert Job.objects.get().status == "OPEN"
    assert {shipment.kind for shipment in Shipment.objects.all()} == {"OUTGOING", "INCOMING_RETURN"}
    run_now()
    assert culprits() == {}


def test_a_credit_is_imported_without_the_return_it_is_for(load: Callable[..., str]) -> None:
    files = {name: FILES[name] for name in ("purchase_orders", "receipts", "purchases")}
    files["purchases"] += "PUR-7002,North Mill,C-9,2026-03-20,,,PO-7001,OAK,-2,-5.00\n"
    load(**files)
    assert Purchase.objects.get(number="PUR-7002").status == "POSTED"
    run_now()
    assert culprits() == {}


def test_the_same_files_twice_change_nothing(load: Callable[..., str]) -> None:
    load(**FILES)
    before = counts()
    assert "orders: 1 documents, 0 new, 1 already there" in load(**FILES)
    assert counts() == before


def test_a_check_records_nothing(load: Callable[..., str]) -> None:
    before = counts()
    assert "Checked in" in load("--check", **FILES)
    assert counts() == before
    assert not CostPool.objects.exists()


@pytest.mark.parametrize(
    ("kind", "old", "new", "said"),
    [
        ("orders", "OAK,8", "ELM,8", 'row 2: There is no line item code "ELM"'),
        ("orders", "OAK,8,", "OAK,8,FREE", 'row 2: "FREE" is none of STOCK'),
        ("orders", "OAK,8", "OAK,eight", 'row 2, column quantity: "eight" is not a number'),
        ("orders", "customer", "client", 'There is no column "client"'),
        ("receipts", "PO-7001,2026-03-09 10:00,GLUE,10", "PO-7001,2026-03-09 10:00,GLUE,11", "row 2: "),
        ("receipts", "PO-7001", "PO-9", 'There is no purchase order "PO-9"'),
        ("shipments", "OAK,2", "OAK,9", "row 3: "),
        ("purchase_orders", "PO-7001,North Mill,AI,2026-03-02,,GLUE", "PO-7001,South Mill,AI,2026-03-02,,GLUE",
         'row 3: "vendor" is not the same'),
        ("adjustments", "BEGINNING_BALANCE", "BALANCE", '"BALANCE" is none of COUNT'),
        ("jobs", "2026-03-15,OAK", "never,OAK", '"never" is not a date'),
    ],
)  # fmt: skip
def test_a_file_with_a_fault_is_refused_with_its_row_and_nothing_is_recorded(
    load: Callable[..., str], kind: str, old: str, new: str, said: str
) -> None:
    assert old in FILES[kind]
    before = counts()
    with pytest.raises(CommandError, match="nothing was imported") as refusal:
        load(**{**FILES, kind: FILES[kind].replace(old, new)})
    assert said in str(refusal.value)
    assert counts() == before


def test_a_document_that_is_there_with_other_lines_is_a_fault(load: Callable[..., str]) -> None:
    load(**FILES)
    before = counts()
    with pytest.raises(CommandError, match="recorded already, with other lines"):
        load(orders=FILES["orders"].replace("OAK,8", "OAK,9"))
    assert counts() == before


def test_numbers_of_our_own_pass_over_imported_transaction_ids(load: Callable[..., str]) -> None:
    make_lot("OAK", source="PO-60000")
    load(purchase_orders=FILES["purchase_orders"])
    assert document_number(PurchaseOrder, "purchase_order", "PO-") == "PO-60001"


def test_documents_and_records_are_not_imported_together(load: Callable[..., str]) -> None:
    with pytest.raises(CommandError, match="in a second call"):
        load(items="code,description,est_unit_cost\nX,,1\n", orders=FILES["orders"])
    assert not LineItemCode.objects.filter(code="X").exists()


def test_every_column_has_an_example_that_it_takes() -> None:
    for columns in DOCUMENT_COLUMNS.values():
        for column in columns:
            column.parser()(column.example)


def test_a_file_that_could_not_be_done_in_time_is_refused(load: Callable[..., str]) -> None:
    rows = "".join(f"{place},Lincoln,AI,2026-03-10,OAK,1,\n" for place in range(20_001))
    with pytest.raises(CommandError, match="nothing was imported") as refusal:
        load("--check", orders=FILES["orders"].partition("\n")[0] + "\n" + rows)
    assert "A file of documents has at most 20,000 rows." in str(refusal.value)
