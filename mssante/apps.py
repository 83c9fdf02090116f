from django.apps import AppConfig


class MssanteConfig(AppConfig):
    name = "mssante"
    verbose_name = "Messagerie sécurisée de santé"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from establishment.enums import NationalService
        from exchange.alarms import alarms_register
        from mssante import checks  # noqa: F401 - registers itself
        from mssante.alarms import mailbox_alarms
        from mssante.trial import operator_try
        from national.trials import trial_register

        alarms_register(mailbox_alarms)
        trial_register(NationalService.MSSANTE, operator_try)
