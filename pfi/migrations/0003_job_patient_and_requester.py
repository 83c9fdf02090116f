"""A job notes for whom and for which patient it works: what its traces must say (spec dmp 7)."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("pfi", "0002_submission_set_sequence"),
    ]

    operations = [
        migrations.AddField(
            model_name="job",
            name="patient_ins",
            field=models.CharField(blank=True, max_length=15, verbose_name="matricule INS"),
        ),
        migrations.AddField(
            model_name="job",
            name="patient_ins_oid",
            field=models.CharField(blank=True, max_length=64, verbose_name="OID du matricule"),
        ),
        migrations.AddField(
            model_name="job",
            name="requester",
            field=models.CharField(
                blank=True, max_length=40, verbose_name="demandeur (identifiant national)"
            ),
        ),
        migrations.AddField(
            model_name="job",
            name="structure",
            field=models.CharField(
                blank=True, max_length=40, verbose_name="structure (identifiant national)"
            ),
        ),
    ]
