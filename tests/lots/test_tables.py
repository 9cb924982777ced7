"""Tables of codes, lots and transactions: columns in order, and where their figures lead."""

import pytest

from lots.querysets import codes, lots
from lots.tables import CodeTable, LotTable, RunningTransactionTable
from tests.factories import make_lot, make_usage
from tests.pages.reading import cells_of

pytestmark = pytest.mark.django_db


def test_the_columns_of_lots_stand_in_their_order() -> None:
    labels = [str(bound.header) for bound in LotTable([]).columns]
    assert labels == [
        "Lot", "Type", "Code", "Transaction ID", "Date", "Office", "Order", "Ordered", "Received", "Used", "Current",
        "Unit Cost", "~ Current Value", "Status", "Row controls",
    ]  # fmt: skip


def test_running_balances_stand_before_the_row_controls() -> None:
    names = RunningTransactionTable([]).columns.names()
    assert names[-4:] == ["running_on_order", "running_demand", "running_on_hand", "controls"]


def test_a_figure_of_a_code_leads_to_its_records_and_a_zero_to_nothing() -> None:
    make_lot("A B/1", received="4", value="10.00")
    cells = cells_of(CodeTable([codes().for_list().get()]))
    assert 'href="/inventory/lots/?code==A+B/1" data-drill="quantity_current"' in cells["in_lots"]
    assert 'href="/inventory/transactions/?code==A+B/1" data-drill="on_hand"' in cells["on_hand"]
    assert (cells["unallocated"], cells["open_count"]) == ("0", "0")


def test_a_lot_names_its_state_its_source_and_its_order() -> None:
    make_lot("WIRE", number="a", source="PO-1", order="60007")
    make_usage("WIRE", "1")
    cells = cells_of(LotTable([lots().for_list().get()]))
    assert cells["status"] == "Open"
    assert 'href="/inventory/usage/transaction-id/?id=PO-1"' in cells["source_number"]
    assert 'href="/orders/by-number/?id=60007"' in cells["parent_order"]
