from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    """The former message about a document, where its producer gives no setId."""

    atomic = False

    dependencies = [
        ("mssante", "0008_copies_of_a_mail"),
    ]

    operations = [
        AddIndexConcurrently(
            model_name="incomingdocument",
            index=models.Index(fields=["unique_id", "id"], name="mssante_incoming_document"),
        ),
    ]
