"""Reads of the establishment room."""

from __future__ import annotations

from establishment.enums import NationalService, Switch
from establishment.models import InstallationSwitch, LegalEntity, ServiceEndpoint, Site


def legal_entity() -> LegalEntity:
    """The hospital's legal entity: one installation holds one (design, section 5).

    Raises LegalEntity.DoesNotExist before the installation has been described.
    """
    return LegalEntity.objects.get()


def establishment_finess() -> frozenset[str]:
    """Every FINESS of the hospital: its legal entity and its sites."""
    entities = LegalEntity.objects.values_list("finess", flat=True)
    return frozenset(entities.union(Site.objects.values_list("finess", flat=True), all=True))


def switch_is_on(code: Switch) -> bool:
    """Whether an installation switch is on (F-DPI-13); a switch never set is off."""
    return InstallationSwitch.objects.filter(code=code, is_on=True).exists()


def endpoint_for(service: NationalService) -> ServiceEndpoint | None:
    """The enabled endpoint of a national service, or None: then no call leaves the house."""
    return ServiceEndpoint.objects.filter(service=service, is_enabled=True).first()
