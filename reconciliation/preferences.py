"""Changing a system-wide preference, with a line in its log.

The COGS method binds allocations to come. Whether offices are kept apart decides which pool a lot and a usage belong
to; so it can change only while nothing is allocated and no run is under way, and then everything moves at once.
Default accounts bind postings to come: one whose balance is still to be taken back, or is kept in step with the lots,
cannot be exchanged under it.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.db.models import F, Max

from inventory_site.arithmetic import NotAnAmount, work_out
from inventory_site.document_versions import moment_text
from inventory_site.fields import MONEY_STEP
from lots.accounts import why_not_inventory
from lots.locks import lock_pools
from lots.models import (
    Account,
    AccountKind,
    CogsMethod,
    CostPool,
    InventoryLot,
    LotCostToPost,
    PostingDate,
    Preference,
    PreferenceChange,
)
from reconciliation.models import CogsAllocation, ReconciliationRun
from usage.models import OpenUsage
from usage.summaries import refresh_open_sums

COGS_METHOD: Final = "cogs_method"
PREVENT_INTER_OFFICE: Final = "prevent_inter_office"
POSTING_DATE: Final = "posting_date"
ACCRUE_COGS: Final = "accrue_cogs"
RETURNS_REDUCE_ORDERS: Final = "returns_reduce_orders"
APPROVE_ABOVE: Final = "approve_above"
NOTHING_CHANGED: Final = "Nothing was changed."
NONE: Final = "none"
# More does not fit into the column.
APPROVE_ABOVE_LIMIT: Final = Decimal(10) ** 16

# Default accounts by the name of their preference: what they are for.
ACCOUNTS: Final[dict[str, tuple[str, str]]] = {
    "account_inventory": ("Inventory", "What new lots are worth, unless their code names another account."),
    "account_in_process": ("Inventory in process", "What went into production and has not come out."),
    "account_accrued_inventory": ("Accrued inventory", "Received and not billed yet."),
    "account_payable": ("Accounts payable", "Vendor invoices and freight."),
    "account_accrued_cogs": ("Accrued COGS", "The estimated cost of unallocated usage."),
    "account_cost": ("Cost of goods sold", "What usage is charged to, unless its code names another account."),
    "account_adjustment": ("Inventory adjustments", "Counts and losses that name no account of their own."),
    "account_variance": ("Purchase cost variance", "What was billed for goods that never came, and odd credits."),
    "account_job_cost": ("Job costs applied", "Labour and services that went into production."),
    "account_opening": ("Opening balances", "What lots were worth when they were first entered here."),
}
# Balances that are kept in step with records: each needs an account to itself, on its own side of the balance sheet.
_KINDS: Final = {
    "account_inventory": AccountKind.ASSET,
    "account_in_process": AccountKind.ASSET,
    "account_accrued_inventory": AccountKind.LIABILITY,
    "account_payable": AccountKind.LIABILITY,
    "account_accrued_cogs": AccountKind.LIABILITY,
}


@dataclass(frozen=True)
class Setting:
    """How a preference is written and checked. `hint` says which values there are."""

    hint: str
    # Gives the value that a text means; raises ValueError where it means none.
    read: Callable[[str], Any]
    # Says why the preference cannot become this value now, or "".
    why_not: Callable[[Preference, str, Any], str] = lambda preference, name, value: ""
    # Does what has to be done besides.
    follow: Callable[[Any], None] = lambda value: None


@transaction.atomic
def preference_set(*, name: str, value: str, by: User | None, now: datetime) -> PreferenceChange | None:
    """Set a preference and log who did it; None when it had that value already.

    Accounts are named by number, amounts may be "none". Preventing inter-office COGS also gives every lot and open
    usage its new pool and sums up all pools anew. Raises ValidationError for a name or value that there is not, or when
    the preference cannot change now.
    """
    setting = SETTINGS.get(name)
    if setting is None:
        raise ValidationError(f"There is no preference “{name}”; there are {', '.join(SETTINGS)}. {NOTHING_CHANGED}")
    try:
        wanted = setting.read(value.strip())
    except ValueError:
        raise ValidationError(f"{name} is {setting.hint}, not “{value}”. {NOTHING_CHANGED}") from None
    # Postings, imports and requests for a run hold the row FOR SHARE while they rely on what it says.
    preference = Preference.objects.select_for_update().get(pk=1)
    before = value_of(preference, name)
    if before == _text_of(wanted):
        return None
    if reason := setting.why_not(preference, name, wanted):
        raise ValidationError(f"{reason} {NOTHING_CHANGED}")
    setattr(preference, name, wanted)
    preference.save(update_fields=[name])
    setting.follow(wanted)
    return PreferenceChange.objects.create(
        at=now, by=by, name=name, value_before=before, value_after=value_of(preference, name)
    )


def preferences_version() -> str:
    """What the preferences stand at: the newest line of their log."""
    return str(PreferenceChange.objects.aggregate(newest=Max("pk", default=0))["newest"])


def refuse_stale_preference(*, names: Collection[str], version: str, by: User | None) -> None:
    """Lock the preferences; raise ValidationError if one of these was changed since `version` ("" is let pass)."""
    if not version.isdecimal():
        return
    Preference.objects.select_for_update().get(pk=1)
    changes = PreferenceChange.objects.select_related("by").filter(name__in=names, pk__gt=int(version[:18]))
    if (change := changes.order_by("-pk").first()) is None:
        return
    who = "by a command" if change.by is None else "by you" if change.by == by else f"by {change.by.username}"
    label = ACCOUNTS[change.name][0] if change.name in ACCOUNTS else "This"
    raise ValidationError(
        f"{label} was changed since you opened this page: from {change.value_before} to {change.value_after} {who},"
        f" {moment_text(change.at)}. {NOTHING_CHANGED} Look at it as it is now, and choose again."
    )


def value_of(preference: Preference, name: str) -> str:
    """Return the value as people and the log write it."""
    return _text_of(getattr(preference, name))


def _text_of(value: Any) -> str:
    if value is None:
        return NONE
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, Account):
        return value.number
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


# -- Values ------------------------------------------------------------------------------------------
def _choice(*values: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in values:
            raise ValueError
        return text

    return read


def _switch(text: str) -> bool:
    return {"on": True, "off": False}[_choice("on", "off")(text)]


def _amount(text: str) -> Decimal | None:
    if text in ("", NONE):
        return None
    try:
        number = work_out(text).number
    except NotAnAmount:
        raise ValueError from None
    amount = Decimal(number.numerator) / Decimal(number.denominator)
    if not 0 <= amount < APPROVE_ABOVE_LIMIT or amount != amount.quantize(MONEY_STEP):
        raise ValueError
    return amount.quantize(MONEY_STEP)


def _account(text: str) -> Account:
    account = Account.objects.filter(number=text, is_active=True).first()
    if account is None:
        raise ValueError
    return account


# -- When they cannot change -------------------------------------------------------------------------
def why_offices_cannot_change() -> str:
    """Give the reason why inter-office prevention cannot change now, or ""."""
    active = ReconciliationRun.objects.filter(state__in=ReconciliationRun.ACTIVE).order_by("pk").first()
    if active is not None:
        return f"Run {active.pk} is under way. Wait until it has ended, or cancel it."
    if CogsAllocation.objects.exists():
        return (
            "Usage has been allocated to lots already, across offices or apart as the preference said then. It can"
            " change only while nothing is allocated."
        )
    return ""


def _why_not_accrue(preference: Preference, name: str, value: bool) -> str:
    if value and preference.account_accrued_cogs_id is None:
        return "Accrued COGS needs an account of its own first: choose one among the default accounts."
    return ""


def _why_not_account(preference: Preference, name: str, account: Account) -> str:
    kind = _KINDS.get(name)
    label = ACCOUNTS[name][0]
    if kind is not None and account.kind != kind:
        return f"{label} is of the kind {kind.label.lower()}; {account} is {account.get_kind_display().lower()}."
    for other in ACCOUNTS:
        if other != name and {name, other} & set(_KINDS) and getattr(preference, f"{other}_id") == account.pk:
            return f"{account} is the account for {ACCOUNTS[other][0].lower()}, which needs one to itself."
    if name != "account_inventory" and InventoryLot.objects.filter(account=account).exists():
        return f"Lots are kept on {account}: nothing else may be posted to it."
    if name == "account_inventory" and (reason := why_not_inventory(account)):
        return reason
    return _WHY_NOT_EXCHANGE.get(name, lambda: "")()


def _why_not_accrued_cogs() -> str:
    if OpenUsage.objects.exclude(accrued_booked=0).exists():
        return (
            "Accrued COGS stands booked on the present account. Switch accruing off and accrue once, which takes all of"
            " it back; then change the account."
        )
    return ""


def _why_not_accrued_inventory() -> str:
    accrued = InventoryLot.objects.filter(is_fed=False).exclude(value=F("value_payable") + F("value_other"))
    if LotCostToPost.objects.exists() or accrued.exists():
        return (
            "Goods are received and not billed yet, and the bill must go to the account that they were accrued on."
            " Rename the account instead."
        )
    return ""


def _why_not_in_process() -> str:
    if InventoryLot.objects.filter(is_fed=True).exists():
        return (
            "Something was produced, and later cost of what went in must go to the same account. Rename the account"
            " instead."
        )
    return ""


_WHY_NOT_EXCHANGE: Final[dict[str, Callable[[], str]]] = {
    "account_accrued_cogs": _why_not_accrued_cogs,
    "account_accrued_inventory": _why_not_accrued_inventory,
    "account_in_process": _why_not_in_process,
}

# A run under way goes on with the method it was requested with.
SETTINGS: Final[dict[str, Setting]] = {
    COGS_METHOD: Setting("FIFO or LIFO", _choice(*CogsMethod.values)),
    PREVENT_INTER_OFFICE: Setting(
        "on or off",
        _switch,
        why_not=lambda preference, name, value: why_offices_cannot_change(),
        follow=lambda value: _move_to_pools(apart=value),
    ),
    POSTING_DATE: Setting("EVENT or RUN", _choice(*PostingDate.values)),
    ACCRUE_COGS: Setting("on or off", _switch, why_not=_why_not_accrue),
    RETURNS_REDUCE_ORDERS: Setting("on or off", _switch),
    APPROVE_ABOVE: Setting("an amount of at most two decimals, not below zero, or none", _amount),
    **{name: Setting("the number of an active account", _account, why_not=_why_not_account) for name in ACCOUNTS},
}

# -- Everything into the pools that the preference asks for ----------------------------------------------------------
_ZEROES = """has_work = false, work_noted_at = NULL, is_set_aside = false, lot_count = 0, quantity_received = 0,
    quantity_used = 0, value_received = 0, value_used = 0, usage_count = 0, usage_quantity = 0, open_count = 0,
    open_quantity = 0, open_amount_allocated = 0, open_unallocated = 0, open_unallocated_positive = 0,
    open_unallocated_negative = 0, open_accrued_cogs = 0, last_run_passes = 0"""

_MAKE_POOLS = """
INSERT INTO lots_costpool (code_id, office_id, has_work, is_set_aside, lot_count, quantity_received, quantity_used,
    value_received, value_used, usage_count, usage_quantity, open_count, open_quantity, open_amount_allocated,
    open_unallocated, open_unallocated_positive, open_unallocated_negative, open_accrued_cogs, last_run_passes)
