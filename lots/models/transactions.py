"""InventoryTransaction: the quantity ledger. Append-only; every balance of a code is a plain sum over these rows."""

from django.db import models
from django.urls import reverse

from inventory_site.fields import QuantityField
from inventory_site.models import append_only
from lots.models.items import LineItemCode, Office
from lots.models.lots import InventoryLot


class InventoryTransaction(models.Model):
    """One movement. Demand is stored negative (an opened order), as in the guides; the primary key is its number."""

    code = models.ForeignKey(LineItemCode, on_delete=models.PROTECT, related_name="transactions", db_index=False)
    office = models.ForeignKey(
        Office, on_delete=models.PROTECT, null=True, blank=True, related_name="+", db_index=False
    )
    at = models.DateTimeField(verbose_name="date")
    source_kind = models.CharField(max_length=20, blank=True)
    source_number = models.CharField(max_length=60, blank=True, verbose_name="transaction ID")
    lot = models.ForeignKey(
        InventoryLot, on_delete=models.PROTECT, null=True, blank=True, related_name="transactions", db_index=False
    )
    bin = models.CharField(max_length=40, blank=True, db_default="")
    manufacturer_lot = models.CharField(max_length=60, blank=True, db_default="")
    on_order = QuantityField(default=0)
    demand = QuantityField(default=0)
    on_hand = QuantityField(default=0)
    reverses = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="+", db_index=False
    )

    class Meta:
        verbose_name = "inventory transaction"
        ordering = ("pk",)
        triggers = append_only("inventory_transaction")
        constraints = [
            models.CheckConstraint(
                condition=~models.Q(on_order=0, demand=0, on_hand=0), name="transaction_moves_something"
            )
        ]
        indexes = [
            models.Index(fields=["code", "at", "id"], name="transactions_of_a_code_running"),
            models.Index(fields=["source_number"], name="transactions_by_document"),
            models.Index(
                fields=["code", "manufacturer_lot"],
                condition=~models.Q(manufacturer_lot=""),
                name="transactions_of_a_manufacturer",
            ),
            models.Index(fields=["lot"], condition=models.Q(lot__isnull=False), name="transactions_of_a_lot"),
        ]

    def __str__(self) -> str:
        return str(self.pk)

    def get_absolute_url(self) -> str:
        return reverse("lots:transaction", args=[self.pk])


class SerialMovement(models.Model):
    """A serial number that a transaction brought in (+1) or took out (-1). In stock = the sum over its rows is 1."""

    transaction = models.ForeignKey(InventoryTransaction, on_delete=models.PROTECT, related_name="serials")
    code = models.ForeignKey(LineItemCode, on_delete=models.PROTECT, related_name="+", db_index=False)
    serial = models.CharField(max_length=60)
    direction = models.SmallIntegerField()

    class Meta:
        verbose_name = "serial movement"
        ordering = ("pk",)
        triggers = append_only("serial_movement")
        constraints = [
            models.CheckConstraint(condition=models.Q(direction__in=[1, -1]), name="serial_comes_or_goes"),
            models.UniqueConstraint(fields=["transaction", "serial"], name="serial_once_per_transaction"),
        ]
        indexes = [models.Index(fields=["code", "serial", "id"], name="movements_of_a_serial")]

    def __str__(self) -> str:
        return self.serial
