from django.apps import AppConfig


class PatientsConfig(AppConfig):
    name = "patients"
    verbose_name = "Patients"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from exchange.registry import handler_register
        from patients.handlers import adt_handle

        handler_register(adt_handle, message="ADT")
