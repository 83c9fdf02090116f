"""The VIHF and the envelope: each rule that the DMP checks before it looks at the request."""

import uuid
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from lxml import etree

from interop.ins import codes as ins_codes
from interop.soap import codes as soap
from interop.vihf import codes as vihf
from interop.xds import codes as xds
from sandbox.authority import (
    LEAF_VALIDITY,
    Issuer,
    Profile,
    load_issuer,
    new_issuer,
    organisation_subject,
)
from sandbox.demo import LEGAL_ENTITY, LegalEntity
from sandbox.dmp.vihf import SPECIALTY_MISSING_TEXT
from sandbox.runtime import Sandbox
from tests.sandbox.wire import (
    Change,
    DmpClient,
    Draft,
    Element,
    Key,
    Letter,
    attribute,
    build_assertion,
    coded_attribute,
    line_to,
    q,
    read_answer,
    sub,
)

SAML = vihf.NS_SAML
CERTIFICATE = xds.DMP_INVALID_CERTIFICATE


def issued(
    issuer: Issuer,
    profile: Profile,
    *,
    entity: LegalEntity = LEGAL_ENTITY,
    now: datetime | None = None,
    validity: timedelta = LEAF_VALIDITY,
) -> Key:
    certificate, key = issuer.issue(
        organisation_subject(entity, "ESSAI"), profile, now=now, validity=validity
    )
    assert isinstance(key, rsa.RSAPrivateKey)
    return Key(certificate, key)


def authority_of(box: Sandbox) -> Issuer:
    return load_issuer(box.certificates.ca.parent)


def refused(hospital: DmpClient, **options: object) -> tuple[str, str]:
    """Subcode and reason of the fault that a submission with such a token gets."""
    answer = hospital.submit(Draft(), **options)  # type: ignore[arg-type]  # free keywords of a test
    assert answer.http.status_code == 500
    assert hospital.box.dmp.registry.documents(("279035121518989", ins_codes.INS_NIR_TEST_OID)) == ()
    return answer.fault


# The line


def test_a_client_without_certificate_cannot_speak(box: Sandbox) -> None:
    with line_to(box, None) as line, pytest.raises(httpx.TransportError):
        line.post(box.addresses.dmp.repository_url, content=b"")


def test_a_client_of_another_authority_cannot_speak(box: Sandbox) -> None:
    stranger = box.certificates.stranger
    with line_to(box, (stranger.certificate, stranger.key)) as line, pytest.raises(httpx.TransportError):
        line.post(box.addresses.dmp.repository_url, content=b"")


def test_only_the_services_of_the_dmp_answer(box: Sandbox, hospital: DmpClient) -> None:
    assert hospital.line.post(f"{box.addresses.dmp.base_url}nothing").status_code == 404
    assert hospital.line.get(box.addresses.dmp.repository_url).status_code == 405


# Certificates of the token


def test_a_token_signed_with_the_certificate_of_the_line_is_refused(
    box: Sandbox, hospital: DmpClient
) -> None:
    wrong = DmpClient(box, hospital.line, Key.of(box.certificates.client))
    assert refused(wrong)[0] == CERTIFICATE


def test_a_seal_of_another_authority_is_refused(box: Sandbox, hospital: DmpClient) -> None:
    seal = issued(new_issuer("INCONNUE"), Profile.SIGNATURE)
    assert refused(DmpClient(box, hospital.line, seal))[0] == CERTIFICATE


def test_an_expired_seal_is_refused(box: Sandbox, hospital: DmpClient) -> None:
    past = datetime.now(UTC) - timedelta(days=10)
    seal = issued(authority_of(box), Profile.SIGNATURE, now=past, validity=timedelta(days=1))
    code, reason = refused(DmpClient(box, hospital.line, seal))
    assert code == CERTIFICATE
    assert "not valid now" in reason


def test_a_seal_of_another_structure_is_refused(box: Sandbox, hospital: DmpClient) -> None:
    other = LegalEntity("990000903", "AUTRE", "Démonstration (99)", ())
    seal = issued(authority_of(box), Profile.SIGNATURE, entity=other)
    assert refused(DmpClient(box, hospital.line, seal))[0] == CERTIFICATE


# Signature


def test_a_token_changed_after_its_signature_is_refused(box: Sandbox, hospital: DmpClient) -> None:
    content_type, body = hospital.submission(Draft())
    changed = body.replace(b">Alice HODA<", b">Alice HOLA<")
    assert changed != body
    answer = read_answer(
        hospital.line.post(
            box.addresses.dmp.repository_url, content=changed, headers={"Content-Type": content_type}
        )
    )
    assert answer.fault[0] == "wsse:FailedCheck"


