"""Line item codes: what each has, and whether its figures agree."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from operator import methodcaller
from typing import Any

from django.db.models import F, Model, QuerySet, Sum
from django.http import HttpRequest, JsonResponse
from django.urls import reverse
from django.utils import timezone
from django.views.generic import View

from inventory_site.details import Action, Fact, FigureRow, Figures, Section
from inventory_site.documents import DocumentFormView
from inventory_site.listing import EmptyState, Grouping, QuickSearch
from inventory_site.money import trimmed
from inventory_site.templatetags import display
from inventory_site.views import RecordDetailView, RecordPermissionMixin
from lots import addresses, selectors
from lots.code_forms import CodeForm
from lots.filtersets import CodeFilterSet
from lots.forms import codes_like
from lots.found_sets import FirstUseListView, sums_of
from lots.history_table import history_section
from lots.item_master import code_create
from lots.models import CostPool, LineItemCode
from lots.querysets import INVENTORIED, codes, lots, transactions
from lots.shipment_pages import signed_in
from lots.tables import CodeTable, LotsOfCodeTable, TransactionsOfCodeTable, figure_link

ROWS_SHOWN = 8
TOTALS = {
    "on_hand": Sum(F("quantity_received") - F("quantity_used") - F("open_unallocated")),
    "in_lots": Sum(F("quantity_received") - F("quantity_used")),
    "unallocated": Sum("open_unallocated"),
    "value": Sum(F("value_received") - F("value_used")),
    "open_count": Sum("open_count"),
}
ALL_ALLOCATED = EmptyState(
    "No code has open usage", "All usage is allocated to the lots that paid for it.", kind="all-done"
)
NONE_NEGATIVE = EmptyState("No code is below zero", "Nothing was used that is not in stock.", kind="all-done")


class CodeListView(FirstUseListView):
    """Each code with what it has, by the figures of its cost pools."""

    queryset = codes().for_list()
    filterset_class = CodeFilterSet
    table_class = CodeTable
    noun = "codes"
    default_sort = ("code",)
    total_expressions = {name: name for name in TOTALS}
    groupings = (Grouping("record_type", "record_type", label=lambda code: code.get_record_type_display()),)
    quick_searches = (
        QuickSearch("inventoried", "Find Inventoried Items", narrow=methodcaller("inventoried")),
        QuickSearch("open", "With Open Usage", narrow=methodcaller("with_open_usage"), all_done=ALL_ALLOCATED),
        QuickSearch(
            "negative",
            "Negative On Hand",
            narrow=lambda found: found.filter(on_hand__lt=0),
            all_done=NONE_NEGATIVE,
        ),
        QuickSearch("out", "Out of Stock", narrow=lambda found: found.filter(record_type__in=INVENTORIED, on_hand=0)),
    )
    empty_first_use = EmptyState("No line item codes yet", "Import items, or the lots and usage that name them.")

    def get_actions(self) -> Sequence[Action]:
        return (Action("New code", reverse("lots:code_create"), permission="lots.add_lineitemcode"),)

    def count_all(self) -> int:
        return LineItemCode.objects.count()

    def totals(self, found: QuerySet[Any]) -> Mapping[str, Decimal | None]:
        pools = CostPool.objects.all()
        if self.is_narrowed:
            pools = pools.filter(code__in=found.order_by().values("pk"))
        return sums_of(pools.aggregate(**TOTALS), list(TOTALS))

    def group_totals(
        self, found: QuerySet[Any], grouping: Grouping, keys: Sequence[Any]
    ) -> Mapping[Any, Mapping[str, Decimal | None]]:
        pools = CostPool.objects.filter(code__in=found.order_by().values("pk"), code__record_type__in=keys)
        rows: Any = (
            pools.order_by()
            .values("code__record_type")
            .annotate(**{f"sum_{name}": sum for name, sum in TOTALS.items()})
        )
        return {row["code__record_type"]: {name: row[f"sum_{name}"] for name in TOTALS} for row in rows}


class CodeCreateView(DocumentFormView):
    """A new code."""

    model = LineItemCode
    form_class = CodeForm
    permission_required = "lots.add_lineitemcode"
    noun = "line item code"
    list_url_name = "lots:codes"
    list_label = "Line Item Codes"

    def save(self, record: None, header: dict[str, Any], lines: list[dict[str, Any]]) -> Model:
        return code_create(**header, by=signed_in(self.request), at=timezone.now())


class CodesFindView(RecordPermissionMixin, View):
    """Suggestions while a code is typed (?q=), as JSON."""

    def record_model(self) -> type[LineItemCode]:
        return LineItemCode

    def get(self, request: HttpRequest) -> JsonResponse:
        text = request.GET.get("q", "").replace("\x00", "").strip()
        longest = LineItemCode._meta.get_field("description").max_length
        found = [
            {
                "code": code.code,
                "description": code.description,
                "est_unit_cost": f"{trimmed(code.est_unit_cost, places_least=2):f}",
            }
            for code in codes_like(text[:longest])
        ]
        return JsonResponse(found, safe=False)


class CodeDetailView(RecordDetailView):
    """A code: what it is, its balances, the master identity, and its newest records."""

    queryset = codes().for_list()
    list_url_name = "lots:codes"
    list_label = "Line Item Codes"
    kind = "Line Item Code"

    def get_status(self) -> tuple[str, str]:
        return self.object.status, self.object.get_status_display()

    def get_actions(self) -> Sequence[Action]:
        # The page to change it belongs to the app above, because the estimate moves what is accrued there.
        edit = reverse("usage:code_edit", args=[self.object.pk])
        return (Action("Edit", edit, permission="lots.change_lineitemcode"),)

    def get_sections(self) -> Sequence[Section]:
        code: LineItemCode = self.object
        balances = selectors.balances_of(code)
        return (
            _general(code),
            _balances(code, balances),
            _identity(code, selectors.master_identity(code, on_hand=balances.on_hand)),
            # What is open belongs to the app above; the template loads its panel.
            Section(
                "Open Inventory Usage",
                is_wide=True,
                template="lots/_open_usage.html",
                context={"code": code},
                all_url=addresses.usage_of_code(code.code),
                all_label="All usage",
            ),
            _lots(code),
            _transactions(code),
            Section("Last Runs", is_wide=True, template="lots/_runs_of_code.html", context={"code": code}),
            history_section(code.history_name),
        )


def _general(code: LineItemCode) -> Section:
    return Section(
        "General Info",
        facts=(
            Fact("Code", code.code),
            Fact("Description", code.description),
            Fact("Category", code.category),
            Fact("Record type", code.get_record_type_display()),
            Fact(
                "Est unit cost", code.est_unit_cost, "unit_cost", hint="Stands in for the cost of what is unallocated"
            ),
            Fact("Unit weight", code.unit_weight or None, "quantity"),
            Fact("Serialized", code.is_serialized, "flag"),
            Fact("Track by manufacturer lot", code.is_tracked_by_manufacturer_lot, "flag"),
            Fact("Revenue account", code.account_revenue),
            Fact("Cost account", code.account_cost),
            Fact("Inventory account", code.account_inventory),
        ),
    )


def _balances(code: LineItemCode, balances: selectors.Balances) -> Section:
    ledger = addresses.transactions_of_code(code.code)

    def row(label: str, name: str, quantity: Decimal, hint: str) -> FigureRow:
        return FigureRow(label, (_linked(quantity, ledger, name, "Its transactions"),), hint=hint)

    return Section(
        "Balances",
        figures=Figures(
            "Balances of the quantity ledger",
            (("Quantity", "text"),),
            (
                row("On Hand", "on_hand", balances.on_hand, "Every movement in and out"),
                FigureRow("Demand", (display.quantity(-balances.demand),), hint="Open orders; negative in the ledger"),
                FigureRow("Available", (display.quantity(balances.available),), "On hand less demand", is_total=True),
                row("On Order", "on_order", balances.on_order, "Open purchase orders"),
                FigureRow("Total", (display.quantity(balances.total),), hint="Available + on order", is_total=True),
            ),
        ),
        all_url=ledger,
        all_label="Transactions",
    )


def _linked(quantity: Decimal, url: str, drill: str, meaning: str) -> str:
    text = display.quantity(quantity)
    return figure_link(text, url, drill=drill, meaning=meaning) if quantity else text


def _identity(code: LineItemCode, identity: selectors.MasterIdentity) -> Section:
    lots_url, ledger = addresses.lots_of_code(code.code), addresses.transactions_of_code(code.code)
    open_url = addresses.usage_of_code(code.code, quick="open")
    return Section(
        "On Hand = Lots Current - Unallocated",
        is_wide=True,
        figures=Figures(
            "The master identity of this code",
            (("On Hand", "text"), ("Lots current", "text"), ("Unallocated", "text"), ("Difference", "quantity")),
            (
                FigureRow(
                    "All offices",
                    (
                        _linked(identity.on_hand, ledger, "on_hand", "Its transactions"),
                        _linked(identity.in_lots, lots_url, "quantity_current", "Its lots"),
                        _linked(identity.unallocated, open_url, "unallocated", "Its open usage"),
                        identity.difference,
                    ),
                ),
            ),
        ),
        template="lots/_identity.html",
        context={"identity": identity},
    )


def _lots(code: LineItemCode) -> Section:
    newest = lots().for_list().for_item(code).order_by("-pk")
    empty = EmptyState("No lots", "Nothing of this code was ever received: its usage cannot be allocated.")
    return Section(
        "Newest Lots",
        table=LotsOfCodeTable(newest[:ROWS_SHOWN], empty=empty),
        all_url=addresses.lots_of_code(code.code),
        all_label="All lots",
    )


def _transactions(code: LineItemCode) -> Section:
    newest = list(transactions().for_list().for_item(code).order_by("-at", "-pk")[:ROWS_SHOWN])
    running = selectors.running_balances([code.pk], transaction_ids=[row.pk for row in newest])
    for row in newest:
        row.running = running[row.pk]  # type: ignore[attr-defined]  # read by the column
    empty = EmptyState("No transactions", "A lot or a usage of this code will write the first one.")
    return Section(
        "Latest Transactions",
        table=TransactionsOfCodeTable(newest, empty=empty),
        all_url=addresses.transactions_of_code(code.code),
        all_label="All transactions",
    )
