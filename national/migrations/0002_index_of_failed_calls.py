from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    """Counts of calls without answer, and the last one of a service, without reading the rest."""

    atomic = False

    dependencies = [
        ("national", "0001_initial"),
    ]

    operations = [
        AddIndexConcurrently(
            model_name="call",
            index=models.Index(
                condition=models.Q(("outcome__in", ["unavailable", "uncertain"])),
                fields=["service", "-started_at"],
                name="national_call_failed",
            ),
        ),
    ]
