"""How far an import is, written by a connection of its own: the work is one transaction, which nobody sees until it
ends.
"""

import time
from types import TracebackType
from typing import Self

from django.db import DEFAULT_DB_ALIAS, connections

# A worker that dies with an import this many times is not the cure.
MAX_ATTEMPTS = 3
_SECONDS_BETWEEN = 0.5

# The attempt is counted and committed before the work begins: an import that kills its worker is found out.
_BEGIN = """
UPDATE reconciliation_importjob SET attempts = attempts + 1, phase = '', rows_done = 0,
    started_at = coalesce(started_at, clock_timestamp()),
    state = CASE state WHEN 'UPLOADED' THEN 'CHECKING' WHEN 'REQUESTED' THEN 'IMPORTING' ELSE state END
WHERE id = %s AND attempts < %s AND state IN ('UPLOADED', 'CHECKING', 'REQUESTED', 'IMPORTING')
RETURNING state, attempts, coalesce(rows_total, 0)
"""
_GIVE_UP = """
UPDATE reconciliation_importjob SET state = 'FAILED', finished_at = clock_timestamp(), failure = %s
WHERE id = %s AND attempts >= %s AND state IN ('UPLOADED', 'CHECKING', 'REQUESTED', 'IMPORTING')
"""
_TELL = "UPDATE reconciliation_importjob SET phase = %s, rows_done = %s, rows_total = %s WHERE id = %s"
_NOTE = "UPDATE reconciliation_importjob SET failure = %s WHERE id = %s AND finished_at IS NULL"


class Reporter:
    """Begins a stage of an import, tells how far it is, and gives up on it."""

    def __init__(self, import_id: int) -> None:
        self.import_id = import_id
        self._rows = 0
        self._last_phase = ""
        self._last_at = 0.0

    def __enter__(self) -> Self:
        self._connection = connections.create_connection(DEFAULT_DB_ALIAS)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def begin(self) -> tuple[str, int] | None:
        """Count one more attempt. Return the state it is in now and the attempts, or None: nothing to do (any more)."""
        with self._connection.cursor() as cursor:
            cursor.execute(_BEGIN, [self.import_id, MAX_ATTEMPTS])
            row = cursor.fetchone()
        if row is None:
            self.give_up("The worker died each time (out of memory, killed, or stuck).")
            return None
        state, attempts, self._rows = row
        return str(state), int(attempts)

    def tell(self, phase: str, done: int, total: int | None) -> None:
        """Write the progress, at most twice a second. Reading and writing count alike, so that the bar only grows."""
        now = time.monotonic()
        if phase == self._last_phase and done != total and now - self._last_at < _SECONDS_BETWEEN:
            return
        self._last_phase, self._last_at = phase, now
        read = self._rows
        figures = (done, read or None) if total is None else (read + done, read + total)
        with self._connection.cursor() as cursor:
            cursor.execute(_TELL, [phase, *figures, self.import_id])

    def note(self, reason: str) -> None:
        """Remember why an attempt failed; the next one may do better."""
        with self._connection.cursor() as cursor:
            cursor.execute(_NOTE, [reason, self.import_id])

    def give_up(self, reason: str) -> None:
        """End an import that has used up its attempts; without effect on any other."""
        text = f"Given up after {MAX_ATTEMPTS} attempts; nothing was imported. {reason}"
        with self._connection.cursor() as cursor:
            cursor.execute(_GIVE_UP, [text, self.import_id, MAX_ATTEMPTS])
