"""A mail from its order to the answer of the operator (spec mssante 1.10; design, section 3)."""

from __future__ import annotations

import logging
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Coalesce, Greatest
from django.utils import timezone

from exchange.leases import LEASE
from exchange.models import Message
from mssante.enums import MailAction, MailState
from mssante.models import Mailbox, OutgoingMail
from mssante.rules import address_key
from mssante.services.writing import append_event, mail_locked, move
from national.retries import RETRIES

logger = logging.getLogger(__name__)

# Certificates or mailbox refused: nothing leaves until somebody repairs that.
CONFIGURATION_DELAY = timedelta(minutes=5)
UNAVAILABLE, UNCERTAIN, LEFT_BEHIND = "unavailable", "uncertain", "left_behind"


@dataclass(frozen=True, slots=True)
class Recipient:
    """Who gets a mail; `id` is the RPPS, FINESS or matricule, given back in the acknowledgement."""

    address: str
    label: str = ""
    id: str = ""
    is_patient: bool = False


def mail_create(
    *,
    order: Message,
    job_uid: UUID,
    action: MailAction,
    lineage: str,
    sender: Mailbox,
    recipient: Recipient,
    wants_delivery: bool,
    wants_reading: bool,
) -> OutgoingMail:
    """Write one mail to send, with the identifiers that will leave; in the transaction of the caller."""
    token = f"mss-{uuid.uuid4().hex}"
    mail = OutgoingMail.objects.create(
        order=order,
        job_uid=job_uid,
        action=action,
        lineage=lineage,
        sender=sender.address,
        recipient=recipient.address.strip(),
        recipient_key=address_key(recipient.address),
        recipient_label=recipient.label[:200],
        recipient_id=recipient.id[:40],
        is_to_patient=recipient.is_patient,
        message_id=f"<{token}@{sender.domain}>",
        envelope_id=token,
        wants_delivery=wants_delivery,
        wants_reading=wants_reading,
    )
    append_event(mail, kind="created", from_state="")
    return mail


@transaction.atomic
def mail_attempt(
    *, mail: OutgoingMail, worker: str, raw: bytes = b"", lease: timedelta = LEASE
) -> OutgoingMail | None:
    """Note that a claimed mail is about to leave; None when it must not.

    `raw` is kept at the first attempt. The lease starts again: it must outlast the exchange. A mail
    found with an attempt that nobody ended was left by a worker that died: whether the operator took
    it is unknown, and it waits for the notice that would say so.
    """
    locked = mail_locked(mail)
    if locked.claimed_by != worker or locked.state != MailState.TO_SEND:
        return None
    now = timezone.now()
    if locked.attempt_at is not None:
        _doubt(locked, kind=LEFT_BEHIND, detail="Travail interrompu pendant l’envoi.")
        return None
    kept: dict[str, Any] = {"attempt_at": now, "claimed_until": now + lease}
    if raw and locked.size is None:
        kept |= {"raw": raw, "size": len(raw)}
    OutgoingMail.objects.filter(pk=locked.pk).update(**kept)
    for name, value in kept.items():
        setattr(locked, name, value)
    append_event(locked, kind="attempt", from_state=locked.state)
    return locked


@transaction.atomic
def mail_accepted(*, mail: OutgoingMail, worker: str, reply: str) -> None:
    """The operator took the mail in charge (250 after DATA)."""
    locked = _owned(mail, worker)
    if locked is None:
        return
    locked.is_uncertain = False
    locked.error_code = locked.error_text = ""
    locked.sent_at = timezone.now()
    move(locked, to=MailState.SENT, kind="sent", detail=reply)


@transaction.atomic
def mail_retry_later(
    *, mail: OutgoingMail, worker: str, code: str, text: str, is_uncertain: bool = False
) -> None:
    """No answer or a passing refusal (4xx): wait by the schedule, and fail after its end.

    An unknown outcome waits for the delivery notice first: the mail leaves again, under the same
    Message-ID, only when none came (spec mssante 1.10).
    """
    locked = _owned(mail, worker)
    if locked is None:
        return
    locked.error_code, locked.error_text = code[:60], text[:500]
    # Tries that ended: a worker that was killed is no reason to give up sooner.
    ended = locked.events.filter(kind__in=[UNAVAILABLE, UNCERTAIN]).count()
    if ended >= len(RETRIES):
        move(locked, to=MailState.FAILED, kind="retries_ended", code=code, detail=text)
    elif is_uncertain:
        _doubt(locked, kind=UNCERTAIN, code=code, detail=text)
    else:
        locked.not_before = timezone.now() + RETRIES[ended]
        move(locked, to=MailState.TO_SEND, kind=UNAVAILABLE, code=code, detail=text)


@transaction.atomic
def mail_fail(*, mail: OutgoingMail, worker: str, code: str, text: str, kind: str = "rejected") -> None:
    """The mail cannot leave: refused for good (5xx), too big, or impossible to build."""
    locked = _owned(mail, worker)
    if locked is None:
        return
    locked.error_code, locked.error_text = code[:60], text[:500]
    move(locked, to=MailState.FAILED, kind=kind, code=code, detail=text)


@transaction.atomic
def mail_withdraw(*, mail: OutgoingMail, code: str, text: str, kind: str) -> bool:
    """End a mail that has not left and that nobody is sending now; whether it was ended.

    One whose outcome is unknown may have arrived: it is left to who asks before sending it again.
    """
    locked = mail_locked(mail)
    if locked.state != MailState.TO_SEND or locked.attempt_at is not None or locked.is_uncertain:
        return False
    locked.error_code, locked.error_text = code[:60], text[:500]
    move(locked, to=MailState.FAILED, kind=kind, code=code, detail=text)
    return True


@transaction.atomic
def mail_postpone(*, mail: OutgoingMail, until: datetime) -> None:
    """Give a claimed mail back untouched: an older one of the same document must leave first."""
    OutgoingMail.objects.filter(pk=mail.pk, claimed_by=mail.claimed_by).update(
        claimed_by="", claimed_until=None, not_before=until, attempts=max(mail.attempts - 1, 0)
    )


@transaction.atomic
def mails_pause(*, mail: OutgoingMail, worker: str, code: str, text: str) -> None:
    """The structure itself is refused, or nothing is configured: every mail waits, and none ends.

    The refused one waits a little longer, so that after the pause another one tries first. The log
    line is the alert of the administrator.
    """
    locked = _owned(mail, worker)
    if locked is None:
        return
    until = timezone.now() + CONFIGURATION_DELAY
    locked.error_code, locked.error_text = code[:60], text[:500]
    locked.not_before = until + RETRIES[0]
    move(locked, to=MailState.TO_SEND, kind="configuration", code=code, detail=text)
    others = OutgoingMail.objects.filter(state=MailState.TO_SEND).exclude(pk=locked.pk)
    others.update(not_before=Greatest(Coalesce("not_before", until), until))
    logger.error("mssante.channel.configuration", extra={"code": code})


def _doubt(mail: OutgoingMail, *, kind: str, code: str = "", detail: str = "") -> None:
    mail.is_uncertain = True
    mail.not_before = timezone.now() + timedelta(seconds=settings.MSS_DOUBT_SECONDS)
    move(mail, to=MailState.TO_SEND, kind=kind, code=code, detail=detail)


def _owned(mail: OutgoingMail, worker: str) -> OutgoingMail | None:
    """The mail if this worker still holds it: a lost lease must write nothing."""
    locked = mail_locked(mail)
    return locked if locked.claimed_by == worker and locked.state == MailState.TO_SEND else None
