"""Messages in: stored first, then applied, then acknowledged (spec hl7v2 1.5, 1.6; decision 9)."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Final

from django.db import (
    DataError,
    IntegrityError,
    InterfaceError,
    OperationalError,
    connection,
    transaction,
)
from django.utils import timezone

from audit.services import traces_gathered
from exchange.answers import (
    CONFLICT_FAULT,
    DEFERRED_FAULT,
    answer,
    answer_accepted,
    usual_header,
)
from exchange.enums import Direction, MessageState, PamAck
from exchange.framing import frame_fault, header_to_answer, kept_words
from exchange.journal import (
    Entry,
    Envelope,
    entry_accepted,
    entry_broken,
    entry_refused,
    entry_to_apply,
    read_envelope,
)
from exchange.models import Message, Partner
from exchange.registry import Outcome, Reception, handler_for
from exchange.rules import check_admitted, is_final, retry_delay
from interop.hl7v2 import codes
from interop.hl7v2.codes import AckCode
from interop.hl7v2.errors import Hl7Error
from interop.hl7v2.header import peek_header, read_header
from interop.hl7v2.mllp import FrameError
from interop.hl7v2.tokens import Message as ParsedMessage
from interop.hl7v2.tokens import parse_message

logger = logging.getLogger(__name__)

_ERROR_SIZE: Final = 500
_LOCK: Final = (
    f"SELECT {', '.join(str(field.column) for field in Message._meta.concrete_fields)}, "  # noqa: S608 - constants
    "CASE WHEN lineage <> '' THEN "
    "pg_advisory_xact_lock(hashtextextended(partner_id || ' ' || lineage, 0))::text END AS lineage_lock "
    f"FROM {Message._meta.db_table} WHERE id = %s FOR UPDATE"
)
_VALUES_REFUSED: Final = Hl7Error(
    codes.ERROR_APPLICATION, "", "Une valeur du message ne peut être enregistrée"
)


class _Unreadable(Exception):
    """The bytes are no HL7 message."""

    def __init__(self, error: Hl7Error) -> None:
        self.error = error


def message_receive(*, partner: Partner, raw: bytes) -> bytes:
    """Take one message in and return its acknowledgement; empty when none is due.

    The raw bytes are committed before anything else (decision 9), so this never runs inside a
    transaction of the caller.
    """
    envelope = read_envelope(raw, partner_id=partner.pk, received_at=timezone.now())
    entry = message_entry(partner=partner, envelope=envelope)
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute(entry.statement, entry.parameters)
        is_new = cursor.rowcount == 1
        row = cursor.fetchone() if is_new and entry.answer is None else (0,)
    if not is_new:
        return message_answer_again(envelope=envelope)
    return message_apply(message_id=row[0], partner=partner) if entry.answer is None else entry.answer


def message_entry(*, partner: Partner, envelope: Envelope) -> Entry:
    """Decide how a message enters the journal, from its envelope alone.

    `PAM_ACK=stored` answers an ADT with its first commit; all else is answered with its effect.
    """
    if envelope.fault is not None:
        fault = envelope.fault
        ack = answer(envelope.header, AckCode.AE, [fault])
        error = f"{fault.code} {fault.location} {fault.text}"
        return entry_refused(envelope, MessageState.UNREADABLE, ack, error)
    if partner.pam_ack == PamAck.STORED and envelope.message == "ADT" and envelope.msh[10].isascii():
        header = usual_header(envelope.msh)
        if check_admitted(partner, header) is None:
            return entry_accepted(envelope, answer_accepted(header, envelope.msh[10]))
    return entry_to_apply(envelope)


def frame_entry(*, partner: Partner, error: FrameError, limit: int, now: datetime) -> Entry:
    """The journal row of a line that does not speak MLLP, and the AR that is due when MSH can be read.

    The row holds the first `mllp.HEAD_BYTES` at most; the cause, its place and the true length are in words.
    """
    fault = frame_fault(error, limit=limit)
    envelope = read_envelope(error.head, partner_id=partner.pk, received_at=now)
    header = header_to_answer(error)
    ack = answer(header, AckCode.AR, [fault]) if header is not None else b""
    words = " ; ".join(filter(None, (fault.text, kept_words(error))))
    return entry_broken(envelope, ack, f"{fault.code} {words}")


def message_answer_again(*, envelope: Envelope) -> bytes:
    """Answer a message whose MSH-10 its sender already used (spec hl7v2 1.6).

    The same bytes get the first answer when it was AA or AE; a message that has no answer yet, or
    met AR, is treated now. Other bytes under the same MSH-10 are a conflict, kept apart: AE 199.
    """
    first = (
        Message.objects.filter(
            direction=Direction.INCOMING,
            partner_id=envelope.partner_id,
            sending_application=envelope.application,
            sending_facility=envelope.facility,
            control_id=envelope.control_id,
        )
        .exclude(state__in=[MessageState.CONFLICT, MessageState.UNREADABLE])
        .defer("raw")
        .first()
    )
    if first is None:  # it turned out to be unreadable in between
        return answer(envelope.header, AckCode.AR, [DEFERRED_FAULT])
    if first.sha256 != envelope.sha256:
        return _conflict_record(envelope)
    if first.ack and is_final(first.ack_code):
        return bytes(first.ack)
    return message_apply(message_id=first.pk)


def message_apply(*, message_id: int, partner: Partner | None = None) -> bytes:
    """Apply one stored message: effect, state and answer in one transaction; return the answer.

    The listener and the sweep both come here; `partner` spares a read to who knows it. A row already
    applied returns its first answer. Values that the database refuses are those of the message: AE,
    once a race with another message is ruled out. A defect of a handler loses nothing: the row stays
    `stored` with one attempt more, and the sender is asked by AR to come again.

    Raises:
        OperationalError, InterfaceError: the database gave up; the row waits for the end of its lease.
    """
    try:
        try:
            return _apply(message_id, partner)
        except IntegrityError:  # another message may have written the same row in between
            return _apply(message_id, partner)
    except (DataError, IntegrityError) as error:
        logger.warning("hl7.message.refused", extra={"message_id": message_id}, exc_info=error)
        return _refusal_record(message_id, _VALUES_REFUSED, MessageState.REFUSED)
    except _Unreadable as unreadable:
        return _refusal_record(message_id, unreadable.error, MessageState.UNREADABLE)
    except Hl7Error as refusal:
        return _refusal_record(message_id, refusal, MessageState.REFUSED)
    except (OperationalError, InterfaceError):
        raise  # the database, not the message: the caller comes again on another connection
    except Exception as defect:  # whatever a handler does wrong, the row waits for the sweep
        logger.exception("hl7.message.failed", extra={"message_id": message_id})
        return _failure_record(message_id, defect)


def messages_apply_waiting(*, worker: str, limit: int = 100) -> int:
    """Apply stored rows that nobody holds, each patient's in order; return how many were taken."""
    done = 0
    while done < limit:
        taken = Message.objects.to_apply().claim(worker=worker, limit=min(limit - done, 20))
        for message in taken:
            try:
                message_apply(message_id=message.pk)
            except OperationalError as error:  # a time-out, a deadlock: this one waits, not the others
                logger.warning("hl7.message.delayed", extra={"message_id": message.pk}, exc_info=error)
        if not taken:
            break
        done += len(taken)
    return done


