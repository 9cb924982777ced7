"""Office and LineItemCode: the master data that every other record names."""

from django.db import models
from django.urls import reverse

from inventory_site.fields import QuantityField, UnitCostField


class Office(models.Model):
    """A separate entity or location; `code` is the abbreviation that lists show (AI)."""

    code = models.CharField(max_length=20, unique=True)
    name = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ("code",)
        constraints = [models.CheckConstraint(condition=~models.Q(code=""), name="office_code_not_blank")]

    def __str__(self) -> str:
        return self.code

    def get_absolute_url(self) -> str:
        return reverse("lots:office", args=[self.pk])

    @property
    def history_name(self) -> str:
        """Under which its history is kept; the code stays for ever."""
        return f"Office {self.code}"


class RecordType(models.TextChoices):
    """The kinds of line item code; only the two inventoried ones have lots, usage and transactions."""

    ITEM = "ITEM", "Item"
    INVENTORIED_ITEM = "INVENTORIED_ITEM", "Inventoried Item"
    ASSEMBLY_ITEM = "ASSEMBLY_ITEM", "Assembly Item"
    INVENTORIED_ASSEMBLY_ITEM = "INVENTORIED_ASSEMBLY_ITEM", "Inventoried Assembly Item"
    TIME = "TIME", "Time"
    EXPENSE = "EXPENSE", "Expense"
    OTHER = "OTHER", "Other"


class LineItemCode(models.Model):
    """The item master record. `est_unit_cost` stands in for the cost of what is unallocated; never a true cost."""

    class Status(models.TextChoices):
        PENDING = "PENDING", "Pending"
        ACTIVE = "ACTIVE", "Active"
        INACTIVE = "INACTIVE", "Inactive"

    code = models.CharField(max_length=60, unique=True)
    description = models.CharField(max_length=300, blank=True)
    record_type = models.CharField(
        max_length=30, choices=RecordType.choices, default=RecordType.INVENTORIED_ITEM, verbose_name="record type"
    )
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.ACTIVE)
    est_unit_cost = UnitCostField(default=0, verbose_name="est unit cost")
    category = models.CharField(max_length=60, blank=True, db_default="")
    unit_weight = QuantityField(default=0, db_default=0, verbose_name="unit weight")
    is_serialized = models.BooleanField(default=False, verbose_name="serialized")
    is_tracked_by_manufacturer_lot = models.BooleanField(default=False, verbose_name="track by manufacturer lot")
    account_revenue = models.CharField(max_length=20, blank=True, verbose_name="revenue account")
    account_cost = models.CharField(max_length=20, blank=True, verbose_name="cost account")
    account_inventory = models.CharField(max_length=20, blank=True, verbose_name="inventory account")

    class Meta:
        ordering = ("code",)
        verbose_name = "line item code"
        constraints = [
            models.CheckConstraint(condition=~models.Q(code=""), name="line_item_code_not_blank"),
            models.CheckConstraint(
                condition=models.Q(est_unit_cost__gte=0),
                name="line_item_code_est_unit_cost_not_negative",
                violation_error_message="The estimated unit cost cannot be negative.",
            ),
        ]
        indexes = [
            # Few codes name one of their own; postings ask whether any does.
            models.Index(
                fields=["account_inventory"],
                condition=~models.Q(account_inventory=""),
                name="codes_with_inventory_account",
            ),
        ]

    def __str__(self) -> str:
        return self.code

    def get_absolute_url(self) -> str:
        return reverse("lots:code", args=[self.pk])

    @property
    def history_name(self) -> str:
        """Under which its history is kept; the code stays for ever."""
        return f"Code {self.code}"
