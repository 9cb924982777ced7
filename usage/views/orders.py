"""Orders: the list, the page with its items, procurement and shipping, writing one, and what can be done with it."""

from collections.abc import Mapping, Sequence
from operator import methodcaller
from typing import Any

from django.contrib.auth.models import User
from django.db.models import Sum
from django.urls import NoReverseMatch, reverse
from django.utils import timezone

from inventory_site.details import Action, Fact, Section
from inventory_site.documents import DocumentActionView, DocumentFormView
from inventory_site.fields import QuantityField
from inventory_site.listing import EmptyState, QuickSearch
from inventory_site.money import quantity_text
from inventory_site.views import RecordDetailView, RecordListView
from lots.history_table import history_section
from lots.models import DocumentStatus, InventoryTransaction
from lots.selectors import Balances
from usage import ordering
from usage.demand import due, is_stocked
from usage.models import Order, OrderLine, Shipment, ShipmentLine
from usage.order_filtersets import OrderFilterSet
from usage.order_forms import OrderForm, OrderLineFormSet, ProcureForm, ReasonForm
from usage.order_querysets import orders
from usage.order_tables import OrderItemsTable, OrderTable, ProcurementTable, ShippedTable
from usage.shipping import ship_everything, why_not_ship_everything
from usage.supplying import bought_for, lot_bound, made_for, to_procure, why_not_procure

ROWS_SHOWN = 50
CHANGE = "usage.change_order"


class OrderListView(RecordListView):
    """Newest entry first."""

    queryset = orders().for_list()
    filterset_class = OrderFilterSet
    table_class = OrderTable
    title = "Orders"
    noun = "orders"
    default_sort = ("-number",)
    total_expressions = {name: name for name in ("ordered", "shipped", "returned", "demand")}
    quick_searches = (
        QuickSearch("open", "Find Open Orders", narrow=methodcaller("open")),
        QuickSearch(
            "waiting",
            "Find Orders to Ship",
            narrow=methodcaller("waiting"),
            all_done=EmptyState("Nothing is waiting", "All that is ordered is shipped.", kind="all-done"),
        ),
        QuickSearch("pending", "Find Pending", narrow=methodcaller("pending")),
    )
    empty_first_use = EmptyState("No orders yet", "An order says what a customer wants; opening it posts its demand.")

    def get_actions(self) -> Sequence[Action]:
        return (
            Action(
                "New order", reverse("usage:order_create"), permission="usage.add_order", is_primary=True, icon="add"
            ),
        )


# -- The page ----------------------------------------------------------------------------------------
class OrderDetailView(RecordDetailView):
    queryset = Order.objects.select_related("office")
    list_url_name = "usage:orders"
    list_label = "Orders"
    kind = "Order"

    def get_status(self) -> tuple[str, str]:
        return self.object.status, self.object.get_status_display()

    def get_sections(self) -> Sequence[Section]:
        order: Order = self.object
        lines = ordering.lines_of(order)
        return (
            _general(order),
            _items(lines),
            _procurement(lines, may_change=self.request.user.has_perm(CHANGE)),
            _shipping(order),
            history_section(order.number),
        )

    def get_actions(self) -> Sequence[Action]:
        """One of Open, Close and Reopen is there: the others could never be meant."""
        order: Order = self.object
        query = f"?order={order.number}"
        is_open = order.status == DocumentStatus.OPEN

        def action(label: str, name: str, reason: str, *, is_primary: bool = False) -> Action:
            url = reverse(f"usage:order_{name}", args=[order.pk])
            permission = "usage.add_shipment" if name == "ship" else CHANGE
            return Action(label, url, permission=permission, reason=_short(reason, order), is_primary=is_primary)

        def new(label: str, url_name: str, reason: str) -> Action:
            return Action(label, reverse(url_name) + query, permission="usage.add_shipment", reason=reason)

        if order.status == DocumentStatus.PENDING:
            turn = action("Open", "open", ordering.why_not_open(order), is_primary=True)
        elif is_open:
            turn = action("Close", "close", ordering.why_not_close(order))
        else:
            turn = action("Reopen", "reopen", ordering.why_not_reopen(order))
        ship = why_not_ship_everything(order)
        return (
            action("Ship everything due", "ship", ship, is_primary=not ship),
            new("New shipment", "usage:shipment_create", "" if is_open else "It is not open."),
            new("New return", "usage:return_create", _why_no_return(order)),
            action("Edit", "edit", ordering.why_not_edit(order)),
            turn,
            action("Void", "void", ordering.why_not_void(order)),
        )


def _short(reason: str, order: Order) -> str:
    """The page says which order it is about."""
    return reason.replace(f"Order {order} ", "It ").replace(f"of order {order} ", "").replace(f"order {order}", "it")