def _apply(message_id: int, partner: Partner | None) -> bytes:
    with transaction.atomic():
        message = _message_lock(message_id)
        if partner is not None:
            message.partner = partner
        if _is_settled(message):
            return bytes(message.ack or b"")
        return _outcome_record(message, _effect(message))


def _message_lock(message_id: int) -> Message:
    """The row, which no one else applies; messages of one patient are applied one after the other (1.6)."""
    (message,) = Message.objects.raw(_LOCK, [message_id])
    return message


def _is_settled(message: Message) -> bool:
    if message.state == MessageState.REFUSED:
        return is_final(message.ack_code)
    return message.state != MessageState.STORED


def _effect(message: Message) -> Outcome:
    """Read a message and give it to its handler.

    Raises:
        _Unreadable: the bytes are no message. Hl7Error: the message is refused.
    """
    partner = message.partner
    parsed = _parse(message)
    header = read_header(parsed)
    refusal = check_admitted(partner, header)
    if refusal is not None:
        raise refusal
    handler = handler_for(header)
    if handler is None:
        raise Hl7Error(codes.ERROR_MESSAGE_TYPE, "MSH^1^9", "Type de message non pris en charge")
    with traces_gathered():
        return handler(Reception(message=message, parsed=parsed, header=header, partner=partner))


