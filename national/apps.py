from django.apps import AppConfig


class NationalConfig(AppConfig):
    name = "national"
    verbose_name = "Services nationaux"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from establishment.enums import NationalService
        from national.annuaire.trial import directory_try
        from national.dmp.trial import dmp_try
        from national.insi.trial import insi_try
        from national.trials import trial_register

        trial_register(NationalService.DMP, dmp_try)
        trial_register(NationalService.ANNUAIRE, directory_try)
        trial_register(NationalService.INSI, insi_try)
