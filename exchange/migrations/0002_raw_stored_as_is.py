"""Messages are stored as they came: what weighs in them is base64, which compression hardly shrinks
and pays for with a millisecond each."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("exchange", "0001_initial")]

    operations = [
        migrations.RunSQL(
            "ALTER TABLE exchange_message ALTER COLUMN raw SET STORAGE EXTERNAL;",
            "ALTER TABLE exchange_message ALTER COLUMN raw SET STORAGE EXTENDED;",
        ),
    ]
