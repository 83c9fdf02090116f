"""The VIHF: what it says, who signed it, for how long it holds."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from lxml import etree
from signxml.algorithms import DigestAlgorithm, SignatureMethod
from signxml.verifier import SignatureConfiguration, XMLVerifier

from interop.soap.envelope import Addressing, build_envelope
from interop.vihf import codes
from interop.vihf.assertion import VihfProfile, build_vihf, sign_vihf
from interop.vihf.claims import (
    AUTOMATE_ROLE,
    AuthenticationMode,
    PatientClaim,
    Purpose,
    Role,
    SoftwareClaim,
    VihfClaims,
    VihfClaimsError,
    profession_role,
    specialty_role,
)
from interop.vihf.verify import VihfRefused, verify_vihf
from interop.xml import parse_xml
from tests.interop import pki

NOW = datetime(2026, 11, 24, 9, 30, 0, 123456, tzinfo=UTC)
SOFTWARE = SoftwareClaim("DPI", "1.0.0", "HOMOLOGATION-SECRETE", installation="1.2.250.1.999.1")
FEEDING = VihfClaims(
    mode=AuthenticationMode.INDIRECT,
    structure="1990000010",
    sector="SA01",
    name_id="899700900014",
    subject="Alice HODA",
    roles=(
        profession_role("10", "Médecin"),
        specialty_role("SM26", "Qualifié en Médecine Générale (SM)"),
    ),
    authenticated_at=NOW - timedelta(hours=1),
    software=SOFTWARE,
    patient=PatientClaim("279035121518989", "1.2.250.1.213.1.4.10"),
)
CONSULTING = replace(
    FEEDING,
    mode=AuthenticationMode.AIR,
    authentication_class=codes.AC_SMARTCARD_PKI,
    authentication_declaration=codes.AIR_SIMPLIFIED_DECLARATION,
)


def assertion(claims: VihfClaims = FEEDING, profile: VihfProfile | None = None) -> etree._Element:
    return build_vihf(
        claims,
        issuer=pki.seal().subject,
        issue_instant=NOW,
        assertion_id="_7d0f3a52",
        profile=profile or VihfProfile(),
    )


def signed(claims: VihfClaims = FEEDING) -> bytes:
    return sign_vihf(assertion(claims), pki.seal())


def attribute(element: etree._Element, name: str) -> list[etree._Element]:
    return element.xpath(
        ".//s:Attribute[@Name=$name]/s:AttributeValue", namespaces={"s": codes.NS_SAML}, name=name
    )


def test_the_assertion_has_the_parts_of_the_official_examples_in_their_order() -> None:
    names = [etree.QName(child).localname for child in parse_xml(signed())]
    assert names == ["Issuer", "Signature", "Subject", "AuthnStatement", "AttributeStatement"]


def test_the_issuer_is_the_name_of_the_seal_most_specific_part_first() -> None:
    issuer = assertion()[0]
    assert issuer.get("Format") == codes.ISSUER_FORMAT_X509
    assert issuer.text == ("CN=CACHET DE TEST,OU=1990000010,O=CENTRE HOSPITALIER DE TEST,ST=Rhône (69),C=FR")


def test_instants_are_utc_with_milliseconds() -> None:
    element = assertion()
    assert element.get("IssueInstant") == "2026-11-24T09:30:00.123Z"
    assert element.find(".//{*}AuthnStatement").get("AuthnInstant") == "2026-11-24T08:30:00.123Z"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (codes.ATTR_VERSION, "3.0"),
        (codes.ATTR_AUTH_MODE, "INDIRECTE"),
        (codes.ATTR_STRUCTURE, "1990000010"),
        (codes.ATTR_SECTOR, "SA01^1.2.250.1.71.4.2.4"),
        (codes.ATTR_SUBJECT_ID, "Alice HODA"),
        (codes.ATTR_RESOURCE_ID, "279035121518989^^^&1.2.250.1.213.1.4.10&ISO^NH"),
        (codes.ATTR_RESOURCE_URN, "urn:dmp"),
        (codes.ATTR_LPS_ID, "1.2.250.1.999.1"),
        (codes.ATTR_LPS_NAME, "DPI"),
        (codes.ATTR_LPS_VERSION, "1.0.0"),
        (codes.ATTR_LPS_HOMOLOGATION, "HOMOLOGATION-SECRETE"),
    ],
)
def test_each_simple_attribute_has_one_value(name: str, text: str) -> None:
    assert [value.text for value in attribute(assertion(), name)] == [text]


def test_profession_and_specialty_are_two_values_of_one_attribute() -> None:
    values = attribute(assertion(), codes.ATTR_ROLE)
    assert [dict(value[0].attrib) for value in values] == [
        {
            f"{{{codes.NS_XSI}}}type": "CE",
            "code": "10",
            "codeSystem": "1.2.250.1.71.1.2.7",
            "codeSystemName": "professions",
            "displayName": "Médecin",
        },
        {
            f"{{{codes.NS_XSI}}}type": "CE",
            "code": "SM26",
            "codeSystem": "1.2.250.1.71.4.2.5",
            "codeSystemName": "specialites RPPS",
            "displayName": "Qualifié en Médecine Générale (SM)",
        },
    ]


def test_the_purpose_is_coded() -> None:
    (value,) = attribute(assertion(), codes.ATTR_PURPOSE_OF_USE)
    assert value[0].tag == f"{{{codes.NS_HL7_V3}}}PurposeOfUse"
    assert (value[0].get("code"), value[0].get("codeSystem")) == ("normal", "1.2.250.1.213.1.1.4.248")


def test_what_does_not_apply_is_not_written() -> None:
    element = assertion()
    for name in (codes.ATTR_CONFIDENTIALITY, codes.ATTR_ACCESS_REASON):
        assert attribute(element, name) == []
    assert element.find(".//{*}AuthnContextDecl") is None
    assert element.find(".//{*}Conditions") is None


def test_air_names_the_professional_and_declares_the_conformity_to_pgssi_s() -> None:
    element = assertion(CONSULTING)
    assert element.findtext(".//{*}NameID") == "899700900014"
    assert element.findtext(".//{*}AuthnContextDecl") == "CONF_EXI_PGSSIS"
    assert [v.text for v in attribute(element, codes.ATTR_AUTH_MODE)] == ["INDIRECTE_RENFORCEE"]


def test_break_glass_carries_its_reason_and_a_secret_connection_its_code() -> None:
    claims = replace(
        CONSULTING,
        purpose=Purpose.BREAK_GLASS,
        access_reason="Patient inconscient",
        secret_connection=True,
    )
    element = assertion(claims)
    assert attribute(element, codes.ATTR_PURPOSE_OF_USE)[0][0].get("displayName") == "Accès bris de glace"
    assert [v.text for v in attribute(element, codes.ATTR_ACCESS_REASON)] == ["Patient inconscient"]
    assert [v.text for v in attribute(element, codes.ATTR_CONFIDENTIALITY)] == [
        "INVISIBLE_REPRESENTANTS_LEGAUX"
    ]


def test_an_automate_feeds_with_its_own_role() -> None:
    element = assertion(replace(FEEDING, roles=(AUTOMATE_ROLE,), subject="DPI PFI alimentation"))
    (value,) = attribute(element, codes.ATTR_ROLE)
    assert (value[0].get("code"), value[0].get("codeSystem")) == ("AUTOMATE", "1.2.250.1.213.1.1.4.6")


def test_spellings_that_the_server_may_change_are_settings() -> None:
    profile = VihfProfile(version="4.0", mode_attribute=codes.ATTR_AUTH_MODE_ALTERNATIVE)
    element = assertion(profile=profile)
    assert [v.text for v in attribute(element, "VIHF_Version")] == ["4.0"]
    assert [v.text for v in attribute(element, "Authentification_Mode")] == ["INDIRECTE"]
    assert attribute(element, "Authentification_mode") == []


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"structure": "FINESS"}, "structure"),
        ({"sector": "HOPITAL"}, "sector"),
        ({"name_id": " "}, "name_id"),
        ({"subject": ""}, "subject"),
        ({"roles": ()}, "one or two roles"),
        ({"roles": (Role("10", ""), Role("x", "y"))}, "lacks its code"),
        ({"roles": (profession_role("10", "Médecin"),)}, "second role"),
        ({"roles": (profession_role("21", "Pharmacien"),)}, "second role"),
        ({"authenticated_at": NOW.replace(tzinfo=None)}, "time zone"),
        ({"authentication_class": ""}, "authentication_class"),
        ({"software": SoftwareClaim("DPI", "", "H")}, "software"),
        ({"patient": PatientClaim("2790351215189", "1.2.250.1.213.1.4.10")}, "INS"),
        ({"patient": PatientClaim("279035121518989", "")}, "INS"),
        ({"access_reason": "curiosité"}, "break-glass only"),
        ({"purpose": Purpose.BREAK_GLASS}, "needs a reason"),
        ({"mode": AuthenticationMode.AIR}, "declared method"),
        (
            {
                "mode": AuthenticationMode.AIR,
                "authentication_declaration": codes.AIR_SIMPLIFIED_DECLARATION,
                "name_id": "0691234567",
            },
            "RPPS",
        ),
        ({"mode": AuthenticationMode.AIR, "authentication_class": codes.AC_PASSWORD}, "two factors"),
        ({"mode": AuthenticationMode.AIR, "roles": (AUTOMATE_ROLE,)}, "automatic process"),
    ],
)
def test_claims_that_break_a_rule_are_refused(change: dict[str, object], problem: str) -> None:
    with pytest.raises(VihfClaimsError, match=problem):
        replace(FEEDING, **change)


def test_a_nurse_needs_no_second_role() -> None:
    assert replace(FEEDING, roles=(profession_role("60", "Infirmier"),)).roles


def test_the_homologation_number_is_not_in_a_representation() -> None:
    assert "HOMOLOGATION-SECRETE" not in repr(FEEDING)


def test_a_token_taken_out_of_its_envelope_still_verifies() -> None:
    addressing = Addressing("https://localhost", "urn:a", "urn:uuid:1")
    data = build_envelope(addressing, etree.Element("{urn:b}B"), token=signed())
    element = parse_xml(data).find(f".//{{{codes.NS_SAML}}}Assertion")
    verified = verify_vihf(element, pki.seal().certificate, now=NOW + timedelta(seconds=29))
    assert verified.assertion_id == "_7d0f3a52"
    assert verified.issuer == pki.seal().subject
    assert verified.name_id == "899700900014"
    assert verified.attributes[codes.ATTR_ROLE] == ("10", "SM26")


def test_another_reader_finds_the_algorithms_that_we_announce() -> None:
    """An independent read: no configuration of ours but the name of the ID attribute."""
    configuration = SignatureConfiguration(
        location="./",
        signature_methods=frozenset({SignatureMethod.RSA_SHA256}),
        digest_algorithms=frozenset({DigestAlgorithm.SHA256}),
    )
    result = XMLVerifier().verify(
        signed(), x509_cert=pki.seal().certificate, id_attribute="ID", expect_config=configuration
    )
    read, built = (
        etree.tostring(element, method="c14n", exclusive=True) for element in (result.signed_xml, assertion())
    )
    assert read == built


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"899700900014", b"899700900022"),
        (b"279035121518989", b"277076322082910"),
        (b"INDIRECTE", b"DIRECTE"),
        (b'code="normal"', b'code="bris_de_glace"'),
        (b"CN=CACHET", b"CN=AUTRE"),
    ],
)
def test_a_token_that_was_tampered_with_is_refused(before: bytes, after: bytes) -> None:
    token = signed()
    assert before in token
    with pytest.raises(VihfRefused):
        verify_vihf(parse_xml(token.replace(before, after)), pki.seal().certificate, now=NOW)


def test_a_token_of_another_seal_is_refused() -> None:
    other: x509.Certificate = pki.issued("AUTRE CACHET").certificate
    with pytest.raises(VihfRefused):
        verify_vihf(parse_xml(signed()), other, now=NOW)


def test_a_signature_wrapped_around_another_assertion_is_refused() -> None:
    genuine = parse_xml(signed())
    forged = parse_xml(signed().replace(b"899700900014", b"899700900022").replace(b"_7d0f3a52", b"_forged"))
    forged.replace(forged[1], genuine)
    with pytest.raises(VihfRefused):
        verify_vihf(forged, pki.seal().certificate, now=NOW)


@pytest.mark.parametrize("seconds", [-60, 31])
def test_a_token_holds_thirty_seconds(seconds: int) -> None:
    with pytest.raises(VihfRefused, match="old"):
        verify_vihf(parse_xml(signed()), pki.seal().certificate, now=NOW + timedelta(seconds=seconds))


@pytest.mark.parametrize("instant", ["", "hier", "2026-11-24T09:30:00"])
def test_a_token_without_an_instant_is_refused(instant: str) -> None:
    element = assertion()
    element.set("IssueInstant", instant)
    with pytest.raises(VihfRefused, match="instant"):
        verify_vihf(parse_xml(sign_vihf(element, pki.seal())), pki.seal().certificate, now=NOW)


def test_characters_that_xml_cannot_carry_do_not_stop_a_break_glass() -> None:
    claims = replace(CONSULTING, purpose=Purpose.BREAK_GLASS, access_reason="Patient\x0binconscient")
    assert [v.text for v in attribute(assertion(claims), codes.ATTR_ACCESS_REASON)] == ["Patientinconscient"]
