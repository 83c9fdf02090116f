"""A mail that arrived after its order was given up is an outcome too (stats C10)."""

from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("sending", "0005_recipients_and_texts"),
    ]

    operations = [
        RemoveIndexConcurrently(model_name="orderevent", name="sending_event_outcome"),
        AddIndexConcurrently(
            model_name="orderevent",
            index=models.Index(
                condition=models.Q(
                    models.Q(
                        ("to_state__in", ["received_dmp", "delivered", "read", "failed"]),
                        models.Q(("from_state", models.F("to_state")), _negated=True),
                    ),
                    ("kind__in", ["late_received_dmp", "late_delivered", "late_read"]),
                    _connector="OR",
                ),
                fields=["order", "recorded_at"],
                include=("to_state", "kind"),
                name="sending_event_outcome",
            ),
        ),
    ]
