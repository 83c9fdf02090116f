"""Mails are stored as they left: what weighs in them is base64, which compression hardly shrinks."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("mssante", "0001_initial")]

    operations = [
        migrations.RunSQL(
            "ALTER TABLE mssante_outgoingmail ALTER COLUMN raw SET STORAGE EXTERNAL;",
            "ALTER TABLE mssante_outgoingmail ALTER COLUMN raw SET STORAGE EXTENDED;",
        ),
    ]
