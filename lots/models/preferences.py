"""Preference: one row of system-wide settings that staff may change, and the append-only log of those changes.

It lives in the lowest app because the pool of a lot depends on it.
"""

from typing import Self

from django.conf import settings
from django.db import models

from inventory_site.fields import OptionalMoneyField
from inventory_site.models import append_only
from lots.models.books import Account


class CogsMethod(models.TextChoices):
    FIFO = "FIFO", "FIFO (oldest lot first)"
    LIFO = "LIFO", "LIFO (newest lot first)"


class PostingDate(models.TextChoices):
    """Which day a COGS posting counts for. Closed periods are never touched, whatever stands here."""

    EVENT = "EVENT", "The day of the usage or of the receipt, whichever is later"
    RUN = "RUN", "The day of the run"


def _account() -> "models.ForeignKey[Account | None, Account | None]":
    return models.ForeignKey(Account, on_delete=models.PROTECT, null=True, blank=True, related_name="+")


class Preference(models.Model):
    """The COGS method binds allocations to come; inter-office prevention can change only while nothing is allocated."""

    cogs_method = models.CharField(
        max_length=4, choices=CogsMethod.choices, default=CogsMethod.FIFO, verbose_name="COGS method"
    )
    prevent_inter_office = models.BooleanField(default=False, verbose_name="prevent inter-office COGS transactions")

    posting_date = models.CharField(max_length=5, choices=PostingDate.choices, default=PostingDate.EVENT)
    accrue_cogs = models.BooleanField(default=False, verbose_name="accrue COGS of unallocated usage")
    returns_reduce_orders = models.BooleanField(default=True, verbose_name="returns reduce order quantities")
    # Adjustments worth more need a second person. Blank: none does.
    approve_above = OptionalMoneyField(verbose_name="approve adjustments above")

    account_inventory = _account()
    account_in_process = _account()
    account_payable = _account()
    account_accrued_inventory = _account()
    account_accrued_cogs = _account()
    account_cost = _account()
    account_opening = _account()
    account_adjustment = _account()
    account_variance = _account()
    account_job_cost = _account()

    class Meta:
        verbose_name = "preference"
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="one_row_of_preferences")]

    def __str__(self) -> str:
        return "Preferences"

    @classmethod
    def current(cls) -> Self:
        return cls.objects.get(pk=1)


class PreferenceChange(models.Model):
    """Who changed which preference, when, from what to what."""

    at = models.DateTimeField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    name = models.CharField(max_length=40)
    value_before = models.CharField(max_length=40)
    value_after = models.CharField(max_length=40)

    class Meta:
        verbose_name = "preference change"
        ordering = ("-pk",)
        triggers = append_only("preference_change")

    def __str__(self) -> str:
        return f"{self.name}: {self.value_before} -> {self.value_after}"
