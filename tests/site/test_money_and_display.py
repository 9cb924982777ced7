"""Figures look the same everywhere: on screen, in exports, in messages."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.test import override_settings
from django.utils import timezone

from inventory_site import money
from inventory_site.templatetags import display


@pytest.mark.parametrize(
    ("quantity", "text"),
    [
        ("1000", "1,000"),
        ("0", "0"),
        ("-0.0000", "0"),
        ("100", "100"),
        ("0.5000", "0.5"),
        ("-125", "-125"),
        ("1234567.8901", "1,234,567.8901"),
        ("1E+3", "1,000"),
        ("999999999999.9999", "999,999,999,999.9999"),
    ],
)
def test_a_quantity_has_up_to_four_decimals_and_no_idle_zeros(quantity: str, text: str) -> None:
    assert money.quantity_text(Decimal(quantity)) == text


@pytest.mark.parametrize(
    ("amount", "text"), [("1990", "1,990.00"), ("-9373.75", "-9,373.75"), ("0", "0.00"), ("0.005", "0.01")]
)
def test_money_has_two_decimals(amount: str, text: str) -> None:
    assert money.money_text(Decimal(amount)) == text


def test_half_a_cent_is_rounded_away_from_zero_as_the_database_does() -> None:
    assert [money.to_cents(Decimal(text)) for text in ("0.125", "-0.125")] == [Decimal("0.13"), Decimal("-0.13")]


@pytest.mark.parametrize(("cost", "text"), [("1.99", "1.99"), ("2", "2.00"), ("0.333333", "0.333333")])
def test_a_unit_cost_has_two_to_six_decimals(cost: str, text: str) -> None:
    assert money.unit_cost_text(Decimal(cost)) == text


def test_a_negative_figure_is_marked_and_keeps_its_minus_sign() -> None:
    assert display.quantity(Decimal(-125)) == '<span class="negative">-125</span>'
    assert display.money_figure(Decimal("0.00")) == "0.00"


def test_no_figure_is_a_dash_and_not_a_zero() -> None:
    assert "&ndash;" in display.quantity(None)
    assert "&ndash;" in display.day(None)


def test_a_date_is_written_as_in_the_guides_and_carries_the_full_moment() -> None:
    shown = display.day(datetime(2022, 7, 18, 14, 5, 9, tzinfo=UTC))
    assert ">07/18/22<" in shown
    assert 'title="2022-07-18 14:05:09 UTC"' in shown
    assert display.day(date(2022, 7, 18)) == '<time datetime="2022-07-18">07/18/22</time>'


def test_a_date_is_that_of_the_sites_zone_while_its_title_stays_in_utc() -> None:
    with override_settings(TIME_ZONE="America/New_York"), timezone.override("America/New_York"):
        shown = display.day(datetime(2022, 7, 19, 2, 0, tzinfo=UTC))
    assert ">07/18/22<" in shown
    assert "2022-07-19 02:00:00 UTC" in shown


def test_a_status_dot_says_its_meaning_to_those_who_do_not_see_it() -> None:
    dot = display.status_dot("OPEN")
    assert "tone-open" in dot
    assert "Status: Open" in dot
    assert "Status: Finished with errors" in display.status_dot("FINISHED_WITH_ERRORS")


def test_a_go_to_link_is_named_for_the_record_it_leads_to_and_escapes_it() -> None:
    link = display.go_to("<b>60000</b>", "/x/?a=1&b=2", "usage")
    assert "Go to usage </span>&lt;b&gt;60000&lt;/b&gt;" in link
    assert 'href="/x/?a=1&amp;b=2"' in link


@pytest.mark.parametrize(
    ("seconds", "text"), [("0.42", "0.4 s"), ("42", "42 s"), ("200", "3 min 20 s"), ("7500", "2 h 5 min")]
)
def test_a_duration_is_said_in_the_units_people_use(seconds: str, text: str) -> None:
    assert display.duration(Decimal(seconds)) == text
