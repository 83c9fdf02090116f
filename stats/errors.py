"""Refusals of the stats room."""

from __future__ import annotations

from audit.errors import ApplicationError


class EstablishmentUnknown(ApplicationError):
    """Nothing can be counted of a hospital that is not described yet."""

    def __init__(self) -> None:
        super().__init__(
            "L’établissement n’est pas décrit : demandez à l’administrateur technique.",
            code="establishment_unknown",
        )
