"""Document orders, from values to bytes.

Source: hl7v2.md 2.1 to 2.6. The same order gives the same bytes.
"""

from base64 import b64encode
from datetime import datetime, tzinfo

from interop.cda.datatypes import Id
from interop.hl7v2 import codes
from interop.hl7v2.datatypes import (
    PARIS,
    Coded,
    join,
    write_coded,
    write_organisation,
    write_person,
    write_segment,
    write_time,
)
from interop.hl7v2.header import Endpoint, Header, encode_message, write_header
from interop.hl7v2.mdm.model import FLAG_OF_META, CarriedDocument, MdmDocument, Participant
from interop.hl7v2.pam.write import check_ins_may_leave, write_pid, write_pv1
from interop.hl7v2.tokens import escape

_MAX_ORU_DOCUMENTS = 2


def mdm_header(
    *,
    sender: Endpoint,
    receiver: Endpoint,
    control_id: str,
    sent_at: datetime,
    action: codes.Action,
    processing_id: str = "P",
    charset: str = codes.CHARSET_UTF8,
    profile: str = codes.PROFILE_DOCUMENT,
    profile_version: str = codes.PROFILE_DOCUMENT_VERSION,
) -> Header:
    """Return the header of an MDM for this action: T02, T10 or T04."""
    return Header(
        sender=sender,
        receiver=receiver,
        control_id=control_id,
        message="MDM",
        event=codes.MDM_EVENT_OF_ACTION[action],
        structure=codes.MDM_STRUCTURE,
        sent_at=sent_at,
        processing_id=processing_id,
        version=codes.VERSION_MDM,
        charset=charset,
        profile=profile,
        profile_version=profile_version,
    )


def oru_header(
    *,
    sender: Endpoint,
    receiver: Endpoint,
    control_id: str,
    sent_at: datetime,
    processing_id: str = "P",
    charset: str = codes.CHARSET_UTF8,
) -> Header:
    """Return the header of an ORU that carries a document; ORC-1 tells the action."""
    return Header(
        sender=sender,
        receiver=receiver,
        control_id=control_id,
        message="ORU",
        event="R01",
        structure=codes.ORU_STRUCTURE,
        sent_at=sent_at,
        processing_id=processing_id,
        version=codes.VERSION_ORU,
        charset=charset,
        profile=codes.PROFILE_DOCUMENT,
        profile_version=codes.PROFILE_DOCUMENT_VERSION,
    )


def build_mdm(order: MdmDocument, *, zone: tzinfo = PARIS) -> bytes:
    """Return an MDM^T02, T10 or T04 (header made by `mdm_header`).

    Raises:
        ValueError: the header, the action and the documents contradict one another, or a rule of the sender
            is
            broken (INS on an identity that is not qualified).
        Hl7Error: 102, a character that cannot travel.
    """
    if order.header.event != codes.MDM_EVENT_OF_ACTION[order.action] or order.header.message != "MDM":
        raise ValueError("the event of an MDM is that of its action")
    if len(order.documents) != 1:
        raise ValueError("an MDM carries one document")
    _check_order(order)
    if order.recorded_at is None:
        raise ValueError("an MDM has the date of its event")
    occurred = write_time(order.occurred_at, zone) if order.occurred_at else ""
    document = order.document
    segments = [
        write_header(order.header, zone),
        write_segment("EVN", {2: write_time(order.recorded_at, zone), 6: occurred}),
        write_pid(order.patient, order.visit.account if order.visit else None, zone),
        write_pv1(order.visit, zone),
        *write_order(order.action, document.type),
        write_txa(document),
        write_document(1, document, order.action, text_type="text"),
        *map(write_participant, order.participants),
        *_write_metadata(order, first=2, observation_type="CWE", text_type="text"),
    ]
    return encode_message(segments, order.header.charset)


def build_oru(order: MdmDocument, *, zone: tzinfo = PARIS) -> bytes:
    """Return an ORU^R01 with one document, or with its level 1 and level 3 (header made by `oru_header`).

    Raises:
        ValueError, Hl7Error: as `build_mdm`.
    """
    if (order.header.message, order.header.event) != ("ORU", "R01"):
        raise ValueError("an ORU of documents is an R01")
    if not 1 <= len(order.documents) <= _MAX_ORU_DOCUMENTS:
        raise ValueError("an ORU carries one or two documents")
    if order.recorded_at or order.occurred_at:
        raise ValueError("an ORU has no EVN")
    _check_order(order)
    first, *others = order.documents
    segments = [
        write_header(order.header, zone),
        write_pid(order.patient, order.visit.account if order.visit else None, zone),
        *([write_pv1(order.visit, zone)] if order.visit else []),
        *write_order(order.action, first.type),
        write_document(1, first, order.action, text_type="TEXT"),
        *map(write_participant, order.participants),
        *(write_document(2, other, order.action, text_type="TEXT") for other in others),
        *_write_metadata(order, first=len(order.documents) + 1, observation_type="CE", text_type="TEXT"),
    ]
    return encode_message(segments, order.header.charset)


