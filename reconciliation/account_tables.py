"""Tables of the chart of accounts and of the periods."""

from typing import Any

from django.urls import reverse
from django.utils.html import format_html

from inventory_site.tables import (
    BaseTable,
    CountColumn,
    DateColumn,
    GoToColumn,
    MoneyColumn,
    RowAction,
    RowActionsColumn,
    StatusColumn,
    TextColumn,
)
from inventory_site.templatetags import display
from lots import addresses
from lots.models import Account
from reconciliation.tables import SYSTEM, NameColumn


def journal_of(account: Account, *, period: str = "") -> str:
    """The postings of an account, of one month where it is named."""
    return addresses.found_set("reconciliation:journal", account=addresses.exactly(account.number), period=period)


def periods_url(period: str) -> str:
    return f"{reverse('reconciliation:periods')}?period={period}"


class AccountTable(BaseTable):
    """`balance` and `defaults` are set on the rows by the view."""

    caption = "Chart of accounts"
    row_kind = "account"

    number = GoToColumn("Account", kind="account")
    name = TextColumn("Name")
    kind = TextColumn("Kind")
    defaults = TextColumn("Default for", orderable=False, empty_values=())
    balance = MoneyColumn("Balance", orderable=False)
    status = StatusColumn("Status", accessor="is_active", order_by="-is_active")
    controls = RowActionsColumn()

    def render_status(self, value: bool) -> str:
        return display.status_text("ACTIVE", "Active") if value else display.status_text("INACTIVE", "Inactive")

    def value_status(self, value: bool) -> str:
        return "Active" if value else "Inactive"

    def row_name(self, record: Any) -> str:
        return f"account {record.number}"

    def row_actions(self, record: Any) -> tuple[RowAction, ...]:
        return (RowAction("Open", record.get_absolute_url()), RowAction("Its postings", journal_of(record)))


class MonthsOfAccountTable(BaseTable):
    """The rows are MonthOnAccount; `account` is set on them by the view, through the address."""

    caption = "Postings by period"

    period = GoToColumn("Period", kind="postings of", url=lambda row: row.url)
    debit = MoneyColumn("Debit")
    credit = MoneyColumn("Credit")
    balance = MoneyColumn("Balance at its end")

    def row_url(self, record: Any) -> str:
        return str(record.url)


class PeriodTable(BaseTable):
    """The rows are Month."""

    caption = "Periods"

    name = GoToColumn("Period", kind="period", url=lambda row: periods_url(row.name))
    status = StatusColumn("Status", accessor="is_closed", orderable=False)
    entries = CountColumn("Entries", orderable=False)
    changed = DateColumn("Last changed", accessor="change__at", with_time=True, orderable=False)
    by = NameColumn("By", accessor="change__by__username", orderable=False, empty_values=())
    reason = TextColumn("Reason", accessor="change__reason", orderable=False)

    def render_status(self, value: bool) -> str:
        return display.status_text("CLOSED", "Closed") if value else display.status_text("OPEN", "Open")

    def render_entries(self, value: int, record: Any) -> str:
        url = addresses.found_set("reconciliation:journal", period=record.name)
        return format_html('<a href="{}">{}</a>', url, display.count(value)) if value and url else display.count(value)

    def render_by(self, record: Any) -> str:
        if record.change is None:
            return ""
        return record.change.by.get_username() if record.change.by else SYSTEM

    def row_url(self, record: Any) -> str:
        return periods_url(record.name)


class PeriodChangeTable(BaseTable):
    caption = "Changes of periods"

    at = DateColumn("When", with_time=True)
    period = TextColumn("Period")
    is_closed = TextColumn("What")
    by = TextColumn("By", accessor="by__username", default=SYSTEM)
    reason = TextColumn("Reason")

    def render_is_closed(self, value: bool) -> str:
        return "Closed" if value else "Reopened"

    def row_url(self, record: Any) -> str:
        return ""
