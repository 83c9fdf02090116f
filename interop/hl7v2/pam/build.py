"""ADT messages, from values to bytes: what a GAM sends, for demonstrations, for tests, and for an
establishment where the DPI is the source of identities.

Source: IHE ITI-30 and ITI-31, PAM France 2.11 (hl7v2.md 4.1 to 4.5, 4.7).
"""

from datetime import datetime, tzinfo

from interop.hl7v2 import codes
from interop.hl7v2.datatypes import (
    PARIS,
    join,
    write_address,
    write_coded,
    write_date,
    write_identifier,
    write_name,
    write_organisation,
    write_person,
    write_segment,
    write_telecom,
    write_time,
)
from interop.hl7v2.header import Endpoint, Header, encode_message, write_authority_field, write_header
from interop.hl7v2.pam.model import (
    AdtMessage,
    Choice,
    Contact,
    DmpChoices,
    IdentityProof,
    Merge,
    Movement,
    PmsiModes,
)
from interop.hl7v2.pam.write import (
    write_dated_ins,
    write_flag,
    write_pid,
    write_pv1,
    write_pv2,
    write_repetitions,
)
from interop.hl7v2.tokens import escape


def adt_header(
    *,
    sender: Endpoint,
    receiver: Endpoint,
    control_id: str,
    sent_at: datetime,
    event: str,
    processing_id: str = "P",
    charset: str = codes.CHARSET_UTF8,
) -> Header:
    """Return the header of an ADT of PAM France 2.11.

    Raises:
        KeyError: the event is not French.
    """
    version, _, extension = codes.VERSION_PAM.partition("^")
    return Header(
        sender=sender,
        receiver=receiver,
        control_id=control_id,
        message="ADT",
        event=event,
        structure=codes.PAM_STRUCTURES[event],
        sent_at=sent_at,
        processing_id=processing_id,
        version=version,
        extension=extension,
        charset=charset,
        profile=codes.PROFILE_PAM,
        profile_version=codes.PROFILE_PAM_VERSION,
    )


def build_adt(adt: AdtMessage, *, zone: tzinfo = PARIS) -> bytes:
    """Return an ADT message (header made by `adt_header`).

    Raises:
        ValueError: the event needs a movement, a merge or a second patient that is not there, or the header
            is of
            another event.
        Hl7Error: 102, a character that cannot travel.
    """
    _check(adt)
    segments = [write_header(adt.header, zone), _evn(adt, zone)]
    if adt.merges:
        for merge in adt.merges:
            segments += [write_pid(merge.identity, zone=zone), _mrg(merge)]
    else:
        segments.append(write_pid(adt.identity, adt.visit.account if adt.visit else None, zone))
    if adt.linked is not None:
        segments.append(write_pid(adt.linked, zone=zone))
    if adt.referring_physician is not None:
        person = write_person(adt.referring_physician)
        segments.append(write_segment("ROL", {2: "UC", 3: codes.ROLE_REFERRING_PHYSICIAN, 4: person}))
    segments += [_nk1(number, contact) for number, contact in enumerate(adt.contacts, start=1)]
    if not adt.merges and adt.linked is None:
        segments.append(write_pv1(adt.visit, zone))
    if adt.visit is not None:
        segments.append(write_pv2(adt.visit, zone))
    segments += _french_segments(adt, zone)
    return encode_message([segment for segment in segments if segment], adt.header.charset)


def _check(adt: AdtMessage) -> None:
    if (adt.header.message, adt.header.event) != ("ADT", adt.event) or adt.event not in codes.PAM_STRUCTURES:
        raise ValueError("the event of an ADT is a French one, and that of its header")
    if (adt.event in codes.PAM_EVENTS_WITH_MOVEMENT) != (adt.movement is not None):
        raise ValueError("a movement event, and no other, has a movement")
    if adt.movement is not None and adt.visit is None:
        raise ValueError("a movement belongs to a visit")
    if (adt.event in codes.PAM_EVENTS_WITH_MERGE) != bool(adt.merges):
        raise ValueError("a merge event, and no other, names retired identifiers")
    if (adt.event in ("A24", "A37")) != (adt.linked is not None):
        raise ValueError("a link event, and no other, names a second patient")


