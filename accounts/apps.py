from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "accounts"
    verbose_name = "Comptes et habilitations"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from accounts.oidc.trial import provider_try
        from national.trials import trial_register

        trial_register("oidc", provider_try)
