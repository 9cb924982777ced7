"""The journal as accountants read it: a view that shows each line as its debit and its credit."""

from django.db import migrations, models

import inventory_site.fields

# The sides are made per line, in the order of the lines: a page of them is read along the primary key.
VIEW = """
CREATE VIEW reconciliation_journalposting AS
SELECT line.id * 2 + side.side AS id, line.id AS line_id, side.side::smallint AS side, line.entry_id, entry.date,
    date_trunc('month', entry.date)::date AS period, entry.run_id, side.account_id, line.amount, side.debit, side.credit,
    line.kind, line.code_id, line.office_id, line."order", line.source_kind, line.source_number, line.lot_id,
    line.usage_id, entry.text
FROM reconciliation_journalline AS line
JOIN reconciliation_journalentry AS entry ON entry.id = line.entry_id
CROSS JOIN LATERAL (VALUES
    (0, line.debit_account_id, line.amount, NULL::numeric(18, 2)),
    (1, line.credit_account_id, NULL::numeric(18, 2), line.amount)
) AS side(side, account_id, debit, credit)
"""


class Migration(migrations.Migration):
    dependencies = [
        ("reconciliation", "0006_books_of_earlier_allocations"),
    ]

    operations = [
        migrations.CreateModel(
            name="JournalPosting",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("side", models.SmallIntegerField(choices=[(0, "Debit"), (1, "Credit")])),
                ("date", models.DateField()),
                ("period", models.DateField()),
                ("amount", inventory_site.fields.MoneyField(decimal_places=2, max_digits=18)),
                (
                    "debit",
                    inventory_site.fields.OptionalMoneyField(blank=True, decimal_places=2, max_digits=18, null=True),
                ),
                (
                    "credit",
                    inventory_site.fields.OptionalMoneyField(blank=True, decimal_places=2, max_digits=18, null=True),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("RECEIPT", "Inventory in or out of a lot's cost"),
                            ("PURCHASE", "Billed"),
                            ("COGS", "Cost of usage"),
                            ("TRUE_UP", "True-up"),
                            ("ACCRUED_COGS", "Accrued COGS"),
                        ],
                        max_length=12,
                    ),
                ),
                ("order", models.CharField(max_length=60)),
                ("source_kind", models.CharField(max_length=20)),
                ("source_number", models.CharField(max_length=60, verbose_name="transaction ID")),
                ("text", models.CharField(max_length=200)),
            ],
            options={
                "verbose_name": "journal posting",
                "db_table": "reconciliation_journalposting",
                "ordering": ("-line_id", "side"),
                "managed": False,
            },
        ),
        migrations.RunSQL(VIEW, reverse_sql="DROP VIEW reconciliation_journalposting"),
    ]
