"""Forms of purchasing documents, and the names by which people call a line of a purchase order (PO-60000/1 WIRE)."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Q
from django.urls import reverse_lazy

from inventory_site.document_forms import (
    CodeField,
    DayField,
    LineForm,
    LineFormSet,
    MomentField,
    MoneyFormField,
    QuantityFormField,
    UnitCostFormField,
)
from lots.forms import LineItemCodeField
from lots.models import LineItemCode, Office, Purchase, PurchaseOrderLine
from lots.purchasing_querysets import OrderLineQuerySet, order_lines

LINES_SUGGESTED: Final = 20
LINE_NAME = re.compile(r"(?P<number>[^\s/]+)(?:/(?P<position>\d{1,6}))?(?:\s+(?P<code>.+))?")


# -- The name of an order's line ---------------------------------------------------------------------
@dataclass(frozen=True)
class NamedLine:
    """A purchase order line as people write it; `description` stands below the cell."""

    line: PurchaseOrderLine

    def __str__(self) -> str:
        return f"{self.line.purchase_order}/{self.line.position} {self.line.code}"

    @property
    def description(self) -> str:
        return f"{self.line.purchase_order.vendor}: {self.line.code.description}"


def named_line(text: str) -> NamedLine | None:
    """The line that can be billed of this name; the position or the code may be left out where one line fits."""
    match = LINE_NAME.fullmatch(text)
    if match is None:
        return None
    lines = order_lines().billable().filter(purchase_order__number__iexact=match["number"])
    if match["position"]:
        lines = lines.filter(position=int(match["position"]))
    if match["code"]:
        lines = lines.filter(code__code__iexact=match["code"])
    found = list(lines.select_related("code", "lot", "purchase_order").order_by("position", "pk")[:2])
    if len(found) > 1:
        raise ValidationError(
            f"There are several lines \u201c{text}\u201d: write {NamedLine(found[0])} or the like.", code="several"
        )
    return NamedLine(found[0]) if found else None


def lines_like(text: str) -> OrderLineQuerySet:
    """Lines to suggest, the newest orders first."""
    found = order_lines().billable().with_figures().select_related("code", "purchase_order")
    for word in text.replace("/", " ").split()[:4]:
        found = found.filter(
            Q(purchase_order__number__icontains=word)
            | Q(purchase_order__vendor__icontains=word)
            | Q(code__code__icontains=word)
            | (Q(position=int(word)) if word.isdecimal() and len(word) < 7 else Q(pk__in=()))
        )
    suggested: OrderLineQuerySet = found.order_by("-purchase_order", "position", "pk")[:LINES_SUGGESTED]
    return suggested


class NamedLineField(CodeField):
    """A line of a purchase order, typed or picked: a NamedLine."""

    default_error_messages = {"unknown": "There is no open or closed purchase order line \u201c%(code)s\u201d."}

    def __init__(self, **options: Any) -> None:
        super().__init__(resolve=named_line, url=reverse_lazy("lots:purchase_order_lines_find"), **options)


# -- Purchase orders ---------------------------------------------------------------------------------
def vendor_field(**options: Any) -> forms.CharField:
    """Any name; the page suggests those used before."""
    return forms.CharField(
        label="Vendor",
        max_length=120,
        widget=forms.TextInput(attrs={"list": "vendors", "autocomplete": "off"}),
        **options,
    )


class PurchaseOrderForm(forms.Form):
    vendor = vendor_field()
    ordered_on = DayField(label="Date")
    office = forms.ModelChoiceField(Office.objects.all(), label="Office", required=False, empty_label="No office")
    reference = forms.CharField(label="Ref #(s)", max_length=200, required=False)
    parent_order = forms.CharField(
        label="For order", max_length=60, required=False, help_text="The sales order that asked for it"
    )


class PurchaseOrderLineForm(LineForm):
    code = LineItemCodeField(fills={"unit_cost": "est_unit_cost"})
    quantity = QuantityFormField(label="Quantity", above_zero=True)
    unit_cost = UnitCostFormField(label="Unit cost", min_value=0)
    id = forms.IntegerField(required=False, widget=forms.HiddenInput)


PurchaseOrderLines = forms.formset_factory(PurchaseOrderLineForm, formset=LineFormSet, extra=3)


class ReasonForm(forms.Form):
    reason = forms.CharField(label="Reason", max_length=500, help_text="It stands in the history of the document.")


class ReceiveAllForm(forms.Form):
    received_at = MomentField(label="Received")


class CloseForm(forms.Form):
    """The tick is asked for only where goods are here that no purchase bills."""

    is_unbilled_accepted = forms.BooleanField(
        label="Close it without their bill",
        required=False,
        help_text="Leave it open while a bill is expected: until then its goods stand at the order's unit cost.",
    )

    def __init__(self, *args: Any, is_asked: bool, **options: Any) -> None:
        super().__init__(*args, **options)
        if not is_asked:
            self.fields["is_unbilled_accepted"].widget = forms.HiddenInput()


# -- Shipments ---------------------------------------------------------------------------------------
class OverReceiptForm(forms.Form):
    """The tick is asked for only when more came than was ordered."""

    is_over_receipt_accepted = forms.BooleanField(
        label="Receive more than ordered", required=False, widget=forms.HiddenInput
    )

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if self.is_bound and self.data.get("is_over_receipt_accepted") == "on":
            self.ask_over_receipt()

    def ask_over_receipt(self) -> None:
        self.fields["is_over_receipt_accepted"].widget = forms.CheckboxInput()


class ReceiptForm(OverReceiptForm):
    received_at = MomentField(label="Received")
    reference = forms.CharField(
        label="Ref #(s)", max_length=200, required=False, help_text="The vendor's delivery note"
    )

    field_order = ("received_at", "reference", "is_over_receipt_accepted")


class VendorReturnForm(forms.Form):
    received_at = MomentField(label="Sent back")
    reference = forms.CharField(
        label="Ref #(s)", max_length=200, required=False, help_text="The vendor's return number"
    )
    is_replacement_expected = forms.BooleanField(
        label="A replacement is expected", required=False, help_text="The goods are on order again"
    )


class ShipmentLineForm(LineForm):
    """A line of an order, and how much of it comes or goes. Tracking is asked for only where a code has it."""

    code = CodeField(resolve=lambda text: text, label="Code", disabled=True, required=False)
    ordered = QuantityFormField(label="Ordered", disabled=True, required=False)
    there = QuantityFormField(label="Received", disabled=True, required=False)
    due = QuantityFormField(label="Still due", disabled=True, required=False)
    quantity = QuantityFormField(label="Receive now", required=False, min_value=0)
    manufacturer_lot = forms.CharField(label="Manufacturer lot", max_length=60, required=False)
    serials = forms.CharField(
        label="Serial numbers", required=False, help_text="One per line", widget=forms.Textarea(attrs={"rows": 2})
    )
    purchase_order_line = forms.IntegerField(widget=forms.HiddenInput)
    totals = ("quantity",)
    amount_of = ("", "")

    def __init__(self, *args: Any, shows: Iterable[str] = (), **options: Any) -> None:
        super().__init__(*args, **options)
        for name in {"due", "manufacturer_lot", "serials"} - set(shows):
            del self.fields[name]

    def is_blank(self) -> bool:
        # Without a quantity nothing comes of it, whatever else was typed there.
        typed = self["quantity"].data if self.is_bound else self["quantity"].value()
        return not str(typed or "").strip(" 0.")


class VendorReturnLineForm(ShipmentLineForm):
    quantity = QuantityFormField(label="Return now", required=False, min_value=0)


class FixedLines(LineFormSet):
    is_fixed = True


ReceiptLines = forms.formset_factory(ShipmentLineForm, formset=FixedLines)
VendorReturnLines = forms.formset_factory(VendorReturnLineForm, formset=FixedLines)


# -- Purchases ---------------------------------------------------------------------------------------
class OverCreditForm(forms.Form):
    """The tick is asked for only when the vendor credits more than went back."""

    is_over_credit_accepted = forms.BooleanField(
        label="Take a credit for more than went back", required=False, widget=forms.HiddenInput
    )

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if self.is_bound and self.data.get("is_over_credit_accepted") == "on":
            self.ask_over_credit()

    def ask_over_credit(self) -> None:
        self.fields["is_over_credit_accepted"].widget = forms.CheckboxInput()


class PurchaseForm(OverCreditForm):
    vendor = vendor_field()
    invoice_number = forms.CharField(label="Invoice #", max_length=60, required=False)
    invoiced_at = MomentField(label="Date")
    freight = MoneyFormField(label="Total freight charge", required=False, min_value=0)
    freight_by = forms.ChoiceField(label="Allocate by", choices=Purchase.FreightBy.choices)

    is_same_invoice_accepted = forms.BooleanField(label="Enter it once more", required=False, widget=forms.HiddenInput)

    field_order = (
        "vendor",
        "invoice_number",
        "invoiced_at",
        "freight",
        "freight_by",
        "is_same_invoice_accepted",
        "is_over_credit_accepted",
    )

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if self.is_bound and self.data.get("is_same_invoice_accepted") == "on":
            self.ask_same_invoice()

    def ask_same_invoice(self) -> None:
        """The tick is there only when the vendor's number stands on another purchase."""
        self.fields["is_same_invoice_accepted"].widget = forms.CheckboxInput()

    def clean_freight(self) -> Any:
        return self.cleaned_data["freight"] or 0


class PurchaseLineForm(LineForm):
    purchase_order_line = NamedLineField(
        label="Purchase order line",
        fills={"quantity": "quantity", "value": "value"},
        help_text="PO-60000/1",
    )
    quantity = QuantityFormField(label="Quantity", required=False)
    value = MoneyFormField(label="Value", required=False)
    totals = ("quantity", "value")
    amount_of = ("", "")
    wide = ("purchase_order_line",)


PurchaseLines = forms.formset_factory(PurchaseLineForm, formset=LineFormSet, extra=1)


def is_tracked(code: LineItemCode) -> bool:
    return code.is_serialized or code.is_tracked_by_manufacturer_lot
