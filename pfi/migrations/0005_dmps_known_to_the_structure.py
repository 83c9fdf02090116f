"""What the DMP last said of a patient to the structure, so that it is not asked for each document."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("pfi", "0004_index_of_ended_jobs"),
    ]

    operations = [
        migrations.CreateModel(
            name="KnownDmp",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("matricule", models.CharField(max_length=15, verbose_name="matricule INS")),
                ("oid", models.CharField(max_length=64, verbose_name="OID du matricule")),
                (
                    "state",
                    models.CharField(
                        choices=[("open", "Ouvert"), ("closed", "Fermé"), ("none", "Aucun")],
                        max_length=6,
                        verbose_name="état",
                    ),
                ),
                ("checked_at", models.DateTimeField(db_index=True, verbose_name="vérifié le")),
            ],
            options={
                "verbose_name": "DMP connu",
                "verbose_name_plural": "DMP connus",
                "constraints": [
                    models.UniqueConstraint(fields=("matricule", "oid"), name="pfi_known_dmp_once")
                ],
            },
        ),
    ]
