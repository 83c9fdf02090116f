from django.apps import AppConfig


class DocumentsConfig(AppConfig):
    name = "documents"
    verbose_name = "Documents"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from documents.handlers import lps_receive
        from exchange.registry import handler_register
        from interop.hl7v2.codes import PROFILE_LPS

        handler_register(lps_receive, message="MDM", profile=PROFILE_LPS)
