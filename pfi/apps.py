from django.apps import AppConfig


class PfiConfig(AppConfig):
    name = "pfi"
    verbose_name = "Plateforme d'intermédiation"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from exchange.registry import handler_register
        from exchange.tabs import Tab, tab_register
        from interop.hl7v2.codes import PROFILE_DOCUMENT
        from pfi import receivers  # noqa: F401 - connects the receivers
        from pfi.handlers import order_receive
        from pfi.selectors import failures_count

        for message in ("MDM", "ORU"):
            handler_register(order_receive, message=message, profile=PROFILE_DOCUMENT)
        tab_register(Tab("Travaux de la PFI", "pfi:jobs", "send", "pfi.jobs", failures_count))
