"""What an adjustment is worth: no low estimate makes a loss cheap, and what it was when it was posted stays."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.test import Client

from lots.models import LineItemCode, Preference, RecordHistory
from tests.factories import make_code, make_lot
from tests.reconciliation.records import run_now
from tests.usage.adjustments import AT, everything, line, pending, posted
from usage.adjusting import adjustment_amount, adjustment_post, adjustment_void, needs_approval
from usage.adjustment_querysets import adjustments
from usage.models import InventoryAdjustment

pytestmark = pytest.mark.django_db


def in_the_list(adjustment: InventoryAdjustment) -> Any:
    row: Any = adjustments().for_list().get(pk=adjustment.pk)
    return row.amount


def amount_of(adjustment: InventoryAdjustment) -> Decimal:
    return adjustment_amount(list(adjustment.lines.select_related("code").order_by("position")))


def test_no_low_estimate_passes_the_limit(person: Callable[[str], User]) -> None:
    Preference.objects.update(approve_above=Decimal(100))
    make_code("GOLD", cost="1000")
    make_lot("GOLD", received="10", value="10000")
    clerk = person("clerk")
    made = [
        pending("LOSS", line("GOLD", "10"), by=clerk),
        pending("COUNT", line("GOLD", count="0"), by=clerk),
        pending("BEGINNING_BALANCE", line("GOLD", "-10"), by=clerk),
        pending("TRANSFER", line("GOLD", "10", to_bin="B"), by=clerk),
        pending("ASSEMBLY", line("GOLD", "10", role="COMPONENT"), line("RING", "1", role="PRODUCT"), by=clerk),
    ]
    LineItemCode.objects.filter(code="GOLD").update(est_unit_cost=Decimal("0.01"))
    before = everything()
    for adjustment in made:
        assert amount_of(adjustment) == in_the_list(adjustment) == 10_000, adjustment.adjustment_type
        assert needs_approval(adjustment)
        with pytest.raises(ValidationError, match=r"10,000\.00 is above 100\.00"):
            adjustment_post(adjustment=adjustment, by=clerk, at=AT)
    assert everything() == before
    assert set(adjustments().for_list().needing_approval()) == set(made)
    # A high estimate counts as before: the larger of the two does.
    LineItemCode.objects.filter(code="GOLD").update(est_unit_cost=2000)
    assert amount_of(made[0]) == in_the_list(made[0]) == 20_000


def test_the_amount_of_a_posted_adjustment_stays(clerk: Client) -> None:
    make_code("GOLD", cost="0")
    make_code("WIRE", cost="2")
    make_lot("GOLD", received="10", value="10000")
    lost = pending("LOSS", line("GOLD", "10"), line("WIRE", "3"))
    waiting = pending("LOSS", line("GOLD", "1"))
    assert in_the_list(lost) == in_the_list(adjustment_post(adjustment=lost, by=None, at=AT)) == 10_006
    added = posted("BEGINNING_BALANCE", line("WIRE", "5"), line("WIRE", "2", unit_cost="7"))
    assert in_the_list(added) == 24
    posted("BEGINNING_BALANCE", line("GOLD", "990", unit_cost="1"))
    LineItemCode.objects.filter(code="WIRE").update(est_unit_cost=50)
    run_now()
    assert in_the_list(lost) == amount_of(lost) == 10_006
    assert in_the_list(added) == amount_of(added) == 24
    # What is pending goes by what lots hold now.
    assert in_the_list(waiting) == amount_of(waiting) == 1
    said = RecordHistory.objects.get(number=lost.number, action="Posted").note
    assert "amount 10,006.00" in said
    page = clerk.get(lost.get_absolute_url()).content.decode()
    assert "1,000.00 (when posted)" in page
    assert "10,006.00" in page
    adjustment_void(adjustment=lost, by=None, at=AT)
    assert in_the_list(lost) == amount_of(lost) == 10_006
