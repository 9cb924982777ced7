"""What resolving a code would do: the adjustment and the run after it, planned by the engine and not written.

The fingerprint is taken over everything that the plan was made from. Who posts holds the pool's lock, makes the preview
again and compares: so what is posted is what was shown.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.db import connection
from django.utils import timezone

from inventory_site.fields import MONEY_STEP, QUANTITY_STEP
from inventory_site.money import money_text, quantity_text
from lots.accounts import default_account, inventory_account
from lots.models import Account, CostPool, InventoryLot, LineItemCode, Office, Preference
from lots.periods import day_in_the_books, open_day, period_start
from reconciliation.apply import accruals_found, allocation_rows
from reconciliation.cure_document import draft_of
from reconciliation.dating import BookDays
from reconciliation.engine import Move, PassSummary, Remark
from reconciliation.foreseen import Event, MoneyLine
from reconciliation.moments import one_moment
from reconciliation.planning import PoolPlan
from reconciliation.posting import accruals_back
from reconciliation.rehearsal import Following, Rehearsal
from reconciliation.snapshot import Snapshot, read_snapshots
from reconciliation.whatif import Line, WhatIf, release, with_lines
from usage.adjusting import Previewed
from usage.adjustment_stock import on_hand_as_of
from usage.models import InventoryUsage, LotRecost, OpenUsage
from usage.shapes import Form, form_of
from usage.unit_names import Part

ZERO: Final = Decimal(0)
# It is made at every key stroke; after an import, very many may wait for a moment.
LOTS_LOOKED_AT: Final = 200
END_OF_TIME: Final = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class UsageOutcome:
    """What becomes of one usage; `usage` is None for the one that the adjustment would make."""

    usage: int | None
    number: str
    source_number: str
    used_at: datetime
    before: Decimal
    after: Decimal
    amount: Decimal

    @property
    def closes(self) -> bool:
        return self.after == 0


@dataclass(frozen=True, slots=True)
class LotOutcome:
    """What becomes of one lot; `lot` is None for one that the adjustment would make."""

    lot: int | None
    number: str
    source_number: str
    received_before: Decimal
    received: Decimal
    used_before: Decimal
    used: Decimal
    value: Decimal

    @property
    def current(self) -> Decimal:
        return self.received - self.used


@dataclass(frozen=True, slots=True)
class ResolutionPreview:
    """The outcome. Moves and passes are the engine's own, in steps and cents, so that they can be compared exactly."""

    pool: CostPool
    lines: tuple[Line, ...]
    releases: tuple[int, ...]
    adjusted_at: datetime
    account: Account
    office: Office | None
    fingerprint: str
    form: Form
    net: Decimal
    passes: int
    trace: tuple[PassSummary, ...]
    moves: tuple[Move, ...]
    usages: tuple[UsageOutcome, ...]
    lots: tuple[LotOutcome, ...]
    money: tuple[MoneyLine, ...]
    drawn: Decimal
    given_back: Decimal
    amount: Decimal
    on_hand_before: Decimal
    on_hand: Decimal
    # At the adjustment's office; the code's, where it names none.
    office_on_hand_before: Decimal
    office_on_hand: Decimal
    needs_approval: bool
    remarks: tuple[Remark, ...]
    # Lots that are costed anew by the same run, and by how much COGS of other codes change with that.
    following: Following
    amount_following: Decimal
    # Lots of other codes that wait to be costed anew, and are too many to be looked at here; the run sees to them.
    lots_waiting: int
    error: str = ""

    @property
    def closed(self) -> tuple[UsageOutcome, ...]:
        return tuple(usage for usage in self.usages if usage.closes)

    @property
    def still_open(self) -> tuple[UsageOutcome, ...]:
        return tuple(usage for usage in self.usages if not usage.closes)

    @property
    def is_resolved(self) -> bool:
        return not self.error and not self.still_open

    @property
    def unallocated(self) -> Decimal:
        return sum((usage.after for usage in self.usages), ZERO)

    @property
    def is_office_apart(self) -> bool:
        """Whether On Hand at the office is not the code's."""
        return self.office_on_hand_before != self.on_hand_before

    @property
    def said(self) -> str:
        """In words, for the history of what is made from it."""
        passes = f"{self.passes:,} pass{'' if self.passes == 1 else 'es'}"
        left = len(self.still_open)
        outcome = f"{left:,} usage{'' if left == 1 else 's'} left open" if left else "nothing left open"
        at = f" at {self.office}" if self.office else ""
        freed = InventoryUsage.objects.filter(pk__in=self.releases).order_by("pk").values_list("number", flat=True)
        return (
            f"Preview: net {quantity_text(self.net)}, {passes}, {outcome}, {money_text(self.amount)} allocated, On Hand"
            f"{at} {quantity_text(self.office_on_hand_before)} becomes {quantity_text(self.office_on_hand)}."
            + (f" Lets usage {', '.join(freed)} use any lot." if freed else "")
        )

    @property
    def as_previewed(self) -> Previewed:
        return Previewed(self.fingerprint, self.said)

    @property
    def value_added(self) -> Decimal:
        """What the + lines bring in, against the adjustment's account."""
        return sum((line.value for line in self.lines), ZERO)


