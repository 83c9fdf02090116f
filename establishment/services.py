"""Writes on the hospital's own settings, each with its trace (security 8.2 `settings.change`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from django.db import transaction

from audit.context import Actor
from audit.enums import Action
from audit.services import trace_write
from establishment.enums import NationalService, Switch
from establishment.models import InstallationSwitch, LegalEntity, ServiceEndpoint, Site, Unit


@transaction.atomic
def endpoint_set(*, service: NationalService, actor: Actor, **values: str | bool) -> ServiceEndpoint:
    """Create or change the access to a national service; a call that changes nothing writes nothing."""
    row = ServiceEndpoint.objects.select_for_update(of=("self",)).filter(service=service).first()
    row = row or ServiceEndpoint(service=service)
    return _keep(row, values, actor=actor, named={"service": service}, unchecked=["base_url"])


@transaction.atomic
def legal_entity_set(*, finess: str, actor: Actor, **values: str) -> LegalEntity:
    """Describe the hospital's legal entity, known by its FINESS juridique."""
    row = LegalEntity.objects.select_for_update(of=("self",)).filter(finess=finess).first()
    return _keep(row or LegalEntity(finess=finess), values, actor=actor, named={"finess": finess})


@transaction.atomic
def site_set(*, finess: str, legal_entity: LegalEntity, actor: Actor, **values: str) -> Site:
    """Describe a site, known by its FINESS géographique."""
    row = Site.objects.select_for_update(of=("self",)).filter(finess=finess).first()
    row = row or Site(finess=finess, legal_entity=legal_entity)
    return _keep(row, values, actor=actor, named={"finess": finess})


@transaction.atomic
def unit_set(*, code: str, site: Site, actor: Actor, **values: str | int | bool | None) -> Unit:
    """Describe a unit, known by its code UF."""
    row = Unit.objects.select_for_update(of=("self",)).filter(code=code).first() or Unit(code=code, site=site)
    return _keep(row, values | {"site": site}, actor=actor, named={"unit": code})


@transaction.atomic
def switch_set(*, code: Switch, is_on: bool, actor: Actor) -> InstallationSwitch:
    """Turn one of the five installation switches on or off (F-DPI-13)."""
    row = InstallationSwitch.objects.select_for_update(of=("self",)).filter(code=code).first()
    row = row or InstallationSwitch(code=code)
    return _keep(row, {"is_on": is_on}, actor=actor, named={"switch": code})


_Row = TypeVar("_Row", ServiceEndpoint, LegalEntity, Site, Unit, InstallationSwitch)


def _keep(
    row: _Row,
    values: Mapping[str, Any],
    *,
    actor: Actor,
    named: dict[str, str],
    unchecked: Sequence[str] = (),
) -> _Row:
    """Write the values that differ, with one trace that names them; nothing when nothing differs.

    `unchecked` fields skip their validators: `https://localhost:port/` is an address too.
    """
    created = row.pk is None
    changes = sorted(name for name, value in values.items() if created or getattr(row, name) != value)
    if not created and not changes:
        return row
    for name in changes:
        setattr(row, name, values[name])
    row.full_clean(exclude=list(unchecked))
    row.save()
    trace_write(
        type="settings.change",
        action=Action.CREATE if created else Action.UPDATE,
        actor=actor,
        object_type=row._meta.model_name or "",
        detail=named | {"changed": changes},
    )
    return row


def unit_discovered(*, code: str, name: str, finess: str, actor: Actor) -> Unit | None:
    """Create the unit that a message names and that nobody described yet; None without any site.

    It joins the site of that FINESS géographique, else the first one; a person completes it later.
    Nobody is assigned to it, so it opens no record.
    """
    sites = Site.objects.order_by("id")
    site = sites.filter(finess=finess).first() or sites.first()
    if site is None:
        return None
    unit, created = Unit.objects.get_or_create(code=code, defaults={"name": name or code, "site": site})
    if created:
        trace_write(
            type="settings.change",
            action=Action.CREATE,
            actor=actor,
            object_type="unit",
            object_uid=unit.uid,
            detail={"unit": code, "changed": ["code", "name", "site"]},
        )
    return unit
