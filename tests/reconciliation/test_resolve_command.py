"""`resolve`: what it prints, what it posts, and that one refused code does not keep the others."""

import io
import json
from decimal import Decimal
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from lots.models import CostPool, InventoryLot, LineItemCode, Preference
from reconciliation.models import ReconciliationRun
from tests.factories import make_code, make_guide_list, make_lot, make_usage, reconcile
from tests.reconciliation.records import culprits
from usage.models import InventoryAdjustment

pytestmark = pytest.mark.django_db


def told(*arguments: str, exit_code: int = 0) -> dict[str, Any]:
    out = io.StringIO()
    try:
        call_command("resolve", "--json", *arguments, stdout=out)
        code: Any = 0
    except SystemExit as ended:
        code = ended.code
    assert code == exit_code
    found: dict[str, Any] = json.loads(out.getvalue())
    return found


def still_open() -> set[str]:
    return set(CostPool.objects.filter(open_count__gt=0).values_list("code__code", flat=True))


def test_the_guides_list_is_resolved_with_one_adjustment_each_and_one_run() -> None:
    make_guide_list()
    runs = ReconciliationRun.objects.count()
    codes = {row["code"]: row for row in told()["codes"]}
    assert {code: (row["form"], row["passes"]) for code, row in codes.items()} == {
        "16G-W": ("net positive", 1),
        "TB-LIT102": ("net positive", 1),
        "TM-FRNCH3": ("net zero", 2),
    }
    assert [Decimal(line["quantity"]) for line in codes["TM-FRNCH3"]["lines"]] == [125, -125]
    assert still_open() == set()
    assert InventoryAdjustment.objects.filter(status="POSTED").count() == 3
    assert ReconciliationRun.objects.count() == runs + 1
    assert culprits() == {}


def test_a_dry_run_says_the_same_and_posts_nothing() -> None:
    make_guide_list()
    foretold = told("--dry-run")
    assert not InventoryAdjustment.objects.exists()
    assert still_open() == {"16G-W", "TB-LIT102", "TM-FRNCH3"}
    kept = ("code", "form", "net", "lines", "passes")
    done = told()
    assert [{key: row[key] for key in kept} for row in done["codes"]] == [
        {key: row[key] for key in kept} for row in foretold["codes"]
    ]


def test_only_the_codes_that_were_named() -> None:
    make_guide_list()
    told("--code", "16G-W")
    assert still_open() == {"TB-LIT102", "TM-FRNCH3"}


def test_one_refused_code_does_not_keep_the_others() -> None:
    make_guide_list()
    # Its units have serial numbers, which only people can name.
    LineItemCode.objects.filter(code="16G-W").update(is_serialized=True)
    codes = {row["code"]: row for row in told(exit_code=1)["codes"]}
    assert "serial numbers" in codes["16G-W"]["left_out"]
    assert (codes["16G-W"]["error"], codes["16G-W"]["resolved"]) == (None, False)
    assert still_open() == {"16G-W"}


def test_what_needs_approval_stays_pending_and_says_so() -> None:
    make_code("DEAR", cost="100")
    make_usage("DEAR", "5")
    reconcile()
    Preference.objects.update(approve_above=Decimal(100))
    foretold = told("--dry-run", exit_code=1)
    assert (foretold["awaiting_approval"], foretold["resolved"]) == (1, 0)
    found = told(exit_code=1)
    assert (found["awaiting_approval"], found["resolved"]) == (1, 0)
    assert found["codes"][0]["awaits_approval"] is True
    assert InventoryAdjustment.objects.get().status == "PENDING"
    assert still_open() == {"DEAR"}


def test_an_unknown_code_is_refused_before_anything_is_posted() -> None:
    make_guide_list()
    with pytest.raises(CommandError, match="Unknown code: NOPE"):
        call_command("resolve", "--code", "NOPE")
    assert not InventoryAdjustment.objects.exists()


def test_an_unknown_code_is_said_in_json_where_json_is_asked_for() -> None:
    make_guide_list()
    assert "Unknown code: NOPE" in told("--code", "NOPE", exit_code=2)["error"]
    assert not InventoryAdjustment.objects.exists()


def test_codes_are_found_however_their_letters_are_written() -> None:
    make_guide_list()
    assert [row["code"] for row in told("--dry-run", "--code", "tm-frnch3")["codes"]] == ["TM-FRNCH3"]


def test_a_dry_run_counts_only_what_would_be_resolved() -> None:
    for name in ("PLAIN", "SERIAL", "MFR", "UNPRICED"):
        make_code(name, cost="0" if name == "UNPRICED" else "2")
        make_usage(name, "1")
    reconcile()
    LineItemCode.objects.filter(code="SERIAL").update(is_serialized=True)
    LineItemCode.objects.filter(code="MFR").update(is_tracked_by_manufacturer_lot=True)
    for arguments in (("--dry-run",), ()):
        found = told(*arguments, exit_code=1)
        assert (found["resolved"], found["left_out"], found["failed"]) == (1, 3, 0)
        reasons = {row["code"]: row["left_out"] for row in found["codes"] if row["left_out"]}
        assert "name the lot" in reasons["MFR"]
        assert "enter what a unit costs" in reasons["UNPRICED"]
    assert still_open() == {"SERIAL", "MFR", "UNPRICED"}
    assert [lot.code.code for lot in InventoryLot.objects.select_related("code")] == ["PLAIN"]


def test_it_says_which_usage_it_lets_go() -> None:
    tied = make_lot("TIED", received="2", value="4.00")
    usage = make_usage("TIED", "5", only_lots=[tied])
    reconcile()
    out = io.StringIO()
    call_command("resolve", "--dry-run", stdout=out)
    assert f"lets usage {usage.number} (3, tied to lot {tied.number}) use any lot" in out.getvalue()
    released = told()["codes"][0]["releases"]
    assert [(row["usage"], row["lots"]) for row in released] == [(usage.number, [tied.number])]
    assert still_open() == set()


def test_text_says_form_lines_and_passes() -> None:
    make_guide_list()
    out = io.StringIO()
    call_command("resolve", "--dry-run", "--code", "TM-FRNCH3", stdout=out)
    assert "TM-FRNCH3: net zero 0; +125 at 74.99 (est unit cost 74.99), -125; office AI; 2 passes" in out.getvalue()
    assert "1 of 1 would be resolved." in out.getvalue()
