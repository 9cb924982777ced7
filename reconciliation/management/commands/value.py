"""Print what inventory was worth on a day: lots' value, ledger balance and difference per account, and in total."""

import json as jsons
from argparse import ArgumentParser
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime

from reconciliation.valuation import Valuation, Worth, valuation


class Command(BaseCommand):
    help = "Lots' value, ledger balance and difference per inventory account, as of a day, as known at a moment."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--as-of", required=True, metavar="DATE", help="the day, such as 2026-03-31")
        parser.add_argument(
            "--known-at", metavar="MOMENT", help="what was known then, such as '2026-04-05 18:00'; now if left out"
        )
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *, as_of: str, known_at: str | None, json: bool, **_options: object) -> None:
        found = valuation(as_of=_day(as_of), known_at=_moment(known_at) if known_at else None)
        self.stdout.write(_as_json(found) if json else _as_text(found))


def _day(text: str) -> date:
    try:
        day = parse_date(text)
    except ValueError:
        day = None
    if day is None:
        raise CommandError(f"“{text}” is no day. Write it as 2026-03-31.", returncode=1)
    return day


def _moment(text: str) -> datetime:
    """With a time zone, or in that of the site; a day alone is its end."""
    try:
        moment = parse_datetime(text)
        if moment is not None and len(text.strip()) <= len("2026-03-31"):
            moment = moment.replace(hour=23, minute=59, second=59, microsecond=999_999)
    except ValueError:
        moment = None
    if moment is None:
        raise CommandError(f"“{text}” is no moment. Write it as '2026-04-05 18:00'.", returncode=1)
    return moment if timezone.is_aware(moment) else timezone.make_aware(moment)


def _figures(worth: Worth) -> dict[str, Decimal]:
    return {"lots_value": worth.value, "ledger_balance": worth.balance, "difference": worth.difference}


def _as_json(found: Valuation) -> str:
    """Decimals stand as numbers with all their digits: through a float they could lose some."""

    def object_of(fields: dict[str, Any]) -> str:
        pairs = (
            f"{jsons.dumps(name)}: {f'{value:.2f}' if isinstance(value, Decimal) else jsons.dumps(value)}"
            for name, value in fields.items()
        )
        return "{" + ", ".join(pairs) + "}"

    accounts = ", ".join(
        object_of(
            {"account": account.number if account else None, "name": account.name if account else ""} | _figures(w)
        )
        for account, w in found.accounts
    )
    known = found.known_at.isoformat() if found.known_at else None
    head = f'"as_of": {jsons.dumps(found.as_of.isoformat())}, "known_at": {jsons.dumps(known)}'
    return f'{{{head}, "accounts": [{accounts}], "total": {object_of(dict(_figures(found.total)))}}}'


def _as_text(found: Valuation) -> str:
    lines = [(str(account or "no account"), worth) for account, worth in found.accounts]
    lines.append(("Total", found.total))
    width = max(len("Account"), *(len(name) for name, _ in lines))
    heading = f"{'Account':<{width}}  {'Lots value':>18}  {'Ledger balance':>18}  {'Difference':>14}"
    return "\n".join(
        [heading]
        + [f"{name:<{width}}  {w.value:>18,.2f}  {w.balance:>18,.2f}  {w.difference:>14,.2f}" for name, w in lines]
    )