SELECT code_id, office_id, false, false, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0
FROM (
    SELECT DISTINCT code_id, CASE WHEN %(apart)s THEN office_id END AS office_id FROM (
        SELECT code_id, office_id FROM lots_inventorylot UNION SELECT code_id, office_id FROM usage_inventoryusage
    ) AS record
) AS wanted
ORDER BY code_id, office_id
ON CONFLICT DO NOTHING
"""
_MOVE_LOTS = """
UPDATE lots_inventorylot AS lot SET pool_id = pool.id FROM lots_costpool AS pool
WHERE pool.code_id = lot.code_id AND pool.office_id IS NOT DISTINCT FROM CASE WHEN %(apart)s THEN lot.office_id END
    AND pool.id <> lot.pool_id
"""
_MOVE_OPEN_USAGE = """
UPDATE usage_openusage AS open SET pool_id = pool.id FROM usage_inventoryusage AS usage, lots_costpool AS pool
WHERE usage.id = open.usage_id AND pool.code_id = usage.code_id
    AND pool.office_id IS NOT DISTINCT FROM CASE WHEN %(apart)s THEN usage.office_id END AND pool.id <> open.pool_id
"""
# What the journal waits for goes with its lot.
_MOVE_NOTES = """
UPDATE lots_lotcosttopost AS note SET pool_id = lot.pool_id
FROM lots_lotcostevent AS event, lots_inventorylot AS lot
WHERE event.id = note.event_id AND lot.id = event.lot_id AND lot.pool_id <> note.pool_id
"""
_CLEAR_SUMS = f"UPDATE lots_costpool SET {_ZEROES}"  # noqa: S608  (our own constant text)
_LOT_SUMS = """
UPDATE lots_costpool AS pool SET lot_count = sums.rows, quantity_received = sums.received, quantity_used = sums.used,
    value_received = sums.value, value_used = sums.value_used
