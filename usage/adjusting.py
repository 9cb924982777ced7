"""Verbs of inventory adjustments: save, approve, post, void. Each is one transaction that does all of it or nothing.

What posting a line makes:

* Count, Loss: usage, charged to the adjustment's account (a count up is a negative usage: a return).
* Beginning Balance: a lot, or growth of one, credited to the account; a line below zero makes usage.
* Transfer: within an office two movements; between offices usage in process that feeds a lot at the other office.
* Assembly, Division: usage in process of the components, which feeds the lots of the products.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import transaction

from inventory_site.document_forms import LineError
from inventory_site.money import money_text
from lots.accounts import why_not_other_side
from lots.history import history_note
from lots.locks import lock_pools_of, preference_in_force
from lots.models import (
    Account,
    LineItemCode,
    Office,
    PostingStatus,
    Preference,
    RecordHistory,
)
from lots.numbers import document_number
from lots.periods import refuse_future
from usage.adjustment_costs import adjustment_amount
from usage.adjustment_lines import (
    ZERO,
    Type,
    line_problems,
    structure_problem,
)
from usage.adjustment_posting import post_lines
from usage.adjustment_stock import on_hand_as_of, stock_problems, system_balances
from usage.adjustment_voiding import void_records, what_is_used, why_tied_elsewhere
from usage.adjustment_warnings import unready_lines, warnings
from usage.models import AdjustmentLine, InventoryAdjustment, InventoryUsage
from usage.services import restriction_release

__all__ = [
    "RELEASED_BECAUSE",
    "Previewed",
    "adjustment_amount",
    "adjustment_approve",
    "adjustment_post",
    "adjustment_save",
    "adjustment_void",
    "awaits_approval",
    "lines_to_post",
    "needs_approval",
    "on_hand_as_of",
    "warnings",
    "why_not_approve",
    "why_not_edit",
    "why_not_here",
    "why_not_post",
    "why_not_void",
]


class Previewed(NamedTuple):
    """The preview that an adjustment was made from: what it was planned from, and what it said, in words."""

    fingerprint: str
    said: str


LINE_FIELDS = frozenset(
    {
        "role", "code", "quantity", "count", "unit_cost", "share", "bin", "to_bin", "manufacturer_lot", "serials",
        "into_lot",
    }
)  # fmt: skip
RELEASED_BECAUSE = "None of the lots that it was tied to can serve it"


# -- Verbs -------------------------------------------------------------------------------------------
@transaction.atomic
def adjustment_save(
    *,
    adjustment: InventoryAdjustment | None,
    adjustment_type: str,
    adjusted_at: datetime,
    office: Office | None,
    to_office: Office | None = None,
    account: Account | None = None,
    description: str = "",
    lines: Sequence[Mapping[str, Any]],
    by: User | None,
    at: datetime,
    previewed: Previewed | None = None,
    releases: Collection[InventoryUsage] = (),
    number: str = "",
) -> InventoryAdjustment:
    """Write a pending adjustment, or write it anew: its lines are replaced, and what was approved no longer is.

    Nothing moves. Lines are mappings of `code` and what the type needs of role, quantity, count, unit_cost, share (in
    millionths), bin, to_bin, manufacturer_lot, serials and into_lot. A count line gets On Hand as of `adjusted_at` as
    its system balance, and as its quantity what the count differs by, unless one is given. `releases` are usages that
    posting will let go from their lots. What was made from a preview is only written anew as `previewed` once more: it
    would lose what it releases, and that it resolves its code. Raises ValidationError, with a LineError for each line
    that cannot be.
    """
    is_split = preference_in_force().prevent_inter_office
    if adjustment is None:
        saved = InventoryAdjustment(created_by=by)
        saved.number = document_number(InventoryAdjustment, "adjustment", "INVTRYADJ-", given=number)
    else:
        saved = _locked(adjustment)
        if reason := why_not_edit(saved, is_previewed=previewed is not None):
            raise ValidationError(f"{reason} Nothing was saved.")
    is_transfer = adjustment_type == Type.TRANSFER
    saved.adjustment_type = adjustment_type
    saved.adjusted_at = adjusted_at
    saved.office = office
    saved.to_office = to_office if is_transfer and to_office != office else None
    saved.account = account
    saved.description = description
    saved.approved_by = saved.approved_amount = None
    saved.preview_fingerprint = previewed.fingerprint if previewed else ""
    if is_split and office is None:
        raise ValidationError(
            {"office": "Name the office: inter-office COGS is prevented, so each office has costs of its own."}
        )
    # A preview asked that already.
    if account is not None and previewed is None and (reason := why_not_other_side(account)):
        raise ValidationError({"account": f"{reason} Nothing was saved."})
    made = [_line(position, line) for position, line in enumerate(lines, start=1)]
    if adjustment_type == Type.COUNT:
        _work_out_counts(saved, made, lines)
    _refuse_bad_lines(saved, made, is_split=is_split)
    saved.save()
    saved.lines.all().delete()
    for line in made:
        line.adjustment = saved
    AdjustmentLine.objects.bulk_create(made)
    saved.releases.set(releases)
    said = f" {previewed.said}" if previewed else ""
    history_note(
        number=saved.number,
        action="Created" if adjustment is None else "Edited",
        by=by,
        at=at,
        note=f"{_text_of(saved, made)}{said}",
    )
    return saved


@transaction.atomic
def adjustment_approve(
    *, adjustment: InventoryAdjustment, by: User, at: datetime, previewed: Previewed | None = None
) -> InventoryAdjustment:
    """Note that a second person agrees, and up to which amount; what was made from a preview is agreed to as
    `previewed` now. Raises ValidationError where none is needed, who had a hand in it asks, or the preview is another.
    """
    _locked(adjustment)
    if reason := why_not_approve(adjustment, by) or _why_not_as_previewed(adjustment, previewed):
        raise ValidationError(f"{reason} Nothing was changed.")
    adjustment.approved_by = by
    adjustment.approved_amount = amount = adjustment_amount(_lines_of(adjustment))
    adjustment.save(update_fields=["approved_by", "approved_amount"])
    note = f"Amount {money_text(amount)}.{f' {previewed.said}' if previewed else ''}"
    history_note(number=adjustment.number, action="Approved", by=by, at=at, note=note)
    return adjustment


@transaction.atomic
def adjustment_post(
    *, adjustment: InventoryAdjustment, by: User | None, at: datetime, previewed: Previewed | None = None
) -> InventoryAdjustment:
    """Make what each line stands for, dated as the adjustment is: usage, lots, feeds and movements; and let the usage
    go that it releases.

    Writes an AdjustmentRecord for each usage and lot, and history. Locks the document, then the pools of all its codes;
    looks again at everything under the locks. What was made from a preview is posted by who holds the pool's lock and
    previewed it again (`reconciliation/resolving.py`). Raises ValidationError (LineError for a line) and then nothing
    is posted.
    """
    lines, is_split = lines_to_post(adjustment)
    if reason := why_not_post(adjustment, by, lines) or _why_not_as_previewed(adjustment, previewed):
        raise ValidationError(f"{reason} Nothing was posted.")
    refuse_header(adjustment, at=at)
    try:
        posted = post_lines(adjustment, lines, is_split=is_split)
    except Account.DoesNotExist as missing:
        raise ValidationError(str(missing)) from missing
    for usage in adjustment.releases.order_by("pk"):
        restriction_release(usage=usage, by=by, at=at, reason=RELEASED_BECAUSE, document=adjustment.number)
    adjustment.status = PostingStatus.POSTED
    adjustment.save(update_fields=["status"])
    note = f"{_text_of(adjustment, lines)} {posted}."
    if previewed:
        note += f" {previewed.said}"
    history_note(number=adjustment.number, action="Posted", by=by, at=at, note=note)
    return adjustment


def lines_to_post(adjustment: InventoryAdjustment) -> tuple[list[AdjustmentLine], bool]:
    """Lock the document and the pools of all its codes, look at its lines again under the locks, and give them; and
    whether each office has pools of its own. Raises ValidationError. For whoever posts, in a transaction.
    """
    is_split = preference_in_force().prevent_inter_office
    _locked(adjustment)
    lines = _lines_of(adjustment)
    if not lines:
        raise ValidationError(f"Adjustment {adjustment.number} has no lines. Nothing was posted.")
    _lock_pools(adjustment, lines)
    if adjustment.status == PostingStatus.PENDING:
        # Each office may have got costs of its own since it was saved.
        if is_split and adjustment.office is None:
            raise ValidationError(
                f"Adjustment {adjustment.number} names no office, and inter-office COGS is prevented by now: each"
                " office has costs of its own. Edit it, and name the office. Nothing was posted."
            )
        _refuse_bad_lines(adjustment, lines, is_split=is_split)
        if wrong := list(unready_lines(adjustment, lines)):
            raise ValidationError(wrong)
    return lines, is_split


def refuse_header(adjustment: InventoryAdjustment, *, at: datetime) -> None:
    """Raise ValidationError for what no line is to blame for: a date that is still to come, an account of lots."""
    refuse_future(adjustment.adjusted_at, now=at)
    # It may have become an account of lots since it was chosen.
    if adjustment.account is not None and (reason := why_not_other_side(adjustment.account)):
        raise ValidationError(f"{reason} Nothing was posted.")


@transaction.atomic
def adjustment_void(
    *, adjustment: InventoryAdjustment, by: User | None, at: datetime, reason: str = ""
) -> InventoryAdjustment:
    """Undo an adjustment: of a pending one nothing was posted; of a posted one everything is mirrored, dated `at`.

    Usage gets its opposite, linked so that it goes back to the same lots; lots give up what they got; movements are
    reversed. Raises ValidationError with what stands in the way: a lot that it made and that others use.
    """
    preference_in_force()
    _locked(adjustment)
    lines = _lines_of(adjustment)
    _lock_pools(adjustment, lines)
    if why := why_not_void(adjustment):
        raise ValidationError(f"{why} Nothing was changed.")
    if adjustment.status == PostingStatus.POSTED:
        void_records(adjustment, lines, by=by, at=at)
    adjustment.status = PostingStatus.VOID
    adjustment.save(update_fields=["status"])
    history_note(number=adjustment.number, action="Void", by=by, at=at, note=reason)
    return adjustment


# -- Reasons -----------------------------------------------------------------------------------------
def why_not_edit(adjustment: InventoryAdjustment, by: User | None = None, *, is_previewed: bool = False) -> str:
    """Why its form does not change it, or "". `is_previewed`: a preview was made of what it becomes."""
    if adjustment.status == PostingStatus.PENDING:
        if not adjustment.preview_fingerprint or is_previewed:
            return ""
        return (
            f"Adjustment {adjustment.number} resolves open usage just as it was previewed, so its form cannot change"
            " it: void it, and resolve the code again in Resolve with what you want instead."
        )
    state = "is posted" if adjustment.status == PostingStatus.POSTED else "is void"
    advice = " Void it, and enter another." if adjustment.status == PostingStatus.POSTED else ""
    return f"Adjustment {adjustment.number} {state}: only a pending one can be changed.{advice}"


def needs_approval(adjustment: InventoryAdjustment, lines: Sequence[AdjustmentLine] | None = None) -> bool:
    """Whether it is worth more than one person may post alone."""
    limit = Preference.current().approve_above
    return limit is not None and adjustment_amount(_lines_of(adjustment) if lines is None else lines) > limit


def awaits_approval(adjustment: InventoryAdjustment) -> bool:
    """Whether somebody has to approve it before it can be posted."""
    if adjustment.status != PostingStatus.PENDING or not needs_approval(adjustment):
        return False
    return not _is_approved(adjustment, _lines_of(adjustment))


def why_not_approve(adjustment: InventoryAdjustment, by: User | None = None) -> str:
    if adjustment.status != PostingStatus.PENDING:
        return f"Adjustment {adjustment.number} is not pending, so there is nothing to approve."
    if _is_approved(adjustment, _lines_of(adjustment)):
        return f"Adjustment {adjustment.number} was approved by {adjustment.approved_by}."
    if not needs_approval(adjustment):
        return f"Adjustment {adjustment.number} needs no approval: its amount is within the limit of the preferences."
    if by is not None and by.pk in _makers(adjustment):
        return f"You had a hand in adjustment {adjustment.number}: somebody else must approve it."
    return ""


def why_not_post(
    adjustment: InventoryAdjustment, by: User | None = None, lines: Sequence[AdjustmentLine] | None = None
) -> str:
    if adjustment.status != PostingStatus.PENDING:
        state = "posted already" if adjustment.status == PostingStatus.POSTED else "void"
        return f"Adjustment {adjustment.number} is {state}."
    lines = _lines_of(adjustment) if lines is None else lines
    if not lines:
        return f"Adjustment {adjustment.number} has no lines."
    if needs_approval(adjustment, lines):
        if not _is_approved(adjustment, lines):
            amount = money_text(adjustment_amount(lines))
            if adjustment.approved_by_id is not None:
                approved = money_text(adjustment.approved_amount or ZERO)
                return f"It was approved for {approved}, and is {amount} by now: somebody else must approve it anew."
            limit = money_text(Preference.current().approve_above or ZERO)
            return f"Its amount of {amount} is above {limit}: somebody else must approve it first."
        if by is not None and by.pk == adjustment.approved_by_id:
            return "You approved it, so somebody else must post it."
    return ""


def why_not_void(adjustment: InventoryAdjustment, by: User | None = None) -> str:
    if adjustment.status == PostingStatus.VOID:
        return f"Adjustment {adjustment.number} is void already."
    if adjustment.status == PostingStatus.PENDING:
        return ""
    return what_is_used(adjustment) or why_tied_elsewhere(adjustment)


def _is_approved(adjustment: InventoryAdjustment, lines: Sequence[AdjustmentLine]) -> bool:
    """Whether somebody agreed to as much as it is now: estimates may have changed since."""
    if adjustment.approved_by_id is None or adjustment.approved_amount is None:
        return False
    return adjustment_amount(lines) <= adjustment.approved_amount


def why_not_here(adjustment: InventoryAdjustment) -> str:
    """Why it is neither approved nor posted without a preview, or ""."""
    if not adjustment.preview_fingerprint:
        return ""
    return (
        f"Adjustment {adjustment.number} was made from a preview, which is to be made again: use its page in Resolve."
    )


def _why_not_as_previewed(adjustment: InventoryAdjustment, previewed: Previewed | None) -> str:
    """What was shown before it was saved must be what happens now."""
    if previewed is None:
        return why_not_here(adjustment)
    if previewed.fingerprint == adjustment.preview_fingerprint:
        return ""
    return f"The records changed after adjustment {adjustment.number} was previewed."


# -- Parts -------------------------------------------------------------------------------------------
def _locked(adjustment: InventoryAdjustment) -> InventoryAdjustment:
    """Lock the document and bring it up to date in place."""
    InventoryAdjustment.objects.select_for_update().get(pk=adjustment.pk)
    adjustment.refresh_from_db()
    return adjustment


def _lines_of(adjustment: InventoryAdjustment) -> list[AdjustmentLine]:
    lines = adjustment.lines.select_related("code", "into_lot__code").order_by("position", "pk")
    return list(lines)


def _lock_pools(adjustment: InventoryAdjustment, lines: Sequence[AdjustmentLine]) -> None:
    pairs: list[tuple[LineItemCode, Office | None]] = [(line.code, adjustment.office) for line in lines]
    if adjustment.to_office is not None:
        pairs += [(line.code, adjustment.to_office) for line in lines]
    lock_pools_of(pairs)
    # Lots that are grown were read before.
    for line in lines:
        if line.into_lot is not None:
            line.into_lot.refresh_from_db()


def _makers(adjustment: InventoryAdjustment) -> set[int]:
    """Everybody who wrote anything of it."""
    wrote = RecordHistory.objects.filter(
        number=adjustment.number, action__in=["Created", "Edited"], by__isnull=False
    ).values_list("by", flat=True)
    return {*wrote, *([adjustment.created_by_id] if adjustment.created_by_id else [])}


def _line(position: int, given: Mapping[str, Any]) -> AdjustmentLine:
    line = AdjustmentLine(position=position)
    for name, value in given.items():
        if name in LINE_FIELDS and value is not None:
            setattr(line, name, value)
    for name in ("bin", "to_bin", "manufacturer_lot"):
        setattr(line, name, getattr(line, name).strip())
    if given.get("quantity") is None:
        line.quantity = ZERO
    return line


def _work_out_counts(
    adjustment: InventoryAdjustment, lines: Sequence[AdjustmentLine], given: Sequence[Mapping[str, Any]]
) -> None:
    """Give the lines their system balance, and where no quantity is said the difference of the count from it."""
    balances = system_balances(lines, office=adjustment.office, at=adjustment.adjusted_at)
    uncounted = []
    for index, (line, balance) in enumerate(zip(lines, balances, strict=True)):
        line.system_balance = balance
        if given[index].get("quantity") is None:
            if line.count is None:
                uncounted.append(LineError(index, "Enter what was counted.", field="count"))
            else:
                line.quantity = line.count - balance
    if uncounted:
        raise ValidationError(uncounted)


def _refuse_bad_lines(adjustment: InventoryAdjustment, lines: Sequence[AdjustmentLine], *, is_split: bool) -> None:
    """Raise everything that is wrong, about the line that it concerns."""
    if problem := structure_problem(adjustment.adjustment_type, lines):
        raise ValidationError(problem)
    moves_bins = adjustment.adjustment_type == Type.TRANSFER and adjustment.to_office_id is None
    if wrong := line_problems(adjustment.adjustment_type, lines, moves_bins=moves_bins):
        raise ValidationError(wrong)
    if wrong := list(stock_problems(adjustment, lines, is_split=is_split)):
        raise ValidationError(wrong)


def _text_of(adjustment: InventoryAdjustment, lines: Sequence[AdjustmentLine]) -> str:
    count = f"{len(lines)} line{'s' if len(lines) != 1 else ''}"
    return f"{adjustment.get_adjustment_type_display()}, {count}, amount {money_text(adjustment_amount(lines))}."
