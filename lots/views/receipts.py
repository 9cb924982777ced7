"""Incoming shipments, and returns to vendors as far as they are looked at: posting those needs the app above."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from operator import methodcaller
from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpResponse
from django.urls import reverse
from django.utils import timezone

from inventory_site.details import Action, Fact, Section
from inventory_site.documents import DocumentActionView
from inventory_site.listing import EmptyState, Grouping, QuickSearch
from inventory_site.money import to_cents
from inventory_site.views import RecordDetailView
from lots import addresses
from lots.found_sets import LargeListView
from lots.history_table import history_section
from lots.models import DocumentStatus, PostingStatus, Receipt
from lots.purchasing_filtersets import ReceiptFilterSet
from lots.purchasing_forms import OverReceiptForm, ReasonForm, ReceiptForm, ReceiptLines
from lots.purchasing_querysets import receipts
from lots.purchasing_tables import ReceiptLineTable, ReceiptTable, ReturnLineTable
from lots.receipt_rules import why_not_void
from lots.receiving import OverReceipt, receipt_post, receipt_void, why_not_ship
from lots.shipment_pages import ShipmentFormView, signed_in, why_not_change

ADD, CHANGE = "lots.add_receipt", "lots.change_receipt"
ALL_CREDITED = EmptyState("No credit is missing", "Vendors have credited all that went back.", kind="all-done")


class ReceiptListView(LargeListView):
    """Newest first, both ways: what came in and what went back."""

    queryset = receipts().for_list()
    filterset_class = ReceiptFilterSet
    table_class = ReceiptTable
    title = "Incoming Shipments"
    noun = "shipments"
    default_sort = ("-number",)
    total_expressions = {"quantity": "quantity", "value": "value"}
    groupings = (
        Grouping("vendor", "purchase_order__vendor", label=lambda row: row.purchase_order.vendor),
        Grouping("kind", "kind", label=lambda row: row.get_kind_display()),
    )
    quick_searches = (
        QuickSearch("pending", "Pending", narrow=methodcaller("pending")),
        QuickSearch("incoming", "Incoming", narrow=methodcaller("incoming")),
        QuickSearch("returns", "Returns to Vendors", narrow=methodcaller("returns")),
        QuickSearch(
            "credit", "Waiting for the Credit", narrow=methodcaller("waiting_for_the_credit"), all_done=ALL_CREDITED
        ),
    )
    empty_first_use = EmptyState("Nothing was received yet", "Goods are received against an open purchase order.")

    def get_actions(self) -> Sequence[Action]:
        waiting = addresses.found_set("lots:purchase_orders", quick="goods")
        return (Action("Receive against an order", waiting, permission=ADD, is_primary=True),)


class ReceiptDetailView(RecordDetailView):
    """The journal is a panel of the app above, put in by the template."""

    queryset = Receipt.objects.select_related("purchase_order__office")
    template_name = "lots/document_detail.html"
    list_url_name = "lots:receipts"
    list_label = "Incoming Shipments"

    def get_title(self) -> str:
        return f"{self.object.get_kind_display()} {self.object}"

    def get_status(self) -> tuple[str, str]:
        return self.object.status, self.object.get_status_display()

    @cached_property
    def is_return(self) -> bool:
        return bool(self.object.kind == Receipt.Kind.OUTGOING_RETURN)

    def get_sections(self) -> Sequence[Section]:
        receipt: Receipt = self.object
        return (_general(receipt), self._lines(receipt), history_section(receipt.number))

    def _lines(self, receipt: Receipt) -> Section:
        rows: list[Any] = list(
            receipt.lines.select_related(
                "purchase_order_line__code", "purchase_order_line__lot", "purchase_order_line__purchase_order"
            ).order_by("position", "pk")
        )
        for row in rows:
            row.value = to_cents(row.quantity * row.purchase_order_line.unit_cost)
        table_class = ReturnLineTable if self.is_return else ReceiptLineTable
        empty_columns = [
            name for name in ("manufacturer_lot", "serials") if not any(getattr(row, name) for row in rows)
        ]
        totals = {name: sum((getattr(row, name) for row in rows), Decimal(0)) for name in ("quantity", "value")}
        table = table_class(rows, totals=totals if len(rows) > 1 else None, exclude=empty_columns)
        is_posted = receipt.status == PostingStatus.POSTED
        return Section(
            "Lines",
            table=table,
            note="" if is_posted or receipt.status == PostingStatus.VOID else "Pending: nothing has moved yet.",
            all_url=addresses.found_set("lots:transactions", source_number=addresses.exactly(receipt.number)),
            all_label="Transactions",
        )

    def get_actions(self) -> Sequence[Action]:
        receipt: Receipt = self.object
        order = receipt.purchase_order
        of = "usage:vendor_return" if self.is_return else "lots:receipt"

        def url(name: str) -> str:
            return reverse(f"{of}_{name}", args=[receipt.pk])

        post = why_not_change(receipt) and f"It is already {receipt.get_status_display().lower()}."
        post = post or why_not_ship(order, is_return=self.is_return, is_replaced=receipt.is_replacement_expected)
        edit = "" if receipt.status == PostingStatus.PENDING else "Only a pending one can be edited."
        void = "It is already void." if receipt.status == PostingStatus.VOID else why_not_void(receipt)
        actions = [
            Action("Send back" if self.is_return else "Receive", url("post"), "post", CHANGE, post, is_primary=True),
            Action("Edit", url("edit"), permission=CHANGE, reason=edit or post),
            Action("Void", url("void"), permission=CHANGE, reason=void),
        ]
        if self.is_return and receipt.status == PostingStatus.POSTED:
            url_credit = f"{reverse('lots:purchase_create')}?receipt={receipt.pk}"
            actions.insert(0, Action("Enter the credit", url_credit, permission="lots.add_purchase", is_primary=True))
        return actions


def _general(receipt: Receipt) -> Section:
    order, office = receipt.purchase_order, receipt.purchase_order.office
    is_return = receipt.kind == Receipt.Kind.OUTGOING_RETURN
    facts = [
        Fact("Kind", receipt.get_kind_display()),
        Fact("Purchase order", order, url=order.get_absolute_url(), url_kind="purchase order"),
        Fact("Vendor", order.vendor),
        Fact("Sent back" if is_return else "Received", receipt.received_at, "moment"),
        Fact("Office", office, url=office.get_absolute_url() if office else "", url_kind="office"),
        Fact("Ref #(s)", receipt.reference),
    ]
    if is_return:
        facts.append(Fact("Replacement expected", receipt.is_replacement_expected, "flag"))
    return Section("General Info", facts=facts, is_wide=True)


# -- Written -----------------------------------------------------------------------------------------
class ReceiptFormView(ShipmentFormView):
    """Lines of the order, filled in with what is due of each. "Receive" saves and posts."""

    form_class = ReceiptForm
    formset_class = ReceiptLines
    permission_required = CHANGE
    submit_label = "Receive"
    lines_title = "What Came"
    no_order = "Choose the purchase order whose goods came: its page receives them."

    def get_title(self, record: Receipt | None) -> str:
        return f"Receive {record or 'Goods'} of {self.order}"

    def quantity_offered(self, line: Any) -> Decimal | None:
        due: Decimal = line.due
        return due or None

    def post_document(self, receipt: Receipt, header: dict[str, Any], *, by: User, at: datetime) -> None:
        try:
            receipt_post(
                receipt=receipt, by=by, at=at, is_over_receipt_accepted=bool(header["is_over_receipt_accepted"])
            )
        except OverReceipt as question:
            self.is_over_receipt_asked = True
            raise ValidationError({"is_over_receipt_accepted": question.messages}) from None

    def get_success_message(self, record: Receipt) -> str:
        if record.status == PostingStatus.PENDING:
            return f"{record} was saved. Nothing has moved yet."
        order = self.order
        order.refresh_from_db()
        closed = f" {order} is complete and closed by itself." if order.status == DocumentStatus.CLOSED else ""
        return f"{record} is received.{closed}"


class ReceiptCreateView(ReceiptFormView):
    permission_required = ADD


# -- Done to it --------------------------------------------------------------------------------------
class ReceiptActionView(DocumentActionView):
    model = Receipt
    permission_required = CHANGE
    list_url_name = "lots:receipts"
    list_label = "Incoming Shipments"

    def get_queryset(self) -> QuerySet[Any]:
        return Receipt.objects.filter(kind=Receipt.Kind.INCOMING).select_related("purchase_order")


class ReceiptPostView(ReceiptActionView):
    """Asks back where more came than was ordered."""

    form_class = OverReceiptForm
    action_label = "Receive"
    yes_label = "Receive"
    is_over_receipt_asked = False

    def get_text(self, record: Receipt) -> str:
        return f"On Hand goes up by what came, and On Order of {record.purchase_order} down."

    def why_not(self, record: Receipt) -> str:
        return why_not_change(record) or why_not_ship(record.purchase_order)

    def perform(self, record: Receipt, cleaned: dict[str, Any]) -> None:
        try:
            receipt_post(
                receipt=record,
                by=signed_in(self.request),
                at=timezone.now(),
                is_over_receipt_accepted=cleaned["is_over_receipt_accepted"],
            )
        except OverReceipt as question:
            self.is_over_receipt_asked = True
            raise ValidationError({"is_over_receipt_accepted": question.messages}) from None

    def _page(self, record: Any, form: Any, *, reason: str = "", status: int = 200) -> HttpResponse:
        if self.is_over_receipt_asked:
            form.ask_over_receipt()
        return super()._page(record, form, reason=reason, status=status)

    def get_success_message(self, record: Receipt) -> str:
        return f"{record} is received."


class ReceiptVoidView(ReceiptActionView):
    form_class = ReasonForm
    action_label = "Void"

    def get_text(self, record: Receipt) -> str:
        if record.status == PostingStatus.PENDING:
            return "It is pending, so nothing has moved and nothing is taken back. Void is for ever."
        return "What came in goes out again, and is due again if the order is open. Void is for ever."

    def why_not(self, record: Receipt) -> str:
        return why_not_void(record)

    def perform(self, record: Receipt, cleaned: dict[str, Any]) -> None:
        receipt_void(receipt=record, by=signed_in(self.request), at=timezone.now(), reason=cleaned["reason"])

    def get_success_message(self, record: Receipt) -> str:
        return f"{record} is void."