def preview_resolution(
    *,
    code: LineItemCode,
    lines: Sequence[Line],
    adjusted_at: datetime,
    account: Account | None = None,
    pool: CostPool | None = None,
    releases: Collection[int] = (),
    office: Office | None = None,
    now: datetime,
) -> ResolutionPreview:
    """Plan a Beginning Balance of these lines and the run after it. Writes nothing and keeps no lock.

    `office` is the adjustment's, where offices are not apart; where they are, it is the pool's. `releases` are usages
    that are let go from the lots they are tied to. Raises ValidationError for lines that no adjustment can have.
    """
    chosen = pool or pool_of(code)
    check_lines(chosen, lines)
    with one_moment():
        fresh = CostPool.objects.select_related("code", "office").get(pk=chosen.pk)
        return _preview(
            fresh,
            tuple(lines),
            office=fresh.office or office,
            adjusted_at=adjusted_at,
            account=account or default_account("opening"),
            releases=tuple(sorted(releases)),
            now=now,
        )


def pool_of(code: LineItemCode) -> CostPool:
    """The code's cost pool; where it has several, the one with most open."""
    pools = CostPool.objects.filter(code=code).select_related("code", "office")
    found = max(pools, key=lambda pool: pool.open_unallocated_positive - pool.open_unallocated_negative, default=None)
    if found is None:
        raise ValidationError(f"{code} has neither lots nor usage, so there is nothing to resolve.")
    return found


def on_hand_at(pool: CostPool, office: Office | None) -> Decimal:
    """On Hand of the pool's code at an office, of everything where none is named."""
    if office is None or pool.office_id is not None:
        return pool.quantity_received - pool.quantity_used - pool.open_unallocated
    return on_hand_as_of(code=pool.code, office=office, at=END_OF_TIME)


def check_lines(pool: CostPool, lines: Sequence[Line]) -> None:
    for line in lines:
        if line.quantity == 0:
            raise ValidationError("A line of nothing does nothing: enter a quantity, or leave the line out.")
        if line.unit_cost < 0:
            raise ValidationError("A unit cost cannot be negative.")
        lot = line.into_lot
        if lot is None:
            continue
        if lot.pool_id != pool.pk or line.quantity < 0 or lot.is_fed or not lot.is_source_complete:
            raise ValidationError(f"This line cannot go into lot {lot.number}: choose another, or a new lot.")


