"""How cost travels from usage into lots: feeds are made here, and notes that a fed lot is to be costed anew."""

from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Decimal

from django.db.models import F
from django.db.models.functions import Now

from inventory_site.fields import MONEY_STEP
from lots.models import InventoryLot, LineItemCode
from usage.models import InventoryUsage, LotFeed, LotRecost
from usage.models.feeds import WHOLE


def lot_feed(*, usage: InventoryUsage, lot: InventoryLot, share_from: int = 0, share_to: int = WHOLE) -> LotFeed:
    """Let the usage's cost go into the lot, the part between two cumulative shares in millionths of it."""
    feed = LotFeed.objects.create(usage=usage, lot=lot, share_from=share_from, share_to=share_to)
    recost_note([lot.pk])
    return feed


def recost_note(lots: Iterable[int]) -> None:
    """Note that these lots (primary keys) are to be costed anew. Noting twice is noting once.

    A note that is there already is locked all the same: whoever is about to take it away waits until what we have
    written is there to be read.
    """
    LotRecost.objects.bulk_create(
        [LotRecost(lot_id=lot, noted_at=Now()) for lot in sorted(set(lots))],
        update_conflicts=True,
        unique_fields=["lot"],
        update_fields=["noted_at"],
    )


def recost_fed_by_open_usage(code: LineItemCode) -> None:
    """The estimate of this code changed: every lot fed by open usage of it is worth something else."""
    recost_note(LotFeed.objects.filter(usage__code=code, usage__open_usage__isnull=False).values_list("lot", flat=True))


def shared(amount: Decimal, *, share_from: int, share_to: int) -> Decimal:
    """Pure: the part of an amount between two cumulative shares, to the cent; parts that meet add up exactly."""
    upto, before = (
        (amount * share / WHOLE).quantize(MONEY_STEP, rounding=ROUND_HALF_UP) for share in (share_to, share_from)
    )
    return upto - before


def fed_lots(usages: Iterable[int]) -> list[int]:
    """The lots (primary keys, in order) that these usages feed."""
    return list(
        LotFeed.objects.filter(usage__in=list(usages)).order_by("lot").values_list(F("lot"), flat=True).distinct()
    )
