"""The general journal: append-only, and balanced by what a line is.

A line moves one amount from one account to another, so that an entry cannot be out of balance: the database demands
two different accounts and a positive amount. A trigger refuses entries in a closed period.
"""

import pgtrigger
from django.db import models
from django.db.models.functions import Now
from django.urls import reverse

from inventory_site.fields import MoneyField
from inventory_site.models import append_only
from lots.models import Account, InventoryLot, LineItemCode, Office
from reconciliation.models.runs import ReconciliationRun
from usage.models import InventoryUsage

_REFUSE_CLOSED_PERIOD = pgtrigger.Trigger(
    name="journal_entry_in_an_open_period",
    level=pgtrigger.Row,
    when=pgtrigger.Before,
    operation=pgtrigger.Insert,
    func="IF EXISTS (SELECT FROM lots_fiscalperiod WHERE is_closed AND starts_on = date_trunc('month', NEW.date)::date)"
    " THEN RAISE EXCEPTION 'period % is closed', to_char(NEW.date, 'YYYY-MM') USING ERRCODE = 'check_violation';"
    " END IF; RETURN NEW;",
)


class JournalEntry(models.Model):
    """Lines that were posted together for one day. The primary key is its number."""

    class Kind(models.TextChoices):
        INVENTORY = "INVENTORY", "Inventory"
        COGS = "COGS", "COGS reconciliation"
        ACCRUED_COGS = "ACCRUED_COGS", "Accrued COGS"

    kind = models.CharField(max_length=12, choices=Kind.choices)
    run = models.ForeignKey(
        ReconciliationRun, on_delete=models.PROTECT, null=True, blank=True, related_name="journal_entries"
    )
    date = models.DateField()
    posted_at = models.DateTimeField(db_default=Now(), verbose_name="posted")
    text = models.CharField(max_length=200, blank=True)

    class Meta:
        verbose_name = "journal entry"
        verbose_name_plural = "journal entries"
        ordering = ("-pk",)
        triggers = [*append_only("journal_entry"), _REFUSE_CLOSED_PERIOD]
        indexes = [models.Index(fields=["date", "id"], name="journal_entries_by_date")]

    def __str__(self) -> str:
        return str(self.pk)

    def get_absolute_url(self) -> str:
        return reverse("reconciliation:journal_entry", args=[self.pk])


class JournalLine(models.Model):
    """An amount debited to one account and credited to another, with where it comes from.

    Like allocations, lines carry no database foreign keys: their parents can never be deleted, they are written in the
    transaction that read them, and `verify_ledger` looks again.
    """

    class Kind(models.TextChoices):
        RECEIPT = "RECEIPT", "Inventory in or out of a lot's cost"
        PURCHASE = "PURCHASE", "Billed"
        COGS = "COGS", "Cost of usage"
        TRUE_UP = "TRUE_UP", "True-up"
        ACCRUED_COGS = "ACCRUED_COGS", "Accrued COGS"

    entry = models.ForeignKey(
        JournalEntry, on_delete=models.PROTECT, related_name="lines", db_constraint=False, db_index=False
    )
    debit_account = models.ForeignKey(
        Account, on_delete=models.PROTECT, related_name="+", db_constraint=False, db_index=False
    )
    credit_account = models.ForeignKey(
        Account, on_delete=models.PROTECT, related_name="+", db_constraint=False, db_index=False
    )
    amount = MoneyField()
    kind = models.CharField(max_length=12, choices=Kind.choices)
    code = models.ForeignKey(
        LineItemCode, on_delete=models.PROTECT, related_name="+", db_constraint=False, db_index=False
    )
    office = models.ForeignKey(
        Office, on_delete=models.PROTECT, null=True, blank=True, related_name="+", db_constraint=False, db_index=False
    )
    order = models.CharField(max_length=60, blank=True)
    source_kind = models.CharField(max_length=20, blank=True)
    source_number = models.CharField(max_length=60, blank=True, verbose_name="transaction ID")
    lot = models.ForeignKey(
        InventoryLot,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="journal_lines",
        db_constraint=False,
        db_index=False,
    )
    usage = models.ForeignKey(
        InventoryUsage,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="journal_lines",
        db_constraint=False,
        db_index=False,
    )

    class Meta:
        verbose_name = "journal line"
        ordering = ("pk",)
        triggers = append_only("journal_line")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(amount__gt=0) & ~models.Q(debit_account=models.F("credit_account")),
                name="journal_line_moves_an_amount_between_two_accounts",
            )
        ]
        indexes = [
            models.Index(fields=["lot", "id"], condition=models.Q(lot__isnull=False), name="journal_lines_of_a_lot"),
            models.Index(fields=["usage"], condition=models.Q(usage__isnull=False), name="journal_lines_of_a_usage"),
            models.Index(fields=["entry", "id"], name="journal_lines_by_entry"),
        ]

    def __str__(self) -> str:
        return f"{self.entry_id}: {self.amount}"
