"""Sums of the journal for reports, so that none of them reads every line that was ever posted.

A line is never summed by who writes it, who has better things to do: its entry leaves a note, and the sweeper adds up
what the notes name. Whoever asks reads JournalMonth, a view of the sums and of the lines that are not in them yet: it
is the journal to the cent at any moment, however late the sweeper is.
"""

from django.db import models

from inventory_site.fields import MoneyField
from lots.models import Account, LineItemCode, Office
from reconciliation.models.journal import JournalEntry, JournalLine


class JournalEntryToSum(models.Model):
    """An entry whose lines are not in the sums yet: the row goes when they are."""

    entry = models.OneToOneField(JournalEntry, on_delete=models.PROTECT, primary_key=True, related_name="to_sum")

    class Meta:
        verbose_name = "journal entry to sum"
        verbose_name_plural = "journal entries to sum"

    def __str__(self) -> str:
        return str(self.entry_id)


class JournalSum(models.Model):
    """What the lines of a month, code, office and kind moved from one account to another, as far as they are summed."""

    period = models.DateField()
    code = models.ForeignKey(
        LineItemCode, on_delete=models.PROTECT, related_name="+", db_constraint=False, db_index=False
    )
    office = models.ForeignKey(
        Office, on_delete=models.PROTECT, null=True, blank=True, related_name="+", db_constraint=False, db_index=False
    )
    kind = models.CharField(max_length=12, choices=JournalLine.Kind.choices)
    debit_account = models.ForeignKey(
        Account, on_delete=models.PROTECT, related_name="+", db_constraint=False, db_index=False
    )
    credit_account = models.ForeignKey(
        Account, on_delete=models.PROTECT, related_name="+", db_constraint=False, db_index=False
    )
    amount = MoneyField()
    lines = models.BigIntegerField()

    class Meta:
        verbose_name = "journal sum"
        constraints = [
            models.UniqueConstraint(
                fields=["period", "code", "office", "kind", "debit_account", "credit_account"],
                nulls_distinct=False,
                name="one_journal_sum_of_a_kind",
            ),
            models.CheckConstraint(condition=models.Q(amount__gt=0, lines__gt=0), name="journal_sum_is_of_lines"),
        ]

    def __str__(self) -> str:
        return f"{self.period:%Y-%m}: {self.amount}"


class JournalMonth(models.Model):
    """The same of the whole journal, whether summed yet or not: rows to add up, since there may be several of a kind.

    A view of the database (migration 0009) without a key.
    """

    period = models.DateField()
    code = models.ForeignKey(LineItemCode, on_delete=models.DO_NOTHING, related_name="+")
    office = models.ForeignKey(Office, on_delete=models.DO_NOTHING, null=True, related_name="+")
    kind = models.CharField(max_length=12, choices=JournalLine.Kind.choices)
    debit_account = models.ForeignKey(Account, on_delete=models.DO_NOTHING, related_name="+")
    credit_account = models.ForeignKey(Account, on_delete=models.DO_NOTHING, related_name="+")
    amount = MoneyField()
    lines = models.BigIntegerField()

    class Meta:
        managed = False
        db_table = "reconciliation_journalmonth"
        verbose_name = "month of the journal"
        verbose_name_plural = "months of the journal"

    def __str__(self) -> str:
        return f"{self.period:%Y-%m}: {self.amount}"
