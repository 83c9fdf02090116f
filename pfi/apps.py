from django.apps import AppConfig


class PfiConfig(AppConfig):
    name = "pfi"
    verbose_name = "Plateforme d'intermédiation"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from exchange.registry import handler_register
        from exchange.tabs import Tab, tab_register
        from pfi import receivers  # noqa: F401 - connects the receivers
        from pfi.handlers import order_receive
        from pfi.selectors import failures_count

        # Without MSH-21, or under that of a former volet, an order is refused or read by the profile of
        # its sender; the mails of MSSanté have a profile of their own (hl7v2 2.9, 3.2).
        for message in ("MDM", "ORU", "OUL"):
            handler_register(order_receive, message=message)
        tab_register(Tab("Travaux de la PFI", "pfi:jobs", "send", "pfi.jobs", failures_count))