def test_a_token_signed_with_sha1_is_refused(hospital: DmpClient) -> None:
    assert refused(hospital, sha="sha1")[0] == "wsse:FailedCheck"


def test_a_signature_that_refers_to_something_else_is_refused(box: Sandbox, hospital: DmpClient) -> None:
    """Signature wrapping: a signed assertion hidden in another one does not sign the other."""
    good = etree.fromstring(build_assertion(hospital.seal))  # noqa: S320 - our own bytes
    forged = etree.fromstring(etree.tostring(good))  # noqa: S320 - our own bytes
    forged.set("ID", f"_{uuid.uuid4()}")
    fault = _with_token(box, hospital, etree.tostring(forged))
    assert fault[0] == "wsse:FailedCheck"


def _with_token(box: Sandbox, hospital: DmpClient, token: bytes) -> tuple[str, str]:
    content_type, body = hospital.submission(Draft())
    start, end = body.index(b"<saml2:Assertion"), body.index(b"</saml2:Assertion>") + 18
    changed = body[:start] + token + body[end:]
    return read_answer(
        hospital.line.post(
            box.addresses.dmp.repository_url, content=changed, headers={"Content-Type": content_type}
        )
    ).fault


# Life


def test_a_token_older_than_thirty_seconds_is_refused(hospital: DmpClient) -> None:
    old = datetime.now(UTC) - timedelta(seconds=40)
    assert refused(hospital, issued=old)[0] == "wsse:MessageExpired"


def test_a_token_of_the_future_is_refused(hospital: DmpClient) -> None:
    assert refused(hospital, issued=datetime.now(UTC) + timedelta(seconds=90))[0] == "wsse:MessageExpired"


def test_a_token_is_used_once(box: Sandbox, hospital: DmpClient) -> None:
    token = build_assertion(hospital.seal)
    first = hospital.submission(Draft())
    for expected in (True, False):
        content_type, body = first if expected else hospital.submission(Draft())
        start, end = body.index(b"<saml2:Assertion"), body.index(b"</saml2:Assertion>") + 18
        answer = read_answer(
            hospital.line.post(
                box.addresses.dmp.repository_url,
                content=body[:start] + token + body[end:],
                headers={"Content-Type": content_type},
            )
        )
        assert answer.is_success is expected
    assert answer.fault == ("wsse:InvalidSecurityToken", "the assertion was already used")


# Content


def without(name: str) -> Change:
    def change(assertion: Element) -> None:
        for element in list(assertion.iter(q(SAML, "Attribute"))):
            if element.get("Name") == name:
                element.getparent().remove(element)

    return change


def replaced(name: str, value: str) -> Change:
    def change(assertion: Element) -> None:
        for element in assertion.iter(q(SAML, "Attribute")):
            if element.get("Name") == name:
                element[0].text = value

    return change


def with_roles(*roles: tuple[str, str, str]) -> Change:
    def change(assertion: Element) -> None:
        without(vihf.ATTR_ROLE)(assertion)
        statement = assertion.find(q(SAML, "AttributeStatement"))
        coded_attribute(statement, vihf.ATTR_ROLE, "Role", *roles)

    return change


def with_text(path: str, value: str) -> Change:
    def change(assertion: Element) -> None:
        assertion.find(path, {"s": SAML}).text = value

    return change


@pytest.mark.parametrize(
    "name",
    [
        vihf.ATTR_VERSION,
        vihf.ATTR_AUTH_MODE,
        vihf.ATTR_STRUCTURE,
        vihf.ATTR_SECTOR,
        vihf.ATTR_SUBJECT_ID,
        vihf.ATTR_ROLE,
        vihf.ATTR_RESOURCE_URN,
        vihf.ATTR_PURPOSE_OF_USE,
        vihf.ATTR_LPS_NAME,
        vihf.ATTR_LPS_VERSION,
        vihf.ATTR_LPS_HOMOLOGATION,
    ],
)
def test_each_attribute_is_mandatory(hospital: DmpClient, name: str) -> None:
    assert refused(hospital, change=without(name))[0] == "wsse:InvalidSecurityToken"


def test_a_token_without_patient_cannot_feed(hospital: DmpClient) -> None:
    assert "resource-id" in refused(hospital, change=without(vihf.ATTR_RESOURCE_ID))[1]


