from django.apps import AppConfig


class DossierConfig(AppConfig):
    name = "dossier"
    verbose_name = "Dossier du patient"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from exchange.tabs import Tab, tab_register
        from mssante.selectors import mails_to_review_count

        tab_register(
            Tab("Courriels à reprendre", "dossier:mails", "mail", "mssante.review", mails_to_review_count)
        )
