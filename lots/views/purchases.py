"""Purchases: vendor invoices, freight bills and credits."""

from collections.abc import Sequence
from decimal import Decimal
from operator import methodcaller
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone

from inventory_site.details import Action, Fact, Section
from inventory_site.document_forms import LineError
from inventory_site.documents import DocumentActionView, DocumentFormView, put_errors
from inventory_site.listing import EmptyState, Grouping, QuickSearch
from inventory_site.money import to_cents
from inventory_site.views import RecordDetailView
from lots.found_sets import LargeListView
from lots.history_table import history_section
from lots.invoicing import (
    OverCredit,
    orders_reopened_by_void,
    purchase_post,
    purchase_save,
    purchase_void,
    same_invoice,
    why_not_void,
)
from lots.models import DocumentStatus, PostingStatus, Purchase, PurchaseOrder, Receipt
from lots.purchasing_filtersets import PurchaseFilterSet
from lots.purchasing_forms import NamedLine, OverCreditForm, PurchaseForm, PurchaseLines, ReasonForm
from lots.purchasing_querysets import order_lines, purchases
from lots.purchasing_tables import PurchaseLineTable, PurchaseTable
from lots.shipment_pages import record_named, signed_in, why_not_change
from lots.views.purchase_orders import vendors

ADD, CHANGE = "lots.add_purchase", "lots.change_purchase"
ZERO = Decimal(0)
CONFIRM = "Nothing was posted: confirm that the vendor credits more than went back."
CONFIRM_AGAIN = "Nothing was saved: confirm that it is another one."
QUESTIONS = frozenset({"is_over_credit_accepted", "is_same_invoice_accepted"})
BILLABLE = (DocumentStatus.OPEN, DocumentStatus.CLOSED)


class PurchaseListView(LargeListView):
    """Newest first."""

    queryset = purchases().for_list()
    filterset_class = PurchaseFilterSet
    table_class = PurchaseTable
    noun = "purchases"
    default_sort = ("-number",)
    total_expressions = {name: name for name in ("value_goods", "freight", "value_total")}
    groupings = (Grouping("vendor", "vendor", label=lambda row: row.vendor),)
    quick_searches = (
        QuickSearch("pending", "Pending", narrow=methodcaller("pending")),
        QuickSearch("freight", "With Freight", narrow=methodcaller("with_freight")),
        QuickSearch("credits", "Credits", narrow=methodcaller("credits")),
    )
    empty_first_use = EmptyState("No purchases yet", "A vendor's invoice is entered from its purchase order.")

    def get_actions(self) -> Sequence[Action]:
        return (Action("New purchase", reverse("lots:purchase_create"), permission=ADD, is_primary=True),)


class PurchaseDetailView(RecordDetailView):
    """The journal is a panel of the app above, put in by the template."""

    queryset = purchases().for_list()
    template_name = "lots/document_detail.html"
    list_url_name = "lots:purchases"
    list_label = "Purchases"
    kind = "Purchase"

    def get_status(self) -> tuple[str, str]:
        return self.object.status, self.object.get_status_display()

    def get_sections(self) -> Sequence[Section]:
        purchase: Any = self.object
        facts = [
            Fact("Vendor", purchase.vendor),
            Fact("Invoice #", purchase.invoice_number),
            Fact("Date", purchase.invoiced_at, "moment"),
            Fact("Goods", purchase.value_goods, "money"),
            Fact(
                "Freight",
                purchase.freight,
                "money",
                hint=f"Spread by {purchase.get_freight_by_display().lower()}" if purchase.freight else "",
            ),
            Fact("Total", purchase.value_total, "money"),
        ]
        is_pending = purchase.status == PostingStatus.PENDING
        return (
            Section("General Info", facts=facts, is_wide=True),
            Section(
                "Lines",
                table=_line_table(purchase),
                note="Pending: nothing is owed yet." if is_pending else "",
            ),
            history_section(purchase.number),
        )

    def get_actions(self) -> Sequence[Action]:
        purchase: Purchase = self.object
        is_pending = purchase.status == PostingStatus.PENDING
        already = "" if is_pending else f"It is already {purchase.get_status_display().lower()}."
        edit = "" if is_pending else "Only a pending one can be edited."
        void = already if purchase.status == PostingStatus.VOID else why_not_void(purchase)

        def url(name: str) -> str:
            return reverse(f"lots:purchase_{name}", args=[purchase.pk])

        return (
            Action("Post", url("post"), "post", CHANGE, already, is_primary=True),
            Action("Edit", url("edit"), permission=CHANGE, reason=edit),
            Action("Void", url("void"), permission=CHANGE, reason=void),
        )


