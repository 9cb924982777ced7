"""LotFeed: the cost of this usage goes into that lot. How cost travels through production, divisions and transfers.

What a fed lot is worth follows from its feeds; whoever changes what a feeding usage costs leaves a LotRecost, and the
lot is costed anew under its own pool's lock.
"""

from django.db import models
from django.db.models.functions import Now

from inventory_site.models import append_only
from lots.models import InventoryLot
from usage.models.usage import InventoryUsage

WHOLE = 1_000_000


class LotFeed(models.Model):
    """The part of the usage's cost between two cumulative shares, in millionths: parts that meet add up to the cent.

    A job's components feed its lot whole (0 to 1,000,000), as an assembly's do; a division's parent feeds several lots,
    each from where the one before ended.
    """

    usage = models.ForeignKey(InventoryUsage, on_delete=models.PROTECT, related_name="feeds", db_index=False)
    lot = models.ForeignKey(InventoryLot, on_delete=models.PROTECT, related_name="fed_by")
    share_from = models.IntegerField(default=0)
    share_to = models.IntegerField(default=WHOLE)

    class Meta:
        verbose_name = "lot feed"
        ordering = ("pk",)
        triggers = append_only("lot_feed")
        constraints = [
            models.UniqueConstraint(fields=["usage", "lot"], name="usage_feeds_a_lot_once"),
            models.CheckConstraint(
                condition=models.Q(share_from__gte=0, share_from__lt=models.F("share_to"), share_to__lte=WHOLE),
                name="feed_share_is_part_of_the_whole",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.usage_id} -> {self.lot_id}"


class LotRecost(models.Model):
    """A fed lot whose feeds have changed in cost since it was costed: to be done, soon. The row goes when it is.

    `changed_from` and `changed_until`: when the first and the last of what changed happened. What the lot was worth
    before that stays as it is.
    """

    lot = models.OneToOneField(InventoryLot, on_delete=models.PROTECT, primary_key=True, related_name="recost")
    noted_at = models.DateTimeField(db_default=Now())
    changed_from = models.DateTimeField(db_default=Now())
    changed_until = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name = "lot to cost anew"

    def __str__(self) -> str:
        return str(self.lot_id)
