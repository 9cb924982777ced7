"""Tables of the journal: its postings, the lines of an entry, what they come to per account."""

from collections.abc import Sequence
from typing import Any

from django.urls import NoReverseMatch, reverse

from inventory_site.tables import (
    BaseTable,
    DateColumn,
    GoToColumn,
    MoneyColumn,
    RowAction,
    RowActionsColumn,
    StatusColumn,
    TextColumn,
)
from lots import addresses
from lots.models import Account
from lots.tables import LinkedMoneyColumn, transaction_id_column
from reconciliation.journal_filtersets import KINDS
from reconciliation.tables import NameColumn

_KINDS = dict(KINDS)


def account_url(account: Account) -> str:
    """The page of an account."""
    try:
        return account.get_absolute_url()
    except NoReverseMatch:
        return addresses.found_set("reconciliation:journal", account=addresses.exactly(account.number))


def entry_url(entry: int, *, line: int | None = None) -> str:
    """The page of an entry, at one of its lines."""
    address = reverse("reconciliation:journal_entry", args=[entry])
    return f"{address}?line={line}#row-{line}" if line is not None else address


class PeriodColumn(TextColumn):
    """2026-03."""

    cell_class = "status-cell"

    def render(self, value: Any) -> str:
        return f"{value:%Y-%m}"

    def value(self, value: Any) -> Any:
        return f"{value:%Y-%m}"


class KindColumn(StatusColumn):
    """What a line is, in a word or two."""

    def __init__(self, verbose_name: str = "Kind", **options: Any) -> None:
        super().__init__(verbose_name, dot=False, orderable=False, **options)

    def render(self, value: Any, record: Any, bound_column: Any) -> str:
        return _KINDS.get(record.kind, str(value))

    def value(self, value: Any, record: Any) -> Any:  # type: ignore[override]  # django-tables2 passes what is named
        return _KINDS.get(record.kind, str(value))


class AccountColumn(GoToColumn):
    """The account's number, with its name behind it."""

    def __init__(self, verbose_name: str, *, accessor: str, **options: Any) -> None:
        super().__init__(
            verbose_name,
            accessor=accessor,
            kind="account",
            url=lambda row: account_url(getattr(row, accessor)),
            **options,
        )


class JournalTable(BaseTable):
    """Each line as its debit and its credit. The newest line first; a line's two sides stand together."""

    caption = "Journal"
    row_kind = "posting"

    entry = GoToColumn(
        "Entry",
        accessor="entry_id",
        kind="journal entry",
        url=lambda row: entry_url(row.entry_id, line=row.line_id),
        order_by=("line_id", "side"),
    )
    date = DateColumn("Date", order_by=("entry__date", "line_id", "side"))
    period = PeriodColumn("Period", orderable=False)
    account = AccountColumn("Account", accessor="account", order_by=("account__number", "line_id", "side"))
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
    text = NameColumn("Text", orderable=False)
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


class LineTable(BaseTable):
    """Lines of an entry: the account debited, the account credited, and what the amount comes from."""

    caption = "Lines"
    row_kind = "line"

    debit_account = AccountColumn("Debit", accessor="debit_account")
    credit_account = AccountColumn("Credit", accessor="credit_account")
    amount = MoneyColumn("Amount")
    kind = KindColumn()
    code = GoToColumn("Code", accessor="code__code", kind="code", to="code")
    office = NameColumn("Office", accessor="office__code")
    order = GoToColumn("Order", kind="order", url=lambda row: addresses.order_page(row.order))
    source_number = transaction_id_column()
    usage = GoToColumn("Usage", accessor="usage__number", kind="usage", to="usage")
    lot = GoToColumn("Lot", accessor="lot__number", kind="lot", to="lot")

    def row_url(self, record: Any) -> str:
        return str(record.usage.get_absolute_url() if record.usage else record.lot.get_absolute_url())


class LineOfRecordTable(LineTable):
    """On the page of a usage, a lot or a document: with its entry and day."""

    caption = "Journal lines"

    entry = GoToColumn(
        "Entry",
        accessor="entry_id",
        kind="journal entry",
        url=lambda row: entry_url(row.entry_id, line=row.pk),
    )
    date = DateColumn("Date", accessor="entry__date")

    class Meta(BaseTable.Meta):
        sequence = ("entry", "date", "...")
        exclude = ("code", "office", "order")

    def row_url(self, record: Any) -> str:
        return entry_url(record.entry_id)


class AccountSumTable(BaseTable):
    """What an entry or a found set comes to per account; the rows are AccountSum."""

    caption = "Sums per account"

    account = GoToColumn("Account", accessor="account", kind="account", url=lambda row: account_url(row.account))
    debit = LinkedMoneyColumn("Debit", url=lambda row: row.url, drill="debit", meaning="Postings of this account")
    credit = LinkedMoneyColumn("Credit", url=lambda row: row.url, drill="credit", meaning="Postings of this account")

    def row_url(self, record: Any) -> str:
        return str(record.url)
