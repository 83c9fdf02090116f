"""What comes back about a mail: notices of the operators, of the recipients, and their silence.

Source: spec mssante 1.10 (DSN, MDN, presumption), hl7v2 2.8 (a late failure is appended).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.db import transaction

from interop.mail.codes import BounceReason, DeliveryAction
from interop.mail.reports import DeliveryReport, ReadReport, RecipientStatus
from mssante.enums import MailState
from mssante.models import OutgoingMail
from mssante.rules import TOO_BIG, UNDELIVERED, is_progress
from mssante.selectors import mail_of_recipient, mail_of_report
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
def mail_noted(*, mail: OutgoingMail, at: datetime, kind: str, detail: str = "") -> OutgoingMail:
    """Append what moves nothing: the operator still tries, the recipient deleted or forwarded it."""
    locked = mail_locked(mail)
    append_event(locked, kind=kind, from_state=locked.state, at=at, detail=detail)
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


BOUNCE_WORDS: Final = {
    BounceReason.MAILBOX_CLOSED: "La boîte du destinataire est fermée.",
    BounceReason.PATIENT_UNKNOWN: "Le patient n’a pas de boîte dans Mon espace santé.",
    BounceReason.ADDRESS_INVALID: "Cette adresse n’existe pas.",
    BounceReason.OVERSIZE: "Le courriel est trop volumineux pour la boîte du destinataire.",
}


def report_apply(*, report: DeliveryReport | ReadReport, at: datetime) -> list[OutgoingMail]:
    """Apply a report that came back to the mails that it is about; empty: it is about none of ours.

    Whoever reads the mailboxes calls this; what nobody recognises is for a person (mssante 1.10).
    """
    if isinstance(report, ReadReport):
        mail = mail_of_report(message_id=report.original_message_id)
        return [_read_apply(mail, report, at)] if mail is not None else []
    told = mail_of_report(envelope_id=report.envelope_id, message_id=report.original_message_id)
    applied = []
    for status in report.recipients:
        mail = told or mail_of_recipient(status.original_address or status.address, at=at)
        if mail is not None:
            applied.append(_delivery_apply(mail, report, status, at))
    if told is not None and not report.recipients:  # a bounce in plain words that names nobody
        applied.append(_bounce_apply(told, report, "", "", at))
    return applied


def _read_apply(mail: OutgoingMail, report: ReadReport, at: datetime) -> OutgoingMail:
    detail = f"{report.kind} {report.reader}"
    if report.is_error:
        return mail_not_treated(mail=mail, at=at, code=report.code, text=report.label, detail=detail)
    if report.is_read:
        return mail_read(mail=mail, at=at, detail=detail)
    return mail_noted(mail=mail, at=at, kind=f"mdn_{report.kind}", detail=detail)


def _delivery_apply(
    mail: OutgoingMail, report: DeliveryReport, status: RecipientStatus, at: datetime
) -> OutgoingMail:
    detail = f"{status.action} {status.status} {status.diagnostic}".strip()
    if status.is_success:
        return mail_delivered(mail=mail, at=at, detail=detail)
    if status.action == DeliveryAction.DELAYED:
        return mail_noted(mail=mail, at=at, kind="delayed", detail=detail)
    return _bounce_apply(mail, report, status.reply_code or status.status, detail, at)


def _bounce_apply(
    mail: OutgoingMail, report: DeliveryReport, code: str, detail: str, at: datetime
) -> OutgoingMail:
    code = TOO_BIG if report.reason is BounceReason.OVERSIZE else code or UNDELIVERED
    text = BOUNCE_WORDS.get(report.reason or BounceReason.OTHER, "Le courriel n’a pas pu être remis.")
    return mail_bounced(mail=mail, at=at, code=code, text=text, detail=detail)
