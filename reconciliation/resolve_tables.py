"""The list of codes with open usage, as far as their cause and what resolves them."""

from typing import Any

from django.urls import reverse
from django.utils.html import format_html

from inventory_site.listing import Grouping
from inventory_site.tables import (
    BaseTable,
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
from lots.tables import LinkedCountColumn, LinkedQuantityColumn
from reconciliation.diagnosis import Cause
from usage.shapes import Form

FORM_LABELS = {form.name: form.value.capitalize() for form in Form}


def resolve_url(pool: Any) -> str:
    """The workbench of a pool: of its code, and of its office where offices are apart."""
    address = reverse("reconciliation:resolve_code", args=[pool.code_id])
    return f"{address}?pool={pool.pk}" if pool.office_id else address


def form_label(row: Any) -> str:
    return FORM_LABELS[row.form]


def cause_label(row: Any) -> str:
    return str(Cause(row.cause).label)


def _approval_note(row: Any) -> str:
    """That a second person has to agree, to what waits already or to what would be posted."""
    if row.pending_cure is not None:
        address = reverse("reconciliation:pending_cure", args=[row.pending_cure])
        state = "waits for approval" if row.pending_awaits_approval else "is pending"
        return format_html(' <small><a href="{}">{}</a> {}</small>', address, row.pending_number, state)
    if row.approve_above is not None and row.proposed > row.approve_above:
        return format_html(' <small class="muted">{}</small>', "needs approval")
    return ""


BY_FORM = Grouping("form", "form", label=form_label)
BY_CAUSE = Grouping("cause", "cause", label=cause_label)


class ResolveTable(BaseTable):
    """One row per cost pool with open usage; the code leads to its workbench."""

    caption = "Codes with open usage"
    row_kind = "code"
    minor = ("description", "form", "positive", "negative")

    code = GoToColumn("Code", accessor="code__code", kind="workbench of", url=resolve_url)
    description = TextColumn("Description", accessor="code__description")
    office = TextColumn("Office", accessor="office__code")
    form = TextColumn("Form")
    cause = TextColumn("Cause")
    net = LinkedQuantityColumn(
        "Net",
        accessor="open_unallocated",
        url=lambda row: addresses.usage_of_code(row.code.code, quick="open"),
        drill="unallocated",
        meaning="Open usage of this code",
    )
    positive = QuantityColumn("Used", accessor="open_unallocated_positive")
    negative = QuantityColumn("Returned", accessor="open_unallocated_negative")
    on_hand = QuantityColumn("On Hand")
    oldest = DateColumn("Oldest")
    usages = LinkedCountColumn(
        "Open",
        accessor="open_count",
        url=lambda row: addresses.usage_of_code(row.code.code, quick="open"),
        drill="count",
        meaning="Open usage of this code",
    )
    stake = MoneyColumn("~ At stake", estimated=True)
    controls = RowActionsColumn()

    def render_code(self, value: str, record: Any) -> str:
        """The row's checkbox belongs to the form above the list."""
        return format_html(
            '<span class="pick"><input type="checkbox" name="pool" value="{}" form="resolve-selected"'
            ' aria-label="Select {}">{}</span>',
            record.pk,
            value,
            display.go_to(value, resolve_url(record), "workbench of"),
        )

    def render_form(self, value: str) -> str:
        return FORM_LABELS[value]

    value_form = render_form

    def render_cause(self, value: str, record: Any) -> str:
        return format_html(
            '<span class="cause cause-{}">{}</span>{}',
            value.lower().replace("_", "-"),
            Cause(value).label,
            _approval_note(record),
        )

    def value_cause(self, value: str) -> str:
        return str(Cause(value).label)

    def row_url(self, record: Any) -> str:
        return resolve_url(record)

    def row_name(self, record: Any) -> str:
        return f"code {record.code.code}"

    def row_actions(self, record: Any) -> tuple[RowAction, ...]:
        code = record.code
        return (
            RowAction("Resolve", resolve_url(record)),
            RowAction("Open usage", addresses.usage_of_code(code.code, quick="open")),
            RowAction("Line item code", code.get_absolute_url()),
        )
