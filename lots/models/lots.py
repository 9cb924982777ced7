"""InventoryLot: one source of goods, the cost layer. Not the manufacturer's lot.

A lot carries two cost bases: the present one (`value`, `quantity_received`) and the one that its booked amounts follow
(`value_costed`, `quantity_costed`). They part when cost becomes known later; the next run notices and trues up.
No unit cost is stored: it would be rounded.
"""

from decimal import Decimal

from django.db import models
from django.urls import reverse

from inventory_site.fields import MoneyField, QuantityField, UnitCostField
from lots.models.books import Account
from lots.models.items import LineItemCode, Office
from lots.models.pools import CostPool

# C(n) = floor((2Vn + Q) / 2Q) in cents, on the costed basis (design rule: amounts come from the lot's cumulative
# figure). DIV is exact on numerics; all operands are >= 0 here, so truncation is the floor.
VALUE_USED_SQL = models.Func(
    models.F("value_costed"),
    models.F("quantity_costed"),
    models.F("quantity_used"),
    template="lot_value_used(%(expressions)s)",
    output_field=MoneyField(),
)


class LotType(models.TextChoices):
    PURCHASE = "PURCHASE", "Purchase"
    PRODUCTION = "PRODUCTION", "Production"


class InventoryLot(models.Model):
    """`quantity_used` is what is drawn from the lot, net: the give-back limit. The primary key is the entry number."""

    class Status(models.TextChoices):
        OPEN = "OPEN", "Open"
        CLOSED = "CLOSED", "Closed"

    number = models.CharField(max_length=60, unique=True)
    lot_type = models.CharField(max_length=10, choices=LotType.choices, default=LotType.PURCHASE, verbose_name="type")
    code = models.ForeignKey(LineItemCode, on_delete=models.PROTECT, related_name="lots", db_index=False)
    office = models.ForeignKey(
        Office, on_delete=models.PROTECT, null=True, blank=True, related_name="+", db_index=False
    )
    pool = models.ForeignKey(CostPool, on_delete=models.PROTECT, related_name="lots", db_index=False)
    source_kind = models.CharField(max_length=20, blank=True)
    source_number = models.CharField(max_length=60, blank=True, verbose_name="transaction ID")
    parent_order = models.CharField(max_length=60, blank=True)
    # The source document expects nothing more; only then may an exhausted lot close.
    is_source_complete = models.BooleanField(default=True)
    first_received_at = models.DateTimeField(null=True, blank=True, verbose_name="first received")

    # The inventory account its value is kept on, for as long as there is any: the code's when the lot was made.
    account = models.ForeignKey(Account, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)
    # Its value comes from usage that feeds it (production, assembly, division, transfer), not from a vendor.
    is_fed = models.BooleanField(default=False, db_default=False)
    # False while cost is estimated: the purchase order or job is open, or what went in is not costed for good.
    is_cost_final = models.BooleanField(default=True, db_default=True)
    # It was final and is estimated again: a note that what was made of it is to be estimated again, too.
    is_cost_reopened = models.BooleanField(default=False, db_default=False, editable=False)
    # The day its cost last changed in the books: true-ups are dated by it.
    cost_changed_on = models.DateField(null=True, blank=True)

    unit_cost_ordered = UnitCostField(default=0, db_default=0)
    quantity_ordered = QuantityField(default=0)
    quantity_returned = QuantityField(default=0, db_default=0)
    quantity_purchased = QuantityField(default=0, db_default=0)
    value_purchased = MoneyField(default=0, db_default=0)
    value_freight = MoneyField(default=0, db_default=0)
    quantity_credited = QuantityField(default=0, db_default=0)
    value_credited = MoneyField(default=0, db_default=0)
    # Sums of the lot's cost events; what is left of value after both is accrued (or, of a fed lot, in process).
    value_payable = MoneyField(default=0, db_default=0)
    value_other = MoneyField(default=0, db_default=0)

    quantity_received = QuantityField(default=0)
    quantity_used = QuantityField(default=0)
    value = MoneyField(default=0)
    value_costed = MoneyField(default=0)
    quantity_costed = QuantityField(default=0)

    quantity_current = models.GeneratedField(
        expression=models.F("quantity_received") - models.F("quantity_used"),
        output_field=QuantityField(),
        db_persist=True,
    )
    value_used = models.GeneratedField(expression=VALUE_USED_SQL, output_field=MoneyField(), db_persist=True)
    status = models.GeneratedField(
        expression=models.Case(
            models.When(
                is_source_complete=True,
                quantity_received__gt=0,
                quantity_used=models.F("quantity_received"),
                then=models.Value("CLOSED"),
            ),
            default=models.Value("OPEN"),
        ),
        output_field=models.CharField(max_length=6, choices=Status.choices),
        db_persist=True,
    )

    class Meta:
        verbose_name = "inventory lot"
        ordering = ("pk",)
        constraints = [
            models.CheckConstraint(
                condition=models.Q(quantity_used__gte=0, quantity_used__lte=models.F("quantity_received")),
                name="lot_used_within_received",
                violation_error_message="A lot cannot give out more than it received.",
            ),
            models.CheckConstraint(
                condition=models.Q(quantity_costed__gte=0) & ~models.Q(quantity_used__gt=models.F("quantity_costed")),
                name="lot_used_within_costed",
            ),
            models.CheckConstraint(
                condition=models.Q(value__gte=0, value_costed__gte=0, quantity_ordered__gte=0),
                name="lot_value_not_negative",
            ),
            models.CheckConstraint(
                condition=models.Q(quantity_received__gt=0) | models.Q(value=0),
                name="lot_value_needs_quantity",
                violation_error_message="A lot that received nothing cannot carry a value.",
            ),
            models.CheckConstraint(
                condition=models.Q(
                    quantity_returned__gte=0,
                    quantity_purchased__gte=0,
                    value_purchased__gte=0,
                    value_freight__gte=0,
                    quantity_credited__gte=0,
                    value_credited__gte=0,
                    unit_cost_ordered__gte=0,
                ),
                name="lot_document_figures_not_negative",
            ),
            models.CheckConstraint(
                condition=models.Q(quantity_received=0) | models.Q(first_received_at__isnull=False),
                name="lot_received_has_a_moment",
            ),
        ]
        indexes = [
            models.Index(fields=["pool", "first_received_at", "id"], name="lots_of_a_pool_in_order"),
            models.Index(fields=["code", "id"], name="lots_of_a_code_for_its_page"),
            models.Index(fields=["source_number"], name="lots_by_transaction_id"),
            # Whether any lot is kept on an account is asked with every posting that names one.
            models.Index(fields=["account"], name="lots_kept_on_an_account"),
            models.Index(
                fields=["pool"],
                condition=~models.Q(value=models.F("value_costed"))
                | ~models.Q(quantity_received=models.F("quantity_costed")),
                name="lots_waiting_for_a_true_up",
            ),
            # Few at any time; every run asks, at its end, whether some of them have become final.
            models.Index(
                fields=["id"],
                condition=models.Q(is_fed=True, is_cost_final=False),
                name="fed_lots_of_open_cost_for_runs",
            ),
            models.Index(fields=["id"], condition=models.Q(is_cost_reopened=True), name="lots_whose_cost_was_reopened"),
        ]

    def __str__(self) -> str:
        return self.number

    def get_absolute_url(self) -> str:
        return reverse("lots:lot", args=[self.pk])

    @property
    def value_clearing(self) -> Decimal:
        """What is accrued for it (of a fed lot: in process): received and not yet billed. Negative where more was
        billed than it is carried at.
        """
        return self.value - self.value_payable - self.value_other
