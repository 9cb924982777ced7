"""What plans would book, by account and month: the very lines of `posting.py`, added up instead of written.

For each of its three sources: cost events of lots (those that wait, and those that would come), allocations, and
accrued COGS that is taken back.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Final, NamedTuple

from django.db import connection

from inventory_site.arrays import int_array
from inventory_site.fields import MONEY_STEP
from lots.models import Account
from lots.periods import period_start
from reconciliation.apply import accruals_found, allocation_rows
from reconciliation.dating import BookDays
from reconciliation.planning import PoolPlan
from reconciliation.posting import (
    PARTS_OF_EVENTS,
    accounts_and_texts,
    accruals_back,
    cost_lines,
)

ZERO: Final = Decimal(0)

_EVENTS = f"""
WITH event AS (
    SELECT lot.account_id AS kept_on, lot.is_fed, event.dated, event.value, event.value_payable, event.value_other,
        event.account_id
    FROM lots_lotcosttopost AS waiting JOIN lots_lotcostevent AS event ON event.id = waiting.event_id
    JOIN lots_inventorylot AS lot ON lot.id = event.lot_id WHERE waiting.pool_id = ANY(%(pools)s::bigint[])
    UNION ALL
    SELECT * FROM unnest(%(kept_on)s::bigint[], %(is_fed)s::boolean[], %(dated)s::date[], %(value)s::numeric[],
        %(value_payable)s::numeric[], %(value_other)s::numeric[], %(account)s::bigint[])
), opened AS (SELECT dated, open_day(dated) AS day FROM (SELECT DISTINCT dated FROM event) AS named)
SELECT opened.day, part.debit, part.credit, sum(part.amount)
FROM event JOIN opened ON opened.dated = event.dated
CROSS JOIN LATERAL (SELECT event.kept_on AS account_id, event.is_fed) AS lot
{PARTS_OF_EVENTS}
GROUP BY opened.day, part.debit, part.credit
"""  # noqa: S608  (our own constant text)


class Event(NamedTuple):
    """A cost event that is not there yet; the fields are those of LotCostEvent, and of its lot the first two."""

    kept_on: int | None
    is_fed: bool
    dated: date
    value: Decimal
    value_payable: Decimal
    value_other: Decimal
    account: int | None


@dataclass(frozen=True, slots=True)
class MoneyLine:
    """What is booked on one account in one month, gross: larger lines than needed show here."""

    month: date
    account: Account
    debit: Decimal
    credit: Decimal

    @property
    def net(self) -> Decimal:
        return self.debit - self.credit


class ForeseenBooks:
    """Adds up what plans would book, batch by batch.

    `charged_to_new` is the account of usage that is not there yet (of an adjustment that is only previewed).
    """

    def __init__(self, *, days: BookDays, account_cost: int | None, charged_to_new: int | None = None) -> None:
        self.days, self.account_cost, self.charged_to_new = days, account_cost, charged_to_new
        self._debits: defaultdict[tuple[date, int], Decimal] = defaultdict(Decimal)
        self._credits: defaultdict[tuple[date, int], Decimal] = defaultdict(Decimal)

    def add(self, plans: Sequence[PoolPlan], events: Sequence[Event]) -> None:
        """Add what a run books for these plans, and for the cost events of their pools: what waits and `events`."""
        self._add_events([plan.snapshot.pool for plan in plans], events)
        self._add_allocations(plans)
        self._add_accruals(plans)

    def lines(self) -> tuple[MoneyLine, ...]:
        """Debits and credits of every account and month, by month and account number."""
        moved = self._debits.keys() | self._credits.keys()
        accounts = Account.objects.in_bulk({account for _, account in moved})
        lines = (
            MoneyLine(month, accounts[account], self._debits[month, account], self._credits[month, account])
            for month, account in moved
        )
        return tuple(sorted(lines, key=lambda line: (line.month, line.account.number)))

    def _add_line(self, day: date, debit: int, credit: int, amount: Decimal) -> None:
        month = period_start(day)
        self._debits[month, debit] += amount
        self._credits[month, credit] += amount

    def _add_events(self, pools: Sequence[int], events: Sequence[Event]) -> None:
        parameters: dict[str, Any] = {"pools": int_array(pools)}
        for place, name in enumerate(Event._fields):
            parameters[name] = [event[place] for event in events]
        with connection.cursor() as cursor:
            cursor.execute(_EVENTS, parameters)
            for line in cursor.fetchall():
                self._add_line(*line)

    def _add_allocations(self, plans: Sequence[PoolPlan]) -> None:
        rows = [row for plan in plans for row in allocation_rows(plan, self.days)]
        usages = {row[0] for row in rows}
        charged = dict.fromkeys(usages, (self.charged_to_new, "")) | accounts_and_texts(
            usages, account_cost=self.account_cost
        )
        lot_accounts = {lot: account for plan in plans for lot, account in plan.snapshot.lot_accounts.items()}
        sums: defaultdict[tuple[str, int, int], int] = defaultdict(int)
        for day, debit, credit, amount, *_ in cost_lines(rows, charged, lot_accounts):
            sums[day, debit, credit] += amount
        for (day, debit, credit), cents in sums.items():
            self._add_line(date.fromisoformat(day), debit, credit, cents * MONEY_STEP)

    def _add_accruals(self, plans: Sequence[PoolPlan]) -> None:
        rests, found_on = accruals_found(plans)
        with connection.cursor() as cursor:
            for line in accruals_back(cursor, rests=rests, found_on=found_on, days=self.days):
                self._add_line(date.fromisoformat(line.day), line.debit, line.credit, line.amount)