def write_order(action: codes.Action, document_type: Coded) -> list[str]:
    """Return ORC and OBR."""
    return [
        write_segment("ORC", {1: codes.ORDER_CONTROL_OF_ACTION[action]}),
        write_segment("OBR", {1: "1", 4: write_coded(document_type)}),
    ]


def write_txa(document: CarriedDocument) -> str:
    """Return TXA."""
    return write_segment(
        "TXA",
        {
            1: "1",
            2: escape(document.type.code),
            3: codes.TXA_CONTENT_TEXT,
            12: write_document_id(document.id),
            13: write_document_id(document.replaced_id) if document.replaced_id else "",
            17: codes.TXA_AUTHENTICATED,
        },
    )


def write_document_id(identifier: Id) -> str:
    """Return TXA-12: the root alone, or the extension with the root as its authority (TD, note on TXA)."""
    if not identifier.extension:
        return escape(identifier.root)
    return join((escape(identifier.extension), "", escape(identifier.root), codes.ISO))


def write_document(number: int, document: CarriedDocument, action: codes.Action, *, text_type: str) -> str:
    """Return the OBX of a document."""
    content = b64encode(document.content).decode("ascii")
    return write_segment(
        "OBX",
        {
            1: str(number),
            2: "ED",
            3: write_coded(document.type),
            5: f"^{text_type}^XML^Base64^{content}",
            11: codes.RESULT_STATUS_OF_ACTION[action],
        },
    )


def write_participant(part: Participant) -> str:
    """Return PRT: the address is component 4 of PRT-15, device and address stand alone in their fields."""
    label = codes.PARTICIPATION_LABELS[part.role]
    return write_segment(
        "PRT",
        {
            2: codes.PARTICIPATION_UNCHANGED,
            4: write_coded(Coded(part.role, label, codes.PARTICIPATION_SYSTEM)),
            5: write_person(part.person) if part.person else "",
            8: write_organisation(part.organisation) if part.organisation else "",
            10: escape(part.device),
            15: join(("", "", codes.EMAIL_X400, escape(part.address))) if part.address else "",
        },
    )


def write_flag(number: int, meta: codes.Meta, value: bool, observation_type: str) -> str:
    """Return the OBX of one metadata row that is a yes or no."""
    return write_segment(
        "OBX",
        {
            1: str(number),
            2: observation_type,
            3: write_coded(Coded(meta, codes.META_LABELS[meta], codes.SYSTEM_METADATA)),
            5: write_coded(Coded(codes.YES if value else codes.NO, "", codes.SYSTEM_YES_NO)),
            11: codes.RESULT_FINAL,
        },
    )


def write_text(number: int, meaning: Coded, text: str, *, text_type: str = "text", sub_id: str = "") -> str:
    """Return an OBX that carries a text in base64: the body of a mail."""
    content = b64encode(text.encode()).decode("ascii")
    return write_segment(
        "OBX",
        {
            1: str(number),
            2: "ED",
            3: write_coded(meaning),
            4: escape(sub_id),
            5: f"^{text_type}^^Base64^{content}",
            11: codes.RESULT_FINAL,
        },
    )


def _write_metadata(order: MdmDocument, *, first: int, observation_type: str, text_type: str) -> list[str]:
    segments = []
    number = first
    for meta in codes.META_FLAGS:
        value = getattr(order.flags, FLAG_OF_META[meta])
        segments.append(write_flag(number, meta, value, observation_type))
        if meta is codes.Meta.DESTMSSANTEPAT and order.flags.patient_cannot_reply:
            segments.append(write_segment("NTE", {1: "1", 4: codes.NO_REPLY_MARK}))
        number += 1
    bodies = zip(codes.META_BODIES, (order.body_professional, order.body_patient), strict=True)
    for meta, body in bodies:
        if body:
            meaning = Coded(meta, codes.META_LABELS[meta], codes.SYSTEM_METADATA)
            segments.append(write_text(number, meaning, body, text_type=text_type))
            number += 1
    return segments


def _check_order(order: MdmDocument) -> None:
    check_ins_may_leave(order.patient)
    for document in order.documents:
        if order.action is codes.Action.REPLACE and document.replaced_id is None:
            raise ValueError("a replacement names the version that it replaces")
        if order.action is codes.Action.INITIAL and document.replaced_id is not None:
            raise ValueError("a first transmission replaces nothing")
    if not order.participants:
        raise ValueError("a document order names a requester or a recipient")
    if order.flags.patient_cannot_reply and not order.flags.dest_mss_patient:
        raise ValueError("only a mail to the patient forbids an answer")
