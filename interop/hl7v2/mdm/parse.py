"""Document orders, from segments to values, in the sequence of checks of a PFI.

Source: hl7v2.md 2.9 (the order of the checks), 2.1 (markers), 2.2 and 2.3 (structure), 2.6 (metadata). The
first thing that is wrong refuses the message.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, tzinfo

from interop.cda.datatypes import Id
from interop.cda.parsed import ParsedCda
from interop.hl7v2 import codes
from interop.hl7v2.datatypes import PARIS, read_time, require_time
from interop.hl7v2.errors import Hl7Error
from interop.hl7v2.header import Header, check_supported, read_header
from interop.hl7v2.mdm.checks import check_against_cda, check_dmp, check_order
from interop.hl7v2.mdm.model import (
    FLAG_OF_META,
    CarriedDocument,
    MdmDocument,
    MdmRules,
    OrderFlags,
    Participant,
    Profile,
)
from interop.hl7v2.mdm.read import (
    Observation,
    check_sequence,
    collect_metadata,
    read_document,
    read_document_id,
    read_observations,
    read_participant,
    read_text,
    read_type,
    read_yes_no,
)
from interop.hl7v2.pam.identity import read_identity
from interop.hl7v2.pam.model import Visit
from interop.hl7v2.pam.visit import read_visit
from interop.hl7v2.tokens import Message, Segment

_MESSAGES = {"MDM": frozenset(codes.ACTION_OF_MDM_EVENT), "ORU": frozenset({"R01"})}
_VERSIONS = {"MDM": codes.VERSION_MDM, "ORU": codes.VERSION_ORU, "OUL": codes.VERSION_ORU}
_MDM_SEQUENCE = ("MSH", "EVN", "PID", "PV1", "ORC", "OBR", "TXA", "OBX")
_MDM_SEQUENCE_LENIENT = ("MSH", "EVN", "PID", "TXA", "OBX")
_ORU_SEQUENCE = ("MSH", "PID", "ORC", "OBR", "OBX")
_ORU_SEQUENCE_LENIENT = ("MSH", "PID", "OBR", "OBX")
_ALL_META = frozenset(codes.Meta)
_VISIT_CLASSES = frozenset("EIOR")


def parse_mdm(message: Message, rules: MdmRules | None = None, *, zone: tzinfo = PARIS) -> MdmDocument:
    """Read and check an MDM or ORU order.

    Raises:
        Hl7Error: with the code, the place and the acknowledgement of hl7v2.md 2.9.
    """
    settings = rules or MdmRules()
    header = read_header(message, zone)
    _check_header(header, settings)
    warnings = list(message.warnings)
    is_mdm = header.message == "MDM"
    _check_structure(message, is_mdm, settings)
    observations = read_observations(message)
    carried, metadata_rows = _split(observations, is_mdm)
    action = read_action(message, header, carried, lenient=settings.lenient, warnings=warnings)
    documents = _documents(message, carried, action, is_mdm, settings, warnings)
    pid = message.require("PID")
    identity = read_identity(pid, warnings, zone=zone)
    recorded_at, occurred_at = read_event_times(message, zone) if is_mdm else (None, None)
    rows = collect_metadata(metadata_rows, _ALL_META)
    order = MdmDocument(
        header=header,
        action=action,
        patient=identity,
        visit=_visit(message, pid, settings, warnings, zone),
        documents=documents,
        participants=_participants(observations, settings),
        flags=_flags(rows, len(observations), settings, warnings),
        recorded_at=recorded_at,
        occurred_at=occurred_at,
        body_professional=_body(rows, codes.Meta.CORPSMAIL_PS, warnings),
        body_patient=_body(rows, codes.Meta.CORPSMAIL_PATIENT, warnings),
    )
    order = check_against_cda(order, settings, warnings)
    places = {meta: row.obx.location(5) for meta, row in rows.items()}
    check_order(order, settings, warnings, places)
    check_dmp(order, settings)
    return replace(order, warnings=tuple(warnings))


def _check_header(header: Header, rules: MdmRules) -> None:
    messages = dict(_MESSAGES)
    if rules.profile is Profile.V12:
        messages["OUL"] = frozenset({"R22"})
    check_supported(header, messages=messages, versions=_VERSIONS, processing_ids=rules.processing_ids)
    if rules.lenient:
        return
    if not header.profile:
        raise Hl7Error(codes.ERROR_FIELD_MISSING, "MSH^1^21", "MSH-21 absent : profil du message")
    if header.profile != codes.PROFILE_DOCUMENT:
        raise Hl7Error(codes.ERROR_TABLE_VALUE, "MSH^1^21", "MSH-21 : profil non pris en charge")


def _check_structure(message: Message, is_mdm: bool, rules: MdmRules) -> None:
    if is_mdm:
        required = _MDM_SEQUENCE_LENIENT if rules.lenient else _MDM_SEQUENCE
        check_sequence(message, required, once=("EVN", "PID", "PV1", "ORC", "OBR", "TXA"))
        return
    # A wave 1 OUL^R22 sets ORC after OBR: presence counts there, not order.
    lenient = rules.profile is Profile.V12
    check_sequence(message, _ORU_SEQUENCE_LENIENT if lenient else _ORU_SEQUENCE, once=("PID", "PV1"))


def _split(observations: list[Observation], is_mdm: bool) -> tuple[list[Observation], list[Observation]]:
    """Return the OBX that carry documents, which come first, and the others."""
    count = 0
    for observation in observations:
        is_document = observation.obx.value(2) == "ED" and observation.meta is None
        if not is_document and count:
            break
        if not is_document:
            location = observation.obx.location()
            raise Hl7Error(codes.ERROR_SEGMENT_SEQUENCE, location, "Le premier OBX doit porter le document")
        count += 1
    allowed = 1 if is_mdm else 2
    misplaced = [other for other in observations[count:] if other.obx.value(2) == "ED" and other.meta is None]
    extra = observations[allowed:count] + misplaced
    if extra:
        location = extra[0].obx.location()
        raise Hl7Error(codes.ERROR_CARDINALITY, location, f"Trop de documents : {allowed} au plus")
    return observations[:count], observations[count:]


def read_action(
    message: Message,
    header: Header,
    carried: list[Observation],
    *,
    lenient: bool,
    warnings: list[str],
) -> codes.Action:
    """Return the action on which event, ORC-1 and OBX-11 agree (hl7v2.md 2.1).

    Raises:
        Hl7Error: 101, 103 (a marker absent or unknown), 199 (they disagree) at the marker.
    """
    first = carried[0].obx
    status = first.require(11, label="statut du document")
    action = codes.ACTION_OF_RESULT_STATUS.get(status)
    if action is None:
        raise Hl7Error(codes.ERROR_TABLE_VALUE, first.location(11), "OBX-11 : F, C ou D attendu")
    orc = message.first("ORC")
    control = orc.value(1) if orc else ""
    if orc is not None and not lenient:
        control = orc.require(1, label="action demandée")
        if control not in codes.ACTION_OF_ORDER_CONTROL:
            raise Hl7Error(codes.ERROR_TABLE_VALUE, orc.location(1), "ORC-1 : NW, RO ou CA attendu")
    ordered = codes.ACTION_OF_ORDER_CONTROL.get(control)
    if ordered is None:
        warnings.append("ORC-1 absent ou d'une version antérieure du volet : OBX-11 décide")
    elif ordered is not action:
        raise Hl7Error(codes.ERROR_OTHER, "ORC^1^1", "ORC-1 et OBX-11 ne demandent pas la même action")
    if header.message == "MDM" and codes.ACTION_OF_MDM_EVENT[header.event] is not action:
        raise Hl7Error(
            codes.ERROR_OTHER, first.location(11), "L'événement et OBX-11 ne demandent pas la même action"
        )
    for other in carried[1:]:
        if other.obx.value(11) != status:
            location = other.obx.location(11)
            raise Hl7Error(codes.ERROR_OTHER, location, "Les deux documents ont la même action")
    return action


def _documents(
    message: Message,
    carried: list[Observation],
    action: codes.Action,
    is_mdm: bool,
    rules: MdmRules,
    warnings: list[str],
) -> tuple[CarriedDocument, ...]:
    obr = message.first("OBR")
    ordered = read_type(obr, 4).code if obr is not None and not rules.lenient else ""
    documents = []
    for observation in carried:
        document_type = read_type(observation.obx, 3)
        if ordered and document_type.code != ordered:
            location = observation.obx.location(3)
            raise Hl7Error(
                codes.ERROR_OTHER, location, "OBX-3 et OBR-4 ne donnent pas le même type de document"
            )
        content, cda = read_document(observation.obx)
        document = CarriedDocument(
            type=document_type,
            id=cda.id,
            content=content,
            replaced_id=_replaced(cda) if action is not codes.Action.INITIAL else None,
            cda=cda,
        )
        documents.append(document)
    if is_mdm:
        return (
            document_with_txa(
                message.require("TXA"), documents[0], action, lenient=rules.lenient, warnings=warnings
            ),
        )
    return tuple(documents)


def _replaced(cda: ParsedCda) -> Id | None:
    return cda.replaced.id if cda.replaced else None


def document_with_txa(
    txa: Segment,
    document: CarriedDocument,
    action: codes.Action,
    *,
    lenient: bool,
    warnings: list[str],
) -> CarriedDocument:
    """Check TXA and take its ids: they are compared with those of the CDA afterwards.

    Raises:
        Hl7Error: 101 (id), 103 (status), 199 (type).
    """
    txa.require(12, label="identifiant du document")
    if txa.value(2) != document.type.code:
        _refuse_or_warn(lenient, warnings, txa.location(2), "TXA-2 n'est pas le type du document")
    if txa.value(17) != codes.TXA_AUTHENTICATED:
        if not lenient:
            raise Hl7Error(codes.ERROR_TABLE_VALUE, txa.location(17), "TXA-17 : AU attendu")
        warnings.append("TXA-17 autre que AU")
    replaced = read_document_id(txa, 13) if action is not codes.Action.INITIAL else None
    if action is codes.Action.REPLACE and replaced is None:
        txa.require(13, label="identifiant du document remplacé")
    identifier = read_document_id(txa, 12)
    if identifier is None:  # 12.1 was required above
        identifier = document.id
    return CarriedDocument(document.type, identifier, document.content, replaced, document.cda)


def _refuse_or_warn(lenient: bool, warnings: list[str], location: str, text: str) -> None:
    if not lenient:
        raise Hl7Error(codes.ERROR_OTHER, location, text)
    warnings.append(text)


def read_event_times(message: Message, zone: tzinfo) -> tuple[datetime, datetime | None]:
    """Return EVN-2 and EVN-6.

    Raises:
        Hl7Error: 100, 101 or 102.
    """
    evn = message.require("EVN")
    return require_time(evn, 2, zone, label="date d'enregistrement"), read_time(evn, 6, zone)


def _visit(
    message: Message, pid: Segment, rules: MdmRules, warnings: list[str], zone: tzinfo
) -> Visit | None:
    pv1 = message.first("PV1")
    if pv1 is None:
        return None
    visit = read_visit(pv1, message.first("PV2"), pid, zone)
    if visit is not None and visit.number is None and visit.patient_class in _VISIT_CLASSES:
        if not rules.lenient:
            raise Hl7Error(codes.ERROR_FIELD_MISSING, pv1.location(19), "PV1-19 absent : numéro de venue")
        warnings.append("PV1-19 absent")
    return visit


def _participants(observations: list[Observation], rules: MdmRules) -> tuple[Participant, ...]:
    """Return the PRT: they follow the first OBX only (hl7v2.md 2.2)."""
    for observation in observations[1:]:
        if observation.participants:
            location = observation.participants[0].location()
            raise Hl7Error(codes.ERROR_SEGMENT_SEQUENCE, location, "PRT doit suivre le premier document")
    segments = observations[0].participants
    if not segments and not rules.lenient:
        raise Hl7Error(
            codes.ERROR_SEGMENT_SEQUENCE, "PRT^1", "Segment PRT absent : demandeur ou destinataire"
        )
    participants = tuple(map(read_participant, segments))
    for segment, participant in zip(segments, participants, strict=True):
        if participant.role != codes.Participation.SENT_BY and not participant.address and not rules.lenient:
            location = segment.location(15, component=4)
            raise Hl7Error(codes.ERROR_FIELD_MISSING, location, "PRT-15 absent : adresse du destinataire")
    return participants


def _flags(
    rows: Mapping[codes.Meta, Observation], count: int, rules: MdmRules, warnings: list[str]
) -> OrderFlags:
    for meta in codes.META_REQUIRED:
        if meta not in rows:
            text = f"Métadonnée {meta} absente"
            if not rules.lenient:
                raise Hl7Error(codes.ERROR_SEGMENT_SEQUENCE, f"OBX^{count + 1}^3", text)
            warnings.append(f"{text} : N")
    values = {
        name: read_yes_no(rows[meta].obx) if meta in rows else False for meta, name in FLAG_OF_META.items()
    }
    patient_row = rows.get(codes.Meta.DESTMSSANTEPAT)
    notes = patient_row.notes if patient_row else ()
    mark = any(note.value(4) == codes.NO_REPLY_MARK for note in notes)
    return OrderFlags(**values, patient_cannot_reply=mark and values["dest_mss_patient"])


def _body(rows: Mapping[codes.Meta, Observation], meta: codes.Meta, warnings: list[str]) -> str:
    return read_text(rows[meta], warnings) if meta in rows else ""
