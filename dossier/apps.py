from django.apps import AppConfig


class DossierConfig(AppConfig):
    name = "dossier"
    verbose_name = "Dossier du patient"
    default_auto_field = "django.db.models.BigAutoField"
