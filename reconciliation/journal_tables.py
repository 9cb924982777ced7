"""Tables of the journal: its postings, the lines of an entry, what they come to per account."""

from collections.abc import Sequence
from typing import Any

from django.urls import reverse

from inventory_site.tables import (
    BaseTable,
    DateColumn,
    GoToColumn,
    MoneyColumn,
    RowAction,
    RowActionsColumn,
)
from lots import addresses
from lots.tables import LinkedMoneyColumn, transaction_id_column
from reconciliation.journal_lines import AccountColumn, KindColumn, PeriodColumn, account_url, entry_url
from reconciliation.tables import NameColumn


class JournalTable(BaseTable):
    """Each line as its debit and its credit. The newest entry first; what belongs together stands together."""

    caption = "Journal"
    row_kind = "posting"
    minor = ("period", "office", "order", "run", "kind")

    entry = GoToColumn(
        "Entry",
        accessor="entry_id",
        kind="journal entry",
        url=lambda row: entry_url(row.entry_id, line=row.line_id),
        order_by=("entry_id", "line_id", "side"),
    )
    date = DateColumn("Date", order_by=("entry__date", "entry_id", "line_id", "side"))
    period = PeriodColumn("Period", orderable=False)
    account = AccountColumn("Account", accessor="account", order_by=("account__number", "entry_id", "line_id", "side"))
    debit = MoneyColumn("Debit", orderable=False)
    credit = MoneyColumn("Credit", orderable=False)
    code = GoToColumn("Code", accessor="code__code", kind="code", to="code", orderable=False)
    office = NameColumn("Office", accessor="office__code", orderable=False)
    order = GoToColumn("Order", kind="order", url=lambda row: addresses.order_page(row.order), orderable=False)
    source_number = transaction_id_column()
    run = GoToColumn(
        "Run",
        accessor="run_id",
        kind="run",
        url=lambda row: reverse("reconciliation:run", args=[row.run_id]),
        orderable=False,
    )
    kind = KindColumn()
    controls = RowActionsColumn()

    source_number.orderable = False

    def row_url(self, record: Any) -> str:
        return entry_url(record.entry_id)

    def row_name(self, record: Any) -> str:
        return f"posting of entry {record.entry_id}"

    def row_actions(self, record: Any) -> Sequence[RowAction]:
        return (RowAction(f"Entry {record.entry_id}", entry_url(record.entry_id)), *origin_actions(record))


def origin_actions(row: Any) -> tuple[RowAction, ...]:
    """Where a line comes from: its usage, its lot, its document, its code."""
    actions = []
    if row.usage is not None:
        actions.append(RowAction(f"Usage {row.usage.number}", row.usage.get_absolute_url()))
    if row.lot is not None:
        actions.append(RowAction(f"Lot {row.lot.number}", row.lot.get_absolute_url()))
    if row.source_number:
        actions.append(RowAction(f"Everything from {row.source_number}", addresses.records_from(row.source_number)))
    actions.append(RowAction(f"Code {row.code.code}", row.code.get_absolute_url()))
    return tuple(actions)


class AccountSumTable(BaseTable):
    """What an entry or a found set comes to per account; the rows are AccountSum."""

    caption = "Sums per account"

    account = GoToColumn("Account", accessor="account", kind="account", url=lambda row: account_url(row.account))
    debit = LinkedMoneyColumn("Debit", url=lambda row: row.url, drill="debit", meaning="Postings of this account")
    credit = LinkedMoneyColumn("Credit", url=lambda row: row.url, drill="credit", meaning="Postings of this account")

    def row_url(self, record: Any) -> str:
        return str(record.url)
