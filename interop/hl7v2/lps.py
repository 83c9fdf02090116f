"""Volet CI-SIS "Transmission au LPS d'un document CDA provenant d'un courriel MSSanté" v1.1: PFI to DPI.

Source: hl7v2.md 3.2 (profile), 2.1 (markers), 3.3 (refusals that the message alone decides); DPI.CDA/HL7.02.
The comparison with the local identity and the rules of versions belong to the consumer, which answers with
`application_fault`.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, tzinfo

from interop.hl7v2 import codes
from interop.hl7v2.datatypes import PARIS, Coded, read_coded, write_segment, write_time
from interop.hl7v2.errors import Fault, Hl7Error, application_fault
from interop.hl7v2.header import Endpoint, Header, check_supported, encode_message, read_header, write_header
from interop.hl7v2.mdm.checks import settle_ids
from interop.hl7v2.mdm.model import CarriedDocument, Participant
from interop.hl7v2.mdm.parse import document_with_txa, read_action, read_event_times
from interop.hl7v2.mdm.read import (
    Observation,
    check_sequence,
    collect_metadata,
    read_document,
    read_encapsulated,
    read_observations,
    read_participant,
    read_text,
    read_type,
    read_yes_no,
)
from interop.hl7v2.mdm.write import (
    mdm_header,
    write_document,
    write_flag,
    write_order,
    write_participant,
    write_text,
    write_txa,
)
from interop.hl7v2.pam.identity import read_identity
from interop.hl7v2.pam.model import PatientIdentity
from interop.hl7v2.pam.write import check_ins_may_leave, write_pid, write_pv1
from interop.hl7v2.tokens import Message
from interop.ins.traits import missing_traits

_MESSAGES = {"MDM": frozenset(codes.ACTION_OF_MDM_EVENT)}
_VERSIONS = {"MDM": codes.VERSION_MDM}
_SEQUENCE = ("MSH", "EVN", "PID", "PV1", "ORC", "OBR", "TXA", "OBX")
_SEQUENCE_LENIENT = ("MSH", "EVN", "PID", "TXA", "OBX")
_ONCE = ("EVN", "PID", "PV1", "ORC", "OBR", "TXA")
_META = frozenset(codes.META_LPS)


@dataclass(frozen=True, slots=True)
class Mail:
    """The mail that brought the document: Message-ID, subject, body as plain text."""

    message_id: str
    subject: str = ""
    body: str = field(default="", repr=False)
    sub_id: str = ""


@dataclass(frozen=True, slots=True)
class LpsFlags:
    """The metadata that follow the mail."""

    masque_ps: bool = False
    invisible_patient: bool = False
    invisible_rep_legaux: bool = False
    modif_conf_code: bool = False


_FLAG_OF_META = {
    codes.Meta.MASQUE_PS: "masque_ps",
    codes.Meta.INVISIBLE_PATIENT: "invisible_patient",
    codes.Meta.INVISIBLE_REP_LEGAUX: "invisible_rep_legaux",
    codes.Meta.MODIF_CONF_CODE: "modif_conf_code",
}


@dataclass(frozen=True, slots=True)
class LpsDocument:
    """A document received by mail, as the PFI hands it to the DPI."""

    header: Header
    action: codes.Action
    patient: PatientIdentity
    document: CarriedDocument
    participants: tuple[Participant, ...]
    mail: Mail
    recorded_at: datetime
    flags: LpsFlags = LpsFlags()
    occurred_at: datetime | None = None
    warnings: tuple[str, ...] = field(default=(), compare=False)

    @property
    def sender(self) -> Participant:
        """Who sent the mail (SB)."""
        return next(part for part in self.participants if part.role == codes.Participation.SENT_BY)

    @property
    def recipients(self) -> tuple[Participant, ...]:
        """To whom the mail was addressed (RCT): a unit there tells where to file the document."""
        return tuple(part for part in self.participants if part.role == codes.Participation.RECIPIENT)


@dataclass(frozen=True, slots=True)
class LpsRules:
    """The settings of a reader; `lenient` accepts volet 1.0 (hl7v2.md 5, F13)."""

    lenient: bool = False
    processing_ids: frozenset[str] = frozenset("PTD")


def lps_header(
    *,
    sender: Endpoint,
    receiver: Endpoint,
    control_id: str,
    sent_at: datetime,
    action: codes.Action,
    processing_id: str = "P",
    charset: str = codes.CHARSET_UTF8,
) -> Header:
    """Return the header of an MDM of this volet."""
    return mdm_header(
        sender=sender,
        receiver=receiver,
        control_id=control_id,
        sent_at=sent_at,
        action=action,
        processing_id=processing_id,
        charset=charset,
        profile=codes.PROFILE_LPS,
        profile_version=codes.PROFILE_LPS_VERSION,
    )


def build_lps(received: LpsDocument, *, zone: tzinfo = PARIS) -> bytes:
    """Return an MDM^T02, T10 or T04 of the volet (header made by `lps_header`).

    Raises:
        ValueError: header and action contradict one another, no sender or no sender's address, no
            Message-ID, a
            replacement without the id that it replaces.
        Hl7Error: 102, a character that cannot travel.
    """
    _check_to_send(received)
    document, mail = received.document, received.mail
    occurred = write_time(received.occurred_at, zone) if received.occurred_at else ""
    segments = [
        write_header(received.header, zone),
        write_segment("EVN", {2: write_time(received.recorded_at, zone), 6: occurred}),
        write_pid(received.patient, zone=zone, may_lack_birth_name=True),
        write_pv1(None, zone),
        *write_order(received.action, document.type),
        write_txa(document),
        write_document(1, document, received.action, text_type="text"),
        *map(write_participant, received.participants),
        write_text(2, Coded(mail.message_id, mail.subject), mail.body, sub_id=mail.sub_id),
        *(
            write_flag(number, meta, getattr(received.flags, _FLAG_OF_META[meta]), "CWE")
            for number, meta in enumerate(codes.META_LPS, start=3)
        ),
    ]
    return encode_message(segments, received.header.charset)


def parse_lps(message: Message, rules: LpsRules | None = None, *, zone: tzinfo = PARIS) -> LpsDocument:
    """Read and check a document that came by mail. `identity_fault` is asked afterwards.

    Raises:
        Hl7Error: technical, without ERR-5 (100 to 103, 198 to 203); 207 with 906 for a CDA header that
            cannot be
            used (hl7v2.md 3.3).
    """
    settings = rules or LpsRules()
    header = read_header(message, zone)
    check_supported(header, messages=_MESSAGES, versions=_VERSIONS, processing_ids=settings.processing_ids)
    if header.profile != codes.PROFILE_LPS:
        raise Hl7Error(codes.ERROR_TABLE_VALUE, "MSH^1^21", "MSH-21 : profil CISIS_CDA_HL7_LPS attendu")
    check_sequence(message, _SEQUENCE_LENIENT if settings.lenient else _SEQUENCE, once=_ONCE)
    warnings = list(message.warnings)
    carried, mail, *others = _observations(message)
    action = read_action(message, header, [carried], lenient=settings.lenient, warnings=warnings)
    document = _document(message, carried, action, settings, warnings)
    rows = collect_metadata(others, _META)
    recorded_at, occurred_at = read_event_times(message, zone)
    document = settle_ids(action, document, 1, lenient=settings.lenient, warnings=warnings)
    return LpsDocument(
        header=header,
        action=action,
        patient=read_identity(message.require("PID"), warnings, zone=zone, may_lack_birth_name=True),
        document=document,
        participants=_participants(carried, settings),
        mail=_mail(mail, warnings),
        recorded_at=recorded_at,
        flags=_flags(rows, settings, warnings, len(others) + 2),
        occurred_at=occurred_at,
        warnings=tuple(warnings),
    )


@dataclass(frozen=True, slots=True)
class LpsEnvelope:
    """What can be read around a document that cannot be used; anything may be absent."""

    participants: tuple[Participant, ...] = ()
    mail: Mail | None = None
    content: bytes = field(default=b"", repr=False)


def peek_lps(message: Message) -> LpsEnvelope:
    """Read who sent a document, by which mail, and its bytes, whatever is wrong with it. Never raises."""
    try:
        observations = read_observations(message)
    except Hl7Error:
        return LpsEnvelope()
    participants: list[Participant] = []
    for segment in observations[0].participants if observations else ():
        with suppress(Hl7Error):
            participants.append(read_participant(segment))
    mail, content = None, b""
    with suppress(Hl7Error, IndexError):
        mail = _mail(observations[1], [])
    with suppress(Hl7Error, IndexError):
        content = read_encapsulated(observations[0].obx).content
    return LpsEnvelope(tuple(participants), mail, content)


def identity_fault(received: LpsDocument) -> Fault | None:
    """Return the refusal that the identity in the message itself earns, None when it can be compared.

    Source: hl7v2.md 3.3: 903 without INS, 905 when a trait is missing, 906 when PID-3 says another INS.
    """
    cda = received.document.cda
    if cda is None or cda.patient.ins is None:
        return application_fault(codes.APPLICATION_INS_ABSENT)
    if missing_traits(cda.patient.traits):
        return application_fault(codes.APPLICATION_INS_INCOMPLETE)
    if cda.patient.ins != received.patient.ins:
        return application_fault(
            codes.APPLICATION_OTHER, "PID^1^3", "L'INS de PID-3 n'est pas celle du document CDA"
        )
    return None


def _check_to_send(received: LpsDocument) -> None:
    check_ins_may_leave(received.patient)
    header = received.header
    if (header.message, header.event) != ("MDM", codes.MDM_EVENT_OF_ACTION[received.action]):
        raise ValueError("the event of an MDM is that of its action")
    if received.action is codes.Action.REPLACE and received.document.replaced_id is None:
        raise ValueError("a replacement names the version that it replaces")
    senders = [part for part in received.participants if part.role == codes.Participation.SENT_BY]
    if not senders or not senders[0].address:
        raise ValueError("a mail has a sender with an address")
    if not received.mail.message_id:
        raise ValueError("a mail has a Message-ID")


def _observations(message: Message) -> list[Observation]:
    """Return document, mail and metadata rows.

    Raises:
        Hl7Error: 100 (no mail), 198 (two documents).
    """
    observations = read_observations(message)
    if len(observations) < 2 or observations[1].meta is not None:
        raise Hl7Error(codes.ERROR_SEGMENT_SEQUENCE, "OBX^2", "OBX du courriel absent")
    for observation in observations[2:]:
        if observation.obx.value(2) == "ED" and observation.meta is None:
            raise Hl7Error(
                codes.ERROR_CARDINALITY, observation.obx.location(), "Un seul document et un seul courriel"
            )
    return observations


def _document(
    message: Message,
    carried: Observation,
    action: codes.Action,
    rules: LpsRules,
    warnings: list[str],
) -> CarriedDocument:
    document_type = read_type(carried.obx, 3)
    content, cda = read_document(carried.obx, application_fault(codes.APPLICATION_OTHER))
    if not rules.lenient:
        ordered = read_type(message.require("OBR"), 4)
        for code, location in ((ordered.code, "OBR^1^4"), (cda.type.code, "OBX^1^3")):
            if code != document_type.code:
                text = "OBR-4, OBX-3 et le document CDA ne donnent pas le même type"
                raise Hl7Error(codes.ERROR_OTHER, location, text)
    document = CarriedDocument(document_type, cda.id, content, None, cda)
    return document_with_txa(
        message.require("TXA"), document, action, lenient=rules.lenient, warnings=warnings
    )


def _participants(carried: Observation, rules: LpsRules) -> tuple[Participant, ...]:
    participants = tuple(map(read_participant, carried.participants))
    if not any(part.role == codes.Participation.SENT_BY for part in participants):
        location = f"PRT^{len(participants) + 1}"
        raise Hl7Error(codes.ERROR_SEGMENT_SEQUENCE, location, "PRT SB absent : expéditeur du courriel")
    for segment, part in zip(carried.participants, participants, strict=True):
        if part.role == codes.Participation.SENT_BY and not part.address and not rules.lenient:
            location = segment.location(15, component=4)
            raise Hl7Error(codes.ERROR_FIELD_MISSING, location, "PRT-15 absent : adresse de l'expéditeur")
    return participants


def _mail(observation: Observation, warnings: list[str]) -> Mail:
    obx = observation.obx
    obx.require(3, label="Message-ID du courriel")
    meaning = read_coded(obx.field(3), obx)
    return Mail(meaning.code, meaning.label, read_text(observation, warnings), obx.value(4))


def _flags(
    rows: Mapping[codes.Meta, Observation], rules: LpsRules, warnings: list[str], count: int
) -> LpsFlags:
    for meta in codes.META_LPS:
        if meta not in rows:
            text = f"Métadonnée {meta} absente"
            if not rules.lenient:
                raise Hl7Error(codes.ERROR_SEGMENT_SEQUENCE, f"OBX^{count + 1}^3", text)
            warnings.append(f"{text} : N")
    return LpsFlags(
        **{name: meta in rows and read_yes_no(rows[meta].obx) for meta, name in _FLAG_OF_META.items()}
    )
