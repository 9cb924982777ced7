"""Making unallocated usage go away: propose the adjustment, and post just what was shown.

The rule for the quantity stands in the guide on curing unallocated usage (`usage/shapes.py`). It is asked of what a run
would leave open, not of what is open now: a run that is due, or letting usage go from lots it is tied to, may do part
of the work.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import transaction

from inventory_site.fields import QUANTITY_STEP
from inventory_site.money import quantity_text, unit_cost_text
from lots.locks import lock_pools, preference_in_force
from lots.models import Account, CostPool, InventoryLot, LineItemCode, Preference
from lots.models import PostingStatus as Posting
from reconciliation.engine import CostMethod, PlanBroken, RecordRefused
from reconciliation.models import ReconciliationRun
from reconciliation.planning import plan_pool
from reconciliation.requests import request_run
from reconciliation.resolution_preview import ResolutionPreview, pool_of, preview_resolution
from reconciliation.snapshot import read_snapshots
from reconciliation.whatif import Line, release
from usage.adjusting import adjustment_post, adjustment_save, needs_approval
from usage.models import InventoryAdjustment, InventoryUsage, OpenUsage
from usage.services import restriction_release
from usage.shapes import Form, curing_quantity, form_of

ZERO: Final = Decimal(0)
UNIT_COST_STEP: Final = Decimal("0.000001")
RELEASED_BECAUSE: Final = "None of the lots that it was tied to can serve it"

__all__ = ["Line", "RecordsChanged", "Resolved", "Suggestion", "preview_resolution", "resolve_post", "suggest"]


@dataclass(frozen=True, slots=True)
class Suggestion:
    """The adjustment that clears a pool; without lines a run alone does."""

    pool: CostPool
    form: Form
    net: Decimal
    lines: tuple[Line, ...]
    m: Decimal
    releases: tuple[int, ...]
    note: str
    unit_cost: Decimal
    cost_source: str
    on_hand: Decimal
    takes_two_lines: bool  # a write-off beside the lot: net negative and net zero

    @property
    def is_run_enough(self) -> bool:
        return not self.lines


class RecordsChanged(ValidationError):
    """The records are not what the preview was made from; `preview` is made from what they are now."""

    def __init__(self, preview: ResolutionPreview) -> None:
        self.preview = preview
        super().__init__(
            f"The records of {preview.pool.code} changed after the preview was made. Nothing was posted; this is what"
            " would happen now. Look at it, and post again.",
            code="records_changed",
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


# -- The proposal ------------------------------------------------------------------------------------
def suggest(code: LineItemCode, pool: CostPool | None = None, *, count: Decimal | None = None) -> Suggestion:
    """Propose what clears a code (in one pool, where offices are apart), writing nothing.

    Net positive: one line of at least the net. Net negative and net zero: two lines, +m and -m. `count` is what is
    physically there: then On Hand ends at it. Usage that is tied to lots is let go, for no new lot can serve it.
    """
    pool = pool or pool_of(code)
    releases = tuple(
        OpenUsage.objects.filter(pool=pool, is_restricted=True).order_by("pk").values_list("pk", flat=True)
    )
    positive, negative = pool.open_unallocated_positive, pool.open_unallocated_negative
    if pool.has_work or releases:
        positive, negative = _open_after_a_run(pool, releases)
    net = positive + negative
    m = curing_quantity(unallocated_positive=positive, unallocated_negative=negative)
    unit_cost, source = cost_of(code, pool)
    on_hand = pool.quantity_received - pool.quantity_used - pool.open_unallocated
    lines = lines_for(
        quantity=m,
        takes_two_lines=net <= 0,
        unit_cost=unit_cost,
        cost_source=source,
        change=None if count is None else count - on_hand,
    )
    return Suggestion(
        pool=pool,
        form=form_of(pool.open_unallocated),
        net=pool.open_unallocated,
        lines=lines,
        m=m,
        releases=releases,
        note=_note(form_of(net), m, has_lines=bool(lines), released=len(releases)),
        unit_cost=unit_cost,
        cost_source=source,
        on_hand=on_hand,
        takes_two_lines=net <= 0,
    )


def lines_for(
    *,
    quantity: Decimal,
    takes_two_lines: bool,
    unit_cost: Decimal,
    cost_source: str = "",
    change: Decimal | None = None,
    into_lot: InventoryLot | None = None,
) -> tuple[Line, ...]:
    """One line of this quantity, or two; `change` is what On Hand shall change by in all, where a count says so."""
    plus, minus = quantity, quantity if takes_two_lines else ZERO
    if change is not None:
        plus, minus = _to_the_count(plus, minus, wanted=change)
    added = (Line(plus, unit_cost, cost_source, into_lot),) if plus else ()
    return (*added, Line(-minus)) if minus else added


def _to_the_count(plus: Decimal, minus: Decimal, *, wanted: Decimal) -> tuple[Decimal, Decimal]:
    """Keep what clears the code, and let both lines together change On Hand by just `wanted`."""
    change = plus - minus
    if wanted >= change:
        return plus + wanted - change, minus
    return plus, minus + change - wanted


def _note(form: Form, m: Decimal, *, has_lines: bool, released: int) -> str:
    freed = ""
    if released:
        which = "the usage that is tied to lots" if released == 1 else f"{released:,} usages that are tied to lots"
        freed = f"Lets {which} use any lot. "
    if not m:
        counted = " The lines bring On Hand to the count." if has_lines else " No adjustment is needed."
        return f"{freed}A run then closes everything.{counted}" if freed else f"A run closes everything.{counted}"
    amount = quantity_text(m)
    if form is Form.NET_POSITIVE:
        return f"{freed}One line: a lot of at least {amount}, the net that is missing."
    return f"{freed}Two lines, +{amount} and -{amount}: the larger of both sides, so that two passes do."


def _open_after_a_run(pool: CostPool, releases: Collection[int]) -> tuple[Decimal, Decimal]:
    snapshot = release(read_snapshots([pool.pk])[0], releases)
    try:
        plan = plan_pool(snapshot, CostMethod(Preference.current().cogs_method)).plan
    except (PlanBroken, RecordRefused) as error:
        raise ValidationError(f"A run would set {pool.code} aside, so nothing can be proposed. {error}") from error
    rests = plan.quantity_unallocated_after.values()
    positive = sum(rest for rest in rests if rest > 0)
    return positive * QUANTITY_STEP, (sum(rests) - positive) * QUANTITY_STEP


def cost_of(code: LineItemCode, pool: CostPool) -> tuple[Decimal, str]:
    """What a unit is taken to cost, and where that comes from: the estimate, or else the newest lot."""
    if code.est_unit_cost:
        return code.est_unit_cost, f"est unit cost {unit_cost_text(code.est_unit_cost)}"
    lots = InventoryLot.objects.filter(code=code, quantity_received__gt=0, value__gt=0)
    newest = lots.order_by("-first_received_at", "-pk").first()
    if newest is None:
        return ZERO, "no estimate and no lot: enter what a unit costs"
    cost = (newest.value / newest.quantity_received).quantize(UNIT_COST_STEP)
    return cost, f"lot {newest.number}, {unit_cost_text(cost)} a unit; there is no estimate"


def lots_to_grow(pool: CostPool, releases: Collection[int]) -> list[InventoryLot]:
    """Lots that tied usage names, which a line may grow instead of making a new one."""
    tied = InventoryLot.objects.filter(pk__in=_tied_lots(releases), pool=pool, is_fed=False, is_source_complete=True)
    return list(tied.order_by("pk"))


def _tied_lots(usages: Collection[int]) -> list[int]:
    restrictions = InventoryUsage._meta.get_field("restrictions").related_model
    return list(restrictions._base_manager.filter(usage__in=usages).values_list("lot_id", flat=True))


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
    with_run: bool = True,
) -> Resolved:
    """Post the adjustment that a preview showed, and ask for the run: both or nothing.

    Locks the pool, looks again and compares. Writes the releases, the Beginning Balance with what it makes, and the run
    (unless `with_run` is False: somebody runs many codes at once). An adjustment above the limit of the preferences
    stays pending until somebody else approves it; then there is no run yet. Raises RecordsChanged, with the preview as
    it would be now, when the fingerprint differs (None: whatever is there now), and ValidationError where a service
    refuses; nothing is posted then.
    """
    chosen = pool or pool_of(code)
    preference_in_force()
    lock_pools([chosen.pk])
    preview = preview_resolution(
        code=code, lines=lines, adjusted_at=adjusted_at, account=account, pool=chosen, releases=releases, now=at
    )
    if fingerprint is not None and preview.fingerprint != fingerprint:
        raise RecordsChanged(preview)
    if preview.error:
        raise ValidationError(f"{preview.error} Nothing was posted.")
    _refuse_a_second(chosen)
    for usage in InventoryUsage.objects.filter(pk__in=releases).order_by("pk"):
        restriction_release(usage=usage, by=by, at=at, reason=RELEASED_BECAUSE)
    adjustment = _post_adjustment(preview, by=by, at=at) if lines else None
    resolved = Resolved(preview, adjustment, None)
    if not with_run or resolved.awaits_approval:
        return resolved
    run = request_run(trigger=ReconciliationRun.Trigger.BUTTON, now=at, requested_by=by, codes=[code.code])
    return Resolved(preview, adjustment, run)


def _refuse_a_second(pool: CostPool) -> None:
    """What waits for approval resolves the code already; another one would be posted on top of it."""
    waiting = (
        InventoryAdjustment.objects.filter(status=Posting.PENDING, lines__code=pool.code, office=pool.office)
        .exclude(preview_fingerprint="")
        .first()
    )
    if waiting is not None:
        raise ValidationError(
            f"Adjustment {waiting.number} resolves {pool.code} and waits for approval: approve or void it first."
            " Nothing was posted."
        )


def _post_adjustment(preview: ResolutionPreview, *, by: User | None, at: datetime) -> InventoryAdjustment:
    pool = preview.pool
    adjustment = adjustment_save(
        adjustment=None,
        adjustment_type=InventoryAdjustment.Type.BEGINNING_BALANCE,
        adjusted_at=preview.adjusted_at,
        office=pool.office,
        account=preview.account,
        description=f"Resolves unallocated usage of {pool.code}",
        lines=[
            {
                "code": pool.code,
                "quantity": line.quantity,
                "unit_cost": line.unit_cost if line.quantity > 0 else None,
                "into_lot": line.into_lot,
            }
            for line in preview.lines
        ],
        by=by,
        at=at,
        preview_fingerprint=preview.fingerprint,
    )
    if needs_approval(adjustment):
        return adjustment
    return adjustment_post(adjustment=adjustment, by=by, at=at)


def pools_to_resolve(codes: Collection[str] | None = None) -> Iterator[CostPool]:
    """The pools with open usage, of all codes or of chosen ones, by code."""
    pools = CostPool.objects.filter(open_count__gt=0).select_related("code", "office")
    if codes is not None:
        pools = pools.filter(code__code__in=codes)
    return pools.order_by("code__code", "pk").iterator(chunk_size=500)