def _line_table(purchase: Purchase) -> PurchaseLineTable:
    """The lines with their share of the freight, and what a unit landed at."""
    rows: list[Any] = list(
        purchase.lines.select_related(
            "purchase_order_line__code", "purchase_order_line__lot", "purchase_order_line__purchase_order"
        ).order_by("position", "pk")
    )
    for row in rows:
        row.landed = row.value + row.freight
        row.unit_cost_landed = row.landed / row.quantity if row.quantity else None
    names = ("quantity", "value", "freight", "landed")
    totals = {name: sum((getattr(row, name) for row in rows), ZERO) for name in names}
    exclude = () if purchase.freight else ("freight", "landed")
    return PurchaseLineTable(rows, totals=totals if len(rows) > 1 else None, exclude=exclude)


# -- Written -----------------------------------------------------------------------------------------
class PurchaseFormView(DocumentFormView):
    """`purchase_order=` fills in what is received and not billed yet (`freight=1`: the lines alone, to bear a freight
    bill), `receipt=` the credit for a return. "Post" saves and posts; the freight's spread can be looked at first.
    """

    model = Purchase
    form_class = PurchaseForm
    formset_class = PurchaseLines
    template_name = "lots/purchase_form.html"
    permission_required = CHANGE
    list_url_name = "lots:purchases"
    list_label = "Purchases"
    submit_label = "Post"
    lines_note = "A line without quantity and value bears freight alone. A credit for what went back has both negative."
    spread: PurchaseLineTable | None = None
    is_over_credit_asked = is_same_invoice_asked = False

    def get_record(self) -> Purchase | None:
        record: Purchase | None = super().get_record()
        self.order: PurchaseOrder | None = None
        self.returned: Receipt | None = None
        if record is None and (key := record_named(self.request, "purchase_order")):
            self.order = get_object_or_404(PurchaseOrder, pk=key)
        elif record is None and (key := record_named(self.request, "receipt")):
            self.returned = get_object_or_404(
                Receipt.objects.select_related("purchase_order"), pk=key, kind=Receipt.Kind.OUTGOING_RETURN
            )
            self.order = self.returned.purchase_order
        self.is_freight_bill = self.order is not None and self.request.GET.get("freight") == "1"
        return record

    def get_cancel_url(self, record: Any) -> str:
        return self.order.get_absolute_url() if record is None and self.order else super().get_cancel_url(record)

    def why_not(self, record: Purchase | None) -> str:
        if record is not None:
            return why_not_change(record)
        if self.order is not None and self.order.status not in BILLABLE:
            return f"{self.order} is {self.order.get_status_display().lower()}: it cannot be billed."
        return ""

    def get_title(self, record: Purchase | None) -> str:
        if record is not None:
            return f"Edit Purchase {record}"
        if self.order is None:
            return "New Purchase"
        what = "Freight Bill for" if self.is_freight_bill else "Credit for" if self.returned else "Invoice for"
        return f"{what} {self.returned or self.order}"

    def initial(self, record: Purchase | None) -> dict[str, Any]:
        if record is not None:
            names = ("vendor", "invoice_number", "invoiced_at", "freight", "freight_by")
            return {name: getattr(record, name) for name in names} | {"freight": record.freight or None}
        return {"vendor": self.order.vendor} if self.order and not self.is_freight_bill else {}

    def initial_lines(self, record: Purchase | None) -> list[dict[str, Any]]:
        if record is not None:
            lines = record.lines.select_related("purchase_order_line__code", "purchase_order_line__purchase_order")
            return [
                _row(line.purchase_order_line, line.quantity, line.value) for line in lines.order_by("position", "pk")
            ]
        if self.order is None:
            return []
        ordered: list[Any] = list(order_lines().billable().for_page().filter(purchase_order=self.order))
        if self.is_freight_bill:
            return [_row(line, ZERO, ZERO) for line in ordered if line.kept] or [
                _row(line, ZERO, ZERO) for line in ordered
            ]
        if self.returned is not None:
            by_key = {line.pk: line for line in ordered}
            back = self.returned.lines.order_by("position", "pk").values_list("purchase_order_line", "quantity")
            return [_row(by_key[key], -quantity, to_cents(-quantity * by_key[key].unit_cost)) for key, quantity in back]
        received = [(line, line.unbilled) for line in ordered if line.unbilled > 0]
        # The invoice came before the goods.
        expected = [(line, line.quantity - line.purchased) for line in ordered if line.quantity > line.purchased]
        return [_row(line, quantity, to_cents(quantity * line.unit_cost)) for line, quantity in received or expected]

    # -- Requests --------------------------------------------------------------------------------------
    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if "spread" not in request.POST:
            return super().post(request, *args, **kwargs)
        record = self.get_record()
        if reason := self.why_not(record):
            return self._sent_back(record, reason)
        form = self.form_class(request.POST, initial=self.initial(record))
        formset = self._formset(record, request.POST)
        if formset is None:
            raise Http404
        if form.is_valid() and formset.is_valid():
            try:
                with transaction.atomic():
                    # Written as it would be, looked at, and undone.
                    self.spread = _line_table(self._written(record, form.cleaned_data, formset.lines()))
                    transaction.set_rollback(True)
            except ValidationError as refusal:
                put_errors(refusal, form, formset.kept_forms())
        return self._page(record, form, formset, status=422 if form.errors or formset.total_error_count() else 200)

    def _written(self, record: Purchase | None, header: dict[str, Any], lines: list[dict[str, Any]]) -> Purchase:
        return purchase_save(
            purchase=record,
            lines=[{**line, "purchase_order_line": line["purchase_order_line"].line} for line in lines],
            by=signed_in(self.request),
            at=timezone.now(),
            **{name: value for name, value in header.items() if name not in QUESTIONS},
        )

    def save(self, record: Purchase | None, header: dict[str, Any], lines: list[dict[str, Any]]) -> Purchase:
        if not header["freight"]:
            for index, line in enumerate(lines):
                if not line["quantity"] and not line["value"]:
                    raise LineError(
                        index, "Enter what is billed, or remove this line. There is no freight for it to bear."
                    )
        self._ask_same_invoice(record, header)
        purchase = self._written(record, header, lines)
        if "save_only" not in self.request.POST:
            try:
                purchase_post(
                    purchase=purchase,
                    by=signed_in(self.request),
                    at=timezone.now(),
                    is_over_credit_accepted=header["is_over_credit_accepted"],
                )
            except OverCredit:
                self.is_over_credit_asked = True
                raise
        return purchase

    def _ask_same_invoice(self, record: Purchase | None, header: dict[str, Any]) -> None:
        vendor, number = header["vendor"], header["invoice_number"]
        others = same_invoice(vendor=vendor, invoice_number=number, but=record)
        if others and not header["is_same_invoice_accepted"]:
            self.is_same_invoice_asked = True
            text = f"Invoice {number} of {vendor} is entered already: {', '.join(others)}. {CONFIRM_AGAIN}"
            raise ValidationError({"is_same_invoice_accepted": text})

    def _page(self, record: Any, form: Any, formset: Any, *, status: int = 200) -> HttpResponse:
        if self.is_same_invoice_asked:
            form.ask_same_invoice()
        if self.is_over_credit_asked:
            form.ask_over_credit()
            form.add_error("is_over_credit_accepted", CONFIRM)
        return super()._page(record, form, formset, status=status)

    def get_success_message(self, record: Purchase) -> str:
        if record.status == PostingStatus.PENDING:
            return f"{record} was saved. Nothing is owed yet."
        return f"{record} is posted.{_closed_by(record)}"

    def get_extra_context(self, record: Purchase | None) -> dict[str, Any]:
        return {"vendors": vendors(), "spread": self.spread}


