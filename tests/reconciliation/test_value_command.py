"""`value`: what inventory was worth on a day, for people and for scripts."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from tests.factories import make_lot, make_usage, reconcile

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def value(*arguments: str) -> str:
    out = StringIO()
    call_command("value", *arguments, stdout=out)
    return out.getvalue().rstrip("\n")


def as_json(*arguments: str) -> Any:
    return json.loads(value(*arguments, "--json"), parse_float=Decimal)


def stock() -> None:
    make_lot("WIRE", received="10", value="1234.50", on_day=1)
    make_usage("WIRE", "4", on_day=10)
    reconcile(now=NOW)


def test_people_see_a_line_per_account_and_the_total() -> None:
    stock()
    assert value("--as-of", "2026-01-31").splitlines() == [
        "Account                 Lots value      Ledger balance      Difference",
        "1200 Inventory              740.70              740.70            0.00",
        "Total                       740.70              740.70            0.00",
    ]


def test_scripts_get_numbers_with_all_their_digits() -> None:
    stock()
    figures = {"lots_value": Decimal("1234.50"), "ledger_balance": Decimal("1234.50"), "difference": Decimal("0.00")}
    assert as_json("--as-of", "2026-01-05") == {
        "as_of": "2026-01-05",
        "known_at": None,
        "accounts": [{"account": "1200", "name": "Inventory", **figures}],
        "total": figures,
    }


def test_what_was_known_before_anything_was_recorded_is_nothing() -> None:
    stock()
    known = as_json("--as-of", "2026-01-31", "--known-at", "2020-01-01 12:00")
    assert known["known_at"] == "2020-01-01T12:00:00+00:00"
    assert known["total"]["lots_value"] == 0
    assert known["accounts"] == []


def test_a_day_alone_as_the_moment_is_its_end() -> None:
    assert as_json("--as-of", "2026-01-31", "--known-at", "2026-04-05")["known_at"].startswith("2026-04-05T23:59:59")


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--as-of", "yesterday"], "is no day"),
        (["--as-of", "2026-02-30"], "is no day"),
        (["--as-of", "2026-01-31", "--known-at", "noon"], "is no moment"),
        (["--as-of", "2026-01-31", "--known-at", "2026-02-30 10:00"], "is no moment"),
    ],
)
def test_nonsense_is_refused_with_exit_code_1(arguments: list[str], why: str) -> None:
    with pytest.raises(CommandError, match=why) as refusal:
        value(*arguments)
    assert refusal.value.returncode == 1
