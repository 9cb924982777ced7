"""Figures of the reports. Reads only: lots as they are, and the months of the journal rather than its lines."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final, NamedTuple

from django.db import connection
from django.db.models import (
    Case,
    Count,
    DecimalField,
    ExpressionWrapper,
    F,
    IntegerField,
    Q,
    QuerySet,
    Sum,
    Value,
    When,
)
from django.db.models.fields import DurationField
from django.db.models.functions import Coalesce, ExtractDay, Round

from inventory_site.fields import MONEY_PLACES, MoneyField
from lots.models import Account, AccountKind, InventoryLot, LineItemCode, LotCostToPost, Office, Preference
from lots.periods import next_period
from reconciliation.account_selectors import balances_of
from reconciliation.models import JournalLine

ZERO: Final = Decimal(0)
Kind = JournalLine.Kind
# What is accrued for a lot (of fed lots: in process).
CLEARING: Final = ExpressionWrapper(F("value") - F("value_payable") - F("value_other"), output_field=MoneyField())


# -- The books at a glance ---------------------------------------------------------------------------
@dataclass(frozen=True)
class Tie:
    """Lots on one side, the ledger on the other. What waits to be posted is in the lots already."""

    lots: Decimal
    ledger: Decimal
    waiting: Decimal

    @property
    def difference(self) -> Decimal:
        return self.lots - self.ledger - self.waiting


@dataclass(frozen=True)
class BooksNow:
    """Inventory and accrued inventory, as they stand."""

    inventory: Tie
    accrued: Tie


def books_now() -> BooksNow:
    """Compare lots and ledger as they stand: sums over the lots, and over the months of the journal."""
    sums = InventoryLot.objects.aggregate(
        in_lots=Sum(F("value") - F("value_used"), default=ZERO),
        accrued=Sum(CLEARING, filter=Q(is_fed=False), default=ZERO),
    )
    waiting = LotCostToPost.objects.aggregate(
        value=Sum("event__value", default=ZERO),
        accrued=Sum(
            F("event__value") - F("event__value_payable") - F("event__value_other"),
            filter=Q(event__lot__is_fed=False),
            default=ZERO,
        ),
    )
    kept = Account.objects.filter(pk__in=InventoryLot.objects.order_by().values("account").distinct())
    accrued_account = Preference.current().account_accrued_inventory
    accounts = {account.pk: account for account in [*kept, *([accrued_account] if accrued_account else [])]}
    balances = balances_of(list(accounts.values()))
    inventory = sum((balances[account.pk] for account in kept), ZERO)
    accrued = balances[accrued_account.pk] if accrued_account else ZERO
    accrued_tie = Tie(sums["accrued"], accrued, waiting["accrued"])
    return BooksNow(Tie(sums["in_lots"], inventory, waiting["value"]), accrued_tie)


# -- Accrued inventory -------------------------------------------------------------------------------
def lots_of_age(*, now: datetime) -> QuerySet[InventoryLot]:
    """Lots with their age: whole days since goods first came in."""
    since = ExpressionWrapper(Value(now) - F("first_received_at"), output_field=DurationField())
    return InventoryLot.objects.annotate(age=ExtractDay(since))


def accrued_lots(*, now: datetime) -> QuerySet[InventoryLot]:
    """Purchase order lines, and any other lot that something is accrued for."""
    return (
        lots_of_age(now=now)
        .annotate(
            accrued=CLEARING,
            # Net of credits, as its value is.
            quantity_billed=F("quantity_purchased") - F("quantity_credited"),
            accrued_size=Case(When(accrued__lt=0, then=-F("accrued")), default=F("accrued"), output_field=MoneyField()),
            value_ordered=Round(
                ExpressionWrapper(F("quantity_ordered") * F("unit_cost_ordered"), output_field=DecimalField()),
                MONEY_PLACES,
                output_field=MoneyField(),
            ),
        )
        .filter(Q(purchase_order_line__isnull=False) | (Q(is_fed=False) & ~Q(accrued=0)))
        .select_related("code", "office", "purchase_order_line__purchase_order")
    )


# -- Lots at estimated cost --------------------------------------------------------------------------
class Bucket(NamedTuple):
    """Ages from a number of days up to another, without it."""

    name: str
    label: str
    least: int | None
    most: int | None


BUCKETS: Final = (
    Bucket("nothing", "Nothing received yet", None, None),
    Bucket("30", "Up to 30 days", 0, 31),
    Bucket("60", "31 to 60 days", 31, 61),
    Bucket("90", "61 to 90 days", 61, 91),
    Bucket("180", "91 to 180 days", 91, 181),
    Bucket("older", "Over 180 days", 181, None),
)


def _of_bucket(bucket: Bucket, now: datetime) -> Q:
    """As bounds on the moment, so that no age has to be worked out to count."""
    if bucket.least is None:
        return Q(first_received_at__isnull=True)
    found = Q(first_received_at__lte=now - timedelta(days=bucket.least))
    if bucket.least == 0:
        # Goods that are to come in later than now are new as well.
        found = Q(first_received_at__isnull=False)
    return found if bucket.most is None else found & Q(first_received_at__gt=now - timedelta(days=bucket.most))


def in_bucket(name: str, *, now: datetime) -> Q:
    return _of_bucket(next(bucket for bucket in BUCKETS if bucket.name == name), now)


def estimated_lots(*, now: datetime) -> QuerySet[InventoryLot]:
    """Lots whose cost is not final, with what keeps it so."""
    open_feeds = Count("fed_by", filter=Q(fed_by__usage__open_usage__isnull=False))
    return (
        lots_of_age(now=now)
        .filter(is_cost_final=False)
        .annotate(
            bucket=Case(
                *(When(_of_bucket(bucket, now), then=Value(place)) for place, bucket in enumerate(BUCKETS)),
                output_field=IntegerField(),
            ),
            open_feeds=Coalesce(open_feeds, 0),
            value_current=F("value") - F("value_used"),
        )
        .select_related("code", "office", "purchase_order_line__purchase_order", "job")
    )


class BucketFigures(NamedTuple):
    bucket: Bucket
    lots: int
    value: Decimal


def estimated_by_age(*, now: datetime) -> list[BucketFigures]:
    """How many lots are at estimated cost, and what they are worth, by age; in one reading."""
    sums: dict[str, Any] = {}
    for bucket in BUCKETS:
        sums[f"lots_{bucket.name}"] = Count("pk", filter=_of_bucket(bucket, now))
        sums[f"value_{bucket.name}"] = Sum("value", filter=_of_bucket(bucket, now), default=ZERO)
    row = InventoryLot.objects.filter(is_cost_final=False).aggregate(**sums)
    return [BucketFigures(bucket, row[f"lots_{bucket.name}"], row[f"value_{bucket.name}"]) for bucket in BUCKETS]


# -- COGS by month -----------------------------------------------------------------------------------
@dataclass
class CostRow:
    """A code, order or office (or a kind of line) and what it cost each month."""

    key: Any
    label: str
    description: str = ""
    url: str = ""
    by_month: dict[date, Decimal] = field(default_factory=dict)
    by_kind: dict[str, Decimal] = field(default_factory=dict)
    pk: int | None = None

    @property
    def total(self) -> Decimal:
        return sum(self.by_month.values(), ZERO)

    def add(self, month: date, kind: str, amount: Decimal) -> None:
        self.by_month[month] = self.by_month.get(month, ZERO) + amount
        self.by_kind[kind] = self.by_kind.get(kind, ZERO) + amount


@dataclass(frozen=True)
class CogsByMonth:
    """Rows of one page in the order of what they cost, how many there are in all, and the sums over all of them."""

    months: Sequence[date]
    rows: Sequence[CostRow]
    count: int
    kinds: Sequence[CostRow]

    @property
    def totals(self) -> CostRow:
        return self.totals_of("")

    def totals_of(self, kind: str) -> CostRow:
        """The sums over all rows, of one kind or ("") of every kind."""
        total = CostRow(None, "Totals")
        for row in self.kinds:
            if kind in {"", row.key}:
                for month, amount in row.by_month.items():
                    total.add(month, str(row.key), amount)
        return total


# Debits less credits of these accounts, row by row of the sums of months, which know codes and offices. Orders are only
# in the lines: too many to keep, so they are added up first.
_COST: Final = "CASE WHEN debit_account_id = ANY(%(accounts)s) THEN amount ELSE -amount END"
_IS_COST: Final = "(debit_account_id = ANY(%(accounts)s)) <> (credit_account_id = ANY(%(accounts)s))"
_OF_MONTHS: Final = f"""
SELECT {{dimension}} AS dimension, period AS month, kind, {_COST} AS amount FROM reconciliation_journalmonth
WHERE period >= %(from)s AND period < %(until)s AND kind = ANY(%(kinds)s) AND {_IS_COST}
"""  # noqa: S608  (our own constant text)
_OF_ORDERS: Final = f"""
SELECT "order" AS dimension, entry.month, line.kind, sum({_COST}) AS amount
FROM reconciliation_journalline AS line JOIN (
    SELECT id, date_trunc('month', date)::date AS month FROM reconciliation_journalentry
    WHERE date >= %(from)s AND date < %(until)s OFFSET 0
) AS entry ON entry.id = line.entry_id
WHERE kind = ANY(%(kinds)s) AND {_IS_COST} GROUP BY 1, 2, 3
"""  # noqa: S608  (our own constant text)
_COSTS: Final = {
    "code": _OF_MONTHS.format(dimension="code_id"),
    "office": _OF_MONTHS.format(dimension="coalesce(office_id, 0)"),
    "order": _OF_ORDERS,
}
# The sums of all, the rows of a page by what they cost, and how many rows there are.
_COGS: Final = """
WITH cost AS MATERIALIZED ({costs}), ranked AS MATERIALIZED (
    SELECT dimension, row_number() OVER (ORDER BY sum(amount) DESC, dimension) AS place FROM cost
    WHERE %(kind)s = '' OR kind = %(kind)s GROUP BY dimension
), shown AS MATERIALIZED (SELECT dimension, place FROM ranked WHERE place > %(start)s AND place <= %(stop)s)
SELECT 0, NULL, month, kind, sum(amount), 0 FROM cost GROUP BY month, kind
UNION ALL
SELECT 1, cost.dimension::text, month, kind, sum(amount), place FROM cost
JOIN shown ON shown.dimension = cost.dimension
WHERE %(kind)s = '' OR kind = %(kind)s GROUP BY cost.dimension, place, month, kind
UNION ALL
SELECT 2, NULL, NULL, NULL, count(*), 0 FROM ranked ORDER BY 1, 6
"""


def cogs_by_month(*, months: Sequence[date], by: str, kind: str = "", start: int = 0, stop: int = 100) -> CogsByMonth:
    """Cost of sales by code, order or office and month: debits less credits of the cost-of-sales accounts.

    Of every kind of line: what is charged to the variance account for a return to a vendor and what is credited there
    for it belong together. So the totals are what the balances of these accounts changed by.
    """
    accounts = Account.objects.filter(kind=AccountKind.COST_OF_SALES).values_list("pk", flat=True)
    parameters: dict[str, Any] = {
        "accounts": list(accounts),
        "from": months[0],
        "until": next_period(months[-1]),
        "kinds": [str(known) for known in _KIND_LABELS],
        "kind": kind,
        "start": start,
        "stop": stop,
    }
    with connection.cursor() as cursor:
        cursor.execute(_COGS.format(costs=_COSTS[by]), parameters)
        found = cursor.fetchall()
    kinds = {str(known): CostRow(str(known), label) for known, label in _KIND_LABELS.items()}
    rows: dict[str, CostRow] = {}
    count = 0
    for level, key, month, line_kind, amount, _ in found:
        if level == 2:
            count = int(amount)
        elif level == 0:
            kinds[line_kind].add(month, line_kind, amount)
        else:
            rows.setdefault(key, CostRow(key, key)).add(month, line_kind, amount)
    _name(rows, by)
    return CogsByMonth(months, list(rows.values()), count, list(kinds.values()))


_KIND_LABELS: Final = {
    Kind.COGS: "Cost of usage",
    Kind.TRUE_UP: "True-ups",
    Kind.ACCRUED_COGS: "Accrued COGS",
    Kind.RECEIPT: "Variances",
    Kind.PURCHASE: "Billed",
}


def _name(rows: dict[str, CostRow], by: str) -> None:
    if by == "order":
        for row in rows.values():
            row.label = row.label or "No order"
        return
    keys = [int(key) for key in rows]
    if by == "code":
        for code in LineItemCode.objects.filter(pk__in=keys):
            row = rows[str(code.pk)]
            row.label, row.description, row.url = code.code, code.description, code.get_absolute_url()
        return
    rows_without = rows.get("0")
    if rows_without is not None:
        rows_without.label = "No office"
    for office in Office.objects.filter(pk__in=keys):
        row = rows[str(office.pk)]
        row.label, row.description, row.url = office.code, office.name, office.get_absolute_url()
