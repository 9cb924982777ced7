"""Jobs: components go in, costs that are no inventory are capitalised, and a production lot comes out."""

from django.db import models
from django.urls import reverse

from inventory_site.fields import MoneyField, QuantityField
from inventory_site.models import append_only
from lots.models import Account, DocumentStatus, InventoryLot, LineItemCode, Office, PostingStatus
from usage.models.orders import OrderLine
from usage.models.usage import InventoryUsage


class Job(models.Model):
    """JOB60000, its sub-assemblies JOB60000.1 and so on. Opening it makes the production lot: due, nothing produced."""

    number = models.CharField(max_length=30, unique=True, verbose_name="job")
    code = models.ForeignKey(LineItemCode, on_delete=models.PROTECT, related_name="+", verbose_name="product")
    quantity = QuantityField()
    office = models.ForeignKey(Office, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    started_at = models.DateTimeField(verbose_name="date")
    reference = models.CharField(max_length=200, blank=True, verbose_name="ref #(s)")
    parent = models.ForeignKey("self", on_delete=models.PROTECT, null=True, blank=True, related_name="children")
    order_line = models.ForeignKey(OrderLine, on_delete=models.PROTECT, null=True, blank=True, related_name="jobs")
    lot = models.OneToOneField(InventoryLot, on_delete=models.PROTECT, null=True, blank=True, related_name="job")
    quantity_produced = QuantityField(default=0)
    status = models.CharField(max_length=7, choices=DocumentStatus.choices, default=DocumentStatus.PENDING)
    opened_at = models.DateTimeField(null=True, blank=True, verbose_name="opened")
    closed_at = models.DateTimeField(null=True, blank=True, verbose_name="closed")

    class Meta:
        verbose_name = "job"
        ordering = ("-pk",)
        constraints = [
            models.CheckConstraint(
                condition=models.Q(quantity__gt=0, quantity_produced__gte=0), name="job_quantity_positive"
            ),
            models.CheckConstraint(
                condition=models.Q(status__in=["PENDING", "VOID"]) | models.Q(opened_at__isnull=False),
                name="job_open_has_a_moment",
            ),
        ]

    def __str__(self) -> str:
        return self.number

    def get_absolute_url(self) -> str:
        return reverse("usage:job", args=[self.pk])


class JobComponent(models.Model):
    """A component and how much of it the whole job needs; consumed is the sum over its usage, net."""

    job = models.ForeignKey(Job, on_delete=models.PROTECT, related_name="components")
    position = models.IntegerField()
    code = models.ForeignKey(LineItemCode, on_delete=models.PROTECT, related_name="+")
    quantity = QuantityField()
    quantity_consumed = QuantityField(default=0)
    # What Demand stands at for this component: at most 0.
    demand = QuantityField(default=0)

    class Meta:
        verbose_name = "job component"
        ordering = ("job", "position", "pk")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(quantity__gt=0, quantity_consumed__gte=0, demand__lte=0),
                name="job_component_quantity_positive",
            )
        ]

    def __str__(self) -> str:
        return f"{self.job_id}/{self.position}"


class JobUsage(models.Model):
    """A usage of a component by its job (negative: put back). Its cost goes to the job's lot. Append-only."""

    component = models.ForeignKey(JobComponent, on_delete=models.PROTECT, related_name="usages")
    usage = models.OneToOneField(InventoryUsage, on_delete=models.PROTECT, related_name="job_usage")

    class Meta:
        verbose_name = "usage of a job"
        ordering = ("pk",)
        triggers = append_only("job_usage")

    def __str__(self) -> str:
        return f"{self.component_id} {self.usage_id}"


class JobCost(models.Model):
    """A capitalised cost that is no inventory: labour, a service, an expense. A correction is a row of its own, and so
    is the void of one.
    """

    class Kind(models.TextChoices):
        LABOR = "LABOR", "Labor"
        SERVICE = "SERVICE", "Outside service"
        EXPENSE = "EXPENSE", "Expense"

    job = models.ForeignKey(Job, on_delete=models.PROTECT, related_name="costs")
    kind = models.CharField(max_length=7, choices=Kind.choices, default=Kind.LABOR)
    description = models.CharField(max_length=200, blank=True)
    incurred_at = models.DateTimeField(verbose_name="date")
    amount = MoneyField()
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="+")
    reverses = models.OneToOneField("self", on_delete=models.PROTECT, null=True, blank=True, related_name="reversed_by")

    class Meta:
        verbose_name = "job cost"
        ordering = ("pk",)
        triggers = append_only("job_cost")
        constraints = [models.CheckConstraint(condition=~models.Q(amount=0), name="job_cost_not_zero")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.amount}"

    def get_absolute_url(self) -> str:
        return self.job.get_absolute_url()


class JobOutput(models.Model):
    """Units that came out of a job and into its lot (PROD-60000): a quantity transfer."""

    number = models.CharField(max_length=30, unique=True, verbose_name="production")
    job = models.ForeignKey(Job, on_delete=models.PROTECT, related_name="outputs")
    quantity = QuantityField()
    produced_at = models.DateTimeField(verbose_name="date")
    status = models.CharField(max_length=7, choices=PostingStatus.choices, default=PostingStatus.POSTED)

    class Meta:
        verbose_name = "production"
        ordering = ("pk",)
        constraints = [models.CheckConstraint(condition=models.Q(quantity__gt=0), name="job_output_positive")]

    def __str__(self) -> str:
        return self.number

    def get_absolute_url(self) -> str:
        return self.job.get_absolute_url()
