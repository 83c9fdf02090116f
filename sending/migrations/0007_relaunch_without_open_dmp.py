"""When an order that failed for want of an open DMP leaves again by itself (spec dmp 8)."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("sending", "0006_late_arrivals_are_outcomes"),
    ]

    operations = [
        migrations.AddField(
            model_name="order",
            name="relaunch_at",
            field=models.DateTimeField(blank=True, null=True, verbose_name="relancé seul le"),
        ),
        AddIndexConcurrently(
            model_name="order",
            index=models.Index(
                condition=models.Q(("relaunch_at__isnull", False)),
                fields=["relaunch_at"],
                name="sending_order_relaunch",
            ),
        ),
    ]
