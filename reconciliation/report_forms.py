"""What reports are asked by; their addresses carry it, so a report can be kept and sent."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final

from django import forms

from inventory_site.document_forms import DayField, DayInput, MomentField
from lots.periods import period_start
from reconciliation.journal_filtersets import period_of, periods_with_entries

COGS_BY: Final = (("code", "Code"), ("order", "Order"), ("office", "Office"))
COGS_KINDS: Final = (
    ("", "Everything"),
    ("COGS", "Cost of usage"),
    ("TRUE_UP", "True-ups"),
    ("ACCRUED_COGS", "Accrued COGS"),
)
MONTHS: Final = (("3", "3 months"), ("6", "6 months"), ("12", "12 months"), ("24", "24 months"))


class ReportForm(forms.Form):
    """Every field has a default, so that the bare address is a report."""

    def asked(self) -> Mapping[str, Any]:
        """What was asked, with the defaults for what was not; the form must be valid."""
        return {
            name: self.cleaned_data.get(name) if self.cleaned_data.get(name) not in (None, "") else field.initial
            for name, field in self.fields.items()
        }


class ValueForm(ReportForm):
    """Which day, and as known at which moment."""

    as_of = DayField(label="As of", required=False, widget=DayInput())
    known_at = MomentField(label="As known at", required=False, initial=None)
    only_differences = forms.BooleanField(label="Only where they part", required=False)


class CogsForm(ReportForm):
    """Up to which month, how many of them, and what the rows are."""

    until = forms.ChoiceField(label="Up to", required=False)
    months = forms.ChoiceField(label="Months", required=False, choices=MONTHS, initial="12")
    by = forms.ChoiceField(label="Rows", required=False, choices=COGS_BY, initial="code")
    kind = forms.ChoiceField(label="Amounts", required=False, choices=COGS_KINDS, initial="")

    def __init__(self, data: Any, *, today: date) -> None:
        super().__init__(data)
        known = periods_with_entries() or [(f"{today:%Y-%m}",) * 2]
        self.fields["until"].choices = known  # type: ignore[attr-defined]  # a choice field
        self.fields["until"].initial = known[0][0]

    def months_asked(self) -> Sequence[date]:
        """The first days of the months, oldest first."""
        asked = self.asked()
        month, months = period_of(asked["until"]), []
        for _ in range(int(asked["months"])):
            months.append(month)
            month = period_start(date.fromordinal(month.toordinal() - 1))
        return months[::-1]
