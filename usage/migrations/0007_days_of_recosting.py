import django.db.models.functions.datetime
from django.db import migrations, models

# Notes that wait already do not say since when: their lots are costed from the beginning.
FROM_THE_BEGINNING = "UPDATE usage_lotrecost SET changed_from = 'epoch', changed_until = 'epoch'"


class Migration(migrations.Migration):
    dependencies = [
        ("usage", "0006_purchases_of_order_lines"),
    ]

    operations = [
        migrations.AddField(
            model_name="lotrecost",
            name="changed_from",
            field=models.DateTimeField(db_default=django.db.models.functions.datetime.Now()),
        ),
        migrations.AddField(
            model_name="lotrecost",
            name="changed_until",
            field=models.DateTimeField(db_default=django.db.models.functions.datetime.Now()),
        ),
        migrations.RunSQL(FROM_THE_BEGINNING, migrations.RunSQL.noop),
    ]
