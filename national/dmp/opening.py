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
from datetime import timedelta
from pathlib import Path

from django.conf import settings

from establishment.enums import NationalService
from establishment.models import LegalEntity, ServiceEndpoint
from establishment.selectors import endpoint_for
from interop.seal import Seal
from interop.vihf import codes as vihf
from interop.vihf.assertion import VihfProfile
from interop.vihf.claims import AuthenticationMode, Purpose, SoftwareClaim
from interop.xds.lot_signature import SHA1_ALGORITHMS, SHA256_ALGORITHMS
from interop.xds.responses import KIND_OF_CODE, ErrorKind
from national.clock import ClockWatch
from national.dmp.adapter import DmpSettings, DmpSoap
from national.dmp.adapter.settings import Actions, Paths
from national.dmp.ports import Authorisation, DmpGateway
from national.errors import Rejected, RejectionKind
from national.kept import Kept
from national.services import call_keep, clock_note
from national.transport import TlsFiles, Transport, TransportSettings

EVERY_SITE = "tous"
"""DMP_AIR_SITES: every site of the hospital is declared for AIR simplifié."""
NOT_CONFIGURED = "NOT_CONFIGURED"
CERTIFICATE_UNREADABLE = "CERTIFICATE_UNREADABLE"
_SHA1 = "sha1"


@dataclass(frozen=True, slots=True)
class _Open:
    gateway: DmpSoap
    transport: Transport

    def close(self) -> None:
        self.transport.close()


_kept: Kept[_Open] = Kept()
CLOCK = ClockWatch(
    limit=lambda: timedelta(seconds=settings.DMP_CLOCK_DRIFT_SECONDS),
    note=lambda drift: clock_note(NationalService.DMP, drift),
)
"""Our clock beside that of the DMP, as this process knows it: one for both modes."""


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
    """Close the connections of this process; the next call opens new ones, and knows nothing of clocks."""
    _kept.close()
    CLOCK.forget()


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
    transport = Transport(
        TransportSettings(label="Le DMP", base_url=_base_url(endpoint, mode), tls=tls), dated=CLOCK.saw
    )
    return _Open(DmpSoap(transport, seal, _settings(mode), record=call_keep, clock=CLOCK), transport)


@contextmanager
def dmp_line(
    mode: AuthenticationMode = AuthenticationMode.INDIRECT,
) -> Iterator[tuple[Transport, Seal, DmpSettings]]:
    """What a new line to the DMP is made of, for a trial: no connection of the others is used.

    `mode` tells the address and the form of the token: those of consultation for AIR. A trial is not held
    back by a clock that was wrong: it measures it again.

    Raises Rejected of kind CONFIGURATION as `dmp_gateway` does.
    """
    endpoint = _endpoint()
    try:
        seal = Seal.from_pem(
            Path(endpoint.signing_certificate_path).read_bytes(), Path(endpoint.signing_key_path).read_bytes()
        )
    except (OSError, ValueError) as error:
        raise _unreadable(error) from error
    transport = Transport(
        TransportSettings(label="Le DMP", base_url=_base_url(endpoint, mode), tls=_tls(endpoint)),
        dated=CLOCK.saw,
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
        revocation=settings.DMP_CRL_PATH,
    )


def air_address(endpoint: ServiceEndpoint) -> str:
    """Where the DMP is consulted: an address of its own when the installation has one."""
    return _base_url(endpoint, AuthenticationMode.AIR)


def _base_url(endpoint: ServiceEndpoint, mode: AuthenticationMode) -> str:
    is_air = mode is AuthenticationMode.AIR
    return str(settings.DMP_AIR_BASE_URL) if is_air and settings.DMP_AIR_BASE_URL else endpoint.base_url


def software_claim() -> SoftwareClaim:
    """The software as the DMP and the page « À propos » name it: one source for both (EX_GEN-1180)."""
    return SoftwareClaim(
        name=settings.DMP_SOFTWARE_NAME,
        version=settings.DPI_VERSION,
        homologation=settings.DMP_HOMOLOGATION,
        installation=settings.DMP_INSTALLATION_ID,
    )


def _settings(mode: AuthenticationMode) -> DmpSettings:
    paths, actions = settings.DMP_PATHS, settings.DMP_ACTIONS
    return DmpSettings(
        software=software_claim(),
        software_oid=settings.DMP_SOFTWARE_OID or _installation_oid(),
        paths=Paths(
            registry=paths["registry"].strip("/"),
            repository=paths["repository"].strip("/"),
            patients=paths["patients"].strip("/"),
            authorisations=paths["habilitations"].strip("/"),
        ),
        actions=Actions(
            iti18=actions["TD3.1"],
            iti41=actions["TD2.1"],
            iti43=actions["TD3.2"],
            iti57=actions["TD3.3"],
            existence=actions["TD0.2"],
            authorisation=actions["TD0.3"],
        ),
        existence_timeout=settings.DMP_EXISTENCE_TIMEOUT_SECONDS,
        query_timeout=settings.DMP_QUERY_TIMEOUT_SECONDS,
        retrieve_timeout=settings.DMP_RETRIEVE_TIMEOUT_SECONDS,
        submit_timeout=settings.DMP_SUBMIT_TIMEOUT_SECONDS,
        profile=_profile(mode),
        lot_algorithms=SHA1_ALGORITHMS if settings.DMP_LOT_DIGEST == _SHA1 else SHA256_ALGORITHMS,
        processing_code=settings.DMP_PROCESSING_CODE,
        authorisation_words={
            word: Authorisation(meaning) for word, meaning in settings.DMP_STATUS_CODES.items()
        },
        error_kinds={**KIND_OF_CODE, **{c: ErrorKind(kind) for c, kind in settings.DMP_ERROR_KINDS.items()}},
    )


def _profile(mode: AuthenticationMode) -> VihfProfile:
    words = settings.DMP_VIHF_WORDS
    is_air = mode is AuthenticationMode.AIR
    return VihfProfile(
        version=settings.DMP_AIR_VIHF_VERSION if is_air else settings.DMP_VIHF_VERSION,
        mode_attribute=settings.DMP_VIHF_MODE_ATTRIBUTE,
        declaration_element=settings.DMP_VIHF_DECLARATION_ELEMENT,
        secret_connection_code=words["secret_connection"],
        purpose_system_name=words["purpose_system"],
        air_mode=words["air_mode"],
        purpose_codes={purpose.value: words[purpose.value] for purpose in Purpose},
        role_system_names={
            vihf.OID_PROFESSION: words["profession_system"],
            vihf.OID_SPECIALTY_RPPS: words["specialty_system"],
        },
        is_sha1=settings.DMP_VIHF_DIGEST == _SHA1,
    )


def _installation_oid() -> str:
    """Root of the identifiers of this installation; empty before the hospital is described."""
    entity = LegalEntity.objects.only("oid_root").first()
    return entity.oid_root if entity is not None else ""