WRONG = [
    (replaced(vihf.ATTR_VERSION, "2.0"), "version"),
    (replaced(vihf.ATTR_AUTH_MODE, vihf.MODE_DIRECT), "DIRECTE"),
    (replaced(vihf.ATTR_STRUCTURE, "990000101"), "Identifiant_Structure"),
    (replaced(vihf.ATTR_STRUCTURE, "1990000903"), "structure not found"),
    (replaced(vihf.ATTR_SECTOR, "SA01"), "Secteur_Activite"),
    (replaced(vihf.ATTR_SECTOR, f"SA98^{vihf.OID_SECTOR}"), "Secteur_Activite"),
    (replaced(vihf.ATTR_RESOURCE_URN, "urn:other"), "Ressource_URN"),
    (replaced(vihf.ATTR_RESOURCE_ID, "279035121518989"), "resource-id"),
    (replaced(vihf.ATTR_LPS_HOMOLOGATION, ""), "LPS_ID_HOMOLOGATION_DMP"),
    (with_roles(("10", vihf.OID_PROFESSION, "Médecin")), SPECIALTY_MISSING_TEXT),
    (with_roles(("21", vihf.OID_PROFESSION, "Pharmacien")), SPECIALTY_MISSING_TEXT),
    (with_roles(("doctor", vihf.OID_PROFESSION, "Médecin")), "profession unknown"),
    (with_roles(("ROBOT", vihf.OID_ROLE_NON_PS, "Robot")), "role unknown"),
    (with_text("s:Issuer", "CN=ELSE,C=FR"), "Issuer"),
    (with_text("s:Subject/s:NameID", "99700900014"), "NameID"),
    (with_text("s:AuthnStatement/s:AuthnContext/s:AuthnContextClassRef", "urn:badge"), "ClassRef"),
    (lambda a: a.set("Version", "1.1"), "Version 2.0"),
    (lambda a: a.set("ID", "1234567890"), "begins with _"),
    (lambda a: a.set("IssueInstant", "2026-03-10T14:30:00"), "IssueInstant"),
    (
        lambda a: a.find(q(SAML, "AuthnStatement")).set("AuthnInstant", "2020-01-01T00:00:00.000Z"),
        "AuthnInstant",
    ),
    (
        lambda a: attribute(a.find(q(SAML, "AttributeStatement")), vihf.ATTR_ACCESS_REASON, "x"),
        "Mode_Acces_Raison",
    ),
    (
        lambda a: attribute(a.find(q(SAML, "AttributeStatement")), vihf.ATTR_LPS_NAME, "twice"),
        "repeated",
    ),
    (lambda a: a.remove(a.find(q(SAML, "AuthnStatement"))), "AuthnStatement"),
]


@pytest.mark.parametrize(("change", "named"), WRONG, ids=[f"{n}-{name}" for n, (_, name) in enumerate(WRONG)])
def test_a_wrong_content_is_refused_with_its_reason(hospital: DmpClient, change: Change, named: str) -> None:
    code, reason = refused(hospital, change=change)
    assert code == "wsse:InvalidSecurityToken"
    assert named in reason


def test_an_automate_and_a_nurse_need_no_second_role(hospital: DmpClient) -> None:
    automate = with_roles((vihf.ROLE_AUTOMATE, vihf.OID_ROLE_NON_PS, "Automate"))
    nurse = with_roles(("60", vihf.OID_PROFESSION, "Infirmier"))
    assert hospital.submit(Draft(change_assertion=automate)).is_success
    assert hospital.submit(Draft(Letter(), change_assertion=nurse)).is_success


def test_the_other_spelling_of_the_mode_is_read(hospital: DmpClient) -> None:
    def respell(assertion: Element) -> None:
        for element in assertion.iter(q(SAML, "Attribute")):
            if element.get("Name") == vihf.ATTR_AUTH_MODE:
                element.set("Name", vihf.ATTR_AUTH_MODE_ALTERNATIVE)

    assert hospital.submit(Draft(change_assertion=respell)).is_success


def test_feeding_is_refused_in_air_mode(hospital: DmpClient) -> None:
    assert refused(hospital, mode=vihf.MODE_INDIRECT_REINFORCED)[0] == xds.DMP_ACCESS_DENIED


# Envelope


def header_of(envelope: Element) -> Element:
    found = envelope.find(q(soap.NS_SOAP, "Header"))
    assert found is not None
    return found


def dropped(name: str) -> Change:
    return lambda envelope: header_of(envelope).remove(header_of(envelope).find(q(soap.NS_WSA, name)))


@pytest.mark.parametrize("name", ["MessageID", "To", "ReplyTo", "Action"])
def test_each_addressing_header_is_mandatory(hospital: DmpClient, name: str) -> None:
    code, reason = refused(hospital, envelope=dropped(name))
    assert code == "wsa:MessageAddressingHeaderRequired"
    assert "A required header representing a Message Addressing Property is not present" in reason


