"""Tables of the reports."""

from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from django.utils.html import format_html

from inventory_site.tables import (
    BaseTable,
    CountColumn,
    DateColumn,
    GoToColumn,
    MoneyColumn,
    QuantityColumn,
    RowAction,
    RowActionsColumn,
    TextColumn,
)
from inventory_site.templatetags import display
from lots import addresses
from lots.models import DocumentStatus, InventoryLot
from lots.tables import code_column, office_column
from reconciliation.report_selectors import BUCKETS, CostRow
from reconciliation.tables import NameColumn


class LedMoneyColumn(MoneyColumn):
    """An amount that leads to what it comes from."""

    def __init__(self, verbose_name: str, *, url: Callable[[Any], str], **options: Any) -> None:
        super().__init__(verbose_name, **options)
        self.url_of = url

    def render(self, value: Any, record: Any = None) -> str:
        text: str = super().render(value)
        url = self.url_of(record) if record is not None else ""
        return format_html('<a href="{}">{}</a>', url, text) if url else text


class DifferenceColumn(MoneyColumn):
    """0.00 in the colour of small print, anything else in red."""

    def render(self, value: Any) -> str:
        shown = display.money_figure(value)
        return format_html('<span class="{}">{}</span>', "negative is-parted" if value else "muted", shown)


# -- Inventory value against the books ---------------------------------------------------------------
class ValueTable(BaseTable):
    """Per account and code; the rows are ValueRow."""

    caption = "Inventory value against the books"
    row_kind = "code"

    code = GoToColumn("Code", kind="code", url=lambda row: row.code_url)
    description = TextColumn("Description")
    value = LedMoneyColumn("Lots' Value", url=lambda row: row.lots_url)
    balance = LedMoneyColumn("Ledger", url=lambda row: row.journal_url)
    difference = DifferenceColumn("Difference")

    def row_url(self, record: Any) -> str:
        return str(record.code_url)


class TwoClocksTable(BaseTable):
    """The same as it was known at a moment, and as it is known now."""

    caption = "Inventory value as known then and now"
    row_kind = "code"

    code = GoToColumn("Code", kind="code", url=lambda row: row.code_url)
    description = TextColumn("Description")
    value_then = MoneyColumn("Lots, known then")
    balance_then = MoneyColumn("Ledger, known then")
    value = LedMoneyColumn("Lots, known now", url=lambda row: row.lots_url)
    balance = LedMoneyColumn("Ledger, known now", url=lambda row: row.journal_url)
    change = MoneyColumn("Learned since")
    difference = DifferenceColumn("Difference")

    def row_url(self, record: Any) -> str:
        return str(record.code_url)


class AccountValueTable(BaseTable):
    """Per account; the rows are ValueRow."""

    caption = "Inventory value per account"

    account = GoToColumn("Account", kind="account", url=lambda row: row.account_url)
    value = MoneyColumn("Lots' Value")
    balance = LedMoneyColumn("Ledger", url=lambda row: row.journal_url)
    difference = DifferenceColumn("Difference")


class PartingTable(BaseTable):
    """Where lots and books part, with the first document that they disagree about."""

    caption = "Where lots and books part"

    code = GoToColumn("Code", kind="code", url=lambda row: row.code_url)
    account = NameColumn("Account")
    difference = DifferenceColumn("Difference")
    day = DateColumn("First on")
    document = GoToColumn("First document", kind="transaction", url=lambda row: row.document_url)
    lots = MoneyColumn("To the lots")
    books = MoneyColumn("To the ledger")


class LearnedTable(BaseTable):
    """Documents that came in after the moment and count on the day or before."""

    caption = "Documents since then"

    document = GoToColumn("Transaction ID", kind="transaction", url=lambda row: row.get_absolute_url())
    kind = NameColumn("Kind")
    recorded = DateColumn("Known since", with_time=True)
    amount = MoneyColumn("Changes the value by")


# -- Accrued inventory -------------------------------------------------------------------------------
class LongGoToColumn(GoToColumn):
    """Words that lead somewhere: on narrow pages they wrap."""

    cell_class = "go-to-cell long"


