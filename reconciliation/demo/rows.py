"""Rows in the import format, and their CSV."""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

HEADERS = {
    "items": ("code", "description", "est_unit_cost"),
    "lots": ("lot", "code", "office", "received_at", "quantity", "value", "source"),
    "usage": (
        "usage", "code", "office", "used_at", "quantity", "transaction_id", "order", "reference", "returns",
    ),
}  # fmt: skip


@dataclass(slots=True)
class Rows:
    """Items, lots and usage as texts, each row in the order of its header."""

    items: list[Sequence[str]] = field(default_factory=list)
    lots: list[Sequence[str]] = field(default_factory=list)
    usage: list[Sequence[str]] = field(default_factory=list)

    @classmethod
    def joined(cls, parts: Iterable["Rows"]) -> "Rows":
        whole = cls()
        for part in parts:
            whole.items += part.items
            whole.lots += part.lots
            whole.usage += part.usage
        return whole

    def as_csv(self, kind: str) -> bytes:
        text = io.StringIO()
        writer = csv.writer(text)
        writer.writerow(HEADERS[kind])
        writer.writerows(getattr(self, kind))
        return text.getvalue().encode()
