"""Certificates of the installation: whose, by whom, until when (F-PV-36, F-PFI-20)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.x509.oid import NameOID

from establishment.models import ServiceEndpoint

URGENT_DAYS: Final = 7
WARNING_DAYS: Final = 30
NOTICE_DAYS: Final = 60


class Expiry(StrEnum):
    """How soon a certificate must be renewed; `UNREADABLE` stands for a file that says nothing."""

    FINE = "fine"
    NOTICE = "notice"
    WARNING = "warning"
    URGENT = "urgent"
    EXPIRED = "expired"
    UNREADABLE = "unreadable"

    @property
    def is_alarm(self) -> bool:
        """Whether an administrator is told without asking."""
        return self not in (Expiry.FINE, Expiry.NOTICE)


@dataclass(frozen=True, slots=True)
class CertificateFacts:
    """One certificate: what it serves, what is written in it. `days_left` is negative once it expired."""

    use: str
    path: str
    expiry: Expiry
    subject: str = ""
    issuer: str = ""
    not_after: datetime | None = None
    days_left: int | None = None


def expiry_of(days_left: int) -> Expiry:
    """F-PV-36: warned of 60 days, 30 days and 7 days before the end."""
    if days_left < 0:
        return Expiry.EXPIRED
    if days_left < URGENT_DAYS:
        return Expiry.URGENT
    if days_left < WARNING_DAYS:
        return Expiry.WARNING
    return Expiry.NOTICE if days_left < NOTICE_DAYS else Expiry.FINE


def certificate_facts(use: str, path: str, now: datetime) -> CertificateFacts:
    """Read the first certificate of a PEM file; never raises."""
    try:
        certificate = x509.load_pem_x509_certificate(Path(path).read_bytes())
    except (OSError, ValueError):
        return CertificateFacts(use, path, Expiry.UNREADABLE)
    left = (certificate.not_valid_after_utc - now).days
    return CertificateFacts(
        use=use,
        path=path,
        expiry=expiry_of(left),
        subject=_common_name(certificate.subject),
        issuer=_common_name(certificate.issuer),
        not_after=certificate.not_valid_after_utc,
        days_left=left,
    )


def certificates_of(endpoint: ServiceEndpoint, now: datetime) -> list[CertificateFacts]:
    """The certificates that the access to a service shows, and the authority that it trusts."""
    files = (
        ("Authentification", endpoint.certificate_path),
        ("Cachet", endpoint.signing_certificate_path),
        ("Autorité acceptée", endpoint.ca_path),
    )
    return [certificate_facts(use, path, now) for use, path in files if path]


def _common_name(name: x509.Name) -> str:
    """The common name with its organisational unit (the structure, in IGC-Santé), else the whole name."""
    wanted = (NameOID.COMMON_NAME, NameOID.ORGANIZATIONAL_UNIT_NAME)
    parts = [str(part.value) for oid in wanted for part in name.get_attributes_for_oid(oid)]
    return ", ".join(parts) or name.rfc4514_string()
