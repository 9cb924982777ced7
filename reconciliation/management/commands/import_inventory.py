"""Import records and documents from files: all or nothing, and the same file twice changes nothing."""

import sys
import time
from argparse import ArgumentParser

from django.core.management.base import BaseCommand, CommandError
from django.db import IntegrityError
from django.utils import timezone

from reconciliation.importing.columns import KINDS
from reconciliation.importing.documents import DOCUMENT_KINDS, DocumentsOutcome, import_documents
from reconciliation.importing.files import Source
from reconciliation.importing.importer import ImportOutcome, import_records

PROBLEMS_SHOWN = 20


class Command(BaseCommand):
    help = (
        "Import items, lots and usage, or documents, from CSV (also .xz, .gz) or XLSX files."
        " Exit code 2 when nothing was imported."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        for kind in (*KINDS, *DOCUMENT_KINDS):
            name = kind.replace("_", " ")
            parser.add_argument(f"--{kind.replace('_', '-')}", dest=kind, metavar="FILE", help=f"the file of {name}")
        parser.add_argument("--check", action="store_true", dest="is_check_only", help="only check, write nothing")

    def handle(self, *, is_check_only: bool = False, **options: object) -> None:
        documents = {kind: Source.of_path(str(options[kind])) for kind in DOCUMENT_KINDS if options[kind] is not None}
        sources = {kind: Source.of_path(str(options[kind])) for kind in KINDS if options[kind] is not None}
        if not sources and not documents:
            flags = ", ".join(f"--{kind.replace('_', '-')}" for kind in (*KINDS, *DOCUMENT_KINDS))
            raise CommandError(f"Name at least one file: {flags}.", returncode=2)
        if sources and documents:
            raise CommandError(
                "Import items, lots and usage first, and documents in a second call: they name them. Nothing was"
                " imported.",
                returncode=2,
            )
        started = time.monotonic()
        if documents:
            self._import_documents(documents, is_check_only=is_check_only, started=started)
            return
        try:
            outcome = import_records(sources=sources, is_check_only=is_check_only, progress=self._tell)
        except IntegrityError as error:
            raise CommandError(
                "Nothing was imported: somebody recorded something at the same moment that does not go with it."
                f" Import again. ({error})",
                returncode=2,
            ) from error
        if outcome.problem_count:
            raise CommandError(_as_errors(outcome), returncode=2)
        for kind, figures in outcome.files.items():
            self.stdout.write(f"{kind}: {figures.rows:,} rows, {figures.new:,} new, {figures.present:,} already there")
        verb = "Checked" if is_check_only else "Imported"
        self.stdout.write(f"{verb} in {time.monotonic() - started:.1f} s.")

    def _import_documents(self, sources: dict[str, Source], *, is_check_only: bool, started: float) -> None:
        outcome = import_documents(sources=sources, by=None, now=timezone.now(), is_check_only=is_check_only)
        if outcome.problem_count:
            raise CommandError(_as_errors(outcome), returncode=2)
        for kind, figures in outcome.files.items():
            name = kind.replace("_", " ")
            self.stdout.write(
                f"{name}: {figures.documents:,} documents, {figures.new:,} new, {figures.present:,} already there"
            )
        verb = "Checked" if is_check_only else "Imported"
        self.stdout.write(f"{verb} in {time.monotonic() - started:.1f} s.")

    def _tell(self, phase: str, done: int, total: int | None) -> None:
        """On a terminal only, and on standard error: standard output carries the command's own words."""
        if sys.stderr.isatty():
            of = f" of {total:,}" if total is not None else ""
            self.stderr.write(f"\r{phase}: {done:,}{of} rows          ", ending="")


def _as_errors(outcome: ImportOutcome | DocumentsOutcome) -> str:
    lines = [str(problem) for problem in outcome.problems[:PROBLEMS_SHOWN]]
    if outcome.problem_count > len(lines):
        lines.append(f"... {outcome.problem_count:,} errors in all")
    count = outcome.problem_count
    return "\n".join([f"{count:,} error{'s' if count != 1 else ''}; nothing was imported.", *lines])
