from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    """Rates and last success of a channel, without reading its whole past."""

    atomic = False

    dependencies = [
        ("pfi", "0003_job_patient_and_requester"),
    ]

    operations = [
        AddIndexConcurrently(
            model_name="job",
            index=models.Index(
                condition=models.Q(("done_at__isnull", False)),
                fields=["channel", "-done_at"],
                name="pfi_job_done",
            ),
        ),
    ]
