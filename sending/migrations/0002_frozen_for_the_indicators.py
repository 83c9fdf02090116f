"""What the indicators count is frozen when it happens: FINESS, INS, our own clock (stats C8, C10)."""

import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("sending", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="order",
            name="finess",
            field=models.CharField(
                blank=True, default="", max_length=9, verbose_name="FINESS géographique à la création"
            ),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="order",
            name="has_ins",
            field=models.BooleanField(default=False, verbose_name="INS qualifiée dans ce qui part"),
        ),
        migrations.AddField(
            model_name="orderevent",
            name="recorded_at",
            field=models.DateTimeField(default=django.utils.timezone.now, verbose_name="enregistré le"),
        ),
    ]
