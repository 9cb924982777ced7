"""`resolve`: what it prints, what it posts, and that one refused code does not keep the others."""

import io
import json
from decimal import Decimal
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from lots.models import CostPool, LineItemCode, Preference
from reconciliation.models import ReconciliationRun
from tests.factories import make_code, make_guide_list, make_usage, reconcile
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
    assert codes["16G-W"]["error"]
    assert still_open() == {"16G-W"}


def test_what_needs_approval_stays_pending_and_says_so() -> None:
    make_code("DEAR", cost="100")
    make_usage("DEAR", "5")
    reconcile()
    Preference.objects.update(approve_above=Decimal(100))
    found = told(exit_code=0)
    assert found["awaiting_approval"] == 1
    assert found["codes"][0]["awaits_approval"] is True
    assert InventoryAdjustment.objects.get().status == "PENDING"
    assert still_open() == {"DEAR"}


def test_an_unknown_code_is_refused_before_anything_is_posted() -> None:
    make_guide_list()
    with pytest.raises(CommandError, match="Unknown code: NOPE"):
        call_command("resolve", "--code", "NOPE")
    assert not InventoryAdjustment.objects.exists()


def test_text_says_form_lines_and_passes() -> None:
    make_guide_list()
    out = io.StringIO()
    call_command("resolve", "--dry-run", "--code", "TM-FRNCH3", stdout=out)
    assert "TM-FRNCH3: net zero 0; +125 at 74.99 (est unit cost 74.99), -125; 2 passes" in out.getvalue()
    assert "1 of 1 would be resolved." in out.getvalue()
