"""Business acknowledgements of the PFI: ZAM^Z01 (DMP), Z02 (MSSanté delivery), Z03 (MSSanté reading).

Source: CI-SIS volet "Transmission de document(s) CDA en HL7v2" v2.1, ack-metier-zam (hl7v2.md 2.8);
DPI.CDA/HL7.04. Structure `MSH [{SFT}] EVN OBX [OBX] [ERR]`; one message per recipient for Z02 and Z03.
"""

from dataclasses import dataclass
from datetime import datetime, tzinfo

from interop.hl7v2 import codes
from interop.hl7v2.ack import read_fault, write_fault
from interop.hl7v2.datatypes import PARIS, Coded, join, require_time, write_coded, write_segment, write_time
from interop.hl7v2.errors import Fault, Hl7Error
from interop.hl7v2.header import Endpoint, Header, check_supported, encode_message, read_header, write_header
from interop.hl7v2.tokens import Message, Segment, escape

_MESSAGES = {"ZAM": frozenset(codes.ZamKind)}
_VERSIONS = {"ZAM": codes.VERSION_MDM}


@dataclass(frozen=True, slots=True)
class Zam:
    """One business acknowledgement.

    `acknowledged_id` is the MSH-10 of the order; `event_at` the moment of what is acknowledged. `address` and
    `person_id` are those of the recipient (Z02) or of the mailbox that read (Z03), empty for Z01. `fault` is
    there if, and only if, `success` is False: its `application_code` is the code of the DMP, of SMTP or of
    the consumer.
    """

    header: Header
    kind: codes.ZamKind
    event_at: datetime
    acknowledged_id: str
    success: bool
    address: str = ""
    person_id: str = ""
    fault: Fault | None = None


def zam_header(
    *,
    sender: Endpoint,
    receiver: Endpoint,
    control_id: str,
    sent_at: datetime,
    kind: codes.ZamKind,
    processing_id: str = "P",
    charset: str = codes.CHARSET_UTF8,
    profile_version: str = codes.PROFILE_DOCUMENT_VERSION,
) -> Header:
    """Return the header of a ZAM; `profile_version` is that of the volet that its receiver speaks."""
    return Header(
        sender=sender,
        receiver=receiver,
        control_id=control_id,
        message="ZAM",
        event=kind,
        structure=codes.ZAM_STRUCTURE,
        sent_at=sent_at,
        processing_id=processing_id,
        version=codes.VERSION_MDM,
        charset=charset,
        profile=codes.PROFILE_DOCUMENT,
        profile_version=profile_version,
    )


def zam_fault(kind: codes.ZamKind, code: str, label: str = "") -> Fault:
    """Return the fault of a failed acknowledgement; the labels of our tables stand where `label` is empty."""
    tables = {
        codes.ZamKind.MSS_DELIVERY: codes.SMTP_ERROR_LABELS,
        codes.ZamKind.MSS_READING: codes.APPLICATION_ERROR_LABELS,
    }
    return Fault(
        code=codes.ERROR_APPLICATION,
        application_code=code,
        application_label=label or tables.get(kind, {}).get(code, ""),
        application_system=codes.ZAM_ERROR_SYSTEM[kind],
    )


def build_zam(zam: Zam, *, zone: tzinfo = PARIS) -> bytes:
    """Return a ZAM message (header made by `zam_header`).

    Raises:
        ValueError: success and fault contradict one another, Z02 or Z03 without address, Z01 with one, or a
            header of another kind.
        Hl7Error: 102, a character that cannot travel.
    """
    if (zam.header.message, zam.header.event) != ("ZAM", zam.kind):
        raise ValueError("the event of a ZAM is its kind")
    if zam.success == (zam.fault is not None):
        raise ValueError("a failed acknowledgement, and no other, says why")
    if bool(zam.address) != (zam.kind in codes.ZAM_PERSON):
        raise ValueError("an MSSanté acknowledgement, and no other, names a mailbox")
    segments = [
        write_header(zam.header, zone),
        write_segment("EVN", {2: write_time(zam.event_at, zone)}),
        _write_outcome(zam),
    ]
    if zam.kind in codes.ZAM_PERSON:
        segments.append(_write_person(zam))
    if zam.fault is not None:
        segments.append(write_fault(zam.fault))
    return encode_message(segments, zam.header.charset)


def parse_zam(
    message: Message, *, zone: tzinfo = PARIS, processing_ids: frozenset[str] = frozenset("PTD")
) -> Zam:
    """Read a ZAM; coding systems and labels vary between partners and are not compared.

    Raises:
        Hl7Error: 200, 201, 203, 202 (header), 100 (segment), 101, 102, 103 (field), 199 (event and
            observation
            disagree).
    """
    header = read_header(message, zone)
    check_supported(header, messages=_MESSAGES, versions=_VERSIONS, processing_ids=processing_ids)
    kind = codes.ZamKind(header.event)
    evn = message.require("EVN")
    outcome = message.require("OBX")
    name = outcome.require(3, label="type d'accusé")
    if name != codes.ZAM_OBSERVATION[kind][0]:
        raise Hl7Error(codes.ERROR_OTHER, outcome.location(3), "OBX-3 n'est pas l'accusé de cet événement")
    value = outcome.require(5, label="résultat").upper()
    if value not in (codes.YES, codes.NO):
        raise Hl7Error(codes.ERROR_TABLE_VALUE, outcome.location(5), "OBX-5 : Y ou N attendu")
    success = value == codes.YES
    person = _person(message, kind)
    return Zam(
        header=header,
        kind=kind,
        event_at=require_time(evn, 2, zone, label="date de l'événement"),
        acknowledged_id=outcome.require(4, label="identifiant du message acquitté"),
        success=success,
        address=person.value(5, 4) if person else "",
        person_id=person.value(4) if person else "",
        fault=None if success else read_fault(message.require("ERR")),
    )


def _write_outcome(zam: Zam) -> str:
    name, label = codes.ZAM_OBSERVATION[zam.kind]
    return write_segment(
        "OBX",
        {
            1: "1",
            2: "CWE",
            3: write_coded(Coded(name, label, codes.SYSTEM_ACK)),
            4: escape(zam.acknowledged_id),
            5: write_coded(Coded(codes.YES if zam.success else codes.NO, "", codes.SYSTEM_YES_NO)),
            11: codes.RESULT_FINAL,
        },
    )


def _write_person(zam: Zam) -> str:
    name, label = codes.ZAM_PERSON[zam.kind]
    return write_segment(
        "OBX",
        {
            1: "2",
            2: "XTN",
            3: write_coded(Coded(name, label, codes.SYSTEM_ACK)),
            4: escape(zam.person_id),
            5: join(("", "", codes.EMAIL_X400, escape(zam.address))),
            11: codes.RESULT_FINAL,
        },
    )


def _person(message: Message, kind: codes.ZamKind) -> Segment | None:
    """Return the second OBX, which Z02 and Z03 need.

    Raises:
        Hl7Error: 100 (absent), 101 (no address).
    """
    if kind not in codes.ZAM_PERSON:
        return None
    observations = message.all("OBX")
    if len(observations) < 2:
        raise Hl7Error(codes.ERROR_SEGMENT_SEQUENCE, "OBX^2", "Segment OBX du destinataire absent")
    if not observations[1].value(5, 4):
        location = observations[1].location(5, component=4)
        raise Hl7Error(codes.ERROR_FIELD_MISSING, location, "OBX-5.4 absent : adresse MSSanté")
    return observations[1]
