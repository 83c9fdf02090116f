"""Parts of readiness that the rooms know: national services, their certificates, the chain of traces."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db import DatabaseError

from audit.selectors import unsealed_since
from dpi.health import Finding, State, certificate_finding, register_probe
from establishment.models import ServiceEndpoint
from exchange.certificates import certificates_in_use

UNSEALED_TAIL = timedelta(seconds=60)
"""Older than this, an unsealed trace means that the sealer does not work (security 8.5)."""


def check_services() -> Finding:
    """Are national calls possible: the sandbox, or the real services once their access is set?"""
    try:
        count = ServiceEndpoint.objects.filter(is_enabled=True).count()
    except DatabaseError:
        return Finding(State.FAILED, "La configuration des services nationaux ne peut être lue.")
    if not count:
        return Finding(State.WARNING, "Aucun service national n'est configuré.")
    kind = "simulés" if settings.DPI_SANDBOX else "configurés"
    return Finding(State.OK, f"Services nationaux {kind} : {count}.")


def check_certificates() -> Finding:
    """The certificate with the fewest days left: national services, identity providers, HL7 lines."""
    try:
        in_use = certificates_in_use(ServiceEndpoint.objects.all(), datetime.now(UTC))
    except DatabaseError:
        return Finding(State.FAILED, "Les certificats ne peuvent être énumérés.")
    if not in_use:
        return Finding(State.WARNING, "Aucun certificat n'est configuré.")
    first = min(in_use, key=lambda one: -1_000_000 if one.facts.days_left is None else one.facts.days_left)
    if first.facts.days_left is None:
        return Finding(State.WARNING, f"{first.user} : certificat illisible.")
    return certificate_finding(first.user, first.facts.days_left)


def check_seals() -> Finding:
    """The chain follows the trace; a late sealer is a warning, for care goes on without it."""
    try:
        since = unsealed_since()
    except DatabaseError:
        return Finding(State.FAILED, "L'état du scellement des traces est inconnu.")
    if since is not None and datetime.now(UTC) - since > UNSEALED_TAIL:
        return Finding(State.WARNING, "Des traces attendent leur scellement depuis plus d'une minute.")
    return Finding(State.OK, "Les traces sont scellées au fil de l'eau.")


def register() -> None:
    """Called once when Django starts."""
    register_probe("services", check_services)
    register_probe("certificates", check_certificates)
    register_probe("seals", check_seals)
