"""The form of the workbench: one quantity, what a unit costs, where, and perhaps what was counted."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from django import forms

from inventory_site.document_forms import MomentField, QuantityFormField, UnitCostFormField
from inventory_site.money import quantity_text, unit_cost_text
from lots.accounts import default_account, other_sides
from lots.models import Account, InventoryLot, Office
from reconciliation.resolution_preview import on_hand_at
from reconciliation.suggesting import Suggestion, Tied, lines_for, unit_cost_of_lot
from reconciliation.whatif import ZERO, Line
from usage.adjustment_lines import serial_numbers

RELEASE_HELP = (
    "A run cannot serve it from its own lots. Posting notes it in the history of the usage. Ticked unless more is due"
    " for its lots. Instead, goods can be entered into the lot that it is tied to."
)


class ResolveForm(forms.Form):
    """Bound or not, `lines()` gives the adjustment that it stands for."""

    quantity = QuantityFormField(label="Quantity", min_value=0)
    unit_cost = UnitCostFormField(label="Unit cost", min_value=0, required=False)
    office = forms.ModelChoiceField(Office.objects.none(), label="Office", required=False, empty_label="No office")
    count = QuantityFormField(label="Physical count", required=False, min_value=0)
    adjusted_at = MomentField(label="Date")
    account = forms.ModelChoiceField(
        Account.objects.none(), label="Account", empty_label=None, help_text="The other side of the value."
    )
    manufacturer_lot = forms.CharField(label="Manufacturer lot", required=False, max_length=60, strip=True)
    serials = forms.CharField(
        label="Serial numbers",
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Of the units that come in, one per line. A write-off takes the first of them out again.",
    )
    release = forms.MultipleChoiceField(
        label="Let tied usage use any lot",
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=RELEASE_HELP,
    )

    def __init__(self, data: Any = None, *, suggestion: Suggestion, now: datetime) -> None:
        self.suggestion = suggestion
        self.growable = {lot.pk: lot for tied in suggestion.tied for lot in tied.to_grow}
        opening = default_account("opening")
        self.starting_values: dict[str, Any] = {
            "quantity": suggestion.m,
            "unit_cost": suggestion.unit_cost,
            "office": suggestion.office,
            "count": None,
            "adjusted_at": now.replace(second=0, microsecond=0),
            "account": opening,
            "release": [str(usage) for usage in suggestion.releases],
        }
        initial = {**self.starting_values, "account": opening.pk, "office": getattr(suggestion.office, "pk", None)}
        super().__init__(data, initial=initial, label_suffix="")
        self._offer_accounts(opening)
        self._offer_offices()
        self._offer_what_is_tied(suggestion.tied)
        self.fields["quantity"].help_text = (
            "Both lines: +m makes a lot, -m writes off." if suggestion.takes_two_lines else "Of the lot that is made."
        )
        self.fields["unit_cost"].required = bool(suggestion.m)
        self.fields["unit_cost"].help_text = f"From: {suggestion.cost_source}."
        code = suggestion.pool.code
        if not code.is_tracked_by_manufacturer_lot:
            del self.fields["manufacturer_lot"]
        if not code.is_serialized:
            del self.fields["serials"]

    def _offer_accounts(self, opening: Account) -> None:
        choice: Any = self.fields["account"]
        choice.queryset = (other_sides() | Account.objects.filter(pk=opening.pk)).order_by("number")

    def _offer_offices(self) -> None:
        """Where offices are apart, the pool's is the only one."""
        proposed, at = self.suggestion.office, ""
        if self.suggestion.pool.office_id is not None or not (proposed or Office.objects.exists()):
            del self.fields["office"]
        else:
            choice: Any = self.fields["office"]
            choice.queryset = Office.objects.order_by("code")
            choice.required = proposed is not None
            choice.help_text = "Whose On Hand this corrects."
            at = " there"
        self.fields["count"].help_text = f"If it was counted: On Hand{at} ends at it."

    def _offer_what_is_tied(self, tied: Iterable[Tied]) -> None:
        choice: Any = self.fields["release"]
        choice.choices = [
            (str(one.usage.pk), f"{str(one).capitalize()}{self._due_text(one)}") for one in tied if one.may_be_let_go
        ]
        if not choice.choices:
            del self.fields["release"]
        # They are not missing a second time; what somebody enters instead of the proposal stays.
        less = "" if self.suggestion.takes_two_lines else " The proposed quantity becomes less by them."
        for pk, lot in self.growable.items():
            cost = f" at {unit_cost_text(unit_cost_of_lot(lot))}, as before" if lot.quantity_received else ""
            self.fields[_into(pk)] = QuantityFormField(
                label=f"Into lot {lot.number}",
                required=False,
                min_value=0,
                help_text=f"Units that it lacks{cost}.{less}",
            )

    @staticmethod
    def _due_text(tied: Tied) -> str:
        return f": {quantity_text(tied.due)} more are due for it" if tied.due else ""

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if not self.errors and self.lacks_cost:
            self.add_error("unit_cost", "Enter what a unit costs: there is no estimate and no lot to take it from.")
        return cleaned

    @property
    def values(self) -> dict[str, Any]:
        return {**self.starting_values, **self.cleaned_data} if self.is_bound else self.starting_values

    @property
    def lacks_cost(self) -> bool:
        """Whether something would come in at a cost that nobody said."""
        return self.values["unit_cost"] is None and any(
            line.quantity > 0 and not (line.into_lot and line.into_lot.quantity_received) for line in self.lines()
        )

    @property
    def releases(self) -> tuple[int, ...]:
        return tuple(sorted(int(usage) for usage in self.values["release"]))

    @property
    def chosen_office(self) -> Office | None:
        chosen: Office | None = self.values["office"]
        return chosen

    @property
    def into_lots(self) -> list[Any]:
        """The fields of lots that tied usage names, for the page."""
        return [self[_into(pk)] for pk in self.growable]

    def lines(self) -> tuple[Line, ...]:
        values = self.values
        count: Decimal | None = values["count"]
        is_proposed = values["unit_cost"] == self.suggestion.unit_cost
        grown = [self._into_lot(lot, values.get(_into(pk)) or ZERO) for pk, lot in self.growable.items()]
        grown = [line for line in grown if line.quantity]
        into = sum((line.quantity for line in grown), ZERO)
        quantity: Decimal = values["quantity"]
        if quantity == self.suggestion.m and not self.suggestion.takes_two_lines:
            quantity = max(quantity - into, ZERO)
        lines = lines_for(
            quantity=quantity,
            takes_two_lines=self.suggestion.takes_two_lines,
            unit_cost=values["unit_cost"] or ZERO,
            cost_source=self.suggestion.cost_source if is_proposed else "entered",
            change=None if count is None else count - into - on_hand_at(self.suggestion.pool, self.chosen_office),
        )
        return self._tracked((*grown, *lines))

    def _into_lot(self, lot: InventoryLot, quantity: Decimal) -> Line:
        if lot.quantity_received:
            return Line(quantity, unit_cost_of_lot(lot), f"what lot {lot.number} cost so far", lot)
        return Line(quantity, self.values["unit_cost"] or ZERO, "entered", lot)

    def _tracked(self, lines: tuple[Line, ...]) -> tuple[Line, ...]:
        """The same with manufacturer lot and serial numbers: each + line takes its number of them, in their order."""
        if not {"manufacturer_lot", "serials"} & self.fields.keys():
            return lines
        name: str = self.values.get("manufacturer_lot", "")
        serials = serial_numbers(self.values.get("serials", ""))
        taken, tracked = 0, []
        for line in lines:
            size = int(abs(line.quantity))
            first = taken if line.quantity > 0 else 0
            taken += size if line.quantity > 0 else 0
            tracked.append(replace(line, manufacturer_lot=name, serials="\n".join(serials[first : first + size])))
        # What is too many is refused with the line that names it.
        if tracked and len(serials) > taken:
            tracked[0] = replace(tracked[0], serials="\n".join([tracked[0].serials, *serials[taken:]]))
        return tuple(tracked)


def _into(lot: int) -> str:
    return f"into_{lot}"
