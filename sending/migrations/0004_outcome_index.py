"""The events that the indicators count, found without reading the others."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("sending", "0003_fill_frozen_columns"),
    ]

    operations = [
        AddIndexConcurrently(
            model_name="orderevent",
            index=models.Index(
                condition=models.Q(
                    models.Q(
                        ("to_state__in", ["received_dmp", "delivered", "read", "failed"]),
                        models.Q(("from_state", models.F("to_state")), _negated=True),
                    ),
                    ("kind", "late_received_dmp"),
                    _connector="OR",
                ),
                fields=["order", "recorded_at"],
                include=("to_state", "kind"),
                name="sending_event_outcome",
            ),
        ),
    ]
