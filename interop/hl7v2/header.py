"""MSH as a value: who speaks to whom, about what, under which profile.

Source: HL7 v2.5 2.15.9; French values in hl7v2.md 1.4, 1.5, 2.3, 4.1.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo

from interop.hl7v2 import codes
from interop.hl7v2.datatypes import PARIS, Authority, join, parse_time, write_authority, write_time
from interop.hl7v2.errors import Hl7Error
from interop.hl7v2.tokens import STANDARD, Message, Segment, escape, peek_msh

MAX_CONTROL_ID = 20
"""Length of MSH-10 in HL7 2.5; a ZAM quotes it in OBX-4 (TD)."""
_VERSION = re.compile(r"2\.\d(\.\d)?")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An application and its facility: MSH-3 and 4, or MSH-5 and 6."""

    application: Authority = Authority()
    facility: Authority = Authority()


@dataclass(frozen=True, slots=True)
class Header:
    """MSH. `sent_at` is None when MSH-7 is absent or unreadable: it decides nothing.

    `profile` and `profile_version` are MSH-21.2 and 21.1 (`2.1^CISIS_CDA_HL7_V2`), `version` is MSH-12.1,
    `extension` is MSH-12.2 and 12.3 joined by `^` (`FRA^2.11`).
    """

    sender: Endpoint
    receiver: Endpoint
    control_id: str
    message: str
    event: str
    structure: str = ""
    sent_at: datetime | None = None
    processing_id: str = "P"
    version: str = codes.VERSION_ORU
    extension: str = ""
    charset: str = codes.CHARSET_UTF8
    profile: str = ""
    profile_version: str = ""
    accept_ack: str = ""
    application_ack: str = ""


def read_header(message: Message, zone: tzinfo = PARIS) -> Header:
    """Return the header of a tokenized message.

    Raises:
        Hl7Error: 101 when MSH-9 or MSH-10 is absent. MSH-10 longer than 20 characters is accepted.
    """
    msh = message.msh
    kind = msh.require(9, label="type du message")
    control_id = msh.require(10, label="identifiant du message")
    return replace(_lenient(msh, zone), message=kind, control_id=control_id)


def peek_header(raw: bytes, zone: tzinfo = PARIS) -> Header | None:
    """Return what can be read of MSH in bytes that may be no message at all; None without MSH.

    Never raises: a refusal must be addressed even when the message cannot be parsed.
    """
    fields = peek_msh(raw)
    if not fields:
        return None
    declared = fields[2] if len(fields) > 2 else ""
    marks = STANDARD
    if len(set(declared[:4]) | {fields[1]}) == 5 and not any(map(str.isalnum, declared[:4])):
        marks = replace(
            STANDARD,
            field=fields[1],
            component=declared[0],
            repetition=declared[1],
            escape=declared[2],
            subcomponent=declared[3],
        )
    return _lenient(Segment(tuple(fields), 1, marks, "latin-1"), zone)


def write_header(header: Header, zone: tzinfo = PARIS) -> str:
    """Return the MSH segment with the standard delimiters.

    Raises:
        ValueError: no `sent_at`, or an identifier above 20 characters.
    """
    if header.sent_at is None:
        raise ValueError("a message leaves with its date-time")
    if not 0 < len(header.control_id) <= MAX_CONTROL_ID:
        raise ValueError(f"MSH-10 holds 1 to {MAX_CONTROL_ID} characters")
    language = codes.LANGUAGE if header.profile == codes.PROFILE_PAM else ""
    fields = (
        STANDARD.encoding_characters,
        write_authority_field(header.sender.application),
        write_authority_field(header.sender.facility),
        write_authority_field(header.receiver.application),
        write_authority_field(header.receiver.facility),
        write_time(header.sent_at, zone),
        "",
        join(map(escape, (header.message, header.event, header.structure))),
        escape(header.control_id),
        escape(header.processing_id),
        join((header.version, header.extension)),
        "",
        "",
        header.accept_ack,
        header.application_ack,
        codes.COUNTRY,
        header.charset,
        language,
        "",
        join(map(escape, (header.profile_version, header.profile))),
    )
    return ("MSH" + STANDARD.field + STANDARD.field.join(fields)).rstrip(STANDARD.field)


def write_authority_field(authority: Authority) -> str:
    """Write an HD as a whole field: its parts are components there, not subcomponents."""
    return write_authority(authority).replace(STANDARD.subcomponent, STANDARD.component)


def encode_message(segments: list[str], charset: str = codes.CHARSET_UTF8) -> bytes:
    """Return the bytes of a message, each segment ended by CR, in the character set that MSH-18 declares.

    Raises:
        Hl7Error: 102 when a character does not exist in that set.
    """
    codec = codes.CODEC_OF_CHARSET[charset]
    try:
        return "".join(segment + "\r" for segment in segments).encode(codec)
    except UnicodeEncodeError:
        raise Hl7Error(
            codes.ERROR_DATA_TYPE, "", f"Un caractère du message n'existe pas dans le jeu {charset}"
        ) from None


def check_supported(
    header: Header,
    *,
    messages: Mapping[str, Collection[str]],
    versions: Mapping[str, str],
    processing_ids: frozenset[str],
) -> None:
    """Check MSH-9, MSH-12 and MSH-11, in this order (hl7v2.md 2.9, step 2).

    `messages` maps each message type to its events, `versions` to the beginning of MSH-12.

    Raises:
        Hl7Error: 200, 201, 203 or 202.
    """
    if header.message not in messages:
        raise Hl7Error(codes.ERROR_MESSAGE_TYPE, "MSH^1^9", "Type de message non pris en charge")
    if header.event not in messages[header.message]:
        raise Hl7Error(codes.ERROR_EVENT, "MSH^1^9^1^2", "Événement non pris en charge")
    if not header.version.startswith(versions[header.message]):
        raise Hl7Error(
            codes.ERROR_VERSION,
            "MSH^1^12",
            f"Version non prise en charge, {versions[header.message]} attendue",
        )
    if header.processing_id not in processing_ids:
        raise Hl7Error(codes.ERROR_PROCESSING, "MSH^1^11", "Mode de traitement non accepté ici")


def _lenient(msh: Segment, zone: tzinfo) -> Header:
    version = msh.value(12)
    extension = (msh.value(12, 2), msh.value(12, 3))
    return Header(
        sender=Endpoint(_authority(msh, 3), _authority(msh, 4)),
        receiver=Endpoint(_authority(msh, 5), _authority(msh, 6)),
        control_id=msh.value(10),
        message=msh.value(9),
        event=msh.value(9, 2),
        structure=msh.value(9, 3),
        sent_at=parse_time(msh.value(7), zone),
        processing_id=msh.value(11),
        version=version if _VERSION.fullmatch(version) else version[:20],
        extension=join(extension),
        charset=msh.value(18),
        profile=msh.value(21, 2),
        profile_version=msh.value(21, 1),
        accept_ack=msh.value(15),
        application_ack=msh.value(16),
    )


def _authority(msh: Segment, number: int) -> Authority:
    return Authority(msh.value(number, 1), msh.value(number, 2), msh.value(number, 3))
