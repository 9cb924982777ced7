"""The records beside a proposal: what is open, the lots, the last movements, and whether the figures agree."""

from collections.abc import Sequence
from typing import Any, Final

from inventory_site.details import FigureRow, Figures, Section
from inventory_site.listing import EmptyState
from lots import addresses, selectors
from lots.models import CostPool, LineItemCode
from lots.querysets import lots, transactions
from lots.tables import LotsOfCodeTable, TransactionsOfCodeTable
from usage.querysets import usages
from usage.templatetags.usage_panels import OpenUsageTable

ROWS_SHOWN: Final = 8
USAGES_SHOWN: Final = 12


def evidence_sections(code: LineItemCode, pool: CostPool) -> Sequence[Section]:
    return (_open_usage(code, pool), _lots(code, pool), _transactions(code), _identity(code))


def _open_usage(code: LineItemCode, pool: CostPool) -> Section:
    rows = usages().for_list().open().filter(open_usage__pool=pool).order_by("open_usage__used_at", "pk")
    rest = pool.open_count - USAGES_SHOWN
    return Section(
        "Open Inventory Usage",
        table=OpenUsageTable(rows[:USAGES_SHOWN], empty=EmptyState("Nothing is unallocated", kind="all-done")),
        note=f"The oldest {USAGES_SHOWN}; {rest:,} more are open." if rest > 0 else "",
        all_url=addresses.usage_of_code(code.code, quick="open"),
        all_label="As a list",
    )


def _lots(code: LineItemCode, pool: CostPool) -> Section:
    newest: Any = lots().for_list().for_item(code).filter(pool=pool).order_by("-pk")[:ROWS_SHOWN]
    empty = EmptyState("No lots", "Nothing of this code was ever received: its usage cannot be allocated.")
    return Section(
        "Newest Lots",
        table=LotsOfCodeTable(newest, empty=empty),
        all_url=addresses.lots_of_code(code.code),
        all_label="All lots",
    )


def _transactions(code: LineItemCode) -> Section:
    newest: list[Any] = list(transactions().for_list().for_item(code).order_by("-at", "-pk")[:ROWS_SHOWN])
    running = selectors.running_balances([code.pk], transaction_ids=[row.pk for row in newest])
    for row in newest:
        row.running = running[row.pk]
    return Section(
        "Latest Transactions",
        table=TransactionsOfCodeTable(newest, empty=EmptyState("No transactions")),
        all_url=addresses.transactions_of_code(code.code),
        all_label="All transactions",
    )


def _identity(code: LineItemCode) -> Section:
    identity = selectors.master_identity(code, on_hand=selectors.balances_of(code).on_hand)
    quantity = "quantity"
    return Section(
        "On Hand = Lots Current - Unallocated",
        figures=Figures(
            "The master identity of this code",
            (("On Hand", quantity), ("Lots current", quantity), ("Unallocated", quantity), ("Difference", quantity)),
            (
                FigureRow(
                    "All offices", (identity.on_hand, identity.in_lots, identity.unallocated, identity.difference)
                ),
            ),
        ),
        template="lots/_identity.html",
        context={"identity": identity},
        is_wide=True,
    )
