from django.apps import AppConfig


class EstablishmentConfig(AppConfig):
    name = "establishment"
    verbose_name = "Établissement"
    default_auto_field = "django.db.models.BigAutoField"
