"""The upload form. It looks at names and sizes only: what a file holds, the worker finds out."""

from collections.abc import Collection
from pathlib import Path
from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile

from reconciliation.importing.columns import ITEMS, KINDS, LOTS, USAGE

SUFFIXES = (".csv", ".xlsx", ".xz", ".gz")
_ACCEPTED = ",".join(SUFFIXES)


class ImportFileField(forms.FileField):
    """One file of a kind, by name and size."""

    def __init__(self, **options: Any) -> None:
        super().__init__(required=False, widget=forms.FileInput(attrs={"accept": _ACCEPTED}), **options)

    def validate(self, value: "UploadedFile[Any] | None") -> None:
        super().validate(value)
        if value is None:
            return
        if Path(value.name or "").suffix.lower() not in SUFFIXES:
            raise ValidationError("This is not a CSV, .xz, .gz or XLSX file. Save it as one of these.")
        if (value.size or 0) > settings.UPLOAD_LIMIT_BYTES:
            raise ValidationError(too_large())


class ImportForm(forms.Form):
    """Any of the three files. `too_large` names fields whose files were stopped on the way."""

    items = ImportFileField(label="Items", help_text="Line item codes with their estimated unit cost.")
    lots = ImportFileField(label="Lots", help_text="What came in: one row per inventory lot.")
    usage = ImportFileField(label="Usage", help_text="What was consumed or came back: one row per usage.")

    def __init__(self, *args: Any, too_large: Collection[str] = (), **options: Any) -> None:
        super().__init__(*args, **options)
        self.stopped = too_large

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        for name in self.stopped:
            if name in self.fields:
                self.add_error(name, too_large())
        if not self.errors and not any(cleaned.get(kind) for kind in KINDS):
            raise ValidationError("Choose at least one file.")
        return cleaned

    @property
    def files_by_kind(self) -> "dict[str, UploadedFile[Any]]":
        return {kind: self.cleaned_data[kind] for kind in (ITEMS, LOTS, USAGE) if self.cleaned_data.get(kind)}


def too_large() -> str:
    return (
        f"This file is larger than {settings.UPLOAD_LIMIT_BYTES // 1_000_000} MB. Pack it (.xz or .gz), or split it"
        " into several imports."
    )
