"""Shipments and returns: the list, the page with usage and transactions, writing one, and what can be done with it."""

from collections.abc import Sequence
from operator import methodcaller
from typing import Any

from django.contrib.auth.models import User
from django.urls import reverse
from django.utils import timezone

from inventory_site.details import Action, Fact, Section
from inventory_site.documents import DocumentActionView, DocumentFormView
from inventory_site.listing import EmptyState, QuickSearch
from inventory_site.views import RecordDetailView, RecordListView
from lots import addresses
from lots.history_table import history_section
from lots.models import PostingStatus
from lots.querysets import transactions
from lots.tables import TransactionsOfSourceTable
from usage import shipping
from usage.models import Order, OrderLine, Shipment, ShipmentLine
from usage.order_filtersets import ShipmentFilterSet
from usage.order_forms import ReasonForm, ShipForm, ShipmentForm, ShipmentLineFormSet, at_most
from usage.order_querysets import shipments
from usage.order_tables import ShipmentItemsTable, ShipmentTable
from usage.ordering import lines_of
from usage.querysets import usages
from usage.special_orders import taken_by_others
from usage.tables import UsageOfSourceTable

ROWS_SHOWN = 50
CHANGE = "usage.change_shipment"
Kind = Shipment.Kind


class ShipmentListView(RecordListView):
    """Newest entry first."""

    queryset = shipments().for_list()
    filterset_class = ShipmentFilterSet
    table_class = ShipmentTable
    title = "Shipments"
    noun = "shipments"
    default_sort = ("-number",)
    quick_searches = (
        QuickSearch("pending", "Find Pending", narrow=methodcaller("pending")),
        QuickSearch("outgoing", "Find Outgoing Shipments", narrow=methodcaller("outgoing")),
        QuickSearch("returns", "Find Incoming Returns", narrow=methodcaller("returns")),
    )
    empty_first_use = EmptyState("No shipments yet", "Open an order and ship it, or enter a new shipment.")

    def get_actions(self) -> Sequence[Action]:
        may = "usage.add_shipment"
        return (
            Action("New return", reverse("usage:return_create"), permission=may),
            Action("New shipment", reverse("usage:shipment_create"), permission=may, is_primary=True),
        )


# -- The page ----------------------------------------------------------------------------------------
class ShipmentDetailView(RecordDetailView):
    """A shipment; its journal is a panel of the app above, put in by the template."""

    queryset = Shipment.objects.select_related("office")
    template_name = "usage/shipment_detail.html"
    list_url_name = "usage:shipments"
    list_label = "Shipments"

    def get_title(self) -> str:
        return f"{self.object.get_kind_display()} {self.object}"

    def get_status(self) -> tuple[str, str]:
        shipment: Shipment = self.object
        words = {PostingStatus.POSTED: "Shipped" if shipment.kind == Kind.OUTGOING else "Received"}
        return shipment.status, words.get(PostingStatus(shipment.status), shipment.get_status_display())

    def get_sections(self) -> Sequence[Section]:
        shipment: Shipment = self.object
        return (
            _general(shipment),
            _items(shipment),
            *_records(shipment),
            history_section(shipment.number),
        )

    def get_actions(self) -> Sequence[Action]:
        shipment: Shipment = self.object
        return (
            Action(
                "Edit",
                reverse("usage:shipment_edit", args=[shipment.pk]),
                permission=CHANGE,
                reason=shipping.why_not_edit(shipment),
            ),
            Action(
                "Ship" if shipment.kind == Kind.OUTGOING else "Receive",
                reverse("usage:shipment_ship", args=[shipment.pk]),
                permission=CHANGE,
                reason=shipping.why_not_ship(shipment),
                is_primary=True,
            ),
            Action(
                "Void",
                reverse("usage:shipment_void", args=[shipment.pk]),
                permission=CHANGE,
                reason=shipping.why_not_void(shipment),
            ),
        )


def _general(shipment: Shipment) -> Section:
    office = shipment.office
    return Section(
        "General Info",
        is_wide=True,
        facts=(
            Fact("Kind", shipment.get_kind_display()),
            Fact("Date", shipment.shipped_at, "moment"),
            Fact("Office", office, url=office.get_absolute_url() if office else "", url_kind="office"),
            Fact("Ref #(s)", shipment.reference),
        ),
    )


def _items(shipment: Shipment) -> Section:
    lines = list(shipment.lines.select_related("order_line__order", "order_line__code").order_by("position", "pk"))
    for line in lines:
        line.due = at_most(line.order_line, shipment.kind)  # type: ignore[attr-defined]  # for the table
    return Section("Items", table=ShipmentItemsTable(lines), note=" ".join(taken_by_others(shipment)))


def _records(shipment: Shipment) -> list[Section]:
    """What it moved: nothing while it is pending, and nothing at all for drop ships."""
    exact = addresses.exactly(shipment.number)
    shown = (
        ("Inventory Usage", "usage:usages", UsageOfSourceTable, usages()),
        ("Inventory Transactions", "lots:transactions", TransactionsOfSourceTable, transactions()),
    )
    sections = []
    for title, url_name, table_class, queryset in shown:
        rows = list(queryset.filter(source_number=shipment.number).for_list().order_by("pk")[: ROWS_SHOWN + 1])
        if rows:
            sections.append(
                Section(
                    title,
                    table=table_class(rows[:ROWS_SHOWN]),
                    note=f"The first {ROWS_SHOWN}." if len(rows) > ROWS_SHOWN else "",
                    all_url=addresses.found_set(url_name, source_number=exact),
                    all_label="As a list",
                )
            )
    return sections


