"""Check every invariant of the ledger; exit 1 with the first culprits when something is off."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from reconciliation.checking import ledger_check


class Command(BaseCommand):
    help = "Recompute every invariant from the facts. Exit code 1 when one is broken."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *, json: bool, **_options: object) -> None:
        check = ledger_check(by=None, now=timezone.now())
        self.stdout.write(_as_json(check.is_ok, check.results) if json else _as_text(check.results))
        if not check.is_ok:
            raise SystemExit(1)


def _as_json(is_ok: bool, results: list[dict[str, Any]]) -> str:
    checks = [
        {"name": r["name"], "ok": r["is_ok"], "count": r["count"], "culprits": [" ".join(c) for c in r["culprits"]]}
        for r in results
    ]
    return json.dumps({"ok": is_ok, "checks": checks})


def _as_text(results: list[dict[str, Any]]) -> str:
    lines: list[str] = []
    for result in results:
        lines.append(f"{'ok    ' if result['is_ok'] else 'BROKEN'} {result['title']}")
        lines.extend(f"       {what}: {detail}" for what, detail in result["culprits"])
        if result["count"] > len(result["culprits"]):
            lines.append(f"       ... {result['count']:,} in all")
    return "\n".join(lines)
