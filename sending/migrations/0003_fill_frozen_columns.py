"""Orders and events written before 0002 take what is known of them; batched, may be run again."""

from django.db import migrations

BATCH = 10_000
EVENTS = """
    UPDATE sending_orderevent SET recorded_at = at
    WHERE id >= %(first)s AND id < %(after)s AND recorded_at <> at
"""
ORDERS = """
    UPDATE sending_order AS orders
    SET finess = coalesce(site.finess, ''), has_ins = version.has_ins
    FROM documents_version AS version
    JOIN documents_document AS document ON document.id = version.document_id
    LEFT JOIN establishment_unit AS unit ON unit.id = document.unit_id
    LEFT JOIN establishment_site AS site ON site.id = unit.site_id
    WHERE orders.id >= %(first)s AND orders.id < %(after)s AND orders.finess = ''
      AND version.id = orders.version_id
"""


def fill(apps, schema_editor):
    for table, statement in (("sending_orderevent", EVENTS), ("sending_order", ORDERS)):
        with schema_editor.connection.cursor() as cursor:
            cursor.execute(f"SELECT coalesce(max(id), 0) FROM {table}")  # noqa: S608 - our own names
            (last,) = cursor.fetchone()
            for first in range(0, last + 1, BATCH):
                cursor.execute(statement, {"first": first, "after": first + BATCH})


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("sending", "0002_frozen_for_the_indicators"),
        ("documents", "0001_initial"),
        ("establishment", "0001_initial"),
    ]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
