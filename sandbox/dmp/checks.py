"""Metadata of a submission: every rule that the registry applies before it accepts a document.

Sources: table of the metadata of TD2.1 (DMP integration guide), IHE ITI TF-3 4.2, value sets of
`value_sets`, and the CDA document itself, of which the metadata must be the copy.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

from interop.ins import codes as ins_codes
from interop.xds import codes as xds
from sandbox import codes
from sandbox.dmp import value_sets
from sandbox.dmp.cda import CdaHeader
from sandbox.dmp.ebxml import Author, Code, RegistryObject
from sandbox.dmp.vihf import Vihf

CLOCK_TOLERANCE: Final = timedelta(minutes=5)
MAX_OID: Final = 64

OID = re.compile(r"[0-2](\.(0|[1-9]\d*))+")
_DTM = re.compile(r"\d{4}(\d{2}(\d{2}(\d{2}(\d{2}(\d{2})?)?)?)?)?")
_DTM_SECONDS = re.compile(r"\d{14}")
_SHA1 = re.compile(r"[0-9a-f]{40}")
_INS_CX = re.compile(r"[0-9A-Z]{15}\^\^\^&([\d.]+)&ISO\^NH")
_CX = re.compile(r"[^^&]+\^\^\^&([\d.]+)&ISO\^(PI|NH)")
_XCN = re.compile(r"([^^]+)\^([^^]+)\^([^^]*)\^{6}&([\d.]+)&ISO\^([A-Z])\^{3}(IDNPS|EI|NH|RI)")
_XON = re.compile(r"([^^]*)\^{5}&([\d.]+)&ISO\^IDNST\^{3}(\w{6,40})")
_SPECIALTY = re.compile(r"([^^]+)\^([^^]+)\^([^^]+)")
_SOURCE_INFO = {
    "PID-5": re.compile(r"[^^]+\^[^^]*(\^[^^]*){0,5}"),
    "PID-7": re.compile(r"\d{4,8}"),
    "PID-8": re.compile(r"[MFU]|UN"),
}

_FORMATS_OF_BODY: Final = {
    "application/pdf": xds.FORMAT_PDF,
    "text/plain": xds.FORMAT_TEXT,
    "text/rtf": xds.FORMAT_RTF,
    "image/jpeg": xds.FORMAT_JPEG,
    "image/tiff": xds.FORMAT_TIFF,
}
_ENTRY_CODES: Final = (
    (xds.SCHEME_CLASS_CODE, "classCode", value_sets.document_classes),
    (xds.SCHEME_TYPE_CODE, "typeCode", value_sets.document_types),
    (xds.SCHEME_FACILITY_TYPE_CODE, "healthcareFacilityTypeCode", value_sets.facility_types),
    (xds.SCHEME_PRACTICE_SETTING_CODE, "practiceSettingCode", value_sets.practice_settings),
)
_SINGLE_SLOTS: Final = (
    xds.SLOT_CREATION_TIME,
    xds.SLOT_LANGUAGE_CODE,
    xds.SLOT_LEGAL_AUTHENTICATOR,
    xds.SLOT_SERVICE_START,
    xds.SLOT_SOURCE_PATIENT_ID,
)
_RESTRICTIONS: Final = frozenset(xds.VISIBILITY_LABELS)

Problems = Iterator[str]
"""Names of the metadata that are wrong, with what is wrong about them."""


# Submission set


def lot_problems(lot: RegistryObject, token: Vihf, now: datetime) -> Problems:
    """Metadata of the submission set."""
    if xds.NODE_SUBMISSION_SET not in lot.nodes:
        yield "XDSSubmissionSet: classification node missing"
    time = lot.slot(xds.SLOT_SUBMISSION_TIME)
    if not _DTM_SECONDS.fullmatch(time):
        yield "XDSSubmissionSet.submissionTime missing or not UTC to the second"
    elif _instant(time) > now + CLOCK_TOLERANCE:
        yield "XDSSubmissionSet.submissionTime in the future"
    yield from _identifier_problems(
        lot, xds.IDENTIFIER_SET_UNIQUE, xds.NAME_SET_UNIQUE, "XDSSubmissionSet.uniqueId"
    )
    yield from _identifier_problems(
        lot, xds.IDENTIFIER_SET_SOURCE, xds.NAME_SET_SOURCE, "XDSSubmissionSet.sourceId"
    )
    yield from _patient_problems(lot, xds.IDENTIFIER_SET_PATIENT, xds.NAME_SET_PATIENT)
    content = lot.code(xds.SCHEME_SET_CONTENT_TYPE)
    if content is None or content.pair not in value_sets.content_types():
        yield "XDSSubmissionSet.contentTypeCode missing or unknown"
    yield from _author_problems(lot, "XDSSubmissionSet.author")
    yield from _sender_problems(lot, token)


def _sender_problems(lot: RegistryObject, token: Vihf) -> Problems:
    """The author of the set is the one who sends: the person and the structure of the VIHF."""
    persons = {
        value.partition("^")[0] for author in lot.authors for value in author.values(xds.SLOT_AUTHOR_PERSON)
    }
    if persons and token.name_id not in persons:
        yield "XDSSubmissionSet.author is not the NameID of the VIHF"
    structures = {
        found[3]
        for author in lot.authors
        for value in author.values(xds.SLOT_AUTHOR_INSTITUTION)
        if (found := _XON.fullmatch(value))
    }
    if structures and token.structure not in structures:
        yield "XDSSubmissionSet.author is not of the structure of the VIHF"


# Document entry


def entry_problems(entry: RegistryObject, token: Vihf) -> Problems:
    """Metadata of a document, without regard to its content."""
    if entry.attributes.get("objectType") != xds.TYPE_STABLE_DOCUMENT:
        yield "XDSDocumentEntry.objectType is not that of a stable document"
    for name in ("lid", "status"):
        if name in entry.attributes:
            yield f"XDSDocumentEntry: {name} belongs to the registry"
    if entry.version or xds.SLOT_REPOSITORY_UNIQUE_ID in entry.slots:
        yield "XDSDocumentEntry: version and repositoryUniqueId belong to the registry"
    yield from _identifier_problems(
        entry, xds.IDENTIFIER_ENTRY_UNIQUE, xds.NAME_ENTRY_UNIQUE, "XDSDocumentEntry.uniqueId"
    )
    yield from _patient_problems(entry, xds.IDENTIFIER_ENTRY_PATIENT, xds.NAME_ENTRY_PATIENT)
    if not entry.title:
        yield "XDSDocumentEntry.title missing"
    if entry.is_signature:
        yield from _signature_problems(entry)
    else:
        yield from _slot_problems(entry)
        yield from _code_problems(entry)
        yield from confidentiality_problems(entry, token)
        yield from _author_problems(entry, "XDSDocumentEntry.author")


def _slot_problems(entry: RegistryObject) -> Problems:
    if entry.attributes.get("mimeType") not in (xds.MIME_CDA, xds.MIME_SELF_RENDERING):
        yield "XDSDocumentEntry.mimeType unknown"
    for name in _SINGLE_SLOTS:
        if not entry.slot(name):
            yield f"XDSDocumentEntry.{name} missing or repeated"
    for name in (xds.SLOT_CREATION_TIME, xds.SLOT_SERVICE_START, xds.SLOT_SERVICE_STOP):
        value = entry.slot(name)
        if value and not _DTM.fullmatch(value):
            yield f"XDSDocumentEntry.{name} is not a time in UTC"
    start, stop = entry.slot(xds.SLOT_SERVICE_START), entry.slot(xds.SLOT_SERVICE_STOP)
    common = min(len(start), len(stop))
    if stop and start[:common] > stop[:common]:
        yield "XDSDocumentEntry.serviceStopTime before serviceStartTime"
    if not re.fullmatch(r"[a-z]{2}-[A-Z]{2}", entry.slot(xds.SLOT_LANGUAGE_CODE)):
        yield "XDSDocumentEntry.languageCode is not of the form fr-FR"
    if not _XCN.fullmatch(entry.slot(xds.SLOT_LEGAL_AUTHENTICATOR)):
        yield "XDSDocumentEntry.legalAuthenticator is not an XCN"
    if not _CX.fullmatch(entry.slot(xds.SLOT_SOURCE_PATIENT_ID)):
        yield "XDSDocumentEntry.sourcePatientId is not a CX"
    for value in entry.slots.get(xds.SLOT_SOURCE_PATIENT_INFO, ()):
        field, _, content = value.partition("|")
        if not re.fullmatch(r"PID-\d{1,2}", field):
            yield f"XDSDocumentEntry.sourcePatientInfo: {field} is not a field of PID"
        elif field in _SOURCE_INFO and not _SOURCE_INFO[field].fullmatch(content):
            yield f"XDSDocumentEntry.sourcePatientInfo: {field} badly formed"
    if not _SHA1.fullmatch(entry.slot(xds.SLOT_HASH)):
        yield "XDSDocumentEntry.hash missing or not a SHA-1 in lower case"
    if not entry.slot(xds.SLOT_SIZE).isdigit():
        yield "XDSDocumentEntry.size missing or not a number"


def _code_problems(entry: RegistryObject) -> Problems:
    for scheme, name, accepted in _ENTRY_CODES:
        code = entry.code(scheme)
        if code is None:
            yield f"XDSDocumentEntry.{name} missing or repeated"
        elif code.pair not in accepted():
            yield f"XDSDocumentEntry.{name} {code.code} of {code.system or 'no system'} unknown"
        elif not code.label:
            yield f"XDSDocumentEntry.{name} without label"
    form = entry.code(xds.SCHEME_FORMAT_CODE)
    if form is None or form.system not in (xds.OID_FORMAT_IHE, xds.OID_FORMAT_FR):
        yield "XDSDocumentEntry.formatCode missing or of an unknown system"
    for event in entry.codes.get(xds.SCHEME_EVENT_CODE, ()):
        if not event.code or not event.system:
            yield "XDSDocumentEntry.eventCodeList holds a code without value or system"


def confidentiality_problems(entry: RegistryObject, token: Vihf) -> Problems:
    """`N` first, then up to three restrictions, in combinations that the DMP allows."""
    found = entry.codes.get(xds.SCHEME_CONFIDENTIALITY_CODE, ())
    values = [code.code for code in found]
    if not values or found[0].pair != (xds.CONFIDENTIALITY_NORMAL, xds.OID_CONFIDENTIALITY_HL7):
        yield "XDSDocumentEntry.confidentialityCode does not begin with N"
        return
    restrictions = found[1:]
    if any(code.system != xds.OID_VISIBILITY or code.code not in _RESTRICTIONS for code in restrictions):
        yield "XDSDocumentEntry.confidentialityCode unknown"
    if len(set(values)) < len(values):
        yield "XDSDocumentEntry.confidentialityCode repeated"
    if {xds.VISIBILITY_HIDDEN_PATIENT, xds.VISIBILITY_MASKED} <= set(values):
        yield "XDSDocumentEntry.confidentialityCode: INVISIBLE_PATIENT and MASQUE_PS exclude each other"
    type_code = entry.code(xds.SCHEME_TYPE_CODE)
    if type_code is not None and type_code.code == codes.TYPE_VACCINATION_NOTE and restrictions:
        yield "XDSDocumentEntry.confidentialityCode: a note de vaccination is N only"
    if token.secret_connection and xds.VISIBILITY_HIDDEN_GUARDIANS not in values:
        yield "XDSDocumentEntry.confidentialityCode: secret connection without INVISIBLE_REPRESENTANTS_LEGAUX"


def _signature_problems(entry: RegistryObject) -> Problems:
    """The signature object of a set has fixed metadata."""
    expected: dict[str, tuple[Code | None, tuple[str, str]]] = {
        "classCode": (entry.code(xds.SCHEME_CLASS_CODE), (xds.SIGNATURE_CLASS, xds.SIGNATURE_SCHEME)),
        "typeCode": (entry.code(xds.SCHEME_TYPE_CODE), (xds.SIGNATURE_TYPE, xds.SIGNATURE_TYPE_SCHEME)),
        "formatCode": (entry.code(xds.SCHEME_FORMAT_CODE), (xds.SIGNATURE_FORMAT, xds.SIGNATURE_SCHEME)),
        "eventCodeList": (
            entry.code(xds.SCHEME_EVENT_CODE),
            (xds.SIGNATURE_EVENT, xds.SIGNATURE_EVENT_SCHEME),
        ),
    }
    for name, (code, pair) in expected.items():
        if code is None or code.pair != pair:
            yield f"signature object: {name} is not {pair[0]}"
    if entry.attributes.get("mimeType") != xds.MIME_CDA:
        yield "signature object: mimeType is not text/xml"
    if entry.slot(xds.SLOT_LANGUAGE_CODE) != xds.SIGNATURE_LANGUAGE:
        yield "signature object: languageCode is not art"
    if entry.title != xds.SIGNATURE_TITLE:
        yield "signature object: title is not Source"
    hidden = {xds.CONFIDENTIALITY_NORMAL, xds.VISIBILITY_MASKED, xds.VISIBILITY_HIDDEN_PATIENT}
    if set(entry.confidentiality) != hidden:
        yield "signature object: confidentialityCode is not N, MASQUE_PS, INVISIBLE_PATIENT"


# Shared


def _identifier_problems(item: RegistryObject, scheme: str, name: str, label: str) -> Problems:
    found_name, value = item.identifiers.get(scheme, ("", ""))
    if not OID.fullmatch(value) or len(value) > MAX_OID:
        yield f"{label} missing or not an OID of {MAX_OID} characters at most"
    elif found_name != name:
        yield f"{label} is not named {name}"


def _patient_problems(item: RegistryObject, scheme: str, name: str) -> Problems:
    found_name, value = item.identifiers.get(scheme, ("", ""))
    found = _INS_CX.fullmatch(value)
    if found is None or found[1] not in ins_codes.INS_OIDS:
        yield f"{name} missing or not an INS"
    elif found_name != name:
        yield f"{name} badly named"


def _author_problems(item: RegistryObject, label: str) -> Problems:
    if not item.authors:
        yield f"{label} missing"
    for author in item.authors:
        yield from _one_author_problems(author, label)


def _one_author_problems(author: Author, label: str) -> Problems:
    persons = author.values(xds.SLOT_AUTHOR_PERSON)
    found = _XCN.fullmatch(persons[0]) if len(persons) == 1 else None
    if found is None:
        yield f"{label}: authorPerson missing, repeated or not an XCN"
    elif found[6] == xds.XCN_NATIONAL and found[4] != xds.OID_PERSON:
        yield f"{label}: authorPerson is not of the national domain"
    institutions = author.values(xds.SLOT_AUTHOR_INSTITUTION)
    if not institutions or any(not _XON.fullmatch(value) for value in institutions):
        yield f"{label}: authorInstitution missing or not an XON"
    for value in author.values(xds.SLOT_AUTHOR_SPECIALTY):
        specialty = _SPECIALTY.fullmatch(value)
        if specialty is None or (specialty[1], specialty[3]) not in value_sets.author_specialties():
            yield f"{label}: authorSpecialty unknown"
    person = found is not None and found[5] == xds.XCN_PERSON and found[6] != xds.XCN_PATIENT
    if person and not author.values(xds.SLOT_AUTHOR_SPECIALTY):
        yield f"{label}: authorSpecialty missing"


def _instant(value: str) -> datetime:
    return datetime.strptime(value, "%Y%m%d%H%M%S").replace(tzinfo=UTC)


# Metadata against document


def document_problems(entry: RegistryObject, header: CdaHeader, token: Vihf) -> Problems:
    """The metadata must be the copy of the header of the document."""
    type_code = entry.code(xds.SCHEME_TYPE_CODE)
    pairs = {
        "uniqueId": (entry.unique_id, header.unique_id),
        "typeCode": (type_code.pair if type_code else (), (header.type_code, header.type_system)),
        "title": (entry.title, header.title),
        "creationTime": (entry.slot(xds.SLOT_CREATION_TIME), header.effective_time),
        "languageCode": (entry.slot(xds.SLOT_LANGUAGE_CODE), header.language),
        "serviceStartTime": (entry.slot(xds.SLOT_SERVICE_START), header.service_start),
        "serviceStopTime": (entry.slot(xds.SLOT_SERVICE_STOP), header.service_stop),
        "practiceSettingCode": (_value(entry, xds.SCHEME_PRACTICE_SETTING_CODE), header.practice_setting),
        "healthcareFacilityTypeCode": (_value(entry, xds.SCHEME_FACILITY_TYPE_CODE), header.facility_type),
        "legalAuthenticator": (
            entry.slot(xds.SLOT_LEGAL_AUTHENTICATOR).partition("^")[0],
            header.legal_authenticator,
        ),
        "confidentialityCode": (entry.confidentiality[:1], (header.confidentiality,)),
    }
    for name, (written, expected) in pairs.items():
        if written != expected:
            yield f"XDSDocumentEntry.{name} is not that of the document"
    authors = {
        value.partition("^")[0] for author in entry.authors for value in author.values(xds.SLOT_AUTHOR_PERSON)
    }
    if authors != header.author_ids:
        yield "XDSDocumentEntry.author is not that of the document"
    yield from _format_problems(entry, header)
    if header.unique_id == header.set_id:
        yield "document: setId is the same as id"
    ins = {(value, root) for value, root in header.patient_ids if root in ins_codes.INS_OIDS}
    if ins != {(token.matricule, token.ins_oid)}:
        yield "document: the INS of recordTarget is not that of the submission"


def _value(entry: RegistryObject, scheme: str) -> str:
    code = entry.code(scheme)
    return code.code if code is not None else ""


def _format_problems(entry: RegistryObject, header: CdaHeader) -> Problems:
    written = _value(entry, xds.SCHEME_FORMAT_CODE)
    if header.body_media_type:
        if written != _FORMATS_OF_BODY.get(header.body_media_type):
            yield "XDSDocumentEntry.formatCode is not that of the body"
    elif written in _FORMATS_OF_BODY.values():
        yield "XDSDocumentEntry.formatCode is that of an unstructured body"
