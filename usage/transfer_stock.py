"""What a transfer between offices draws on: lots that are there when it is posted, and that hold what it moves.

Usage that could draw on anything could draw on the very lot that it feeds. That lot would cost what it costs, and what
comes in later would not serve the usage. Of lots that were there before, it can only go forward.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal

from django.core.exceptions import ValidationError
from django.db.models import Exists, OuterRef, Q, Sum

from inventory_site.money import quantity_text
from lots.models import InventoryLot, LineItemCode, Office
from usage.adjustment_lines import ZERO
from usage.models import OpenUsage, UsageLotRestriction


class TransferStock:
    """What the lots of one adjustment's codes have to give; each line that takes some leaves less for the next."""

    def __init__(self, *, office: Office | None, is_split: bool) -> None:
        self.office, self.is_split = office, is_split
        self.claims: list[tuple[frozenset[int], Decimal]] = []

    def take(
        self, *, code: LineItemCode, quantity: Decimal, named: Sequence[InventoryLot] | None = None
    ) -> list[InventoryLot]:
        """The lots that so much is moved from: of those named (by manufacturer lot or serial number), or of this
        office's if they hold it, or, where offices share their costs, of all.

        Raises ValidationError where they do not hold it.
        """
        choices = [stocked(named)] if named is not None else self.choices(code)
        free = ZERO
        for lots in choices:
            left = self.free(lots)
            if left >= quantity:
                self.claims.append((frozenset(lot.pk for lot in lots), quantity))
                return lots
            free = max(free, left)
        raise ValidationError(self.refusal(code, quantity, free))

    def choices(self, code: LineItemCode) -> list[list[InventoryLot]]:
        found = InventoryLot.objects.filter(code=code, quantity_current__gt=0)
        if self.is_split:
            return [list(found.filter(office=self.office).order_by("pk"))]
        everywhere = list(found.order_by("pk"))
        return [[lot for lot in everywhere if lot.office_id == self.office_id], everywhere]

    @property
    def office_id(self) -> int | None:
        return self.office.pk if self.office is not None else None

    def free(self, lots: Iterable[InventoryLot]) -> Decimal:
        """What is left of these lots once open usage that may touch them is served, and lines before this one."""
        by_pk = {lot.pk: lot for lot in lots}
        if not by_pk:
            return ZERO
        pools = {lot.pool_id for lot in by_pk.values()}
        tied = UsageLotRestriction.objects.filter(usage=OuterRef("usage"), lot__in=list(by_pk))
        waiting: Decimal = OpenUsage.objects.filter(
            Q(is_restricted=False) | Exists(tied), pool__in=pools, quantity_unallocated__gt=0
        ).aggregate(sum=Sum("quantity_unallocated", default=ZERO))["sum"]
        claimed = sum((quantity for lots, quantity in self.claims if not lots.isdisjoint(by_pk)), ZERO)
        free = sum((lot.quantity_received - lot.quantity_used for lot in by_pk.values()), -waiting - claimed)
        return max(free, ZERO)

    def refusal(self, code: LineItemCode, quantity: Decimal, free: Decimal) -> str:
        where = f"{self.office or 'No office'} has" if self.is_split else "There are"
        there = f"{where} {quantity_text(free) if free else 'none'} of {code} to move"
        return (
            f"{there}, not {quantity_text(quantity)}, once what is used already is drawn. Receive the rest first, or"
            " enter it by a Beginning Balance: a transfer moves what is in lots."
        )


def stocked(lots: Iterable[InventoryLot]) -> list[InventoryLot]:
    return [lot for lot in lots if lot.quantity_received > lot.quantity_used]