def _why_no_return(order: Order) -> str:
    out = order.lines.aggregate(out=Sum("quantity_shipped", default=0) - Sum("quantity_returned", default=0))["out"]
    return "" if out else "Nothing is shipped."


def _general(order: Order) -> Section:
    office = order.office
    return Section(
        "General Info",
        is_wide=True,
        facts=(
            Fact("Customer", order.customer),
            Fact("Date", order.ordered_at, "moment"),
            Fact("Office", office, url=office.get_absolute_url() if office else "", url_kind="office"),
            Fact("Department", order.department),
            Fact("Ref #(s)", order.reference),
            Fact("Opened", order.opened_at, "moment"),
            Fact("Closed", order.closed_at, "moment"),
        ),
    )


def _items(lines: Sequence[OrderLine]) -> Section:
    now = _balances([line.code_id for line in lines])
    for line in lines:
        line.due = due(line)  # type: ignore[attr-defined]  # for the table
        if is_stocked(line):
            here = now.get(line.code_id, Balances())
            line.on_hand, line.available = here.on_hand, here.available  # type: ignore[attr-defined]  # likewise
        else:
            line.on_hand = line.available = None  # type: ignore[attr-defined]  # no inventory, which is not none left
    return Section(
        "Order Items",
        table=OrderItemsTable(lines, empty=EmptyState("No items yet", "Edit the order to add them.")),
        note="On Hand and Available are those of the code, all orders together.",
    )


def _balances(code_ids: Sequence[int]) -> dict[int, Balances]:
    names = ("on_order", "demand", "on_hand")
    sums = {f"sum_{name}": Sum(name, default=0, output_field=QuantityField()) for name in names}
    rows: Any = InventoryTransaction.objects.filter(code__in=code_ids).order_by().values("code").annotate(**sums)
    return {row["code"]: Balances(**{name: row[f"sum_{name}"] for name in names}) for row in rows}


def _procurement(lines: Sequence[OrderLine], *, may_change: bool) -> Section:
    rows: list[Mapping[str, Any] | Any] = []
    for line in lines:
        bought, job = bought_for(line).last(), made_for(line).last()
        made = bought.purchase_order if bought else None
        line.purchase_order, line.purchase_order_url = made, _address_of(made)  # type: ignore[attr-defined]  # for the table
        line.lot_made = lot_bound(line) or (bought.lot if bought else None)  # type: ignore[attr-defined]  # likewise
        line.job, line.job_url = job, _address_of(job)  # type: ignore[attr-defined]  # likewise
        reason = why_not_procure(line)
        procure = reverse("usage:order_procure", args=[line.pk])
        line.procurement = _offer(procure, reason, may_change)  # type: ignore[attr-defined]  # likewise
        make = _named("usage:job_create", f"?order_line={line.pk}")
        line.production = _offer(make, reason, may_change)  # type: ignore[attr-defined]  # likewise
        rows.append(line)
    return Section(
        "Procurement and Production",
        table=ProcurementTable(rows, empty=EmptyState("No items yet")),
        note="A purchase order or a job that is made here names the order as its parent; a special order ships from its"
        " own lot alone.",
    )


def _offer(url: str, reason: str, may_change: bool) -> tuple[str, str]:
    return ("", reason) if reason else (url if may_change else "", "")


def _named(name: str, query: str) -> str:
    try:
        return reverse(name) + query
    except NoReverseMatch:
        return ""


def _address_of(record: Any) -> str:
    try:
        return str(record.get_absolute_url()) if record is not None else ""
    except NoReverseMatch:
        return ""


def _shipping(order: Order) -> Section:
    lines = (
        ShipmentLine.objects.filter(order_line__order=order)
        .select_related("shipment", "order_line__code")
        .order_by("-shipment_id", "position", "pk")
    )
    rows = list(lines[: ROWS_SHOWN + 1])
    return Section(
        "Shipping",
        table=ShippedTable(rows[:ROWS_SHOWN], empty=EmptyState("Nothing is shipped yet")),
        note=f"The last {ROWS_SHOWN} lines." if len(rows) > ROWS_SHOWN else "",
        all_url=f"{reverse('usage:shipments')}?order=={order.number}",
        all_label="As a list",
    )


# -- Writing one -------------------------------------------------------------------------------------
class OrderFormView(DocumentFormView):
    """Create an order, or edit one."""

    model = Order
    form_class = OrderForm
    formset_class = OrderLineFormSet
    list_url_name = "usage:orders"
    list_label = "Orders"
    noun = "order"

    def get_permission_required(self) -> Sequence[str]:
        return ("usage.change_order" if "pk" in self.kwargs else "usage.add_order",)

    def why_not(self, record: Order | None) -> str:
        return "" if record is None else ordering.why_not_edit(record)

    def initial(self, record: Order | None) -> dict[str, Any]:
        if record is None:
            return {}
        names = ("customer", "office", "department", "reference")
        return {name: getattr(record, name) for name in names} | {"ordered_at": timezone.localtime(record.ordered_at)}

    def initial_lines(self, record: Order | None) -> list[dict[str, Any]]:
        return [
            {
                "code": line.code,
                "quantity": line.quantity,
                "supply": line.supply,
                "shipped": line.quantity_shipped - line.quantity_returned,
                "id": line.pk,
            }
            for line in (ordering.lines_of(record) if record else ())
            if line.quantity
        ]

    def save(self, record: Order | None, header: dict[str, Any], lines: list[dict[str, Any]]) -> Order:
        return ordering.order_save(order=record, lines=lines, by=_person(self), at=timezone.now(), **header)


