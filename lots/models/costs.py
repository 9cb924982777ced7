"""LotCostEvent: every change of what a lot received and cost, as a fact. The sums on the lot are sums over these rows.

The books are posted from them, and "what was the lot worth on that day, as we knew it then" is answered from them.
"""

from django.db import models
from django.db.models.functions import Now

from inventory_site.fields import MoneyField, QuantityField
from inventory_site.models import append_only
from lots.models.books import Account
from lots.models.lots import InventoryLot
from lots.models.pools import CostPool


class LotCostEvent(models.Model):
    """Deltas. `value` goes to the lot (debit inventory); what it comes from is credited:

    * `value_payable` to accounts payable (vendor invoices, freight; negative for credits),
    * `value_other` to `account` (opening balance, adjustment account, job cost applied, variance),
    * the rest, `value - value_payable - value_other`, to the clearing account of the lot: accrued inventory, or for a
      lot that is fed by usage (production, assembly, division, transfer) inventory in process.
    """

    class Kind(models.TextChoices):
        OPENING = "OPENING", "Opening balance"
        RECEIPT = "RECEIPT", "Receipt"
        PURCHASE = "PURCHASE", "Purchase"
        FREIGHT = "FREIGHT", "Freight"
        PRICE = "PRICE", "Purchase order changed"
        CLOSE = "CLOSE", "Purchase order closed"
        REOPEN = "REOPEN", "Purchase order reopened"
        VENDOR_RETURN = "VENDOR_RETURN", "Return to vendor"
        PRODUCTION = "PRODUCTION", "Produced"
        JOB_COST = "JOB_COST", "Job cost"
        FED = "FED", "Cost of what went in"
        ADJUSTMENT = "ADJUSTMENT", "Adjustment"
        VOID = "VOID", "Void"

    lot = models.ForeignKey(InventoryLot, on_delete=models.PROTECT, related_name="cost_events", db_index=False)
    at = models.DateTimeField(verbose_name="date")
    # The day it counts in the books: that of `at`, or the first open one after it.
    dated = models.DateField()
    recorded_at = models.DateTimeField(db_default=Now())
    kind = models.CharField(max_length=13, choices=Kind.choices)
    source_kind = models.CharField(max_length=20, blank=True)
    source_number = models.CharField(max_length=60, blank=True, verbose_name="transaction ID")
    quantity = QuantityField(default=0)
    value = MoneyField(default=0)
    value_payable = MoneyField(default=0)
    value_other = MoneyField(default=0)
    account = models.ForeignKey(
        Account, on_delete=models.PROTECT, null=True, blank=True, related_name="+", db_index=False
    )

    class Meta:
        verbose_name = "lot cost event"
        ordering = ("pk",)
        triggers = append_only("lot_cost_event")
        constraints = [
            models.CheckConstraint(
                condition=~models.Q(quantity=0, value=0, value_payable=0, value_other=0),
                name="lot_cost_event_changes_something",
            ),
            models.CheckConstraint(
                condition=models.Q(value_other=0) | models.Q(account__isnull=False),
                name="lot_cost_event_names_its_account",
            ),
        ]
        indexes = [
            models.Index(fields=["lot", "id"], name="cost_events_of_a_lot"),
            models.Index(fields=["source_number"], name="cost_events_by_document"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.source_number}".strip()


class LotCostToPost(models.Model):
    """A cost event that is not in the journal yet: the row goes when it is posted."""

    event = models.OneToOneField(LotCostEvent, on_delete=models.PROTECT, primary_key=True, related_name="to_post")
    pool = models.ForeignKey(CostPool, on_delete=models.PROTECT, related_name="+")

    class Meta:
        verbose_name = "cost event to post"

    def __str__(self) -> str:
        return str(self.event_id)
