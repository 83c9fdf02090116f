"""A received mail that a person sets aside says who did, when and why; the list of a person has its index."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("mssante", "0006_answer_attempt")]

    operations = [
        migrations.AddField(
            model_name="incomingmail",
            name="set_aside_by",
            field=models.CharField(blank=True, db_default="", max_length=150, verbose_name="écarté par"),
        ),
        migrations.AddField(
            model_name="incomingmail",
            name="set_aside_reason",
            field=models.CharField(
                blank=True, db_default="", max_length=300, verbose_name="écarté parce que"
            ),
        ),
        migrations.AddField(
            model_name="incomingmail",
            name="set_aside_at",
            field=models.DateTimeField(blank=True, null=True, verbose_name="écarté le"),
        ),
        migrations.AlterField(
            model_name="incomingmail",
            name="state",
            field=models.CharField(
                choices=[
                    ("received", "Reçu"),
                    ("handed_over", "Remis au dossier"),
                    ("done", "Traité"),
                    ("refused", "Refusé"),
                    ("to_review", "À reprendre par une personne"),
                    ("set_aside", "Écarté par une personne"),
                ],
                default="received",
                max_length=11,
                verbose_name="état",
            ),
        ),
        migrations.AddIndex(
            model_name="incomingmail",
            index=models.Index(
                condition=models.Q(("state__in", ["to_review", "refused"])),
                fields=["state", "-id"],
                name="mssante_incoming_people",
            ),
        ),
    ]
