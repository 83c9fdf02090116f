"""An answer that may have left without a reply is known as such: the worker that sent it is no more."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("mssante", "0005_index_received_message_ids")]

    operations = [
        migrations.AddField(
            model_name="incomingmail",
            name="answer_attempt_at",
            field=models.DateTimeField(blank=True, null=True, verbose_name="réponse en cours depuis"),
        ),
    ]
