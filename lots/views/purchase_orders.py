"""Purchase orders: the list, an order's page in the habit of the guides, and everything that can be done to it."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import cached_property
from operator import methodcaller
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, JsonResponse
from django.urls import reverse
from django.utils import timezone
from django.views.generic import View

from inventory_site.details import Action, Fact, FigureRow, Figures, Section
from inventory_site.documents import DocumentActionView, DocumentFormView
from inventory_site.listing import EmptyState, Grouping, QuickSearch
from inventory_site.money import money_text, quantity_text, trimmed
from inventory_site.views import RecordDetailView, RecordPermissionMixin
from lots import addresses, purchasing, receiving
from lots.found_sets import LargeListView, sums_of
from lots.history_table import history_section
from lots.models import DocumentStatus, PurchaseLine, PurchaseOrder, PurchaseOrderLine, Receipt
from lots.purchasing_filtersets import PurchaseOrderFilterSet
from lots.purchasing_forms import (
    CloseForm,
    NamedLine,
    PurchaseOrderForm,
    PurchaseOrderLines,
    ReasonForm,
    ReceiveAllForm,
    is_tracked,
    lines_like,
)
from lots.purchasing_overview import CLOSES_BY_ITSELF, cost_switch, overview_of, why_not_complete
from lots.purchasing_querysets import LINE_FIGURES, line_sums, order_lines, purchase_orders, purchases, receipts
from lots.purchasing_tables import (
    OrderItemTable,
    OrderLotTable,
    PurchaseOrderTable,
    PurchasesOfOrderTable,
    ReceiptsOfOrderTable,
)
from lots.shipment_pages import signed_in

CHANGE = "lots.change_purchaseorder"
VENDORS_SUGGESTED = 300
REASON_LENGTH = 100
BY_VENDOR = Grouping("vendor", "vendor", label=lambda row: row.vendor)
TOTALLED = tuple(name for name in LINE_FIGURES if name != "value_received")
BILLABLE = {DocumentStatus.OPEN, DocumentStatus.CLOSED}
OWN_REASONS = {
    DocumentStatus.PENDING: "Not open yet.",
    DocumentStatus.CLOSED: "Closed: reopen it first.",
    DocumentStatus.VOID: "It is void.",
}
NOTHING_DUE = EmptyState("Nothing is due", "All that open purchase orders asked for has come.", kind="all-done")
ALL_BILLED = EmptyState("Every receipt is billed", "No vendor's invoice is missing.", kind="all-done")
COSTS_FINAL = EmptyState("Every cost is final", "No purchase order has goods at estimated cost.", kind="all-done")


def vendors() -> list[str]:
    """Names used before, for suggestions."""
    names = PurchaseOrder.objects.order_by("vendor").values_list("vendor", flat=True).distinct()
    return list(names[:VENDORS_SUGGESTED])


class PurchaseOrderListView(LargeListView):
    """Newest first."""

    queryset = purchase_orders().for_list()
    filterset_class = PurchaseOrderFilterSet
    table_class = PurchaseOrderTable
    noun = "purchase orders"
    default_sort = ("-number",)
    total_expressions = {name: name for name in TOTALLED}
    groupings = (BY_VENDOR,)
    quick_searches = (
        QuickSearch("pending", "Pending", narrow=methodcaller("pending")),
        QuickSearch("open", "Open", narrow=methodcaller("open")),
        QuickSearch("goods", "Waiting for Goods", narrow=methodcaller("waiting_for_goods"), all_done=NOTHING_DUE),
        QuickSearch(
            "invoice", "Waiting for the Invoice", narrow=methodcaller("waiting_for_the_invoice"), all_done=ALL_BILLED
        ),
        QuickSearch("estimated", "Estimated Cost", narrow=methodcaller("at_estimated_cost"), all_done=COSTS_FINAL),
    )
    empty_first_use = EmptyState("No purchase orders yet", "Write the first one: opening it makes its lots.")

    def get_actions(self) -> Sequence[Action]:
        url = reverse("lots:purchase_order_create")
        return (Action("New purchase order", url, permission="lots.add_purchaseorder", is_primary=True),)

    def totals(self, found: QuerySet[Any]) -> Mapping[str, Decimal | None]:
        # Summed over the lines themselves: the sums of the rows would be looked up an order at a time.
        lines: Any = order_lines().with_figures()
        if self.is_narrowed:
            lines = lines.filter(purchase_order__in=found.order_by().values("pk"))
        sums = lines.aggregate(**line_sums())
        return sums_of({name: sums[f"sum_{name}"] for name in TOTALLED}, TOTALLED)

    def group_totals(
        self, found: QuerySet[Any], grouping: Grouping, keys: Sequence[Any]
    ) -> Mapping[Any, Mapping[str, Decimal | None]]:
        orders = found.filter(vendor__in=keys).order_by().values("pk")
        lines: Any = order_lines().with_figures().filter(purchase_order__in=orders).order_by()
        rows = lines.values("purchase_order__vendor").annotate(**line_sums())
        return {row["purchase_order__vendor"]: {name: row[f"sum_{name}"] for name in TOTALLED} for row in rows}


class LinesFindView(RecordPermissionMixin, View):
    """Suggestions while a purchase order line is typed (?q=), as JSON, with what is still to be billed of it."""

    def record_model(self) -> type[PurchaseOrderLine]:
        return PurchaseOrderLine

    def get(self, request: HttpRequest) -> JsonResponse:
        text = request.GET.get("q", "").replace("\x00", "").strip()
        found = []
        for line in lines_like(text[:100]):
            unbilled: Decimal = max(line.unbilled, Decimal(0))  # type: ignore[attr-defined]  # annotated
            named = NamedLine(line)
            found.append(
                {
                    "code": str(named),
                    "description": f"{named.description}: {quantity_text(unbilled)} to bill",
                    "quantity": f"{trimmed(unbilled):f}" if unbilled else "",
                    "value": f"{unbilled * line.unit_cost:.2f}" if unbilled else "",
                }
            )
        return JsonResponse(found, safe=False)


# -- An order's page ---------------------------------------------------------------------------------
class PurchaseOrderDetailView(RecordDetailView):
    """The journal is a panel of the app above, put in by the template."""

    queryset = PurchaseOrder.objects.select_related("office")
    template_name = "lots/purchase_order_detail.html"
    list_url_name = "lots:purchase_orders"
    list_label = "Purchase Orders"
    kind = "Purchase Order"

    @cached_property
    def lines(self) -> list[Any]:
        return list(order_lines().for_page().filter(purchase_order=self.object))

    def get_status(self) -> tuple[str, str]:
        return self.object.status, self.object.get_status_display()

    def get_sections(self) -> Sequence[Section]:
        order: PurchaseOrder = self.object
        return (
            _general(order),
            _overview(order, self.lines),
            _items(self.lines),
            _shipments(order),
            _purchases(order),
            _lots(order, self.lines),
            history_section(order.number),
        )

    def get_actions(self) -> Sequence[Action]:
        order: PurchaseOrder = self.object
        status = order.status
        due = sum((line.due for line in self.lines), Decimal(0))
        has_units = any(line.kept > 0 for line in self.lines)

        def url(name: str) -> str:
            return reverse(f"lots:purchase_order_{name}", args=[order.pk])

        def against(url_name: str) -> str:
            return f"{reverse(url_name)}?purchase_order={order.pk}"

        not_billable = OWN_REASONS[DocumentStatus(status)] if status not in BILLABLE else ""
        ship = _short(receiving.why_not_ship(order), order)
        back = _short(receiving.why_not_ship(order, is_return=True), order)
        all_due = ship or ("" if due else "Nothing is due.") or _why_by_hand(self.lines)
        actions = [
            Action("Edit", url("edit"), permission=CHANGE, reason=_short(purchasing.why_not_edit(order), order)),
            Action(
                "Receive everything due",
                url("receive_all"),
                permission="lots.add_receipt",
                reason=all_due,
                is_primary=True,
            ),
            Action("Receive\u2026", against("lots:receipt_create"), permission="lots.add_receipt", reason=ship),
            Action(
                "Enter invoice",
                against("lots:purchase_create"),
                permission="lots.add_purchase",
                reason=not_billable,
                is_primary=status == DocumentStatus.OPEN and not due,
            ),
            Action(
                "Return to vendor",
                against("usage:vendor_return_create"),
                permission="lots.add_receipt",
                reason=back or ("" if has_units else "Nothing was received."),
            ),
        ]
        if status == DocumentStatus.PENDING:
            reason = _short(purchasing.why_not_open(order), order)
            actions.insert(1, Action("Open", url("open"), "post", CHANGE, reason, is_primary=True))
        if status == DocumentStatus.CLOSED:
            actions.append(Action("Reopen", url("reopen"), permission=CHANGE))
        else:
            reason = _short(purchasing.why_not_close(order), order)
            actions.append(Action("Close", url("close"), permission=CHANGE, reason=reason))
        reason = _short(purchasing.why_not_void(order), order)
        actions.append(Action("Void", url("void"), permission=CHANGE, reason=reason))
        return actions


def _short(reason: str, order: PurchaseOrder) -> str:
    """The reason on the order's own page: short, since it stands below a button and others beside it."""
    if reason.startswith(str(order)):
        return OWN_REASONS.get(DocumentStatus(order.status), reason)
    text = reason.replace(f" against {order}", "")
    # Many documents may stand in the way; the action's own page names them all.
    return text if len(text) <= REASON_LENGTH else f"{text[:REASON_LENGTH].rpartition(',')[0]} and others."


