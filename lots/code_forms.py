"""Forms of line item codes."""

from typing import Any

from django import forms

from inventory_site.document_forms import QuantityFormField, UnitCostFormField
from lots.item_master import ACCOUNT_FIELDS
from lots.models import Account, LineItemCode, RecordType


class AccountNumberField(forms.ChoiceField):
    """An active account by number, or none: then the default account of the preferences holds."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"required": False, **options})

    def offer(self, present: str) -> None:
        """Offer the active accounts, and the present one whatever it is."""
        choices = [(account.number, str(account)) for account in Account.objects.filter(is_active=True)]
        if present and present not in dict(choices):
            choices.insert(0, (present, f"{present} (inactive)"))
        self.choices = [("", "The default account"), *choices]


class CodeFields(forms.Form):
    """What can change of a code."""

    description = forms.CharField(label="Description", max_length=300, required=False)
    status = forms.ChoiceField(
        label="Status",
        choices=LineItemCode.Status.choices,
        initial=LineItemCode.Status.ACTIVE,
        help_text="Inactive codes cannot be chosen any more.",
    )
    est_unit_cost = UnitCostFormField(
        label="Est unit cost", min_value=0, initial=0, help_text="Stands in for the cost of what is unallocated."
    )
    category = forms.CharField(label="Category", max_length=60, required=False)
    unit_weight = QuantityFormField(
        label="Unit weight", min_value=0, initial=0, help_text="Freight can be spread by it."
    )
    account_revenue = AccountNumberField(label="Revenue account")
    account_cost = AccountNumberField(label="Cost account")
    account_inventory = AccountNumberField(label="Inventory account")
    is_serialized = forms.BooleanField(
        label="Serialized", required=False, help_text="Each unit has a serial number. Stays once records name the code."
    )
    is_tracked_by_manufacturer_lot = forms.BooleanField(
        label="Track by manufacturer lot",
        required=False,
        help_text="Every movement names the maker's lot. Stays once records name the code.",
    )

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        for name in ACCOUNT_FIELDS:
            field = self.fields[name]
            assert isinstance(field, AccountNumberField)  # noqa: S101  (declared above; tells the type checker)
            field.offer(str(self.initial.get(name) or ""))


class CodeForm(CodeFields):
    """A new code: its name and record type stay for ever."""

    code = forms.CharField(label="Code", max_length=60)
    record_type = forms.ChoiceField(
        label="Record type", choices=RecordType.choices, initial=RecordType.INVENTORIED_ITEM
    )
    field_order = ("code", "description", "record_type")


class CodeEditForm(CodeFields):
    """A code that is there: what its records rely on is shown and cannot change."""

    def __init__(self, *args: Any, is_referenced: bool, **options: Any) -> None:
        super().__init__(*args, **options)
        for name in ("is_serialized", "is_tracked_by_manufacturer_lot"):
            self.fields[name].disabled = is_referenced
