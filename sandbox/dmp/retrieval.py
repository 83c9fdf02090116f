"""TD3.2: the content of documents (ITI-43).

Sources: IHE ITI TF-2 3.43, official DMP example of TD3.2, rights of spec dmp 1.8. The answer is always a
multipart message: that is the service's business.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from lxml import etree

from interop.xds import codes as xds
from sandbox.codes import OID_DMP_REPOSITORY
from sandbox.dmp.errors import RegistryError, SoapFault
from sandbox.dmp.mtom import include
from sandbox.dmp.records import Document
from sandbox.dmp.registry import Registry
from sandbox.dmp.rights import Action, may_see, require
from sandbox.dmp.vihf import Vihf
from sandbox.xml import children, q, text_of

REQUEST_TAG: Final = q(xds.NS_XDSB, "RetrieveDocumentSetRequest")
MAX_DOCUMENTS: Final = 50


@dataclass(frozen=True, slots=True)
class Asked:
    """A document asked for."""

    repository: str
    unique_id: str


@dataclass(frozen=True, slots=True)
class Retrieved:
    """What was found: documents, and an error for each of the others."""

    documents: tuple[Document, ...]
    errors: tuple[RegistryError, ...]

    @property
    def status(self) -> str:
        if not self.errors:
            return xds.RESPONSE_SUCCESS
        return xds.RESPONSE_PARTIAL if self.documents else xds.RESPONSE_FAILURE


def read_request(body: etree._Element) -> tuple[Asked, ...]:
    """Read a RetrieveDocumentSetRequest. SoapFault when it is badly formed."""
    found = []
    for item in children(body):
        parts = {etree.QName(part).localname: text_of(part) for part in children(item)}
        if item.tag != q(xds.NS_XDSB, "DocumentRequest") or not parts.get("DocumentUniqueId"):
            raise SoapFault("a DocumentRequest holds RepositoryUniqueId and DocumentUniqueId")
        found.append(Asked(parts.get("RepositoryUniqueId", ""), parts["DocumentUniqueId"]))
    if not 1 <= len(found) <= MAX_DOCUMENTS:
        raise SoapFault(f"one to {MAX_DOCUMENTS} documents are retrieved at a time")
    return tuple(found)


def find(asked: Sequence[Asked], token: Vihf, registry: Registry, now: datetime) -> Retrieved:
    """Documents that the caller may read. SoapFault when he may read none at all."""
    require(Action.READ, token, registry, now)
    documents, errors = [], []
    for one in asked:
        document = registry.by_unique_id(one.unique_id)
        context = f"uniqueId={one.unique_id}"
        if one.repository != OID_DMP_REPOSITORY:
            errors.append(RegistryError(xds.ERROR_UNKNOWN_REPOSITORY, one.repository))
        elif document is None or document.ins != (token.matricule, token.ins_oid):
            errors.append(RegistryError(xds.ERROR_DOCUMENT_UNIQUE_ID, context))
        elif not may_see(document, token, registry):
            errors.append(RegistryError(xds.DMP_ACCESS_DENIED, context))
        else:
            documents.append(document)
    return Retrieved(tuple(documents), tuple(errors))


def without_one(found: Retrieved) -> Retrieved:
    """The same answer with its last document missing: a fault that tests ask for."""
    if not found.documents:
        return found
    *kept, lost = found.documents
    error = RegistryError(xds.ERROR_REPOSITORY, f"uniqueId={lost.unique_id}")
    return Retrieved(tuple(kept), (*found.errors, error))


def write_answer(found: Retrieved, contents: Sequence[bytes]) -> tuple[etree._Element, dict[str, bytes]]:
    """RetrieveDocumentSetResponse, and its parts by Content-ID."""
    answer = etree.Element(
        q(xds.NS_XDSB, "RetrieveDocumentSetResponse"), nsmap={None: xds.NS_XDSB, "rs": xds.NS_RS}
    )
    response = etree.SubElement(answer, q(xds.NS_RS, "RegistryResponse"), status=found.status)
    write_errors(response, found.errors)
    parts = {}
    for number, (document, content) in enumerate(zip(found.documents, contents, strict=True), start=1):
        content_id = f"{document.entry_uuid.removeprefix('urn:uuid:')}-{number}@urn:ihe:iti:xds-b:2007"
        item = etree.SubElement(answer, q(xds.NS_XDSB, "DocumentResponse"))
        for name, text in (
            ("RepositoryUniqueId", OID_DMP_REPOSITORY),
            ("DocumentUniqueId", document.unique_id),
            ("mimeType", document.metadata.attributes.get("mimeType", "")),
        ):
            etree.SubElement(item, q(xds.NS_XDSB, name)).text = text
        etree.SubElement(item, q(xds.NS_XDSB, "Document")).append(include(content_id))
        parts[content_id] = content
    return answer, parts


def write_errors(response: etree._Element, errors: Sequence[RegistryError]) -> None:
    """RegistryErrorList, when there is an error."""
    if not errors:
        return
    listing = etree.SubElement(response, q(xds.NS_RS, "RegistryErrorList"))
    listing.set("highestSeverity", xds.SEVERITY_ERROR)
    for error in errors:
        element = etree.SubElement(listing, q(xds.NS_RS, "RegistryError"))
        element.set("errorCode", error.code)
        element.set("codeContext", error.context)
        element.set("severity", xds.SEVERITY_ERROR)
        element.set("location", "sandbox")
