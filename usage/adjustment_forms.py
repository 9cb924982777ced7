"""Forms of inventory adjustments: a header and lines for each type, and what a count sheet asks."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from inventory_site.document_forms import (
    AmountField,
    CodeField,
    LineForm,
    LineFormSet,
    MomentField,
    QuantityFormField,
    UnitCostFormField,
)
from lots.forms import LineItemCodeField, active_code
from lots.models import Account, InventoryLot, LineItemCode, Office
from usage.adjustment_lines import Role, Type
from usage.count_sheets import FILE_BYTES_AT_MOST, LINES_AT_MOST, read_counts

# What the other side of the value is called for those types that ask for it.
ACCOUNT_HELP = {
    Type.COUNT: "Charged with what is missing. Default: the adjustment account of the preferences.",
    Type.LOSS: "Charged with what is lost. Default: the adjustment account of the preferences.",
    Type.BEGINNING_BALANCE: "Credited with what the goods are worth. Default: the opening account of the preferences.",
}
DATE_LABEL = {Type.COUNT: "Counted at"}


class AdjustmentForm(forms.Form):
    """The header; the type decides which fields there are."""

    adjusted_at = MomentField(label="Date")
    office = forms.ModelChoiceField(Office.objects.all(), label="Office", required=False, empty_label="None")
    to_office = forms.ModelChoiceField(
        Office.objects.all(),
        label="To office",
        required=False,
        empty_label="The same office",
        help_text="Goods then change the bin only.",
    )
    account = forms.ModelChoiceField(
        Account.objects.filter(is_active=True).order_by("number"),
        label="Account",
        required=False,
        empty_label="The default account",
    )
    description = forms.CharField(label="Description", max_length=200, required=False)

    def __init__(self, *args: Any, adjustment_type: str, is_split: bool, **options: Any) -> None:
        super().__init__(*args, **options)
        self.adjustment_type = adjustment_type
        self.fields["office"].required = is_split
        if adjustment_type in DATE_LABEL:
            self.fields["adjusted_at"].label = DATE_LABEL[Type(adjustment_type)]
        if adjustment_type == Type.TRANSFER:
            self.fields["office"].label = "From office"
        else:
            del self.fields["to_office"]
        if adjustment_type in ACCOUNT_HELP:
            self.fields["account"].help_text = ACCOUNT_HELP[Type(adjustment_type)]
        else:
            del self.fields["account"]


def _lot_of(number: str) -> InventoryLot | None:
    return InventoryLot.objects.filter(number=number).first()


class LotField(CodeField):
    """The number of an inventory lot."""

    def __init__(self, **options: Any) -> None:
        messages = {"unknown": "There is no lot \u201c%(code)s\u201d."}
        super().__init__(**{"resolve": _lot_of, "error_messages": messages, **options})


def _bin(label: str = "Bin") -> forms.CharField:
    return forms.CharField(label=label, max_length=40, required=False)


class AdjustmentLineForm(LineForm):
    """A line of any type; each type has a class with the columns it needs. `shows_tracking`: some codes are tracked by
    serial number or manufacturer lot, so lines can name them.
    """

    code = LineItemCodeField()

    def __init__(self, *args: Any, shows_tracking: bool = True, **options: Any) -> None:
        super().__init__(*args, **options)
        if shows_tracking:
            self.fields["manufacturer_lot"] = forms.CharField(label="Manufacturer lot", max_length=60, required=False)
            self.fields["serials"] = forms.CharField(
                label="Serial numbers",
                max_length=20_000,
                required=False,
                widget=forms.Textarea(attrs={"rows": 1}),
                help_text="One per line",
            )


def counted_code(text: str) -> LineItemCode | None:
    """The code of this very name, active or not, because what is left of any is counted; or the active one."""
    return LineItemCode.objects.filter(code=text).first() or active_code(text)


class CountLineForm(AdjustmentLineForm):
    code = LineItemCodeField(resolve=counted_code)
    bin = _bin()
    system_balance = QuantityFormField(label="System balance", disabled=True, required=False)
    count = QuantityFormField(label="Count", min_value=0, required=False)
    quantity = QuantityFormField(label="Adjustment", required=False, help_text="Blank: count less balance")
    field_order = ("code", "bin", "manufacturer_lot", "serials", "system_balance", "count", "quantity")
    totals = ("count", "quantity")

    def is_blank(self) -> bool:
        """A line of a count sheet that nobody counted says nothing."""
        return super().is_blank() or not any(str(self[name].value() or "").strip() for name in ("count", "quantity"))

    def is_uncounted(self) -> bool:
        return not super().is_blank() and self.is_blank()


class LossLineForm(AdjustmentLineForm):
    bin = _bin()
    quantity = QuantityFormField(label="Quantity lost", above_zero=True)


class TransferLineForm(AdjustmentLineForm):
    bin = _bin("From bin")
    to_bin = _bin("To bin")
    quantity = QuantityFormField(label="Quantity", above_zero=True)


class AssemblyLineForm(AdjustmentLineForm):
    role = forms.ChoiceField(label="Part", choices=[(Role.COMPONENT, "Component"), (Role.PRODUCT, "Product")])
    bin = _bin()
    quantity = QuantityFormField(label="Quantity", above_zero=True)
    field_order: Sequence[str] = ("role", "code", "bin", "quantity")
    totals: Sequence[str] = ()


class DivisionLineForm(AssemblyLineForm):
    role = forms.ChoiceField(
        label="Part",
        choices=[(Role.COMPONENT, "Item that is split"), (Role.PRODUCT, "Product")],
        initial=Role.PRODUCT,
    )
    share = AmountField(
        4, label="Share of cost, %", min_value=0, max_value=100, required=False, help_text="Blank: by estimated cost"
    )
    field_order = ("role", "code", "bin", "quantity", "share")
    totals = ("share",)


class BeginningBalanceLineForm(AdjustmentLineForm):
    bin = _bin()
    quantity = QuantityFormField(label="Quantity", help_text="Below zero: written off")
    unit_cost = UnitCostFormField(
        label="Unit cost", min_value=0, required=False, help_text="Blank: the estimate, or the newest lot\u2019s"
    )
    into_lot = LotField(label="Into lot", required=False, help_text="Blank: a new one")
    field_order = ("code", "bin", "quantity", "unit_cost", "into_lot")


class AdjustmentFormSet(LineFormSet):
    max_lines = LINES_AT_MOST


LINE_FORMS: dict[str, type[AdjustmentLineForm]] = {
    Type.COUNT: CountLineForm,
    Type.LOSS: LossLineForm,
    Type.TRANSFER: TransferLineForm,
    Type.ASSEMBLY: AssemblyLineForm,
    Type.DIVISION: DivisionLineForm,
    Type.BEGINNING_BALANCE: BeginningBalanceLineForm,
}
FORMSETS = {kind: forms.formset_factory(form, formset=AdjustmentFormSet, extra=3) for kind, form in LINE_FORMS.items()}


class VoidForm(forms.Form):
    reason = forms.CharField(label="Reason", max_length=200, required=False)


class SheetForm(forms.Form):
    """What a count sheet is about. Read from the address, so a blank form is a sheet of everything."""

    office = forms.ModelChoiceField(Office.objects.all(), required=False, empty_label="Every office")
    bin = forms.ChoiceField(required=False)
    category = forms.ChoiceField(required=False)
    balance = forms.BooleanField(label="With system balance", required=False)

    def __init__(self, *args: Any, bins: list[str], **options: Any) -> None:
        super().__init__(*args, **options)
        named = LineItemCode.objects.exclude(category="").order_by("category").distinct()
        categories = list(named.values_list("category", flat=True))
        for name, empty, values in (("bin", "Every bin", bins), ("category", "Every category", categories)):
            field = self.fields[name]
            assert isinstance(field, forms.ChoiceField)  # noqa: S101  (declared above; this tells the type checker)
            field.choices = [("", empty), *((value, value) for value in values)]


class CountUploadForm(forms.Form):
    """A counted sheet, as CSV."""

    office = forms.ModelChoiceField(Office.objects.all(), label="Office", required=False, empty_label="None")
    adjusted_at = MomentField(label="Counted at")
    file = forms.FileField(
        label="Counted sheet",
        help_text="A CSV file, as the count sheet gives one. Its first row names the columns: code, count and, if you"
        " like, bin, manufacturer lot, serial numbers and adjustment.",
        widget=forms.FileInput(attrs={"accept": ".csv,.txt,text/csv"}),
    )

    def clean_file(self) -> list[dict[str, str]]:
        """The rows of the file, as texts."""
        file = self.cleaned_data["file"]
        if file.size is not None and file.size > FILE_BYTES_AT_MOST:
            raise ValidationError(
                f"The file is larger than {FILE_BYTES_AT_MOST // 1_000_000} MB: that is no count sheet."
            )
        return read_counts(file.read())
