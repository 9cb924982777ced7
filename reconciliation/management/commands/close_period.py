"""Close a period of the books from a shell, with the same rules and the same log as the page."""

from argparse import ArgumentParser

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from reconciliation.periods import close_warnings, period_close, period_named


class Command(BaseCommand):
    help = "Close a month of the books, such as 2026-03. Exit code 1 when it is refused."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("period", metavar="PERIOD", help="year and month, such as 2026-03")
        parser.add_argument("--reason", default="", help="kept in the log")

    def handle(self, *, period: str, reason: str, **_options: object) -> None:
        try:
            starts_on = period_named(period)
            change = period_close(starts_on=starts_on, by=None, now=timezone.now(), reason=reason)
        except ValidationError as error:
            raise CommandError(" ".join(error.messages), returncode=1) from error
        self.stdout.write(f"{change.period} is closed now.")
        for warning in close_warnings(starts_on):
            self.stderr.write(f"Still to be seen to: {warning}")
