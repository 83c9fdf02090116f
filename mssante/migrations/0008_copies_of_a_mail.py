from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    """The UIDs of a mail that its operator delivered again."""

    atomic = False

    dependencies = [
        ("mssante", "0007_mails_for_people"),
    ]

    operations = [
        migrations.AddField(
            model_name="incomingmail",
            name="copies",
            field=ArrayField(
                base_field=models.BigIntegerField(),
                blank=True,
                db_default=[],
                default=list,
                size=None,
                verbose_name="UID des copies",
            ),
        ),
        AddIndexConcurrently(
            model_name="incomingmail",
            index=GinIndex(
                condition=models.Q(("copies", []), _negated=True),
                fields=["copies"],
                name="mssante_incoming_copies",
            ),
        ),
    ]
