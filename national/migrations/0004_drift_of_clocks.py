"""How far our clocks are from those of the services, when it is too far."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("national", "0003_trials_of_services"),
    ]

    operations = [
        migrations.CreateModel(
            name="ClockReading",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "service",
                    models.CharField(
                        choices=[
                            ("insi", "Téléservice INSi"),
                            ("dmp", "DMP / Mon espace santé"),
                            ("mssante", "MSSanté"),
                            ("annuaire", "Annuaire santé"),
                            ("psc", "Pro Santé Connect"),
                        ],
                        max_length=20,
                        verbose_name="service",
                    ),
                ),
                ("host", models.CharField(max_length=120, verbose_name="machine")),
                (
                    "drift_ms",
                    models.IntegerField(
                        help_text="Positif : le service est en avance sur nous.", verbose_name="écart (ms)"
                    ),
                ),
                ("measured_at", models.DateTimeField(verbose_name="mesuré le")),
            ],
            options={
                "verbose_name": "écart d'horloge",
                "verbose_name_plural": "écarts d'horloge",
                "constraints": [
                    models.UniqueConstraint(fields=("service", "host"), name="national_clock_once")
                ],
            },
        ),
    ]
