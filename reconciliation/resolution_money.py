"""What a planned resolution books, by account and month: the accounts and days that `posting.py` would name.

One statement per posting, as there: what the lots of the adjustment bring in, what each allocation and true-up moves
between a usage's account and its lot's, and accrued COGS that is taken back because the true cost is found.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Final

from inventory_site.fields import MONEY_STEP, QUANTITY_STEP
from inventory_site.money import to_cents
from lots.accounts import inventory_account
from lots.models import Account, CostPool, Preference
from lots.periods import day_in_the_books, period_start
from reconciliation.dating import BookDays
from reconciliation.planning import PoolPlan
from reconciliation.whatif import WhatIf
from usage.models import OpenUsage

ZERO: Final = Decimal(0)


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


class Postings:
    """Collects the postings of one plan."""

    def __init__(
        self,
        *,
        pool: CostPool,
        whatif: WhatIf,
        plan: PoolPlan,
        days: BookDays,
        account: Account,
        preference: Preference,
        accrued: Sequence[OpenUsage],
    ) -> None:
        self.pool, self.whatif, self.plan, self.days, self.accrued = pool, whatif, plan, days, accrued
        self.account, self.preference = account, preference
        self.inventory = inventory_account(pool.code)
        self.debits: defaultdict[tuple[date, int], Decimal] = defaultdict(Decimal)
        self.credits: defaultdict[tuple[date, int], Decimal] = defaultdict(Decimal)

    def money(self, *, adjusted_at: datetime) -> tuple[MoneyLine, ...]:
        """Give debits and credits of every account and month, by month and account number."""
        self._add_lines(day_in_the_books(adjusted_at))
        self._add_allocations()
        self._add_accruals()
        moved = self.debits.keys() | self.credits.keys()
        accounts = Account.objects.in_bulk({account for _, account in moved})
        lines = (
            MoneyLine(month, accounts[account], self.debits[month, account], self.credits[month, account])
            for month, account in moved
        )
        return tuple(sorted(lines, key=lambda line: (line.month, line.account.number)))

    def _add(self, *, debit: int | None, credit: int | None, amount: Decimal, day: date) -> None:
        if amount and debit is not None and credit is not None and debit != credit:
            if amount < 0:
                debit, credit = credit, debit
            self.debits[period_start(day), debit] += abs(amount)
            self.credits[period_start(day), credit] += abs(amount)

    def _add_lines(self, day: date) -> None:
        brought = [(None, line) for line in self.whatif.virtual_lots.values()]
        for lot, line in (*brought, *self.whatif.grown):
            self._add(debit=self._kept_on(lot), credit=self.account.pk, amount=line.value, day=day)

    def _add_allocations(self) -> None:
        usage_days, lot_days = self.plan.snapshot.usage_days, self.plan.snapshot.lot_days
        changed_on = {lot.lot: lot.changed_on for lot in self.plan.snapshot.recosted}
        for lot, row in self.plan.true_ups:
            day = self.days[max(changed_on[lot], usage_days[row.usage])]
            self._add_cost(row.usage, lot, row.amount, day)
        for usage, lot, _, amount in self.plan.plan.moves:
            self._add_cost(usage, lot, amount, self.days[max(usage_days[usage], lot_days[lot])])

    def _add_cost(self, usage: int, lot: int, amount: int, day: str) -> None:
        self._add(
            debit=self._charged_to(usage),
            credit=self._kept_on(lot),
            amount=amount * MONEY_STEP,
            day=date.fromisoformat(day),
        )

    def _add_accruals(self) -> None:
        """What is accrued in the books for usage that gets its true cost, on the day of that."""
        accrued = self.preference.account_accrued_cogs_id
        rests = self.plan.plan.quantity_unallocated_after
        found_on = self.plan.found_on({row.usage_id for row in self.accrued})
        for row in self.accrued:
            rest = rests[row.usage_id] * QUANTITY_STEP
            if rest != row.quantity_unallocated:
                target = to_cents(rest * self.pool.code.est_unit_cost) if self.preference.accrue_cogs else ZERO
                back = row.accrued_booked - target
                day = date.fromisoformat(self.days[found_on[row.usage_id]])
                self._add(debit=accrued, credit=self._charged_to(row.usage_id), amount=back, day=day)

    def _charged_to(self, usage: int) -> int | None:
        row = self.whatif.usages.get(usage)
        if row is None:
            return self.account.pk
        return row.account_id or self.preference.account_cost_id

    def _kept_on(self, lot: int | None) -> int | None:
        row = None if lot is None else self.whatif.lots.get(lot)
        return self.inventory.pk if row is None else row.account_id