class RemarkColumn(TextColumn):
    """Mostly empty: it takes no room before it says something."""

    cell_class = "remark"


class AccruedTable(BaseTable):
    """Per purchase order line; the rows are lots."""

    caption = "Accrued inventory"
    row_kind = "lot"
    minor = ("vendor", "age", "quantity_ordered", "value_ordered", "value_other")

    purchase_order = GoToColumn(
        "Purchase Order",
        accessor="source_number",
        kind="transaction",
        url=lambda lot: addresses.everything_from(lot.source_number),
    )
    number = GoToColumn("Lot", kind="lot", order_by="pk")
    code = code_column()
    vendor = NameColumn("Vendor", accessor="purchase_order_line__purchase_order__vendor", default="")
    age = CountColumn("Days", order_by="-first_received_at")
    quantity_ordered = QuantityColumn("Ordered")
    value_ordered = MoneyColumn("Ordered Value")
    quantity_received = QuantityColumn("Received")
    value = MoneyColumn("Received Value")
    quantity_billed = QuantityColumn("Billed")
    value_payable = MoneyColumn("Billed Value")
    value_other = MoneyColumn("Elsewhere")
    accrued = MoneyColumn("Accrued", order_by="accrued_size")
    remark = RemarkColumn("Note", empty_values=(), orderable=False)
    controls = RowActionsColumn()

    def value_remark(self, record: Any) -> str:
        if record.accrued >= 0:
            return ""
        line = getattr(record, "purchase_order_line", None)
        is_open = line is not None and line.purchase_order.status == DocumentStatus.OPEN
        return "More billed than carried while the order is open" if is_open else "More billed than carried"

    def render_remark(self, record: Any) -> str:
        remark = self.value_remark(record)
        return format_html('<span class="accrued-remark">{}</span>', remark) if remark else ""

    def row_actions(self, record: InventoryLot) -> Sequence[RowAction]:
        journal = addresses.found_set("reconciliation:journal", lot=addresses.exactly(record.number))
        return (RowAction("Open", record.get_absolute_url()), RowAction("Journal", journal))


# -- Lots at estimated cost --------------------------------------------------------------------------
class EstimatedTable(BaseTable):
    """Lots whose cost is not final, the oldest first."""

    caption = "Lots at estimated cost"
    row_kind = "lot"
    minor = ("office", "first_received_at", "bucket")

    number = GoToColumn("Lot", kind="lot", order_by="pk")
    code = code_column()
    office = office_column()
    first_received_at = DateColumn("Received", default=display.NOTHING)
    age = CountColumn("Days", order_by="-first_received_at", default=display.NOTHING)
    bucket = NameColumn("Age")
    why = LongGoToColumn(
        "Kept estimated by", accessor="source_number", kind="transaction", url=lambda lot: document_of(lot)
    )
    quantity_received = QuantityColumn("Received Qty")
    quantity_current = QuantityColumn("Current")
    value = MoneyColumn("Value at Stake")
    value_used = MoneyColumn("Charged Already")
    controls = RowActionsColumn()

    def render_bucket(self, value: int) -> str:
        return BUCKETS[value].label

    def value_bucket(self, value: int) -> str:
        return BUCKETS[value].label

    def render_why(self, record: Any) -> str:
        why, url = kept_estimated_by(record), document_of(record)
        return display.go_to(why, url, "what keeps it so:") if url else why

    def value_why(self, record: Any) -> str:
        return kept_estimated_by(record)

    def row_actions(self, record: InventoryLot) -> Sequence[RowAction]:
        return (
            RowAction("Open", record.get_absolute_url()),
            RowAction("Explain this cost", addresses.explain_lot(record.pk)),
        )


