"""ebRIM, ITI-41, ITI-18 and ITI-57: golden files, round trips, independent verification."""

import base64
import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from lxml import etree

from interop.soap.errors import SoapError
from interop.soap.mtom import included_content
from interop.vihf.codes import NS_DS
from interop.xds import codes, iti18
from interop.xds.composed import Cx
from interop.xds.ebrim import build_object_list, build_submit_objects, parse_object_list
from interop.xds.iti41 import SubmittedDocument, build_provide_and_register, lot_objects
from interop.xds.iti57 import build_status_update
from interop.xds.lot_signature import SHA1_ALGORITHMS, SHA256_ALGORITHMS, SignatureAlgorithms, sign_lot
from interop.xds.metadata import (
    Association,
    Code,
    DocumentEntry,
    MetadataError,
    RegistryObjects,
    SubmissionSet,
)
from interop.xds.responses import (
    ErrorKind,
    RegistryError,
    kind_of_code,
    parse_registry_response,
)
from interop.xml import canonical_xml, parse_xml
from tests.interop import pki
from tests.interop.xds.samples import CONTENT, DOCUMENT, ENTRY, INS, LOT, REPLACEMENT

GOLDEN = Path(__file__).parents[1] / "golden" / "xds"
SIGNED_AT = datetime(2026, 11, 24, 8, 31, tzinfo=UTC)
SIGNATURE_ID = "1.2.250.1.999.1.3.1.1"


def signature(algorithms: SignatureAlgorithms = SHA256_ALGORITHMS) -> SubmittedDocument:
    return sign_lot(
        LOT, [DOCUMENT], pki.seal(), unique_id=SIGNATURE_ID, signed_at=SIGNED_AT, algorithms=algorithms
    )


def assert_golden(name: str, element: etree._Element) -> None:
    """A golden file is indented for reading: compare without the white space between elements."""
    expected = parse_xml((GOLDEN / name).read_bytes())
    for node in expected.iter():
        node.text = node.text if node.text and node.text.strip() else None
        node.tail = None
    assert canonical_xml(element) == canonical_xml(expected)


@pytest.mark.parametrize(
    ("name", "build"),
    [
        ("submit_initial.xml", lambda: build_submit_objects(lot_objects(LOT, [DOCUMENT]))),
        ("submit_replacement.xml", lambda: build_submit_objects(lot_objects(LOT, [REPLACEMENT]))),
        (
            "delete.xml",
            lambda: build_status_update(
                LOT,
                entry_uuid="urn:uuid:7953af1a-ba1c-11eb-816f-0050569e422e",
                original_status=codes.STATUS_APPROVED,
                new_status=codes.STATUS_DELETED,
            ),
        ),
        (
            "find_documents.xml",
            lambda: iti18.build_find_documents(
                iti18.DocumentCriteria(
                    patient_id=Cx("207058575627097", "1.2.250.1.213.1.4.10", "NH"),
                    type_codes=(Code("11490-0", codes.OID_LOINC), Code("34112-3", codes.OID_LOINC)),
                    service_start_from=datetime(2024, 7, 2, tzinfo=UTC),
                )
            ),
        ),
        (
            "get_documents.xml",
            lambda: iti18.build_get_documents(
                unique_ids=["1.2.250.1.999.1.1.1"], return_type=codes.RETURN_OBJECT_REF
            ),
        ),
    ],
)
def test_what_we_send_is_the_golden_file(name: str, build: Callable[[], etree._Element]) -> None:
    assert_golden(name, build())


def test_metadata_written_is_read_back_equal() -> None:
    objects = lot_objects(LOT, [REPLACEMENT], signature=signature())
    read = parse_object_list(parse_xml(etree.tostring(build_object_list(objects))))
    assert read.sets == objects.sets
    assert read.entries == objects.entries
    numbered = tuple(
        replace(association, association_id=f"as{number}")
        for number, association in enumerate(objects.associations, 1)
    )
    assert read.associations == numbered


def test_what_the_registry_adds_is_read_back_equal() -> None:
    registered = replace(
        ENTRY,
        entry_id="urn:uuid:1",
        logical_id="urn:uuid:2",
        version=3,
        status=codes.STATUS_APPROVED,
        repository_unique_id="1.2.250.1.213.4.1.1.1.2",
        uri="DOC00001.XML",
    )
    received = replace(LOT, status=codes.STATUS_APPROVED, intended_recipients=("X|Y",), comments="c")
    objects = RegistryObjects(sets=(received,), entries=(registered,))
    assert parse_object_list(build_object_list(objects)) == objects


