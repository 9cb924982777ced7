"""A run in memory: the steps of `runner.py` and `recosting.py` in their order, by their own functions, unwritten.

Pools are taken in batches, components before what is made of them; a lot whose feeds would cost something else is
costed anew, and its pool has its turn. What a later step would read of what an earlier one would have written is kept
here and laid over what is read: of lots their cost, of usages that feed lots what they would be charged. A run takes a
pool once, so nothing else of its own writing ever comes back to it.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from copy import copy
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Final, NamedTuple

from django.core.exceptions import ValidationError
from django.utils import timezone

from inventory_site.fields import MONEY_STEP, QUANTITY_STEP
from lots.models import CostPool, InventoryLot, PostingDate, Preference
from lots.periods import day_in_the_books
from lots.services import refuse_impossible
from reconciliation.apply import allocation_rows
from reconciliation.dating import book_days
from reconciliation.engine import CostMethod, PlanBroken, RecordRefused
from reconciliation.fed_worth import Charge, FedLot, Posted, moment_on, read_fed_lots
from reconciliation.feed_order import (
    could_not_be_worked_out,
    is_anything_fed,
    lots_due,
    pool_levels,
    why_it_goes_round,
)
from reconciliation.foreseen import Event, ForeseenBooks
from reconciliation.models import RunPool
from reconciliation.models.runs import NO_BATCH_LIMIT
from reconciliation.planning import PoolPlan, plan_pool
from reconciliation.runner import batch_of, garbage_collection_off
from reconciliation.snapshot import LotCost, Snapshot, read_snapshots
from usage.feeding import fed_lots, noon_of
from usage.models import LotRecost

ZERO: Final = Decimal(0)


@dataclass(frozen=True, slots=True)
class Refused:
    """A pool that the run would set aside, with the reason; the others go on."""

    snapshot: Snapshot
    reason: str


@dataclass(frozen=True, slots=True)
class CostedLot:
    """A lot as it stands, and what it would be worth after the run.

    `is_charged`: the run charges what feeds it; the others waited for any run.
    """

    lot: InventoryLot
    value: Decimal
    is_charged: bool

    @property
    def change(self) -> Decimal:
        return self.value - self.lot.value


@dataclass(frozen=True, slots=True)
class Following:
    """What follows in lots that usage feeds.

    `lots` are those that are worth something else afterwards, in the order in which they are costed. `is_unsettled`:
    some were costed after their code had its turn, which happens in a ring, and the next run goes on with them.
    `given_up` says why some keep their cost; where their code has its turn yet, it is refused instead.
    """

    lots: tuple[CostedLot, ...] = ()
    is_unsettled: bool = False
    given_up: tuple[str, ...] = ()


class _Cost(NamedTuple):
    value: Decimal
    value_other: Decimal
    changed_on: date


def as_it_is(snapshot: Snapshot) -> Snapshot:
    return snapshot


class Rehearsal:
    """One run, asked for now, that nobody else's postings come between.

    The caller is in a transaction in which everything is read as of one moment.
    """

    def __init__(
        self,
        *,
        preference: Preference,
        now: datetime,
        method: CostMethod | None = None,
        charged_to_new: int | None = None,
        prepare: Callable[[Snapshot], Snapshot] = as_it_is,
    ) -> None:
        """`prepare` may add records to a pool's snapshot that are not there yet."""
        self.days = book_days(posting_date=preference.posting_date, today=timezone.localdate(now))
        self.books = ForeseenBooks(
            days=self.days, account_cost=preference.account_cost_id, charged_to_new=charged_to_new
        )
        self._method = method or CostMethod(preference.cogs_method)
        self._variance = preference.account_variance_id
        self._prepare = prepare
        self._is_anything_fed = is_anything_fed()
        self._levels: dict[int, int] = {}
        self._taken: set[int] = set()
        self._pending: list[RunPool] = []
        # By preference all cost counts on the day of the run; then nothing is told apart by its own.
        self._in_between = preference.posting_date != PostingDate.RUN
        self._waiting: dict[int, LotRecost] = {}
        self._charged_lots: set[int] = set()
        self._charges: defaultdict[int, list[Charge]] = defaultdict(list)
        self._posted: defaultdict[int, list[Posted]] = defaultdict(list)
        self._costs: dict[int, _Cost] = {}
        self._lots: dict[int, InventoryLot] = {}
        self._rounds: defaultdict[int, int] = defaultdict(int)
        # Of pools that have not had their turn: it is their batch that books it.
        self._events: defaultdict[int, list[Event]] = defaultdict(list)
        self._given_up: list[str] = []

    @property
    def following(self) -> Following:
        costed = (
            CostedLot(self._lots[key], cost.value, key in self._charged_lots) for key, cost in self._costs.items()
        )
        return Following(
            lots=tuple(lot for lot in costed if lot.change),
            is_unsettled=any(self._events.values()),
            given_up=tuple(self._given_up),
        )

    # -- The run -----------------------------------------------------------------------------------
    def play(
        self, *, pools: Collection[int], waiting: Iterable[LotRecost] = (), events: Sequence[Event] = ()
    ) -> Iterator[PoolPlan | Refused]:
        """Work on these pools, on the lots of these notes, which wait to be costed anew, and on whatever comes of both.

        `events` are cost events of the first of the pools that are not there yet.
        """
        self._levels = pool_levels() if self._is_anything_fed else {}
        for pool in list(pools)[:1]:
            self._events[pool] += events
        self._join(pools)
        self._waiting |= {note.lot_id: note for note in waiting}
        while True:
            yield from self._cost_anew()
            batch = self._claim()
            if not batch:
                return
            yield from self._reconcile(batch)

    def _join(self, pools: Collection[int]) -> None:
        counts = CostPool.objects.filter(pk__in=pools).order_by("pk").values_list("pk", "open_count")
        for pool, usages in counts:
            level = self._levels.get(pool, 0)
            self._pending.append(RunPool(pool_id=pool, usages=usages, level=level, batch_limit=NO_BATCH_LIMIT))
        self._taken |= set(pools)

    def _claim(self) -> list[int]:
        """The next batch, in the order in which its pools are locked."""
        lowest = min((row.level for row in self._pending), default=0)
        batch = batch_of([row for row in self._pending if row.level == lowest])
        claimed = {row.pool_id for row in batch}
        self._pending = [row for row in self._pending if row.pool_id not in claimed]
        return sorted(claimed)

    def _reconcile(self, pools: Sequence[int]) -> list[PoolPlan | Refused]:
        costs = {
            lot: LotCost(int(cost.value / MONEY_STEP), cost.changed_on.toordinal()) for lot, cost in self._costs.items()
        }
        with garbage_collection_off():
            results = [self._planned(snapshot) for snapshot in read_snapshots(pools, costs=costs)]
            plans = [result for result in results if isinstance(result, PoolPlan)]
            done = [plan.snapshot.pool for plan in plans]
            self.books.add(plans, [event for pool in done for event in self._events.pop(pool, ())])
        if self._is_anything_fed:
            self._note_fed_lots(plans)
        return results

    def _planned(self, snapshot: Snapshot) -> PoolPlan | Refused:
        try:
            return plan_pool(self._prepare(snapshot), self._method)
        except (PlanBroken, RecordRefused) as error:
            return self._refuse(snapshot, f"{type(error).__name__}: {error}")

    def _note_fed_lots(self, plans: Sequence[PoolPlan]) -> None:
        rows = [row for plan in plans for row in allocation_rows(plan, self.days)]
        feeds = fed_lots({row[0] for row in rows})
        feeding = {usage for usage, _ in feeds}
        charges: defaultdict[int, list[Charge]] = defaultdict(list)
        for usage, _, _, quantity, amount, day in rows:
            if usage in feeding:
                charges[usage].append(Charge(date.fromisoformat(day), quantity * QUANTITY_STEP, amount * MONEY_STEP))
        for usage, lot in feeds:
            days = [charge.dated for charge in charges[usage]]
            self._note(lot, since=noon_of(min(days)), until=noon_of(max(days)))
        for usage in feeding:
            self._charges[usage] += charges[usage]

    def _note(self, lot: int, *, since: datetime, until: datetime) -> None:
        self._charged_lots.add(lot)
        there = self._waiting.get(lot)
        self._waiting[lot] = LotRecost(
            lot_id=lot,
            changed_from=min(since, there.changed_from) if there else since,
            changed_until=max(until, there.changed_until) if there else until,
        )

    # -- Costing lots anew -------------------------------------------------------------------------
    def _cost_anew(self) -> Iterator[Refused]:
        due = lots_due(self._waiting, pending=[row.pool_id for row in self._pending])
        if not due:
            return
        notes = {lot: self._waiting.pop(lot) for lot in due}
        changed = set()
        for fed in read_fed_lots(due):
            lot = fed.lot
            reason = why_it_goes_round(lot, rounds=lot.pool.recost_rounds + self._rounds[lot.pool_id])
            if not reason:
                self._lots.setdefault(lot.pk, copy(lot))
                self._lay_over(fed)
                try:
                    if self._change(fed, notes[lot.pk]):
                        changed.add(lot.pool_id)
                except ValidationError as error:
                    reason = could_not_be_worked_out(error)
            if reason:
                yield from self._give_up(lot, reason)
        for pool in changed:
            self._rounds[pool] += 1
        self._join(changed - self._taken)

    def _lay_over(self, fed: FedLot) -> None:
        """Let the lot be what it would be by now."""
        for feed in fed.feeds:
            feed.charges += self._charges.get(feed.usage, [])
        fed.posted += self._posted.get(fed.lot.pk, [])
        if cost := self._costs.get(fed.lot.pk):
            fed.lot.value, fed.lot.value_other = cost.value, cost.value_other

    def _change(self, fed: FedLot, note: LotRecost) -> bool:
        """Let the lot cost what its feeds say; return whether anything changed. Raises ValidationError if it cannot."""
        lot, dated, posted, events = fed.lot, [], [], []
        for day, change in fed.steps(note, in_between=self._in_between):
            refuse_impossible(lot, quantity=ZERO, value=change.value)
            at = moment_on(day, lot)
            dated.append(day_in_the_books(at))
            posted.append(Posted(timezone.localdate(at), ZERO, change.value, change.value_other))
            account = self._variance if change.value_other else None
            events.append(Event(lot.account_id, lot.is_fed, dated[-1], change.value, ZERO, change.value_other, account))
            lot.value += change.value
            lot.value_other += change.value_other
        if dated:
            self._costs[lot.pk] = _Cost(lot.value, lot.value_other, max(dated))
            self._posted[lot.pk] += posted
            self._events[lot.pool_id] += events
        return bool(dated)

    def _give_up(self, lot: InventoryLot, reason: str) -> Iterator[Refused]:
        message = f"Lot {lot.number} of {lot.code}: {reason}"
        waits = [row for row in self._pending if row.pool_id != lot.pool_id]
        if len(waits) < len(self._pending):
            self._pending = waits
            yield self._refuse(read_snapshots([lot.pool_id])[0], message)
        else:
            self._given_up.append(message)

    def _refuse(self, snapshot: Snapshot, reason: str) -> Refused:
        # Its cost events wait with it.
        self._events.pop(snapshot.pool, None)
        return Refused(snapshot, reason)
