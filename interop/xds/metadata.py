"""Metadata of documents and submission sets.

Sources: spec cda 8.1, 8.2 and 8.8, spec dmp 3.2 (IHE ITI TF-3, CI-SIS, JDV suffixed -DMP). Values read from
a registry may lack anything: fields are then empty. What we submit is checked by `entry_problems` and
`set_problems` before it is written.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from interop.xds import codes
from interop.xds.composed import Cx, Xcn, Xon

SLOT_VALUE_LENGTH = 256
"""Longest value of a slot (ebRIM 3.0, LongName)."""
UNIQUE_ID_LENGTH = 128
OID_LENGTH = 64

_DTM = re.compile(r"[0-9]{4}([0-9]{2}([0-9]{2}([0-9]{2}([0-9]{2}([0-9]{2})?)?)?)?)?")
_OID = re.compile(r"[0-2](\.(0|[1-9][0-9]*))+")
_SHA1 = re.compile(r"[0-9a-f]{40}")


class MetadataError(ValueError):
    """The metadata cannot be submitted; `problems` names each field, for technical screens."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Code:
    """A coded value: code, OID (or name) of its system, label of the nomenclature."""

    code: str
    system: str
    label: str = ""


NO_CODE = Code("", "")
NO_ID = Cx("", "", "")


@dataclass(frozen=True, slots=True)
class Author:
    """One author, its specialty (`G15_10/SM26`...), its role in words, its structures."""

    person: Xcn | None = None
    institutions: tuple[Xon, ...] = ()
    specialty: Code = NO_CODE
    role: str = ""


@dataclass(frozen=True, slots=True)
class DocumentEntry:
    """One document. Times are DTM in UTC without offset, of the precision that is known.

    `entry_id` is symbolic at submission (`Document01`) and the entryUUID once registered; `logical_id`,
    `version`, `status` and `repository_unique_id` come from the registry. `hash` is the SHA-1 of the bytes
    in lower case, `size` their number (-1 where unknown). `received` is the object as a registry wrote it:
    an update of the metadata sends back what we do not model too (ITI-57).
    """

    entry_id: str
    unique_id: str
    patient_id: Cx
    mime_type: str = codes.MIME_CDA
    title: str = ""
    comments: str = ""
    creation_time: str = ""
    language_code: str = ""
    legal_authenticator: Xcn | None = None
    service_start_time: str = ""
    service_stop_time: str = ""
    source_patient_id: Cx = NO_ID
    source_patient_info: tuple[str, ...] = ()
    hash: str = ""
    size: int = -1
    uri: str = ""
    authors: tuple[Author, ...] = ()
    class_code: Code = NO_CODE
    type_code: Code = NO_CODE
    format_code: Code = NO_CODE
    facility_type_code: Code = NO_CODE
    practice_setting_code: Code = NO_CODE
    confidentiality_codes: tuple[Code, ...] = ()
    event_codes: tuple[Code, ...] = ()
    reference_ids: tuple[str, ...] = ()
    repository_unique_id: str = ""
    logical_id: str = ""
    version: int = 0
    status: str = ""
    received: bytes = field(default=b"", repr=False, compare=False)

    @property
    def visibility(self) -> frozenset[str]:
        """Restriction codes in force (TRE_A07): masked, hidden to the patient, hidden to guardians."""
        return frozenset(code.code for code in self.confidentiality_codes) & codes.VISIBILITY_LABELS.keys()


@dataclass(frozen=True, slots=True)
class SubmissionSet:
    """One lot. `unique_id` and `source_id` are OIDs fixed before the first attempt (spec cda 8.4)."""

    unique_id: str
    source_id: str
    patient_id: Cx
    submission_time: str
    authors: tuple[Author, ...] = ()
    content_type: Code = NO_CODE
    entry_id: str = "SubmissionSet01"
    title: str = ""
    comments: str = ""
    intended_recipients: tuple[str, ...] = ()
    status: str = ""


@dataclass(frozen=True, slots=True)
class Association:
    """A relation between two objects, by their ids. Slots are kept as pairs of name and value."""

    kind: str
    source: str
    target: str
    slots: tuple[tuple[str, str], ...] = ()
    association_id: str = ""

    def slot(self, name: str) -> str:
        return dict(self.slots).get(name, "")


