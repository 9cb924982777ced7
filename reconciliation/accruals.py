"""Accrued COGS: the estimated cost of unallocated usage, booked so that it falls into the month of the sale.

Each open usage has a target, unallocated x est unit cost (nothing where the preference is off), and what is booked for
it; only the difference is posted, so booking again writes nothing. What a run allocates, the run takes back.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from itertools import groupby
from typing import Any, Final

from celery import current_app
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.utils import timezone

from lots.locks import lock_pools, preference_in_force
from lots.models import PostingDate, Preference

logger = logging.getLogger(__name__)

ACCRUE_TASK: Final = "reconciliation.tasks.accrue_cogs"
# Usages whose accruals one transaction books.
BATCH_USAGES: Final = 20_000
CODES_NAMED: Final = 10

# Charged to what posting.py will charge the true cost to; the estimate is to the cent, half away from zero.
_DUE = """
SELECT open.usage_id, open.pool_id, usage.code_id, usage.office_id, usage."order", usage.source_kind,
    usage.source_number, account.id AS account_id, open.accrued_booked, due.target - open.accrued_booked AS amount,
    (open.used_at AT TIME ZONE %(zone)s)::date AS used_on, open.used_at
FROM usage_openusage AS open
JOIN usage_inventoryusage AS usage ON usage.id = open.usage_id
JOIN lots_lineitemcode AS code ON code.id = usage.code_id
CROSS JOIN lots_preference AS preference
JOIN lots_account AS account ON account.id = coalesce(usage.account_id, preference.account_cost_id)
CROSS JOIN LATERAL (
    SELECT CASE WHEN preference.accrue_cogs AND account.id <> preference.account_accrued_cogs_id
        THEN round(open.quantity_unallocated * code.est_unit_cost, 2) ELSE 0 END AS target) AS due
