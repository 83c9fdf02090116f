"""Registry objects that the sandbox writes itself: fixtures, and changes that the DMP makes of its own.

Source: ebRIM 3.0 and the official DMP examples (order, names, charset). What other structures submit is kept
as they wrote it.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count

from lxml import etree

from interop.xds import codes as xds
from sandbox.dmp.records import Ins
from sandbox.documents.model import Coded
from sandbox.xml import q

_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
_LOT_ID = "SubmissionSet01"
_ENTRY_ID = "Document01"


@dataclass(frozen=True, slots=True)
class WrittenAuthor:
    """Slots of an author; an empty one is left out."""

    person: str
    institution: str = ""
    specialty: str = ""


@dataclass(frozen=True, slots=True)
class WrittenEntry:
    """What an ExtrinsicObject says. Times are UTC; `codes` are in the order of the example."""

    unique_id: str
    ins: Ins
    title: str
    slots: tuple[tuple[str, tuple[str, ...]], ...]
    author: WrittenAuthor
    codes: tuple[tuple[str, Coded], ...]


def dtm(instant: datetime) -> str:
    """A time of the metadata."""
    return instant.astimezone(UTC).strftime("%Y%m%d%H%M%S")


def build_lot(
    *,
    unique_id: str,
    source_id: str,
    ins: Ins,
    submitted_at: datetime,
    title: str,
    author: WrittenAuthor,
    content_type: Coded | None = None,
) -> bytes:
    """A RegistryPackage."""
    element = etree.Element(q(xds.NS_RIM, "RegistryPackage"), nsmap={None: xds.NS_RIM}, id=_LOT_ID)
    writer = _Writer(element)
    writer.slot(element, xds.SLOT_SUBMISSION_TIME, dtm(submitted_at))
    writer.named(element, title)
    writer.author(xds.SCHEME_SET_AUTHOR, author)
    if content_type is not None:
        writer.code(xds.SCHEME_SET_CONTENT_TYPE, content_type)
    writer.classification().set("classificationNode", xds.NODE_SUBMISSION_SET)
    writer.identifier(xds.IDENTIFIER_SET_PATIENT, xds.NAME_SET_PATIENT, _cx(ins))
    writer.identifier(xds.IDENTIFIER_SET_SOURCE, xds.NAME_SET_SOURCE, source_id)
    writer.identifier(xds.IDENTIFIER_SET_UNIQUE, xds.NAME_SET_UNIQUE, unique_id)
    return bytes(etree.tostring(element, encoding="UTF-8"))


def build_entry(entry: WrittenEntry) -> bytes:
    """An ExtrinsicObject."""
    element = etree.Element(
        q(xds.NS_RIM, "ExtrinsicObject"),
        nsmap={None: xds.NS_RIM},
        id=_ENTRY_ID,
        mimeType=xds.MIME_CDA,
        objectType=xds.TYPE_STABLE_DOCUMENT,
    )
    writer = _Writer(element)
    for name, values in entry.slots:
        writer.slot(element, name, *values)
    writer.named(element, entry.title)
    writer.author(xds.SCHEME_AUTHOR, entry.author)
    for scheme, code in entry.codes:
        writer.code(scheme, code)
    writer.identifier(xds.IDENTIFIER_ENTRY_PATIENT, xds.NAME_ENTRY_PATIENT, _cx(entry.ins))
    writer.identifier(xds.IDENTIFIER_ENTRY_UNIQUE, xds.NAME_ENTRY_UNIQUE, entry.unique_id)
    return bytes(etree.tostring(element, encoding="UTF-8"))


class _Writer:
    """Writes the parts of one object, each under an id of its own."""

    def __init__(self, element: etree._Element) -> None:
        self._element = element
        self._numbers = count(1)

    def slot(self, parent: etree._Element, name: str, *values: str) -> None:
        present = [value for value in values if value]
        if not present:
            return
        listing = etree.SubElement(
            etree.SubElement(parent, q(xds.NS_RIM, "Slot"), name=name), q(xds.NS_RIM, "ValueList")
        )
        for value in present:
            etree.SubElement(listing, q(xds.NS_RIM, "Value")).text = value

    def named(self, parent: etree._Element, text: str) -> None:
        name = etree.SubElement(parent, q(xds.NS_RIM, "Name"))
        string = etree.SubElement(name, q(xds.NS_RIM, "LocalizedString"))
        string.set("charset", xds.CHARSET)
        string.set("value", text)
        string.set(_LANG, xds.LANGUAGE)

    def classification(self) -> etree._Element:
        element = etree.SubElement(self._element, q(xds.NS_RIM, "Classification"))
        element.set("id", f"c{next(self._numbers)}")
        element.set("classifiedObject", self._element.get("id", ""))
        return element

    def author(self, scheme: str, author: WrittenAuthor) -> None:
        element = self.classification()
        element.set("classificationScheme", scheme)
        self.slot(element, xds.SLOT_AUTHOR_INSTITUTION, author.institution)
        self.slot(element, xds.SLOT_AUTHOR_PERSON, author.person)
        self.slot(element, xds.SLOT_AUTHOR_SPECIALTY, author.specialty)

    def code(self, scheme: str, code: Coded) -> None:
        element = self.classification()
        element.set("classificationScheme", scheme)
        element.set("nodeRepresentation", code.code)
        self.slot(element, xds.SLOT_CODING_SCHEME, code.system)
        self.named(element, code.label)

    def identifier(self, scheme: str, name: str, value: str) -> None:
        element = etree.SubElement(self._element, q(xds.NS_RIM, "ExternalIdentifier"))
        element.set("id", f"e{next(self._numbers)}")
        element.set("registryObject", self._element.get("id", ""))
        element.set("identificationScheme", scheme)
        element.set("value", value)
        self.named(element, name)


def _cx(ins: Ins) -> str:
    return f"{ins[0]}^^^&{ins[1]}&ISO^NH"
