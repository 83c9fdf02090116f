"""The certificate of a national server is not trusted once its authority revoked it (spec dmp 9, rule 2)."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings

from establishment.enums import NationalService
from national.dmp.opening import dmp_gateway, gateway_close
from national.errors import Rejected, RejectionKind, Unavailable
from national.insi.opening import insi, insi_close
from national.transport import CERTIFICATE_UNREADABLE, SERVER_NOT_TRUSTED, TlsFiles
from tests.factories import EndpointFactory, LegalEntityFactory
from tests.interop import pki
from tests.interop.insi import samples
from tests.national.conftest import Start
from tests.national.dmp_bench import CONTEXT, PATIENT, answer, results
from tests.national.server import LoopbackServer, Reply, Request
from tests.national.test_insi import ask

pytestmark = pytest.mark.django_db


def _ask_dmp() -> Any:
    return dmp_gateway().references(CONTEXT, PATIENT, "1.2.3")


def _ask_insi() -> Any:
    return ask(insi())  # type: ignore[arg-type]


SERVICES: dict[str, tuple[NationalService, Callable[[], Any]]] = {
    "DMP_CRL_PATH": (NationalService.DMP, _ask_dmp),
    "INSI_CRL_PATH": (NationalService.INSI, _ask_insi),
}


def _reply(request: Request) -> Reply:
    return Reply(samples.ADRUN) if request.path.endswith("/lps") else answer(results())(request)


@pytest.fixture(params=SERVICES)
def service(
    request: pytest.FixtureRequest,
    start: Start,
    tls_files: TlsFiles,
    settings: LazySettings,
    tmp_path: Path,
) -> Iterator[tuple[Callable[[], Any], LoopbackServer, Path]]:
    """How to call a service of the installation, its server, and the file of its list of revocations."""
    gateway_close(), insi_close()
    LegalEntityFactory()
    name, call = SERVICES[request.param]
    server, _transport = start(_reply)
    settings.INSI_AUTHORISATION = "AUTORISATION"
    setattr(settings, request.param, tmp_path / "crl.pem")
    EndpointFactory(
        service=name,
        base_url=server.base_url + ("lps" if name == NationalService.INSI else ""),
        ca_path=str(tls_files.authorities),
        certificate_path=str(tls_files.certificate),
        key_path=str(tls_files.key),
        signing_certificate_path=str(tls_files.certificate),
        signing_key_path=str(tls_files.key),
    )
    yield call, server, tmp_path / "crl.pem"
    gateway_close(), insi_close()


def test_a_revoked_server_gets_nothing_and_one_that_is_not_is_called(service: Any) -> None:
    call, server, crl = service
    crl.write_bytes(pki.revocation_list("another server"))
    call()
    assert len(server.requests) == 1

    crl.write_bytes(pki.revocation_list("server"))  # the next list, laid in the place of the former
    os.utime(crl, ns=(0, 0))
    with pytest.raises(Unavailable) as refused:
        call()
    assert (refused.value.code, len(server.requests)) == (SERVER_NOT_TRUSTED, 1)


def test_a_list_that_is_over_proves_nothing_so_nothing_leaves(service: Any) -> None:
    call, server, crl = service
    crl.write_bytes(pki.revocation_list(days=-1))
    with pytest.raises(Unavailable) as refused:
        call()
    assert (refused.value.code, server.requests) == (SERVER_NOT_TRUSTED, [])


@pytest.mark.parametrize("content", [None, b"", b"no list"])
def test_a_list_that_cannot_be_read_is_a_fault_of_configuration(service: Any, content: bytes | None) -> None:
    call, server, crl = service
    if content is not None:
        crl.write_bytes(content)
    with pytest.raises(Rejected) as refused:
        call()
    assert (refused.value.kind, refused.value.code) == (
        RejectionKind.CONFIGURATION,
        CERTIFICATE_UNREADABLE,
    )
    assert server.requests == []
