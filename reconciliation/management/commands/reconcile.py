"""Run COGS reconciliation from a shell, beside whatever workers there are; exit 1 when codes were set aside."""

import json
import time
from argparse import ArgumentParser
from decimal import Decimal
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from inventory_site.fields import MONEY_STEP, QUANTITY_STEP
from lots.models import LineItemCode
from reconciliation import requests, runner
from reconciliation.models import ReconciliationRun
from reconciliation.preview import preview_run
from reconciliation.selectors import open_figures

POLL_SECONDS = 0.2
# Against postings that never cease.
RUNS_AT_MOST = 3
BAD_ENDS = (ReconciliationRun.State.FINISHED_WITH_ERRORS, ReconciliationRun.State.CANCELLED)


class Command(BaseCommand):
    help = "Reconcile everything with open work, or chosen codes; returns when that is done."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--code", action="append", dest="codes", metavar="C", help="only this code; repeatable")
        parser.add_argument("--dry-run", action="store_true", help="plan and print, write nothing")
        parser.add_argument("--json", action="store_true", help="print one JSON object")
        parser.add_argument("--wait", action="store_true", help="wait also for batches that other workers hold")

    def handle(self, *, codes: list[str] | None, dry_run: bool, json: bool, wait: bool, **_options: object) -> None:
        _refuse_unknown(codes)
        started = time.monotonic()
        figures = _dry_run(codes) if dry_run else _run(codes, wait=wait)
        figures |= open_figures(codes=codes) if not dry_run else {}
        figures["seconds"] = round(time.monotonic() - started, 2)
        self.stdout.write(_as_json(figures) if json else _as_text(figures))
        if figures["state"] in BAD_ENDS:
            raise SystemExit(1)


def _refuse_unknown(codes: list[str] | None) -> None:
    if codes:
        known = set(LineItemCode.objects.filter(code__in=codes).values_list("code", flat=True))
        if unknown := [code for code in codes if code not in known]:
            raise CommandError(f"Unknown code: {', '.join(unknown)}. Nothing was done.", returncode=2)


def _run(codes: list[str] | None, *, wait: bool) -> dict[str, Any]:
    """Work until the scope is done. A run that was under way already may lack what was posted since: then one more."""
    runs: list[ReconciliationRun] = []
    while not runs or (len(runs) < RUNS_AT_MOST and codes is None and requests.work_waits_for_a_run()):
        run = requests.request_run(trigger=ReconciliationRun.Trigger.COMMAND, now=timezone.now(), codes=codes)
        _work_off(run, wait=wait)
        runs.append(run)
        if run.is_active:
            break
    summed = ("pools", "usages", "allocations", "passes", "drawn", "given_back", "amount")
    return {"run": runs[-1].pk, "state": runs[-1].state} | {
        name: sum((getattr(run, name) for run in runs[1:]), getattr(runs[0], name)) for name in summed
    }


def _work_off(run: ReconciliationRun, *, wait: bool) -> None:
    # A claim that a dead worker left behind comes free after a moment, so what still waits is asked for again.
    while not runner.work(run_id=run.pk):
        if not wait and not runner.is_free_work_left(run_id=run.pk):
            break
        time.sleep(POLL_SECONDS)
    run.refresh_from_db()


def _dry_run(codes: list[str] | None) -> dict[str, Any]:
    preview = preview_run(now=timezone.now(), codes=codes)
    return {
        "run": None,
        "state": "DRY_RUN",
        "pools": preview.pools,
        "usages": preview.usages,
        "allocations": preview.allocations,
        "passes": preview.passes,
        "drawn": preview.drawn * QUANTITY_STEP,
        "given_back": preview.given_back * QUANTITY_STEP,
        "amount": preview.amount * MONEY_STEP,
        "open_usages": preview.open_usages,
        "unallocated": preview.unallocated * QUANTITY_STEP,
        "lots_costed_anew": len(preview.following.lots),
        "money": [
            {
                "month": f"{line.month:%Y-%m}",
                "account": line.account.number,
                "debit": line.debit,
                "credit": line.credit,
            }
            for line in preview.money
        ],
    }


def _as_json(value: Any) -> str:
    """Decimals stand as numbers with all their digits: through a float they could lose some."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(name)}: {_as_json(part)}" for name, part in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_as_json, value)) + "]"
    return f"{value:f}" if isinstance(value, Decimal) else json.dumps(value)


def _as_text(figures: dict[str, Any]) -> str:
    money = figures.pop("money", [])
    lines = [
        f"{name.replace('_', ' ')}: {f'{value:,}' if isinstance(value, int | Decimal) else value}"
        for name, value in figures.items()
    ]
    lines += [
        f"{line['month']} {line['account']}: debit {line['debit']:,}, credit {line['credit']:,}" for line in money
    ]
    return "\n".join(lines)
