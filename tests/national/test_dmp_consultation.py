"""Consultation by an identified professional, against a server that answers what a test says."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from lxml import etree

from interop.dmp import codes as dmp
from interop.soap import codes as soap
from interop.soap.envelope import build_fault, parse_envelope
from interop.soap.errors import SoapFault
from interop.soap.mtom import Attachment, include_reference
from interop.vihf import codes as vihf
from interop.vihf.assertion import VihfProfile
from interop.vihf.claims import AUTOMATE_ROLE, AuthenticationMode, Purpose
from interop.vihf.verify import verify_vihf
from interop.xds import codes
from interop.xds.ebrim import parse_object_list
from interop.xds.iti18 import DocumentCriteria
from interop.xds.metadata import Code, DocumentEntry
from interop.xml import parse_xml
from national.dmp.adapter import METADATA_INCOMPLETE, VIHF_INCOMPLETE
from national.dmp.ports import (
    AccessContext,
    Authorisation,
    DmpGateway,
    DmpState,
    DocumentAddress,
    Existence,
)
from national.enums import CallOutcome
from national.errors import NationalServiceError, Rejected, RejectionKind, Unavailable, Uncertain
from national.transport import CONNECTION_REFUSED
from tests.interop import pki
from tests.interop.dmp.samples import (
    authorisation,
    authorisation_answer,
    existence_answer,
    subject,
)
from tests.interop.xds.samples import ENTRY, INS, LOT
from tests.interop.xds.test_consultation import registered
from tests.national.dmp_bench import CONTEXT, PATIENT, SUCCESS, Build, answer, failure, results
from tests.national.server import Reply, Request

READER = replace(
    CONTEXT,
    mode=AuthenticationMode.AIR,
    authentication_class=vihf.AC_TIME_SYNC_TOKEN,
    authentication_declaration=vihf.AIR_SIMPLIFIED_DECLARATION,
)
NORMAL = (ENTRY.confidentiality_codes[0],)
MASKED = Code(codes.VISIBILITY_MASKED, codes.OID_VISIBILITY, "Masqué aux professionnels de santé")
REPOSITORY = "1.2.250.1.213.4.1.1.1.2"
ONE, TWO = (
    DocumentAddress(REPOSITORY, "1.2.250.1.999.1.1.1"),
    DocumentAddress(REPOSITORY, "1.2.250.1.999.1.1.2"),
)
Act = Callable[[DmpGateway, AccessContext], object]
EVERY_CALL: dict[str, Act] = {
    "TD0.2": lambda gateway, reader: gateway.existence(reader, PATIENT),
    "TD0.3": lambda gateway, reader: gateway.authorise(reader, PATIENT),
    "TD3.1": lambda gateway, reader: gateway.search(reader, DocumentCriteria(INS)),
    "TD3.2": lambda gateway, reader: gateway.retrieve(reader, PATIENT, [ONE]),
    "TD3.3b": lambda gateway, reader: gateway.set_visibility(
        reader, LOT, entry=registered(), confidentiality=NORMAL
    ),
}
CHANGING = frozenset({"TD0.3", "TD3.3b"})


def retrieved(
    *found: tuple[DocumentAddress, bytes], status: str = codes.RESPONSE_SUCCESS, error: str = ""
) -> Callable[[Request], Reply]:
    """An answer of TD3.2 with these documents as parts."""
    root = etree.Element(f"{{{codes.NS_XDSB}}}RetrieveDocumentSetResponse")
    response = etree.SubElement(root, f"{{{codes.NS_RS}}}RegistryResponse", status=status)
    if error:
        listing = etree.SubElement(response, f"{{{codes.NS_RS}}}RegistryErrorList")
        etree.SubElement(
            listing, f"{{{codes.NS_RS}}}RegistryError", errorCode=error, severity=codes.SEVERITY_ERROR
        )
    parts = []
    for number, (address, content) in enumerate(found):
        item = etree.SubElement(root, f"{{{codes.NS_XDSB}}}DocumentResponse")
        for name, text in (
            ("RepositoryUniqueId", address.repository_unique_id),
            ("DocumentUniqueId", address.unique_id),
            ("mimeType", "text/xml"),
        ):
            etree.SubElement(item, f"{{{codes.NS_XDSB}}}{name}").text = text
        content_id = f"d{number}@urn:ihe:iti:xds-b:2007"
        etree.SubElement(item, f"{{{codes.NS_XDSB}}}Document").append(include_reference(content_id))
        parts.append(Attachment(content_id, content, "text/xml"))
    return answer(root, multipart=True, attachments=parts)


# Every call


@pytest.mark.requirement("SC.DMP/AIRS.06")
@pytest.mark.parametrize("transaction", EVERY_CALL)
def test_every_consultation_names_the_professional_in_a_token_of_its_own(
    bench: Build, transaction: str
) -> None:
    """Two users, two tokens, each with the RPPS of the one who asks."""
    it = bench(answer("<unread/>"))
    seen = set()
    for name_id in ("899700900014", "899700900022"):
        with pytest.raises(NationalServiceError):
            EVERY_CALL[transaction](it.gateway, replace(READER, name_id=name_id))
        assertion = it.last.find(f".//{{{vihf.NS_SAML}}}Assertion")
        token = verify_vihf(assertion, pki.seal().certificate, now=datetime.now(UTC))
        assert token.name_id == name_id
        assert token.attributes[vihf.ATTR_AUTH_MODE] == (vihf.MODE_INDIRECT_REINFORCED,)
        assert token.attributes[vihf.ATTR_ROLE] == ("10", "SM26")
        assert token.attributes[vihf.ATTR_RESOURCE_ID] == (str(INS),)
        assert token.attributes[vihf.ATTR_PURPOSE_OF_USE] == (vihf.PURPOSE_NORMAL[0],)
        declared = assertion.findtext(f".//{{{vihf.NS_SAML}}}AuthnContextDecl")
        assert declared == vihf.AIR_SIMPLIFIED_DECLARATION
        seen.add((token.assertion_id, it.last.findtext(f".//{{{soap.NS_WSA}}}MessageID")))
    assert len(seen) == 2
    assert [record.transaction for record in it.calls] == [transaction] * 2


@pytest.mark.requirement("SC.DMP/AIRS.06")
@pytest.mark.parametrize(
    "changes",
    [
        {"name_id": "0123456789"},
        {"authentication_declaration": ""},
        {"authentication_class": vihf.AC_PASSWORD},
        {"authentication_class": vihf.AC_UNSPECIFIED},
        {"roles": (AUTOMATE_ROLE,)},
        {"purpose": Purpose.BREAK_GLASS},
    ],
    ids=["no RPPS", "no declaration", "password", "unspecified", "automate", "no reason"],
)
def test_who_may_not_consult_sends_nothing(bench: Build, changes: dict[str, object]) -> None:
    it = bench(answer(SUCCESS))
    context: AccessContext = replace(READER, **changes)  # type: ignore[arg-type]  # fields of a test
    with pytest.raises(Rejected) as caught:
        it.gateway.existence(context, PATIENT)
    assert caught.value.code == VIHF_INCOMPLETE
    assert it.server.requests == []


def test_the_place_of_the_declaration_is_a_setting(bench: Build) -> None:
    it = bench(
        answer(existence_answer()),
        profile=VihfProfile(version="4.0", declaration_element="AuthnContextDeclRef"),
    )
    it.gateway.existence(READER, PATIENT)
    names = {etree.QName(item).localname for item in it.last.iter(f"{{{vihf.NS_SAML}}}*")}
    assert "AuthnContextDeclRef" in names and "AuthnContextDecl" not in names


@pytest.mark.parametrize("transaction", EVERY_CALL)
def test_a_lost_answer_is_uncertain_only_for_what_changes_something(bench: Build, transaction: str) -> None:
    it = bench(lambda request: Reply(cut=True))
    expected = Uncertain if transaction in CHANGING else Unavailable
    with pytest.raises(expected):
        EVERY_CALL[transaction](it.gateway, READER)
    assert len(it.server.requests) == 1  # nothing that left is sent twice


@pytest.mark.parametrize("transaction", EVERY_CALL)
def test_a_door_that_is_closed_is_knocked_at_once_more_by_a_reader_only(
    bench: Build, transaction: str
) -> None:
    it = bench(answer(SUCCESS))
    it.server.shutdown()  # one that still polls would take the line, then reset it
    it.server.server_close()
    with pytest.raises(Unavailable) as caught:
        EVERY_CALL[transaction](it.gateway, READER)
    assert caught.value.code == CONNECTION_REFUSED
    assert len(it.calls) == (1 if transaction in CHANGING else 2)
    assert len({record.message_id for record in it.calls}) == len(it.calls)


@pytest.mark.parametrize("multipart", [False, True])
@pytest.mark.parametrize("transaction", EVERY_CALL)
def test_a_refusal_by_the_rights_has_its_class_whatever_the_frame(
    bench: Build, transaction: str, multipart: bool
) -> None:
    fault = SoapFault(soap.FAULT_SENDER, subcode=codes.DMP_ACCESS_DENIED, reason="non")
    it = bench(answer(build_fault(fault), status=500, multipart=multipart))
    with pytest.raises(Rejected) as caught:
        EVERY_CALL[transaction](it.gateway, READER)
    assert (caught.value.code, caught.value.kind) == (codes.DMP_ACCESS_DENIED, RejectionKind.RIGHTS)
    assert it.calls[0].outcome is CallOutcome.REJECTED


# TD0.2


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            existence_answer(),
            Existence(DmpState.OPEN, Authorisation.VALID, is_attached=False, raw_authorisation="VALIDE"),
        ),
        (
            existence_answer(lines=authorisation("EXPIREE")),
            Existence(DmpState.OPEN, Authorisation.EXPIRED, is_attached=False, raw_authorisation="EXPIREE"),
        ),
        (
            existence_answer(lines=authorisation("INTERDITE")),
            Existence(DmpState.OPEN, Authorisation.BLOCKED, is_attached=False, raw_authorisation="INTERDITE"),
        ),
        (
            existence_answer(lines=authorisation("ENATTENTE")),
            Existence(DmpState.OPEN, Authorisation.UNKNOWN, is_attached=False, raw_authorisation="ENATTENTE"),
        ),
        (
            existence_answer(lines="", content=subject("")),
            Existence(DmpState.OPEN, Authorisation.UNKNOWN, is_attached=False),
        ),
        (
            existence_answer(
                lines=authorisation("INEXISTANTE"),
                content=subject("terminated", patient='<effectiveTime value="20250102"/>'),
            ),
            Existence(
                DmpState.CLOSED,
                Authorisation.NONE,
                closed_on="20250102",
                is_attached=False,
                raw_authorisation="INEXISTANTE",
            ),
        ),
        (
            existence_answer(lines="", content="", response="NF"),
            Existence(DmpState.NONE, Authorisation.NONE),
        ),
        (
            existence_answer(
                acknowledgement='<acknowledgement typeCode="AE"><acknowledgementDetail>'
                '<code code="DMPClosed"/></acknowledgementDetail></acknowledgement>'
            ),
            Existence(DmpState.CLOSED, Authorisation.UNKNOWN),
        ),
    ],
    ids=["valid", "expired", "blocked", "unmapped", "unsaid", "closed", "none", "refused as closed"],
)
def test_existence_and_authorisation_are_told_together(
    bench: Build, body: etree._Element, expected: Existence
) -> None:
    it = bench(answer(body), software_oid="1.2.250.1.999.1")
    assert it.gateway.existence(READER, PATIENT) == expected
    envelope = parse_envelope(it.server.requests[0].body)
    assert (envelope.action, it.server.requests[0].path) == (dmp.ACTION_TD02, "/services/patients")
    value = envelope.body.find(f".//{{{dmp.NS_HL7_V3}}}value")
    assert (value.get("extension"), value.get("root")) == (INS.value, INS.authority)
    assert INS.value not in repr(it.calls)


def test_the_words_of_the_authorisation_are_a_setting(bench: Build) -> None:
    it = bench(
        answer(existence_answer(lines=authorisation("CADUQUE"))),
        authorisation_words={"CADUQUE": Authorisation.EXPIRED},
    )
    assert it.gateway.existence(READER, PATIENT).authorisation is Authorisation.EXPIRED


def test_a_question_that_is_refused_has_the_class_of_its_code(bench: Build) -> None:
    refused = existence_answer(
        acknowledgement='<acknowledgement typeCode="AE"><acknowledgementDetail>'
        f'<code code="{codes.ERROR_PATIENT_MISMATCH}"/><text>autre</text>'
        "</acknowledgementDetail></acknowledgement>"
    )
    with pytest.raises(Rejected) as caught:
        bench(answer(refused)).gateway.existence(READER, PATIENT)
    assert (caught.value.kind, caught.value.text) == (RejectionKind.DATA, "autre")


# TD0.3


def test_an_authorisation_is_set_and_setting_it_again_is_a_success(bench: Build) -> None:
    it = bench(answer(authorisation_answer(dmp.STATUS_OK, "Autorisation déjà présente")))
    it.gateway.authorise(READER, PATIENT)
    envelope = parse_envelope(it.server.requests[0].body)
    assert (envelope.action, it.server.requests[0].path) == (dmp.ACTION_TD03, "/services/habilitations")
    assert [child.text for child in envelope.body] == [dmp.AUTHORISATION_ADD]  # no role from a hospital


def test_another_status_of_an_authorisation_is_an_error(bench: Build) -> None:
    it = bench(answer(authorisation_answer(codes.DMP_CLOSED, "fermé")))
    with pytest.raises(Rejected) as caught:
        it.gateway.authorise(READER, PATIENT)
    assert (caught.value.code, caught.value.kind) == (codes.DMP_CLOSED, RejectionKind.PATIENT)


# TD3.1


def test_too_many_results_say_what_to_do(bench: Build) -> None:
    refused = failure(codes.ERROR_TOO_MANY_RESULTS).replace("RegistryResponse", "AdhocQueryResponse")
    refused = refused.replace(
        f'<r:AdhocQueryResponse xmlns:r="{codes.NS_RS}"',
        f'<q:AdhocQueryResponse xmlns:q="{codes.NS_QUERY}" xmlns:r="{codes.NS_RS}"',
    ).replace("</r:AdhocQueryResponse>", "</q:AdhocQueryResponse>")
    with pytest.raises(Rejected) as caught:
        bench(answer(refused)).gateway.search(READER, DocumentCriteria(INS))
    assert "réduisez la période" in caught.value.message


def test_documents_are_asked_by_their_entry_uuids_too(bench: Build) -> None:
    it = bench(answer(results(ENTRY)))
    it.gateway.documents(READER, PATIENT, entry_uuids=["urn:uuid:1", "urn:uuid:2"])
    slot = it.last.find(f".//{{{codes.NS_RIM}}}Slot")
    assert slot.get("name") == codes.PARAM_ENTRY_UUID
    assert "".join(slot.itertext()) == "('urn:uuid:1','urn:uuid:2')"
    with pytest.raises(ValueError, match="never by both"):
        it.gateway.documents(READER, PATIENT)


# TD3.2


def test_documents_are_retrieved_byte_for_byte(bench: Build) -> None:
    first, second = bytes(range(256)) * 9, "é".encode()
    it = bench(retrieved((ONE, first), (TWO, second)))
    answered = it.gateway.retrieve(READER, PATIENT, [ONE, TWO])
    assert [(one.address, one.content) for one in answered.documents] == [(ONE, first), (TWO, second)]
    assert answered.errors == ()
    request = it.server.requests[0]
    assert request.path == "/services/repository"
    envelope = parse_envelope(request.body)
    assert envelope.action == codes.ACTION_ITI43
    asked = [item.text for item in envelope.body.iter(f"{{{codes.NS_XDSB}}}DocumentUniqueId")]
    assert asked == [ONE.unique_id, TWO.unique_id]


def test_one_document_that_fails_does_not_stop_the_others(bench: Build) -> None:
    it = bench(retrieved((ONE, b"x"), status=codes.RESPONSE_PARTIAL, error=codes.ERROR_DOCUMENT_UNIQUE_ID))
    answered = it.gateway.retrieve(READER, PATIENT, [ONE, TWO])
    assert [one.address for one in answered.documents] == [ONE]
    assert [error.code for error in answered.errors] == [codes.ERROR_DOCUMENT_UNIQUE_ID]


@pytest.mark.parametrize(
    ("script", "error", "code"),
    [
        (
            retrieved(status=codes.RESPONSE_FAILURE, error=codes.ERROR_DOCUMENT_UNIQUE_ID),
            Rejected,
            codes.ERROR_DOCUMENT_UNIQUE_ID,
        ),
        (
            retrieved(status=codes.RESPONSE_FAILURE, error=codes.ERROR_REPOSITORY_BUSY),
            Unavailable,
            codes.ERROR_REPOSITORY_BUSY,
        ),
        (retrieved(), Unavailable, "UNREADABLE"),
        (retrieved((TWO, b"x")), Unavailable, "UNREADABLE"),
    ],
    ids=["unknown", "busy", "nothing came", "another document"],
)
def test_a_retrieval_that_brings_nothing_says_why(
    bench: Build, script: Callable[[Request], Reply], error: type[NationalServiceError], code: str
) -> None:
    with pytest.raises(error) as caught:
        bench(script).gateway.retrieve(READER, PATIENT, [ONE])
    assert caught.value.code == code


@pytest.mark.parametrize("addresses", [[], [DocumentAddress("", "1.2.3")]])
def test_a_document_without_address_is_not_asked_for(
    bench: Build, addresses: Sequence[DocumentAddress]
) -> None:
    it = bench(retrieved())
    with pytest.raises(Rejected) as caught:
        it.gateway.retrieve(READER, PATIENT, addresses)
    assert caught.value.code == METADATA_INCOMPLETE
    assert it.server.requests == []


# TD3.3


@pytest.mark.parametrize(
    ("entry", "confidentiality", "transaction"),
    [
        (registered(), NORMAL, "TD3.3b"),
        (registered(), (*ENTRY.confidentiality_codes, MASKED), "TD3.3a"),
        (registered(confidentiality_codes=(*NORMAL, MASKED)), NORMAL, "TD3.3a"),
    ],
    ids=["make visible", "mask", "unmask"],
)
def test_a_visibility_is_changed_in_the_registry(
    bench: Build, entry: DocumentEntry, confidentiality: tuple[Code, ...], transaction: str
) -> None:
    it = bench(answer(SUCCESS))
    submitted = it.gateway.set_visibility(READER, LOT, entry=entry, confidentiality=confidentiality)
    envelope = parse_envelope(it.server.requests[0].body)
    assert (envelope.action, envelope.message_id) == (codes.ACTION_ITI57, submitted.message_id)
    (sent,) = parse_object_list(envelope.body[0]).entries
    assert sent.confidentiality_codes == confidentiality
    assert (sent.logical_id, sent.hash) == (entry.logical_id, entry.hash)
    assert it.calls[0].transaction == transaction


def test_a_version_that_changed_meanwhile_says_to_read_again(bench: Build) -> None:
    it = bench(answer(failure(codes.ERROR_METADATA_VERSION)))
    with pytest.raises(Rejected) as caught:
        it.gateway.set_visibility(READER, LOT, entry=registered(), confidentiality=NORMAL)
    assert caught.value.kind is RejectionKind.DATA
    assert "relisez-le" in caught.value.message


def test_an_entry_that_was_not_read_in_the_registry_is_not_sent(bench: Build) -> None:
    it = bench(answer(SUCCESS))
    with pytest.raises(Rejected) as caught:
        it.gateway.set_visibility(READER, LOT, entry=ENTRY, confidentiality=NORMAL)
    assert caught.value.code == METADATA_INCOMPLETE
    assert it.server.requests == []


# Time


def test_each_kind_of_consultation_has_its_own_patience(bench: Build) -> None:
    quiet = threading.Event()

    def silent(request: Request) -> Reply:
        quiet.wait(10)
        return Reply(cut=True)

    it = bench(silent, existence_timeout=0.2, query_timeout=0.2, retrieve_timeout=0.2)
    for act in EVERY_CALL.values():
        with pytest.raises((Unavailable, Uncertain)) as caught:
            act(it.gateway, READER)
        assert caught.value.code == "ReadTimeout"
    quiet.set()


def test_the_received_object_is_no_part_of_what_is_compared_or_shown() -> None:
    entry = registered()
    assert parse_xml(entry.received) is not None
    assert "ExtrinsicObject" not in repr(entry)
    assert entry == replace(entry, received=b"")
