"""Every certificate that the installation works with, whoever uses it (F-PV-36, F-PFI-20; security 10.5)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.conf import settings

from accounts.models import IdentityProvider
from establishment.certificates import CertificateFacts, certificate_facts, certificates_of
from establishment.enums import NationalService
from establishment.models import ServiceEndpoint
from exchange.models import Partner

LINES_LABEL: Final = "Lignes HL7 (MLLP)"


@dataclass(frozen=True, slots=True)
class CertificateInUse:
    """A certificate and its user: a national service, else an identity provider or the HL7 lines, by name."""

    service: NationalService | None
    user: str
    facts: CertificateFacts


def certificates_in_use(endpoints: Iterable[ServiceEndpoint], now: datetime) -> list[CertificateInUse]:
    """Those of the enabled endpoints, of the enabled providers, and of the lines when a partner has TLS."""
    found = [
        CertificateInUse(NationalService(endpoint.service), endpoint.get_service_display(), facts)
        for endpoint in endpoints
        if endpoint.is_enabled
        for facts in certificates_of(endpoint, now)
    ]
    for provider in IdentityProvider.objects.filter(is_enabled=True):
        shown = provider_certificates(provider, now)
        found += [CertificateInUse(None, provider.label, facts) for facts in shown]
    if Partner.objects.filter(is_active=True, uses_tls=True).exists():
        found += [CertificateInUse(None, LINES_LABEL, facts) for facts in _of_the_lines(now)]
    return found


def provider_certificates(provider: IdentityProvider, now: datetime) -> list[CertificateFacts]:
    """What an identity provider is shown, and the authority that it is trusted by."""
    files = (("Authentification", provider.certificate_path), ("Autorité acceptée", provider.ca_path))
    return [certificate_facts(use, path, now) for use, path in files if path]


def _of_the_lines(now: datetime) -> list[CertificateFacts]:
    files = (
        ("Authentification", settings.MLLP_CERTIFICATE_PATH),
        ("Autorité acceptée", settings.MLLP_CA_PATH),
    )
    return [certificate_facts(use, str(path), now) for use, path in files if path]
