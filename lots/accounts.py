"""Which account a posting names: the code's own, or the default of the preferences."""

from typing import Any

from django.db.models import Exists, OuterRef, QuerySet

from lots.models import Account, AccountKind, InventoryLot, LineItemCode, Preference

# Balances that follow from records, so that nobody may choose their accounts for anything else.
_KEPT_IN_STEP = {
    "inventory": "inventory",
    "in_process": "inventory in process",
    "payable": "accounts payable",
    "accrued_inventory": "accrued inventory",
    "accrued_cogs": "accrued COGS",
}
_DEFAULTS = (*_KEPT_IN_STEP, "cost", "opening", "adjustment", "variance", "job_cost")

# The first digit of a number tells its kind, as in the guides' chart; 5 and anything else is cost of sales.
_KINDS = {
    "1": AccountKind.ASSET,
    "2": AccountKind.LIABILITY,
    "3": AccountKind.EQUITY,
    "4": AccountKind.SALES,
    "6": AccountKind.EXPENSE,
    "7": AccountKind.OVERHEAD,
    "8": AccountKind.OTHER_INCOME,
    "9": AccountKind.OTHER_EXPENSE,
}


def kind_of(number: str) -> AccountKind:
    """The kind that an account of this number usually has."""
    return _KINDS.get(number[:1], AccountKind.COST_OF_SALES)


def account_ensure(number: str) -> Account:
    """Find the account, or add it to the chart with the kind that its number tells."""
    account, _ = Account.objects.get_or_create(number=number, defaults={"kind": kind_of(number)})
    return account


def inventory_account(code: LineItemCode) -> Account:
    """Where the value of new lots of this code is kept."""
    return _of_code(code.account_inventory) or default_account("inventory")


def cost_account(code: LineItemCode) -> Account:
    """What usage of this code is charged to when nothing else is said."""
    return _of_code(code.account_cost) or default_account("cost")


def default_account(name: str) -> Account:
    """The default by the name in Preference without `account_`: inventory, in_process, payable, accrued_inventory,
    accrued_cogs, cost, opening, adjustment, variance, job_cost.

    Raises Account.DoesNotExist where the preference is blank; a system check and the preferences page say so too.
    """
    named = Preference.objects.filter(pk=1).values(f"account_{name}")
    account = Account.objects.filter(pk__in=named).order_by().first()
    if account is None:
        raise Account.DoesNotExist(f"Preferences name no {name.replace('_', ' ')} account. Nothing was posted.")
    return account


def why_not_other_side(account: Account) -> str:
    """Say why what lots are worth cannot be charged or credited to this account by somebody's choice, or "".

    Accounts on which lots are kept, and those whose balance follows from other records, would no longer equal them.
    """
    preference = Preference.objects.get(pk=1)
    for name, label in _KEPT_IN_STEP.items():
        if getattr(preference, f"account_{name}_id") == account.pk:
            return f"{account} is the account for {label}, which needs one to itself: choose another."
    is_kept_on = InventoryLot.objects.filter(account=account)
    if is_kept_on.exists() or LineItemCode.objects.filter(account_inventory=account.number).exists():
        return f"Lots are kept on {account}, so it cannot be the other side of their value: choose another."
    return ""


def other_sides() -> QuerySet[Account]:
    """The active accounts that `why_not_other_side` has no objection to."""
    preference = Preference.objects.get(pk=1)
    in_step = [getattr(preference, f"account_{name}_id") for name in _KEPT_IN_STEP]
    kept_on = LineItemCode.objects.order_by().values("account_inventory").distinct()
    lots = InventoryLot.objects.filter(account=OuterRef("pk"))
    chosen = Account.objects.filter(is_active=True).exclude(pk__in=[pk for pk in in_step if pk is not None])
    return chosen.exclude(number__in=kept_on).exclude(Exists(lots)).order_by("number")


def why_not_inventory(account: Account) -> str:
    """Say why lots cannot be kept on this account, or "": what is posted to it for other reasons is no lot's value."""
    preference = Preference.objects.get(pk=1)
    names = [name for name in _DEFAULTS if getattr(preference, f"account_{name}_id") == account.pk]
    if names and names != ["inventory"]:
        return f"{account} is the default account for something else: lots need one to themselves."
    if not InventoryLot.objects.filter(account=account).exists() and _is_named_by_records(account):
        return f"{account} has been the other side of what lots are worth: keep lots on another."
    if LineItemCode.objects.filter(account_cost=account.number).exists():
        return f"Usage is charged to {account}: keep lots on another."
    return ""


def _is_named_by_records(account: Account) -> bool:
    """Whether anything but a preference names the account: asked of every table, also of higher apps."""
    for relation in Account._meta.get_fields(include_hidden=True):
        model: Any = relation.related_model
        if not relation.auto_created or model in {None, Preference} or not model._meta.managed:
            continue
        field: Any = getattr(relation, "field", None)
        if field is not None and model._base_manager.filter(**{field.name: account}).exists():
            return True
    return False


def _of_code(number: str) -> Account | None:
    return Account.objects.filter(number=number).first() if number else None
