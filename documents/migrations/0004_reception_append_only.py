"""The database itself refuses to change what arrived (spec stats 3; house style 13)."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("documents", "0003_received_documents"), ("audit", "0002_append_only")]

    operations = [
        migrations.RunSQL(
            "CREATE TRIGGER documents_reception_append_only BEFORE UPDATE OR DELETE ON documents_reception "
            "FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse_change();",
            "DROP TRIGGER documents_reception_append_only ON documents_reception;",
        ),
    ]