FROM (SELECT pool_id, count(*) AS rows, sum(quantity_received) AS received, sum(quantity_used) AS used,
        sum(value) AS value, sum(value_used) AS value_used FROM lots_inventorylot GROUP BY pool_id) AS sums
WHERE sums.pool_id = pool.id
"""
_USAGE_SUMS = """
UPDATE lots_costpool AS pool SET usage_count = sums.rows, usage_quantity = sums.quantity
FROM (SELECT code_id, CASE WHEN %(apart)s THEN office_id END AS office_id, count(*) AS rows, sum(quantity) AS quantity
        FROM usage_inventoryusage GROUP BY 1, 2) AS sums
WHERE sums.code_id = pool.code_id AND sums.office_id IS NOT DISTINCT FROM pool.office_id
"""
# Whatever is open has not been looked at in its new company; a lot whose cost changed waits for its true-up.
_NOTE_WORK = """
UPDATE lots_costpool AS pool SET has_work = true, work_noted_at = clock_timestamp()
WHERE pool.open_count > 0 OR EXISTS (SELECT FROM lots_lotcosttopost AS note WHERE note.pool_id = pool.id)
    OR EXISTS (SELECT FROM lots_inventorylot AS lot WHERE lot.pool_id = pool.id
    AND (lot.value <> lot.value_costed OR lot.quantity_received <> lot.quantity_costed))
