"""CogsAllocation: which lot paid for which usage, in which run. Append-only; every cached sum is derived from it."""

from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import Q

from inventory_site.fields import MoneyField, QuantityField
from inventory_site.models import append_only
from lots.models import InventoryLot
from reconciliation.models.runs import ReconciliationRun
from usage.models import InventoryUsage


class CogsAllocation(models.Model):
    """Signed in the usage's sense: a draw is positive, a give-back negative, a true-up moves money only.

    Merged to one row per run, usage, lot and kind. Its parents carry no database foreign key, because row-by-row checks
    cost most of a run: they can never be deleted (the database refuses), a run writes only what it read under the
    pools' locks in the same transaction, and `verify_ledger` looks again.
    """

    class Kind(models.TextChoices):
        DRAW = "DRAW", "Draw"
        GIVE_BACK = "GIVE_BACK", "Give back"
        TRUE_UP = "TRUE_UP", "True-up"

    run = models.ForeignKey(
        ReconciliationRun, on_delete=models.PROTECT, related_name="+", db_constraint=False, db_index=False
    )
    usage = models.ForeignKey(
        InventoryUsage, on_delete=models.PROTECT, related_name="allocations", db_constraint=False, db_index=False
    )
    lot = models.ForeignKey(
        InventoryLot, on_delete=models.PROTECT, related_name="allocations", db_constraint=False, db_index=False
    )
    kind = models.CharField(max_length=9, choices=Kind.choices)
    quantity = QuantityField()
    amount = MoneyField()
    # The day it counts in the books.
    dated = models.DateField()

    class Meta:
        verbose_name = "COGS allocation"
        verbose_name_plural = "COGS allocations"
        ordering = ("pk",)
        triggers = append_only("cogs_allocation")
        constraints = [
            models.CheckConstraint(
                condition=Q(kind="DRAW", quantity__gt=0, amount__gte=0)
                | Q(kind="GIVE_BACK", quantity__lt=0, amount__lte=0)
                | (Q(kind="TRUE_UP", quantity=0) & ~Q(amount=0)),
                name="allocation_sign_agrees_with_kind",
            ),
            # Starts with the usage, so that it serves the usage's page too.
            models.UniqueConstraint(fields=["usage", "lot", "run", "kind"], name="allocation_once_per_run_and_kind"),
        ]
        indexes = [
            models.Index(fields=["lot", "id"], name="allocations_of_a_lot"),
            # Runs append in order, so a block-range index finds a run's rows at next to no cost of writing.
            BrinIndex(fields=["run"], name="allocations_of_a_run", autosummarize=True),
            # Within a batch in the order of usage, which is roughly that of days: finds what counts later than a day.
            BrinIndex(fields=["dated"], name="allocations_by_day", pages_per_range=64, autosummarize=True),
        ]

    def __str__(self) -> str:
        return f"{self.usage_id} <- {self.lot_id}: {self.quantity}"
