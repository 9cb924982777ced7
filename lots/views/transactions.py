"""Inventory transactions: the quantity ledger, with running balances where one code's movements stand together."""

from collections.abc import Iterator, Sequence
from typing import Any

from django.db.models import QuerySet

from inventory_site.details import Fact, FigureRow, Figures, Section
from inventory_site.filtersets import BaseFilterSet
from inventory_site.listing import EmptyState, ListState, QuickSearch
from inventory_site.tables import BaseTable
from inventory_site.views import PageOfRows, RecordDetailView
from lots import addresses, selectors
from lots.filtersets import TransactionFilterSet
from lots.found_sets import LargeListView
from lots.history_table import history_exists, history_section
from lots.models import InventoryTransaction
from lots.querysets import transactions
from lots.services import source_kind_of
from lots.tables import BY_CODE, RunningTransactionTable, TransactionTable


class TransactionListView(LargeListView):
    """Where one code's movements stand together, each shows the balances right after it: over the code's whole ledger
    by date and number, whatever else is filtered or omitted.
    """

    queryset = transactions().for_list()
    filterset_class = TransactionFilterSet
    table_class = TransactionTable
    template_name = "lots/transaction_list.html"
    noun = "transactions"
    total_expressions = {"on_order": "on_order", "demand": "demand", "on_hand": "on_hand"}
    groupings = (BY_CODE,)
    quick_searches = (QuickSearch("ledger", "Running Balances by Code", params={"group": "code"}),)
    empty_first_use = EmptyState(
        "No inventory transactions yet", "They are written with every lot and every usage that is recorded."
    )

    def get_found_set(self, filterset: BaseFilterSet, state: ListState) -> QuerySet[Any]:
        text = str(filterset.form.cleaned_data.get("code") or "") if filterset.is_valid() else ""
        self.one_code = selectors.only_code_like(text) if text else None
        self.has_running_balances = state.group is not None or self.one_code is not None
        if self.has_running_balances:
            self.table_class = RunningTransactionTable
        # A ledger is read down within a group; a list shows what is new first.
        self.default_sort = ("at",) if state.group else ("-at",) if self.one_code else ("-number",)
        return super().get_found_set(filterset, state)

    def count_all(self) -> int:
        return InventoryTransaction.objects.count()

    def get_table(self, found: QuerySet[Any], state: ListState, page: PageOfRows, *, with_totals: bool) -> BaseTable:
        # The whole ledger has no summary: its totals come by a second request, like those of any large found set.
        if not self.is_narrowed and page.count >= self.totals_apart_from and state.part != "totals":
            with_totals = False
        return super().get_table(found, state, page, with_totals=with_totals)

    def rows_of(self, keys: Sequence[int]) -> list[Any]:
        rows = super().rows_of(keys)
        if self.has_running_balances:
            running = selectors.running_balances({row.code_id for row in rows}, transaction_ids=keys)
            for row in rows:
                row.running = running[row.pk]
        return rows

    def export_chunks(self, found: QuerySet[Any], state: ListState) -> Iterator[list[Any]]:
        running: dict[int, selectors.Balances] = {}
        loaded: set[int] = set()
        for chunk in super().export_chunks(found, state):
            if self.has_running_balances:
                # A code's ledger is summed once, however many chunks it fills, and forgotten when it is over.
                here = {row.code_id for row in chunk}
                if not here <= loaded:
                    running, loaded = selectors.running_balances(here), here
                for row in chunk:
                    row.running = running[row.pk]
            yield chunk

    def get_extra_context(self) -> dict[str, Any]:
        return {"has_running_balances": self.has_running_balances, "one_code": self.one_code}


class TransactionDetailView(RecordDetailView):
    """One movement, and where its code stood right after it."""

    queryset = transactions().for_list().select_related("reverses")
    list_url_name = "lots:transactions"
    list_label = "Inventory Transactions"
    kind = "Inventory Transaction"

    def get_sections(self) -> Sequence[Section]:
        movement: InventoryTransaction = self.object
        code, office, lot = movement.code, movement.office, movement.lot
        after = selectors.running_balances([code.pk], transaction_ids=[movement.pk])[movement.pk]
        reversed_one = movement.reverses
        source = addresses.everything_from(movement.source_number)
        return (
            Section(
                "General Info",
                facts=(
                    Fact("Transaction type", movement.source_kind or source_kind_of(movement.source_number)),
                    Fact("Transaction ID", movement.source_number, url=source, url_kind="transaction"),
                    Fact("Date", movement.at, "moment"),
                    Fact("Office", office, url=office.get_absolute_url() if office else "", url_kind="office"),
                    Fact("Code", code, url=code.get_absolute_url(), url_kind="code", hint=code.description),
                    Fact("Lot", lot, url=lot.get_absolute_url() if lot else "", url_kind="lot"),
                    Fact(
                        "Reverses",
                        reversed_one,
                        url=reversed_one.get_absolute_url() if reversed_one else "",
                        url_kind="transaction",
                    ),
                ),
            ),
            Section(
                "Movement",
                figures=Figures(
                    "What the movement changed, and the balances of the code right after it",
                    (("This movement", "quantity"), ("Balance after it", "quantity")),
                    (
                        FigureRow("On Order", (movement.on_order, after.on_order)),
                        FigureRow("Demand", (movement.demand, after.demand), hint="Negative: promised to orders"),
                        FigureRow("On Hand", (movement.on_hand, after.on_hand), is_total=True),
                    ),
                ),
                all_url=addresses.transactions_of_code(code.code),
                all_label=f"Ledger of {code.code}",
            ),
            *((history_section(movement.source_number),) if history_exists(movement.source_number) else ()),
        )