def test_an_entry_without_anything_is_read_without_error() -> None:
    listing = parse_xml(
        f'<RegistryObjectList xmlns="{codes.NS_RIM}"><ExtrinsicObject id="a"><VersionInfo versionName="x"/>'
        '</ExtrinsicObject><RegistryPackage/><ObjectRef id="urn:uuid:9"/></RegistryObjectList>'.encode()
    )
    objects = parse_object_list(listing)
    assert objects.references == ("urn:uuid:9",)
    assert (objects.entries[0].size, objects.entries[0].version) == (-1, 0)


def test_incomplete_metadata_does_not_leave() -> None:
    with pytest.raises(MetadataError, match="title is missing"):
        build_submit_objects(RegistryObjects(sets=(LOT,), entries=(replace(ENTRY, title=""),)))
    with pytest.raises(MetadataError, match="sourceId"):
        build_submit_objects(RegistryObjects(sets=(replace(LOT, source_id=""),)))
    with pytest.raises(MetadataError, match="256"):
        build_submit_objects(
            RegistryObjects(sets=(LOT,), entries=(replace(ENTRY, source_patient_info=("x" * 257,)),))
        )


def test_a_request_holds_each_document_by_reference() -> None:
    request, attachments = build_provide_and_register(LOT, [DOCUMENT], signature=signature())
    parts = {part.content_id: part.content for part in attachments}
    documents = request.findall(f"{{{codes.NS_XDSB}}}Document")
    assert [document.get("id") for document in documents] == ["Document01", "Signature01"]
    assert included_content(documents[0], parts) == CONTENT
    assert [part.media_type for part in attachments] == ["text/xml", "text/xml"]


def test_a_replacement_points_at_the_technical_id_of_the_old_entry() -> None:
    associations = lot_objects(LOT, [REPLACEMENT]).associations
    assert [(item.kind, item.source, item.target) for item in associations] == [
        (codes.ASSOCIATION_HAS_MEMBER, "SubmissionSet01", "Document01"),
        (codes.ASSOCIATION_REPLACE, "Document01", "urn:uuid:7953af1a-ba1c-11eb-816f-0050569e422e"),
    ]


@pytest.mark.parametrize(
    ("lot", "documents", "problem"),
    [
        (LOT, [], "no document"),
        (LOT, [DOCUMENT, DOCUMENT], "same entry_id"),
        (replace(LOT, patient_id=Cx("1", "1.2")), [DOCUMENT], "patient"),
        (LOT, [replace(DOCUMENT, content=CONTENT + b" ")], "hash"),
        (LOT, [replace(DOCUMENT, entry=replace(ENTRY, hash="", size=1))], "size"),
    ],
)
def test_a_lot_that_contradicts_itself_is_refused(
    lot: SubmissionSet, documents: list[SubmittedDocument], problem: str
) -> None:
    with pytest.raises(MetadataError, match=problem):
        lot_objects(lot, documents)


def _c14n(element: etree._Element) -> bytes:
    """Inclusive canonical XML with comments of a part taken out of its document, by its bytes."""
    return bytes(etree.tostring(parse_xml(etree.tostring(element)), method="c14n", with_comments=True))


@pytest.mark.parametrize(
    ("algorithms", "digest"),
    [
        (SHA256_ALGORITHMS, hashes.SHA256()),
        (SHA1_ALGORITHMS, hashes.SHA1()),  # noqa: S303 - the form of the published examples
    ],
)
def test_the_signature_of_a_lot_verifies_step_by_step(
    algorithms: SignatureAlgorithms, digest: hashes.HashAlgorithm
) -> None:
    """Read by hand, with nothing of the builder: digests of the parts, then signature of the digests."""
    root = parse_xml(signature(algorithms).content)
    names = {"d": NS_DS, "x": codes.NS_XADES}

    def digest_of(data: bytes) -> str:
        return base64.b64encode(hashlib.new(digest.name, data).digest()).decode()

    assert root.get("Id") == SIGNATURE_ID
    for reference in root.iterfind("d:SignedInfo/d:Reference", names):
        (target,) = root.xpath("//*[@Id=$name]", name=reference.get("URI")[1:])
        assert reference.findtext("d:DigestValue", namespaces=names) == digest_of(_c14n(target))
    key = pki.seal().certificate.public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    value = base64.b64decode(root.findtext("d:SignatureValue", namespaces=names))
    key.verify(value, _c14n(root.find("d:SignedInfo", names)), padding.PKCS1v15(), digest)
    manifest = root.findall("d:Object/d:Manifest/d:Reference", names)
    assert [reference.get("URI") for reference in manifest] == [
        "urn:oid:1.2.250.1.999.1.3.1",
        "urn:oid:1.2.250.1.999.1.1.1",
    ]
    assert [reference.findtext("d:DigestValue", namespaces=names) for reference in manifest] == [
        "AA==",
        digest_of(_c14n(parse_xml(CONTENT))),
    ]
    issuers = [item.text for item in root.iterfind(".//d:X509IssuerName", names)]
    assert issuers == ["CN=AC DE TEST", "CN=AC DE TEST"]


