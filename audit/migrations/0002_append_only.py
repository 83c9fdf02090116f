"""The database itself refuses to change or empty the trace and its seals (spec security 8.5)."""

from django.db import migrations

FUNCTION = """
CREATE FUNCTION audit_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'table % is append-only: % refused', TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'insufficient_privilege';
END
$$;
"""

TRIGGERS = """
CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse_change();
"""


class Migration(migrations.Migration):
    dependencies = [("audit", "0001_initial")]

    operations = [
        migrations.RunSQL(FUNCTION, "DROP FUNCTION audit_refuse_change();"),
        migrations.RunSQL(
            TRIGGERS.format(table="audit_trace"), "DROP TRIGGER audit_trace_append_only ON audit_trace;"
        ),
        migrations.RunSQL(
            TRIGGERS.format(table="audit_seal"), "DROP TRIGGER audit_seal_append_only ON audit_seal;"
        ),
    ]
