"""Every invariant in SQL, recomputed from the facts, each with its first culprits.

The watchman of every cached sum. All statements are read in one snapshot of the database, so that postings and runs may
go on meanwhile; what is in flight is invisible, and each committed state must be right. Numbers in square brackets are
those of the engine's list of what is always true.
"""

from dataclasses import dataclass

from django.db import connection, transaction

from reconciliation.verify_books import BOOK_CHECKS
from reconciliation.verify_check import Check
from reconciliation.verify_documents import DOCUMENT_CHECKS

CULPRITS_NAMED = 10


@dataclass(frozen=True, slots=True)
class CheckResult:
    """`count` records break the invariant; the first of them are named."""

    name: str
    title: str
    is_ok: bool
    count: int
    culprits: tuple[tuple[str, str], ...]


# Sums of the allocations per lot and per usage, once, for all the checks that need them.
_PREPARE = """
DROP TABLE IF EXISTS verify_lot, verify_usage;
CREATE TEMPORARY TABLE verify_lot ON COMMIT DROP AS
    SELECT lot_id, sum(quantity) AS quantity, sum(amount) AS amount FROM reconciliation_cogsallocation GROUP BY lot_id;
CREATE TEMPORARY TABLE verify_usage ON COMMIT DROP AS
    SELECT usage_id, sum(quantity) AS quantity, sum(amount) AS amount
    FROM reconciliation_cogsallocation GROUP BY usage_id;
ANALYZE verify_lot;
ANALYZE verify_usage;
"""