def test_the_signature_object_is_hidden_and_coded_as_a_signature() -> None:
    entry = signature().entry
    assert (entry.type_code.code, entry.language_code, entry.title) == ("E1762", "art", "Source")
    assert [code.code for code in entry.confidentiality_codes] == ["N", "MASQUE_PS", "INVISIBLE_PATIENT"]
    assert entry.patient_id == INS
    kinds = [item.kind for item in lot_objects(LOT, [DOCUMENT], signature=signature()).associations]
    assert kinds == [codes.ASSOCIATION_HAS_MEMBER] * 2 + [codes.ASSOCIATION_SIGNS]


def values(request: etree._Element) -> dict[str, list[str]]:
    rim = {"r": codes.NS_RIM}
    return {
        slot.get("name"): [value.text for value in slot.iterfind("r:ValueList/r:Value", rim)]
        for slot in request.iterfind("r:AdhocQuery/r:Slot", rim)
    }


def test_a_quote_in_a_criterion_is_doubled() -> None:
    criteria = iti18.DocumentCriteria(INS, author_person=("%D'ARTAGNAN%",))
    assert values(iti18.build_find_documents(criteria))[codes.PARAM_AUTHOR_PERSON] == ["('%D''ARTAGNAN%')"]


def test_every_criterion_has_its_slot() -> None:
    code = (Code("c", "1.2"),)
    instant = datetime(2026, 1, 1, tzinfo=UTC)
    criteria = iti18.DocumentCriteria(
        INS,
        (codes.STATUS_APPROVED, codes.STATUS_ARCHIVED),
        *(code,) * 7,
        ("%A%",),
        *(instant,) * 6,
    )
    found = values(iti18.build_find_documents(criteria))
    assert len(found) == 16
    assert found[codes.PARAM_CONFIDENTIALITY] == ["('c^^1.2')"]
    assert found[codes.PARAM_SERVICE_STOP_TO] == ["20260101000000"]
    assert found[codes.PARAM_STATUS] == [f"('{codes.STATUS_APPROVED}','{codes.STATUS_ARCHIVED}')"]


def test_a_long_list_is_spread_over_values_of_the_slot() -> None:
    uuids = [f"urn:uuid:00000000-0000-0000-0000-{number:012}" for number in range(20)]
    (found,) = values(iti18.build_get_associations(uuids)).values()
    assert all(len(value) <= 256 and value[0] == "(" and value[-1] == ")" for value in found)
    assert ",".join(value[1:-1] for value in found) == ",".join(f"'{uuid}'" for uuid in uuids)


def test_documents_are_asked_by_one_kind_of_id() -> None:
    for options in ({}, {"unique_ids": ["1"], "entry_uuids": ["2"]}):
        with pytest.raises(ValueError, match="never by both"):
            iti18.build_get_documents(return_type=codes.RETURN_LEAF_CLASS, **options)
    request = iti18.build_get_documents_and_associations(entry_uuids=["urn:uuid:1"])
    assert values(request) == {codes.PARAM_ENTRY_UUID: ["('urn:uuid:1')"]}


def test_submission_sets_are_asked_by_period() -> None:
    criteria = iti18.SetCriteria(INS, submitted_from=datetime(2026, 1, 1, tzinfo=UTC), author_person="8%")
    found = values(iti18.build_find_submission_sets(criteria))
    assert found[codes.PARAM_SET_PATIENT_ID] == [f"'{INS}'"]
    assert found[codes.PARAM_SET_TIME_FROM] == ["20260101000000"]
    assert found[codes.PARAM_SET_AUTHOR_PERSON] == ["'8%'"]


