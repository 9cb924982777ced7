"""Adds the lines of the journal to its sums, some entries at a time; see models/journal_sums.py for why not at once."""

import time
from datetime import timedelta
from typing import Any, Final

from django.db import connection, transaction

# Entries whose lines one transaction sums: of a first reconciliation some tens of thousands of lines.
ENTRIES: Final = 400
# The newest are left alone: the run that writes them wants the machine for itself.
REST: Final = timedelta(minutes=1)
# One at a time, whoever it is: two would wait for each other's rows.
_IS_FREE: Final = "SELECT pg_try_advisory_xact_lock('reconciliation_journalsum'::regclass::bigint)"
_SUM: Final = """
WITH taken AS (
    DELETE FROM reconciliation_journalentrytosum WHERE entry_id IN (
        SELECT waiting.entry_id FROM reconciliation_journalentrytosum AS waiting
        JOIN reconciliation_journalentry AS entry ON entry.id = waiting.entry_id
        WHERE entry.posted_at <= clock_timestamp() - %(rest)s ORDER BY waiting.entry_id LIMIT %(entries)s
    ) RETURNING entry_id
), line AS (
    SELECT date_trunc('month', entry.date)::date AS period, line.*
    FROM taken JOIN reconciliation_journalentry AS entry ON entry.id = taken.entry_id
    CROSS JOIN LATERAL (
        SELECT code_id, office_id, kind, debit_account_id, credit_account_id, sum(amount) AS amount, count(*) AS lines
        FROM reconciliation_journalline WHERE entry_id = taken.entry_id GROUP BY 1, 2, 3, 4, 5
    ) AS line
), kept AS (
    INSERT INTO reconciliation_journalsum (period, code_id, office_id, kind, debit_account_id, credit_account_id,
        amount, lines)
    SELECT period, code_id, office_id, kind, debit_account_id, credit_account_id, sum(amount), sum(lines)
    FROM line GROUP BY 1, 2, 3, 4, 5, 6
    ON CONFLICT (period, code_id, office_id, kind, debit_account_id, credit_account_id) DO UPDATE
    SET amount = reconciliation_journalsum.amount + EXCLUDED.amount,
        lines = reconciliation_journalsum.lines + EXCLUDED.lines
)
SELECT count(*) FROM taken
"""


def sum_journal(*, rest: timedelta = REST, seconds: float = 10.0) -> int:
    """Add what is not in the sums yet, of entries that were posted `rest` ago or longer, for about so many seconds.

    Returns how many entries were added. Writes the sums and takes the notes, some hundred entries a transaction; does
    nothing where somebody else is at it.
    """
    started, total = time.monotonic(), 0
    while True:
        taken = _sum_some(rest)
        total += taken
        if taken < ENTRIES or time.monotonic() - started > seconds:
            return total


@transaction.atomic
def _sum_some(rest: timedelta) -> int:
    parameters: dict[str, Any] = {"rest": rest, "entries": ENTRIES}
    with connection.cursor() as cursor:
        cursor.execute(_IS_FREE)
        if not cursor.fetchone()[0]:
            return 0
        cursor.execute(_SUM, parameters)
        taken: int = cursor.fetchone()[0]
    return taken
