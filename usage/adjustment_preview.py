"""What posting an adjustment will make: found out by posting it and taking that back, so it cannot be otherwise."""

from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from django.core.exceptions import ValidationError
from django.db import transaction

from inventory_site.money import quantity_text
from lots.models import Account, InventoryTransaction, LotCostEvent
from usage.adjusting import lines_to_post, refuse_header
from usage.adjustment_posting import post_lines
from usage.models import AdjustmentRecord, InventoryAdjustment


class Planned(NamedTuple):
    """A record that will be made."""

    kind: str
    code: str
    office: str
    place: str
    quantity: Decimal
    value: Decimal | None
    account: str
    note: str


def planned_records(adjustment: InventoryAdjustment, *, at: datetime) -> list[Planned]:
    """The usages, lots and transactions that posting would write at this moment. Nothing is kept.

    Raises ValidationError where posting would be refused; approval is not asked for.
    """
    with transaction.atomic():
        trial = InventoryAdjustment.objects.get(pk=adjustment.pk)
        try:
            lines, is_split = lines_to_post(trial)
            refuse_header(trial, at=at)
            post_lines(trial, lines, is_split=is_split)
        except Account.DoesNotExist as missing:
            raise ValidationError(str(missing)) from missing
        planned = _written_for(trial)
        transaction.set_rollback(True)
    return planned


def _account_of(record: AdjustmentRecord) -> Account | None:
    """What the usage is charged to, or what the lot is credited to."""
    if record.usage is not None:
        return record.usage.account
    events = LotCostEvent.objects.filter(lot=record.lot, source_number=record.line.adjustment.number)
    event = events.select_related("account").order_by("-pk").first()
    return event.account if event else None


def _written_for(adjustment: InventoryAdjustment) -> list[Planned]:
    planned = []
    records = AdjustmentRecord.objects.filter(line__adjustment=adjustment).order_by("pk")
    related = ("line__adjustment", "line__into_lot", "usage__code", "usage__office", "usage__account")
    for record in records.select_related(*related, "lot__code", "lot__office"):
        made = record.usage or record.lot
        assert made is not None  # noqa: S101  (a record names what was made; this tells the type checker)
        usage, lot = record.usage, record.lot
        if usage is not None:
            lots = ", ".join(usage.restrictions.order_by("lot").values_list("lot__number", flat=True))
            feeds = usage.feeds.count()
            note = f"only from lot {lots}" if lots else ""
            if feeds:
                note = "; ".join(filter(None, [note, f"its cost goes into {feeds} lot{'s' if feeds > 1 else ''}"]))
        else:
            note = f"added to lot {record.line.into_lot}" if record.line.into_lot_id else ""
            if lot is not None and lot.is_fed:
                note = "costs what goes into it"
        planned.append(
            Planned(
                kind="Usage" if usage is not None else "Lot",
                code=made.code.code,
                office=made.office.code if made.office else "",
                place=record.line.bin,
                quantity=usage.quantity if usage is not None else record.quantity,
                value=record.value if lot is not None and not lot.is_fed else None,
                account=str(_account_of(record) or ""),
                note=note,
            )
        )
    movements = InventoryTransaction.objects.filter(source_number=adjustment.number).order_by("pk")
    planned += [
        Planned(
            kind="Transaction",
            code=row.code.code,
            office=row.office.code if row.office else "",
            place=row.bin,
            quantity=row.on_hand,
            value=None,
            account="",
            note=f"On Hand {'+' if row.on_hand > 0 else '-'}{quantity_text(abs(row.on_hand))}",
        )
        for row in movements.select_related("code", "office")
    ]
    return planned