# -- Writing one -------------------------------------------------------------------------------------
class ShipmentFormView(DocumentFormView):
    """Create a shipment, with all that is due of the orders named in the address, or edit one."""

    model = Shipment
    form_class = ShipmentForm
    formset_class = ShipmentLineFormSet
    list_url_name = "usage:shipments"
    list_label = "Shipments"
    kind = Kind.OUTGOING
    lines_note = "One shipment may serve several orders. Serial numbers are written with commas between."

    def get_permission_required(self) -> Sequence[str]:
        return (CHANGE if "pk" in self.kwargs else "usage.add_shipment",)

    def get_noun(self) -> str:
        return "shipment" if self.kind == Kind.OUTGOING else "return"

    def get_record(self) -> Any:
        record = super().get_record()
        if record is not None:
            self.kind = record.kind
        return record

    def why_not(self, record: Shipment | None) -> str:
        return "" if record is None else shipping.why_not_edit(record)

    def initial(self, record: Shipment | None) -> dict[str, Any]:
        if record is not None:
            return {
                "shipped_at": timezone.localtime(record.shipped_at),
                "office": record.office,
                "reference": record.reference,
            }
        order = next(iter(self._orders()), None)
        return {"office": order.office} if order else {}

    def line_form_kwargs(self, record: Shipment | None) -> dict[str, Any]:
        return {"kind": self.kind}

    def initial_lines(self, record: Shipment | None) -> list[dict[str, Any]]:
        if record is not None:
            lines = record.lines.select_related("order_line__order", "order_line__code").order_by("position", "pk")
            return [_initial_of(line.order_line, self.kind, line) for line in lines]
        wanted = [_initial_of(line, self.kind) for order in self._orders() for line in lines_of(order)]
        return [line for line in wanted if line["quantity"] != 0]

    def _orders(self) -> list[Order]:
        numbers = self.request.GET.get("order", "").replace("\x00", "").split(",")
        return list(Order.objects.filter(number__in=numbers).select_related("office").order_by("pk"))

    def save(self, record: Shipment | None, header: dict[str, Any], lines: list[dict[str, Any]]) -> Shipment:
        user: User = self.request.user  # type: ignore[assignment]  # signed in: the page asks for a permission
        return shipping.shipment_save(
            shipment=record, kind=self.kind, lines=lines, by=user, at=timezone.now(), **header
        )


class ReturnFormView(ShipmentFormView):
    """Create a return, with all that is out of the orders named in the address."""

    kind = Kind.INCOMING_RETURN


def _initial_of(order_line: OrderLine, kind: str, line: ShipmentLine | None = None) -> dict[str, Any]:
    """A line to begin with: of a shipment all that can leave now; of a return nothing before somebody counts it."""
    most = at_most(order_line, kind)
    if line is not None:
        given = {
            "quantity": line.quantity,
            "manufacturer_lot": line.manufacturer_lot,
            "serials": ", ".join(line.serials.splitlines()),
        }
    elif kind == Kind.OUTGOING:
        given = {"quantity": min(most, shipping.can_leave(order_line))}
    else:
        given = {"quantity": None if most else most}
    common = {"order": order_line.order, "code": order_line.code, "at_most": most, "order_line": order_line.pk}
    return {**common, **given}


# -- What can be done with it ------------------------------------------------------------------------
class ShipmentActionView(DocumentActionView):
    model = Shipment
    list_url_name = "usage:shipments"
    list_label = "Shipments"
    noun = "shipment"

    def person(self) -> User:
        return self.request.user  # type: ignore[return-value]  # signed in: the page asks for a permission


class ShipmentShipView(ShipmentActionView):
    """Ships, or receives a return."""

    form_class = ShipForm

    def get_title(self, record: Shipment) -> str:
        return f"{self.get_yes_label(record)} {record}"

    def get_yes_label(self, record: Shipment) -> str:
        return "Ship" if record.kind == Kind.OUTGOING else "Receive"

    def get_text(self, record: Shipment) -> str:
        if record.kind == Kind.OUTGOING:
            text = "The goods are taken out of stock, and their orders demand that much less."
            return " ".join([text, *taken_by_others(record)])
        return "The goods are in stock again, at the cost with which they left."

    def form_kwargs(self, record: Shipment) -> dict[str, Any]:
        over = shipping.over_shipment_of(record)
        return {"over": f"This is more than is due or there: {over}." if over else ""}

    def why_not(self, record: Shipment) -> str:
        return shipping.why_not_ship(record)

    def perform(self, record: Shipment, cleaned: dict[str, Any]) -> None:
        if record.kind == Kind.INCOMING_RETURN:
            shipping.return_receive(shipment=record, by=self.person(), at=timezone.now())
        else:
            shipping.shipment_ship(shipment=record, by=self.person(), at=timezone.now(), **cleaned)

    def get_success_message(self, record: Shipment) -> str:
        return f"{record} is {'shipped' if record.kind == Kind.OUTGOING else 'received'}."


class ShipmentVoidView(ShipmentActionView):
    action_label = "Void"
    form_class = ReasonForm

    def get_text(self, record: Shipment) -> str:
        return "This is for ever: all that it moved is moved back, dated now, and its orders are open again."

    def why_not(self, record: Shipment) -> str:
        return shipping.why_not_void(record)

    def perform(self, record: Shipment, cleaned: dict[str, Any]) -> None:
        shipping.shipment_void(shipment=record, by=self.person(), at=timezone.now(), reason=cleaned["reason"])
