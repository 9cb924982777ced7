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
        "Order Management",
        "orders",
        (
            Entry("Orders", "usage:orders", "usage.view_order", "g d"),
            Entry("Shipments", "usage:shipments", "usage.view_shipment", "g s"),
        ),
    ),
    Module(
        "Purchasing",
        "purchasing",
        (
            Entry("Purchase Orders", "lots:purchase_orders", "lots.view_purchaseorder", "g b"),
            Entry("Incoming Shipments", "lots:receipts", "lots.view_receipt", "g n"),
            Entry("Purchases", "lots:purchases", "lots.view_purchase"),
        ),
    ),
    Module(
        "Inventory",
        "inventory",
        (
            Entry("Line Item Codes", "lots:codes", "lots.view_lineitemcode", "g c"),
            Entry("Inventory Lots", "lots:lots", "lots.view_inventorylot", "g l"),
            Entry("Inventory Usage", "usage:usages", "usage.view_inventoryusage", "g u"),
            Entry("Inventory Transactions", "lots:transactions", "lots.view_inventorytransaction", "g t"),
            Entry("Inventory Adjustments", "usage:adjustments", "usage.view_inventoryadjustment", "g i"),
            Entry("Offices", "lots:offices", "lots.view_office", "g o"),
        ),
    ),
    Module("Production", "production", (Entry("Jobs", "usage:jobs", "usage.view_job"),)),
    Module(
        "Reconciliation",
        "reconciliation",
        (
            Entry("Runs", "reconciliation:runs", "reconciliation.view_reconciliationrun", "g r"),
            Entry("Resolve", "reconciliation:resolve", "usage.view_openusage", "g x"),
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
            Entry("Chart of Accounts", "reconciliation:accounts", "lots.view_account", "g a"),
            Entry("Periods", "reconciliation:periods", "lots.view_fiscalperiod", "g p"),
        ),
    ),
    Module(
        "Administration",
        "administration",
        (
            Entry("Preferences", "reconciliation:preferences", "lots.view_preference"),
            Entry("Import", "reconciliation:import", "reconciliation.import_records"),
            Entry("History", "lots:history", "lots.view_recordhistory"),
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
