"""Messages out: exact bytes first, one FIFO per lineage, retries (spec hl7v2 1.6; decision 10)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from exchange.enums import Direction, MessageState, Transport
from exchange.errors import NoAnswer, TlsNotConfigured
from exchange.events import message_deferred, message_settled
from exchange.lines import LinePool, LineSettings
from exchange.models import Message, Partner
from exchange.rules import may_retry, retry_delay
from exchange.services.intake import message_receive
from exchange.tls import client_context
from interop.hl7v2.ack import Ack, parse_ack
from interop.hl7v2.codes import AckCode
from interop.hl7v2.errors import Hl7Error
from interop.hl7v2.header import peek_header
from interop.hl7v2.tokens import peek_msh

_lines: Final = LinePool()
_LEASE_MARGIN: Final = timedelta(seconds=30)
_ERROR_SIZE: Final = 500


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message to send: its exact bytes, the FIFO it waits in, the patient it is about."""

    raw: bytes
    lineage: str = ""
    patient_uid: UUID | None = None


def message_queue(
    *, partner: Partner, raw: bytes, lineage: str = "", patient_uid: UUID | None = None
) -> Message:
    """Write a message to send, with its exact bytes, in the transaction of the caller.

    `lineage` names the FIFO it waits in: the setId of a document. Every later attempt sends the
    same bytes under the same MSH-10.

    Raises:
        ValueError: the bytes have no MSH-10.
    """
    return messages_queue(partner=partner, outgoing=[Outgoing(raw, lineage, patient_uid)])[0]


def messages_queue(*, partner: Partner, outgoing: Sequence[Outgoing]) -> list[Message]:
    """`message_queue` for many messages, in one statement, in their order."""
    return Message.objects.bulk_create([_queued(partner, one) for one in outgoing])


def _queued(partner: Partner, one: Outgoing) -> Message:
    header = peek_header(one.raw)
    if header is None or not header.control_id:
        raise ValueError("a message leaves with its MSH-10")
    fields = peek_msh(one.raw)
    return Message(
        direction=Direction.OUTGOING,
        partner=partner,
        state=MessageState.QUEUED,
        raw=one.raw,
        sha256=hashlib.sha256(one.raw).hexdigest(),
        sending_application=fields[3],
        sending_facility=fields[4],
        control_id=header.control_id,
        type=fields[9],
        profile=fields[21] if len(fields) > 21 else "",
        lineage=one.lineage,
        patient_uid=one.patient_uid,
    )


def message_withdraw(*, message_id: int, reason: str) -> bool:
    """Take back a message that nobody is sending: it will not leave. Whether that was still possible.

    For the room that queued it, in its transaction, when what it carries may no longer leave. A
    message on the line, or answered, cannot be taken back; one that met AR or silence can, though
    the partner may have it.
    """
    with transaction.atomic():
        message = (
            Message.objects.select_for_update(of=("self",), skip_locked=True)
            .filter(pk=message_id, state__in=[MessageState.QUEUED, MessageState.DEFERRED])
            .first()
        )
        if message is None:
            return False
        _update(
            message,
            state=MessageState.REJECTED,
            error=reason[:_ERROR_SIZE],
            not_before=None,
            done_at=timezone.now(),
        )
    return True


def message_hand_over(*, message_id: int, worker: str) -> Message:
    """Send one queued or deferred message and note the answer.

    Returns the message unchanged when its turn has not come, when it is settled, or when another
    worker holds it. Never call it inside a transaction: the row lock is not held while the partner
    thinks.
    """
    lease = timedelta(seconds=settings.MLLP_CONNECT_TIMEOUT_SECONDS + settings.MLLP_ACK_TIMEOUT_SECONDS)
    taken = (
        Message.objects.to_send()
        .filter(pk=message_id)
        .select_related("partner")
        .claim(worker=worker, limit=1, lease=lease + _LEASE_MARGIN, state=MessageState.SENT)
    )
    if not taken:
        return Message.objects.select_related("partner").get(pk=message_id)
    message = taken[0]
    try:
        raw_ack = _deliver(message)
        ack = _read_answer(message, raw_ack)
    except NoAnswer as silence:
        return _silence_record(message, worker, str(silence))
    return _answer_record(message, worker, raw_ack, ack)


