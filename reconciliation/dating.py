"""Which day an allocation counts in the books.

The later of the usage's day and the lot's first receipt, so that cost falls into the month of the sale and never before
there were goods; a true-up on the day its lot's cost changed, or of the usage if that is later. A closed period is
never touched: then it is the first open day after it. By preference all of it counts on the day of the run instead.
"""

from datetime import date

from lots.models import PostingDate
from lots.periods import closed_periods, open_day


class BookDays(dict[int, str]):
    """Maps the day on which something happened to its day in the books.

    Days are ordinals (`date.toordinal`), because a run asks by the hundred thousand; answers are ISO text, kept from
    the first time that somebody asks.
    """

    def __init__(self, closed: frozenset[date], only_day: int | None = None) -> None:
        super().__init__()
        self.closed, self.only_day = closed, only_day

    def __missing__(self, ordinal: int) -> str:
        day = open_day(date.fromordinal(self.only_day or ordinal), self.closed).isoformat()
        self[ordinal] = day
        return day


def book_days(*, posting_date: str, today: date) -> BookDays:
    """Read the closed periods. The caller holds the preferences, so that none is closed meanwhile."""
    only_day = today.toordinal() if posting_date == PostingDate.RUN else None
    return BookDays(closed_periods(), only_day)
