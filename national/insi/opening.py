"""INSi as this process reaches it: address, certificate of the line and software of the installation.

The `Emetteur` of the contexts is the OU of the certificate: it is read there, so that renewing the
certificate needs nothing else (spec ins 11.4).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.x509.oid import NameOID
from django.conf import settings

from establishment.enums import NationalService
from establishment.models import LegalEntity, ServiceEndpoint
from establishment.selectors import endpoint_for
from interop.insi.request import Caller
from national.errors import Rejected, RejectionKind
from national.insi.adapter import InsiSettings, InsiSoap
from national.insi.ports import Insi
from national.kept import Kept
from national.services import call_keep
from national.transport import TlsFiles, Transport, TransportSettings

NOT_CONFIGURED: Final = "NOT_CONFIGURED"
CERTIFICATE_UNREADABLE: Final = "CERTIFICATE_UNREADABLE"
_ANSWER_BYTES: Final = 256 * 1024


@dataclass(frozen=True, slots=True)
class _Open:
    insi: InsiSoap
    transport: Transport

    def close(self) -> None:
        self.transport.close()


_kept: Kept[_Open] = Kept()


def insi() -> Insi:
    """The enabled INSi endpoint.

    Raises Rejected of kind CONFIGURATION when none is configured or its certificate cannot be read.
    """
    endpoint = _endpoint()
    try:
        return _kept.get(_key(endpoint), lambda: _opened(endpoint)).insi
    except (OSError, ValueError) as error:
        raise _unreadable(error) from error


def insi_close() -> None:
    """Close the connections of this process; the next call opens new ones."""
    _kept.close()


@contextmanager
def insi_line() -> Iterator[InsiSoap]:
    """A new line to INSi, for a trial: no connection of the others is used. Raises as `insi`."""
    endpoint = _endpoint()
    try:
        opened = _opened(endpoint)
    except (OSError, ValueError) as error:
        raise _unreadable(error) from error
    try:
        yield opened.insi
    finally:
        opened.close()


def _endpoint() -> ServiceEndpoint:
    endpoint = endpoint_for(NationalService.INSI)
    if endpoint is None:
        raise Rejected(
            NOT_CONFIGURED,
            kind=RejectionKind.CONFIGURATION,
            message="L’accès au téléservice INSi n’est pas configuré ou est arrêté.",
        )
    if not settings.INSI_AUTHORISATION:
        raise Rejected(
            NOT_CONFIGURED,
            kind=RejectionKind.CONFIGURATION,
            message="Le numéro d’autorisation INSi du logiciel n’est pas renseigné.",
        )
    return endpoint


def _unreadable(error: Exception) -> Rejected:
    return Rejected(
        CERTIFICATE_UNREADABLE,
        str(error),
        kind=RejectionKind.CONFIGURATION,
        message="Le certificat ou l’adresse de l’accès à INSi est inutilisable.",
    )


def _key(endpoint: ServiceEndpoint) -> tuple[object, ...]:
    """Changes with the address, and when the certificate, which names the caller, is renewed in place."""
    return (
        endpoint.base_url,
        endpoint.ca_path,
        endpoint.certificate_path,
        endpoint.key_path,
        Path(endpoint.certificate_path).stat().st_mtime_ns,
    )


def _opened(endpoint: ServiceEndpoint) -> _Open:
    """A line to the address: its last segment is the operation, the rest the base of the transport."""
    base, _, path = endpoint.base_url.rstrip("/").rpartition("/")
    tls = TlsFiles(
        authorities=Path(endpoint.ca_path),
        certificate=Path(endpoint.certificate_path),
        key=Path(endpoint.key_path),
        revocation=settings.INSI_CRL_PATH,
    )
    transport = Transport(
        TransportSettings(label="INSi", base_url=base, tls=tls, max_answer_bytes=_ANSWER_BYTES)
    )
    caller = Caller(
        emitter=_emitter(Path(endpoint.certificate_path)),
        authorisation=settings.INSI_AUTHORISATION,
        software_name=settings.INSI_SOFTWARE_NAME,
        software_version=settings.INSI_SOFTWARE_VERSION or settings.DPI_VERSION,
        installation=_installation(),
    )
    adapted = InsiSettings(caller, path, action=settings.INSI_ACTION, timeout=settings.INSI_TIMEOUT_SECONDS)
    return _Open(InsiSoap(transport, adapted, record=call_keep), transport)


def _installation() -> str:
    """The identifier of this installation: that of its hospital; ValueError before it is described."""
    entity = LegalEntity.objects.only("uid").first()
    if entity is None:
        raise ValueError("the hospital is not described")
    return str(entity.uid)


def _emitter(certificate: Path) -> str:
    """The OU of the subject; ValueError when there is none."""
    subject = x509.load_pem_x509_certificate(certificate.read_bytes()).subject
    units = subject.get_attributes_for_oid(NameOID.ORGANIZATIONAL_UNIT_NAME)
    if not units:
        raise ValueError("the certificate names no organisational unit")
    return str(units[0].value)
