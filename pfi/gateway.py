"""The DMP as this process reaches it: endpoint, certificates and software of the installation.

Built once for each process and again when the endpoint changes; certificate files are watched by
the transport itself (house-style, section 6).
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from django.conf import settings

from establishment.enums import NationalService
from establishment.models import ServiceEndpoint
from establishment.selectors import endpoint_for
from interop.seal import Seal
from interop.vihf.claims import SoftwareClaim
from national.dmp.adapter import DmpSettings, DmpSoap
from national.dmp.ports import DmpGateway
from national.errors import Unavailable
from national.services import call_keep
from national.transport import TlsFiles, Transport, TransportSettings

NOT_CONFIGURED = "NOT_CONFIGURED"


def dmp_gateway() -> DmpGateway:
    """The gateway of the enabled DMP endpoint; Unavailable when none is configured."""
    endpoint = endpoint_for(NationalService.DMP)
    if endpoint is None:
        raise Unavailable("L’accès au DMP n’est pas configuré ou est arrêté.", code=NOT_CONFIGURED)
    return _gateway(
        endpoint.base_url,
        endpoint.ca_path,
        endpoint.certificate_path,
        endpoint.key_path,
        endpoint.signing_certificate_path,
        endpoint.signing_key_path,
        _stamp(endpoint),
    )


@lru_cache(maxsize=2)
def _gateway(
    base_url: str, ca: str, certificate: str, key: str, seal_certificate: str, seal_key: str, stamp: int
) -> DmpSoap:
    tls = TlsFiles(authorities=Path(ca), certificate=Path(certificate), key=Path(key))
    seal = Seal.from_pem(Path(seal_certificate).read_bytes(), Path(seal_key).read_bytes())
    software = SoftwareClaim(
        name=settings.DMP_SOFTWARE_NAME,
        version=settings.DPI_VERSION,
        homologation=settings.DMP_HOMOLOGATION,
        installation=settings.DMP_INSTALLATION_ID,
    )
    transport = Transport(TransportSettings(label="Le DMP", base_url=base_url, tls=tls))
    return DmpSoap(
        transport,
        seal,
        DmpSettings(
            software=software,
            submit_timeout=settings.DMP_SUBMIT_TIMEOUT_SECONDS,
            query_timeout=settings.DMP_QUERY_TIMEOUT_SECONDS,
        ),
        record=call_keep,
    )


def _stamp(endpoint: ServiceEndpoint) -> int:
    """Changes when the cachet certificate is renewed, so that the seal is loaded again."""
    return Path(endpoint.signing_certificate_path).stat().st_mtime_ns
