"""Tables of this app's list pages; columns in the order of the guides."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from django.urls import reverse
from django.utils import timezone
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
    StatusColumn,
    TextColumn,
    UnitCostColumn,
)
from inventory_site.templatetags import display
from lots import addresses
from lots.models import Preference
from reconciliation.engine import RemarkCode
from reconciliation.models import RunPool

SYSTEM = "the system"


class DurationColumn(TextColumn):
    """Seconds, in words on screen and as a number in exports."""

    cell_class = "number"
    export_kind = "unit_cost"

    def render(self, value: Any) -> str:
        return display.duration(value)


class ExactMomentColumn(DateColumn):
    """To the second, for logs."""

    def render(self, value: Any) -> str:
        shown = timezone.localtime(value).strftime("%m/%d/%y %H:%M:%S")
        return format_html('<time datetime="{}">{}</time>', value.isoformat(), shown)


class NameColumn(TextColumn):
    """Short text that needs no room beyond itself."""

    cell_class = "name"


class RunTable(BaseTable):
    caption = "Reconciliation runs"
    row_kind = "run"
    minor = ("finished_at", "seconds", "trigger", "allocations", "passes")

    run = GoToColumn("Run", accessor="pk", kind="run", to="", order_by="pk")
    started_at = DateColumn("Started", with_time=True, default=display.NOTHING)
    finished_at = DateColumn("Finished", with_time=True, default=display.NOTHING)
    seconds = DurationColumn("Duration")
    state = StatusColumn("State")
    by = NameColumn("By", accessor="requested_by__username", default=SYSTEM)
    trigger = NameColumn("Trigger")
    pools = CountColumn("Codes", accessor="pools_now")
    usages = CountColumn("Usages", accessor="usages_now")
    allocations = CountColumn("Allocations", accessor="allocations_now")
    passes = CountColumn("Passes", accessor="passes_now")
    drawn = QuantityColumn("Drawn", accessor="drawn_now")
    given_back = QuantityColumn("Given back", accessor="given_back_now")
    amount = MoneyColumn("Amount", accessor="amount_now")
    controls = RowActionsColumn()

    def row_name(self, record: Any) -> str:
        return f"run {record.pk}"

    def row_actions(self, record: Any) -> tuple[RowAction, ...]:
        return (
            RowAction("Open", record.get_absolute_url()),
            RowAction("Entries it made", f"{reverse('reconciliation:allocations')}?run={record.pk}"),
            RowAction("Journal", f"{reverse('reconciliation:journal')}?run={record.pk}"),
            RowAction("Log", reverse("reconciliation:run_log", args=[record.pk])),
        )


def run_pool_url(record: Any) -> str:
    return reverse("reconciliation:run_code", args=[record.run_id, record.pk])


def resolve_address(code_pk: int) -> str:
    return reverse("reconciliation:resolve_code", args=[code_pk])


def entries_made(row: RunPool) -> str:
    """The entries that a run made for one code."""
    code = addresses.exactly(row.pool.code.code)
    return addresses.found_set("reconciliation:allocations", run=str(row.run_id), code=code)


# Short forms for the list; the page of a code says it in full, and so do exports.
_SHORT: Final[Mapping[str, str]] = {
    RemarkCode.NO_LOT: "no lot",
    RemarkCode.LOTS_USED_UP: "lots used up",
    RemarkCode.NOTHING_USED_TO_GIVE_BACK: "nothing used to give back to",
    RemarkCode.RESTRICTED_NO_LOT: "its own lots received nothing",
    RemarkCode.RESTRICTED_LOTS_USED_UP: "its own lots used up",
    RemarkCode.RESTRICTED_NOTHING_USED: "nothing used on its own lots",
}


def why_open_in_short(remarks: Sequence[Mapping[str, Any]]) -> str:
    return ", ".join(f"{_SHORT.get(remark['code'], remark['code'])} ({remark['count']:,})" for remark in remarks)


def why_open(remarks: Sequence[Mapping[str, Any]]) -> list[str]:
    """A line per reason, with how many usages it keeps open."""
    return [
        f"{remark['count']:,} usage{'' if remark['count'] == 1 else 's'}: {remark['message']}" for remark in remarks
    ]


class RunPoolTable(BaseTable):
    """What a run did per code, or per code and office."""

    caption = "Results per code"
    row_kind = "result of"
    minor = ("office", "usages", "allocations", "attempts")

    code = GoToColumn("Code", accessor="pool__code__code", kind="result of", url=run_pool_url)
    office = NameColumn("Office", accessor="pool__office__code")
    state = StatusColumn("State")
    passes = CountColumn("Passes")
    usages = CountColumn("Usages")
    allocations = CountColumn("Allocations")
    drawn = QuantityColumn("Drawn")
    given_back = QuantityColumn("Given back")
    amount = MoneyColumn("Amount")
    open_usages = CountColumn("Left open")
    unallocated = QuantityColumn("Unallocated")
    why = TextColumn("Why", accessor="remarks", orderable=False, empty_values=())
    attempts = CountColumn("Attempts")
    controls = RowActionsColumn()

    def render_why(self, record: Any) -> str:
        if record.state == RunPool.State.FAILED:
            return format_html('<span class="why is-error">{}</span>', record.error)
        if record.error and record.state != RunPool.State.DONE:
            return format_html('<span class="why">{}</span>', record.error)
        return why_open_in_short(record.remarks)

    def value_why(self, record: Any) -> str:
        if record.error and record.state != RunPool.State.DONE:
            return str(record.error)
        return " ".join(why_open(record.remarks))

    def row_url(self, record: Any) -> str:
        return run_pool_url(record)

    def row_name(self, record: Any) -> str:
        return f"code {record.pool}"

    def row_actions(self, record: Any) -> tuple[RowAction, ...]:
        code = record.pool.code
        return (
            RowAction("How the passes went", run_pool_url(record)),
            RowAction("Entries made", entries_made(record)),
            *((RowAction("Resolve", resolve_address(code.pk)),) if record.open_usages else ()),
            RowAction("Line item code", code.get_absolute_url()),
        )


class RunLogTable(BaseTable):
    caption = "Run log"
    row_kind = "log line"

    at = ExactMomentColumn("When")
    level = StatusColumn("Level", dot=False)
    code = GoToColumn("Code", accessor="pool__code__code", kind="code", to="pool__code")
    message = TextColumn("What happened", orderable=False)


class AllocationTable(BaseTable):
    caption = "COGS entries"
    row_kind = "entry"
    minor = ("transaction_id", "source")

    entry = CountColumn("Entry", accessor="pk", order_by="pk")
    run = GoToColumn("Run", accessor="run_id", kind="run", to="run", order_by="pk")
    code = GoToColumn("Code", accessor="usage__code__code", kind="code", to="usage__code", orderable=False)
    usage = GoToColumn("Usage", accessor="usage__number", kind="usage", to="usage", orderable=False)
    transaction_id = TextColumn("Transaction ID", accessor="usage__source_number", orderable=False)
    used_at = DateColumn("Date", accessor="usage__used_at", orderable=False)
    lot = GoToColumn("Lot", accessor="lot__number", kind="lot", to="lot", orderable=False)
    source = TextColumn("Lot source", accessor="lot__source_number", orderable=False)
    kind = StatusColumn("Kind", dot=False, orderable=False)
    quantity = QuantityColumn("Quantity", orderable=False)
    unit_cost = UnitCostColumn("Unit cost", orderable=False, empty_values=())
    amount = MoneyColumn("Amount", orderable=False)

    def render_entry(self, value: int) -> str:
        return str(value)

    def value_unit_cost(self, record: Any) -> Any:
        return record.amount / record.quantity if record.quantity else None

    def render_unit_cost(self, record: Any) -> str:
        return display.unit_cost(self.value_unit_cost(record))

    def row_url(self, record: Any) -> str:
        return ""

    def row_name(self, record: Any) -> str:
        return f"entry {record.pk}"


class PreviewTable(BaseTable):
    """What a run would do per code; the rows are PreviewRow."""

    caption = "What a run would do, per code"

    code = GoToColumn("Code", kind="code", url=lambda row: row.code_url)
    office = TextColumn("Office")
    passes = CountColumn("Passes")
    drawn = QuantityColumn("Would draw")
    given_back = QuantityColumn("Would give back")
    amount = MoneyColumn("Amount")
    open_usages = CountColumn("Would stay open")
    unallocated = QuantityColumn("Unallocated")
    why = TextColumn("Why")

    def row_url(self, record: Any) -> str:
        return str(record.code_url)


class LedgerCheckTable(BaseTable):
    """Earlier checks."""

    caption = "Ledger checks"
    row_kind = "check"

    at = DateColumn("Checked", with_time=True)
    by = TextColumn("By", accessor="by__username", default=SYSTEM)
    is_ok = TextColumn("Outcome")
    seconds = DurationColumn("Took")

    def render_is_ok(self, value: bool) -> str:
        return display.status_text("FINISHED", "All hold") if value else display.status_text("FAILED", "Broken")

    def row_url(self, record: Any) -> str:
        return f"{reverse('reconciliation:ledger_check')}?check={record.pk}"


class PreferenceChangeTable(BaseTable):
    caption = "Changes of preferences"

    at = DateColumn("Changed", with_time=True)
    by = TextColumn("By", accessor="by__username", default=SYSTEM)
    name = TextColumn("Preference")
    value_before = TextColumn("From")
    value_after = TextColumn("To")

    def render_name(self, value: str) -> str:
        return str({field.name: field.verbose_name for field in Preference._meta.fields}.get(value, value))
