"""Writes on the hospital's own settings, each with its trace (security 8.2 `settings.change`)."""

from __future__ import annotations

from django.db import transaction

from audit.context import Actor
from audit.enums import Action
from audit.services import trace_write
from establishment.enums import NationalService
from establishment.models import ServiceEndpoint, Site, Unit


@transaction.atomic
def endpoint_set(*, service: NationalService, actor: Actor, **values: str | bool) -> ServiceEndpoint:
    """Create or change the access to a national service; a call that changes nothing writes nothing."""
    row = ServiceEndpoint.objects.select_for_update(of=("self",)).filter(service=service).first()
    created = row is None
    row = row or ServiceEndpoint(service=service)
    changes = sorted(name for name, value in values.items() if getattr(row, name) != value)
    if not created and not changes:
        return row
    for name in changes:
        setattr(row, name, values[name])
    row.full_clean(exclude=["base_url"])  # `https://localhost:port/` is an address too
    row.save()
    trace_write(
        type="settings.change",
        action=Action.CREATE if created else Action.UPDATE,
        actor=actor,
        object_type="service_endpoint",
        detail={"service": service, "changed": changes},
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
