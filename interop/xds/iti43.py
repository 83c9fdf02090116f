"""ITI-43, Retrieve Document Set (TD3.2): the content of documents found by TD3.1.

Source: spec dmp 3.5, official DMP example of TD3.2. The answer is a multipart message, faults included; a
reference is URL-encoded, the Content-ID of its part is not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from lxml import etree

from interop.soap.errors import SoapError
from interop.soap.mtom import included_content
from interop.xds import codes
from interop.xds.metadata import MetadataError
from interop.xds.responses import RegistryResponse, parse_registry_response
from interop.xml import xml_text


@dataclass(frozen=True, slots=True)
class DocumentRequest:
    """One document, by the repository that keeps it and its uniqueId, both as TD3.1 returned them."""

    repository_unique_id: str
    unique_id: str


@dataclass(frozen=True, slots=True)
class DocumentResponse:
    """One document, bytes as received."""

    repository_unique_id: str
    unique_id: str
    mime_type: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class RetrieveResponse:
    """Status, errors, and the documents that came."""

    response: RegistryResponse
    documents: tuple[DocumentResponse, ...] = ()


def build_retrieve(requests: Sequence[DocumentRequest]) -> etree._Element:
    """Return the body of the request.

    Raises:
        MetadataError: no document is asked for, or one without its repository or its id.
    """
    if not requests or any(not (one.repository_unique_id and one.unique_id) for one in requests):
        raise MetadataError(("documents are asked for by repositoryUniqueId and uniqueId",))
    root = etree.Element(_q("RetrieveDocumentSetRequest"), nsmap={None: codes.NS_XDSB})
    for one in requests:
        item = etree.SubElement(root, _q("DocumentRequest"))
        etree.SubElement(item, _q("RepositoryUniqueId")).text = xml_text(one.repository_unique_id)
        etree.SubElement(item, _q("DocumentUniqueId")).text = xml_text(one.unique_id)
    return root


def parse_retrieve_response(element: etree._Element, attachments: Mapping[str, bytes]) -> RetrieveResponse:
    """Read `RetrieveDocumentSetResponse` with the parts that came beside it.

    Raises:
        SoapError: another element, no status, a document twice, or one whose content did not come.
    """
    if element.tag != _q("RetrieveDocumentSetResponse"):
        raise SoapError(f"{element.tag} instead of RetrieveDocumentSetResponse")
    status = element.find(f"{{{codes.NS_RS}}}RegistryResponse")
    if status is None:
        raise SoapError("an answer without RegistryResponse")
    documents = tuple(_document(item, attachments) for item in element.iterfind(_q("DocumentResponse")))
    if len({document.unique_id for document in documents}) < len(documents):
        raise SoapError("a document comes twice")
    return RetrieveResponse(parse_registry_response(status), documents)


def _document(item: etree._Element, attachments: Mapping[str, bytes]) -> DocumentResponse:
    holder = item.find(_q("Document"))
    unique_id = _text(item, "DocumentUniqueId")
    if holder is None or not unique_id:
        raise SoapError("a document without content or without uniqueId")
    return DocumentResponse(
        repository_unique_id=_text(item, "RepositoryUniqueId"),
        unique_id=unique_id,
        mime_type=_text(item, "mimeType"),
        content=included_content(holder, attachments),
    )


def _text(item: etree._Element, name: str) -> str:
    return str(item.findtext(_q(name), default="")).strip()


def _q(name: str) -> str:
    return f"{{{codes.NS_XDSB}}}{name}"
