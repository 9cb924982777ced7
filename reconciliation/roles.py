"""The four roles: which permissions each group holds. Pages ask for permissions and never for a group by name.

Whoever needs another mixture makes a group of their own: these four are brought back to what stands here after every
migration, so that an upgrade can add a permission to a role and an old copy cannot keep one that a role has lost.
"""

from collections.abc import Iterable
from typing import Any, Final

from django.apps import AppConfig, apps
from django.contrib.auth.management import create_permissions
from django.contrib.auth.models import Group, Permission
from django.db import transaction
from django.db.models import Q

_VIEWED: Final = {
    "lots": (
        "purchaseorder", "purchaseorderline", "receipt", "receiptline", "purchase", "purchaseline",
        "recordhistory", "serialmovement",
        "office", "lineitemcode", "inventorylot", "inventorytransaction", "costpool", "preference", "preferencechange",
        "account", "fiscalperiod", "periodchange", "lotcostevent", "lotcosttopost",
    ),
    "usage": (
        "order", "orderline", "orderlinepurchase", "shipment", "shipmentline", "shipmentusage",
        "inventoryusage", "openusage", "usagelotrestriction", "job", "jobcomponent", "jobusage",
        "jobcost", "joboutput", "inventoryadjustment", "adjustmentline",
        "adjustmentrecord", "lotfeed", "lotrecost", "restrictionrelease",
    ),
    "reconciliation": (
        "reconciliationrun", "runpool", "runlogline", "cogsallocation", "ledgercheck", "journalentry", "journalline",
        "journalposting",
    ),
}  # fmt: skip

VIEWER: Final = tuple(f"{app}.view_{model}" for app, models in _VIEWED.items() for model in models)
CLERK: Final = (
    *VIEWER,
    "reconciliation.import_records",
    "reconciliation.view_importjob",
    "reconciliation.view_importfile",
    "usage.add_order",
    "usage.change_order",
    "usage.add_shipment",
    "usage.change_shipment",
    "lots.add_purchaseorder",
    "lots.change_purchaseorder",
    "lots.add_receipt",
    "lots.change_receipt",
    "lots.add_purchase",
    "lots.change_purchase",
    "lots.add_lineitemcode",
    "lots.change_lineitemcode",
    "usage.add_job",
    "usage.change_job",
    "usage.add_inventoryadjustment",
    "usage.change_inventoryadjustment",
    "lots.add_office",
    "lots.change_office",
)
ACCOUNTANT: Final = (
    *CLERK,
    "usage.approve_adjustment",
    "reconciliation.run_reconciliation",
    "reconciliation.verify_ledger",
    "lots.change_preference",
    "lots.change_fiscalperiod",
    "lots.add_account",
    "lots.change_account",
)
# People are made inactive rather than deleted: what they did names them for ever.
ADMINISTRATOR: Final = (
    *ACCOUNTANT,
    "auth.view_user",
    "auth.add_user",
    "auth.change_user",
    "auth.view_group",
    "auth.add_group",
    "auth.change_group",
    "auth.delete_group",
    "inventory_site.view_numbersequence",
    "inventory_site.view_sentform",
)

ADMINISTRATORS: Final = "administrator"
ROLES: Final[dict[str, tuple[str, ...]]] = {
    "viewer": VIEWER,
    "clerk": CLERK,
    "accountant": ACCOUNTANT,
    ADMINISTRATORS: ADMINISTRATOR,
}

# Whose permissions the roles name.
_APPS: Final = ("lots", "usage", "reconciliation", "auth", "inventory_site")


@transaction.atomic
def roles_ensure() -> None:
    """Make the four groups and give each exactly its permissions. Changes nothing where that is so already."""
    for name, wanted in ROLES.items():
        group, _ = Group.objects.get_or_create(name=name)
        group.permissions.set(_permissions(wanted))


def _permissions(names: Iterable[str]) -> list[Permission]:
    chosen = Q(pk__in=[])
    for name in names:
        app, _, codename = name.partition(".")
        chosen |= Q(content_type__app_label=app, codename=codename)
    return list(Permission.objects.filter(chosen))


def ensure_after_migrations(sender: AppConfig, *, using: str, **_signal: Any) -> None:
    """Called when the migrations have run. Django makes an app's permissions on the same signal, perhaps later than
    this is called; so they are made here first, which changes nothing where they are there already.
    """
    for label in _APPS:
        create_permissions(apps.get_app_config(label), verbosity=0, using=using)
    roles_ensure()
