"""Which account a posting names: the code's own, or the default of the preferences."""

from lots.models import Account, AccountKind, LineItemCode, Preference

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
    account: Account | None = getattr(Preference.objects.select_related(f"account_{name}").get(pk=1), f"account_{name}")
    if account is None:
        raise Account.DoesNotExist(f"Preferences name no {name.replace('_', ' ')} account. Nothing was posted.")
    return account


def _of_code(number: str) -> Account | None:
    return Account.objects.filter(number=number).first() if number else None
