from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    """The journal counts what went wrong without reading the rest."""

    atomic = False

    dependencies = [
        ("exchange", "0002_raw_stored_as_is"),
    ]

    operations = [
        AddIndexConcurrently(
            model_name="message",
            index=models.Index(
                condition=models.Q(("state__in", ["rejected", "refused", "conflict", "unreadable"])),
                fields=["-created_at"],
                name="exchange_message_troubled",
            ),
        ),
    ]
