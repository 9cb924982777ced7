"""Make the first users of a new copy; does nothing where there are users."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from inventory_site.first_users import ROLES, password_file, users_ensure


class Command(BaseCommand):
    help = __doc__ or ""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--only-administrator", action="store_true", help="make no user but administrator")

    def handle(self, *args: Any, only_administrator: bool, **options: Any) -> None:
        settings.DATA_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)
        made = users_ensure(roles=("administrator",) if only_administrator else ROLES, data_dir=settings.DATA_DIR)
        if made:
            self.stdout.write(f"Made {', '.join(made)}; the password is in {password_file(settings.DATA_DIR)}.")
        else:
            self.stdout.write("There are users already; nothing was changed.")
