"""The directory as this process reaches it: address and key of the installation, one pace for all."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from establishment.enums import NationalService
from establishment.selectors import endpoint_for
from national.annuaire.adapter import DirectoryFhir
from national.annuaire.client import DirectoryClient, DirectorySettings
from national.annuaire.limiter import Pace
from national.annuaire.ports import Directory
from national.errors import Rejected, RejectionKind
from national.services import call_keep

NOT_CONFIGURED = "NOT_CONFIGURED"


@cache
def _pace() -> Pace:
    return Pace()


def directory() -> Directory:
    """The enabled directory; Rejected of kind CONFIGURATION when there is none or its address is unusable."""
    endpoint = endpoint_for(NationalService.ANNUAIRE)
    if endpoint is None:
        raise Rejected(
            NOT_CONFIGURED,
            kind=RejectionKind.CONFIGURATION,
            message="L’accès à l’Annuaire santé n’est pas configuré ou est arrêté.",
        )
    try:
        settings = DirectorySettings(
            base_url=endpoint.base_url,
            key_path=Path(endpoint.api_key_path),
            authorities=Path(endpoint.ca_path) if endpoint.ca_path else None,
        )
    except ValueError as error:
        raise Rejected(
            "ADDRESS_UNUSABLE",
            str(error),
            kind=RejectionKind.CONFIGURATION,
            message="L’adresse de l’Annuaire santé est inutilisable\u202f: https://… attendu.",
        ) from error
    return DirectoryFhir(DirectoryClient(settings, _pace()), record=call_keep)
