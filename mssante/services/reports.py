"""What comes back about a mail: notices of the operators, of the recipients, and their silence.

Source: spec mssante 1.10 (DSN, MDN, presumption), hl7v2 2.8 (a late failure is appended).
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from mssante.enums import MailState
from mssante.models import OutgoingMail
from mssante.rules import is_progress
from mssante.services.writing import append_event, mail_locked, move

PRESUMED_AT_ONCE = 500


@transaction.atomic
def mail_delivered(*, mail: OutgoingMail, at: datetime, detail: str = "") -> OutgoingMail:
    """A notice says that the mail was delivered, relayed or expanded: it reached its destination.

    Also what ends a doubt: a mail whose outcome was unknown will not leave again.
    """
    locked = mail_locked(mail)
    if locked.is_presumed and locked.state == MailState.DELIVERED:
        locked.is_presumed = False
        locked.save(update_fields=["is_presumed"])
        append_event(locked, kind="delivery_confirmed", from_state=locked.state, at=at, detail=detail)
    elif is_progress(MailState(locked.state), MailState.DELIVERED):
        _succeed(locked, at)
        move(locked, to=MailState.DELIVERED, kind="delivered", at=at, detail=detail)
    return locked


@transaction.atomic
def mail_bounced(*, mail: OutgoingMail, at: datetime, code: str, text: str, detail: str = "") -> OutgoingMail:
    """A notice says that the mail did not arrive. After a success it is appended, not overwritten."""
    locked = mail_locked(mail)
    told = detail or text
    if locked.state in (MailState.TO_SEND, MailState.SENT):
        locked.is_uncertain = False
        locked.error_code, locked.error_text = code[:60], text[:500]
        move(locked, to=MailState.FAILED, kind="bounced", at=at, code=code, detail=told)
    elif not locked.events.filter(kind__in=["bounced", "late_bounce"], code=code[:60]).exists():
        locked.error_code, locked.error_text = code[:60], text[:500]
        locked.save(update_fields=["error_code", "error_text"])
        append_event(locked, kind="late_bounce", from_state=locked.state, at=at, code=code, detail=told)
    return locked


@transaction.atomic
def mail_delayed(*, mail: OutgoingMail, at: datetime, detail: str = "") -> OutgoingMail:
    """The operator still tries (`delayed`): information."""
    locked = mail_locked(mail)
    append_event(locked, kind="delayed", from_state=locked.state, at=at, detail=detail)
    return locked


@transaction.atomic
def mail_read(*, mail: OutgoingMail, at: datetime, detail: str = "") -> OutgoingMail:
    """A notice of the recipient (MDN `displayed` or `processed`): read, or taken in by the software."""
    locked = mail_locked(mail)
    if is_progress(MailState(locked.state), MailState.READ):
        _succeed(locked, at)
        locked.read_at = at
        move(locked, to=MailState.READ, kind="read", at=at, detail=detail)
    return locked


@transaction.atomic
def mail_not_treated(
    *, mail: OutgoingMail, at: datetime, code: str, text: str, detail: str = ""
) -> OutgoingMail:
    """A notice says that the recipient's software could not integrate the document (90x).

    The mail did arrive, and a person may read it: delivered, with the code.
    """
    locked = mail_locked(mail)
    told = detail or text
    arrives = is_progress(MailState(locked.state), MailState.DELIVERED)
    if arrives:
        _succeed(locked, at)
    locked.error_code, locked.error_text = code[:60], text[:500]
    if arrives:
        move(locked, to=MailState.DELIVERED, kind="not_treated", at=at, code=code, detail=told)
    elif not locked.events.filter(kind="not_treated", code=code[:60]).exists():
        locked.save(update_fields=["error_code", "error_text"])
        append_event(locked, kind="not_treated", from_state=locked.state, at=at, code=code, detail=told)
    return locked


@transaction.atomic
def mails_presume_delivered(*, now: datetime) -> int:
    """Mails that the operator took, and about which nothing came in time: delivered by presumption.

    Shown as « remise non confirmée »; counted as a success on that day (stats C10).
    """
    before = now - timedelta(days=settings.MSS_DSN_TIMEOUT)
    silent = (
        OutgoingMail.objects.select_for_update(of=("self",), skip_locked=True)
        .defer("raw")
        .filter(state=MailState.SENT, sent_at__lte=before)
        .order_by("sent_at", "id")[:PRESUMED_AT_ONCE]
    )
    count = 0
    for mail in silent:
        mail.is_presumed = True
        mail.delivered_at = now
        move(mail, to=MailState.DELIVERED, kind="presumed", at=now)
        count += 1
    return count


def _succeed(mail: OutgoingMail, at: datetime) -> None:
    mail.is_uncertain = False
    mail.error_code = mail.error_text = ""
    mail.not_before = None
    mail.sent_at = mail.sent_at or at
    mail.delivered_at = mail.delivered_at or at
