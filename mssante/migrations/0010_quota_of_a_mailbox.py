from django.db import migrations, models


class Migration(migrations.Migration):
    """The room taken in a mailbox, as its operator last told."""

    dependencies = [
        ("mssante", "0009_index_of_received_documents"),
    ]

    operations = [
        migrations.AddField(
            model_name="mailbox",
            name="quota_used",
            field=models.BigIntegerField(blank=True, null=True, verbose_name="place prise (octets)"),
        ),
        migrations.AddField(
            model_name="mailbox",
            name="quota_limit",
            field=models.BigIntegerField(blank=True, null=True, verbose_name="place permise (octets)"),
        ),
        migrations.AddField(
            model_name="mailbox",
            name="quota_at",
            field=models.DateTimeField(blank=True, null=True, verbose_name="place demandée le"),
        ),
    ]