def _evn(adt: AdtMessage, zone: tzinfo) -> str:
    return write_segment(
        "EVN",
        {
            2: write_time(adt.recorded_at, zone),
            3: write_time(adt.planned_at, zone) if adt.planned_at else "",
            5: write_person(adt.operator) if adt.operator else "",
            6: write_time(adt.occurred_at, zone) if adt.occurred_at else "",
            7: write_authority_field(adt.facility),
        },
    )


def _mrg(merge: Merge) -> str:
    identifiers = [*map(write_dated_ins, merge.retired_inses), *map(write_identifier, merge.retired)]
    return write_segment(
        "MRG",
        {
            1: write_repetitions(identifiers),
            3: write_identifier(merge.retired_account) if merge.retired_account else "",
            5: write_identifier(merge.retired_visit) if merge.retired_visit else "",
            7: write_name(merge.retired_name) if merge.retired_name else "",
        },
    )


def _nk1(number: int, contact: Contact) -> str:
    return write_segment(
        "NK1",
        {
            1: str(number),
            2: write_name(contact.name),
            3: write_coded(contact.relationship),
            4: write_address(contact.address) if contact.address else "",
            5: write_repetitions(map(write_telecom, contact.telecoms)),
            7: escape(contact.role),
        },
    )


def _french_segments(adt: AdtMessage, zone: tzinfo) -> list[str]:
    segments = []
    if adt.movement is not None:
        segments.append(_zbe(adt.movement, zone))
    if adt.choices is not None:
        segments.append(_zfa(adt.choices, zone))
    if adt.pmsi is not None:
        segments.append(_zfm(adt.pmsi))
    if adt.proof is not None:
        segments.append(_zfd(adt.proof))
    return segments


def _zbe(movement: Movement, zone: tzinfo) -> str:
    ids = (join((escape(found.value), write_authority_field(found.authority))) for found in movement.ids)
    return write_segment(
        "ZBE",
        {
            1: write_repetitions(ids),
            2: write_time(movement.started_at, zone),
            4: movement.action,
            5: write_flag(movement.historic),
            6: escape(movement.original_event),
            7: write_organisation(movement.medical_unit) if movement.medical_unit else "",
            8: write_organisation(movement.nursing_unit) if movement.nursing_unit else "",
            9: escape(movement.nature),
        },
    )


def _zfa(choices: DmpChoices, zone: tzinfo) -> str:
    fields = {
        1: choices.dmp_status,
        2: write_time(choices.dmp_status_at, zone) if choices.dmp_status_at else "",
        3: write_time(choices.dmp_closed_at, zone) if choices.dmp_closed_at else "",
    }
    for number, choice in ((9, choices.alimentation), (11, choices.consultation)):
        if choice is not None:
            fields |= _choice(number, choice, zone)
    return write_segment("ZFA", fields)


def _choice(number: int, choice: Choice, zone: tzinfo) -> dict[int, str]:
    return {
        number: choice.value or codes.EXPLICITLY_EMPTY,
        number + 1: write_time(choice.collected_at, zone) if choice.collected_at else "",
    }


def _zfm(pmsi: PmsiModes) -> str:
    values = (pmsi.entry_mode, pmsi.exit_mode, pmsi.provenance, pmsi.destination, pmsi.by_emergency)
    return write_segment("ZFM", dict(enumerate(map(escape, values), start=1)))


def _zfd(proof: IdentityProof) -> str:
    return write_segment(
        "ZFD",
        {
            1: escape(proof.lunar_birth_date),
            2: escape(proof.gestation_weeks),
            3: write_flag(proof.sms_consent),
            4: write_flag(proof.birth_date_corrected),
            5: escape(proof.mode),
            6: write_date(proof.insi_queried_on),
            7: escape(proof.document),
            8: write_date(proof.document_expires_on),
        },
    )
