"""Measure import, runs, postings and pages as ratios against yardsticks, in a scratch database."""

import json
import tempfile
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from reconciliation.benchmark import measure, scratch_database, write_files
from reconciliation.page_benchmark import VIEWS, PageFigures, measure_pages


class Command(BaseCommand):
    help = "Benchmark in a scratch database of its own; the data of this copy is not changed."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--usages", type=int, default=100_000, metavar="N", help="how many usages to make up")
        parser.add_argument("--retail", type=Path, metavar="DIR", help="items, lots and usage files to take instead")
        parser.add_argument(
            "--pages", metavar="WORDS", nargs="?", const="", help="measure the pages over this copy's own data instead"
        )
        parser.add_argument("--views", type=int, default=VIEWS, metavar="N", help="how often each page is asked for")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(
        self, *, usages: int, retail: Path | None, pages: str | None, views: int, json: bool, **_options: object
    ) -> None:
        if views < 1:
            raise CommandError("--views must be at least 1.", returncode=2)
        if pages is not None:
            self._pages(only=pages, views=views)
            return
        if usages < 100:
            raise CommandError("--usages must be at least 100.", returncode=2)
        if retail is not None and not retail.is_dir():
            raise CommandError(f"{retail} is no folder with items, lots and usage files.", returncode=2)
        with tempfile.TemporaryDirectory() as made, scratch_database() as name:
            if retail is None:
                write_files(Path(made), usages=usages)
            figures = measure(folder=retail or Path(made), name=name, tell=self.stderr.write)
        self.stdout.write(_as_json(figures) if json else _as_text(figures))

    def _pages(self, *, only: str, views: int) -> None:
        def tell(figures: PageFigures) -> None:
            slow = "slow" if figures.is_slow else ""
            self.stdout.write(
                f"{figures.median:7.0f} ms {figures.p95:7.0f} ms {figures.statements:4} {slow:4}  {figures.name}"
            )

        self.stdout.write("    median       p95 statements  page")
        yardstick = measure_pages(views=views, only=only, tell=tell)
        self.stdout.write(f"one read by primary key: {yardstick:.2f} ms")


def _as_json(figures: dict[str, Any]) -> str:
    return json.dumps(figures)


def _as_text(figures: dict[str, Any]) -> str:
    lines = []
    for name, value in figures.items():
        if isinstance(value, dict):
            value = ", ".join(f"{inner.replace('_', ' ')} {figure}" for inner, figure in value.items())
        lines.append(f"{name.replace('_', ' ')}: {value}")
    return "\n".join(lines)