def _person(view: Any) -> User:
    return view.request.user  # type: ignore[no-any-return]  # signed in: the page asks for a permission


# -- What can be done with it ------------------------------------------------------------------------
class OrderActionView(DocumentActionView):
    model = Order
    list_url_name = "usage:orders"
    list_label = "Orders"
    noun = "order"


class OrderOpenView(OrderActionView):
    action_label = "Open"

    def get_text(self, record: Order) -> str:
        return "Its items are demanded from then on, and shipments can be made."

    def why_not(self, record: Order) -> str:
        return ordering.why_not_open(record)

    def perform(self, record: Order, cleaned: dict[str, Any]) -> None:
        ordering.order_open(order=record, by=_person(self), at=timezone.now())


class OrderShipView(OrderActionView):
    action_label = "Ship everything due of"
    yes_label = "Ship everything due"
    permission_required = "usage.add_shipment"

    def get_text(self, record: Order) -> str:
        what = ", ".join(f"{due(line).normalize():f} {line.code}" for line in ordering.lines_of(record) if due(line))
        return f"Due: {what}. A shipment of all that can leave is made and shipped at once."

    def why_not(self, record: Order) -> str:
        return why_not_ship_everything(record)

    def perform(self, record: Order, cleaned: dict[str, Any]) -> Shipment:
        self.shipment = ship_everything(order=record, by=_person(self), at=timezone.now())
        return self.shipment

    def get_success_message(self, record: Order) -> str:
        return f"{self.shipment} was shipped for order {record}."


class OrderCloseView(OrderActionView):
    action_label = "Close"
    form_class = ReasonForm

    def get_text(self, record: Order) -> str:
        return "Nothing more is shipped for it; what it still demands is taken back. It can be reopened."

    def why_not(self, record: Order) -> str:
        return ordering.why_not_close(record)

    def perform(self, record: Order, cleaned: dict[str, Any]) -> None:
        ordering.order_close(order=record, by=_person(self), at=timezone.now(), reason=cleaned["reason"])


class OrderReopenView(OrderActionView):
    action_label = "Reopen"
    form_class = ReasonForm

    def get_text(self, record: Order) -> str:
        return "What is not shipped of it is demanded again."

    def why_not(self, record: Order) -> str:
        return ordering.why_not_reopen(record)

    def perform(self, record: Order, cleaned: dict[str, Any]) -> None:
        ordering.order_reopen(order=record, by=_person(self), at=timezone.now(), reason=cleaned["reason"])


class OrderVoidView(OrderActionView):
    action_label = "Void"
    form_class = ReasonForm

    def get_text(self, record: Order) -> str:
        return "This is for ever: what it demands is taken back, and it can be neither changed nor opened again."

    def why_not(self, record: Order) -> str:
        return ordering.why_not_void(record)

    def perform(self, record: Order, cleaned: dict[str, Any]) -> None:
        ordering.order_void(order=record, by=_person(self), at=timezone.now(), reason=cleaned["reason"])


class OrderProcureView(DocumentActionView):
    """A purchase order for one line."""

    model = OrderLine
    history_of = "order__number"
    form_class = ProcureForm
    permission_required = CHANGE
    action_label = "Procure"
    yes_label = "Make purchase order"
    list_url_name = "usage:orders"
    list_label = "Orders"
    noun = "item"

    def get_queryset(self) -> Any:
        return OrderLine.objects.select_related("order", "code")

    def get_title(self, record: OrderLine) -> str:
        return f"Procure {record.code} for order {record.order}"

    def get_text(self, record: OrderLine) -> str:
        wanted = f"{quantity_text(to_procure(record))} {record.code}"
        return f"An open purchase order of {wanted} is made for order {record.order}."

    def why_not(self, record: OrderLine) -> str:
        return why_not_procure(record)

    def initial(self, record: OrderLine) -> dict[str, Any]:
        return {"unit_cost": record.code.est_unit_cost}

    def perform(self, record: OrderLine, cleaned: dict[str, Any]) -> None:
        self.made = ordering.procure(order_line=record, by=_person(self), at=timezone.now(), **cleaned)

    def get_success_message(self, record: OrderLine) -> str:
        return f"{self.made} is open for {record.code}."
