from django.apps import AppConfig


class SendingConfig(AppConfig):
    name = "sending"
    verbose_name = "Envois"
    default_auto_field = "django.db.models.BigAutoField"
