"""Write records to a file for other programs.

Unlike the exports of screens, text that would start a formula in a spreadsheet is left as it is: these are data to be
read by machines and imported again, identifiers have to come back exactly as they were imported, and a changed
character would make another record of it. Open such a file in a spreadsheet only by its text import.
"""

import codecs
import gzip
import lzma
import os
import sys
import tempfile
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import IO, Any

from django.core.management.base import BaseCommand, CommandError

from reconciliation.exporting import STATEMENTS, export_records

NOTHING_WRITTEN = "Nothing was written."


class Command(BaseCommand):
    help = "Write all records of a kind as CSV: UTF-8, plain decimals, moments in UTC, entry order, no totals."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("kind", choices=STATEMENTS)
        parser.add_argument(
            "--output", required=True, metavar="F", help="the file (.gz and .xz are packed), or - for standard output"
        )

    def handle(self, *, kind: str, output: str, **_options: object) -> None:
        if output == "-":
            self._to_standard_output(kind)
            return
        try:
            with _whole_file(Path(output)) as file:
                rows = export_records(kind=kind, write=file.write)
        except OSError as error:
            raise CommandError(
                f"{output} cannot be written: {error.strerror}. {NOTHING_WRITTEN}", returncode=2
            ) from error
        self.stderr.write(f"{rows:,} {kind} written to {output}.")

    def _to_standard_output(self, kind: str) -> None:
        # A piece may end in the middle of a character.
        decode = codecs.getincrementaldecoder("utf-8")().decode
        try:
            export_records(kind=kind, write=lambda piece: self.stdout.write(decode(piece), ending=""))
            self.stdout.flush()
        except BrokenPipeError:
            # Whoever reads has seen enough (`| head`); Python must not stumble over it once more when it ends.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@contextmanager
def _whole_file(path: Path) -> Iterator[IO[bytes]]:
    """Write beside the file and put it in place at the end: whoever looks sees the old one or the whole new one."""
    number, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    try:
        with os.fdopen(number, "wb") as plain, _packed(plain, path.suffix.lower()) as file:
            yield file
        mask = os.umask(0)
        os.umask(mask)
        Path(name).chmod(0o666 & ~mask)
        Path(name).replace(path)
    except BaseException:
        with suppress(FileNotFoundError):
            Path(name).unlink()
        raise


def _packed(plain: IO[bytes], suffix: str) -> AbstractContextManager[Any]:
    if suffix == ".gz":
        return gzip.GzipFile(fileobj=plain, mode="wb")
    return lzma.LZMAFile(plain, "wb") if suffix == ".xz" else nullcontext(plain)
