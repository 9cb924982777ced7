"""Resolve open usage from a shell: an adjustment per code as the workbench proposes it, then one run over all of them.

Exit 1 when anything is not resolved: refused, left out because only people know what it takes, waiting for approval, or
still open. Exit 2 when a code is not known. While it works it says on standard error how far it is.
"""

import json
from argparse import ArgumentParser
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.db.models.functions import Upper
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

PROGRESS_EVERY: Final = 100


@dataclass
class Outcome:
    """What became of one code, or would."""

    pool: CostPool
    suggestion: Suggestion | None = None
    passes: int | None = None
    adjustment: str = ""
    awaits_approval: bool = False
    left_out: str = ""
    error: str = ""
    still_open: int = 0

    @property
    def is_resolved(self) -> bool:
        return not (self.error or self.left_out or self.awaits_approval or self.still_open)

    def as_dict(self) -> dict[str, Any]:
        found = self.suggestion
        return {
            "code": self.pool.code.code,
            "office": found.office.code if found and found.office else None,
            "form": found.form.value if found else None,
            "net": str(self.pool.open_unallocated),
            "lines": [
                {"quantity": str(line.quantity), "unit_cost": str(line.unit_cost), "cost_source": line.cost_source}
                for line in (found.lines if found else ())
            ],
            "releases": [
                {
                    "usage": tied.usage.number,
                    "unallocated": str(tied.rest),
                    "lots": [lot.number for lot in tied.lots],
                }
                for tied in (found.released if found else ())
            ],
            "passes": self.passes,
            "adjustment": self.adjustment or None,
            "awaits_approval": self.awaits_approval,
            "left_out": self.left_out or None,
            "still_open": self.still_open,
            "resolved": self.is_resolved,
            "error": self.error or None,
        }

    def as_text(self) -> str:
        name, found = str(self.pool), self.suggestion
        if found is None:
            return f"{name}: {self.error}"
        lines = ", ".join(
            f"{'+' if line.quantity > 0 else ''}{quantity_text(line.quantity)}"
            + (f" at {unit_cost_text(line.unit_cost)} ({line.cost_source})" if line.quantity > 0 else "")
            for line in found.lines
        )
        freed = ", ".join(str(tied) for tied in found.released)
        parts = [
            f"{found.form.value} {quantity_text(self.pool.open_unallocated)}",
            lines or "no adjustment needed",
            f"office {found.office}" if found.office and lines else "",
            f"{self.passes:,} pass{'' if self.passes == 1 else 'es'}" if self.passes is not None else "",
            f"lets {freed} use any lot" if freed else "",
            *(tied.why_kept for tied in found.kept),
            self.adjustment,
            "awaits approval" if self.awaits_approval else "",
            f"left out: {self.left_out}" if self.left_out else "",
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
        try:
            chosen = _known(codes)
        except CommandError as unknown:
            if json:
                self.stdout.write(_as_error(unknown))
                raise SystemExit(unknown.returncode) from unknown
            raise
        outcomes = self._each(list(pools_to_resolve(chosen)), _planned if dry_run else _posted)
        run = None if dry_run else _reconcile(outcomes)
        self.stdout.write(_as_json(outcomes, run) if json else _as_text(outcomes, run, dry_run=dry_run))
        if not all(outcome.is_resolved for outcome in outcomes):
            raise SystemExit(1)

    def _each(self, pools: Sequence[CostPool], perform: Callable[[Outcome], None]) -> list[Outcome]:
        outcomes = []
        for done, pool in enumerate(pools, start=1):
            outcomes.append(outcome := Outcome(pool))
            try:
                perform(outcome)
            except ValidationError as refusal:
                outcome.error = " ".join(refusal.messages)
            if done % PROGRESS_EVERY == 0:
                self.stderr.write(f"{done:,} of {len(pools):,} codes")
        return outcomes


def _known(codes: list[str] | None) -> list[LineItemCode] | None:
    """The codes of these names, however their letters are written. Raises CommandError for those that are not there."""
    if not codes:
        return None
    wanted = {code.upper(): code for code in codes}
    rows = LineItemCode.objects.annotate(upper=Upper("code")).filter(upper__in=wanted)
    found = {row.code.upper(): row for row in rows}
    if unknown := [code for upper, code in wanted.items() if upper not in found]:
        raise CommandError(f"Unknown code: {', '.join(unknown)}. Nothing was done.", returncode=2)
    return list(rows)


def _planned(outcome: Outcome) -> None:
    pool, now = outcome.pool, timezone.now()
    outcome.suggestion = found = suggest(pool.code, pool)
    outcome.left_out = found.only_people_can
    preview = preview_resolution(
        code=pool.code,
        lines=found.lines,
        adjusted_at=now,
        pool=pool,
        releases=found.releases,
        office=found.office,
        now=now,
    )
    outcome.passes, outcome.still_open = preview.passes, len(preview.still_open)
    if not outcome.left_out:
        outcome.error, outcome.awaits_approval = preview.error, preview.needs_approval


def _posted(outcome: Outcome) -> None:
    """Each code is a transaction of its own: what is refused does not keep the others."""
    pool, now = outcome.pool, timezone.now()
    outcome.suggestion = found = suggest(pool.code, pool)
    outcome.left_out = found.only_people_can
    if outcome.left_out:
        outcome.still_open = pool.open_count
        return
    resolved = resolve_post(
        code=pool.code,
        lines=found.lines,
        adjusted_at=now,
        fingerprint=None,
        by=None,
        at=now,
        pool=pool,
        releases=found.releases,
        office=found.office,
        with_run=False,
    )
    outcome.passes = resolved.preview.passes
    outcome.adjustment = resolved.adjustment.number if resolved.adjustment else ""
    outcome.awaits_approval = resolved.awaits_approval


def _reconcile(outcomes: Sequence[Outcome]) -> ReconciliationRun | None:
    """One run over everything that was posted; what is open after it is said of each code."""
    codes = {
        outcome.pool.code.code
        for outcome in outcomes
        if not (outcome.error or outcome.left_out or outcome.awaits_approval)
    }
    if not codes:
        return None
    run = requests.request_run(trigger=ReconciliationRun.Trigger.COMMAND, now=timezone.now(), codes=codes)
    runner.work(run_id=run.pk)
    run.refresh_from_db()
    left = dict(CostPool.objects.filter(open_count__gt=0).values_list("pk", "open_count"))
    for outcome in outcomes:
        outcome.still_open = left.get(outcome.pool.pk, 0)
    return run


def _as_error(error: CommandError) -> str:
    return json.dumps({"error": str(error)})


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
    for name, words in (("failed", "refused"), ("left_out", "left out"), ("awaiting_approval", "awaiting approval")):
        if counts[name]:
            last += f", {counts[name]:,} {words}"
    if run is not None:
        last += f"; run {run.pk}: {run.get_state_display().lower()}"
    return "\n".join([*(outcome.as_text() for outcome in outcomes), f"{last}."])


def _counts(outcomes: Sequence[Outcome]) -> dict[str, int]:
    return {
        "resolved": sum(1 for outcome in outcomes if outcome.is_resolved),
        "failed": sum(1 for outcome in outcomes if outcome.error),
        "left_out": sum(1 for outcome in outcomes if outcome.left_out),
        "awaiting_approval": sum(1 for outcome in outcomes if outcome.awaits_approval),
    }
