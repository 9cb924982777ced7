"""The upload form. It looks at names and sizes only: what a file holds, the worker finds out."""

from collections.abc import Collection
from pathlib import Path
from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.forms.boundfield import BoundField

from reconciliation.importing.columns import ITEMS, KINDS, LOTS, USAGE
from reconciliation.importing.document_columns import DOCUMENT_COLUMNS
from reconciliation.models import ImportFile

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


class DocumentImportForm(forms.Form):
    """Up to three files of documents, each with its kind. What a later file names, an earlier kind may bring."""

    numbers = range(1, 4)

    def __init__(self, *args: Any, too_large: Collection[str] = (), **options: Any) -> None:
        super().__init__(*args, **options)
        self.stopped = too_large
        labels = dict(ImportFile.Kind.choices)
        choices = [("", "Choose"), *((kind, labels[ImportFile.Kind(kind)]) for kind in DOCUMENT_COLUMNS)]
        for row in self.numbers:
            self.fields[f"kind_{row}"] = forms.ChoiceField(label=f"Kind of file {row}", choices=choices, required=False)
            self.fields[f"file_{row}"] = ImportFileField(label=f"File {row}")

    def rows(self) -> "list[tuple[BoundField, BoundField]]":
        """The two cells of each row."""
        return [(self[f"kind_{row}"], self[f"file_{row}"]) for row in self.numbers]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        for name in self.stopped:
            if name in self.fields:
                self.add_error(name, too_large())
        seen: set[str] = set()
        for row in self.numbers:
            kind, file = cleaned.get(f"kind_{row}"), cleaned.get(f"file_{row}")
            if file and not kind and f"kind_{row}" not in self.errors:
                self.add_error(f"kind_{row}", "Choose what is in this file.")
            if kind and not file and f"file_{row}" not in self.errors:
                self.add_error(f"file_{row}", "Choose the file.")
            if kind and kind in seen:
                self.add_error(f"kind_{row}", "There is a file of this kind already: import them one after another.")
            seen.add(kind or "")
        if not self.errors and not self.files_by_kind:
            raise ValidationError("Choose at least one file.")
        return cleaned

    @property
    def files_by_kind(self) -> "dict[str, UploadedFile[Any]]":
        pairs = ((self.cleaned_data.get(f"kind_{row}"), self.cleaned_data.get(f"file_{row}")) for row in self.numbers)
        return {kind: file for kind, file in pairs if kind and file}


def too_large() -> str:
    return (
        f"This file is larger than {settings.UPLOAD_LIMIT_BYTES // 1_000_000} MB. Pack it (.xz or .gz), or split it"
        " into several imports."
    )
