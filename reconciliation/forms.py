"""Forms of this app's pages."""

from collections.abc import Sequence

from django import forms

from lots.models import CogsMethod, LineItemCode

CODES_LIMIT = 500
COMPARE = "COMPARE"


class CodesField(forms.CharField):
    """Line item codes, one per line; commas do as well, unless a code of that name has one in it."""

    widget = forms.Textarea(attrs={"rows": 3, "spellcheck": "false", "autocomplete": "off"})

    def to_python(self, value: object) -> list[str]:  # type: ignore[override]  # a list of what was typed
        lines = [line.strip() for line in str(super().to_python(value) or "").replace("\x00", "").splitlines()]
        whole = set(LineItemCode.objects.filter(code__in=[line for line in lines if "," in line]).values_list("code"))
        codes: list[str] = []
        for line in lines:
            codes += [line] if (line,) in whole else [part.strip() for part in line.split(",")]
        return list(dict.fromkeys(filter(None, codes)))

    def validate(self, value: Sequence[str]) -> None:
        super().validate(value)
        if len(value) > CODES_LIMIT:
            raise forms.ValidationError(f"Name at most {CODES_LIMIT} codes, or run everything.", code="too_many")


class RunForm(forms.Form):
    codes = CodesField(
        label="Only these codes",
        required=False,
        help_text="One per line. Leave it empty to run everything that has open work.",
    )


class PreviewForm(forms.Form):
    codes = CodesField(
        label="Only these codes", required=False, help_text="One per line. Leave it empty for everything with work."
    )
    method = forms.ChoiceField(
        label="COGS method",
        required=False,
        choices=[
            ("", "As in Preferences"),
            *((value, f"What if {label}") for value, label in CogsMethod.choices),
            (COMPARE, "FIFO and LIFO side by side, whole history"),
        ],
    )


class PreferenceForm(forms.Form):
    """One preference at a time: its name and the value wanted."""

    name = forms.CharField()
    value = forms.CharField(required=False)
