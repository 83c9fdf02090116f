"""How a change of a mail is written: the row under lock, its event, the signal."""

from __future__ import annotations

from datetime import datetime

from django.utils import timezone

from audit.rows import rows_insert
from mssante.enums import MailState
from mssante.events import mail_moved
from mssante.models import MailEvent, OutgoingMail


def mail_locked(mail: OutgoingMail) -> OutgoingMail:
    """The mail under lock, without its bytes, as it is after the lock."""
    return OutgoingMail.objects.select_for_update(of=("self",)).defer("raw").get(pk=mail.pk)


def move(
    mail: OutgoingMail,
    *,
    to: MailState,
    kind: str,
    at: datetime | None = None,
    code: str = "",
    detail: str = "",
) -> None:
    """Change a locked mail, write it with its event, and tell the rooms above. It is free again."""
    from_state = mail.state
    mail.state = to
    mail.attempt_at = None
    mail.claimed_by, mail.claimed_until = "", None
    mail.save()
    append_event(mail, kind=kind, from_state=from_state, at=at, code=code, detail=detail)


def append_event(
    mail: OutgoingMail,
    *,
    kind: str,
    from_state: str,
    at: datetime | None = None,
    code: str = "",
    detail: str = "",
) -> None:
    """Write an event of a mail, moved or not, and tell the rooms above."""
    event = MailEvent(
        mail=mail,
        at=at or timezone.now(),
        kind=kind,
        from_state=from_state,
        to_state=mail.state,
        code=code[:60],
        detail=detail[:500],
    )
    rows_insert(event)
    mail_moved.send(sender=OutgoingMail, mail=mail, event=event)
