"""Explain this cost, over real records: every level adds up, down to the documents and up to who consumed it."""

from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from lots.models import InventoryLot, LotCostEvent
from lots.services import lot_change, lot_open
from reconciliation import explain_records
from reconciliation.explain_records import read_cost_of_lot, read_cost_of_usage, read_use_of_lot
from reconciliation.explaining import Node, cost_of_lot, cost_of_usage, every_node, use_of_lot
from tests.factories import day, make_code, make_lot, make_usage, reconcile
from tests.pages.reading import said
from usage.feeding import lot_feed
from usage.models import InventoryUsage

pytestmark = pytest.mark.django_db


def down(usage: InventoryUsage) -> Node:
    return cost_of_usage(read_cost_of_usage(usage.pk), usage.pk)


def up(lot: InventoryLot) -> Node:
    return use_of_lot(read_use_of_lot(lot.pk), lot.pk)


def lines(node: Node) -> list[tuple[str, str]]:
    return [(child.label, str(child.amount)) for child in node.children]


def make_of(code: str, used: InventoryUsage, *, quantity: str = "1", number: str, on_day: int = 5) -> InventoryLot:
    """A lot that this usage went into."""
    lot = lot_open(
        code=make_code(code), quantity_ordered=Decimal(quantity), number=number, is_complete=True, is_fed=True
    )
    lot_feed(usage=used, lot=lot)
    lot_change(
        lot=lot, at=day(on_day), kind=LotCostEvent.Kind.PRODUCTION, source_number="PROD-1", quantity=Decimal(quantity)
    )
    return lot


def test_a_usage_of_two_lots_is_what_both_gave() -> None:
    make_lot("WIRE", received="5", value="50.00", number="A")
    make_lot("WIRE", received="5", value="60.00", number="B", on_day=2)
    used = make_usage("WIRE", "8", on_day=3, number="60000")
    reconcile()
    tree = down(used)
    assert (tree.label, tree.amount) == ("Usage 60000 of WIRE", Decimal("86.00"))
    assert lines(tree) == [("Lot A of WIRE", "50.00"), ("Lot B of WIRE", "36.00")]
    assert tree.children[0].whole is None, "all of it was taken"
    assert (tree.children[1].whole, tree.children[1].whole_text) == (Decimal("60.00"), "The whole lot: 5 received")
    assert tree.adds_up


def test_what_is_unallocated_stands_at_its_estimate() -> None:
    make_code("WIRE", cost="1.99")
    make_lot("WIRE", received="10", value="10.00", number="A")
    used = make_usage("WIRE", "12")
    reconcile()
    tree = down(used)
    assert lines(tree) == [("Lot A of WIRE", "10.00"), ("Unallocated", "3.98")]
    assert tree.children[1].is_estimated
    assert tree.adds_up


def test_what_a_final_lot_gave_is_final_whatever_else_is_unallocated() -> None:
    make_code("WIRE", cost="1.99")
    lot = make_lot("WIRE", received="10", value="10.00", number="A")
    make_usage("WIRE", "12", number="60000")
    reconcile()
    (consumer,) = up(lot).children
    assert (consumer.label, consumer.amount, consumer.is_estimated) == ("Usage 60000 of WIRE", Decimal("10.00"), False)
    InventoryLot.objects.update(is_cost_final=False)
    assert up(lot).children[0].is_estimated


def test_draws_give_backs_and_corrections_of_one_lot_are_one_line_that_tells_them_apart() -> None:
    lot = make_lot("WIRE", received="10", value="100.00", number="A")
    used = make_usage("WIRE", "4")
    reconcile()
    lot_change(
        lot=lot, at=day(9), kind=LotCostEvent.Kind.FREIGHT, source_number="PUR-1", value=Decimal(5),
        value_payable=Decimal(5),
    )  # fmt: skip
    reconcile()
    tree = down(used)
    (line,) = tree.children
    assert (line.amount, line.text) == (Decimal("42.00"), "drawn 40.00, corrected later 2.00")
    assert lines(line) == [("Opening balance", "100.00"), ("Freight PUR-1", "5.00")]
    assert tree.adds_up


def test_a_bill_that_does_not_change_the_cost_yet_says_so() -> None:
    lot = make_lot("WIRE", received="10", value="100.00", number="A")
    lot_change(lot=lot, at=day(3), kind=LotCostEvent.Kind.PURCHASE, source_number="PUR-1", value_payable=Decimal("130"))
    tree = cost_of_lot(read_cost_of_lot(lot.pk), lot.pk)
    assert lines(tree)[1] == ("Purchase PUR-1", "0.00")
    assert tree.children[1].text == "130.00 billed; the order's cost stands until it is closed"
    assert tree.adds_up


@pytest.fixture
def production() -> dict[str, Any]:
    """10 of WIRE at 2.50; 4 go into a LAMP; it is sold."""
    wire = make_lot("WIRE", received="10", value="25.00", number="WIRE-LOT", source="PO-1")
    used = make_usage("WIRE", "4", number="60000", source="JOB60000")
    lamp = make_of("LAMP", used, number="LAMP-LOT")
    sold = make_usage("LAMP", "1", on_day=7, number="60001", source="SHIP-1")
    reconcile()
    reconcile()
    return {"wire": wire, "used": used, "lamp": lamp, "sold": sold}


