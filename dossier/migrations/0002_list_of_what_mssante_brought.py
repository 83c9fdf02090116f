from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("dossier", "0001_initial")]

    operations = [
        migrations.AlterField(
            model_name="listpreference",
            name="page",
            field=models.CharField(
                choices=[
                    ("patients", "Mes patients"),
                    ("documents", "Dossier médical"),
                    ("envois", "Envois"),
                    ("mssante", "MSSanté"),
                ],
                max_length=10,
                verbose_name="liste",
            ),
        ),
    ]
