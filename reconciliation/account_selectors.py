"""What stands on the accounts: balances over the whole journal, and an account's postings month by month."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

from django.db import connection

from lots.models import Account

# Pairs of accounts first: there are a handful. From the sums, because there is no index of lines on accounts.
_BALANCES: Final = """
WITH line AS (SELECT debit_account_id, credit_account_id, sum(amount) AS amount
    FROM reconciliation_journalmonth GROUP BY debit_account_id, credit_account_id)
SELECT account_id, sum(amount) FROM (
    SELECT debit_account_id AS account_id, amount FROM line
    UNION ALL SELECT credit_account_id, -amount FROM line
) AS side WHERE account_id = ANY(%s) GROUP BY account_id
"""
_BY_MONTH: Final = """
SELECT period, coalesce(sum(amount) FILTER (WHERE debit_account_id = %(account)s), 0),
    coalesce(sum(amount) FILTER (WHERE credit_account_id = %(account)s), 0)
FROM reconciliation_journalmonth WHERE debit_account_id = %(account)s OR credit_account_id = %(account)s
GROUP BY period ORDER BY period
"""


@dataclass(frozen=True)
class MonthOnAccount:
    """What was posted to an account in a month, and its balance at the end of it, on the account's own side."""

    starts_on: date
    debit: Decimal
    credit: Decimal
    balance: Decimal

    @property
    def period(self) -> str:
        return f"{self.starts_on:%Y-%m}"


def balances_of(accounts: Collection[Account]) -> dict[int, Decimal]:
    """Account -> balance on its own side: an asset's debits less credits, a liability's the other way round."""
    signs = {account.pk: -1 if account.is_credit_natured else 1 for account in accounts}
    with connection.cursor() as cursor:
        cursor.execute(_BALANCES, [list(signs)])
        sums = dict(cursor.fetchall())
    return {pk: sign * sums.get(pk, Decimal(0)) for pk, sign in signs.items()}


def months_of(account: Account) -> list[MonthOnAccount]:
    """The months with postings to this account, newest first."""
    sign = -1 if account.is_credit_natured else 1
    with connection.cursor() as cursor:
        cursor.execute(_BY_MONTH, {"account": account.pk})
        rows = cursor.fetchall()
    balance = Decimal(0)
    found = []
    for starts_on, debit, credit in rows:
        balance += sign * (debit - credit)
        found.append(MonthOnAccount(starts_on, debit, credit, balance))
    return found[::-1]