@dataclass(frozen=True, slots=True)
class RegistryObjects:
    """The content of a `RegistryObjectList`: what is submitted, or what a query answered."""

    sets: tuple[SubmissionSet, ...] = ()
    entries: tuple[DocumentEntry, ...] = ()
    associations: tuple[Association, ...] = ()
    references: tuple[str, ...] = ()


def entry_problems(entry: DocumentEntry) -> tuple[str, ...]:
    """List what a document entry lacks to be submitted (cardinalities of spec dmp 3.2)."""
    return (*_missing(entry), *_badly_formed(entry), *_bad_confidentiality(entry.confidentiality_codes))


def update_problems(entry: DocumentEntry, confidentiality: tuple[Code, ...]) -> tuple[str, ...]:
    """List what forbids an update of the confidentiality of an entry read in a registry (spec dmp 3.6)."""
    read = {
        "XDSDocumentEntry.logicalId": entry.logical_id,
        "XDSDocumentEntry.version": entry.version,
        "XDSDocumentEntry as received": entry.received,
        "XDSDocumentEntry.confidentialityCode": confidentiality,
    }
    missing = (f"{name} is missing" for name, value in read.items() if not value)
    return (*missing, *_bad_confidentiality(confidentiality))


def set_problems(lot: SubmissionSet) -> tuple[str, ...]:
    """List what a submission set lacks to be submitted (spec cda 8.8)."""
    required = {
        "author": bool(lot.authors),
        "contentTypeCode": lot.content_type != NO_CODE,
        "patientId": bool(lot.patient_id.value and lot.patient_id.authority),
        "submissionTime": bool(_DTM.fullmatch(lot.submission_time)),
        "sourceId": _is_oid(lot.source_id),
        "uniqueId": _is_oid(lot.unique_id),
    }
    return tuple(f"XDSSubmissionSet.{name}" for name, present in required.items() if not present)


def _missing(entry: DocumentEntry) -> Iterator[str]:
    required = {
        "author": entry.authors,
        "classCode": entry.class_code.code,
        "confidentialityCode": entry.confidentiality_codes,
        "creationTime": entry.creation_time,
        "formatCode": entry.format_code.code,
        "healthcareFacilityTypeCode": entry.facility_type_code.code,
        "languageCode": entry.language_code,
        "legalAuthenticator": entry.legal_authenticator,
        "mimeType": entry.mime_type,
        "patientId": entry.patient_id.value and entry.patient_id.authority,
        "practiceSettingCode": entry.practice_setting_code.code,
        "serviceStartTime": entry.service_start_time,
        "sourcePatientId": entry.source_patient_id.value and entry.source_patient_id.authority,
        "title": entry.title,
        "typeCode": entry.type_code.code,
        "uniqueId": entry.unique_id,
    }
    return (f"XDSDocumentEntry.{name} is missing" for name, value in required.items() if not value)


def _badly_formed(entry: DocumentEntry) -> Iterator[str]:
    times = {
        "creationTime": entry.creation_time,
        "serviceStartTime": entry.service_start_time,
        "serviceStopTime": entry.service_stop_time,
    }
    for name, time in times.items():
        if time and not _DTM.fullmatch(time):
            yield f"XDSDocumentEntry.{name} is no time"
    if entry.unique_id and not _is_unique_id(entry.unique_id):
        yield "XDSDocumentEntry.uniqueId is no OID"
    if entry.hash and not _SHA1.fullmatch(entry.hash):
        yield "XDSDocumentEntry.hash is no SHA-1"


def _bad_confidentiality(confidentiality: tuple[Code, ...]) -> Iterator[str]:
    found = [code.code for code in confidentiality]
    if found and found[0] in codes.VISIBILITY_LABELS:
        yield "XDSDocumentEntry.confidentialityCode begins with a restriction"
    if len(found) > codes.CONFIDENTIALITY_MAX or len(set(found)) < len(found):
        yield "XDSDocumentEntry.confidentialityCode has too many values, or the same twice"


def _is_oid(text: str) -> bool:
    return len(text) <= OID_LENGTH and bool(_OID.fullmatch(text))


def _is_unique_id(text: str) -> bool:
    """An OID, or an OID and an extension separated by a caret (spec cda 8.4)."""
    return len(text) <= UNIQUE_ID_LENGTH and _is_oid(text.partition("^")[0])
