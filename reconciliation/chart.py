"""Verbs over the chart of accounts. Numbers stay for ever: codes, files and people name accounts by them."""

from datetime import datetime

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q

from lots.history import history_note, note_edit, told
from lots.models import Account, AccountKind, LineItemCode, Preference
from reconciliation.models import JournalLine
from reconciliation.preferences import ACCOUNTS

NOTHING_CHANGED = "Nothing was changed."
CODES_NAMED = 5


@transaction.atomic
def account_create(*, number: str, name: str, kind: str, by: User | None, at: datetime) -> Account:
    """Add an account to the chart, and the first line of its history.

    Raises ValidationError for a number that is blank, taken or spaced oddly.
    """
    if not number or number != " ".join(number.split()):
        raise ValidationError({"number": "A number has no white space around it. Nothing was added."})
    if Account.objects.filter(number__iexact=number).exists():
        raise ValidationError({"number": f"There is an account {number} already. Nothing was added."})
    account = Account.objects.create(number=number, name=name.strip(), kind=AccountKind(kind))
    history_note(number=account.history_name, action="Created", by=by, at=at)
    return account


@transaction.atomic
def account_change(
    *, account: Account, name: str, kind: str, is_active: bool, by: User | None, at: datetime
) -> Account:
    """Change an account's name, its kind while nothing is posted, and whether it can be chosen.

    Writes the account, and a line of its history if anything is changed by it.

    Raises ValidationError for a kind that postings rely on, and for deactivating an account that is a default or that
    line item codes name.
    """
    # A preference that is being set to this account waits, or is seen.
    preference = Preference.objects.select_for_update().get(pk=1)
    account = Account.objects.select_for_update().get(pk=account.pk)
    before = told(account, ["name", "kind", "is_active"])
    if kind != account.kind and (reason := why_kind_stays(account, preference)):
        raise ValidationError({"kind": f"{reason} {NOTHING_CHANGED}"})
    if account.is_active and not is_active and (reason := why_not_deactivate(account, preference)):
        raise ValidationError({"is_active": f"{reason} {NOTHING_CHANGED}"})
    account.name, account.kind, account.is_active = name.strip(), AccountKind(kind), is_active
    account.save(update_fields=["name", "kind", "is_active"])
    note_edit(record=account, before=before, by=by, at=at)
    return account


def default_for(account: Account, preference: Preference | None = None) -> list[str]:
    """What this account is the default for, in words."""
    preference = preference or Preference.current()
    return [label for name, (label, _) in ACCOUNTS.items() if getattr(preference, f"{name}_id") == account.pk]


def codes_naming(account: Account) -> list[str]:
    """Line item codes that have this account as revenue, cost or inventory account of their own."""
    number = account.number
    named = Q(account_revenue=number) | Q(account_cost=number) | Q(account_inventory=number)
    return list(LineItemCode.objects.filter(named).order_by("code").values_list("code", flat=True))


def why_not_deactivate(account: Account, preference: Preference | None = None) -> str:
    """Why this account must stay active, or ""."""
    if defaults := default_for(account, preference):
        return f"It is the default account for {', '.join(defaults).lower()}: choose another one in Preferences first."
    if codes := codes_naming(account):
        more = f" and {len(codes) - CODES_NAMED:,} more" if len(codes) > CODES_NAMED else ""
        return f"Codes name it as their account: {', '.join(codes[:CODES_NAMED])}{more}. Change them first."
    return ""


def why_kind_stays(account: Account, preference: Preference | None = None) -> str:
    """Why the kind of this account cannot change, or ""."""
    if default_for(account, preference):
        return "It is a default account, which has to be of this kind."
    if JournalLine.objects.filter(Q(debit_account=account) | Q(credit_account=account)).exists():
        return "Something is posted to it, and reports rely on its kind."
    return ""
