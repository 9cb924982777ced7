"""Jobs of goods with serial numbers or manufacturer lots: what goes in and comes out is named, and drawn from there."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db.models import Sum

from lots.models import InventoryLot, InventoryTransaction, Preference, PurchaseOrder, SerialMovement
from lots.receiving import receipt_post
from tests.factories import day, make_office
from tests.lots.purchasing_stories import code_with, lot_of, order_of, write_receipt
from tests.reconciliation.records import culprits, run_now
from tests.usage.jobs import component, make_job, nothing_moves, parts
from tests.usage.order_records import line_of, make_order, ship
from usage.job_units import Named, UnitsError, named_in, units_of_line
from usage.models import InventoryUsage, Job, JobOutput, OpenUsage
from usage.production import job_consume, job_output_void, job_produce, job_void
from usage.shipping import shipment_void

pytestmark = pytest.mark.django_db


# -- Stock -------------------------------------------------------------------------------------------
def clocks(*serials: str, cost: str = "10", office: str = "") -> PurchaseOrder:
    """Buy serialized clocks; each purchase is a lot of its own."""
    code_with("CLOCK", is_serialized=True)
    order = order_of(("CLOCK", str(len(serials)), cost), office=office)
    receipt_post(receipt=write_receipt(order, str(len(serials)), serials=serials), by=None, at=day(2))
    return order


def paint(name: str, quantity: str, cost: str = "3") -> PurchaseOrder:
    """Buy paint of one manufacturer lot."""
    code_with("PAINT", is_tracked_by_manufacturer_lot=True)
    order = order_of(("PAINT", quantity, cost))
    receipt_post(receipt=write_receipt(order, quantity, manufacturer_lot=name), by=None, at=day(2))
    return order


def lots(*said: tuple[str, str]) -> list[Named]:
    return [Named(manufacturer_lot=name, quantity=Decimal(quantity) if quantity else None) for name, quantity in said]


def take(job: Job, code: str, quantity: str, units: Sequence[Named] = (), *, on_day: int = 3) -> list[InventoryUsage]:
    line = {"component": component(job, code), "quantity": Decimal(quantity), "units": units}
    return job_consume(job=job, lines=[line], consumed_at=day(on_day), by=None, at=day(on_day))


def make(job: Job, quantity: str, **units: Any) -> JobOutput:
    return job_produce(job=job, quantity=Decimal(quantity), produced_at=day(4), by=None, at=day(4), **units)


def in_stock(code: str = "CLOCK") -> list[str]:
    there = SerialMovement.objects.filter(code__code=code).order_by().values("serial").annotate(sum=Sum("direction"))
    return sorted(there.filter(sum=1).values_list("serial", flat=True))


def on_hand(code: str, name: str) -> Decimal:
    moved = InventoryTransaction.objects.filter(code__code=code, manufacturer_lot=name)
    return sum((row.on_hand for row in moved), Decimal(0))


def settled() -> None:
    run_now()
    assert not OpenUsage.objects.exists()
    assert culprits() == {}


def drawn(code: str) -> dict[str, Decimal]:
    """What was used of each lot of a code, by the document it came from."""
    return {lot.source_number: lot.quantity_used for lot in InventoryLot.objects.filter(code__code=code)}


# -- Taken -------------------------------------------------------------------------------------------
def test_named_units_are_taken_from_the_lots_that_brought_them() -> None:
    first, second = clocks("S1", "S2"), clocks("S3", cost="16")
    job = make_job("BENCH", "2", components=parts(CLOCK="2"))
    usages = take(job, "CLOCK", "2", [Named(["S3", "S1"])])
    assert [(usage.quantity, [row.lot for row in usage.restrictions.all()]) for usage in usages] == [
        (1, [lot_of(second)]),
        (1, [lot_of(first)]),
    ]
    assert in_stock() == ["S2"]
    make(job, "2")
    settled()
    job.refresh_from_db()
    assert drawn("CLOCK") == {first.number: 1, second.number: 1}
    assert job.lot is not None
    assert job.lot.value == Decimal(26)


def test_manufacturer_lots_are_taken_by_their_quantities() -> None:
    first, second = paint("A-1", "10"), paint("A-2", "10", cost="5")
    job = make_job("BENCH", "2", components=parts(PAINT="8"))
    take(job, "PAINT", "8", lots(("A-2", "3"), ("A-1", "")))
    assert (on_hand("PAINT", "A-1"), on_hand("PAINT", "A-2")) == (5, 7)
    make(job, "2")
    settled()
    assert drawn("PAINT") == {first.number: 5, second.number: 3}


@pytest.mark.parametrize(
    ("code", "units", "quantity", "reason"),
    [
        ("CLOCK", [], "2", "CLOCK is serialized: 2 need as many serial numbers, not 0"),
        ("CLOCK", [Named(["S1"])], "2", "2 need as many serial numbers, not 1"),
        ("CLOCK", [Named(["S1", "S1"])], "2", "Serial number S1 is named twice"),
        ("CLOCK", [Named(["S1", "S9"])], "2", "Serial number S9 of CLOCK is not in stock"),
        ("CLOCK", [Named(["S1", "S2"], "A-1")], "2", "CLOCK is not tracked by manufacturer lot"),
        ("CLOCK", [Named(["S1"])], "0", "Units of CLOCK are named, and none is consumed"),
        ("PAINT", [], "2", "PAINT is tracked by manufacturer lot: name the lot"),
        ("PAINT", lots(("B-7", "")), "2", "No manufacturer lot B-7 of PAINT has come in"),
        ("PAINT", lots(("A-1", "")), "11", "11 of manufacturer lot A-1 of PAINT, while 10 are on hand"),
        ("PAINT", lots(("A-1", "9"), ("A-1", "2")), "11", "2 of manufacturer lot A-1 of PAINT, while 1 are on hand"),
        ("PAINT", lots(("A-1", "1")), "2", "1 are named by manufacturer lot, and the line is for 2"),
        ("PAINT", lots(("A-1", "2"), ("A-1", "")), "2", "2 are named by manufacturer lot, and the line is for 2"),
        ("PAINT", lots(("A-1", ""), ("A-1", "")), "2", "say how much of each manufacturer lot"),
        ("PAINT", [Named(["S1", "S2"], "A-1")], "2", "PAINT is not serialized"),
        ("PAINT", lots(("A" * 61, "")), "2", "is too long: at most 60 characters"),
        ("WIRE", [Named(["S1"])], "1", "WIRE is not serialized"),
        ("WIRE", lots(("A-1", "")), "1", "WIRE is not tracked by manufacturer lot"),
    ],
)
def test_units_that_are_missing_or_not_there_are_refused(
    code: str, units: list[Named], quantity: str, reason: str
) -> None:
    clocks("S1", "S2")
    paint("A-1", "10")
    job = make_job("BENCH", "2", components=parts(CLOCK="2", PAINT="20", WIRE="2"))
    nothing_moves(lambda: take(job, code, quantity, units), match=reason)
    assert in_stock() == ["S1", "S2"]


@pytest.mark.parametrize("prevents", [True, False])
def test_units_of_another_office_are_not_taken(prevents: bool) -> None:
    Preference.objects.update(prevent_inter_office=prevents)
    clocks("S1", office="NY")
    make_office("AI")
    job = make_job("BENCH", "1", components=parts(CLOCK="1"), office=make_office("AI"))
    nothing_moves(
        lambda: take(job, "CLOCK", "1", [Named(["S1"])]), match="S1 of CLOCK is not in stock at AI. It is at NY"
    )


# -- Put back ----------------------------------------------------------------------------------------
def test_what_is_put_back_goes_to_the_usage_that_took_it() -> None:
    clocks("S1", "S2", "S3")
    job = make_job("BENCH", "3", components=parts(CLOCK="3"))
    (first,) = take(job, "CLOCK", "2", [Named(["S1", "S2"])])
    (second,) = take(job, "CLOCK", "1", [Named(["S3"])])
    (back,) = take(job, "CLOCK", "-1", [Named(["S1"])])
    assert (back.original, back.quantity) == (first, -1)
    assert in_stock() == ["S1"]
    # It was put back, so it is not there to be put back again; nor is what was never taken.
    nothing_moves(lambda: take(job, "CLOCK", "-1", [Named(["S1"])]), match="S1 of CLOCK cannot be put back")
    nothing_moves(lambda: take(job, "CLOCK", "-1", [Named(["S8"])]), match="S8 of CLOCK cannot be put back")
    backs = take(job, "CLOCK", "-2", [Named(["S2", "S3"])])
    assert [usage.original for usage in backs] == [second, first]
    assert in_stock() == ["S1", "S2", "S3"]
    settled()
    assert set(drawn("CLOCK").values()) == {Decimal(0)}


def test_a_unit_that_was_put_back_and_sold_is_not_put_back_by_the_job() -> None:
    clocks("S1", "S2")
    job = make_job("BENCH", "2", components=parts(CLOCK="2"))
    take(job, "CLOCK", "2", [Named(["S1", "S2"])])
    take(job, "CLOCK", "-1", [Named(["S1"])])
    ship((line_of(make_order(("CLOCK", "1")), "CLOCK"), "1"), serials="S1", on_day=5)
    nothing_moves(lambda: take(job, "CLOCK", "-1", [Named(["S1"])], on_day=6), match="S1 of CLOCK cannot be put back")


def test_paint_goes_back_into_its_manufacturer_lot() -> None:
    paint("A-1", "10")
    paint("A-2", "10")
    job = make_job("BENCH", "2", components=parts(PAINT="8"))
    take(job, "PAINT", "8", lots(("A-1", "5"), ("A-2", "3")))
    take(job, "PAINT", "-2", lots(("A-1", "")))
    assert (on_hand("PAINT", "A-1"), on_hand("PAINT", "A-2")) == (7, 7)
    nothing_moves(lambda: take(job, "PAINT", "-4", lots(("A-1", ""))), match="So much of manufacturer lot A-1 of PAINT")
    settled()


# -- Made --------------------------------------------------------------------------------------------
def test_what_is_made_has_its_serial_numbers_and_is_sold_by_them() -> None:
    code_with("CLOCK", is_serialized=True)
    job = make_job("CLOCK", "3", components=parts(GEAR="3"))
    make(job, "2", serials=["C1", "C2"])
    assert in_stock() == ["C1", "C2"]
    shipment = ship((line_of(make_order(("CLOCK", "1")), "CLOCK"), "1"), serials="C2", on_day=5)
    job.refresh_from_db()
    (usage,) = InventoryUsage.objects.filter(source_number=shipment.number)
    assert [row.lot for row in usage.restrictions.all()] == [job.lot]
    assert in_stock() == ["C1"]


@pytest.mark.parametrize(
    ("units", "reason"),
    [
        ({}, "CLOCK is serialized: 2 need as many serial numbers, not 0"),
        ({"serials": ["C1", "C1"]}, "Serial number C1 is named twice"),
        ({"serials": ["C1", "S1"]}, "Serial number S1 of CLOCK is in stock already"),
        ({"serials": ["C1", "C" * 61]}, "is too long"),
        ({"serials": ["C1", "C2"], "manufacturer_lot": "A-1"}, "CLOCK is not tracked by manufacturer lot"),
    ],
)
def test_what_is_made_without_a_number_of_its_own_is_refused(units: dict[str, Any], reason: str) -> None:
    clocks("S1")
    job = make_job("CLOCK", "3", components=parts(GEAR="3"))
    nothing_moves(lambda: make(job, "2", **units), match=reason)


def test_paint_that_is_made_has_its_manufacturer_lot() -> None:
    code_with("PAINT", is_tracked_by_manufacturer_lot=True)
    job = make_job("PAINT", "10", components=parts(GEAR="3"))
    nothing_moves(lambda: make(job, "4"), match="PAINT is tracked by manufacturer lot: name the lot")
    made = make(job, "4", manufacturer_lot="M-1")
    assert on_hand("PAINT", "M-1") == 4
    job_output_void(output=made, by=None, at=day(5))
    assert on_hand("PAINT", "M-1") == 0


def test_units_that_were_sold_are_not_unmade() -> None:
    code_with("CLOCK", is_serialized=True)
    job = make_job("CLOCK", "2", components=parts(GEAR="2"))
    made = make(job, "2", serials=["C1", "C2"])
    ship((line_of(make_order(("CLOCK", "1")), "CLOCK"), "1"), serials="C2", on_day=5)
    # No run has been yet: nothing of the lot is used so far.
    nothing_moves(
        lambda: job_output_void(output=made, by=None, at=day(6)),
        match=f"{made.number} cannot be voided. Serial number C2 of CLOCK is not in stock",
    )


def test_what_a_job_made_of_a_manufacturer_lot_is_void_only_while_it_is_there() -> None:
    code_with("PAINT", is_tracked_by_manufacturer_lot=True)
    job = make_job("PAINT", "10", components=parts(WIRE="10"))
    made = make(job, "10", manufacturer_lot="V1")
    order = make_order(("PAINT", "4"))
    shipment = ship((line_of(order, "PAINT"), "4"), manufacturer_lot="V1", on_day=5)
    # No run has been yet: nothing of the lot is used so far.
    nothing_moves(
        lambda: job_output_void(output=made, by=None, at=day(6)),
        match=f"{made.number} cannot be voided. It made 10 of manufacturer lot V1 of PAINT, while 6 are on hand. Void",
    )
    shipment_void(shipment=shipment, by=None, at=day(7))
    job_output_void(output=made, by=None, at=day(8))
    assert on_hand("PAINT", "V1") == 0


# -- Back-flushed ------------------------------------------------------------------------------------
def test_back_flush_takes_the_units_that_are_named_and_its_void_puts_them_back() -> None:
    clocks("S1", "S2", "S3")
    paint("A-1", "10")
    job = make_job("BENCH", "3", components=parts(CLOCK="3", PAINT="6", WIRE="9"))
    units = {component(job, "CLOCK").pk: [Named(["S3", "S1"])], component(job, "PAINT").pk: lots(("A-1", ""))}
    made = make(job, "2", backflush=True, units=units)
    assert in_stock() == ["S2"]
    assert on_hand("PAINT", "A-1") == 6
    assert [row.quantity_consumed for row in job.components.all()] == [2, 4, 6]
    take(job, "CLOCK", "-1", [Named(["S1"])], on_day=5)
    job_output_void(output=made, by=None, at=day(6))
    assert in_stock() == ["S1", "S2", "S3"]
    assert on_hand("PAINT", "A-1") == 10
    run_now()
    assert culprits() == {}


def test_back_flush_says_of_every_component_what_is_missing() -> None:
    clocks("S1", "S2")
    paint("A-1", "10")
    job = make_job("BENCH", "2", components=parts(CLOCK="2", PAINT="4"))
    with pytest.raises(ValidationError) as refused:
        make(job, "2", backflush=True, units={component(job, "CLOCK").pk: [Named(["S1"])]})
    assert refused.value.message_dict == {
        f"serials_{component(job, 'CLOCK').pk}": [
            "CLOCK is serialized: 2 need as many serial numbers, not 1. Nothing was posted."
        ],
        f"manufacturer_lots_{component(job, 'PAINT').pk}": [
            "PAINT is tracked by manufacturer lot: name the lot. Nothing was posted."
        ],
    }
    assert not JobOutput.objects.exists()
    assert in_stock() == ["S1", "S2"]


def test_back_flush_takes_no_units_that_are_not_needed() -> None:
    clocks("S1", "S2", "S3")
    job = make_job("BENCH", "2", components=parts(CLOCK="2"))
    take(job, "CLOCK", "2", [Named(["S1", "S2"])])
    units = {component(job, "CLOCK").pk: [Named(["S3"])]}
    nothing_moves(lambda: make(job, "1", backflush=True, units=units), match="Enough of CLOCK is consumed already")


# -- Voids and parts of parts ------------------------------------------------------------------------
def test_a_void_job_puts_back_every_unit_that_it_still_holds() -> None:
    clocks("S1", "S2", "S3")
    paint("A-1", "10")
    job = make_job("BENCH", "3", components=parts(CLOCK="3", PAINT="6"))
    take(job, "CLOCK", "3", [Named(["S1", "S2", "S3"])])
    take(job, "PAINT", "6", lots(("A-1", "")))
    take(job, "CLOCK", "-1", [Named(["S2"])])
    take(job, "PAINT", "-1", lots(("A-1", "")))
    job_void(job=job, by=None, at=day(5))
    assert in_stock() == ["S1", "S2", "S3"]
    assert on_hand("PAINT", "A-1") == 10
    settled()


def test_what_a_sub_assembly_made_is_named_like_everything_else() -> None:
    bought = clocks("S1")
    whole = make_job("BENCH", "1", components=parts(CLOCK="1"))
    part = make_job("CLOCK", "1", components=parts(GEAR="1"), parent=whole)
    make(part, "1", serials=["C1"])
    (usage,) = take(whole, "CLOCK", "1", [Named(["S1"])], on_day=5)
    assert [row.lot for row in usage.restrictions.all()] == [lot_of(bought)]
    take(whole, "CLOCK", "-1", [Named(["S1"])], on_day=5)
    (usage,) = take(whole, "CLOCK", "1", [Named(["C1"])], on_day=5)
    part.refresh_from_db()
    assert [row.lot for row in usage.restrictions.all()] == [part.lot]


# -- As they are typed -------------------------------------------------------------------------------
def test_units_are_read_as_people_type_them() -> None:
    assert named_in(serials="S1, S2\nS3", lots="") == [Named(["S1", "S2", "S3"])]
    assert named_in(serials="", lots="A-1") == [Named(manufacturer_lot="A-1")]
    assert named_in(serials="", lots="A-1 = 2*3, B=9 = 1.5") == lots(("A-1", "6"), ("B=9", "1.5"))
    assert named_in(serials="S1", lots="A-1") == [Named(["S1"], "A-1")]
    assert named_in(serials=" ", lots="") == []
    assert named_in(serials="", lots="A-1 = 2; A-2 = 1") == lots(("A-1", "2"), ("A-2", "1"))


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        (" 12,5 ", [("12,5", "")]),
        ("12,5 = 3", [("12,5", "3")]),
        ("A-1 = 2, 12,5 = 3, A-2", [("A-1", "2"), ("12,5", "3"), ("A-2", "")]),
        ("12,6", [("12", ""), ("6", "")]),
        ("B=9", [("B=9", "")]),
        ("12,5,7; 12,5", [("12,5,7", ""), ("12,5", "")]),
    ],
)
def test_a_known_lot_is_read_as_a_whole(typed: str, read: list[tuple[str, str]]) -> None:
    assert named_in(serials="", lots=typed, known={"12,5", "12,5,7", "A-1", "A-2", "B=9"}) == lots(*read)


def test_what_is_missing_is_said_of_its_own_field() -> None:
    code = code_with("BATTERY", is_serialized=True, is_tracked_by_manufacturer_lot=True)
    with pytest.raises(UnitsError, match="name the lot") as refused:
        units_of_line(code, Decimal(1), [Named(["S1"])])
    assert refused.value.field == "manufacturer_lots"
    with pytest.raises(UnitsError, match="as many serial numbers") as refused:
        units_of_line(code, Decimal(2), [Named(["S1"], "A-1")])
    assert refused.value.field == "serials"


def test_units_that_a_job_took_later_are_told_from_those_it_never_took() -> None:
    clocks("S1", "S2")
    job = make_job("BENCH", "2", components=parts(CLOCK="2"))
    take(job, "CLOCK", "1", [Named(["S1"])], on_day=3)
    take(job, "CLOCK", "1", [Named(["S2"])], on_day=20)
    nothing_moves(lambda: take(job, "CLOCK", "-1", [Named(["S2"])], on_day=5), match=f"{job.number} took them later")
    for serials in (["S9"], ["S2", "S9"]):
        nothing_moves(
            lambda serials=serials: take(job, "CLOCK", f"-{len(serials)}", [Named(serials)], on_day=5),  # type: ignore[misc]  # bound now
            match=f"Serial number S9 of CLOCK cannot be put back: {job.number} has not taken it",
        )
    take(job, "CLOCK", "-1", [Named(["S1"])], on_day=5)
    assert in_stock() == ["S1"]


@pytest.mark.parametrize("typed", ["A-1 = many", "A-1 = 0", "A-1 = -2", "A-1 = 0.00001", "A-1 =", "A-1 = 9e99"])
def test_a_quantity_that_is_none_is_refused(typed: str) -> None:
    with pytest.raises(UnitsError, match="Manufacturer lot A-1: ") as refused:
        named_in(serials="", lots=typed)
    assert refused.value.field == "manufacturer_lots"


def test_serial_numbers_of_two_manufacturer_lots_are_named_apart() -> None:
    with pytest.raises(UnitsError, match="one manufacturer lot"):
        named_in(serials="S1, S2", lots="A-1, A-2")
    code = code_with("BATTERY", is_serialized=True, is_tracked_by_manufacturer_lot=True)
    units = units_of_line(code, Decimal(2), [Named(["S1"], "A-1"), Named(["S2"], "A-2")])
    assert [(unit.quantity, unit.manufacturer_lot) for unit in units] == [(1, "A-1"), (1, "A-2")]
