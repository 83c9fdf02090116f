"""ITI-43 and the update of ITI-57: golden files, round trips, answers that lie."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from lxml import etree

from interop.soap.errors import SoapError
from interop.soap.mtom import Attachment, build_multipart, include_reference, parse_multipart
from interop.xds import codes
from interop.xds.ebrim import build_object_list, parse_object_list
from interop.xds.iti43 import DocumentRequest, build_retrieve, parse_retrieve_response
from interop.xds.iti57 import build_visibility_update
from interop.xds.metadata import Code, DocumentEntry, MetadataError, RegistryObjects
from interop.xml import canonical_xml, parse_xml, serialize_xml
from tests.interop.xds.samples import ENTRY, INS, LOT

GOLDEN = Path(__file__).parents[1] / "golden" / "xds"
REPOSITORY = "1.2.250.1.213.4.1.1.1.2"
NORMAL = (ENTRY.confidentiality_codes[0],)
REQUEST = DocumentRequest(REPOSITORY, "1.2.250.1.999.1.1.7898.1.995657292")
RIM = {"r": codes.NS_RIM}


def assert_golden(name: str, element: etree._Element) -> None:
    expected = parse_xml((GOLDEN / name).read_bytes())
    for node in expected.iter():
        node.text = node.text if node.text and node.text.strip() else None
        node.tail = None
    assert canonical_xml(element) == canonical_xml(expected)


# ITI-43


def answer_of(*documents: str, status: str = codes.RESPONSE_SUCCESS, errors: str = "") -> etree._Element:
    return parse_xml(
        (
            f'<d:RetrieveDocumentSetResponse xmlns:d="{codes.NS_XDSB}" xmlns:rs="{codes.NS_RS}">'
            f'<rs:RegistryResponse status="{status}">{errors}</rs:RegistryResponse>{"".join(documents)}'
            "</d:RetrieveDocumentSetResponse>"
        ).encode()
    )


def document_of(content: str, unique_id: str = REQUEST.unique_id) -> str:
    return (
        f"<d:DocumentResponse><d:RepositoryUniqueId>{REPOSITORY}</d:RepositoryUniqueId>"
        f"<d:DocumentUniqueId>{unique_id}</d:DocumentUniqueId><d:mimeType>text/xml</d:mimeType>"
        f"{content}</d:DocumentResponse>"
    )


def included(content_id: str) -> str:
    return f"<d:Document>{etree.tostring(include_reference(content_id)).decode()}</d:Document>"


def test_the_request_is_that_of_the_official_example() -> None:
    assert_golden("retrieve.xml", build_retrieve([REQUEST]))


@pytest.mark.parametrize("requests", [[], [DocumentRequest("", "1.2")], [DocumentRequest("1.2", "")]])
def test_nothing_is_asked_without_its_address(requests: list[DocumentRequest]) -> None:
    with pytest.raises(MetadataError):
        build_retrieve(requests)


def test_a_document_is_read_byte_for_byte_through_an_encoded_reference() -> None:
    """The reference of the official example is URL-encoded, its Content-ID is not."""
    content_id = "b857abb7-a2c3-4db8-bd69-d5ff76826e72-2@urn:ihe:iti:xds-b:2007"
    content = bytes(range(256)) * 40
    root = serialize_xml(answer_of(document_of(included(content_id))))
    assert b"urn%3Aihe%3Aiti" in root
    message = build_multipart(
        root, [Attachment(content_id, content, "text/xml")], action="urn:a", boundary="b=_1", root_id="r@s"
    )
    parsed = parse_multipart(message.content_type, message.body)
    read = parse_retrieve_response(parse_xml(parsed.root), parsed.attachments)
    assert read.response.succeeded
    (document,) = read.documents
    assert (document.repository_unique_id, document.unique_id) == (REPOSITORY, REQUEST.unique_id)
    assert (document.mime_type, document.content) == ("text/xml", content)


def test_a_content_id_that_is_encoded_too_is_found() -> None:
    read = parse_retrieve_response(answer_of(document_of(included("a:b@c"))), {"a%3Ab@c": b"x"})
    assert read.documents[0].content == b"x"


def test_a_content_written_inline_is_read() -> None:
    read = parse_retrieve_response(answer_of(document_of("<d:Document>w6k=</d:Document>")), {})
    assert read.documents[0].content == "é".encode()


def test_a_partial_success_keeps_what_came_and_names_what_did_not() -> None:
    error = (
        f'<rs:RegistryErrorList><rs:RegistryError errorCode="{codes.ERROR_DOCUMENT_UNIQUE_ID}" '
        f'codeContext="uniqueId=1.2.9" severity="{codes.SEVERITY_ERROR}"/></rs:RegistryErrorList>'
    )
    element = answer_of(document_of(included("d@s")), status=codes.RESPONSE_PARTIAL, errors=error)
    read = parse_retrieve_response(element, {"d@s": b"x"})
    assert not read.response.succeeded
    assert [document.content for document in read.documents] == [b"x"]
    assert [(one.code, one.context) for one in read.response.errors] == [
        (codes.ERROR_DOCUMENT_UNIQUE_ID, "uniqueId=1.2.9")
    ]


@pytest.mark.parametrize(
    "element",
    [
        parse_xml(b"<other/>"),
        parse_xml(f'<RetrieveDocumentSetResponse xmlns="{codes.NS_XDSB}"/>'.encode()),
        answer_of(document_of(included("elsewhere@s"))),
        answer_of(document_of("")),
        answer_of(document_of(included("d@s"), unique_id="")),
        answer_of(document_of("<d:Document>?</d:Document>")),
        answer_of(document_of(included("d@s")), document_of(included("d@s"))),
    ],
    ids=["element", "status", "reference", "content", "id", "base64", "twice"],
)
def test_an_answer_that_lies_is_refused(element: etree._Element) -> None:
    with pytest.raises(SoapError):
        parse_retrieve_response(element, {"d@s": b"x"})


# ITI-57, a and b


def registered(extra: str = "", **changes: object) -> DocumentEntry:
    """The sample entry as a registry returns it; `extra` is what our model does not know."""
    entry = replace(
        ENTRY,
        entry_id="urn:uuid:7953af1a-ba1c-11eb-816f-0050569e422e",
        logical_id="urn:uuid:4f196ae8-5549-11e9-9478-0050569e422e",
        version=5,
        status=codes.STATUS_APPROVED,
        repository_unique_id=REPOSITORY,
        **changes,
    )
    listing = build_object_list(RegistryObjects(entries=(entry,)))
    if extra:
        listing[0].insert(0, parse_xml(extra.encode()))
    (read,) = parse_object_list(parse_xml(serialize_xml(listing))).entries
    return read


def test_an_update_is_the_golden_file() -> None:
    assert_golden(
        "make_visible.xml", build_visibility_update(LOT, entry=registered(), confidentiality=NORMAL)
    )


def test_an_update_sends_back_all_that_was_received_but_the_confidentiality() -> None:
    extra = (
        f'<Slot xmlns="{codes.NS_RIM}" name="urn:x:unknown"><ValueList><Value>v</Value></ValueList></Slot>'
    )
    entry = registered(extra)
    body = build_visibility_update(LOT, entry=entry, confidentiality=NORMAL)
    objects = parse_object_list(body[0])
    (sent,) = objects.entries
    assert replace(sent, entry_id=entry.entry_id, confidentiality_codes=()) == replace(
        entry, confidentiality_codes=()
    )
    assert sent.confidentiality_codes == NORMAL
    assert (
        body.xpath("string(//r:ExtrinsicObject/r:Slot[@name='urn:x:unknown']//r:Value)", namespaces=RIM)
        == "v"
    )


def test_an_update_names_the_version_that_it_takes_over() -> None:
    body = build_visibility_update(LOT, entry=registered(), confidentiality=NORMAL)
    (link,) = parse_object_list(body[0]).associations
    assert (link.kind, link.source, link.target) == (
        codes.ASSOCIATION_HAS_MEMBER,
        LOT.entry_id,
        codes.UPDATED_ENTRY_ID,
    )
    assert link.slot(codes.SLOT_PREVIOUS_VERSION) == "5"
    assert link.slot(codes.SLOT_SUBMISSION_SET_STATUS) == codes.SUBMISSION_SET_ORIGINAL


def test_parts_of_an_update_belong_to_its_local_id_and_keep_the_order_of_the_schema() -> None:
    body = build_visibility_update(
        LOT, entry=registered(), confidentiality=(*NORMAL, Code("MASQUE_PS", codes.OID_VISIBILITY, "Masqué"))
    )
    element = body.find(f".//{{{codes.NS_RIM}}}ExtrinsicObject")
    owners = {
        item.get("classifiedObject") or item.get("registryObject")
        for item in element
        if item.get("classifiedObject") or item.get("registryObject")
    }
    assert owners == {codes.UPDATED_ENTRY_ID}
    names = [etree.QName(item).localname for item in element]
    order = ["Slot", "Name", "Description", "VersionInfo", "Classification", "ExternalIdentifier"]
    assert names == sorted(names, key=order.index)
    assert body.xpath("//r:Classification[@nodeRepresentation='MASQUE_PS']", namespaces=RIM)


def test_an_entry_without_classification_receives_its_confidentiality() -> None:
    bare = DocumentEntry(
        entry_id="urn:uuid:1",
        unique_id="1.2.3",
        patient_id=INS,
        title="t",
        logical_id="urn:uuid:1",
        version=1,
    )
    (read,) = parse_object_list(build_object_list(RegistryObjects(entries=(bare,)))).entries
    body = build_visibility_update(LOT, entry=read, confidentiality=NORMAL)
    (sent,) = parse_object_list(body[0]).entries
    assert sent.confidentiality_codes == NORMAL


@pytest.mark.parametrize(
    ("entry", "confidentiality"),
    [
        (ENTRY, NORMAL),
        (registered(), ()),
        (registered(), (Code("MASQUE_PS", codes.OID_VISIBILITY), *NORMAL)),
        (registered(), NORMAL * 2),
        (replace(registered(), version=0), NORMAL),
        (replace(registered(), logical_id=""), NORMAL),
    ],
    ids=["not read", "empty", "restriction first", "twice", "no version", "no lid"],
)
def test_an_update_that_the_registry_would_refuse_is_not_built(
    entry: DocumentEntry, confidentiality: tuple[Code, ...]
) -> None:
    with pytest.raises(MetadataError):
        build_visibility_update(LOT, entry=entry, confidentiality=confidentiality)
