"""ADT messages of PAM France, from segments to values.

Source: IHE ITI-30 and ITI-31, PAM France 2.11 (hl7v2.md 4.1, 4.2). Unknown segments, unknown trailing fields
and the order of the segments after PV1 never refuse a message; a missing required segment does, with 100.
"""

from datetime import tzinfo

from interop.hl7v2 import codes
from interop.hl7v2.datatypes import PARIS, Authority, Person, read_name, read_person, read_time, require_time
from interop.hl7v2.errors import Hl7Error
from interop.hl7v2.header import Header, check_supported, read_header
from interop.hl7v2.pam.identity import read_identifiers, read_identity, read_one_identifier
from interop.hl7v2.pam.model import AdtMessage, Merge, Movement, PatientIdentity, Visit
from interop.hl7v2.pam.visit import (
    read_choices,
    read_contact,
    read_movement,
    read_pmsi,
    read_proof,
    read_visit,
)
from interop.hl7v2.tokens import Message, Segment, iter_groups

ALL_PROCESSING = frozenset("PTD")
_MESSAGES = {"ADT": frozenset(codes.PAM_STRUCTURES)}
_LINKS = frozenset({"A24", "A37"})
_VERSIONS = {"ADT": "2.5"}


def parse_adt(
    message: Message,
    *,
    zone: tzinfo = PARIS,
    processing_ids: frozenset[str] = ALL_PROCESSING,
    untrusted: frozenset[str] = codes.RELIABILITY_UNTRUSTED,
) -> AdtMessage:
    """Read an ADT message.

    `processing_ids` are the values of MSH-11 accepted here; `untrusted` the PID-32 codes that force a
    provisional identity (a setting may add ANOM and CACH).

    Raises:
        Hl7Error: 200, 201, 203, 202 (header), 100 (segment), 101, 102, 103 (field), 198 (repetition), 199
            (contradiction).
    """
    header = read_header(message, zone)
    check_supported(header, messages=_MESSAGES, versions=_VERSIONS, processing_ids=processing_ids)
    _check_once(message, header.event)
    warnings = list(message.warnings) + _header_warnings(header)
    evn = message.require("EVN")
    pids = message.all("PID") or [message.require("PID")]
    identity = read_identity(pids[0], warnings, zone=zone, untrusted=untrusted)
    visit = _visit(message, header.event, pids[0], zone)
    movement = _movement(message, header.event, visit, warnings, zone)
    zfa, zfd, zfm = message.first("ZFA"), message.first("ZFD"), message.first("ZFM")
    return AdtMessage(
        header=header,
        event=header.event,
        recorded_at=require_time(evn, 2, zone, label="date d'enregistrement"),
        identity=identity,
        planned_at=read_time(evn, 3, zone),
        occurred_at=read_time(evn, 6, zone),
        operator=read_person(evn.repetitions(5)[0], evn) if evn.repetitions(5) else None,
        facility=Authority(evn.value(7, 1), evn.value(7, 2), evn.value(7, 3)),
        visit=visit,
        movement=movement,
        choices=read_choices(zfa, warnings, zone) if zfa else None,
        proof=read_proof(zfd, warnings) if zfd else None,
        pmsi=read_pmsi(zfm) if zfm else None,
        contacts=tuple(read_contact(segment) for segment in message.all("NK1")),
        referring_physician=_referring_physician(message),
        merges=_merges(message, header.event, warnings, zone, untrusted),
        linked=_linked(header.event, pids, warnings, zone, untrusted),
        warnings=tuple(warnings),
    )


def _check_once(message: Message, event: str) -> None:
    """Refuse a repeated segment that would leave a doubt on the patient, the visit or the movement."""
    several_patients = event in codes.PAM_EVENTS_WITH_MERGE or event in _LINKS
    for name in ("EVN", "PID", "PV1", "ZBE", "ZFA"):
        if name == "PID" and several_patients:
            continue
        if len(message.all(name)) > 1:
            raise Hl7Error(codes.ERROR_CARDINALITY, f"{name}^2", f"Un seul segment {name} est permis")


