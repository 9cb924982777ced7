"""Returns to a vendor: written, sent back, void. They are listed and looked at with the incoming shipments."""

from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.utils import timezone

from inventory_site.documents import DocumentActionView
from lots.models import PostingStatus, Receipt
from lots.purchasing_forms import ReasonForm, VendorReturnForm, VendorReturnLines
from lots.receipt_rules import why_not_void
from lots.receiving import why_not_ship
from lots.shipment_pages import ShipmentFormView, signed_in, why_not_change
from usage.vendor_returns import vendor_return_post, vendor_return_void

CHANGE = "lots.change_receipt"


class VendorReturnFormView(ShipmentFormView):
    """Lines of the order; "Send back" saves and posts."""

    form_class = VendorReturnForm
    formset_class = VendorReturnLines
    kind = Receipt.Kind.OUTGOING_RETURN
    permission_required = CHANGE
    submit_label = "Send back"
    lines_title = "What Goes Back"
    lines_note = "What its lot no longer holds is taken from other lots, as usage."
    noun = "return"
    quick = "open"
    no_order = "Choose the purchase order that the goods came with: its page returns them to the vendor."

    def get_title(self, record: Receipt | None) -> str:
        return f"Return {record} to {self.order.vendor}" if record else f"Return to {self.order.vendor}"

    def post_document(self, receipt: Receipt, header: dict[str, Any], *, by: User, at: datetime) -> None:
        vendor_return_post(receipt=receipt, by=by, at=at)

    def get_success_message(self, record: Receipt) -> str:
        if record.status == PostingStatus.PENDING:
            return f"{record} was saved. Nothing has moved yet."
        return f"{record} is sent back to {self.order.vendor}."


class VendorReturnCreateView(VendorReturnFormView):
    permission_required = "lots.add_receipt"


class VendorReturnActionView(DocumentActionView):
    model = Receipt
    noun = "return"
    permission_required = CHANGE
    list_url_name = "lots:receipts"
    list_label = "Incoming Shipments"

    def get_queryset(self) -> QuerySet[Any]:
        return Receipt.objects.filter(kind=Receipt.Kind.OUTGOING_RETURN).select_related("purchase_order")


class VendorReturnPostView(VendorReturnActionView):
    action_label = "Send back"
    yes_label = "Send back"

    def get_text(self, record: Receipt) -> str:
        return f"On Hand goes down by what goes back to {record.purchase_order.vendor}."

    def why_not(self, record: Receipt) -> str:
        return why_not_change(record) or why_not_ship(
            record.purchase_order, is_return=True, is_replaced=record.is_replacement_expected
        )

    def perform(self, record: Receipt, cleaned: dict[str, Any]) -> None:
        vendor_return_post(receipt=record, by=signed_in(self.request), at=timezone.now())

    def get_success_message(self, record: Receipt) -> str:
        return f"{record} is sent back to {record.purchase_order.vendor}."


class VendorReturnVoidView(VendorReturnActionView):
    form_class = ReasonForm
    action_label = "Void"

    def get_text(self, record: Receipt) -> str:
        if record.status == PostingStatus.PENDING:
            return "It is pending, so nothing has moved and nothing is taken back. Void is for ever."
        return "What went back is here again, and its lot holds it. Void is for ever."

    def why_not(self, record: Receipt) -> str:
        return why_not_void(record)

    def perform(self, record: Receipt, cleaned: dict[str, Any]) -> None:
        vendor_return_void(receipt=record, by=signed_in(self.request), at=timezone.now(), reason=cleaned["reason"])

    def get_success_message(self, record: Receipt) -> str:
        return f"{record} is void."
