"""Usage that was recorded before there were books: what it is charged to, as its code or else the preferences say now.

Blank would mean the default account, whatever account its code names, and whatever the default becomes later.
"""

from django.db import migrations

CHARGED = """
ALTER TABLE usage_inventoryusage DISABLE TRIGGER USER;
UPDATE usage_inventoryusage AS usage SET account_id = charged.id
FROM lots_lineitemcode AS code CROSS JOIN lots_preference AS preference
CROSS JOIN LATERAL (SELECT coalesce(
    (SELECT account.id FROM lots_account AS account WHERE account.number = code.account_cost),
    preference.account_cost_id) AS id) AS charged
WHERE code.id = usage.code_id AND usage.account_id IS NULL AND charged.id IS NOT NULL;
SET CONSTRAINTS ALL IMMEDIATE;
ALTER TABLE usage_inventoryusage ENABLE TRIGGER USER;
SET CONSTRAINTS ALL DEFERRED;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("lots", "0004_chart_of_accounts"),
        ("usage", "0002_documents_and_books"),
    ]

    operations = [migrations.RunSQL(CHARGED, reverse_sql=migrations.RunSQL.noop)]
