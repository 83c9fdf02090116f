"""The sequence behind the OIDs of documents and lineages (spec cda 8.4)."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("documents", "0001_initial")]

    operations = [
        migrations.RunSQL("CREATE SEQUENCE documents_oid;", "DROP SEQUENCE documents_oid;"),
    ]
