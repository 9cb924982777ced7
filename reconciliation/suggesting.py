"""What the workbench proposes for a code: the adjustment that clears it, and which usage it lets go from its lots.

The rule for the quantity stands in the guide on curing unallocated usage (`usage/shapes.py`). It is asked of what a run
would leave open, not of what is open now: a run that is due may do part of the work, or usage that is let go. Usage
that is tied to lots is let go only where a run cannot serve it from these, and nothing more is due for them.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from django.core.exceptions import ValidationError
from django.db.models import Sum
from django.db.models.functions import Abs

from inventory_site.fields import QUANTITY_STEP
from inventory_site.money import quantity_text, unit_cost_text
from lots.models import CostPool, InventoryLot, LineItemCode, Office, Preference
from lots.models import PostingStatus as Posting
from reconciliation.engine import CostMethod, PlanBroken, RecordRefused
from reconciliation.planning import plan_pool
from reconciliation.resolution_preview import on_hand_at, pool_of
from reconciliation.snapshot import Snapshot, read_snapshots
from reconciliation.whatif import Line, release
from usage.adjusting import awaits_approval
from usage.models import InventoryAdjustment, InventoryUsage, OpenUsage
from usage.shapes import Form, curing_quantity, form_of

ZERO: Final = Decimal(0)
UNIT_COST_STEP: Final = Decimal("0.000001")
NO_COST: Final = "no estimate and no lot: enter what a unit costs"


@dataclass(frozen=True, slots=True)
class Tied:
    """Open usage that a run cannot serve from the lots that it is tied to."""

    usage: InventoryUsage
    rest: Decimal
    lots: tuple[InventoryLot, ...]
    # Goods moved to another office must not be drawn from what they brought there.
    is_a_move: bool

    @property
    def may_be_let_go(self) -> bool:
        return not self.is_a_move

    @property
    def why_kept(self) -> str:
        """What serves it instead of any lot."""
        if self.is_a_move:
            return f"{self} moved goods to another office: enter what its own lots lack"
        return f"{self} waits for {quantity_text(self.due)} that are due for its lots"

    @property
    def due(self) -> Decimal:
        """What is still to come for its lots: that serves it without anything else."""
        return sum(
            (
                max(lot.quantity_ordered - lot.quantity_received, ZERO)
                for lot in self.lots
                if not lot.is_source_complete
            ),
            ZERO,
        )

    @property
    def to_grow(self) -> tuple[InventoryLot, ...]:
        """Its lots that a line can go into."""
        if self.rest < 0:
            return ()
        return tuple(lot for lot in self.lots if lot.is_source_complete and not lot.is_fed)

    def __str__(self) -> str:
        lots = ", ".join(lot.number for lot in self.lots)
        return f"usage {self.usage.number} ({quantity_text(self.rest)}, tied to lot {lots})"


@dataclass(frozen=True, slots=True)
class Suggestion:
    """The adjustment that clears a pool; without lines a run alone does."""

    pool: CostPool
    # Where most of the open usage stands, and what is open at each office, the most first.
    office: Office | None
    open_by_office: tuple[tuple[Office | None, Decimal], ...]
    form: Form
    net: Decimal
    lines: tuple[Line, ...]
    m: Decimal
    tied: tuple[Tied, ...]
    releases: tuple[int, ...]
    note: str
    unit_cost: Decimal | None
    cost_source: str
    on_hand: Decimal
    on_hand_everywhere: Decimal
    takes_two_lines: bool  # a write-off beside the lot: net negative and net zero
    pending: InventoryAdjustment | None

    @property
    def is_run_enough(self) -> bool:
        return not self.lines

    @property
    def released(self) -> tuple[Tied, ...]:
        return tuple(tied for tied in self.tied if tied.usage.pk in self.releases)

    @property
    def kept(self) -> tuple[Tied, ...]:
        return tuple(tied for tied in self.tied if tied.usage.pk not in self.releases)

    @property
    def pending_state(self) -> str:
        return state_of_cure(self.pending) if self.pending is not None else ""

    @property
    def offices_note(self) -> str:
        """Where the usage stands, if that is several offices."""
        if len(self.open_by_office) < 2 or self.pool.office_id is not None:
            return ""
        places = ", ".join(
            f"{quantity_text(quantity)} {f'at {office}' if office else 'without an office'}"
            for office, quantity in self.open_by_office
        )
        return f"Open usage stands in several places: {places}. The adjustment is of one office: choose which."

    @property
    def only_people_can(self) -> str:
        """Why it cannot be posted as it is proposed, without somebody who knows more, or ""."""
        if self.pending is not None:
            return f"Adjustment {self.pending.number} resolves it and {state_of_cure(self.pending)}."
        code = self.pool.code
        if self.lines and code.is_serialized:
            return "Its units have serial numbers: resolve it on its own page, and name them."
        if self.lines and code.is_tracked_by_manufacturer_lot:
            return "It is tracked by manufacturer lot: resolve it on its own page, and name the lot."
        if any(line.quantity > 0 for line in self.lines) and self.unit_cost is None:
            return "There is no estimate and no lot to take the cost from: enter what a unit costs, on its own page."
        return ""


def suggest(code: LineItemCode, pool: CostPool | None = None, *, count: Decimal | None = None) -> Suggestion:
    """Propose what clears a code (in one pool, where offices are apart), writing nothing.

    Net positive: one line of at least the net. Net negative and net zero: two lines, +m and -m. `count` is what is
    physically there, at the office proposed: then On Hand ends at it.
    """
    pool = pool or pool_of(code)
    places = open_by_office(pool)
    office = pool.office or next((place for place, _ in places if place is not None), None)
    positive, negative = pool.open_unallocated_positive, pool.open_unallocated_negative
    tied: tuple[Tied, ...] = ()
    releases: tuple[int, ...] = ()
    if pool.has_work or OpenUsage.objects.filter(pool=pool, is_restricted=True).exists():
        tied, releases, positive, negative = _open_after_a_run(pool)
    net = positive + negative
    m = curing_quantity(unallocated_positive=positive, unallocated_negative=negative)
    unit_cost, source = cost_of(code, pool)
    on_hand = on_hand_at(pool, office)
    lines = lines_for(
        quantity=m,
        takes_two_lines=net <= 0,
        unit_cost=unit_cost or ZERO,
        cost_source=source,
        change=None if count is None else count - on_hand,
    )
    left = (positive, negative) if pool.has_work else None
    return Suggestion(
        pool=pool,
        office=office,
        open_by_office=places,
        form=form_of(pool.open_unallocated),
        net=pool.open_unallocated,
        lines=lines,
        m=m,
        tied=tied,
        releases=releases,
        note=_note(form_of(net), m, has_lines=bool(lines), tied=tied, releases=releases, left=left),
        unit_cost=unit_cost,
        cost_source=source,
        on_hand=on_hand,
        on_hand_everywhere=on_hand_at(pool, None),
        takes_two_lines=net <= 0,
        pending=pending_cure(pool),
    )


def open_by_office(pool: CostPool) -> tuple[tuple[Office | None, Decimal], ...]:
    """How much is open at each office, either way, the most first."""
    rows = (
        OpenUsage.objects.filter(pool=pool)
        .order_by()
        .values_list("usage__office")
        .annotate(open=Sum(Abs("quantity_unallocated")))
        .order_by("-open", "usage__office")
    )
    offices = Office.objects.in_bulk([pk for pk, _ in rows if pk is not None])
    return tuple((offices.get(pk), quantity) for pk, quantity in rows)


def pending_cure(pool: CostPool) -> InventoryAdjustment | None:
    """The adjustment that resolves this pool once it is posted, which may take somebody's approval."""
    waiting = InventoryAdjustment.objects.filter(status=Posting.PENDING, lines__code=pool.code_id)
    if pool.office_id is not None:
        waiting = waiting.filter(office=pool.office_id)
    return waiting.exclude(preview_fingerprint="").order_by("pk").first()


