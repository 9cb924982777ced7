"""Resolve open usage from a shell: an adjustment per code as the workbench proposes it, then one run over all of them.

Exit 1 when a code was refused or stays open, 2 when a code is not known.
"""

import json
from argparse import ArgumentParser
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from inventory_site.money import quantity_text, unit_cost_text
from lots.models import CostPool, LineItemCode
from reconciliation import requests, runner
from reconciliation.models import ReconciliationRun
from reconciliation.resolving import (
    Suggestion,
    pools_to_resolve,
    preview_resolution,
    resolve_post,
    suggest,
)


@dataclass
class Outcome:
    """What became of one code, or would."""

    pool: CostPool
    suggestion: Suggestion | None = None
    passes: int | None = None
    adjustment: str = ""
    awaits_approval: bool = False
    error: str = ""
    still_open: int = 0

    def as_dict(self) -> dict[str, Any]:
        found = self.suggestion
        return {
            "code": self.pool.code.code,
            "office": self.pool.office.code if self.pool.office else None,
            "form": found.form.value if found else None,
            "net": str(self.pool.open_unallocated),
            "lines": [
                {"quantity": str(line.quantity), "unit_cost": str(line.unit_cost), "cost_source": line.cost_source}
                for line in (found.lines if found else ())
            ],
            "releases": len(found.releases) if found else 0,
            "passes": self.passes,
            "adjustment": self.adjustment or None,
            "awaits_approval": self.awaits_approval,
            "still_open": self.still_open,
            "error": self.error or None,
        }

    def as_text(self) -> str:
        name = str(self.pool)
        if self.suggestion is None:
            return f"{name}: {self.error}"
        lines = ", ".join(
            f"{'+' if line.quantity > 0 else ''}{quantity_text(line.quantity)}"
            + (f" at {unit_cost_text(line.unit_cost)} ({line.cost_source})" if line.quantity > 0 else "")
            for line in self.suggestion.lines
        )
        parts = [
            f"{self.suggestion.form.value} {quantity_text(self.pool.open_unallocated)}",
            lines or "no adjustment needed",
            f"{self.passes:,} passes" if self.passes is not None else "",
            f"{len(self.suggestion.releases):,} usages released from their lots" if self.suggestion.releases else "",
            self.adjustment,
            "awaits approval" if self.awaits_approval else "",
            f"{self.still_open:,} usages still open" if self.still_open else "",
            self.error,
        ]
        return f"{name}: {'; '.join(part for part in parts if part)}"


class Command(BaseCommand):
    help = "Resolve the open usage of all codes, or of chosen ones: post what the workbench proposes, then reconcile."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--code", action="append", dest="codes", metavar="C", help="only this code; repeatable")
        parser.add_argument("--dry-run", action="store_true", help="propose, plan and print, write nothing")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *, codes: list[str] | None, dry_run: bool, json: bool, **_options: object) -> None:
        _refuse_unknown(codes)
        outcomes = [(_planned if dry_run else _posted)(pool) for pool in list(pools_to_resolve(codes))]
        run = None if dry_run else _reconcile(outcomes)
        self.stdout.write(_as_json(outcomes, run) if json else _as_text(outcomes, run, dry_run=dry_run))
        if any(outcome.error or outcome.still_open for outcome in outcomes):
            raise SystemExit(1)


def _refuse_unknown(codes: list[str] | None) -> None:
    if codes:
        known = set(LineItemCode.objects.filter(code__in=codes).values_list("code", flat=True))
        if unknown := [code for code in codes if code not in known]:
            raise CommandError(f"Unknown code: {', '.join(unknown)}. Nothing was done.", returncode=2)


def _planned(pool: CostPool) -> Outcome:
    outcome, now = Outcome(pool), timezone.now()
    try:
        outcome.suggestion = found = suggest(pool.code, pool)
        preview = preview_resolution(
            code=pool.code, lines=found.lines, adjusted_at=now, pool=pool, releases=found.releases, now=now
        )
    except ValidationError as refusal:
        outcome.error = " ".join(refusal.messages)
    else:
        outcome.passes, outcome.still_open, outcome.error = preview.passes, len(preview.still_open), preview.error
    return outcome


def _posted(pool: CostPool) -> Outcome:
    """Each code is a transaction of its own: what is refused does not keep the others."""
    outcome, now = Outcome(pool), timezone.now()
    try:
        outcome.suggestion = found = suggest(pool.code, pool)
        resolved = resolve_post(
            code=pool.code,
            lines=found.lines,
            adjusted_at=now,
            fingerprint=None,
            by=None,
            at=now,
            pool=pool,
            releases=found.releases,
            with_run=False,
        )
    except ValidationError as refusal:
        outcome.error = " ".join(refusal.messages)
    else:
        outcome.passes = resolved.preview.passes
        outcome.adjustment = resolved.adjustment.number if resolved.adjustment else ""
        outcome.awaits_approval = resolved.awaits_approval
    return outcome


def _reconcile(outcomes: Sequence[Outcome]) -> ReconciliationRun | None:
    """One run over everything that was posted; what is open after it is said of each code."""
    codes = {outcome.pool.code.code for outcome in outcomes if not outcome.error and not outcome.awaits_approval}
    if not codes:
        return None
    run = requests.request_run(trigger=ReconciliationRun.Trigger.COMMAND, now=timezone.now(), codes=codes)
    runner.work(run_id=run.pk)
    run.refresh_from_db()
    left = dict(CostPool.objects.filter(open_count__gt=0).values_list("pk", "open_count"))
    for outcome in outcomes:
        outcome.still_open = left.get(outcome.pool.pk, 0)
    return run


def _as_json(outcomes: Sequence[Outcome], run: ReconciliationRun | None) -> str:
    figures = {
        "run": run.pk if run else None,
        "state": run.state if run else None,
        **_counts(outcomes),
        "codes": [outcome.as_dict() for outcome in outcomes],
    }
    return json.dumps(figures)


def _as_text(outcomes: Sequence[Outcome], run: ReconciliationRun | None, *, dry_run: bool) -> str:
    counts = _counts(outcomes)
    did = "would be resolved" if dry_run else "resolved"
    last = f"{counts['resolved']:,} of {len(outcomes):,} {did}"
    if counts["failed"]:
        last += f", {counts['failed']:,} refused"
    if run is not None:
        last += f"; run {run.pk}: {run.get_state_display().lower()}"
    return "\n".join([*(outcome.as_text() for outcome in outcomes), f"{last}."])


def _counts(outcomes: Sequence[Outcome]) -> dict[str, int]:
    failed = sum(1 for outcome in outcomes if outcome.error)
    waiting = sum(1 for outcome in outcomes if outcome.awaits_approval)
    left = sum(1 for outcome in outcomes if outcome.still_open and not outcome.error and not outcome.awaits_approval)
    return {"resolved": len(outcomes) - failed - waiting - left, "failed": failed, "awaiting_approval": waiting}
