"""A document made of the kit alone: an office is the header, usages are its lines. No app's pages are needed."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.urls import path

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
from inventory_site.documents import DocumentActionView, DocumentFormView, LineError
from lots.forms import LineItemCodeField
from lots.models import Office
from tests.site.sample import urlpatterns as sample_urlpatterns
from usage.models import InventoryUsage
from usage.services import usage_record


class HeaderForm(forms.Form):
    code = forms.CharField(label="Office", max_length=20)
    name = forms.CharField(label="Name", required=False)
    used_at = MomentField(label="Moment")
    due_on = DayField(label="Due", required=False)
    freight = MoneyFormField(label="Freight", required=False, min_value=0, help_text="Shared out over the lines")
    terms = forms.ChoiceField(label="Terms", choices=[("30", "Net 30"), ("0", "At once")], required=False)
    notes = forms.CharField(label="Notes", required=False, widget=forms.Textarea(attrs={"rows": 2}))


class SampleLineForm(LineForm):
    code = LineItemCodeField(fills={"unit_cost": "est_unit_cost"})
    description = forms.CharField(label="Description", required=False)
    quantity = QuantityFormField(label="Quantity", above_zero=True)
    unit_cost = UnitCostFormField(label="Unit cost", required=False, min_value=0)
    reference = forms.CharField(required=False, widget=forms.HiddenInput)


class SampleEditView(DocumentFormView):
    model = Office
    form_class = HeaderForm
    formset_class = forms.formset_factory(SampleLineForm, formset=LineFormSet, extra=3)
    permission_required = "lots.change_office"
    list_url_name = "sample"
    list_label = "Sample"
    noun = "sample order"
    lines_note = "What is used up in this office."

    def why_not(self, record: Office | None) -> str:
        return "This one is closed." if record is not None and record.code == "CLOSED" else ""

    def initial(self, record: Office | None) -> dict[str, Any]:
        if record is not None:
            return {"code": record.code, "name": record.name}
        return {"code": self.request.GET.get("office", "")}

    def initial_lines(self, record: Office | None) -> list[dict[str, Any]]:
        usages = InventoryUsage.objects.filter(office=record).select_related("code") if record else ()
        return [{"code": usage.code, "quantity": usage.quantity, "reference": usage.reference} for usage in usages]

    def save(self, record: Office | None, header: dict[str, Any], lines: list[dict[str, Any]]) -> Office:
        office = record or Office(code=header["code"])
        office.name = header["name"]
        office.full_clean()
        office.save()
        for index, line in enumerate(lines):
            if line["quantity"] == 13:
                raise LineError(index, "Thirteen cannot be used.", field="quantity")
            if line["quantity"] == 14:
                raise LineError(index, "This line cannot be used.")
            if line["quantity"] == 15:
                raise ValidationError("Fifteen is too many for this office.")
            usage_record(
                code=line["code"],
                quantity=line["quantity"],
                used_at=header["used_at"],
                office=office,
                reference=f"line {line['position']}",
            )
        return office


class FixedLineForm(LineForm):
    code = CodeField(resolve=lambda text: text, label="Code", disabled=True)
    ordered = QuantityFormField(label="Ordered", disabled=True, help_text="On the order")
    quantity = QuantityFormField(label="Received now", required=False)
    usage = forms.IntegerField(widget=forms.HiddenInput)
    totals = ("ordered", "quantity")


class FixedLineFormSet(LineFormSet):
    is_fixed = True


class FixedView(SampleEditView):
    """Lines that are given; only a quantity is asked of each."""

    formset_class = forms.formset_factory(FixedLineForm, formset=FixedLineFormSet)

    def initial_lines(self, record: Office | None) -> list[dict[str, Any]]:
        return [
            {"code": usage.code, "ordered": usage.quantity, "usage": usage.pk}
            for usage in InventoryUsage.objects.filter(office=record).select_related("code").order_by("pk")
        ]

    def save(self, record: Office | None, header: dict[str, Any], lines: list[dict[str, Any]]) -> Office:
        assert record is not None
        record.name = ", ".join(f"{line['code']} {line['quantity']} of {line['ordered']}" for line in lines)
        record.save()
        return record


class RenameForm(forms.Form):
    name = forms.CharField(label="New name")


class RenameView(DocumentActionView):
    model = Office
    form_class = RenameForm
    permission_required = "lots.change_office"
    action_label = "Rename"

    def get_text(self, record: Office) -> str:
        return f"Office {record} gets another name."

    def why_not(self, record: Office) -> str:
        return "This one is closed." if record.code == "CLOSED" else ""

    def initial(self, record: Office) -> dict[str, Any]:
        return {"name": record.name}

    def perform(self, record: Office, cleaned: dict[str, Any]) -> None:
        record.name = cleaned["name"]
        record.save()
        if record.name == "Nowhere":
            raise ValidationError("No office is nowhere. Nothing was changed.")


class CountView(DocumentActionView):
    """An action without a form."""

    model = Office
    action_label = "Count"

    def perform(self, record: Office, cleaned: dict[str, Any]) -> InventoryUsage | None:
        if record.code == "EMPTY":
            raise ValidationError("There is nothing to count.")
        first = InventoryUsage.objects.filter(office=record).order_by("pk").first()
        if first is not None:
            usage_record(code=first.code, quantity=Decimal(1), used_at=datetime(2026, 3, 2, tzinfo=UTC), office=record)
        return first


urlpatterns = [
    path("document/", SampleEditView.as_view()),
    path("document/<int:pk>/", SampleEditView.as_view()),
    path("document/<int:pk>/fixed/", FixedView.as_view()),
    path("document/<int:pk>/rename/", RenameView.as_view()),
    path("document/<int:pk>/count/", CountView.as_view()),
    *sample_urlpatterns,
]
