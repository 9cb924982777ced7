"""What the button does: ask for a run, unless the same person has just asked for the very same."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet

from lots.models import CostPool, LineItemCode
from reconciliation.models import ReconciliationRun
from reconciliation.requests import request_run
from reconciliation.selectors import pools_in_scope

# A second click, or "back" and send again.
IMPATIENCE: Final = timedelta(seconds=15)


@transaction.atomic
def run_pressed(
    *, requested_by: User, now: datetime, codes: Collection[str] | None = None
) -> tuple[ReconciliationRun, bool]:
    """Ask for a run over everything, or over chosen codes. Returns the run, and whether it is a new one.

    Raises ValidationError when a code is not known.
    """
    if codes is not None:
        _refuse_unknown(codes)
    # Two requests of one person, from one impatient double click, pass here one after the other.
    User.objects.select_for_update(no_key=True).get(pk=requested_by.pk)
    if (same := _just_asked_for(requested_by=requested_by, now=now, codes=codes)) is not None:
        return same, False
    run = request_run(trigger=ReconciliationRun.Trigger.BUTTON, now=now, requested_by=requested_by, codes=codes)
    return run, run.requested_at == now and run.requested_by_id == requested_by.pk


def _refuse_unknown(codes: Collection[str]) -> None:
    if not codes:
        raise ValidationError("Name at least one code. Nothing was started.")
    known = set(LineItemCode.objects.filter(code__in=codes).values_list("code", flat=True))
    if unknown := sorted(set(codes) - known):
        raise ValidationError(f"There is no line item code {', '.join(unknown)}. Nothing was started.")


def _just_asked_for(*, requested_by: User, now: datetime, codes: Collection[str] | None) -> ReconciliationRun | None:
    """The run of a moment ago over the same codes, as long as nothing was posted since that it does not cover."""
    recent = ReconciliationRun.objects.filter(
        trigger=ReconciliationRun.Trigger.BUTTON,
        requested_by=requested_by,
        requested_at__gt=now - IMPATIENCE,
        is_everything=codes is None,
    ).order_by("-pk")
    scope = pools_in_scope(codes=codes)
    for run in recent:
        if scope.filter(has_work=True, work_noted_at__gt=run.requested_at).exists():
            continue
        if codes is None or _covers(run, codes, scope):
            return run
    return None


def _covers(run: ReconciliationRun, codes: Collection[str], scope: QuerySet[CostPool]) -> bool:
    """Whether the run took these codes and no others."""
    taken = set(run.work.values_list("pool__code__code", flat=True))
    return taken <= set(codes) and set(scope.values_list("code__code", flat=True)) <= taken
