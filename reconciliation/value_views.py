"""Inventory value against the books: on a day, as known now, and where asked as it was known at a moment before."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.generic import View

from inventory_site.details import Section
from inventory_site.listing import EmptyState
from inventory_site.tables import BaseTable, RowGroup
from inventory_site.views import RecordPermissionMixin
from lots import addresses
from lots.models import Account, LineItemCode, LotCostEvent
from reconciliation.journal_lines import account_url
from reconciliation.report_forms import ReportForm, ValueForm
from reconciliation.report_selectors import ZERO, books_now
from reconciliation.report_tables import AccountValueTable, LearnedTable, PartingTable, TwoClocksTable, ValueTable
from reconciliation.report_views import VIEW_JOURNAL, ReportView, page_of
from reconciliation.valuation import Parting, Valuation, ValuationRow, explain_difference, first_parting, valuation

PARTINGS_SHOWN: Final = 10
LEARNED_SHOWN: Final = 50


@dataclass(frozen=True)
class ValueRow:
    """An account, or an account and code: known now, and where asked as it was known then."""

    account: Account | None
    line_item: LineItemCode | None
    value: Decimal
    balance: Decimal
    value_then: Decimal = ZERO
    balance_then: Decimal = ZERO
    until: str = ""
    pk: int | None = None

    @property
    def difference(self) -> Decimal:
        return self.value - self.balance

    @property
    def change(self) -> Decimal:
        return self.value - self.value_then

    @property
    def code(self) -> str:
        return self.line_item.code if self.line_item else ""

    @property
    def description(self) -> str:
        return self.line_item.description if self.line_item else ""

    @property
    def code_url(self) -> str:
        return self.line_item.get_absolute_url() if self.line_item else ""

    @property
    def lots_url(self) -> str:
        return addresses.lots_of_code(self.code)

    @property
    def journal_url(self) -> str:
        if self.account is None:
            return ""
        code = addresses.exactly(self.code) if self.code else ""
        account = addresses.exactly(self.account.number)
        return addresses.found_set("reconciliation:journal", account=account, code=code, date_before=self.until)

    @property
    def account_url(self) -> str:
        return account_url(self.account) if self.account else ""


@dataclass(frozen=True)
class PartingRow:
    """Where lots and books part, and the first document of it."""

    row: ValueRow
    parting: Parting | None
    pk: int | None = None

    @property
    def code(self) -> str:
        return self.row.code

    @property
    def code_url(self) -> str:
        return self.row.code_url

    @property
    def account(self) -> str:
        return str(self.row.account or "No account")

    @property
    def difference(self) -> Decimal:
        return self.row.difference

    @property
    def day(self) -> date | None:
        return self.parting.day if self.parting else None

    @property
    def document(self) -> str:
        return (self.parting.source_number or "No document") if self.parting else ""

    @property
    def document_url(self) -> str:
        return addresses.everything_from(self.parting.source_number) if self.parting else ""

    @property
    def lots(self) -> Decimal | None:
        return self.parting.lots if self.parting else None

    @property
    def books(self) -> Decimal | None:
        return self.parting.books if self.parting else None


class InventoryValueView(ReportView):
    """Lots and ledger per account and code, on a day, as known now and where asked as known at a moment before."""

    title = "Inventory Value against the Books"

    def get_form(self, request: HttpRequest, *, now: datetime) -> ReportForm:
        return ValueForm(request.GET, today=timezone.localdate(now))

    def _rows(self, form: ValueForm, *, now: datetime) -> list[ValueRow]:
        asked = form.cleaned_data
        self.as_of: date = asked["as_of"]
        self.known_at: datetime | None = asked["known_at"]
        known_now = valuation(as_of=self.as_of)
        then = valuation(as_of=self.as_of, known_at=self.known_at) if self.known_at else None
        rows = _together(known_now, then, until=self.as_of.isoformat())
        return [row for row in rows if row.difference] if asked["only_differences"] else rows

    def _table(self, rows: Sequence[ValueRow], every: Sequence[ValueRow]) -> BaseTable:
        """With the accounts as groups; sub-totals are those of the whole account."""
        table_class = TwoClocksTable if self.known_at else ValueTable
        groups: list[RowGroup] = []
        for row in rows:
            label = str(row.account or "No account")
            if not groups or groups[-1].label != label:
                whole = [other for other in every if other.account == row.account]
                groups.append(RowGroup(label, "", row.account_url, totals=_sums(whole)))
            groups[-1].records.append(row)
        empty = EmptyState("Nothing to compare", "No lot and no posting counts on this day or before.")
        return table_class(rows, groups=groups, totals=_sums(every), empty=empty)

    def get_export(self, form: Any, *, now: datetime) -> tuple[BaseTable, Mapping[str, Decimal]]:
        rows = self._rows(form, now=now)
        return self._table(rows, rows), _sums(rows)

    def get_report(self, form: Any, *, now: datetime) -> Mapping[str, Any]:
        rows = self._rows(form, now=now)
        shown, page = page_of(self.request, rows)
        sums = _sums(rows)
        parted = [row for row in rows if row.difference]
        accounts = _per_account(rows, until=self.as_of.isoformat())
        sections = [Section("Per account", table=AccountValueTable(accounts, totals=_sums(accounts)))]
        if parted:
            sections.insert(0, _partings(parted))
        if self.known_at:
            sections.append(self._learned(self.known_at, sums["change"], now=now))
        sections.append(Section("Per account and code", table=self._table(shown, rows)))
        words = f"on {self.as_of:%m/%d/%y}"
        figures = [
            (f"Lots' value {words}", sums["value"], False),
            ("Ledger", sums["balance"], False),
            ("Difference", sums["difference"], bool(sums["difference"]) or bool(parted)),
        ]
        if self.known_at:
            figures.append((f"As known {timezone.localtime(self.known_at):%m/%d/%y %H:%M}", sums["value_then"], False))
        waiting = books_now().inventory.waiting if parted else ZERO
        note = f"{waiting:,.2f} of it waits to be posted by the next run." if waiting else ""
        return {"figures": figures, "sections": sections, "pages": page, "note": note, "is_tied": not parted}

    def _learned(self, known_at: datetime, change: Decimal, *, now: datetime) -> Section:
        found = explain_difference(as_of=self.as_of, known_at_before=known_at, known_at_after=now)
        amount = sum((row.amount for row in found), ZERO)
        notes = [f"Written down since then, and counting on {self.as_of:%m/%d/%y} or before."]
        if len(found) > LEARNED_SHOWN:
            notes.append(f"The first {LEARNED_SHOWN} of {len(found):,}; the total is that of all.")
        if amount != change:
            notes.append(f"They explain {amount:,.2f} of {change:,.2f}.")
        empty = EmptyState("Nothing was learned since", "Known then and known now are the same.", kind="all-done")
        rows = [_Learned(row.source_number, _KINDS.get(row.kind, row.kind), row.recorded, row.amount) for row in found]
        table = LearnedTable(rows[:LEARNED_SHOWN], totals={"amount": amount} if rows else None, empty=empty)
        return Section("Documents that explain the difference", note=" ".join(notes), table=table)


@dataclass(frozen=True)
class _Learned:
    source_number: str
    kind: str
    recorded: datetime
    amount: Decimal
    pk: int | None = None

    @property
    def document(self) -> str:
        return self.source_number or "No document"

    def get_absolute_url(self) -> str:
        return addresses.everything_from(self.source_number)


_KINDS: Final[Mapping[str, str]] = {
    **{str(kind): str(label) for kind, label in LotCostEvent.Kind.choices},
    "COGS": "Cost of usage",
    "TRUE_UP": "True-up",
}


def _together(now: Valuation, then: Valuation | None, *, until: str) -> list[ValueRow]:
    """Both clocks side by side, in the order of accounts and codes."""

    def keyed(found: Valuation | None) -> dict[tuple[Any, int], ValuationRow]:
        rows = found.rows if found else ()
        return {(row.account.pk if row.account else None, row.code.pk): row for row in rows}

    current, before = keyed(now), keyed(then)
    rows = []
    for key in {**current, **before}:
        row, old = current.get(key), before.get(key)
        either = row or old
        if either is None:
            continue
        rows.append(
            ValueRow(
                either.account,
                either.code,
                row.value if row else ZERO,
                row.balance if row else ZERO,
                old.value if old else ZERO,
                old.balance if old else ZERO,
                until,
            )
        )
    rows.sort(key=lambda row: (row.account.number if row.account else "", row.code))
    return rows


_SUMMED: Final = ("value", "balance", "difference", "value_then", "balance_then", "change")


def _sums(rows: Sequence[ValueRow]) -> dict[str, Decimal]:
    return {name: sum((getattr(row, name) for row in rows), ZERO) for name in _SUMMED}


def _per_account(rows: Sequence[ValueRow], *, until: str) -> list[ValueRow]:
    accounts: dict[Account | None, list[ValueRow]] = {}
    for row in rows:
        accounts.setdefault(row.account, []).append(row)
    merged = []
    for account, own in accounts.items():
        sums = _sums(own)
        figures = (sums["value"], sums["balance"], sums["value_then"], sums["balance_then"])
        merged.append(ValueRow(account, None, *figures, until=until))
    return merged


def _partings(parted: Sequence[ValueRow]) -> Section:
    rows = [
        PartingRow(row, first_parting(row.account, row.line_item) if row.account and row.line_item else None)
        for row in parted[:PARTINGS_SHOWN]
    ]
    more = f" The first {PARTINGS_SHOWN} of {len(parted):,}." if len(parted) > PARTINGS_SHOWN else ""
    note = f"With the first document that lots and ledger disagree about.{more}"
    return Section("Where they part", note=note, table=PartingTable(rows))


class BooksTileView(RecordPermissionMixin, View):
    """What the home page says of the books; it asks for it once it is shown, because it takes a look at all of them."""

    permission_required = VIEW_JOURNAL

    def get(self, request: HttpRequest) -> HttpResponse:
        if not request.headers.get("HX-Request"):
            return redirect("reconciliation:inventory_value")
        return render(request, "reconciliation/_books_tile.html", {"books": books_now()})
