"""Which day a posting counts: its own, or the first open one after it. A closed period is never posted to.

Whoever asks holds the preferences FOR SHARE (`preference_in_force`) until the transaction ends; closing a period waits
for all of them, so that no posting slips in behind a close.
"""

from datetime import date, datetime, timedelta

from django.core.exceptions import ValidationError
from django.db import connection
from django.utils import timezone


def period_start(day: date) -> date:
    """The first day of the month: how periods are named."""
    return day.replace(day=1)


def next_period(day: date) -> date:
    """The first day of the month after."""
    return date(day.year + day.month // 12, day.month % 12 + 1, 1)


def closed_periods() -> frozenset[date]:
    """The first days of all closed periods."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT starts_on FROM lots_fiscalperiod WHERE is_closed")
        return frozenset(starts_on for (starts_on,) in cursor.fetchall())


def open_day(day: date, closed: frozenset[date]) -> date:
    """Give this day if its period is open, else the first day of the first open period after it."""
    start = period_start(day)
    if start not in closed:
        return day
    while start in closed:
        start = next_period(start)
    return start


def why_not_yet(moment: datetime, *, now: datetime) -> str:
    """Say why what is dated so cannot be posted now, or "". A day ahead may be a clock or a zone; more is a typo."""
    if moment <= now + timedelta(days=1):
        return ""
    return f"{timezone.localtime(moment):%Y-%m-%d %H:%M} lies in the future: enter the day on which it happened."


def refuse_future(moment: datetime, *, now: datetime) -> None:
    """Raise ValidationError for a document dated more than a day after now, which every verb that posts one asks."""
    if reason := why_not_yet(moment, now=now):
        raise ValidationError(f"{reason} Nothing was posted.")


def day_in_the_books(at: datetime) -> date:
    """The day that something that happened at this moment counts, as periods stand now."""
    return open_day(timezone.localdate(at), closed_periods())
