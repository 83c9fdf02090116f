"""Writing an archive: one lot, one patient, its documents and their metadata (cda.md 9, mssante.md 1.5)."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from io import BytesIO
from uuid import NAMESPACE_OID, uuid5

from lxml import etree

from interop.cda.parse import parse_cda
from interop.cda.parsed import ParsedCda
from interop.xdm import codes
from interop.xdm.codes import XdmAction
from interop.xds import codes as xds
from interop.xds.ebrim import build_submit_objects
from interop.xds.from_cda import entry_from_cda, unique_id_of
from interop.xds.iti41 import SubmittedDocument, lot_objects
from interop.xds.metadata import Code, DocumentEntry, RegistryObjects, SubmissionSet
from interop.xds.times import instant_from_dtm
from interop.xml import serialize_xml, xml_text

# The first instant that a ZIP can write.
_ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)
_RIM = f"{{{xds.NS_RIM}}}"


@dataclass(frozen=True, slots=True)
class XdmDocument:
    """A CDA to send, with its restrictions (codes of TRE_A07).

    `class_code` is for a type that the table does not know; `cda` is `content` where it was read already.
    """

    content: bytes = field(repr=False)
    visibility: frozenset[str] = frozenset()
    class_code: Code | None = None
    cda: ParsedCda | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Producer:
    """What README.TXT says of who made the archive."""

    organisation: str
    contact: str
    software: str
    version: str


def build_xdm(
    lot: SubmissionSet,
    documents: Sequence[XdmDocument],
    *,
    producer: Producer,
    action: XdmAction | None = None,
    action_slot: str = codes.ACTION_SLOT,
) -> bytes:
    """Return the bytes of IHE_XDM.zip; the same arguments always give the same bytes.

    Metadata is deduced from the CDA that are sent. `action` None is a first transmission; a replacement
    also names, by an association RPLC, the entry that each document takes over.

    Raises:
        MetadataError: incomplete metadata, no document, the same one twice, or two patients.
        XmlRefused, CdaRefused: a document is no CDA.
    """
    members = [_member(number, document) for number, document in enumerate(documents, start=1)]
    submitted = [
        SubmittedDocument(entry, content, _replaced_entry(cda) if action is XdmAction.REPLACE else "")
        for entry, content, cda in members
    ]
    objects = lot_objects(lot, submitted)
    files = {
        codes.INDEX: _index(objects, producer),
        codes.README: _readme(objects, producer),
        f"{codes.SUBSET}/{codes.METADATA}": _metadata(objects, action, action_slot),
    }
    files |= {f"{codes.SUBSET}/{member.entry.uri}": member.content for member in submitted}
    return _zipped(files, instant_from_dtm(lot.submission_time))


def entry_uuid_of(unique_id: str) -> str:
    """The entryUUID under which an archive of ours names a document, whatever the archive.

    Derived from the uniqueId, so that a replacement names the entry of a former mail without a register.
    """
    return f"urn:uuid:{uuid5(NAMESPACE_OID, unique_id)}"


def _member(number: int, document: XdmDocument) -> tuple[DocumentEntry, bytes, ParsedCda]:
    cda = document.cda or parse_cda(document.content)
    entry = entry_from_cda(
        cda,
        document.content,
        visibility=document.visibility,
        class_code=document.class_code,
        uri=codes.DOCUMENT_NAME.format(number=number),
    )
    return replace(entry, entry_id=entry_uuid_of(entry.unique_id)), document.content, cda


def _replaced_entry(cda: ParsedCda) -> str:
    parent = cda.replaced.id if cda.replaced else None
    return entry_uuid_of(unique_id_of(parent)) if parent else ""


def _metadata(objects: RegistryObjects, action: XdmAction | None, slot_name: str) -> bytes:
    request = build_submit_objects(objects)
    if action is not None:
        for entry in request.iter(f"{_RIM}ExtrinsicObject"):
            _add_action(entry, action, slot_name)
    return serialize_xml(request)


def _add_action(entry: etree._Element, action: XdmAction, slot_name: str) -> None:
    slot = etree.Element(f"{_RIM}Slot", name=slot_name)
    etree.SubElement(etree.SubElement(slot, f"{_RIM}ValueList"), f"{_RIM}Value").text = action.value
    # Slots come first in an object (ebRIM 3.0).
    entry.findall(f"{_RIM}Slot")[-1].addnext(slot)


def _index(objects: RegistryObjects, producer: Producer) -> bytes:
    """The start page for a person who opens the archive: static, without script, relative links."""
    html = etree.Element("html", lang="fr")
    head = etree.SubElement(html, "head")
    etree.SubElement(head, "meta", charset="utf-8")
    etree.SubElement(head, "title").text = "Documents de santé"
    body = etree.SubElement(html, "body")
    etree.SubElement(body, "h1").text = "Documents de santé"
    etree.SubElement(body, "p").text = xml_text(f"Envoyés par {producer.organisation}")
    listing = etree.SubElement(body, "ul")
    for entry in objects.entries:
        link = etree.SubElement(etree.SubElement(listing, "li"), "a", href=f"{codes.SUBSET}/{entry.uri}")
        link.text = xml_text(entry.title)
    etree.SubElement(etree.SubElement(body, "p"), "a", href=codes.README).text = "À propos de cette archive"
    page = etree.tostring(html, method="html", encoding="utf-8", doctype="<!DOCTYPE html>")
    return bytes(page)


def _readme(objects: RegistryObjects, producer: Producer) -> bytes:
    lines = [
        "Archive IHE XDM de documents de santé",
        "",
        f"Structure : {producer.organisation}",
        f"Contact : {producer.contact}",
        f"Logiciel : {producer.software}, version {producer.version}",
        "",
        "Contenu :",
        f"- {codes.INDEX} : page de départ",
        f"- {codes.SUBSET}/{codes.METADATA} : métadonnées",
        *(f"- {codes.SUBSET}/{entry.uri} : {entry.title}" for entry in objects.entries),
        "",
    ]
    return "\r\n".join(" ".join(line.split()) for line in lines).encode()


def _zipped(files: dict[str, bytes], moment: datetime) -> bytes:
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            info = zipfile.ZipInfo(name, max(_ZIP_EPOCH, moment.timetuple()[:6]))
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = 0o100644 << 16
            archive.writestr(info, content)
    return buffer.getvalue()
