"""The gateway of a process: one for each mode, made of the installation's endpoint and settings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from django.conf import LazySettings
from django.utils import timezone

from establishment.enums import NationalService
from establishment.models import ServiceEndpoint
from interop.vihf.claims import AuthenticationMode, PatientClaim
from interop.vihf.codes import AC_TIME_SYNC_TOKEN, AIR_SIMPLIFIED_DECLARATION
from national.dmp import opening
from national.dmp.opening import NOT_CONFIGURED, dmp_gateway, gateway_close
from national.dmp.ports import Authorisation, DmpState
from national.errors import Rejected, RejectionKind
from national.models import Call
from sandbox.runtime import Sandbox
from tests.factories import EndpointFactory, LegalEntityFactory
from tests.hospital import plug_dmp
from tests.national.dmp_bench import CONTEXT, PATIENT
from tests.national.server import write_files

pytestmark = pytest.mark.django_db


@pytest.fixture
def endpoint(tmp_path: Path) -> Iterator[ServiceEndpoint]:
    write_files(tmp_path)
    yield EndpointFactory(
        service=NationalService.DMP,
        base_url="https://localhost:1/services/",
        ca_path=str(tmp_path / "ca.pem"),
        certificate_path=str(tmp_path / "client.pem"),
        key_path=str(tmp_path / "client.key"),
        signing_certificate_path=str(tmp_path / "client.pem"),
        signing_key_path=str(tmp_path / "client.key"),
    )
    gateway_close()


def test_feeding_and_consultation_have_lines_of_their_own(endpoint: ServiceEndpoint) -> None:
    feeding, reading = dmp_gateway(), dmp_gateway(AuthenticationMode.AIR)
    assert feeding is not reading
    assert (dmp_gateway(), dmp_gateway(AuthenticationMode.AIR)) == (feeding, reading)
    gateway_close()
    assert dmp_gateway() is not feeding


def test_an_endpoint_that_changes_opens_a_new_line(endpoint: ServiceEndpoint) -> None:
    reading = dmp_gateway(AuthenticationMode.AIR)
    endpoint.base_url = "https://localhost:2/services/"
    endpoint.save()
    assert dmp_gateway(AuthenticationMode.AIR) is not reading


def test_a_service_that_is_off_is_not_called(endpoint: ServiceEndpoint) -> None:
    endpoint.is_enabled = False
    endpoint.save()
    with pytest.raises(Rejected) as caught:
        dmp_gateway(AuthenticationMode.AIR)
    assert (caught.value.code, caught.value.kind) == (NOT_CONFIGURED, RejectionKind.CONFIGURATION)


def test_what_the_national_service_may_change_is_a_setting(
    endpoint: ServiceEndpoint, settings: LazySettings
) -> None:
    settings.DMP_AIR_BASE_URL = "https://air.example/services/"
    settings.DMP_AIR_VIHF_VERSION = "4.0"
    settings.DMP_STATUS_CODES = {"CADUQUE": "expired"}
    settings.DMP_EXISTENCE_TIMEOUT_SECONDS = 7
    settings.DMP_SOFTWARE_OID = ""
    entity = LegalEntityFactory()
    assert opening._base_url(endpoint, AuthenticationMode.INDIRECT) == endpoint.base_url
    assert opening._base_url(endpoint, AuthenticationMode.AIR) == "https://air.example/services/"
    feeding = opening._settings(AuthenticationMode.INDIRECT)
    reading = opening._settings(AuthenticationMode.AIR)
    assert (feeding.profile.version, reading.profile.version) == ("3.0", "4.0")
    assert reading.authorisation_words == {"CADUQUE": Authorisation.EXPIRED}
    assert reading.existence_timeout == 7
    assert reading.software_oid == entity.oid_root
    settings.DMP_SOFTWARE_OID = "1.2.250.1.999.7"
    assert opening._settings(AuthenticationMode.AIR).software_oid == "1.2.250.1.999.7"


def test_the_gateway_of_an_installation_reaches_its_dmp_and_keeps_the_call(
    sandbox: Sandbox, settings: LazySettings
) -> None:
    """Endpoint, certificates and settings as an installation has them, the strict sandbox behind."""
    settings.DMP_SOFTWARE_OID = "1.2.250.1.999.1"
    plug_dmp(sandbox)
    context = replace(
        CONTEXT,
        structure="1990000101",
        authenticated_at=timezone.now(),
        mode=AuthenticationMode.AIR,
        authentication_class=AC_TIME_SYNC_TOKEN,
        authentication_declaration=AIR_SIMPLIFIED_DECLARATION,
    )
    try:
        closed = PatientClaim("160012B02077713", PATIENT.oid)
        found = dmp_gateway(AuthenticationMode.AIR).existence(context, closed)
    finally:
        gateway_close()
    assert found.state is DmpState.CLOSED
    call = Call.objects.get()
    assert (call.transaction, call.outcome, call.actor_uid) == ("TD0.2", "success", context.actor_uid)
