"""Sums of the journal for reports; what is in the journal already is summed by the sweeper, from its notes."""

import django.contrib.postgres.indexes
import django.db.models.deletion
from django.db import migrations, models

import inventory_site.fields

_KINDS = [
    ("RECEIPT", "Inventory in or out of a lot's cost"),
    ("PURCHASE", "Billed"),
    ("COGS", "Cost of usage"),
    ("TRUE_UP", "True-up"),
    ("ACCRUED_COGS", "Accrued COGS"),
]

# What is not summed yet is looked up entry by entry: a note too many costs one look at an index, never a pass over all.
VIEW = """
CREATE VIEW reconciliation_journalmonth AS
SELECT NULL::bigint AS id, period, code_id, office_id, kind, debit_account_id, credit_account_id, amount, lines
FROM reconciliation_journalsum
UNION ALL
SELECT NULL::bigint, date_trunc('month', entry.date)::date, line.*
FROM reconciliation_journalentrytosum AS waiting
JOIN reconciliation_journalentry AS entry ON entry.id = waiting.entry_id
CROSS JOIN LATERAL (
    SELECT code_id, office_id, kind, debit_account_id, credit_account_id, sum(amount), count(*)
    FROM reconciliation_journalline WHERE entry_id = waiting.entry_id GROUP BY 1, 2, 3, 4, 5
) AS line
"""
NOTES = "INSERT INTO reconciliation_journalentrytosum (entry_id) SELECT id FROM reconciliation_journalentry"


def _key(name: str, to: str, *, null: bool = False) -> tuple[str, models.Field]:
    return name, models.ForeignKey(
        blank=null,
        null=null,
        db_constraint=False,
        db_index=False,
        on_delete=django.db.models.deletion.PROTECT,
        related_name="+",
        to=to,
    )


class Migration(migrations.Migration):
    dependencies = [
        ("lots", "0007_lines_taken_off"),
        ("reconciliation", "0008_journal_lines_by_entry"),
    ]

    operations = [
        migrations.CreateModel(
            name="JournalEntryToSum",
            fields=[
                (
                    "entry",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="to_sum",
                        serialize=False,
                        to="reconciliation.journalentry",
                    ),
                ),
            ],
            options={"verbose_name": "journal entry to sum", "verbose_name_plural": "journal entries to sum"},
        ),
        migrations.CreateModel(
            name="JournalSum",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("period", models.DateField()),
                _key("code", "lots.lineitemcode"),
                _key("office", "lots.office", null=True),
                ("kind", models.CharField(choices=_KINDS, max_length=12)),
                _key("debit_account", "lots.account"),
                _key("credit_account", "lots.account"),
                ("amount", inventory_site.fields.MoneyField(decimal_places=2, max_digits=18)),
                ("lines", models.BigIntegerField()),
            ],
            options={"verbose_name": "journal sum"},
        ),
        migrations.AddConstraint(
            model_name="journalsum",
            constraint=models.UniqueConstraint(
                fields=("period", "code", "office", "kind", "debit_account", "credit_account"),
                name="one_journal_sum_of_a_kind",
                nulls_distinct=False,
            ),
        ),
        migrations.AddConstraint(
            model_name="journalsum",
            constraint=models.CheckConstraint(
                condition=models.Q(("amount__gt", 0), ("lines__gt", 0)), name="journal_sum_is_of_lines"
            ),
        ),
        migrations.CreateModel(
            name="JournalMonth",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("period", models.DateField()),
                ("kind", models.CharField(choices=_KINDS, max_length=12)),
                ("amount", inventory_site.fields.MoneyField(decimal_places=2, max_digits=18)),
                ("lines", models.BigIntegerField()),
            ],
            options={
                "verbose_name": "month of the journal",
                "verbose_name_plural": "months of the journal",
                "db_table": "reconciliation_journalmonth",
                "managed": False,
            },
        ),
        migrations.RunSQL(VIEW, reverse_sql="DROP VIEW reconciliation_journalmonth"),
        migrations.RunSQL(NOTES, reverse_sql=migrations.RunSQL.noop),
        migrations.AddIndex(
            model_name="cogsallocation",
            index=django.contrib.postgres.indexes.BrinIndex(
                autosummarize=True, fields=["dated"], name="allocations_by_day", pages_per_range=64
            ),
        ),
    ]
