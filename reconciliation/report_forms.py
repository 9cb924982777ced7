"""What reports are asked by; their addresses carry it, so a report can be kept and sent."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Final

from django import forms
from django.http import QueryDict

from inventory_site.document_forms import DayField, MomentField
from lots.periods import period_start
from reconciliation.journal_filtersets import period_of, periods_with_entries

COGS_BY: Final = (("code", "Code"), ("order", "Order"), ("office", "Office"))
COGS_KINDS: Final = (
    ("", "Everything"),
    ("COGS", "Cost of usage"),
    ("TRUE_UP", "True-ups"),
    ("ACCRUED_COGS", "Accrued COGS"),
    ("RECEIPT", "Variances"),
)
MONTHS: Final = (("3", "3 months"), ("6", "6 months"), ("12", "12 months"), ("24", "24 months"))


class ReportForm(forms.Form):
    """Every field has a default, so that the bare address is a report; what was not asked shows its default."""

    defaults: Mapping[str, str] = {}

    def __init__(self, data: QueryDict, *, defaults: Mapping[str, str] | None = None) -> None:
        given = data.copy()
        for name, value in (defaults or self.defaults).items():
            if not given.get(name):
                given[name] = value
        super().__init__(given)


class ValueForm(ReportForm):
    """Which day, and as known at which moment."""

    as_of = DayField(label="As of")
    known_at = MomentField(label="As it was known at", required=False, initial=None)
    only_differences = forms.BooleanField(label="Only where they part", required=False)

    def __init__(self, data: QueryDict, *, today: date) -> None:
        super().__init__(data, defaults={"as_of": today.isoformat()})


class CogsForm(ReportForm):
    """Up to which month, how many of them, and what the rows are."""

    until = forms.ChoiceField(label="Up to")
    months = forms.ChoiceField(label="Months", choices=MONTHS)
    by = forms.ChoiceField(label="Rows", choices=COGS_BY)
    kind = forms.ChoiceField(label="Amounts", required=False, choices=COGS_KINDS)

    def __init__(self, data: QueryDict, *, today: date) -> None:
        known = periods_with_entries() or [(f"{today:%Y-%m}",) * 2]
        super().__init__(data, defaults={"until": known[0][0], "months": "12", "by": "code"})
        self.fields["until"].choices = known  # type: ignore[attr-defined]  # a choice field

    def months_asked(self) -> Sequence[date]:
        """The first days of the months, oldest first."""
        month, months = period_of(self.cleaned_data["until"]), []
        for _ in range(int(self.cleaned_data["months"])):
            months.append(month)
            month = period_start(date.fromordinal(month.toordinal() - 1))
        return months[::-1]
