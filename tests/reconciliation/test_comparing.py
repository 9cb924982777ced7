"""What if codes had always been costed by the other method: the page that plans their whole history by each."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from tests.factories import day, make_lot, make_usage, reconcile
from tests.harness.people import Role
from tests.usage.adjustments import line
from tests.usage.adjustments import posted as post_adjustment
from usage.models import OpenUsage
from usage.services import restriction_release

pytestmark = pytest.mark.django_db


def compared(accountant: Client, *codes: str) -> dict[str, tuple[Decimal, ...]]:
    page = accountant.get(reverse("reconciliation:preview"), {"method": "COMPARE", "codes": "\n".join(codes)})
    rows = page.context["comparison"].rows
    return {row.code: (row.booked, row.fifo, row.lifo, row.difference) for row in rows}


def test_both_methods_are_compared_over_the_whole_history_code_by_code(accountant: Client) -> None:
    make_lot("WHATIF", received="5", value="50.00", on_day=1)
    make_lot("WHATIF", received="5", value="60.00", on_day=2)
    make_usage("WHATIF", "8", on_day=3)
    make_lot("SAME", received="5", value="50.00", on_day=1)
    make_usage("SAME", "5", on_day=3)
    make_lot("UNUSED", received="5", value="50.00", on_day=1)
    before = compared(accountant)
    assert before == {
        "WHATIF": (Decimal("0.00"), Decimal("86.00"), Decimal("90.00"), Decimal("4.00")),
        "SAME": (Decimal("0.00"), Decimal("50.00"), Decimal("50.00"), Decimal("0.00")),
    }
    assert OpenUsage.objects.count() == 2
    # Reconciled or not: the question is what the history would have cost.
    reconcile()
    assert {code: row[1:] for code, row in compared(accountant).items()} == {c: row[1:] for c, row in before.items()}
    assert compared(accountant, "WHATIF")["WHATIF"][0] == Decimal("86.00")


def test_the_comparison_keeps_restrictions_returns_and_what_was_released(
    accountant: Client, person: Callable[[Role], User], now: datetime
) -> None:
    old = make_lot("TIED", received="2", value="20.00", on_day=1)
    make_lot("TIED", received="5", value="100.00", on_day=2)
    tied = make_usage("TIED", "2", on_day=3, only_lots=[old])
    make_usage("TIED", "2", on_day=4)
    make_usage("TIED", "-1", on_day=5, original=tied)
    # Two from the old lot, one of them back; two from the new one. Released, LIFO draws all four from the new lot.
    assert compared(accountant)["TIED"] == (0, Decimal("50.00"), Decimal("50.00"), 0)
    restriction_release(usage=tied, by=person("clerk"), at=now, reason="wrong lot")
    assert compared(accountant)["TIED"] == (0, Decimal("50.00"), Decimal("60.00"), Decimal("10.00"))


def test_too_long_a_history_is_not_planned_for_a_page(accountant: Client, settings: Settings) -> None:
    settings.BATCH_USAGES = 1
    make_usage("A", "1")
    make_usage("B", "1")
    url = reverse("reconciliation:preview")
    assert b"The history of 2 usages is too long for a page" in accountant.get(url, {"method": "COMPARE"}).content
    assert list(compared(accountant, "A")) == ["A"]


def test_what_is_made_of_a_code_follows_its_method_and_counts_once(accountant: Client) -> None:
    make_lot("PART", received="2", value="20.00", on_day=1)
    make_lot("PART", received="2", value="30.00", on_day=2)
    for on_day in (3, 4):
        post_adjustment(
            "ASSEMBLY",
            line("PART", "1", role="COMPONENT"),
            line("PRODUCT", "1", role="PRODUCT"),
            on=day(on_day),
        )
    post_adjustment("ASSEMBLY", line("PRODUCT", "1", role="COMPONENT"), line("SET", "1", role="PRODUCT"), on=day(5))
    make_usage("PART", "1", on_day=6)
    make_usage("PRODUCT", "1", on_day=7)
    make_usage("SET", "1", on_day=8)
    # FIFO makes both products of the old parts, and sells a new one; LIFO the other way round.
    expected = {
        "PART": (Decimal("15.00"), Decimal("10.00"), Decimal("-5.00")),
        "PRODUCT": (Decimal("10.00"), Decimal("15.00"), Decimal("5.00")),
        "SET": (Decimal("10.00"), Decimal("15.00"), Decimal("5.00")),
    }
    assert {code: row[1:] for code, row in compared(accountant).items()} == expected
    assert {code: row[1:] for code, row in compared(accountant, "PART").items()} == expected
    # What is not asked for stays as it is, and what went in is no COGS of its own.
    reconcile()
    booked = {code: row[0] for code, row in compared(accountant).items()}
    assert booked == {code: row[0] for code, row in expected.items()}
    assert compared(accountant, "SET")["SET"] == (Decimal("10.00"), Decimal("10.00"), Decimal("10.00"), 0)


def test_what_goes_into_itself_is_compared_at_the_cost_that_is_booked(accountant: Client) -> None:
    make_lot("A", received="2", value="20.00", on_day=1)
    post_adjustment("ASSEMBLY", line("A", "1", role="COMPONENT"), line("B", "1", role="PRODUCT"), on=day(2))
    post_adjustment("ASSEMBLY", line("B", "1", role="COMPONENT"), line("A", "1", role="PRODUCT"), on=day(3))
    page = accountant.get(reverse("reconciliation:preview"), {"method": "COMPARE"})
    remarks = {row.code: row.error for row in page.context["comparison"].rows}
    assert sorted(bool(remark) for remark in remarks.values()) == [False, True]
