from django.apps import AppConfig


class DpiConfig(AppConfig):
    name = "dpi"
    verbose_name = "DPI"

    def ready(self) -> None:
        from django.conf import settings

        from dpi import celery, checks, probes, wiring  # noqa: F401 - shared tasks bind to this application
        from dpi.logs import configure_logging

        configure_logging(settings.LOGGING)
        probes.register()
        wiring.connect()
