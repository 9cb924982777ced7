"""Filters of the journal, one per column."""

from datetime import date
from typing import Any

from django.db.models import Max, Min, QuerySet

from inventory_site.filtersets import ChoiceFilter, DateRangeFilter, ModelChoiceFilter, TextFilter
from lots.filtersets import WordsFilterSet
from lots.models import Account, AccountKind, Office
from lots.periods import next_period, period_start
from reconciliation.filtersets import NumberFilter
from reconciliation.journal_lines import COST, COST_KINDS, KINDS
from reconciliation.journal_querysets import PostingFigures, posting_figures, within_period
from reconciliation.models import JournalEntry, JournalMonth, JournalPosting

# The value of a filter that finds lines of no order, or of no office.
NONE = "none"
SIDES = (("debit", "Debit"), ("credit", "Credit"))
SIDE_OF = {"debit": JournalPosting.Side.DEBIT, "credit": JournalPosting.Side.CREDIT}
# What the months of the journal can be asked for.
KNOWN_TO_MONTHS = {"period", "account", "side", "code", "office", "kind", "account_kind"}
EMPTY: tuple[Any, ...] = (None, "", [])


def periods_with_entries() -> list[tuple[str, str]]:
    """Every month from the first entry to the last, newest first: two looks at an index."""
    ends = JournalEntry.objects.aggregate(first=Min("date"), last=Max("date"))
    if ends["first"] is None:
        return []
    month, last, months = period_start(ends["first"]), ends["last"], []
    while month <= last:
        months.append((f"{month:%Y-%m}", f"{month:%Y-%m}"))
        month = next_period(month)
    return months[::-1]


def period_of(text: str) -> date:
    """The first day of a period that is written as in 2026-03. Raises ValueError for anything else."""
    return date.fromisoformat(f"{text}-01")


class AccountFilter(TextFilter):
    """Number (its beginning, or exactly after an equals sign) or a part of the name: few rows, looked up first."""

    def filter(self, qs: QuerySet[Any], value: str | None) -> QuerySet[Any]:
        return qs.filter(account__in=self.accounts(value)) if value else qs

    def accounts(self, value: str) -> list[int]:
        """The accounts that are meant."""
        if value.startswith("=") and len(value) > 1:
            accounts = Account.objects.filter(number=value[1:])
        else:
            accounts = Account.objects.filter(number__istartswith=value) | Account.objects.filter(name__icontains=value)
        return list(accounts.values_list("pk", flat=True))


class OrderFilter(TextFilter):
    """As every text filter; and "none" finds what belongs to no order."""

    def filter(self, qs: QuerySet[Any], value: str | None) -> QuerySet[Any]:
        return qs.filter(order="") if value == NONE else super().filter(qs, value)


class JournalFilterSet(WordsFilterSet):
    search_lookups = ("source_number__istartswith", "order__istartswith", "account__number__istartswith")
    search_label = "Search account, code, transaction ID or order"

    entry = NumberFilter("entry_id", label="Entry")
    period = ChoiceFilter(choices=periods_with_entries, label="Period", method="in_period")
    date = DateRangeFilter("entry__date", label="Date", is_moment=False)
    account = AccountFilter("account__number", label="Account")
    side = ChoiceFilter(choices=SIDES, label="Side", method="on_side")
    code = TextFilter("code__code", label="Code")
    office = ModelChoiceFilter(queryset=Office.objects.all(), label="Office", null_label="No office", null_value=NONE)
    order = OrderFilter("order", label="Order")
    source_number = TextFilter("source_number", label="Transaction ID")
    run = NumberFilter("entry__run_id", label="Run")
    kind = ChoiceFilter(choices=(*KINDS, (COST, "COGS, true-ups, accruals")), label="Kind", method="of_kind")
    account_kind = ChoiceFilter(choices=AccountKind.choices, label="Account kind", method="on_accounts_of_kind")
    usage = TextFilter("usage__number", label="Usage")
    lot = TextFilter("lot__number", label="Lot")
    lot_source = TextFilter("lot__source_number", label="Lot from")

    class Meta:
        model = JournalPosting
        fields: tuple[str, ...] = ()

    def of_kind(self, queryset: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        return queryset.filter(kind__in=COST_KINDS) if value == COST else queryset.filter(kind=value)

    def on_accounts_of_kind(self, queryset: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        return queryset.filter(account__in=list(Account.objects.filter(kind=value).values_list("pk", flat=True)))

    def in_period(self, queryset: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        return queryset.filter(within_period(period_of(value)))

    def figures(self) -> PostingFigures | None:
        """Count and sums of the found set from the months of the journal, or None where they do not know what is asked.

        They know periods, accounts, codes, offices and kinds, and nothing of single lines.
        """
        asked = {name: value for name, value in self.form.cleaned_data.items() if value not in EMPTY}
        if not set(asked) <= KNOWN_TO_MONTHS:
            return None
        months = JournalMonth.objects.all()
        for name in ("code", "office", "kind"):
            if name in asked:
                months = self.filters[name].filter(months, asked[name])
        if "period" in asked:
            months = months.filter(period=period_of(asked["period"]))
        chosen: set[int] | None = None
        if "account" in asked:
            chosen = set(self.filters["account"].accounts(asked["account"]))
        if "account_kind" in asked:
            of_kind = set(Account.objects.filter(kind=asked["account_kind"]).values_list("pk", flat=True))
            chosen = of_kind if chosen is None else chosen & of_kind
        return posting_figures(months, accounts=chosen, side=SIDE_OF[asked["side"]] if "side" in asked else None)

    def on_side(self, queryset: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        return queryset.filter(side=SIDE_OF[value])