def _parse(message: Message) -> ParsedMessage:
    try:
        return parse_message(bytes(message.raw), default_charset=message.partner.charset)
    except Hl7Error as error:
        raise _Unreadable(error) from error


def _outcome_record(message: Message, outcome: Outcome) -> bytes:
    applied = outcome.code == AckCode.AA
    ack, ack_code = _first_answer(message) or (
        answer(peek_header(bytes(message.raw)), outcome.code, outcome.faults),
        outcome.code,
    )
    Message.objects.filter(pk=message.pk).update(
        state=MessageState.APPLIED if applied else MessageState.REFUSED,
        ack=ack,
        ack_code=ack_code,
        error=" ; ".join(fault.text for fault in outcome.faults)[:_ERROR_SIZE],
        warning=" ; ".join(dict.fromkeys(outcome.warnings))[:_ERROR_SIZE],
        patient_uid=outcome.patient_uid,
        done_at=timezone.now(),
        not_before=None,
        **message.release(),
    )
    return ack


def _refusal_record(message_id: int, refusal: Hl7Error, state: MessageState) -> bytes:
    """Keep a refused message with its answer; what its handler had begun is undone."""
    with transaction.atomic():
        message = _message_lock(message_id)
        if _is_settled(message):
            return bytes(message.ack or b"")
        ack, ack_code = _first_answer(message) or (
            answer(peek_header(bytes(message.raw)), refusal.ack, [refusal.fault]),
            refusal.ack,
        )
        Message.objects.filter(pk=message_id).update(
            state=state,
            ack=ack,
            ack_code=ack_code,
            error=f"{refusal.code} {refusal.location} {refusal.text}"[:_ERROR_SIZE],
            done_at=timezone.now(),
            not_before=None,
            **message.release(),
        )
    return ack


def _failure_record(message_id: int, defect: Exception) -> bytes:
    """Let a row wait after a defect; its sender may come again at once, the sweep comes later."""
    with transaction.atomic():
        message = _message_lock(message_id)
        if _is_settled(message):
            return bytes(message.ack or b"")
        Message.objects.filter(pk=message_id).update(
            not_before=timezone.now() + retry_delay(message.attempts),
            error=f"Défaut : {type(defect).__name__}",
            **message.release(),
        )
    first = _first_answer(message)
    return first[0] if first else answer(peek_header(bytes(message.raw)), AckCode.AR, [DEFERRED_FAULT])


def _first_answer(message: Message) -> tuple[bytes, str] | None:
    """The answer already given under `PAM_ACK=stored`: it stands whatever the effect was."""
    if message.ack and is_final(message.ack_code):
        return bytes(message.ack), message.ack_code
    return None


def _conflict_record(envelope: Envelope) -> bytes:
    ack = answer(envelope.header, AckCode.AE, [CONFLICT_FAULT])
    entry = entry_refused(envelope, MessageState.CONFLICT, ack, CONFLICT_FAULT.text)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(entry.statement, entry.parameters)
    return ack
