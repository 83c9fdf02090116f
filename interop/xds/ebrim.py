"""Metadata to and from ebRIM 3.0 XML.

Sources: ebRIM 3.0 schema (order of the children of an object), official DMP example messages (names,
charset, ids), spec cda 8.1, 8.8, 8.9. Writing is deterministic; reading is tolerant of what is absent.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import count

from lxml import etree

from interop.xds import codes
from interop.xds.composed import Cx, Xcn, Xon
from interop.xds.metadata import (
    NO_CODE,
    NO_ID,
    SLOT_VALUE_LENGTH,
    Association,
    Author,
    Code,
    DocumentEntry,
    MetadataError,
    RegistryObjects,
    SubmissionSet,
    entry_problems,
    set_problems,
    update_problems,
)
from interop.xml import parse_xml, xml_text

_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
_NSMAP = {None: codes.NS_RIM}
_NUMBER_LENGTH = 19


def build_submit_objects(objects: RegistryObjects) -> etree._Element:
    """Return `lcm:SubmitObjectsRequest`: submission sets, then documents, then associations.

    Raises:
        MetadataError: a set or a document lacks what the registry requires.
    """
    problems = [problem for lot in objects.sets for problem in set_problems(lot)]
    problems += [problem for entry in objects.entries for problem in entry_problems(entry)]
    if problems:
        raise MetadataError(tuple(problems))
    request = etree.Element(
        f"{{{codes.NS_LCM}}}SubmitObjectsRequest", nsmap={"lcm": codes.NS_LCM, None: codes.NS_RIM}
    )
    request.append(build_object_list(objects))
    return request


def build_metadata_update(
    lot: SubmissionSet, entry: DocumentEntry, confidentiality: tuple[Code, ...]
) -> etree._Element:
    """Return `lcm:SubmitObjectsRequest` that gives an entry read in a registry another confidentiality.

    The object goes back as it was received, under a local id; the relation to the lot tells the version
    that it takes over (spec dmp 3.6).

    Raises:
        MetadataError: the lot is incomplete, or the entry was not read in a registry.
        XmlRefused: what was received is no XML any more.
    """
    problems = (*set_problems(lot), *update_problems(entry, confidentiality))
    if problems:
        raise MetadataError(problems)
    writer = _Writer()
    request = etree.Element(
        f"{{{codes.NS_LCM}}}SubmitObjectsRequest", nsmap={"lcm": codes.NS_LCM, None: codes.NS_RIM}
    )
    listing = etree.SubElement(request, _rim("RegistryObjectList"))
    listing.append(writer.submission_set(lot))
    listing.append(writer.updated_entry(entry, confidentiality))
    member = Association(
        codes.ASSOCIATION_HAS_MEMBER,
        lot.entry_id,
        codes.UPDATED_ENTRY_ID,
        (
            (codes.SLOT_SUBMISSION_SET_STATUS, codes.SUBMISSION_SET_ORIGINAL),
            (codes.SLOT_PREVIOUS_VERSION, str(entry.version)),
        ),
    )
    listing.append(writer.association(member))
    return request


def build_object_list(objects: RegistryObjects) -> etree._Element:
    """Return `RegistryObjectList` without checking that the metadata is complete."""
    writer = _Writer()
    listing = etree.Element(_rim("RegistryObjectList"), nsmap=_NSMAP)
    listing.extend(writer.submission_set(lot) for lot in objects.sets)
    listing.extend(writer.entry(entry) for entry in objects.entries)
    listing.extend(writer.association(association) for association in objects.associations)
    return listing


def parse_object_list(listing: etree._Element) -> RegistryObjects:
    """Read a `RegistryObjectList`: what a query answered, or the metadata of an archive."""
    return RegistryObjects(
        sets=tuple(_read_set(item) for item in listing.iterfind(_rim("RegistryPackage"))),
        entries=tuple(_read_entry(item) for item in listing.iterfind(_rim("ExtrinsicObject"))),
        associations=tuple(_read_association(item) for item in listing.iterfind(_rim("Association"))),
        references=tuple(item.get("id", "") for item in listing.iterfind(_rim("ObjectRef"))),
    )


class _Writer:
    """Writes objects; holds the counters of the ids that the schema asks for."""

    def __init__(self) -> None:
        self._classifications = count(1)
        self._identifiers = count(1)
        self._associations = count(1)

    def submission_set(self, lot: SubmissionSet) -> etree._Element:
        element = etree.Element(_rim("RegistryPackage"), nsmap=_NSMAP, id=lot.entry_id)
        if lot.status:
            element.set("status", lot.status)
        _add_slot(element, codes.SLOT_SUBMISSION_TIME, lot.submission_time)
        _add_slot(element, codes.SLOT_INTENDED_RECIPIENT, *lot.intended_recipients)
        _add_strings(element, lot.title, lot.comments)
        for author in lot.authors:
            self._author(element, codes.SCHEME_SET_AUTHOR, author)
        self._code(element, codes.SCHEME_SET_CONTENT_TYPE, lot.content_type)
        self._classification(element).set("classificationNode", codes.NODE_SUBMISSION_SET)
        self._identifier(element, codes.IDENTIFIER_SET_PATIENT, codes.NAME_SET_PATIENT, str(lot.patient_id))
        self._identifier(element, codes.IDENTIFIER_SET_SOURCE, codes.NAME_SET_SOURCE, lot.source_id)
        self._identifier(element, codes.IDENTIFIER_SET_UNIQUE, codes.NAME_SET_UNIQUE, lot.unique_id)
        return element

    def entry(self, entry: DocumentEntry) -> etree._Element:
        element = etree.Element(_rim("ExtrinsicObject"), nsmap=_NSMAP, id=entry.entry_id)
        if entry.logical_id:
            element.set("lid", entry.logical_id)
        element.set("mimeType", entry.mime_type)
        element.set("objectType", codes.TYPE_STABLE_DOCUMENT)
        if entry.status:
            element.set("status", entry.status)
        _add_entry_slots(element, entry)
        _add_strings(element, entry.title, entry.comments)
        if entry.version:
            etree.SubElement(element, _rim("VersionInfo"), versionName=str(entry.version))
        for author in entry.authors:
            self._author(element, codes.SCHEME_AUTHOR, author)
        for scheme, code in _entry_codes(entry):
            self._code(element, scheme, code)
        self._identifier(
            element, codes.IDENTIFIER_ENTRY_PATIENT, codes.NAME_ENTRY_PATIENT, str(entry.patient_id)
        )
        self._identifier(element, codes.IDENTIFIER_ENTRY_UNIQUE, codes.NAME_ENTRY_UNIQUE, entry.unique_id)
        return element

    def updated_entry(self, entry: DocumentEntry, confidentiality: tuple[Code, ...]) -> etree._Element:
        """The object as it was received, but for its ids and its confidentiality."""
        element = parse_xml(entry.received)
        element.set("id", codes.UPDATED_ENTRY_ID)
        element.set("lid", entry.logical_id)
        before = list(_classified(element, codes.SCHEME_CONFIDENTIALITY_CODE))
        others = element.findall(_rim("Classification"))
        place = element.index((before or others)[0]) if before or others else _end_of_strings(element)
        for old in before:
            element.remove(old)
        for item in element.iterfind(_rim("Classification")):
            item.set("id", f"cla{next(self._classifications)}")
            item.set("classifiedObject", codes.UPDATED_ENTRY_ID)
        for item in element.iterfind(_rim("ExternalIdentifier")):
            item.set("id", f"ei{next(self._identifiers)}")
            item.set("registryObject", codes.UPDATED_ENTRY_ID)
        for code in reversed(confidentiality):
            self._code(element, codes.SCHEME_CONFIDENTIALITY_CODE, code)
            element.insert(place, element[-1])
        return element

    def association(self, association: Association) -> etree._Element:
        element = etree.Element(_rim("Association"), nsmap=_NSMAP)
        element.set("id", association.association_id or f"as{next(self._associations)}")
        element.set("objectType", codes.TYPE_ASSOCIATION)
        element.set("associationType", association.kind)
        element.set("sourceObject", association.source)
        element.set("targetObject", association.target)
        for name, value in association.slots:
            _add_slot(element, name, value)
        return element

    def _author(self, element: etree._Element, scheme: str, author: Author) -> None:
        classification = self._classification(element)
        classification.set("classificationScheme", scheme)
        _add_slot(classification, codes.SLOT_AUTHOR_PERSON, str(author.person) if author.person else "")
        specialty = author.specialty
        if specialty != NO_CODE:
            text = f"{specialty.code}^{specialty.label}^{specialty.system}"
            _add_slot(classification, codes.SLOT_AUTHOR_SPECIALTY, text)
        _add_slot(classification, codes.SLOT_AUTHOR_ROLE, author.role)
        institutions = (str(institution) for institution in author.institutions)
        _add_slot(classification, codes.SLOT_AUTHOR_INSTITUTION, *institutions)

    def _code(self, element: etree._Element, scheme: str, code: Code) -> None:
        if code == NO_CODE:
            return
        classification = self._classification(element)
        classification.set("classificationScheme", scheme)
        classification.set("nodeRepresentation", code.code)
        _add_slot(classification, codes.SLOT_CODING_SCHEME, code.system)
        _add_string(classification, "Name", code.label)

    def _classification(self, element: etree._Element) -> etree._Element:
        classification = etree.SubElement(element, _rim("Classification"))
        classification.set("id", f"cla{next(self._classifications)}")
        classification.set("classifiedObject", element.get("id", ""))
        return classification

    def _identifier(self, element: etree._Element, scheme: str, name: str, value: str) -> None:
        identifier = etree.SubElement(element, _rim("ExternalIdentifier"))
        identifier.set("id", f"ei{next(self._identifiers)}")
        identifier.set("registryObject", element.get("id", ""))
        identifier.set("identificationScheme", scheme)
        identifier.set("value", value)
        _add_string(identifier, "Name", name)


def _end_of_strings(element: etree._Element) -> int:
    """Where the classifications of an object begin, when it has none."""
    named = (_rim("Slot"), _rim("Name"), _rim("Description"), _rim("VersionInfo"))
    return sum(child.tag in named for child in element)


def _add_entry_slots(element: etree._Element, entry: DocumentEntry) -> None:
    person = entry.legal_authenticator
    slots: tuple[tuple[str, Iterable[str]], ...] = (
        (codes.SLOT_URI, (entry.uri,)),
        (codes.SLOT_CREATION_TIME, (entry.creation_time,)),
        (codes.SLOT_HASH, (entry.hash,)),
        (codes.SLOT_LANGUAGE_CODE, (entry.language_code,)),
        (codes.SLOT_LEGAL_AUTHENTICATOR, (str(person) if person else "",)),
        (codes.SLOT_REPOSITORY_UNIQUE_ID, (entry.repository_unique_id,)),
        (codes.SLOT_SERVICE_START, (entry.service_start_time,)),
        (codes.SLOT_SERVICE_STOP, (entry.service_stop_time,)),
        (codes.SLOT_SIZE, (str(entry.size) if entry.size >= 0 else "",)),
        (
            codes.SLOT_SOURCE_PATIENT_ID,
            (str(entry.source_patient_id) if entry.source_patient_id != NO_ID else "",),
        ),
        (codes.SLOT_SOURCE_PATIENT_INFO, entry.source_patient_info),
        (codes.SLOT_REFERENCE_ID_LIST, entry.reference_ids),
    )
    for name, values in slots:
        _add_slot(element, name, *values)


def _entry_codes(entry: DocumentEntry) -> Iterable[tuple[str, Code]]:
    yield codes.SCHEME_CLASS_CODE, entry.class_code
    yield codes.SCHEME_TYPE_CODE, entry.type_code
    for code in entry.confidentiality_codes:
        yield codes.SCHEME_CONFIDENTIALITY_CODE, code
    for code in entry.event_codes:
        yield codes.SCHEME_EVENT_CODE, code
    yield codes.SCHEME_FORMAT_CODE, entry.format_code
    yield codes.SCHEME_FACILITY_TYPE_CODE, entry.facility_type_code
    yield codes.SCHEME_PRACTICE_SETTING_CODE, entry.practice_setting_code


def _add_slot(element: etree._Element, name: str, *values: str) -> None:
    """Write a slot unless it has no value."""
    present = [value for value in values if value]
    if not present:
        return
    if any(len(value) > SLOT_VALUE_LENGTH for value in present):
        raise MetadataError((f"slot {name} has a value of more than {SLOT_VALUE_LENGTH} characters",))
    slot = etree.SubElement(element, _rim("Slot"), name=name)
    listing = etree.SubElement(slot, _rim("ValueList"))
    for value in present:
        etree.SubElement(listing, _rim("Value")).text = xml_text(value)


def _add_strings(element: etree._Element, title: str, comments: str) -> None:
    _add_string(element, "Name", title)
    _add_string(element, "Description", comments)


def _add_string(element: etree._Element, name: str, text: str) -> None:
    if not text:
        return
    string = etree.SubElement(etree.SubElement(element, _rim(name)), _rim("LocalizedString"))
    string.set("charset", codes.CHARSET)
    string.set("value", xml_text(text))
    string.set(_LANG, codes.LANGUAGE)


def _read_set(element: etree._Element) -> SubmissionSet:
    slots = _slots(element)
    return SubmissionSet(
        unique_id=_identifier(element, codes.IDENTIFIER_SET_UNIQUE),
        source_id=_identifier(element, codes.IDENTIFIER_SET_SOURCE),
        patient_id=_read_cx(_identifier(element, codes.IDENTIFIER_SET_PATIENT)),
        submission_time=_first(slots, codes.SLOT_SUBMISSION_TIME),
        authors=_read_authors(element, codes.SCHEME_SET_AUTHOR),
        content_type=_first_code(element, codes.SCHEME_SET_CONTENT_TYPE),
        entry_id=element.get("id", ""),
        title=_string(element, "Name"),
        comments=_string(element, "Description"),
        intended_recipients=slots.get(codes.SLOT_INTENDED_RECIPIENT, ()),
        status=element.get("status", ""),
    )


def _read_entry(element: etree._Element) -> DocumentEntry:
    slots = _slots(element)
    authenticator = _first(slots, codes.SLOT_LEGAL_AUTHENTICATOR)
    return DocumentEntry(
        entry_id=element.get("id", ""),
        unique_id=_identifier(element, codes.IDENTIFIER_ENTRY_UNIQUE),
        patient_id=_read_cx(_identifier(element, codes.IDENTIFIER_ENTRY_PATIENT)),
        mime_type=element.get("mimeType", ""),
        title=_string(element, "Name"),
        comments=_string(element, "Description"),
        creation_time=_first(slots, codes.SLOT_CREATION_TIME),
        language_code=_first(slots, codes.SLOT_LANGUAGE_CODE),
        legal_authenticator=Xcn.parse(authenticator) if authenticator else None,
        service_start_time=_first(slots, codes.SLOT_SERVICE_START),
        service_stop_time=_first(slots, codes.SLOT_SERVICE_STOP),
        source_patient_id=_read_cx(_first(slots, codes.SLOT_SOURCE_PATIENT_ID)),
        source_patient_info=slots.get(codes.SLOT_SOURCE_PATIENT_INFO, ()),
        hash=_first(slots, codes.SLOT_HASH),
        size=number_of(_first(slots, codes.SLOT_SIZE), -1),
        uri=_first(slots, codes.SLOT_URI),
        authors=_read_authors(element, codes.SCHEME_AUTHOR),
        class_code=_first_code(element, codes.SCHEME_CLASS_CODE),
        type_code=_first_code(element, codes.SCHEME_TYPE_CODE),
        format_code=_first_code(element, codes.SCHEME_FORMAT_CODE),
        facility_type_code=_first_code(element, codes.SCHEME_FACILITY_TYPE_CODE),
        practice_setting_code=_first_code(element, codes.SCHEME_PRACTICE_SETTING_CODE),
        confidentiality_codes=_codes(element, codes.SCHEME_CONFIDENTIALITY_CODE),
        event_codes=_codes(element, codes.SCHEME_EVENT_CODE),
        reference_ids=slots.get(codes.SLOT_REFERENCE_ID_LIST, ()),
        repository_unique_id=_first(slots, codes.SLOT_REPOSITORY_UNIQUE_ID),
        logical_id=element.get("lid", ""),
        version=_version(element),
        status=element.get("status", ""),
        received=bytes(etree.tostring(element, with_tail=False)),
    )


def _read_association(element: etree._Element) -> Association:
    return Association(
        kind=element.get("associationType", ""),
        source=element.get("sourceObject", ""),
        target=element.get("targetObject", ""),
        slots=tuple((name, values[0]) for name, values in _slots(element).items() if values),
        association_id=element.get("id", ""),
    )


def _read_authors(element: etree._Element, scheme: str) -> tuple[Author, ...]:
    return tuple(_read_author(_slots(item)) for item in _classified(element, scheme))


def _read_author(slots: dict[str, tuple[str, ...]]) -> Author:
    person = _first(slots, codes.SLOT_AUTHOR_PERSON)
    specialty = _first(slots, codes.SLOT_AUTHOR_SPECIALTY).split("^")
    return Author(
        person=Xcn.parse(person) if person else None,
        institutions=tuple(Xon.parse(text) for text in slots.get(codes.SLOT_AUTHOR_INSTITUTION, ())),
        specialty=Code(specialty[0], specialty[2], specialty[1]) if len(specialty) > 2 else NO_CODE,
        role=_first(slots, codes.SLOT_AUTHOR_ROLE),
    )


def _codes(element: etree._Element, scheme: str) -> tuple[Code, ...]:
    return tuple(
        Code(
            item.get("nodeRepresentation", ""),
            _first(_slots(item), codes.SLOT_CODING_SCHEME),
            _string(item, "Name"),
        )
        for item in _classified(element, scheme)
    )


def _first_code(element: etree._Element, scheme: str) -> Code:
    found = _codes(element, scheme)
    return found[0] if found else NO_CODE


def _classified(element: etree._Element, scheme: str) -> Iterable[etree._Element]:
    items = element.iterfind(_rim("Classification"))
    return (item for item in items if item.get("classificationScheme") == scheme)


def _identifier(element: etree._Element, scheme: str) -> str:
    for item in element.iterfind(_rim("ExternalIdentifier")):
        if item.get("identificationScheme") == scheme:
            return str(item.get("value", ""))
    return ""


def _slots(element: etree._Element) -> dict[str, tuple[str, ...]]:
    path = f"{_rim('ValueList')}/{_rim('Value')}"
    return {
        slot.get("name", ""): tuple((value.text or "").strip() for value in slot.iterfind(path))
        for slot in element.iterfind(_rim("Slot"))
    }


def _first(slots: dict[str, tuple[str, ...]], name: str) -> str:
    return next(iter(slots.get(name, ())), "")


def _string(element: etree._Element, name: str) -> str:
    string = element.find(f"{_rim(name)}/{_rim('LocalizedString')}")
    return "" if string is None else str(string.get("value", ""))


def _version(element: etree._Element) -> int:
    info = element.find(_rim("VersionInfo"))
    return 0 if info is None else number_of(info.get("versionName", ""), 0)


def number_of(text: str, absent: int) -> int:
    """Read a count written by a registry; `absent` when it is none."""
    return int(text) if len(text) < _NUMBER_LENGTH and text.isascii() and text.isdigit() else absent


def _read_cx(text: str) -> Cx:
    return Cx.parse(text) if text else NO_ID


def _rim(name: str) -> str:
    return f"{{{codes.NS_RIM}}}{name}"
