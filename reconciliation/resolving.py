"""Making unallocated usage go away: post just what was shown, at once or after somebody else approved it."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import transaction

from lots.accounts import default_account
from lots.locks import lock_pools, preference_in_force
from lots.models import Account, CostPool, LineItemCode, Office
from lots.models import PostingStatus as Posting
from reconciliation.cure_document import CURE, line_values, lines_of
from reconciliation.models import ReconciliationRun
from reconciliation.requests import request_run
from reconciliation.resolution_preview import ResolutionPreview, pool_of, preview_resolution
from reconciliation.suggesting import Suggestion, pending_cure, state_of_cure, suggest
from reconciliation.whatif import Line
from usage.adjusting import (
    RELEASED_BECAUSE,
    adjustment_approve,
    adjustment_post,
    adjustment_save,
    lines_to_post,
)
from usage.models import InventoryAdjustment, InventoryUsage
from usage.services import restriction_release

__all__ = ["Line", "RecordsChanged", "Resolved", "Suggestion", "preview_resolution", "resolve_post", "suggest"]


class RecordsChanged(ValidationError):
    """The records are not what the preview was made from; `preview` is made from what they are now."""

    def __init__(self, preview: ResolutionPreview, adjustment: InventoryAdjustment | None = None) -> None:
        self.preview = preview
        made = f"adjustment {adjustment} was previewed" if adjustment else "the preview was made"
        advice = "Take it over, or void the adjustment." if adjustment else "Look at it, and post again."
        super().__init__(
            f"The records of {preview.pool.code} changed after {made}. Nothing was posted; this is what would happen"
            f" now. {advice}",
            code="records_changed",
        )


class ShownOtherwise(RecordsChanged):
    """It is as it was previewed last, but that is not what the person had before them who agrees to it or posts it."""

    def __init__(self, preview: ResolutionPreview, adjustment: InventoryAdjustment) -> None:
        super().__init__(preview, adjustment)
        self.message = (
            f"Adjustment {adjustment} was taken over anew after your page was made. Nothing was changed or posted; this"
            " is what it would do now: look at it, and decide again."
        )


@dataclass(frozen=True, slots=True)
class Resolved:
    """What was posted. Without a run when somebody has to approve the adjustment first, or a run is not asked for."""

    preview: ResolutionPreview
    adjustment: InventoryAdjustment | None
    run: ReconciliationRun | None

    @property
    def awaits_approval(self) -> bool:
        return self.adjustment is not None and self.adjustment.status == Posting.PENDING


# -- Posting -----------------------------------------------------------------------------------------
@transaction.atomic
def resolve_post(
    *,
    code: LineItemCode,
    lines: Sequence[Line],
    adjusted_at: datetime,
    fingerprint: str | None,
    by: User | None,
    at: datetime,
    account: Account | None = None,
    pool: CostPool | None = None,
    releases: Collection[int] = (),
    office: Office | None = None,
    with_run: bool = True,
) -> Resolved:
    """Post the adjustment that a preview showed, and ask for the run: both or nothing.

    Locks the pool, looks again and compares. Writes the releases, the Beginning Balance with what it makes, and the run
    (unless `with_run` is False: somebody runs many codes at once). An adjustment above the limit of the preferences
    stays pending until somebody else approves it; then nothing is released and there is no run yet. Raises
    RecordsChanged, with the preview as it would be now, when the fingerprint differs (None: whatever is there now), and
    ValidationError where a service refuses; nothing is posted then.
    """
    chosen = pool or pool_of(code)
    preference_in_force()
    lock_pools([chosen.pk])
    preview = preview_resolution(
        code=code,
        lines=lines,
        adjusted_at=adjusted_at,
        account=account,
        pool=chosen,
        releases=releases,
        office=office,
        now=at,
    )
    if fingerprint is not None and preview.fingerprint != fingerprint:
        raise RecordsChanged(preview)
    if preview.error:
        raise ValidationError(f"{preview.error} Nothing was posted.")
    _refuse_a_second(chosen)
    if lines:
        adjustment = _save_cure(preview, by=by, at=at)
        if not preview.needs_approval:
            adjustment_post(adjustment=adjustment, by=by, at=at, previewed=preview.as_previewed)
    else:
        adjustment = None
        for usage in InventoryUsage.objects.filter(pk__in=releases).order_by("pk"):
            restriction_release(usage=usage, by=by, at=at, reason=RELEASED_BECAUSE)
    resolved = Resolved(preview, adjustment, None)
    if not with_run or resolved.awaits_approval:
        return resolved
    return Resolved(preview, adjustment, _run_of(chosen, by=by, at=at))


def _run_of(pool: CostPool, *, by: User | None, at: datetime) -> ReconciliationRun:
    return request_run(trigger=ReconciliationRun.Trigger.BUTTON, now=at, requested_by=by, codes=[pool.code.code])


def _refuse_a_second(pool: CostPool) -> None:
    """What is pending resolves the code already; another one would be posted on top of it."""
    waiting = pending_cure(pool)
    if waiting is not None:
        raise ValidationError(
            f"Adjustment {waiting.number} resolves {pool.code} and {state_of_cure(waiting)}. Nothing was posted."
        )


def _save_cure(
    preview: ResolutionPreview, *, by: User | None, at: datetime, adjustment: InventoryAdjustment | None = None
) -> InventoryAdjustment:
    return adjustment_save(
        adjustment=adjustment,
        adjustment_type=CURE,
        adjusted_at=preview.adjusted_at,
        office=preview.office,
        account=preview.account,
        description=f"Resolves unallocated usage of {preview.pool.code}",
        lines=[line_values(preview.pool.code, line) for line in preview.lines],
        by=by,
        at=at,
        previewed=preview.as_previewed,
        releases=InventoryUsage.objects.filter(pk__in=preview.releases),
    )


# -- What waits for approval -------------------------------------------------------------------------
def preview_cure(adjustment: InventoryAdjustment, *, now: datetime) -> ResolutionPreview:
    """What posting a pending cure would do now. Raises ValidationError where it never could."""
    code = adjustment.lines.select_related("code").order_by("position")[0].code
    is_split = preference_in_force().prevent_inter_office
    pool = CostPool.objects.select_related("code", "office").get(
        code=code, office=adjustment.office if is_split else None
    )
    return preview_resolution(
        code=code,
        lines=lines_of(adjustment),
        adjusted_at=adjustment.adjusted_at,
        account=adjustment.account or default_account("opening"),
        pool=pool,
        releases=list(adjustment.releases.values_list("pk", flat=True)),
        office=adjustment.office,
        now=now,
    )


@transaction.atomic
def cure_approve(*, adjustment: InventoryAdjustment, fingerprint: str, by: User, at: datetime) -> InventoryAdjustment:
    """Agree to a pending cure, as it was previewed and as `fingerprint` says it was shown. Raises RecordsChanged where
    it would do something else by now.
    """
    preview = _locked_preview(adjustment, fingerprint, at=at)
    return adjustment_approve(adjustment=adjustment, by=by, at=at, previewed=preview.as_previewed)


@transaction.atomic
def cure_post(*, adjustment: InventoryAdjustment, fingerprint: str, by: User | None, at: datetime) -> Resolved:
    """Post a pending cure with what it releases, and ask for the run. Raises RecordsChanged where it would do something
    else than what was previewed, or than `fingerprint` says was shown, and what `adjustment_post` raises; nothing is
    posted then.
    """
    preview = _locked_preview(adjustment, fingerprint, at=at)
    adjustment_post(adjustment=adjustment, by=by, at=at, previewed=preview.as_previewed)
    return Resolved(preview, adjustment, _run_of(preview.pool, by=by, at=at))


@transaction.atomic
def cure_renew(
    *, adjustment: InventoryAdjustment, fingerprint: str, by: User | None, at: datetime
) -> InventoryAdjustment:
    """Let a pending cure stand for what it would do now, which `fingerprint` says was shown. It is approved no more.

    Raises RecordsChanged where the records changed once more.
    """
    lines_to_post(adjustment)
    preview = preview_cure(adjustment, now=at)
    if preview.fingerprint != fingerprint:
        raise RecordsChanged(preview, adjustment)
    if preview.error:
        raise ValidationError(f"{preview.error} Nothing was changed.")
    return _save_cure(preview, by=by, at=at, adjustment=adjustment)


def _locked_preview(adjustment: InventoryAdjustment, shown: str, *, at: datetime) -> ResolutionPreview:
    """Lock document and pool, and look whether it still does what was previewed, and what was shown."""
    lines_to_post(adjustment)
    preview = preview_cure(adjustment, now=at)
    if adjustment.status != Posting.PENDING:
        return preview
    if preview.fingerprint != adjustment.preview_fingerprint:
        raise RecordsChanged(preview, adjustment)
    if preview.fingerprint != shown:
        raise ShownOtherwise(preview, adjustment)
    return preview


def pools_to_resolve(codes: Collection[LineItemCode] | None = None) -> Iterator[CostPool]:
    """The pools with open usage, of all codes or of chosen ones, by code."""
    pools = CostPool.objects.filter(open_count__gt=0).select_related("code", "office")
    if codes is not None:
        pools = pools.filter(code__in=codes)
    return pools.order_by("code__code", "pk").iterator(chunk_size=500)