def _why_by_hand(lines: Sequence[Any]) -> str:
    named = [str(line.code) for line in lines if line.due and is_tracked(line.code)]
    return f"{', '.join(named[:3])}: name serial numbers or manufacturer lots." if named else ""


def _general(order: PurchaseOrder) -> Section:
    office = order.office
    return Section(
        "General Info",
        facts=(
            Fact("Vendor", order.vendor),
            Fact("Date", order.ordered_on, "day"),
            Fact("Office", office, url=office.get_absolute_url() if office else "", url_kind="office"),
            Fact("Ref #(s)", order.reference),
            Fact("For order", order.parent_order, url=addresses.usage_of_order(order.parent_order), url_kind="order"),
            Fact("Opened", order.opened_at, "moment"),
            Fact("Closed", order.closed_at, "moment"),
        ),
    )


def _overview(order: PurchaseOrder, lines: Sequence[Any]) -> Section:
    overview = overview_of(lines)
    is_closed = order.status == DocumentStatus.CLOSED
    rows = [
        FigureRow(
            "Ordered",
            overview.ordered,
            is_driving=order.status == DocumentStatus.OPEN,
            hint="Lots cost what was ordered" if order.status == DocumentStatus.OPEN else "",
        ),
        FigureRow("Received", overview.received, hint="Value: what the lots stand at for it"),
        FigureRow(
            "Purchased", overview.purchased, is_driving=is_closed, hint="Lots cost what was billed" if is_closed else ""
        ),
    ]
    if any(overview.grown):
        hint = "Into lots of this order, past it and its vendor"
        rows.insert(2, FigureRow("Added by adjustments", overview.grown, hint=hint))
    if overview.value_freight:
        rows.append(FigureRow("+Freight", (None, overview.value_freight), is_driving=is_closed))
    rows.append(FigureRow("Accrued", (None, overview.value_accrued), hint=_accrued_hint(overview.value_accrued)))
    return Section(
        "Overview",
        figures=Figures("Ordered, received and purchased", (("Quantity", "quantity"), ("Value", "money")), rows),
        template="lots/_purchase_order_overview.html",
        context={
            "reasons": why_not_complete(order, lines),
            "rule": CLOSES_BY_ITSELF if order.status == DocumentStatus.OPEN else "",
        },
    )


