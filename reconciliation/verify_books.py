"""The invariants of the books: cost events, journal, accruals and periods. Read by verify.py with the others.

Where the books are compared with the lots, codes that wait for a run are left out: what is not posted yet is not wrong.
"""

from reconciliation.verify_check import Check

# Codes that a run still has to see to.
_AT_REST = """waiting AS (
        SELECT code_id FROM lots_costpool WHERE has_work
        UNION SELECT pool.code_id
        FROM lots_lotcosttopost AS note JOIN lots_costpool AS pool ON pool.id = note.pool_id)"""

BOOK_CHECKS = (
    Check(
        "lot_cost_events_add_up",
        "What every lot received, is worth and owes is the sum of its cost events",
        """SELECT 'lot ' || lot.number, 'received ' || lot.quantity_received || ' worth ' || lot.value || ', events '
            || coalesce(sums.quantity, 0) || ' worth ' || coalesce(sums.value, 0)
        FROM lots_inventorylot AS lot LEFT JOIN (
            SELECT lot_id, sum(quantity) AS quantity, sum(value) AS value, sum(value_payable) AS payable,
                sum(value_other) AS other
            FROM lots_lotcostevent GROUP BY lot_id) AS sums ON sums.lot_id = lot.id
        WHERE (lot.quantity_received, lot.value, lot.value_payable, lot.value_other)
            <> (coalesce(sums.quantity, 0), coalesce(sums.value, 0), coalesce(sums.payable, 0),
                coalesce(sums.other, 0))""",
    ),
    Check(
        "journal_lines_have_parents",
        "Every line of the journal names an entry, accounts, lot and usage that are there, of its own code",
        """SELECT 'journal line ' || line.id, 'entry ' || line.entry_id || ', code ' || line.code_id
        FROM reconciliation_journalline AS line
        LEFT JOIN reconciliation_journalentry AS entry ON entry.id = line.entry_id
        LEFT JOIN lots_account AS debit ON debit.id = line.debit_account_id
        LEFT JOIN lots_account AS credit ON credit.id = line.credit_account_id
        LEFT JOIN lots_lineitemcode AS code ON code.id = line.code_id
        LEFT JOIN lots_office AS office ON office.id = line.office_id
        LEFT JOIN lots_inventorylot AS lot ON lot.id = line.lot_id
        LEFT JOIN usage_inventoryusage AS usage ON usage.id = line.usage_id
        WHERE entry.id IS NULL OR debit.id IS NULL OR credit.id IS NULL OR code.id IS NULL
            OR (line.office_id IS NOT NULL AND office.id IS NULL)
            OR (line.lot_id IS NOT NULL AND lot.code_id IS DISTINCT FROM line.code_id)
            OR (line.usage_id IS NOT NULL AND usage.code_id IS DISTINCT FROM line.code_id)""",
    ),
    Check(
        "journal_sums",
        "The kept sums of the journal are the sums of its lines, except of entries that wait to be summed",
        """WITH entry AS MATERIALIZED (
            SELECT id, date_trunc('month', date)::date AS period FROM reconciliation_journalentry
            WHERE NOT EXISTS (SELECT FROM reconciliation_journalentrytosum WHERE entry_id = id)),
        moved AS (
            SELECT entry.period, code_id, office_id, kind, debit_account_id, credit_account_id, amount AS journal,
                1 AS lines, 0 AS kept
            FROM reconciliation_journalline AS line JOIN entry ON entry.id = line.entry_id
            UNION ALL SELECT period, code_id, office_id, kind, debit_account_id, credit_account_id, 0, -lines, amount
            FROM reconciliation_journalsum)
        SELECT 'code ' || coalesce(code.code, 'none'), to_char(period, 'YYYY-MM') || ' ' || moved.kind || ', accounts '
            || coalesce(debit.number, 'none') || ' and ' || coalesce(credit.number, 'none') || ': kept ' || kept
            || ', journal ' || journal || ', lines too many ' || lines
        FROM (SELECT period, code_id, office_id, kind, debit_account_id, credit_account_id, sum(journal) AS journal,
                sum(lines) AS lines, sum(kept) AS kept
            FROM moved GROUP BY 1, 2, 3, 4, 5, 6 HAVING sum(journal) <> sum(kept) OR sum(lines) <> 0) AS moved
        LEFT JOIN lots_lineitemcode AS code ON code.id = code_id
        LEFT JOIN lots_account AS debit ON debit.id = debit_account_id
        LEFT JOIN lots_account AS credit ON credit.id = credit_account_id""",
    ),
    Check(
        "no_entry_was_posted_into_a_closed_period",
        "No entry of the journal was posted into a period that was closed then",
        """SELECT 'journal entry ' || entry.id, 'of ' || entry.date || ', posted ' || entry.posted_at
        FROM reconciliation_journalentry AS entry
        JOIN lots_fiscalperiod AS period ON period.starts_on = date_trunc('month', entry.date)::date
        JOIN (SELECT period_id, at, is_closed, lead(at) OVER (PARTITION BY period_id ORDER BY at, id) AS until
            FROM lots_periodchange) AS change
            ON change.period_id = period.id AND change.is_closed AND change.at <= entry.posted_at
            AND (change.until IS NULL OR entry.posted_at < change.until)""",
    ),
    Check(
        "books_equal_lots",
        "The balance of every inventory account is what its lots are worth, per code",
        f"""WITH {_AT_REST}, kept AS (SELECT DISTINCT account_id AS id FROM lots_inventorylot), moved AS (
            SELECT account_id, code_id, value - value_used AS lots, 0 AS books FROM lots_inventorylot
            UNION ALL SELECT debit_account_id, code_id, 0, amount FROM reconciliation_journalline
                JOIN kept ON kept.id = debit_account_id
            UNION ALL SELECT credit_account_id, code_id, 0, -amount FROM reconciliation_journalline
                JOIN kept ON kept.id = credit_account_id)
        SELECT 'code ' || code.code, 'account ' || coalesce(account.number, 'none') || ': lots ' || sum(lots)
            || ', books ' || sum(books)
        FROM moved JOIN lots_lineitemcode AS code ON code.id = moved.code_id
        LEFT JOIN lots_account AS account ON account.id = moved.account_id
        WHERE moved.code_id NOT IN (SELECT code_id FROM waiting)
        GROUP BY code.code, account.number HAVING sum(lots) <> sum(books)""",  # noqa: S608  (our own constant text)
    ),
    Check(
        "clearing_accounts",
        "Accrued inventory in the books is what was received and not billed, per code",
        f"""WITH {_AT_REST}, accrued AS (SELECT account_accrued_inventory_id AS id FROM lots_preference), moved AS (
            SELECT code_id, value - value_payable - value_other AS lots, 0 AS books
            FROM lots_inventorylot WHERE NOT is_fed
            UNION ALL SELECT code_id, 0, amount FROM reconciliation_journalline
                JOIN accrued ON accrued.id = credit_account_id
            UNION ALL SELECT code_id, 0, -amount FROM reconciliation_journalline
                JOIN accrued ON accrued.id = debit_account_id)
        SELECT 'code ' || code.code, 'lots ' || sum(lots) || ', books ' || sum(books)
        FROM moved JOIN lots_lineitemcode AS code ON code.id = moved.code_id
        WHERE moved.code_id NOT IN (SELECT code_id FROM waiting)
        GROUP BY code.code HAVING sum(lots) <> sum(books)""",  # noqa: S608  (our own constant text)
    ),
    Check(
        "accrued_cogs_is_booked",
        "Accrued COGS in the books is what stands booked at open usage, and nothing at closed usage",
        """WITH booked AS (
            SELECT line.usage_id, sum(CASE WHEN CASE WHEN usage.account_id IS NULL
                THEN line.credit_account_id = preference.account_accrued_cogs_id
                ELSE line.debit_account_id = usage.account_id END THEN line.amount ELSE -line.amount END) AS amount
            FROM reconciliation_journalline AS line JOIN usage_inventoryusage AS usage ON usage.id = line.usage_id
            CROSS JOIN lots_preference AS preference
            WHERE line.kind = 'ACCRUED_COGS' GROUP BY line.usage_id)
        SELECT 'usage ' || usage.number, 'in the books ' || coalesce(booked.amount, 0) || ', at the usage '
            || coalesce(open.accrued_booked, 0)
        FROM booked FULL JOIN usage_openusage AS open ON open.usage_id = booked.usage_id
        JOIN usage_inventoryusage AS usage ON usage.id = coalesce(booked.usage_id, open.usage_id)
        WHERE coalesce(booked.amount, 0) <> coalesce(open.accrued_booked, 0)""",
    ),
)
