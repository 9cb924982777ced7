"""Verbs over line item codes, the item master. What a code is called and what kind of thing it is stays for ever."""

from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Sum

from lots.accounts import default_account, why_not_inventory, why_not_other_side
from lots.history import history_note, note_edit, told
from lots.ledger import ZERO
from lots.models import Account, InventoryTransaction, LineItemCode, RecordType

NOTHING: Final = "Nothing was changed."
ACCOUNT_FIELDS: Final = ("account_revenue", "account_cost", "account_inventory")
FLAGS: Final = {"is_serialized": "serialized", "is_tracked_by_manufacturer_lot": "tracked by manufacturer lot"}
# The estimate is not among them: what is accrued depends on it, so the app above changes it (est_unit_cost_set).
CHANGEABLE: Final = (
    "description", "status", "category", "unit_weight", "is_serialized", "is_tracked_by_manufacturer_lot",
    *ACCOUNT_FIELDS,
)  # fmt: skip


@transaction.atomic
def code_create(
    *,
    code: str,
    by: User | None,
    at: datetime,
    record_type: str = RecordType.INVENTORIED_ITEM,
    est_unit_cost: Decimal = ZERO,
    **fields: Any,
) -> LineItemCode:
    """Add a line item code, and the first line of its history. `fields` are those of CHANGEABLE.

    Raises ValidationError for a code that is taken or spaced oddly, and for wrong accounts.
    """
    if not code or code != code.strip() or not code.isprintable():
        raise ValidationError({"code": "A code has no white space around it. Nothing was added."})
    if LineItemCode.objects.filter(code__iexact=code).exists():
        raise ValidationError({"code": f"There is a code {code} already. Nothing was added."})
    if est_unit_cost < 0:
        raise ValidationError({"est_unit_cost": "The estimated unit cost cannot be negative. Nothing was added."})
    made = LineItemCode(code=code, record_type=record_type, est_unit_cost=est_unit_cost)
    _take(made, fields)
    made.save()
    history_note(number=made.history_name, action="Created", by=by, at=at)
    return made


@transaction.atomic
def code_change(*, code: LineItemCode, by: User | None, at: datetime, **fields: Any) -> LineItemCode:
    """Change a code's fields (those of CHANGEABLE); accounts bind what is recorded from then on.

    Writes the code, and a line of its history if anything is changed by it.

    Raises ValidationError for a flag that records rely on, for wrong accounts, and for deactivating a code of which
    something is on hand, on order or promised.
    """
    code = LineItemCode.objects.select_for_update(no_key=True).get(pk=code.pk)
    for name, label in FLAGS.items():
        if name in fields and fields[name] != getattr(code, name) and is_referenced(code):
            raise ValidationError(
                {name: f"{code} has records, so whether it is {label} cannot change any more. {NOTHING}"}
            )
    if fields.get("status") == LineItemCode.Status.INACTIVE and code.status != LineItemCode.Status.INACTIVE:
        _refuse_if_there_is_some(code)
    before = told(code, fields)
    changed = _take(code, fields)
    code.save(update_fields=changed)
    note_edit(record=code, before=before, by=by, at=at)
    return code


def is_referenced(code: LineItemCode) -> bool:
    """Whether any record names this code: a document, a lot, a usage, a movement. Asked of every table, also of higher
    apps; those without a foreign key in the database (the journal) only repeat what others say.
    """
    for relation in LineItemCode._meta.get_fields(include_hidden=True):
        field = getattr(relation, "field", None)
        if relation.auto_created and field is not None and getattr(field, "db_constraint", False):
            model: Any = relation.related_model
            if model._base_manager.filter(**{field.name: code}).exists():
                return True
    return False


def _take(code: LineItemCode, fields: dict[str, Any]) -> list[str]:
    unknown = set(fields) - set(CHANGEABLE)
    if unknown:
        raise TypeError(f"not fields of a code that can change: {sorted(unknown)}")
    if fields.get("unit_weight", ZERO) < 0:
        raise ValidationError({"unit_weight": f"The weight of a unit cannot be negative. {NOTHING}"})
    for name in ACCOUNT_FIELDS:
        number = fields.get(name, "")
        # What stands there already may have become inactive since.
        if number and number != getattr(code, name):
            _refuse_unknown_account(name, number)
    is_other_cost = fields.get("account_cost", "") not in ("", code.account_cost)
    for name, value in fields.items():
        setattr(code, name, value)
    _refuse_one_account_for_both(code)
    if is_other_cost and (reason := why_not_other_side(Account.objects.get(number=code.account_cost))):
        raise ValidationError({"account_cost": f"{reason} {NOTHING}"})
    return list(fields)


def _refuse_unknown_account(name: str, number: str) -> None:
    account = Account.objects.filter(number=number).first()
    if account is None:
        raise ValidationError({name: f"There is no account {number} in the chart of accounts. {NOTHING}"})
    if not account.is_active:
        raise ValidationError({name: f"Account {account} is not active. {NOTHING}"})
    if name == "account_inventory" and account.kind != "ASSET":
        raise ValidationError({name: f"Inventory is kept on an asset; {account} is none. {NOTHING}"})
    if name == "account_inventory" and (reason := why_not_inventory(account)):
        raise ValidationError({name: f"{reason} {NOTHING}"})


def _refuse_one_account_for_both(code: LineItemCode) -> None:
    """A cost that went to the account it comes from would vanish from the lots and not from the books."""
    if not (code.account_cost or code.account_inventory):
        return
    cost = code.account_cost or default_account("cost").number
    if cost == (code.account_inventory or default_account("inventory").number):
        raise ValidationError({"account_cost": f"Cost and inventory need two accounts; both are {cost}. {NOTHING}"})


def _refuse_if_there_is_some(code: LineItemCode) -> None:
    sums = InventoryTransaction.objects.filter(code=code).aggregate(
        on_hand=Sum("on_hand", default=ZERO), on_order=Sum("on_order", default=ZERO), demand=Sum("demand", default=ZERO)
    )
    labels = {"on_hand": "on hand", "on_order": "on order", "demand": "of demand"}
    left = [f"{sums[name].normalize():f} {label}" for name, label in labels.items() if sums[name]]
    if left:
        raise ValidationError({"status": f"{code} still has {', '.join(left)}, so it stays as it is. {NOTHING}"})