def _accrued_hint(value: Decimal) -> str:
    if value < 0:
        return "More was billed than the lots stand at; closing the order settles it"
    return "Received and not billed yet" if value else ""


def _items(lines: Sequence[Any]) -> Section:
    totals = {
        name: sum((getattr(line, name) for line in lines), Decimal(0))
        for name in ("quantity", "value_ordered", "received", "due", "purchased", "value_accrued")
    }
    table = OrderItemTable(lines, totals=totals if len(lines) > 1 else None)
    return Section("Order Items", table=table)


def _shipments(order: PurchaseOrder) -> Section:
    rows = receipts().for_list().filter(purchase_order=order).order_by("-pk")[:50]
    return Section(
        "Shipments",
        table=ReceiptsOfOrderTable(rows, empty=EmptyState("Nothing was received yet")),
        all_url=addresses.found_set("lots:receipts", purchase_order=addresses.exactly(order.number)),
        all_label="As a list",
    )


def _purchases(order: PurchaseOrder) -> Section:
    billing = PurchaseLine.objects.filter(purchase_order_line__purchase_order=order).values("purchase")
    rows = list(purchases().for_list().filter(pk__in=billing).order_by("-pk")[:50])
    is_billable = order.status in BILLABLE
    return Section(
        "Purchases",
        table=PurchasesOfOrderTable(rows, empty=EmptyState("Nothing was billed yet")),
        note="Whole invoices, with what they bill of other orders." if rows else "",
        all_url=f"{reverse('lots:purchase_create')}?purchase_order={order.pk}&freight=1" if is_billable else "",
        all_label="Enter a freight bill",
    )


