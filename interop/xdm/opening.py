"""Reading an archive that anybody may have made (cda.md 9, mssante.md 2.2, security.md 10.4).

Metadata first; a document only through the slot URI of its entry, in the folder of its subset; size, SHA-1,
identifier and patient of each CDA are those that the metadata says, or the whole archive is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from lxml import etree

from interop.cda.datatypes import Id
from interop.cda.parse import parse_cda
from interop.cda.parsed import ParsedCda
from interop.cda.refusals import CdaRefused
from interop.ins.codes import INS_OIDS
from interop.xdm import codes
from interop.xdm.codes import XdmAction
from interop.xdm.container import ARCHIVE_LIMITS, Archive, ArchiveLimits, open_archive, shown
from interop.xdm.errors import XdmRefusal, XdmRefused
from interop.xds import codes as xds
from interop.xds.composed import Cx
from interop.xds.ebrim import parse_object_list
from interop.xds.from_cda import unique_id_of
from interop.xds.iti41 import content_hash
from interop.xds.metadata import NO_ID, DocumentEntry, SubmissionSet
from interop.xml import XmlRefused, parse_xml

_METADATA_PATH = re.compile(r"(?:\./)?IHE_XDM/[^/]+/METADATA\.XML", re.IGNORECASE)
_RIM = f"{{{xds.NS_RIM}}}"
_MAX_SLOTS = 1000


@dataclass(frozen=True, slots=True)
class OpenedDocument:
    """A CDA of the archive, with its metadata. `action` None: a first transmission."""

    place: str
    entry: DocumentEntry
    cda: ParsedCda = field(repr=False)
    content: bytes = field(repr=False)
    action: XdmAction | None = None


@dataclass(frozen=True, slots=True)
class OtherFile:
    """What the metadata names and is no CDA: a PDF, a style sheet. Neither opened nor run."""

    place: str
    entry: DocumentEntry


@dataclass(frozen=True, slots=True)
class OpenedXdm:
    """One archive, of one patient: its lots, its CDA documents, what else it names.

    `warnings` are French sentences: the archive was read in spite of them.
    """

    lots: tuple[SubmissionSet, ...]
    documents: tuple[OpenedDocument, ...]
    others: tuple[OtherFile, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def patient_id(self) -> Cx:
        return self.documents[0].entry.patient_id


def open_xdm(
    data: bytes, *, limits: ArchiveLimits = ARCHIVE_LIMITS, action_slot: str = codes.ACTION_SLOT
) -> OpenedXdm:
    """Read the bytes of IHE_XDM.zip.

    Raises:
        XdmRefused: with a stable code, a French text and the entry where it happens.
    """
    archive = open_archive(data, limits=limits)
    places = [name for name in archive.names if _METADATA_PATH.fullmatch(name)]
    if not places:
        raise XdmRefused(XdmRefusal.NO_METADATA, "L'archive n'a pas de METADATA.XML")
    lots: list[SubmissionSet] = []
    documents: list[OpenedDocument] = []
    others: list[OtherFile] = []
    warnings: list[str] = []
    for place in sorted(places):
        listing = _object_list(archive, place)
        objects = parse_object_list(listing)
        lots += objects.sets
        folder = place.rpartition("/")[0]
        actions = _actions(listing, objects.sets, action_slot)
        for entry, action in zip(objects.entries, actions, strict=True):
            found = _file(archive, folder, entry)
            if _is_document(entry):
                documents.append(_document(archive, found, entry, action, warnings))
            else:
                others.append(OtherFile(shown(found), entry))
    if not documents:
        raise XdmRefused(XdmRefusal.NO_DOCUMENT, "L'archive ne contient aucun document CDA")
    _check_one_patient(lots, documents)
    return OpenedXdm(tuple(lots), tuple(documents), tuple(others), tuple(warnings))


def _object_list(archive: Archive, place: str) -> etree._Element:
    try:
        root = parse_xml(archive.read(place))
    except XmlRefused as error:
        text = f"METADATA.XML est illisible : {error.text}"
        line = f", ligne {error.line}" if error.line else ""
        raise XdmRefused(XdmRefusal.METADATA, text, f"{shown(place)}{line}", cause=str(error.code)) from error
    tag = f"{_RIM}RegistryObjectList"
    listing = root if root.tag == tag else root.find(f".//{tag}")
    if listing is None:
        text = "METADATA.XML n'a pas de liste d'objets (RegistryObjectList)"
        raise XdmRefused(XdmRefusal.METADATA, text, shown(place))
    return listing


def _file(archive: Archive, folder: str, entry: DocumentEntry) -> str:
    """The file of an entry, named by its slot URI inside the folder of the subset."""
    uri = entry.uri.removeprefix("./")
    place = f"{folder}/{uri}"
    if not uri or not archive.has(place.removeprefix("./")):
        text = "Un document annoncé par les métadonnées n'est pas dans l'archive"
        raise XdmRefused(XdmRefusal.FILE_MISSING, text, shown(entry.uri or entry.entry_id))
    return place.removeprefix("./")


def _is_document(entry: DocumentEntry) -> bool:
    media_type = entry.mime_type.partition(";")[0].strip().lower()
    return media_type in codes.XML_TYPES and entry.type_code.code != codes.STYLESHEET_TYPE


def _document(
    archive: Archive, name: str, entry: DocumentEntry, action: XdmAction | None, warnings: list[str]
) -> OpenedDocument:
    content, place = archive.read(name), shown(name)
    _check_integrity(content, place, entry, warnings)
    try:
        cda = parse_cda(content)
    except (XmlRefused, CdaRefused) as error:
        line = f", ligne {error.line}" if isinstance(error, XmlRefused) and error.line else ""
        raise XdmRefused(XdmRefusal.NOT_CDA, error.text, f"{place}{line}", cause=str(error.code)) from error
    if entry.unique_id not in _written_forms(cda.id):
        text = "L'identifiant du document CDA n'est pas celui des métadonnées"
        raise XdmRefused(XdmRefusal.OTHER_ID, text, place)
    if not _is_patient_of(cda, entry.patient_id):
        text = "Le patient du document CDA n'est pas celui des métadonnées"
        raise XdmRefused(XdmRefusal.OTHER_PATIENT, text, place)
    return OpenedDocument(place, entry, cda, content, action)


def _check_integrity(content: bytes, place: str, entry: DocumentEntry, warnings: list[str]) -> None:
    if entry.size >= 0 and entry.size != len(content):
        text = "La taille du document n'est pas celle des métadonnées"
        raise XdmRefused(XdmRefusal.SIZE, text, place)
    if not entry.hash:
        warnings.append(f"Empreinte absente des métadonnées ({place})")
    elif entry.hash.lower() != content_hash(content):
        text = "L'empreinte du document n'est pas celle des métadonnées"
        raise XdmRefused(XdmRefusal.HASH, text, place)


def _written_forms(identifier: Id) -> set[str]:
    """How producers write the identifier of a CDA in metadata: with a caret, or a dot for want of it."""
    forms = {identifier.root} if not identifier.extension else set()
    if identifier.extension:
        forms |= {f"{identifier.root}{sign}{identifier.extension}" for sign in "^."}
    try:
        forms.add(unique_id_of(identifier))
    except ValueError:
        pass  # a root that is neither OID nor UUID is compared as it is written
    return forms


def _is_patient_of(cda: ParsedCda, patient_id: Cx) -> bool:
    """Whether the metadata names the patient of the document (mssante.md 2.2, ECO.2.1.2)."""
    value = patient_id.value.upper() if patient_id.authority in INS_OIDS else patient_id.value
    return patient_id != NO_ID and Id(patient_id.authority, value) in cda.patient.ids


def _check_one_patient(lots: Iterable[SubmissionSet], documents: list[OpenedDocument]) -> None:
    """One patient an archive: in the metadata of every lot and document, and by the INS of every CDA."""
    named = {_person(lot.patient_id) for lot in lots if lot.patient_id != NO_ID}
    named |= {_person(document.entry.patient_id) for document in documents}
    held = {document.cda.patient.ins for document in documents}
    if len(named) > 1 or len(held) > 1:
        raise XdmRefused(XdmRefusal.SEVERAL_PATIENTS, "L'archive concerne plusieurs patients")


def _person(patient_id: Cx) -> tuple[str, str]:
    return patient_id.authority, patient_id.value.upper()


def _actions(
    listing: etree._Element, lots: tuple[SubmissionSet, ...], slot_name: str
) -> Iterator[XdmAction | None]:
    """The action of each entry, in their order: its own, else that of the lot (cda.md 9)."""
    packages = listing.iterfind(f"{_RIM}RegistryPackage")
    of_lot = next((action for package in packages if (action := _action(package, slot_name))), None)
    for element in listing.iterfind(f"{_RIM}ExtrinsicObject"):
        yield _action(element, slot_name) or of_lot


def _action(element: etree._Element, slot_name: str) -> XdmAction | None:
    """The slot of the setting, or any whose name ends with `action`; or the status Deleted.

    Raises:
        XdmRefused: an action that we do not know must not pass for a first transmission.
    """
    if (element.get("status") or "").endswith("StatusType:Deleted"):
        return XdmAction.DELETE
    for slot in element.findall(f"{_RIM}Slot")[:_MAX_SLOTS]:
        name = slot.get("name") or ""
        if name != slot_name and not name.lower().endswith(codes.ACTION_SUFFIX):
            continue
        value = (slot.findtext(f"{_RIM}ValueList/{_RIM}Value") or "").strip().upper()
        if value in tuple(XdmAction):
            return XdmAction(value)
        if name == slot_name and value:
            raise XdmRefused(XdmRefusal.METADATA, "L'action demandée par les métadonnées est inconnue")
    return None