"""
# An old pool that an earlier run names is kept, empty.
_REMOVE_EMPTY = """
DELETE FROM lots_costpool AS pool
WHERE pool.lot_count = 0 AND pool.usage_count = 0
    AND NOT EXISTS (SELECT FROM reconciliation_runpool AS work WHERE work.pool_id = pool.id)
    AND NOT EXISTS (SELECT FROM reconciliation_runlogline AS line WHERE line.pool_id = pool.id)
"""


def _move_to_pools(*, apart: bool) -> None:
    """Nothing is allocated, so moving is all: no sum but those of the pools depends on where a record belongs."""
    lock_pools(CostPool.objects.values_list("pk", flat=True))
    with connection.cursor() as cursor:
        cursor.execute(_MAKE_POOLS, {"apart": apart})
        cursor.execute(_MOVE_LOTS, {"apart": apart})
        cursor.execute(_MOVE_OPEN_USAGE, {"apart": apart})
        cursor.execute(_MOVE_NOTES)
        cursor.execute(_CLEAR_SUMS)
        cursor.execute(_LOT_SUMS)
        cursor.execute(_USAGE_SUMS, {"apart": apart})
    refresh_open_sums(list(CostPool.objects.values_list("pk", flat=True)))
    with connection.cursor() as cursor:
        cursor.execute(_NOTE_WORK)
        cursor.execute(_REMOVE_EMPTY)