def _lots(order: PurchaseOrder, lines: Sequence[Any]) -> Section:
    rows = [line for line in lines if line.lot is not None]
    for line in rows:
        lot, switch = line.lot, cost_switch(line)
        line.unit_cost_now = lot.value / lot.quantity_received if lot.quantity_received else None
        # Nothing is billed of an open order: nobody expects it to close at nothing.
        is_known = switch is not None and (lot.is_cost_final or lot.value_purchased + lot.value_freight > 0)
        line.value_closed, line.difference = (
            (switch.value_closed, switch.difference) if switch is not None and is_known else (None, None)
        )
        line.cost = "Final" if lot.is_cost_final else "Estimated"
    is_open = order.status == DocumentStatus.OPEN
    return Section(
        "Lots\u2019 Cost",
        note="Costs are estimated as long as the purchase order is open." if is_open and rows else "",
        table=OrderLotTable(rows, empty=EmptyState("No lots yet", "Opening the order makes one for each line.")),
    )


# -- Written -----------------------------------------------------------------------------------------
class PurchaseOrderFormView(DocumentFormView):
    """Create, or edit: everything while it is pending, quantities and costs while it is open."""

    model = PurchaseOrder
    form_class = PurchaseOrderForm
    formset_class = PurchaseOrderLines
    template_name = "lots/purchase_order_form.html"
    permission_required = CHANGE
    list_url_name = "lots:purchase_orders"
    list_label = "Purchase Orders"
    lines_title = "Order Items"

    def get_queryset(self) -> QuerySet[Any]:
        return PurchaseOrder.objects.select_related("office")

    def why_not(self, record: PurchaseOrder | None) -> str:
        return "" if record is None else purchasing.why_not_edit(record)

    def initial(self, record: PurchaseOrder | None) -> dict[str, Any]:
        if record is None:
            return {"ordered_on": timezone.localdate()}
        names = ("vendor", "ordered_on", "office", "reference", "parent_order")
        return {name: getattr(record, name) for name in names}

    def initial_lines(self, record: PurchaseOrder | None) -> list[dict[str, Any]]:
        if record is None:
            return []
        lines = record.lines.filter(quantity__gt=0).select_related("code").order_by("position", "pk")
        return [
            {"id": line.pk, "code": line.code, "quantity": line.quantity, "unit_cost": line.unit_cost} for line in lines
        ]

    def save(self, record: PurchaseOrder | None, header: dict[str, Any], lines: list[dict[str, Any]]) -> PurchaseOrder:
        return purchasing.purchase_order_save(
            purchase_order=record, lines=lines, by=signed_in(self.request), at=timezone.now(), **header
        )

    def get_extra_context(self, record: PurchaseOrder | None) -> dict[str, Any]:
        return {"vendors": vendors(), "is_open": record is not None and record.status == DocumentStatus.OPEN}


class PurchaseOrderCreateView(PurchaseOrderFormView):
    permission_required = "lots.add_purchaseorder"


# -- Done to it --------------------------------------------------------------------------------------
class PurchaseOrderActionView(DocumentActionView):
    model = PurchaseOrder
    permission_required = CHANGE
    list_url_name = "lots:purchase_orders"
    list_label = "Purchase Orders"

    def done_by(self) -> dict[str, Any]:
        return {"by": signed_in(self.request), "at": timezone.now()}


