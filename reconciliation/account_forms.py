"""Forms of the chart of accounts and of the periods."""

from django import forms

from lots.models import AccountKind
from reconciliation.periods import REASON_LENGTH


class AccountForm(forms.Form):
    """A new account: its number stays for ever, because records and files name it."""

    number = forms.CharField(
        label="Number", max_length=20, help_text="Its first digit usually tells the kind: 1 assets, 2 liabilities, ..."
    )
    name = forms.CharField(label="Name", max_length=120)
    kind = forms.ChoiceField(label="Kind", choices=AccountKind.choices)


class AccountEditForm(forms.Form):
    name = forms.CharField(label="Name", max_length=120)
    kind = forms.ChoiceField(label="Kind", choices=AccountKind.choices)
    is_active = forms.BooleanField(
        label="Active", required=False, help_text="Inactive accounts cannot be chosen any more; what is posted stays."
    )


class ReasonForm(forms.Form):
    """Why a period is closed or reopened."""

    reason = forms.CharField(label="Reason", max_length=REASON_LENGTH, required=False, help_text="Kept in the log.")
