from django.apps import AppConfig


class PfiConfig(AppConfig):
    name = "pfi"
    verbose_name = "Plateforme d'intermédiation"
    default_auto_field = "django.db.models.BigAutoField"