def test_a_sale_is_followed_through_production_to_the_receipt(production: dict[str, Any]) -> None:
    tree = down(production["sold"])
    path = [node.label for node in every_node(tree)]
    assert path == [
        "Usage 60001 of LAMP",
        "Lot LAMP-LOT of LAMP",
        "Usage 60000 of WIRE",
        "Lot WIRE-LOT of WIRE",
        "Opening balance PO-1",
        "Produced PROD-1",
    ]
    assert [node.amount for node in every_node(tree)] == [
        Decimal(10), Decimal(10), Decimal(10), Decimal(10), Decimal(25), Decimal(0),
    ]  # fmt: skip
    assert tree.adds_up


def test_a_lot_is_followed_through_production_to_who_bought_it(production: dict[str, Any]) -> None:
    tree = up(production["wire"])
    assert lines(tree) == [("Usage 60000 of WIRE", "10.00"), ("In stock", "15.00")]
    (into,) = tree.children[0].children
    assert (into.label, into.amount) == ("Into lot LAMP-LOT of LAMP", Decimal(10))
    (sale,) = into.children
    assert sale.label == "Usage 60001 of LAMP"
    assert sale.text == "charged to 5000 Cost of Goods Sold"
    assert tree.adds_up


def test_a_ring_is_cut_and_said(production: dict[str, Any]) -> None:
    """The lamp goes back into the wire that it was made of."""
    lot_feed(usage=production["sold"], lot=production["wire"])
    InventoryLot.objects.filter(pk=production["wire"].pk).update(is_fed=True)
    for tree in (down(production["sold"]), up(production["wire"])):
        rings = [node for node in every_node(tree) if node.is_ring]
        assert len(rings) == 1
        assert rings[0].note == "It goes into itself: this lot stands further up already"
        assert rings[0].children == []


def test_what_was_explained_once_is_referred_to(production: dict[str, Any]) -> None:
    """Two lamps of one lot of wire: the wire is explained below the first."""
    other = make_usage("WIRE", "2", on_day=6, number="60002")
    lot = make_of("LAMP", other, number="LAMP-2", on_day=6)
    sold = make_usage("LAMP", "1", on_day=8, only_lots=[lot], number="60003")
    both = make_usage("SET", "1", on_day=9, number="60004")
    kit = lot_open(code=make_code("SET"), quantity_ordered=Decimal(1), number="SET-LOT", is_complete=True, is_fed=True)
    for used in (production["sold"], sold):
        lot_feed(usage=used, lot=kit)
    lot_change(lot=kit, at=day(9), kind=LotCostEvent.Kind.PRODUCTION, quantity=Decimal(1))
    for _ in range(4):
        reconcile()
    tree = down(both)
    assert tree.amount == Decimal(15)
    shown = [node for node in every_node(tree) if node.note == "Shown above"]
    assert [node.label for node in shown] == ["Lot WIRE-LOT of WIRE"]
    anchors = {node.anchor for node in every_node(tree)}
    assert shown[0].note_url.removeprefix("#") in anchors
    assert tree.adds_up


def test_more_lines_than_people_read_are_one_line_with_their_sum(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(explain_records, "BREADTH", 3)
    lot = make_lot("WIRE", received="10", value="100.00")
    for number in range(5):
        make_usage("WIRE", "1", source=f"SHIP-{number}")
    reconcile()
    tree = up(lot)
    assert lines(tree)[-2:] == [("2 more usages", "20.00"), ("In stock", "50.00")]
    assert tree.adds_up


def test_a_chain_that_is_too_long_goes_on_on_a_page_of_its_own() -> None:
    used = make_usage("P0", "1", on_day=2)
    first = make_lot("P0", received="1", value="7.00")
    for step in range(1, 12):
        make_of(f"P{step}", used, number=f"LOT-{step}", on_day=2 + step)
        used = make_usage(f"P{step}", "1", on_day=3 + step)
    for _ in range(12):
        reconcile()
    for tree in (down(used), up(first)):
        last = [node for node in every_node(tree) if node.note.startswith("Goes on")]
        assert len(last) == 1
        assert last[0].note_url.startswith("/accounting/explain/lots/")
        assert tree.adds_up


def test_a_level_costs_a_few_queries_however_wide_it_is(production: dict[str, Any]) -> None:
    with CaptureQueriesContext(connection) as few:
        read_use_of_lot(production["wire"].pk)
    for number in range(12):
        used = make_usage("WIRE", "0.5", number=f"U{number}")
        make_of("LAMP", used, number=f"L{number}")
    reconcile()
    with CaptureQueriesContext(connection) as many:
        records = read_use_of_lot(production["wire"].pk)
    assert len(records.lots) > 10
    assert len(many) == len(few)


def test_the_pages_say_it_in_words_and_lead_on(viewer: Client, production: dict[str, Any]) -> None:
    text = said(viewer, f"/accounting/explain/usage/{production['sold'].pk}/")
    assert "Every level adds up" in text
    assert "The whole lot: 10 received 25.00" in text
    text = said(viewer, f"/accounting/explain/lots/{production['wire'].pk}/")
    assert "Where it went" in text
    assert "Into lot LAMP-LOT of LAMP" in text
    assert viewer.get("/accounting/explain/lots/999999/").status_code == 404