WHERE due.target <> open.accrued_booked
"""
_POOLS_DUE = f"SELECT pool_id, count(*) FROM ({_DUE}) AS due GROUP BY pool_id ORDER BY pool_id"  # noqa: S608  (ours)
_COUNT_DUE = f"""
SELECT count(*) FROM ({_DUE}) AS due WHERE %(before)s::timestamptz IS NULL OR used_at < %(before)s
"""  # noqa: S608  (our own constant text)
# Booked for the first time on the day of the usage; later differences on the day they are found.
_BOOK = f"""
WITH due AS MATERIALIZED (
    SELECT found.*, CASE WHEN %(at_run)s OR EXISTS (
        SELECT FROM reconciliation_journalline AS line
        WHERE line.usage_id = found.usage_id AND line.kind = 'ACCRUED_COGS'
    ) THEN %(today)s::date ELSE found.used_on END AS day
    FROM ({_DUE}) AS found WHERE found.pool_id = ANY(%(pools)s)
), days AS MATERIALIZED (SELECT day, open_day(day) AS booked_on FROM (SELECT DISTINCT day FROM due) AS named
), entry AS (
    INSERT INTO reconciliation_journalentry (kind, date, text)
    SELECT 'ACCRUED_COGS', booked_on, %(text)s FROM days GROUP BY booked_on ORDER BY booked_on RETURNING id, date
), note AS (
    INSERT INTO reconciliation_journalentrytosum (entry_id) SELECT id FROM entry
), line AS (
    INSERT INTO reconciliation_journalline (entry_id, debit_account_id, credit_account_id, amount, kind, code_id,
        office_id, "order", source_kind, source_number, usage_id)
    SELECT entry.id, CASE WHEN due.amount > 0 THEN due.account_id ELSE preference.account_accrued_cogs_id END,
        CASE WHEN due.amount > 0 THEN preference.account_accrued_cogs_id ELSE due.account_id END,
        abs(due.amount), 'ACCRUED_COGS', due.code_id, due.office_id, due."order", due.source_kind, due.source_number,
        due.usage_id
    FROM due JOIN days ON days.day = due.day JOIN entry ON entry.date = days.booked_on
    CROSS JOIN lots_preference AS preference ORDER BY entry.id, due.usage_id
    RETURNING amount
), booked AS (
    UPDATE usage_openusage AS open SET accrued_booked = open.accrued_booked + due.amount
    FROM due WHERE open.usage_id = due.usage_id RETURNING due.amount
)
SELECT (SELECT count(*) FROM entry), count(*), coalesce(sum(amount), 0) FROM booked
"""  # noqa: S608  (our own constant text)
_WITHOUT_ESTIMATE = """
SELECT code.code FROM lots_costpool AS pool JOIN lots_lineitemcode AS code ON code.id = pool.code_id
WHERE pool.open_count > 0 AND code.est_unit_cost = 0 GROUP BY code.code ORDER BY code.code
"""


@dataclass
class AccrualResult:
    """What was booked: entries and lines of the journal, and by how much accrued COGS changed in all."""

    entries: int = 0
    lines: int = 0
    amount: Decimal = Decimal(0)
    # Codes with open usage that nothing can be accrued for: their estimate is 0.
    without_estimate: list[str] = field(default_factory=list)

    def words(self) -> str:
        """For people."""
        if not self.lines:
            text = "Accrued COGS is up to date; nothing was posted."
        else:
            lines = f"{self.lines:,} line{'' if self.lines == 1 else 's'}"
            entries = f"{self.entries:,} entr{'y' if self.entries == 1 else 'ies'}"
            text = f"Accrued COGS changed by {self.amount:,.2f}: {lines} in {entries}."
        if self.without_estimate:
            codes = ", ".join(self.without_estimate[:CODES_NAMED])
            more = len(self.without_estimate) - CODES_NAMED
            text += f" Without an estimated unit cost, so nothing is accrued: {codes}"
            text += f" and {more:,} more." if more > 0 else "."
        return text


def accrue_cogs(*, now: datetime, by: User | None = None) -> AccrualResult:
    """Bring accrued COGS of all open usage up to date; where the preference is off, take back what is booked.

    Each batch is a transaction under the locks of its pools: it writes one journal entry per day with a line per usage,
    and what is booked at the open usage. Writes nothing where all is booked already. Raises ValidationError, having
    posted nothing, where accruing is on and no account for it is set.
    """
    if reason := why_not_accrue():
        raise ValidationError(reason)
    result = AccrualResult()
    text = f"Accrued COGS, by {by.get_username()}" if by else "Accrued COGS"
    for pools in _batches(_rows(_POOLS_DUE, {"zone": timezone.get_current_timezone_name()})):
        _book(pools, today=timezone.localdate(now), text=text, result=result)
    if Preference.current().accrue_cogs:
        result.without_estimate = [code for (code,) in _rows(_WITHOUT_ESTIMATE, {})]
    return result


def request_accruals(*, by: User) -> bool:
    """Ask a worker to book them. Return whether the broker took the message."""
    try:
        current_app.send_task(ACCRUE_TASK, kwargs={"by_id": by.pk}, retry=False)
    except Exception as error:  # (a broker may fail in any way; none may reach the user)
        logger.warning("the broker did not take the request for accrued COGS: %s", error)
        return False
    return True


def accrue_nightly(*, now: datetime, by: User | None = None) -> None:
    """What a worker does: book it where that is wanted or still has to be taken back, and tell the log."""
    if not Preference.current().accrue_cogs and not accruals_due():
        return
    try:
        logger.info("%s", accrue_cogs(now=now, by=by).words())
    except ValidationError as refusal:
        logger.warning("%s", " ".join(refusal.messages))


def why_not_accrue() -> str:
    """Why accrued COGS cannot be booked now, or ""."""
    preference = Preference.current()
    if preference.account_accrued_cogs_id is None:
        return "No account for accrued COGS is set: choose one on the Preferences page first. Nothing was posted."
    if preference.account_cost_id is None:
        return "No account for the cost of goods sold is set: choose one in Preferences first. Nothing was posted."
    return ""


def accruals_due(*, used_before: datetime | None = None) -> int:
    """How many open usages have another accrual booked than is due now."""
    parameters = {"zone": timezone.get_current_timezone_name(), "before": used_before}
    count: int = _rows(_COUNT_DUE, parameters)[0][0]
    return count


@transaction.atomic
def _book(pools: Sequence[int], *, today: date, text: str, result: AccrualResult) -> None:
    # Before the pools: neither a preference changes nor a period closes while this is posted.
    preference = preference_in_force()
    lock_pools(pools)
    parameters = {
        "zone": timezone.get_current_timezone_name(),
        "pools": list(pools),
        "today": today,
        "at_run": preference.posting_date == PostingDate.RUN,
        "text": text,
    }
    entries, lines, amount = _rows(_BOOK, parameters)[0]
    result.entries += entries
    result.lines += lines
    result.amount += amount


def _batches(due: Sequence[tuple[int, int]]) -> list[list[int]]:
    """Pools, in their order, so many together that a batch stays bounded."""
    numbered, total = [], 0
    for pool, usages in due:
        numbered.append((total // BATCH_USAGES, pool))
        total += usages
    return [[pool for _, pool in group] for _, group in groupby(numbered, key=lambda pair: pair[0])]


def _rows(statement: str, parameters: dict[str, Any]) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return list(cursor.fetchall())
