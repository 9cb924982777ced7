"""How far a run is, from its rows alone: so it is the same after a reload, for another user, and after a crash."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from django.db.models import Max, Q, Sum

from reconciliation.models import ReconciliationRun, RunPool
from reconciliation.run_states import totals_of

# Speed is that of the last minute: a pause, or a worker that was away for the night, does not count for ever.
RATE_WINDOW: Final = timedelta(seconds=60)
# From here on there is enough behind us to say how much is ahead.
ETA_FROM_PERCENT: Final = 10
# Above the length of any batch: whoever is silent for longer is not there.
SILENCE_SECONDS: Final = 60
# What screen readers hear changes in steps, or they would never stop talking.
SPOKEN_STEP: Final = 10


@dataclass(frozen=True)
class RunProgress:
    """Figures of one moment. `seconds_silent` counts from the last sign of life of any worker."""

    run: ReconciliationRun
    figures: dict[str, Any]
    usages_per_second: Decimal
    seconds_silent: int
    seconds_since_batch: int | None

    @property
    def is_done(self) -> bool:
        return not self.run.is_active

    @property
    def is_silent(self) -> bool:
        return self.run.is_active and self.seconds_silent > SILENCE_SECONDS

    @property
    def pools_done(self) -> int:
        return int(self.figures["pools"] + self.figures["pools_failed"] + self.figures["pools_cancelled"])

    @property
    def percent(self) -> int | None:
        """By usages, which is where the time goes; None while there is nothing to count."""
        if self.is_done:
            return 100
        done, total = self.figures["usages_settled"], self.figures["usages_total"]
        if not total:
            done, total = self.pools_done, self.figures["pools_total"]
        return min(99, done * 100 // total) if total else None

    @property
    def eta(self) -> str:
        """As a range, because batches differ; "" while too little is done to tell."""
        if self.is_done or self.usages_per_second <= 0 or (self.percent or 0) < ETA_FROM_PERCENT:
            return ""
        left = (self.figures["usages_total"] - self.figures["usages_settled"]) / self.usages_per_second
        low, high = _rounded(left * Decimal("0.8")), _rounded(left * Decimal("1.3"))
        return "a few seconds left" if high <= 5 else f"about {_span(low, high)} left"

    @property
    def spoken(self) -> str:
        if self.is_done:
            return f"Run {self.run.pk}: {self.run.get_state_display()}."
        if self.run.state == ReconciliationRun.State.REQUESTED:
            return f"Run {self.run.pk} waits for a worker."
        step = (self.percent or 0) // SPOKEN_STEP * SPOKEN_STEP
        return f"Run {self.run.pk} is at {step} percent."


def run_progress(run: ReconciliationRun, *, now: datetime) -> RunProgress:
    """Look at the work rows of a run."""
    figures = totals_of(run_id=run.pk)
    work = RunPool.objects.filter(run=run)
    settled = ~Q(state=RunPool.State.PENDING)
    since = now - RATE_WINDOW
    signs = work.aggregate(
        last_claim=Max("claimed_at"),
        last_batch=Max("finished_at", filter=settled),
        open_usages=Sum("open_usages", default=0),
        usages_settled=Sum("usages", filter=settled, default=0),
        usages_lately=Sum("usages", filter=Q(state=RunPool.State.DONE, finished_at__gte=since), default=0),
    )
    figures |= {name: signs[name] for name in ("usages_settled", "open_usages")}
    last_sign = max(
        moment
        for moment in (run.requested_at, run.started_at, signs["last_claim"], signs["last_batch"])
        if moment is not None
    )
    # Up to the last batch: between two of them nothing is counted, which is no slowing down.
    started = max(run.started_at or now, since)
    elapsed = Decimal(max(((signs["last_batch"] or now) - started).total_seconds(), 1))
    return RunProgress(
        run=run,
        figures=figures,
        usages_per_second=Decimal(signs["usages_lately"]) / elapsed if run.is_active else Decimal(0),
        seconds_silent=_seconds_between(last_sign, now),
        seconds_since_batch=_seconds_between(signs["last_batch"], now) if signs["last_batch"] else None,
    )


def _seconds_between(earlier: datetime, later: datetime) -> int:
    # The workers' clock and ours may differ by a little.
    return max(0, round((later - earlier).total_seconds()))


def _rounded(seconds: Decimal) -> int:
    step = 5 if seconds < 120 else 30 if seconds < 600 else 60
    return max(step, round(seconds / step) * step)


def _span(low: int, high: int) -> str:
    if high < 120:
        return f"{low} to {high} s" if low != high else f"{low} s"
    first, last = f"{Decimal(low) / 60:.1f}".removesuffix(".0"), f"{Decimal(high) / 60:.1f}".removesuffix(".0")
    return f"{first} to {last} min" if first != last else f"{first} min"
