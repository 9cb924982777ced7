"""The chart of accounts and the fiscal periods: in the lowest app, because documents name an account and a date."""

from django.conf import settings
from django.db import models
from django.urls import reverse

from inventory_site.models import append_only


class AccountKind(models.TextChoices):
    """The roots of the chart: the first digit of a number is its kind, and the kind has a natural side."""

    ASSET = "ASSET", "Asset"
    LIABILITY = "LIABILITY", "Liability"
    EQUITY = "EQUITY", "Equity"
    SALES = "SALES", "Sales"
    COST_OF_SALES = "COST_OF_SALES", "Cost of sales"
    EXPENSE = "EXPENSE", "Expense"
    OVERHEAD = "OVERHEAD", "Overhead"
    OTHER_INCOME = "OTHER_INCOME", "Other income"
    OTHER_EXPENSE = "OTHER_EXPENSE", "Other expense"


CREDIT_KINDS = frozenset({AccountKind.LIABILITY, AccountKind.EQUITY, AccountKind.SALES, AccountKind.OTHER_INCOME})


class Account(models.Model):
    """One account of the general ledger that postings may name."""

    number = models.CharField(max_length=20, unique=True)
    name = models.CharField(max_length=120, blank=True)
    kind = models.CharField(max_length=14, choices=AccountKind.choices)
    is_active = models.BooleanField(default=True, verbose_name="active")

    class Meta:
        ordering = ("number",)
        constraints = [models.CheckConstraint(condition=~models.Q(number=""), name="account_number_not_blank")]

    def __str__(self) -> str:
        return f"{self.number} {self.name}".strip()

    def get_absolute_url(self) -> str:
        return reverse("reconciliation:account", args=[self.pk])

    @property
    def history_name(self) -> str:
        """Under which its history is kept; the number stays for ever."""
        return f"Account {self.number}"

    @property
    def is_credit_natured(self) -> bool:
        return self.kind in CREDIT_KINDS


class FiscalPeriod(models.Model):
    """A calendar month of the books, named by its first day. A month without a row is open."""

    starts_on = models.DateField(unique=True, verbose_name="period")
    is_closed = models.BooleanField(default=False, verbose_name="closed")

    class Meta:
        verbose_name = "fiscal period"
        ordering = ("starts_on",)
        constraints = [
            models.CheckConstraint(condition=models.Q(starts_on__day=1), name="period_starts_on_the_first_of_a_month")
        ]

    def __str__(self) -> str:
        return f"{self.starts_on:%Y-%m}"


class PeriodChange(models.Model):
    """Who closed or reopened which period, when and why. Append-only."""

    period = models.ForeignKey(FiscalPeriod, on_delete=models.PROTECT, related_name="changes")
    at = models.DateTimeField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    is_closed = models.BooleanField()
    reason = models.CharField(max_length=200, blank=True)

    class Meta:
        verbose_name = "period change"
        ordering = ("-pk",)
        triggers = append_only("period_change")

    def __str__(self) -> str:
        return f"{self.period} {'closed' if self.is_closed else 'reopened'}"