def state_of_cure(pending: InventoryAdjustment) -> str:
    """What a pending cure waits for, and what to do about it."""
    if awaits_approval(pending):
        return "waits for approval: approve or void it first"
    return "is pending: post or void it first"


def lines_for(
    *,
    quantity: Decimal,
    takes_two_lines: bool,
    unit_cost: Decimal,
    cost_source: str = "",
    change: Decimal | None = None,
) -> tuple[Line, ...]:
    """One line of this quantity, or two; `change` is what On Hand shall change by in all, where a count says so."""
    plus, minus = quantity, quantity if takes_two_lines else ZERO
    if change is not None:
        plus, minus = _to_the_count(plus, minus, wanted=change)
    added = (Line(plus, unit_cost, cost_source),) if plus else ()
    return (*added, Line(-minus)) if minus else added


def _to_the_count(plus: Decimal, minus: Decimal, *, wanted: Decimal) -> tuple[Decimal, Decimal]:
    """Keep what clears the code, and let both lines together change On Hand by just `wanted`."""
    change = plus - minus
    if wanted >= change:
        return plus + wanted - change, minus
    return plus, minus + change - wanted


def _note(
    form: Form,
    m: Decimal,
    *,
    has_lines: bool,
    tied: Sequence[Tied],
    releases: Collection[int],
    left: tuple[Decimal, Decimal] | None,
) -> str:
    freed = [str(one) for one in tied if one.usage.pk in releases]
    kept = [one.why_kept for one in tied if one.usage.pk not in releases]
    said = [f"Lets {', '.join(freed)} use any lot."] if freed else []
    if kept:
        said.append(f"Stays open: {'; '.join(kept)}.")
    if m:
        if left is not None:
            used, returned = left
            said.append(
                f"The run that is due leaves {quantity_text(used)} used and {quantity_text(-returned)} returned."
            )
        amount = quantity_text(m)
        said.append(
            f"One line: a lot of at least {amount}, the net that is missing."
            if form is Form.NET_POSITIVE
            else f"Two lines, +{amount} and -{amount}: the larger of both sides, so that two passes do."
        )
        return " ".join(said)
    said.append(f"A run {'then ' if freed else ''}closes {'everything else' if kept else 'everything'}.")
    said += ["The lines bring On Hand to the count."] if has_lines else [] if freed else ["No adjustment is needed."]
    return " ".join(said)


