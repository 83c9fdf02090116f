"""Technical acknowledgement, original mode: `MSH MSA [{ERR}]`.

Source: CI-SIS volets, "Le message d'acquittement" (hl7v2.md 1.5); PAM France for the events of ADT.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

from interop.hl7v2 import codes
from interop.hl7v2.datatypes import PARIS, Coded, join, pick, read_coded, write_coded, write_segment
from interop.hl7v2.errors import Fault, Hl7Error
from interop.hl7v2.header import Header, encode_message, read_header, write_header
from interop.hl7v2.tokens import Message, Segment, escape, parse_message

_VERSION = re.compile(r"2\.\d(\.\d)?")
_VERSION_26_MESSAGES = frozenset({"MDM", "ZAM"})


@dataclass(frozen=True, slots=True)
class Ack:
    """An acknowledgement: its own header, MSA-1, MSA-2, MSA-3 and one fault per ERR."""

    header: Header
    code: codes.AckCode
    acknowledged_id: str
    faults: tuple[Fault, ...] = ()
    text: str = ""


def build_ack(
    received: Header,
    *,
    code: codes.AckCode,
    control_id: str,
    sent_at: datetime,
    faults: Sequence[Fault] = (),
    charset: str = codes.CHARSET_UTF8,
    zone: tzinfo = PARIS,
) -> bytes:
    """Answer a message, given its header (`read_header`, or `peek_header` when it could not be parsed).

    Raises:
        ValueError: AE without any fault, which the volets forbid, or AA with an error.
    """
    blocking = [fault for fault in faults if fault.severity in (codes.Severity.ERROR, codes.Severity.FATAL)]
    if code == codes.AckCode.AE and not blocking:
        raise ValueError("an AE says what is wrong")
    if code == codes.AckCode.AA and blocking:
        raise ValueError("an AA carries warnings at most")
    header = Header(
        sender=received.receiver,
        receiver=received.sender,
        control_id=control_id,
        message="ACK",
        event=received.event,
        structure="ACK",
        sent_at=sent_at,
        processing_id=received.processing_id,
        version=_version(received),
        charset=charset,
    )
    msa = write_segment("MSA", {1: code, 2: escape(received.control_id)})
    return encode_message([write_header(header, zone), msa, *map(write_fault, faults)], charset)


def parse_ack(raw: bytes, *, default_charset: str = "", zone: tzinfo = PARIS) -> Ack:
    """Read an acknowledgement.

    Raises:
        Hl7Error: it is not an ACK (200), MSA is absent (100) or incomplete (101), MSA-1 is not AA, AE or AR
            (103).
    """
    return read_ack(parse_message(raw, default_charset=default_charset), zone)


def read_ack(message: Message, zone: tzinfo = PARIS) -> Ack:
    """Read an acknowledgement that is already tokenized; raises as `parse_ack`."""
    header = read_header(message, zone)
    if header.message != "ACK":
        raise Hl7Error(codes.ERROR_MESSAGE_TYPE, "MSH^1^9", "La réponse n'est pas un acquittement")
    msa = message.require("MSA")
    given = msa.require(1, label="code d'acquittement")
    try:
        code = codes.AckCode(given)
    except ValueError:
        raise Hl7Error(codes.ERROR_TABLE_VALUE, msa.location(1), "Code d'acquittement inconnu") from None
    return Ack(
        header=header,
        code=code,
        acknowledged_id=msa.require(2, label="identifiant du message acquitté"),
        faults=tuple(read_fault(segment) for segment in message.all("ERR")),
        text=msa.text(3),
    )


def write_fault(fault: Fault) -> str:
    """Return an ERR segment."""
    condition = Coded(fault.code, codes.ERROR_LABELS.get(fault.code, ""), codes.SYSTEM_ERROR_CODE)
    application = Coded(fault.application_code, fault.application_label, fault.application_system)
    return write_segment(
        "ERR",
        {
            2: join(map(escape, fault.location.split("^"))),
            3: write_coded(condition),
            4: fault.severity,
            5: write_coded(application) if application.code else "",
            8: escape(fault.text),
        },
    )


def read_fault(segment: Segment) -> Fault:
    """Read an ERR segment; an ERR-1 of HL7 2.4 and before is understood when ERR-3 is absent."""
    condition = read_coded(segment.field(3), segment)
    location = _location(segment, 2)
    if not condition.code:
        marks = segment.separators
        parts = segment.field(1).split(marks.repetition)[0].split(marks.component)
        condition = Coded(pick(parts, 4).split(marks.subcomponent)[0])
        location = "^".join(part for part in parts[:3] if part)
    application = read_coded(segment.field(5), segment)
    return Fault(
        code=condition.code,
        location=location,
        text=segment.text(8),
        severity=segment.value(4) or codes.Severity.ERROR,
        application_code=application.code,
        application_label=application.label,
        application_system=application.system,
    )


def _location(segment: Segment, number: int) -> str:
    repetitions = segment.repetitions(number)
    if not repetitions:
        return ""
    return join(part.strip() for part in repetitions[0].split(segment.separators.component))


def _version(received: Header) -> str:
    if _VERSION.fullmatch(received.version):
        return received.version
    return codes.VERSION_MDM if received.message in _VERSION_26_MESSAGES else codes.VERSION_ORU