def _preview(
    pool: CostPool,
    lines: tuple[Line, ...],
    *,
    office: Office | None,
    adjusted_at: datetime,
    account: Account,
    releases: tuple[int, ...],
    now: datetime,
) -> ResolutionPreview:
    preference = Preference.current()
    cure = _Cure(pool, lines, releases=releases, adjusted_at=adjusted_at, account=account)
    snapshot = read_snapshots([pool.pk])[0]
    accrued = list(OpenUsage.objects.filter(pool=pool).exclude(accrued_booked=0).order_by("usage"))
    at_office = on_hand_at(pool, office)
    adjustment = (list(releases), adjusted_at.astimezone(UTC).isoformat(), account.pk, getattr(office, "pk", None))
    made_of = (pool, preference, lines, (*adjustment, at_office), accrued, now)
    before = {usage.key: usage.quantity_unallocated for usage in snapshot.usages}
    draft = draft_of(pool, lines, office=office, adjusted_at=adjusted_at, account=account, preference=preference)
    net = sum(before.values()) * QUANTITY_STEP
    on_hand = on_hand_at(pool, None)
    change = sum((line.quantity for line in lines), ZERO)
    common: dict[str, Any] = {
        "pool": pool,
        "lines": lines,
        "releases": releases,
        "adjusted_at": adjusted_at,
        "account": account,
        "office": office,
        "fingerprint": _fingerprint(snapshot, *made_of),
        "form": form_of(net),
        "net": net,
        "on_hand_before": on_hand,
        "on_hand": on_hand + change,
        "office_on_hand_before": at_office,
        "office_on_hand": at_office + change,
        "needs_approval": draft.needs_approval,
    }
    if refusal := draft.refusal(now=now):
        return ResolutionPreview(**common, **_nothing(), error=refusal)
    cure.write_offs = draft.write_offs()
    rehearsal = Rehearsal(preference=preference, now=now, charged_to_new=account.pk, prepare=cure.added_to)
    plans = []
    waiting, left_out = _lots_that_wait(pool)
    for result in rehearsal.play(pools=[pool.pk], waiting=waiting, events=cure.events()):
        if isinstance(result, PoolPlan):
            plans.append(result)
        elif result.snapshot.pool == pool.pk:
            return ResolutionPreview(**common, **_nothing(), error=f"A run would set this aside. {result.reason}")
    following = rehearsal.following
    # What waits for any run may be done by another one meanwhile; that changes nothing about this.
    charged = [each for each in following.lots if each.is_charged]
    others = [(each.lot.pk, each.value) for each in charged]
    pools = {pool.pk, *(each.lot.pool_id for each in charged)}
    landing = _landing([each for each in plans if each.snapshot.pool in pools], rehearsal.days, adjusted_at)
    common["fingerprint"] = _fingerprint(cure.read, *made_of, following=others, landing=landing)
    plan = next(plan for plan in plans if plan.snapshot.pool == pool.pk)
    return ResolutionPreview(
        **common,
        passes=plan.plan.pass_count,
        trace=plan.plan.trace,
        moves=plan.plan.moves,
        usages=_usage_outcomes(cure.whatif, plan, adjusted_at),
        lots=_lot_outcomes(cure.whatif, plan),
        money=rehearsal.books.lines(),
        drawn=plan.quantity_drawn * QUANTITY_STEP,
        given_back=plan.quantity_given_back * QUANTITY_STEP,
        amount=plan.amount * MONEY_STEP,
        remarks=plan.plan.remarks,
        following=following,
        amount_following=(sum(each.amount for each in plans) - plan.amount) * MONEY_STEP,
        lots_waiting=left_out,
    )


def _lots_that_wait(pool: CostPool) -> tuple[list[LotRecost], int]:
    """The notes of lots that wait to be costed anew: all, which the run sees to, or the pool's alone; how many not."""
    waiting = LotRecost.objects.order_by("lot")
    if (count := waiting.count()) > LOTS_LOOKED_AT:
        waiting = waiting.filter(lot__pool=pool)
    notes = list(waiting)
    return notes, count - len(notes)


def _nothing() -> dict[str, Any]:
    empty: dict[str, Any] = dict.fromkeys(("trace", "moves", "usages", "lots", "money", "remarks"), ())
    none = dict.fromkeys(("drawn", "given_back", "amount", "amount_following"), ZERO)
    return empty | none | {"passes": 0, "following": Following(), "lots_waiting": 0}


class _Cure:
    """The adjustment, to be added to what the run would read of its pool; `read` and `whatif` are of that moment."""

    read: Snapshot
    whatif: WhatIf

    def __init__(
        self,
        pool: CostPool,
        lines: Sequence[Line],
        *,
        releases: Collection[int],
        adjusted_at: datetime,
        account: Account,
    ) -> None:
        self.pool, self.lines, self.releases = pool, lines, releases
        self.adjusted_at, self.account = adjusted_at, account
        self.kept_on = inventory_account(pool.code).pk
        self.write_offs: Sequence[Sequence[Part]] = ()

    def added_to(self, snapshot: Snapshot) -> Snapshot:
        if snapshot.pool != self.pool.pk:
            return snapshot
        self.read = snapshot
        self.whatif = with_lines(
            release(snapshot, self.releases),
            self.lines,
            adjusted_at=self.adjusted_at,
            kept_on=self.kept_on,
            write_offs=self.write_offs,
        )
        return self.whatif.snapshot

    def events(self) -> list[Event]:
        """What the lines above zero bring in, at the expense of the adjustment's account."""
        day = day_in_the_books(self.adjusted_at)
        return [
            Event(
                kept_on=self.kept_on if line.into_lot is None else line.into_lot.account_id,
                is_fed=False,
                dated=day,
                value=line.value,
                value_payable=ZERO,
                value_other=line.value,
                account=self.account.pk,
            )
            for line in self.lines
            if line.quantity > 0
        ]


