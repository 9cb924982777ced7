"""Book accrued COGS from a shell; running it again books nothing."""

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from reconciliation.accruals import accrue_cogs


class Command(BaseCommand):
    help = "Book the estimated cost of open usage, or take back what is booked where that is switched off."

    def handle(self, **_options: object) -> None:
        try:
            result = accrue_cogs(now=timezone.now())
        except ValidationError as error:
            raise CommandError(" ".join(error.messages), returncode=1) from error
        self.stdout.write(result.words())
