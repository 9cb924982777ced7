"""Set a system-wide preference from a shell, with the same rules and the same log as the page."""

from argparse import ArgumentParser

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from reconciliation.preferences import SETTINGS, preference_set


class Command(BaseCommand):
    help = "; ".join(f"{name}: {setting.hint}" for name, setting in SETTINGS.items())

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", metavar="NAME", help=", ".join(SETTINGS))
        parser.add_argument("value", metavar="VALUE", help="FIFO or LIFO; on or off; accounts by number")

    def handle(self, *, name: str, value: str, **_options: object) -> None:
        try:
            change = preference_set(name=name, value=value, by=None, now=timezone.now())
        except ValidationError as error:
            raise CommandError(" ".join(error.messages), returncode=2) from error
        if change is None:
            self.stdout.write(f"{name} is {value} already; nothing was changed.")
        else:
            self.stdout.write(f"{name} is {change.value_after} now; it was {change.value_before}.")