def _landing(plans: Sequence[PoolPlan], days: BookDays, adjusted_at: datetime) -> list[str]:
    """The days in the books that the money counts on: closing or reopening any other month changes nothing of it."""
    asked = BookDays(days.closed, days.only_day)
    for plan in plans:
        allocation_rows(plan, asked)
    rests, found_on = accruals_found(plans)
    with connection.cursor() as cursor:
        accruals_back(cursor, rests=rests, found_on=found_on, days=asked)
    # What the lines bring in counts on the day of the adjustment, whatever the preference.
    brought = open_day(timezone.localdate(adjusted_at), days.closed)
    return sorted({*asked.values(), brought.isoformat()})


def _fingerprint(
    snapshot: Snapshot,
    pool: CostPool,
    preference: Preference,
    lines: Sequence[Line],
    adjustment: tuple[Any, ...],
    accrued: Sequence[OpenUsage],
    now: datetime,
    *,
    following: Sequence[tuple[int, Decimal]] = (),
    landing: Sequence[str] = (),
) -> str:
    code = pool.code
    # The money is shown by month.
    posted_in = period_start(timezone.localdate(now)) if preference.posting_date == "RUN" else None
    parts = (
        pool.pk,
        [tuple(lot) for lot in snapshot.lots],
        [(*usage[:4], sorted(usage.only_lots) if usage.only_lots is not None else None) for usage in snapshot.usages],
        sorted(snapshot.held.items()),
        [(lot.lot, lot.booked, lot.present, lot.changed_on, lot.quantity_by_usage) for lot in snapshot.recosted],
        sorted(snapshot.usage_days.items()),
        sorted(snapshot.lot_days.items()),
        (preference.cogs_method, preference.prevent_inter_office, preference.posting_date, posted_in),
        (preference.accrue_cogs, preference.account_accrued_cogs_id, preference.account_cost_id),
        (preference.account_inventory_id, [(row.usage_id, row.accrued_booked) for row in accrued]),
        landing,
        (code.est_unit_cost.normalize(), code.account_cost, code.account_inventory),
        [(line.quantity.normalize(), line.unit_cost.normalize(), getattr(line.into_lot, "pk", None)) for line in lines],
        [(line.manufacturer_lot, line.serials) for line in lines],
        adjustment,
        following,
    )
    return sha256(repr(parts).encode()).hexdigest()


# -- Outcomes ----------------------------------------------------------------------------------------
def _usage_outcomes(whatif: WhatIf, plan: PoolPlan, adjusted_at: datetime) -> tuple[UsageOutcome, ...]:
    amounts: defaultdict[int, int] = defaultdict(int)
    for move in plan.plan.moves:
        amounts[move.usage] += move.amount
    for _, owed in plan.true_ups:
        amounts[owed.usage] += owed.amount
    outcomes = []
    for usage in whatif.snapshot.usages:
        row = whatif.usages.get(usage.key)
        outcomes.append(
            UsageOutcome(
                usage=row.pk if row else None,
                number=row.number if row else "new usage",
                source_number=row.source_number if row else "",
                used_at=row.used_at if row else adjusted_at,
                before=usage.quantity_unallocated * QUANTITY_STEP,
                after=plan.plan.quantity_unallocated_after[usage.key] * QUANTITY_STEP,
                amount=amounts[usage.key] * MONEY_STEP,
            )
        )
    return tuple(outcomes)


def _lot_outcomes(whatif: WhatIf, plan: PoolPlan) -> tuple[LotOutcome, ...]:
    """Of the lots that the plan or a line touches, in the order in which they are drawn under FIFO."""
    touched = {move.lot for move in plan.plan.moves} | whatif.virtual_lots.keys() | {lot for lot, _ in whatif.grown}
    outcomes = []
    for lot in whatif.snapshot.lots:
        if lot.key not in touched:
            continue
        row: InventoryLot | None = whatif.lots.get(lot.key)
        used = plan.plan.quantity_used_after.get(lot.key, lot.quantity_used)
        outcomes.append(
            LotOutcome(
                lot=row.pk if row else None,
                number=row.number if row else "new lot",
                source_number=row.source_number if row else "",
                received_before=row.quantity_received if row else ZERO,
                received=lot.quantity_received * QUANTITY_STEP,
                used_before=lot.quantity_used * QUANTITY_STEP,
                used=used * QUANTITY_STEP,
                value=lot.value * MONEY_STEP,
            )
        )
    return tuple(outcomes)
