"""A small chart of accounts with its defaults, and the opening events of lots that were recorded before there were books.

The account numbers that codes already name become accounts, of the kind that their first digit tells.
"""

from django.db import migrations

ACCOUNTS = """
INSERT INTO lots_account (number, name, kind, is_active) VALUES
    ('1200', 'Inventory', 'ASSET', true),
    ('1210', 'Inventory in Process', 'ASSET', true),
    ('2000', 'Accounts Payable', 'LIABILITY', true),
    ('2100', 'Accrued Inventory', 'LIABILITY', true),
    ('2110', 'Accrued COGS', 'LIABILITY', true),
    ('3900', 'Opening Balances', 'EQUITY', true),
    ('4000', 'Sales', 'SALES', true),
    ('5000', 'Cost of Goods Sold', 'COST_OF_SALES', true),
    ('5100', 'Inventory Adjustments', 'COST_OF_SALES', true),
    ('5200', 'Purchase Cost Variance', 'COST_OF_SALES', true),
    ('6000', 'Job Costs Applied', 'EXPENSE', true);
INSERT INTO lots_account (number, name, kind, is_active)
SELECT DISTINCT named.number, '', CASE left(named.number, 1)
    WHEN '1' THEN 'ASSET' WHEN '2' THEN 'LIABILITY' WHEN '3' THEN 'EQUITY' WHEN '4' THEN 'SALES'
    WHEN '6' THEN 'EXPENSE' WHEN '7' THEN 'OVERHEAD' WHEN '8' THEN 'OTHER_INCOME' WHEN '9' THEN 'OTHER_EXPENSE'
    ELSE 'COST_OF_SALES' END, true
FROM lots_lineitemcode AS code
CROSS JOIN LATERAL unnest(ARRAY[code.account_revenue, code.account_cost, code.account_inventory]) AS named(number)
WHERE named.number <> '' AND NOT EXISTS (SELECT FROM lots_account AS known WHERE known.number = named.number);
UPDATE lots_preference SET
    account_inventory_id = (SELECT id FROM lots_account WHERE number = '1200'),
    account_in_process_id = (SELECT id FROM lots_account WHERE number = '1210'),
    account_payable_id = (SELECT id FROM lots_account WHERE number = '2000'),
    account_accrued_inventory_id = (SELECT id FROM lots_account WHERE number = '2100'),
    account_accrued_cogs_id = (SELECT id FROM lots_account WHERE number = '2110'),
    account_opening_id = (SELECT id FROM lots_account WHERE number = '3900'),
    account_cost_id = (SELECT id FROM lots_account WHERE number = '5000'),
    account_adjustment_id = (SELECT id FROM lots_account WHERE number = '5100'),
    account_variance_id = (SELECT id FROM lots_account WHERE number = '5200'),
    account_job_cost_id = (SELECT id FROM lots_account WHERE number = '6000');
"""

OPENING = """
UPDATE lots_inventorylot AS lot SET
    account_id = coalesce((SELECT account.id FROM lots_lineitemcode AS code
        JOIN lots_account AS account ON account.number = code.account_inventory WHERE code.id = lot.code_id),
        (SELECT account_inventory_id FROM lots_preference)),
    value_other = value, cost_changed_on = first_received_at::date;
INSERT INTO lots_lotcostevent (lot_id, at, dated, kind, source_kind, source_number, quantity, value, value_payable,
    value_other, account_id)
SELECT lot.id, lot.first_received_at, lot.first_received_at::date, 'OPENING', lot.source_kind, lot.source_number,
    lot.quantity_received, lot.value, 0, lot.value, preference.account_opening_id
FROM lots_inventorylot AS lot CROSS JOIN lots_preference AS preference
WHERE lot.quantity_received > 0 ORDER BY lot.id;
INSERT INTO lots_lotcosttopost (event_id, pool_id)
SELECT event.id, lot.pool_id FROM lots_lotcostevent AS event JOIN lots_inventorylot AS lot ON lot.id = event.lot_id;
UPDATE lots_costpool AS pool SET has_work = true, work_noted_at = now()
WHERE EXISTS (SELECT FROM lots_lotcosttopost AS waiting WHERE waiting.pool_id = pool.id);
"""

# The day itself if its period is open, else the first day of the first open period after it: lots/periods.py in SQL.
OPEN_DAY = """
CREATE FUNCTION open_day(day date) RETURNS date LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN NOT EXISTS (
        SELECT FROM lots_fiscalperiod WHERE is_closed AND starts_on = date_trunc('month', day)::date
    ) THEN day ELSE (
        SELECT min(month)::date FROM generate_series(
            date_trunc('month', day), (SELECT max(starts_on) FROM lots_fiscalperiod) + interval '1 month',
            interval '1 month') AS month
        WHERE NOT EXISTS (SELECT FROM lots_fiscalperiod WHERE is_closed AND starts_on = month::date)
    ) END
$$
"""


class Migration(migrations.Migration):
    dependencies = [("lots", "0003_documents_and_books")]

    operations = [
        migrations.RunSQL(OPEN_DAY, reverse_sql="DROP FUNCTION open_day(date)"),
        migrations.RunSQL(ACCOUNTS, reverse_sql=migrations.RunSQL.noop),
        migrations.RunSQL(OPENING, reverse_sql=migrations.RunSQL.noop),
    ]
