"""The main menu, by module as in the guides. Pages are named by dotted URL name, so nothing here points at an app."""

from dataclasses import dataclass
from typing import Any

from django.urls import NoReverseMatch, reverse


@dataclass(frozen=True)
class Entry:
    """One page of the menu: shown to those who hold the permission ("" = staff only, for the admin)."""

    label: str
    url_name: str
    permission: str
    keys: str = ""
    url: str = ""
    is_current: bool = False


@dataclass(frozen=True)
class Module:
    label: str
    slug: str
    entries: tuple[Entry, ...]
    is_current: bool = False


MENU = (
    Module(
        "Inventory",
        "inventory",
        (
            Entry("Line Item Codes", "lots:codes", "lots.view_lineitemcode", "g c"),
            Entry("Inventory Lots", "lots:lots", "lots.view_inventorylot", "g l"),
            Entry("Inventory Usage", "usage:usages", "usage.view_inventoryusage", "g u"),
            Entry("Inventory Transactions", "lots:transactions", "lots.view_inventorytransaction", "g t"),
            Entry("Offices", "lots:offices", "lots.view_office", "g o"),
        ),
    ),
    Module(
        "Reconciliation",
        "reconciliation",
        (
            Entry("Runs", "reconciliation:runs", "reconciliation.view_reconciliationrun", "g r"),
            Entry("Ledger Check", "reconciliation:ledger_check", "reconciliation.view_ledgercheck"),
        ),
    ),
    Module(
        "Accounting",
        "accounting",
        (
            Entry("Journal", "reconciliation:journal", "reconciliation.view_journalline", "g j"),
            Entry("Inventory Value", "reconciliation:inventory_value", "reconciliation.view_journalline", "g v"),
            Entry("Accrued Inventory", "reconciliation:accrued_inventory", "reconciliation.view_journalline"),
            Entry("COGS by Month", "reconciliation:cogs_by_month", "reconciliation.view_journalline"),
            Entry("Lots at Estimated Cost", "reconciliation:estimated_lots", "lots.view_inventorylot"),
        ),
    ),
    Module(
        "Administration",
        "administration",
        (
            Entry("Preferences", "reconciliation:preferences", "lots.view_preference"),
            Entry("Import", "reconciliation:import", "reconciliation.import_records"),
            Entry("Admin", "admin:index", ""),
        ),
    ),
)


def for_user(user: Any, *, path: str = "") -> tuple[Module, ...]:
    """The part of the menu that this person may open; the entry that leads to `path` is marked as current."""
    modules = []
    for module in MENU:
        entries = []
        for entry in module.entries:
            if not (user.has_perm(entry.permission) if entry.permission else user.is_staff):
                continue
            try:
                url = reverse(entry.url_name)
            except NoReverseMatch:
                continue
            entries.append(Entry(entry.label, entry.url_name, entry.permission, entry.keys, url, path.startswith(url)))
        if entries:
            is_current = any(entry.is_current for entry in entries)
            modules.append(Module(module.label, module.slug, tuple(entries), is_current))
    return tuple(modules)