CHECKS = (
    Check(
        "lot_used_is_allocated",
        "Used of every lot is the sum of its allocations, between zero and received [1]",
        """SELECT 'lot ' || lot.number, 'used ' || lot.quantity_used || ', allocated ' || coalesce(done.quantity, 0)
        FROM lots_inventorylot AS lot LEFT JOIN verify_lot AS done ON done.lot_id = lot.id
        WHERE lot.quantity_used <> coalesce(done.quantity, 0) OR lot.quantity_used < 0
            OR lot.quantity_used > lot.quantity_received""",
    ),
    Check(
        "usage_is_allocated_or_open",
        "Allocated and unallocated of every usage add up to its quantity [2]",
        """SELECT 'usage ' || usage.number, 'quantity ' || usage.quantity || ', allocated '
            || coalesce(done.quantity, 0) || ', unallocated ' || coalesce(open.quantity_unallocated, 0)
        FROM usage_inventoryusage AS usage
        LEFT JOIN verify_usage AS done ON done.usage_id = usage.id
        LEFT JOIN usage_openusage AS open ON open.usage_id = usage.id
        WHERE usage.quantity <> coalesce(done.quantity, 0) + coalesce(open.quantity_unallocated, 0)""",
    ),
    Check(
        "open_usage_agrees_with_its_usage",
        "What stands open agrees with the usage: quantity, sign, date, original, pool and amount so far [2]",
        """SELECT 'usage ' || usage.number, 'unallocated ' || open.quantity_unallocated || ' of ' || usage.quantity
        FROM usage_openusage AS open
        JOIN usage_inventoryusage AS usage ON usage.id = open.usage_id
        JOIN lots_costpool AS pool ON pool.id = open.pool_id
        LEFT JOIN verify_usage AS done ON done.usage_id = open.usage_id
        WHERE open.quantity <> usage.quantity OR open.used_at <> usage.used_at
            OR open.original_id IS DISTINCT FROM usage.original_id OR pool.code_id <> usage.code_id
            OR sign(open.quantity_unallocated) <> sign(usage.quantity)
            OR abs(open.quantity_unallocated) > abs(usage.quantity)
            OR open.amount_allocated <> coalesce(done.amount, 0)""",
    ),
    Check(
        "lot_amounts_tie_out",
        "Amounts on every lot add up to its cost function at Used, to the cent [3]",
        """SELECT 'lot ' || lot.number, 'booked ' || coalesce(done.amount, 0) || ', due '
            || round(lot_value_used(lot.value_costed, lot.quantity_costed, lot.quantity_used), 2)
        FROM lots_inventorylot AS lot LEFT JOIN verify_lot AS done ON done.lot_id = lot.id
        WHERE coalesce(done.amount, 0) <> lot_value_used(lot.value_costed, lot.quantity_costed, lot.quantity_used)
            OR lot.value_used <> coalesce(done.amount, 0)""",
    ),
    Check(
        "costed_basis_is_present",
        "No lot's cost changed without a run taking notice [3]",
        """SELECT 'lot ' || lot.number, 'worth ' || lot.value || ', booked at ' || lot.value_costed
        FROM lots_inventorylot AS lot JOIN lots_costpool AS pool ON pool.id = lot.pool_id
        WHERE (lot.value <> lot.value_costed OR lot.quantity_received <> lot.quantity_costed) AND NOT pool.has_work""",
    ),
    Check(
        "on_hand_identity",
        "On hand = lots' current - unallocated usage, per code [4]",
        """WITH moved AS (
            SELECT code_id, on_hand AS hand, 0 AS stock, 0 AS unallocated FROM lots_inventorytransaction
            UNION ALL SELECT code_id, 0, quantity_received - quantity_used, 0 FROM lots_inventorylot
            UNION ALL SELECT usage.code_id, 0, 0, open.quantity_unallocated FROM usage_openusage AS open
                JOIN usage_inventoryusage AS usage ON usage.id = open.usage_id)
        SELECT 'code ' || code.code, 'on hand ' || sum(hand) || ', lots ' || sum(stock) || ', unallocated '
            || sum(unallocated)
        FROM moved JOIN lots_lineitemcode AS code ON code.id = moved.code_id
        GROUP BY code.code HAVING sum(hand) <> sum(stock) - sum(unallocated)""",
    ),
    Check(
        "on_hand_identity_per_office",
        "The same per code and office, where inter-office COGS is prevented [4]",
        """WITH moved AS (
            SELECT code_id, office_id, on_hand AS quantity FROM lots_inventorytransaction
            UNION ALL SELECT code_id, office_id, quantity_used - quantity_received FROM lots_inventorylot
            UNION ALL SELECT usage.code_id, usage.office_id, open.quantity_unallocated FROM usage_openusage AS open
                JOIN usage_inventoryusage AS usage ON usage.id = open.usage_id)
        SELECT 'code ' || code.code || ', office ' || coalesce(office.code, 'none'), 'off by ' || sum(moved.quantity)
        FROM moved JOIN lots_lineitemcode AS code ON code.id = moved.code_id
        LEFT JOIN lots_office AS office ON office.id = moved.office_id
        WHERE (SELECT prevent_inter_office FROM lots_preference)
        GROUP BY code.code, office.code HAVING sum(moved.quantity) <> 0""",
    ),
    Check(
        "nothing_left_that_could_move",
        "In every pool at rest, no open usage meets a lot that could serve it [5]",
        """SELECT 'usage ' || usage.number, 'unallocated ' || open.quantity_unallocated || ', lot ' || lot.number
        FROM usage_openusage AS open
        JOIN lots_costpool AS pool ON pool.id = open.pool_id AND NOT pool.has_work
        JOIN usage_inventoryusage AS usage ON usage.id = open.usage_id
        JOIN LATERAL (
            SELECT candidate.number FROM lots_inventorylot AS candidate
            WHERE candidate.pool_id = open.pool_id
                AND CASE WHEN open.quantity_unallocated > 0
                    THEN candidate.quantity_used < candidate.quantity_received ELSE candidate.quantity_used > 0 END
                AND (NOT open.is_restricted OR EXISTS (SELECT FROM usage_usagelotrestriction AS allowed
                    WHERE allowed.usage_id = open.usage_id AND allowed.lot_id = candidate.id))
            LIMIT 1) AS lot ON true""",
    ),
    Check(
        "allocations_have_parents",
        "Every allocation names a run, a usage and a lot of one code, inside the usage's restriction",
        """SELECT 'allocation ' || allocation.id, 'usage ' || allocation.usage_id || ', lot ' || allocation.lot_id
        FROM reconciliation_cogsallocation AS allocation
        LEFT JOIN usage_inventoryusage AS usage ON usage.id = allocation.usage_id
        LEFT JOIN lots_inventorylot AS lot ON lot.id = allocation.lot_id
        LEFT JOIN reconciliation_reconciliationrun AS run ON run.id = allocation.run_id
        WHERE run.id IS NULL OR usage.id IS NULL OR lot.id IS NULL OR usage.code_id <> lot.code_id""",
    ),
    Check(
        "restrictions_are_kept",
        "No usage touched a lot outside those it is restricted to, unless it was released from them",
        """SELECT 'usage ' || usage.number, 'lot ' || allocation.lot_id
        FROM (SELECT DISTINCT usage_id FROM usage_usagelotrestriction AS named WHERE NOT EXISTS (
            SELECT FROM usage_restrictionrelease AS release WHERE release.usage_id = named.usage_id)) AS restricted
        JOIN reconciliation_cogsallocation AS allocation ON allocation.usage_id = restricted.usage_id
        JOIN usage_inventoryusage AS usage ON usage.id = restricted.usage_id
        WHERE NOT EXISTS (SELECT FROM usage_usagelotrestriction AS allowed
            WHERE allowed.usage_id = restricted.usage_id AND allowed.lot_id = allocation.lot_id)
            AND NOT EXISTS (SELECT FROM usage_restrictionrelease AS release
                WHERE release.usage_id = restricted.usage_id)""",
    ),
    Check(
        "pools_match_their_records",
        "The pool of every lot and open usage is that of its code and, where it counts, its office",
        """WITH preference AS (SELECT prevent_inter_office AS apart FROM lots_preference), member AS (
            SELECT 'lot ' || number AS what, code_id, office_id, pool_id FROM lots_inventorylot
            UNION ALL SELECT 'usage ' || usage.number, usage.code_id, usage.office_id, open.pool_id
            FROM usage_openusage AS open JOIN usage_inventoryusage AS usage ON usage.id = open.usage_id)
        SELECT member.what, 'pool ' || pool.id FROM member JOIN lots_costpool AS pool ON pool.id = member.pool_id
        CROSS JOIN preference
        WHERE pool.code_id <> member.code_id
            OR pool.office_id IS DISTINCT FROM CASE WHEN preference.apart THEN member.office_id END""",
    ),
    Check(
        "pool_lot_sums",
        "The lot figures of every pool are the sums over its lots",
        """SELECT 'pool of ' || code.code, 'received ' || pool.quantity_received || ', lots '
            || coalesce(sums.received, 0) || '; used ' || pool.quantity_used || ', lots ' || coalesce(sums.used, 0)
        FROM lots_costpool AS pool JOIN lots_lineitemcode AS code ON code.id = pool.code_id
        LEFT JOIN (SELECT pool_id, count(*) AS rows, sum(quantity_received) AS received, sum(quantity_used) AS used,
                sum(value) AS value, sum(value_used) AS value_used FROM lots_inventorylot GROUP BY pool_id) AS sums
            ON sums.pool_id = pool.id
        WHERE (pool.lot_count, pool.quantity_received, pool.quantity_used, pool.value_received, pool.value_used)
            <> (coalesce(sums.rows, 0), coalesce(sums.received, 0), coalesce(sums.used, 0), coalesce(sums.value, 0),
                coalesce(sums.value_used, 0))""",
    ),
    Check(
        "pool_open_sums",
        "The open-usage figures of every pool are the sums over its open usage",
        """SELECT 'pool of ' || code.code, 'unallocated ' || pool.open_unallocated || ', open usage '
            || coalesce(sums.unallocated, 0)
        FROM lots_costpool AS pool JOIN lots_lineitemcode AS code ON code.id = pool.code_id
        LEFT JOIN (SELECT open.pool_id, count(*) AS rows, sum(open.quantity) AS quantity,
                sum(open.amount_allocated) AS amount, sum(open.quantity_unallocated) AS unallocated,
                sum(greatest(open.quantity_unallocated, 0)) AS positive,
                sum(round(open.quantity_unallocated * code.est_unit_cost, 2)) AS accrued
            FROM usage_openusage AS open JOIN lots_costpool AS own ON own.id = open.pool_id
            JOIN lots_lineitemcode AS code ON code.id = own.code_id GROUP BY open.pool_id) AS sums
            ON sums.pool_id = pool.id
        WHERE (pool.open_count, pool.open_quantity, pool.open_amount_allocated, pool.open_unallocated,
                pool.open_unallocated_positive, pool.open_accrued_cogs)
            <> (coalesce(sums.rows, 0), coalesce(sums.quantity, 0), coalesce(sums.amount, 0),
                coalesce(sums.unallocated, 0), coalesce(sums.positive, 0), coalesce(sums.accrued, 0))""",
    ),
    Check(
        "pool_usage_sums",
        "The usage figures of the pools of every code are the sums over its usage",
        """WITH kept AS (SELECT code_id, sum(usage_count) AS rows, sum(usage_quantity) AS quantity
            FROM lots_costpool GROUP BY code_id),
        sums AS (SELECT code_id, count(*) AS rows, sum(quantity) AS quantity FROM usage_inventoryusage GROUP BY code_id)
        SELECT 'code ' || code.code, 'kept ' || coalesce(kept.quantity, 0) || ', usage ' || coalesce(sums.quantity, 0)
        FROM lots_lineitemcode AS code LEFT JOIN kept ON kept.code_id = code.id
        LEFT JOIN sums ON sums.code_id = code.id
        WHERE coalesce(kept.rows, 0) <> coalesce(sums.rows, 0)
            OR coalesce(kept.quantity, 0) <> coalesce(sums.quantity, 0)""",
    ),
    Check(
        "run_totals",
        "The figures of every run, and of each pool in it, are the sums of the allocations it made",
        """WITH made AS (
            SELECT allocation.run_id, lot.pool_id, count(*) AS rows, sum(allocation.amount) AS amount,
                sum(greatest(allocation.quantity, 0)) AS drawn, -sum(least(allocation.quantity, 0)) AS given_back
            FROM reconciliation_cogsallocation AS allocation
            JOIN lots_inventorylot AS lot ON lot.id = allocation.lot_id GROUP BY allocation.run_id, lot.pool_id),
        whole AS (SELECT run_id, count(*) FILTER (WHERE state = 'DONE') AS pools, sum(allocations) AS rows,
                sum(amount) AS amount, sum(drawn) AS drawn, sum(given_back) AS given_back, sum(passes) AS passes,
                sum(usages) FILTER (WHERE state = 'DONE') AS usages
            FROM reconciliation_runpool GROUP BY run_id)
        SELECT 'run ' || run.id, 'says ' || run.allocations || ' worth ' || run.amount || ', its pools '
            || coalesce(whole.rows, 0) || ' worth ' || coalesce(whole.amount, 0)
        FROM reconciliation_reconciliationrun AS run LEFT JOIN whole ON whole.run_id = run.id
        WHERE run.finished_at IS NOT NULL
            AND (run.pools, run.usages, run.allocations, run.amount, run.drawn, run.given_back, run.passes)
            <> (coalesce(whole.pools, 0), coalesce(whole.usages, 0), coalesce(whole.rows, 0), coalesce(whole.amount, 0),
                coalesce(whole.drawn, 0), coalesce(whole.given_back, 0), coalesce(whole.passes, 0))
        UNION ALL
        SELECT 'run ' || work.run_id || ', pool ' || work.pool_id, 'says ' || work.allocations || ' worth '
            || work.amount || ', made ' || coalesce(made.rows, 0) || ' worth ' || coalesce(made.amount, 0)
        FROM reconciliation_runpool AS work
        LEFT JOIN made ON made.run_id = work.run_id AND made.pool_id = work.pool_id
        WHERE (work.allocations, work.amount, work.drawn, work.given_back)
            <> (coalesce(made.rows, 0), coalesce(made.amount, 0), coalesce(made.drawn, 0), coalesce(made.given_back, 0))
        UNION ALL
        SELECT 'run ' || made.run_id, 'made allocations for pool ' || made.pool_id || ' without a work row'
        FROM made LEFT JOIN reconciliation_runpool AS work ON work.run_id = made.run_id AND work.pool_id = made.pool_id
        WHERE work.id IS NULL""",
    ),
    Check(
        "ledgers_are_append_only",
        "The database refuses to change or delete facts: every trigger is in place and on",
        """SELECT 'table ' || wanted.name, 'no active trigger that refuses update, delete and truncate'
        FROM unnest(ARRAY['lots_inventorytransaction', 'lots_serialmovement', 'lots_lotcostevent',
            'lots_recordhistory', 'lots_preferencechange', 'lots_periodchange', 'usage_inventoryusage',
            'usage_usagelotrestriction', 'usage_restrictionrelease', 'usage_lotfeed', 'usage_shipmentusage',
            'usage_orderlinepurchase', 'usage_jobusage', 'usage_jobcost', 'usage_adjustmentrecord',
            'reconciliation_cogsallocation', 'reconciliation_journalentry', 'reconciliation_journalline',
            'reconciliation_runlogline']) AS wanted(name)
        WHERE NOT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = wanted.name::regclass AND tgenabled IN ('O', 'A')
            AND tgtype & 56 = 56 AND tgname LIKE 'pgtrigger_%%append_only%%')""",
    ),
    *BOOK_CHECKS,
    *DOCUMENT_CHECKS,
)


