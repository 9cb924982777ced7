"""ShipmentFormView: what is received against a purchase order, or sent back to its vendor, is written the same way.

Posting a return needs usage, so its page stands in the app above; the forms and the posting are the subclass's.
"""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.contrib import messages
from django.contrib.auth.models import User
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone

from inventory_site.document_forms import LineError
from inventory_site.documents import DocumentFormView
from inventory_site.listing import PRIMARY_KEY_LIMIT
from lots import addresses
from lots.models import PostingStatus, PurchaseOrder, PurchaseOrderLine, Receipt
from lots.purchasing_querysets import order_lines
from lots.receiving import receipt_save, why_not_ship

# More manufacturer lots of one line can be named than there are so far.
SPARE_LINES = 2


def signed_in(request: HttpRequest) -> User:
    """Who asks; pages let nobody in who is not signed in."""
    user: Any = request.user
    return user  # type: ignore[no-any-return]  # never anonymous, which the stubs cannot know


def record_named(request: HttpRequest, name: str) -> int | None:
    """The primary key that the address names as `?name=`; None where it names none. Raises Http404 for nonsense."""
    text = request.GET.get(name, "")
    if not text:
        return None
    if not text.isdecimal() or not 0 < int(text[:20]) <= PRIMARY_KEY_LIMIT:
        raise Http404("There is no such record.")
    return int(text)


def why_not_change(document: Any) -> str:
    """Say why a shipment or purchase cannot be written anew, or ""."""
    if document.status == PostingStatus.PENDING:
        return ""
    if document.status == PostingStatus.VOID:
        return f"{document} is void."
    return f"{document} is posted: what it moved stays. Void it and write another."


class ShipmentFormView(DocumentFormView):
    """`purchase_order=` in the address names the order of a new one.

    kind            of the receipt
    quick           the quick search of orders that a page without an order leads to
    """

    model = Receipt
    kind: str = Receipt.Kind.INCOMING
    list_url_name = "lots:receipts"
    list_label = "Incoming Shipments"
    template_name = "lots/shipment_form.html"
    quick = "goods"
    no_order = ""
    order: PurchaseOrder
    order_lines: Sequence[Any]
    is_over_receipt_asked = False

    # -- Hooks of the two kinds ------------------------------------------------------------------------
    def post_document(self, receipt: Receipt, header: dict[str, Any], *, by: User, at: datetime) -> None:
        """Post what was written."""
        raise NotImplementedError

    def quantity_offered(self, line: Any) -> Decimal | None:
        """What is filled in beforehand."""
        return None

    # -- The order -------------------------------------------------------------------------------------
    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not self.has_permission():
            return self.handle_no_permission()
        if "pk" not in kwargs and record_named(request, "purchase_order") is None:
            messages.info(request, self.no_order)
            return redirect(addresses.found_set("lots:purchase_orders", quick=self.quick))
        return super().dispatch(request, *args, **kwargs)

    def get_queryset(self) -> Any:
        return Receipt.objects.filter(kind=self.kind).select_related("purchase_order__office")

    def get_record(self) -> Receipt | None:
        record: Receipt | None = super().get_record()
        if record is not None:
            self.order = record.purchase_order
        else:
            orders = PurchaseOrder.objects.select_related("office")
            self.order = get_object_or_404(orders, pk=record_named(self.request, "purchase_order"))
        self.order_lines = list(order_lines().for_page().filter(purchase_order=self.order, lot__isnull=False))
        return record

    def get_cancel_url(self, record: Any) -> str:
        return super().get_cancel_url(record) if record is not None else self.order.get_absolute_url()

    def why_not(self, record: Receipt | None) -> str:
        reason = "" if record is None else why_not_change(record)
        return reason or why_not_ship(self.order, is_return=self.kind == Receipt.Kind.OUTGOING_RETURN)

    def initial(self, record: Receipt | None) -> dict[str, Any]:
        if record is None:
            return {}
        return {
            "received_at": record.received_at,
            "reference": record.reference,
            "is_replacement_expected": record.is_replacement_expected,
        }

    # -- Lines -----------------------------------------------------------------------------------------
    def line_form_kwargs(self, record: Receipt | None) -> dict[str, Any]:
        shows = set() if self.kind == Receipt.Kind.OUTGOING_RETURN else {"due"}
        if any(line.code.is_tracked_by_manufacturer_lot for line in self.order_lines):
            shows.add("manufacturer_lot")
        if any(line.code.is_serialized for line in self.order_lines):
            shows.add("serials")
        return {"shows": shows}

    def initial_lines(self, record: Receipt | None) -> list[dict[str, Any]]:
        by_key = {line.pk: line for line in self.order_lines}
        if self.request.method == "POST":
            # In the order in which they were sent: lines may have come to the order meanwhile.
            sent = (self.request.POST.get(f"lines-{row}-purchase_order_line", "") for row in range(self._sent_count()))
            keys = (int(text) if text.isdecimal() and len(text) < 19 else 0 for text in sent)
            return [self._row(by_key[key]) if key in by_key else {} for key in keys]
        written: dict[int, list[dict[str, Any]]] = {key: [] for key in by_key}
        if record is not None:
            for line in record.lines.order_by("position", "pk"):
                row = self._row(by_key[line.purchase_order_line_id]) | {
                    "quantity": line.quantity,
                    "manufacturer_lot": line.manufacturer_lot,
                    "serials": line.serials,
                }
                written[line.purchase_order_line_id].append(row)
        rows = []
        for line in self.order_lines:
            offered = {"quantity": self.quantity_offered(line) if record is None else None}
            rows += written[line.pk] or [self._row(line) | offered]
            if line.code.is_tracked_by_manufacturer_lot:
                rows += [self._row(line)] * SPARE_LINES
        return rows

    def _sent_count(self) -> int:
        text = self.request.POST.get("lines-TOTAL_FORMS", "")
        return min(int(text), 1500) if text.isdecimal() and len(text) < 7 else 0

    def _row(self, line: Any) -> dict[str, Any]:
        return {
            "code": line.code,
            "ordered": line.quantity,
            "there": line.kept if self.kind == Receipt.Kind.OUTGOING_RETURN else line.received,
            "due": line.due,
            "purchase_order_line": line.pk,
        }

    # -- Saved -----------------------------------------------------------------------------------------
    def save(self, record: Receipt | None, header: dict[str, Any], lines: list[dict[str, Any]]) -> Receipt:
        ordered: dict[int, PurchaseOrderLine] = {line.pk: line for line in self.order_lines}
        for index, line in enumerate(lines):
            if line["purchase_order_line"] not in ordered:
                raise LineError(index, "This line is not on the order any more. Nothing was saved: read it again.")
        by, at = signed_in(self.request), timezone.now()
        receipt = receipt_save(
            receipt=record,
            purchase_order=self.order,
            kind=self.kind,
            received_at=header["received_at"],
            reference=header["reference"],
            is_replacement_expected=header.get("is_replacement_expected", False),
            lines=[{**line, "purchase_order_line": ordered[line["purchase_order_line"]]} for line in lines],
            by=by,
            at=at,
        )
        if "save_only" not in self.request.POST:
            self.post_document(receipt, header, by=by, at=at)
        return receipt

    def _page(self, record: Any, form: Any, formset: Any, *, status: int = 200) -> HttpResponse:
        if self.is_over_receipt_asked:
            form.ask_over_receipt()
        return super()._page(record, form, formset, status=status)

    def get_extra_context(self, record: Any) -> dict[str, Any]:
        return {"order": self.order}
