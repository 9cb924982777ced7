"""Forms of offices."""

from django import forms


class OfficeEditForm(forms.Form):
    """What can change of an office."""

    name = forms.CharField(label="Name", max_length=200, required=False)


class OfficeForm(OfficeEditForm):
    """A new office: its code stays for ever, because records and files name it."""

    code = forms.CharField(label="Office", max_length=20, help_text="The abbreviation that lists show, such as AI.")
    field_order = ("code", "name")
