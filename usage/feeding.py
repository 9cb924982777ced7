"""How cost travels from usage into lots: feeds are made here, and notes that a fed lot is to be costed anew."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime, time
from decimal import ROUND_HALF_UP, Decimal

from django.db import connection
from django.utils import timezone

from inventory_site.fields import MONEY_STEP
from lots.models import InventoryLot, LineItemCode
from usage.models import InventoryUsage, LotFeed
from usage.models.feeds import WHOLE


def lot_feed(*, usage: InventoryUsage, lot: InventoryLot, share_from: int = 0, share_to: int = WHOLE) -> LotFeed:
    """Let the usage's cost go into the lot, the part between two cumulative shares in millionths of it."""
    feed = LotFeed.objects.create(usage=usage, lot=lot, share_from=share_from, share_to=share_to)
    recost_note([lot.pk], at=usage.used_at)
    return feed


# A note that is there already is locked all the same, and its days are widened.
_NOTE = """
INSERT INTO usage_lotrecost AS there (lot_id, noted_at, changed_from, changed_until)
SELECT lot, statement_timestamp(), coalesce(since, statement_timestamp()), coalesce(until, statement_timestamp())
FROM unnest(%(lots)s::bigint[], %(since)s::timestamptz[], %(until)s::timestamptz[]) AS noted(lot, since, until)
ORDER BY lot
ON CONFLICT (lot_id) DO UPDATE SET noted_at = excluded.noted_at,
    changed_from = least(there.changed_from, excluded.changed_from),
    changed_until = greatest(there.changed_until, excluded.changed_until)
"""


def recost_note(lots: Iterable[int], *, at: datetime | None = None) -> None:
    """Note that these lots (primary keys) are to be costed anew, for what happened `at` (now, when nothing is said).

    Noting twice is noting once, for the time from the first to the last. A note that is there already is locked all the
    same: whoever is about to take it away waits until what we have written is there to be read.
    """
    _note(dict.fromkeys(lots, (at, at)))


def recost_note_days(lots: Mapping[int, tuple[date, date]]) -> None:
    """Note as `recost_note` does, each lot for what happened between two days in the books."""
    _note({lot: (noon_of(first), noon_of(last)) for lot, (first, last) in lots.items()})


def noon_of(day: date) -> datetime:
    """The moment that stands for a day in the books."""
    return timezone.make_aware(datetime.combine(day, time(12)))


def _note(lots: Mapping[int, tuple[datetime | None, datetime | None]]) -> None:
    if lots:
        since, until = zip(*lots.values(), strict=True)
        with connection.cursor() as cursor:
            cursor.execute(_NOTE, {"lots": list(lots), "since": list(since), "until": list(until)})


def recost_fed_by_open_usage(code: LineItemCode, *, at: datetime) -> None:
    """The estimate of this code changed: every lot fed by open usage of it is worth something else from then on."""
    fed = LotFeed.objects.filter(usage__code=code, usage__open_usage__isnull=False)
    recost_note(fed.values_list("lot", flat=True), at=at)


def shared(amount: Decimal, *, share_from: int, share_to: int) -> Decimal:
    """Pure: the part of an amount between two cumulative shares, to the cent; parts that meet add up exactly."""
    upto, before = (
        (amount * share / WHOLE).quantize(MONEY_STEP, rounding=ROUND_HALF_UP) for share in (share_to, share_from)
    )
    return upto - before


def fed_lots(usages: Iterable[int]) -> list[tuple[int, int]]:
    """Which lots these usages feed: pairs of primary keys, usage and lot."""
    return list(LotFeed.objects.filter(usage__in=list(usages)).values_list("usage", "lot"))
