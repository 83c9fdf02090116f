from django.apps import AppConfig


class MssanteConfig(AppConfig):
    name = "mssante"
    verbose_name = "Messagerie sécurisée de santé"
    default_auto_field = "django.db.models.BigAutoField"
