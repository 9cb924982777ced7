"""A reconciliation run, its work rows (one per cost pool) and its log.

The work rows are the work list: claimed under row locks that a dead worker frees at once. What a run has done so far
is always the sum over them, so its page stays true after a crash.
"""

from django.conf import settings
from django.db import models
from django.urls import reverse

from inventory_site.fields import MoneyField, QuantityField
from inventory_site.models import append_only
from lots.models import CogsMethod, CostPool

MAX_ATTEMPTS = 3
NO_BATCH_LIMIT = 1_000_000


class ReconciliationRun(models.Model):
    """The primary key is the run number. Totals are written when the run ends; before that, sum its work rows."""

    class State(models.TextChoices):
        REQUESTED = "REQUESTED", "Requested"
        RUNNING = "RUNNING", "Running"
        FINISHED = "FINISHED", "Finished"
        FINISHED_WITH_ERRORS = "FINISHED_WITH_ERRORS", "Finished with errors"
        CANCELLED = "CANCELLED", "Cancelled"

    class Trigger(models.TextChoices):
        BUTTON = "BUTTON", "Button"
        COMMAND = "COMMAND", "Command"
        SCHEDULE = "SCHEDULE", "Schedule"
        POSTING = "POSTING", "After an import or posting"
        RETRY = "RETRY", "Retry"

    ACTIVE = (State.REQUESTED, State.RUNNING)

    state = models.CharField(max_length=20, choices=State.choices, default=State.REQUESTED)
    trigger = models.CharField(max_length=10, choices=Trigger.choices)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    # Everything with open work, or only the codes whose pools stand among the work rows.
    is_everything = models.BooleanField(default=True)
    # One run per night, however many schedulers there are.
    schedule_slot = models.DateField(null=True, blank=True, unique=True)
    requested_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True, blank=True, verbose_name="started")
    finished_at = models.DateTimeField(null=True, blank=True, verbose_name="finished")
    cancel_requested_at = models.DateTimeField(null=True, blank=True)
    cogs_method = models.CharField(max_length=4, choices=CogsMethod.choices, verbose_name="COGS method")
    prevent_inter_office = models.BooleanField()

    pools = models.IntegerField(default=0)
    pools_failed = models.IntegerField(default=0)
    usages = models.IntegerField(default=0)
    allocations = models.IntegerField(default=0)
    passes = models.BigIntegerField(default=0)
    drawn = QuantityField(max_digits=24, default=0)
    given_back = QuantityField(max_digits=24, default=0)
    amount = MoneyField(max_digits=24, default=0)

    class Meta:
        verbose_name = "reconciliation run"
        ordering = ("-pk",)
        permissions = [("run_reconciliation", "Can start, cancel and retry COGS reconciliation runs")]
        constraints = [
            models.UniqueConstraint(
                fields=["is_everything"],
                condition=models.Q(is_everything=True, state__in=["REQUESTED", "RUNNING"]),
                name="one_active_run_over_everything",
            ),
            models.CheckConstraint(
                condition=models.Q(state__in=["REQUESTED", "RUNNING"], finished_at__isnull=True)
                | (~models.Q(state__in=["REQUESTED", "RUNNING"]) & models.Q(finished_at__isnull=False)),
                name="run_ended_has_a_moment",
            ),
        ]
        indexes = [
            models.Index(
                fields=["id"],
                condition=models.Q(state__in=["REQUESTED", "RUNNING"]),
                name="active_runs_for_the_sweeper",
            )
        ]

    def __str__(self) -> str:
        return f"Run {self.pk}"

    def get_absolute_url(self) -> str:
        return reverse("reconciliation:run", args=[self.pk])

    @property
    def is_active(self) -> bool:
        return self.state in self.ACTIVE


class RunPool(models.Model):
    """One cost pool's share of a run: the work row, and afterwards its result."""

    class State(models.TextChoices):
        PENDING = "PENDING", "Waiting"
        DONE = "DONE", "Done"
        FAILED = "FAILED", "Set aside"
        CANCELLED = "CANCELLED", "Cancelled"

    run = models.ForeignKey(ReconciliationRun, on_delete=models.PROTECT, related_name="work", db_index=False)
    pool = models.ForeignKey(CostPool, on_delete=models.PROTECT, related_name="run_pools")
    state = models.CharField(max_length=10, choices=State.choices, default=State.PENDING)
    usages = models.IntegerField(default=0)
    # Components are worked on before what they go into: a level begins when the one below it is done.
    level = models.SmallIntegerField(default=0, db_default=0)

    # A claim is counted and committed before the work begins, so that a pool that kills its worker is found out.
    attempts = models.IntegerField(default=0)
    attempts_alone = models.IntegerField(default=0)
    batch_limit = models.IntegerField(default=NO_BATCH_LIMIT)
    claimed_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    error = models.TextField(blank=True)

    allocations = models.IntegerField(default=0)
    passes = models.BigIntegerField(default=0)
    drawn = QuantityField(max_digits=24, default=0)
    given_back = QuantityField(max_digits=24, default=0)
    amount = MoneyField(default=0)
    open_usages = models.IntegerField(default=0)
    unallocated = QuantityField(default=0)
    # How the passes went, and why something stayed open: data from the engine, for the run page.
    trace = models.JSONField(default=list)
    remarks = models.JSONField(default=list)

    class Meta:
        verbose_name = "run work row"
        ordering = ("pk",)
        constraints = [
            models.UniqueConstraint(fields=["run", "pool"], name="one_work_row_per_run_and_pool"),
            models.CheckConstraint(condition=models.Q(batch_limit__gte=1), name="run_pool_batch_limit_positive"),
            models.CheckConstraint(
                condition=models.Q(drawn__gte=0, given_back__gte=0), name="run_pool_gross_figures_not_negative"
            ),
        ]
        indexes = [
            models.Index(
                fields=["run", "level", "id"], condition=models.Q(state="PENDING"), name="work_waiting_in_a_run"
            )
        ]

    def __str__(self) -> str:
        return f"{self.run} / {self.pool}"


class RunLogLine(models.Model):
    """A line of a run's log, for people. Append-only."""

    class Level(models.TextChoices):
        INFO = "INFO", "Info"
        WARNING = "WARNING", "Warning"
        ERROR = "ERROR", "Error"

    run = models.ForeignKey(ReconciliationRun, on_delete=models.PROTECT, related_name="log_lines")
    at = models.DateTimeField()
    level = models.CharField(max_length=10, choices=Level.choices, default=Level.INFO)
    pool = models.ForeignKey(CostPool, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    message = models.TextField()

    class Meta:
        verbose_name = "run log line"
        ordering = ("pk",)
        triggers = append_only("run_log_line")

    def __str__(self) -> str:
        return self.message
