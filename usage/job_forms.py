"""Forms of jobs: the plan with its components, and what is asked when something happens in an open one."""

from collections.abc import Collection, Sequence
from decimal import Decimal
from typing import Any

from django import forms
from django.forms.boundfield import BoundField
from django.utils.html import format_html

from inventory_site.document_forms import (
    CodeField,
    LineForm,
    LineFormSet,
    MomentField,
    MoneyFormField,
    QuantityFormField,
)
from inventory_site.money import quantity_text
from lots.forms import LineItemCodeField
from lots.models import Account, LineItemCode, Office
from usage.job_units import LOTS, NAME_LENGTH, SERIALS, component_field
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


class BackflushField(forms.CharField):
    """Which units of a component back-flush takes; without it, or where enough is consumed, none are named."""

    optional_text = "with Back-flush"


def serials_field(
    label: str = "Serial numbers",
    *,
    required: bool = False,
    kind: type[forms.CharField] = forms.CharField,
    **options: Any,
) -> forms.CharField:
    area = forms.Textarea(attrs={"rows": 1})
    return kind(label=label, max_length=20_000, required=required, widget=area, **options)


def lots_field(
    label: str = "Manufacturer lots", *, kind: type[forms.CharField] = forms.CharField, **options: Any
) -> forms.CharField:
    return kind(label=label, max_length=2_000, required=False, **options)


SERIALS_HELP = "One per line, or with commas between"
LOTS_HELP = "A-1, or A-1 = 6, A-2 = 4"


class ConsumeLineForm(LineForm):
    """One component of the job: how much of it is taken now. Below zero puts back.

    The columns for units are there where the job has a component that must name them; `there` says, per component,
    which units are on hand, `taken` which can be put back.
    """

    totals = ()

    component = forms.IntegerField(widget=forms.HiddenInput)
    code = CodeField(resolve=lambda text: text, label="Component", disabled=True)
    planned = QuantityFormField(label="Planned", disabled=True)
    consumed = QuantityFormField(label="Consumed", disabled=True)
    on_hand = QuantityFormField(label="On Hand", disabled=True)
    quantity = QuantityFormField(label="Consume now", required=False, help_text="Below zero puts back")
    serials = serials_field(help_text=SERIALS_HELP)
    manufacturer_lots = lots_field(help_text=LOTS_HELP)

    wide = ("serials", "manufacturer_lots")
    unit_minor = ("planned", "on_hand")

    def __init__(self, *args: Any, tracking: Collection[str] = (), **options: Any) -> None:
        super().__init__(*args, **options)
        for name in {SERIALS, LOTS} - set(tracking):
            del self.fields[name]
        # Only beside the columns for units there is too little room on a narrow page.
        self.minor = self.unit_minor if tracking else ()
        if (code := self.initial.get("code")) is not None:
            for name, is_asked in ((SERIALS, code.is_serialized), (LOTS, code.is_tracked_by_manufacturer_lot)):
                if name in self.fields:
                    self.fields[name].disabled = not is_asked

    def hint_of(self, bound: BoundField) -> str:
        there = self.initial.get("there")
        if there is not None and bound.name in {SERIALS, LOTS} and not bound.field.disabled:
            return format_html("{} {}", there.hint(bound.name), self.initial["taken"].taken_hint(bound.name))
        return super().hint_of(bound)

    def clean_quantity(self) -> Decimal:
        return self.cleaned_data["quantity"] or Decimal(0)


class FixedLineFormSet(LineFormSet):
    """The components are given: none is added here."""

    is_fixed = True
    min_lines = 0


ConsumeFormSet = forms.formset_factory(ConsumeLineForm, formset=FixedLineFormSet)


class ProduceForm(forms.Form):
    """What came out, which units of the product it is, and of the components those that must be named."""

    quantity = QuantityFormField(label="Quantity produced", above_zero=True)
    produced_at = MomentField(label="Date")
    backflush = forms.BooleanField(
        label="Back-flush components",
        required=False,
        initial=True,
        help_text="Consumes what the units produced so far need of each component and have not consumed.",
    )

    def __init__(self, *args: Any, product: LineItemCode, components: Sequence[Any] = (), **options: Any) -> None:
        """`components`: those whose units must be named, each with `short`, what back-flushing will take as it stands
        now, and `there`, which units are on hand.
        """
        super().__init__(*args, **options)
        fields: dict[str, forms.Field] = {}
        if product.is_serialized:
            fields[SERIALS] = serials_field(f"Serial numbers of {product}", required=True, help_text=SERIALS_HELP)
        if product.is_tracked_by_manufacturer_lot:
            fields["manufacturer_lot"] = forms.CharField(label=f"Manufacturer lot of {product}", max_length=NAME_LENGTH)
        for component in components:
            code, there = component.code, component.there
            needed = f"Needed for all that is due: {quantity_text(component.short)}."
            if code.is_serialized:
                fields[component_field(component.pk, SERIALS)] = serials_field(
                    f"Serial numbers of {code} consumed",
                    kind=BackflushField,
                    help_text=format_html("{} {}", needed, there.hint(SERIALS)),
                )
            if code.is_tracked_by_manufacturer_lot:
                fields[component_field(component.pk, LOTS)] = lots_field(
                    f"Manufacturer lots of {code} consumed",
                    kind=BackflushField,
                    help_text=format_html("{} Name {}. {}", needed, LOTS_HELP, there.hint(LOTS)),
                )
        self.fields.update(fields)
        self.order_fields(["quantity", SERIALS, "manufacturer_lot", "produced_at", "backflush"])


class CostForm(forms.Form):
    kind = forms.ChoiceField(label="Kind", choices=JobCost.Kind.choices)
    description = forms.CharField(label="Description", max_length=200, required=False)
    incurred_at = MomentField(label="Date")
    amount = MoneyFormField(label="Amount", help_text="Below zero takes off what was added.")
    account = forms.ModelChoiceField(Account.objects.filter(is_active=True), label="Credited to", empty_label=None)


class ReasonForm(forms.Form):
    reason = forms.CharField(label="Reason", max_length=200)
