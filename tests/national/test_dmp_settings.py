"""What the server may change reaches the wire from the settings (spec dmp 1.1, 2.5, 9 rule 9)."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from django.conf import LazySettings
from lxml import etree

from interop.soap import codes as soap
from interop.soap.mtom import parse_multipart
from interop.vihf import codes as vihf
from interop.vihf.claims import AuthenticationMode, Purpose
from interop.vihf.codes import AC_TIME_SYNC_TOKEN
from national.dmp import opening
from national.dmp.adapter import DmpSettings
from national.dmp.ports import DocumentAddress
from national.errors import NationalServiceError, Rejected, RejectionKind, Unavailable
from tests.exchange.processes import environment
from tests.interop.xds.samples import LOT
from tests.national.dmp_bench import CONTEXT, PATIENT, SUBMISSION, SUCCESS, Bench, Build, answer, failure
from tests.shared import CHECKOUT

pytestmark = pytest.mark.django_db

AIR = replace(
    CONTEXT,
    mode=AuthenticationMode.AIR,
    authentication_class=AC_TIME_SYNC_TOKEN,
    authentication_declaration="CONF_EXI_PGSSIS",
)
CALLS: dict[str, Callable[[Bench], Any]] = {
    "TD0.2": lambda it: it.gateway.existence(AIR, PATIENT),
    "TD0.3": lambda it: it.gateway.authorise(AIR, PATIENT),
    "TD2.1": lambda it: it.gateway.submit(CONTEXT, SUBMISSION),
    "TD3.1": lambda it: it.gateway.references(CONTEXT, PATIENT, "1.2.3"),
    "TD3.2": lambda it: it.gateway.retrieve(AIR, PATIENT, [DocumentAddress("1.2", "1.2.3")]),
    "TD3.3": lambda it: it.gateway.set_status(
        CONTEXT, LOT, entry_uuid="urn:uuid:1", original_status="urn:a", new_status="urn:b"
    ),
}
PATHS = {
    "TD0.2": "patients",
    "TD0.3": "habilitations",
    "TD2.1": "repository",
    "TD3.1": "registry",
    "TD3.2": "repository",
    "TD3.3": "registry",
}


def installed(bench: Build, mode: AuthenticationMode, script: Any = None) -> Bench:
    """A gateway with the settings of the installation."""
    found = opening._settings(mode)
    fields = {name: getattr(found, name) for name in DmpSettings.__slots__ if name != "software"}
    return bench(script or answer(SUCCESS), **fields)


def sent(it: Bench, call: Callable[[Bench], Any]) -> None:
    """Make a call whose answer does not matter."""
    try:
        call(it)
    except NationalServiceError:
        pass


def token_of(it: Bench) -> etree._Element:
    found = it.last.find(f".//{{{vihf.NS_SAML}}}Assertion")
    assert found is not None
    return found


@pytest.mark.parametrize("transaction", CALLS)
def test_a_changed_action_and_a_changed_path_are_those_of_the_request(
    bench: Build, settings: LazySettings, transaction: str
) -> None:
    settings.DMP_ACTIONS = settings.DMP_ACTIONS | {transaction: "urn:other:action"}
    settings.DMP_PATHS = settings.DMP_PATHS | {PATHS[transaction]: "/v3/elsewhere/"}
    it = installed(bench, AuthenticationMode.AIR)
    sent(it, CALLS[transaction])
    request = it.server.requests[-1]
    assert it.last.findtext(f".//{{{soap.NS_WSA}}}Action") == "urn:other:action"
    assert 'action="urn:other:action"' in request.content_type
    assert request.path == "/services/v3/elsewhere"


def test_the_defaults_are_those_of_the_wsdl(bench: Build) -> None:
    assert opening._settings(AuthenticationMode.INDIRECT) == replace(
        DmpSettings(opening._settings(AuthenticationMode.INDIRECT).software),
        software_oid="",
        profile=opening._profile(AuthenticationMode.INDIRECT),
        authorisation_words=opening._settings(AuthenticationMode.INDIRECT).authorisation_words,
        error_kinds=opening._settings(AuthenticationMode.INDIRECT).error_kinds,
    )
    it = installed(bench, AuthenticationMode.INDIRECT)
    sent(it, CALLS["TD2.1"])
    methods = [element.get("Algorithm", "") for element in token_of(it).iter("{*}SignatureMethod")]
    assert methods == ["http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"]


def test_the_words_of_the_vihf_are_those_of_the_settings(bench: Build, settings: LazySettings) -> None:
    settings.DMP_VIHF_WORDS = settings.DMP_VIHF_WORDS | {
        "air_mode": "AIR_SIMPLIFIE",
        "secret_connection": "SECRET",
        "purpose_system": "mode acces VIHF 1.0",
        "profession_system": "G15",
        "specialty_system": "R01",
        "normal": "ordinaire",
    }
    it = installed(bench, AuthenticationMode.AIR)
    secret = replace(AIR, secret_connection=True)
    sent(it, lambda it: it.gateway.existence(secret, PATIENT))
    token = token_of(it)

    def text(name: str) -> str:
        return str(token.findtext(f".//{{{vihf.NS_SAML}}}Attribute[@Name='{name}']/{{*}}AttributeValue"))

    assert text("Authentification_mode") == "AIR_SIMPLIFIE"
    assert text(vihf.ATTR_CONFIDENTIALITY) == "SECRET"
    roles = [(role.get("code"), role.get("codeSystemName")) for role in token.iter("{*}Role")]
    assert roles == [("10", "G15"), ("SM26", "R01")]
    (purpose,) = token.iter("{*}PurposeOfUse")
    assert (purpose.get("code"), purpose.get("codeSystemName")) == ("ordinaire", "mode acces VIHF 1.0")
    assert Purpose.NORMAL.value in settings.DMP_VIHF_WORDS


def test_the_mode_of_feeding_does_not_follow_that_of_air(bench: Build, settings: LazySettings) -> None:
    settings.DMP_VIHF_WORDS = settings.DMP_VIHF_WORDS | {"air_mode": "AIR_SIMPLIFIE"}
    it = installed(bench, AuthenticationMode.INDIRECT)
    sent(it, CALLS["TD2.1"])
    assert b"INDIRECTE<" in etree.tostring(token_of(it))


@pytest.mark.parametrize("which", ["DMP_VIHF_DIGEST", "DMP_LOT_DIGEST"])
def test_sha1_is_signed_where_it_is_asked_for_and_nowhere_else(
    bench: Build, settings: LazySettings, which: str
) -> None:
    setattr(settings, which, "sha1")
    it = installed(bench, AuthenticationMode.INDIRECT)
    sent(it, CALLS["TD2.1"])
    message = parse_multipart(it.server.requests[-1].content_type, it.server.requests[-1].body)
    (lot,) = [content for content in message.attachments.values() if b"IHEManifest" in content]
    token = etree.tostring(token_of(it))
    assert (b"#rsa-sha1" in token, b"xmlenc#sha256" in token) == (
        which == "DMP_VIHF_DIGEST",
        which != "DMP_VIHF_DIGEST",
    )
    assert (b"#rsa-sha1" in lot) == (which == "DMP_LOT_DIGEST")


def test_a_code_that_sources_do_not_name_gets_its_class_and_one_may_be_moved(
    bench: Build, settings: LazySettings
) -> None:
    settings.DMP_ERROR_KINDS = {"JamaisVu": "transient", "DMPClosed": "data"}
    with pytest.raises(Unavailable):
        installed(bench, AuthenticationMode.INDIRECT, answer(failure("JamaisVu"))).gateway.submit(
            CONTEXT, SUBMISSION
        )
    for code, kind in (("DMPClosed", RejectionKind.DATA), ("XDSUnknownPatientId", RejectionKind.PATIENT)):
        with pytest.raises(Rejected) as refused:
            installed(bench, AuthenticationMode.INDIRECT, answer(failure(code))).gateway.submit(
                CONTEXT, SUBMISSION
            )
        assert refused.value.kind is kind


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("DMP_PATHS", "registery=x", "noms admis habilitations, patients, registry, repository"),
        ("DMP_ACTIONS", "TD9.9=urn:x", "noms admis TD0.2"),
        ("DMP_VIHF_WORDS", "mode=x", "noms admis air_declaration"),
        ("DMP_ERROR_KINDS", "DMPClosed=ferme", "valeurs admises"),
        ("DMP_VIHF_DIGEST", "md5", "sha256, sha1"),
    ],
)
def test_a_name_that_is_not_known_stops_the_start(variable: str, value: str, said: str) -> None:
    started = subprocess.run(
        [sys.executable, "manage.py", "check"],
        cwd=CHECKOUT,
        env=environment(**{variable: value}),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert started.returncode != 0
    assert variable in started.stderr and said in started.stderr
