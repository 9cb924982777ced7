"""Forms of orders and shipments."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from inventory_site.document_forms import (
    CodeField,
    LineForm,
    LineFormSet,
    MomentField,
    QuantityFormField,
    UnitCostFormField,
)
from lots.forms import LineItemCodeField
from lots.models import Office
from usage.demand import due, net_shipped
from usage.models import Order, OrderLine, Shipment


# -- Orders ------------------------------------------------------------------------------------------
class OrderForm(forms.Form):
    customer = forms.CharField(label="Customer", max_length=120)
    ordered_at = MomentField(label="Date")
    office = forms.ModelChoiceField(label="Office", queryset=Office.objects.all(), required=False, empty_label="None")
    department = forms.CharField(label="Department", max_length=60, required=False)
    reference = forms.CharField(label="Ref #(s)", max_length=200, required=False)


class OrderLineForm(LineForm):
    code = LineItemCodeField()
    quantity = QuantityFormField(label="Quantity", above_zero=True)
    supply = forms.ChoiceField(label="Supply", choices=OrderLine.Supply.choices, initial=OrderLine.Supply.STOCK)
    shipped = QuantityFormField(label="Shipped", disabled=True, required=False)
    id = forms.IntegerField(required=False, widget=forms.HiddenInput)

    totals = ("quantity", "shipped")
    wide = ("code",)


OrderLineFormSet = forms.formset_factory(OrderLineForm, formset=LineFormSet, extra=3)


class ReasonForm(forms.Form):
    reason = forms.CharField(label="Reason", max_length=200, required=False, help_text="Noted in the history.")


class ProcureForm(forms.Form):
    vendor = forms.CharField(label="Vendor", max_length=120)
    unit_cost = UnitCostFormField(label="Unit cost", min_value=0)


# -- Shipments ---------------------------------------------------------------------------------------
class ShipmentForm(forms.Form):
    shipped_at = MomentField(label="Date")
    office = forms.ModelChoiceField(label="Office", queryset=Office.objects.all(), required=False, empty_label="None")
    reference = forms.CharField(label="Ref #(s)", max_length=200, required=False)


def order_of_number(text: str) -> Order | None:
    return Order.objects.filter(number=text.removeprefix("#").strip()).first()


class ShipmentLineForm(LineForm):
    """A line names its order and the code; which of the order's lines that is, is found here."""

    order = CodeField(
        resolve=order_of_number,
        label="Order",
        error_messages={"unknown": "There is no order “%(code)s”."},
    )
    code = LineItemCodeField()
    at_most = QuantityFormField(label="Due", disabled=True, required=False)
    quantity = QuantityFormField(label="Quantity", above_zero=True)
    manufacturer_lot = forms.CharField(label="Manufacturer lot", max_length=60, required=False)
    serials = forms.CharField(label="Serial numbers", required=False)
    order_line = forms.IntegerField(required=False, widget=forms.HiddenInput)

    totals = ("quantity",)
    wide = ("serials",)

    def __init__(self, *args: Any, kind: str = Shipment.Kind.OUTGOING, **options: Any) -> None:
        super().__init__(*args, **options)
        self.kind = kind
        if kind == Shipment.Kind.INCOMING_RETURN:
            self.fields["at_most"].label = "Shipped"

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        order, code = cleaned.get("order"), cleaned.get("code")
        if order is None or code is None:
            return cleaned
        lines = list(order.lines.filter(code=code).select_related("code").order_by("position", "pk"))
        if not lines:
            raise ValidationError(f"Order {order} has no line of {code}.", code="no_such_line")
        known = next((line for line in lines if line.pk == cleaned.get("order_line")), None)
        cleaned["order_line"] = known or next((line for line in lines if at_most(line, self.kind)), lines[0])
        return cleaned


def at_most(line: OrderLine, kind: str) -> Any:
    """What can be shipped of a line, or come back."""
    return net_shipped(line) if kind == Shipment.Kind.INCOMING_RETURN else due(line)


ShipmentLineFormSet = forms.formset_factory(ShipmentLineForm, formset=LineFormSet, extra=2)


class ShipForm(forms.Form):
    """Asks only where more would leave than is due, or there of a manufacturer lot: `over` says what."""

    is_over_shipment_accepted = forms.BooleanField(label="Ship it all the same")

    def __init__(self, *args: Any, over: str = "", **options: Any) -> None:
        super().__init__(*args, **options)
        if over:
            self.fields["is_over_shipment_accepted"].help_text = over
        else:
            del self.fields["is_over_shipment_accepted"]
