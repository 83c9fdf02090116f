from django.apps import AppConfig


class DmpConfig(AppConfig):
    name = "dmp"
    verbose_name = "Consultation du DMP"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from dmp import receivers  # noqa: F401 - connects them