HEADERS = [
    (lambda e: header_of(e).find(q(soap.NS_WSA, "To")).set("x", "y"), None),
    (lambda e: setattr(header_of(e).find(q(soap.NS_WSA, "To")), "text", "https://x/y"), "To"),
    (lambda e: setattr(header_of(e).find(q(soap.NS_WSA, "MessageID")), "text", "1"), "MessageID"),
    (lambda e: setattr(header_of(e).find(q(soap.NS_WSA, "ReplyTo"))[0], "text", "http://x"), "ReplyTo"),
    (lambda e: header_of(e).find(q(soap.NS_WSA, "Action")).attrib.clear(), "mustUnderstand"),
    (lambda e: setattr(header_of(e).find(q(soap.NS_WSA, "Action")), "text", "urn:other"), "action"),
    (lambda e: header_of(e).remove(header_of(e).find(q(soap.NS_WSSE, "Security"))), "Security"),
    (lambda e: sub(header_of(e), "urn:x", "Y").set(q(soap.NS_SOAP, "mustUnderstand"), "1"), "understood"),
    (lambda e: e.remove(header_of(e)), "Header"),
]


@pytest.mark.parametrize(("change", "named"), HEADERS, ids=[str(name) for _, name in HEADERS])
def test_a_wrong_header_is_refused(hospital: DmpClient, change: Change, named: str | None) -> None:
    if named is None:
        assert hospital.submit(Draft(), envelope=change).is_success
    else:
        assert named in refused(hospital, envelope=change)[1]


def test_a_message_is_sent_once(box: Sandbox, hospital: DmpClient) -> None:
    content_type, body = hospital.submission(Draft())
    headers = {"Content-Type": content_type}
    assert read_answer(
        hospital.line.post(box.addresses.dmp.repository_url, content=body, headers=headers)
    ).is_success
    again = read_answer(hospital.line.post(box.addresses.dmp.repository_url, content=body, headers=headers))
    assert "MessageID was already used" in again.fault[1]


def only_envelope(body: bytes) -> bytes:
    """The envelope of an MTOM message, without the message."""
    end = b"</soap:Envelope>"
    return body[body.index(b"<soap:Envelope") : body.index(end) + len(end)]


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda t, b: (t, b.replace(b"2003/05/soap-envelope", b"2003/05/soap-envelopf")), "SOAP 1.2"),
        (lambda t, b: (t, b.replace(b"<soap:Envelope", b"<!DOCTYPE x><soap:Envelope", 1)), "DOCTYPE"),
        (lambda t, b: (t.replace("start-info", "info"), b), "start-info"),
        (lambda t, b: (t.replace('type="application/xop+xml"', 'type="text/xml"'), b), "xop+xml"),
        (lambda t, b: (t.replace("root@dpi", "leaf@dpi"), b), "start"),
        (lambda t, b: (t, b[:-6]), "closed by its boundary"),
        (lambda t, b: (t, b.replace(b"Content-ID: <Document01@dpi>", b"X-ID: 1")), "Content-ID"),
        (lambda t, b: (t, b.replace(b"cid:Document01%40dpi", b"cid:nowhere")), "leads to no part"),
        (lambda t, b: (t, b.replace(b"binary\r\nContent-ID: <D", b"base64\r\nContent-ID: <D")),
         "binary"),
        (lambda t, b: ("application/soap+xml", only_envelope(b)), "MTOM"),
        (lambda t, b: ("application/soap+xml", b), "malformed XML"),
        (lambda t, b: ("text/xml", b), "content type text/xml"),
        (lambda t, b: (t.replace(xds.ACTION_ITI41, "urn:x"), b), "action of the transport"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_a_broken_message_gets_a_fault_that_says_why(
    box: Sandbox, hospital: DmpClient, change: object, named: str
) -> None:
    content_type, body = change(*hospital.submission(Draft()))  # type: ignore[operator]  # a function of the table
    answer = read_answer(
        hospital.line.post(
            box.addresses.dmp.repository_url, content=body, headers={"Content-Type": content_type}
        )
    )
    assert answer.http.status_code == 500
    assert named in answer.fault[1]


def test_the_answer_names_the_request(hospital: DmpClient) -> None:
    answer = hospital.submit()
    related = answer.envelope.find(f".//{q(soap.NS_WSA, 'RelatesTo')}")
    assert related is not None
    assert related.text == hospital.box.dmp.journal()[-1]["message_id"]


def test_the_journal_tells_who_asked_what_and_never_a_secret(box: Sandbox, hospital: DmpClient) -> None:
    draft = Draft()
    hospital.submit(draft)
    refused_answer = hospital.submit(draft)
    assert not refused_answer.is_success
    first, second = box.dmp.journal()
    assert (first["operation"], first["outcome"], first["actor"]) == ("TD2.1", "ok", "899700900014")
    assert first["unique_ids"] == (draft.letter.unique_id,)
    assert (second["outcome"], second["code"]) == ("refused", xds.ERROR_DUPLICATE_UNIQUE_ID)
    assert first["assertion_id"] != second["assertion_id"]
    assert "DEMO-0001" not in str((first, second))
