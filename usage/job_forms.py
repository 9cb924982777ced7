"""Forms of jobs: the plan with its components, and what is asked when something happens in an open one."""

from decimal import Decimal
from typing import Any

from django import forms

from inventory_site.document_forms import (
    CodeField,
    LineForm,
    LineFormSet,
    MomentField,
    MoneyFormField,
    QuantityFormField,
)
from lots.forms import LineItemCodeField
from lots.models import Account, Office
from usage.models import JobCost


# -- The plan ------------------------------------------------------------------------------------------
class JobForm(forms.Form):
    """What is to be made. Of an open job the product and the office stay."""

    code = LineItemCodeField(label="Product")
    quantity = QuantityFormField(label="Quantity", above_zero=True)
    office = forms.ModelChoiceField(Office.objects.all(), label="Office", required=False, empty_label="None")
    started_at = MomentField(label="Date")
    reference = forms.CharField(label="Ref #(s)", max_length=200, required=False)

    def __init__(self, *args: Any, is_open: bool = False, **options: Any) -> None:
        super().__init__(*args, **options)
        if is_open:
            for name in ("code", "office"):
                self.fields[name].disabled = True


class ComponentForm(LineForm):
    """A component and how much of it the whole job needs; of an open job also what it has consumed."""

    totals = ()

    id = forms.IntegerField(required=False, widget=forms.HiddenInput)
    code = LineItemCodeField(label="Component")
    quantity = QuantityFormField(label="Quantity for the whole job", above_zero=True)
    consumed = QuantityFormField(label="Consumed", required=False, disabled=True)

    def __init__(self, *args: Any, is_open: bool = False, **options: Any) -> None:
        super().__init__(*args, **options)
        if not is_open:
            del self.fields["consumed"]


class ComponentFormSet(LineFormSet):
    """A pending job may still be without components; opening it asks for them."""

    min_lines = 0


JobComponentFormSet = forms.formset_factory(ComponentForm, formset=ComponentFormSet, extra=3)


# -- What happens in it --------------------------------------------------------------------------------
class ConsumeForm(forms.Form):
    consumed_at = MomentField(label="Date")


class ConsumeLineForm(LineForm):
    """One component of the job: how much of it is taken now. Below zero puts back."""

    totals = ()

    component = forms.IntegerField(widget=forms.HiddenInput)
    code = CodeField(resolve=lambda text: text, label="Component", disabled=True)
    planned = QuantityFormField(label="Planned", disabled=True)
    consumed = QuantityFormField(label="Consumed", disabled=True)
    on_hand = QuantityFormField(label="On Hand", disabled=True)
    quantity = QuantityFormField(label="Consume now", required=False, help_text="Below zero puts back")

    def clean_quantity(self) -> Decimal:
        return self.cleaned_data["quantity"] or Decimal(0)


class FixedLineFormSet(LineFormSet):
    """The components are given: none is added here."""

    is_fixed = True
    min_lines = 0


ConsumeFormSet = forms.formset_factory(ConsumeLineForm, formset=FixedLineFormSet)


class ProduceForm(forms.Form):
    quantity = QuantityFormField(label="Quantity produced", above_zero=True)
    produced_at = MomentField(label="Date")
    backflush = forms.BooleanField(
        label="Back-flush components",
        required=False,
        initial=True,
        help_text="Consumes what the units produced so far need of each component and have not consumed.",
    )


class CostForm(forms.Form):
    kind = forms.ChoiceField(label="Kind", choices=JobCost.Kind.choices)
    description = forms.CharField(label="Description", max_length=200, required=False)
    incurred_at = MomentField(label="Date")
    amount = MoneyFormField(label="Amount", help_text="Below zero takes off what was added.")
    account = forms.ModelChoiceField(Account.objects.filter(is_active=True), label="Credited to", empty_label=None)


class ReasonForm(forms.Form):
    reason = forms.CharField(label="Reason", max_length=200)
