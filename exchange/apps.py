from django.apps import AppConfig


class ExchangeConfig(AppConfig):
    name = "exchange"
    verbose_name = "Échanges HL7"
    default_auto_field = "django.db.models.BigAutoField"
