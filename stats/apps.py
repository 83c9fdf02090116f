from django.apps import AppConfig


class StatsConfig(AppConfig):
    name = "stats"
    verbose_name = "Indicateurs"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from stats import checks  # noqa: F401 - registers itself
