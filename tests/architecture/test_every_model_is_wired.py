"""Every record can be looked at: in the admin, and on a list page of its own. What cannot, says why."""

from typing import NamedTuple

import pytest
from django.apps import apps
from django.contrib import admin
from django.test import Client
from django.urls import reverse

OURS = ("inventory_site", "lots", "usage", "reconciliation")
LIST_PAGES = {
    "lots.Office": "lots:offices",
    "lots.LineItemCode": "lots:codes",
    "lots.InventoryLot": "lots:lots",
    "lots.InventoryTransaction": "lots:transactions",
    "lots.Account": "reconciliation:accounts",
    "lots.FiscalPeriod": "reconciliation:periods",
    "lots.Preference": "reconciliation:preferences",
    "lots.PurchaseOrder": "lots:purchase_orders",
    "lots.RecordHistory": "lots:history",
    "lots.Receipt": "lots:receipts",
    "lots.Purchase": "lots:purchases",
    "usage.InventoryUsage": "usage:usages",
    "usage.Job": "usage:jobs",
    "usage.Order": "usage:orders",
    "usage.Shipment": "usage:shipments",
    "usage.InventoryAdjustment": "usage:adjustments",
    "reconciliation.ReconciliationRun": "reconciliation:runs",
    "reconciliation.LedgerCheck": "reconciliation:ledger_check",
    "reconciliation.JournalPosting": "reconciliation:journal",
    "reconciliation.ImportJob": "reconciliation:import",
}


class Intentional(NamedTuple):
    """An exception, with its reason."""

    reason: str


def intentional(reason: str) -> Intentional:
    assert len(reason) > 15, "a reason says why, so that the next reader can tell whether it still holds"
    return Intentional(reason)


NO_ADMIN: dict[str, Intentional] = {
    "reconciliation.JournalPosting": intentional("a view of journal lines, which the admin shows as they are kept"),
    "reconciliation.JournalEntryToSum": intentional("a note for the sweeper, of interest to the code alone"),
    "reconciliation.JournalSum": intentional("sums of journal lines, which the admin shows as they are kept"),
    "reconciliation.JournalMonth": intentional("a view of sums and lines, added up by reports and never looked at"),
}
NO_LIST_PAGE: dict[str, Intentional] = {
    "inventory_site.NumberSequence": intentional("a counter behind document numbers, of interest to the code alone"),
    "inventory_site.SentForm": intentional("a note that a form was sent, so that it makes one record alone"),
    "lots.CostPool": intentional("a code's summary: its figures stand on the line item code's own list and detail"),
    "lots.LotCostEvent": intentional("part of a lot, shown as the history of its cost in its detail"),
    "lots.LotCostToPost": intentional("a note for the next run, of interest to the code alone"),
    "lots.PeriodChange": intentional("the log of the periods, shown beside them on their page"),
    "lots.PreferenceChange": intentional("the log of the preferences, shown beside them on their page"),
    "lots.PurchaseLine": intentional("part of a purchase, shown on its page"),
    "lots.PurchaseOrderLine": intentional("part of a purchase order, shown as its items on its page"),
    "lots.SerialMovement": intentional("part of a movement of goods that are told apart by serial number"),
    "lots.ReceiptLine": intentional("part of an incoming shipment, shown on its page"),
    "usage.AdjustmentLine": intentional("part of an adjustment, shown on its page"),
    "usage.AdjustmentRecord": intentional(
        "what an adjustment made, shown on its page; usage and lots have their lists"
    ),
    "usage.JobComponent": intentional("part of a job, shown on its page"),
    "usage.JobCost": intentional("part of a job, shown on its page and on that of its lot"),
    "usage.JobOutput": intentional("part of a job, shown on its page"),
    "usage.JobUsage": intentional("joins a job to usage, which is shown on its page"),
    "usage.LotFeed": intentional("where a usage's cost goes, shown on both and by Explain this cost"),
    "usage.LotRecost": intentional("a note for the next run, of interest to the code alone"),
    "usage.OpenUsage": intentional("what is open of a usage: the list of usages finds it by Find Open Inventory Usage"),
    "usage.OrderLine": intentional("part of an order, shown on its page"),
    "usage.OrderLinePurchase": intentional("joins an order's line to what was bought for it, which its page lists"),
    "usage.RestrictionRelease": intentional("part of a usage that was restricted, told by the history of its cure"),
    "usage.ShipmentLine": intentional("part of a shipment, shown on its page"),
    "usage.ShipmentUsage": intentional("joins a shipment's line to its usage, which the shipment's page lists"),
    "usage.UsageLotRestriction": intentional("part of a usage, shown in its detail"),
    "reconciliation.CogsAllocation": intentional("shown where it belongs: on the lot and on the usage it joins"),
    "reconciliation.ImportFile": intentional("part of an import, shown on its page"),
    "reconciliation.JournalEntry": intentional("the journal lists its lines, groups them by entry and leads to it"),
    "reconciliation.JournalEntryToSum": intentional("a note for the sweeper, of interest to the code alone"),
    "reconciliation.JournalLine": intentional("the journal lists it as its debit and its credit"),
    "reconciliation.JournalSum": intentional("sums of journal lines: reports show them, and the journal their lines"),
    "reconciliation.JournalMonth": intentional("a view of sums and lines, added up by reports"),
    "reconciliation.RunPool": intentional("part of a run, shown as the results per code on its page"),
    "reconciliation.RunLogLine": intentional("part of a run, shown as the log on its page"),
}

MODELS = {f"{model._meta.app_label}.{model.__name__}": model for model in apps.get_models()}
MODELS = {label: model for label, model in MODELS.items() if label.split(".")[0] in OURS}


@pytest.mark.parametrize("label", sorted(set(MODELS) - set(NO_ADMIN)))
def test_a_record_can_be_looked_at_in_the_admin(label: str) -> None:
    inlines = {inline.model for site in admin.site._registry.values() for inline in site.inlines}
    assert admin.site.is_registered(MODELS[label]) or MODELS[label] in inlines


@pytest.mark.parametrize("label", sorted(set(MODELS) - set(NO_LIST_PAGE)))
def test_a_record_has_a_list_page(label: str, administrator: Client) -> None:
    assert label in LIST_PAGES, f"{label} has no list page: give it one, or enter it as intentional with a reason"
    assert administrator.get(reverse(LIST_PAGES[label])).status_code == 200


def test_the_exceptions_name_models_that_exist() -> None:
    assert set(NO_ADMIN) | set(NO_LIST_PAGE) | set(LIST_PAGES) <= set(MODELS)
    assert not set(NO_LIST_PAGE) & set(LIST_PAGES)
