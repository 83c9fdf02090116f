"""Refusals that a reader of the indicators may be shown."""

from __future__ import annotations

from audit.errors import ApplicationError


class EstablishmentUnknown(ApplicationError):
    """Nothing can be counted of a hospital that is not described yet."""

    def __init__(self) -> None:
        super().__init__(
            "L’établissement n’est pas décrit : demandez à l’administrateur technique.",
            code="establishment_unknown",
        )


class ExportExpired(ApplicationError):
    """The link of a file is over."""

    def __init__(self) -> None:
        super().__init__("Le lien de ce fichier a expiré : demandez un nouvel export.")


class ExportNotReady(ApplicationError):
    """The file is still being prepared, or could not be."""

    def __init__(self) -> None:
        super().__init__("Ce fichier n’est pas prêt : rien n’a été téléchargé.")


class PeriodRefused(ApplicationError):
    """A period that ends before it begins, or that is longer than one extraction takes."""

    def __init__(self, longest: int) -> None:
        super().__init__(f"Demandez de 1 à {longest} mois, dans l’ordre.", code="period_refused")
