"""InventoryUsage is a fact and never updated; what is open of it stands in OpenUsage, whose row goes when it closes.

A table that empties costs a run a fifth of what updating a status on the facts would (docs/performance.md).
"""

from django.conf import settings
from django.db import models
from django.urls import reverse

from inventory_site.fields import MoneyField, QuantityField
from inventory_site.models import append_only
from lots.models import Account, CostPool, InventoryLot, LineItemCode, Office


class InventoryUsage(models.Model):
    """One consumption (quantity > 0) or return (quantity < 0) of goods. The primary key is the entry number."""

    number = models.CharField(max_length=60, unique=True, verbose_name="usage")
    code = models.ForeignKey(LineItemCode, on_delete=models.PROTECT, related_name="usages", db_index=False)
    office = models.ForeignKey(
        Office, on_delete=models.PROTECT, null=True, blank=True, related_name="+", db_index=False
    )
    department = models.CharField(max_length=60, blank=True)
    used_at = models.DateTimeField(verbose_name="date")
    quantity = QuantityField()
    source_kind = models.CharField(max_length=20, blank=True)
    source_number = models.CharField(max_length=60, blank=True, verbose_name="transaction ID")
    order = models.CharField(max_length=60, blank=True)
    reference = models.CharField(max_length=200, blank=True, verbose_name="ref #(s)")
    # What its cost is charged to, as it was when it was recorded.
    account = models.ForeignKey(Account, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)
    original = models.ForeignKey(
        "self",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="returns",
        verbose_name="returns usage",
        db_index=False,
    )

    class Meta:
        verbose_name = "inventory usage"
        verbose_name_plural = "inventory usage"
        ordering = ("pk",)
        triggers = append_only("inventory_usage")
        constraints = [
            models.CheckConstraint(
                condition=~models.Q(quantity=0),
                name="usage_quantity_not_zero",
                violation_error_message="A usage of nothing is no usage.",
            ),
            models.CheckConstraint(condition=~models.Q(original=models.F("id")), name="usage_returns_another"),
        ]
        indexes = [
            models.Index(fields=["code", "used_at", "id"], name="usage_of_a_code_in_order"),
            models.Index(fields=["used_at", "id"], name="usage_by_date_for_the_list"),
            models.Index(fields=["source_number"], name="usage_by_transaction_id"),
            models.Index(fields=["order"], name="usage_by_order"),
            # Replaces the foreign key's own index: most usages return nothing.
            models.Index(
                fields=["original"], condition=models.Q(original__isnull=False), name="usage_that_returns_another"
            ),
        ]

    def __str__(self) -> str:
        return self.number

    def get_absolute_url(self) -> str:
        return reverse("usage:usage", args=[self.pk])

    @property
    def history_name(self) -> str:
        """Under which its history is kept: an order may have the same plain number."""
        return f"Usage {self.number}"


class OpenUsage(models.Model):
    """What is unallocated of a usage. The usage's quantity stands beside it so that the bound is the row's own."""

    usage = models.OneToOneField(InventoryUsage, on_delete=models.PROTECT, primary_key=True, related_name="open_usage")
    pool = models.ForeignKey(CostPool, on_delete=models.PROTECT, related_name="open_usages", db_index=False)
    used_at = models.DateTimeField()
    quantity = QuantityField()
    quantity_unallocated = QuantityField()
    # Sum of the allocations so far: ~ COGS of an open usage without reading its history.
    amount_allocated = MoneyField(default=0)
    # Copied from the fact, so that a run reads only what is open.
    original = models.ForeignKey(
        InventoryUsage,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        db_constraint=False,
        db_index=False,
    )
    is_restricted = models.BooleanField(default=False)
    # Accrued COGS that stands in the books for what is unallocated; the run that finds the true cost takes it back.
    accrued_booked = MoneyField(default=0, db_default=0)

    class Meta:
        verbose_name = "open usage"
        verbose_name_plural = "open usage"
        constraints = [
            models.CheckConstraint(
                condition=(
                    models.Q(quantity_unallocated__gt=0, quantity_unallocated__lte=models.F("quantity"))
                    | models.Q(quantity_unallocated__lt=0, quantity_unallocated__gte=models.F("quantity"))
                ),
                name="open_usage_unallocated_within_quantity",
            )
        ]
        indexes = [models.Index(fields=["pool", "used_at", "usage"], name="open_usage_of_a_pool_in_order")]

    def __str__(self) -> str:
        return f"{self.usage_id}: {self.quantity_unallocated}"


class UsageLotRestriction(models.Model):
    """A lot that a usage may touch (special order, serialized, manufacturer lot); several rows make the set."""

    usage = models.ForeignKey(InventoryUsage, on_delete=models.PROTECT, related_name="restrictions")
    lot = models.ForeignKey(InventoryLot, on_delete=models.PROTECT, related_name="+")

    class Meta:
        verbose_name = "lot restriction"
        triggers = append_only("usage_lot_restriction")
        constraints = [models.UniqueConstraint(fields=["usage", "lot"], name="usage_restricted_to_a_lot_once")]

    def __str__(self) -> str:
        return f"{self.usage_id} only from {self.lot_id}"


class RestrictionRelease(models.Model):
    """A usage that may touch any lot again: the one its restriction named could never serve it. Append-only."""

    usage = models.OneToOneField(
        InventoryUsage, on_delete=models.PROTECT, primary_key=True, related_name="restriction_release"
    )
    at = models.DateTimeField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    reason = models.CharField(max_length=200, blank=True)

    class Meta:
        verbose_name = "restriction release"
        triggers = append_only("restriction_release")

    def __str__(self) -> str:
        return f"{self.usage_id} released"