def _header_warnings(header: Header) -> list[str]:
    warnings = []
    if codes.PROFILE_PAM_VERSION not in (header.profile_version, header.extension.rpartition("^")[2]):
        warnings.append("Extension française autre que 2.11")
    if header.event == codes.PAM_EVENT_TOLERATED:
        warnings.append("A08 n'est pas un événement français : lu comme A31 et mise à jour de venue")
    return warnings


def _visit(message: Message, event: str, pid: Segment, zone: tzinfo) -> Visit | None:
    pv1 = message.first("PV1")
    if event in codes.PAM_EVENTS_WITH_MOVEMENT:
        pv1 = message.require("PV1")
    elif event in codes.PAM_EVENTS_WITHOUT_VISIT or pv1 is None:
        return None
    visit = read_visit(pv1, message.first("PV2"), pid, zone)
    if event in codes.PAM_EVENTS_WITH_MOVEMENT:
        if visit is None:
            raise Hl7Error(
                codes.ERROR_TABLE_VALUE,
                pv1.location(2),
                "PV1-2 : ce mouvement demande une classe autre que N",
            )
        if visit.number is None and visit.account is None:
            raise Hl7Error(
                codes.ERROR_FIELD_MISSING, pv1.location(19), "PV1-19 et PID-18 absents : numéro de venue"
            )
    return visit


def _movement(
    message: Message, event: str, visit: Visit | None, warnings: list[str], zone: tzinfo
) -> Movement | None:
    zbe = message.first("ZBE")
    if event in codes.PAM_EVENTS_WITH_MOVEMENT:
        zbe = message.require("ZBE")
    elif zbe is None or visit is None or event == codes.PAM_EVENT_TOLERATED:
        return None
    movement = read_movement(zbe, warnings, zone)
    if event == "Z99" and movement.action == codes.MovementAction.INSERT:
        raise Hl7Error(codes.ERROR_OTHER, zbe.location(4), "Z99 met à jour un mouvement : INSERT impossible")
    return movement


def _referring_physician(message: Message) -> Person | None:
    for role in message.all("ROL"):
        if role.value(3) == codes.ROLE_REFERRING_PHYSICIAN and role.repetitions(4):
            return read_person(role.repetitions(4)[0], role)
    return None


def _merges(
    message: Message, event: str, warnings: list[str], zone: tzinfo, untrusted: frozenset[str]
) -> tuple[Merge, ...]:
    if event not in codes.PAM_EVENTS_WITH_MERGE:
        return ()
    message.require("MRG")
    merges: list[Merge] = []
    for group in iter_groups(message, "PID"):
        mrg = next((segment for segment in group if segment.name == "MRG"), None)
        if mrg is None:
            raise Hl7Error(
                codes.ERROR_SEGMENT_SEQUENCE, f"MRG^{len(merges) + 1}", "Segment MRG absent après PID"
            )
        identity = read_identity(group[0], warnings, zone=zone, untrusted=untrusted)
        merges.append(_merge(mrg, identity, warnings))
    return tuple(merges)


def _merge(mrg: Segment, identity: PatientIdentity, warnings: list[str]) -> Merge:
    retired, inses = read_identifiers(mrg, 1, warnings)
    if not retired and not inses:
        raise Hl7Error(codes.ERROR_FIELD_MISSING, mrg.location(1), "MRG-1 absent : identifiants à retirer")
    return Merge(
        identity=identity,
        retired=retired,
        retired_inses=tuple(inses),
        retired_account=read_one_identifier(mrg, 3),
        retired_visit=read_one_identifier(mrg, 5),
        retired_name=read_name(mrg.repetitions(7)[0], mrg) if mrg.repetitions(7) else None,
    )


def _linked(
    event: str, pids: list[Segment], warnings: list[str], zone: tzinfo, untrusted: frozenset[str]
) -> PatientIdentity | None:
    if event not in _LINKS:
        return None
    if len(pids) != 2:
        raise Hl7Error(codes.ERROR_SEGMENT_SEQUENCE, "PID^2", "Deux segments PID attendus")
    return read_identity(pids[1], warnings, zone=zone, untrusted=untrusted)
