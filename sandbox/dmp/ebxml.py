"""Registry objects (ebRIM 3.0) as the registry reads and writes them.

Source: ebRIM 3.0, IHE ITI TF-3 4.2. Reading keeps what is written: whether it may be accepted is decided
elsewhere.
"""

import copy
import uuid
from dataclasses import dataclass, field
from typing import Final

from lxml import etree

from interop.xds import codes as xds
from sandbox.xml import children, parse, q, text_of

MAX_SLOT_VALUE: Final = 256


@dataclass(frozen=True, slots=True)
class Code:
    """A coded value of the metadata."""

    code: str
    system: str
    label: str

    @property
    def pair(self) -> tuple[str, str]:
        return self.code, self.system


@dataclass(frozen=True, slots=True)
class Author:
    """Slots of an author classification."""

    slots: dict[str, tuple[str, ...]]

    def values(self, name: str) -> tuple[str, ...]:
        return self.slots.get(name, ())


@dataclass(frozen=True, slots=True)
class RegistryObject:
    """A document entry or a submission set. Identifiers are by scheme, with their name and value."""

    identifier: str
    attributes: dict[str, str]
    slots: dict[str, tuple[str, ...]]
    title: str
    comments: str
    version: str
    codes: dict[str, tuple[Code, ...]]
    authors: tuple[Author, ...]
    nodes: tuple[str, ...]
    identifiers: dict[str, tuple[str, str]]
    xml: bytes = field(repr=False)

    def slot(self, name: str) -> str:
        """The only value of a slot; empty when there is none or several."""
        values = self.slots.get(name, ())
        return values[0] if len(values) == 1 else ""

    def code(self, scheme: str) -> Code | None:
        """The only code of a scheme; None when there is none or several."""
        found = self.codes.get(scheme, ())
        return found[0] if len(found) == 1 else None

    def external(self, scheme: str) -> str:
        return self.identifiers.get(scheme, ("", ""))[1]

    @property
    def unique_id(self) -> str:
        return self.external(xds.IDENTIFIER_ENTRY_UNIQUE) or self.external(xds.IDENTIFIER_SET_UNIQUE)

    @property
    def patient_id(self) -> str:
        return self.external(xds.IDENTIFIER_ENTRY_PATIENT) or self.external(xds.IDENTIFIER_SET_PATIENT)

    @property
    def confidentiality(self) -> tuple[str, ...]:
        return tuple(code.code for code in self.codes.get(xds.SCHEME_CONFIDENTIALITY_CODE, ()))

    @property
    def author_ids(self) -> frozenset[str]:
        """Identifiers of the persons (or systems) who are authors."""
        persons = (value for author in self.authors for value in author.values(xds.SLOT_AUTHOR_PERSON))
        return frozenset(value.partition("^")[0] for value in persons)

    @property
    def is_signature(self) -> bool:
        code = self.code(xds.SCHEME_TYPE_CODE)
        return code is not None and code.code == xds.SIGNATURE_TYPE


