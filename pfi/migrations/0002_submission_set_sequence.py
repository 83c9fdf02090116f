"""The sequence behind the OIDs of submission sets (spec cda 8.4)."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("pfi", "0001_initial")]

    operations = [
        migrations.RunSQL("CREATE SEQUENCE pfi_submission_set_oid;", "DROP SEQUENCE pfi_submission_set_oid;"),
    ]