def _row(line: Any, quantity: Decimal, value: Decimal) -> dict[str, Any]:
    return {"purchase_order_line": NamedLine(line), "quantity": quantity or None, "value": value or None}


def _closed_by(purchase: Purchase) -> str:
    """Say which orders the purchase completed, so that they closed by themselves."""
    closed = (
        PurchaseOrder.objects.filter(lines__purchase_lines__purchase=purchase, status=DocumentStatus.CLOSED)
        .order_by("pk")
        .distinct()
        .values_list("number", flat=True)
    )
    return f" {', '.join(closed)}: closed, cost is final." if closed else ""


class PurchaseCreateView(PurchaseFormView):
    permission_required = ADD


# -- Done to it --------------------------------------------------------------------------------------
class PurchaseActionView(DocumentActionView):
    model = Purchase
    permission_required = CHANGE
    list_url_name = "lots:purchases"
    list_label = "Purchases"

    def get_queryset(self) -> QuerySet[Any]:
        return purchases().for_list()


class PurchasePostView(PurchaseActionView):
    """Asks back where the vendor credits more than went back."""

    form_class = OverCreditForm
    action_label = "Post"
    is_over_credit_asked = False

    def get_text(self, record: Purchase) -> str:
        return "It is owed to the vendor from then on. Lots of closed orders are costed anew."

    def why_not(self, record: Purchase) -> str:
        return why_not_change(record)

    def perform(self, record: Purchase, cleaned: dict[str, Any]) -> None:
        try:
            purchase_post(purchase=record, by=signed_in(self.request), at=timezone.now(), **cleaned)
        except OverCredit as question:
            self.is_over_credit_asked = True
            raise ValidationError({"is_over_credit_accepted": [*question.messages, CONFIRM]}) from None

    def _page(self, record: Any, form: Any, *, reason: str = "", status: int = 200) -> HttpResponse:
        if self.is_over_credit_asked:
            form.ask_over_credit()
        return super()._page(record, form, reason=reason, status=status)

    def get_success_message(self, record: Purchase) -> str:
        return f"{record} is posted.{_closed_by(record)}"


class PurchaseVoidView(PurchaseActionView):
    form_class = ReasonForm
    action_label = "Void"

    def get_text(self, record: Purchase) -> str:
        if record.status == PostingStatus.PENDING:
            return "It is pending, so nothing is owed and nothing is taken back. Void is for ever."
        text = "It is owed no more, and the lots of closed orders are costed anew without it. Void is for ever."
        reopened = ", ".join(order.number for order in orders_reopened_by_void(record))
        if not reopened:
            return text
        return (
            f"{text} {reopened}: closed, and goods of it would have no bill any more, so it is opened again. Their cost"
            " is the order's unit cost then, as an estimate, and what is still due of it is On Order again."
        )

    def why_not(self, record: Purchase) -> str:
        return why_not_void(record)

    def perform(self, record: Purchase, cleaned: dict[str, Any]) -> None:
        self.reopened = orders_reopened_by_void(record)
        purchase_void(purchase=record, by=signed_in(self.request), at=timezone.now(), reason=cleaned["reason"])

    def get_success_message(self, record: Purchase) -> str:
        reopened = ", ".join(order.number for order in self.reopened)
        return f"{record} is void." + (f" {reopened}: open again, cost is estimated." if reopened else "")
