"""Numbers of the lots by which the DPI changes metadata in the DMP (cda 8.4)."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("dmp", "0001_dmp_seen_by_professionals")]

    operations = [
        migrations.RunSQL("CREATE SEQUENCE dmp_metadata_set_oid;", "DROP SEQUENCE dmp_metadata_set_oid;"),
    ]
