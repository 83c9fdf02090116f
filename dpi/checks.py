"""System checks of the configuration, beyond what Django looks at."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Tags, Warning, register


@register(Tags.security, deploy=True)
def two_database_roles(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """The role that runs must not own the tables, else it could undo the trace (security 8.5)."""
    if settings.DATABASE_APPLICATION_ROLE != settings.DATABASE_OWNER_ROLE:
        return []
    return [
        Warning(
            "L'application se connecte à la base avec le compte propriétaire des tables.",
            hint="Donnez à DATABASE_OWNER_URL un autre compte que celui de DATABASE_URL.",
            id="dpi.W001",
        )
    ]


@register(Tags.security, deploy=True)
def sandbox_off(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """The stand-ins of the national services are for demonstrations and tests."""
    if not settings.DPI_SANDBOX:
        return []
    return [
        Warning(
            "Les simulateurs des services nationaux sont branchés.",
            hint="Retirez DPI_SANDBOX d'une installation qui reçoit de vrais patients.",
            id="dpi.W002",
        )
    ]
