"""LedgerCheck: when every invariant was last verified, and what was found."""

from django.conf import settings
from django.db import models


class LedgerCheck(models.Model):
    """`results` is a list of {name, title, ok, count, culprits}, one per invariant, as `verify_ledger` prints it."""

    at = models.DateTimeField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    is_ok = models.BooleanField()
    seconds = models.DecimalField(max_digits=9, decimal_places=2)
    results = models.JSONField()

    class Meta:
        verbose_name = "ledger check"
        ordering = ("-pk",)
        permissions = [("verify_ledger", "Can verify the ledger")]

    def __str__(self) -> str:
        return f"Ledger check of {self.at:%Y-%m-%d %H:%M}"
