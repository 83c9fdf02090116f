from django.db import migrations, models


class Migration(migrations.Migration):
    """An order is read again under the version of the volet that it was accepted under."""

    dependencies = [
        ("pfi", "0005_dmps_known_to_the_structure"),
    ]

    operations = [
        migrations.AddField(
            model_name="job",
            name="profile",
            field=models.CharField(
                choices=[
                    ("2.1", "Volet 2.1 (vague 2)"),
                    ("2.0", "Volet 2.0 (vague 1)"),
                    ("1.2", "Volet 1.2 (vague 1, OUL compris)"),
                ],
                default="2.1",
                max_length=3,
                verbose_name="volet de l'ordre",
            ),
        ),
    ]
