"""Inventory adjustments: Count, Loss, Transfer, Assembly, Division and Beginning Balance (INVTRYADJ-60000)."""

from django.conf import settings
from django.db import models
from django.urls import reverse

from inventory_site.fields import (
    MoneyField,
    OptionalMoneyField,
    OptionalQuantityField,
    OptionalUnitCostField,
    QuantityField,
)
from inventory_site.models import append_only
from lots.models import Account, InventoryLot, LineItemCode, Office, PostingStatus
from usage.models.usage import InventoryUsage


class InventoryAdjustment(models.Model):
    """A header with lines of one type. Pending moves nothing."""

    class Type(models.TextChoices):
        COUNT = "COUNT", "Count"
        LOSS = "LOSS", "Loss"
        TRANSFER = "TRANSFER", "Transfer"
        ASSEMBLY = "ASSEMBLY", "Assembly"
        DIVISION = "DIVISION", "Division"
        BEGINNING_BALANCE = "BEGINNING_BALANCE", "Beginning Balance"

    number = models.CharField(max_length=30, unique=True, verbose_name="adjustment")
    adjustment_type = models.CharField(max_length=17, choices=Type.choices, verbose_name="type")
    adjusted_at = models.DateTimeField(verbose_name="date")
    office = models.ForeignKey(Office, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    to_office = models.ForeignKey(Office, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    # The other side of the value: expense of a count or loss, equity of a beginning balance.
    account = models.ForeignKey(Account, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    description = models.CharField(max_length=200, blank=True)
    status = models.CharField(max_length=7, choices=PostingStatus.choices, default=PostingStatus.PENDING)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    # Up to which amount they agreed; more than that needs approval anew.
    approved_amount = OptionalMoneyField()
    # What the preview said when it was made by the resolve workbench; "" otherwise.
    preview_fingerprint = models.CharField(max_length=64, blank=True)
    # Usage that posting lets go from the lots it is tied to.
    releases = models.ManyToManyField(InventoryUsage, related_name="+", blank=True)

    class Meta:
        verbose_name = "inventory adjustment"
        ordering = ("-pk",)
        permissions = [("approve_adjustment", "Can approve adjustments above the limit, not their own")]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(approved_by__isnull=True)
                | models.Q(created_by__isnull=True)
                | ~models.Q(approved_by=models.F("created_by")),
                name="adjustment_not_approved_by_its_maker",
            )
        ]

    def __str__(self) -> str:
        return self.number

    def get_absolute_url(self) -> str:
        return reverse("usage:adjustment", args=[self.pk])


class AdjustmentLine(models.Model):
    """One line. `quantity` is what On Hand changes by, signed; of a loss, a transfer and a component what goes away,
    positive.
    """

    class Role(models.TextChoices):
        PLAIN = "PLAIN", "Line"
        COMPONENT = "COMPONENT", "Component"
        PRODUCT = "PRODUCT", "Product"

    adjustment = models.ForeignKey(InventoryAdjustment, on_delete=models.PROTECT, related_name="lines")
    position = models.IntegerField()
    role = models.CharField(max_length=9, choices=Role.choices, default=Role.PLAIN)
    code = models.ForeignKey(LineItemCode, on_delete=models.PROTECT, related_name="+")
    quantity = QuantityField()
    # Of a count: On Hand as of the adjustment's moment, and what was counted.
    system_balance = OptionalQuantityField()
    count = OptionalQuantityField()
    # Of a beginning balance: the cost of the lot it makes.
    unit_cost = OptionalUnitCostField()
    # What a unit was taken to cost when it was posted: estimates and lots change after that. Unknown of what was posted
    # before this was kept. As wide as the value of lots divided by a quantity can be.
    posted_unit_cost = OptionalUnitCostField(max_digits=26, editable=False)
    # Of a division: this product's part of the cost, in millionths.
    share = models.IntegerField(null=True, blank=True)
    bin = models.CharField(max_length=40, blank=True)
    to_bin = models.CharField(max_length=40, blank=True)
    manufacturer_lot = models.CharField(max_length=60, blank=True)
    serials = models.TextField(blank=True, help_text="One per line.")
    # Of a beginning balance that serves usage restricted to a lot: that lot, grown instead of a new one.
    into_lot = models.ForeignKey(InventoryLot, on_delete=models.PROTECT, null=True, blank=True, related_name="+")

    class Meta:
        verbose_name = "adjustment line"
        ordering = ("adjustment", "position", "pk")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(unit_cost__isnull=True) | models.Q(unit_cost__gte=0),
                name="adjustment_line_cost_not_negative",
            )
        ]

    def __str__(self) -> str:
        return f"{self.adjustment_id}/{self.position}"


class AdjustmentRecord(models.Model):
    """What a posted line made: a usage or a lot, and on a void their mirrors. Append-only."""

    line = models.ForeignKey(AdjustmentLine, on_delete=models.PROTECT, related_name="records")
    usage = models.OneToOneField(
        InventoryUsage, on_delete=models.PROTECT, null=True, blank=True, related_name="adjustment_record"
    )
    lot = models.ForeignKey(
        InventoryLot, on_delete=models.PROTECT, null=True, blank=True, related_name="adjustment_records"
    )
    quantity = QuantityField()
    value = MoneyField(default=0)
    is_void = models.BooleanField(default=False)

    class Meta:
        verbose_name = "record of an adjustment"
        ordering = ("pk",)
        triggers = append_only("adjustment_record")

    def __str__(self) -> str:
        return f"{self.line_id} {self.quantity}"
