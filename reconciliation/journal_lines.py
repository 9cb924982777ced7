"""Journal lines as they are shown: on an entry's page, and on the pages of what they come from."""

from typing import Any, Final

from django.urls import NoReverseMatch, reverse

from inventory_site.tables import BaseTable, DateColumn, GoToColumn, MoneyColumn, StatusColumn, TextColumn
from lots import addresses
from lots.models import Account
from reconciliation.models import JournalLine

KINDS: Final = (
    (JournalLine.Kind.RECEIPT, "Inventory"),
    (JournalLine.Kind.PURCHASE, "Billed"),
    (JournalLine.Kind.COGS, "COGS"),
    (JournalLine.Kind.TRUE_UP, "True-up"),
    (JournalLine.Kind.ACCRUED_COGS, "Accrued COGS"),
)
# Everything that the cost of usage consists of.
COST: Final = "COST"
COST_KINDS: Final = (JournalLine.Kind.COGS, JournalLine.Kind.TRUE_UP, JournalLine.Kind.ACCRUED_COGS)
_KINDS: Final = dict(KINDS)


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

    cell_class = "go-to-cell long"

    def __init__(self, verbose_name: str, *, accessor: str, **options: Any) -> None:
        super().__init__(
            verbose_name,
            accessor=accessor,
            kind="account",
            url=lambda row: account_url(getattr(row, accessor)),
            **options,
        )


class ShortColumn(TextColumn):
    """Short text that needs no room beyond itself."""

    cell_class = "name"


class LineTable(BaseTable):
    """Lines of an entry: the account debited, the account credited, and what the amount comes from."""

    caption = "Lines"
    row_kind = "line"

    debit_account = AccountColumn("Debit", accessor="debit_account")
    credit_account = AccountColumn("Credit", accessor="credit_account")
    amount = MoneyColumn("Amount")
    kind = KindColumn()
    code = GoToColumn("Code", accessor="code__code", kind="code", to="code")
    office = ShortColumn("Office", accessor="office__code")
    order = GoToColumn("Order", kind="order", url=lambda row: addresses.order_page(row.order))
    source_number = GoToColumn(
        "Transaction ID", kind="transaction", url=lambda row: addresses.everything_from(row.source_number)
    )
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
