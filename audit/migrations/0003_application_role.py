"""Give the application's role its rights on rows, and take from it those on the past (security 8.5, 10.7).

Later tables get the same rights by default. Where one account does everything (the check dpi.W001
says so), there is nothing to give; the triggers still guard the trace.
"""

from django.conf import settings
from django.db import migrations

ROWS = "SELECT, INSERT, UPDATE, DELETE"
GIVE = [
    "GRANT USAGE ON SCHEMA public TO {role}",
    f"GRANT {ROWS} ON ALL TABLES IN SCHEMA public TO {{role}}",
    "GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {role}",
    f"ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT {ROWS} ON TABLES TO {{role}}",
    "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO {role}",
    "REVOKE UPDATE, DELETE ON audit_trace, audit_seal FROM {role}",
    "REVOKE INSERT, UPDATE, DELETE ON django_migrations FROM {role}",
]
TAKE = [
    "ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE ALL ON SEQUENCES FROM {role}",
    "ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE ALL ON TABLES FROM {role}",
    "REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM {role}",
    "REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {role}",
    "REVOKE USAGE ON SCHEMA public FROM {role}",
]


def _run(schema_editor, statements):
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("SELECT current_user")
        if cursor.fetchone()[0] == settings.DATABASE_APPLICATION_ROLE:
            return
    role = schema_editor.quote_name(settings.DATABASE_APPLICATION_ROLE)
    for statement in statements:
        schema_editor.execute(statement.format(role=role))


def give(apps, schema_editor):
    _run(schema_editor, GIVE)


def take(apps, schema_editor):
    _run(schema_editor, TAKE)


class Migration(migrations.Migration):
    dependencies = [("audit", "0002_append_only")]

    operations = [migrations.RunPython(give, take)]
