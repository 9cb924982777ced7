"""One more Celery worker, beside those of `up` or alone, on the same data; ends with Ctrl-C."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from inventory_site.celery import app


class Command(BaseCommand):
    help = __doc__ or ""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--concurrency", type=int, default=1)
        parser.add_argument("--loglevel", default="INFO")

    def handle(self, *args: Any, concurrency: int, loglevel: str, **options: Any) -> None:
        app.worker_main(["worker", f"--concurrency={concurrency}", f"--loglevel={loglevel}"])
