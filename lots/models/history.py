"""RecordHistory: who did what to which record, when, and on the ground of what. Append-only."""

from django.conf import settings
from django.db import models

from inventory_site.models import append_only


class RecordHistory(models.Model):
    """One line on a record's page. Documents are named by number, because they live in several apps; what has no number
    of a document by its kind and name ("Code WIRE"), its `history_name`.
    """

    number = models.CharField(max_length=80, verbose_name="record")
    at = models.DateTimeField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    action = models.CharField(max_length=60)
    note = models.TextField(blank=True)

    class Meta:
        verbose_name = "record history"
        verbose_name_plural = "record history"
        ordering = ("pk",)
        triggers = append_only("record_history")
        indexes = [models.Index(fields=["number", "id"], name="history_of_a_record")]

    def __str__(self) -> str:
        return f"{self.number}: {self.action}"
