"""The form of the workbench: one quantity, what a unit costs, and perhaps what was counted."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from django import forms

from inventory_site.document_forms import MomentField, QuantityFormField, UnitCostFormField
from lots.accounts import default_account
from lots.models import Account, InventoryLot
from reconciliation.resolving import Line, Suggestion, lines_for

RELEASE_HELP = "The lots that it is tied to cannot serve it; then any lot may. The history of the usage keeps it."


class ResolveForm(forms.Form):
    """Bound or not, `lines()` gives the adjustment that it stands for."""

    quantity = QuantityFormField(label="Quantity", min_value=0)
    unit_cost = UnitCostFormField(label="Unit cost", min_value=0)
    count = QuantityFormField(
        label="Physical count", required=False, min_value=0, help_text="If it was counted: On Hand ends at it."
    )
    adjusted_at = MomentField(label="Date")
    account = forms.ModelChoiceField(
        Account.objects.none(), label="Account", empty_label=None, help_text="The other side of the value."
    )
    release = forms.BooleanField(label="Let tied usage use any lot", required=False, help_text=RELEASE_HELP)
    into_lot = forms.ModelChoiceField(
        InventoryLot.objects.none(), label="Goods go into", required=False, empty_label="A new lot"
    )

    def __init__(
        self, data: Any = None, *, suggestion: Suggestion, growable: Sequence[InventoryLot], now: datetime
    ) -> None:
        self.suggestion, self.growable = suggestion, growable
        opening = default_account("opening")
        self.starting_values: dict[str, Any] = {
            "quantity": suggestion.m,
            "unit_cost": suggestion.unit_cost,
            "count": None,
            "adjusted_at": now.replace(second=0, microsecond=0),
            "account": opening,
            "release": bool(suggestion.releases),
            "into_lot": None,
        }
        super().__init__(data, initial={**self.starting_values, "account": opening.pk}, label_suffix="")
        accounts = Account.objects.filter(is_active=True) | Account.objects.filter(pk=opening.pk)
        choice: Any = self.fields["account"]
        choice.queryset = accounts.order_by("number")
        self.fields["quantity"].help_text = (
            "Both lines: +m makes a lot, -m writes off." if suggestion.takes_two_lines else "Of the lot that is made."
        )
        self.fields["unit_cost"].help_text = f"From: {suggestion.cost_source}."
        if not suggestion.releases:
            del self.fields["release"]
        if growable:
            into: Any = self.fields["into_lot"]
            into.queryset = InventoryLot.objects.filter(pk__in=[lot.pk for lot in growable]).order_by("pk")
            into.label_from_instance = lambda lot: f"Lot {lot.number}"
        else:
            del self.fields["into_lot"]

    @property
    def values(self) -> dict[str, Any]:
        return {**self.starting_values, **self.cleaned_data} if self.is_bound else self.starting_values

    @property
    def releases(self) -> tuple[int, ...]:
        return self.suggestion.releases if self.values["release"] else ()

    def lines(self) -> tuple[Line, ...]:
        values = self.values
        count: Decimal | None = values["count"]
        is_proposed = values["unit_cost"] == self.suggestion.unit_cost
        return lines_for(
            quantity=values["quantity"],
            takes_two_lines=self.suggestion.takes_two_lines,
            unit_cost=values["unit_cost"],
            cost_source=self.suggestion.cost_source if is_proposed else "entered",
            change=None if count is None else count - self.suggestion.on_hand,
            into_lot=values["into_lot"],
        )
