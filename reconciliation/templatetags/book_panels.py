"""The journal on the pages of what it comes from: a usage, a lot, a document."""

from typing import Any, Final

from django import template

from inventory_site.details import Section
from inventory_site.listing import EmptyState
from lots import addresses
from lots.models import InventoryLot
from reconciliation.journal_lines import LineOfRecordTable
from reconciliation.journal_querysets import JournalLineQuerySet, journal_lines
from usage.models import InventoryUsage

register = template.Library()

LINES_SHOWN: Final = 20
NOT_POSTED: Final = EmptyState(
    "Nothing in the journal yet", "A COGS reconciliation run posts what was received, billed and used."
)


@register.inclusion_tag("reconciliation/_journal.html", takes_context=True)
def journal_of_usage(context: template.Context, usage: InventoryUsage) -> dict[str, Any]:
    """What the books say of a usage: its cost, corrections of it, and what was accrued for it."""
    return _panel(
        context,
        journal_lines().filter(usage=usage),
        address=addresses.found_set("reconciliation:journal", usage=addresses.exactly(usage.number)),
        without=("usage",),
    )


@register.inclusion_tag("reconciliation/_journal.html", takes_context=True)
def journal_of_lot(context: template.Context, lot: InventoryLot) -> dict[str, Any]:
    """What came into the inventory account by a lot and what went out of it."""
    return _panel(
        context,
        journal_lines().filter(lot=lot),
        address=addresses.found_set("reconciliation:journal", lot=addresses.exactly(lot.number)),
        without=("lot",),
    )


@register.inclusion_tag("reconciliation/_journal.html", takes_context=True)
def journal_of_source(context: template.Context, number: str) -> dict[str, Any]:
    """What a document, by its transaction ID, made in the books."""
    return _panel(
        context,
        journal_lines().of_source(number),
        address=addresses.found_set("reconciliation:journal", source_number=addresses.exactly(number)),
    )


@register.inclusion_tag("reconciliation/_journal.html", takes_context=True)
def journal_of_lots_from(context: template.Context, number: str) -> dict[str, Any]:
    """What the lots of a document brought into the books. What left them stands on their own pages."""
    return _panel(
        context,
        journal_lines().filter(lot__source_number=number, usage=None),
        address=addresses.found_set("reconciliation:journal", lot_source=addresses.exactly(number)),
        without=("usage",),
    )


def _panel(
    context: template.Context, lines: JournalLineQuerySet, *, address: str, without: tuple[str, ...] = ()
) -> dict[str, Any]:
    """A section with the newest lines; None for those who may not see the journal."""
    if not context["request"].user.has_perm("reconciliation.view_journalline"):
        return {"section": None}
    rows = list(lines.for_list().order_by("-pk")[: LINES_SHOWN + 1])
    shown = rows[:LINES_SHOWN]
    note = ""
    if len(rows) > LINES_SHOWN:
        count = lines.count()
        note = f"The newest {LINES_SHOWN} of {count:,} lines."
    return {
        "section": Section(
            "Journal",
            table=LineOfRecordTable(shown, empty=NOT_POSTED, exclude=without),
            note=note,
            all_url=address if shown else "",
            all_label="As debits and credits",
        )
    }