def query_response(inner: str, attributes: str = "") -> etree._Element:
    return parse_xml(
        f'<q:AdhocQueryResponse xmlns:q="{codes.NS_QUERY}" xmlns:rs="{codes.NS_RS}" '
        f'xmlns="{codes.NS_RIM}" status="{codes.RESPONSE_SUCCESS}" {attributes}>{inner}'
        "</q:AdhocQueryResponse>".encode()
    )


def test_references_of_a_query_are_read() -> None:
    inner = '<RegistryObjectList><ObjectRef id="urn:uuid:1"/></RegistryObjectList>'
    answer = iti18.parse_query_response(query_response(inner, 'totalResultCount="1"'))
    assert answer.objects.references == ("urn:uuid:1",)
    assert answer.total == 1


def test_an_answer_without_a_list_holds_nothing() -> None:
    answer = iti18.parse_query_response(query_response(""))
    assert (answer.objects, answer.total) == (RegistryObjects(), -1)


@pytest.mark.parametrize("data", [b"<a/>", f'<r:RegistryResponse xmlns:r="{codes.NS_RS}"/>'.encode()])
def test_another_answer_than_the_expected_one_is_refused(data: bytes) -> None:
    with pytest.raises(SoapError):
        iti18.parse_query_response(parse_xml(data))
    with pytest.raises(SoapError):
        parse_registry_response(parse_xml(data))


def test_errors_and_warnings_of_a_repository_are_told_apart() -> None:
    data = (
        f'<rs:RegistryResponse xmlns:rs="{codes.NS_RS}" status="{codes.RESPONSE_FAILURE}">'
        f'<rs:RegistryErrorList><rs:RegistryError errorCode="W" severity="{codes.SEVERITY_WARNING}" '
        'codeContext="w"/><rs:RegistryError errorCode="XDSUnknownPatientId" codeContext="c" location="l"/>'
        "</rs:RegistryErrorList></rs:RegistryResponse>"
    )
    response = parse_registry_response(parse_xml(data.encode()))
    assert not response.succeeded
    assert response.first_error == RegistryError("XDSUnknownPatientId", "c", location="l")
    assert [error.is_warning for error in response.errors] == [True, False]


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("XDSDuplicateUniqueIdInRegistry", ErrorKind.DUPLICATE),
        ("XDSNonIdenticalHash", ErrorKind.DUPLICATE),
        ("XDSUnknownPatientId", ErrorKind.PATIENT),
        ("DMPClosed", ErrorKind.PATIENT),
        ("DMPAccessDeniedByRightsService", ErrorKind.RIGHTS),
        ("DMPInvalidCertificate", ErrorKind.CONFIGURATION),
        ("XDSRegistryMetadataError", ErrorKind.DATA),
        ("XDSRegistryBusy", ErrorKind.TRANSIENT),
        ("urn:ihe:iti:2007:ErrorCode:XDSRegistryError", ErrorKind.TRANSIENT),
        ("JamaisVu", ErrorKind.UNKNOWN),
        ("", ErrorKind.UNKNOWN),
    ],
)
def test_a_code_of_error_has_its_class(code: str, kind: ErrorKind) -> None:
    assert kind_of_code(code) is kind


def test_the_class_of_a_code_can_be_set() -> None:
    assert kind_of_code("JamaisVu", {"JamaisVu": ErrorKind.RIGHTS}) is ErrorKind.RIGHTS


def test_a_slot_of_an_association_is_found_by_name() -> None:
    association = Association("k", "s", "t", ((codes.SLOT_PREVIOUS_VERSION, "2"),))
    assert association.slot(codes.SLOT_PREVIOUS_VERSION) == "2"
    assert association.slot("absent") == ""


def test_a_document_entry_can_be_written_without_the_check_of_a_submission() -> None:
    bare = DocumentEntry(entry_id="a", unique_id="1.2", patient_id=INS)
    assert parse_object_list(build_object_list(RegistryObjects(entries=(bare,)))).entries == (bare,)


def test_a_count_beyond_reason_is_no_count() -> None:
    assert iti18.parse_query_response(query_response("", f'totalResultCount="{"9" * 5000}"')).total == -1
