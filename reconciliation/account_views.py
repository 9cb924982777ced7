"""The chart of accounts: what stands on each account, and the pages to add and change one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from django.db.models import Model, QuerySet
from django.urls import reverse
from django.utils import timezone

from inventory_site.details import Action, Fact, Section
from inventory_site.documents import DocumentFormView
from inventory_site.listing import EmptyState, ListState
from inventory_site.views import RecordDetailView, RecordListView
from lots.addresses import exactly, found_set
from lots.history_table import history_section
from lots.models import Account, Preference
from reconciliation.account_filtersets import AccountFilterSet
from reconciliation.account_forms import AccountEditForm, AccountForm
from reconciliation.account_selectors import balances_of, months_of
from reconciliation.account_tables import AccountTable, MonthsOfAccountTable, journal_of
from reconciliation.chart import account_change, account_create, codes_naming, default_for
from reconciliation.run_views import signed_in

ADD, CHANGE = "lots.add_account", "lots.change_account"
CODES_NAMED = 10


class AccountListView(RecordListView):
    """Accounts in the order of their numbers, with what stands on them."""

    queryset = Account.objects.all()
    filterset_class = AccountFilterSet
    table_class = AccountTable
    title = "Chart of Accounts"
    default_sort = ("number",)
    empty_first_use = EmptyState("No accounts", "Postings need some: add the first.")

    def get_rows(self, found: QuerySet[Any], state: ListState, start: int, stop: int) -> Sequence[Any]:
        rows: Sequence[Any] = _with_figures(super().get_rows(found, state, start, stop))
        return rows

    def export_chunks(self, found: QuerySet[Any], state: ListState) -> Any:
        for chunk in super().export_chunks(found, state):
            yield _with_figures(chunk)

    def get_actions(self) -> Sequence[Action]:
        return (Action("New account", reverse("reconciliation:account_create"), permission=ADD, is_primary=True),)


def _with_figures(rows: Any) -> Any:
    balances, preference = balances_of(rows), Preference.current()
    for row in rows:
        row.balance, row.defaults = balances[row.pk], ", ".join(default_for(row, preference))
    return rows


@dataclass(frozen=True)
class _MonthRow:
    period: str
    starts_on: date
    debit: Decimal
    credit: Decimal
    balance: Decimal
    url: str


class AccountDetailView(RecordDetailView):
    """One account: what it is, who relies on it, and its postings month by month."""

    queryset = Account.objects.all()
    list_url_name = "reconciliation:accounts"
    list_label = "Chart of Accounts"
    kind = "Account"

    def get_status(self) -> tuple[str, str]:
        return ("ACTIVE", "Active") if self.object.is_active else ("INACTIVE", "Inactive")

    def get_actions(self) -> Sequence[Action]:
        return (
            Action("Postings", journal_of(self.object), permission="reconciliation.view_journalline"),
            Action("Edit", reverse("reconciliation:account_edit", args=[self.object.pk]), permission=CHANGE),
        )

    def get_sections(self) -> Sequence[Section]:
        account: Account = self.object
        months = [
            _MonthRow(
                month.period, month.starts_on, month.debit, month.credit, month.balance,
                journal_of(account, period=month.period),
            )
            for month in months_of(account)
        ]  # fmt: skip
        codes = codes_naming(account)
        return (
            Section(
                "General Info",
                facts=(
                    Fact("Number", account.number),
                    Fact("Name", account.name),
                    Fact("Kind", account.get_kind_display()),
                    Fact("Natural side", "Credit" if account.is_credit_natured else "Debit"),
                ),
            ),
            Section(
                "In Use",
                facts=(
                    Fact("Balance", months[0].balance if months else Decimal(0), "money"),
                    Fact("Default for", ", ".join(default_for(account))),
                    Fact(
                        "Codes that name it",
                        _some(codes),
                        url=found_set("lots:codes", code=exactly(codes[0])) if len(codes) == 1 else "",
                        url_kind="code",
                    ),
                ),
                all_url=reverse("reconciliation:preferences"),
                all_label="Default accounts",
            ),
            Section(
                "Postings by Period",
                table=MonthsOfAccountTable(
                    months, empty=EmptyState("Nothing is posted to it", "No entry of the journal names this account.")
                ),
                all_url=journal_of(account),
                all_label="All postings",
            ),
            history_section(account.history_name),
        )


def _some(codes: Sequence[str]) -> str:
    more = f" and {len(codes) - CODES_NAMED:,} more" if len(codes) > CODES_NAMED else ""
    return ", ".join(codes[:CODES_NAMED]) + more


class AccountCreateView(DocumentFormView):
    model = Account
    form_class = AccountForm
    permission_required = ADD
    noun = "account"
    list_url_name = "reconciliation:accounts"
    list_label = "Chart of Accounts"

    def save(self, record: Any, header: dict[str, Any], lines: list[dict[str, Any]]) -> Model:
        return account_create(**header, by=signed_in(self.request), at=timezone.now())


class AccountEditView(DocumentFormView):
    model = Account
    form_class = AccountEditForm
    permission_required = CHANGE
    noun = "account"
    history_of = "history_name"

    def lock(self) -> None:
        """The preferences first, as `account_change` does."""
        Preference.objects.select_for_update().get(pk=1)
        super().lock()

    def initial(self, record: Account) -> dict[str, Any]:
        return {"name": record.name, "kind": record.kind, "is_active": record.is_active}

    def save(self, record: Any, header: dict[str, Any], lines: list[dict[str, Any]]) -> Model:
        return account_change(account=record, **header, by=signed_in(self.request), at=timezone.now())
