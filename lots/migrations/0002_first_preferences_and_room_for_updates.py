"""The one row of preferences, and room in the pages of rows that runs change, so that updates stay in the page (HOT)."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("lots", "0001_initial")]

    operations = [
        migrations.RunSQL(
            "INSERT INTO lots_preference (id, cogs_method, prevent_inter_office) VALUES (1, 'FIFO', false)",
            reverse_sql="DELETE FROM lots_preference",
        ),
        migrations.RunSQL(
            "ALTER TABLE lots_inventorylot SET (fillfactor = 60)",
            reverse_sql="ALTER TABLE lots_inventorylot RESET (fillfactor)",
        ),
        migrations.RunSQL(
            "ALTER TABLE lots_costpool SET (fillfactor = 50)",
            reverse_sql="ALTER TABLE lots_costpool RESET (fillfactor)",
        ),
    ]
