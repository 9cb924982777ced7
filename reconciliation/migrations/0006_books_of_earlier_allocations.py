"""Allocations that were made before there were books: their day, and their lines in the journal.

No period was ever closed then, so each counts on the day of its usage or of its lot's first receipt.
"""

from django.db import migrations

DATED = """
ALTER TABLE reconciliation_cogsallocation DISABLE TRIGGER USER;
UPDATE reconciliation_cogsallocation AS allocation
SET dated = greatest(usage.used_at, lot.first_received_at)::date
FROM usage_inventoryusage AS usage, lots_inventorylot AS lot
WHERE usage.id = allocation.usage_id AND lot.id = allocation.lot_id;
ALTER TABLE reconciliation_cogsallocation ENABLE TRIGGER USER;
"""

POSTED = """
INSERT INTO reconciliation_journalentry (kind, run_id, date, text)
SELECT 'COGS', run_id, dated, 'Posted when the books were opened' FROM reconciliation_cogsallocation
GROUP BY run_id, dated ORDER BY run_id, dated;
INSERT INTO reconciliation_journalline (entry_id, debit_account_id, credit_account_id, amount, kind, code_id,
    office_id, "order", source_kind, source_number, lot_id, usage_id)
SELECT entry.id,
    CASE WHEN allocation.amount > 0 THEN cost.id ELSE lot.account_id END,
    CASE WHEN allocation.amount > 0 THEN lot.account_id ELSE cost.id END,
    abs(allocation.amount), CASE allocation.kind WHEN 'TRUE_UP' THEN 'TRUE_UP' ELSE 'COGS' END, usage.code_id,
    usage.office_id, usage."order", usage.source_kind, usage.source_number, lot.id, usage.id
FROM reconciliation_cogsallocation AS allocation
JOIN reconciliation_journalentry AS entry ON entry.run_id = allocation.run_id AND entry.date = allocation.dated
JOIN usage_inventoryusage AS usage ON usage.id = allocation.usage_id
JOIN lots_inventorylot AS lot ON lot.id = allocation.lot_id
JOIN lots_lineitemcode AS code ON code.id = usage.code_id
CROSS JOIN lots_preference AS preference
JOIN lots_account AS cost ON cost.id = coalesce(
    (SELECT id FROM lots_account WHERE number = code.account_cost), preference.account_cost_id)
WHERE allocation.amount <> 0 AND cost.id <> lot.account_id ORDER BY allocation.id;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("reconciliation", "0005_documents_and_books"),
        ("lots", "0004_chart_of_accounts"),
    ]

    operations = [
        migrations.RunSQL(DATED, reverse_sql=migrations.RunSQL.noop),
        migrations.RunSQL(POSTED, reverse_sql=migrations.RunSQL.noop),
    ]
