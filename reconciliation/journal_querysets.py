"""Chainable names for questions about the journal: its lines, and its postings (each line's debit and credit)."""

from collections.abc import Collection, Iterator
from datetime import date
from decimal import Decimal
from typing import Any, Final, NamedTuple, Self

from django.db.models import F, Q, QuerySet, Sum

from lots.models import LotCostEvent
from lots.periods import next_period
from reconciliation.models import JournalLine, JournalMonth, JournalPosting
from usage.models import InventoryUsage

# A document of more records than this is looked for by its number alone.
RECORDS_OF_A_SOURCE: Final = 5_000
EXPORT_CHUNK: Final = 5_000
EXPORT_COLUMNS: Final = (
    "entry", "date", "period", "account", "debit", "credit", "code", "office", "order", "source", "run", "kind", "text",
)  # fmt: skip


def within_period(start: date) -> Q:
    """The days of the month that begins here; as bounds, so that the index on dates serves them."""
    return Q(entry__date__gte=start, entry__date__lt=next_period(start))


class JournalLineQuerySet(QuerySet[JournalLine]):
    """Journal lines: one amount, from one account to another."""

    def of_source(self, number: str) -> Self:
        """Lines that a document made. There is no index on its number: its usage and lots have some, so they are asked
        first.
        """
        usages = list(InventoryUsage.objects.filter(source_number=number).values_list("pk")[: RECORDS_OF_A_SOURCE + 1])
        lots = list(
            LotCostEvent.objects.filter(source_number=number)
            .order_by()
            .values_list("lot_id")
            .distinct()[: RECORDS_OF_A_SOURCE + 1]
        )
        found = self.filter(source_number=number)
        if max(len(usages), len(lots)) > RECORDS_OF_A_SOURCE:
            return found
        return found.filter(Q(usage__in=[pk for (pk,) in usages]) | Q(lot__in=[pk for (pk,) in lots]))

    def for_list(self) -> Self:
        return self.select_related("entry", "debit_account", "credit_account", "code", "office", "lot", "usage")


class JournalPostingQuerySet(QuerySet[JournalPosting]):
    """The journal as accountants read it. Read along the lines: the key of a posting has no index."""

    def for_list(self) -> Self:
        return self.select_related("account", "code", "office", "lot", "usage")

    def for_export(self) -> Self:
        """With what a file shows and no more: of a million rows, every record that is made along counts."""
        return self.select_related(None).select_related("account", "code", "office").only(
            "line_id", "entry_id", "date", "period", "run_id", "debit", "credit", "kind", "order", "source_number",
            "account__number", "code__code", "code__description", "office__code",
        )  # fmt: skip


def journal_lines() -> JournalLineQuerySet:
    return JournalLineQuerySet(JournalLine)


def journal_postings() -> JournalPostingQuerySet:
    return JournalPostingQuerySet(JournalPosting)


class PostingFigures(NamedTuple):
    """How many postings there are of something, and what they come to."""

    rows: int
    debit: Decimal
    credit: Decimal


def posting_figures(
    months: QuerySet[JournalMonth], *, accounts: Collection[int] | None = None, side: int | None = None
) -> PostingFigures:
    """Of these months of the journal, on these accounts (None: all) and this side (None: both); without its lines."""
    pairs = months.order_by().values_list("debit_account", "credit_account")
    count, sums = 0, [Decimal(0), Decimal(0)]
    for *pair, amount, lines in pairs.annotate(all_amount=Sum("amount"), all_lines=Sum("lines")):
        for place, account in enumerate(pair):
            if side in {None, place} and (accounts is None or account in accounts):
                count += lines
                sums[place] += amount
    return PostingFigures(count, *sums)


def journal_rows(*, period: date | None = None) -> Iterator[tuple[Any, ...]]:
    """Rows of EXPORT_COLUMNS for other ledgers, in the order in which they were posted, read by a server-side cursor.

    Of one month (its first day) or of the whole journal.
    """
    found = journal_postings()
    if period is not None:
        found = found.filter(within_period(period))
    rows = found.order_by("line_id", "side").values_list(
        "entry_id", "date", "period", "account__number", "debit", "credit", "code__code", "office__code", "order",
        "source_number", "run_id", "kind", F("entry__text"),
    )  # fmt: skip
    return rows.iterator(chunk_size=EXPORT_CHUNK)
