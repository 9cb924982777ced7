"""Which day an allocation counts in the books.

The later of the usage's day and the lot's first receipt, so that cost falls into the month of the sale and never before
there were goods; a true-up on the day its lot's cost changed, or of the usage if that is later. A closed period is
never touched: then it is the first open day after it. By preference all of it counts on the day of the run instead.
"""

from dataclasses import dataclass, field
from datetime import date

from lots.models import PostingDate
from lots.periods import closed_periods, open_day


@dataclass(slots=True)
class BookDays:
    """Days are ordinals (`date.toordinal`), because a run asks by the hundred thousand; answers are ISO text."""

    closed: frozenset[date]
    today: int
    only_day: int | None = None
    _known: dict[int, str] = field(default_factory=dict)

    def day(self, ordinal: int) -> str:
        """Give the day in the books for something that happened on this one."""
        asked = self.only_day or ordinal
        known = self._known.get(asked)
        if known is None:
            known = self._known[asked] = open_day(date.fromordinal(asked), self.closed).isoformat()
        return known


def book_days(*, posting_date: str, today: date) -> BookDays:
    """Read the closed periods. The caller holds the preferences, so that none is closed meanwhile."""
    only_day = today.toordinal() if posting_date == PostingDate.RUN else None
    return BookDays(closed_periods(), today.toordinal(), only_day)
