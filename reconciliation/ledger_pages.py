"""What the Ledger Check page shows of a check: each invariant, and a way to the first records that break it."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.db.models import Model

from lots.models import InventoryLot, LineItemCode
from reconciliation.models import LedgerCheck, ReconciliationRun
from usage.models import InventoryUsage

# How a culprit begins -> the record it names, and the field that holds the name.
_RECORDS: Final[Mapping[str, tuple[type[Model], str]]] = {
    "lot": (InventoryLot, "number"),
    "usage": (InventoryUsage, "number"),
    "code": (LineItemCode, "code"),
    "run": (ReconciliationRun, "pk"),
}


@dataclass(frozen=True)
class Culprit:
    what: str
    detail: str
    url: str


@dataclass(frozen=True)
class Invariant:
    name: str
    title: str
    is_ok: bool
    count: int
    culprits: Sequence[Culprit]

    @property
    def unnamed_count(self) -> int:
        return self.count - len(self.culprits)


def invariants_of(check: LedgerCheck) -> list[Invariant]:
    """Every invariant of a check, broken ones first."""
    urls = _addresses([what for result in check.results for what, _ in result["culprits"]])
    found = [
        Invariant(
            result["name"],
            result["title"],
            result["is_ok"],
            result["count"],
            [Culprit(what, detail, urls.get(what, "")) for what, detail in result["culprits"]],
        )
        for result in check.results
    ]
    return sorted(found, key=lambda invariant: invariant.is_ok)


def _addresses(culprits: Sequence[str]) -> dict[str, str]:
    """Where the records are that culprits name, one query per kind of record."""
    wanted: defaultdict[str, defaultdict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for what in culprits:
        # "pool of X" and "code X, office Y" both lead to the code.
        kind, _, rest = what.replace("pool of ", "code ", 1).partition(" ")
        if kind in _RECORDS:
            wanted[kind][rest.rpartition(", office ")[0] or rest].append(what)
    urls: dict[str, str] = {}
    for kind, names in wanted.items():
        model, field = _RECORDS[kind]
        records: Any = model._default_manager.filter(**{f"{field}__in": list(names)})
        for record in records:
            urls |= dict.fromkeys(names[str(getattr(record, field))], record.get_absolute_url())
    return urls
