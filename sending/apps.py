from django.apps import AppConfig


class SendingConfig(AppConfig):
    name = "sending"
    verbose_name = "Envois"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from exchange.registry import handler_register, objection_register
        from sending import receivers  # noqa: F401 - connects the receivers
        from sending.handlers import zam_receive
        from sending.selectors import objection_to_resend

        handler_register(zam_receive, message="ZAM")
        objection_register(objection_to_resend)
