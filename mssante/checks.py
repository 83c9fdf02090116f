"""What every mail must say of the software that sends it (mssante 1.5; ECO.2.4.3, SC.MSS/CONF.16)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Tags, Warning, register
from django.db import connections

from establishment.enums import Switch
from establishment.models import InstallationSwitch

MAIL_SWITCHES = (Switch.PFI_MSS_OUT, Switch.PFI_MSS_IN)


@register(Tags.database)
def product_reference(
    app_configs: Any, databases: Sequence[str] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """MSS_NIL is set where this installation carries mails, which the database alone knows.

    Asked with `check --database default`, and before each migration.
    """
    if settings.MSS_NIL or not databases:
        return []
    connection = connections[databases[0]]
    with connection.cursor() as cursor:
        tables = connection.introspection.table_names(cursor)
    if InstallationSwitch._meta.db_table not in tables:
        return []
    rows = InstallationSwitch.objects.using(databases[0]).filter(code__in=MAIL_SWITCHES, is_on=True)
    if not rows.exists():
        return []
    return [
        Warning(
            "MSS_NIL est vide : les courriels MSSanté partent sans la référence du produit (X-MSS-NIL).",
            hint="Donnez à MSS_NIL la « référence produit » reçue de la plateforme Convergence de l'ANS.",
            id="mssante.W001",
        )
    ]
