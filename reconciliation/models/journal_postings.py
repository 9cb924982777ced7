"""JournalPosting: the journal as accountants read it, each line as the debit of one account and the credit of another.

A view of the database (migration 0007), so that a line stays one row and an entry cannot be out of balance.
"""

from django.db import models

from inventory_site.fields import MoneyField, OptionalMoneyField
from lots.models import Account, InventoryLot, LineItemCode, Office
from reconciliation.models.journal import JournalEntry, JournalLine
from reconciliation.models.runs import ReconciliationRun
from usage.models import InventoryUsage


class JournalPosting(models.Model):
    """One side of a journal line. Its key is twice the line's, plus one for the credit; read by line, never by key."""

    class Side(models.IntegerChoices):
        DEBIT = 0, "Debit"
        CREDIT = 1, "Credit"

    line = models.ForeignKey(JournalLine, on_delete=models.DO_NOTHING, related_name="postings")
    side = models.SmallIntegerField(choices=Side.choices)
    entry = models.ForeignKey(JournalEntry, on_delete=models.DO_NOTHING, related_name="postings")
    date = models.DateField()
    period = models.DateField()
    run = models.ForeignKey(ReconciliationRun, on_delete=models.DO_NOTHING, null=True, related_name="+")
    account = models.ForeignKey(Account, on_delete=models.DO_NOTHING, related_name="+")
    amount = MoneyField()
    debit = OptionalMoneyField()
    credit = OptionalMoneyField()
    kind = models.CharField(max_length=12, choices=JournalLine.Kind.choices)
    code = models.ForeignKey(LineItemCode, on_delete=models.DO_NOTHING, related_name="+")
    office = models.ForeignKey(Office, on_delete=models.DO_NOTHING, null=True, related_name="+")
    order = models.CharField(max_length=60)
    source_kind = models.CharField(max_length=20)
    source_number = models.CharField(max_length=60, verbose_name="transaction ID")
    lot = models.ForeignKey(InventoryLot, on_delete=models.DO_NOTHING, null=True, related_name="+")
    usage = models.ForeignKey(InventoryUsage, on_delete=models.DO_NOTHING, null=True, related_name="+")
    text = models.CharField(max_length=200)

    class Meta:
        managed = False
        db_table = "reconciliation_journalposting"
        verbose_name = "journal posting"
        ordering = ("-line_id", "side")

    def __str__(self) -> str:
        return f"{self.entry_id}: {self.get_side_display()} {self.amount}"

    def get_absolute_url(self) -> str:
        return f"{self.entry.get_absolute_url()}?line={self.line_id}#row-{self.line_id}"
