"""What holds after every event in the company of `company_model`: a few statements over all rows, quick enough."""

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Any

from django.db import connection
from django.db.models import Sum

from lots.models import InventoryTransaction, SerialMovement
from tests.reconciliation.company_model import Company

# On hand = what lots hold - unallocated usage: per code, and per office as well where they are kept apart.
_IDENTITY = """
WITH apart AS (SELECT prevent_inter_office AS by_office FROM lots_preference), figures AS (
    SELECT code_id, CASE WHEN by_office THEN office_id END AS office_id, on_hand AS on_hand, 0 AS in_lots
    FROM lots_inventorytransaction CROSS JOIN apart
    UNION ALL SELECT code_id, CASE WHEN by_office THEN office_id END, 0, quantity_current
    FROM lots_inventorylot CROSS JOIN apart
    UNION ALL SELECT usage.code_id, CASE WHEN by_office THEN usage.office_id END, 0, -open.quantity_unallocated
    FROM usage_openusage AS open JOIN usage_inventoryusage AS usage ON usage.id = open.usage_id CROSS JOIN apart)
SELECT code.code, figures.office_id, sum(on_hand), sum(in_lots)
FROM figures JOIN lots_lineitemcode AS code ON code.id = figures.code_id
GROUP BY 1, 2 HAVING sum(on_hand) <> sum(in_lots)
"""
# What lots are worth = the books and what waits for the next run, per account and code.
_BOOKS = """
WITH kept AS (SELECT DISTINCT account_id AS id FROM lots_inventorylot), figures AS (
    SELECT account_id, code_id, value - value_used AS lots, 0 AS books FROM lots_inventorylot
    UNION ALL SELECT lot.account_id, lot.code_id, 0, event.value FROM lots_lotcosttopost AS note
        JOIN lots_lotcostevent AS event ON event.id = note.event_id
        JOIN lots_inventorylot AS lot ON lot.id = event.lot_id
    UNION ALL SELECT debit_account_id, code_id, 0, amount FROM reconciliation_journalline
        WHERE debit_account_id IN (SELECT id FROM kept)
    UNION ALL SELECT credit_account_id, code_id, 0, -amount FROM reconciliation_journalline
        WHERE credit_account_id IN (SELECT id FROM kept))
SELECT account_id, code_id, sum(lots), sum(books) FROM figures GROUP BY 1, 2 HAVING sum(lots) <> sum(books)
"""
# What was received and is not billed = accrued inventory in the books and what waits, per code.
_ACCRUED = """
WITH account AS (SELECT account_accrued_inventory_id AS id FROM lots_preference), figures AS (
    SELECT code_id, value - value_payable - value_other AS lots, 0 AS books FROM lots_inventorylot WHERE NOT is_fed
    UNION ALL SELECT lot.code_id, 0, event.value - event.value_payable - event.value_other
        FROM lots_lotcosttopost AS note JOIN lots_lotcostevent AS event ON event.id = note.event_id
        JOIN lots_inventorylot AS lot ON lot.id = event.lot_id WHERE NOT lot.is_fed
    UNION ALL SELECT code_id, 0, amount FROM reconciliation_journalline, account WHERE credit_account_id = account.id
    UNION ALL SELECT code_id, 0, -amount FROM reconciliation_journalline, account WHERE debit_account_id = account.id)
SELECT code_id, sum(lots), sum(books) FROM figures GROUP BY 1 HAVING sum(lots) <> sum(books)
"""
# Each line moves an amount from one account to another, so an entry balances.
_UNBALANCED = """
SELECT id FROM reconciliation_journalline WHERE amount <= 0 OR debit_account_id = credit_account_id
    OR entry_id NOT IN (SELECT id FROM reconciliation_journalentry)
"""
# Everything that counts in a month: lines of the journal, what lots cost, what was charged.
_MONTHS = """
SELECT month, sum(entries), sum(amount), sum(cost), sum(charged) FROM (
    SELECT date_trunc('month', entry.date)::date AS month, 1 AS entries, line.amount, 0 AS cost, 0 AS charged
    FROM reconciliation_journalline AS line JOIN reconciliation_journalentry AS entry ON entry.id = line.entry_id
    UNION ALL SELECT date_trunc('month', dated)::date, 1, 0, value, 0 FROM lots_lotcostevent
    UNION ALL SELECT date_trunc('month', dated)::date, 1, 0, 0, amount FROM reconciliation_cogsallocation
) AS fact WHERE month = ANY(%s) GROUP BY month
"""


def rows_of(statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters or None)
        return list(cursor.fetchall())


def books_of(months: Iterable[date]) -> dict[date, object]:
    """What stands in the books for each of these months."""
    wanted = list(months)
    found = {month: tuple(figures) for month, *figures in rows_of(_MONTHS, wanted)}
    return {month: found.get(month) for month in wanted}


def balances(column: str) -> dict[str, Decimal]:
    rows = InventoryTransaction.objects.order_by().values("code__code").annotate(sum=Sum(column))
    return {row["code__code"]: row["sum"] for row in rows if row["sum"]}


def check_step(company: Company, what: str) -> None:
    """What the model says; on hand = lots - unallocated; books and what waits for them = lots; closed months stand."""
    assert balances("on_hand") == {code: amount for code, amount in company.on_hand.items() if amount}, what
    assert balances("on_order") == company.on_order(), what
    assert balances("demand") == company.demand(), what
    assert _serials() == company.serials, what
    assert _by_lot() == {name: amount for name, amount in company.by_lot.items() if amount}, what
    for statement in (_IDENTITY, _BOOKS, _ACCRUED, _UNBALANCED):
        assert rows_of(statement) == [], what
    assert books_of(company.closed) == company.closed, what


def _serials() -> set[str]:
    rows = SerialMovement.objects.order_by().values("serial").annotate(sum=Sum("direction")).exclude(sum=0)
    assert all(row["sum"] == 1 for row in rows), rows
    return {row["serial"] for row in rows}


def _by_lot() -> dict[str, Decimal]:
    found = InventoryTransaction.objects.exclude(manufacturer_lot="").order_by().values("manufacturer_lot")
    return {row["manufacturer_lot"]: row["sum"] for row in found.annotate(sum=Sum("on_hand")) if row["sum"]}
