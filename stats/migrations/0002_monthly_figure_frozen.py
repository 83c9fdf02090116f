"""The database itself refuses to change a counter of a closed month (spec stats C11)."""

from django.db import migrations

TRIGGER = """
CREATE TRIGGER stats_monthlyfigure_frozen BEFORE UPDATE OR DELETE ON stats_monthlyfigure
    FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse_change();
"""


class Migration(migrations.Migration):
    dependencies = [("stats", "0001_monthly_figure"), ("audit", "0002_append_only")]

    operations = [
        migrations.RunSQL(TRIGGER, "DROP TRIGGER stats_monthlyfigure_frozen ON stats_monthlyfigure;"),
    ]