def messages_hand_over_due(*, worker: str, limit: int = 50) -> int:
    """Send what is due, oldest first; return how many were tried.

    A partner that does not answer is left alone until the next call: the others do not wait behind
    its time-outs.
    """
    due = Message.objects.to_send().claimable().order_by("id").values_list("pk", "partner_id")[:limit]
    silent: set[int] = set()
    tried = 0
    for message_id, partner_id in list(due):
        if partner_id in silent:
            continue
        message = message_hand_over(message_id=message_id, worker=worker)
        tried += 1
        if message.state == MessageState.DEFERRED and not message.ack_code:
            silent.add(partner_id)
    return tried


def _deliver(message: Message) -> bytes:
    partner = message.partner
    if partner.transport == Transport.INTEGRATED:
        return message_receive(partner=partner, raw=bytes(message.raw))
    return _lines.line(_line_settings(partner)).exchange(bytes(message.raw))


def _line_settings(partner: Partner) -> LineSettings:
    if not partner.host or not partner.port:
        raise NoAnswer("Adresse du partenaire non configurée")
    try:
        tls = client_context() if partner.uses_tls else None
    except TlsNotConfigured as error:
        raise NoAnswer(error.message) from error
    return LineSettings(
        host=partner.host,
        port=partner.port,
        connect_timeout=settings.MLLP_CONNECT_TIMEOUT_SECONDS,
        ack_timeout=settings.MLLP_ACK_TIMEOUT_SECONDS,
        max_bytes=settings.MLLP_MAX_FRAME_BYTES,
        tls=tls,
        peer_subject=partner.peer_subject,
    )


def _read_answer(message: Message, raw_ack: bytes) -> Ack:
    """Read the acknowledgement of this very message.

    Raises:
        NoAnswer: it answers another message, or is none; the line is closed, being out of step.
    """
    try:
        ack = parse_ack(raw_ack, default_charset=message.partner.charset)
    except Hl7Error as error:
        _lines.close()
        raise NoAnswer("Réponse illisible") from error
    if ack.acknowledged_id != message.control_id:
        _lines.close()
        raise NoAnswer("Réponse à un autre message")
    return ack


def _answer_record(message: Message, worker: str, raw_ack: bytes, ack: Ack) -> Message:
    if ack.code == AckCode.AR:
        return _silence_record(message, worker, _error_text(ack), ack=raw_ack, ack_code=ack.code)
    state = MessageState.ACKED if ack.code == AckCode.AA else MessageState.REJECTED
    error = "" if ack.code == AckCode.AA else _error_text(ack)
    with transaction.atomic():
        locked = _lock_held(message, worker)
        if locked is None:
            return message
        _update(
            locked,
            state=state,
            ack=raw_ack,
            ack_code=ack.code.value,
            error=error,
            done_at=timezone.now(),
            not_before=None,
            **locked.release(),
        )
        message_settled.send(sender=Message, message=locked)
    return locked


def _silence_record(
    message: Message, worker: str, error: str, *, ack: bytes | None = None, ack_code: str = ""
) -> Message:
    """Plan the next attempt after AR or silence; after 72 h the message is given up."""
    now = timezone.now()
    with transaction.atomic():
        locked = _lock_held(message, worker)
        if locked is None:
            return message
        goes_on = may_retry(created_at=locked.created_at, now=now)
        _update(
            locked,
            state=MessageState.DEFERRED if goes_on else MessageState.REJECTED,
            ack=ack,
            ack_code=ack_code,
            error=error[:_ERROR_SIZE],
            not_before=now + retry_delay(locked.attempts) if goes_on else None,
            done_at=None if goes_on else now,
            **locked.release(),
        )
        event = message_deferred if goes_on else message_settled
        event.send(sender=Message, message=locked)
    return locked


def _lock_held(message: Message, worker: str) -> Message | None:
    """Lock the row if `worker` still holds it: after a lost lease, another one notes the answer."""
    return (
        Message.objects.select_related("partner")
        .defer("raw")
        .select_for_update(of=("self",))
        .filter(pk=message.pk, claimed_by=worker, state=MessageState.SENT, attempts=message.attempts)
        .first()
    )


def _update(message: Message, **changes: Any) -> None:
    for name, value in changes.items():
        setattr(message, name, value)
    message.save(update_fields=list(changes))


def _error_text(ack: Ack) -> str:
    texts = [" ".join(filter(None, (fault.code, fault.location, fault.text))) for fault in ack.faults]
    return " ; ".join(texts)[:_ERROR_SIZE] or ack.text[:_ERROR_SIZE] or f"Réponse {ack.code}"
