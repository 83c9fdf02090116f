from django.db import migrations, models


class Migration(migrations.Migration):
    """Which version of the volet of documents a partner sends to the PFI; all are of wave 2 so far."""

    dependencies = [
        ("exchange", "0003_index_of_troubled_messages"),
    ]

    operations = [
        migrations.AddField(
            model_name="partner",
            name="profile",
            field=models.CharField(
                choices=[
                    ("2.1", "Volet 2.1 (vague 2)"),
                    ("2.0", "Volet 2.0 (vague 1)"),
                    ("1.2", "Volet 1.2 (vague 1, OUL compris)"),
                ],
                default="2.1",
                max_length=3,
                verbose_name="volet des documents envoyés à la PFI",
            ),
        ),
    ]