@dataclass(frozen=True, slots=True)
class Association:
    """A link between two registry objects."""

    identifier: str
    kind: str
    source: str
    target: str
    slots: dict[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class ObjectList:
    """Content of a RegistryObjectList."""

    lots: tuple[RegistryObject, ...]
    entries: tuple[RegistryObject, ...]
    associations: tuple[Association, ...]


class EbxmlError(ValueError):
    """The objects cannot be read; the text names the element."""


def read_object_list(element: etree._Element) -> ObjectList:
    """Read a RegistryObjectList. EbxmlError for an element that has no place there."""
    lots, entries, associations = [], [], []
    for child in children(element):
        match etree.QName(child).localname if child.tag.startswith(q(xds.NS_RIM, "")) else "":
            case "RegistryPackage":
                lots.append(read_object(child))
            case "ExtrinsicObject":
                entries.append(read_object(child))
            case "Association":
                associations.append(_read_association(child))
            case "ObjectRef" | "Classification":
                continue  # allowed by the schema, without meaning here
            case _:
                raise EbxmlError(f"{child.tag} in a RegistryObjectList")
    return ObjectList(tuple(lots), tuple(entries), tuple(associations))


def read_xml(content: bytes) -> RegistryObject:
    """Read an object that the registry kept."""
    return read_object(parse(content))


def read_object(element: etree._Element) -> RegistryObject:
    """Read a RegistryPackage or an ExtrinsicObject; children must be in the order of the schema."""
    _check_order(element)
    codes: dict[str, tuple[Code, ...]] = {}
    authors, nodes = [], []
    for classification in element.findall(q(xds.NS_RIM, "Classification")):
        if classification.get("classifiedObject") != element.get("id"):
            raise EbxmlError("a Classification classifies another object")
        scheme = classification.get("classificationScheme", "")
        if scheme in (xds.SCHEME_AUTHOR, xds.SCHEME_SET_AUTHOR):
            authors.append(Author(_slots(classification)))
        elif scheme:
            codes[scheme] = (*codes.get(scheme, ()), _read_code(classification))
        else:
            nodes.append(classification.get("classificationNode", ""))
    version = element.find(q(xds.NS_RIM, "VersionInfo"))
    return RegistryObject(
        identifier=element.get("id", ""),
        attributes=dict(element.attrib),
        slots=_slots(element),
        title=_localized(element, "Name"),
        comments=_localized(element, "Description"),
        version=version.get("versionName", "") if version is not None else "",
        codes=codes,
        authors=tuple(authors),
        nodes=tuple(nodes),
        identifiers=_identifiers(element),
        xml=etree.tostring(element, with_tail=False, encoding="UTF-8"),
    )


_ORDER = {
    name: rank
    for rank, name in enumerate(
        ("Slot", "Name", "Description", "VersionInfo", "Classification", "ExternalIdentifier")
    )
}


def _check_order(element: etree._Element) -> None:
    ranks = []
    for child in children(element):
        name = etree.QName(child).localname
        if name not in _ORDER or etree.QName(child).namespace != xds.NS_RIM:
            raise EbxmlError(f"{child.tag} in an object of the registry")
        ranks.append(_ORDER[name])
    if ranks != sorted(ranks):
        raise EbxmlError("elements of an object are not in the order of the schema")


def _slots(element: etree._Element) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for slot in element.findall(q(xds.NS_RIM, "Slot")):
        name = slot.get("name", "")
        if not name or name in found:
            raise EbxmlError(f"slot {name!r} without name or repeated")
        values = slot.findall(f"{q(xds.NS_RIM, 'ValueList')}/{q(xds.NS_RIM, 'Value')}")
        texts = tuple(text_of(value) for value in values)
        if any(len(text) > MAX_SLOT_VALUE for text in texts):
            raise EbxmlError(f"a value of slot {name} is longer than {MAX_SLOT_VALUE} characters")
        found[name] = texts
    return found


def _localized(element: etree._Element, name: str) -> str:
    string = element.find(f"{q(xds.NS_RIM, name)}/{q(xds.NS_RIM, 'LocalizedString')}")
    return string.get("value", "") if string is not None else ""


def _read_code(classification: etree._Element) -> Code:
    system = _slots(classification).get(xds.SLOT_CODING_SCHEME, ())
    return Code(
        classification.get("nodeRepresentation", ""),
        system[0] if len(system) == 1 else "",
        _localized(classification, "Name"),
    )


def _identifiers(element: etree._Element) -> dict[str, tuple[str, str]]:
    found: dict[str, tuple[str, str]] = {}
    for identifier in element.findall(q(xds.NS_RIM, "ExternalIdentifier")):
        scheme = identifier.get("identificationScheme", "")
        if scheme in found or identifier.get("registryObject") != element.get("id"):
            raise EbxmlError("an ExternalIdentifier is repeated or belongs to another object")
        found[scheme] = (_localized(identifier, "Name"), identifier.get("value", ""))
    return found


def _read_association(element: etree._Element) -> Association:
    return Association(
        element.get("id", ""),
        element.get("associationType", ""),
        element.get("sourceObject", ""),
        element.get("targetObject", ""),
        _slots(element),
    )


# Writing


@dataclass(frozen=True, slots=True)
class Registered:
    """What the registry adds to an object that was submitted."""

    entry_uuid: str
    logical_id: str
    status: str
    version: int
    slots: tuple[tuple[str, str], ...] = ()


def write_object(content: bytes, registered: Registered) -> etree._Element:
    """The object as the registry returns it: its own identifiers, status, version, and slots."""
    element = copy.deepcopy(parse(content))
    element.set("id", registered.entry_uuid)
    element.set("lid", registered.logical_id)
    element.set("status", registered.status)
    for classification in element.findall(q(xds.NS_RIM, "Classification")):
        classification.set("id", f"urn:uuid:{uuid.uuid4()}")
        classification.set("classifiedObject", registered.entry_uuid)
    for identifier in element.findall(q(xds.NS_RIM, "ExternalIdentifier")):
        identifier.set("id", f"urn:uuid:{uuid.uuid4()}")
        identifier.set("registryObject", registered.entry_uuid)
    present = {slot.get("name") for slot in element.findall(q(xds.NS_RIM, "Slot"))}
    for name, value in registered.slots:
        if name not in present:
            element.insert(0, slot_element(name, value))
    _set_version(element, registered.version)
    return element


def without_code(content: bytes, scheme: str, code: str) -> bytes:
    """The object without one of its codes."""
    element = parse(content)
    for classification in element.findall(q(xds.NS_RIM, "Classification")):
        if (classification.get("classificationScheme"), classification.get("nodeRepresentation")) == (
            scheme,
            code,
        ):
            element.remove(classification)
    return bytes(etree.tostring(element, with_tail=False, encoding="UTF-8"))


def slot_element(name: str, *values: str) -> etree._Element:
    slot = etree.Element(q(xds.NS_RIM, "Slot"), nsmap={None: xds.NS_RIM})
    slot.set("name", name)
    listing = etree.SubElement(slot, q(xds.NS_RIM, "ValueList"))
    for value in values:
        etree.SubElement(listing, q(xds.NS_RIM, "Value")).text = value
    return slot


def _set_version(element: etree._Element, version: int) -> None:
    for old in element.findall(q(xds.NS_RIM, "VersionInfo")):
        element.remove(old)
    info = etree.Element(q(xds.NS_RIM, "VersionInfo"))
    info.set("versionName", str(version))
    names = ("Slot", "Name", "Description")
    before = [child for child in children(element) if etree.QName(child).localname in names]
    element.insert(element.index(before[-1]) + 1 if before else 0, info)


def write_association(association: Association) -> etree._Element:
    element = etree.Element(q(xds.NS_RIM, "Association"), nsmap={None: xds.NS_RIM})
    element.set("id", association.identifier)
    element.set("objectType", xds.TYPE_ASSOCIATION)
    element.set("status", xds.STATUS_APPROVED)
    element.set("associationType", association.kind)
    element.set("sourceObject", association.source)
    element.set("targetObject", association.target)
    for name, values in association.slots.items():
        element.append(slot_element(name, *values))
    return element


def write_reference(entry_uuid: str) -> etree._Element:
    element = etree.Element(q(xds.NS_RIM, "ObjectRef"), nsmap={None: xds.NS_RIM})
    element.set("id", entry_uuid)
    return element