@transaction.atomic
def verify_ledger() -> list[CheckResult]:
    """Check every invariant. Reads all facts once; writes nothing but temporary tables."""
    with connection.cursor() as cursor:
        # Only the outermost transaction can choose; inside another, its own isolation holds.
        if not connection.savepoint_ids:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        # Whole tables are compared with whole tables. Where statistics are missing yet, just after an import, the
        # planner would take them for small ones and go through them row by row, for hours.
        cursor.execute("SET LOCAL enable_nestloop = off")
        cursor.execute(_PREPARE)
        results = [_result(check) for check in CHECKS]
        cursor.execute("SET LOCAL enable_nestloop TO DEFAULT")
    return results


def _result(check: Check) -> CheckResult:
    with connection.cursor() as cursor:
        # Order by the text, so that the same trouble names the same culprits first each time.
        cursor.execute(
            f"WITH culprit(what, detail) AS ({check.statement})"  # noqa: S608  (our own constant text)
            " SELECT what, detail, count(*) OVER () FROM culprit ORDER BY what, detail LIMIT %s",
            [CULPRITS_NAMED],
        )
        rows = cursor.fetchall()
    count = rows[0][2] if rows else 0
    return CheckResult(check.name, check.title, count == 0, count, tuple((what, detail) for what, detail, _ in rows))