class PurchaseOrderOpenView(PurchaseOrderActionView):
    action_label = "Open"

    def get_text(self, record: PurchaseOrder) -> str:
        return "Each line gets its lot, with nothing received yet, and what is ordered stands On Order."

    def why_not(self, record: PurchaseOrder) -> str:
        return purchasing.why_not_open(record)

    def perform(self, record: PurchaseOrder, cleaned: dict[str, Any]) -> None:
        purchasing.purchase_order_open(purchase_order=record, **self.done_by())

    def get_success_message(self, record: PurchaseOrder) -> str:
        return f"{record} is open: what is ordered stands On Order."


class ReceiveAllView(PurchaseOrderActionView):
    form_class = ReceiveAllForm
    permission_required = "lots.add_receipt"
    action_label = "Receive everything due of"
    yes_label = "Receive everything due"
    template_name = "lots/receive_all.html"
    received: Receipt

    def get_extra_context(self, record: PurchaseOrder) -> dict[str, Any]:
        return {"lines": order_lines().for_page().filter(purchase_order=record, due__gt=0)}

    def why_not(self, record: PurchaseOrder) -> str:
        if reason := receiving.why_not_ship(record):
            return reason
        lines = list(order_lines().for_page().filter(purchase_order=record, due__gt=0))
        return _why_by_hand(lines) if lines else f"Nothing is due of {record}."

    def perform(self, record: PurchaseOrder, cleaned: dict[str, Any]) -> None:
        self.received = receiving.receive_everything(
            purchase_order=record, received_at=cleaned["received_at"], **self.done_by()
        )

    def get_success_message(self, record: PurchaseOrder) -> str:
        return f"{self.received}: everything that was due of {record} is received."


class PurchaseOrderCloseView(PurchaseOrderActionView):
    """Asks back where goods are here that no purchase bills."""

    form_class = CloseForm
    action_label = "Close"
    template_name = "lots/purchase_order_close.html"

    def get_text(self, record: PurchaseOrder) -> str:
        return "What is still due leaves On Order, and the cost of its lots becomes final at what was billed."

    def why_not(self, record: PurchaseOrder) -> str:
        return purchasing.why_not_close(record)

    def get_extra_context(self, record: PurchaseOrder) -> dict[str, Any]:
        lines = order_lines().for_page().filter(purchase_order=record)
        switches = [switch for line in lines if (switch := cost_switch(line)) is not None]
        return {"warnings": purchasing.close_warnings(record), "switches": switches}

    def form_kwargs(self, record: PurchaseOrder) -> dict[str, Any]:
        return {"is_asked": bool(purchasing.unbilled(record))}

    def perform(self, record: PurchaseOrder, cleaned: dict[str, Any]) -> None:
        try:
            purchasing.purchase_order_close(purchase_order=record, **self.done_by(), **cleaned)
        except purchasing.UnbilledGoods:
            # Which goods they are stands among the warnings of the page.
            text = "Nothing was changed: confirm that no bill will come."
            raise ValidationError({"is_unbilled_accepted": text}) from None

    def get_success_message(self, record: PurchaseOrder) -> str:
        values = record.lines.filter(lot__isnull=False).values_list("lot__value", flat=True)
        return f"{record} is closed: its lots cost {money_text(sum(values, Decimal(0)))} for good."


class PurchaseOrderReopenView(PurchaseOrderActionView):
    action_label = "Reopen"

    def get_text(self, record: PurchaseOrder) -> str:
        return "Its lots are at the order's unit cost again, as an estimate, and what is still due is On Order again."

    def why_not(self, record: PurchaseOrder) -> str:
        return purchasing.why_not_reopen(record)

    def perform(self, record: PurchaseOrder, cleaned: dict[str, Any]) -> None:
        purchasing.purchase_order_reopen(purchase_order=record, **self.done_by())

    def get_success_message(self, record: PurchaseOrder) -> str:
        return f"{record} is open again."


class PurchaseOrderVoidView(PurchaseOrderActionView):
    form_class = ReasonForm
    action_label = "Void"

    def get_text(self, record: PurchaseOrder) -> str:
        return "What stands On Order for it is taken back, and its lots stay behind, empty. Void is for ever."

    def why_not(self, record: PurchaseOrder) -> str:
        return purchasing.why_not_void(record)

    def perform(self, record: PurchaseOrder, cleaned: dict[str, Any]) -> None:
        purchasing.purchase_order_void(purchase_order=record, reason=cleaned["reason"], **self.done_by())

    def get_success_message(self, record: PurchaseOrder) -> str:
        return f"{record} is void."
