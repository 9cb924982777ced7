"""An import somebody asked for on the Import page: what was uploaded, how far it is, what was found, what came of it.

    UPLOADED > CHECKING > READY > REQUESTED > IMPORTING > IMPORTED
                   \\-> REJECTED (errors) <-/        FAILED (died three times)    DISCARDED (not wanted, or forgotten)

The files are the work rows: whoever works on an import holds their row locks, so a worker that dies frees them.
"""

from django.conf import settings
from django.db import models
from django.urls import reverse


class ImportJob(models.Model):
    """The primary key is the number that people see. Progress is written by a connection of its own as it goes."""

    class State(models.TextChoices):
        UPLOADED = "UPLOADED", "Waiting to be checked"
        CHECKING = "CHECKING", "Being checked"
        READY = "READY", "Ready to import"
        REJECTED = "REJECTED", "Has errors"
        REQUESTED = "REQUESTED", "Waiting to be imported"
        IMPORTING = "IMPORTING", "Being imported"
        IMPORTED = "IMPORTED", "Imported"
        FAILED = "FAILED", "Failed"
        DISCARDED = "DISCARDED", "Discarded"

    # A worker has, or is to get, something to do.
    ACTIVE = (State.UPLOADED, State.CHECKING, State.REQUESTED, State.IMPORTING)

    state = models.CharField(max_length=10, choices=State.choices, default=State.UPLOADED)
    uploaded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", verbose_name="uploaded by"
    )
    uploaded_at = models.DateTimeField(verbose_name="uploaded")
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name="imported by",
    )
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True, verbose_name="finished")
    # How often a worker has begun the present stage; committed before it begins.
    attempts = models.IntegerField(default=0)

    phase = models.CharField(max_length=80, blank=True)
    rows_done = models.IntegerField(default=0)
    # Unknown while the files are read for the first time.
    rows_total = models.IntegerField(null=True, blank=True)

    error_count = models.IntegerField(default=0)
    # The first of them, each {kind, file, row, column, value, message}.
    errors = models.JSONField(default=list, blank=True)
    failure = models.TextField(blank=True)

    class Meta:
        verbose_name = "import"
        ordering = ("-pk",)
        permissions = [("import_records", "Can import records and documents")]
        constraints = [
            models.CheckConstraint(
                condition=~models.Q(state__in=["READY", "REQUESTED", "IMPORTING", "IMPORTED"])
                | models.Q(error_count=0),
                name="import_with_errors_writes_nothing",
                violation_error_message="Files with errors cannot be imported.",
            )
        ]
        indexes = [
            models.Index(
                fields=["id"],
                condition=models.Q(state__in=["UPLOADED", "CHECKING", "READY", "REQUESTED", "IMPORTING"]),
                name="imports_for_the_sweeper",
            )
        ]

    def __str__(self) -> str:
        return f"Import {self.pk}"

    def get_absolute_url(self) -> str:
        return reverse("reconciliation:import_job", args=[self.pk])

    @property
    def is_active(self) -> bool:
        return self.state in self.ACTIVE


class ImportFile(models.Model):
    """One uploaded file, of records or of documents. `stored_name` is random and ours; the name that the person gave is
    text and nothing else.
    """

    class Kind(models.TextChoices):
        ITEMS = "items", "Items"
        LOTS = "lots", "Lots"
        USAGE = "usage", "Usage"
        PURCHASE_ORDERS = "purchase_orders", "Purchase orders"
        RECEIPTS = "receipts", "Incoming shipments"
        PURCHASES = "purchases", "Purchases"
        ORDERS = "orders", "Orders"
        SHIPMENTS = "shipments", "Outgoing shipments"
        JOBS = "jobs", "Jobs"
        JOB_CONSUMPTION = "job_consumption", "Consumption of jobs"
        JOB_OUTPUT = "job_output", "Output of jobs"
        JOB_COSTS = "job_costs", "Costs of jobs"
        ADJUSTMENTS = "adjustments", "Adjustments"

    job = models.ForeignKey(ImportJob, on_delete=models.PROTECT, related_name="files")
    kind = models.CharField(max_length=15, choices=Kind.choices)
    original_name = models.CharField(max_length=200, verbose_name="file")
    stored_name = models.CharField(max_length=100, blank=True)
    size = models.BigIntegerField()

    rows = models.IntegerField(default=0)
    rows_new = models.IntegerField(default=0, verbose_name="new")
    rows_present = models.IntegerField(default=0, verbose_name="already there")
    error_count = models.IntegerField(default=0, verbose_name="errors")
    # Of the new rows: where on the list pages to look for them.
    first_at = models.DateTimeField(null=True, blank=True, verbose_name="earliest date")
    last_at = models.DateTimeField(null=True, blank=True, verbose_name="latest date")

    class Meta:
        verbose_name = "import file"
        ordering = ("pk",)
        constraints = [models.UniqueConstraint(fields=["job", "kind"], name="one_file_of_a_kind_per_import")]

    def __str__(self) -> str:
        return self.original_name