def kept_estimated_by(lot: Any) -> str:
    """The document that must close, or what else has to be known, before a lot's cost is final."""
    line, job = getattr(lot, "purchase_order_line", None), getattr(lot, "job", None)
    if line is not None and line.purchase_order.status == DocumentStatus.OPEN:
        return f"{line.purchase_order.number} is open"
    if job is not None and job.status == DocumentStatus.OPEN:
        return f"{job.number} is open"
    if lot.open_feeds:
        return f"{lot.open_feeds:,} component{'' if lot.open_feeds == 1 else 's'} unallocated"
    if lot.is_fed:
        return "Components at estimated cost"
    return lot.source_number or "Its document is open"


def document_of(lot: Any) -> str:
    return addresses.everything_from(lot.source_number) or addresses.explain_lot(lot.pk)


# -- COGS by month -----------------------------------------------------------------------------------
class MonthColumn(MoneyColumn):
    """A month's cost, which leads to its postings; nothing is a dash."""

    def __init__(self, month: date, *, url: Callable[[CostRow, date], str]) -> None:
        super().__init__(f"{month:%Y-%m}", accessor="by_month", empty_values=(), orderable=False)
        self.month = month
        self.url_of = url

    def value(self, value: Any, record: CostRow) -> Decimal:  # type: ignore[override]  # the record is asked for by name
        return record.by_month.get(self.month, Decimal(0))

    def render(self, value: Any, record: CostRow | None = None) -> str:
        if record is None:
            return display.money_figure(value)
        amount = record.by_month.get(self.month)
        if not amount:
            return display.NOTHING
        return format_html('<a href="{}">{}</a>', self.url_of(record, self.month), display.money_figure(amount))


class KindMoneyColumn(MoneyColumn):
    """What of a row's total is of one kind."""

    def __init__(self, verbose_name: str, *, kind: str) -> None:
        super().__init__(verbose_name, accessor="by_kind", empty_values=(), orderable=False)
        self.kind = kind

    def value(self, value: Any, record: CostRow) -> Decimal:  # type: ignore[override]  # likewise
        return record.by_kind.get(self.kind, Decimal(0))

    def render(self, value: Any, record: CostRow | None = None) -> str:
        amount = value if record is None else record.by_kind.get(self.kind)
        return display.money_figure(amount) if amount else display.NOTHING


class CostTable(BaseTable):
    """Rows by months; the columns of the months are added by `cost_table`, the newest first, so that it is in sight."""

    caption = "COGS by month"

    label = GoToColumn("", kind="", url=lambda row: row.url)
    total = MoneyColumn("Total")

    class Meta(BaseTable.Meta):
        sequence = ("label", "total", "...")

    def row_url(self, record: CostRow) -> str:
        return record.url


def cost_table(
    rows: Sequence[CostRow],
    *,
    heading: str,
    months: Sequence[date],
    url: Callable[[CostRow, date], str],
    totals: CostRow | None,
    with_kinds: bool,
    caption: str,
    empty: Any = None,
) -> CostTable:
    """A table with a column per month, and where asked what of the total are true-ups, accruals and variances."""
    extra: list[tuple[str, Any]] = [(f"{month:%Y-%m}", MonthColumn(month, url=url)) for month in reversed(months)]
    figures: dict[str, Decimal | None] = {}
    if totals is not None:
        figures = {f"{month:%Y-%m}": totals.by_month.get(month, Decimal(0)) for month in months}
        figures["total"] = totals.total
    if with_kinds:
        of_kinds = [("true_ups", "True-ups", "TRUE_UP"), ("accrued", "Accrued", "ACCRUED_COGS")]
        if any("RECEIPT" in row.by_kind for row in [*rows, *([totals] if totals else [])]):
            of_kinds.append(("variances", "Variances", "RECEIPT"))
        for name, label, kind in of_kinds:
            extra.append((name, KindMoneyColumn(label, kind=kind)))
            if totals is not None:
                figures[name] = totals.by_kind.get(kind, Decimal(0))
    table = CostTable(
        rows,
        extra_columns=extra,
        sequence=["label", "total", *(name for name, _ in extra)],
        totals=figures or None,
        empty=empty,
    )
    table.caption = caption
    table.columns["label"].column.verbose_name = heading
    return table