def _open_after_a_run(pool: CostPool) -> tuple[tuple[Tied, ...], tuple[int, ...], Decimal, Decimal]:
    """The usage that its lots cannot serve, which of it to let go, and what else stays open then on either side.

    What is let go may take what other tied usage would have had: planned again until nothing more turns up.
    """
    snapshot = read_snapshots([pool.pk])[0]
    tied: dict[int, Tied] = {}
    releases: set[int] = set()
    while True:
        rests = _rests(pool, release(snapshot, releases))
        stuck = {
            usage.key
            for usage in snapshot.usages
            if usage.only_lots is not None and usage.key not in releases and rests[usage.key]
        }
        found = _tied({pk: rests[pk] for pk in stuck - tied.keys()})
        tied |= found
        if not (new := {pk for pk, one in found.items() if one.may_be_let_go and not one.due}):
            break
        releases |= new
    others = [rest for usage, rest in rests.items() if usage not in stuck]
    positive = sum(rest for rest in others if rest > 0)
    negative = sum(others) - positive
    in_order = tuple(tied[pk] for pk in sorted(tied))
    return in_order, tuple(sorted(releases)), positive * QUANTITY_STEP, negative * QUANTITY_STEP


def _rests(pool: CostPool, snapshot: Snapshot) -> dict[int, int]:
    try:
        plan = plan_pool(snapshot, CostMethod(Preference.current().cogs_method)).plan
    except (PlanBroken, RecordRefused) as error:
        raise ValidationError(f"A run would set {pool.code} aside, so nothing can be proposed. {error}") from error
    return dict(plan.quantity_unallocated_after)


def _tied(rests: dict[int, int]) -> dict[int, Tied]:
    usages = (
        InventoryUsage.objects.filter(pk__in=rests).prefetch_related("restrictions__lot", "feeds__lot").order_by("pk")
    )
    return {
        usage.pk: Tied(
            usage,
            rests[usage.pk] * QUANTITY_STEP,
            tuple(row.lot for row in sorted(usage.restrictions.all(), key=lambda row: row.lot_id)),
            is_a_move=any(feed.lot.code_id == usage.code_id for feed in usage.feeds.all()),
        )
        for usage in usages
    }


def cost_of(code: LineItemCode, pool: CostPool) -> tuple[Decimal | None, str]:
    """What a unit is taken to cost, and where that comes from: the estimate, or else the newest lot."""
    if code.est_unit_cost:
        return code.est_unit_cost, f"est unit cost {unit_cost_text(code.est_unit_cost)}"
    lots = InventoryLot.objects.filter(code=code, quantity_received__gt=0, value__gt=0)
    newest = lots.order_by("-first_received_at", "-pk").first()
    if newest is None:
        return None, NO_COST
    cost = unit_cost_of_lot(newest)
    return cost, f"lot {newest.number}, {unit_cost_text(cost)} a unit; there is no estimate"


def unit_cost_of_lot(lot: InventoryLot) -> Decimal:
    return (lot.value / lot.quantity_received).quantize(UNIT_COST_STEP)
