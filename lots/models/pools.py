"""CostPool: the unit of work, the lock, and the summary that list pages read.

One row per code; where inter-office COGS is prevented, one per code and office, and a blank office is a pool of its
own. Every service that records a lot or a usage updates the pool in the same transaction, so the row is also what
serialises postings and runs on one code. `verify_ledger` recomputes every figure here.
"""

from django.db import models

from inventory_site.fields import MoneyField, QuantityField
from lots.models.items import LineItemCode, Office


class CostPool(models.Model):
    """Sums over one pool. Quantities are signed in the usage's sense: positive consumes, negative was returned."""

    code = models.ForeignKey(LineItemCode, on_delete=models.PROTECT, related_name="pools")
    office = models.ForeignKey(Office, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    # A posting notes here that there is work; a run that has brought the pool to rest takes the note away.
    has_work = models.BooleanField(default=False)
    work_noted_at = models.DateTimeField(null=True, blank=True)
    # A run gave up on it. No run starts on its own for it until a posting changes something; one that is asked for
    # tries it again.
    is_set_aside = models.BooleanField(default=False)

    lot_count = models.IntegerField(default=0)
    quantity_received = QuantityField(default=0)
    quantity_used = QuantityField(default=0)
    value_received = MoneyField(default=0)
    value_used = MoneyField(default=0)

    usage_count = models.IntegerField(default=0)
    usage_quantity = QuantityField(default=0)

    open_count = models.IntegerField(default=0)
    open_quantity = QuantityField(default=0)
    open_amount_allocated = MoneyField(default=0)
    open_unallocated = QuantityField(default=0)
    open_unallocated_positive = QuantityField(default=0)
    open_unallocated_negative = QuantityField(default=0)
    open_accrued_cogs = MoneyField(default=0)

    # How often its lots were costed anew by what feeds them since somebody last posted: a ring shows here.
    recost_rounds = models.SmallIntegerField(default=0, db_default=0)
    last_run_passes = models.BigIntegerField(default=0)

    class Meta:
        verbose_name = "cost pool"
        ordering = ("code__code", "pk")
        constraints = [
            models.UniqueConstraint(
                fields=["code", "office"], nulls_distinct=False, name="one_pool_per_code_and_office"
            ),
            models.CheckConstraint(
                condition=models.Q(quantity_used__gte=0, quantity_used__lte=models.F("quantity_received")),
                name="pool_used_within_received",
            ),
            models.CheckConstraint(
                condition=models.Q(
                    open_unallocated=models.F("open_unallocated_positive") + models.F("open_unallocated_negative"),
                    open_unallocated_positive__gte=0,
                    open_unallocated_negative__lte=0,
                ),
                name="pool_unallocated_is_positive_plus_negative",
            ),
        ]
        indexes = [models.Index(fields=["id"], condition=models.Q(has_work=True), name="pools_with_work_for_runs")]

    def __str__(self) -> str:
        return f"{self.code} ({self.office})" if self.office_id else str(self.code)
