"""The DMP as this process reaches it: endpoint, certificates and software of the installation.

One gateway for each mode, so that feeding and consultation have their own connections and their own
breaker (spec dmp 9, rule 3). Built once for each process and again when the endpoint or the cachet
certificate changes; the files of the TLS connection are watched by the transport itself (house-style,
section 6).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from establishment.enums import NationalService
from establishment.models import LegalEntity, ServiceEndpoint
from establishment.selectors import endpoint_for
from interop.seal import Seal
from interop.vihf.assertion import VihfProfile
from interop.vihf.claims import AuthenticationMode, SoftwareClaim
from national.dmp.adapter import DmpSettings, DmpSoap
from national.dmp.ports import Authorisation, DmpGateway
from national.errors import Rejected, RejectionKind
from national.kept import Kept
from national.services import call_keep
from national.transport import TlsFiles, Transport, TransportSettings

NOT_CONFIGURED = "NOT_CONFIGURED"
CERTIFICATE_UNREADABLE = "CERTIFICATE_UNREADABLE"


@dataclass(frozen=True, slots=True)
class _Open:
    gateway: DmpSoap
    transport: Transport

    def close(self) -> None:
        self.transport.close()


_kept: Kept[_Open] = Kept()


def dmp_gateway(mode: AuthenticationMode = AuthenticationMode.INDIRECT) -> DmpGateway:
    """The gateway of the enabled DMP endpoint: INDIRECT to feed, AIR to consult.

    Raises Rejected of kind CONFIGURATION when none is configured or a certificate cannot be read.
    """
    endpoint = _endpoint()
    try:
        return _kept.get(_key(endpoint), lambda: _opened(endpoint, mode), name=mode.value).gateway
    except (OSError, ValueError) as error:
        raise _unreadable(error) from error


def gateway_close() -> None:
    """Close the connections of this process; the next call opens new ones."""
    _kept.close()


def _key(endpoint: ServiceEndpoint) -> tuple[object, ...]:
    """Changes with the addresses and paths, and when the cachet certificate is renewed in place."""
    return (
        endpoint.base_url,
        endpoint.ca_path,
        endpoint.certificate_path,
        endpoint.key_path,
        endpoint.signing_certificate_path,
        endpoint.signing_key_path,
        Path(endpoint.signing_certificate_path).stat().st_mtime_ns,
    )


def _opened(endpoint: ServiceEndpoint, mode: AuthenticationMode) -> _Open:
    tls = _tls(endpoint)
    seal = Seal.from_pem(
        Path(endpoint.signing_certificate_path).read_bytes(), Path(endpoint.signing_key_path).read_bytes()
    )
    transport = Transport(TransportSettings(label="Le DMP", base_url=_base_url(endpoint, mode), tls=tls))
    return _Open(DmpSoap(transport, seal, _settings(mode), record=call_keep), transport)


@contextmanager
def dmp_line() -> Iterator[tuple[Transport, Seal, DmpSettings]]:
    """What a new line to the DMP is made of, for a trial: no connection of the others is used.

    Raises Rejected of kind CONFIGURATION as `dmp_gateway` does.
    """
    endpoint = _endpoint()
    try:
        seal = Seal.from_pem(
            Path(endpoint.signing_certificate_path).read_bytes(), Path(endpoint.signing_key_path).read_bytes()
        )
    except (OSError, ValueError) as error:
        raise _unreadable(error) from error
    mode = AuthenticationMode.INDIRECT
    transport = Transport(
        TransportSettings(label="Le DMP", base_url=_base_url(endpoint, mode), tls=_tls(endpoint))
    )
    try:
        yield transport, seal, _settings(mode)
    finally:
        transport.close()


def _endpoint() -> ServiceEndpoint:
    endpoint = endpoint_for(NationalService.DMP)
    if endpoint is None:
        raise Rejected(
            NOT_CONFIGURED,
            kind=RejectionKind.CONFIGURATION,
            message="L’accès au DMP n’est pas configuré ou est arrêté.",
        )
    return endpoint


def _unreadable(error: Exception) -> Rejected:
    return Rejected(
        CERTIFICATE_UNREADABLE,
        str(error),
        kind=RejectionKind.CONFIGURATION,
        message="Un certificat de l’accès au DMP est illisible.",
    )


def _tls(endpoint: ServiceEndpoint) -> TlsFiles:
    return TlsFiles(
        authorities=Path(endpoint.ca_path),
        certificate=Path(endpoint.certificate_path),
        key=Path(endpoint.key_path),
    )


def _base_url(endpoint: ServiceEndpoint, mode: AuthenticationMode) -> str:
    is_air = mode is AuthenticationMode.AIR
    return str(settings.DMP_AIR_BASE_URL) if is_air and settings.DMP_AIR_BASE_URL else endpoint.base_url


def _settings(mode: AuthenticationMode) -> DmpSettings:
    is_air = mode is AuthenticationMode.AIR
    return DmpSettings(
        software=SoftwareClaim(
            name=settings.DMP_SOFTWARE_NAME,
            version=settings.DPI_VERSION,
            homologation=settings.DMP_HOMOLOGATION,
            installation=settings.DMP_INSTALLATION_ID,
        ),
        software_oid=settings.DMP_SOFTWARE_OID or _installation_oid(),
        existence_timeout=settings.DMP_EXISTENCE_TIMEOUT_SECONDS,
        query_timeout=settings.DMP_QUERY_TIMEOUT_SECONDS,
        retrieve_timeout=settings.DMP_RETRIEVE_TIMEOUT_SECONDS,
        submit_timeout=settings.DMP_SUBMIT_TIMEOUT_SECONDS,
        profile=VihfProfile(
            version=settings.DMP_AIR_VIHF_VERSION if is_air else settings.DMP_VIHF_VERSION,
            mode_attribute=settings.DMP_VIHF_MODE_ATTRIBUTE,
            declaration_element=settings.DMP_VIHF_DECLARATION_ELEMENT,
        ),
        processing_code=settings.DMP_PROCESSING_CODE,
        authorisation_words={
            word: Authorisation(meaning) for word, meaning in settings.DMP_STATUS_CODES.items()
        },
    )


def _installation_oid() -> str:
    """Root of the identifiers of this installation; empty before the hospital is described."""
    entity = LegalEntity.objects.only("oid_root").first()
    return entity.oid_root if entity is not None else ""
